/* SPDX-License-Identifier: MIT */
/* Per-CPU lists: to and from the zone. */
#include "pcp.h"

#include "bits.h"
#include "pcp_bulk.h"
#include "pcp_tune.h"
#include "watermark.h"
#include <errno.h>
#include <limits.h>

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
	const struct mmsim_alloc_policy *policy = zone->policy;

	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++) {
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		/* As the kernel's boot pageset: each page goes straight through. */
		pcp->count = pcp->high = pcp->high_min = pcp->high_max = pcp->free_count = 0;
		pcp->batch = 1;
		pcp->alloc_factor = 0;
		pcp->flags =
			policy->flags & MMSIM_POLICY_FREE_HIGH_BATCH ? MM_PCPF_FREE_HIGH_BATCH : 0;
		pcp->scale_max = policy->pcp_batch_scale_max
					 ? (uint8_t)(policy->pcp_batch_scale_max - 1)
					 : MM_PCP_BATCH_SCALE_MAX;
		for (unsigned i = 0; i < MM_NR_PCP_LISTS; i++)
			mm_list_init(&pcp->lists[i]);
	}
}

/* In the order the zone gives them. Counterpart: rmqueue_bulk(). */
void mm_buddy_pcp_refill(struct mm_zone *zone, struct mm_pcp *pcp, unsigned order,
			 enum mmsim_migratetype mt, unsigned alloc_flags)
{
	mm_assert(mm_spin_held(&pcp->lock));
	mm_buddy_pcp_fill(zone, pcp, order, mt, alloc_flags,
			  mm_buddy_nr_pcp_alloc(zone, pcp, order));
}

int mm_buddy_pcp_drain_slice(struct mm_zone *zone, struct mm_pcp *pcp, int nr, int most,
			     unsigned first)
{
	int slice = mm_min(nr, most);

	mm_buddy_pcp_empty(zone, pcp, slice, first);
	return pcp->count ? nr - slice : 0;
}

int mm_buddy_pcp_slice(const struct mm_zone *zone, const struct mm_pcp *pcp)
{
	return zone->policy->pcp_free == MMSIM_PCP_FREE_SLICED ? pcp->batch : INT_MAX;
}

/*
 * The lock is let go between two slices so that others on this CPU get in. False: somebody has it now,
 * and the rest is left to them.
 */
static bool drain_in_slices(struct mm_zone *zone, struct mm_pcp *pcp, int nr, unsigned first)
{
	const int most = mm_buddy_pcp_slice(zone, pcp);

	while ((nr = mm_buddy_pcp_drain_slice(zone, pcp, nr, most, first))) {
		mm_spin_unlock(&pcp->lock);
		if (!mm_spin_trylock(&pcp->lock))
			return false;
	}
	return true;
}

void mm_buddy_pcp_drained(struct mm_zone *zone)
{
	if (mm_zone_flag(zone, MM_ZONE_BELOW_HIGH) &&
	    mm_buddy_watermark_ok(zone, 0, mm_zone_wmark(zone, MM_WMARK_HIGH), MMSIM_ZONE_MOVABLE,
				  0))
		mm_zone_clear_flag(zone, MM_ZONE_BELOW_HIGH);
}

bool mm_buddy_pcp_committed(struct mm_zone *zone, struct mm_pcp *pcp, unsigned index,
			    unsigned order)
{
	int nr = mm_buddy_nr_pcp_free(zone, pcp, order);
	bool held;

	if (mm_likely(!nr))
		return true;
	if (mm_unlikely(zone->drain_later != NULL)) {
		zone->drain_later(zone->drain_ctx, zone, pcp, nr, index);
		return true;
	}
	held = drain_in_slices(zone, pcp, nr, index);
	mm_buddy_pcp_drained(zone);
	return held;
}

size_t mm_buddy_pcp_alloc_bulk(struct mm_zone *zone, enum mmsim_migratetype mt,
			       unsigned alloc_flags, size_t nr, struct mmsim_page **pages)
{
	struct mm_pcp *pcp = mm_this_cpu(&zone->pcps, zone->exec);
	size_t got = 0;

	if (!mm_spin_trylock(&pcp->lock))
		return 0;
	while (got < nr && (pages[got] = mm_pcp_take(zone, pcp, 0, mt, alloc_flags)))
		got++;
	mm_spin_unlock(&pcp->lock);
	return got;
}

void mm_buddy_pcp_drain(struct mm_zone *zone, unsigned cpu)
{
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

	mm_spin_lock(&pcp->lock);
	while (pcp->count > 0) {
		mm_buddy_pcp_empty(zone, pcp, mm_min(pcp->count, pcp->batch << pcp->scale_max), 0);
		/* Interrupts get in here. */
		mm_spin_unlock(&pcp->lock);
		mm_spin_lock(&pcp->lock);
	}
	mm_spin_unlock(&pcp->lock);
}

void mm_buddy_pcp_drain_all(struct mm_zone *zone)
{
	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++)
		mm_buddy_pcp_drain(zone, cpu);
}

bool mm_buddy_pcp_decay(struct mm_zone *zone, unsigned cpu)
{
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);
	bool more;
	int nr;

	mm_spin_lock(&pcp->lock);
	nr = mm_buddy_pcp_high_decay(pcp);
	more = pcp->high > pcp->high_min || nr > 0;
	while (nr > 0)
		nr = mm_buddy_pcp_drain_slice(zone, pcp, nr, pcp->batch, 0);
	mm_spin_unlock(&pcp->lock);
	return more;
}

uint64_t mm_buddy_pcp_count(struct mm_zone *zone)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++) {
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		mm_spin_lock(&pcp->lock);
		sum += (uint64_t)pcp->count;
		mm_spin_unlock(&pcp->lock);
	}
	return sum;
}
