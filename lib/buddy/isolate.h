/* SPDX-License-Identifier: MIT */
/*
 * Taking pageblocks out of circulation, and memory of CMA.
 *
 * Counterpart: mm/page_isolation.c (set_migratetype_isolate(), unset_migratetype_isolate()),
 * init_cma_reserved_pageblock(), alloc_contig_range(). Differences: what is allocated in an
 * isolated pageblock stays where it is, as nothing here migrates, and joins the isolated when it is
 * freed; a pageblock is given to CMA when the machine runs, with what is allocated in it.
 *
 *  I1: free blocks of an isolated pageblock are on the Isolate lists and not in free_pages, and
 *      none of them reaches into a pageblock that is not isolated. Isolating does not merge: two
 *      isolated pageblocks may lie side by side as two blocks.
 *  I2: zone->cma is the number of pages in CMA pageblocks, isolated ones included.
 *
 * Locking: all take zone->lock. Zones of another allocator have no pageblocks: -EINVAL.
 */
#ifndef MM_BUDDY_ISOLATE_H
#define MM_BUDDY_ISOLATE_H

#include "buddy.h"

/*
 * The pageblock around pfn. 0; -EBUSY: it is isolated already; -EINVAL: it is not the zone's, or
 * not all of it.
 */
int mm_buddy_isolate_pageblock(struct mm_zone *zone, uint64_t pfn);
/* Its type from before comes back, and what is free merges again. 0, or -EINVAL if it was not. */
int mm_buddy_unisolate_pageblock(struct mm_zone *zone, uint64_t pfn);

/* Are all pages of [start, end) free and isolated? Counterpart: test_pages_isolated(). */
bool mm_buddy_test_isolated(struct mm_zone *zone, uint64_t start, uint64_t end);

/*
 * The pageblock belongs to CMA from now on: its free pages go to the CMA lists. 0; -EBUSY: it is
 * isolated, HighAtomic or of CMA already; -EINVAL as above.
 */
int mm_buddy_init_cma_pageblock(struct mm_zone *zone, uint64_t pfn);

/*
 * Take exactly the page frames [start, end): isolate their pageblocks, check, take, undo. They are
 * then allocated, one by one, with order 0. 0; -EBUSY: something among them is allocated, or a
 * pageblock is isolated already or of another type than CMA and Movable; -EINVAL, with a message:
 * not the pages of one zone. Counterpart: alloc_contig_range(), without migration.
 */
int mm_buddy_alloc_contig_range(struct mm_buddy *b, uint64_t start, uint64_t end);

#endif
