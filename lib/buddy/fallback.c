/* SPDX-License-Identifier: MIT */
/*
 * When the lists of the wanted migratetype are empty.
 *
 * Counterpart: __rmqueue_claim(), __rmqueue_steal(), try_to_claim_block(), boost_watermark(). Claiming
 * comes first: a pageblock that is free for the greater part, or holds the same kind of pages, changes
 * its type for good, so that later requests of this type find theirs there. Otherwise one block is
 * stolen and the pageblock keeps its type. The older rules are policies, see mmsim/policy.h.
 */
#include "zone.h"

#include "bits.h"
#include "pageblock.h"
#include "watermark.h"

enum { NR_FALLBACKS = MMSIM_MIGRATE_PCPTYPES - 1 };

static const enum mmsim_migratetype fallbacks[MMSIM_MIGRATE_PCPTYPES][NR_FALLBACKS] = {
	[MMSIM_MIGRATE_UNMOVABLE] = { MMSIM_MIGRATE_RECLAIMABLE, MMSIM_MIGRATE_MOVABLE },
	[MMSIM_MIGRATE_MOVABLE] = { MMSIM_MIGRATE_RECLAIMABLE, MMSIM_MIGRATE_UNMOVABLE },
	[MMSIM_MIGRATE_RECLAIMABLE] = { MMSIM_MIGRATE_UNMOVABLE, MMSIM_MIGRATE_MOVABLE },
};

/* What was asked for, and the block of another type that was found. */
struct attempt {
	struct mm_zone *zone;
	unsigned order;
	enum mmsim_migratetype mt;
	unsigned alloc_flags;
	struct mmsim_page *block;
	unsigned found;
	enum mmsim_migratetype from;
};

/* A block of exactly this order from the types that may be fallen back to. */
static bool find_at(struct attempt *a, unsigned order)
{
	for (unsigned i = 0; i < NR_FALLBACKS; i++) {
		mm_list *list = &a->zone->area[order].list[fallbacks[a->mt][i]];

		if (mm_list_empty(list))
			continue;
		a->from = fallbacks[a->mt][i];
		a->found = order;
		a->block = mm_list_first(list, struct mmsim_page, lru);
		return true;
	}
	return false;
}

/*
 * Pages that stay would spoil a Movable pageblock: then the whole of it, whatever the size. A movable
 * page can go elsewhere later. Counterpart: should_try_claim_block().
 */
static bool claimable(const struct attempt *a, unsigned order)
{
	return order >= MMSIM_PAGEBLOCK_ORDER / 2 || a->mt != MMSIM_MIGRATE_MOVABLE ||
	       a->zone->grouping_disabled;
}

static void trace(const struct attempt *a, const struct mmsim_page *page)
{
	struct mm_zone *zone = a->zone;
	uint64_t pfn = mm_page_to_pfn(zone->map, page);

	mm_event(zone->obs, .id = MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG, .pfn = pfn, .order = a->order,
		 .migratetype = (int32_t)a->mt, .arg = a->found,
		 .fallback_migratetype = (int32_t)a->from,
		 .change_ownership = mm_zone_migratetype(zone, pfn) == a->mt);
}

static struct mmsim_page *take(const struct attempt *a, enum mmsim_migratetype rest)
{
	mm_buddy_del_from_list(a->zone, a->block, a->found, a->from);
	mm_buddy_expand(a->zone, a->block, a->order, a->found, rest);
	return a->block;
}

/* Would the pageblock fit the request for the greater part? */
static bool alike(const struct attempt *a, const struct mm_pageblock_use *use)
{
	unsigned like = 0;

	if (a->mt == MMSIM_MIGRATE_MOVABLE)
		like = use->movable;
	/* Between the two that do not move nobody can tell them apart. */
	else if (a->from == MMSIM_MIGRATE_MOVABLE)
		like = MMSIM_PAGEBLOCK_NR_PAGES - use->free - use->movable;
	return use->free + like >= MMSIM_PAGEBLOCK_NR_PAGES / 2 || a->zone->grouping_disabled;
}

