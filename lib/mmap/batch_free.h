/* SPDX-License-Identifier: MIT */
/*
 * Freeing what a gather's batches hold: by the caller, a slice at a time, or by a worker.
 *
 * A worker gets the whole chain behind the first batch of a gather; the caller frees the few pages of the
 * first itself and goes on unhooking. Nothing is handed over before its TLB flush.
 *
 * Counterpart: __tlb_batch_free_encoded_pages(); batch workers are of Aaron Lu's "mm: support parallel free
 * of memory", 2017, which was not merged.
 *
 *  F1: a chain is a gather's or a work's; a work is on its gather's list until the gather has waited for it.
 *  F2: a slice does not come between a page and its count.
 *
 * Locking: none. Cost: a work is one allocation for some hundred thousand pages.
 */
#ifndef MM_MMAP_BATCH_FREE_H
#define MM_MMAP_BATCH_FREE_H

#include "gather.h"
#include "workqueue.h"

struct mm_free_work {
	struct mm_work work;
	mm_list link; /* gather->works: F1 */
	struct mm_mmap *mmap;
	struct mmsim_page *chain; /* frame of the first batch */
	bool runs;
};

/* Every page of a batch, which is empty afterwards. Others may run meanwhile. */
void mm_mmap_free_batch(struct mm_mmap *mmap, struct mm_gather_batch *batch, bool runs);

/*
 * The chain behind the first batch of a gather to a worker, if there is memory for the work; else nothing
 * changes. TLBs were flushed. Never waits.
 */
void mm_mmap_free_hand_over(struct mm_gather *g);

/* Until all that a gather has handed over is freed, in the order in which it was. */
void mm_mmap_free_wait(struct mm_gather *g);

#endif
