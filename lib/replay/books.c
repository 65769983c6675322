/* SPDX-License-Identifier: MIT */
/* Reading the books of zones. */
#include "books.h"

#include "alt.h"
#include "watermark.h"

static void copy_marks(const struct mm_zone *zone, struct mmsim_zone_info *info)
{
	info->boost = mm_zone_count(&zone->watermark_boost);
	info->min = mm_zone_wmark(zone, MM_WMARK_MIN);
	info->low = mm_zone_wmark(zone, MM_WMARK_LOW);
	info->high = mm_zone_wmark(zone, MM_WMARK_HIGH);
	info->promo = mm_zone_wmark(zone, MM_WMARK_PROMO);
	for (unsigned t = 0; t < MMSIM_NR_ZONES; t++)
		info->lowmem_reserve[t] = mm_zone_count(&zone->lowmem_reserve[t]);
}

static void copy_lists(const struct mm_zone *zone, struct mmsim_zone_info *info)
{
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			info->nr_free[o][t] = zone->area[o].nr[t];
}

static void count_alt(const struct mm_zone *zone, struct mmsim_zone_info *info)
{
	uint64_t nr[MMSIM_NR_PAGE_ORDERS] = { 0 };

	zone->alt->ops->count(zone, nr);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		info->nr_free[o][MMSIM_MIGRATE_MOVABLE] = nr[o];
}

static void copy_counts(struct mm_zone *zone, struct mmsim_zone_info *info)
{
	mm_spin_lock(&zone->lock);
	info->managed = mm_zone_count(&zone->managed);
	info->free = mm_zone_count(&zone->free_pages);
	info->cma = zone->cma;
	info->free_cma = zone->free_cma;
	info->nr_reserved_highatomic = zone->nr_reserved_highatomic;
	info->free_highatomic = zone->free_highatomic;
	info->stat = zone->stat;
	if (!zone->alt)
		copy_lists(zone, info);
	mm_spin_unlock(&zone->lock);
	if (zone->alt)
		count_alt(zone, info);
}

/* K2; in steps from the first page on, as the kernel counts them. */
static void count_pageblocks(const struct mm_zone *zone, struct mmsim_zone_info *info)
{
	for (uint64_t pfn = zone->span.start; pfn < zone->span.end; pfn += MMSIM_PAGEBLOCK_NR_PAGES)
		if (mm_pfn_valid(zone->map, pfn) &&
		    mm_replay_in_zone(zone, mm_pfn_to_page(zone->map, pfn)))
			info->pageblocks[mm_zone_migratetype(zone, pfn)]++;
}

void mm_replay_zone_books(struct mm_zone *zone, struct mmsim_zone_info *info)
{
	*info = (struct mmsim_zone_info){
		.node = zone->node,
		.type = zone->type,
		.start_pfn = zone->span.start,
		.spanned = zone->span.end - zone->span.start,
		.present = zone->span.present,
	};
	copy_marks(zone, info);
	if (!mm_zone_populated(zone))
		return;
	info->pcp = mm_buddy_pcp_count(zone);
	copy_counts(zone, info);
	count_pageblocks(zone, info);
}

void mm_replay_pcp_books(const struct mm_zone *zone, unsigned cpu, struct mmsim_pcp_info *info)
{
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

	mm_spin_lock(&pcp->lock);
	*info = (struct mmsim_pcp_info){
		.count = (uint32_t)pcp->count,
		.high = (uint32_t)pcp->high,
		.batch = (uint32_t)pcp->batch,
		.high_min = (uint32_t)pcp->high_min,
		.high_max = (uint32_t)pcp->high_max,
		.free_count = (uint32_t)pcp->free_count,
		.alloc_factor = pcp->alloc_factor,
	};
	mm_spin_unlock(&pcp->lock);
}
