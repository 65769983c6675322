/* SPDX-License-Identifier: MIT */
/* Initialising a range of struct pages and freeing it to the buddy. */
#include "bits.h"
#include "boot.h"

void mm_boot_init_pages(const struct mm_boot *boot, unsigned node, uint64_t start, uint64_t end,
			uint64_t flags, int32_t refcount, bool streaming)
{
	for (int z = 0; z < MMSIM_NR_ZONES; z++) {
		const struct mm_zone_span *span = &boot->shape->zone[node][z];
		uint64_t a = mm_max(start, span->start), b = mm_min(end, span->end);
		struct mm_page_init init = {
			.exec = boot->exec,
			.map = boot->map,
			.node = node,
			.zone = (enum mmsim_zone_type)z,
			.flags = flags,
			.refcount = refcount,
			.streaming = streaming,
		};

		if (a < b)
			mm_page_init(&init, a, b - a);
	}
}

/* With streaming stores the pages are written once, as they are when free. */
static void init_free(const struct mm_boot *boot, const struct mm_boot_node *node, uint64_t start,
		      uint64_t end)
{
	mm_boot_init_pages(boot, node->nid, start, end, 0, !node->streaming, node->streaming);
}

static void free_one_by_one(struct mm_boot *boot, const struct mm_boot_node *node, uint64_t start,
			    uint64_t end)
{
	for (uint64_t pfn = start; pfn < end; pfn++)
		mm_buddy_free_pages_core(boot->buddy, pfn, 0, node->streaming);
}

/* A block with holes or reserved pages: first all of it is initialised, then all freed (D2). */
static uint64_t init_ragged_block(struct mm_boot *boot, const struct mm_boot_node *node,
				  uint64_t start, uint64_t end)
{
	struct mm_span free;
	uint64_t pages = 0;

	for (uint64_t at = start; mm_page_shape_next_free(boot->shape, node->nid, at, end, &free);
	     at = free.end) {
		init_free(boot, node, free.start, free.end);
		pages += free.end - free.start;
	}
	for (uint64_t at = start; mm_page_shape_next_free(boot->shape, node->nid, at, end, &free);
	     at = free.end)
		free_one_by_one(boot, node, free.start, free.end);
	return pages;
}

static uint64_t init_whole_block(struct mm_boot *boot, const struct mm_boot_node *node,
				 uint64_t start)
{
	init_free(boot, node, start, start + MMSIM_MAX_ORDER_NR_PAGES);
	mm_buddy_free_pages_core(boot->buddy, start, MMSIM_MAX_PAGE_ORDER, node->streaming);
	return MMSIM_MAX_ORDER_NR_PAGES;
}

uint64_t mm_boot_init_chunk(struct mm_boot *boot, const struct mm_boot_node *node, uint64_t start,
			    uint64_t end)
{
	struct mm_span free = { 0 };
	uint64_t pages = 0;

	while (start < end) {
		uint64_t block = mm_round_down(start, MMSIM_MAX_ORDER_NR_PAGES);
		uint64_t stop = mm_min(block + MMSIM_MAX_ORDER_NR_PAGES, end);

		if (start >= free.end &&
		    !mm_page_shape_next_free(boot->shape, node->nid, start, end, &free))
			break;
		if (free.start >= stop) {
			start = free.start;
			continue;
		}
		if (block >= free.start && block == start &&
		    block + MMSIM_MAX_ORDER_NR_PAGES <= free.end)
			pages += init_whole_block(boot, node, block);
		else
			pages += init_ragged_block(boot, node, start, stop);
		start = stop;
		mm_exec_resched(boot->exec);
	}
	return pages;
}

uint64_t mm_boot_find_deferred(const struct mm_shape *shape, unsigned node,
			       const struct mm_zone_span *last)
{
	uint64_t seen = 0; /* RAM of the zone below the range: per zone, not per range */

	for (unsigned i = 0; i < shape->nr_ram; i++) {
		uint64_t start = mm_max(shape->ram[i].start, last->start);
		uint64_t end = mm_min(shape->ram[i].end, last->end), first;

		if (shape->ram[i].node != node || start >= end)
			continue;
		first = start;
		if (seen < MMSIM_PAGES_PER_SECTION)
			first += MMSIM_PAGES_PER_SECTION - seen;
		first = mm_round_up(first, MMSIM_PAGES_PER_SECTION);
		if (first < end)
			return first;
		seen += end - start;
	}
	return MM_NOT_DEFERRED;
}
