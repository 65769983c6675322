/* SPDX-License-Identifier: MIT */
/* lib/sync/percpu.h: zeroed objects, lines of their own, which one is mine, failure. */
#include "percpu.h"

#include "exec_env.h"
#include <errno.h>
#include <string.h>

static bool is_zero(const char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

static void assert_apart(size_t size, unsigned cpus)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = cpus });
	struct mm_percpu p;

	assert_int_equal(mm_sync_percpu_alloc(&p, e->x, size), 0);
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		char *mine = mm_per_cpu(&p, cpu);

		assert_int_equal((uintptr_t)mine % MM_CACHE_LINE, 0);
		/* Still zero, whatever was written to those before. */
		assert_true(is_zero(mine, size));
		memset(mine, 0xff, size);
	}
	mm_sync_percpu_free(&p, e->x);
	env_close(e);
}

static void objects_are_apart(void **state)
{
	(void)state;
	assert_apart(1, 3);
	assert_apart(63, 2);
	assert_apart(64, 1);
	assert_apart(65, 5);
	assert_apart(300, 100);
}

static void count_here(void *arg)
{
	struct mm_percpu *p = arg;
	struct mm_exec *x = mm_task_current()->exec;
	uint64_t *mine = mm_this_cpu(p, x);

	*mine += 1 + mm_exec_cpu(x);
}

static void this_cpu_is_mine(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 5 });
	struct mm_percpu p;

	assert_int_equal(mm_sync_percpu_alloc(&p, e->x, sizeof(uint64_t)), 0);
	for (unsigned cpu = 0; cpu < 5; cpu++) {
		struct mm_cpumask on = mm_cpumask_of(cpu);
		struct mm_task task;

		for (unsigned i = 0; i <= cpu; i++) {
			assert_int_equal(mm_exec_spawn(e->x, &task, &on, count_here, &p), 0);
			mm_exec_join(e->x, &task);
		}
	}
	for (unsigned cpu = 0; cpu < 5; cpu++)
		assert_int_equal(*(uint64_t *)mm_per_cpu(&p, cpu), (cpu + 1) * (cpu + 1));
	mm_sync_percpu_free(&p, e->x);
	env_close(e);
}

static void out_of_memory(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 2 });
	struct mm_percpu p;

	(void)state;
	env_fail(e, MMSIM_FAULT_METADATA, 1, 1);
	assert_int_equal(mm_sync_percpu_alloc(&p, e->x, 8), -ENOMEM);
	mm_sync_percpu_free(&p, e->x); /* harmless */
	assert_int_equal(mm_sync_percpu_alloc(&p, e->x, 8), 0);
	mm_sync_percpu_free(&p, e->x);
	assert_null(p.base);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_apart),
		in_all_modes(this_cpu_is_mine),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
