/* SPDX-License-Identifier: MIT */
/*
 * Which tree next: partly used ones of the same kind first, so that whole trees stay free and kinds stay
 * apart; other CPUs' last.
 *
 * Counterpart: none in the kernel; in what it is for, fallback.c. Locking: none, see bitmap.h.
 */
#ifndef MM_BUDDY_BITMAP_SEARCH_H
#define MM_BUDDY_BITMAP_SEARCH_H

#include "bitmap_cpu.h"

/*
 * Out of another tree than the caller's, which takes its place; if there is none, whatever others have
 * reserved. MM_BITMAP_NONE: nowhere. Cost: O(trees), and when that finds nothing O(CPUs).
 */
uint64_t mm_buddy_bitmap_get_any(struct mm_bitmap *bm, enum mm_bitmap_kind kind, unsigned order);

#endif
