/* SPDX-License-Identifier: MIT */
/*
 * One measured teardown: a machine, processes that have touched their memory, the call that takes them down.
 *
 * Processes run on CPUs next to each other, one each, touch, wait for each other, and are taken down at the
 * same time. Locks are timed in virtual time, where it is free; natively it costs two clock reads for each,
 * so shares and times are to be had of two trials.
 */
#ifndef BENCH_UNMAP_TRIAL_H
#define BENCH_UNMAP_TRIAL_H

#include "unmap.h"

#include <mmsim/mmsim.h>

/* The kinds of locks that are told apart. */
enum unmap_lock { UNMAP_ZONE_LOCK, UNMAP_LRU_LOCK, UNMAP_TABLE_LOCK, UNMAP_NR_LOCKS };

struct unmap_trial {
	struct bench_session *session;
	unsigned what; /* UNMAP_* */
	unsigned processes;
	uint64_t memory; /* of the machine */
	uint64_t bytes; /* mapped by all processes together, less what is no whole huge page */
	struct mmsim_teardown how;
	bool timed_locks; /* natively */

	/* Results. */
	uint64_t pages; /* of 4 KiB, of all processes */
	uint64_t ns; /* the first to begin to the last to end */
	uint64_t touch_ns; /* of all processes */
	uint64_t thp_fallbacks;
	uint64_t max_batches;
	double share
		[UNMAP_NR_LOCKS]; /* waited, of the time of all CPUs that worked; NaN: locks were not timed */
};

/* Returns BENCH_OK or an exit code, after a line on stderr. case_index, threads: of the cell. */
int unmap_trial_run(struct unmap_trial *t, unsigned case_index, unsigned threads);

#endif
