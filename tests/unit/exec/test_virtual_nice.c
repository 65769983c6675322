/* SPDX-License-Identifier: MIT */
/* The virtual back end: priorities, V7. The slice of nice 0 is 1024 us, so that of 19 is 15 us. */
#include "virtual_fixture.h"

#define HIGH_SLICE 1024000 /* ns */
#define LOW_SLICE 15000
#define STEP 100

static uint32_t word, gate;
static uint64_t end;

static int setup(void **state)
{
	(void)state;
	cheap_figures();
	figure[MMSIM_FIG_SLICE] = HIGH_SLICE * NS;
	word = gate = 0;
	return 0;
}

/* A task with a priority that it gives itself. */
struct worker {
	struct actor a;
	int nice;
	uint64_t done;
};

static void start_worker(struct worker *w, char name, int nice, void (*fn)(void *arg))
{
	w->nice = nice;
	w->done = 0;
	start_on(&w->a, name, 1, fn);
}

static void set_nice(struct worker *w, int nice)
{
	mm_exec_set_nice(e.x, &w->a.task, nice);
}

static void busy(void *arg)
{
	struct worker *w = arg;

	set_nice(w, w->nice);
	while (now() < end) {
		work(STEP);
		w->done += STEP;
		point();
	}
	jot(w->a.name);
}

/* Shares */

static void assert_about(uint64_t is, uint64_t want, uint64_t by)
{
	assert_in_range(is, want - by, want + by);
}

static void shares(void **state)
{
	struct worker high, low;

	(void)state;
	end = 100 * (HIGH_SLICE + LOW_SLICE);
	virtual_open(2);
	start_worker(&high, 'h', 0, busy);
	start_worker(&low, 'l', MM_NICE_LOWEST, busy);
	join(&high.a);
	join(&low.a);
	assert_about(high.done, 100 * HIGH_SLICE, 2 * LOW_SLICE);
	assert_about(low.done, 100 * LOW_SLICE, 2 * LOW_SLICE);
	env_close(&e);
}

static void shares_of_three(void **state)
{
	static const int nice[] = { -5, 0, 5 }, weight[] = { 3125, 1024, 336 };
	struct worker w[3];

	(void)state;
	end = UINT64_C(100) * 1000 * (3125 + 1024 + 336);
	virtual_open(2);
	for (unsigned i = 0; i < 3; i++)
		start_worker(&w[i], 'w', nice[i], busy);
	for (unsigned i = 0; i < 3; i++) {
		join(&w[i].a);
		assert_about(w[i].done, UINT64_C(100000) * (unsigned)weight[i], 3 * HIGH_SLICE);
	}
	env_close(&e);
}

#define BULK 7000000 /* ns: several slices in one charge */

static void busy_in_bulk(void *arg)
{
	struct worker *w = arg;

	set_nice(w, w->nice);
	while (now() < end) {
		mm_exec_charge(e.x, MM_CHARGE_WORK, NULL, BULK);
		w->done += BULK;
		point();
	}
}

/* Work that is charged in one go is cut where the slices end. */
static void shares_of_bulk(void **state)
{
	struct worker high, low;

	(void)state;
	end = 1000 * (HIGH_SLICE + LOW_SLICE);
	virtual_open(2);
	start_worker(&high, 'h', 0, busy_in_bulk);
	start_worker(&low, 'l', MM_NICE_LOWEST, busy_in_bulk);
	join(&high.a);
	assert_about(now(), end, 2 * BULK);
	join(&low.a);
	assert_about(high.done, UINT64_C(1000) * HIGH_SLICE, 2 * BULK);
	assert_about(low.done, UINT64_C(1000) * LOW_SLICE, BULK);
	env_close(&e);
}

static void busy_in_pieces(void *arg)
{
	struct worker *w = arg;

	set_nice(w, w->nice);
	while (now() < end) {
		mm_exec_charge(e.x, MM_CHARGE_WORK, NULL, w->a.step);
		w->done += w->a.step;
		point();
	}
}

/* Though others come up all the time: their events make the pieces small, not the slices longer. */
static void shares_beside_a_busy_cpu(void **state)
{
	struct worker high = { .a.step = 7000 }, low = { .a.step = 7000 };

	(void)state;
	end = 200 * (HIGH_SLICE + LOW_SLICE);
	virtual_open(2);
	start_worker(&high, 'h', 0, busy_in_pieces);
	start_worker(&low, 'l', MM_NICE_LOWEST, busy_in_pieces);
	while (now() < end) {
		work(700);
		point();
	}
	join(&high.a);
	join(&low.a);
	assert_about(low.done, 200 * LOW_SLICE, 2 * low.a.step);
	env_close(&e);
}

