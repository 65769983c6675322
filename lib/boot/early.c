/* SPDX-License-Identifier: MIT */
/*
 * Early init: what must be there before the other CPUs are up. One thread, in the caller.
 *
 * Everything is initialised first, holes and reserved pages as reserved ones, and then freed in the
 * largest aligned pieces, since merging looks at neighbours.
 */
#include "bits.h"
#include "boot.h"
#include "watermark.h"

#define RESERVED (UINT64_C(1) << MMSIM_PG_RESERVED)

/* Where early init of a node's zone ends. */
static uint64_t early_end(const struct mm_boot *boot, const struct mm_zone *zone)
{
	const struct mm_boot_node *node = &boot->nodes[zone->node];

	return zone == node->last ? mm_min(node->first_deferred, zone->span.end) : zone->span.end;
}

static void init_reserved(const struct mm_boot *boot, unsigned node, uint64_t start, uint64_t end)
{
	if (start < end)
		mm_boot_init_pages(boot, node, start, end, RESERVED, 1, false);
}

/*
 * A hole that shares a subsection with RAM, of which `edge` is the next page: of the same zone, since
 * zones meet on larger multiples, though it may lie outside what the zone spans.
 */
static void init_hole(const struct mm_boot *boot, unsigned node, uint64_t start, uint64_t end,
		      uint64_t edge)
{
	struct mm_page_init init = {
		.exec = boot->exec,
		.map = boot->map,
		.node = node,
		.flags = RESERVED,
		.refcount = 1,
	};

	while (edge >= boot->shape->zone[node][init.zone].end)
		init.zone++;
	if (start < end)
		mm_page_init(&init, start, end - start);
}

/*
 * What of a valid subsection is not RAM. A hole belongs to the range below it if that reaches into
 * the same subsection, otherwise to the one above.
 */
static void init_holes(const struct mm_boot *boot, unsigned i)
{
	const struct mm_shape *shape = boot->shape;
	const struct mm_span *ram = &shape->ram[i];
	uint64_t below = i ? mm_round_up(shape->ram[i - 1].end, MMSIM_PAGES_PER_SUBSECTION) : 0;
	uint64_t above = i + 1 < shape->nr_ram ? shape->ram[i + 1].start : UINT64_MAX;
	uint64_t first = mm_round_down(ram->start, MMSIM_PAGES_PER_SUBSECTION);
	uint64_t last = mm_round_up(ram->end, MMSIM_PAGES_PER_SUBSECTION);

	init_hole(boot, ram->node, mm_max(first, below), ram->start, ram->start);
	init_hole(boot, ram->node, ram->end, mm_min(last, above), ram->end - 1);
}

static void init_reserved_ranges(const struct mm_boot *boot)
{
	const struct mm_shape *shape = boot->shape;

	for (unsigned i = 0; i < shape->nr_reserved; i++)
		for (unsigned j = 0; j < shape->nr_ram; j++)
			init_reserved(boot, shape->ram[j].node,
				      mm_max(shape->reserved[i].start, shape->ram[j].start),
				      mm_min(shape->reserved[i].end, shape->ram[j].end));
}

/* Call fn on every free piece of the early part of the zone. */
static uint64_t for_each_free(struct mm_boot *boot, struct mm_zone *zone,
			      void (*fn)(struct mm_boot *boot, const struct mm_span *free))
{
	uint64_t at = zone->span.start, end = early_end(boot, zone), pages = 0;
	struct mm_span free;

	while (mm_page_shape_next_free(boot->shape, zone->node, at, end, &free)) {
		fn(boot, &free);
		pages += free.end - free.start;
		at = free.end;
	}
	return pages;
}

static void init_piece(struct mm_boot *boot, const struct mm_span *free)
{
	bool streaming = boot->nodes[free->node].streaming;

	mm_boot_init_pages(boot, free->node, free->start, free->end, 0, !streaming, streaming);
}

/* Counterpart: __free_pages_memory(). */
static void free_piece(struct mm_boot *boot, const struct mm_span *free)
{
	bool streaming = boot->nodes[free->node].streaming;
	uint64_t pfn = free->start;

	while (pfn < free->end) {
		unsigned order = MMSIM_MAX_PAGE_ORDER;

		if (pfn)
			order = mm_min(order, (unsigned)__builtin_ctzll(pfn));
		while (pfn + (UINT64_C(1) << order) > free->end)
			order--;
		mm_buddy_free_pages_core(boot->buddy, pfn, order, streaming);
		pfn += UINT64_C(1) << order;
	}
}

static bool want_streaming(const struct mm_boot *boot, const struct mm_boot_node *node)
{
	const uint64_t most = UINT64_C(64) << 20; /* bytes of struct pages that a cache may hold */
	uint64_t present = 0;

	for (int z = 0; z < MMSIM_NR_ZONES; z++)
		present += boot->shape->zone[node->nid][z].present;
	if (boot->stores == MMSIM_STORES_AUTO)
		return present * sizeof(struct mmsim_page) >= most;
	return boot->stores == MMSIM_STORES_STREAMING;
}

static void prepare_node(struct mm_boot *boot, struct mm_boot_node *node)
{
	node->streaming = want_streaming(boot, node);
	if (boot->defer && node->last)
		node->first_deferred =
			mm_boot_find_deferred(boot->shape, node->nid, &node->last->span);
}

void mm_boot_early(struct mm_boot *boot)
{
	uint64_t began = mm_exec_now(boot->exec);

	for (unsigned i = 0; i < boot->nr_nodes; i++)
		prepare_node(boot, &boot->nodes[i]);
	for (unsigned i = 0; i < boot->shape->nr_ram; i++)
		init_holes(boot, i);
	boot->early_pages = 0;
	mm_for_each_zone(zone, boot->buddy)
		boot->early_pages += for_each_free(boot, zone, init_piece);
	init_reserved_ranges(boot);
	mm_for_each_zone(zone, boot->buddy)
		for_each_free(boot, zone, free_piece);
	mm_buddy_setup_zones(boot->buddy);
	boot->early_ns = mm_exec_now(boot->exec) - began;
	mm_buddy_set_open(boot->buddy, true);
}
