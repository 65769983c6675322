/* SPDX-License-Identifier: MIT */
/* Running code on the simulated CPUs, and jobs, by the public interface. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"

#define CPUS 4

static struct mmsim *create(enum mmsim_mode mode, struct sim_log *log)
{
	const char *name;
	struct mmsim_config *cfg = sim_config_shape(1, mode, &name);
	struct mmsim *m;

	sim_log_into(cfg, log);
	cfg->boot = MMSIM_BOOT_COLD;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

/* Each task has its own slot. */
struct crew {
	struct mmsim *m;
	unsigned runs[CPUS], cpu[CPUS];
	int nested[CPUS];
	unsigned here; /* atomic: have arrived */
};

static void look(unsigned i, void *arg)
{
	struct crew *crew = arg;

	crew->runs[i]++;
	crew->cpu[i] = mmsim_cpu(crew->m);
}

static void assert_ran(const struct crew *crew, unsigned nr)
{
	for (unsigned i = 0; i < CPUS; i++) {
		assert_int_equal(crew->runs[i], i < nr);
		if (i < nr)
			assert_int_equal(crew->cpu[i], i);
	}
}

static void each_index_on_its_cpu(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_SERIAL; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &log);

		for (unsigned nr = 1; nr <= CPUS; nr++) {
			struct crew crew = { .m = m };

			assert_int_equal(mmsim_run(m, nr, look, &crew), 0);
			assert_ran(&crew, nr);
		}
		mmsim_destroy(m);
	}
}

static void wait_for_all(unsigned i, void *arg)
{
	struct crew *crew = arg;

	crew->runs[i]++;
	__atomic_add_fetch(&crew->here, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&crew->here, __ATOMIC_ACQUIRE) < CPUS)
		;
}

/* None could end if they were not there at the same time; on more CPUs than the host has. */
static void native_tasks_run_at_the_same_time(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_NATIVE, &log);
	struct crew crew = { .m = m };

	(void)state;
	assert_int_equal(mmsim_run(m, CPUS, wait_for_all, &crew), 0);
	assert_int_equal(crew.here, CPUS);
	mmsim_destroy(m);
}

static void look_once_more(unsigned i, void *arg)
{
	(void)i;
	__atomic_add_fetch((unsigned *)arg, 1, __ATOMIC_RELAXED);
}

static void run_inside(unsigned i, void *arg)
{
	struct crew *crew = arg;

	crew->nested[i] = mmsim_run(crew->m, CPUS, look_once_more, &crew->here);
	look(i, arg);
}

static void tasks_run_tasks(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_SERIAL; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &log);
		struct crew crew = { .m = m };

		assert_int_equal(mmsim_run(m, CPUS, run_inside, &crew), 0);
		assert_ran(&crew, CPUS);
		for (unsigned i = 0; i < CPUS; i++)
			assert_int_equal(crew.nested[i], 0);
		assert_int_equal(crew.here, CPUS * CPUS);
		mmsim_destroy(m);
	}
}

static void bad_arguments_are_refused(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, &log);
	struct crew crew = { .m = m };

	(void)state;
	assert_int_equal(mmsim_run(m, 0, look, &crew), -EINVAL);
	assert_non_null(strstr(log.line, "nr"));
	assert_int_equal(mmsim_run(m, CPUS + 1, look, &crew), -EINVAL);
	assert_int_equal(mmsim_run(m, 1, NULL, NULL), -EINVAL);
	assert_non_null(strstr(log.line, "fn"));
	assert_int_equal(log.lines, 3);
	assert_ran(&crew, 0);
	mmsim_destroy(m);
}

/* The kth task cannot be started, or no memory for it: fn has run on none. Afterwards all is well. */
static void fail_at(enum mmsim_mode mode, enum mmsim_fault_kind kind, uint32_t nth, int want)
{
	struct mmsim_config *cfg = sim_config_new(mode, 1, 1, CPUS);
	struct mmsim *m;
	struct crew crew;

	sim_ram(cfg, 0, SIM_NORMAL, 2048);
	cfg->boot = MMSIM_BOOT_COLD;
	cfg->flags |= MMSIM_NO_PREFAULT;
	cfg->fault[kind].nth = nth;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	crew = (struct crew){ .m = m };
	assert_int_equal(mmsim_run(m, CPUS, look, &crew), want);
	assert_ran(&crew, 0);
	assert_int_equal(mmsim_run(m, CPUS, look, &crew), 0);
	assert_ran(&crew, CPUS);
	mmsim_destroy(m);
	free(cfg);
}

