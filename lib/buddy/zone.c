/* SPDX-License-Identifier: MIT */
/* The free lists of a zone: merge, split, place. */
#include "zone.h"

#include "bits.h"
#include "pcp.h"
#include "shuffle.h"
#include <errno.h>
#include <string.h>

int mm_buddy_zone_init(struct mm_zone *zone, struct mm_meta *meta, struct mm_lockset *locks)
{
	zone->pageblock = mm_base_meta_calloc(meta, mm_zone_nr_pageblocks(zone), 1);
	if (!zone->pageblock)
		return -ENOMEM;
	mm_sync_spin_init(&zone->lock, locks, MM_RANK_ZONE);
	mm_buddy_zone_clear(zone);
	return 0;
}

void mm_buddy_zone_fini(struct mm_zone *zone, struct mm_meta *meta)
{
	mm_sync_spin_fini(&zone->lock);
	mm_base_meta_free(meta, zone->pageblock, mm_zone_nr_pageblocks(zone));
}

void mm_buddy_zone_clear(struct mm_zone *zone)
{
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (int t = 0; t < MMSIM_NR_MIGRATETYPES; t++) {
			mm_list_init(&zone->area[o].list[t]);
			zone->area[o].nr[t] = 0;
		}
	memset(zone->pageblock, MMSIM_MIGRATE_MOVABLE, mm_zone_nr_pageblocks(zone));
	zone->free_pages = zone->free_highatomic = zone->free_cma = 0;
	zone->managed = zone->cma = zone->nr_reserved_highatomic = 0;
	zone->unaccounted = 0;
	zone->flags = 0;
	zone->stat = (struct mmsim_zone_stat){ 0 };
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

static inline void add_to(uint64_t *count, uint64_t nr)
{
	/* Read without the lock, written only under it: no need for a locked instruction. */
	__atomic_store_n(count, *count + nr, __ATOMIC_RELAXED);
}

/* nr pages, which may be negative, of this type more. Counterpart: account_freepages(). */
static inline void account(struct mm_zone *zone, uint64_t nr, enum mmsim_migratetype mt)
{
	if (mm_unlikely(mt >= MMSIM_MIGRATE_PCPTYPES)) {
		if (mt == MMSIM_MIGRATE_ISOLATE)
			return;
		add_to(mt == MMSIM_MIGRATE_CMA ? &zone->free_cma : &zone->free_highatomic, nr);
	}
	add_to(&zone->free_pages, nr);
}

void mm_buddy_add_to_list(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			  enum mmsim_migratetype mt, bool tail)
{
	struct mm_free_area *area = &zone->area[order];
	mm_list *head = &area->list[mt];

	touch_links(zone, page, area, head, tail ? head->prev : head->next);
	page->priv = order;
	mm_page_set_type(page, MMSIM_PGTY_BUDDY);
	if (tail)
		mm_list_add_tail(&page->lru, head);
	else
		mm_list_add(&page->lru, head);
	add_to(&area->nr[mt], 1);
	account(zone, UINT64_C(1) << order, mt);
}

void mm_buddy_del_from_list(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			    enum mmsim_migratetype mt)
{
	mm_invariant("B1: on the list of its order",
		     mm_page_is_buddy(page) && page->priv == order && zone->area[order].nr[mt]);
	touch_links(zone, page, &zone->area[order], &zone->area[order].list[mt], page->lru.next);
	mm_list_del(&page->lru);
	mm_page_set_type(page, MMSIM_PGTY_NONE);
	page->priv = 0;
	add_to(&zone->area[order].nr[mt], -UINT64_C(1));
	account(zone, -(UINT64_C(1) << order), mt);
}

void mm_buddy_move_to_list(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			   enum mmsim_migratetype from, enum mmsim_migratetype to)
{
	mm_buddy_del_from_list(zone, page, order, from);
	mm_buddy_add_to_list(zone, page, order, to, true);
}

/* The free buddy of the block at pfn that it can merge with, or NULL. */
static struct mmsim_page *find_buddy(const struct mm_zone *zone, const struct mmsim_page *page,
				     uint64_t pfn, unsigned order)
{
	uint64_t buddy_pfn = pfn ^ (UINT64_C(1) << order);
	struct mmsim_page *buddy;

	/* Within a subsection the struct page is there, and its own bits say whose it is. */
	if (mm_unlikely(order >= MMSIM_PAGEBLOCK_ORDER || mm_exec_charges(zone->exec)) &&
	    (!mm_zone_spans(zone, buddy_pfn) || !mm_pfn_valid(zone->map, buddy_pfn)))
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

/*
 * Take the free buddy off its list in order to unite with it. Blocks of a pageblock and more may be of
 * two types: then ours prevails, unless one of them must keep to itself. False: so it is.
 */
static bool absorb(struct mm_zone *zone, struct mmsim_page *buddy, unsigned order,
		   enum mmsim_migratetype mt)
{
	enum mmsim_migratetype theirs = mt;

	if (order >= MMSIM_PAGEBLOCK_ORDER) {
		theirs = mm_zone_migratetype(zone, mm_page_to_pfn(zone->map, buddy));
		if (theirs != mt &&
		    !(mm_migratetype_mergeable(theirs) && mm_migratetype_mergeable(mt)))
			return false;
	}
	mm_buddy_del_from_list(zone, buddy, order, theirs);
	if (theirs != mt)
		mm_buddy_retype(zone, buddy, order, mt);
	return true;
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

static bool goes_to_tail(struct mm_zone *zone, const struct mmsim_page *page, uint64_t pfn,
			 unsigned order, enum mm_fpi fpi)
{
	if (fpi & (MM_FPI_TO_TAIL | MM_FPI_TO_HEAD))
		return fpi & MM_FPI_TO_TAIL;
	if (mm_unlikely(zone->policy->flags & MMSIM_POLICY_SHUFFLE) && order >= MM_SHUFFLE_ORDER)
		return mm_buddy_shuffle_pick_tail(zone);
	return merge_likely(zone, page, pfn, order);
}

void mm_buddy_free_one_page(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			    enum mmsim_migratetype mt, enum mm_fpi fpi)
{
	uint64_t pfn = mm_page_to_pfn(zone->map, page);
	struct mmsim_page *buddy;

	mm_assert(mm_spin_held(&zone->lock));
	mm_invariant("B1: aligned to its size", !(pfn & ((UINT64_C(1) << order) - 1)));
	while (order < MMSIM_MAX_PAGE_ORDER && (buddy = find_buddy(zone, page, pfn, order)) &&
	       absorb(zone, buddy, order, mt)) {
		pfn &= ~(UINT64_C(1) << order);
		order++;
	}
	page = mm_pfn_to_page(zone->map, pfn);
	mm_buddy_add_to_list(zone, page, order, mt, goes_to_tail(zone, page, pfn, order, fpi));
}

void mm_buddy_free_range(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			 enum mm_fpi fpi)
{
	unsigned piece = mm_min(order, (unsigned)MMSIM_PAGEBLOCK_ORDER);
	uint64_t pfn = mm_page_to_pfn(zone->map, page);

	for (uint64_t i = 0; i < UINT64_C(1) << order; i += UINT64_C(1) << piece)
		mm_buddy_free_one_page(zone, page + i, piece, mm_zone_migratetype(zone, pfn + i),
				       fpi);
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
		mm_buddy_add_to_list(zone, page + (UINT64_C(1) << high), high, mt, false);
	}
}

/* The rest of a block of which the first nr blocks of an order are in use, to the heads. */
static void give_back_rest(struct mm_zone *zone, struct mmsim_page *page, uint64_t used,
			   unsigned order, enum mmsim_migratetype mt)
{
	while (used < UINT64_C(1) << order) {
		unsigned piece = (unsigned)__builtin_ctzll(used);

		mm_buddy_add_to_list(zone, page + used, piece, mt, false);
		used += UINT64_C(1) << piece;
	}
}

int mm_buddy_rmqueue_blocks(struct mm_zone *zone, unsigned order, enum mmsim_migratetype mt, int nr,
			    mm_list *to)
{
	unsigned o = order;
	int left = nr;

	while (left && o < MMSIM_NR_PAGE_ORDERS) {
		struct mmsim_page *page;
		int got;

		if (mm_list_empty(&zone->area[o].list[mt])) {
			o++;
			continue;
		}
		page = mm_list_first(&zone->area[o].list[mt], struct mmsim_page, lru);
		mm_buddy_del_from_list(zone, page, o, mt);
		got = mm_min(left, 1 << (o - order));
		give_back_rest(zone, page, (uint64_t)got << order, o, mt);
		page->priv = (uint64_t)got;
		mm_list_add_tail(&page->lru, to);
		left -= got;
	}
	return nr - left;
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
			 .migratetype = (int32_t)mt,
			 .arg = mm_pcp_order(order) && mm_migratetype_mergeable(mt));
		return page;
	}
	return NULL;
}

