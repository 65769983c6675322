/* SPDX-License-Identifier: MIT */
/*
 * Jobs and ktasks of several callers at once, from tasks and from threads outside, some inside chunks of
 * others, some ktasks failing or cancelled: every unit of each is done once, or undone once if it was
 * finished, and the helpers suffice for the next.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"
#include "time_box.h"

#define CPUS 8
#define OUTSIDE 2
#define UNITS 600
#define INNER 8 /* units of the job inside a chunk */

struct caller {
	struct mmsim *m;
	uint64_t end;
	unsigned jobs;
	const char *wrong; /* NULL: nothing */
	uint8_t unit[UNITS]; /* atomic: how often done */
	unsigned inner; /* atomic: units of inner jobs done */
	unsigned outer; /* atomic: inner jobs */
	unsigned calls; /* atomic: of thread_fn of a ktask */
	struct mmsim_ktask_ctl ctl;
	void (*call_once)(struct caller *c);
};

static void inner_chunk(unsigned long start, unsigned long end, void *arg)
{
	struct caller *c = arg;

	__atomic_add_fetch(&c->inner, (unsigned)(end - start), __ATOMIC_RELAXED);
}

static void start_inner(struct caller *c)
{
	struct mmsim_padata_mt_job job = { .thread_fn = inner_chunk, .fn_arg = c, .size = INNER };

	__atomic_add_fetch(&c->outer, 1, __ATOMIC_RELAXED);
	mmsim_padata_do_multithreaded(c->m, &job);
}

static void chunk(unsigned long start, unsigned long end, void *arg)
{
	struct caller *c = arg;

	for (unsigned long i = start; i < end; i++)
		__atomic_add_fetch(&c->unit[i], 1, __ATOMIC_RELAXED);
	if (start % 3 == 0)
		start_inner(c);
}

static void check(struct caller *c)
{
	for (unsigned i = 0; i < UNITS; i++)
		if (c->unit[i] != 1)
			c->wrong = "a unit was not done once";
	if (c->inner != c->outer * INNER)
		c->wrong = "a unit of an inner job was not done once";
}

static void call_once(struct caller *c)
{
	struct mmsim_padata_mt_job job = {
		.thread_fn = chunk,
		.fn_arg = c,
		.size = UNITS,
		.min_chunk = 1 + c->jobs % 40,
		.align = 1 + c->jobs % 3,
		.max_threads = (int)(c->jobs % (CPUS + 2)),
		.numa_aware = c->jobs % 2,
	};

	memset(c->unit, 0, sizeof(c->unit));
	c->inner = c->outer = 0;
	if (mmsim_padata_do_multithreaded(c->m, &job))
		c->wrong = "a job was refused";
	check(c);
	c->jobs++;
}

/* A ktask: unit i is at position i + 1. How it goes depends on which it is. */

#define ONE_IN(n, c) ((c)->jobs % (n) == (n)-1)

static int ktask_inner(void *start, void *end, void *arg)
{
	inner_chunk((uintptr_t)start, (uintptr_t)end, arg);
	return 0;
}

static void start_inner_ktask(struct caller *c)
{
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = ktask_inner, .fn_arg = c, .min_chunk = 1, .max_threads = 3
	};

	__atomic_add_fetch(&c->outer, 1, __ATOMIC_RELAXED);
	if (mmsim_ktask_run(c->m, NULL, INNER, &ctl))
		c->wrong = "an inner ktask failed";
}

static void add_to_units(struct caller *c, void *start, void *end, int n)
{
	for (uintptr_t i = (uintptr_t)start; i < (uintptr_t)end; i++)
		__atomic_add_fetch(&c->unit[i - 1], n, __ATOMIC_RELAXED);
}

static int ktask_chunk(void *start, void *end, void *arg)
{
	struct caller *c = arg;
	unsigned call = __atomic_add_fetch(&c->calls, 1, __ATOMIC_RELAXED);

	if (ONE_IN(3, c) && call == c->jobs % 17)
		return 1 + (int)call;
	add_to_units(c, start, end, 1);
	if (ONE_IN(4, c) && call == c->jobs % 13)
		mmsim_ktask_cancel(&c->ctl);
	if (call % 7 == 3)
		start_inner_ktask(c);
	return 0;
}

static int ktask_undo(void *start, void *end, void *arg)
{
	add_to_units(arg, start, end, -1);
	return 0;
}

