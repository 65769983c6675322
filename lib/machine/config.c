/* SPDX-License-Identifier: MIT */
/*
 * The default machine, and memory laid out as in a PC.
 */
#include "config_internal.h"

#include <errno.h>
#include <string.h>

#define KIB(n) (UINT64_C(n) << 10)
#define MIB(n) (UINT64_C(n) << 20)
#define GIB(n) (UINT64_C(n) << 30)

#define MIN_NODE_BYTES MIB(4)
#define NODE_ALIGN MIB(4) /* see check_blocks() in config_check.c */

/* Where a PC has RAM: between these lie the BIOS and the devices below 4 GiB. */
static const struct {
	uint64_t start;
	uint64_t end;
} pc_ram[] = {
	{ MMSIM_PAGE_SIZE, KIB(640) },
	{ MIB(1), GIB(3) },
	{ GIB(4), MMSIM_MAX_PHYS },
};

#define NR_PC_RAM (sizeof(pc_ram) / sizeof(pc_ram[0]))

static uint64_t pc_ram_bytes(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < NR_PC_RAM; i++)
		sum += pc_ram[i].end - pc_ram[i].start;
	return sum;
}

int mm_machine_check_layout(uint32_t nr_nodes, uint64_t bytes_per_node)
{
	if (!nr_nodes || nr_nodes > MMSIM_MAX_NODES || bytes_per_node < MIN_NODE_BYTES)
		return -EINVAL;
	return bytes_per_node > pc_ram_bytes() / nr_nodes - NODE_ALIGN ? -ERANGE : 0;
}

/* Where RAM goes on from `at`, which may be past a piece. */
static uint64_t next_ram(uint64_t at, size_t *piece)
{
	while (at >= pc_ram[*piece].end && *piece + 1 < NR_PC_RAM)
		at = pc_ram[++*piece].start;
	return at;
}

void mm_machine_lay_out(struct mmsim_config *cfg, uint64_t bytes_per_node)
{
	uint64_t at = pc_ram[0].start;
	size_t piece = 0;

	cfg->nr_ranges = 0;
	memset(cfg->range, 0, sizeof(cfg->range));
	for (uint32_t node = 0; node < cfg->nr_nodes; node++) {
		uint64_t left = bytes_per_node & ~(MMSIM_PAGE_SIZE - 1);

		if (node)
			at = next_ram((at + NODE_ALIGN - 1) & ~(NODE_ALIGN - 1), &piece);
		while (left) {
			uint64_t room = pc_ram[piece].end - at;
			uint64_t take = left < room ? left : room;

			/* Every piece is cut at most once per node: this cannot overflow. */
			mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, node, at, take);
			left -= take;
			at = next_ram(at + take, &piece);
		}
	}
}

void mmsim_config_defaults(struct mmsim_config *cfg)
{
	if (!cfg)
		return;
	memset(cfg, 0, sizeof(*cfg));
	cfg->size = sizeof(*cfg);
	cfg->nr_nodes = 1;
	cfg->nr_cpus = 2;
	cfg->cpu[1].core = 1;
	mm_machine_default_figures(cfg);
	mm_machine_lay_out(cfg, GIB(4));
}

int mmsim_config_set_memory(struct mmsim_config *cfg, uint64_t bytes)
{
	uint64_t bytes_per_node;
	int err;

	if (!cfg || !cfg->nr_nodes)
		return -EINVAL;
	bytes_per_node = bytes / cfg->nr_nodes;
	err = mm_machine_check_layout(cfg->nr_nodes, bytes_per_node & ~(MMSIM_PAGE_SIZE - 1));
	if (err)
		return err;
	mm_machine_lay_out(cfg, bytes_per_node);
	return 0;
}

int mmsim_config_add_range(struct mmsim_config *cfg, enum mmsim_range_kind kind, uint32_t node,
			   uint64_t start, uint64_t bytes)
{
	if (!cfg)
		return -EINVAL;
	if (cfg->nr_ranges >= MMSIM_MAX_RANGES)
		return -ENOSPC;
	cfg->range[cfg->nr_ranges++] = (struct mmsim_range){
		.start = start,
		.bytes = bytes,
		.node = node,
		.kind = (uint32_t)kind,
	};
	return 0;
}
