/* SPDX-License-Identifier: MIT */
/* ktasks and what is told of the engine, by the public interface. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"

#define CPUS 4 /* two on each of two nodes */
#define UNITS 3000

static struct mmsim *create(enum mmsim_mode mode, const struct mmsim_job_policy *policy,
			    struct sim_log *log)
{
	static struct mmsim_explore explore;
	const char *name;
	struct mmsim_config *cfg = sim_config_shape(1, mode, &name);
	struct mmsim *m;

	sim_log_into(cfg, log);
	cfg->boot = MMSIM_BOOT_COLD;
	explore = (struct mmsim_explore){ 0 };
	cfg->explore = &explore;
	if (policy)
		cfg->job = *policy;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static struct mmsim_job_stats stats_of(struct mmsim *m)
{
	struct mmsim_job_stats stats;

	assert_int_equal(mmsim_job_stats(m, &stats), 0);
	return stats;
}

/* What a task works on: positions are addresses in it. */
struct work {
	struct mmsim *m;
	uint8_t unit[UNITS]; /* atomic */
	uint32_t calls; /* atomic */
	uint32_t fail_at; /* call; 0: none */
	unsigned undone;
};

static int mark(void *start, void *end, void *arg)
{
	struct work *w = arg;
	uint32_t call = __atomic_add_fetch(&w->calls, 1, __ATOMIC_RELAXED);

	mmsim_yield(w->m);
	if (call == w->fail_at)
		return -EIO;
	for (uint8_t *u = start; u < (uint8_t *)end; u++)
		__atomic_add_fetch(u, 1, __ATOMIC_RELAXED);
	return 0;
}

static int unmark(void *start, void *end, void *arg)
{
	struct work *w = arg;

	w->undone++;
	for (uint8_t *u = start; u < (uint8_t *)end; u++)
		--*u;
	return 0;
}

static struct mmsim_ktask_ctl ctl_of(struct work *w)
{
	return (struct mmsim_ktask_ctl){
		.thread_fn = mark, .undo_fn = unmark, .fn_arg = w, .min_chunk = 10
	};
}

static void assert_units(const struct work *w, unsigned times)
{
	for (unsigned i = 0; i < UNITS; i++)
		assert_int_equal(w->unit[i], times);
}

static void every_unit_once(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, NULL, &log);
		struct work w = { .m = m };
		struct mmsim_ktask_ctl ctl = ctl_of(&w);
		struct mmsim_ktask_node nodes[3] = {
			{ w.unit, 1000, 1 },
			{ w.unit + 1000, 0, 0 },
			{ w.unit + 1000, UNITS - 1000, MMSIM_NO_NODE },
		};

		assert_int_equal(mmsim_ktask_run(m, w.unit, UNITS, &ctl), 0);
		assert_units(&w, 1);
		assert_int_equal(ctl.done, UNITS);
		assert_in_range(ctl.threads_used, 1, 4);
		assert_int_equal(mmsim_ktask_run_numa(m, nodes, 3, &ctl), 0);
		assert_units(&w, 2);
		assert_int_equal(mmsim_ktask_run_numa(m, NULL, 0, &ctl), 0);
		assert_int_equal(mmsim_ktask_run(m, NULL, 0, &ctl), 0);
		assert_units(&w, 2);
		assert_int_equal(stats_of(m).helpers, 0);
		assert_int_equal(log.lines, 0);
		mmsim_destroy(m);
	}
}

static void errors_are_undone(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, NULL, &log);
		struct work w = { .m = m, .fail_at = 5 };
		struct mmsim_ktask_ctl ctl = ctl_of(&w);

		assert_int_equal(mmsim_ktask_run(m, w.unit, UNITS, &ctl), -EIO);
		assert_units(&w, 0);
		assert_true(w.undone > 0);
		assert_non_null(ctl.first_failed);
		assert_int_equal(log.lines, 0); /* it is the client's error */
		mmsim_ktask_cancel(&ctl);
		assert_int_equal(mmsim_ktask_run(m, w.unit, UNITS, &ctl), -ECANCELED);
		ctl.cancelled = 0;
		assert_int_equal(mmsim_ktask_run(m, w.unit, UNITS, &ctl), 0);
		assert_units(&w, 1);
		mmsim_destroy(m);
	}
}

