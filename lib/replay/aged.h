/* SPDX-License-Identifier: MIT */
/*
 * The pages that an ageing holds: one pool of blocks for each kind of owner.
 *
 * Counterpart: none; page->mapping and page->index say whose a page is, and where it is there, as in
 * the kernel.
 *
 *  G1: the block in slot i of a pool has refcount 1, mapping = the pool and index = i. A block for
 *      which that no longer holds was freed by somebody else, and is not touched.
 *  G2: unmovable[b] is the number of pages in pageblock b that are held and not movable; mixed is the
 *      number of pageblocks where it is not 0.
 *  G3: all pages of a movable block have MMSIM_PG_LRU, as long as they are held.
 *
 * page->lru of a movable block is on the list of its age or of its process while the ageing runs, and
 * means nothing afterwards.
 *
 * Locking: one user at a time.
 */
#ifndef MM_REPLAY_AGED_H
#define MM_REPLAY_AGED_H

#include "buddy.h"
#include <mmsim/ageing.h>

enum { MM_AGED_PROCESSES = 256 };

struct mm_aged_pool {
	uint64_t *block; /* [nr]: pfn << 4 | order */
	size_t nr;
	uint64_t pages;
};

struct mmsim_aged {
	struct mm_buddy *buddy;
	struct mm_rng rng;
	struct mm_aged_pool pool[MMSIM_NR_AGE_KINDS];
	mm_list cache; /* oldest first */
	mm_list process[MM_AGED_PROCESSES];
	uint16_t *unmovable; /* G2 */
	uint64_t mixed;
	uint64_t allocations, frees, failures;
	bool no_memory; /* of the library's own: the pools are not what they should be */
};

/* Empty; NULL: out of memory. */
struct mmsim_aged *mm_replay_aged_new(struct mm_buddy *b, uint64_t seed);
void mm_replay_aged_delete(struct mmsim_aged *aged);

/* A block from the allocator into a pool. NULL: none to be had, or no_memory. */
struct mmsim_page *mm_replay_aged_take(struct mmsim_aged *aged, enum mmsim_age_kind kind, int nid,
				       unsigned order);

/* The block in a slot back to the allocator; the pool's last takes its place. False: G1. */
bool mm_replay_aged_give(struct mmsim_aged *aged, enum mmsim_age_kind kind, size_t slot);

/* Any block of a pool that is not empty, each as likely. */
size_t mm_replay_aged_any(struct mmsim_aged *aged, enum mmsim_age_kind kind);

/* Whose block begins at this page. False: nobody's here. */
bool mm_replay_aged_find(const struct mmsim_aged *aged, const struct mmsim_page *page,
			 enum mmsim_age_kind *kind);

/* A share of all blocks back, in random order. False: some were not there any more. */
bool mm_replay_aged_release(struct mmsim_aged *aged, uint32_t thousandths);

static inline uint64_t mm_aged_pfn(const struct mmsim_aged *aged, enum mmsim_age_kind kind,
				   size_t slot)
{
	return aged->pool[kind].block[slot] >> 4;
}

static inline unsigned mm_aged_order(const struct mmsim_aged *aged, enum mmsim_age_kind kind,
				     size_t slot)
{
	return aged->pool[kind].block[slot] & 15;
}

static inline struct mmsim_page *mm_aged_page(const struct mmsim_aged *aged,
					      enum mmsim_age_kind kind, size_t slot)
{
	return mm_pfn_to_page(aged->buddy->map, mm_aged_pfn(aged, kind, slot));
}

static inline uint64_t mm_aged_pages(const struct mmsim_aged *aged)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		sum += aged->pool[k].pages;
	return sum;
}

static inline bool mm_age_movable(enum mmsim_age_kind kind)
{
	return kind <= MMSIM_AGE_ANON;
}

/* Held pages that are not movable, in the pageblock of a pfn. */
static inline unsigned mm_aged_unmovable(const struct mmsim_aged *aged, uint64_t pfn)
{
	return aged->unmovable[pfn / MMSIM_PAGEBLOCK_NR_PAGES];
}

#endif
