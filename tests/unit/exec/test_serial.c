/* SPDX-License-Identifier: MIT */
/* The serial back end: the order of everything, its clock, its deadlock report. */
#include "exec_fixture.h"

#include <pthread.h>
#include <sys/mman.h>

/* A journal: what happened, in order. Plain: tasks take turns. */
struct journal {
	struct mm_exec *x;
	uint32_t gate;
	unsigned len;
	char text[64];
};

struct writer {
	struct journal *j;
	struct mm_task task;
	char name;
	uint64_t until;
};

static void note(struct journal *j, char what)
{
	j->text[j->len++] = what;
}

static void start(struct writer *w, struct journal *j, char name, void (*fn)(void *arg))
{
	*w = (struct writer){ .j = j, .name = name, .until = w->until };
	assert_int_equal(mm_exec_spawn(j->x, &w->task, NULL, fn, w), 0);
}

/* Writes its name when it starts, after a yield, and after the gate. */
static void pass(void *arg)
{
	struct writer *w = arg;
	struct journal *j = w->j;

	note(j, w->name);
	j->x->ops->yield(j->x);
	note(j, w->name);
	mm_exec_park(j->x, &j->gate, 0, MM_NEVER);
	note(j, w->name);
}

static void run_order(char text[64])
{
	struct writer w[4];
	struct journal j = { .gate = 0 };
	struct env e;

	env_open(&e, MMSIM_SERIAL, 2);
	j.x = e.x;
	for (int i = 0; i < 4; i++)
		start(&w[i], &j, (char)('a' + i), pass);
	note(&j, '1'); /* spawn does not switch */
	j.x->ops->yield(j.x);
	note(&j, '2');
	j.x->ops->yield(j.x); /* all wait at the gate now */
	note(&j, '3');
	mm_exec_unpark(j.x, &j.gate, 1);
	note(&j, '4'); /* nor does unpark */
	j.x->ops->yield(j.x);
	mm_exec_unpark(j.x, &j.gate, 2);
	j.x->ops->yield(j.x);
	note(&j, '5');
	mm_exec_unpark(j.x, &j.gate, 9);
	for (int i = 0; i < 4; i++)
		mm_exec_join(j.x, &w[i].task);
	memcpy(text, j.text, sizeof(j.text));
	env_close(&e);
}

static void order_is_fifo(void **state)
{
	char first[64], second[64];

	(void)state;
	run_order(first);
	run_order(second);
	assert_string_equal(first, "1abcd2abcd34abc5d");
	assert_string_equal(first, second);
}

static void sleep_and_note(void *arg)
{
	struct writer *w = arg;

	mm_exec_sleep_until(w->j->x, w->until);
	note(w->j, w->name);
}

/* Hours in no time, by deadline; equal ones by task id. */
static void deadlines_in_order(void **state)
{
	const uint64_t hour = UINT64_C(3600) * 1000000000;
	const uint64_t until[] = { 3 * hour, hour, 2 * hour, hour };
	struct journal j = { .gate = 0 };
	struct writer w[4];
	struct env e;

	(void)state;
	env_open(&e, MMSIM_SERIAL, 2);
	j.x = e.x;
	for (int i = 0; i < 4; i++) {
		w[i].until = until[i];
		start(&w[i], &j, (char)('a' + i), sleep_and_note);
	}
	for (int i = 0; i < 4; i++)
		mm_exec_join(e.x, &w[i].task);
	assert_string_equal(j.text, "bdca");
	assert_true(mm_exec_now(e.x) >= 3 * hour && mm_exec_now(e.x) < 3 * hour + 100);
	env_close(&e);
}

/* c waits first, a last. */
static void dally_and_sleep(void *arg)
{
	const struct writer *w = arg;

	for (char k = w->name; k < 'c'; k++)
		w->j->x->ops->yield(w->j->x);
	sleep_and_note(arg);
}

/* By id even when they came to wait in another order. */
static void equal_deadlines_by_id(void **state)
{
	struct journal j = { .gate = 0 };
	struct writer w[3];
	struct env e;

	(void)state;
	env_open(&e, MMSIM_SERIAL, 2);
	j.x = e.x;
	for (int i = 0; i < 3; i++) {
		w[i].until = 1000;
		start(&w[i], &j, (char)('a' + i), dally_and_sleep);
	}
	for (int i = 0; i < 3; i++)
		mm_exec_join(e.x, &w[i].task);
	assert_string_equal(j.text, "abc");
	env_close(&e);
}

