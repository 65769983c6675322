/* SPDX-License-Identifier: MIT */
/* What it takes to undo: a job whose last chunk fails, with and without a function that undoes. */
#include "harness/util.h"
#include "jobs_cases.h"
#include "jobs_trial.h"

#include <errno.h>

#define UNITS 4096
#define UNIT_NS 50

struct failing {
	struct jobs_trial *t;
	size_t undone; /* of one task; by the caller alone */
	uint64_t all_undone, tasks; /* of those with a function that undoes */
	bool wrong;
};

/* A unit costs the same either way: one of the load's items, which are all alike. */
static void work(const struct failing *f, size_t units)
{
	while (units-- > 0)
		jobs_item(&f->t->load, 0);
}

static int do_chunk(void *start, void *end, void *arg)
{
	if ((uintptr_t)end == UNITS)
		return -EIO;
	work(arg, (uintptr_t)end - (uintptr_t)start);
	return 0;
}

static int undo_chunk(void *start, void *end, void *arg)
{
	struct failing *f = arg;
	size_t units = (uintptr_t)end - (uintptr_t)start;

	work(f, units);
	f->undone += units;
	return 0;
}

/* Returns its time. */
static uint64_t fail_once(struct failing *f, bool undo)
{
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = do_chunk,
		.undo_fn = undo ? undo_chunk : NULL,
		.fn_arg = f,
		.min_chunk = 1,
		.max_threads = f->t->threads,
		.flags = MMSIM_KTASK_GUIDED,
	};
	uint64_t start = jobs_trial_now(f->t), ns;
	int rc;

	f->undone = 0;
	rc = mmsim_ktask_run(f->t->team.m, NULL, UNITS, &ctl);
	ns = jobs_trial_now(f->t) - start;
	f->wrong |= rc != -EIO || (undo && f->undone != ctl.done);
	f->all_undone += f->undone;
	f->tasks += undo;
	return ns;
}

/* While the caller undoes, helpers fall asleep: before each task one that does not count wakes them. */
static void fail_often(struct failing *f, bool undo, uint64_t rounds, struct jobs_blocks *blocks)
{
	uint64_t ns = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		fail_once(f, false);
		ns += fail_once(f, undo);
	}
	jobs_blocks_add(blocks, ns, rounds);
}

static void work_alone(const struct failing *f, struct jobs_blocks *alone)
{
	uint64_t start = jobs_trial_now(f->t);

	work(f, UNITS);
	jobs_blocks_add(alone, jobs_trial_now(f->t) - start, UNITS);
}

static void measure(struct jobs_trial *t, unsigned caller)
{
	struct jobs_blocks with = { 0 }, without = { 0 }, alone = { 0 };
	struct failing f = { .t = t };
	double undoing;
	uint64_t rounds;

	(void)caller;
	rounds = jobs_blocks_rounds(t->session->setting[JOBS_SET_BLOCK_NS], fail_once(&f, true));
	for (unsigned b = 0; b < t->blocks; b++) {
		work_alone(&f, &alone);
		fail_often(&f, false, rounds, &without);
		fail_often(&f, true, rounds, &with);
	}
	t->wrong |= f.wrong;
	jobs_trial_values(t, &with, &(struct jobs_blocks){ 0 }, 1);
	undoing = jobs_blocks_median(&with) - jobs_blocks_median(&without);
	t->value[J_NS_PER_UNIT] = undoing * (double)f.tasks / (double)f.all_undone;
	t->value[J_OVER_IDEAL] = t->value[J_NS_PER_UNIT] / jobs_blocks_median(&alone);
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct jobs_trial t;

	jobs_trial_init(&t, session, case_index, threads);
	t.ours_only = true;
	t.shape = JOBS_UNIFORM;
	t.unit_ns = UNIT_NS;
	t.measure = measure;
	return jobs_trial_run(&t);
}

const struct jobs_client jobs_undo_clients[] = {
	{ { "undo", "4096 units of 50 ns, the last of which fails: all others are undone", true,
	    0 },
	  cell },
};

const unsigned jobs_undo_nr_clients = ARRAY_LEN(jobs_undo_clients);
