/* SPDX-License-Identifier: MIT */
/* The virtual back end: CPUs that are shared, threads from outside, marks, repetition, reports. */
#include "virtual_fixture.h"

#include <pthread.h>

static uint32_t word, gate;

static int setup(void **state)
{
	(void)state;
	cheap_figures();
	word = gate = 0;
	return 0;
}

/* Sharing a CPU */

/* Steps of 10 ns up to n; says when it got the CPU and when it was through. */
static void run_in_slices(void *arg)
{
	const struct actor *a = arg;
	uint64_t last = now();

	jot(a->name);
	for (uint64_t done = 0; done < a->n; done += 10) {
		if (now() != last)
			jot(a->name);
		work(10);
		last = now();
		point();
	}
	jot((char)(a->name - 'a' + 'A'));
}

static void slices(void **state)
{
	static const struct {
		char what;
		unsigned ns;
	} want[] = { { 'a', 0 },   { 'b', 110 }, { 'c', 220 }, { 'a', 330 },
		     { 'b', 440 }, { 'c', 550 }, { 'a', 660 }, { 'A', 710 },
		     { 'b', 720 }, { 'B', 770 }, { 'c', 780 }, { 'C', 830 } };
	struct actor a[3];

	(void)state;
	figure[MMSIM_FIG_SLICE] = 100 * NS;
	figure[MMSIM_FIG_SWITCH] = 10 * NS;
	virtual_open(2);
	for (unsigned i = 0; i < 3; i++) {
		a[i].n = 250;
		start_on(&a[i], (char)('a' + i), 1, run_in_slices);
	}
	for (unsigned i = 0; i < 3; i++)
		join(&a[i]);
	assert_int_equal(nr_notes, 12);
	for (unsigned i = 0; i < 12; i++)
		assert_note(i, want[i].what, want[i].ns);
	env_close(&e);
}

/* Alone there is nobody to give way to. */
static void no_slices_alone(void **state)
{
	struct actor a = { .n = 1000 };

	(void)state;
	figure[MMSIM_FIG_SLICE] = 100 * NS;
	virtual_open(2);
	start_on(&a, 'a', 1, run_in_slices);
	join(&a);
	assert_int_equal(nr_notes, 2);
	assert_note(1, 'A', 1000);
	env_close(&e);
}

static struct mm_line line;

static void hold_a_lock(void *arg)
{
	const struct actor *a = arg;

	mm_exec_charge(e.x, MM_CHARGE_LOCK, &line, 1);
	for (int i = 0; i < 25; i++) {
		work(10);
		point();
	}
	jot('h');
	mm_exec_charge(e.x, MM_CHARGE_UNLOCK, &line, 1);
	for (uint64_t i = 0; i < a->n; i += 10) {
		work(10);
		point();
	}
	jot('H');
}

/* V4: 250 ns in one stretch; then it soon makes way. */
static void holders_stay(void **state)
{
	struct actor a = { .n = 500 }, b = { .n = 20 };

	(void)state;
	figure[MMSIM_FIG_SLICE] = 100 * NS;
	virtual_open(2);
	line = (struct mm_line){ 0 };
	start_on(&a, 'h', 1, hold_a_lock);
	start_on(&b, 'b', 1, run_in_slices);
	join(&a);
	join(&b);
	assert_note(0, 'h', 250);
	assert_int_equal(notes[1].what, 'b');
	assert_in_range(notes[1].ns, 250, 275);
	assert_note(2, 'B', notes[1].ns + 20);
	assert_note(3, 'H', 250 + 500 + 20 + 1 + 1); /* two switches, 1 ns at the least */
	env_close(&e);
}

static void take_turns(void *arg)
{
	const struct actor *a = arg;

	for (uint64_t i = 0; i < a->n; i++) {
		jot(a->name);
		work(5);
		yield();
	}
}

static void yields(void **state)
{
	struct actor a = { .n = 3 }, b = { .n = 3 };

	(void)state;
	figure[MMSIM_FIG_SWITCH] = 10 * NS;
	virtual_open(2);
	yield(); /* alone: time passes */
	assert_int_equal(now(), 10);
	start_on(&a, 'a', 1, take_turns);
	start_on(&b, 'b', 1, take_turns);
	join(&a);
	join(&b);
	for (unsigned i = 0; i < 6; i++)
		assert_note(i, i % 2 ? 'b' : 'a', 10 + 15 * i);
	env_close(&e);
}

