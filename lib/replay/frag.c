/* SPDX-License-Identifier: MIT */
/* Fragmentation, counted. */
#include "frag.h"

#include "books.h"
#include "marker.h"

/* Free blocks as a request of some order sees them. Counterpart: struct contig_page_info. */
struct contig {
	uint64_t pages, blocks;
	uint64_t suitable; /* blocks of that order that they can be cut into */
};

static struct contig contig_of(const uint64_t nr_free[][MMSIM_MAX_MIGRATETYPES], unsigned order)
{
	struct contig sum = { 0 };

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned mt = 0; mt < MMSIM_NR_MIGRATETYPES; mt++) {
			sum.blocks += nr_free[o][mt];
			sum.pages += nr_free[o][mt] << o;
			if (o >= order)
				sum.suitable += nr_free[o][mt] << (o - order);
		}
	return sum;
}

/* Of the free pages, those in blocks that are too small, in `of` parts. Something is free. */
static uint32_t share_too_small(const struct contig *c, unsigned order, uint64_t of)
{
	return (uint32_t)((c->pages - (c->suitable << order)) * of / c->pages);
}

static int32_t fragmentation(const struct contig *c, unsigned order)
{
	if (!c->blocks)
		return 0;
	if (c->suitable)
		return -1000;
	return 1000 - (int32_t)((1000 + c->pages * 1000 / (UINT64_C(1) << order)) / c->blocks);
}

uint64_t mm_replay_frag_free_huge(const uint64_t nr_free[][MMSIM_MAX_MIGRATETYPES])
{
	uint64_t nr = contig_of(nr_free, MMSIM_PAGEBLOCK_ORDER).suitable;

	for (unsigned o = MMSIM_PAGEBLOCK_ORDER; o < MMSIM_NR_PAGE_ORDERS; o++)
		nr -= nr_free[o][MMSIM_MIGRATE_ISOLATE] << (o - MMSIM_PAGEBLOCK_ORDER);
	return nr;
}

static uint64_t isolated(const uint64_t nr_free[][MMSIM_MAX_MIGRATETYPES])
{
	uint64_t pages = 0;

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		pages += nr_free[o][MMSIM_MIGRATE_ISOLATE] << o;
	return pages;
}

void mm_replay_frag_lists(const uint64_t nr_free[][MMSIM_MAX_MIGRATETYPES],
			  struct mmsim_frag_info *info)
{
	*info = (struct mmsim_frag_info){ .free = contig_of(nr_free, 0).pages };
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		struct contig c = contig_of(nr_free, o);

		info->order[o] = (struct mmsim_frag_order){
			.unusable = c.pages ? share_too_small(&c, o, 1000) : 1000,
			.extfrag_percent = c.pages ? share_too_small(&c, o, 100) : 0,
			.fragmentation = fragmentation(&c, o),
		};
	}
	info->free_pageblocks = contig_of(nr_free, MMSIM_PAGEBLOCK_ORDER).suitable;
	info->free_huge = mm_replay_frag_free_huge(nr_free);
	info->optimal_huge = (info->free - isolated(nr_free)) / MMSIM_PAGEBLOCK_NR_PAGES;
}

static void copy_pageblocks(const uint64_t *from, struct mmsim_frag_info *info)
{
	for (unsigned mt = 0; mt < MMSIM_MAX_MIGRATETYPES; mt++)
		info->pageblocks[mt] = from[mt];
}

/* Pages that go together, from their first one on. */
struct piece {
	uint64_t nr;
	bool unmovable; /* F2 */
};

static struct piece piece_of(const struct mm_zone *zone, const struct mmsim_page *page)
{
	const uint64_t one = 1;
	unsigned order;

	if (!mm_replay_in_zone(zone, page) || page->flags >> MMSIM_PG_RESERVED & 1)
		return (struct piece){ 1, false };
	if (mm_page_is_buddy(page))
		return (struct piece){ one << page->priv, false };
	if (page->refcount)
		return (struct piece){ one << page->order, !mm_page_movable(page) };
	/* C2, or free in another allocator, or not initialised yet. */
	if (zone->alt || page->page_type != MMSIM_PGTY_NONE || page->index >= MM_NR_PCP_LISTS)
		return (struct piece){ 1, false };
	order = mm_pcp_index_order((unsigned)page->index);
	return (struct piece){ one << order,
			       page->index != mm_pcp_index(MMSIM_MIGRATE_MOVABLE, order) };
}

static uint64_t unmovable_pageblocks(const struct mm_zone *zone)
{
	struct mm_marker marker = { 0 };
	struct piece piece;

	for (uint64_t pfn = zone->span.start; pfn < zone->span.end; pfn += piece.nr) {
		if (!mm_pfn_valid(zone->map, pfn)) {
			piece.nr = MMSIM_PAGES_PER_SUBSECTION - pfn % MMSIM_PAGES_PER_SUBSECTION;
			continue;
		}
		piece = piece_of(zone, mm_pfn_to_page(zone->map, pfn));
		if (piece.unmovable)
			mm_replay_mark(&marker, pfn, pfn + piece.nr);
	}
	return marker.nr;
}

void mm_replay_frag_info(struct mm_zone *zone, struct mmsim_frag_info *info)
{
	struct mmsim_zone_info books;

	mm_replay_zone_books(zone, &books);
	mm_replay_frag_lists(books.nr_free, info);
	info->node = books.node;
	info->type = books.type;
	copy_pageblocks(books.pageblocks, info);
	info->unmovable_pageblocks = unmovable_pageblocks(zone);
}
