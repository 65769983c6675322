/* SPDX-License-Identifier: MIT */
/*
 * padata multithreaded jobs: one range, cut into chunks, worked on by several CPUs.
 *
 * Counterpart: padata_do_multithreaded() of kernel/padata.c, with its fields, pool and arithmetic.
 * Differences: those of range.h and crew.h; a job may be started inside a chunk.
 *
 *  P1: every unit of the range is handed out exactly once.
 *  P2: when the call returns, all of it has been processed and no helper is at it.
 *
 * Locking: none of its own. A job allocates nothing, but for a helper's thread the first time that the
 * helper is needed.
 */
#ifndef MM_JOB_PADATA_H
#define MM_JOB_PADATA_H

#include "crew.h"
#include <mmsim/padata.h>

/* The machine's works: the crew's helpers, one per CPU. */
struct mm_padata {
	struct mm_crew *crew;
	unsigned last_used_nid; /* atomic: where the last numa-aware helper went */
};

static inline void mm_job_padata_init(struct mm_padata *pool, struct mm_crew *crew)
{
	*pool = (struct mm_padata){ .crew = crew };
}

/* NULL: the job is sound; otherwise what is wrong, for a message. */
const char *mm_job_padata_refuse(const struct mmsim_padata_mt_job *job);

/* mmsim_padata_do_multithreaded() of a sound job. */
void mm_job_padata_do_multithreaded(struct mm_padata *pool, struct mmsim_padata_mt_job *job);

#endif
