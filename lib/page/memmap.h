/* SPDX-License-Identifier: MIT */
/*
 * The struct page array: one range of addresses indexed by pfn, mapped where sections have memory.
 *
 * Counterpart: mm/sparse-vmemmap.c with 128 MiB sections and 2 MiB subsections. A section's
 * struct pages are 2 MiB, one huge page.
 *
 *  V1: &base[pfn] is the struct page of pfn.
 *  V2: a subsection is valid exactly when RAM reaches into it; struct pages exist (are mapped) for
 *      all of a section that has a valid subsection. Those outside valid subsections stay zero and
 *      are never on a list.
 *
 * Locking: constant after init. Cost: both ways O(1).
 */
#ifndef MM_PAGE_MEMMAP_H
#define MM_PAGE_MEMMAP_H

#include "backing.h"
#include "meta.h"
#include "padata.h"
#include "shape.h"
#include <mmsim/page.h>
#include <stdbool.h>

struct mm_memmap {
	struct mmsim_page *base;
	uint64_t *valid; /* [nr_sections]: a bit per subsection */
	uint64_t nr_sections;
	struct mm_area area;
};

/* 0 or -ENOMEM. Nothing is touched. */
int mm_page_memmap_init(struct mm_memmap *map, struct mm_meta *meta, const struct mm_shape *shape,
			uint32_t no_huge, struct mm_fault *fault);
void mm_page_memmap_fini(struct mm_memmap *map, struct mm_meta *meta);

/*
 * The next stretch of struct pages at or above section `from` that lie side by side, as [*from, *to)
 * sections. False: there is none.
 */
bool mm_page_memmap_next(const struct mm_memmap *map, uint64_t *from, uint64_t *to);

/*
 * Zero all struct pages, on all CPUs: a page of an earlier boot must not pass for an allocated one.
 * Waits. Cost: a store of the whole array.
 */
void mm_page_memmap_clear(struct mm_memmap *map, struct mm_padata *padata);

static inline bool mm_pfn_valid(const struct mm_memmap *map, uint64_t pfn)
{
	uint64_t section = pfn / MMSIM_PAGES_PER_SECTION;

	return section < map->nr_sections &&
	       (map->valid[section] >>
			(pfn % MMSIM_PAGES_PER_SECTION / MMSIM_PAGES_PER_SUBSECTION) &
		1);
}

static inline struct mmsim_page *mm_pfn_to_page(const struct mm_memmap *map, uint64_t pfn)
{
	return map->base + pfn;
}

static inline uint64_t mm_page_to_pfn(const struct mm_memmap *map, const struct mmsim_page *page)
{
	return (uint64_t)(page - map->base);
}

#endif
