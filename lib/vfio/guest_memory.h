/* SPDX-License-Identifier: MIT */
/*
 * A guest's memory: an area whose frames come in blocks of 2 MiB when somebody asks for them.
 *
 * Counterpart: the memory of QEMU, anonymous with transparent huge pages: do_huge_pmd_anonymous_page(),
 * and get_user_pages(), which looks up and takes references. Differences: one level instead of a page
 * table; the reference is counted on the first page of the block, as in the kernel, but nobody splits a
 * block; holes in blocks of 2 MiB instead of any VMA.
 *
 *  G1: a slot has the pfn of a block that is this area's and cleared, or says that there is none yet, or
 *      that it is a hole. It gets a pfn from none once; of two who bring a block at a time one gives his
 *      back.
 *  G2: the refcount of a block's first page is 1 and the references to its pages.
 *
 * Locking: mmap_sem of the container: held for reading to get pages and to bring blocks, for writing to
 * make and unmake holes. Slots and refcounts are atomic.
 */
#ifndef MM_VFIO_GUEST_MEMORY_H
#define MM_VFIO_GUEST_MEMORY_H

#include "buddy.h"

#define MM_THP_ORDER 9 /* HPAGE_PMD_ORDER */
#define MM_THP_PAGES (UINT64_C(1) << MM_THP_ORDER)

struct mm_guest_memory {
	struct mm_buddy *buddy;
	uint64_t nr_pages;
	uint64_t *slot; /* [blocks]: atomic, G1 */
};

/* 0 or -ENOMEM. */
int mm_vfio_guest_init(struct mm_guest_memory *g, struct mm_buddy *b, uint64_t nr_pages);

/* Frees every frame; there are no references. */
void mm_vfio_guest_fini(struct mm_guest_memory *g);

/*
 * A reference to each of nr pages of one block, bringing it if need be. 0 and the first one's pfn; -ENOMEM;
 * -EFAULT: a hole.
 */
int mm_vfio_get_pages(struct mm_guest_memory *g, uint64_t page, uint64_t nr, uint64_t *pfn);

/* The references to [first, end), which were taken, given back. */
void mm_vfio_put_pages(struct mm_guest_memory *g, uint64_t first, uint64_t end);

/* Frame of a page that is there. */
uint64_t mm_vfio_pfn(const struct mm_guest_memory *g, uint64_t page);

/* The block of a page becomes a hole, or ceases to be one. 0, or -EBUSY: there are references. */
int mm_vfio_guest_set_hole(struct mm_guest_memory *g, uint64_t page, bool hole);

/* Pages with a frame, in whole blocks. */
uint64_t mm_vfio_guest_present(const struct mm_guest_memory *g);

static inline uint64_t mm_thp_end(uint64_t page)
{
	return (page | (MM_THP_PAGES - 1)) + 1;
}

#endif
