/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU lists in front of a zone's free lists: pages of the small orders, and of a huge page.
 *
 * Counterpart: struct per_cpu_pages, rmqueue_pcplist(), free_frozen_page_commit(), nr_pcp_alloc(),
 * nr_pcp_high(), nr_pcp_free(), decay_pcp_high(). Difference: nobody decays the lists unless
 * mmsim_vmstat_update() is called, in place of the kernel's worker once a second.
 *
 *  C1: count is the sum of the lists' pages.
 *  C2: a page on list i has index i, refcount 0 and no type.
 *  C3: high is 0, as in a kernel before the first use, or between high_min and high_max. Of a zone that
 *      hardly has more than its low mark high_min is the greater: then high is one of the two.
 *
 * Locking: pcp->lock (MM_RANK_PCP), taken by trylock on the hot paths: a task that shares its CPU
 * with another goes to the zone instead of waiting. zone->lock nests inside.
 */
#ifndef MM_BUDDY_PCP_H
#define MM_BUDDY_PCP_H

#include "zone.h"

enum {
	MM_PCP_THP_LISTS = 2, /* movable, and the rest */
	MM_PCP_LOW_LISTS = MMSIM_MIGRATE_PCPTYPES * (MMSIM_PAGE_ALLOC_COSTLY_ORDER + 1),
	MM_NR_PCP_LISTS = MM_PCP_LOW_LISTS + MM_PCP_THP_LISTS,
	/* bits of flags */
	MM_PCPF_PREV_FREE_HIGH_ORDER = 1 << 0,
	MM_PCPF_FREE_HIGH_BATCH = 1 << 1,
	MM_PCPF_COLD = 1 << 2, /* charges: what is freed here now was not used lately */
	MM_PCP_BATCH_SCALE_MAX = 5, /* default */
};

struct mm_pcp {
	struct mm_spinlock lock;
	int count; /* pages on the lists */
	int high; /* pages above which some are given back */
	int batch; /* pages to and from the zone at a time, at least */
	int high_min, high_max; /* bounds of high */
	int free_count; /* pages freed since the last allocations, up to a limit */
	uint8_t alloc_factor; /* refills since the last free: each may be twice the one before */
	uint8_t flags;
	uint8_t scale_max;
	mm_list lists[MM_NR_PCP_LISTS];
};

/* Memory and locks of all CPUs. 0 or -ENOMEM. */
int mm_buddy_pcp_init(struct mm_zone *zone, struct mm_lockset *locks);
void mm_buddy_pcp_fini(struct mm_zone *zone);

/* Empty lists, whatever was on them, of a length that keeps nothing. Nobody else uses the zone. */
void mm_buddy_pcp_clear(struct mm_zone *zone);

/*
 * batch and bounds of high for what the zone manages now, and the CPUs that share it. Counterpart:
 * zone_set_pageset_high_and_batch().
 */
void mm_buddy_pcp_tune(struct mm_zone *zone, unsigned nr_node_cpus);

/* From the zone to the end of an empty list, as many as is due. pcp->lock is held. */
void mm_buddy_pcp_refill(struct mm_zone *zone, struct mm_pcp *pcp, unsigned order,
			 enum mmsim_migratetype mt, unsigned alloc_flags);

/*
 * A free came to this list: the books of it, and giving pages back if the lists are too long.
 * pcp->lock is held, and may be let go and taken again. False: it is no longer held.
 */
bool mm_buddy_pcp_committed(struct mm_zone *zone, struct mm_pcp *pcp, unsigned index,
			    unsigned order);

/*
 * Pieces of the above. At most `most` of nr pages that are to go back, beginning with list `first`; returns
 * what is left to do. `most` of a free is what the policy says; the decay of lists goes by batches. When
 * all is done, the zone may have pages enough again.
 */
int mm_buddy_pcp_drain_slice(struct mm_zone *zone, struct mm_pcp *pcp, int nr, int most,
			     unsigned first);
int mm_buddy_pcp_slice(const struct mm_zone *zone, const struct mm_pcp *pcp);
void mm_buddy_pcp_drained(struct mm_zone *zone);

/* At most nr pages off the caller's list under one lock. Returns how many. */
size_t mm_buddy_pcp_alloc_bulk(struct mm_zone *zone, enum mmsim_migratetype mt,
			       unsigned alloc_flags, size_t nr, struct mmsim_page **pages);

