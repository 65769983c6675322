/* SPDX-License-Identifier: MIT */
/*
 * The books of a zone, read in one go: what /proc/zoneinfo, /proc/buddyinfo and /proc/pagetypeinfo are
 * printed from.
 *
 * Counterpart: the reading halves of mm/vmstat.c. Differences: one zone's counts come from one moment,
 * where the kernel takes the zone's lock anew for every list; free counts are exact. With another
 * allocator in place of the lists (alt.h) the free blocks are what it counts, all as Movable.
 *
 *  K1: the marks have the boost in them, as min_wmark_pages() and its like have.
 *  K2: a pageblock is counted for the zone that its first page in the zone's span is of; pageblocks
 *      without struct pages, and those whose struct pages are still deferred, are of none.
 *
 * Locking: takes the locks of the zone's per-CPU lists, then zone->lock. struct pages are read without.
 */
#ifndef MM_REPLAY_BOOKS_H
#define MM_REPLAY_BOOKS_H

#include "buddy.h"
#include <mmsim/machine.h>

/* Also of a zone without memory: then all is 0 but what its marks and reserves are. */
void mm_replay_zone_books(struct mm_zone *zone, struct mmsim_zone_info *info);

/* A populated zone's list on a CPU that exists. */
void mm_replay_pcp_books(const struct mm_zone *zone, unsigned cpu, struct mmsim_pcp_info *info);

/* Is the page's own word that it is of this zone? */
static inline bool mm_replay_in_zone(const struct mm_zone *zone, const struct mmsim_page *page)
{
	return mmsim_page_node(page) == zone->node && mmsim_page_zone_type(page) == zone->type;
}

#endif