/* Nothing but mmsim_run() starts threads here, so k counts its tasks. */
static void spawn_faults_run_nobody(void **state)
{
	(void)state;
	for (uint32_t k = 1; k <= CPUS; k++) {
		fail_at(MMSIM_NATIVE, MMSIM_FAULT_SPAWN, k, -EAGAIN);
		fail_at(MMSIM_SERIAL, MMSIM_FAULT_SPAWN, k, -EAGAIN);
	}
}

static void clock_goes_on(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_SERIAL; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &log);
		uint64_t last = mmsim_now(m);

		for (int i = 0; i < 100; i++) {
			uint64_t now = mmsim_now(m);

			assert_true(mode == MMSIM_SERIAL ? now > last : now >= last);
			last = now;
		}
		assert_true(mmsim_cpu(m) < CPUS);
		mmsim_destroy(m);
	}
}

struct nice_crew {
	struct mmsim *m;
	int nice, ret;
};

static void set_nice(unsigned i, void *arg)
{
	struct nice_crew *crew = arg;

	(void)i;
	crew->ret = mmsim_set_nice(crew->m, crew->nice);
}

/* Its own, for a task only: a thread of the program keeps what it has. */
static void priority_of_a_task(void **state)
{
	static const int nice[] = { -20, 0, 19, -21, 20, INT_MIN, INT_MAX };
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_SERIAL; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &log);

		for (unsigned i = 0; i < sizeof(nice) / sizeof(nice[0]); i++) {
			struct nice_crew crew = { .m = m, .nice = nice[i] };
			int want = i < 3 ? 0 : -EINVAL;

			assert_int_equal(mmsim_run(m, 1, set_nice, &crew), 0);
			assert_int_equal(crew.ret, want);
			assert_int_equal(mmsim_set_nice(m, nice[i]), want ? want : -EPERM);
			if (i == 4)
				assert_non_null(strstr(log.line, "nice: 20 is not"));
		}
		mmsim_destroy(m);
	}
}

#define UNITS 5000

static void mark(unsigned long start, unsigned long end, void *arg)
{
	for (unsigned long i = start; i < end; i++)
		__atomic_add_fetch((uint8_t *)arg + i, 1, __ATOMIC_RELAXED);
}

static void job_covers_every_unit_once(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_SERIAL; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &log);
		uint8_t units[UNITS] = { 0 };
		struct mmsim_padata_mt_job job = {
			.thread_fn = mark,
			.fn_arg = units,
			.start = 3,
			.size = UNITS - 5,
			.align = 7,
			.min_chunk = 10,
			.numa_aware = mode,
		};

		assert_int_equal(mmsim_padata_do_multithreaded(m, &job), 0);
		assert_int_equal(job.start, UNITS - 2);
		assert_int_equal(job.size, 0);
		for (unsigned i = 0; i < UNITS; i++)
			assert_int_equal(units[i], i >= 3 && i < UNITS - 2);
		mmsim_destroy(m);
	}
}

static void bad_jobs_are_refused(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, &log);
	struct mmsim_padata_mt_job good = { .thread_fn = mark, .start = 1, .size = 1 }, bad;
	static const char *const fields[] = { "thread_fn", "size", "max_threads", "align" };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct mmsim_padata_mt_job kept;

		bad = good;
		if (i == 0)
			bad.thread_fn = NULL;
		else if (i == 1)
			bad.size = ULONG_MAX;
		else if (i == 2)
			bad.max_threads = -1;
		else
			bad.size = 2, bad.align = ULONG_MAX;
		kept = bad;
		assert_int_equal(mmsim_padata_do_multithreaded(m, &bad), -EINVAL);
		assert_non_null(strstr(log.line, fields[i]));
		assert_memory_equal(&bad, &kept, sizeof(bad));
	}
	assert_int_equal(log.lines, 4);
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_index_on_its_cpu),
		cmocka_unit_test(native_tasks_run_at_the_same_time),
		cmocka_unit_test(tasks_run_tasks),
		cmocka_unit_test(bad_arguments_are_refused),
		cmocka_unit_test(spawn_faults_run_nobody),
		cmocka_unit_test(clock_goes_on),
		cmocka_unit_test(priority_of_a_task),
		cmocka_unit_test(job_covers_every_unit_once),
		cmocka_unit_test(bad_jobs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
