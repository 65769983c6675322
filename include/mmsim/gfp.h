/* SPDX-License-Identifier: MIT */
/*
 * Requests and constants of the page allocator, with the values that the kernel gives them
 * (include/linux/gfp_types.h and mmzone.h of Linux 7.x), so that recorded gfp words can be used
 * unchanged.
 *
 * The allocator looks at the zone bits, MOVABLE, RECLAIMABLE, HIGH, ZERO, DIRECT_RECLAIM, KSWAPD_RECLAIM,
 * MEMALLOC, NOMEMALLOC, THISNODE and COMP; the other bits are accepted and mean nothing, because
 * nothing here reclaims.
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

/* Orders up to this one are kept on per-CPU lists, as is that of a transparent huge page. */
#define MMSIM_PAGE_ALLOC_COSTLY_ORDER 3

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

/* As of a kernel with CONFIG_CMA. */
enum mmsim_migratetype {
	MMSIM_MIGRATE_UNMOVABLE,
	MMSIM_MIGRATE_MOVABLE,
	MMSIM_MIGRATE_RECLAIMABLE,
	MMSIM_MIGRATE_PCPTYPES, /* types that have per-CPU lists of their own */
	MMSIM_MIGRATE_HIGHATOMIC = MMSIM_MIGRATE_PCPTYPES,
	MMSIM_MIGRATE_CMA,
	MMSIM_MIGRATE_ISOLATE, /* cannot be allocated from */
	MMSIM_NR_MIGRATETYPES
};

/* Room in structs for migratetypes that may come. */
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
#define MMSIM___GFP_WRITE (1u << 12)
#define MMSIM___GFP_NOWARN (1u << 13)
#define MMSIM___GFP_RETRY_MAYFAIL (1u << 14)
#define MMSIM___GFP_NOFAIL (1u << 15)
#define MMSIM___GFP_NORETRY (1u << 16)
#define MMSIM___GFP_MEMALLOC (1u << 17)
#define MMSIM___GFP_COMP (1u << 18)
#define MMSIM___GFP_NOMEMALLOC (1u << 19)
#define MMSIM___GFP_HARDWALL (1u << 20)
#define MMSIM___GFP_THISNODE (1u << 21)
#define MMSIM___GFP_ACCOUNT (1u << 22)
#define MMSIM___GFP_ZEROTAGS (1u << 23)

#define MMSIM___GFP_RECLAIM (MMSIM___GFP_DIRECT_RECLAIM | MMSIM___GFP_KSWAPD_RECLAIM)

#define MMSIM_GFP_ATOMIC (MMSIM___GFP_HIGH | MMSIM___GFP_KSWAPD_RECLAIM)
#define MMSIM_GFP_NOWAIT (MMSIM___GFP_KSWAPD_RECLAIM | MMSIM___GFP_NOWARN)
#define MMSIM_GFP_NOIO MMSIM___GFP_RECLAIM
#define MMSIM_GFP_NOFS (MMSIM___GFP_RECLAIM | MMSIM___GFP_IO)
#define MMSIM_GFP_KERNEL (MMSIM___GFP_RECLAIM | MMSIM___GFP_IO | MMSIM___GFP_FS)
#define MMSIM_GFP_KERNEL_ACCOUNT (MMSIM_GFP_KERNEL | MMSIM___GFP_ACCOUNT)
#define MMSIM_GFP_USER (MMSIM_GFP_KERNEL | MMSIM___GFP_HARDWALL)
#define MMSIM_GFP_HIGHUSER (MMSIM_GFP_USER | MMSIM___GFP_HIGHMEM)
#define MMSIM_GFP_HIGHUSER_MOVABLE (MMSIM_GFP_HIGHUSER | MMSIM___GFP_MOVABLE)
#define MMSIM_GFP_TRANSHUGE_LIGHT                                                  \
	((MMSIM_GFP_HIGHUSER_MOVABLE | MMSIM___GFP_COMP | MMSIM___GFP_NOMEMALLOC | \
	  MMSIM___GFP_NOWARN) &                                                    \
	 ~MMSIM___GFP_RECLAIM)
#define MMSIM_GFP_TRANSHUGE (MMSIM_GFP_TRANSHUGE_LIGHT | MMSIM___GFP_DIRECT_RECLAIM)

#endif