static void from_tasks(unsigned i, void *arg)
{
	struct work *w = (struct work *)arg + i;
	struct mmsim_ktask_ctl ctl = ctl_of(w);

	if (mmsim_ktask_run(w->m, w->unit, UNITS, &ctl))
		w->fail_at = 1;
}

static void several_callers(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, NULL, &log);
		struct work *w = calloc(CPUS, sizeof(*w));

		assert_non_null(w);
		for (unsigned i = 0; i < CPUS; i++)
			w[i].m = m;
		assert_int_equal(mmsim_run(m, CPUS, from_tasks, w), 0);
		for (unsigned i = 0; i < CPUS; i++) {
			assert_int_equal(w[i].fail_at, 0);
			assert_units(&w[i], 1);
		}
		free(w);
		mmsim_destroy(m);
	}
}

/* A padata job whose chunks are ktasks. */
static void ktask_of_a_chunk(unsigned long start, unsigned long end, void *arg)
{
	struct work *w = arg;
	struct mmsim_ktask_ctl ctl = ctl_of(w);

	if (mmsim_ktask_run(w->m, w->unit + start, end - start, &ctl))
		__atomic_store_n(&w->fail_at, 1, __ATOMIC_RELAXED);
}

static void inside_a_job(void **state)
{
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, NULL, &log);
		struct work w = { .m = m };
		struct mmsim_padata_mt_job job = { .thread_fn = ktask_of_a_chunk,
						   .fn_arg = &w,
						   .size = UNITS };

		assert_int_equal(mmsim_padata_do_multithreaded(m, &job), 0);
		assert_int_equal(w.fail_at, 0);
		assert_units(&w, 1);
		mmsim_destroy(m);
	}
}

/* Refused: a line that names what, and nothing written. */

static void assert_refused(struct mmsim *m, struct sim_log *log, struct mmsim_ktask_ctl *ctl,
			   const struct mmsim_ktask_node *nodes, size_t nr, const char *what)
{
	struct mmsim_ktask_ctl kept = *ctl;
	unsigned lines = log->lines;

	assert_int_equal(mmsim_ktask_run_numa(m, nodes, nr, ctl), -EINVAL);
	assert_int_equal(log->lines, lines + 1);
	assert_non_null(strstr(log->line, what));
	assert_non_null(strstr(log->line, "mmsim_ktask_run_numa: "));
	assert_memory_equal(ctl, &kept, sizeof(kept));
}

static void bad_tasks_are_refused(void **state)
{
	struct mmsim_ktask_thread thread[2], kept[2];
	struct mmsim_cpu_budget budget = { .quota_ns = 1 };
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, NULL, &log);
	struct work w = { .m = m };
	struct mmsim_ktask_ctl good = ctl_of(&w), bad;
	struct mmsim_ktask_node node = { w.unit, 100, 0 };

	(void)state;
	memset(thread, 0x5a, sizeof(thread));
	memcpy(kept, thread, sizeof(kept));
	good.threads = thread;
	good.nr_threads = 2;
	bad = good, bad.thread_fn = NULL;
	assert_refused(m, &log, &bad, &node, 1, "thread_fn");
	bad = good, bad.min_chunk = 0;
	assert_refused(m, &log, &bad, &node, 1, "min_chunk");
	bad = good, bad.flags = 1u << 31;
	assert_refused(m, &log, &bad, &node, 1, "flags");
	bad = good, bad.budget = &budget;
	assert_refused(m, &log, &bad, &node, 1, "budget");
	budget.period_ns = 1001;
	assert_refused(m, &log, &bad, &node, 1, "1000 times the quota");
	budget = (struct mmsim_cpu_budget){ .quota_ns = 1000000000, .period_ns = 1000000001 };
	assert_refused(m, &log, &bad, &node, 1, "above 1 s");
	bad = good;
	mmsim_ktask_cancel(NULL);
	assert_refused(m, &log, &bad, NULL, 1, "nodes");
	assert_refused(m, &log, &bad, &node, MMSIM_MAX_NODES + 1, "nr_nodes");
	node.nid = 2;
	assert_refused(m, &log, &bad, &node, 1, "nid");
	node = (struct mmsim_ktask_node){ w.unit, SIZE_MAX, 0 };
	assert_refused(m, &log, &bad, &node, 1, "task_size");
	assert_memory_equal(thread, kept, sizeof(kept));
	assert_int_equal(mmsim_ktask_run(m, NULL, 1, NULL), -EINVAL);
	assert_non_null(strstr(log.line, "mmsim_ktask_run: ctl"));
	assert_int_equal(mmsim_ktask_run(m, (void *)(uintptr_t)2, SIZE_MAX - 1, &good), -EINVAL);
	assert_int_equal(w.calls, 0);
	assert_int_equal(mmsim_job_stats(m, NULL), -EINVAL);
	mmsim_destroy(m);
}

