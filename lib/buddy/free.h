/* SPDX-License-Identifier: MIT */
/*
 * What all frees have in common.
 *
 * Counterpart: free_pages_prepare() of mm/page_alloc.c.
 *
 * Locking: none; nobody owns the block any more.
 */
#ifndef MM_BUDDY_FREE_H
#define MM_BUDDY_FREE_H

#include "poison.h"

/* Before a block goes anywhere: who listens is told, and its bytes are no longer anybody's. */
static inline void mm_free_prepare(const struct mm_buddy *b, struct mmsim_page *page, uint64_t pfn,
				   unsigned order)
{
	mm_event(b->obs, .id = MMSIM_EV_MM_PAGE_FREE, .pfn = pfn, .order = order);
	mm_buddy_poison_pages(b, page, order);
}

/* Could it lie on a per-CPU list? What is being isolated must not hide there. */
static inline bool mm_free_may_keep(unsigned order, enum mmsim_migratetype mt)
{
	return mm_pcp_order(order) && mt != MMSIM_MIGRATE_ISOLATE;
}

#endif
