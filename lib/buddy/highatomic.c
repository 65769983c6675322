/* SPDX-License-Identifier: MIT */
/* The reserve of high-order atomic requests: pageblocks in, pageblocks out. */
#include "highatomic.h"

#include "bits.h"
#include "pageblock.h"
#include "watermark.h"

enum { SHARE = 100 }; /* one page in so many */

static uint64_t most(const struct mm_zone *zone)
{
	uint64_t pages = mm_zone_count(&zone->managed) / SHARE;

	return pages < MMSIM_PAGEBLOCK_NR_PAGES ? 0 : mm_round_up(pages, MMSIM_PAGEBLOCK_NR_PAGES);
}

static bool full(const struct mm_zone *zone)
{
	return mm_zone_count(&zone->nr_reserved_highatomic) >= most(zone);
}

static void set_reserved(struct mm_zone *zone, uint64_t pages)
{
	__atomic_store_n(&zone->nr_reserved_highatomic, pages, __ATOMIC_RELAXED);
	mm_buddy_set_plenty(zone);
}

/* Pages that change their type with a block. */
static uint64_t reach(unsigned order)
{
	return UINT64_C(1) << mm_max(order, (unsigned)MMSIM_PAGEBLOCK_ORDER);
}

/* Only pageblocks that nobody has a claim to: neither HighAtomic nor CMA nor isolated. */
static bool ordinary(const struct mm_zone *zone, uint64_t pfn, unsigned order)
{
	for (uint64_t i = 0; i < reach(order); i += MMSIM_PAGEBLOCK_NR_PAGES)
		if (!mm_migratetype_mergeable(mm_zone_migratetype(zone, pfn + i)))
			return false;
	return true;
}

static void reserve(struct mm_zone *zone, const struct mmsim_page *page, unsigned order)
{
	uint64_t pfn = mm_page_to_pfn(zone->map, page);
	struct mm_pageblock_use use;

	if (full(zone) || !ordinary(zone, pfn, order))
		return;
	if (order >= MMSIM_PAGEBLOCK_ORDER)
		mm_buddy_retype(zone, page, order, MMSIM_MIGRATE_HIGHATOMIC);
	else if (mm_buddy_pageblock_use(zone, page, &use))
		mm_buddy_pageblock_move(zone, page, mm_zone_migratetype(zone, pfn),
					MMSIM_MIGRATE_HIGHATOMIC);
	else
		return;
	set_reserved(zone, zone->nr_reserved_highatomic + reach(order));
}

void mm_buddy_reserve_highatomic(struct mm_zone *zone, const struct mmsim_page *page,
				 unsigned order)
{
	/* Mostly it is, and then the lock is not worth taking. */
	if (full(zone))
		return;
	mm_spin_lock(&zone->lock);
	reserve(zone, page, order);
	mm_spin_unlock(&zone->lock);
}

/* The pageblock, or pageblocks, of a free block. */
static void unreserve(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
		      enum mmsim_migratetype mt)
{
	mm_invariant("H1: pages of the reserve", zone->nr_reserved_highatomic >= reach(order));
	if (order < MMSIM_PAGEBLOCK_ORDER) {
		mm_buddy_pageblock_move(zone, page, MMSIM_MIGRATE_HIGHATOMIC, mt);
	} else {
		mm_buddy_del_from_list(zone, page, order, MMSIM_MIGRATE_HIGHATOMIC);
		mm_buddy_retype(zone, page, order, mt);
		mm_buddy_free_one_page(zone, page, order, mt, MM_FPI_TO_TAIL);
	}
	set_reserved(zone, zone->nr_reserved_highatomic - reach(order));
}

static bool unreserve_smallest(struct mm_zone *zone, enum mmsim_migratetype mt)
{
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		mm_list *list = &zone->area[o].list[MMSIM_MIGRATE_HIGHATOMIC];

		if (mm_list_empty(list))
			continue;
		unreserve(zone, mm_list_first(list, struct mmsim_page, lru), o, mt);
		return true;
	}
	return false;
}

bool mm_buddy_unreserve_highatomic(struct mm_zone *zone, enum mmsim_migratetype mt, bool force)
{
	uint64_t keep = force ? 0 : MMSIM_PAGEBLOCK_NR_PAGES;
	bool done = false;

	if (mm_zone_count(&zone->nr_reserved_highatomic) <= keep)
		return false;
	mm_spin_lock(&zone->lock);
	if (zone->nr_reserved_highatomic > keep)
		done = unreserve_smallest(zone, mt);
	mm_spin_unlock(&zone->lock);
	return done;
}
