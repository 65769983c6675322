/* SPDX-License-Identifier: MIT */
/*
 * The page frames of a zone in bitmaps under counters, without a lock: the second allocator behind alt.h.
 *
 * Counterpart: none in the kernel. In the spirit of LLFree (Wrenger et al., "LLFree: Scalable and
 * Optionally-Persistent Page-Frame Allocation", USENIX ATC 2023), written from the paper's ideas: a bit per
 * frame, a counter per 2 MiB, a counter per tree of these, and trees that CPUs reserve so that they
 * do not meet. Differences:
 *  - a reservation moves the tree's counter to its CPU in batches, not as a whole, so that others see
 *    what is there, and so that zone->free_pages may follow in batches;
 *  - 2 MiB that are allocated as a whole clear their bits, so that they can be freed in parts;
 *  - two neighbours of 2 MiB share a word, so that an order-10 block is one compare-and-swap;
 *  - a third reservation, for blocks of 2 MiB and more.
 *
 * From below:
 *  field   512 bits (bitmap_field.h);
 *  child   2 MiB: how many bits of its field are not promised to anybody (bitmap_tree.h);
 *  tree    8 children: how many of their frames are in no CPU's budget; its kind; whether it is
 *          reserved (there);
 *  slot    of a CPU, one per kind: the tree it has reserved, and a budget of frames of it (bitmap_cpu.h).
 * A get is promised its frames from the top to the bottom, a put returns them from the bottom to the top.
 *
 *  L1: a child's counter is at most the number of bits set in its field; equal while nothing is under way.
 *  L2: a tree's counter and the budgets of it are together at most the sum of its children's counters;
 *      equal while nothing is under way.
 *  L3: a tree is marked reserved exactly while a slot names it, but for a moment; a hint, no exclusion.
 *  L4: zone->free_pages is the sum of the trees' counters without what each has not told yet, which is
 *      less than MM_TREE_UNTOLD. It is added to before a tree counts pages as told, and subtracted from
 *      after they are taken: it never falls below zero.
 *
 * NULL means that every child was seen without such a block, or that the rest was on its way between
 * two words just then.
 *
 * Locking: none. Natively a task that stops anywhere holds up nobody; it may keep one batch of frames
 * from others.
 */
#ifndef MM_BUDDY_BITMAP_H
#define MM_BUDDY_BITMAP_H

#include "alt.h"
#include "bitmap_field.h"

struct mm_bitmap_tree;

struct mm_bitmap {
	struct mm_alt alt;
	struct mm_zone *zone;
	struct mm_exec *exec;
	uint64_t base; /* pfn of the first frame of the first tree, which may be below the zone */
	uint64_t nr_trees;
	struct mm_bitmap_tree *tree; /* [nr_trees] */
	struct mm_bitmap_field *field; /* [nr_trees * MM_TREE_CHILDREN] */
	size_t bytes; /* of both, side by side */
	struct mm_percpu cpus; /* struct mm_bitmap_cpu */
	struct mm_line line; /* of zone->free_pages */
};

/* No frame: frames are numbered from bm->base. */
#define MM_BITMAP_NONE UINT64_MAX

static inline struct mm_bitmap *mm_bitmap_of(const struct mm_zone *zone)
{
	return mm_container_of(zone->alt, struct mm_bitmap, alt);
}

/* See alt.h. */
void mm_buddy_bitmap_count(const struct mm_zone *zone, uint64_t nr_free[MMSIM_NR_PAGE_ORDERS]);
uint64_t mm_buddy_bitmap_validate(const struct mm_zone *zone);

#endif
