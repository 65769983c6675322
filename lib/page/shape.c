/* SPDX-License-Identifier: MIT */
/* Nodes and zones out of ranges of memory. */
#include "shape.h"

#include "bits.h"
#include "check.h"
#include <errno.h>
#include <stdlib.h>

static int by_start(const void *a, const void *b)
{
	const struct mm_span *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Sort, and merge what touches or overlaps, within a node if `by_node`. Returns what is left. */
static unsigned normalize(struct mm_span *span, unsigned nr, bool by_node)
{
	unsigned kept = 0;

	qsort(span, nr, sizeof(*span), by_start);
	for (unsigned i = 0; i < nr; i++) {
		struct mm_span *last = kept ? &span[kept - 1] : NULL;

		if (last && span[i].start <= last->end && (!by_node || span[i].node == last->node))
			last->end = mm_max(last->end, span[i].end);
		else
			span[kept++] = span[i];
	}
	return kept;
}

static unsigned collect(struct mm_span *span, const struct mmsim_config *cfg, uint32_t kind)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < cfg->nr_ranges; i++) {
		const struct mmsim_range *r = &cfg->range[i];

		if (r->kind == kind)
			span[nr++] = (struct mm_span){
				.start = r->start >> MMSIM_PAGE_SHIFT,
				.end = (r->start + r->bytes) >> MMSIM_PAGE_SHIFT,
				.node = r->node,
			};
	}
	return normalize(span, nr, kind == MMSIM_RANGE_RAM);
}

static void find_nodes(struct mm_shape *shape)
{
	for (unsigned i = 0; i < shape->nr_ram; i++) {
		const struct mm_span *ram = &shape->ram[i];
		struct mm_span *node = &shape->node[ram->node];

		if (node->start == node->end)
			node->start = ram->start;
		node->end = ram->end;
		shape->max_pfn = mm_max(shape->max_pfn, ram->end);
	}
}

static uint64_t ram_between(const struct mm_shape *shape, unsigned node, uint64_t start,
			    uint64_t end)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < shape->nr_ram; i++) {
		uint64_t a = mm_max(shape->ram[i].start, start);
		uint64_t b = mm_min(shape->ram[i].end, end);

		if (shape->ram[i].node == node && a < b)
			sum += b - a;
	}
	return sum;
}

/* Where the node's top `pages` RAM pages begin, on a multiple of the largest block. */
static uint64_t movable_start(const struct mm_shape *shape, unsigned node, uint64_t pages)
{
	uint64_t start = shape->node[node].end;

	for (unsigned i = shape->nr_ram; i-- > 0 && pages;) {
		const struct mm_span *ram = &shape->ram[i];
		uint64_t take;

		if (ram->node != node)
			continue;
		take = mm_min(pages, ram->end - ram->start);
		start = ram->end - take;
		pages -= take;
	}
	return mm_round_up(start, MMSIM_MAX_ORDER_NR_PAGES);
}

static void find_zones(struct mm_shape *shape, unsigned node, uint64_t movable_bytes)
{
	const struct mm_span *span = &shape->node[node];
	uint64_t movable = movable_start(shape, node, movable_bytes >> MMSIM_PAGE_SHIFT);
	uint64_t limit[MMSIM_NR_ZONES] = { MM_PFN_DMA_END, MM_PFN_DMA32_END, UINT64_MAX,
					   UINT64_MAX };
	uint64_t low = 0;

	for (int z = 0; z < MMSIM_NR_ZONES; z++) {
		uint64_t high = z == MMSIM_ZONE_MOVABLE ? limit[z] : mm_min(limit[z], movable);
		uint64_t start = mm_max(low, span->start), end = mm_min(high, span->end);
		uint64_t present = start < end ? ram_between(shape, node, start, end) : 0;

		if (present)
			shape->zone[node][z] = (struct mm_zone_span){ start, end, present };
		low = mm_max(low, high);
	}
}