static void poll(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&word, __ATOMIC_ACQUIRE))
		yield();
	jot('p');
}

static void set(void *arg)
{
	work(((struct actor *)arg)->n);
	point();
	__atomic_store_n(&word, 1, __ATOMIC_RELEASE);
	jot('s');
}

/* Though a switch costs nothing: or those who poll would do so at one and the same time for ever. */
static void polling_ends(void **state)
{
	struct actor a[4] = { [3] = { .n = 2000 } };

	(void)state;
	for (unsigned cpus = 2; cpus <= 4; cpus += 2) {
		virtual_open(cpus);
		word = 0;
		for (unsigned i = 0; i < 4; i++)
			start_on(&a[i], 'p', cpus == 2 ? i / 2 : i, i == 3 ? set : poll);
		for (unsigned i = 0; i < 4; i++)
			join(&a[i]);
		assert_note(0, 's', notes[0].ns);
		assert_in_range(notes[0].ns, 2000, 5000);
		assert_int_equal(nr_notes, 4);
		env_close(&e);
	}
}

static void hold_and_poll(void *arg)
{
	mm_exec_charge(e.x, MM_CHARGE_LOCK, &line, 1);
	poll(arg);
	mm_exec_charge(e.x, MM_CHARGE_UNLOCK, &line, 1);
}

/* A mutex may be held across a yield: who is waited for may want this very CPU. */
static void holders_may_yield(void **state)
{
	struct actor a, b = { .n = 100 };

	(void)state;
	virtual_open(2);
	line = (struct mm_line){ 0 };
	start_on(&a, 'a', 1, hold_and_poll);
	start_on(&b, 'b', 1, set);
	join(&a);
	join(&b);
	assert_int_equal(notes[0].what, 's');
	assert_int_equal(notes[1].what, 'p');
	env_close(&e);
}

static void hold_asleep(void *arg)
{
	(void)arg;
	__atomic_store_n(&word, 1, __ATOMIC_RELEASE);
	mm_exec_park(e.x, &gate, 0, MM_NEVER);
	jot('h');
	__atomic_store_n(&word, 0, __ATOMIC_RELEASE);
	mm_exec_unpark(e.x, &word, 1);
}

static void spin(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&word, __ATOMIC_ACQUIRE))
		e.x->ops->relax(e.x, &word, 1, 0);
	jot('s');
}

/* V5: who spins gives way at the end of his slice to who may hold what he waits for. */
static void spinners_give_way(void **state)
{
	struct actor a, b;

	(void)state;
	figure[MMSIM_FIG_SLICE] = 1000 * NS;
	virtual_open(2);
	start_on(&a, 'a', 1, hold_asleep);
	start_on(&b, 'b', 1, spin);
	work(300);
	point();
	gate = 1;
	mm_exec_unpark(e.x, &gate, 1); /* at 300; b spins since 1 */
	join(&a);
	join(&b);
	assert_note(0, 'h', 1001 + 1);
	assert_note(1, 's', 1002 + 1);
	env_close(&e);
}

/* Threads from outside */

static void note_end_of_work(void *arg)
{
	const struct actor *a = arg;

	work(a->n);
	point();
	jot(a->name);
}

struct visit {
	uint64_t before, after;
	unsigned cpu;
};

static void *visit(void *arg)
{
	struct visit *v = arg;
	struct mm_task guest;

	mm_exec_attach(e.x, &guest);
	v->before = now();
	v->cpu = guest.cpu;
	work(10);
	v->after = now();
	mm_exec_detach(e.x, &guest);
	return NULL;
}

static void visit_from_a_thread(struct visit *v)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, visit, v), 0);
	pthread_join(thread, NULL);
}

