/* SPDX-License-Identifier: MIT */
/*
 * Page frames that the kernel keeps data in: page tables, batches of a gather.
 *
 * Counterpart: get_zeroed_page(), __get_free_page(). Difference: in a machine whose pages have no memory
 * the data is in the library's own, so that a frame can be used whatever the machine is.
 *
 *  H1: a frame is an allocated page of order 0 of type table, so that nobody frees it by mistake; its priv
 *      says where its data is.
 *
 * Locking: none; a frame is its owner's.
 */
#ifndef MM_BUDDY_FRAME_H
#define MM_BUDDY_FRAME_H

#include "buddy.h"

/* A page and 4096 bytes, zeroed if `zero`. NULL: no page, or no memory for the bytes. */
struct mmsim_page *mm_buddy_frame_alloc(struct mm_buddy *b, mmsim_gfp_t gfp, bool zero);
void mm_buddy_frame_free(struct mm_buddy *b, struct mmsim_page *page);

static inline void *mm_frame_data(const struct mmsim_page *page)
{
	return (void *)(uintptr_t)page->priv;
}

#endif
