/* SPDX-License-Identifier: MIT */
/* Helpers of low priority, or not; a caller that lends its own, or does not. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"

#define MS UINT64_C(1000000)
#define LOAD_MS 400
#define TASK_MS 80

/* Two CPUs: a load on each or on the first alone, and a task whose caller is on the second. */
struct pair {
	struct mmsim *m;
	unsigned loads;
	uint64_t load_ns, task_ns; /* what they took */
	struct mmsim_job_stats stats;
};

static void work(struct mmsim *m, size_t ms)
{
	while (ms-- > 0)
		mmsim_ndelay(m, MS);
}

static void load(unsigned cpu, void *arg)
{
	struct pair *p = arg;
	uint64_t began = mmsim_now(p->m);

	work(p->m, LOAD_MS);
	if (cpu == 0)
		p->load_ns = mmsim_now(p->m) - began;
}

static int chunk(void *start, void *end, void *arg)
{
	const struct pair *p = arg;

	work(p->m, (uintptr_t)end - (uintptr_t)start);
	return 0;
}

static void task(struct pair *p)
{
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = chunk,
		.fn_arg = p,
		.min_chunk = 1,
		.max_threads = 2,
	};
	uint64_t began;

	work(p->m, 1); /* the load has begun */
	began = mmsim_now(p->m);
	mmsim_ktask_run(p->m, NULL, TASK_MS, &ctl);
	p->task_ns = mmsim_now(p->m) - began;
	mmsim_job_stats(p->m, &p->stats);
}

static void both(unsigned cpu, void *arg)
{
	struct pair *p = arg;

	if (cpu == 0)
		mmsim_run(p->m, p->loads, load, p);
	else
		task(p);
}

static struct pair run_pair(unsigned loads, uint32_t flags)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));
	struct pair p = { .loads = loads };

	assert_non_null(cfg);
	mmsim_config_defaults(cfg);
	cfg->mode = MMSIM_VIRTUAL;
	cfg->boot = MMSIM_BOOT_COLD;
	cfg->job.flags = flags;
	cfg->figure[MMSIM_FIG_TURBO_ALL] = MMSIM_FIGURE_ONE;
	assert_int_equal(
		mmsim_config_from_synthetic(cfg, "core:2 pu:1", UINT64_C(64) << 20, NULL, 0), 0);
	assert_int_equal(mmsim_create(cfg, &p.m), 0);
	free(cfg);
	assert_int_equal(mmsim_run(p.m, 2, both, &p), 0);
	mmsim_destroy(p.m);
	p.m = NULL;
	return p;
}

/* The load has its CPU for itself, or shares it for as long as there is a task. */
static void low_or_normal(void **state)
{
	struct pair low = run_pair(1, 0), normal = run_pair(1, MMSIM_JOB_NORMAL_PRIORITY);
	(void)state;

	assert_in_range(low.load_ns, LOAD_MS * MS, LOAD_MS * MS * 105 / 100);
	assert_in_range(normal.load_ns, (LOAD_MS + TASK_MS / 4) * MS, (LOAD_MS + TASK_MS) * MS);
	assert_true(normal.task_ns < low.task_ns);
}

/* The caller's part is done; the helper's chunk goes on at what a low priority has beside the load. */
static void lend_or_not(void **state)
{
	struct pair lends = run_pair(2, 0), keeps = run_pair(2, MMSIM_JOB_NO_LEND);
	struct pair normal = run_pair(2, MMSIM_JOB_NORMAL_PRIORITY);
	(void)state;

	assert_int_equal(lends.stats.lent, 1);
	assert_int_equal(keeps.stats.lent, 0);
	assert_int_equal(normal.stats.lent, 0); /* there is nothing to gain */
	assert_true(lends.task_ns < 2 * TASK_MS * MS);
	assert_true(keeps.task_ns > lends.task_ns * 3 / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(low_or_normal),
		cmocka_unit_test(lend_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
