/* SPDX-License-Identifier: MIT */
/* The virtual back end: clocks, who runs when, what waking and waiting cost. */
#include "virtual_fixture.h"

static int setup(void **state)
{
	(void)state;
	cheap_figures();
	return 0;
}

/* Each CPU has its clock; the caller's advances by what it is charged, to the ps. */
static void clocks(void **state)
{
	(void)state;
	figure[MMSIM_FIG_ZAP] = 333;
	virtual_open(2);
	assert_int_equal(now(), 0);
	work(3);
	assert_int_equal(now(), 0);
	work(1);
	assert_int_equal(now(), 1);
	work(3000);
	assert_int_equal(now(), 1000);
	env_close(&e);
}

/* n steps of so many ns each. */
static void take_steps(void *arg)
{
	struct actor *a = arg;

	for (uint64_t i = 0; i < a->n; i++) {
		jot(a->name);
		work(a->step);
		point();
	}
}

/* By time, then by CPU: as a model that looks for the smallest each time. */
static void smallest_time_first(void **state)
{
	static const uint64_t step[] = { 0, 30, 20, 50, 20 };
	struct actor a[5];
	uint64_t clock[5] = { 0 }, left[5];

	(void)state;
	virtual_open(5);
	for (unsigned cpu = 4; cpu; cpu--) {
		left[cpu] = 40;
		a[cpu] = (struct actor){ .n = 40, .step = step[cpu] };
		start_on(&a[cpu], (char)('0' + cpu), cpu, take_steps);
	}
	for (unsigned cpu = 1; cpu < 5; cpu++)
		join(&a[cpu]);
	assert_int_equal(nr_notes, 160);
	for (unsigned i = 0; i < 160; i++) {
		unsigned best = 0;

		for (unsigned cpu = 1; cpu < 5; cpu++)
			if (left[cpu] && (!best || clock[cpu] < clock[best]))
				best = cpu;
		assert_note(i, (char)('0' + best), clock[best]);
		assert_int_equal(notes[i].cpu, best);
		clock[best] += step[best];
		left[best]--;
	}
	assert_int_equal(now(), 2000);
	env_close(&e);
}

static void count_switches(void *arg)
{
	struct actor *a = arg;
	uint64_t before;

	if (a->name == 'b') { /* far ahead */
		work(1000000);
		point();
		jot('b');
		return;
	}
	before = e.x->nr_switches;
	for (int i = 0; i < 1000; i++) {
		work(10);
		point();
	}
	a->n = e.x->nr_switches - before;
	jot('a');
}

static void no_switch_while_smallest(void **state)
{
	struct actor a = { .n = 77 }, b = { .n = 0 };

	(void)state;
	virtual_open(3);
	start_on(&b, 'b', 1, count_switches);
	start_on(&a, 'a', 2, count_switches);
	join(&a);
	join(&b);
	/* a comes after b's first step; from there on it is the smallest. */
	assert_int_equal(a.n, 0);
	assert_note(0, 'a', 10000);
	assert_note(1, 'b', 1000000);
	env_close(&e);
}

/* Whoever is interrupted by others pays for himself: RMW lets others come up in the middle. */
static void charges_stay_on_their_cpu(void **state)
{
	static char object[4];
	struct actor a[3];

	(void)state;
	figure[MMSIM_FIG_ATOMIC] = 7 * NS;
	figure[MMSIM_FIG_LINE_OWN] = 1 * NS;
	virtual_open(4);
	for (unsigned i = 0; i < 3; i++) {
		a[i] = (struct actor){ .n = 50, .step = 3 };
		start_on(&a[i], 'x', i + 1, take_steps);
	}
	for (int i = 0; i < 50; i++)
		mm_exec_charge(e.x, MM_CHARGE_RMW, object, 1);
	assert_int_equal(now(), 50 * 8);
	for (unsigned i = 0; i < 3; i++)
		join(&a[i]);
	for (unsigned i = 0; i < nr_notes; i++)
		assert_int_equal(notes[i].ns % 3, 0);
	env_close(&e);
}

/* Making a task, waking one */

static uint32_t word;

static void wait_twice(void *arg)
{
	(void)arg;
	jot('s');
	mm_exec_park(e.x, &word, 0, MM_NEVER);
	jot('w');
	mm_exec_park(e.x, &word, 0, MM_NEVER);
	jot('d');
}

