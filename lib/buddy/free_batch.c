/* SPDX-License-Identifier: MIT */
/*
 * Giving back many blocks at once.
 *
 * MM_CHARGE_PAGE_FREE is charged here, for each block that the zone gets out of such a batch, at once
 * or by the drains of per-CPU lists that the batch causes: these are pages of which nobody has heard
 * since they were mapped. What mm_buddy_free_pages() gives back was used just now, and pays for the
 * lines that it touches.
 */
#include "alt.h"
#include "bits.h"
#include "free.h"

static inline unsigned order_of(const struct mmsim_page *page)
{
	unsigned order = __atomic_load_n(&page->order, __ATOMIC_RELAXED);

	mm_invariant("Z2: nobody has a reference to what is freed",
		     !__atomic_load_n(&page->refcount, __ATOMIC_RELAXED) &&
			     order <= MMSIM_MAX_PAGE_ORDER);
	return order;
}

/* Neighbours in memory, of one zone. */
struct run {
	struct mmsim_page *page;
	uint32_t nr; /* pages; 0: freed */
};

static unsigned piece_order(uint64_t pfn, uint64_t nr, unsigned most)
{
	unsigned order = mm_min((unsigned)__builtin_ctzll(pfn | UINT64_C(1) << most), most);

	return mm_min(order, 63u - (unsigned)__builtin_clzll(nr));
}

/* zone->lock is held. At most a pageblock at a time: each has its type. */
static inline void free_piece(struct mm_zone *zone, struct mmsim_page *page, uint64_t pfn,
			      unsigned order)
{
	mm_exec_charge(zone->exec, MM_CHARGE_PAGE_FREE, page, 1);
	mm_buddy_free_one_page(zone, page, order, mm_zone_migratetype(zone, pfn), MM_FPI_NONE);
}

static void free_run(struct mm_zone *zone, const struct run *run)
{
	unsigned most = zone->alt ? MMSIM_MAX_PAGE_ORDER : MMSIM_PAGEBLOCK_ORDER;
	uint64_t pfn = mm_page_to_pfn(zone->map, run->page), end = pfn + run->nr;

	while (pfn < end) {
		unsigned order = piece_order(pfn, end - pfn, most);
		struct mmsim_page *page = mm_pfn_to_page(zone->map, pfn);

		if (mm_unlikely(zone->alt != NULL))
			mm_buddy_alt_free(zone, page, order);
		else
			free_piece(zone, page, pfn, order);
		pfn += UINT64_C(1) << order;
	}
}

struct runs {
	struct mm_buddy *b;
	unsigned nr;
	bool mixed; /* of several zones */
	struct run run[MM_MOST_RUNS];
};

static inline struct mm_zone *zone_of(const struct runs *runs, unsigned i)
{
	return mm_buddy_page_zone(runs->b, runs->run[i].page);
}

/* Of a run that begins with a small block: what the zone will look at, its buddy and the next one's. */
static inline void prefetch_buddies(const struct mm_memmap *map, uint64_t pfn, unsigned order)
{
	if (order > MMSIM_PAGE_ALLOC_COSTLY_ORDER)
		return;
	__builtin_prefetch(mm_pfn_to_page(map, pfn ^ UINT64_C(1) << order), 1);
	__builtin_prefetch(
		mm_pfn_to_page(map, (pfn & ~(UINT64_C(1) << order)) ^ UINT64_C(2) << order), 1);
}

/* And if the buddy is free, the neighbours on its list. Read without the lock, for a hint. */
static MM_NO_TSAN void prefetch_links(const struct mm_memmap *map, const struct run *run)
{
	uint64_t pfn = mm_page_to_pfn(map, run->page);
	unsigned order = piece_order(pfn, run->nr, MMSIM_PAGEBLOCK_ORDER - 1);
	const struct mmsim_page *buddy = mm_pfn_to_page(map, pfn ^ UINT64_C(1) << order);

	if (order > MMSIM_PAGE_ALLOC_COSTLY_ORDER || buddy->page_type != MMSIM_PGTY_BUDDY)
		return;
	__builtin_prefetch(buddy->lru.next, 1);
	__builtin_prefetch(buddy->lru.prev, 1);
}

/* All of the zone of run `first`, and nothing of others. */
static void free_zone_runs(struct runs *runs, unsigned first)
{
	struct mm_zone *zone = zone_of(runs, first);

	if (!zone->alt)
		mm_spin_lock(&zone->lock);
	for (unsigned i = first; i < runs->nr; i++) {
		struct run *run = &runs->run[i];

		if (runs->mixed && (!run->nr || zone_of(runs, i) != zone))
			continue;
		free_run(zone, run);
		run->nr = 0;
	}
	if (!zone->alt)
		mm_spin_unlock(&zone->lock);
}

