/* SPDX-License-Identifier: MIT */
/*
 * The page allocator of a machine: its zones, the order in which they are tried, and the calls.
 *
 * Counterpart: mm/page_alloc.c around get_page_from_freelist() and __free_frozen_pages(). Differences:
 * nothing is reclaimed: waking kswapd is an event and a callback; a free is checked in every build,
 * against the order that the block was handed out with.
 *
 *  Z1: the first page of an allocated block has a refcount of 1, more while it is pinned or a pool has it,
 *      and order = the block's; all its other pages, and all pages not allocated, have refcount 0. Reserved
 *      pages have refcount 1 and PG_reserved.
 *  Z2: a free takes the block by changing refcount from 1 to 0 in one step, so that of two frees of
 *      the same block one is refused.
 *
 * Locking: see pcp.h and zone.h; nothing is held across calls.
 */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

#include "log.h"
#include "pcp.h"
#include "rng.h"
#include "topology.h"
#include <mmsim/alloc.h>

struct mm_zonelist {
	unsigned nr;
	struct mm_zone **zone; /* by distance of the node, then from the highest type down */
	struct mm_zone
		*preferred[MMSIM_NR_ZONES]; /* first of it that is not above a type, or NULL */
};

struct mm_buddy {
	struct mm_exec *exec;
	struct mm_log *log;
	const struct mm_memmap *map;
	const struct mm_obs *obs;
	const struct mm_area *pages; /* what backs the pages; base NULL: nothing */
	const struct mm_topology *topology;
	unsigned nr_nodes;
	bool open; /* atomic: booted, allocations may come */
	bool bare; /* atomic: open, and nobody listens to events or watches locks */
	struct mm_zone *zones; /* [nr_nodes * MMSIM_NR_ZONES] */
	struct mm_zone **zone_of_bits; /* [nr_nodes * MM_NODE_STRIDE]: by mm_page_zone_bits() */
	struct mm_zonelist *zonelists; /* [nr_nodes] */
	struct mm_zone **zonelist_memory; /* [nr_nodes][nr_nodes * MMSIM_NR_ZONES] */

	struct mmsim_alloc_policy policy;
	bool grouping_disabled; /* atomic; counterpart: page_group_by_mobility_disabled */
	/* Told when a node runs short; runs where that happens, with no lock held. NULL: nobody. */
	void (*kswapd)(void *ctx, unsigned node, unsigned order);
	void *kswapd_ctx;

	/* Asks for deferred memory of a zone; true: there may be more now. NULL: there is none. */
	bool (*grow)(void *ctx, struct mm_zone *zone, unsigned order);
	void *grow_ctx;
};

/* node and zone type side by side, as in the flags word */
#define MM_NODE_STRIDE (1u << (MMSIM_NODE_SHIFT - MMSIM_ZONE_SHIFT))

struct mm_buddy_config {
	struct mm_exec *exec;
	struct mm_log *log;
	struct mm_lockset *locks;
	const struct mm_shape *shape;
	const struct mm_memmap *map;
	const struct mm_area *pages;
	const struct mm_obs *obs;
	const struct mm_topology *topology;
	const struct mmsim_alloc_policy *policy;
};

/* Zones without managed memory. 0 or -ENOMEM. */
int mm_buddy_init(struct mm_buddy *b, const struct mm_buddy_config *cfg);
void mm_buddy_fini(struct mm_buddy *b);

/* Whether allocations may come; to be said again when the events' listener changes. */
void mm_buddy_set_open(struct mm_buddy *b, bool open);

/* Forget every page, allocated or free. Nobody else uses the machine. */
void mm_buddy_clear(struct mm_buddy *b);

/*
 * Hand a block of initialised struct pages over for the first time, past the per-CPU lists and to
 * the tail. Counterpart: __free_pages_core(). pages_ready: their refcounts are 0 already.
 */
void mm_buddy_free_pages_core(struct mm_buddy *b, uint64_t pfn, unsigned order, bool pages_ready);

