/* SPDX-License-Identifier: MIT */
/* Exported calls: struct pages and the page allocator. */
#include "machine.h"
#include <mmsim/alloc.h>

bool mmsim_pfn_valid(const struct mmsim *m, uint64_t pfn)
{
	return mm_pfn_valid(&m->memmap, pfn);
}

struct mmsim_page *mmsim_pfn_to_page(const struct mmsim *m, uint64_t pfn)
{
	return mm_pfn_valid(&m->memmap, pfn) ? mm_pfn_to_page(&m->memmap, pfn) : NULL;
}

uint64_t mmsim_page_to_pfn(const struct mmsim *m, const struct mmsim_page *page)
{
	return mm_page_to_pfn(&m->memmap, page);
}

void *mmsim_page_address(const struct mmsim *m, const struct mmsim_page *page)
{
	if (!m->pages.base)
		return NULL;
	return m->pages.base + mm_page_to_pfn(&m->memmap, page) * MMSIM_PAGE_SIZE;
}

static __attribute__((noinline)) struct mmsim_page *
alloc_from_outside(struct mmsim *m, int nid, mmsim_gfp_t gfp, unsigned order)
{
	MM_ON_CPU(m);

	return mm_buddy_alloc_pages(&m->buddy, nid, gfp, order);
}

struct mmsim_page *mmsim_alloc_pages_node(struct mmsim *m, int nid, mmsim_gfp_t gfp, unsigned order)
{
	if (mm_on_cpu(m))
		return mm_buddy_alloc_pages(&m->buddy, nid, gfp, order);
	return alloc_from_outside(m, nid, gfp, order);
}

struct mmsim_page *mmsim_alloc_pages(struct mmsim *m, mmsim_gfp_t gfp, unsigned order)
{
	if (mm_on_cpu(m))
		return mm_buddy_alloc_pages(&m->buddy, MMSIM_NUMA_NO_NODE, gfp, order);
	return alloc_from_outside(m, MMSIM_NUMA_NO_NODE, gfp, order);
}

size_t mmsim_alloc_pages_bulk(struct mmsim *m, mmsim_gfp_t gfp, size_t nr,
			      struct mmsim_page **pages)
{
	MM_ON_CPU(m);

	return mm_buddy_alloc_pages_bulk(&m->buddy, gfp, nr, pages);
}

static __attribute__((noinline)) int free_from_outside(struct mmsim *m, struct mmsim_page *page,
						       unsigned order)
{
	MM_ON_CPU(m);

	return mm_buddy_free_pages(&m->buddy, page, order);
}

int mmsim_free_pages(struct mmsim *m, struct mmsim_page *page, unsigned order)
{
	if (mm_on_cpu(m))
		return mm_buddy_free_pages(&m->buddy, page, order);
	return free_from_outside(m, page, order);
}

int mmsim_free_pfn(struct mmsim *m, uint64_t pfn, unsigned order)
{
	MM_ON_CPU(m);

	return mm_buddy_free_pfn(&m->buddy, pfn, order);
}

void mmsim_drain_all_pages(struct mmsim *m)
{
	MM_ON_CPU(m);

	mm_mmap_drain(&m->mmap);
	mm_buddy_drain_all(&m->buddy);
}