static void waking_costs(void **state)
{
	struct actor a;

	(void)state;
	memcpy(figure, test_figures, sizeof(figure));
	figure[MMSIM_FIG_ZAP] = 1 * NS;
	virtual_open(2);
	start_on(&a, 'a', 1, wait_twice);
	assert_int_equal(now(), 10000 + 1000); /* worker_create, waker */
	work(600000);
	point();
	/* Its CPU was idle from 0 to 11 us: wake. Then from 16 us on, for less than 600 us. */
	assert_note(0, 's', 11000 + 5000);
	mm_exec_unpark(e.x, &word, 1);
	assert_int_equal(now(), 612000);
	work(700000);
	point();
	assert_note(1, 'w', 612000 + 5000);
	mm_exec_unpark(e.x, &word, 1); /* idle for 696 us: deep */
	assert_int_equal(now(), 1313000);
	join(&a);
	assert_note(2, 'd', 1313000 + 135000);
	/* The end: waker, wake. */
	assert_int_equal(now(), 1313000 + 135000 + 1000 + 5000);
	env_close(&e);
}

static void note_end(void *arg)
{
	struct actor *a = arg;

	work(a->n);
	point();
	jot(a->name);
}

/* V6: CPU 1 lags behind the CPU that gives it a second task; that begins when it was made. */
static void not_before_it_was_made(void **state)
{
	struct actor a = { .n = 20 }, b = { .n = 0 };

	(void)state;
	virtual_open(2);
	start_on(&a, 'a', 1, note_end);
	work(100);
	start_on(&b, 'b', 1, note_end); /* a has not run yet */
	join(&a);
	join(&b);
	assert_note(0, 'a', 20);
	assert_note(1, 'b', 100);
	env_close(&e);
}

static void wait_and_note(void *arg)
{
	struct actor *a = arg;

	mm_exec_park(e.x, &word, 0, MM_NEVER);
	jot(a->name);
}

/* V6: the same for one that is woken, from an idle state that costs. */
static void not_before_it_was_woken(void **state)
{
	struct actor a = { .n = 0 }, b = { .n = 20 };

	(void)state;
	figure[MMSIM_FIG_WAKE] = 5 * NS;
	virtual_open(2);
	start_on(&a, 'a', 1, wait_and_note); /* begins at 5 */
	yield();
	work(7);
	point();
	start_on(&b, 'b', 1, note_end); /* at 8 + 5, up to 33 */
	work(100);
	mm_exec_unpark(e.x, &word, 1); /* at 108, while CPU 1 is at 13 */
	join(&b);
	join(&a);
	assert_note(0, 'b', 33);
	assert_note(1, 'a', 108 + 5);
	env_close(&e);
}

static void make_another(void *arg)
{
	work(30);
	start_on(arg, 'd', 2, note_end);
}

/* V6: a CPU's queue is by time, though who gave it the later task did so first. */
static void queues_are_by_time(void **state)
{
	struct actor a = { .n = 20 }, b = { .n = 0 }, d = { .n = 0 };
	struct mm_cpumask on = mm_cpumask_of(1);
	struct mm_task maker;

	(void)state;
	virtual_open(3);
	start_on(&a, 'a', 2, note_end);
	assert_int_equal(mm_exec_spawn(e.x, &maker, &on, make_another, &d), 0);
	work(100);
	start_on(&b, 'b', 2, note_end);
	mm_exec_join(e.x, &maker);
	join(&a);
	join(&d);
	join(&b);
	assert_note(0, 'a', 20);
	assert_note(1, 'd', 30);
	assert_note(2, 'b', 100);
	env_close(&e);
}

/* Time */

static void sleep_then_note(void *arg)
{
	struct actor *a = arg;

	mm_exec_sleep_until(e.x, a->n);
	jot(a->name);
}

static void timers_in_order(void **state)
{
	static const uint64_t until[] = { 2000000000, 500, 1000000000, 500, 700 };
	struct actor a[5];

	(void)state;
	figure[MMSIM_FIG_TIMER] = 3 * NS;
	figure[MMSIM_FIG_WAKE] = 10 * NS;
	figure[MMSIM_FIG_WAKE_DEEP] = 100 * NS;
	figure[MMSIM_FIG_DEEP_AFTER] = 600 * NS;
	virtual_open(6);
	for (unsigned i = 0; i < 5; i++) {
		a[i].n = until[i];
		start_on(&a[i], (char)('a' + i), 5 - i, sleep_then_note);
	}
	for (unsigned i = 0; i < 5; i++)
		join(&a[i]);
	assert_int_equal(nr_notes, 5);
	/* Equal deadlines: both at once, the lower CPU first. */
	assert_note(0, 'd', 500 + 3 + 10);
	assert_note(1, 'b', 500 + 3 + 10);
	/* Asleep from 10 to 703. */
	assert_note(2, 'e', 700 + 3 + 100);
	assert_note(3, 'c', 1000000000 + 3 + 100);
	assert_note(4, 'a', 2000000000 + 3 + 100);
	env_close(&e);
}

