/* SPDX-License-Identifier: MIT */
/*
 * A zone: the free blocks of one kind of memory of one node.
 *
 * Counterpart: struct zone, struct free_area. Differences: the migratetype of a pageblock is a byte
 * of its own, with a bit for isolation as in Linux since 2025; free blocks are counted per
 * migratetype; the free page counters are exact, not spread over CPUs.
 *
 *  B1: a free block's first page is of type buddy, its priv is the order, its refcount 0, and it is
 *      on free_area[order].list of its pageblock's migratetype; its pfn is a multiple of its size.
 *  B2: no page is in two free blocks, and no free block has its buddy free with the same order, zone
 *      and a type it may merge with.
 *  B3: free_area[o].nr[t] is the length of the list; free_pages is the sum of all blocks' pages but
 *      the isolated ones'; free_highatomic and free_cma are the sums of theirs.
 *  B4: managed = free + isolated + on per-CPU lists + allocated.
 *
 * Locking: zone->lock (MM_RANK_ZONE) guards the free areas, the pageblock types and the counts. The
 * counts are read without it for watermarks.
 */
#ifndef MM_BUDDY_ZONE_H
#define MM_BUDDY_ZONE_H

#include "alloc_flags.h"
#include "event.h"
#include "memmap.h"
#include "percpu.h"
#include "rng.h"
#include "shape.h"
#include "spinlock.h"
#include <mmsim/policy.h>

struct mm_pcp;

struct mm_free_area {
	mm_list list[MMSIM_NR_MIGRATETYPES];
	uint64_t nr[MMSIM_NR_MIGRATETYPES];
	struct mm_line line; /* of the exec: the heads above */
};

/* Atomic bits of zone->flags. Counterpart: enum zone_flags. */
enum {
	MM_ZONE_BELOW_HIGH = 1 << 0, /* per-CPU lists shrink instead of growing */
	MM_ZONE_BOOSTED_WATERMARK = 1 << 1, /* kswapd should hear of it */
	MM_ZONE_RECLAIM_ACTIVE = 1 << 2, /* somebody reclaims: per-CPU lists stay short */
};

struct mm_zone {
	/* Constant after init. */
	struct mm_exec *exec;
	const struct mm_memmap *map;
	const struct mm_obs *obs;
	const struct mmsim_alloc_policy *policy;
	enum mmsim_zone_type type;
	unsigned node;
	struct mm_zone_span span;
	uint8_t *pageblock; /* of each, from the one that holds span.start: type, isolate bit */
	struct mm_percpu pcps; /* struct mm_pcp */
	struct mm_alt *alt; /* what holds the page frames instead of the lists below; NULL: they */
	bool grouping_disabled; /* too small for pageblocks of several types */

	/*
	 * Who replays a recording does the draining itself, slice by slice, when it was done. NULL: it
	 * is done where it is found to be due.
	 */
	void (*drain_later)(void *ctx, struct mm_zone *zone, struct mm_pcp *pcp, int nr,
			    unsigned first);
	void *drain_ctx;

	/* Set by mm_buddy_setup_zones() and boosts; read without a lock. */
	uint64_t watermark[MM_NR_WMARK];
	uint64_t watermark_boost;
	uint64_t lowmem_reserve[MMSIM_NR_ZONES];
	/* Free pages above which an order-0 request for a zone type need not look further. */
	uint64_t plenty[MMSIM_NR_ZONES];
	uint32_t flags; /* atomic */

	struct mm_spinlock lock mm_cacheline_aligned;
	uint64_t free_pages;
	uint64_t free_highatomic;
	uint64_t free_cma;
	uint64_t managed;
	uint64_t cma; /* pages in CMA pageblocks */
	uint64_t nr_reserved_highatomic; /* pages in HighAtomic pageblocks */
	int64_t unaccounted; /* of managed, where a snapshot does not say who has it; B4 */
	struct mm_free_area area[MMSIM_NR_PAGE_ORDERS];
	struct mmsim_zone_stat stat; /* what happened here; under the lock */
	struct mm_rng rng; /* of shuffling; under the lock */
	uint64_t rng_bits; /* drawn, and not used yet */
	unsigned rng_nr_bits;
};

/* How a block is given back; counterpart: fpi_t. */
enum mm_fpi {
	MM_FPI_NONE = 0,
	MM_FPI_TO_TAIL = 1 << 1, /* memory that should be used last */
	MM_FPI_TO_HEAD = 1 << 3, /* no kernel's: the removal of a head is undone */
};

/* What rmqueue does next, remembered over one refill. Counterpart: enum rmqueue_mode. */
enum mm_rmqueue_mode { MM_RMQUEUE_NORMAL, MM_RMQUEUE_CMA, MM_RMQUEUE_CLAIM, MM_RMQUEUE_STEAL };

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

/* The same for a block of any order, pageblock by pageblock. Counterpart: split_large_buddy(). */
void mm_buddy_free_range(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			 enum mm_fpi fpi);

/*
 * Take a block of this order from the lists of this type, splitting the smallest that is big
 * enough. NULL: none. Counterpart: __rmqueue_smallest().
 */
struct mmsim_page *mm_buddy_rmqueue_smallest(struct mm_zone *zone, unsigned order,
					     enum mmsim_migratetype mt);

/*
 * The same nr times in a row, where nobody watches each. What is taken goes to the end of `to` in runs: the
 * first page's priv says how many blocks of this order follow each other there. Returns how many in all.
 */
int mm_buddy_rmqueue_blocks(struct mm_zone *zone, unsigned order, enum mmsim_migratetype mt, int nr,
			    mm_list *to);

