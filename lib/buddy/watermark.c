/* SPDX-License-Identifier: MIT */
/* Watermarks: from what a zone manages, and against what it has. */
#include "watermark.h"

#include "bits.h"
#include "buddy.h"

enum {
	MIN_FREE_KBYTES = 128,
	MAX_FREE_KBYTES = 262144,
	SCALE_FACTOR = 10, /* default, of 10000 */
	BOOST_FACTOR = 15000, /* default, of 10000 */
	BOOST_LEAST_PAGEBLOCKS = 4, /* smaller zones are not boosted: nothing would be left */
};

static uint64_t isqrt(uint64_t x)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	return root;
}

uint64_t mm_buddy_min_free_kbytes(uint64_t lowmem_kbytes)
{
	uint64_t kbytes = isqrt(lowmem_kbytes * 16);

	return mm_min(mm_max(kbytes, (uint64_t)MIN_FREE_KBYTES), (uint64_t)MAX_FREE_KBYTES);
}

static bool is_lowmem(const struct mm_zone *zone)
{
	return zone->type != MMSIM_ZONE_MOVABLE;
}

static uint64_t lowmem_pages(struct mm_buddy *b)
{
	uint64_t pages = 0;

	mm_for_each_zone(zone, b)
		if (is_lowmem(zone))
			pages += mm_zone_count(&zone->managed);
	return pages;
}

/* Of 2^64 pages a machine has none near: the product fits 128 bits easily. */
static uint64_t scale(uint64_t pages, uint64_t by, uint64_t of)
{
	return of ? (uint64_t)((unsigned __int128)pages * by / of) : 0;
}

/* Requests may be looking. */
static void set(uint64_t *field, uint64_t val)
{
	__atomic_store_n(field, val, __ATOMIC_RELAXED);
}

static void set_marks(struct mm_zone *zone, uint64_t pages_min, uint64_t lowmem)
{
	uint64_t factor = zone->policy->watermark_scale_factor
				  ? zone->policy->watermark_scale_factor
				  : SCALE_FACTOR;
	uint64_t share = scale(pages_min, zone->managed, lowmem);
	uint64_t gap = mm_max(share / 4, scale(zone->managed, factor, 10000));
	uint64_t min = share;

	/* Movable memory is not what the kernel lives on in need: a little is enough. */
	if (!is_lowmem(zone))
		min = mm_min(mm_max(zone->managed / 1024, UINT64_C(32)), UINT64_C(128));
	for (unsigned mark = 0; mark < MM_NR_WMARK; mark++)
		set(&zone->watermark[mark], min + mark * gap);
	set(&zone->watermark_boost, 0);
}

static uint64_t reserve_ratio(const struct mmsim_alloc_policy *policy, unsigned type)
{
	static const uint32_t defaults[MMSIM_NR_ZONES] = { 256, 256, 32, 0 };
	uint32_t ratio = policy->lowmem_reserve_ratio[type];

	if (ratio == UINT32_MAX)
		return 0;
	return ratio ? ratio : defaults[type];
}

/* Of each zone, what requests that could have gone higher must leave. */
static void set_reserves(struct mm_buddy *b, unsigned node)
{
	for (unsigned i = 0; i < MMSIM_NR_ZONES; i++) {
		struct mm_zone *zone = mm_buddy_zone(b, node, i);
		uint64_t ratio = reserve_ratio(&b->policy, i);
		uint64_t above = 0;

		set(&zone->lowmem_reserve[i], 0);
		for (unsigned j = i + 1; j < MMSIM_NR_ZONES; j++) {
			above += mm_zone_count(&mm_buddy_zone(b, node, j)->managed);
			set(&zone->lowmem_reserve[j],
			    ratio && mm_zone_count(&zone->managed) ? above / ratio : 0);
		}
	}
}

void mm_buddy_set_plenty(struct mm_zone *zone)
{
	for (unsigned t = 0; t < MMSIM_NR_ZONES; t++) {
		uint64_t need = mm_zone_wmark(zone, MM_WMARK_HIGH) +
				mm_zone_count(&zone->lowmem_reserve[t]) +
				zone->nr_reserved_highatomic + zone->cma;

		set(&zone->plenty[t], need);
	}
}

/* Mobility grouping pays only with several pageblocks of each type. */
static void set_grouping(struct mm_buddy *b)
{
	uint64_t pages = 0;

	mm_for_each_zone(zone, b)
		if (mm_zone_count(&zone->managed) > mm_zone_wmark(zone, MM_WMARK_HIGH))
			pages += mm_zone_count(&zone->managed) - mm_zone_wmark(zone, MM_WMARK_HIGH);
	__atomic_store_n(&b->grouping_disabled,
			 pages < MMSIM_PAGEBLOCK_NR_PAGES * MMSIM_NR_MIGRATETYPES,
			 __ATOMIC_RELAXED);
	mm_for_each_zone(zone, b) {
		mm_spin_lock(&zone->lock);
		zone->grouping_disabled = b->grouping_disabled;
		mm_spin_unlock(&zone->lock);
	}
}

/* Who shares a zone's lists: the CPUs of its node or, if it has none, all. */
static unsigned nr_cpus_of(const struct mm_buddy *b, unsigned node)
{
	unsigned nr = b->topology->nr_node_cpus[node];

	return nr ? nr : b->exec->nr_cpus;
}

