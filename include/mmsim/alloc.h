/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: buddy lists per zone and migratetype, per-CPU lists in front of them.
 *
 * Models alloc_pages(), __free_pages() and alloc_pages_bulk() of mm/page_alloc.c. Version 0.1 has
 * no watermarks, no reclaim and no per-CPU list tuning: an allocation takes whatever the zonelist
 * has and fails when nothing is left.
 */
#ifndef MMSIM_ALLOC_H
#define MMSIM_ALLOC_H

#include <mmsim/api.h>
#include <mmsim/gfp.h>
#include <mmsim/page.h>
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
 * Returns NULL when the free lists of no allowed zone and, for a single page, the caller's per-CPU
 * lists have such a block (an expected result: nothing is logged; other CPUs' lists are not looked
 * at, see mmsim_drain_all_pages()), or,
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
 * mmsim_drain_all_pages - move every page of every per-CPU list back to the buddy lists.
 *
 * Context: any; takes each per-CPU lock in turn. Cost: O(pages on the lists). Since 0.1.
 * Models drain_all_pages().
 */
MMSIM_API void mmsim_drain_all_pages(struct mmsim *m);

MMSIM_END_DECLS

#endif