static struct mmsim_page *rmqueue_cma(struct mm_zone *zone, unsigned order, unsigned alloc_flags)
{
	if (!(alloc_flags & MM_ALLOC_CMA) || !zone->free_cma)
		return NULL;
	return mm_buddy_rmqueue_smallest(zone, order, MMSIM_MIGRATE_CMA);
}

struct mmsim_page *mm_buddy_rmqueue(struct mm_zone *zone, unsigned order, enum mmsim_migratetype mt,
				    unsigned alloc_flags, enum mm_rmqueue_mode *mode)
{
	struct mmsim_page *page = NULL;

	mm_assert(mm_spin_held(&zone->lock));
	/* So that the memory of CMA does not stay empty while the rest fills up. */
	if (zone->free_cma > zone->free_pages / 2)
		page = rmqueue_cma(zone, order, alloc_flags);
	if (!page && *mode == MM_RMQUEUE_NORMAL)
		page = mm_buddy_rmqueue_smallest(zone, order, mt);
	if (page)
		return page;
	if (*mode <= MM_RMQUEUE_CMA && (page = rmqueue_cma(zone, order, alloc_flags))) {
		*mode = MM_RMQUEUE_CMA;
		return page;
	}
	return mm_buddy_rmqueue_fallback(zone, order, mt, alloc_flags, mode);
}

