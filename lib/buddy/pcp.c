/* SPDX-License-Identifier: MIT */
/* Per-CPU lists. */
#include "pcp.h"

#include "bits.h"
#include <errno.h>

enum { HIGH_BATCHES = 6 };

int mm_buddy_pcp_init(struct mm_zone *zone, struct mm_lockset *locks)
{
	if (mm_sync_percpu_alloc(&zone->pcps, zone->exec, sizeof(struct mm_pcp)))
		return -ENOMEM;
	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++) {
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		mm_sync_spin_init(&pcp->lock, locks, MM_RANK_PCP);
	}
	mm_buddy_pcp_clear(zone);
	return 0;
}

void mm_buddy_pcp_fini(struct mm_zone *zone)
{
	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++) {
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		mm_sync_spin_fini(&pcp->lock);
	}
	mm_sync_percpu_free(&zone->pcps, zone->exec);
}

void mm_buddy_pcp_clear(struct mm_zone *zone)
{
	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++) {
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		pcp->count = 0;
		for (int t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			mm_list_init(&pcp->lists[t]);
	}
	mm_buddy_pcp_tune(zone);
}

static unsigned zone_batchsize(uint64_t managed)
{
	uint64_t batch = mm_min(managed >> 12, UINT64_C(64));

	return batch <= 1 ? 1 : (unsigned)mm_rounddown_pow2(batch + batch / 2) - 1;
}

void mm_buddy_pcp_tune(struct mm_zone *zone)
{
	unsigned batch = zone_batchsize(zone->managed);

	__atomic_store_n(&zone->pcp_batch, batch, __ATOMIC_RELAXED);
	__atomic_store_n(&zone->pcp_high, batch * HIGH_BATCHES, __ATOMIC_RELAXED);
}

static unsigned pcp_batch(const struct mm_zone *zone)
{
	return __atomic_load_n(&zone->pcp_batch, __ATOMIC_RELAXED);
}

/* In the order the zone gives them. Counterpart: rmqueue_bulk(). */
void mm_buddy_pcp_refill(struct mm_zone *zone, struct mm_pcp *pcp, enum mmsim_migratetype mt)
{
	unsigned nr = pcp_batch(zone);

	mm_assert(mm_spin_held(&pcp->lock));
	mm_spin_lock(&zone->lock);
	for (unsigned i = 0; i < nr; i++) {
		struct mmsim_page *page = mm_buddy_rmqueue(zone, 0, mt);

		if (!page)
			break;
		page->index = mt;
		mm_list_add_tail(&page->lru, &pcp->lists[mt]);
		pcp->count++;
	}
	mm_spin_unlock(&zone->lock);
}

/*
 * Give nr pages back, oldest first: from the list `first` until it is empty, then the next, round.
 * Counterpart: free_pcppages_bulk(). pcp->lock is held.
 */
static void drain(struct mm_zone *zone, struct mm_pcp *pcp, unsigned nr, unsigned first)
{
	unsigned t = first;

	mm_assert(mm_spin_held(&pcp->lock));
	mm_spin_lock(&zone->lock);
	while (nr && pcp->count) {
		mm_list *list = &pcp->lists[t];
		struct mmsim_page *page;
		enum mmsim_migratetype mt;
		uint64_t pfn;

		if (mm_list_empty(list)) {
			t = (t + 1) % MMSIM_NR_MIGRATETYPES;
			continue;
		}
		page = mm_list_last(list, struct mmsim_page, lru);
		mm_list_del(&page->lru);
		pcp->count--;
		nr--;
		/* The pageblock may have changed its type since the page was freed. */
		pfn = mm_page_to_pfn(zone->map, page);
		mt = mm_zone_migratetype(zone, pfn);
		mm_buddy_free_one_page(zone, page, 0, mt, MM_FPI_NONE);
		mm_event(zone->obs, .id = MMSIM_EV_MM_PAGE_PCPU_DRAIN, .pfn = pfn,
			 .migratetype = (int32_t)mt);
	}
	mm_spin_unlock(&zone->lock);
}

void mm_buddy_pcp_spill(struct mm_zone *zone, struct mm_pcp *pcp, enum mmsim_migratetype mt)
{
	drain(zone, pcp, pcp_batch(zone), mt);
}

size_t mm_buddy_pcp_alloc_bulk(struct mm_zone *zone, enum mmsim_migratetype mt, size_t nr,
			       struct mmsim_page **pages)
{
	struct mm_pcp *pcp = mm_this_cpu(&zone->pcps, zone->exec);
	size_t got = 0;

	if (!mm_spin_trylock(&pcp->lock))
		return 0;
	while (got < nr) {
		if (mm_list_empty(&pcp->lists[mt]))
			mm_buddy_pcp_refill(zone, pcp, mt);
		if (mm_list_empty(&pcp->lists[mt]))
			break;
		pages[got] = mm_pcp_pop(pcp, mt);
		mm_exec_charge(zone->exec, MM_CHARGE_TOUCH, pages[got++], sizeof(**pages));
	}
	mm_spin_unlock(&pcp->lock);
	return got;
}

void mm_buddy_pcp_drain_all(struct mm_zone *zone)
{
	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++) {
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		mm_spin_lock(&pcp->lock);
		drain(zone, pcp, pcp->count, 0);
		mm_spin_unlock(&pcp->lock);
	}
}

uint64_t mm_buddy_pcp_count(struct mm_zone *zone)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++) {
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		mm_spin_lock(&pcp->lock);
		sum += pcp->count;
		mm_spin_unlock(&pcp->lock);
	}
	return sum;
}
