/* SPDX-License-Identifier: MIT */
/* The pages that an ageing holds. */
#include "aged.h"

#include "array.h"
#include "bits.h"
#include <stdlib.h>

static const mmsim_gfp_t kind_gfp[MMSIM_NR_AGE_KINDS] = {
	[MMSIM_AGE_PAGE_CACHE] = MMSIM_GFP_HIGHUSER_MOVABLE,
	[MMSIM_AGE_ANON] = MMSIM_GFP_HIGHUSER_MOVABLE,
	[MMSIM_AGE_RECLAIMABLE] = MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE,
	[MMSIM_AGE_UNMOVABLE] = MMSIM_GFP_KERNEL,
	[MMSIM_AGE_PINNED] = MMSIM_GFP_KERNEL,
};

/* The ageing reclaims by itself: a request that could would empty all per-CPU lists each time first. */
static mmsim_gfp_t gfp_of(enum mmsim_age_kind kind, unsigned order)
{
	mmsim_gfp_t gfp =
		order == MMSIM_PAGEBLOCK_ORDER ? MMSIM_GFP_TRANSHUGE_LIGHT : kind_gfp[kind];

	return gfp & ~MMSIM___GFP_DIRECT_RECLAIM;
}

static uint64_t nr_pageblocks(const struct mm_buddy *b)
{
	uint64_t end = 0;

	mm_for_each_zone(zone, b)
		end = mm_max(end, zone->span.end);
	return mm_div_round_up(end, MMSIM_PAGEBLOCK_NR_PAGES);
}

static bool must_fail(const struct mm_buddy *b)
{
	return mm_base_fault_hit(b->exec->fault, MMSIM_FAULT_METADATA);
}

struct mmsim_aged *mm_replay_aged_new(struct mm_buddy *b, uint64_t seed)
{
	struct mmsim_aged *aged = must_fail(b) ? NULL : calloc(1, sizeof(*aged));

	if (!aged)
		return NULL;
	aged->buddy = b;
	aged->rng = mm_rng_split(seed, 0);
	mm_list_init(&aged->cache);
	for (unsigned i = 0; i < MM_AGED_PROCESSES; i++)
		mm_list_init(&aged->process[i]);
	if (!must_fail(b))
		aged->unmovable = calloc(nr_pageblocks(b) + 1, sizeof(*aged->unmovable));
	if (aged->unmovable)
		return aged;
	mm_replay_aged_delete(aged);
	return NULL;
}

void mm_replay_aged_delete(struct mmsim_aged *aged)
{
	if (!aged)
		return;
	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		free(aged->pool[k].block);
	free(aged->unmovable);
	free(aged);
}

/* G3 */
static void mark_movable(struct mmsim_page *page, unsigned order, bool movable)
{
	const uint64_t lru = UINT64_C(1) << MMSIM_PG_LRU;

	for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
		if (movable)
			__atomic_or_fetch(&page[i].flags, lru, __ATOMIC_RELAXED);
		else
			__atomic_and_fetch(&page[i].flags, ~lru, __ATOMIC_RELAXED);
}

/* G2. `sign`: 1 or -1. */
static void count_pages(struct mmsim_aged *aged, enum mmsim_age_kind kind, uint64_t pfn,
			unsigned order, int sign)
{
	uint64_t pages = UINT64_C(1) << order;
	uint16_t *here = &aged->unmovable[pfn / MMSIM_PAGEBLOCK_NR_PAGES];

	aged->pool[kind].pages += sign > 0 ? pages : -pages;
	if (mm_age_movable(kind))
		return;
	aged->mixed -= *here > 0;
	*here = (uint16_t)(*here + sign * (int)pages);
	aged->mixed += *here > 0;
}

/* Room for one more block. */
static bool make_room(struct mmsim_aged *aged, struct mm_aged_pool *pool)
{
	bool may_grow = !(pool->nr & (pool->nr - 1));
	uint64_t *block = NULL;

	if (!may_grow || !must_fail(aged->buddy))
		block = mm_replay_array_grow(pool->block, pool->nr, sizeof(*block));
	if (block)
		pool->block = block;
	else
		aged->no_memory = true;
	return block;
}

