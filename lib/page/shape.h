/* SPDX-License-Identifier: MIT */
/*
 * The memory of a machine as the kernel would see it at boot: RAM ranges, reserved ranges, and what
 * they make of nodes and zones. All in page frames. Constant once made.
 *
 * Counterpart: memblock's two arrays after setup, and calculate_node_totalpages(). As there, a zone
 * spans from the node's first to its last page within the zone's limits, holes included.
 *
 *  S1: ram[] is sorted, does not overlap, and adjacent ranges of one node are merged.
 *  S2: reserved[] is sorted, does not overlap or touch, and lies within RAM.
 *  S3: every RAM page is in exactly one zone, of its own node.
 */
#ifndef MM_PAGE_SHAPE_H
#define MM_PAGE_SHAPE_H

#include "meta.h"
#include <mmsim/config.h>
#include <mmsim/gfp.h>
#include <stdbool.h>

#define MM_PFN_DMA_END (UINT64_C(16) << 20 >> MMSIM_PAGE_SHIFT)
#define MM_PFN_DMA32_END (UINT64_C(4) << 30 >> MMSIM_PAGE_SHIFT)

struct mm_span {
	uint64_t start, end; /* [start, end) */
	unsigned node; /* of RAM */
};

struct mm_zone_span {
	uint64_t start, end; /* start == end: no such zone */
	uint64_t present; /* RAM pages in it */
};

struct mm_shape {
	unsigned nr_nodes;
	unsigned nr_ram;
	unsigned nr_reserved;
	uint64_t max_pfn;
	struct mm_span *ram;
	struct mm_span *reserved;
	struct mm_span *node; /* [nr_nodes]; start == end: no memory */
	struct mm_zone_span (*zone)[MMSIM_NR_ZONES]; /* [nr_nodes] */
	uint8_t *distance; /* [nr_nodes][nr_nodes] */
};

/* cfg has passed mmsim_config_check(). 0 or -ENOMEM. */
int mm_page_shape_init(struct mm_shape *shape, struct mm_meta *meta,
		       const struct mmsim_config *cfg);
void mm_page_shape_fini(struct mm_shape *shape, struct mm_meta *meta);

/*
 * The next piece of RAM of `node` that is not reserved, at or above `from` and below `end`. False:
 * there is none. Counterpart: for_each_free_mem_pfn_range_in_zone. Cost: O(log ranges).
 */
bool mm_page_shape_next_free(const struct mm_shape *shape, unsigned node, uint64_t from,
			     uint64_t end, struct mm_span *out);

#endif
