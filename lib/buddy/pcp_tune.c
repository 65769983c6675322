/* SPDX-License-Identifier: MIT */
/* The arithmetic of per-CPU lists: how long, how many at a time. */
#include "pcp_tune.h"

#include "bits.h"
#include "watermark.h"

enum {
	BATCH_MOST = 64,
	HIGH_LEAST_BATCHES = 4,
	HIGH_MAX_SHARE = 8, /* at most this part of a zone on its lists */
	RECLAIM_BATCHES = 4,
	DECAY_SHIFT = 3,
};

static int clamp(int val, int low, int high)
{
	return mm_min(mm_max(val, low), high);
}

static int most_at_a_time(const struct mm_pcp *pcp)
{
	return pcp->batch << pcp->scale_max;
}

static bool fixed(const struct mm_pcp *pcp)
{
	return pcp->high_min == pcp->high_max;
}

static unsigned zone_batchsize(uint64_t managed)
{
	uint64_t batch = mm_min(managed >> 12, (uint64_t)BATCH_MOST);

	return batch <= 1 ? 1 : (unsigned)mm_rounddown_pow2(batch + batch / 2) - 1;
}

/* A share of the zone for each CPU near it. */
static int highsize(uint64_t pages, unsigned nr_cpus, unsigned batch)
{
	uint64_t high = pages / mm_max(nr_cpus, 1u);

	return (int)mm_min(mm_max(high, (uint64_t)batch * HIGH_LEAST_BATCHES),
			   (uint64_t)INT32_MAX / 2);
}

void mm_buddy_pcp_tune(struct mm_zone *zone, unsigned nr_node_cpus)
{
	const struct mmsim_alloc_policy *policy = zone->policy;
	uint64_t fraction = policy->percpu_pagelist_high_fraction;
	unsigned batch = zone_batchsize(zone->managed);
	uint64_t min = fraction ? zone->managed / fraction : zone->watermark[MM_WMARK_LOW];
	uint64_t max = fraction ? min : zone->managed / HIGH_MAX_SHARE;

	if (policy->pcp_high == MMSIM_PCP_HIGH_FIXED)
		max = min;
	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++) {
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		mm_spin_lock(&pcp->lock);
		pcp->batch = (int)batch;
		pcp->high_min = highsize(min, nr_node_cpus, batch);
		pcp->high_max = highsize(max, nr_node_cpus, batch);
		pcp->high = clamp(pcp->high, pcp->high_min, pcp->high_max);
		mm_spin_unlock(&pcp->lock);
	}
}

int mm_buddy_nr_pcp_alloc(struct mm_zone *zone, struct mm_pcp *pcp, unsigned order)
{
	int batch = order ? pcp->batch : pcp->batch << pcp->alloc_factor;
	int high = clamp(pcp->high, pcp->high_min, pcp->high_max);
	int room;

	pcp->high = high;
	/* A list that keeps nothing. */
	if (mm_unlikely(high < pcp->batch))
		return 1;
	/* With longer lists this trip to the zone would not have been needed. */
	if (!fixed(pcp) && !mm_zone_flag(zone, MM_ZONE_BELOW_HIGH))
		high = pcp->high = mm_min(high + batch, pcp->high_max);
	if (!order) {
		room = mm_max(high - pcp->count - pcp->batch, pcp->batch);
		if (batch <= room && pcp->alloc_factor < pcp->scale_max)
			pcp->alloc_factor++;
		batch = mm_min(batch, room);
	}
	return batch > 1 ? mm_max(batch >> order, 2) : batch;
}

/* The length above which pages go back now; also what it will be. */
static int nr_pcp_high(struct mm_zone *zone, struct mm_pcp *pcp, bool free_high)
{
	int high = clamp(pcp->high, pcp->high_min, pcp->high_max);
	int freed = mm_max(pcp->free_count, pcp->batch);

	pcp->high = high;
	if (!high)
		return 0;
	if (free_high) {
		pcp->high = mm_max(high - most_at_a_time(pcp), pcp->high_min);
		return 0;
	}
	if (mm_zone_flag(zone, MM_ZONE_RECLAIM_ACTIVE)) {
		pcp->high = mm_max(high - freed, pcp->high_min);
		return mm_min(pcp->batch * RECLAIM_BATCHES, pcp->high);
	}
	if (fixed(pcp))
		return high;
	if (mm_zone_flag(zone, MM_ZONE_BELOW_HIGH)) {
		pcp->high = mm_max(high - freed, pcp->high_min);
		return mm_max(pcp->count, pcp->high_min);
	}
	/* So that what is freed in one go fits next time. */
	if (pcp->count >= high && high < pcp->free_count + pcp->batch)
		pcp->high = clamp(pcp->free_count + pcp->batch, pcp->high_min, pcp->high_max);
	return high;
}

/*
 * Blocks of several pages on the lists are lost to merging: a CPU that only frees them does not get to
 * keep many.
 */
static bool frees_high_orders(struct mm_pcp *pcp, unsigned order)
{
	bool before = pcp->flags & MM_PCPF_PREV_FREE_HIGH_ORDER;

	if (!order || order > MMSIM_PAGE_ALLOC_COSTLY_ORDER) {
		pcp->flags &= (uint8_t)~MM_PCPF_PREV_FREE_HIGH_ORDER;
		return false;
	}
	pcp->flags |= MM_PCPF_PREV_FREE_HIGH_ORDER;
	return before && pcp->free_count >= pcp->batch + pcp->high_min / 2 &&
	       (!(pcp->flags & MM_PCPF_FREE_HIGH_BATCH) || pcp->count >= pcp->batch);
}

int mm_buddy_nr_pcp_free(struct mm_zone *zone, struct mm_pcp *pcp, unsigned order)
{
	bool free_high;
	int high;

	pcp->alloc_factor >>= 1;
	free_high = frees_high_orders(pcp, order);
	if (pcp->free_count < most_at_a_time(pcp))
		pcp->free_count += 1 << order;
	high = nr_pcp_high(zone, pcp, free_high);
	if (pcp->count < high)
		return 0;
	if (free_high)
		return mm_min(pcp->count, most_at_a_time(pcp));
	return mm_buddy_nr_pcp_surplus(pcp, high);
}

int mm_buddy_nr_pcp_surplus(const struct mm_pcp *pcp, int high)
{
	if (high < pcp->batch)
		return 1;
	/* The more were freed in a row, the more at once; a batch stays. */
	return mm_min(mm_max(pcp->free_count, pcp->batch), high - pcp->batch);
}

int mm_buddy_pcp_high_decay(struct mm_pcp *pcp)
{
	if (pcp->high > pcp->high_min) {
		int high = mm_max(pcp->count - most_at_a_time(pcp),
				  pcp->high - (pcp->high >> DECAY_SHIFT));

		pcp->high = mm_max(high, pcp->high_min);
	}
	return pcp->count - pcp->high;
}
