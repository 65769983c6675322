/* SPDX-License-Identifier: MIT */
/* Giving blocks back. */
#include "alt.h"
#include "bits.h"
#include "free.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Somebody has a reference beside the owner's: refuse_call() says how many there are. */
static const char HELD[] = "has references";

static __attribute__((noinline, cold)) int
refuse_call(struct mm_buddy *b, const char *call, uint64_t pfn, unsigned order, const char *wrong)
{
	char state[160], held[40];

	if (wrong == HELD) {
		snprintf(held, sizeof(held), "has %d references",
			 __atomic_load_n(&mm_pfn_to_page(b->map, pfn)->refcount, __ATOMIC_RELAXED));
		wrong = held;
	}
	mm_buddy_describe(b, pfn, state, sizeof(state));
	mm_base_log(b->log, "%s(pfn %#" PRIx64 ", order %u): %s: %s", call, pfn, order, wrong,
		    state);
	return -EINVAL;
}

static __attribute__((noinline, cold)) int refuse(struct mm_buddy *b, uint64_t pfn, unsigned order,
						  const char *wrong)
{
	return refuse_call(b, "free_pages", pfn, order, wrong);
}

/* Take the block from its owner: Z2. NULL, or what is wrong. */
static inline const char *claim_block(struct mmsim_page *page, unsigned order)
{
	int32_t refcount;

	if (mm_unlikely(page->flags >> MMSIM_PG_RESERVED & 1))
		return "reserved";
	refcount = __atomic_load_n(&page->refcount, __ATOMIC_ACQUIRE);
	if (mm_unlikely(refcount != 1))
		return refcount > 1 ? HELD : "not an allocated block";
	if (mm_unlikely(__atomic_load_n(&page->order, __ATOMIC_RELAXED) != order))
		return "wrong order";
	if (mm_unlikely(__atomic_load_n(&page->page_type, __ATOMIC_RELAXED) != MMSIM_PGTY_NONE))
		return "an address space has it";
	/* Whoever gets the 1 has the block. Who comes second leaves the 0 as it is. */
	if (mm_unlikely(__atomic_exchange_n(&page->refcount, 0, __ATOMIC_ACQ_REL) != 1))
		return "freed at the same time";
	return NULL;
}

static void free_to_zone(struct mm_zone *zone, struct mmsim_page *page, unsigned order)
{
	mm_spin_lock(&zone->lock);
	mm_buddy_free_range(zone, page, order, MM_FPI_NONE);
	mm_spin_unlock(&zone->lock);
}

/* A block that nobody owns any more, to where it belongs. */
static __attribute__((noinline)) int free_claimed(struct mm_buddy *b, struct mmsim_page *page,
						  uint64_t pfn, unsigned order)
{
	struct mm_zone *zone = mm_buddy_page_zone(b, page);
	enum mmsim_migratetype mt;

	mm_exec_charge(b->exec, MM_CHARGE_RMW, &page->refcount, 1);
	mm_exec_charge(b->exec, MM_CHARGE_PAGE_OP, NULL, 1);
	mm_free_prepare(b, page, pfn, order);
	mt = mm_zone_migratetype(zone, pfn);
	if (mm_unlikely(zone->alt != NULL))
		mm_buddy_alt_free(zone, page, order);
	else if (!mm_free_may_keep(order, mt) || !mm_pcp_free(zone, page, order, mt))
		free_to_zone(zone, page, order);
	return 0;
}

/* Why the block at pfn cannot be claimed, as a free would say it; NULL: it is the caller's now. */
static const char *claim_pfn(struct mm_buddy *b, uint64_t pfn, unsigned order)
{
	if (order > MMSIM_MAX_PAGE_ORDER)
		return "no such order";
	if (!mm_buddy_is_open(b))
		return "the machine is not booted";
	if (!mm_pfn_valid(b->map, pfn))
		return "no memory there";
	mm_exec_point(b->exec, MM_POINT_ATOMIC, mm_pfn_to_page(b->map, pfn));
	return claim_block(mm_pfn_to_page(b->map, pfn), order);
}

