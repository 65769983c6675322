/* SPDX-License-Identifier: MIT */
/*
 * When the lists of the wanted migratetype are empty.
 *
 * Counterpart: __rmqueue_claim() for whole pageblocks, __rmqueue_steal(). Claiming comes first: the
 * largest block of at least a pageblock changes its type for good, so that later requests of this
 * type find theirs there. If none is that large, a block is stolen from the smallest that fits, and
 * the pageblock keeps its type. (The kernel also claims pageblocks that are half free; the
 * page-allocator issue brings that, with the bookkeeping it needs.)
 */
#include "zone.h"

static const enum mmsim_migratetype fallbacks[MMSIM_NR_MIGRATETYPES][2] = {
	[MMSIM_MIGRATE_UNMOVABLE] = { MMSIM_MIGRATE_RECLAIMABLE, MMSIM_MIGRATE_MOVABLE },
	[MMSIM_MIGRATE_MOVABLE] = { MMSIM_MIGRATE_RECLAIMABLE, MMSIM_MIGRATE_UNMOVABLE },
	[MMSIM_MIGRATE_RECLAIMABLE] = { MMSIM_MIGRATE_UNMOVABLE, MMSIM_MIGRATE_MOVABLE },
};

/* A block of exactly this order from the types that mt may fall back to. */
static struct mmsim_page *find_at(struct mm_zone *zone, unsigned order, enum mmsim_migratetype mt,
				  enum mmsim_migratetype *from)
{
	for (unsigned i = 0; i < 2; i++) {
		mm_list *list = &zone->area[order].list[fallbacks[mt][i]];

		*from = fallbacks[mt][i];
		if (!mm_list_empty(list))
			return mm_list_first(list, struct mmsim_page, lru);
	}
	return NULL;
}

static void trace(struct mm_zone *zone, struct mmsim_page *page, unsigned order, unsigned found,
		  enum mmsim_migratetype mt)
{
	mm_event(zone->obs, .id = MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG,
		 .pfn = mm_page_to_pfn(zone->map, page), .order = order, .migratetype = (int32_t)mt,
		 .arg = found);
}

static struct mmsim_page *take(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			       unsigned found, enum mmsim_migratetype from,
			       enum mmsim_migratetype rest)
{
	mm_buddy_del_from_list(zone, page, found, from);
	mm_buddy_expand(zone, page, order, found, rest);
	return page;
}

static struct mmsim_page *claim(struct mm_zone *zone, unsigned order, enum mmsim_migratetype mt)
{
	unsigned least = order > MMSIM_PAGEBLOCK_ORDER ? order : MMSIM_PAGEBLOCK_ORDER;

	for (unsigned o = MMSIM_NR_PAGE_ORDERS; o-- > least;) {
		enum mmsim_migratetype from;
		struct mmsim_page *page = find_at(zone, o, mt, &from);

		if (!page)
			continue;
		trace(zone, page, order, o, mt);
		mm_buddy_retype(zone, page, o, mt);
		return take(zone, page, order, o, from, mt);
	}
	return NULL;
}

static struct mmsim_page *steal(struct mm_zone *zone, unsigned order, enum mmsim_migratetype mt)
{
	for (unsigned o = order; o < MMSIM_NR_PAGE_ORDERS; o++) {
		enum mmsim_migratetype from;
		struct mmsim_page *page = find_at(zone, o, mt, &from);

		if (!page)
			continue;
		trace(zone, page, order, o, mt);
		return take(zone, page, order, o, from, from);
	}
	return NULL;
}

struct mmsim_page *mm_buddy_rmqueue_fallback(struct mm_zone *zone, unsigned order,
					     enum mmsim_migratetype mt)
{
	struct mmsim_page *page = claim(zone, order, mt);

	return page ? page : steal(zone, order, mt);
}