/* A task so long that nobody will see its end: it can be cancelled. */
static int cancel_at_once(void *start, void *end, void *arg)
{
	(void)start;
	(void)end;
	mmsim_ktask_cancel(arg);
	return 0;
}

static void endless_task(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, NULL, &log);
	struct mmsim_ktask_ctl ctl = { .thread_fn = cancel_at_once,
				       .fn_arg = &ctl,
				       .min_chunk = 1 };

	(void)state;
	assert_int_equal(mmsim_ktask_run(m, NULL, SIZE_MAX, &ctl), -ECANCELED);
	ctl.cancelled = 0;
	ctl.min_chunk = SIZE_MAX;
	assert_int_equal(mmsim_ktask_run(m, NULL, SIZE_MAX, &ctl), 0);
	assert_int_equal(ctl.done, SIZE_MAX);
	mmsim_destroy(m);
}

/* The engine */

static void engine_off(void **state)
{
	const struct mmsim_job_policy off = { .flags = MMSIM_JOB_OFF };
	struct sim_log log;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &off, &log);
		struct work w = { .m = m };
		struct mmsim_ktask_ctl ctl = ctl_of(&w);

		assert_int_equal(stats_of(m).power_saving, 1);
		assert_int_equal(mmsim_ktask_run(m, w.unit, UNITS, &ctl), 0);
		assert_int_equal(w.calls, 1);
		assert_int_equal(ctl.threads_used, 1);
		w.fail_at = 4;
		ctl.flags = MMSIM_KTASK_GUIDED;
		assert_int_equal(mmsim_ktask_run(m, w.unit, UNITS, &ctl), -EIO);
		assert_units(&w, 1);
		assert_int_equal(w.undone, 1);
		assert_int_equal(stats_of(m).called, 0);
		mmsim_destroy(m);
	}
}

static void power_saving(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, NULL, &log);
	struct work w = { .m = m };
	struct mmsim_ktask_ctl ctl = ctl_of(&w);

	uint64_t called = stats_of(m).called; /* at creation, to touch memory */

	(void)state;
	mmsim_job_power_save(m, true);
	assert_int_equal(stats_of(m).power_saving, 1);
	assert_int_equal(mmsim_ktask_run(m, w.unit, UNITS, &ctl), 0);
	assert_int_equal(w.calls, 1);
	assert_int_equal(stats_of(m).called, called);
	mmsim_job_power_save(m, false);
	assert_int_equal(stats_of(m).power_saving, 0);
	assert_int_equal(mmsim_ktask_run(m, w.unit, UNITS, &ctl), 0);
	assert_int_equal(ctl.threads_used, 4);
	assert_units(&w, 2);
	mmsim_destroy(m);
}

