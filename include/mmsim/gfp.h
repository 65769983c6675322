/* SPDX-License-Identifier: MIT */
/*
 * Requests and constants of the page allocator, with the values that the kernel gives them
 * (include/linux/gfp_types.h and mmzone.h of Linux 7.x), so that recorded gfp words can be used
 * unchanged.
 *
 * Version 0.1 looks at the zone bits, MOVABLE, RECLAIMABLE, ZERO and THISNODE; the other bits are
 * accepted and change nothing yet.
 */
#ifndef MMSIM_GFP_H
#define MMSIM_GFP_H

#include <stdint.h>

#define MMSIM_PAGE_SHIFT 12
#define MMSIM_PAGE_SIZE (UINT64_C(1) << MMSIM_PAGE_SHIFT)

#define MMSIM_MAX_PAGE_ORDER 10
#define MMSIM_NR_PAGE_ORDERS (MMSIM_MAX_PAGE_ORDER + 1)
#define MMSIM_MAX_ORDER_NR_PAGES (1u << MMSIM_MAX_PAGE_ORDER)
#define MMSIM_PAGEBLOCK_ORDER 9
#define MMSIM_PAGEBLOCK_NR_PAGES (1u << MMSIM_PAGEBLOCK_ORDER)

/* A section is 128 MiB of physical memory, a subsection 2 MiB. */
#define MMSIM_PAGES_PER_SECTION 32768u
#define MMSIM_PAGES_PER_SUBSECTION 512u

enum mmsim_zone_type {
	MMSIM_ZONE_DMA, /* below 16 MiB */
	MMSIM_ZONE_DMA32, /* below 4 GiB */
	MMSIM_ZONE_NORMAL,
	MMSIM_ZONE_MOVABLE, /* the top of a node, if its config asks for it */
	MMSIM_NR_ZONES
};

enum mmsim_migratetype {
	MMSIM_MIGRATE_UNMOVABLE,
	MMSIM_MIGRATE_MOVABLE,
	MMSIM_MIGRATE_RECLAIMABLE,
	MMSIM_NR_MIGRATETYPES
};

/* Room in structs for the migratetypes that are still to come. */
#define MMSIM_MAX_MIGRATETYPES 8

typedef uint32_t mmsim_gfp_t;

#define MMSIM___GFP_DMA (1u << 0)
#define MMSIM___GFP_HIGHMEM (1u << 1)
#define MMSIM___GFP_DMA32 (1u << 2)
#define MMSIM___GFP_MOVABLE (1u << 3)
#define MMSIM___GFP_RECLAIMABLE (1u << 4)
#define MMSIM___GFP_HIGH (1u << 5)
#define MMSIM___GFP_IO (1u << 6)
#define MMSIM___GFP_FS (1u << 7)
#define MMSIM___GFP_ZERO (1u << 8)
#define MMSIM___GFP_DIRECT_RECLAIM (1u << 10)
#define MMSIM___GFP_KSWAPD_RECLAIM (1u << 11)
#define MMSIM___GFP_NOWARN (1u << 13)
#define MMSIM___GFP_COMP (1u << 18)
#define MMSIM___GFP_THISNODE (1u << 21)

#define MMSIM_GFP_ATOMIC (MMSIM___GFP_HIGH | MMSIM___GFP_KSWAPD_RECLAIM)
#define MMSIM_GFP_NOWAIT (MMSIM___GFP_KSWAPD_RECLAIM | MMSIM___GFP_NOWARN)
#define MMSIM_GFP_KERNEL \
	(MMSIM___GFP_DIRECT_RECLAIM | MMSIM___GFP_KSWAPD_RECLAIM | MMSIM___GFP_IO | MMSIM___GFP_FS)
#define MMSIM_GFP_HIGHUSER_MOVABLE (MMSIM_GFP_KERNEL | MMSIM___GFP_HIGHMEM | MMSIM___GFP_MOVABLE)

#endif