/* What all CPUs keep for themselves back to their zones. Counterpart: drain_all_pages(). */
void mm_buddy_drain_all(struct mm_buddy *b);

/* The public calls; arguments are checked here. `nid` may be MMSIM_NUMA_NO_NODE. */
struct mmsim_page *mm_buddy_alloc_pages(struct mm_buddy *b, int nid, mmsim_gfp_t gfp,
					unsigned order);
size_t mm_buddy_alloc_pages_bulk(struct mm_buddy *b, mmsim_gfp_t gfp, size_t nr,
				 struct mmsim_page **pages);
int mm_buddy_free_pages(struct mm_buddy *b, struct mmsim_page *page, unsigned order);
int mm_buddy_free_pfn(struct mm_buddy *b, uint64_t pfn, unsigned order);

/*
 * Many blocks of any orders, zones and nodes, each of which the caller had allocated and whose refcount he
 * took from its last 1 to 0: Z2 is his. Through the caller's per-CPU lists, whose lock is taken once as long
 * as the zone stays the same. Never waits. Counterpart: free_unref_folios().
 */
void mm_buddy_free_unref(struct mm_buddy *b, struct mmsim_page *const *pages, unsigned nr);

/*
 * The same blocks past the per-CPU lists: what follows each other in the array as neighbours in memory,
 * upwards or downwards, goes to the zone as the largest aligned blocks that it makes, at most pageblocks.
 * The zone's lock is taken once per zone for every MM_MOST_RUNS stretches. Counterpart: none.
 */
enum { MM_MOST_RUNS = 512 };
void mm_buddy_free_runs(struct mm_buddy *b, struct mmsim_page *const *pages, unsigned nr);

/*
 * An allocated block becomes as many single pages. 0, or -EINVAL with a message, as a free with this
 * order would be refused. Counterpart: split_page().
 */
int mm_buddy_split_page(struct mm_buddy *b, struct mmsim_page *page, unsigned order);

/* Why a free was refused, in words: names pfn and state. For the log only; cost O(orders). */
void mm_buddy_describe(const struct mm_buddy *b, uint64_t pfn, char *buf, size_t len);

/* mmsim_validate(): B1-B4, C1-C3, H1, I1, I2, P1, Z1. Idle machine. Returns free pages. */
uint64_t mm_buddy_validate(struct mm_buddy *b);

/* Order in which the nodes are tried from each node. */
void mm_buddy_build_zonelists(struct mm_buddy *b, const struct mm_shape *shape);

/* Counterpart: prep_new_page(). Z1. */
static inline void mm_prep_new_page(struct mmsim_page *page, unsigned order, bool movable)
{
	page->priv = 0;
	page->index = 0;
	page->mapping = NULL;
	__atomic_store_n(&page->order, (uint8_t)order, __ATOMIC_RELAXED);
	__atomic_store_n(&page->movable, movable, __ATOMIC_RELAXED);
	__atomic_store_n(&page->refcount, 1, __ATOMIC_RELEASE);
}

static inline struct mm_zone *mm_buddy_zone(const struct mm_buddy *b, unsigned node, unsigned type)
{
	return &b->zones[node * MMSIM_NR_ZONES + type];
}

static inline struct mm_zone *mm_buddy_page_zone(const struct mm_buddy *b,
						 const struct mmsim_page *page)
{
	return b->zone_of_bits[mm_page_zone_bits(page)];
}

/* What was initialised before it was opened is visible to who sees it open. */
static inline bool mm_buddy_is_open(const struct mm_buddy *b)
{
	return __atomic_load_n(&b->open, __ATOMIC_ACQUIRE);
}

static inline bool mm_buddy_is_bare(const struct mm_buddy *b)
{
	return __atomic_load_n(&b->bare, __ATOMIC_ACQUIRE);
}

#define mm_for_each_zone(zone, b)                                                                  \
	for (struct mm_zone *zone = (b)->zones, *zone_end = zone + (b)->nr_nodes * MMSIM_NR_ZONES; \
	     zone < zone_end; zone++)                                                              \
		if (mm_zone_populated(zone))

#endif
