/* SPDX-License-Identifier: MIT */
/*
 * padata multithreaded jobs: one range, cut into chunks, worked on by several CPUs.
 *
 * Counterpart: padata_do_multithreaded() of kernel/padata.c, with its fields, pool and arithmetic.
 * Differences: a helper that has not started when nothing is left is taken back, so that the caller
 * never waits for somebody who has not come; a job may be started inside a chunk.
 *
 *  P1: every unit of the range is handed out exactly once.
 *  P2: a helper is in the pool, or belongs to exactly one job.
 *  P3: when the call returns, its helpers are back in the pool.
 *
 * Locking: pool->lock (MM_RANK_PADATA_POOL) around the free list; the job's own lock
 * (MM_RANK_PADATA_JOB) around what remains of the range. A job allocates nothing.
 */
#ifndef MM_JOB_PADATA_H
#define MM_JOB_PADATA_H

#include "workqueue.h"
#include <mmsim/padata.h>

struct mm_padata_work;

/* The machine's helpers: one per CPU. */
struct mm_padata {
	struct mm_exec *exec;
	struct mm_lockset *locks;
	const struct mm_topology *topology;
	struct mm_workqueue *wq;
	struct mm_padata_work *works; /* [nr_works] */
	unsigned nr_works;
	unsigned last_used_nid; /* atomic: where the last numa-aware helper went */
	struct mm_spinlock lock;
	mm_list free; /* under lock */
};

int mm_job_padata_init(struct mm_padata *pool, struct mm_exec *x, struct mm_lockset *locks,
		       const struct mm_topology *topology);
void mm_job_padata_fini(struct mm_padata *pool);

/* NULL: the job is sound; otherwise what is wrong, for a message. */
const char *mm_job_padata_refuse(const struct mmsim_padata_mt_job *job);

/* mmsim_padata_do_multithreaded() of a sound job. */
void mm_job_padata_do_multithreaded(struct mm_padata *pool, struct mmsim_padata_mt_job *job);

#endif
