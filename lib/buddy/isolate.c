/* SPDX-License-Identifier: MIT */
/* Pageblocks out of circulation and back, memory of CMA, ranges of page frames. */
#include "isolate.h"

#include "bits.h"
#include "pageblock.h"
#include "poison.h"
#include "watermark.h"
#include <errno.h>
#include <inttypes.h>

#define TYPES_ALL UINT32_MAX
#define TYPES_MIGRATABLE (1u << MMSIM_MIGRATE_MOVABLE | 1u << MMSIM_MIGRATE_CMA)

static uint8_t bits_at(const struct mm_zone *zone, uint64_t pfn)
{
	return __atomic_load_n(mm_zone_pageblock(zone, pfn), __ATOMIC_RELAXED);
}

static void set_bits(struct mm_zone *zone, uint64_t pfn, uint8_t bits)
{
	__atomic_store_n(mm_zone_pageblock(zone, pfn), bits, __ATOMIC_RELAXED);
}

/* What pages are freed as in a pageblock with these bits. */
static enum mmsim_migratetype type_of(uint8_t bits)
{
	return bits & MM_PAGEBLOCK_ISOLATE ? MMSIM_MIGRATE_ISOLATE : (enum mmsim_migratetype)bits;
}

/* The first page of the pageblock around pfn. NULL: the zone does not have all of it. */
static struct mmsim_page *pageblock_of(const struct mm_zone *zone, uint64_t pfn)
{
	struct mm_pageblock_use use;
	struct mmsim_page *page;

	if (zone->alt || !mm_pfn_valid(zone->map, pfn))
		return NULL;
	page = mm_pfn_to_page(zone->map, mm_round_down(pfn, MMSIM_PAGEBLOCK_NR_PAGES));
	if (mmsim_page_node(page) != zone->node || mmsim_page_zone_type(page) != zone->type)
		return NULL;
	return mm_buddy_pageblock_use(zone, page, &use) ? page : NULL;
}

/* The free block that holds pfn, or NULL. */
static struct mmsim_page *free_block(const struct mm_zone *zone, uint64_t pfn)
{
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		struct mmsim_page *page =
			mm_pfn_to_page(zone->map, pfn & ~((UINT64_C(1) << o) - 1));

		if (mm_page_is_buddy(page))
			return page->priv >= o ? page : NULL;
	}
	return NULL;
}

/* It takes its type from its pageblocks, and may merge. */
static void refree(struct mm_zone *zone, struct mmsim_page *block, uint64_t pfn, uint8_t bits,
		   enum mm_fpi fpi)
{
	unsigned order = (unsigned)block->priv;

	mm_buddy_del_from_list(zone, block, order, type_of(bits_at(zone, pfn)));
	set_bits(zone, pfn, bits);
	mm_buddy_free_range(zone, block, order, fpi);
}

/*
 * The pageblock gets other bits, and its free pages go to where these say. A block that reaches
 * beyond it comes apart. A block that fills it is freed anew on its way back, as its buddy may be
 * waiting. Counterpart: __move_freepages_block_isolate().
 */
static void change(struct mm_zone *zone, struct mmsim_page *page, uint8_t bits)
{
	uint64_t pfn = mm_page_to_pfn(zone->map, page);
	struct mmsim_page *block = free_block(zone, pfn);

	if (block && block->priv > MMSIM_PAGEBLOCK_ORDER) {
		refree(zone, block, pfn, bits, MM_FPI_NONE);
	} else if (block && block->priv == MMSIM_PAGEBLOCK_ORDER &&
		   !(bits & MM_PAGEBLOCK_ISOLATE)) {
		refree(zone, block, pfn, bits, MM_FPI_TO_TAIL);
	} else {
		mm_buddy_pageblock_move(zone, page, type_of(bits_at(zone, pfn)), type_of(bits));
		set_bits(zone, pfn, bits);
	}
}

static int isolate_locked(struct mm_zone *zone, uint64_t pfn, uint32_t types)
{
	struct mmsim_page *page = pageblock_of(zone, pfn);
	uint8_t bits;

	if (!page)
		return -EINVAL;
	bits = bits_at(zone, pfn);
	if (bits & MM_PAGEBLOCK_ISOLATE || !(types >> bits & 1))
		return -EBUSY;
	change(zone, page, bits | MM_PAGEBLOCK_ISOLATE);
	return 0;
}

static int isolate(struct mm_zone *zone, uint64_t pfn, uint32_t types)
{
	int err;

	mm_spin_lock(&zone->lock);
	err = isolate_locked(zone, pfn, types);
	mm_spin_unlock(&zone->lock);
	return err;
}

int mm_buddy_isolate_pageblock(struct mm_zone *zone, uint64_t pfn)
{
	return isolate(zone, pfn, TYPES_ALL);
}

int mm_buddy_unisolate_pageblock(struct mm_zone *zone, uint64_t pfn)
{
	struct mmsim_page *page;
	int err = -EINVAL;

	mm_spin_lock(&zone->lock);
	page = pageblock_of(zone, pfn);
	if (page && bits_at(zone, pfn) & MM_PAGEBLOCK_ISOLATE) {
		change(zone, page, bits_at(zone, pfn) & MM_PAGEBLOCK_TYPE);
		err = 0;
	}
	mm_spin_unlock(&zone->lock);
	return err;
}

