/* SPDX-License-Identifier: MIT */
/* The machine that a snapshot is of. */
#include "bits.h"
#include "reader.h"
#include "restore.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static int add_range(struct mmsim_config *cfg, uint64_t start_pfn, uint64_t end_pfn, unsigned node)
{
	struct mmsim_range *range = &cfg->range[cfg->nr_ranges];
	uint64_t start = start_pfn * MMSIM_PAGE_SIZE;
	uint64_t bytes = (end_pfn - start_pfn) * MMSIM_PAGE_SIZE;

	if (start_pfn >= end_pfn)
		return 0;
	if (cfg->nr_ranges && range[-1].node == node &&
	    range[-1].start + range[-1].bytes == start) {
		range[-1].bytes += bytes;
		return 0;
	}
	if (cfg->nr_ranges == MMSIM_MAX_RANGES)
		return -EINVAL;
	*range = (struct mmsim_range){ .start = start, .bytes = bytes, .node = node };
	cfg->nr_ranges++;
	return 0;
}

/*
 * What a zone has pageblocks for or, where that is not known, what it spans: then a page in a hole
 * stays allocated for ever.
 */
static int add_zone(const struct mmsim_snapshot *snap, const struct mmsim_snap_zone *zone,
		    struct mmsim_config *cfg)
{
	uint64_t start = zone->start_pfn, end = start + zone->spanned;
	int err = 0;

	if (!(snap->flags & MMSIM_SNAP_PAGEBLOCKS))
		return add_range(cfg, start, end, zone->node);
	for (size_t i = 0; !err && i < snap->nr_pageblocks; i++) {
		const struct mmsim_snap_run *run = &snap->pageblocks[i];
		uint64_t run_end = run->pfn + run->nr * MMSIM_PAGEBLOCK_NR_PAGES;

		err = add_range(cfg, mm_max(start, run->pfn), mm_min(end, run_end), zone->node);
	}
	return err;
}

static int add_ranges(const struct mmsim_snapshot *snap, struct mmsim_config *cfg)
{
	int err = 0;

	cfg->nr_ranges = 0;
	for (unsigned i = 0; !err && i < snap->nr_zones; i++) {
		const struct mmsim_snap_zone *zone = &snap->zones[i];

		if (zone->node >= snap->nr_nodes || zone->type >= MMSIM_NR_ZONES)
			return -EINVAL;
		if (zone->type == MMSIM_ZONE_MOVABLE)
			cfg->node[zone->node].movable_bytes += zone->spanned * MMSIM_PAGE_SIZE;
		err = add_zone(snap, zone, cfg);
	}
	return err;
}

static uint32_t known(uint64_t val)
{
	return val >= UINT32_MAX ? 0 : (uint32_t)val;
}

static void set_policy(const struct mmsim_snap_sysctl *from, struct mmsim_alloc_policy *policy)
{
	policy->min_free_kbytes = known(from->min_free_kbytes);
	policy->watermark_scale_factor = known(from->watermark_scale_factor);
	policy->watermark_boost_factor = known(from->watermark_boost_factor);
	if (!from->watermark_boost_factor)
		policy->flags |= MMSIM_POLICY_NO_BOOST;
	policy->percpu_pagelist_high_fraction = known(from->percpu_pagelist_high_fraction);
	for (unsigned i = 0; i < MMSIM_NR_ZONES; i++) {
		uint64_t ratio = from->lowmem_reserve_ratio[i];

		policy->lowmem_reserve_ratio[i] = ratio ? known(ratio) : UINT32_MAX;
	}
}

int mm_replay_snapshot_config(const struct mmsim_snapshot *snap, struct mmsim_config *cfg,
			      struct mmsim_replay_error *err)
{
	if (snap->nr_cpus > MMSIM_MAX_CPUS || snap->nr_nodes > MMSIM_MAX_NODES ||
	    add_ranges(snap, cfg)) {
		mm_replay_fail(err, "snapshot", 0, "too many CPUs, nodes or zones for a machine");
		return -EINVAL;
	}
	cfg->mode = MMSIM_SERIAL;
	cfg->boot = MMSIM_BOOT_COLD;
	cfg->nr_cpus = snap->nr_cpus;
	cfg->nr_nodes = snap->nr_nodes;
	for (unsigned i = 0; i < cfg->nr_cpus; i++)
		cfg->cpu[i] = (struct mmsim_cpu){
			.node = (uint16_t)(i * snap->nr_nodes / snap->nr_cpus),
			.package = (uint16_t)(i * snap->nr_nodes / snap->nr_cpus),
			.llc = (uint16_t)(i * snap->nr_nodes / snap->nr_cpus),
			.core = (uint16_t)i,
		};
	set_policy(&snap->sysctl, &cfg->policy);
	return 0;
}

