/* SPDX-License-Identifier: MIT */
/*
 * A random layout of memory, drawn page by page into two arrays and then written down as ranges: the
 * arrays are the naive model of whatever is made of the ranges.
 */
#ifndef TEST_RANDOM_SHAPE_H
#define TEST_RANDOM_SHAPE_H

#include "bits.h"
#include "rng.h"
#include <mmsim/config.h>
#include <mmsim/gfp.h>
#include <stdbool.h>
#include <string.h>

#define RANDOM_SHAPE_PAGES 8192u /* over the end of zone DMA, many subsections */

struct random_shape {
	unsigned nr_nodes; /* 1 to 4 */
	int8_t node[RANDOM_SHAPE_PAGES]; /* of RAM; -1: hole */
	bool reserved[RANDOM_SHAPE_PAGES];
};

static inline void random_shape_range(struct mmsim_config *cfg, enum mmsim_range_kind kind,
				      int node, uint64_t start, uint64_t end)
{
	cfg->range[cfg->nr_ranges++] = (struct mmsim_range){
		.start = start * MMSIM_PAGE_SIZE,
		.bytes = (end - start) * MMSIM_PAGE_SIZE,
		.node = (uint32_t)node,
		.kind = kind,
	};
}

/* RAM with cuts in places where no border is, so that touching ranges come up. */
static inline void random_shape_ram(struct random_shape *r, struct mmsim_config *cfg,
				    struct mm_rng *rng)
{
	for (uint64_t at = 0; at < RANDOM_SHAPE_PAGES;) {
		uint64_t nr = 1 + mm_rng_below(rng, mm_rng_below(rng, 4) ? 900 : 20);
		uint64_t end = mm_min(at + nr, (uint64_t)RANDOM_SHAPE_PAGES);
		int node = (int)mm_rng_below(rng, r->nr_nodes + 1) - 1;

		if (cfg->nr_ranges == 300)
			node = -1;
		memset(r->node + at, node, end - at);
		if (node >= 0)
			random_shape_range(cfg, MMSIM_RANGE_RAM, node, at, end);
		at = end;
	}
}

/* Pieces of RAM ranges, and whole ones, that overlap each other. */
static inline void random_shape_reserved(struct random_shape *r, struct mmsim_config *cfg,
					 struct mm_rng *rng)
{
	uint32_t nr_ram = cfg->nr_ranges, nr = (uint32_t)mm_rng_below(rng, 2 * nr_ram + 1);

	for (uint32_t i = 0; i < nr && cfg->nr_ranges < MMSIM_MAX_RANGES; i++) {
		const struct mmsim_range *ram = &cfg->range[mm_rng_below(rng, nr_ram)];
		uint64_t start = ram->start / MMSIM_PAGE_SIZE, pages = ram->bytes / MMSIM_PAGE_SIZE;
		uint64_t skip = mm_rng_below(rng, 2) ? mm_rng_below(rng, pages) : 0;
		uint64_t take =
			mm_rng_below(rng, 3) ? 1 + mm_rng_below(rng, pages - skip) : pages - skip;

		memset(r->reserved + start + skip, true, take);
		random_shape_range(cfg, MMSIM_RANGE_RESERVED, (int)ram->node, start + skip,
				   start + skip + take);
	}
}

static inline void random_shape_shuffle(struct mmsim_config *cfg, struct mm_rng *rng)
{
	for (uint32_t i = cfg->nr_ranges; i > 1; i--) {
		uint64_t j = mm_rng_below(rng, i);
		struct mmsim_range swap = cfg->range[j];

		cfg->range[j] = cfg->range[i - 1];
		cfg->range[i - 1] = swap;
	}
}

/* Replaces nodes and ranges of cfg. There may be no RAM at all. */
static inline void random_shape_make(struct random_shape *r, struct mmsim_config *cfg,
				     uint64_t seed)
{
	struct mm_rng rng = mm_rng_split(seed, 0);

	memset(r, 0, sizeof(*r));
	r->nr_nodes = 1 + (unsigned)mm_rng_below(&rng, 4);
	cfg->nr_nodes = r->nr_nodes;
	cfg->nr_ranges = 0;
	for (unsigned i = 0; i < r->nr_nodes; i++)
		cfg->node[i].movable_bytes =
			mm_rng_below(&rng, 2) ? mm_rng_below(&rng, 40) << 20 : 0;
	random_shape_ram(r, cfg, &rng);
	if (cfg->nr_ranges)
		random_shape_reserved(r, cfg, &rng);
	random_shape_shuffle(cfg, &rng);
}

#endif