static void limits_and_stats(void **state)
{
	const struct mmsim_job_policy few = { .max_helpers = 2, .max_node_helpers = 1 };
	struct mmsim_job_stats stats, before;
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, NULL, &log);
	struct work w = { .m = m };
	struct mmsim_ktask_ctl ctl = ctl_of(&w);
	struct mmsim_ktask_node node = { w.unit, UNITS, 1 };

	(void)state;
	before = stats_of(m);
	assert_int_equal(before.max_helpers, 3); /* 4/5 of 4 */
	assert_int_equal(mmsim_ktask_run(m, w.unit, UNITS, &ctl), 0);
	stats = stats_of(m);
	assert_int_equal(stats.jobs - before.jobs, 1);
	assert_int_equal(stats.called - before.called, 3);
	assert_int_equal(stats.joined - before.joined, 3);
	assert_int_equal(stats.anywhere, 0);
	assert_int_equal(stats.quota_threads, 0);
	mmsim_destroy(m);
	m = w.m = create(MMSIM_SERIAL, &few, &log);
	before = stats_of(m);
	assert_int_equal(before.max_helpers, 2);
	assert_int_equal(mmsim_ktask_run_numa(m, &node, 1, &ctl), 0);
	stats = stats_of(m);
	assert_int_equal(stats.called - before.called, 2);
	assert_int_equal(stats.anywhere, 1);
	assert_int_equal(ctl.threads_used, 3);
	mmsim_destroy(m);
}

/* Where the helpers of ktasks are, and at which priority. */
struct look {
	struct mmsim *m;
	uint32_t others; /* atomic: chunks on another CPU than the caller's */
};

static int look(void *start, void *end, void *arg)
{
	struct look *l = arg;

	mmsim_ndelay(l->m, ((uintptr_t)end - (uintptr_t)start) * 100000);
	__atomic_add_fetch(&l->others, mmsim_cpu(l->m) != 0, __ATOMIC_RELAXED);
	return 0;
}

/* Virtual: four CPUs do it in a quarter of the time, a budget of one of them in all of it. */
static uint64_t time_of_task(struct mmsim_cpu_budget *budget, uint32_t threads)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_VIRTUAL, NULL, &log);
	struct look l = { .m = m };
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = look,
		.fn_arg = &l,
		.min_chunk = 1,
		.max_threads = threads,
		.flags = MMSIM_KTASK_GUIDED,
		.budget = budget,
	};
	uint64_t began = mmsim_now(m);

	assert_int_equal(mmsim_ktask_run(m, NULL, 400, &ctl), 0);
	began = mmsim_now(m) - began;
	assert_true(threads == 1 || budget || l.others > 0);
	mmsim_destroy(m);
	return began;
}

static void budget_by_the_clock(void **state)
{
	struct mmsim_cpu_budget half = { .quota_ns = 500000, .period_ns = 1000000 };
	uint64_t alone = time_of_task(NULL, 1), four = time_of_task(NULL, 4), slowed;

	(void)state;
	assert_true(four * 2 < alone);
	slowed = time_of_task(&half, 4);
	assert_in_range(slowed, alone * 3 / 2, alone * 5 / 2);
	assert_true(half.throttled > 0);
	assert_true(half.used_ns >= alone / 2);
}

static void threads_by_bandwidth(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(MMSIM_SERIAL, NULL, &log);

	(void)state;
	assert_int_equal(mmsim_job_threads(m, 0), 2); /* cores */
	assert_int_equal(mmsim_job_threads(m, 1), 2);
	assert_int_equal(mmsim_job_threads(m, 2), 0);
	assert_int_equal(mmsim_job_threads(m, UINT32_MAX), 0);
	mmsim_destroy(m);
	m = create(MMSIM_VIRTUAL, NULL, &log);
	assert_in_range(mmsim_job_threads(m, 0), 1, 2);
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_unit_once),
		cmocka_unit_test(errors_are_undone),
		cmocka_unit_test(several_callers),
		cmocka_unit_test(inside_a_job),
		cmocka_unit_test(bad_tasks_are_refused),
		cmocka_unit_test(endless_task),
		cmocka_unit_test(engine_off),
		cmocka_unit_test(power_saving),
		cmocka_unit_test(limits_and_stats),
		cmocka_unit_test(budget_by_the_clock),
		cmocka_unit_test(threads_by_bandwidth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