/* What is due comes before what CPUs do at that time. */
static void timers_come_first(void **state)
{
	struct actor a = { .n = 50 }, b = { .n = 3, .step = 50 };

	(void)state;
	virtual_open(3);
	start_on(&a, 'a', 1, sleep_then_note);
	start_on(&b, 'b', 2, take_steps);
	join(&a);
	join(&b);
	assert_note(0, 'b', 0);
	assert_note(1, 'a', 50);
	assert_note(2, 'b', 50);
	env_close(&e);
}

/* A deadline that is past, or at the end of time. */
static void odd_deadlines(void **state)
{
	struct actor a = { .n = 50 };

	(void)state;
	virtual_open(2);
	work(100);
	mm_exec_sleep_until(e.x, 100);
	assert_int_equal(now(), 100);
	assert_int_equal(mm_exec_park(e.x, &word, 0, 1), -ETIMEDOUT);
	assert_int_equal(now(), 101); /* a look costs a switch, and that at least 1 ns */
	assert_int_equal(mm_exec_park(e.x, &word, 1, 1), 0);
	assert_int_equal(now(), 102);
	assert_int_equal(mm_exec_park(e.x, &word, 1, MM_NEVER), 0);
	start_on(&a, 'a', 1, note_end);
	/* More than there will ever be: ends with the task. */
	mm_exec_park(e.x, &a.task.done, 0, MM_NEVER - 1);
	assert_int_equal(now(), 152);
	join(&a);
	env_close(&e);
}

/* Clocks do not begin again. */
static void end_of_time(void **state)
{
	uint64_t last;

	(void)state;
	figure[MMSIM_FIG_WAKE] = UINT64_C(10000000000) * NS;
	figure[MMSIM_FIG_ZAP] = 1000000 * NS;
	virtual_open(1);
	last = now();
	for (int i = 0; i < 100; i++) {
		work(UINT64_C(1) << 34);
		assert_true(now() >= last);
		last = now();
	}
	assert_int_equal(last, (MM_NEVER - 1) / 1000);
	work(1);
	mm_exec_charge(e.x, MM_CHARGE_STREAM, &word, 1 << 20);
	assert_int_equal(now(), last);
	env_close(&e);
}

/* Flows */

static void init_pages(void *arg)
{
	const struct actor *a = arg;

	mm_exec_charge(e.x, MM_CHARGE_PAGE_INIT, &notes[0], a->n);
	jot('p');
}

/* When k tasks have initialised n pages each, on one node. */
static uint64_t makespan(unsigned k, uint64_t n)
{
	struct actor a[32];
	uint64_t end;

	cheap_figures();
	virtual_open(33);
	for (unsigned i = 0; i < k; i++) {
		a[i].n = n;
		start_on(&a[i], 'p', i + 1, init_pages);
	}
	for (unsigned i = 0; i < k; i++)
		join(&a[i]);
	end = now();
	env_close(&e);
	return end;
}

/* 16 ns a page, 2 * 64 bytes a page, 80 GB/s: ten are as fast as one. */
static void work_or_bandwidth(void **state)
{
	const uint64_t n = 100 * 4096, piece = 4096 * 16;

	(void)state;
	assert_int_equal(makespan(1, n), n * 16);
	assert_int_equal(makespan(2, n), n * 16);
	assert_int_equal(makespan(10, n), n * 16);
	/* Exact up to the first and the last pieces, which begin before, end after the others. */
	assert_in_range(makespan(20, n), n * 32 - 2 * piece, n * 32 + 2 * piece);
	assert_in_range(makespan(30, n), n * 48 - 3 * piece, n * 48 + 3 * piece);
}

static void end_at_their_time(void **state)
{
	static struct actor a[1024];

	(void)state;
	virtual_open(MMSIM_MAX_CPUS);
	for (unsigned cpu = 1; cpu < 1024; cpu++) {
		a[cpu].n = 5000 - cpu;
		start_on(&a[cpu], 'a', cpu, note_end);
	}
	for (unsigned cpu = 1; cpu < 1024; cpu++)
		join(&a[cpu]);
	assert_int_equal(nr_notes, 1023);
	for (unsigned i = 0; i < 1023; i++) {
		assert_int_equal(notes[i].cpu, 1023 - i);
		assert_int_equal(notes[i].ns, 5000 - 1023 + i);
	}
	env_close(&e);
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(clocks),
		T(smallest_time_first),
		T(no_switch_while_smallest),
		T(charges_stay_on_their_cpu),
		T(waking_costs),
		T(not_before_it_was_made),
		T(not_before_it_was_woken),
		T(queues_are_by_time),
		T(timers_in_order),
		T(timers_come_first),
		T(odd_deadlines),
		T(end_of_time),
		T(work_or_bandwidth),
		T(end_at_their_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
