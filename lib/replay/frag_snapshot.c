/* SPDX-License-Identifier: MIT */
/* Fragmentation of a snapshot: the same figures as of a zone, out of lists and runs. */
#include "frag.h"

#include "bits.h"
#include "marker.h"
#include <errno.h>
#include <stdlib.h>

/* Bit numbers of kernel-page-flags.h. */
#define KPF(nr) (UINT64_C(1) << (nr))
#define KPF_LRU KPF(5)
#define KPF_COMPOUND_TAIL KPF(16)
#define KPF_NOBODYS (KPF(10) | KPF(20) | KPF(23) | KPF(32)) /* BUDDY, NOPAGE, OFFLINE, RESERVED */

struct span {
	uint64_t start, end;
};

/* What [pfn, pfn + nr) has in common with a span; the sum may overflow. */
static struct span clip(uint64_t pfn, uint64_t nr, struct span to)
{
	struct span part = { mm_max(pfn, to.start), to.end };

	if (pfn < to.end && nr < to.end - pfn)
		part.end = pfn + nr;
	part.start = mm_min(part.start, part.end);
	return part;
}

static struct span span_of(const struct mmsim_snap_zone *zone)
{
	return clip(zone->start_pfn, zone->spanned, (struct span){ 0, UINT64_MAX });
}

static int count_blocks(const struct mmsim_snapshot *snap, size_t zone,
			uint64_t nr_free[][MMSIM_MAX_MIGRATETYPES])
{
	for (size_t i = 0; i < snap->nr_blocks; i++) {
		const struct mmsim_snap_block *block = &snap->blocks[i];

		if (block->zone != zone)
			continue;
		if (block->order >= MMSIM_NR_PAGE_ORDERS ||
		    block->migratetype >= MMSIM_NR_MIGRATETYPES)
			return -EINVAL;
		nr_free[block->order][block->migratetype]++;
	}
	return 0;
}

static void count_pageblock_types(const struct mmsim_snapshot *snap, struct span zone,
				  struct mmsim_frag_info *info)
{
	struct span blocks = { zone.start / MMSIM_PAGEBLOCK_NR_PAGES,
			       mm_div_round_up(zone.end, MMSIM_PAGEBLOCK_NR_PAGES) };

	for (size_t i = 0; i < snap->nr_pageblocks; i++) {
		const struct mmsim_snap_run *run = &snap->pageblocks[i];
		struct span in = clip(run->pfn / MMSIM_PAGEBLOCK_NR_PAGES, run->nr, blocks);

		if (run->value < MMSIM_NR_MIGRATETYPES)
			info->pageblocks[run->value] += in.end - in.start;
	}
}

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* What is on the zone's Movable per-CPU lists, by pfn: *nr spans, for free(). NULL: out of memory. */
static struct span *movable_on_lists(const struct mmsim_snapshot *snap, size_t zone, size_t *nr)
{
	struct span *spans = calloc(snap->nr_pcp_pages + 1, sizeof(*spans));

	*nr = 0;
	if (!spans)
		return NULL;
	for (size_t i = 0; i < snap->nr_pcp_pages; i++) {
		const struct mmsim_snap_pcp_page *page = &snap->pcp_pages[i];

		if (page->zone == zone && page->migratetype == MMSIM_MIGRATE_MOVABLE &&
		    page->order < MMSIM_NR_PAGE_ORDERS)
			spans[(*nr)++] = (struct span){ page->pfn,
							page->pfn + (UINT64_C(1) << page->order) };
	}
	qsort(spans, *nr, sizeof(*spans), by_start);
	return spans;
}

/* F2 by the flags of a page and, for the tail of a folio, those of the page before. */
static bool unmovable_flags(uint64_t flags, bool before)
{
	if (flags & (KPF_NOBODYS | KPF_LRU))
		return false;
	return flags & KPF_COMPOUND_TAIL ? before : true;
}

/*
 * Where there are no struct pages the kernel shows pages without a flag, as it does for pages that it
 * uses itself. It has them by sections: of such a run, whole sections are a hole.
 */
static struct span hole_in(struct span run)
{
	struct span hole = { mm_round_up(run.start, MMSIM_PAGES_PER_SECTION),
			     mm_round_down(run.end, MMSIM_PAGES_PER_SECTION) };

	return hole.start < hole.end ? hole : (struct span){ run.end, run.end };
}

/* All of [run.start, run.end) but the spans, of which *at is the first that may reach into it. */
static void mark_but(struct mm_marker *marker, struct span run, const struct span *spans, size_t nr,
		     size_t *at)
{
	while (*at < nr && spans[*at].start < run.end) {
		mm_replay_mark(marker, run.start, spans[*at].start);
		run.start = mm_max(run.start, spans[*at].end);
		if (spans[*at].end > run.end)
			return;
		++*at;
	}
	mm_replay_mark(marker, run.start, run.end);
}

static void mark_run(struct mm_marker *marker, struct span run, uint64_t flags,
		     const struct span *spans, size_t nr, size_t *at)
{
	struct span hole = flags ? (struct span){ run.end, run.end } : hole_in(run);

	mark_but(marker, (struct span){ run.start, hole.start }, spans, nr, at);
	mark_but(marker, (struct span){ hole.end, run.end }, spans, nr, at);
}

static int count_unmovable(const struct mmsim_snapshot *snap, size_t zone, struct span in,
			   uint64_t *out)
{
	struct mm_marker marker = { 0 };
	bool unmovable = false;
	size_t nr, at = 0;
	struct span *spans = movable_on_lists(snap, zone, &nr);

	if (!spans)
		return -ENOMEM;
	for (size_t i = 0; i < snap->nr_pageflags; i++) {
		const struct mmsim_snap_run *run = &snap->pageflags[i];

		unmovable = unmovable_flags(run->value, unmovable);
		if (unmovable)
			mark_run(&marker, clip(run->pfn, run->nr, in), run->value, spans, nr, &at);
	}
	free(spans);
	*out = marker.nr;
	return 0;
}

int mm_replay_snapshot_frag(const struct mmsim_snapshot *snap, size_t zone,
			    struct mmsim_frag_info *info)
{
	uint64_t nr_free[MMSIM_NR_PAGE_ORDERS][MMSIM_MAX_MIGRATETYPES] = { 0 };
	uint64_t unmovable = UINT64_MAX;
	struct span span;
	int err;

	if (zone >= snap->nr_zones)
		return -EINVAL;
	span = span_of(&snap->zones[zone]);
	err = count_blocks(snap, zone, nr_free);
	if (!err && snap->flags & MMSIM_SNAP_PAGEFLAGS)
		err = count_unmovable(snap, zone, span, &unmovable);
	if (err)
		return err;
	mm_replay_frag_lists(nr_free, info);
	info->node = snap->zones[zone].node;
	info->type = (enum mmsim_zone_type)snap->zones[zone].type;
	info->unmovable_pageblocks = unmovable;
	if (snap->flags & MMSIM_SNAP_PAGEBLOCKS)
		count_pageblock_types(snap, span, info);
	return 0;
}
