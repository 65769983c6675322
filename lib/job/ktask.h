/* SPDX-License-Identifier: MIT */
/*
 * ktask: stretches of work on nodes, with errors and undo.
 *
 * Counterpart: kernel/ktask.c of the RFC v4, see mmsim/ktask.h for the differences that its users see.
 * Inside: a helper is one of the crew's (crew.h), a stretch is handed out without a lock (range.h), what
 * failed is kept on the caller's stack.
 *
 *  T1: every unit is handed out at most once; exactly once if no chunk fails and nobody cancels.
 *  T2: after an error or a cancellation, each unit that was finished is undone exactly once, and no other.
 *  T3: helpers of all tasks together are at most max_helpers; those counted for a node at most
 *      that node's max_helpers.
 *
 * Locking: none; the counts are atomic.
 */
#ifndef MM_JOB_KTASK_H
#define MM_JOB_KTASK_H

#include "crew.h"
#include "range.h"
#include <mmsim/config.h>
#include <mmsim/ktask.h>

struct mm_ktask_of_node {
	unsigned max_helpers;
	unsigned cores;
	uint32_t helpers; /* atomic */
	uint32_t bandwidth_threads; /* atomic: that its memory can feed */
};

/* The machine's limits on helpers, and what is known of its memory. */
struct mm_ktask {
	struct mm_crew *crew;
	unsigned max_helpers;
	unsigned quota_threads; /* most threads that the host's quota keeps busy; 0: no limit */
	struct mm_ktask_of_node *node; /* [nr_nodes] */
	uint32_t helpers mm_cacheline_aligned; /* atomic */
	uint64_t nr_anywhere; /* atomic */
};

int mm_job_ktask_init(struct mm_ktask *kt, struct mm_crew *crew,
		      const struct mmsim_job_policy *policy, unsigned quota_threads);
void mm_job_ktask_fini(struct mm_ktask *kt);

/*
 * How fast a node's memory is, with one core and with all: as many threads as it can feed. After R. Elliott's
 * rule; more than the cores do not help.
 */
void mm_job_set_rates(struct mm_ktask *kt, unsigned nid, uint64_t core_bytes_per_s,
		      uint64_t node_bytes_per_s);

/* NULL: it is sound; otherwise what is wrong, for a message. */
const char *mm_job_ktask_refuse(const struct mm_ktask *kt, const struct mmsim_ktask_node *nodes,
				size_t nr_nodes, const struct mmsim_ktask_ctl *ctl);

/* mmsim_ktask_run_numa() of a sound task. */
int mm_job_ktask_run(struct mm_ktask *kt, const struct mmsim_ktask_node *nodes, size_t nr_nodes,
		     struct mmsim_ktask_ctl *ctl);

/* Of the files of ktask. */

/* A chunk that failed. */
struct mm_ktask_failure {
	unsigned long start, end; /* units of its node */
	unsigned node; /* index in nodes[] */
};

/* One task, on its caller's stack. */
struct mm_ktask_run {
	struct mm_ktask *kt;
	struct mm_exec *exec;
	struct mmsim_ktask_ctl *ctl;
	const struct mmsim_ktask_node *node; /* [nr_nodes] */
	unsigned nr_nodes;
	struct mm_chunking chunking;
	size_t total;
	uint64_t told_at; /* the caller's: when progress was told */
	unsigned counted[MMSIM_MAX_NODES]; /* atomic: helpers counted for a node */
	unsigned nr_counted; /* of all helpers */
	struct mm_call call;
	struct mm_range range[MMSIM_MAX_NODES]; /* of each stretch */
	struct mm_ktask_failure failure[MMSIM_MAX_CPUS + 1]; /* one per thread at most */
	uint32_t nr_failures mm_cacheline_aligned; /* atomic */
	uint32_t stopped; /* atomic: hand out nothing more */
	uint32_t failed; /* atomic: somebody has the first error */
	uint32_t nr_helpers, nr_used; /* atomic: helpers that came, and threads that took a chunk */
	int error; /* the first */
	size_t done; /* atomic: finished units; during the run only if progress is told */
};

static inline void *mm_ktask_position(const struct mm_ktask_run *run, unsigned node,
				      unsigned long unit)
{
	void *start = run->node[node].start;

	if (run->ctl->iter_fn)
		return run->ctl->iter_fn(start, unit);
	/* Not always an address: no pointer arithmetic. */
	return (void *)((uintptr_t)start + unit);
}

/* T2, when all threads have stopped. */
void mm_job_ktask_undo(struct mm_ktask_run *run);

/* How many threads are wanted, the caller's among them. */
unsigned long mm_job_ktask_wanted(const struct mm_ktask_run *run);

/* What a helper is told: the stretch it is for, and whether it is counted for that one's node. */
#define MM_KTASK_COUNTED 0x10000u
#define MM_KTASK_STRETCH 0xffffu

/* Claim `nr` helpers within the limits, the i-th for stretch i mod nr_nodes. Returns how many. */
unsigned mm_job_ktask_claim(struct mm_ktask_run *run, unsigned long nr);

/*
 * By a helper that came with the tag `home`: have one on a CPU of the stretch's own node go on in its place. False:
 * there is none, or it is on that node.
 */
bool mm_job_ktask_move(struct mm_ktask_run *run, unsigned home, unsigned node);

/* All helpers have gone: they no longer count. */
void mm_job_ktask_release(struct mm_ktask_run *run);

#endif