/* Counterpart: break_down_buddy_pages(). */
static void break_down(struct mm_zone *zone, struct mmsim_page *block, unsigned high,
		       const struct mmsim_page *target, unsigned low, enum mmsim_migratetype mt)
{
	while (high > low) {
		struct mmsim_page *upper = block + (UINT64_C(1) << --high);

		mm_buddy_add_to_list(zone, target >= upper ? block : upper, high, mt, false);
		if (target >= upper)
			block = upper;
	}
}

bool mm_buddy_take_page(struct mm_zone *zone, struct mmsim_page *page, unsigned order)
{
	uint64_t pfn = mm_page_to_pfn(zone->map, page);

	for (unsigned o = order; o < MMSIM_NR_PAGE_ORDERS; o++) {
		uint64_t first = pfn & ~((UINT64_C(1) << o) - 1);
		struct mmsim_page *block = mm_pfn_to_page(zone->map, first);
		enum mmsim_migratetype mt;

		if (!mm_zone_spans(zone, first) || !mm_pfn_valid(zone->map, first))
			return false;
		if (!mm_page_is_buddy(block) || block->priv < o)
			continue;
		mt = mm_zone_migratetype(zone, first);
		o = (unsigned)block->priv;
		mm_buddy_del_from_list(zone, block, o, mt);
		break_down(zone, block, o, page, order, mt);
		return true;
	}
	return false;
}
