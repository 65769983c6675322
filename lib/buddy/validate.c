/* SPDX-License-Identifier: MIT */
/* Whole-object check of the allocator: every list and every struct page. */
#include "buddy.h"

#include "bits.h"

static void check_block(const struct mm_zone *zone, const struct mmsim_page *page, unsigned order,
			enum mmsim_migratetype mt)
{
	uint64_t pfn = mm_page_to_pfn(zone->map, page);
	uint64_t end = pfn + (UINT64_C(1) << order);

	mm_invariant("B1: marked free", mm_page_is_buddy(page) && page->priv == order);
	mm_invariant("B1: refcount 0", page->refcount == 0);
	mm_invariant("B1: aligned", pfn % (UINT64_C(1) << order) == 0);
	mm_invariant("B1: in its zone", pfn >= zone->span.start && end <= zone->span.end &&
						mmsim_page_node(page) == zone->node &&
						mmsim_page_zone_type(page) == zone->type);
	for (uint64_t at = pfn; at < end; at += MMSIM_PAGEBLOCK_NR_PAGES)
		mm_invariant("B1: on the list of its pageblock's type",
			     mm_zone_migratetype(zone, at) == mt);
}

static void check_unmerged(const struct mm_zone *zone, const struct mmsim_page *page,
			   unsigned order)
{
	uint64_t buddy_pfn = mm_page_to_pfn(zone->map, page) ^ (UINT64_C(1) << order);
	const struct mmsim_page *buddy = mm_pfn_to_page(zone->map, buddy_pfn);

	if (order == MMSIM_MAX_PAGE_ORDER || buddy_pfn < zone->span.start ||
	    buddy_pfn >= zone->span.end || !mm_pfn_valid(zone->map, buddy_pfn))
		return;
	mm_invariant("B2: merged with its buddy",
		     !(mm_page_is_buddy(buddy) && buddy->priv == order &&
		       mm_page_zone_bits(buddy) == mm_page_zone_bits(page)));
}

static uint64_t check_list(struct mm_zone *zone, unsigned order, enum mmsim_migratetype mt)
{
	struct mm_free_area *area = &zone->area[order];
	uint64_t nr = 0;

	mm_list_for_each(pos, &area->list[mt]) {
		const struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);

		mm_invariant("L1: list links", pos->next->prev == pos);
		check_block(zone, page, order, mt);
		check_unmerged(zone, page, order);
		nr++;
	}
	mm_invariant("B3: list length", nr == area->nr[mt]);
	return nr << order;
}

static uint64_t check_pcp(struct mm_zone *zone, struct mm_pcp *pcp)
{
	uint64_t nr = 0;

	for (int t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
		mm_list_for_each(pos, &pcp->lists[t]) {
			const struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);

			mm_invariant("C2: page of a per-CPU list",
				     page->index == (uint64_t)t && page->refcount == 0 &&
					     page->page_type == MMSIM_PGTY_NONE &&
					     mmsim_page_node(page) == zone->node &&
					     mmsim_page_zone_type(page) == zone->type);
			nr++;
		}
	mm_invariant("C1: per-CPU count",
		     nr == pcp->count &&
			     nr <= zone->pcp_high + (MMSIM_NR_MIGRATETYPES - 1) * zone->pcp_batch);
	return nr;
}

/* Allocated pages, by their first pages; Z1. Blocks must not overlap: hence the jump. */
static uint64_t count_allocated(const struct mm_zone *zone)
{
	uint64_t sum = 0;

	for (uint64_t pfn = zone->span.start; pfn < zone->span.end;) {
		const struct mmsim_page *page = mm_pfn_to_page(zone->map, pfn);
		uint64_t step = 1;

		if (!mm_pfn_valid(zone->map, pfn)) {
			pfn = mm_round_down(pfn, MMSIM_PAGES_PER_SUBSECTION) +
			      MMSIM_PAGES_PER_SUBSECTION;
			continue;
		}
		if (page->refcount == 1 && !(page->flags >> MMSIM_PG_RESERVED & 1) &&
		    mmsim_page_node(page) == zone->node &&
		    mmsim_page_zone_type(page) == zone->type) {
			step = UINT64_C(1) << page->order;
			sum += step;
			for (uint64_t i = 1; i < step; i++)
				mm_invariant("Z1: tail of an allocated block",
					     page[i].refcount == 0 && !mm_page_is_buddy(&page[i]));
		}
		pfn += step;
	}
	return sum;
}

static uint64_t check_zone(struct mm_zone *zone, bool whole)
{
	uint64_t nr_free = 0, pcp = 0;

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (int t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			nr_free += check_list(zone, o, (enum mmsim_migratetype)t);
	mm_invariant("B3: free pages", nr_free == zone->free_pages);
	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++)
		pcp += check_pcp(zone, mm_per_cpu(&zone->pcps, cpu));
	if (whole)
		mm_invariant("B4: managed = free + per-CPU + allocated",
			     zone->managed == nr_free + pcp + count_allocated(zone));
	return nr_free;
}

uint64_t mm_buddy_validate(struct mm_buddy *b)
{
	uint64_t sum = 0;

	mm_for_each_zone(zone, b)
		sum += check_zone(zone, mm_buddy_is_open(b));
	return sum;
}
