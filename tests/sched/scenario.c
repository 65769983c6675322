/* SPDX-License-Identifier: MIT */
/* The table of scenarios and the machines they run on. */
#include "scenario.h"

#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const struct scenario *const groups[] = {
	scenarios_pages,      scenarios_blocks, scenarios_boot,       scenarios_jobs,
	scenarios_order,      scenarios_works,  scenarios_sync,       scenarios_pin,
	scenarios_rcu,        scenarios_tlb,    scenarios_tlb_kernel, scenarios_mm,
	scenarios_fork,       scenarios_range,  scenarios_files,      scenarios_gather,
	scenarios_lru,        scenarios_vmap,   scenarios_vmap_room,  scenarios_vmalloc,
	scenarios_vmap_block, scenarios_self,
};

const struct scenario *scenario_at(unsigned index)
{
	for (size_t g = 0; g < LEN(groups); g++)
		for (const struct scenario *s = groups[g]; s->name; s++)
			if (!index--)
				return s;
	return NULL;
}

const struct scenario *scenario_find(const char *name)
{
	const struct scenario *s;

	for (unsigned i = 0; (s = scenario_at(i)); i++)
		if (!strcmp(s->name, name))
			return s;
	return NULL;
}

static void add(struct mmsim_config *cfg, enum mmsim_range_kind kind, uint64_t start,
		uint64_t bytes)
{
	mmsim_config_add_range(cfg, kind, 0, start * MIB, bytes * MIB);
}

void scenario_config(const struct scenario *s, struct mmsim_config *cfg)
{
	mmsim_config_defaults(cfg);
	cfg->mode = MMSIM_EXPLORE;
	cfg->boot = s->boot;
	cfg->flags = s->flags;
	cfg->nr_cpus = s->cpus;
	for (unsigned i = 0; i < s->cpus; i++)
		cfg->cpu[i] = (struct mmsim_cpu){ .core = (uint16_t)i };
	cfg->policy = s->policy;
	cfg->nr_ranges = 0;
	if (s->memory != SCENARIO_DEFERRED) {
		add(cfg, MMSIM_RANGE_RAM, 16, s->memory == SCENARIO_SMALL ? 4 : 16);
		return;
	}
	add(cfg, MMSIM_RANGE_RAM, 128, 128);
	add(cfg, MMSIM_RANGE_RESERVED, 144, 112);
	add(cfg, MMSIM_RANGE_RAM, 256, 8);
	add(cfg, MMSIM_RANGE_RAM, 384, 8);
}
