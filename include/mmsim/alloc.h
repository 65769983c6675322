/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: buddy lists per zone and migratetype, per-CPU lists in front of them.
 *
 * Models alloc_pages(), __free_pages() and alloc_pages_bulk() of mm/page_alloc.c with its watermarks,
 * fallbacks and tuning; how it behaves is mmsim_config.policy. Nothing is reclaimed, compacted or
 * killed: where the kernel would wake kswapd there are an event and a callback, and where it would
 * reclaim, the request fails.
 */
#ifndef MMSIM_ALLOC_H
#define MMSIM_ALLOC_H

#include <mmsim/api.h>
#include <mmsim/gfp.h>
#include <mmsim/page.h>
#include <stdbool.h>
#include <stddef.h>

MMSIM_BEGIN_DECLS

/** Ask for the node of the CPU that the caller runs on. */
#define MMSIM_NUMA_NO_NODE (-1)

/**
 * mmsim_alloc_pages - take a block of 2^order page frames.
 * @gfp:   MMSIM_GFP_*; the zone bits say which zones may serve it, MOVABLE and RECLAIMABLE which
 *         lists; ZERO clears the bytes if pages are backed; THISNODE forbids other nodes.
 * @order: 0 to MMSIM_MAX_PAGE_ORDER.
 *
 * The first page of the block has refcount 1. It belongs to the caller until mmsim_free_pages()
 * with the same order; the pfn is a multiple of 2^order.
 *
 * Returns NULL when no allowed zone can give such a block and stay above the mark that the flags
 * entitle to (an expected result: nothing is logged): low at first, then min; half of that with HIGH, less
 * still without DIRECT_RECLAIM; no mark at all with MEMALLOC. With DIRECT_RECLAIM, what lies on all CPUs'
 * lists is gathered first, and the HighAtomic reserve of the zones given up. Also NULL,
 * with a message, when order is out of range, when both mobility bits are set, or when the machine
 * is not booted.
 * Context: any; may wait while deferred memory is initialised on demand. While mmsim_boot() is at a
 * node's deferred memory, NULL may mean that it has not come yet. Cost: O(1) from a per-CPU
 * list, otherwise O(orders) under the zone lock, times the zones tried. Since 0.1.
 */
MMSIM_API struct mmsim_page *mmsim_alloc_pages(struct mmsim *m, mmsim_gfp_t gfp,
					       unsigned order) MMSIM_MUST_CHECK;

/**
 * mmsim_alloc_pages_node - the same, starting from the zonelist of a given node.
 * @nid: 0 to nr_nodes - 1, or MMSIM_NUMA_NO_NODE.
 *
 * Returns as mmsim_alloc_pages(); a node that does not exist is refused with a message.
 * Since 0.1.
 */
MMSIM_API struct mmsim_page *mmsim_alloc_pages_node(struct mmsim *m, int nid, mmsim_gfp_t gfp,
						    unsigned order) MMSIM_MUST_CHECK;

/**
 * mmsim_alloc_pages_bulk - take up to nr single pages at once.
 * @nr:    0 or more.
 * @pages: room for nr pointers; the first `return value` of them are written.
 *
 * Takes them from one zone of the caller's node, off the per-CPU list under one lock. Returns how
 * many pages were taken, which may be fewer than asked for; where that gives none it tries for one
 * page as mmsim_alloc_pages() would, on any node. Each page is freed on its own with order 0. With nr
 * > 0 and pages NULL, and as mmsim_alloc_pages(), it returns 0 with a message.
 * Context: as mmsim_alloc_pages(). Cost: O(nr). Since 0.1. Models alloc_pages_bulk().
 */
MMSIM_API size_t mmsim_alloc_pages_bulk(struct mmsim *m, mmsim_gfp_t gfp, size_t nr,
					struct mmsim_page **pages) MMSIM_MUST_CHECK;

/**
 * mmsim_free_pages - give a block back.
 * @page:  first page of a block that mmsim_alloc_pages() returned.
 * @order: the order it was asked for with.
 *
 * Returns 0, or -EINVAL when page is no struct page of this machine, lies in a hole or a reserved
 * range, is free already, is not the first page of its block, or was allocated with another order.
 * A refusal logs the pfn and the state found and changes nothing, in every build type, also when
 * two threads free the same block at the same moment.
 * Context: any; never waits beyond a lock. Cost: O(1) to the per-CPU list, otherwise O(orders).
 * Since 0.1. Models __free_pages().
 */
