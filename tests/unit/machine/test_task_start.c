/* SPDX-License-Identifier: MIT */
/* Tasks started one at a time, and waiting on a word, by the public interface. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"

#define CPUS 4
#define TASKS 10
#define MS UINT64_C(1000000)

static struct mmsim *create(enum mmsim_mode mode, struct sim_log *log, enum mmsim_fault_kind kind,
			    uint32_t nth)
{
	struct mmsim_config *cfg = sim_config_new(mode, 1, 1, CPUS);
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, 2048);
	sim_log_into(cfg, log);
	cfg->boot = MMSIM_BOOT_COLD;
	cfg->flags |= MMSIM_NO_PREFAULT;
	cfg->fault[kind].nth = nth;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

struct one {
	struct mmsim *m;
	struct mmsim_task *handle;
	uint32_t *gate; /* waits until it is not 0; NULL: does not */
	uint32_t *passed; /* atomic: how many ran to their end */
	unsigned cpu;
	void *arg;
	int ret; /* of the last mmsim_park() */
};

static void run_one(void *arg)
{
	struct one *one = arg;

	one->cpu = mmsim_cpu(one->m);
	one->arg = mmsim_task_arg(one->m);
	while (one->gate && !__atomic_load_n(one->gate, __ATOMIC_ACQUIRE))
		one->ret = mmsim_park(one->m, one->gate, 0, UINT64_MAX);
	__atomic_add_fetch(one->passed, 1, __ATOMIC_ACQ_REL);
}

static void open_gate(struct mmsim *m, uint32_t *gate)
{
	mmsim_cond_resched(m);
	__atomic_store_n(gate, 1, __ATOMIC_RELEASE);
	mmsim_unpark(m, gate, UINT32_MAX);
}

/* More than CPUs, all there at once; each knows what it was started with, and where. */
static void start_all(struct mmsim *m, bool by_cpu)
{
	struct one one[TASKS];
	uint32_t gate = 0, passed = 0;

	for (unsigned i = 0; i < TASKS; i++) {
		one[i] = (struct one){ .m = m, .gate = &gate, .passed = &passed };
		assert_int_equal(mmsim_task_start(m, by_cpu ? i % CPUS : MMSIM_ANY_CPU, run_one,
						  &one[i], &one[i].handle),
				 0);
		assert_non_null(one[i].handle);
	}
	mmsim_yield(m);
	assert_int_equal(__atomic_load_n(&passed, __ATOMIC_ACQUIRE), 0);
	assert_null(mmsim_task_arg(m));
	open_gate(m, &gate);
	for (unsigned i = 0; i < TASKS; i++)
		mmsim_task_join(one[i].handle);
	assert_int_equal(passed, TASKS);
	for (unsigned i = 0; i < TASKS; i++) {
		assert_ptr_equal(one[i].arg, &one[i]);
		assert_int_equal(one[i].ret, 0);
		assert_true(by_cpu ? one[i].cpu == i % CPUS : one[i].cpu < CPUS);
	}
}

static void tasks_are_started_and_joined(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_VIRTUAL; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &log, MMSIM_FAULT_SPAWN, 0);

		start_all(m, true);
		start_all(m, false);
		assert_int_equal(log.lines, 0);
		mmsim_destroy(m);
	}
}

/* A task starts another, waits for it, and is none itself for mmsim_run(). */
static void start_inside(unsigned i, void *arg)
{
	struct one *outer = arg, inner;

	if (i)
		return;
	inner = *outer;
	outer->arg = mmsim_task_arg(outer->m);
	outer->ret = mmsim_task_start(outer->m, 0, run_one, &inner, &inner.handle);
	if (!outer->ret)
		mmsim_task_join(inner.handle);
}

static void tasks_start_tasks(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_VIRTUAL; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &log, MMSIM_FAULT_SPAWN, 0);
		uint32_t passed = 0;
		struct one one = { .m = m, .passed = &passed, .arg = m };

		assert_int_equal(mmsim_run(m, 2, start_inside, &one), 0);
		assert_int_equal(one.ret, 0);
		assert_null(one.arg);
		assert_int_equal(passed, 1);
		mmsim_destroy(m);
	}
}

static void waits_end_in_time(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_VIRTUAL; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &log, MMSIM_FAULT_SPAWN, 0);
		uint32_t word = 7;
		uint64_t start = mmsim_now(m);

		assert_int_equal(mmsim_park(m, &word, 8, UINT64_MAX), 0);
		while (mmsim_park(m, &word, 7, 2 * MS) != -ETIMEDOUT)
			;
		assert_true(mmsim_now(m) >= start + 2 * MS);
		mmsim_unpark(m, &word, 1);
		assert_int_equal(mmsim_park(m, NULL, 0, 0), -EINVAL);
		assert_non_null(strstr(log.line, "word"));
		mmsim_destroy(m);
	}
}

static void bad_arguments_are_refused(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, &log, MMSIM_FAULT_SPAWN, 0);
	struct mmsim_task *handle = (struct mmsim_task *)&log;

	(void)state;
	assert_int_equal(mmsim_task_start(m, 0, run_one, NULL, NULL), -EINVAL);
	assert_int_equal(mmsim_task_start(m, 0, NULL, NULL, &handle), -EINVAL);
	assert_non_null(strstr(log.line, "fn"));
	assert_null(handle);
	assert_int_equal(mmsim_task_start(m, CPUS, run_one, NULL, &handle), -EINVAL);
	assert_non_null(strstr(log.line, "cpu"));
	mmsim_task_join(NULL);
	assert_int_equal(log.lines, 3);
	mmsim_destroy(m);
}

/* Nothing is left behind, and the next one is started. */
static void fail_once(enum mmsim_mode mode)
{
	struct sim_log log;
	struct mmsim *m = create(mode, &log, MMSIM_FAULT_SPAWN, 1);
	uint32_t passed = 0;
	struct one one = { .m = m, .passed = &passed };

	assert_int_equal(mmsim_task_start(m, 0, run_one, &one, &one.handle), -EAGAIN);
	assert_null(one.handle);
	assert_int_equal(mmsim_task_start(m, 0, run_one, &one, &one.handle), 0);
	mmsim_task_join(one.handle);
	assert_int_equal(passed, 1);
	mmsim_destroy(m);
}

static void failed_starts_leave_nothing(void **state)
{
	(void)state;
	fail_once(MMSIM_NATIVE);
	fail_once(MMSIM_SERIAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_are_started_and_joined),
		cmocka_unit_test(tasks_start_tasks),
		cmocka_unit_test(waits_end_in_time),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(failed_starts_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
