/* SPDX-License-Identifier: MIT */
/*
 * One cell of the engine's own cases: the same jobs given to one engine after the other.
 *
 * Each engine is opened, proved once to do every item exactly once, measured, and closed, so that its threads
 * are not there, awake or asleep, while the next one is measured. All that stands in one row of a report
 * comes from one repetition.
 */
#ifndef BENCH_JOBS_TRIAL_H
#define BENCH_JOBS_TRIAL_H

#include "harness/gate.h"
#include "jobs.h"
#include "jobs_blocks.h"
#include "jobs_impl.h"

struct jobs_trial {
	/* Set before jobs_trial_run(). */
	struct bench_session *session;
	unsigned case_index;
	unsigned threads;
	unsigned callers; /* 1 or 2 */
	unsigned items;
	enum jobs_shape shape;
	unsigned unit_ns;
	bool ours_only; /* nobody else can do it */
	bool no_twins; /* see jobs_impl.h */
	uint64_t idle_ns; /* before every job */
	unsigned blocks;
	/* By every caller; caller 0 fills in the values. */
	void (*measure)(struct jobs_trial *t, unsigned caller);

	struct jobs_load load;
	struct jobs_team team;
	struct gate gate; /* of the callers */
	uint64_t rounds; /* jobs of a block */
	unsigned blocks_now; /* of two callers: of this engine */
	double value[J_NR];
	unsigned opened; /* by so many callers */
	int error; /* of opening */
	bool unbound; /* a thread of the engine */
	bool wrong; /* items that were not done, or twice */
};

/* A trial of the case's usual kind: one caller, all engines, jobs_measure(). */
void jobs_trial_init(struct jobs_trial *t, struct bench_session *session, unsigned case_index,
		     unsigned threads);

/* Measure and record. Returns BENCH_OK or an exit code, with a line on stderr. */
int jobs_trial_run(struct jobs_trial *t);

/* For the functions that measure, on a caller */

/* The machine's time if it is virtual, else the host's. */
uint64_t jobs_trial_now(const struct jobs_trial *t);

/* Idle, natively; busy in virtual time, where only the helpers' idleness matters. */
void jobs_trial_idle(const struct jobs_trial *t, uint64_t ns);

/* n jobs one after the other; their time. */
uint64_t jobs_trial_jobs(struct jobs_trial *t, unsigned caller, uint64_t n);

/* One block of all items in the caller alone, added to *alone. */
void jobs_trial_alone(struct jobs_trial *t, struct jobs_blocks *alone);

/* How many jobs make a block. */
uint64_t jobs_trial_rounds(struct jobs_trial *t, unsigned caller);

/* J_NS and J_WORST from the blocks, J_OVER_IDEAL from those and, if there are, those alone on so many CPUs. */
void jobs_trial_values(struct jobs_trial *t, const struct jobs_blocks *jobs,
		       const struct jobs_blocks *alone, double cpus);

/* One caller's jobs, beside all items alone if they cost anything. */
void jobs_measure(struct jobs_trial *t, unsigned caller);

/* The blocks of a cell before which the items are done alone: every so many. */
#define JOBS_ALONE_EVERY 3

#endif
