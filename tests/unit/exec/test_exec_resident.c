/* SPDX-License-Identifier: MIT */
/* Resident tasks, in each mode: where they are, and when they count. */
#include "exec_fixture.h"

/* Goes from stage to stage as it is told, and loads its CPU in the second. */
struct resident {
	struct mm_task task;
	uint32_t stage, reached; /* atomic, parkable */
	unsigned cpu;
	unsigned end;
};

static void go_to(struct mm_exec *x, uint32_t *word, uint32_t to)
{
	__atomic_store_n(word, to, __ATOMIC_RELEASE);
	mm_exec_unpark(x, word, UINT32_MAX);
}

static void wait_until(struct mm_exec *x, uint32_t *word, uint32_t is)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(word, __ATOMIC_ACQUIRE)) != is)
		mm_exec_park(x, word, seen, MM_NEVER);
}

static void stages(void *arg)
{
	struct resident *r = arg;
	struct mm_exec *x = mm_task_current()->exec;

	r->cpu = mm_exec_cpu(x);
	for (uint32_t stage = 1; stage <= r->end; stage++) {
		wait_until(x, &r->stage, stage);
		mm_exec_load(x, stage % 2);
		go_to(x, &r->reached, stage);
	}
}

static void to_stage(struct mm_exec *x, struct resident *r, uint32_t stage)
{
	go_to(x, &r->stage, stage);
	wait_until(x, &r->reached, stage);
}

static void assert_load(const struct mm_exec *x, unsigned cpu, unsigned tasks, unsigned core)
{
	assert_int_equal(x->cpu[cpu].nr_tasks, tasks);
	assert_int_equal(mm_exec_cpu_idle(x, cpu), !tasks);
	assert_int_equal(x->cpu[x->cpu[cpu].first].core_tasks, core);
}

static const struct mmsim_cpu pairs[NR_CPUS] = {
	{ .core = 0 }, { .core = 1 }, { .core = 0 }, { .core = 1 }
};

static void counts_while_loaded(void **state)
{
	struct resident r = { .end = 4 };
	struct env e;

	assert_int_equal(env_create_on(&e, mode_of(state), NR_CPUS, pairs, NULL), 0);
	mm_exec_attach(e.x, &e.guest);
	assert_int_equal(mm_exec_spawn_resident(e.x, &r.task, 3, stages, &r), 0);
	assert_load(e.x, 3, 0, 0);
	for (uint32_t stage = 1; stage <= 4; stage++) {
		to_stage(e.x, &r, stage);
		assert_load(e.x, 3, stage % 2, stage % 2);
		assert_load(e.x, 1, 0, stage % 2);
		assert_load(e.x, 0, 0, 0);
	}
	mm_exec_join(e.x, &r.task);
	assert_int_equal(r.cpu, 3);
	assert_load(e.x, 3, 0, 0);
	env_close(&e);
}

/* A new task goes where nobody is: beside a resident one that waits, not beside one that is loaded. */
static void others_see_the_load(void **state)
{
	struct resident r = { .end = 2 };
	struct mm_cpumask two = mm_cpumask_of(2);
	struct slot slot[2];
	struct env e;

	env_open(&e, mode_of(state), NR_CPUS);
	mm_cpumask_set(&two, 3);
	assert_int_equal(mm_exec_spawn_resident(e.x, &r.task, 2, stages, &r), 0);
	for (unsigned i = 0; i < 2; i++) {
		slot[i] = (struct slot){ .x = e.x };
		assert_int_equal(mm_exec_spawn(e.x, &slot[i].task, &two, record, &slot[i]), 0);
		mm_exec_join(e.x, &slot[i].task);
		assert_int_equal(slot[i].cpu, i ? 3 : 2);
		to_stage(e.x, &r, i + 1);
	}
	mm_exec_join(e.x, &r.task);
	env_close(&e);
}

/* Nobody made it: as much is charged as for a warm one. */
static void no_charge_for_making(void **state)
{
	struct resident r = { 0 };
	struct slot slot = { 0 };
	uint64_t start, warm, resident;
	struct env e;

	(void)state;
	env_open(&e, MMSIM_VIRTUAL, 2);
	slot.x = e.x;
	start = mm_exec_now(e.x);
	assert_int_equal(mm_exec_spawn_warm(e.x, &slot.task, NULL, record, &slot), 0);
	warm = mm_exec_now(e.x) - start;
	mm_exec_join(e.x, &slot.task);
	start = mm_exec_now(e.x);
	assert_int_equal(mm_exec_spawn_resident(e.x, &r.task, 1, stages, &r), 0);
	resident = mm_exec_now(e.x) - start;
	mm_exec_join(e.x, &r.task);
	assert_int_equal(resident, warm);
	env_close(&e);
}

/* The second of three: it never ran, nothing is counted, the next one starts. */
static void spawn_fails(void **state)
{
	struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { 0 };
	struct resident r[3] = { 0 };
	struct env e;

	want[MMSIM_FAULT_SPAWN].nth = 2;
	assert_int_equal(env_create(&e, mode_of(state), NR_CPUS, want), 0);
	mm_exec_attach(e.x, &e.guest);
	for (int i = 0; i < 3; i++) {
		r[i].cpu = 99;
		assert_int_equal(mm_exec_spawn_resident(e.x, &r[i].task, 1, stages, &r[i]),
				 i == 1 ? -EAGAIN : 0);
		assert_load(e.x, 1, 0, 0);
	}
	mm_exec_join(e.x, &r[0].task);
	mm_exec_join(e.x, &r[2].task);
	for (int i = 0; i < 3; i++)
		assert_int_equal(r[i].cpu, i == 1 ? 99 : 1);
	assert_load(e.x, 1, 0, 0);
	env_close(&e); /* E3 */
}

static struct env broken;

static void load_once(void *arg)
{
	mm_exec_load(broken.x, *(bool *)arg);
}

static void broken_e6(bool resident, bool busy)
{
	struct mm_task task;

	env_open(&broken, MMSIM_SERIAL, 2);
	if (resident)
		mm_exec_spawn_resident(broken.x, &task, 1, load_once, &busy);
	else
		mm_exec_spawn(broken.x, &task, NULL, load_once, &busy);
	mm_exec_join(broken.x, &task);
}

static void ends_loaded(void)
{
	broken_e6(true, true);
}

static void unloads_first(void)
{
	broken_e6(true, false);
}

static void is_not_resident(void)
{
	broken_e6(false, false);
}

static void beyond_all_cpus(void)
{
	struct mm_task task;

	env_open(&broken, MMSIM_SERIAL, 2);
	mm_exec_spawn_resident(broken.x, &task, 2, load_once, NULL);
}

static void invariants_stop(void **state)
{
	(void)state;
	assert_true(dies_with(ends_loaded, "E6: a resident task has unloaded"));
	assert_true(dies_with(unloads_first, "E6: loads and unloads"));
	assert_true(dies_with(is_not_resident, "E6: loads and unloads"));
	assert_true(dies_with(beyond_all_cpus, "E4"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_MODES(counts_while_loaded),
		ALL_MODES(others_see_the_load),
		ALL_MODES(spawn_fails),
		cmocka_unit_test(no_charge_for_making),
		cmocka_unit_test(invariants_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
