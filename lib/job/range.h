/* SPDX-License-Identifier: MIT */
/*
 * What is left of a range of work: handed out piece by piece, in ascending order, to whoever asks.
 *
 * Counterpart: the start and size of padata_mt_job and of ktask_node, which the kernel changes under a
 * lock. Difference: one compare-and-swap. The line that moves between the CPUs is the cost; a lock
 * beside the figures it guards moves two.
 *
 *  R1: every unit is handed out once: `next` only grows, to `end`, by what its changer gets.
 */
#ifndef MM_JOB_RANGE_H
#define MM_JOB_RANGE_H

#include "bits.h"
#include "exec.h"

struct mm_range {
	unsigned long next mm_cacheline_aligned; /* atomic: the first unit not handed out */
	unsigned long end;
	struct mm_atomic_line line;
};

/* How much to give at a time. */
struct mm_chunking {
	unsigned long chunk; /* units, 1 or more */
	unsigned long share; /* 0: chunk each time; else what is left / share, at least chunk */
	bool aligned; /* up to the next absolute multiple of chunk: only the first piece can be short */
};

static inline void mm_range_init(struct mm_range *r, unsigned long start, unsigned long size)
{
	*r = (struct mm_range){ .next = start, .end = start + size };
}

static inline unsigned long mm_range_left(const struct mm_range *r)
{
	return r->end - __atomic_load_n(&r->next, __ATOMIC_RELAXED);
}

static inline unsigned long mm_range_piece(const struct mm_chunking *how, unsigned long start,
					   unsigned long left)
{
	unsigned long size = how->chunk;

	if (how->aligned)
		size -= start % how->chunk;
	else if (how->share)
		size = mm_max(left / how->share, size);
	return mm_min(size, left);
}

/* False: nothing is left. */
static inline bool mm_range_take(struct mm_exec *x, struct mm_range *r,
				 const struct mm_chunking *how, unsigned long *start,
				 unsigned long *end)
{
	unsigned long next, size;

	mm_exec_point(x, MM_POINT_ATOMIC, &r->next);
	next = __atomic_load_n(&r->next, __ATOMIC_RELAXED);
	do {
		if (next == r->end)
			return false;
		size = mm_range_piece(how, next, r->end - next);
	} while (!__atomic_compare_exchange_n(&r->next, &next, next + size, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	mm_exec_charge(x, MM_CHARGE_ATOMIC, &r->line, 1);
	*start = next;
	*end = next + size;
	return true;
}

#endif