/* With every question asked, and the answer when it is no. */
static __attribute__((noinline)) int free_slow(struct mm_buddy *b, uint64_t pfn, unsigned order)
{
	const char *wrong = claim_pfn(b, pfn, order);

	if (mm_unlikely(wrong != NULL))
		return refuse(b, pfn, order, wrong);
	return free_claimed(b, mm_pfn_to_page(b->map, pfn), pfn, order);
}

/* The lock of the list is not biased to this thread yet, or the list is full. */
static __attribute__((noinline)) int free_unbiased(struct mm_buddy *b, struct mmsim_page *page,
						   uint64_t pfn, unsigned order)
{
	struct mm_zone *zone = mm_buddy_page_zone(b, page);
	enum mmsim_migratetype mt = mm_zone_migratetype(zone, pfn);

	if (mm_migratetype_mergeable(mt) &&
	    mm_pcp_free_order_bare(zone, mm_task_current(), page, order, mt))
		return 0;
	return free_claimed(b, page, pfn, order);
}

/* What nearly all frees are: in order, and onto this CPU's list. */
static inline __attribute__((always_inline)) int
free_valid(struct mm_buddy *b, struct mmsim_page *page, uint64_t pfn, unsigned order)
{
	enum mmsim_migratetype mt;
	struct mm_zone *zone;

	if (mm_unlikely(claim_block(page, order) != NULL))
		return free_slow(b, pfn, order);
	zone = mm_buddy_page_zone(b, page);
	mt = mm_zone_migratetype(zone, pfn);
	if (mm_likely(mm_migratetype_mergeable(mt)) &&
	    mm_likely(mm_pcp_free_quick(zone, mm_task_current(), page, order, mt)))
		return 0;
	return free_unbiased(b, page, pfn, order);
}

static __attribute__((noinline)) int free_valid_order(struct mm_buddy *b, uint64_t pfn,
						      unsigned order)
{
	return free_valid(b, mm_pfn_to_page(b->map, pfn), pfn, order);
}

/* Order 0 for itself: the rest folds to nothing there. */
int mm_buddy_free_pfn(struct mm_buddy *b, uint64_t pfn, unsigned order)
{
	if (mm_unlikely(!mm_buddy_is_bare(b) || !mm_pcp_order(order) || !mm_pfn_valid(b->map, pfn)))
		return free_slow(b, pfn, order);
	if (mm_likely(!order))
		return free_valid(b, mm_pfn_to_page(b->map, pfn), pfn, 0);
	return free_valid_order(b, pfn, order);
}

static __attribute__((noinline, cold)) int
refuse_pointer(struct mm_buddy *b, const char *call, const struct mmsim_page *page, unsigned order)
{
	mm_base_log(b->log, "%s(page %p, order %u): no struct page of this machine", call,
		    (const void *)page, order);
	return -EINVAL;
}

static inline bool is_struct_page(const struct mm_buddy *b, const struct mmsim_page *page)
{
	uintptr_t at = (uintptr_t)page - (uintptr_t)b->map->base;

	return at % sizeof(*page) == 0 &&
	       at / sizeof(*page) < b->map->nr_sections * MMSIM_PAGES_PER_SECTION;
}

int mm_buddy_free_pages(struct mm_buddy *b, struct mmsim_page *page, unsigned order)
{
	if (mm_unlikely(!is_struct_page(b, page)))
		return refuse_pointer(b, "free_pages", page, order);
	return mm_buddy_free_pfn(b, mm_page_to_pfn(b->map, page), order);
}

int mm_buddy_split_page(struct mm_buddy *b, struct mmsim_page *page, unsigned order)
{
	const char *wrong;
	uint64_t pfn;

	if (!is_struct_page(b, page))
		return refuse_pointer(b, "split_page", page, order);
	pfn = mm_page_to_pfn(b->map, page);
	wrong = claim_pfn(b, pfn, order);
	if (wrong)
		return refuse_call(b, "split_page", pfn, order, wrong);
	/* The first page last: until then the block is nobody's, as far as a free can see. */
	for (uint64_t i = UINT64_C(1) << order; i-- > 0;) {
		__atomic_store_n(&page[i].order, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&page[i].movable, page->movable, __ATOMIC_RELAXED);
		__atomic_store_n(&page[i].refcount, 1, __ATOMIC_RELEASE);
	}
	return 0;
}
