/* SPDX-License-Identifier: MIT */
/* Priorities: weights, and what holds in every mode. */
#include "exec_fixture.h"
#include "nice.h"

/* Weights */

static void weights(void **state)
{
	(void)state;
	assert_int_equal(mm_exec_nice_weight(MM_NICE_HIGHEST), 88818);
	assert_int_equal(mm_exec_nice_weight(-1), 1280);
	assert_int_equal(mm_exec_nice_weight(0), MM_NICE_0_WEIGHT);
	assert_int_equal(mm_exec_nice_weight(1), 819);
	assert_int_equal(mm_exec_nice_weight(MM_NICE_LOWEST), 15);
}

/* 5 : 4 but for half a unit of rounding on either side. */
static void levels_are_apart(void **state)
{
	(void)state;
	for (int nice = MM_NICE_HIGHEST; nice < MM_NICE_LOWEST; nice++) {
		int more = 4 * (int)mm_exec_nice_weight(nice);
		int less = 5 * (int)mm_exec_nice_weight(nice + 1);

		assert_in_range(more - less + 5, 0, 10);
	}
}

/* In every mode */

struct look {
	struct mm_task task, child;
	int at_start, after;
	int child_nice;
};

static void look_at_own(void *arg)
{
	struct look *look = arg;

	look->child_nice = mm_task_current()->nice;
}

static void set_own(void *arg)
{
	struct look *look = arg;
	struct mm_exec *x = mm_task_current()->exec;

	look->at_start = mm_task_current()->nice;
	mm_exec_set_nice(x, &look->task, MM_NICE_LOWEST);
	look->after = mm_task_current()->nice;
	if (mm_exec_spawn(x, &look->child, NULL, look_at_own, look))
		return;
	mm_exec_join(x, &look->child);
}

static void is_noted_and_not_inherited(void **state)
{
	struct look look = { .child_nice = 99 };
	struct env e;

	env_open(&e, mode_of(state), NR_CPUS);
	assert_int_equal(e.guest.nice, 0);
	assert_int_equal(mm_exec_spawn(e.x, &look.task, NULL, set_own, &look), 0);
	mm_exec_join(e.x, &look.task);
	assert_int_equal(look.at_start, 0);
	assert_int_equal(look.after, MM_NICE_LOWEST);
	assert_int_equal(look.child_nice, 0);
	env_close(&e);
}

static void wait_for_it(void *arg)
{
	uint32_t *word = arg;
	struct mm_exec *x = mm_task_current()->exec;

	while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
		mm_exec_park(x, word, 0, MM_NEVER);
}

/* From outside: one that waits, one that has ended and was not joined, and the caller itself. */
static void of_others(void **state)
{
	struct mm_task task;
	uint32_t word = 0;
	struct env e;

	env_open(&e, mode_of(state), NR_CPUS);
	assert_int_equal(mm_exec_spawn(e.x, &task, NULL, wait_for_it, &word), 0);
	mm_exec_set_nice(e.x, &task, 7);
	assert_int_equal(task.nice, 7);
	mm_exec_set_nice(e.x, &task, MM_NICE_LOWEST);
	mm_exec_set_nice(e.x, &task, 0);
	assert_int_equal(task.nice, 0);
	mm_exec_set_nice(e.x, &e.guest, 3);
	assert_int_equal(e.guest.nice, 3);
	__atomic_store_n(&word, 1, __ATOMIC_RELEASE);
	mm_exec_unpark(e.x, &word, 1);
	while (!__atomic_load_n(&task.done, __ATOMIC_ACQUIRE))
		e.x->ops->yield(e.x);
	mm_exec_set_nice(e.x, &task, 5);
	mm_exec_join(e.x, &task);
	spawn_and_check(&e, MAX_TASKS);
	env_close(&e);
}

static void broken_e7_above(void)
{
	struct env e;

	env_open(&e, MMSIM_SERIAL, 1);
	mm_exec_set_nice(e.x, &e.guest, MM_NICE_LOWEST + 1);
}

static void broken_e7_below(void)
{
	struct env e;

	env_open(&e, MMSIM_VIRTUAL, 1);
	mm_exec_set_nice(e.x, &e.guest, MM_NICE_HIGHEST - 1);
}

static void others_stop(void **state)
{
	(void)state;
	assert_true(dies_with(broken_e7_above, "E7"));
	assert_true(dies_with(broken_e7_below, "E7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights),
		cmocka_unit_test(levels_are_apart),
		ALL_MODES(is_noted_and_not_inherited),
		ALL_MODES(of_others),
		cmocka_unit_test(others_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
