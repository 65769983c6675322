/* SPDX-License-Identifier: MIT */
/* How fast the struct pages that deferred init has to write can be written at all. */
#include "pageinit_floor.h"

#include "harness/host.h"
#include "harness/stream.h"
#include "harness/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More threads than this per host CPU only measure the host's scheduler. */
#define FLOOR_THREADS_PER_CPU 4

struct pfn_range {
	uint64_t start;
	uint64_t end;
};

static uint64_t range_size(struct pfn_range r)
{
	return r.end > r.start ? r.end - r.start : 0;
}

/* Pages from the node's highest zone: only there is anything deferred. */
static struct pfn_range last_zone(struct mmsim *m, unsigned node)
{
	struct mmsim_zone_info info;

	for (int type = MMSIM_NR_ZONES - 1; type >= 0; type--)
		if (mmsim_zone_info(m, node, (enum mmsim_zone_type)type, &info) == 0 &&
		    info.spanned)
			return (struct pfn_range){ info.start_pfn, info.start_pfn + info.spanned };
	return (struct pfn_range){ 0, 0 };
}

static bool is_ram(const struct mmsim_range *range, unsigned node)
{
	return range->kind == MMSIM_RANGE_RAM && range->node == node;
}

/* Ranges of a config come in any order and may touch: follow them upwards as far as they go. */
static uint64_t contiguous_end(const struct mmsim_config *cfg, unsigned node, uint64_t end)
{
	for (uint32_t i = 0; i < cfg->nr_ranges; i++) {
		const struct mmsim_range *range = &cfg->range[i];

		if (is_ram(range, node) && range->start == end) {
			end += range->bytes;
			i = UINT32_MAX; /* start over */
		}
	}
	return end;
}

static struct pfn_range biggest_range(const struct mmsim_config *cfg, unsigned node,
				      struct pfn_range zone)
{
	struct pfn_range best = { 0, 0 };

	for (uint32_t i = 0; i < cfg->nr_ranges; i++) {
		const struct mmsim_range *range = &cfg->range[i];
		struct pfn_range r;

		if (!is_ram(range, node))
			continue;
		r.start = range->start >> MMSIM_PAGE_SHIFT;
		r.end = contiguous_end(cfg, node, range->start + range->bytes) >> MMSIM_PAGE_SHIFT;
		r.start = r.start > zone.start ? r.start : zone.start;
		r.end = r.end < zone.end ? r.end : zone.end;
		if (range_size(r) > range_size(best))
			best = r;
	}
	return best;
}

/* What is deferred is the end of the zone, so take the end of the range. */
static void find_node(struct floor_node *out, struct mmsim *m, const struct mmsim_config *cfg,
		      unsigned node, uint64_t deferred)
{
	struct pfn_range r = biggest_range(cfg, node, last_zone(m, node));

	memset(out, 0, sizeof(*out));
	out->node = node;
	if (range_size(r) > deferred)
		r.start = r.end - deferred;
	if (range_size(r) == 0 || !mmsim_pfn_valid(m, r.start) || !mmsim_pfn_valid(m, r.end - 1))
		return;
	out->start = (char *)mmsim_pfn_to_page(m, r.start);
	out->bytes = range_size(r) * sizeof(struct mmsim_page);
}

void floor_find(struct floor_map *map, struct mmsim *m, const struct mmsim_config *cfg,
		const struct mmsim_boot_report *report)
{
	memset(map, 0, sizeof(*map));
	for (unsigned node = 0; node < cfg->nr_nodes; node++) {
		struct floor_node *out = &map->node[map->nr_nodes];

		find_node(out, m, cfg, node, report->node[node].pages);
		map->nr_nodes += out->bytes > 0;
		map->pages += out->bytes / sizeof(struct mmsim_page);
	}
}

/* The k-th CPU of a node, counting round and round; simulated CPU i runs on host CPU i. */
static int node_cpu(const struct mmsim_config *cfg, unsigned node, unsigned k)
{
	unsigned nr = machine_node_cpus(cfg, (int)node);
	unsigned seen = 0;

	if (nr == 0) /* memory without CPUs: anybody's */
		return host_cpu(k);
	for (unsigned i = 0; i < cfg->nr_cpus; i++)
		if (cfg->cpu[i].node == node && seen++ == k % nr)
			return host_cpu(i);
	return host_cpu(k);
}

/* Equal shares of whole cache lines; the last takes what is left. */
static void split_node(struct stream_part *parts, const struct mmsim_config *cfg,
		       const struct floor_node *node, unsigned threads)
{
	size_t share =
		node->bytes / threads / sizeof(struct mmsim_page) * sizeof(struct mmsim_page);

	for (unsigned k = 0; k < threads; k++) {
		parts[k].start = node->start + k * share;
		parts[k].bytes = k + 1 < threads ? share : node->bytes - k * share;
		parts[k].cpu = node_cpu(cfg, node->node, k);
	}
}

static double fill_cost(const struct floor_map *map, const struct stream_part *parts, unsigned nr,
			enum stream_how how)
{
	uint64_t ns = stream_fill(parts, nr, how);

	return ns ? (double)ns / (double)map->pages : NAN;
}

void floor_measure(const struct floor_map *map, const struct mmsim_config *cfg, unsigned threads,
		   struct floor_cost *cost)
{
	unsigned most = host_cpu_count() * FLOOR_THREADS_PER_CPU / map->nr_nodes;
	struct stream_part *parts;

	if (threads > most)
		threads = most ? most : 1;
	parts = bench_calloc((size_t)map->nr_nodes * threads, sizeof(*parts));
	for (unsigned i = 0; i < map->nr_nodes; i++)
		split_node(&parts[i * threads], cfg, &map->node[i], threads);
	cost->memset_ns = fill_cost(map, parts, map->nr_nodes * threads, STREAM_MEMSET);
	cost->stream_ns = fill_cost(map, parts, map->nr_nodes * threads, STREAM_NONTEMPORAL);
	cost->best_ns = fmin(cost->memset_ns, cost->stream_ns);
	free(parts);
}
