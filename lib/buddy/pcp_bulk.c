/* SPDX-License-Identifier: MIT */
/* Many blocks at once between a zone and a CPU's lists. */
#include "pcp_bulk.h"

#include "bits.h"

/* Does anybody want to hear of each block? */
static bool watched(const struct mm_zone *zone)
{
	return zone->obs->sink || mm_exec_charges(zone->exec);
}

/* Runs as the zone gave them become single blocks. */
static void cut_up(mm_list *runs, mm_list *list, unsigned index, unsigned order)
{
	mm_list_for_each_safe(at, next, runs) {
		struct mmsim_page *page = mm_list_entry(at, struct mmsim_page, lru);
		struct mmsim_page *end = page + (page->priv << order);
		mm_list *last = list->prev;

		__builtin_prefetch(next, 1);
		for (; page < end; page += UINT64_C(1) << order) {
			page->index = index;
			page->priv = 0;
			page->lru.prev = last;
			last->next = &page->lru;
			last = &page->lru;
		}
		last->next = list;
		list->prev = last;
	}
}

void mm_buddy_pcp_fill(struct mm_zone *zone, struct mm_pcp *pcp, unsigned order,
		       enum mmsim_migratetype mt, unsigned alloc_flags, int nr)
{
	enum mm_rmqueue_mode mode = MM_RMQUEUE_NORMAL;
	unsigned index = mm_pcp_index(mt, order);
	int got = 0;
	mm_list runs;

	mm_list_init(&runs);
	mm_spin_lock(&zone->lock);
	while (got < nr) {
		struct mmsim_page *page;

		/* With memory of CMA about, where the next block comes from is asked block by block. */
		if (mode == MM_RMQUEUE_NORMAL && !zone->free_cma && !watched(zone))
			got += mm_buddy_rmqueue_blocks(zone, order, mt, nr - got, &runs);
		if (got == nr)
			break;
		page = mm_buddy_rmqueue(zone, order, mt, alloc_flags, &mode);
		if (!page)
			break;
		page->priv = 1;
		mm_list_add_tail(&page->lru, &runs);
		got++;
	}
	zone->stat.refills++;
	zone->stat.refilled += (uint64_t)got << order;
	mm_spin_unlock(&zone->lock);
	cut_up(&runs, &pcp->lists[index], index, order);
	pcp->count += got << order;
}

/* Blocks on their way to the zone, in order. */
enum { NEAR = 4, AHEAD = 12, RING = 16 };

struct block {
	struct mmsim_page *page;
	unsigned order;
};

struct drain {
	struct mm_zone *zone;
	struct mm_pcp *pcp;
	int nr; /* pages still to come off the lists */
	unsigned index; /* of the list they come from */
	unsigned head, tail; /* of the ring: counters, not positions */
	struct block ring[RING];
};

static struct block *at(struct drain *d, unsigned i)
{
	return &d->ring[i % RING];
}

/* The oldest block of the lists. */
static struct block take_oldest(struct drain *d)
{
	struct block block;
	mm_list *list;

	while (mm_list_empty(list = &d->pcp->lists[d->index]))
		d->index = (d->index + 1) % MM_NR_PCP_LISTS;
	block.page = mm_list_last(list, struct mmsim_page, lru);
	block.order = mm_pcp_index_order(d->index);
	mm_list_del(&block.page->lru);
	d->pcp->count -= 1 << block.order;
	d->nr -= 1 << block.order;
	/* The one after the next; the next was touched just now. */
	__builtin_prefetch(list->prev->prev, 1);
	return block;
}

/*
 * If the last two are the halves of a block, the zone would unite them as soon as the second comes,
 * and nothing comes between. Within a pageblock: all of it is of one type.
 */
static bool unite_last(struct drain *d)
{
	struct block *last, *before;
	uint64_t a, b;

	if (d->tail - d->head < 2)
		return false;
	last = at(d, d->tail - 1);
	before = at(d, d->tail - 2);
	if (last->order != before->order || last->order >= MMSIM_PAGEBLOCK_ORDER)
		return false;
	a = mm_page_to_pfn(d->zone->map, before->page);
	b = mm_page_to_pfn(d->zone->map, last->page);
	if ((a ^ b) != UINT64_C(1) << last->order)
		return false;
	if (b < a)
		before->page = last->page;
	before->order++;
	d->tail--;
	return true;
}

