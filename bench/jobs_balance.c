/* SPDX-License-Identifier: MIT */
/* How near to ideal 64 items of unlike cost are shared out; and two callers at once. */
#include "harness/util.h"
#include "jobs_cases.h"
#include "jobs_trial.h"

static const enum jobs_shape shapes[] = { JOBS_UNIFORM, JOBS_RAMP, JOBS_REVERSE, JOBS_HEAVY };
static const unsigned units_ns[] = { 5, 50, 2000 };

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	unsigned which = jobs_which(case_index);
	struct jobs_trial t;

	jobs_trial_init(&t, session, case_index, threads);
	t.shape = shapes[which / ARRAY_LEN(units_ns)];
	t.unit_ns = units_ns[which % ARRAY_LEN(units_ns)];
	return jobs_trial_run(&t);
}

/* Two callers */

#define BLOCK_NS UINT64_C(1000000) /* some ten jobs of each */

/* Some peers take a hundred times as long, in which a few blocks are enough. */
#define SLOW_NS UINT64_C(5000000)
#define SLOW_BLOCKS 3

/* Both begin a block together; it ends when both are through with their jobs. */
static uint64_t both(struct jobs_trial *t, unsigned caller)
{
	uint64_t start;

	gate_wait(&t->gate);
	start = jobs_trial_now(t);
	jobs_trial_jobs(t, caller, t->rounds);
	gate_wait(&t->gate);
	return jobs_trial_now(t) - start;
}

/* With all the CPUs that both may use, or that there are, shared evenly. */
static double cpus_each(const struct jobs_trial *t)
{
	unsigned both = 2 * t->threads;

	return (both < t->session->cpus ? both : t->session->cpus) / 2.0;
}

static void measure_two(struct jobs_trial *t, unsigned caller)
{
	struct jobs_blocks jobs = { 0 }, alone = { 0 };
	uint64_t ns = both(t, caller);

	if (!caller) {
		t->rounds = jobs_blocks_rounds(BLOCK_NS, ns);
		t->blocks_now = ns > SLOW_NS ? SLOW_BLOCKS : t->blocks;
	}
	gate_wait(&t->gate); /* the other reads them */
	for (unsigned b = 0; b < t->blocks_now; b++) {
		if (!caller && b % JOBS_ALONE_EVERY == 0)
			jobs_trial_alone(t, &alone);
		jobs_blocks_add(&jobs, both(t, caller), t->rounds);
	}
	if (!caller)
		jobs_trial_values(t, &jobs, &alone, cpus_each(t));
}

static int cell_two(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct jobs_trial t;

	jobs_trial_init(&t, session, case_index, threads);
	t.callers = 2;
	t.shape = JOBS_RAMP;
	t.unit_ns = 50;
	t.measure = measure_two;
	return jobs_trial_run(&t);
}

#define UNITS(shape, about)                                            \
	{ { #shape "-5ns", about " 5 ns", false, 0 }, cell },          \
		{ { #shape "-50ns", about " 50 ns", true, 0 }, cell }, \
	{                                                              \
		{ #shape "-2us", about " 2 us", false, 0 }, cell       \
	}

const struct jobs_client jobs_balance_clients[] = {
	UNITS(uniform, "64 items of"),
	UNITS(ramp, "64 items, the first of 1, the last of 64 times"),
	UNITS(reverse, "64 items, the first of 64 times, the last of 1 times"),
	UNITS(heavy, "64 items, every 16th of 32 times, the others of"),
	{ { "two-callers", "ramp-50ns by two callers at once", true, 0 }, cell_two },
};

const unsigned jobs_balance_nr_clients = ARRAY_LEN(jobs_balance_clients);

_Static_assert(ARRAY_LEN(shapes) * ARRAY_LEN(units_ns) + 1 == ARRAY_LEN(jobs_balance_clients),
	       "the cases of a shape are its units");
