/* SPDX-License-Identifier: MIT */
/* Small machines by the public interface: pieces of memory in, books out. Include cmocka.h first. */
#ifndef TEST_SIM_CONFIG_H
#define TEST_SIM_CONFIG_H

#include <mmsim/mmsim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIM_SECTION ((uint64_t)MMSIM_PAGES_PER_SECTION)
#define SIM_NORMAL (UINT64_C(1) << (32 - MMSIM_PAGE_SHIFT)) /* the lowest pfn of zone Normal */

/* No memory yet. The first `with_cpus` nodes have `cpus` CPUs each. For free(). */
static inline struct mmsim_config *sim_config_new(enum mmsim_mode mode, unsigned nodes,
						  unsigned with_cpus, unsigned cpus)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));

	if (!cfg)
		abort();
	mmsim_config_defaults(cfg);
	cfg->mode = mode;
	cfg->flags = MMSIM_NO_PIN;
	cfg->seed = 7;
	cfg->nr_nodes = nodes;
	cfg->nr_cpus = with_cpus * cpus;
	cfg->nr_ranges = 0;
	for (unsigned i = 0; i < cfg->nr_cpus; i++)
		cfg->cpu[i] = (struct mmsim_cpu){ .node = (uint16_t)(i / cpus),
						  .package = (uint16_t)(i / cpus),
						  .llc = (uint16_t)(i / cpus),
						  .core = (uint16_t)i };
	return cfg;
}

/* Page frames [pfn, pfn + nr) of a node. */
static inline void sim_ram(struct mmsim_config *cfg, unsigned node, uint64_t pfn, uint64_t nr)
{
	mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, node, pfn * MMSIM_PAGE_SIZE,
			       nr * MMSIM_PAGE_SIZE);
}

static inline void sim_reserve(struct mmsim_config *cfg, unsigned node, uint64_t pfn, uint64_t nr)
{
	mmsim_config_add_range(cfg, MMSIM_RANGE_RESERVED, node, pfn * MMSIM_PAGE_SIZE,
			       nr * MMSIM_PAGE_SIZE);
}

/* The shapes that whole-machine tests go through; NULL past the last. */
static inline struct mmsim_config *sim_config_shape(unsigned shape, enum mmsim_mode mode,
						    const char **name)
{
	static const char *const names[] = { "one node", "two nodes", "memory-only node",
					     "movable" };
	static const unsigned nodes[] = { 1, 2, 2, 2 }, with_cpus[] = { 1, 2, 1, 2 };
	struct mmsim_config *cfg;

	if (shape >= sizeof(names) / sizeof(names[0]))
		return NULL;
	*name = names[shape];
	cfg = sim_config_new(mode, nodes[shape], with_cpus[shape], 4 / with_cpus[shape]);
	sim_ram(cfg, 0, 1, 159);
	sim_ram(cfg, 0, 256, 3840);
	sim_ram(cfg, 0, SIM_NORMAL + 100, 2 * SIM_SECTION);
	sim_reserve(cfg, 0, SIM_NORMAL + 3000, 99);
	sim_reserve(cfg, 0, SIM_NORMAL + 2 * SIM_SECTION + 7, 5);
	if (nodes[shape] > 1)
		sim_ram(cfg, 1, SIM_NORMAL + 3 * SIM_SECTION, 2 * SIM_SECTION + 600);
	if (shape == 3)
		cfg->node[0].movable_bytes = SIM_SECTION * MMSIM_PAGE_SIZE;
	return cfg;
}

struct sim_books {
	uint64_t managed, free, pcp;
	uint64_t zone_managed[4][MMSIM_NR_ZONES];
	uint64_t nr_free[4][MMSIM_NR_ZONES][MMSIM_NR_PAGE_ORDERS]; /* of all migratetypes */
};

/* At most four nodes. */
static inline void sim_books_read(struct mmsim *m, struct sim_books *books)
{
	struct mmsim_zone_info info;

	memset(books, 0, sizeof(*books));
	for (unsigned node = 0; node < mmsim_nr_nodes(m); node++)
		for (unsigned z = 0; z < MMSIM_NR_ZONES; z++) {
			if (mmsim_zone_info(m, node, (enum mmsim_zone_type)z, &info))
				continue;
			books->managed += info.managed;
			books->free += info.free;
			books->pcp += info.pcp;
			books->zone_managed[node][z] = info.managed;
			for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
				for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
					books->nr_free[node][z][o] += info.nr_free[o][t];
		}
}

static inline bool sim_books_equal(const struct sim_books *a, const struct sim_books *b)
{
	if (!memcmp(a, b, sizeof(*a)))
		return true;
	fprintf(stderr, "books differ: managed %lu / %lu, free %lu / %lu, per-CPU %lu / %lu\n",
		(unsigned long)a->managed, (unsigned long)b->managed, (unsigned long)a->free,
		(unsigned long)b->free, (unsigned long)a->pcp, (unsigned long)b->pcp);
	return false;
}

/* A log sink that keeps the newest line; for tests where one thread speaks at a time. */
struct sim_log {
	char line[256];
	unsigned lines;
};

static inline void sim_log_keep(void *ctx, const char *line)
{
	struct sim_log *log = ctx;

	snprintf(log->line, sizeof(log->line), "%s", line);
	log->lines++;
}

static inline void sim_log_into(struct mmsim_config *cfg, struct sim_log *log)
{
	*log = (struct sim_log){ .lines = 0 };
	cfg->log = sim_log_keep;
	cfg->log_ctx = log;
}

#endif
