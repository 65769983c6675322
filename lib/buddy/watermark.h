/* SPDX-License-Identifier: MIT */
/*
 * How many pages a zone must keep free, and whether a request may have one.
 *
 * Counterpart: init_per_zone_wmark_min(), __setup_per_zone_wmarks(), setup_per_zone_lowmem_reserve(),
 * __zone_watermark_ok(), zone_watermark_fast(), boost_watermark(). Difference: nobody reclaims, so a
 * boost stays until mm_buddy_setup_zones().
 *
 *  W1: min <= low <= high <= promo, all without the boost, which is added to each when it is used.
 *  W2: plenty[t] is at least what an order-0 request for zone type t needs to find at the high mark.
 *
 * Locking: marks and plenty are set under the zone lock, reserves while boot goes on; all are read without.
 */
#ifndef MM_BUDDY_WATERMARK_H
#define MM_BUDDY_WATERMARK_H

#include "zone.h"

struct mm_buddy;

/* Marks and reserves of all zones from what they manage now, and the lengths of per-CPU lists. */
void mm_buddy_setup_zones(struct mm_buddy *b);

/* KiB: what the kernel would choose for this much low memory. */
uint64_t mm_buddy_min_free_kbytes(uint64_t lowmem_kbytes);

/* plenty[] anew, after marks or reserves were changed. */
void mm_buddy_set_plenty(struct mm_zone *zone);

/* Would `mark` pages remain, and is there a block of this order? Counterpart: zone_watermark_ok(). */
bool mm_buddy_watermark_ok(const struct mm_zone *zone, unsigned order, uint64_t mark,
			   enum mmsim_zone_type highest, unsigned alloc_flags);

/* The same, quicker for order 0, and for urgent requests at the min mark without the boost. */
bool mm_buddy_watermark_fast(const struct mm_zone *zone, unsigned order, uint64_t mark,
			     enum mmsim_zone_type highest, unsigned alloc_flags);

/* More room, as types of pageblocks begin to mix. False: none is due. zone->lock is held. */
bool mm_buddy_boost_watermark(struct mm_zone *zone);

/* One field, however it is changing. */
static inline uint64_t mm_zone_count(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static inline uint64_t mm_zone_wmark(const struct mm_zone *zone, enum mm_wmark mark)
{
	return mm_zone_count(&zone->watermark[mark]) + mm_zone_count(&zone->watermark_boost);
}

#endif