static void clock_counts(void **state)
{
	struct journal j = { .gate = 0 };
	struct writer w;
	struct env e;

	(void)state;
	env_open(&e, MMSIM_SERIAL, 1);
	j.x = e.x;
	assert_int_equal(mm_exec_now(e.x), 0);
	assert_int_equal(mm_exec_now(e.x), 1);
	/* Deadlines pass also while somebody can always run. */
	w.until = 1000;
	start(&w, &j, 'a', sleep_and_note);
	while (!j.len)
		e.x->ops->yield(e.x);
	assert_true(mm_exec_now(e.x) < 1100);
	mm_exec_join(e.x, &w.task);
	env_close(&e);
}

/* Fibers over several OS threads */

static void *free_it(void *arg)
{
	struct writer *w = arg;
	struct journal *j = w->j;
	struct mm_task guest;

	mm_exec_attach(j->x, &guest);
	note(j, 't');
	j->gate = 1;
	mm_exec_unpark(j->x, &j->gate, 9);
	mm_exec_join(j->x, &w[0].task);
	mm_exec_join(j->x, &w[1].task);
	note(j, mm_task_current() == &guest ? 'u' : '!');
	mm_exec_detach(j->x, &guest);
	return NULL;
}

static void check_self(void *arg)
{
	struct writer *w = arg;

	pass(arg);
	note(w->j, mm_task_current() == &w->task ? '+' : '!');
}

static void tasks_outlive_attachment(void **state)
{
	struct journal j = { .gate = 0 };
	struct writer w[2];
	pthread_t thread;
	struct env e;

	(void)state;
	env_open(&e, MMSIM_SERIAL, 2);
	j.x = e.x;
	start(&w[0], &j, 'a', check_self);
	e.x->ops->yield(e.x);
	e.x->ops->yield(e.x);
	start(&w[1], &j, 'b', check_self);
	mm_exec_detach(e.x, &e.guest);
	assert_string_equal(j.text, "aa"); /* the first waits, the second could run */
	assert_int_equal(pthread_create(&thread, NULL, free_it, w), 0);
	pthread_join(thread, NULL);
	assert_string_equal(j.text, "aatba+bb+u");
	env_destroy(&e);
}

/* Stacks */

static void where_am_i(void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	*(void **)arg = (void *)((uintptr_t)__builtin_frame_address(0) & ~(page - 1));
}

static void destroy_frees_stacks(void **state)
{
	struct mm_task task;
	void *stack = NULL;
	struct env e;

	(void)state;
	env_open(&e, MMSIM_SERIAL, 1);
	assert_int_equal(mm_exec_spawn(e.x, &task, NULL, where_am_i, &stack), 0);
	mm_exec_join(e.x, &task);
	assert_int_equal(msync(stack, 1, MS_ASYNC), 0); /* kept for the next task */
	env_close(&e);
	assert_int_equal(msync(stack, 1, MS_ASYNC), -1);
}

/* Reports */

static void wait_for_nothing(void *arg)
{
	struct journal *j = arg;

	mm_exec_park(j->x, &j->gate, 0, MM_NEVER);
}

static void run_into_deadlock(void)
{
	struct journal j = { .gate = 0 };
	struct mm_cpumask on = mm_cpumask_of(1);
	struct mm_task task;
	struct env e;

	env_open(&e, MMSIM_SERIAL, 2);
	j.x = e.x;
	mm_exec_spawn(e.x, &task, &on, wait_for_nothing, &j);
	mm_exec_join(e.x, &task);
}

static void deadlock_is_reported(void **state)
{
	(void)state;
	assert_true(dies_with(run_into_deadlock, "broken: deadlock"));
	assert_true(dies_with(run_into_deadlock, "task 1 on cpu 0 waits for the end of a task"));
	assert_true(dies_with(run_into_deadlock, "task 2 on cpu 1 waits for a word (word is 0)"));
	assert_true(dies_with(run_into_deadlock, "(word is 0), holds 0 locks"));
}

static void attach_twice(void)
{
	struct env serial, native;
	struct mm_task again;

	env_open(&serial, MMSIM_SERIAL, 1);
	env_open(&native, MMSIM_NATIVE, 1);
	mm_exec_attach(serial.x, &again);
}

static void second_attachment_stops(void **state)
{
	(void)state;
	assert_true(dies_with(attach_twice, "E5"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_fifo),
		cmocka_unit_test(deadlines_in_order),
		cmocka_unit_test(equal_deadlines_by_id),
		cmocka_unit_test(clock_counts),
		cmocka_unit_test(tasks_outlive_attachment),
		cmocka_unit_test(destroy_frees_stacks),
		cmocka_unit_test(deadlock_is_reported),
		cmocka_unit_test(second_attachment_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
