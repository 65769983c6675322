/* SPDX-License-Identifier: MIT */
/* Ageing: what each kind of owner takes at a time, and when it gives back. */
#include "ageing.h"

#include "bits.h"

enum {
	CACHE_BURST_ORDERS = 6, /* 1 to 32 pages */
	ANON_BURST_ORDERS = 8, /* 16 to 2048 pages */
	ANON_BURST_MIN = 16,
	SLAB_BURST = 8, /* objects */
	CACHE_SCAN = 64, /* pages looked at to evict half as many */
};

uint64_t mm_replay_age_share(const struct mm_ageing *a, enum mmsim_age_kind kind)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		sum += a->want.share[k];
	return (uint64_t)((unsigned __int128)a->goal * a->want.share[kind] / sum);
}

/* Nodes get memory in use in proportion to what they have. */
static int any_node(struct mm_ageing *a)
{
	uint64_t at;
	int nid = 0;

	if (a->nr_nodes <= 1)
		return MMSIM_NUMA_NO_NODE;
	at = mm_rng_below(&a->rng, a->room);
	while (at >= a->node_room[nid])
		at -= a->node_room[nid++];
	return nid;
}

static mm_list *any_list(struct mm_ageing *a, enum mmsim_age_kind kind)
{
	if (kind == MMSIM_AGE_PAGE_CACHE)
		return &a->held->cache;
	return &a->held->process[mm_rng_below(&a->rng, MM_AGED_PROCESSES)];
}

/* priv of a page says that it lives longer than others. */
static bool lives_longer(struct mm_ageing *a, enum mmsim_age_kind kind)
{
	if (kind == MMSIM_AGE_PAGE_CACHE)
		return mm_rng_below(&a->rng, 4) == 0;
	return !mm_age_movable(kind) && mm_rng_below(&a->rng, 16) == 0;
}

static struct mmsim_page *take(struct mm_ageing *a, enum mmsim_age_kind kind, int nid,
			       unsigned order, mm_list *list)
{
	struct mmsim_page *page = mm_replay_aged_take(a->held, kind, nid, order);

	if (!page)
		return NULL;
	page->priv = lives_longer(a, kind);
	if (mm_age_movable(kind))
		mm_list_add_tail(&page->lru, list);
	return page;
}

struct mmsim_page *mm_replay_age_take(struct mm_ageing *a, enum mmsim_age_kind kind, unsigned order)
{
	return take(a, kind, any_node(a), order, any_list(a, kind));
}

void mm_replay_age_drop(struct mm_ageing *a, enum mmsim_age_kind kind, size_t slot)
{
	if (mm_age_movable(kind))
		mm_list_del(&mm_aged_page(a->held, kind, slot)->lru);
	mm_replay_aged_give(a->held, kind, slot);
}

static bool birth_of_cache(struct mm_ageing *a, uint64_t most)
{
	uint64_t nr = mm_min(UINT64_C(1) << mm_rng_below(&a->rng, CACHE_BURST_ORDERS), most);
	int nid = any_node(a);

	while (nr--)
		if (!take(a, MMSIM_AGE_PAGE_CACHE, nid, 0, &a->held->cache))
			return false;
	return true;
}

static bool birth_of_anon(struct mm_ageing *a, uint64_t most)
{
	uint64_t nr = (uint64_t)ANON_BURST_MIN << mm_rng_below(&a->rng, ANON_BURST_ORDERS);
	mm_list *process = any_list(a, MMSIM_AGE_ANON);
	bool huge = mm_rng_below(&a->rng, 2);
	int nid = any_node(a);

	nr = mm_min(nr, most);
	while (nr) {
		huge = huge && nr >= MMSIM_PAGEBLOCK_NR_PAGES &&
		       take(a, MMSIM_AGE_ANON, nid, MMSIM_PAGEBLOCK_ORDER, process);
		if (!huge && !take(a, MMSIM_AGE_ANON, nid, 0, process))
			return false;
		nr -= huge ? MMSIM_PAGEBLOCK_NR_PAGES : 1;
	}
	return true;
}

/* An object, or slab, of an order; where there is no such block a single page does. Pages; 0: none. */
static uint64_t birth_of_object(struct mm_ageing *a, enum mmsim_age_kind kind, int nid,
				unsigned order)
{
	if (take(a, kind, nid, order, NULL))
		return UINT64_C(1) << order;
	return order && take(a, kind, nid, 0, NULL);
}

/* Half are single pages. */
static bool birth_of_objects(struct mm_ageing *a, enum mmsim_age_kind kind, uint64_t most)
{
	static const uint8_t orders[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3 };
	int nid = any_node(a);

	for (unsigned i = 0; i < SLAB_BURST && most; i++) {
		unsigned order = orders[mm_rng_below(&a->rng, mm_array_size(orders))];
		uint64_t got;

		if (kind == MMSIM_AGE_PINNED || UINT64_C(1) << order > most)
			order = 0;
		got = birth_of_object(a, kind, nid, order);
		if (!got)
			return false;
		most -= got;
	}
	return true;
}

bool mm_replay_age_birth(struct mm_ageing *a, enum mmsim_age_kind kind, uint64_t most)
{
	if (kind == MMSIM_AGE_PAGE_CACHE)
		return birth_of_cache(a, most);
	if (kind == MMSIM_AGE_ANON)
		return birth_of_anon(a, most);
	return birth_of_objects(a, kind, most);
}

/* Oldest first, but what is used again goes round once more, seven times of eight. */
static void death_of_cache(struct mm_ageing *a)
{
	mm_list *list = &a->held->cache;
	unsigned evicted = 0;

	for (unsigned i = 0; i < CACHE_SCAN && evicted < CACHE_SCAN / 2; i++) {
		struct mmsim_page *page;

		if (mm_list_empty(list))
			return;
		page = mm_list_first(list, struct mmsim_page, lru);
		if (page->priv && mm_rng_below(&a->rng, 8)) {
			mm_list_move_tail(&page->lru, list);
			continue;
		}
		mm_replay_age_drop(a, MMSIM_AGE_PAGE_CACHE, page->index);
		evicted++;
	}
}

static void death_of_process(struct mm_ageing *a)
{
	uint64_t first = mm_rng_below(&a->rng, MM_AGED_PROCESSES);
	mm_list *list;
	unsigned i = 0;

	do
		list = &a->held->process[(first + i) % MM_AGED_PROCESSES];
	while (mm_list_empty(list) && ++i < MM_AGED_PROCESSES);
	while (!mm_list_empty(list))
		mm_replay_age_drop(a, MMSIM_AGE_ANON,
				   mm_list_first(list, struct mmsim_page, lru)->index);
}

static void death_of_objects(struct mm_ageing *a, enum mmsim_age_kind kind)
{
	for (unsigned i = 0; i < SLAB_BURST && a->held->pool[kind].nr; i++) {
		size_t slot = mm_replay_aged_any(a->held, kind);

		if (mm_aged_page(a->held, kind, slot)->priv && mm_rng_below(&a->rng, 16))
			continue;
		mm_replay_age_drop(a, kind, slot);
	}
}

void mm_replay_age_death(struct mm_ageing *a, enum mmsim_age_kind kind)
{
	if (kind == MMSIM_AGE_PAGE_CACHE)
		death_of_cache(a);
	else if (kind == MMSIM_AGE_ANON)
		death_of_process(a);
	else if (kind != MMSIM_AGE_PINNED)
		death_of_objects(a, kind);
}