/* Every list of one CPU back to the zone. Counterpart: drain_pages_zone(). */
void mm_buddy_pcp_drain(struct mm_zone *zone, unsigned cpu);
/* The same of every CPU. */
void mm_buddy_pcp_drain_all(struct mm_zone *zone);

/* Let high sink towards what is used. True: there is more to do. Counterpart: decay_pcp_high(). */
bool mm_buddy_pcp_decay(struct mm_zone *zone, unsigned cpu);

/* Pages on all CPUs' lists. */
uint64_t mm_buddy_pcp_count(struct mm_zone *zone);

static inline bool mm_pcp_order(unsigned order)
{
	return order <= MMSIM_PAGE_ALLOC_COSTLY_ORDER || order == MMSIM_PAGEBLOCK_ORDER;
}

/* Counterpart: order_to_pindex(). Types without lists of their own go with the movable ones. */
static inline unsigned mm_pcp_index(enum mmsim_migratetype mt, unsigned order)
{
	if (mm_unlikely(!mm_migratetype_mergeable(mt)))
		mt = MMSIM_MIGRATE_MOVABLE;
	if (mm_unlikely(order > MMSIM_PAGE_ALLOC_COSTLY_ORDER))
		return MM_PCP_LOW_LISTS + (mt == MMSIM_MIGRATE_MOVABLE);
	return MMSIM_MIGRATE_PCPTYPES * order + (unsigned)mt;
}

static inline unsigned mm_pcp_index_order(unsigned index)
{
	return index < MM_PCP_LOW_LISTS ? index / MMSIM_MIGRATE_PCPTYPES : MMSIM_PAGEBLOCK_ORDER;
}

/* The newest block of a list that is not empty. pcp->lock is held. */
static inline struct mmsim_page *mm_pcp_pop(struct mm_pcp *pcp, unsigned index, unsigned order)
{
	struct mmsim_page *page = mm_list_first(&pcp->lists[index], struct mmsim_page, lru);

	mm_list_del(&page->lru);
	pcp->count -= 1 << order;
	return page;
}

static inline void mm_pcp_push(struct mm_pcp *pcp, struct mmsim_page *page, unsigned index,
			       unsigned order)
{
	page->index = index;
	mm_list_add(&page->lru, &pcp->lists[index]);
	pcp->count += 1 << order;
}

/* Off a list, refilled if it is empty. NULL: zone exhausted. pcp->lock is held. */
static inline struct mmsim_page *mm_pcp_take(struct mm_zone *zone, struct mm_pcp *pcp,
					     unsigned order, enum mmsim_migratetype mt,
					     unsigned alloc_flags)
{
	unsigned index = mm_pcp_index(mt, order);
	struct mmsim_page *page;

	if (mm_unlikely(mm_list_empty(&pcp->lists[index])))
		mm_buddy_pcp_refill(zone, pcp, order, mt, alloc_flags);
	if (mm_unlikely(mm_list_empty(&pcp->lists[index])))
		return NULL;
	page = mm_pcp_pop(pcp, index, order);
	mm_exec_charge(zone->exec, MM_CHARGE_TOUCH, page, sizeof(*page));
	return page;
}

/* Off the caller's list. NULL: lock busy or zone exhausted. Counterpart: rmqueue_pcplist(). */
static inline struct mmsim_page *mm_pcp_alloc(struct mm_zone *zone, unsigned order,
					      enum mmsim_migratetype mt, unsigned alloc_flags)
{
	struct mm_pcp *pcp = mm_this_cpu(&zone->pcps, zone->exec);
	struct mmsim_page *page;

	if (mm_unlikely(!mm_spin_trylock(&pcp->lock)))
		return NULL;
	pcp->free_count >>= 1;
	page = mm_pcp_take(zone, pcp, order, mt, alloc_flags);
	mm_spin_unlock(&pcp->lock);
	return page;
}

/* Onto the caller's list. False: lock busy, nothing was done. */
static inline bool mm_pcp_free(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
			       enum mmsim_migratetype mt)
{
	struct mm_pcp *pcp = mm_this_cpu(&zone->pcps, zone->exec);
	unsigned index = mm_pcp_index(mt, order);

	if (mm_unlikely(!mm_spin_trylock(&pcp->lock)))
		return false;
	mm_exec_charge(zone->exec, MM_CHARGE_TOUCH, page, sizeof(*page));
	mm_pcp_push(pcp, page, index, order);
	if (mm_buddy_pcp_committed(zone, pcp, index, order))
		mm_spin_unlock(&pcp->lock);
	return true;
}

