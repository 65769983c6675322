/* SPDX-License-Identifier: MIT */
/*
 * Jobs of several callers at once, from tasks and from threads outside, some inside chunks of others:
 * every unit of each is done once, and the helpers suffice for the next.
 */
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

static void call_until_end(struct caller *c)
{
	do
		call_once(c);
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

static void stress(unsigned nr_tasks, uint32_t nr_faults)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 2, 2, CPUS / 2);
	struct caller *c = calloc(CPUS + OUTSIDE, sizeof(*c));
	uint64_t end = time_box_open(600);
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
	print_message("  %u tasks: %u jobs\n", nr_tasks, jobs);
	free(c);
	free(cfg);
	mmsim_destroy(m);
}

static void many_callers(void **state)
{
	(void)state;
	stress(1, 0);
	stress(2, 0);
	stress(CPUS, 0);
}

static void many_callers_without_threads(void **state)
{
	(void)state;
	stress(CPUS, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_callers),
		cmocka_unit_test(many_callers_without_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
