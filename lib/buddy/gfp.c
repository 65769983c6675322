/* SPDX-License-Identifier: MIT */
/* gfp flags: zones, and what an allocation may do. */
#include "gfp.h"

#include <stdint.h>

enum mmsim_zone_type mm_buddy_gfp_zone(mmsim_gfp_t gfp)
{
	enum {
		DMA = MMSIM___GFP_DMA,
		HIGHMEM = MMSIM___GFP_HIGHMEM,
		DMA32 = MMSIM___GFP_DMA32,
		MOVABLE = MMSIM___GFP_MOVABLE,
		NORMAL = MMSIM_ZONE_NORMAL,
	};
	/* The lower zone wins where several bits are set. */
	static const uint8_t table[16] = {
		[0] = NORMAL,
		[HIGHMEM] = NORMAL,
		[MOVABLE] = NORMAL,
		[MOVABLE | HIGHMEM] = MMSIM_ZONE_MOVABLE,
		[DMA32] = MMSIM_ZONE_DMA32,
		[DMA32 | HIGHMEM] = MMSIM_ZONE_DMA32,
		[DMA32 | MOVABLE] = MMSIM_ZONE_DMA32,
		[DMA32 | MOVABLE | HIGHMEM] = MMSIM_ZONE_DMA32,
		/* All with DMA are 0, MMSIM_ZONE_DMA. */
	};

	return (enum mmsim_zone_type)table[gfp & (DMA | HIGHMEM | DMA32 | MOVABLE)];
}

unsigned mm_buddy_slow_alloc_flags(mmsim_gfp_t gfp, unsigned order)
{
	unsigned flags = MM_ALLOC_WMARK_MIN | mm_gfp_kswapd(gfp) | mm_gfp_cma(gfp);

	if (gfp & MMSIM___GFP_HIGH)
		flags |= MM_ALLOC_MIN_RESERVE;
	if (!(gfp & MMSIM___GFP_DIRECT_RECLAIM) && !(gfp & MMSIM___GFP_NOMEMALLOC)) {
		flags |= MM_ALLOC_NON_BLOCK;
		if (order && flags & MM_ALLOC_MIN_RESERVE)
			flags |= MM_ALLOC_HIGHATOMIC;
	}
	return flags;
}