static void copy_distances(struct mm_shape *shape, const struct mmsim_config *cfg)
{
	for (unsigned a = 0; a < shape->nr_nodes; a++)
		for (unsigned b = 0; b < shape->nr_nodes; b++) {
			uint8_t d = cfg->node[a].distance[b];

			shape->distance[a * shape->nr_nodes + b] =
				d ? d : (uint8_t)(a == b ? 10 : 20);
		}
}

static int alloc_arrays(struct mm_shape *shape, struct mm_meta *meta)
{
	unsigned n = shape->nr_nodes;

	shape->ram = mm_base_meta_calloc(meta, MMSIM_MAX_RANGES, sizeof(*shape->ram));
	shape->reserved = mm_base_meta_calloc(meta, MMSIM_MAX_RANGES, sizeof(*shape->reserved));
	shape->node = mm_base_meta_calloc(meta, n, sizeof(*shape->node));
	shape->zone = mm_base_meta_calloc(meta, n, sizeof(*shape->zone));
	shape->distance = mm_base_meta_calloc(meta, n, n);
	return shape->ram && shape->reserved && shape->node && shape->zone && shape->distance
		       ? 0
		       : -ENOMEM;
}

int mm_page_shape_init(struct mm_shape *shape, struct mm_meta *meta, const struct mmsim_config *cfg)
{
	*shape = (struct mm_shape){ .nr_nodes = cfg->nr_nodes };
	if (alloc_arrays(shape, meta)) {
		mm_page_shape_fini(shape, meta);
		return -ENOMEM;
	}
	shape->nr_ram = collect(shape->ram, cfg, MMSIM_RANGE_RAM);
	shape->nr_reserved = collect(shape->reserved, cfg, MMSIM_RANGE_RESERVED);
	find_nodes(shape);
	for (unsigned node = 0; node < shape->nr_nodes; node++)
		if (shape->node[node].start < shape->node[node].end)
			find_zones(shape, node, cfg->node[node].movable_bytes);
	copy_distances(shape, cfg);
	return 0;
}

void mm_page_shape_fini(struct mm_shape *shape, struct mm_meta *meta)
{
	unsigned n = shape->nr_nodes;

	mm_base_meta_free(meta, shape->ram, MMSIM_MAX_RANGES * sizeof(*shape->ram));
	mm_base_meta_free(meta, shape->reserved, MMSIM_MAX_RANGES * sizeof(*shape->reserved));
	mm_base_meta_free(meta, shape->node, n * sizeof(*shape->node));
	mm_base_meta_free(meta, shape->zone, n * sizeof(*shape->zone));
	mm_base_meta_free(meta, shape->distance, (size_t)n * n);
	*shape = (struct mm_shape){ 0 };
}

/* Index of the first span that ends above pfn; nr if there is none. */
static unsigned first_above(const struct mm_span *span, unsigned nr, uint64_t pfn)
{
	unsigned low = 0, high = nr;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (span[mid].end > pfn)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* The first page at or above pfn that is not reserved, and how far that holds. */
static uint64_t skip_reserved(const struct mm_shape *shape, uint64_t pfn, uint64_t *until)
{
	unsigned i = first_above(shape->reserved, shape->nr_reserved, pfn);

	if (i < shape->nr_reserved && shape->reserved[i].start <= pfn)
		pfn = shape->reserved[i++].end;
	if (i < shape->nr_reserved)
		*until = mm_min(*until, shape->reserved[i].start);
	return pfn;
}

bool mm_page_shape_next_free(const struct mm_shape *shape, unsigned node, uint64_t from,
			     uint64_t end, struct mm_span *out)
{
	unsigned i = first_above(shape->ram, shape->nr_ram, from);

	while (i < shape->nr_ram && shape->ram[i].start < end) {
		const struct mm_span *ram = &shape->ram[i];
		uint64_t until = mm_min(ram->end, end), start;

		if (ram->node != node) {
			i++;
			continue;
		}
		start = skip_reserved(shape, mm_max(ram->start, from), &until);
		if (start < until) {
			*out = (struct mm_span){ start, until, node };
			return true;
		}
		from = start;
		if (start >= ram->end)
			i++;
		else if (start >= end)
			break;
	}
	return false;
}
