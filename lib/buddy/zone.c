/* SPDX-License-Identifier: MIT */
/* The free lists of a zone: merge, split, place. */
#include "zone.h"

#include "bits.h"
#include <errno.h>
#include <string.h>

/* Orders that the kernel keeps on per-CPU lists: what the event calls a refill. */
enum { PCP_MAX_ORDER = 3 };

static uint64_t nr_pageblocks(const struct mm_zone *zone)
{
	return mm_div_round_up(zone->span.end, MMSIM_PAGEBLOCK_NR_PAGES) -
	       zone->span.start / MMSIM_PAGEBLOCK_NR_PAGES;
}

int mm_buddy_zone_init(struct mm_zone *zone, struct mm_meta *meta, struct mm_lockset *locks)
{
	zone->pageblock = mm_base_meta_calloc(meta, nr_pageblocks(zone), 1);
	if (!zone->pageblock)
		return -ENOMEM;
	mm_sync_spin_init(&zone->lock, locks, MM_RANK_ZONE);
	mm_buddy_zone_clear(zone);
	return 0;
}

void mm_buddy_zone_fini(struct mm_zone *zone, struct mm_meta *meta)
{
	mm_sync_spin_fini(&zone->lock);
	mm_base_meta_free(meta, zone->pageblock, nr_pageblocks(zone));
}

void mm_buddy_zone_clear(struct mm_zone *zone)
{
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (int t = 0; t < MMSIM_NR_MIGRATETYPES; t++) {
			mm_list_init(&zone->area[o].list[t]);
			zone->area[o].nr[t] = 0;
		}
	memset(zone->pageblock, MMSIM_MIGRATE_MOVABLE, nr_pageblocks(zone));
	zone->free_pages = 0;
	zone->managed = 0;
}

static inline void touch(const struct mm_zone *zone, const struct mmsim_page *page)
{
	mm_exec_charge(zone->exec, MM_CHARGE_TOUCH, page, sizeof(*page));
}

/* The page, the head, and the page that was or becomes the next. */
static __attribute__((noinline, cold)) void
charge_links(const struct mm_zone *zone, const struct mmsim_page *page, struct mm_free_area *area,
	     const mm_list *head, const mm_list *neighbour)
{
	mm_exec_charge(zone->exec, MM_CHARGE_LIST_MOVE, NULL, 1);
	touch(zone, page);
	mm_exec_charge(zone->exec, MM_CHARGE_LINE, &area->line, 1);
	if (neighbour != head)
		mm_exec_charge(zone->exec, MM_CHARGE_POST,
			       mm_list_entry(neighbour, struct mmsim_page, lru),
			       sizeof(struct mmsim_page));
}

/* On or off a list. One question where nobody charges. */
static inline void touch_links(const struct mm_zone *zone, const struct mmsim_page *page,
			       struct mm_free_area *area, const mm_list *head,
			       const mm_list *neighbour)
{
	if (mm_unlikely(mm_exec_charges(zone->exec)))
		charge_links(zone, page, area, head, neighbour);
}

static void add_to_list(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			enum mmsim_migratetype mt, bool tail)
{
	struct mm_free_area *area = &zone->area[order];
	mm_list *head = &area->list[mt];

	touch_links(zone, page, area, head, tail ? head->prev : head->next);
	page->priv = order;
	page->page_type = MMSIM_PGTY_BUDDY;
	if (tail)
		mm_list_add_tail(&page->lru, head);
	else
		mm_list_add(&page->lru, head);
	area->nr[mt]++;
	zone->free_pages += UINT64_C(1) << order;
}

void mm_buddy_del_from_list(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			    enum mmsim_migratetype mt)
{
	mm_invariant("B1: on the list of its order",
		     mm_page_is_buddy(page) && page->priv == order && zone->area[order].nr[mt]);
	touch_links(zone, page, &zone->area[order], &zone->area[order].list[mt], page->lru.next);
	mm_list_del(&page->lru);
	page->page_type = MMSIM_PGTY_NONE;
	page->priv = 0;
	zone->area[order].nr[mt]--;
	zone->free_pages -= UINT64_C(1) << order;
}

