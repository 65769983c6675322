/* SPDX-License-Identifier: MIT */
/*
 * Free blocks and runs, each line checked as it is read.
 */
#include "snapshot_parse.h"
#include "array.h"
#include "bits.h"
#include "fields.h"

#include <errno.h>

#define LLU(x) ((unsigned long long)(x))

/* CMA is a type only where pagetypeinfo does not deny it. */
static int take_migratetype(struct mm_reader *r, struct mm_replay_loading *loading,
			    struct mm_replay_text *line, uint8_t *migratetype)
{
	struct mmsim_snapshot *snap = loading->snap;
	int err = mm_replay_field_migratetype(r, line, migratetype);

	if (err || *migratetype != MMSIM_MIGRATE_CMA)
		return err;
	if (loading->types_known && !(snap->flags & MMSIM_SNAP_CMA))
		return mm_replay_reader_fail(r, -EINVAL,
					     "migratetype CMA, which pagetypeinfo does not have");
	snap->flags |= MMSIM_SNAP_CMA;
	return 0;
}

static bool in_zone(const struct mmsim_snap_zone *zone, uint64_t pfn)
{
	return pfn >= zone->start_pfn && pfn - zone->start_pfn < zone->spanned;
}

int mm_replay_take_block(struct mm_reader *r, struct mm_replay_loading *loading, int type,
			 uint64_t pfn, unsigned int order, uint16_t *zone)
{
	const struct mmsim_snapshot *snap = loading->snap;
	uint64_t last = pfn + (UINT64_C(1) << order) - 1;
	size_t z = 0;
	int err;

	if (pfn >= snap->max_pfn)
		return mm_replay_reader_fail(r, -EINVAL, "pfn %#llx is in no zone", LLU(pfn));
	if (pfn & ((UINT64_C(1) << order) - 1))
		return mm_replay_reader_fail(r, -EINVAL, "pfn %#llx is not aligned to order %u",
					     LLU(pfn), order);
	while (z < snap->nr_zones && !((type < 0 || snap->zones[z].type == (uint32_t)type) &&
				       in_zone(&snap->zones[z], pfn)))
		z++;
	if (z == snap->nr_zones || !in_zone(&snap->zones[z], last))
		return mm_replay_reader_fail(r, -EINVAL, "pfn %#llx, order %u is not within %s %s",
					     LLU(pfn), order, type < 0 ? "a" : "zone",
					     type < 0 ? "zone"
						      : mm_replay_zone_name((uint32_t)type));
	err = mm_replay_pageset_add(&loading->taken, pfn, order);
	if (err == -ENOMEM)
		return mm_replay_no_memory(r);
	if (err)
		return mm_replay_reader_fail(r, -EINVAL,
					     "pfn %#llx, order %u has pages of an earlier block",
					     LLU(pfn), order);
	*zone = (uint16_t)z;
	return 0;
}

static int add_block(struct mm_reader *r, struct mmsim_snapshot *snap,
		     struct mmsim_snap_block block)
{
	struct mmsim_snap_block *blocks =
		mm_replay_array_grow(snap->blocks, snap->nr_blocks, sizeof(*blocks));

	if (!blocks)
		return mm_replay_no_memory(r);
	snap->blocks = blocks;
	blocks[snap->nr_blocks++] = block;
	return 0;
}

static int freelists_line(struct mm_reader *r, void *ctx, struct mm_replay_text line)
{
	struct mm_replay_loading *loading = ctx;
	struct mmsim_snap_block block = { 0 };
	unsigned int order = 0;
	int type = 0, err;

	err = mm_replay_field(r, &line, "pfn", UINT64_MAX, &block.pfn);
	if (!err)
		err = mm_replay_field_order(r, &line, &order);
	if (!err)
		err = mm_replay_field_zone(r, &line, &type);
	if (!err)
		err = take_migratetype(r, loading, &line, &block.migratetype);
	if (!err)
		err = mm_replay_take_block(r, loading, type, block.pfn, order, &block.zone);
	block.order = (uint8_t)order;
	return err ? err : add_block(r, loading->snap, block);
}

/* Blocks and zoneinfo agree, but for what per-CPU counters hide and interrupts moved. */
static int check_free(struct mm_reader *r, const struct mm_replay_loading *loading)
{
	const struct mmsim_snapshot *snap = loading->snap;
	uint64_t pages[MM_REPLAY_MAX_ZONES] = { 0 };

	for (size_t i = 0; i < snap->nr_blocks; i++)
		pages[snap->blocks[i].zone] += UINT64_C(1) << snap->blocks[i].order;
	for (size_t z = 0; z < snap->nr_zones; z++) {
		uint64_t free = snap->zones[z].free;
		uint64_t off = mm_max(free, pages[z]) - mm_min(free, pages[z]);

		if (off >
		    (uint64_t)loading->zoneinfo.threshold[z] * snap->nr_cpus + MM_REPLAY_SLACK)
			return mm_replay_reader_fail(
				r, -EINVAL,
				"node %u, zone %s has %llu free pages here, %llu in zoneinfo",
				snap->zones[z].node, mm_replay_zone_name(snap->zones[z].type),
				LLU(pages[z]), LLU(free));
	}
	return 0;
}

int mm_replay_parse_freelists(struct mm_reader *r, struct mm_replay_loading *loading)
{
	int err = mm_replay_each_line(r, freelists_line, NULL, loading);

	return err ? err : check_free(r, loading);
}

