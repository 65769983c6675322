/* SPDX-License-Identifier: MIT */
/*
 * A hugetlbfs file: a row of slots, each empty or with one huge page of a pool.
 *
 * Counterpart: hugetlbfs_fallocate(), hugetlbfs_punch_hole(), the page cache of such a file, and
 * hugetlb_fault_mutex_hash(). fallocate is a task of ktask over the slots, as in the ktask series.
 * Differences: an array instead of an xarray, so a file has a size from the beginning; each slot also says
 * which call of fallocate filled it, so that one that fails takes back its own pages only.
 *
 * A slot: the number of the call << 32 | frame + 1; 0: empty.
 *
 * Locking: who fills or empties a slot holds the fault mutex of its hash (MM_RANK_HUGETLB_FAULT) for as long as
 * it takes, clearing included; the slot itself is read and written under the file's lock, i_pages
 * (MM_RANK_HUGETLB_FILE). Cost: per page the page's cost in the pool, three locks, and clearing it.
 */
#ifndef MM_HUGETLB_FILE_H
#define MM_HUGETLB_FILE_H

#include "hugetlb.h"

struct mmsim_hugetlb_file {
	struct mm_hugetlb *hg; /* these: constant after init */
	struct mm_hstate *h;
	struct mm_fault_mutexes *mutexes;
	uint32_t number;
	uint64_t nr_slots;
	uint64_t *slot; /* [nr_slots]: i_pages */
	uint64_t nr_pages; /* slots with a page: i_pages */
	uint32_t nr_calls; /* atomic: of fallocate, so far */
	mm_list list; /* of hg->files: hugetlb_lock */
	struct mm_spinlock lock; /* i_pages */
};

/* Of nr_slots huge pages, all empty. 0 or -ENOMEM; with a message if the host has no room for the slots. */
int mm_hugetlb_file_create(struct mm_hugetlb *hg, struct mm_hstate *h, uint64_t nr_slots,
			   struct mmsim_hugetlb_file **out);

/* Its slots are empty. */
void mm_hugetlb_file_delete(struct mmsim_hugetlb_file *f);

/* All slots are empty; who has their pages is the caller's concern. Nobody else uses it. */
void mm_hugetlb_file_forget(struct mmsim_hugetlb_file *f);

/*
 * Fill the empty slots of [first, first + nr), which are the file's. 0, or -ENOSPC: the pool ran dry,
 * G4. min_chunk 0: 128 MiB.
 */
int mm_hugetlb_fallocate(struct mmsim_hugetlb_file *f, uint64_t first, uint64_t nr,
			 uint32_t threads, uint64_t min_chunk);

/* Empty these slots; their pages go back to the pool. */
void mm_hugetlb_punch_hole(struct mmsim_hugetlb_file *f, uint64_t first, uint64_t nr);

/* The frame of a slot. False: it is empty. */
bool mm_hugetlb_file_frame(struct mmsim_hugetlb_file *f, uint64_t index, uint32_t *frame);
uint64_t mm_hugetlb_file_nr_pages(struct mmsim_hugetlb_file *f);

/* G3, of an idle file. Returns its pages. */
uint64_t mm_hugetlb_file_validate(const struct mmsim_hugetlb_file *f);

#endif
