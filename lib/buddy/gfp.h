/* SPDX-License-Identifier: MIT */
/*
 * What gfp flags mean. Counterpart: gfp_zone(), gfp_migratetype(), gfp_to_alloc_flags(),
 * alloc_flags_nofragment(). Pure functions.
 */
#ifndef MM_BUDDY_GFP_H
#define MM_BUDDY_GFP_H

#include "alloc_flags.h"
#include <mmsim/gfp.h>
#include <stdbool.h>

#define MM_GFP_MOBILITY (MMSIM___GFP_MOVABLE | MMSIM___GFP_RECLAIMABLE)
enum { MM_GFP_MOBILITY_SHIFT = 3 };

/* The highest zone that may serve the request. */
enum mmsim_zone_type mm_buddy_gfp_zone(mmsim_gfp_t gfp);

/* Of the attempt after the first has failed, which gives up what is kept in reserve for such. */
unsigned mm_buddy_slow_alloc_flags(mmsim_gfp_t gfp, unsigned order);

/* Both mobility bits are no request; the caller has refused them. */
static inline enum mmsim_migratetype mm_gfp_migratetype(mmsim_gfp_t gfp)
{
	return (enum mmsim_migratetype)((gfp & MM_GFP_MOBILITY) >> MM_GFP_MOBILITY_SHIFT);
}

static inline bool mm_gfp_movable(mmsim_gfp_t gfp)
{
	return gfp & MMSIM___GFP_MOVABLE;
}

/* May it have the last page? Counterpart: __gfp_pfmemalloc_flags(). */
static inline bool mm_gfp_no_watermarks(mmsim_gfp_t gfp)
{
	return gfp & MMSIM___GFP_MEMALLOC && !(gfp & MMSIM___GFP_NOMEMALLOC);
}

/* Movable pages may lie in memory of CMA. Counterpart: gfp_to_alloc_flags_cma(). */
static inline unsigned mm_gfp_cma(mmsim_gfp_t gfp)
{
	return mm_gfp_migratetype(gfp) == MMSIM_MIGRATE_MOVABLE ? MM_ALLOC_CMA : 0;
}

static inline unsigned mm_gfp_kswapd(mmsim_gfp_t gfp)
{
	return gfp & MMSIM___GFP_KSWAPD_RECLAIM ? MM_ALLOC_KSWAPD : 0;
}

#endif