static struct mmsim_page *buddy_of(const struct drain *d, const struct block *block)
{
	uint64_t pfn = mm_page_to_pfn(d->zone->map, block->page);

	return mm_pfn_to_page(d->zone->map, pfn ^ UINT64_C(1) << block->order);
}

/* What the zone will look at: the buddies, as long as they are small. */
static void prefetch_buddies(const struct drain *d, const struct block *block)
{
	struct block b = *block;

	for (; b.order < MMSIM_PAGE_ALLOC_COSTLY_ORDER; b.order++) {
		struct mmsim_page *buddy = buddy_of(d, &b);

		__builtin_prefetch(buddy, 1);
		b.page = mm_min(b.page, buddy);
	}
}

/* And of those that are free, the neighbours on their lists. Read without the lock, for a hint. */
static void prefetch_links(const struct drain *d, const struct block *block)
{
	struct block b = *block;

	for (; b.order < MMSIM_PAGE_ALLOC_COSTLY_ORDER; b.order++) {
		struct mmsim_page *buddy = buddy_of(d, &b);

		if (!mm_page_is_buddy(buddy) || buddy->priv != b.order)
			return;
		__builtin_prefetch(buddy->lru.next, 1);
		__builtin_prefetch(buddy->lru.prev, 1);
		b.page = mm_min(b.page, buddy);
	}
}

static void look_ahead(struct drain *d)
{
	while (d->nr > 0 && d->pcp->count > 0 && d->tail - d->head < AHEAD) {
		*at(d, d->tail++) = take_oldest(d);
		prefetch_buddies(d, at(d, d->tail - 1));
		while (unite_last(d))
			;
	}
}

static void free_next(struct drain *d)
{
	struct mm_zone *zone = d->zone;
	struct block *block = at(d, d->head++);
	uint64_t pfn = mm_page_to_pfn(zone->map, block->page);
	/* The pageblock may have changed its type since the page was freed. */
	enum mmsim_migratetype mt = mm_zone_migratetype(zone, pfn);

	zone->stat.drained += UINT64_C(1) << block->order;
	mm_buddy_free_one_page(zone, block->page, block->order, mt, MM_FPI_NONE);
}

/* The same block by block. */
static void free_each(struct drain *d)
{
	while (d->nr > 0 && d->pcp->count > 0) {
		struct block block = take_oldest(d);
		uint64_t pfn = mm_page_to_pfn(d->zone->map, block.page);
		enum mmsim_migratetype mt = mm_zone_migratetype(d->zone, pfn);

		d->zone->stat.drained += UINT64_C(1) << block.order;
		if (d->pcp->flags & MM_PCPF_COLD)
			mm_exec_charge(d->zone->exec, MM_CHARGE_PAGE_FREE, block.page, 1);
		mm_buddy_free_one_page(d->zone, block.page, block.order, mt, MM_FPI_NONE);
		mm_event(d->zone->obs, .id = MMSIM_EV_MM_PAGE_PCPU_DRAIN, .pfn = pfn,
			 .order = block.order, .migratetype = (int32_t)mt);
	}
}

void mm_buddy_pcp_empty(struct mm_zone *zone, struct mm_pcp *pcp, int nr, unsigned first)
{
	struct drain d = { .zone = zone, .pcp = pcp, .nr = nr, .index = first };
	bool each = watched(zone);

	mm_assert(mm_spin_held(&pcp->lock));
	if (!each)
		look_ahead(&d);
	mm_spin_lock(&zone->lock);
	zone->stat.drains++;
	if (each)
		free_each(&d);
	for (; d.head != d.tail; look_ahead(&d)) {
		if (d.tail - d.head > NEAR)
			prefetch_links(&d, at(&d, d.head + NEAR));
		free_next(&d);
	}
	mm_spin_unlock(&zone->lock);
}