/* One after the other, so that time goes on, whichever CPU they get. */
static void time_goes_on_outside(void **state)
{
	struct actor a = { .n = 35 };
	struct mm_task guest;
	struct visit v[8];

	(void)state;
	virtual_create(2, NULL);
	for (int i = 0; i < 4; i++)
		visit_from_a_thread(&v[i]);
	mm_exec_attach(e.x, &guest);
	start_on(&a, 'a', 0, note_end_of_work);
	mm_exec_detach(e.x, &guest);
	for (int i = 4; i < 8; i++)
		visit_from_a_thread(&v[i]); /* a is on CPU 0 and gets no turn: nobody waits */
	for (int i = 0; i < 8; i++) {
		assert_int_equal(v[i].cpu, i / 4);
		assert_int_equal(v[i].before, 10 * i);
		assert_int_equal(v[i].after, 10 * i + 10);
	}
	mm_exec_attach(e.x, &guest);
	join(&a);
	assert_note(0, 'a', 40 + 1 + 35); /* from the guest to a: a switch */
	mm_exec_detach(e.x, &guest);
	env_destroy(&e);
}

/* All CPUs are busy: one waits for CPU 0, and time has not gone back by then. */
static void guests_wait_for_a_cpu(void **state)
{
	struct actor a = { .n = 35 }, b = { .n = 400 };
	struct mm_task guest;
	struct visit v[3];

	(void)state;
	virtual_create(2, NULL);
	visit_from_a_thread(&v[0]);
	mm_exec_attach(e.x, &guest);
	start_on(&a, 'a', 0, note_end_of_work); /* ready behind the guest, at 10 */
	start_on(&b, 'b', 1, note_end_of_work);
	work(100);
	mm_exec_detach(e.x, &guest); /* at 110 */
	visit_from_a_thread(&v[1]); /* after a */
	visit_from_a_thread(&v[2]);
	assert_note(0, 'a', 110 + 1 + 35);
	assert_int_equal(v[1].cpu, 0);
	assert_int_equal(v[1].before, 146 + 1);
	assert_int_equal(v[2].before, 157);
	mm_exec_attach(e.x, &guest);
	join(&a);
	join(&b);
	mm_exec_detach(e.x, &guest);
	env_destroy(&e);
}

/* CPU 0 is busy and far behind: the guest that waits for it knows of a later time. */
static void late_guests_see_late_times(void **state)
{
	struct actor a = { .n = 35 }, b = { .n = 400 };
	struct mm_task guest;
	struct visit v;

	(void)state;
	virtual_create(2, NULL);
	mm_exec_attach(e.x, &guest);
	start_on(&a, 'a', 0, note_end_of_work);
	mm_exec_detach(e.x, &guest); /* a is on CPU 0, at 1 */
	mm_exec_attach(e.x, &guest);
	assert_int_equal(guest.cpu, 1);
	work(100);
	start_on(&b, 'b', 1, note_end_of_work);
	mm_exec_detach(e.x, &guest); /* at 100; b is on CPU 1 */
	visit_from_a_thread(&v);
	assert_note(0, 'a', 1 + 35);
	assert_int_equal(v.cpu, 0);
	assert_int_equal(v.before, 100);
	mm_exec_attach(e.x, &guest);
	join(&a);
	join(&b);
	mm_exec_detach(e.x, &guest);
	env_destroy(&e);
}

/* Several at once from threads of their own: the door lets in one at a time. */
static void *visit_often(void *arg)
{
	struct visit *v = arg;
	uint64_t last = 0;

	for (int i = 0; i < 200; i++) {
		visit(v);
		v->cpu = v->before < last ? 99 : v->cpu;
		last = v->after;
		if (v->cpu == 99)
			break;
	}
	return NULL;
}

static void threads_at_once(void **state)
{
	pthread_t thread[3];
	struct visit v[3];

	(void)state;
	virtual_create(2, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, visit_often, &v[i]), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(v[i].cpu, 0);
	}
	visit_from_a_thread(&v[0]);
	assert_int_equal(v[0].before, 3 * 200 * 10);
	env_destroy(&e);
}

/* Everything at once */

static void mixed(void *arg)
{
	const struct actor *a = arg;

	for (uint64_t i = 0; i < a->n; i++) {
		uint64_t dice = mm_rng_below(&mm_task_current()->rng, 8);

		work(100 * dice);
		jot(a->name);
		if (dice == 1)
			mm_exec_sleep_until(e.x, now() + 5000);
		else if (dice == 2)
			yield();
		else if (dice == 3)
			mm_exec_charge(e.x, MM_CHARGE_STREAM, notes, 100000);
		else if (dice == 4)
			mm_exec_unpark(e.x, &word, 1);
		else if (dice == 5)
			mm_exec_park(e.x, &word, 0, now() + 2000);
		else
			point();
	}
}

