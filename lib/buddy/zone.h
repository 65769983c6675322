/* SPDX-License-Identifier: MIT */
/*
 * A zone: the free blocks of one kind of memory of one node.
 *
 * Counterpart: struct zone, struct free_area. Differences: the migratetype of a pageblock is a byte
 * of its own; free blocks are counted per migratetype.
 *
 *  B1: a free block's first page is of type buddy, its priv is the order, its refcount 0, and it is
 *      on free_area[order].list of its pageblock's migratetype; its pfn is a multiple of its size.
 *  B2: no page is in two free blocks, and no free block has its buddy free with the same order, zone
 *      and a type it may merge with.
 *  B3: free_area[o].nr[t] is the length of the list; free_pages is the sum of all blocks' pages.
 *  B4: managed = free + on per-CPU lists + allocated.
 *
 * Locking: zone->lock (MM_RANK_ZONE) guards the free areas, the pageblock types and the counts.
 */
#ifndef MM_BUDDY_ZONE_H
#define MM_BUDDY_ZONE_H

#include "event.h"
#include "memmap.h"
#include "percpu.h"
#include "shape.h"
#include "spinlock.h"

struct mm_free_area {
	mm_list list[MMSIM_NR_MIGRATETYPES];
	uint64_t nr[MMSIM_NR_MIGRATETYPES];
	struct mm_line line; /* of the exec: the heads above */
};

struct mm_zone {
	/* Constant after init. */
	struct mm_exec *exec;
	const struct mm_memmap *map;
	const struct mm_obs *obs;
	enum mmsim_zone_type type;
	unsigned node;
	struct mm_zone_span span;
	uint8_t *pageblock; /* migratetype of each, from the one that holds span.start */
	struct mm_percpu pcps; /* struct mm_pcp */
	unsigned pcp_batch; /* atomic: set as boot proceeds, as is the next */
	unsigned pcp_high;

	struct mm_spinlock lock mm_cacheline_aligned;
	uint64_t free_pages;
	uint64_t managed;
	struct mm_free_area area[MMSIM_NR_PAGE_ORDERS];
};

/* How a block is given back; counterpart: fpi_t. */
enum mm_fpi {
	MM_FPI_NONE = 0,
	MM_FPI_TO_TAIL = 1 << 1, /* memory that should be used last */
};

int mm_buddy_zone_init(struct mm_zone *zone, struct mm_meta *meta, struct mm_lockset *locks);
void mm_buddy_zone_fini(struct mm_zone *zone, struct mm_meta *meta);

/* Empty lists, all pageblocks Movable, nothing managed. Nobody else uses the zone. */
void mm_buddy_zone_clear(struct mm_zone *zone);

/* Below, zone->lock is held by the caller. */

/*
 * Give a block to the free lists, merging it with its buddies as far as possible. All struct pages of
 * the max-order block around it are initialised or zero. Counterpart: __free_one_page().
 */
void mm_buddy_free_one_page(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			    enum mmsim_migratetype mt, enum mm_fpi fpi);

/*
 * Take a block of this order from the lists of this type, splitting the smallest that is big
 * enough. NULL: none. Counterpart: __rmqueue_smallest().
 */
struct mmsim_page *mm_buddy_rmqueue_smallest(struct mm_zone *zone, unsigned order,
					     enum mmsim_migratetype mt);

/* The same from another type's lists, see fallback.c. */
struct mmsim_page *mm_buddy_rmqueue_fallback(struct mm_zone *zone, unsigned order,
					     enum mmsim_migratetype mt);

/* Own lists, then the others'. Counterpart: __rmqueue(). */
struct mmsim_page *mm_buddy_rmqueue(struct mm_zone *zone, unsigned order,
				    enum mmsim_migratetype mt);

/* Pieces of the above. */
void mm_buddy_del_from_list(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			    enum mmsim_migratetype mt);
/* All pageblocks of a block of at least one pageblock, or the one around a smaller block. */
void mm_buddy_retype(struct mm_zone *zone, const struct mmsim_page *page, unsigned order,
		     enum mmsim_migratetype mt);
void mm_buddy_expand(struct mm_zone *zone, struct mmsim_page *page, unsigned low, unsigned high,
		     enum mmsim_migratetype mt);

static inline uint8_t *mm_zone_pageblock(const struct mm_zone *zone, uint64_t pfn)
{
	return &zone->pageblock[pfn / MMSIM_PAGEBLOCK_NR_PAGES -
				zone->span.start / MMSIM_PAGEBLOCK_NR_PAGES];
}

static inline enum mmsim_migratetype mm_zone_migratetype(const struct mm_zone *zone, uint64_t pfn)
{
	return (enum mmsim_migratetype)__atomic_load_n(mm_zone_pageblock(zone, pfn),
						       __ATOMIC_RELAXED);
}

static inline void mm_zone_set_migratetype(struct mm_zone *zone, uint64_t pfn,
					   enum mmsim_migratetype mt)
{
	__atomic_store_n(mm_zone_pageblock(zone, pfn), (uint8_t)mt, __ATOMIC_RELAXED);
}

static inline bool mm_zone_populated(const struct mm_zone *zone)
{
	return zone->span.start < zone->span.end;
}

static inline bool mm_page_is_buddy(const struct mmsim_page *page)
{
	return page->page_type == MMSIM_PGTY_BUDDY;
}

/* node and zone of the flags word */
static inline uint64_t mm_page_zone_bits(const struct mmsim_page *page)
{
	return page->flags >> MMSIM_ZONE_SHIFT & ((UINT64_C(1) << 13) - 1);
}

#endif
