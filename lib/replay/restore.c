/* SPDX-License-Identifier: MIT */
/* Putting a snapshot's lists into a page allocator. */
#include "restore.h"

#include "alt.h"
#include "bits.h"
#include "reader.h"
#include "watermark.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

static struct mm_zone *zone_of(struct mm_buddy *b, const struct mmsim_snapshot *snap, unsigned i)
{
	return mm_buddy_zone(b, snap->zones[i].node, snap->zones[i].type);
}

enum { MAX_BATCH = 4096 };

/* Has the machine these zones, and room for these CPUs? */
static bool fits(struct mm_buddy *b, const struct mmsim_snapshot *snap)
{
	if (snap->nr_nodes > b->nr_nodes || snap->nr_cpus > b->exec->nr_cpus)
		return false;
	for (unsigned i = 0; i < snap->nr_zones; i++) {
		const struct mmsim_snap_zone *from = &snap->zones[i];
		const struct mm_zone *zone;

		if (from->node >= b->nr_nodes || from->type >= MMSIM_NR_ZONES)
			return false;
		zone = zone_of(b, snap, i);
		if (from->spanned && (zone->span.start > from->start_pfn ||
				      zone->span.end < from->start_pfn + from->spanned))
			return false;
	}
	return true;
}

/* What a kernel cannot have, and what the arithmetic of the lists cannot bear. */
static bool sane(const struct mmsim_snap_pcp *p)
{
	const uint32_t most = INT32_MAX / 4;

	return p->batch && p->batch <= MAX_BATCH && p->alloc_factor <= MM_PCP_BATCH_SCALE_MAX + 1 &&
	       p->high <= most && p->high_min <= most && p->high_max <= most &&
	       p->free_count <= most && p->count <= most;
}

static const struct mmsim_snap_pcp *insane_pcp(const struct mmsim_snapshot *snap)
{
	for (size_t i = 0; i < snap->nr_pcps; i++)
		if (!sane(&snap->pcps[i]))
			return &snap->pcps[i];
	return NULL;
}

static void set_allocated(struct mmsim_page *page, uint8_t order)
{
	page->refcount = 1;
	page->order = order;
	page->movable = 0;
	page->page_type = MMSIM_PGTY_NONE;
	page->priv = 0;
	page->index = 0;
	page->flags &= ~(UINT64_C(1) << MMSIM_PG_LRU);
}

/* N2 */
static void allocate_all(struct mm_buddy *b, struct mm_zone *zone)
{
	for (uint64_t pfn = zone->span.start; pfn < zone->span.end; pfn++)
		if (mm_pfn_valid(b->map, pfn))
			set_allocated(mm_pfn_to_page(b->map, pfn), 0);
}

static void set_flags(struct mm_buddy *b, const struct mmsim_snapshot *snap)
{
	const uint64_t known = UINT64_C(1) << MMSIM_PG_LRU;

	for (size_t i = 0; i < snap->nr_pageflags; i++) {
		const struct mmsim_snap_run *run = &snap->pageflags[i];
		/* The bits of /proc/kpageflags have numbers of their own; LRU has the same. */
		uint64_t flags = (run->value & known) | (run->value >> 32 & 1) << MMSIM_PG_RESERVED;

		for (uint64_t k = 0; flags && k < run->nr; k++)
			if (mm_pfn_valid(b->map, run->pfn + k))
				mm_pfn_to_page(b->map, run->pfn + k)->flags |= flags;
	}
}

/* An isolated pageblock has a type for afterwards, which nobody tells. */
static void set_pageblock(struct mm_zone *zone, uint64_t pfn, enum mmsim_migratetype mt)
{
	if (mt == MMSIM_MIGRATE_ISOLATE)
		*mm_zone_pageblock(zone, pfn) = MM_PAGEBLOCK_ISOLATE | MMSIM_MIGRATE_MOVABLE;
	else
		mm_zone_set_migratetype(zone, pfn, mt);
}

static void set_pageblocks(struct mm_buddy *b, const struct mmsim_snapshot *snap)
{
	for (size_t i = 0; i < snap->nr_pageblocks; i++) {
		const struct mmsim_snap_run *run = &snap->pageblocks[i];

		for (uint64_t k = 0; k < run->nr; k++) {
			uint64_t pfn = run->pfn + k * MMSIM_PAGEBLOCK_NR_PAGES;
			uint64_t last = pfn + MMSIM_PAGEBLOCK_NR_PAGES - 1;

			mm_for_each_zone(zone, b)
				if (mm_zone_spans(zone, pfn) || mm_zone_spans(zone, last))
					set_pageblock(zone, mm_max(pfn, zone->span.start),
						      (enum mmsim_migratetype)run->value);
		}
	}
}

