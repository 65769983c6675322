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

/* How many pages an allocated block has, if this is its first page; else 1, as of reserved pages. */
static uint64_t allocated(const struct mmsim_page *page)
{
	unsigned order = __atomic_load_n(&page->order, __ATOMIC_RELAXED);

	if (__atomic_load_n(&page->refcount, __ATOMIC_RELAXED) != 1 || order > MMSIM_MAX_PAGE_ORDER)
		return 1;
	return UINT64_C(1) << order;
}

bool mm_buddy_pageblock_use(const struct mm_zone *zone, const struct mmsim_page *page,
			    struct mm_pageblock_use *use)
{
	uint64_t pfn = first_pfn(zone, page);

	*use = (struct mm_pageblock_use){ 0 };
	if (!whole(zone, pfn))
		return false;
	for (uint64_t i = 0; i < MMSIM_PAGEBLOCK_NR_PAGES;) {
		const struct mmsim_page *at = mm_pfn_to_page(zone->map, pfn + i);
		uint64_t nr = 1;

		if (mm_page_is_buddy(at)) {
			nr = UINT64_C(1) << at->priv;
			use->free += (unsigned)nr;
		} else {
			nr = mm_min(allocated(at), MMSIM_PAGEBLOCK_NR_PAGES - i);
			use->movable += mm_page_movable(at) ? (unsigned)nr : 0;
		}
		i += nr;
	}
	return true;
}

void mm_buddy_pageblock_move(struct mm_zone *zone, const struct mmsim_page *page,
			     enum mmsim_migratetype from, enum mmsim_migratetype to)
{
	uint64_t pfn = first_pfn(zone, page);

	for (uint64_t i = 0; i < MMSIM_PAGEBLOCK_NR_PAGES;) {
		struct mmsim_page *at = mm_pfn_to_page(zone->map, pfn + i);
		uint64_t nr = 1;

		if (mm_page_is_buddy(at)) {
			nr = UINT64_C(1) << at->priv;
			mm_buddy_move_to_list(zone, at, (unsigned)at->priv, from, to);
		}
		i += nr;
	}
	mm_zone_set_migratetype(zone, pfn, to);
}