struct mmsim_page *mm_replay_aged_take(struct mmsim_aged *aged, enum mmsim_age_kind kind, int nid,
				       unsigned order)
{
	struct mm_aged_pool *pool = &aged->pool[kind];
	struct mmsim_page *page;
	uint64_t pfn;

	if (!make_room(aged, pool))
		return NULL;
	page = mm_buddy_alloc_pages(aged->buddy, nid, gfp_of(kind, order), order);
	if (!page) {
		aged->failures++;
		return NULL;
	}
	page->mapping = pool;
	page->index = pool->nr;
	pfn = mm_page_to_pfn(aged->buddy->map, page);
	pool->block[pool->nr++] = pfn << 4 | order;
	count_pages(aged, kind, pfn, order, 1);
	if (mm_age_movable(kind))
		mark_movable(page, order, true);
	aged->allocations++;
	return page;
}

/* G1 */
static bool holds(const struct mmsim_aged *aged, enum mmsim_age_kind kind, size_t slot)
{
	const struct mmsim_page *page = mm_aged_page(aged, kind, slot);

	return page->mapping == &aged->pool[kind] && page->index == slot &&
	       __atomic_load_n(&page->refcount, __ATOMIC_RELAXED) == 1;
}

static void fill_slot(struct mmsim_aged *aged, enum mmsim_age_kind kind, size_t slot)
{
	struct mm_aged_pool *pool = &aged->pool[kind];
	size_t last = --pool->nr;
	bool held = last != slot && holds(aged, kind, last);

	pool->block[slot] = pool->block[last];
	if (held)
		mm_aged_page(aged, kind, slot)->index = slot;
}

bool mm_replay_aged_give(struct mmsim_aged *aged, enum mmsim_age_kind kind, size_t slot)
{
	struct mmsim_page *page = mm_aged_page(aged, kind, slot);
	uint64_t pfn = mm_aged_pfn(aged, kind, slot);
	unsigned order = mm_aged_order(aged, kind, slot);
	bool held = holds(aged, kind, slot);

	fill_slot(aged, kind, slot);
	count_pages(aged, kind, pfn, order, -1);
	if (!held)
		return false;
	if (mm_age_movable(kind))
		mark_movable(page, order, false);
	page->mapping = NULL;
	aged->frees++;
	return !mm_buddy_free_pfn(aged->buddy, pfn, order);
}

size_t mm_replay_aged_any(struct mmsim_aged *aged, enum mmsim_age_kind kind)
{
	return mm_rng_below(&aged->rng, aged->pool[kind].nr);
}

bool mm_replay_aged_find(const struct mmsim_aged *aged, const struct mmsim_page *page,
			 enum mmsim_age_kind *kind)
{
	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++) {
		const struct mm_aged_pool *pool = &aged->pool[k];

		*kind = (enum mmsim_age_kind)k;
		if (page->mapping == pool)
			return page->index < pool->nr &&
			       mm_aged_page(aged, *kind, page->index) == page &&
			       holds(aged, *kind, page->index);
	}
	return false;
}

/* A kind, each as likely as it has blocks. `nr`: blocks of all. */
static enum mmsim_age_kind any_kind(struct mmsim_aged *aged, size_t nr)
{
	uint64_t at = mm_rng_below(&aged->rng, nr);
	unsigned k = 0;

	while (at >= aged->pool[k].nr)
		at -= aged->pool[k++].nr;
	return (enum mmsim_age_kind)k;
}

bool mm_replay_aged_release(struct mmsim_aged *aged, uint32_t thousandths)
{
	size_t nr = 0, keep;
	bool all = true;

	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		nr += aged->pool[k].nr;
	keep = nr - (size_t)((unsigned __int128)nr * thousandths / 1000);
	for (; nr > keep; nr--) {
		enum mmsim_age_kind kind = any_kind(aged, nr);

		all &= mm_replay_aged_give(aged, kind, mm_replay_aged_any(aged, kind));
	}
	return all;
}
