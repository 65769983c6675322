/* SPDX-License-Identifier: MIT */
/*
 * Another allocator of page frames in place of a zone's lists: one small table.
 *
 * Counterpart: none in the kernel. What is above it stays Linux: zonelists, watermarks, gfp flags, struct
 * pages, the checks of frees. What it replaces: free lists, per-CPU lists, pageblock types, fallback.
 *
 *  A1: rmqueue() hands out naturally aligned blocks of the zone that were given by free(), from boot
 *      or an owner, and not handed out since.
 *  A2: zone->free_pages follows what can be had, for the watermarks; it may leave out what CPUs have
 *      reserved for themselves.
 *
 * Locking: all calls at once from any task, but for clear(), validate() and count() of an idle zone.
 */
#ifndef MM_BUDDY_ALT_H
#define MM_BUDDY_ALT_H

#include "zone.h"

struct mm_alt_ops {
	const char *name;
	/* Memory of the allocator: of zone->exec->meta. 0 or -ENOMEM; zone->alt is set. */
	int (*init)(struct mm_zone *zone);
	void (*fini)(struct mm_zone *zone);
	/* Nothing is free, nothing reserved. */
	void (*clear)(struct mm_zone *zone);
	/* NULL: none to be had, not even of what other CPUs have reserved. */
	struct mmsim_page *(*rmqueue)(struct mm_zone *zone, unsigned order,
				      enum mmsim_migratetype mt);
	/* A block that nobody owns: the first time, from boot, or from its owner. */
	void (*free)(struct mm_zone *zone, struct mmsim_page *page, unsigned order);
	/*
	 * What the CPU has reserved for itself back to all. zone->free_pages is exact after the turns
	 * of all CPUs.
	 */
	void (*drain)(struct mm_zone *zone, unsigned cpu);
	/* Free blocks by order, maximal aligned ones, as if all were Movable. */
	void (*count)(const struct mm_zone *zone, uint64_t nr_free[MMSIM_NR_PAGE_ORDERS]);
	/* Checks everything, stops with the name of what is broken. Returns the free pages. */
	uint64_t (*validate)(const struct mm_zone *zone);
};

struct mm_alt {
	const struct mm_alt_ops *ops;
	/* What follows is the allocator's. */
};

/* By enum mmsim_allocator; NULL for the lists of Linux. */
const struct mm_alt_ops *mm_buddy_alt_ops(unsigned allocator);

extern const struct mm_alt_ops mm_buddy_bitmap_ops;

static inline struct mmsim_page *mm_buddy_alt_rmqueue(struct mm_zone *zone, unsigned order,
						      enum mmsim_migratetype mt)
{
	return zone->alt->ops->rmqueue(zone, order, mt);
}

static inline void mm_buddy_alt_free(struct mm_zone *zone, struct mmsim_page *page, unsigned order)
{
	zone->alt->ops->free(zone, page, order);
}

#endif
