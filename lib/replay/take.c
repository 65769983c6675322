/* SPDX-License-Identifier: MIT */
/* A snapshot of a page allocator, and the machine of a snapshot. */
#include "bits.h"
#include "reader.h"
#include "restore.h"
#include "snapshot.h"
#include "watermark.h"
#include <errno.h>
#include <stdlib.h>

struct sizes {
	size_t zones, blocks, pcp_pages, pageblocks;
};

static size_t list_length(const mm_list *list)
{
	size_t nr = 0;

	mm_list_for_each(pos, list)
		nr++;
	return nr;
}

/* The next run of free pages at or above pfn where the allocator has no lists; false: there is none. */
static bool next_free_run(const struct mm_zone *zone, uint64_t pfn, uint64_t *start, uint64_t *end)
{
	for (*start = *end = pfn; *end < zone->span.end;) {
		const struct mmsim_page *page = mm_pfn_to_page(zone->map, *end);

		if (mm_pfn_valid(zone->map, *end) && !page->refcount) {
			++*end;
			continue;
		}
		if (*end > *start)
			return true;
		*start = *end += mm_pfn_valid(zone->map, *end) ? UINT64_C(1) << page->order : 1;
	}
	return *end > *start;
}

/* Of a run, the largest aligned block at its beginning. */
static unsigned largest_order(uint64_t start, uint64_t end)
{
	unsigned order = 0;

	while (order < MMSIM_MAX_PAGE_ORDER && !(start >> order & 1) &&
	       start + (UINT64_C(2) << order) <= end)
		order++;
	return order;
}

/* Free blocks of an allocator without lists, by address, all as Movable; counted only if `to` is NULL. */
static size_t alt_blocks(const struct mm_zone *zone, uint16_t index, struct mmsim_snap_block *to)
{
	uint64_t start, end;
	size_t nr = 0;

	for (uint64_t pfn = zone->span.start; next_free_run(zone, pfn, &start, &end); pfn = end)
		while (start < end) {
			unsigned order = largest_order(start, end);

			if (to)
				to[nr] = (struct mmsim_snap_block){
					.pfn = start,
					.zone = index,
					.order = (uint8_t)order,
					.migratetype = MMSIM_MIGRATE_MOVABLE,
				};
			nr++;
			start += UINT64_C(1) << order;
		}
	return nr;
}

static int by_order(const void *a, const void *b)
{
	const struct mmsim_snap_block *x = a, *y = b;

	if (x->order != y->order)
		return x->order > y->order ? 1 : -1;
	return x->pfn > y->pfn ? 1 : -1;
}

static struct sizes measure(struct mm_buddy *b)
{
	struct sizes s = { 0 };

	mm_for_each_zone(zone, b) {
		s.zones++;
		s.pageblocks += mm_zone_nr_pageblocks(zone);
		if (zone->alt)
			s.blocks += alt_blocks(zone, 0, NULL);
		for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
			for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
				s.blocks += zone->area[o].nr[t];
		for (unsigned cpu = 0; cpu < b->exec->nr_cpus; cpu++) {
			const struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

			for (unsigned i = 0; i < MM_NR_PCP_LISTS; i++)
				s.pcp_pages += list_length(&pcp->lists[i]);
		}
	}
	return s;
}

static void take_zone(struct mmsim_snapshot *snap, const struct mm_zone *zone)
{
	struct mmsim_snap_zone *to = &snap->zones[snap->nr_zones];

	*to = (struct mmsim_snap_zone){
		.node = zone->node,
		.type = zone->type,
		.start_pfn = zone->span.start,
		.spanned = zone->span.end - zone->span.start,
		.present = zone->span.present,
		.managed = zone->managed,
		.free = zone->free_pages,
		.boost = zone->watermark_boost,
		.min = mm_zone_wmark(zone, MM_WMARK_MIN),
		.low = mm_zone_wmark(zone, MM_WMARK_LOW),
		.high = mm_zone_wmark(zone, MM_WMARK_HIGH),
		.promo = mm_zone_wmark(zone, MM_WMARK_PROMO),
	};
	for (unsigned t = 0; t < MMSIM_NR_ZONES; t++)
		to->protection[t] = zone->lowmem_reserve[t];
	snap->max_pfn = mm_max(snap->max_pfn, zone->span.end);
}

static void take_blocks(struct mmsim_snapshot *snap, const struct mm_zone *zone)
{
	struct mmsim_snap_block *blocks = &snap->blocks[snap->nr_blocks];

	if (zone->alt) {
		size_t nr = alt_blocks(zone, (uint16_t)snap->nr_zones, blocks);

		qsort(blocks, nr, sizeof(*blocks), by_order);
		snap->nr_blocks += nr;
	}
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			mm_list_for_each(pos, &zone->area[o].list[t]) {
				const struct mmsim_page *page =
					mm_list_entry(pos, struct mmsim_page, lru);

				snap->blocks[snap->nr_blocks++] = (struct mmsim_snap_block){
					.pfn = mm_page_to_pfn(zone->map, page),
					.zone = (uint16_t)snap->nr_zones,
					.order = (uint8_t)o,
					.migratetype = (uint8_t)t,
				};
			}
}

static uint8_t index_migratetype(unsigned index)
{
	if (index < MM_PCP_LOW_LISTS)
		return (uint8_t)(index % MMSIM_MIGRATE_PCPTYPES);
	return index == MM_PCP_LOW_LISTS ? MMSIM_MIGRATE_UNMOVABLE : MMSIM_MIGRATE_MOVABLE;
}

