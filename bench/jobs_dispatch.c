/* SPDX-License-Identifier: MIT */
/* What it takes to give out a job that has nothing to do, warm and after idleness. */
#include "harness/util.h"
#include "jobs_cases.h"
#include "jobs_trial.h"

/* From here on idleness, not the job, is what a block takes: fewer of them. */
#define LONG_IDLE_NS UINT64_C(10000000)
#define LONG_IDLE_SHARE 5

static const struct {
	unsigned items;
	uint64_t idle_ns;
} params[] = {
	{ 2, 0 }, { 64, 0 }, { 2, 2000000 }, { 64, 2000000 }, { 2, 60000000 }, { 64, 60000000 },
};

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	unsigned which = jobs_which(case_index);
	struct jobs_trial t;

	jobs_trial_init(&t, session, case_index, threads);
	t.items = params[which].items;
	t.idle_ns = params[which].idle_ns;
	t.no_twins = t.idle_ns > 0;
	if (t.idle_ns >= LONG_IDLE_NS)
		t.blocks = (t.blocks + LONG_IDLE_SHARE - 1) / LONG_IDLE_SHARE;
	return jobs_trial_run(&t);
}

const struct jobs_client jobs_dispatch_clients[] = {
	{ { "empty-2", "two items of nothing, job after job", true, 2 }, cell },
	{ { "empty-64", "64 items of nothing, job after job", true, 0 }, cell },
	{ { "empty-2-idle-2ms", "two, after 2 ms of idleness", true, 2 }, cell },
	{ { "empty-64-idle-2ms", "64, after 2 ms of idleness", false, 0 }, cell },
	{ { "empty-2-idle-60ms", "two, after 60 ms of idleness", true, 2 }, cell },
	{ { "empty-64-idle-60ms", "64, after 60 ms of idleness", false, 0 }, cell },
};

const unsigned jobs_dispatch_nr_clients = ARRAY_LEN(jobs_dispatch_clients);

_Static_assert(ARRAY_LEN(params) == ARRAY_LEN(jobs_dispatch_clients), "one row per case");
