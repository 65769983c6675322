/* SPDX-License-Identifier: MIT */
/*
 * Pages, and how badly they are wanted.
 */
#ifndef MMSIM_LINUX_GFP_H
#define MMSIM_LINUX_GFP_H

#include <linux/types.h>

#define ___GFP_BIT(nr) ((gfp_t)1 << (nr))

#define __GFP_DMA ___GFP_BIT(0)
#define __GFP_HIGHMEM ___GFP_BIT(1)
#define __GFP_DMA32 ___GFP_BIT(2)
#define __GFP_MOVABLE ___GFP_BIT(3)
#define __GFP_RECLAIMABLE ___GFP_BIT(4)
#define __GFP_HIGH ___GFP_BIT(5)
#define __GFP_IO ___GFP_BIT(6)
#define __GFP_FS ___GFP_BIT(7)
#define __GFP_ZERO ___GFP_BIT(8)
#define __GFP_DIRECT_RECLAIM ___GFP_BIT(10)
#define __GFP_KSWAPD_RECLAIM ___GFP_BIT(11)
#define __GFP_NOWARN ___GFP_BIT(13)
#define __GFP_RETRY_MAYFAIL ___GFP_BIT(14)
#define __GFP_NOFAIL ___GFP_BIT(15)
#define __GFP_NORETRY ___GFP_BIT(16)
#define __GFP_MEMALLOC ___GFP_BIT(17)
#define __GFP_COMP ___GFP_BIT(18)
#define __GFP_NOMEMALLOC ___GFP_BIT(19)
#define __GFP_HARDWALL ___GFP_BIT(20)
#define __GFP_THISNODE ___GFP_BIT(21)
#define __GFP_ACCOUNT ___GFP_BIT(22)
#define __GFP_RECLAIM (__GFP_DIRECT_RECLAIM | __GFP_KSWAPD_RECLAIM)

#define GFP_ATOMIC (__GFP_HIGH | __GFP_KSWAPD_RECLAIM)
#define GFP_KERNEL (__GFP_RECLAIM | __GFP_IO | __GFP_FS)
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)
#define GFP_NOWAIT (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
#define GFP_NOIO __GFP_RECLAIM
#define GFP_NOFS (__GFP_RECLAIM | __GFP_IO)
#define GFP_USER (GFP_KERNEL | __GFP_HARDWALL)
#define GFP_HIGHUSER (GFP_USER | __GFP_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | __GFP_MOVABLE)
#define GFP_DMA __GFP_DMA
#define GFP_DMA32 __GFP_DMA32

#define NUMA_NO_NODE (-1)

struct page;

static inline bool gfpflags_allow_blocking(gfp_t gfp)
{
	return gfp & __GFP_DIRECT_RECLAIM;
}

struct page *alloc_pages(gfp_t gfp, unsigned int order);
struct page *alloc_pages_node(int nid, gfp_t gfp, unsigned int order);
void __free_pages(struct page *page, unsigned int order);

/* Fills what is NULL; returns how many entries from the first on have a page. */
unsigned long alloc_pages_bulk(gfp_t gfp, unsigned long nr_pages, struct page **page_array);

#define alloc_page(gfp) alloc_pages(gfp, 0)
#define __free_page(page) __free_pages(page, 0)
#define alloc_pages_bulk_array(gfp, nr, array) alloc_pages_bulk(gfp, nr, array) /* to 6.14 */

#endif