/* The free buddy of the block at pfn that it can merge with, or NULL. */
static struct mmsim_page *find_buddy(const struct mm_zone *zone, const struct mmsim_page *page,
				     uint64_t pfn, unsigned order)
{
	uint64_t buddy_pfn = pfn ^ (UINT64_C(1) << order);
	struct mmsim_page *buddy;

	if (buddy_pfn < zone->span.start || buddy_pfn >= zone->span.end ||
	    !mm_pfn_valid(zone->map, buddy_pfn))
		return NULL;
	buddy = mm_pfn_to_page(zone->map, buddy_pfn);
	touch(zone, buddy);
	if (!mm_page_is_buddy(buddy) || buddy->priv != order ||
	    mm_page_zone_bits(buddy) != mm_page_zone_bits(page))
		return NULL;
	return buddy;
}

void mm_buddy_retype(struct mm_zone *zone, const struct mmsim_page *page, unsigned order,
		     enum mmsim_migratetype mt)
{
	uint64_t pfn = mm_page_to_pfn(zone->map, page);

	for (uint64_t at = pfn; at < pfn + (UINT64_C(1) << order); at += MMSIM_PAGEBLOCK_NR_PAGES)
		mm_zone_set_migratetype(zone, at, mt);
}

/* Unite with the buddy, which may be of another type: then it takes ours. */
static void absorb(struct mm_zone *zone, struct mmsim_page *buddy, unsigned order,
		   enum mmsim_migratetype mt)
{
	enum mmsim_migratetype theirs = mm_zone_migratetype(zone, mm_page_to_pfn(zone->map, buddy));

	mm_buddy_del_from_list(zone, buddy, order, theirs);
	if (theirs != mt)
		mm_buddy_retype(zone, buddy, order, mt);
}

/*
 * Is the block likely to be merged soon, because the buddy of what it and its own buddy would make is
 * free? Then it goes to the tail, so as not to be handed out before that.
 */
static bool merge_likely(const struct mm_zone *zone, const struct mmsim_page *page, uint64_t pfn,
			 unsigned order)
{
	uint64_t pair = pfn & ~(UINT64_C(1) << order);

	return order < MMSIM_MAX_PAGE_ORDER - 1 && find_buddy(zone, page, pair, order + 1);
}

void mm_buddy_free_one_page(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			    enum mmsim_migratetype mt, enum mm_fpi fpi)
{
	uint64_t pfn = mm_page_to_pfn(zone->map, page);
	struct mmsim_page *buddy;

	mm_assert(mm_spin_held(&zone->lock));
	mm_invariant("B1: aligned to its size", !(pfn & ((UINT64_C(1) << order) - 1)));
	while (order < MMSIM_MAX_PAGE_ORDER && (buddy = find_buddy(zone, page, pfn, order))) {
		absorb(zone, buddy, order, mt);
		pfn &= ~(UINT64_C(1) << order);
		order++;
	}
	page = mm_pfn_to_page(zone->map, pfn);
	add_to_list(zone, page, order, mt,
		    (fpi & MM_FPI_TO_TAIL) || merge_likely(zone, page, pfn, order));
}

/*
 * Hand back the upper halves, largest first, each to the head of its list: small allocations then
 * ascend within the block.
 */
void mm_buddy_expand(struct mm_zone *zone, struct mmsim_page *page, unsigned low, unsigned high,
		     enum mmsim_migratetype mt)
{
	while (high > low) {
		high--;
		add_to_list(zone, page + (UINT64_C(1) << high), high, mt, false);
	}
}

struct mmsim_page *mm_buddy_rmqueue_smallest(struct mm_zone *zone, unsigned order,
					     enum mmsim_migratetype mt)
{
	for (unsigned o = order; o < MMSIM_NR_PAGE_ORDERS; o++) {
		struct mmsim_page *page;

		if (mm_list_empty(&zone->area[o].list[mt]))
			continue;
		page = mm_list_first(&zone->area[o].list[mt], struct mmsim_page, lru);
		mm_buddy_del_from_list(zone, page, o, mt);
		mm_buddy_expand(zone, page, order, o, mt);
		mm_event(zone->obs, .id = MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED,
			 .pfn = mm_page_to_pfn(zone->map, page), .order = order,
			 .migratetype = (int32_t)mt, .arg = order <= PCP_MAX_ORDER);
		return page;
	}
	return NULL;
}

struct mmsim_page *mm_buddy_rmqueue(struct mm_zone *zone, unsigned order, enum mmsim_migratetype mt)
{
	struct mmsim_page *page;

	mm_assert(mm_spin_held(&zone->lock));
	page = mm_buddy_rmqueue_smallest(zone, order, mt);
	return page ? page : mm_buddy_rmqueue_fallback(zone, order, mt);
}