/* As much as one may say at once: it ends, and time has not stopped. */
static void work_without_end(void **state)
{
	struct worker low;

	(void)state;
	end = 1;
	virtual_open(2);
	start_worker(&low, 'l', MM_NICE_LOWEST, busy_in_bulk);
	mm_exec_charge(e.x, MM_CHARGE_WORK, NULL, 1);
	join(&low.a);
	mm_exec_charge(e.x, MM_CHARGE_WORK, NULL, UINT64_C(1) << 53);
	assert_in_range(now(), UINT64_C(1) << 53, (UINT64_C(1) << 53) + 2 * BULK);
	env_close(&e);
}

/* Two of the same low priority: half each. */
static void equals_share_equally(void **state)
{
	struct worker w[2];

	(void)state;
	end = 1000 * LOW_SLICE;
	virtual_open(2);
	for (unsigned i = 0; i < 2; i++)
		start_worker(&w[i], 'w', MM_NICE_LOWEST, busy);
	for (unsigned i = 0; i < 2; i++)
		join(&w[i].a);
	assert_about(w[0].done, w[1].done, 2 * LOW_SLICE);
	env_close(&e);
}

/* Taking turns at nice 0, whatever it was before: as if nobody had ever heard of priorities. */
static void back_at_nice_0(void **state)
{
	struct worker w[2];

	(void)state;
	end = 3 * HIGH_SLICE;
	virtual_open(2);
	for (unsigned i = 0; i < 2; i++) {
		start_worker(&w[i], (char)('a' + i), 0, busy);
		set_nice(&w[i], 9);
		set_nice(&w[i], 0);
	}
	for (unsigned i = 0; i < 2; i++)
		join(&w[i].a);
	assert_int_equal(w[0].done / STEP, (2 * HIGH_SLICE - 2) / STEP + 1);
	assert_int_equal(w[1].done / STEP, HIGH_SLICE / STEP);
	env_close(&e);
}

/* Wake-up preemption */

static void end_spinning(void)
{
	__atomic_store_n(&word, 1, __ATOMIC_RELEASE);
	mm_exec_unpark(e.x, &word, UINT32_MAX);
}

