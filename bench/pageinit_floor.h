/* SPDX-License-Identifier: MIT */
/*
 * How fast the struct pages that deferred init has to write can be written at all.
 *
 * The same memory, the same number of threads on every node, all nodes at the same time, but
 * nothing but stores. What is overwritten is worthless afterwards: the machine must be reset before
 * it boots again.
 */
#ifndef BENCH_PAGEINIT_FLOOR_H
#define BENCH_PAGEINIT_FLOOR_H

#include "harness/machine.h"

#include <mmsim/mmsim.h>

/* The struct pages of one node that are filled. */
struct floor_node {
	unsigned node;
	char *start;
	size_t bytes; /* 0: this node deferred nothing */
};

struct floor_map {
	unsigned nr_nodes;
	uint64_t pages; /* struct pages filled, all nodes */
	struct floor_node node[MMSIM_MAX_NODES];
};

/* ns per struct page; NaN if it could not be measured. */
struct floor_cost {
	double memset_ns;
	double stream_ns;
	double best_ns; /* the faster of the two: that is the limit */
};

/*
 * Find, on a booted machine, the biggest contiguous part of what each node deferred. It stays where
 * it is over resets.
 */
void floor_find(struct floor_map *map, struct mmsim *m, const struct mmsim_config *cfg,
		const struct mmsim_boot_report *report);

/* Measure, on a machine that is reset. */
void floor_measure(const struct floor_map *map, const struct mmsim_config *cfg, unsigned threads,
		   struct floor_cost *cost);

#endif
