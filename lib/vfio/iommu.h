/* SPDX-License-Identifier: MIT */
/*
 * The IOMMU's table: which pages a device may reach, in contiguous runs.
 *
 * Two bits for each page: it is mapped; a run begins here. A run goes on to the next beginning or to the
 * next page that is not mapped. The frames are those of the guest's memory, which does not change while
 * pages are mapped. Nothing is allocated to map a page, and what was undone leaves no trace.
 *
 * Counterpart: drivers/iommu, as vfio uses it. Difference: that is a page table, which has an entry of 2
 * MiB where it can; here a run is of any length.
 *
 *  I1: a mapped page belongs to one run: it begins one, or the page before is mapped.
 *  I2: only mapped pages begin runs.
 *
 * Locking: the words are atomic, so that neighbouring stretches may be changed at the same time; a stretch
 * is one caller's at a time. Cost: O(pages / 64).
 */
#ifndef MM_VFIO_IOMMU_H
#define MM_VFIO_IOMMU_H

#include "meta.h"
#include <stdbool.h>

struct mm_vfio_iommu {
	uint64_t nr_pages;
	uint64_t *mapped, *begins; /* [words]: a bit for each page, atomic */
};

/* 0 or -ENOMEM. Zeroed before. */
int mm_vfio_iommu_init(struct mm_vfio_iommu *t, struct mm_meta *meta, uint64_t nr_pages);
void mm_vfio_iommu_fini(struct mm_vfio_iommu *t, struct mm_meta *meta);

/* [first, end), which is not mapped, as one run. */
void mm_vfio_iommu_map(struct mm_vfio_iommu *t, uint64_t first, uint64_t end);

/* [first, end), which is mapped; a run that reaches beyond is cut. */
void mm_vfio_iommu_unmap(struct mm_vfio_iommu *t, uint64_t first, uint64_t end);

/* The first page in [first, end) that is mapped, or that is not; `end`: there is none. */
uint64_t mm_vfio_iommu_next(const struct mm_vfio_iommu *t, uint64_t first, uint64_t end,
			    bool mapped);

/* The run that a mapped page is in: [*first, *end). */
void mm_vfio_iommu_run(const struct mm_vfio_iommu *t, uint64_t page, uint64_t *first,
		       uint64_t *end);

/* How many pages are mapped, and in how many runs. */
void mm_vfio_iommu_count(const struct mm_vfio_iommu *t, uint64_t *pages, uint64_t *runs);

#endif