uint8_t mm_replay_pageblock_type(const struct mmsim_snapshot *snap, uint64_t pfn)
{
	size_t low = 0, high = snap->nr_pageblocks;

	/* The last run that begins at or before pfn. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (snap->pageblocks[middle].pfn <= pfn)
			low = middle + 1;
		else
			high = middle;
	}
	if (low) {
		const struct mmsim_snap_run *run = &snap->pageblocks[low - 1];

		if ((pfn - run->pfn) / MMSIM_PAGEBLOCK_NR_PAGES < run->nr)
			return (uint8_t)run->value;
	}
	return MMSIM_MIGRATE_MOVABLE;
}

int mm_replay_add_found_block(struct mm_reader *r, struct mm_replay_loading *loading, uint64_t pfn,
			      unsigned int order)
{
	struct mmsim_snap_block block = { .pfn = pfn, .order = (uint8_t)order };
	int err = mm_replay_take_block(r, loading, -1, pfn, order, &block.zone);

	block.migratetype = mm_replay_pageblock_type(loading->snap, pfn);
	return err ? err : add_block(r, loading->snap, block);
}

static int freemap_line(struct mm_reader *r, void *ctx, struct mm_replay_text line)
{
	struct mm_replay_loading *loading = ctx;
	unsigned int order = 0;
	uint64_t pfn = 0;
	int err = mm_replay_field(r, &line, "pfn", UINT64_MAX, &pfn);

	if (!err)
		err = mm_replay_field_order(r, &line, &order);
	return err ? err : mm_replay_add_found_block(r, loading, pfn, order);
}

int mm_replay_parse_freemap(struct mm_reader *r, struct mm_replay_loading *loading)
{
	int err = mm_replay_each_line(r, freemap_line, NULL, loading);

	return err ? err : check_free(r, loading);
}

/* One that begins before `begin`, the end of the run before it, or ends after `end` is refused. */
static int add_run(struct mm_reader *r, struct mmsim_snap_run **runs, size_t *nr,
		   struct mmsim_snap_run run, uint64_t unit, uint64_t end)
{
	uint64_t begin = *nr ? (*runs)[*nr - 1].pfn + (*runs)[*nr - 1].nr * unit : 0;
	struct mmsim_snap_run *grown;

	if (run.pfn % unit)
		return mm_replay_reader_fail(r, -EINVAL, "pfn %#llx is not aligned", LLU(run.pfn));
	if (run.pfn < begin)
		return mm_replay_reader_fail(
			r, -EINVAL, "pfn %#llx is out of order: the run above ends at %#llx",
			LLU(run.pfn), LLU(begin));
	if (!run.nr || run.pfn >= end || run.nr > (end - run.pfn) / unit)
		return mm_replay_reader_fail(
			r, -EINVAL, "the run is empty or ends past the last zone, at %#llx",
			LLU(end));
	grown = mm_replay_array_grow(*runs, *nr, sizeof(*grown));
	if (!grown)
		return mm_replay_no_memory(r);
	*runs = grown;
	grown[(*nr)++] = run;
	return 0;
}

static int pageblocks_line(struct mm_reader *r, void *ctx, struct mm_replay_text line)
{
	struct mm_replay_loading *loading = ctx;
	struct mmsim_snapshot *snap = loading->snap;
	struct mmsim_snap_run run = { 0 };
	uint8_t migratetype = 0;
	int err = mm_replay_field(r, &line, "pfn", UINT64_MAX, &run.pfn);

	if (!err)
		err = mm_replay_field(r, &line, "the number of pageblocks", UINT64_MAX, &run.nr);
	if (!err)
		err = take_migratetype(r, loading, &line, &migratetype);
	run.value = migratetype;
	return err ? err
		   : add_run(r, &snap->pageblocks, &snap->nr_pageblocks, run,
			     MMSIM_PAGEBLOCK_NR_PAGES,
			     mm_round_up(snap->max_pfn, MMSIM_PAGEBLOCK_NR_PAGES));
}

int mm_replay_parse_pageblocks(struct mm_reader *r, struct mm_replay_loading *loading)
{
	return mm_replay_each_line(r, pageblocks_line, NULL, loading);
}

static int pageflags_line(struct mm_reader *r, void *ctx, struct mm_replay_text line)
{
	struct mm_replay_loading *loading = ctx;
	struct mmsim_snapshot *snap = loading->snap;
	struct mmsim_snap_run run = { 0 };
	int err = mm_replay_field(r, &line, "pfn", UINT64_MAX, &run.pfn);

	if (!err)
		err = mm_replay_field(r, &line, "the number of pages", UINT64_MAX, &run.nr);
	if (!err)
		err = mm_replay_field(r, &line, "the flags word", UINT64_MAX, &run.value);
	return err ? err : add_run(r, &snap->pageflags, &snap->nr_pageflags, run, 1, snap->max_pfn);
}

int mm_replay_parse_pageflags(struct mm_reader *r, struct mm_replay_loading *loading)
{
	return mm_replay_each_line(r, pageflags_line, NULL, loading);
}

/* "Number of blocks type     Unmovable      Movable …" names every type that the kernel has. */
static int pagetypeinfo_line(struct mm_reader *r, void *ctx, struct mm_replay_text line)
{
	struct mm_replay_loading *loading = ctx;
	struct mm_replay_text word;

	(void)r;
	if (!mm_replay_take_string(&line, "Number of blocks type"))
		return 0;
	loading->types_known = true;
	while (mm_replay_take_word(&line, &word))
		if (mm_replay_text_is(&word, "CMA"))
			loading->snap->flags |= MMSIM_SNAP_CMA;
	return 0;
}

int mm_replay_parse_pagetypeinfo(struct mm_reader *r, struct mm_replay_loading *loading)
{
	int err = mm_replay_each_line(r, pagetypeinfo_line, NULL, loading);

	if (!err && !loading->types_known)
		return mm_replay_reader_fail(r, -EINVAL, "there is no \"Number of blocks type\"");
	return err;
}