static bool test_isolated_locked(const struct mm_zone *zone, uint64_t start, uint64_t end)
{
	for (uint64_t pfn = start; pfn < end;) {
		const struct mmsim_page *block = NULL;

		if (pageblock_of(zone, pfn) &&
		    mm_zone_migratetype(zone, pfn) == MMSIM_MIGRATE_ISOLATE)
			block = free_block(zone, pfn);
		if (!block)
			return false;
		pfn = mm_page_to_pfn(zone->map, block) + (UINT64_C(1) << block->priv);
	}
	return true;
}

bool mm_buddy_test_isolated(struct mm_zone *zone, uint64_t start, uint64_t end)
{
	bool isolated;

	mm_spin_lock(&zone->lock);
	isolated = test_isolated_locked(zone, start, end);
	mm_spin_unlock(&zone->lock);
	return isolated;
}

int mm_buddy_init_cma_pageblock(struct mm_zone *zone, uint64_t pfn)
{
	struct mmsim_page *page;
	int err = 0;

	mm_spin_lock(&zone->lock);
	page = pageblock_of(zone, pfn);
	if (!page) {
		err = -EINVAL;
	} else if (!mm_migratetype_mergeable(mm_zone_migratetype(zone, pfn))) {
		err = -EBUSY;
	} else {
		change(zone, page, MMSIM_MIGRATE_CMA);
		__atomic_store_n(&zone->cma, zone->cma + MMSIM_PAGEBLOCK_NR_PAGES,
				 __ATOMIC_RELAXED);
		mm_buddy_set_plenty(zone);
	}
	mm_spin_unlock(&zone->lock);
	return err;
}

static void undo(struct mm_zone *zone, uint64_t start, uint64_t end)
{
	for (uint64_t pfn = start; pfn < end; pfn += MMSIM_PAGEBLOCK_NR_PAGES)
		mm_buddy_unisolate_pageblock(zone, pfn);
}

/* All of these pageblocks, or none. Counterpart: start_isolate_page_range(). */
static int isolate_range(struct mm_zone *zone, uint64_t start, uint64_t end)
{
	for (uint64_t pfn = start; pfn < end; pfn += MMSIM_PAGEBLOCK_NR_PAGES) {
		int err = isolate(zone, pfn, TYPES_MIGRATABLE);

		if (err) {
			undo(zone, start, pfn);
			return err;
		}
	}
	return 0;
}

/*
 * The largest aligned piece at start that is within one free block. The rest of it stays isolated.
 */
static unsigned take_piece(struct mm_zone *zone, uint64_t start, uint64_t end)
{
	struct mmsim_page *page = mm_pfn_to_page(zone->map, start);

	for (unsigned order = MMSIM_MAX_PAGE_ORDER;; order--) {
		uint64_t nr = UINT64_C(1) << order;

		if (start % nr == 0 && nr <= end - start && mm_buddy_take_page(zone, page, order))
			return order;
		mm_invariant("I1: free, as was found", order > 0);
	}
}

/* False: not all of it is free. */
static bool take_range(struct mm_zone *zone, uint64_t start, uint64_t end)
{
	bool all_free;

	mm_spin_lock(&zone->lock);
	all_free = test_isolated_locked(zone, start, end);
	for (uint64_t pfn = start; all_free && pfn < end;)
		pfn += UINT64_C(1) << take_piece(zone, pfn, end);
	mm_spin_unlock(&zone->lock);
	return all_free;
}

/* Z1, for a page that no allocation asked for. */
static void hand_out(const struct mm_buddy *b, struct mmsim_page *page)
{
	mm_buddy_unpoison_pages(b, page, 0);
	mm_prep_new_page(page, 0, false);
}

static int take_isolated(struct mm_buddy *b, struct mm_zone *zone, uint64_t start, uint64_t end)
{
	/* What is on per-CPU lists was freed before, and is free as well. */
	mm_buddy_pcp_drain_all(zone);
	if (!take_range(zone, start, end))
		return -EBUSY;
	for (uint64_t pfn = start; pfn < end; pfn++)
		hand_out(b, mm_pfn_to_page(b->map, pfn));
	return 0;
}

/* The zone of the range; NULL: there is none that could have all of it. */
static struct mm_zone *zone_of_range(const struct mm_buddy *b, uint64_t start, uint64_t end)
{
	struct mm_zone *zone;

	if (start >= end || !mm_pfn_valid(b->map, start))
		return NULL;
	zone = mm_buddy_page_zone(b, mm_pfn_to_page(b->map, start));
	return zone && mm_zone_spans(zone, end - 1) ? zone : NULL;
}

int mm_buddy_alloc_contig_range(struct mm_buddy *b, uint64_t start, uint64_t end)
{
	struct mm_zone *zone = mm_buddy_is_open(b) ? zone_of_range(b, start, end) : NULL;
	uint64_t first, last;
	int err = -EINVAL;

	if (zone) {
		first = mm_round_down(start, MMSIM_PAGEBLOCK_NR_PAGES);
		last = mm_round_up(end, MMSIM_PAGEBLOCK_NR_PAGES);
		err = isolate_range(zone, first, last);
		if (!err) {
			err = take_isolated(b, zone, start, end);
			undo(zone, first, last);
		}
	}
	if (err == -EINVAL)
		mm_base_log(b->log,
			    "alloc_contig_range(pfn %#" PRIx64 " to %#" PRIx64
			    "): not pageblocks of one zone of a booted machine",
			    start, end);
	return err;
}
