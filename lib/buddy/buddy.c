/* SPDX-License-Identifier: MIT */
/* The page allocator of a machine: making, emptying and filling it. */
#include "buddy.h"

#include "alt.h"
#include "bits.h"
#include "poison.h"
#include "watermark.h"
#include <errno.h>

static int init_zone(struct mm_buddy *b, struct mm_zone *zone, const struct mm_buddy_config *cfg,
		     unsigned index)
{
	unsigned node = index / MMSIM_NR_ZONES, type = index % MMSIM_NR_ZONES;
	int err;

	zone->exec = cfg->exec;
	zone->map = cfg->map;
	zone->obs = cfg->obs;
	zone->policy = &b->policy;
	zone->rng = mm_rng_split(cfg->exec->seed, index);
	zone->type = (enum mmsim_zone_type)type;
	zone->node = node;
	zone->span = cfg->shape->zone[node][type];
	if (!mm_zone_populated(zone))
		return 0;
	err = mm_buddy_zone_init(zone, cfg->exec->meta, cfg->locks);
	if (err)
		zone->span = (struct mm_zone_span){ 0 };
	return err;
}

static int alloc_arrays(struct mm_buddy *b, struct mm_meta *meta)
{
	size_t nr = b->nr_nodes * MMSIM_NR_ZONES;

	b->zones = mm_base_meta_calloc(meta, nr, sizeof(*b->zones));
	b->zonelists = mm_base_meta_calloc(meta, b->nr_nodes, sizeof(*b->zonelists));
	b->zonelist_memory =
		mm_base_meta_calloc(meta, b->nr_nodes * nr, sizeof(*b->zonelist_memory));
	b->zone_of_bits =
		mm_base_meta_calloc(meta, b->nr_nodes * MM_NODE_STRIDE, sizeof(*b->zone_of_bits));
	return b->zones && b->zonelists && b->zonelist_memory && b->zone_of_bits ? 0 : -ENOMEM;
}

/* What stands before the lists, or in place of them. */
static int init_fronts(struct mm_buddy *b, const struct mm_buddy_config *cfg)
{
	const struct mm_alt_ops *ops = mm_buddy_alt_ops(b->policy.allocator);
	int err = 0;

	mm_for_each_zone(zone, b) {
		if (!err)
			err = mm_buddy_pcp_init(zone, cfg->locks);
		if (!err && ops)
			err = ops->init(zone);
	}
	return err;
}

int mm_buddy_init(struct mm_buddy *b, const struct mm_buddy_config *cfg)
{
	int err;

	*b = (struct mm_buddy){
		.exec = cfg->exec,
		.log = cfg->log,
		.map = cfg->map,
		.obs = cfg->obs,
		.pages = cfg->pages,
		.topology = cfg->topology,
		.nr_nodes = cfg->shape->nr_nodes,
		.policy = *cfg->policy,
	};
	err = alloc_arrays(b, cfg->exec->meta);
	for (unsigned i = 0; !err && i < b->nr_nodes * MMSIM_NR_ZONES; i++)
		err = init_zone(b, &b->zones[i], cfg, i);
	if (!err)
		err = init_fronts(b, cfg);
	if (err) {
		mm_buddy_fini(b);
		return err;
	}
	mm_for_each_zone(zone, b)
		b->zone_of_bits[zone->node * MM_NODE_STRIDE + zone->type] = zone;
	mm_buddy_build_zonelists(b, cfg->shape);
	return 0;
}

void mm_buddy_set_open(struct mm_buddy *b, bool open)
{
	bool watched = false;

	/* Only the lists of Linux have the short way, and poisoning looks at every page. */
	watched = b->policy.allocator || b->policy.flags & MMSIM_POLICY_POISON;
	/* All locks of a machine are watched, or none. */
	mm_for_each_zone(zone, b)
		watched |= zone->lock.lock.watched;
	__atomic_store_n(&b->bare, open && !watched && !b->obs->sink, __ATOMIC_RELEASE);
	__atomic_store_n(&b->open, open, __ATOMIC_RELEASE);
}

void mm_buddy_fini(struct mm_buddy *b)
{
	struct mm_meta *meta = b->exec->meta;
	size_t nr = b->nr_nodes * MMSIM_NR_ZONES;

	if (b->zones) {
		mm_for_each_zone(zone, b) {
			if (zone->alt)
				zone->alt->ops->fini(zone);
			if (zone->pcps.base)
				mm_buddy_pcp_fini(zone);
			mm_buddy_zone_fini(zone, meta);
		}
	}
	mm_base_meta_free(meta, b->zonelist_memory, b->nr_nodes * nr * sizeof(*b->zonelist_memory));
	mm_base_meta_free(meta, b->zone_of_bits,
			  b->nr_nodes * MM_NODE_STRIDE * sizeof(*b->zone_of_bits));
	mm_base_meta_free(meta, b->zonelists, b->nr_nodes * sizeof(*b->zonelists));
	mm_base_meta_free(meta, b->zones, nr * sizeof(*b->zones));
	b->zones = NULL;
}

void mm_buddy_clear(struct mm_buddy *b)
{
	mm_buddy_set_open(b, false);
	mm_for_each_zone(zone, b) {
		/* The same after a reset as after creation. */
		zone->rng = mm_rng_split(b->exec->seed, (uint64_t)(zone - b->zones));
		zone->rng_nr_bits = 0;
		mm_buddy_zone_clear(zone);
		mm_buddy_pcp_clear(zone);
		if (zone->alt)
			zone->alt->ops->clear(zone);
	}
	mm_buddy_setup_zones(b);
}

void mm_buddy_free_pages_core(struct mm_buddy *b, uint64_t pfn, unsigned order, bool pages_ready)
{
	struct mmsim_page *page = mm_pfn_to_page(b->map, pfn);
	struct mm_zone *zone = mm_buddy_page_zone(b, page);
	uint64_t nr = UINT64_C(1) << order;

	if (!pages_ready)
		for (uint64_t i = 0; i < nr; i++)
			page[i].refcount = 0;
	mm_buddy_poison_pages(b, page, order);
	if (zone->alt) {
		__atomic_add_fetch(&zone->managed, nr, __ATOMIC_RELAXED);
		mm_buddy_alt_free(zone, page, order);
		return;
	}
	mm_spin_lock(&zone->lock);
	__atomic_store_n(&zone->managed, zone->managed + nr, __ATOMIC_RELAXED);
	mm_buddy_free_one_page(zone, page, order, mm_zone_migratetype(zone, pfn), MM_FPI_TO_TAIL);
	mm_spin_unlock(&zone->lock);
}

void mm_buddy_drain_all(struct mm_buddy *b)
{
	mm_for_each_zone(zone, b) {
		if (!zone->alt)
			mm_buddy_pcp_drain_all(zone);
		for (unsigned cpu = 0; zone->alt && cpu < b->exec->nr_cpus; cpu++)
			zone->alt->ops->drain(zone, cpu);
	}
}
