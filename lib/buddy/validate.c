/* SPDX-License-Identifier: MIT */
/* Whole-object check of the allocator: every list, every pageblock and every struct page. */
#include "alt.h"
#include "bits.h"
#include "buddy.h"
#include "poison.h"

static bool in_zone(const struct mm_zone *zone, const struct mmsim_page *page)
{
	return mmsim_page_node(page) == zone->node && mmsim_page_zone_type(page) == zone->type;
}

static void check_types(const struct mm_zone *zone, uint64_t pfn, uint64_t end,
			enum mmsim_migratetype mt)
{
	for (uint64_t at = pfn; at < end; at += MMSIM_PAGEBLOCK_NR_PAGES) {
		enum mmsim_migratetype found = mm_zone_migratetype(zone, at);

		mm_invariant("I1: isolated as a whole, or not at all",
			     (found == MMSIM_MIGRATE_ISOLATE) == (mt == MMSIM_MIGRATE_ISOLATE));
		mm_invariant("B1: on the list of its pageblock's type", found == mt);
	}
}

static void check_block(const struct mm_zone *zone, const struct mmsim_page *page, unsigned order,
			enum mmsim_migratetype mt)
{
	uint64_t pfn = mm_page_to_pfn(zone->map, page);
	uint64_t end = pfn + (UINT64_C(1) << order);

	mm_invariant("B1: marked free", mm_page_is_buddy(page) && page->priv == order);
	mm_invariant("B1: refcount 0", page->refcount == 0);
	mm_invariant("B1: aligned", pfn % (UINT64_C(1) << order) == 0);
	mm_invariant("B1: in its zone",
		     mm_zone_spans(zone, pfn) && end <= zone->span.end && in_zone(zone, page));
	check_types(zone, pfn, end, mt);
}

/*
 * As the free of one of two buddies would do. Isolating does not, so two isolated may stay apart.
 */
static bool would_merge(enum mmsim_migratetype a, enum mmsim_migratetype b)
{
	if (a == b)
		return a != MMSIM_MIGRATE_ISOLATE;
	return mm_migratetype_mergeable(a) && mm_migratetype_mergeable(b);
}

static void check_unmerged(const struct mm_zone *zone, const struct mmsim_page *page,
			   unsigned order, enum mmsim_migratetype mt)
{
	uint64_t pfn = mm_page_to_pfn(zone->map, page) ^ (UINT64_C(1) << order);
	const struct mmsim_page *buddy = mm_pfn_to_page(zone->map, pfn);

	if (order == MMSIM_MAX_PAGE_ORDER || !mm_zone_spans(zone, pfn) ||
	    !mm_pfn_valid(zone->map, pfn))
		return;
	if (!mm_page_is_buddy(buddy) || buddy->priv != order || !in_zone(zone, buddy))
		return;
	mm_invariant("B2: merged with its buddy",
		     order >= MMSIM_PAGEBLOCK_ORDER &&
			     !would_merge(mt, mm_zone_migratetype(zone, pfn)));
}

static uint64_t check_list(const struct mm_buddy *b, struct mm_zone *zone, unsigned order,
			   enum mmsim_migratetype mt)
{
	struct mm_free_area *area = &zone->area[order];
	uint64_t nr = 0;

	mm_list_for_each(pos, &area->list[mt]) {
		const struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);

		mm_invariant("L1: list links", pos->next->prev == pos);
		check_block(zone, page, order, mt);
		check_unmerged(zone, page, order, mt);
		mm_buddy_check_poison(b, page, order);
		nr++;
	}
	mm_invariant("B3: list length", nr == area->nr[mt]);
	return nr << order;
}

static uint64_t check_lists(const struct mm_buddy *b, struct mm_zone *zone, uint64_t *isolated)
{
	uint64_t of[MMSIM_NR_MIGRATETYPES] = { 0 }, nr_free = 0;

	for (int t = 0; t < MMSIM_NR_MIGRATETYPES; t++) {
		for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
			of[t] += check_list(b, zone, o, (enum mmsim_migratetype)t);
		if (t != MMSIM_MIGRATE_ISOLATE)
			nr_free += of[t];
	}
	mm_invariant("B3: free pages", nr_free == zone->free_pages);
	mm_invariant("B3: free HighAtomic pages",
		     of[MMSIM_MIGRATE_HIGHATOMIC] == zone->free_highatomic);
	mm_invariant("B3: free CMA pages", of[MMSIM_MIGRATE_CMA] == zone->free_cma);
	*isolated = of[MMSIM_MIGRATE_ISOLATE];
	return nr_free;
}

