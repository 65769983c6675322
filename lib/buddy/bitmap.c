/* SPDX-License-Identifier: MIT */
/* Page frames in bitmaps: making and unmaking, and the table. */
#include "bitmap.h"

#include "bits.h"
#include "bitmap_search.h"
#include <errno.h>
#include <string.h>

static int alloc_trees(struct mm_bitmap *bm)
{
	const struct mm_exec_ops *ops = bm->exec->ops;
	size_t one = sizeof(*bm->tree) + MM_TREE_CHILDREN * sizeof(*bm->field);

	bm->bytes = bm->nr_trees * one;
	bm->tree = mm_base_meta_calloc(bm->exec->meta, bm->nr_trees, one);
	if (!bm->tree)
		return -ENOMEM;
	bm->field = (struct mm_bitmap_field *)(bm->tree + bm->nr_trees);
	return ops->region
		       ? ops->region(bm->exec, bm->tree, bm->bytes, MM_CACHE_LINE, bm->zone->node)
		       : 0;
}

static void bitmap_fini(struct mm_zone *zone)
{
	struct mm_bitmap *bm = mm_bitmap_of(zone);
	struct mm_meta *meta = bm->exec->meta;

	if (bm->cpus.base)
		mm_sync_percpu_free(&bm->cpus, bm->exec);
	mm_base_meta_free(meta, bm->tree, bm->bytes);
	mm_base_meta_free(meta, bm, sizeof(*bm));
	zone->alt = NULL;
}

static int bitmap_init(struct mm_zone *zone)
{
	struct mm_bitmap *bm = mm_base_meta_alloc(zone->exec->meta, sizeof(*bm));
	int err;

	if (!bm)
		return -ENOMEM;
	bm->alt.ops = &mm_buddy_bitmap_ops;
	bm->zone = zone;
	bm->exec = zone->exec;
	bm->base = mm_round_down(zone->span.start, MM_TREE_PAGES);
	bm->nr_trees = mm_div_round_up(zone->span.end - bm->base, MM_TREE_PAGES);
	zone->alt = &bm->alt;
	err = alloc_trees(bm);
	if (!err)
		err = mm_sync_percpu_alloc(&bm->cpus, bm->exec, sizeof(struct mm_bitmap_cpu));
	if (err)
		bitmap_fini(zone);
	return err;
}

static void bitmap_clear(struct mm_zone *zone)
{
	struct mm_bitmap *bm = mm_bitmap_of(zone);

	memset(bm->tree, 0, bm->bytes);
	memset(bm->cpus.base, 0, bm->cpus.nr * bm->cpus.stride);
	zone->free_pages = 0;
}

static struct mmsim_page *bitmap_rmqueue(struct mm_zone *zone, unsigned order,
					 enum mmsim_migratetype mt)
{
	struct mm_bitmap *bm = mm_bitmap_of(zone);
	enum mm_bitmap_kind kind = mm_bitmap_kind_of(order, mt);
	uint64_t frame = mm_buddy_bitmap_get_own(bm, kind, order);
	struct mmsim_page *page;

	if (mm_unlikely(frame == MM_BITMAP_NONE))
		frame = mm_buddy_bitmap_get_any(bm, kind, order);
	if (mm_unlikely(frame == MM_BITMAP_NONE))
		return NULL;
	page = mm_pfn_to_page(zone->map, bm->base + frame);
	mm_exec_charge(zone->exec, MM_CHARGE_TOUCH, page, sizeof(*page));
	return page;
}

static void bitmap_free(struct mm_zone *zone, struct mmsim_page *page, unsigned order)
{
	struct mm_bitmap *bm = mm_bitmap_of(zone);
	uint64_t frame = mm_page_to_pfn(zone->map, page) - bm->base;

	mm_assert(!(frame & ((UINT64_C(1) << order) - 1)));
	mm_assert(frame + (UINT64_C(1) << order) <= bm->nr_trees * MM_TREE_PAGES);
	mm_buddy_tree_put(bm, frame, order);
	mm_buddy_bitmap_freed(bm, frame / MM_TREE_PAGES, 1u << order);
}

/* Each CPU also tells the zone of its share of the trees: after all CPUs' turns free_pages is exact. */
static void bitmap_drain(struct mm_zone *zone, unsigned cpu)
{
	struct mm_bitmap *bm = mm_bitmap_of(zone);
	uint64_t nr_cpus = bm->exec->nr_cpus;

	mm_buddy_bitmap_drain_cpu(bm, cpu);
	for (uint64_t t = cpu * bm->nr_trees / nr_cpus; t < (cpu + 1) * bm->nr_trees / nr_cpus; t++)
		mm_buddy_tree_tell(bm, t, 1);
}

const struct mm_alt_ops mm_buddy_bitmap_ops = {
	.name = "bitmap",
	.init = bitmap_init,
	.fini = bitmap_fini,
	.clear = bitmap_clear,
	.rmqueue = bitmap_rmqueue,
	.free = bitmap_free,
	.drain = bitmap_drain,
	.count = mm_buddy_bitmap_count,
	.validate = mm_buddy_bitmap_validate,
};
