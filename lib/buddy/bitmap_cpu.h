/* SPDX-License-Identifier: MIT */
/*
 * What a CPU has reserved for itself: a tree for each kind of request, and a budget of its frames.
 *
 * Counterpart: per-CPU lists, only that these are numbers. L3 of bitmap.h, and
 *
 *  P1: a budget is of the tree that its slot names, below MM_BUDGET_MOST; without a tree it is nothing.
 *
 * Locking: none; natively several tasks share a CPU, and others may empty its slots at any time.
 */
#ifndef MM_BUDDY_BITMAP_CPU_H
#define MM_BUDDY_BITMAP_CPU_H

#include "bitmap_tree.h"

enum {
	MM_BUDGET_BATCH = 64, /* frames to and from a tree at a time; larger blocks pass by */
	MM_BUDGET_MOST = 2 * MM_BUDGET_BATCH,
	MM_BITMAP_SAME_FREES = 4, /* into one tree, on end: that makes a CPU reserve it */
};

struct mm_bitmap_cpu {
	uint64_t slot
		[MM_BITMAP_NR_KINDS]; /* atomic: see mm_slot_…(); that of kind UNUSED stays empty */
	uint32_t row[MM_BITMAP_NR_KINDS]; /* atomic: where the last block was found; a hint */
	uint64_t last_free; /* atomic: tree of the last free, number of frees on end; a hint */
};

static inline uint64_t mm_slot(uint64_t tree, unsigned budget)
{
	return (tree + 1) << 32 | budget;
}

/* UINT64_MAX: none. */
static inline uint64_t mm_slot_tree(uint64_t slot)
{
	return (slot >> 32) - 1;
}

static inline unsigned mm_slot_budget(uint64_t slot)
{
	return (unsigned)slot;
}

static inline enum mm_bitmap_kind mm_bitmap_kind_of(unsigned order, enum mmsim_migratetype mt)
{
	if (order >= MM_FIELD_ORDER)
		return MM_BITMAP_HUGE;
	return mt == MMSIM_MIGRATE_MOVABLE ? MM_BITMAP_MOVABLE : MM_BITMAP_OTHER;
}

/* Out of the caller's reserved tree. MM_BITMAP_NONE: it has no such block left. */
uint64_t mm_buddy_bitmap_get_own(struct mm_bitmap *bm, enum mm_bitmap_kind kind, unsigned order);

/* The caller has marked the tree as reserved; its CPU's former one of this kind is given back. */
void mm_buddy_bitmap_install(struct mm_bitmap *bm, enum mm_bitmap_kind kind, uint64_t tree,
			     unsigned budget);

/* Frames that were put into their tree, or not got from it, may be had again. */
void mm_buddy_bitmap_credit(struct mm_bitmap *bm, uint64_t tree, unsigned nr);

/* The same, and take note of who frees where. */
void mm_buddy_bitmap_freed(struct mm_bitmap *bm, uint64_t tree, unsigned nr);

/* All that a CPU has reserved, back. */
void mm_buddy_bitmap_drain_cpu(struct mm_bitmap *bm, unsigned cpu);

#endif