/* H1, I2 */
static void count_pageblocks(struct mm_zone *zone)
{
	for (uint64_t pfn = mm_round_down(zone->span.start, MMSIM_PAGEBLOCK_NR_PAGES);
	     pfn < zone->span.end; pfn += MMSIM_PAGEBLOCK_NR_PAGES) {
		unsigned type = *mm_zone_pageblock(zone, pfn);

		if (type == MMSIM_MIGRATE_HIGHATOMIC)
			zone->nr_reserved_highatomic += MMSIM_PAGEBLOCK_NR_PAGES;
		if (type == MMSIM_MIGRATE_CMA)
			zone->cma += MMSIM_PAGEBLOCK_NR_PAGES;
	}
}

/* Where nobody told, a pageblock is of the type of the lists that its blocks are on. */
static void guess_pageblocks(struct mm_buddy *b, const struct mmsim_snapshot *snap)
{
	for (size_t i = 0; i < snap->nr_blocks && !(snap->flags & MMSIM_SNAP_PAGEBLOCKS); i++) {
		const struct mmsim_snap_block *block = &snap->blocks[i];
		struct mm_zone *zone = zone_of(b, snap, block->zone);

		for (uint64_t k = 0; k < UINT64_C(1) << block->order; k += MMSIM_PAGEBLOCK_NR_PAGES)
			set_pageblock(zone, block->pfn + k,
				      (enum mmsim_migratetype)block->migratetype);
	}
}

static struct mmsim_page *release(struct mm_buddy *b, uint64_t pfn, unsigned order)
{
	struct mmsim_page *page = mm_pfn_to_page(b->map, pfn);

	for (uint64_t i = 0; i < UINT64_C(1) << order; i++) {
		page[i].refcount = 0;
		page[i].flags &= ~(UINT64_C(1) << MMSIM_PG_RESERVED);
	}
	return page;
}

/* B1, B2: one that is on another list than its pageblock's, or whose buddy is free, cannot stay as it is. */
static void set_free_lists(struct mm_buddy *b, const struct mmsim_snapshot *snap)
{
	for (size_t i = 0; i < snap->nr_blocks; i++) {
		const struct mmsim_snap_block *block = &snap->blocks[i];
		struct mm_zone *zone = zone_of(b, snap, block->zone);
		struct mmsim_page *page = release(b, block->pfn, block->order);

		if (zone->alt) {
			mm_buddy_alt_free(zone, page, block->order);
			continue;
		}
		mm_spin_lock(&zone->lock);
		mm_buddy_free_range(zone, page, block->order, MM_FPI_TO_TAIL);
		mm_spin_unlock(&zone->lock);
	}
}

static int bounded(const struct mm_pcp *pcp, int high)
{
	high = mm_min(high, mm_max(pcp->high_min, pcp->high_max));
	return mm_max(high, mm_min(pcp->high_min, pcp->high_max));
}

static void set_pcp_books(struct mm_buddy *b, const struct mmsim_snapshot *snap)
{
	for (size_t i = 0; i < snap->nr_pcps; i++) {
		const struct mmsim_snap_pcp *from = &snap->pcps[i];
		struct mm_zone *zone = zone_of(b, snap, from->zone);
		struct mm_pcp *pcp;

		if (!mm_zone_populated(zone))
			continue;
		pcp = mm_per_cpu(&zone->pcps, from->cpu);
		pcp->batch = (int)from->batch;
		pcp->high_min = (int)from->high_min;
		pcp->high_max = (int)from->high_max;
		/* C3: a kernel that never heard of bounds says 0. */
		if (!from->high_min && !from->high_max)
			pcp->high_min = pcp->high_max = (int)from->high;
		pcp->high = from->high ? bounded(pcp, (int)from->high) : 0;
		pcp->free_count = (int)from->free_count;
		pcp->alloc_factor = (uint8_t)from->alloc_factor;
		pcp->flags = (uint8_t)from->flags;
	}
}

static void set_pcp_lists(struct mm_buddy *b, const struct mmsim_snapshot *snap)
{
	for (size_t i = 0; i < snap->nr_pcp_pages; i++) {
		const struct mmsim_snap_pcp_page *from = &snap->pcp_pages[i];
		struct mm_zone *zone = zone_of(b, snap, from->zone);
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, from->cpu);
		struct mmsim_page *page = release(b, from->pfn, from->order);

		if (zone->alt) {
			mm_buddy_alt_free(zone, page, from->order);
			continue;
		}
		page->index = mm_pcp_index((enum mmsim_migratetype)from->migratetype, from->order);
		mm_list_add_tail(&page->lru, &pcp->lists[page->index]);
		pcp->count += 1 << from->order;
	}
}

static uint64_t count_allocated(struct mm_buddy *b, const struct mm_zone *zone)
{
	uint64_t nr = 0;

	for (uint64_t pfn = zone->span.start; pfn < zone->span.end; pfn++) {
		const struct mmsim_page *page = mm_pfn_to_page(b->map, pfn);

		nr += mm_pfn_valid(b->map, pfn) && mm_buddy_page_zone(b, page) == zone &&
		      page->refcount && !(page->flags >> MMSIM_PG_RESERVED & 1);
	}
	return nr;
}