/* Counterpart: try_to_claim_block(). */
static struct mmsim_page *claim_block(struct attempt *a)
{
	struct mm_zone *zone = a->zone;
	struct mm_pageblock_use use;

	if (a->found >= MMSIM_PAGEBLOCK_ORDER) {
		mm_buddy_retype(zone, a->block, a->found, a->mt);
		return take(a, a->mt);
	}
	if (mm_buddy_boost_watermark(zone) && a->alloc_flags & MM_ALLOC_KSWAPD)
		mm_zone_set_flag(zone, MM_ZONE_BOOSTED_WATERMARK);
	if (!mm_buddy_pageblock_use(zone, a->block, &use) || !alike(a, &use))
		return NULL;
	mm_buddy_pageblock_move(zone, a->block, a->from, a->mt);
	return mm_buddy_rmqueue_smallest(zone, a->order, a->mt);
}

static unsigned least_claimable(const struct attempt *a)
{
	if (a->alloc_flags & MM_ALLOC_NOFRAGMENT && a->order < MMSIM_PAGEBLOCK_ORDER)
		return MMSIM_PAGEBLOCK_ORDER;
	return a->order;
}

/* From the largest down, so that a claim lasts. Counterpart: __rmqueue_claim(). */
static struct mmsim_page *claim(struct attempt *a)
{
	for (unsigned o = MMSIM_NR_PAGE_ORDERS; o-- > least_claimable(a);) {
		struct mmsim_page *page;

		if (!claimable(a, o))
			break;
		if (!find_at(a, o))
			continue;
		page = claim_block(a);
		if (!page)
			continue;
		a->zone->stat.claims++;
		trace(a, page);
		return page;
	}
	return NULL;
}

static struct mmsim_page *steal_found(struct attempt *a)
{
	struct mmsim_page *page = take(a, a->from);

	a->zone->stat.steals++;
	trace(a, page);
	return page;
}

/* From the smallest up, so that little is broken. Counterpart: __rmqueue_steal(). */
static struct mmsim_page *steal(struct attempt *a)
{
	for (unsigned o = a->order; o < MMSIM_NR_PAGE_ORDERS; o++)
		if (find_at(a, o))
			return steal_found(a);
	return NULL;
}

/*
 * To 6.14: the largest block decides. What cannot be claimed gives its one page there and then, except
 * for movable pages, which take the smallest.
 */
static struct mmsim_page *from_largest(struct attempt *a)
{
	for (unsigned o = MMSIM_NR_PAGE_ORDERS; o-- > least_claimable(a);) {
		struct mmsim_page *page;

		if (!find_at(a, o))
			continue;
		if (!claimable(a, o))
			return o > a->order ? steal(a) : steal_found(a);
		page = claim_block(a);
		if (!page)
			return steal_found(a);
		a->zone->stat.claims++;
		trace(a, page);
		return page;
	}
	return NULL;
}

struct mmsim_page *mm_buddy_rmqueue_fallback(struct mm_zone *zone, unsigned order,
					     enum mmsim_migratetype mt, unsigned alloc_flags,
					     enum mm_rmqueue_mode *mode)
{
	struct attempt a = { .zone = zone, .order = order, .mt = mt, .alloc_flags = alloc_flags };
	struct mmsim_page *page = NULL;

	if (!mm_migratetype_mergeable(mt))
		return NULL;
	if (zone->policy->fallback == MMSIM_FALLBACK_LARGEST) {
		*mode = MM_RMQUEUE_NORMAL;
		return from_largest(&a);
	}
	if (*mode <= MM_RMQUEUE_CLAIM && (page = claim(&a))) {
		/* The lists of this type are filled again. */
		*mode = MM_RMQUEUE_NORMAL;
		return page;
	}
	if (alloc_flags & MM_ALLOC_NOFRAGMENT)
		return NULL;
	page = steal(&a);
	if (page && zone->policy->fallback == MMSIM_FALLBACK_CACHED)
		*mode = MM_RMQUEUE_STEAL;
	return page;
}