static void sleep_then_jot(void *arg)
{
	struct worker *w = arg;

	set_nice(w, w->nice);
	while (!__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
		mm_exec_park(e.x, &gate, 0, MM_NEVER);
	jot(w->a.name);
	end_spinning();
}

static void jot_name(void *arg)
{
	struct actor *a = arg;

	jot(a->name);
}

static void open_gate_at(uint64_t ns)
{
	work(ns - now());
	point();
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	mm_exec_unpark(e.x, &gate, UINT32_MAX);
}

/* `s` sleeps on CPU 1, the others are busy there. Returns when it ran after it was woken at `at`. */
static uint64_t runs_at(int sleeper, int nice, unsigned others, uint64_t at, void (*fn)(void *arg))
{
	struct worker s, w[3];
	uint64_t ran = 0;

	word = gate = 0;
	end = 4 * HIGH_SLICE;
	virtual_open(2);
	start_worker(&s, 's', sleeper, sleep_then_jot);
	work(10);
	point();
	for (unsigned i = 0; i < others; i++)
		start_worker(&w[i], 'w', nice, fn);
	open_gate_at(at);
	join(&s.a);
	for (unsigned i = 0; i < others; i++)
		join(&w[i].a);
	for (unsigned i = 0; i < nr_notes; i++)
		ran = notes[i].what == 's' ? notes[i].ns : ran;
	env_close(&e);
	return ran;
}

static void wakers_preempt(void **state)
{
	const uint64_t slice_of_1 = 819000;

	(void)state;
	/* A step that has begun, one up to where it is seen; a switch is 1 ns. */
	assert_in_range(runs_at(0, MM_NICE_LOWEST, 1, 5000, busy), 5000, 5000 + 2 * STEP + 1);
	assert_in_range(runs_at(4, 5, 1, 5000, busy), 5000, 5000 + 2 * STEP + 1);
	/* Neither an equal nor a lower one does so. */
	assert_true(runs_at(0, 0, 1, 5000, busy) >= HIGH_SLICE);
	assert_true(runs_at(2, 1, 1, 5000, busy) >= slice_of_1);
}

/* A kworker that has slept goes before its equal, in its slice; one that is new does not. */
static uint64_t kworker_runs_at(bool warm, int nice)
{
	struct mm_cpumask on = mm_cpumask_of(1);
	struct actor kworker = { .name = 'k' };
	struct worker w;
	uint64_t ran = 0;

	end = 4 * HIGH_SLICE;
	virtual_open(2);
	start_worker(&w, 'w', nice, busy);
	work(5000);
	point();
	assert_int_equal((warm ? mm_exec_spawn_warm : mm_exec_spawn)(e.x, &kworker.task, &on,
								     jot_name, &kworker),
			 0);
	join(&kworker);
	join(&w.a);
	for (unsigned i = 0; i < nr_notes; i++)
		ran = notes[i].what == 'k' ? notes[i].ns : ran;
	env_close(&e);
	return ran;
}

static void kworkers_preempt(void **state)
{
	(void)state;
	assert_in_range(kworker_runs_at(true, 0), 5000, 5000 + 2 * STEP + 1);
	assert_true(kworker_runs_at(false, 0) >= HIGH_SLICE);
	assert_true(kworker_runs_at(true, -1) >= HIGH_SLICE); /* it is no equal */
}

/* Before the others that wait, who came first. */
static void wakers_go_first(void **state)
{
	(void)state;
	assert_in_range(runs_at(0, MM_NICE_LOWEST, 3, 5000, busy), 5000, 5000 + 2 * STEP + 1);
	assert_in_range(runs_at(0, MM_NICE_LOWEST, 3, 31000, busy), 31000, 31000 + 2 * STEP + 1);
}

/* Two that wake at the same time: in their order, both before who was there. */
static void wakers_in_order(void **state)
{
	struct worker s[2], low;

	(void)state;
	end = 2 * HIGH_SLICE;
	virtual_open(2);
	for (unsigned i = 0; i < 2; i++)
		start_worker(&s[i], (char)('a' + i), 0, sleep_then_jot);
	work(10);
	point();
	start_worker(&low, 'l', MM_NICE_LOWEST, busy);
	open_gate_at(5000);
	for (unsigned i = 0; i < 2; i++)
		join(&s[i].a);
	assert_int_equal(notes[0].what, 'a');
	assert_note(1, 'b', notes[0].ns + 1);
	assert_in_range(notes[0].ns, 5000, 5000 + 2 * STEP + 1);
	join(&low.a);
	env_close(&e);
}

/* In the middle of what was charged in one go; looked at eight times in a slice. */
static void wakers_cut_work(void **state)
{
	(void)state;
	assert_in_range(runs_at(0, MM_NICE_LOWEST, 1, 500000, busy_in_bulk), 500000,
			500000 + 2 * (LOW_SLICE / 8 + 1) + 1);
}

static void hold_a_lock(void *arg)
{
	static struct mm_line line;
	struct worker *w = arg;

	set_nice(w, w->nice);
	mm_exec_charge(e.x, MM_CHARGE_LOCK, &line, 1);
	while (now() < 20000) {
		work(STEP);
		point();
	}
	mm_exec_charge(e.x, MM_CHARGE_UNLOCK, &line, 1);
	busy(arg);
}

/* V4 */
static void holders_finish_first(void **state)
{
	(void)state;
	assert_in_range(runs_at(0, MM_NICE_LOWEST, 1, 5000, hold_a_lock), 20000,
			20000 + 2 * STEP + 1);
}

static void spin(void *arg)
{
	struct worker *w = arg;

	set_nice(w, w->nice);
	while (!__atomic_load_n(&word, __ATOMIC_ACQUIRE))
		e.x->ops->relax(e.x, &word, 0, 0);
	jot(w->a.name);
}

/* V5: who spins makes way at once for one of a lower nice value, else when his slice is over. */
static void spinners_make_way(void **state)
{
	(void)state;
	assert_in_range(runs_at(0, MM_NICE_LOWEST, 1, 5000, spin), 5000, 5001);
	assert_in_range(runs_at(0, 1, 1, 5000, spin), 5000, 5001);
	assert_in_range(runs_at(1, 1, 1, 5000, spin), 819000, 819000 + 100);
}

/* It has a limit already, the end of its slice, as an equal waits. */
static void limited_spinners_make_way(void **state)
{
	(void)state;
	assert_in_range(runs_at(0, 1, 2, 5000, spin), 5000, 5002);
}

/* A time that comes wakes as a task does; this is the guest, on the only CPU. */
static void timers_preempt(void **state)
{
	struct worker low;

	(void)state;
	end = 50 * LOW_SLICE;
	virtual_open(1);
	low.nice = MM_NICE_LOWEST;
	start_on(&low.a, 'l', 0, busy);
	mm_exec_sleep_until(e.x, 7000);
	assert_in_range(now(), 7000, 7000 + 2 * STEP + 1);
	mm_exec_sleep_until(e.x, 2 * LOW_SLICE);
	assert_in_range(now(), 2 * LOW_SLICE, 2 * LOW_SLICE + 2 * STEP + 1);
	join(&low.a);
	env_close(&e);
}

/* Changing it from outside */

static void busy_until_done(void *arg)
{
	struct worker *w = arg;

	while (w->done < w->a.n) {
		work(STEP);
		w->done += STEP;
		point();
	}
	jot(w->a.name);
}

/* A helper of 1 ms of work beside a task of nice 0: when is it done? raised at 5 us, or not. */
static uint64_t helped(bool lend)
{
	struct worker high, low = { .a.n = 1000000 };

	end = 100 * HIGH_SLICE;
	virtual_open(2);
	start_worker(&high, 'h', 0, busy);
	start_worker(&low, 'l', 0, busy_until_done);
	set_nice(&low, MM_NICE_LOWEST);
	work(5000);
	point();
	if (lend)
		set_nice(&low, 0);
	join(&low.a);
	join(&high.a);
	assert_int_equal(notes[0].what, 'l');
	env_close(&e);
	return notes[0].ns;
}

static void lending(void **state)
{
	(void)state;
	assert_in_range(helped(true), HIGH_SLICE + 1000000, HIGH_SLICE + 1000000 + STEP + 2);
	/* 66 whole slices and one of 10 us, each after one of the other's. */
	assert_in_range(helped(false), 67 * HIGH_SLICE + 1000000,
			67 * HIGH_SLICE + 1000000 + 2 * 67 * STEP);
}

/* On its CPU: a slice that got shorter ends now; one that got longer goes on. */
static void running_ones(void **state)
{
	struct worker a = { .a.n = 3 * HIGH_SLICE }, b = { .a.n = STEP };

	(void)state;
	for (int nice = -1; nice <= MM_NICE_LOWEST; nice += MM_NICE_LOWEST + 1) {
		virtual_open(2);
		a.done = b.done = 0;
		start_on(&a.a, 'a', 1, busy_until_done);
		start_on(&b.a, 'b', 1, busy_until_done);
		work(100000);
		point();
		set_nice(&a, nice);
		join(&a.a);
		join(&b.a);
		assert_int_equal(notes[0].what, 'b');
		if (nice < 0)
			assert_in_range(notes[0].ns, 1280000, 1280000 + 3 * STEP);
		else
			assert_in_range(notes[0].ns, 100000, 100000 + 3 * STEP);
		env_close(&e);
	}
}

/* The same of one that spins; nobody runs before the time of the change. */
static void spinning_ones(void **state)
{
	struct worker s = { .nice = 0 }, b = { .a.n = STEP };

	(void)state;
	virtual_open(2);
	start_on(&s.a, 's', 1, spin);
	start_on(&b.a, 'b', 1, busy_until_done);
	work(100000);
	point();
	set_nice(&s, MM_NICE_LOWEST);
	join(&b.a);
	assert_note(0, 'b', 100000 + 1 + STEP);
	end_spinning();
	join(&s.a);
	env_close(&e);
}

/* Alone on its CPU, so with no limit: that comes with whoever wants the CPU. */
static void lonely_spinning_ones(void **state)
{
	struct worker s = { .nice = 0 }, b = { .a.n = STEP };

	(void)state;
	virtual_open(2);
	start_on(&s.a, 's', 1, spin);
	work(100);
	point();
	set_nice(&s, -1);
	start_on(&b.a, 'b', 1, busy_until_done);
	join(&b.a);
	assert_note(0, 'b', 1280000 + 1 + STEP);
	end_spinning();
	join(&s.a);
	env_close(&e);
}

/* A preemption that was called off: who was to make way got as high himself. */
static void called_off(void **state)
{
	struct worker low, s;

	(void)state;
	end = 2 * HIGH_SLICE;
	virtual_open(2);
	start_worker(&s, 's', 0, sleep_then_jot);
	work(10);
	point();
	start_worker(&low, 'l', MM_NICE_LOWEST, hold_a_lock); /* until 20000 */
	open_gate_at(5000);
	work(100);
	point();
	set_nice(&low, 0);
	low.nice = 0; /* what it sets once it has released the lock */
	join(&s.a);
	assert_int_equal(notes[0].what, 's');
	assert_true(notes[0].ns >= HIGH_SLICE);
	join(&low.a);
	env_close(&e);
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(shares),
		T(shares_of_three),
		T(shares_of_bulk),
		T(shares_beside_a_busy_cpu),
		T(work_without_end),
		T(equals_share_equally),
		T(back_at_nice_0),
		T(wakers_preempt),
		T(kworkers_preempt),
		T(wakers_go_first),
		T(wakers_in_order),
		T(wakers_cut_work),
		T(holders_finish_first),
		T(spinners_make_way),
		T(limited_spinners_make_way),
		T(timers_preempt),
		T(lending),
		T(running_ones),
		T(spinning_ones),
		T(lonely_spinning_ones),
		T(called_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