static void check_ktask(struct caller *c, int err)
{
	for (unsigned i = 0; i < UNITS; i++)
		if (c->unit[i] != !err)
			c->wrong = err ? "a unit was not undone once" : "a unit was not done once";
	if (c->inner != c->outer * INNER)
		c->wrong = "a unit of an inner ktask was not done once";
	if (err && err != -ECANCELED && err != 1 + (int)(c->jobs % 17))
		c->wrong = "an error that nobody returned";
	if (!err && c->ctl.done != UNITS)
		c->wrong = "done is not all";
}

static void ktask_once(struct caller *c)
{
	const struct mmsim_ktask_node node[2] = {
		{ (void *)(uintptr_t)1, UNITS / 3, (int)(c->jobs % 3) - 1 },
		{ (void *)(uintptr_t)(1 + UNITS / 3), UNITS - UNITS / 3, c->jobs % 2 },
	};

	c->ctl = (struct mmsim_ktask_ctl){
		.thread_fn = ktask_chunk,
		.undo_fn = ktask_undo,
		.fn_arg = c,
		.min_chunk = 1 + c->jobs % 40,
		.max_threads = c->jobs % (CPUS + 2),
		.flags = c->jobs / 2 % 2 ? MMSIM_KTASK_GUIDED : 0,
	};
	memset(c->unit, 0, sizeof(c->unit));
	c->inner = c->outer = c->calls = 0;
	check_ktask(c, mmsim_ktask_run_numa(c->m, node, 2, &c->ctl));
	c->jobs++;
}

/* Both in turn: they share the helpers. */
static void either_once(struct caller *c)
{
	if (c->jobs % 2)
		call_once(c);
	else
		ktask_once(c);
}

static void call_until_end(struct caller *c)
{
	do
		c->call_once(c);
	while (!c->wrong && !time_box_over(c->end));
}

static void task(unsigned i, void *arg)
{
	call_until_end((struct caller *)arg + i);
}

static void *outside(void *arg)
{
	call_until_end(arg);
	return NULL;
}

static void stress(void (*call)(struct caller *c), unsigned nr_tasks, uint32_t nr_faults)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 2, 2, CPUS / 2);
	struct caller *c = calloc(CPUS + OUTSIDE, sizeof(*c));
	uint64_t end = time_box_open(350);
	struct mmsim_job_stats stats;
	pthread_t thread[OUTSIDE];
	struct mmsim *m;
	unsigned jobs = 0;

	assert_non_null(c);
	sim_ram(cfg, 0, SIM_NORMAL, 2048);
	cfg->boot = MMSIM_BOOT_COLD;
	cfg->fault[MMSIM_FAULT_SPAWN] = (struct mmsim_fault){ nr_faults ? 20 : 0, nr_faults };
	assert_int_equal(mmsim_create(cfg, &m), 0);
	for (unsigned i = 0; i < CPUS + OUTSIDE; i++) {
		c[i].m = m;
		c[i].end = end;
		c[i].call_once = call;
	}
	for (unsigned i = 0; i < OUTSIDE; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, outside, &c[CPUS + i]), 0);
	/* Faults may take its tasks: then only those outside work. */
	(void)mmsim_run(m, nr_tasks, task, c);
	for (unsigned i = 0; i < OUTSIDE; i++)
		pthread_join(thread[i], NULL);
	for (unsigned i = 0; i < CPUS + OUTSIDE; i++) {
		if (c[i].wrong)
			fail_msg("caller %u, job %u: %s", i, c[i].jobs, c[i].wrong);
		jobs += c[i].jobs;
	}
	assert_int_equal(mmsim_job_stats(m, &stats), 0);
	assert_int_equal(stats.helpers, 0);
	print_message("  %u tasks: %u jobs, helpers: %lu called, %lu joined\n", nr_tasks, jobs,
		      (unsigned long)stats.called, (unsigned long)stats.joined);
	free(c);
	free(cfg);
	mmsim_destroy(m);
}

static void many_callers(void **state)
{
	(void)state;
	stress(call_once, 1, 0);
	stress(call_once, 2, 0);
	stress(call_once, CPUS, 0);
}

static void many_callers_without_threads(void **state)
{
	(void)state;
	stress(call_once, CPUS, 40);
	stress(either_once, CPUS, 40);
}

static void many_ktasks(void **state)
{
	(void)state;
	stress(ktask_once, 1, 0);
	stress(ktask_once, CPUS, 0);
	stress(either_once, CPUS, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_callers),
		cmocka_unit_test(many_callers_without_threads),
		cmocka_unit_test(many_ktasks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
