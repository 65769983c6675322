/* SPDX-License-Identifier: MIT */
/*
 * The order in which zones are tried, from each node: nearest node first, and within a node from the
 * highest zone down, so that the scarce low memory is used last.
 *
 * Counterpart: build_zonelists(), find_next_best_node(). Among equally distant nodes a node
 * comes before lower-numbered ones than the one asked, ones without CPUs before those with, and ones
 * that fewer nodes have chosen so far before those that more have, so that the load is spread.
 */
#include "buddy.h"

struct choice {
	uint64_t used; /* bit per node: in this list already */
	unsigned load[MMSIM_MAX_NODES];
};

static unsigned distance(const struct mm_shape *shape, unsigned from, unsigned to)
{
	return shape->distance[from * shape->nr_nodes + to];
}

static bool has_memory(const struct mm_shape *shape, unsigned node)
{
	return shape->node[node].start < shape->node[node].end;
}

static unsigned penalty(const struct mm_buddy *b, const struct mm_shape *shape,
			const struct choice *c, unsigned from, unsigned to)
{
	unsigned val = distance(shape, from, to);

	val += to < from;
	val += b->topology->nr_node_cpus[to] != 0;
	/* Distance decides, load only between equals. */
	return val * MMSIM_MAX_NODES + c->load[to];
}

/* The next node for from's list, or nr_nodes when all are in it. */
static unsigned next_node(const struct mm_buddy *b, const struct mm_shape *shape, struct choice *c,
			  unsigned from)
{
	unsigned best = b->nr_nodes, least = UINT32_MAX;

	if (!(c->used >> from & 1) && has_memory(shape, from))
		best = from;
	for (unsigned to = 0; best != from && to < b->nr_nodes; to++) {
		unsigned val = penalty(b, shape, c, from, to);

		if (!(c->used >> to & 1) && has_memory(shape, to) && val < least) {
			least = val;
			best = to;
		}
	}
	if (best < b->nr_nodes)
		c->used |= UINT64_C(1) << best;
	return best;
}

static void add_node(struct mm_buddy *b, struct mm_zonelist *list, unsigned node)
{
	for (unsigned type = MMSIM_NR_ZONES; type-- > 0;) {
		struct mm_zone *zone = mm_buddy_zone(b, node, type);

		if (mm_zone_populated(zone))
			list->zone[list->nr++] = zone;
	}
}

static void find_preferred(struct mm_zonelist *list)
{
	for (unsigned type = 0; type < MMSIM_NR_ZONES; type++)
		for (unsigned i = 0; i < list->nr && !list->preferred[type]; i++)
			if (list->zone[i]->type <= type)
				list->preferred[type] = list->zone[i];
}

void mm_buddy_build_zonelists(struct mm_buddy *b, const struct mm_shape *shape)
{
	struct choice c = { 0 };

	for (unsigned from = 0; from < b->nr_nodes; from++) {
		struct mm_zonelist *list = &b->zonelists[from];
		unsigned prev = from, node;

		c.used = 0;
		list->zone = &b->zonelist_memory[from * b->nr_nodes * MMSIM_NR_ZONES];
		while ((node = next_node(b, shape, &c, from)) < b->nr_nodes) {
			add_node(b, list, node);
			/* So that not all nodes go to the same one first when they must go away. */
			if (distance(shape, from, node) != distance(shape, from, prev))
				c.load[node]++;
			prev = node;
		}
		find_preferred(list);
	}
}