static uint64_t isolated(const struct mm_zone *zone)
{
	uint64_t nr = 0;

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		nr += zone->area[o].nr[MMSIM_MIGRATE_ISOLATE] << o;
	return nr;
}

/* Boosts are not forgotten with the rest. */
static void set_boosts(struct mm_buddy *b, const struct mmsim_snapshot *snap)
{
	for (unsigned i = 0; i < snap->nr_zones; i++) {
		struct mm_zone *zone = zone_of(b, snap, i);

		if (!mm_zone_populated(zone))
			continue;
		zone->watermark_boost = snap->zones[i].boost;
		mm_buddy_set_plenty(zone);
	}
}

/* What the zone manages, by its own account; where that and the pages differ, B4 knows by how much. */
static void set_managed(struct mm_buddy *b, const struct mmsim_snapshot *snap)
{
	for (unsigned i = 0; i < snap->nr_zones; i++) {
		struct mm_zone *zone = zone_of(b, snap, i);
		uint64_t seen;

		if (!mm_zone_populated(zone))
			continue;
		seen = (zone->alt ? zone->alt->ops->validate(zone) : zone->free_pages) +
		       isolated(zone) + mm_buddy_pcp_count(zone) + count_allocated(b, zone);
		zone->managed = snap->zones[i].managed;
		zone->unaccounted = (int64_t)zone->managed - (int64_t)seen;
	}
}

int mm_replay_restore(struct mm_buddy *b, const struct mmsim_snapshot *snap,
		      struct mmsim_replay_error *err)
{
	const struct mmsim_snap_pcp *insane;
	int ret;

	if (!fits(b, snap)) {
		mm_replay_fail(err, "snapshot", 0, "the machine has other zones or fewer CPUs");
		return -EINVAL;
	}
	ret = mm_replay_snapshot_check(b, snap, err);
	if (ret)
		return ret;
	insane = insane_pcp(snap);
	if (insane) {
		mm_replay_fail(err, "snapshot", 0, "zone %u, cpu %u: impossible books of its lists",
			       insane->zone, insane->cpu);
		return -EINVAL;
	}
	mm_buddy_clear(b);
	mm_for_each_zone(zone, b)
		allocate_all(b, zone);
	set_flags(b, snap);
	set_pageblocks(b, snap);
	guess_pageblocks(b, snap);
	mm_for_each_zone(zone, b)
		count_pageblocks(zone);
	set_free_lists(b, snap);
	set_pcp_lists(b, snap);
	set_managed(b, snap);
	mm_buddy_setup_zones(b);
	set_boosts(b, snap);
	set_pcp_books(b, snap);
	mm_buddy_set_open(b, true);
	return 0;
}

static bool reserved(const struct mmsim_page *page)
{
	return page->flags >> MMSIM_PG_RESERVED & 1;
}

/* The kernel has given it away after all. Counterpart: free_reserved_page(). */
static void unreserve(const struct mm_buddy *b, struct mmsim_page *page)
{
	if (!reserved(page))
		return;
	page->flags &= ~(UINT64_C(1) << MMSIM_PG_RESERVED);
	set_allocated(page, 0);
	mm_buddy_page_zone(b, page)->managed++;
}

/* The allocated block that holds page; NULL: it is free. */
static struct mmsim_page *holder(const struct mm_buddy *b, struct mmsim_page *page)
{
	uint64_t pfn = mm_page_to_pfn(b->map, page);

	if (reserved(page))
		return page;
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		uint64_t first = pfn & ~((UINT64_C(1) << o) - 1);
		struct mmsim_page *head = mm_pfn_to_page(b->map, first);

		if (!mm_pfn_valid(b->map, first) || mm_page_is_buddy(head))
			return NULL;
		if (head->refcount)
			return head->order >= o && head->order <= MMSIM_MAX_PAGE_ORDER &&
					       !reserved(head)
				       ? head
				       : NULL;
	}
	return NULL;
}

static void split(struct mmsim_page *head)
{
	unsigned order = head->order;

	for (uint64_t i = 0; i < UINT64_C(1) << order; i++) {
		head[i].refcount = 1;
		head[i].order = 0;
		head[i].movable = head->movable;
	}
}

bool mm_replay_adopt(const struct mm_buddy *b, struct mmsim_page *page, unsigned order)
{
	uint64_t nr = UINT64_C(1) << order;

	if (page->refcount && page->order == order && !reserved(page))
		return true;
	for (uint64_t i = 0; i < nr; i++)
		if (!holder(b, page + i))
			return false;
	for (uint64_t i = 0; i < nr; i++) {
		unreserve(b, page + i);
		split(holder(b, page + i));
	}
	for (uint64_t i = 1; i < nr; i++)
		page[i].refcount = 0;
	page->order = (uint8_t)order;
	return true;
}