MMSIM_API int mmsim_free_pages(struct mmsim *m, struct mmsim_page *page, unsigned order);

/**
 * mmsim_free_pfn - mmsim_free_pages() by page frame number.
 *
 * Returns as mmsim_free_pages(). Since 0.1.
 */
MMSIM_API int mmsim_free_pfn(struct mmsim *m, uint64_t pfn, unsigned order);

/**
 * mmsim_drain_all_pages - move every page that is kept for a CPU back to the buddy lists.
 *
 * Those of the per-CPU lists; before, page tables that wait for a grace period, and pages that only a batch
 * on its way to the LRU still has. Context: any; waits for readers of page tables; takes each per-CPU lock
 * in turn. Cost: O(pages on the lists). Since 0.1.
 * Models drain_all_pages(), after lru_add_drain_all() and rcu_barrier().
 */
MMSIM_API void mmsim_drain_all_pages(struct mmsim *m);

/**
 * mmsim_split_page - make 2^order single pages of a block.
 * @page:  first page of a block that the caller holds.
 * @order: the order it was asked for with.
 *
 * Each page is then freed on its own. Returns 0, or -EINVAL as mmsim_free_pages(). Context: any, the
 * block's owner. Cost: O(2^order). Since 0.1. Models split_page().
 */
MMSIM_API int mmsim_split_page(struct mmsim *m, struct mmsim_page *page, unsigned order);

/**
 * mmsim_isolate_pageblock - take a pageblock out of circulation.
 * @pfn: any page of it.
 *
 * Its free pages, and those that are freed from now on, cannot be allocated. What is allocated in it
 * stays: nothing migrates. Returns 0; -EBUSY when it is isolated already; -EINVAL when there is no memory
 * or it reaches beyond its zone, or with the bitmap allocator. Context: any; takes the zone's lock. Cost:
 * O(pageblock). Since 0.1. Models set_migratetype_isolate().
 */
MMSIM_API int mmsim_isolate_pageblock(struct mmsim *m, uint64_t pfn);

/** mmsim_unisolate_pageblock - the opposite. 0, or -EINVAL when it is not isolated. Since 0.1. */
MMSIM_API int mmsim_unisolate_pageblock(struct mmsim *m, uint64_t pfn);

/**
 * mmsim_init_cma_pageblock - give a pageblock to CMA: only movable requests get its pages.
 * @pfn: any page of it.
 *
 * Returns 0; -EBUSY when it is isolated, HighAtomic or CMA already; -EINVAL as above. Context: as above.
 * Since 0.1. Models init_cma_reserved_pageblock().
 */
MMSIM_API int mmsim_init_cma_pageblock(struct mmsim *m, uint64_t pfn);

/**
 * mmsim_alloc_contig_range - take exactly the pages [start, end).
 *
 * They must all be free, in CMA or Movable pageblocks of one zone. Returns 0, and each page is allocated on
 * its own, order 0; -EBUSY when one of them is allocated; -EINVAL for a range that is empty, beyond memory
 * or in several zones, or with the bitmap allocator. Context: any. Cost: O(pages). Since 0.1. Models
 * alloc_contig_range() without migration.
 */
MMSIM_API int mmsim_alloc_contig_range(struct mmsim *m, uint64_t start, uint64_t end);

/**
 * mmsim_vmstat_update - what the kernel's vmstat worker does once a second on each CPU.
 *
 * Lets the per-CPU lists of the caller's CPU shrink towards what is used. Nobody calls it by itself.
 * Returns whether there is more to do. Context: any. Cost: O(pages given back). Since 0.1.
 * Models refresh_cpu_vm_stats() and decay_pcp_high().
 */
MMSIM_API bool mmsim_vmstat_update(struct mmsim *m);

/** Told that a node runs short: the highest order that was wanted. */
typedef void (*mmsim_kswapd_fn)(void *ctx, unsigned node, unsigned order);

/**
 * mmsim_kswapd_set - call fn where the kernel would wake kswapd; NULL stops.
 *
 * There is no kswapd: what fn frees is what is reclaimed. It runs in the task whose request found the
 * node short, with no lock held, and may free and wait, but not allocate. Change it while nobody else
 * uses the machine. Context: any. Since 0.1. Models wakeup_kswapd().
 */
MMSIM_API void mmsim_kswapd_set(struct mmsim *m, mmsim_kswapd_fn fn, void *ctx);

MMSIM_END_DECLS

#endif