void mm_buddy_setup_zones(struct mm_buddy *b)
{
	uint64_t lowmem = lowmem_pages(b);
	uint64_t kbytes = b->policy.min_free_kbytes;

	if (!kbytes)
		kbytes = mm_buddy_min_free_kbytes(lowmem * (MMSIM_PAGE_SIZE / 1024));
	for (unsigned node = 0; node < b->nr_nodes; node++)
		set_reserves(b, node);
	mm_for_each_zone(zone, b) {
		/* Requests are under way: boosts and reserves change what is set here. */
		mm_spin_lock(&zone->lock);
		set_marks(zone, kbytes / (MMSIM_PAGE_SIZE / 1024), lowmem);
		mm_buddy_set_plenty(zone);
		mm_spin_unlock(&zone->lock);
		mm_buddy_pcp_tune(zone, nr_cpus_of(b, zone->node));
	}
	set_grouping(b);
}

/* Free pages that this request may not have. */
static uint64_t unusable_free(const struct mm_zone *zone, unsigned order, unsigned alloc_flags)
{
	uint64_t unusable = (UINT64_C(1) << order) - 1;

	if (!(alloc_flags & MM_ALLOC_RESERVES))
		unusable += mm_zone_count(&zone->free_highatomic);
	if (!(alloc_flags & MM_ALLOC_CMA))
		unusable += mm_zone_count(&zone->free_cma);
	return unusable;
}

static uint64_t lowered(uint64_t min, unsigned alloc_flags)
{
	if (alloc_flags & MM_ALLOC_MIN_RESERVE) {
		min -= min / 2;
		if (alloc_flags & MM_ALLOC_NON_BLOCK)
			min -= min / 4;
	}
	if (alloc_flags & MM_ALLOC_OOM)
		min -= min / 2;
	return min;
}

static bool has_block(const struct mm_zone *zone, unsigned order, unsigned alloc_flags)
{
	uint64_t nr = 0;

	for (unsigned o = order; o < MMSIM_NR_PAGE_ORDERS && !nr; o++) {
		const uint64_t *of = zone->area[o].nr;

		for (unsigned t = 0; t < MMSIM_MIGRATE_PCPTYPES; t++)
			nr |= mm_zone_count(&of[t]);
		if (alloc_flags & MM_ALLOC_CMA)
			nr |= mm_zone_count(&of[MMSIM_MIGRATE_CMA]);
		if (alloc_flags & (MM_ALLOC_HIGHATOMIC | MM_ALLOC_OOM))
			nr |= mm_zone_count(&of[MMSIM_MIGRATE_HIGHATOMIC]);
	}
	return nr;
}

static bool above(const struct mm_zone *zone, unsigned order, uint64_t mark,
		  enum mmsim_zone_type highest, unsigned alloc_flags)
{
	uint64_t keep = mark + mm_zone_count(&zone->lowmem_reserve[highest]) +
			unusable_free(zone, order, alloc_flags);

	return mm_zone_count(&zone->free_pages) > keep;
}

bool mm_buddy_watermark_ok(const struct mm_zone *zone, unsigned order, uint64_t mark,
			   enum mmsim_zone_type highest, unsigned alloc_flags)
{
	return above(zone, order, lowered(mark, alloc_flags), highest, alloc_flags) &&
	       (!order || zone->alt || has_block(zone, order, alloc_flags));
}

bool mm_buddy_watermark_fast(const struct mm_zone *zone, unsigned order, uint64_t mark,
			     enum mmsim_zone_type highest, unsigned alloc_flags)
{
	if (mm_buddy_watermark_ok(zone, order, mark, highest, alloc_flags))
		return true;
	/* A boost is there to make kswapd work, not to make urgent requests fail. */
	return !order && mm_zone_count(&zone->watermark_boost) &&
	       alloc_flags & MM_ALLOC_MIN_RESERVE &&
	       (alloc_flags & MM_ALLOC_WMARK_MASK) == MM_ALLOC_WMARK_MIN &&
	       mm_buddy_watermark_ok(zone, order, mm_zone_count(&zone->watermark[MM_WMARK_MIN]),
				     highest, alloc_flags);
}

static uint64_t boost_factor(const struct mmsim_alloc_policy *policy)
{
	if (policy->flags & MMSIM_POLICY_NO_BOOST)
		return 0;
	return policy->watermark_boost_factor ? policy->watermark_boost_factor : BOOST_FACTOR;
}

bool mm_buddy_boost_watermark(struct mm_zone *zone)
{
	uint64_t factor = boost_factor(zone->policy), boost = zone->watermark_boost, most;

	if (!factor || zone->managed < (uint64_t)MMSIM_PAGEBLOCK_NR_PAGES * BOOST_LEAST_PAGEBLOCKS)
		return false;
	most = scale(mm_zone_count(&zone->watermark[MM_WMARK_HIGH]), factor, 10000);
	/* No high mark yet, very early in boot. */
	if (!most)
		return false;
	most = mm_max(most, (uint64_t)MMSIM_PAGEBLOCK_NR_PAGES);
	boost = mm_min(boost + MMSIM_PAGEBLOCK_NR_PAGES, most);
	set(&zone->watermark_boost, boost);
	zone->stat.boosts++;
	mm_buddy_set_plenty(zone);
	return true;
}
