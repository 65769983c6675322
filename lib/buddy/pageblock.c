/* SPDX-License-Identifier: MIT */
/* What a pageblock holds, and changing its type. */
#include "pageblock.h"

#include "bits.h"

static uint64_t first_pfn(const struct mm_zone *zone, const struct mmsim_page *page)
{
	return mm_round_down(mm_page_to_pfn(zone->map, page), MMSIM_PAGEBLOCK_NR_PAGES);
}

static bool whole(const struct mm_zone *zone, uint64_t pfn)
{
	return mm_zone_spans(zone, pfn) &&
	       mm_zone_spans(zone, pfn + MMSIM_PAGEBLOCK_NR_PAGES - 1) &&
	       mm_pfn_valid(zone->map, pfn);
}

/* What begins at a page. */
struct look {
	bool free, movable;
	uint64_t nr; /* pages */
};

/*
 * Free blocks stand still under the lock. Allocated pages are their owners', and deferred ones are being
 * initialised beside us: of these any mixture of old and new will do, for a guess; ThreadSanitizer is told
 * not to look.
 */
static __attribute__((noinline, no_sanitize("thread"))) struct look
look_at(const volatile struct mmsim_page *page)
{
	unsigned order = page->order;

	if (page->page_type == MMSIM_PGTY_BUDDY)
		return (struct look){ .free = true, .nr = UINT64_C(1) << page->priv };
	/* Not the first page of a block, or a reserved one. */
	if (page->refcount != 1 || order > MMSIM_MAX_PAGE_ORDER)
		return (struct look){ .movable = page->flags >> MMSIM_PG_LRU & 1, .nr = 1 };
	return (struct look){
		.movable = page->flags >> MMSIM_PG_LRU & 1 || page->movable,
		.nr = UINT64_C(1) << order,
	};
}

bool mm_buddy_pageblock_use(const struct mm_zone *zone, const struct mmsim_page *page,
			    struct mm_pageblock_use *use)
{
	uint64_t pfn = first_pfn(zone, page);

	*use = (struct mm_pageblock_use){ 0 };
	if (!whole(zone, pfn))
		return false;
	for (uint64_t i = 0; i < MMSIM_PAGEBLOCK_NR_PAGES;) {
		struct look at = look_at(mm_pfn_to_page(zone->map, pfn + i));
		uint64_t nr = mm_min(at.nr, MMSIM_PAGEBLOCK_NR_PAGES - i);

		use->free += at.free ? (unsigned)nr : 0;
		use->movable += at.movable ? (unsigned)nr : 0;
		i += nr;
	}
	return true;
}

void mm_buddy_pageblock_move(struct mm_zone *zone, const struct mmsim_page *page,
			     enum mmsim_migratetype from, enum mmsim_migratetype to)
{
	uint64_t pfn = first_pfn(zone, page);

	for (uint64_t i = 0; i < MMSIM_PAGEBLOCK_NR_PAGES;) {
		struct mmsim_page *page_at = mm_pfn_to_page(zone->map, pfn + i);
		struct look at = look_at(page_at);

		if (at.free)
			mm_buddy_move_to_list(zone, page_at, (unsigned)page_at->priv, from, to);
		i += at.free ? at.nr : 1;
	}
	mm_zone_set_migratetype(zone, pfn, to);
}
