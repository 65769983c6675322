/* SPDX-License-Identifier: MIT */
/*
 * Free pages filled with a pattern, which is checked when they are handed out: who writes to a page
 * after freeing it is found.
 *
 * Counterpart: mm/page_poison.c: PAGE_POISON (0xaa), a single flipped bit told apart from the rest.
 * Differences: pages are filled by boot too, so that none needs a mark; what is found stops the
 * program, after a line in the log that says which bytes of which page.
 *
 *  P1: with the policy and memory behind the pages, every byte of a free page is MM_PAGE_POISON,
 *      wherever it is kept: free lists, per-CPU lists, another allocator.
 *
 * Locking: none; the caller owns the pages.
 */
#ifndef MM_BUDDY_POISON_H
#define MM_BUDDY_POISON_H

#include "buddy.h"

enum { MM_PAGE_POISON = 0xaa };

/* Fill a block that becomes free. Counterpart: __kernel_poison_pages(). */
void mm_buddy_poison_pages(const struct mm_buddy *b, struct mmsim_page *page, unsigned order);
/* Check one that is about to be used. Counterpart: __kernel_unpoison_pages(). */
void mm_buddy_unpoison_pages(const struct mm_buddy *b, const struct mmsim_page *page,
			     unsigned order);

/* The same for a block that stays free: for validation. */
void mm_buddy_check_poison(const struct mm_buddy *b, const struct mmsim_page *page, unsigned order);

/* Whether there is anything to do; all of the above ask themselves. */
static inline bool mm_buddy_poisons(const struct mm_buddy *b)
{
	return b->policy.flags & MMSIM_POLICY_POISON && b->pages->base;
}

#endif
