/* SPDX-License-Identifier: MIT */
/*
 * A pageblock as a whole: what it holds, and giving all of its free pages another type.
 *
 * Counterpart: prep_move_freepages_block(), __move_freepages_block(). Difference: a page counts as movable
 * if it was asked for as Movable, or is marked PG_lru by a snapshot; the kernel looks at its LRU lists.
 *
 * Locking: zone->lock is held by the caller.
 */
#ifndef MM_BUDDY_PAGEBLOCK_H
#define MM_BUDDY_PAGEBLOCK_H

#include "zone.h"

struct mm_pageblock_use {
	unsigned free;
	unsigned movable; /* allocated, and could be moved elsewhere */
};

/* False: the pageblock reaches beyond the zone, so it stays what it is. */
bool mm_buddy_pageblock_use(const struct mm_zone *zone, const struct mmsim_page *page,
			    struct mm_pageblock_use *use);

/* Free pages of the pageblock around page to the tails of the new type's lists, and its type. */
void mm_buddy_pageblock_move(struct mm_zone *zone, const struct mmsim_page *page,
			     enum mmsim_migratetype from, enum mmsim_migratetype to);

#endif
