/* SPDX-License-Identifier: MIT */
/*
 * Pageblocks kept for requests of several pages that cannot wait.
 *
 * Counterpart: reserve_highatomic_pageblock(), unreserve_highatomic_pageblock(). At most one in a
 * hundred pages of a zone, rounded up to a pageblock, and none in zones where that is less than
 * one. Difference: what is unreserved as a whole pageblock merges with its buddy at once, so that
 * B2 holds.
 *
 *  H1: nr_reserved_highatomic is the number of pages in HighAtomic pageblocks, isolated ones
 *      included.
 *
 * Locking: both take zone->lock.
 */
#ifndef MM_BUDDY_HIGHATOMIC_H
#define MM_BUDDY_HIGHATOMIC_H

#include "zone.h"

/*
 * The pageblock of a block that such a request has just got becomes one of them, if there is room.
 */
void mm_buddy_reserve_highatomic(struct mm_zone *zone, const struct mmsim_page *page,
				 unsigned order);

/*
 * One of them becomes an ordinary pageblock again, of the type that somebody is in need of; the
 * last one only by force. True: so it did.
 */
bool mm_buddy_unreserve_highatomic(struct mm_zone *zone, enum mmsim_migratetype mt, bool force);

#endif
