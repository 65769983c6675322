/* SPDX-License-Identifier: MIT */
/*
 * Clearing huge pages: the bytes behind them, where pages are backed, and what it takes.
 *
 * Counterpart: clear_gigantic_page(), clear_huge_page() of mm/memory.c as the ktask series had them.
 * Differences: a chunk may be as small as 256 KiB, in the series it was 128 MiB, which by its own formula gives
 * a 1 GiB page at most 8 threads, and one page of 2 MiB one.
 *
 * Locking: none; the pages are the caller's. Cost: a store of all bytes.
 */
#ifndef MM_HUGETLB_CLEAR_H
#define MM_HUGETLB_CLEAR_H

#include "hugetlb.h"

/* By the caller alone, with schedule points. */
void mm_hugetlb_clear(const struct mm_hugetlb *hg, uint64_t pfn, uint64_t nr, bool streaming);

/* A block of pages by a task of its own, on the node of its memory. */
int mm_hugetlb_clear_parallel(struct mm_hugetlb *hg, uint64_t pfn, uint64_t nr, uint32_t threads,
			      bool streaming);

#endif