/*
 * The same two where nothing is watched and the list need be neither refilled nor drained: what most
 * calls are, without a call. NULL or false: not so, nothing was done.
 */
#define MM_BARE static inline __attribute__((always_inline))

MM_BARE struct mmsim_page *mm_pcp_pop_any(struct mm_pcp *pcp, unsigned order,
					  enum mmsim_migratetype mt)
{
	unsigned index = mm_pcp_index(mt, order);

	if (mm_unlikely(mm_list_empty(&pcp->lists[index])))
		return NULL;
	pcp->free_count >>= 1;
	return mm_pcp_pop(pcp, index, order);
}

MM_BARE struct mmsim_page *mm_pcp_alloc_order_bare(struct mm_zone *zone, const struct mm_task *me,
						   unsigned order, enum mmsim_migratetype mt)
{
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, me->cpu);
	struct mmsim_page *page;

	if (mm_unlikely(!mm_sync_spin_trylock_bare(&pcp->lock, me)))
		return NULL;
	page = mm_pcp_pop_any(pcp, order, mt);
	mm_spin_unlock_bare(&pcp->lock);
	return page;
}

/*
 * Does a free only lengthen a list? Not if the lists are full or to shrink. A run of blocks of several
 * pages is to be kept short, but for its beginning.
 */
MM_BARE bool mm_pcp_just_grows(const struct mm_zone *zone, const struct mm_pcp *pcp, unsigned order)
{
	bool high_order = order && order <= MMSIM_PAGE_ALLOC_COSTLY_ORDER;

	if (mm_unlikely(pcp->flags & MM_PCPF_PREV_FREE_HIGH_ORDER) &&
	    !(high_order && pcp->free_count < pcp->batch + pcp->high_min / 2))
		return false;
	return pcp->count + (1 << order) < pcp->high && pcp->high >= pcp->high_min &&
	       pcp->high <= pcp->high_max &&
	       !mm_zone_flag(zone, MM_ZONE_BELOW_HIGH | MM_ZONE_RECLAIM_ACTIVE);
}

MM_BARE bool mm_pcp_push_if_room(const struct mm_zone *zone, struct mm_pcp *pcp,
				 struct mmsim_page *page, unsigned order, enum mmsim_migratetype mt)
{
	if (mm_unlikely(!mm_pcp_just_grows(zone, pcp, order)))
		return false;
	pcp->alloc_factor >>= 1;
	if (order && order <= MMSIM_PAGE_ALLOC_COSTLY_ORDER)
		pcp->flags |= MM_PCPF_PREV_FREE_HIGH_ORDER;
	if (pcp->free_count < pcp->batch << pcp->scale_max)
		pcp->free_count += 1 << order;
	mm_pcp_push(pcp, page, mm_pcp_index(mt, order), order);
	return true;
}

MM_BARE bool mm_pcp_free_order_bare(struct mm_zone *zone, const struct mm_task *me,
				    struct mmsim_page *page, unsigned order,
				    enum mmsim_migratetype mt)
{
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, me->cpu);
	bool done;

	if (mm_unlikely(!mm_sync_spin_trylock_bare(&pcp->lock, me)))
		return false;
	done = mm_pcp_push_if_room(zone, pcp, page, order, mt);
	mm_spin_unlock_bare(&pcp->lock);
	return done;
}

/* The same two for the thread that has the bias of the lock: not even a locked instruction. */
MM_BARE struct mmsim_page *mm_pcp_alloc_quick(struct mm_zone *zone, const struct mm_task *me,
					      unsigned order, enum mmsim_migratetype mt)
{
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, me->cpu);
	struct mmsim_page *page;

	if (mm_unlikely(!mm_spin_enter_quick(&pcp->lock, me)))
		return NULL;
	page = mm_pcp_pop_any(pcp, order, mt);
	mm_spin_leave_quick(me);
	return page;
}

MM_BARE bool mm_pcp_free_quick(struct mm_zone *zone, const struct mm_task *me,
			       struct mmsim_page *page, unsigned order, enum mmsim_migratetype mt)
{
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, me->cpu);
	bool done;

	if (mm_unlikely(!mm_spin_enter_quick(&pcp->lock, me)))
		return false;
	done = mm_pcp_push_if_room(zone, pcp, page, order, mt);
	mm_spin_leave_quick(me);
	return done;
}

#endif
