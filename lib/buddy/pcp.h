/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU lists: order-0 pages in front of a zone's free lists.
 *
 * Counterpart: struct per_cpu_pages, rmqueue_pcplist(), free_frozen_page_commit(). Differences: order
 * 0 only, one list per migratetype; batch from the kernel's formula, high fixed at 6 batches as before
 * Linux 5.14 (tuning comes with the page-allocator issue).
 *
 *  C1: count is the sum of the lists' lengths. A free that reaches high gives a batch back; a refill,
 *      which any list that is empty can have, adds one: so it is below high + (lists - 1) * batch.
 *  C2: a page on list t has index t, refcount 0 and no type.
 *
 * Locking: pcp->lock (MM_RANK_PCP), taken by trylock on the hot paths: a task that shares its CPU
 * with another goes to the zone instead of waiting. zone->lock nests inside.
 */
#ifndef MM_BUDDY_PCP_H
#define MM_BUDDY_PCP_H

#include "zone.h"

struct mm_pcp {
	struct mm_spinlock lock;
	unsigned count;
	mm_list lists[MMSIM_NR_MIGRATETYPES];
};

/* Memory and locks of all CPUs. 0 or -ENOMEM. */
int mm_buddy_pcp_init(struct mm_zone *zone, struct mm_lockset *locks);
void mm_buddy_pcp_fini(struct mm_zone *zone);

/* Empty lists, whatever was on them. Nobody else uses the zone. */
void mm_buddy_pcp_clear(struct mm_zone *zone);

/* batch and high for what the zone manages now. Counterpart: zone_set_pageset_high_and_batch(). */
void mm_buddy_pcp_tune(struct mm_zone *zone);

/* Up to a batch from the zone to the end of a list. pcp->lock is held. */
void mm_buddy_pcp_refill(struct mm_zone *zone, struct mm_pcp *pcp, enum mmsim_migratetype mt);

/* A batch of the oldest back to the zone, beginning with list mt. pcp->lock is held. */
void mm_buddy_pcp_spill(struct mm_zone *zone, struct mm_pcp *pcp, enum mmsim_migratetype mt);

/* At most nr pages off the caller's list under one lock. Returns how many. */
size_t mm_buddy_pcp_alloc_bulk(struct mm_zone *zone, enum mmsim_migratetype mt, size_t nr,
			       struct mmsim_page **pages);

/* Every list of every CPU back to the zone. */
void mm_buddy_pcp_drain_all(struct mm_zone *zone);

/* Pages on all CPUs' lists. */
uint64_t mm_buddy_pcp_count(struct mm_zone *zone);

/* The newest page of a list that is not empty. pcp->lock is held. */
static inline struct mmsim_page *mm_pcp_pop(struct mm_pcp *pcp, enum mmsim_migratetype mt)
{
	struct mmsim_page *page = mm_list_first(&pcp->lists[mt], struct mmsim_page, lru);

	mm_list_del(&page->lru);
	pcp->count--;
	return page;
}

static inline void mm_pcp_push(struct mm_pcp *pcp, struct mmsim_page *page,
			       enum mmsim_migratetype mt)
{
	page->index = mt;
	mm_list_add(&page->lru, &pcp->lists[mt]);
	pcp->count++;
}

/* One page off the caller's list, refilled if it is empty. NULL: lock busy or zone exhausted. */
static inline struct mmsim_page *mm_pcp_alloc(struct mm_zone *zone, enum mmsim_migratetype mt)
{
	struct mm_pcp *pcp = mm_this_cpu(&zone->pcps, zone->exec);
	struct mmsim_page *page = NULL;

	if (mm_unlikely(!mm_spin_trylock(&pcp->lock)))
		return NULL;
	if (mm_unlikely(mm_list_empty(&pcp->lists[mt])))
		mm_buddy_pcp_refill(zone, pcp, mt);
	if (mm_likely(!mm_list_empty(&pcp->lists[mt]))) {
		page = mm_pcp_pop(pcp, mt);
		mm_exec_charge(zone->exec, MM_CHARGE_TOUCH, page, sizeof(*page));
	}
	mm_spin_unlock(&pcp->lock);
	return page;
}

/* A page onto the caller's list. False: lock busy, nothing was done. */
static inline bool mm_pcp_free(struct mm_zone *zone, struct mmsim_page *page,
			       enum mmsim_migratetype mt)
{
	struct mm_pcp *pcp = mm_this_cpu(&zone->pcps, zone->exec);

	if (mm_unlikely(!mm_spin_trylock(&pcp->lock)))
		return false;
	mm_exec_charge(zone->exec, MM_CHARGE_TOUCH, page, sizeof(*page));
	mm_pcp_push(pcp, page, mt);
	if (mm_unlikely(pcp->count >= __atomic_load_n(&zone->pcp_high, __ATOMIC_RELAXED)))
		mm_buddy_pcp_spill(zone, pcp, mt);
	mm_spin_unlock(&pcp->lock);
	return true;
}

/*
 * The same two where nothing is watched and the list need be neither refilled nor spilled: what most
 * calls are, without a call. NULL or false: not so, nothing was done.
 */
static inline struct mmsim_page *mm_pcp_alloc_bare(struct mm_zone *zone, const struct mm_task *me,
						   enum mmsim_migratetype mt)
{
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, me->cpu);
	struct mmsim_page *page = NULL;

	if (mm_unlikely(!mm_sync_spin_trylock_bare(&pcp->lock, me)))
		return NULL;
	if (mm_likely(!mm_list_empty(&pcp->lists[mt])))
		page = mm_pcp_pop(pcp, mt);
	mm_spin_unlock_bare(&pcp->lock);
	return page;
}

static inline bool mm_pcp_free_bare(struct mm_zone *zone, const struct mm_task *me,
				    struct mmsim_page *page, enum mmsim_migratetype mt)
{
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, me->cpu);
	bool room;

	if (mm_unlikely(!mm_sync_spin_trylock_bare(&pcp->lock, me)))
		return false;
	room = pcp->count + 1 < __atomic_load_n(&zone->pcp_high, __ATOMIC_RELAXED);
	if (mm_likely(room))
		mm_pcp_push(pcp, page, mt);
	mm_spin_unlock_bare(&pcp->lock);
	return room;
}

#endif