/* Pages that are in a list already. */
struct claims {
	const struct mm_buddy *b;
	const struct mmsim_snapshot *snap;
	uint8_t *taken; /* a bit each */
	uint64_t nr; /* of pages */
};

static bool claim(struct claims *c, uint64_t pfn, unsigned order)
{
	for (uint64_t i = pfn; i < pfn + (UINT64_C(1) << order); i++) {
		uint8_t bit = (uint8_t)(1u << i % 8);

		if (c->taken[i / 8] & bit)
			return false;
		c->taken[i / 8] |= bit;
	}
	return true;
}

/* What is wrong with a block on a list; NULL: nothing. */
static const char *wrong_block(struct claims *c, uint64_t pfn, unsigned zone, unsigned order,
			       unsigned migratetype)
{
	const struct mm_zone *in;

	if (zone >= c->snap->nr_zones || order > MMSIM_MAX_PAGE_ORDER ||
	    migratetype >= MMSIM_NR_MIGRATETYPES)
		return "there is no such list";
	in = mm_buddy_zone(c->b, c->snap->zones[zone].node, c->snap->zones[zone].type);
	if (pfn & ((UINT64_C(1) << order) - 1) || !mm_zone_spans(in, pfn) ||
	    !mm_zone_spans(in, pfn + (UINT64_C(1) << order) - 1))
		return "there is no such block in the zone";
	for (uint64_t at = pfn; at < pfn + (UINT64_C(1) << order); at += MMSIM_PAGES_PER_SUBSECTION)
		if (!mm_pfn_valid(c->b->map, at) ||
		    mm_buddy_page_zone(c->b, mm_pfn_to_page(c->b->map, at)) != in)
			return "there is no memory";
	return claim(c, pfn, order) ? NULL : "some of it is listed twice";
}

static int refuse(struct mmsim_replay_error *err, uint64_t pfn, const char *why)
{
	mm_replay_fail(err, "snapshot", 0, "pfn 0x%" PRIx64 ": %s", pfn, why);
	return -EINVAL;
}

static int check_lists(struct claims *c, struct mmsim_replay_error *err)
{
	const char *wrong;

	for (size_t i = 0; i < c->snap->nr_blocks; i++) {
		const struct mmsim_snap_block *block = &c->snap->blocks[i];

		wrong = wrong_block(c, block->pfn, block->zone, block->order, block->migratetype);
		if (wrong)
			return refuse(err, block->pfn, wrong);
	}
	for (size_t i = 0; i < c->snap->nr_pcp_pages; i++) {
		const struct mmsim_snap_pcp_page *page = &c->snap->pcp_pages[i];

		wrong = wrong_block(c, page->pfn, page->zone, page->order, page->migratetype);
		if (!wrong && (page->cpu >= c->snap->nr_cpus || !mm_pcp_order(page->order)))
			wrong = "no CPU has such a list";
		if (wrong)
			return refuse(err, page->pfn, wrong);
	}
	return 0;
}

static bool run_fits(const struct mmsim_snap_run *run, uint64_t pages_each, uint64_t max_pfn)
{
	return run->pfn < max_pfn && run->nr <= (max_pfn - run->pfn) / pages_each + 1;
}

static int check_runs(const struct claims *c, struct mmsim_replay_error *err)
{
	for (size_t i = 0; i < c->snap->nr_pageblocks; i++) {
		const struct mmsim_snap_run *run = &c->snap->pageblocks[i];

		if (run->value >= MMSIM_NR_MIGRATETYPES ||
		    !run_fits(run, MMSIM_PAGEBLOCK_NR_PAGES, c->nr))
			return refuse(err, run->pfn, "there are no such pageblocks");
	}
	for (size_t i = 0; i < c->snap->nr_pageflags; i++)
		if (!run_fits(&c->snap->pageflags[i], 1, c->nr))
			return refuse(err, c->snap->pageflags[i].pfn, "there are no such pages");
	for (size_t i = 0; i < c->snap->nr_pcps; i++)
		if (c->snap->pcps[i].zone >= c->snap->nr_zones ||
		    c->snap->pcps[i].cpu >= c->snap->nr_cpus)
			return refuse(err, 0, "no CPU has such lists");
	return 0;
}

int mm_replay_snapshot_check(const struct mm_buddy *b, const struct mmsim_snapshot *snap,
			     struct mmsim_replay_error *err)
{
	struct claims c = { .b = b, .snap = snap };
	int ret;

	mm_for_each_zone(zone, b)
		c.nr = mm_max(c.nr, zone->span.end);
	c.taken = calloc(c.nr / 8 + 1, 1);
	if (!c.taken)
		return -ENOMEM;
	ret = check_lists(&c, err);
	if (!ret)
		ret = check_runs(&c, err);
	free(c.taken);
	return ret;
}
