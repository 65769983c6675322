/* SPDX-License-Identifier: MIT */
/*
 * What an allocation may do, worked out from its gfp flags. Counterpart: ALLOC_* of mm/internal.h, same
 * bits.
 */
#ifndef MM_BUDDY_ALLOC_FLAGS_H
#define MM_BUDDY_ALLOC_FLAGS_H

enum mm_wmark { MM_WMARK_MIN, MM_WMARK_LOW, MM_WMARK_HIGH, MM_WMARK_PROMO, MM_NR_WMARK };

enum {
	MM_ALLOC_WMARK_MIN = MM_WMARK_MIN, /* the mark to keep, an index */
	MM_ALLOC_WMARK_LOW = MM_WMARK_LOW,
	MM_ALLOC_WMARK_HIGH = MM_WMARK_HIGH,
	MM_ALLOC_NO_WATERMARKS = 0x04,
	MM_ALLOC_WMARK_MASK = MM_ALLOC_NO_WATERMARKS - 1,
	MM_ALLOC_OOM = 0x08,
	MM_ALLOC_NON_BLOCK = 0x10, /* cannot wait: a quarter more of the reserve */
	MM_ALLOC_MIN_RESERVE = 0x20, /* __GFP_HIGH: half of min */
	MM_ALLOC_CMA = 0x80, /* may have pageblocks of CMA */
	MM_ALLOC_NOFRAGMENT = 0x100, /* no fallback below a pageblock */
	MM_ALLOC_HIGHATOMIC = 0x200, /* may have the high-order atomic reserve */
	MM_ALLOC_KSWAPD = 0x800, /* may wake kswapd */
	MM_ALLOC_RESERVES =
		MM_ALLOC_OOM | MM_ALLOC_NON_BLOCK | MM_ALLOC_MIN_RESERVE | MM_ALLOC_HIGHATOMIC,
};

#endif
