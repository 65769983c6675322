/* SPDX-License-Identifier: MIT */
/* Pages of an area: taking them in large blocks, by the bulk or one by one, and giving them back. */
#include "bits.h"
#include "vmalloc.h"

enum { BULK_PAGES = 100 };

struct want {
	struct mmsim_vmap *v;
	struct mmsim_page **pages;
	uint64_t nr, got;
	mmsim_gfp_t gfp;
	int node;
};

/* Where pages have no memory the allocator clears nothing; the kernel's time for it passes all the same. */
static void charge_clear(const struct want *w, const struct mmsim_page *page, uint64_t nr)
{
	if (w->gfp & MMSIM___GFP_ZERO && !w->v->site.buddy->pages->base)
		mm_exec_charge(w->v->exec, MM_CHARGE_CLEAR, page, nr * MMSIM_PAGE_SIZE);
}

/* A block, at once as many single pages. False: there is none. */
static bool take_block(struct want *w, mmsim_gfp_t gfp, unsigned order)
{
	struct mm_buddy *b = w->v->site.buddy;
	struct mmsim_page *page = mm_buddy_alloc_pages(b, w->node, gfp, order);

	if (mm_unlikely(!page))
		return false;
	if (order)
		mm_buddy_split_page(b, page, order);
	charge_clear(w, page, UINT64_C(1) << order);
	for (unsigned i = 0; i < 1u << order; i++)
		w->pages[w->got++] = page + i;
	return true;
}

static void take_blocks(struct want *w, unsigned order)
{
	while (w->got < w->nr && take_block(w, w->gfp, order))
		mm_exec_resched(w->v->exec);
}

/*
 * What is there without waiting, from the largest that still fits down; an order that failed is not tried
 * again.
 */
static void take_large(struct want *w)
{
	mmsim_gfp_t gfp = (w->gfp & ~MMSIM___GFP_DIRECT_RECLAIM) | MMSIM___GFP_NOWARN;
	unsigned most = MMSIM_MAX_PAGE_ORDER, order;

	while (w->got < w->nr) {
		order = mm_min(mm_fls64(w->nr - w->got) - 1, most);
		if (!order)
			return;
		if (!take_block(w, gfp, order))
			most = order - 1;
	}
}

/* The bulk allocator serves the caller's own node only, and a single page no better than the usual way. */
static bool bulk_serves(const struct want *w, uint64_t nr)
{
	const struct mm_vmap_site *site = &w->v->site;

	return nr > 1 && (w->node == MMSIM_NUMA_NO_NODE ||
			  w->node == site->topology->node_of[mm_exec_cpu(w->v->exec)]);
}

static void take_bulk(struct want *w)
{
	uint64_t nr, got;

	do {
		nr = mm_min(w->nr - w->got, BULK_PAGES);
		if (!bulk_serves(w, nr))
			return;
		got = mm_buddy_alloc_pages_bulk(w->v->site.buddy, w->gfp, nr, w->pages + w->got);
		for (uint64_t i = 0; i < got; i++)
			charge_clear(w, w->pages[w->got + i], 1);
		w->got += got;
		mm_exec_resched(w->v->exec);
	} while (got == nr && w->got < w->nr);
}

uint64_t mm_vmap_backing_get(struct mmsim_vmap *v, struct mmsim_page **pages, uint64_t nr,
			     unsigned page_order, mmsim_gfp_t gfp, int node)
{
	struct want w = { .v = v, .pages = pages, .nr = nr, .gfp = gfp, .node = node };

	if (!page_order && v->params.backing == MMSIM_VMAP_BACKING_LARGE)
		take_large(&w);
	if (!page_order && w.got < nr)
		take_bulk(&w);
	take_blocks(&w, page_order);
	return w.got;
}

/* One by one, as there: each was the machine's for a while, and its line is at hand or not. */
void mm_vmap_backing_put(struct mmsim_vmap *v, struct mmsim_page *const *pages, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++) {
		mm_buddy_free_pages(v->site.buddy, pages[i], 0);
		mm_exec_resched(v->exec);
	}
}

uint64_t mm_vmap_total_pages(const struct mmsim_vmap *v)
{
	uint64_t pages = 0;

	mm_for_each_zone(zone, v->site.buddy)
		pages += __atomic_load_n(&zone->managed, __ATOMIC_RELAXED);
	return pages;
}