/* An isolated pageblock is still one of its type. */
static void check_pageblocks(const struct mm_zone *zone)
{
	uint64_t nr[MMSIM_NR_MIGRATETYPES] = { 0 };

	for (uint64_t pfn = mm_round_down(zone->span.start, MMSIM_PAGEBLOCK_NR_PAGES);
	     pfn < zone->span.end; pfn += MMSIM_PAGEBLOCK_NR_PAGES) {
		unsigned type = *mm_zone_pageblock(zone, pfn) & ~(unsigned)MM_PAGEBLOCK_ISOLATE;

		mm_invariant("I1: a pageblock is of a type", type < MMSIM_MIGRATE_ISOLATE);
		nr[type] += MMSIM_PAGEBLOCK_NR_PAGES;
	}
	mm_invariant("H1: pages of the reserve",
		     nr[MMSIM_MIGRATE_HIGHATOMIC] == zone->nr_reserved_highatomic);
	mm_invariant("I2: pages of CMA", nr[MMSIM_MIGRATE_CMA] == zone->cma);
}

static uint64_t check_pcp_list(const struct mm_buddy *b, const struct mm_zone *zone,
			       struct mm_pcp *pcp, unsigned index)
{
	unsigned order = mm_pcp_index_order(index);
	uint64_t nr = 0;

	mm_list_for_each(pos, &pcp->lists[index]) {
		const struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);

		mm_invariant("L1: list links", pos->next->prev == pos);
		mm_invariant("C2: page of a per-CPU list",
			     page->index == index && page->refcount == 0 &&
				     page->page_type == MMSIM_PGTY_NONE && in_zone(zone, page));
		mm_invariant("C2: aligned to the list's order",
			     mm_page_to_pfn(zone->map, page) % (UINT64_C(1) << order) == 0);
		mm_buddy_check_poison(b, page, order);
		nr++;
	}
	return nr << order;
}

static uint64_t check_pcp(const struct mm_buddy *b, const struct mm_zone *zone, struct mm_pcp *pcp)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < MM_NR_PCP_LISTS; i++)
		nr += check_pcp_list(b, zone, pcp, i);
	mm_invariant("C1: per-CPU count", pcp->count >= 0 && nr == (uint64_t)pcp->count);
	mm_invariant("C3: high within its bounds",
		     !pcp->high || (pcp->high >= mm_min(pcp->high_min, pcp->high_max) &&
				    pcp->high <= mm_max(pcp->high_min, pcp->high_max)));
	return nr;
}

static uint64_t check_pcps(const struct mm_buddy *b, struct mm_zone *zone)
{
	uint64_t nr = 0;

	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++)
		nr += check_pcp(b, zone, mm_per_cpu(&zone->pcps, cpu));
	return nr;
}

/* Z1. Returns the pages of the block. */
static uint64_t check_allocated(const struct mmsim_page *page, uint64_t pfn)
{
	uint64_t nr = UINT64_C(1) << mm_min(page->order, MMSIM_MAX_PAGE_ORDER);

	mm_invariant("Z1: order of an allocated block",
		     page->order <= MMSIM_MAX_PAGE_ORDER && pfn % nr == 0);
	for (uint64_t i = 1; i < nr; i++)
		mm_invariant("Z1: tail of an allocated block",
			     page[i].refcount == 0 && !mm_page_is_buddy(&page[i]));
	return nr;
}

/* Allocated pages, by their first pages. Blocks must not overlap: hence the jump. */
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
		if (page->refcount && !(page->flags >> MMSIM_PG_RESERVED & 1) &&
		    in_zone(zone, page)) {
			mm_invariant("Z1: a refcount is not negative", page->refcount > 0);
			step = check_allocated(page, pfn);
			sum += step;
		}
		pfn += step;
	}
	return sum;
}

/* What is free, and what lies where it can be neither had nor used. */
static uint64_t check_free(const struct mm_buddy *b, struct mm_zone *zone, uint64_t *kept)
{
	uint64_t nr_free;

	*kept = 0;
	if (zone->alt)
		return zone->alt->ops->validate(zone);
	check_pageblocks(zone);
	nr_free = check_lists(b, zone, kept);
	*kept += check_pcps(b, zone);
	return nr_free;
}

static uint64_t check_zone(const struct mm_buddy *b, struct mm_zone *zone)
{
	uint64_t kept, nr_free = check_free(b, zone, &kept);

	/* While boot goes on, pages are in nobody's books yet. */
	if (mm_buddy_is_open(b))
		mm_invariant("B4: managed = free + isolated + per-CPU + allocated",
			     zone->managed == nr_free + kept + count_allocated(zone) +
						      (uint64_t)zone->unaccounted);
	return nr_free;
}

uint64_t mm_buddy_validate(struct mm_buddy *b)
{
	uint64_t sum = 0;

	mm_for_each_zone(zone, b)
		sum += check_zone(b, zone);
	return sum;
}