/* The same from another type's lists, see fallback.c. */
struct mmsim_page *mm_buddy_rmqueue_fallback(struct mm_zone *zone, unsigned order,
					     enum mmsim_migratetype mt, unsigned alloc_flags,
					     enum mm_rmqueue_mode *mode);

/* Own lists, then the others'. Counterpart: __rmqueue(). */
struct mmsim_page *mm_buddy_rmqueue(struct mm_zone *zone, unsigned order, enum mmsim_migratetype mt,
				    unsigned alloc_flags, enum mm_rmqueue_mode *mode);

/* Pieces of the above. */
void mm_buddy_add_to_list(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			  enum mmsim_migratetype mt, bool tail);
void mm_buddy_del_from_list(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			    enum mmsim_migratetype mt);
/* To the tail of another type's list. Counterpart: move_to_free_list(). */
void mm_buddy_move_to_list(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			   enum mmsim_migratetype from, enum mmsim_migratetype to);
/* All pageblocks of a block of at least one pageblock, or the one around a smaller block. */
void mm_buddy_retype(struct mm_zone *zone, const struct mmsim_page *page, unsigned order,
		     enum mmsim_migratetype mt);
void mm_buddy_expand(struct mm_zone *zone, struct mmsim_page *page, unsigned low, unsigned high,
		     enum mmsim_migratetype mt);

/*
 * Take exactly this block off the free lists, wherever it is; the rest of the block that holds it goes
 * back to the heads. False: it is not free as a whole. Counterpart: take_page_off_buddy().
 */
bool mm_buddy_take_page(struct mm_zone *zone, struct mmsim_page *page, unsigned order);

enum { MM_PAGEBLOCK_ISOLATE = 1 << 4, MM_PAGEBLOCK_TYPE = 7 };

/* Those that its ends share with other zones included. */
static inline uint64_t mm_zone_nr_pageblocks(const struct mm_zone *zone)
{
	return mm_div_round_up(zone->span.end, MMSIM_PAGEBLOCK_NR_PAGES) -
	       zone->span.start / MMSIM_PAGEBLOCK_NR_PAGES;
}

static inline uint8_t *mm_zone_pageblock(const struct mm_zone *zone, uint64_t pfn)
{
	return &zone->pageblock[pfn / MMSIM_PAGEBLOCK_NR_PAGES -
				zone->span.start / MMSIM_PAGEBLOCK_NR_PAGES];
}

static inline enum mmsim_migratetype mm_zone_migratetype(const struct mm_zone *zone, uint64_t pfn)
{
	uint8_t bits = __atomic_load_n(mm_zone_pageblock(zone, pfn), __ATOMIC_RELAXED);

	if (mm_unlikely(bits & MM_PAGEBLOCK_ISOLATE))
		return MMSIM_MIGRATE_ISOLATE;
	return (enum mmsim_migratetype)bits;
}

/* Also ends an isolation. */
static inline void mm_zone_set_migratetype(struct mm_zone *zone, uint64_t pfn,
					   enum mmsim_migratetype mt)
{
	__atomic_store_n(mm_zone_pageblock(zone, pfn), (uint8_t)mt, __ATOMIC_RELAXED);
}

static inline bool mm_zone_populated(const struct mm_zone *zone)
{
	return zone->span.start < zone->span.end;
}

static inline bool mm_zone_spans(const struct mm_zone *zone, uint64_t pfn)
{
	return pfn >= zone->span.start && pfn < zone->span.end;
}

static inline bool mm_zone_flag(const struct mm_zone *zone, uint32_t flag)
{
	return __atomic_load_n(&zone->flags, __ATOMIC_RELAXED) & flag;
}

static inline void mm_zone_set_flag(struct mm_zone *zone, uint32_t flag)
{
	__atomic_or_fetch(&zone->flags, flag, __ATOMIC_RELAXED);
}

static inline void mm_zone_clear_flag(struct mm_zone *zone, uint32_t flag)
{
	__atomic_and_fetch(&zone->flags, ~flag, __ATOMIC_RELAXED);
}

/* Types whose blocks may merge with each other's across pageblocks. */
static inline bool mm_migratetype_mergeable(enum mmsim_migratetype mt)
{
	return mt < MMSIM_MIGRATE_PCPTYPES;
}

/* Others ask for it without a lock. */
static inline void mm_page_set_type(struct mmsim_page *page, uint32_t type)
{
	__atomic_store_n(&page->page_type, type, __ATOMIC_RELAXED);
}

static inline bool mm_page_is_buddy(const struct mmsim_page *page)
{
	/* Of a page that somebody has it is mapcount, which changes at any time. */
	return __atomic_load_n(&page->page_type, __ATOMIC_RELAXED) == MMSIM_PGTY_BUDDY;
}

/* Could what is in an allocated page be moved? For the first page of its block. Counterpart: PageLRU(). */
static inline bool mm_page_movable(const struct mmsim_page *page)
{
	if (__atomic_load_n(&page->flags, __ATOMIC_RELAXED) >> MMSIM_PG_LRU & 1)
		return true;
	return __atomic_load_n(&page->refcount, __ATOMIC_RELAXED) == 1 &&
	       __atomic_load_n(&page->movable, __ATOMIC_RELAXED);
}

/* node and zone of the flags word */
static inline uint64_t mm_page_zone_bits(const struct mmsim_page *page)
{
	return page->flags >> MMSIM_ZONE_SHIFT & ((UINT64_C(1) << 13) - 1);
}

#endif