struct marks {
	uint64_t nr, last[4];
	unsigned running[4]; /* the task, 0: none */
	unsigned wrong;
};

/* RUN and STOP of the same task take turns on each CPU, and its time does not go back. */
static void check_mark(void *ctx, const struct mmsim_mark *m)
{
	struct marks *marks = ctx;

	marks->nr++;
	marks->wrong += m->ns < marks->last[m->cpu];
	marks->last[m->cpu] = m->ns;
	if (m->kind == MMSIM_MARK_RUN) {
		marks->wrong += marks->running[m->cpu] != 0;
		marks->running[m->cpu] = m->task;
	} else if (m->kind == MMSIM_MARK_STOP) {
		marks->wrong += marks->running[m->cpu] != m->task;
		marks->running[m->cpu] = 0;
	}
}

static uint64_t run_mixed(size_t noise, struct marks *marks)
{
	void *block = malloc(noise);
	struct actor *a = calloc(12, sizeof(*a));
	uint64_t hash = 1;

	memcpy(figure, test_figures, sizeof(figure));
	virtual_create(4, NULL);
	if (marks) {
		*marks = (struct marks){ 0 };
		e.x->mark = check_mark;
		e.x->mark_ctx = marks;
	}
	assert_true(mm_exec_attach(e.x, &e.guest));
	assert_non_null(a);
	for (unsigned i = 0; i < 12; i++) {
		a[i].n = 150;
		start_on(&a[i], (char)('a' + i), i % 4, mixed);
	}
	for (unsigned i = 0; i < 12; i++)
		join(&a[i]);
	assert_int_equal(nr_notes, 12 * 150);
	for (unsigned i = 0; i < nr_notes; i++)
		hash = mm_rng_mix(hash ^ notes[i].ns << 16 ^ (uint64_t)notes[i].what << 8 ^
				  notes[i].cpu);
	hash = mm_rng_mix(hash ^ e.x->nr_switches ^ e.x->nr_events << 32);
	env_close(&e);
	free(a);
	free(block);
	return hash;
}

static void runs_are_the_same(void **state)
{
	uint64_t first = run_mixed(1, NULL);
	struct marks marks;

	(void)state;
	assert_int_equal(run_mixed(1, NULL), first);
	assert_int_equal(run_mixed(77777, NULL), first);
	assert_int_equal(run_mixed(1 << 20, NULL), first);
	/* Nor does it matter whether somebody draws it. */
	assert_int_equal(run_mixed(1, &marks), first);
	assert_int_equal(marks.wrong, 0);
	assert_true(marks.nr > 1000);
	for (int i = 0; i < 4; i++)
		assert_int_equal(marks.running[i], 0);
}

static void wait_for_ever(void *arg)
{
	(void)arg;
	mm_exec_park(e.x, &gate, gate, MM_NEVER);
}

static void deadlock(void)
{
	struct actor a;

	cheap_figures();
	virtual_open(2);
	start_on(&a, 'a', 1, wait_for_ever);
	join(&a);
}

/* A spinner's CPU is busy, and still it waits as any other. */
static void deadlock_of_spinners(void)
{
	struct actor a, b;

	cheap_figures();
	virtual_open(3);
	word = 1;
	start_on(&a, 'a', 1, spin);
	start_on(&b, 'b', 2, wait_for_ever);
	join(&a);
}

static void deadlocks_are_reported(void **state)
{
	(void)state;
	assert_true(dies_with(deadlock, "broken: deadlock"));
	assert_true(dies_with(deadlock, "task 1 on cpu 0 waits for the end of a task"));
	assert_true(dies_with(deadlock, "task 2 on cpu 1 waits for a word (word is 0)"));
	assert_true(
		dies_with(deadlock_of_spinners, "task 2 on cpu 1 waits for a word (word is 1)"));
	assert_true(dies_with(deadlock_of_spinners, "task 3 on cpu 2 waits for a word"));
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(slices),
		T(no_slices_alone),
		T(holders_stay),
		T(yields),
		T(polling_ends),
		T(holders_may_yield),
		T(spinners_give_way),
		T(time_goes_on_outside),
		T(guests_wait_for_a_cpu),
		T(late_guests_see_late_times),
		T(threads_at_once),
		T(runs_are_the_same),
		T(deadlocks_are_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