static void take_pcp_list(struct mmsim_snapshot *snap, const struct mm_zone *zone, unsigned cpu,
			  unsigned index)
{
	const struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

	mm_list_for_each(pos, &pcp->lists[index]) {
		const struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);

		snap->pcp_pages[snap->nr_pcp_pages++] = (struct mmsim_snap_pcp_page){
			.pfn = mm_page_to_pfn(zone->map, page),
			.cpu = cpu,
			.zone = (uint16_t)snap->nr_zones,
			.order = (uint8_t)mm_pcp_index_order(index),
			.migratetype = index_migratetype(index),
		};
	}
}

static void take_pcps(struct mmsim_snapshot *snap, const struct mm_zone *zone)
{
	for (unsigned cpu = 0; cpu < zone->exec->nr_cpus; cpu++) {
		const struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		snap->pcps[snap->nr_pcps++] = (struct mmsim_snap_pcp){
			.cpu = cpu,
			.zone = (uint16_t)snap->nr_zones,
			.flags = pcp->flags,
			.count = (uint32_t)pcp->count,
			.high = (uint32_t)pcp->high,
			.batch = (uint32_t)pcp->batch,
			.high_min = (uint32_t)pcp->high_min,
			.high_max = (uint32_t)pcp->high_max,
			.free_count = (uint32_t)pcp->free_count,
			.alloc_factor = pcp->alloc_factor,
		};
		for (unsigned i = 0; i < MM_NR_PCP_LISTS; i++)
			take_pcp_list(snap, zone, cpu, i);
	}
}

/* Runs of equal pageblocks. */
static void take_pageblocks(struct mmsim_snapshot *snap, const struct mm_zone *zone)
{
	uint64_t first = mm_round_down(zone->span.start, MMSIM_PAGEBLOCK_NR_PAGES);

	for (uint64_t i = 0; i < mm_zone_nr_pageblocks(zone); i++) {
		uint64_t pfn = first + i * MMSIM_PAGEBLOCK_NR_PAGES;
		uint64_t inside = mm_max(pfn, zone->span.start);
		uint64_t mt = mm_zone_migratetype(zone, inside);
		struct mmsim_snap_run *run = &snap->pageblocks[snap->nr_pageblocks];

		if (!mm_pfn_valid(zone->map, inside))
			continue;
		if (i && snap->nr_pageblocks && run[-1].value == mt &&
		    run[-1].pfn + run[-1].nr * MMSIM_PAGEBLOCK_NR_PAGES == pfn)
			run[-1].nr++;
		else
			snap->pageblocks[snap->nr_pageblocks++] =
				(struct mmsim_snap_run){ .pfn = pfn, .nr = 1, .value = mt };
	}
}

static uint64_t known(uint64_t setting)
{
	return setting ? setting : UINT64_MAX;
}

static void take_policy(struct mmsim_snap_sysctl *to, const struct mmsim_alloc_policy *policy)
{
	to->min_free_kbytes = known(policy->min_free_kbytes);
	to->watermark_scale_factor = known(policy->watermark_scale_factor);
	to->watermark_boost_factor =
		policy->flags & MMSIM_POLICY_NO_BOOST ? 0 : known(policy->watermark_boost_factor);
	to->percpu_pagelist_high_fraction = policy->percpu_pagelist_high_fraction;
	for (unsigned i = 0; i < MMSIM_NR_ZONES; i++) {
		uint32_t ratio = policy->lowmem_reserve_ratio[i];

		to->lowmem_reserve_ratio[i] = ratio == UINT32_MAX ? 0 : known(ratio);
	}
}

int mm_replay_snapshot_take(struct mm_buddy *b, struct mmsim_snapshot **out)
{
	struct sizes s = measure(b);
	struct mmsim_snapshot *snap = calloc(1, sizeof(*snap));

	if (!snap)
		return -ENOMEM;
	snap->zones = calloc(s.zones + 1, sizeof(*snap->zones));
	snap->blocks = calloc(s.blocks + 1, sizeof(*snap->blocks));
	snap->pcps = calloc((s.zones + 1) * b->exec->nr_cpus, sizeof(*snap->pcps));
	snap->pcp_pages = calloc(s.pcp_pages + 1, sizeof(*snap->pcp_pages));
	snap->pageblocks = calloc(s.pageblocks + 1, sizeof(*snap->pageblocks));
	if (!snap->zones || !snap->blocks || !snap->pcps || !snap->pcp_pages || !snap->pageblocks) {
		mm_replay_snapshot_free(snap);
		return -ENOMEM;
	}
	snap->flags = MMSIM_SNAP_LIST_ORDER | MMSIM_SNAP_PCP_PAGES | MMSIM_SNAP_PAGEBLOCKS |
		      MMSIM_SNAP_CMA;
	snap->nr_cpus = b->exec->nr_cpus;
	snap->nr_nodes = b->nr_nodes;
	take_policy(&snap->sysctl, &b->policy);
	mm_for_each_zone(zone, b) {
		take_zone(snap, zone);
		take_blocks(snap, zone);
		take_pcps(snap, zone);
		take_pageblocks(snap, zone);
		snap->nr_zones++;
	}
	*out = snap;
	return 0;
}