static void free_runs(struct runs *runs)
{
	for (unsigned i = 0; i < runs->nr; i++)
		prefetch_links(runs->b->map, &runs->run[i]);
	for (unsigned i = 0; i < runs->nr; i++)
		if (runs->run[i].nr)
			free_zone_runs(runs, i);
	runs->nr = 0;
	runs->mixed = false;
}

/* The page goes on with the latest run, upwards or downwards. False: it does not. */
static inline bool extend(struct runs *runs, struct mmsim_page *page, unsigned order)
{
	struct run *run;

	if (!runs->nr)
		return false;
	run = &runs->run[runs->nr - 1];
	if (mm_page_zone_bits(page) != mm_page_zone_bits(run->page))
		return false;
	if (run->page + run->nr != page) {
		if (page + (UINT64_C(1) << order) != run->page)
			return false;
		run->page = page;
	}
	run->nr += 1u << order;
	return true;
}

static void begin(struct runs *runs, struct mmsim_page *page, unsigned order)
{
	if (runs->nr == MM_MOST_RUNS)
		free_runs(runs);
	mm_exec_charge(runs->b->exec, MM_CHARGE_PAGE_OP, NULL, 1);
	runs->run[runs->nr++] = (struct run){ .page = page, .nr = 1u << order };
	runs->mixed |= zone_of(runs, 0) != zone_of(runs, runs->nr - 1);
	prefetch_buddies(runs->b->map, mm_page_to_pfn(runs->b->map, page), order);
}

void mm_buddy_free_runs(struct mm_buddy *b, struct mmsim_page *const *pages, unsigned nr)
{
	struct runs runs;

	runs.b = b;
	runs.nr = 0;
	runs.mixed = false;
	for (unsigned i = 0; i < nr; i++) {
		unsigned order = order_of(pages[i]);

		mm_exec_charge(b->exec, MM_CHARGE_TOUCH, pages[i], sizeof(*pages[i]));
		mm_free_prepare(b, pages[i], mm_page_to_pfn(b->map, pages[i]), order);
		if (!extend(&runs, pages[i], order))
			begin(&runs, pages[i], order);
	}
	free_runs(&runs);
}

/* The per-CPU lists of the zone at hand. */
struct lists {
	struct mm_zone *zone; /* NULL: none */
	struct mm_pcp *pcp; /* locked; NULL: it could not be had, or is not held any more */
};

static void leave(struct lists *l)
{
	if (!l->pcp)
		return;
	l->pcp->flags &= (uint8_t)~MM_PCPF_COLD;
	mm_spin_unlock(&l->pcp->lock);
	l->pcp = NULL;
}

static void enter(struct lists *l, struct mm_zone *zone)
{
	struct mm_pcp *pcp = mm_this_cpu(&zone->pcps, zone->exec);

	leave(l);
	l->zone = zone;
	if (!mm_spin_trylock(&pcp->lock))
		return;
	l->pcp = pcp;
	pcp->flags |= MM_PCPF_COLD;
}

static void push(struct lists *l, struct mmsim_page *page, unsigned order,
		 enum mmsim_migratetype mt)
{
	unsigned index = mm_pcp_index(mt, order);

	mm_exec_charge(l->zone->exec, MM_CHARGE_TOUCH, page, sizeof(*page));
	if (mm_likely(mm_pcp_push_if_room(l->zone, l->pcp, page, order, mt)))
		return;
	mm_pcp_push(l->pcp, page, index, order);
	if (!mm_buddy_pcp_committed(l->zone, l->pcp, index, order))
		l->pcp = NULL;
}

static void free_past_lists(struct mm_zone *zone, struct mmsim_page *page, unsigned order)
{
	const struct run run = { .page = page, .nr = 1u << order };

	if (!zone->alt)
		mm_spin_lock(&zone->lock);
	free_run(zone, &run);
	if (!zone->alt)
		mm_spin_unlock(&zone->lock);
}

static inline void free_one(struct mm_buddy *b, struct lists *l, struct mmsim_page *page)
{
	struct mm_zone *zone = mm_buddy_page_zone(b, page);
	uint64_t pfn = mm_page_to_pfn(b->map, page);
	enum mmsim_migratetype mt = mm_zone_migratetype(zone, pfn);
	unsigned order = order_of(page);

	mm_exec_charge(b->exec, MM_CHARGE_PAGE_OP, NULL, 1);
	mm_free_prepare(b, page, pfn, order);
	if (mm_unlikely(zone->alt || !mm_free_may_keep(order, mt))) {
		leave(l);
		free_past_lists(zone, page, order);
		return;
	}
	if (zone != l->zone || !l->pcp)
		enter(l, zone);
	if (mm_likely(l->pcp != NULL))
		push(l, page, order, mt);
	else
		free_past_lists(zone, page, order);
}

void mm_buddy_free_unref(struct mm_buddy *b, struct mmsim_page *const *pages, unsigned nr)
{
	struct lists l = { 0 };

	for (unsigned i = 0; i < nr; i++)
		free_one(b, &l, pages[i]);
	leave(&l);
}
