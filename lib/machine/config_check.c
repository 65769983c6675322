/* SPDX-License-Identifier: MIT */
/*
 * Is a config a machine that can be built? Each refusal names its field as a C programmer would.
 */
#include "config_internal.h"

#include <errno.h>
#include <inttypes.h>

#define ALL_FLAGS                                                                                 \
	(MMSIM_BACK_PAGES | MMSIM_NO_PREFAULT | MMSIM_NO_DEFER | MMSIM_NO_PADATA | MMSIM_NO_PIN | \
	 MMSIM_LOCK_TIMES | MMSIM_PREFAULT_PAGES | MMSIM_CHECK_TLB)
#define ALL_NO_HUGE (MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M | MMSIM_NO_HUGE_THP)

/* Sort keys hold what to sort by above the index, so that comparing needs no context. */
#define INDEX_BITS 10
#define INDEX_MASK ((1U << INDEX_BITS) - 1)
_Static_assert(MMSIM_MAX_CPUS <= 1 << INDEX_BITS, "a CPU's number must fit a sort key");
_Static_assert(MMSIM_MAX_RANGES <= 1 << INDEX_BITS, "a range's index must fit a sort key");
_Static_assert(MMSIM_MAX_PHYS / 4096 <= UINT64_MAX >> INDEX_BITS, "nor may a pfn overflow it");

struct check {
	const struct mmsim_config *cfg;
	struct mm_machine_note note;
};

#define REFUSE(c, ...) mm_machine_refuse((c)->note, -EINVAL, __VA_ARGS__)

static int check_choice(const struct check *c, const char *field, uint32_t value, uint32_t most)
{
	if (value <= most)
		return 0;
	return REFUSE(c, "%s: %u is above %u", field, value, most);
}

static int check_bits(const struct check *c, const char *field, uint32_t value, uint32_t known)
{
	if (!(value & ~known))
		return 0;
	return REFUSE(c, "%s: 0x%x has the unknown bits 0x%x", field, value, value & ~known);
}

static int check_count(const struct check *c, const char *field, uint32_t value, uint32_t most)
{
	if (value && value <= most)
		return 0;
	return REFUSE(c, "%s: %u is not between 1 and %u", field, value, most);
}

static int check_scalars(const struct check *c)
{
	const struct mmsim_config *cfg = c->cfg;
	int err;

	/* Version 0.1 is the first: there is no older header whose config is shorter. */
	if (cfg->size != sizeof(*cfg))
		return REFUSE(c, "size: %zu is not %zu", cfg->size, sizeof(*cfg));
	err = check_choice(c, "mode", cfg->mode, MMSIM_EXPLORE);
	if (!err)
		err = check_bits(c, "flags", cfg->flags, ALL_FLAGS);
	if (!err)
		err = check_choice(c, "boot", cfg->boot, MMSIM_BOOT_COLD);
	if (!err)
		err = check_choice(c, "stores", cfg->stores, MMSIM_STORES_STREAMING);
	if (!err)
		err = check_bits(c, "no_huge", cfg->no_huge, ALL_NO_HUGE);
	if (!err)
		err = check_count(c, "nr_cpus", cfg->nr_cpus, MMSIM_MAX_CPUS);
	if (!err)
		err = check_count(c, "nr_nodes", cfg->nr_nodes, MMSIM_MAX_NODES);
	if (!err)
		err = check_count(c, "nr_ranges", cfg->nr_ranges, MMSIM_MAX_RANGES);
	return err;
}

static int refuse_sibling(const struct check *c, const char *field, uint32_t cpu, uint32_t value,
			  uint32_t sibling, uint32_t other)
{
	return REFUSE(c, "cpu[%u].%s: %u, but cpu[%u] on the same core has %u", cpu, field, value,
		      sibling, other);
}

static int check_siblings(const struct check *c, uint32_t cpu, uint32_t sibling)
{
	const struct mmsim_cpu *a = &c->cfg->cpu[cpu];
	const struct mmsim_cpu *b = &c->cfg->cpu[sibling];

	if (a->node != b->node)
		return refuse_sibling(c, "node", cpu, a->node, sibling, b->node);
	if (a->package != b->package)
		return refuse_sibling(c, "package", cpu, a->package, sibling, b->package);
	if (a->llc != b->llc)
		return refuse_sibling(c, "llc", cpu, a->llc, sibling, b->llc);
	return 0;
}

static int check_cpus(const struct check *c)
{
	const struct mmsim_config *cfg = c->cfg;
	uint64_t key[MMSIM_MAX_CPUS];
	int err = 0;

	for (uint32_t i = 0; i < cfg->nr_cpus; i++) {
		if (cfg->cpu[i].node >= cfg->nr_nodes)
			return REFUSE(c, "cpu[%u].node: %u is not below nr_nodes, %u", i,
				      cfg->cpu[i].node, cfg->nr_nodes);
		key[i] = ((uint64_t)cfg->cpu[i].core << INDEX_BITS) | i;
	}
	mm_machine_sort(key, cfg->nr_cpus);
	for (uint32_t i = 1; i < cfg->nr_cpus && !err; i++)
		if (key[i] >> INDEX_BITS == key[i - 1] >> INDEX_BITS)
			err = check_siblings(c, key[i] & INDEX_MASK, key[i - 1] & INDEX_MASK);
	return err;
}

static int check_distances(const struct check *c)
{
	for (uint32_t i = 0; i < c->cfg->nr_nodes; i++) {
		const uint8_t *distance = c->cfg->node[i].distance;

		for (uint32_t j = 0; j < c->cfg->nr_nodes; j++)
			if (distance[j] && (distance[j] < 10 || distance[j] > 254))
				return REFUSE(
					c, "node[%u].distance[%u]: %d is neither 0 nor 10 to 254",
					i, j, distance[j]);
		if (distance[i] && distance[i] != 10)
			return REFUSE(c,
				      "node[%u].distance[%u]: %d is not 10, the distance to itself",
				      i, i, distance[i]);
	}
	return 0;
}

static int check_range(const struct check *c, uint32_t i)
{
	const struct mmsim_range *r = &c->cfg->range[i];

	if (r->kind > MMSIM_RANGE_RESERVED)
		return REFUSE(c, "range[%u].kind: %u is unknown", i, r->kind);
	if (r->node >= c->cfg->nr_nodes)
		return REFUSE(c, "range[%u].node: %u is not below nr_nodes, %u", i, r->node,
			      c->cfg->nr_nodes);
	if (r->start % MMSIM_PAGE_SIZE)
		return REFUSE(c, "range[%u].start: 0x%" PRIx64 " is not a multiple of 4096", i,
			      r->start);
	if (!r->bytes || r->bytes % MMSIM_PAGE_SIZE)
		return REFUSE(c, "range[%u].bytes: 0x%" PRIx64 " is %s", i, r->bytes,
			      r->bytes ? "not a multiple of 4096" : "no memory");
	if (r->start >= MMSIM_MAX_PHYS)
		return REFUSE(c, "range[%u].start: 0x%" PRIx64 " is not below 0x%" PRIx64, i,
			      r->start, MMSIM_MAX_PHYS);
	if (r->bytes > MMSIM_MAX_PHYS - r->start)
		return REFUSE(c, "range[%u].bytes: 0x%" PRIx64 " reaches past 0x%" PRIx64, i,
			      r->bytes, MMSIM_MAX_PHYS);
	return 0;
}

/* The indices of the RAM ranges, lowest address first. */
static uint32_t sort_ram(const struct mmsim_config *cfg, uint64_t *ram)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < cfg->nr_ranges; i++)
		if (cfg->range[i].kind == MMSIM_RANGE_RAM)
			ram[nr++] = (cfg->range[i].start / MMSIM_PAGE_SIZE) << INDEX_BITS | i;
	mm_machine_sort(ram, nr);
	for (uint32_t i = 0; i < nr; i++)
		ram[i] &= INDEX_MASK;
	return nr;
}

static int check_overlaps(const struct check *c, const uint64_t *ram, uint32_t nr)
{
	for (uint32_t i = 1; i < nr; i++) {
		const struct mmsim_range *below = &c->cfg->range[ram[i - 1]];
		const struct mmsim_range *above = &c->cfg->range[ram[i]];

		if (above->start - below->start < below->bytes)
			return REFUSE(c,
				      "range[%" PRIu64 "].start: 0x%" PRIx64
				      " lies in range[%" PRIu64 "]",
				      ram[i], above->start, ram[i - 1]);
	}
	return 0;
}

/*
 * Merging looks at all struct pages of a largest block, so they must belong to one node: the kernel
 * too takes node boundaries from firmware only if they are far coarser than that.
 */
static int check_blocks(const struct check *c, const uint64_t *ram, uint32_t nr)
{
	const uint64_t block = MMSIM_MAX_ORDER_NR_PAGES * MMSIM_PAGE_SIZE;

	for (uint32_t i = 1; i < nr; i++) {
		const struct mmsim_range *below = &c->cfg->range[ram[i - 1]];
		const struct mmsim_range *above = &c->cfg->range[ram[i]];

		if (below->node != above->node &&
		    (below->start + below->bytes - 1) / block == above->start / block)
			return REFUSE(c,
				      "range[%" PRIu64 "].start: 0x%" PRIx64
				      " lies in a 4 MiB block that also holds RAM of node %u",
				      ram[i], above->start, below->node);
	}
	return 0;
}

/* How far each RAM range reaches in one piece of its node, on through the ranges it touches. */
static void find_reach(const struct mmsim_config *cfg, const uint64_t *ram, uint32_t nr,
		       uint64_t *reach)
{
	for (uint32_t i = nr; i-- > 0;) {
		const struct mmsim_range *r = &cfg->range[ram[i]];
		const struct mmsim_range *next = i + 1 < nr ? &cfg->range[ram[i + 1]] : NULL;

		reach[i] = r->start + r->bytes;
		if (next && next->start == reach[i] && next->node == r->node)
			reach[i] = reach[i + 1];
	}
}

/* The last RAM range that starts at or below an address; nr if none does. */
static uint32_t find_ram(const struct mmsim_config *cfg, const uint64_t *ram, uint32_t nr,
			 uint64_t address)
{
	uint32_t low = 0;
	uint32_t high = nr;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (cfg->range[ram[middle]].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? low - 1 : nr;
}

static int check_reserved(const struct check *c, const uint64_t *ram, uint32_t nr)
{
	uint64_t reach[MMSIM_MAX_RANGES];

	find_reach(c->cfg, ram, nr, reach);
	for (uint32_t i = 0; i < c->cfg->nr_ranges; i++) {
		const struct mmsim_range *r = &c->cfg->range[i];
		uint32_t k;

		if (r->kind != MMSIM_RANGE_RESERVED)
			continue;
		k = find_ram(c->cfg, ram, nr, r->start);
		if (k == nr || reach[k] <= r->start || c->cfg->range[ram[k]].node != r->node)
			return REFUSE(c, "range[%u].start: 0x%" PRIx64 " is not in RAM of node %u",
				      i, r->start, r->node);
		if (r->bytes > reach[k] - r->start)
			return REFUSE(c,
				      "range[%u].bytes: 0x%" PRIx64
				      " reaches past RAM of node %u, which ends at 0x%" PRIx64,
				      i, r->bytes, r->node, reach[k]);
	}
	return 0;
}

static int check_ranges(const struct check *c)
{
	uint64_t ram[MMSIM_MAX_RANGES];
	uint32_t nr;
	int err;

	for (uint32_t i = 0; i < c->cfg->nr_ranges; i++) {
		err = check_range(c, i);
		if (err)
			return err;
	}
	nr = sort_ram(c->cfg, ram);
	if (!nr)
		return REFUSE(c, "nr_ranges: none of the %u ranges is RAM", c->cfg->nr_ranges);
	err = check_overlaps(c, ram, nr);
	if (!err)
		err = check_blocks(c, ram, nr);
	return err ? err : check_reserved(c, ram, nr);
}

static int check_movable(const struct check *c)
{
	uint64_t ram[MMSIM_MAX_NODES] = { 0 };

	for (uint32_t i = 0; i < c->cfg->nr_ranges; i++)
		if (c->cfg->range[i].kind == MMSIM_RANGE_RAM)
			ram[c->cfg->range[i].node] += c->cfg->range[i].bytes;
	for (uint32_t i = 0; i < c->cfg->nr_nodes; i++)
		if (c->cfg->node[i].movable_bytes > ram[i])
			return REFUSE(c,
				      "node[%u].movable_bytes: 0x%" PRIx64
				      " is more than the node's RAM, 0x%" PRIx64,
				      i, c->cfg->node[i].movable_bytes, ram[i]);
	return 0;
}

int mmsim_config_check(const struct mmsim_config *cfg, char *msg, size_t len)
{
	const struct check c = { cfg, { msg, len } };
	int err;

	mm_machine_clear_note(c.note);
	if (!cfg)
		return REFUSE(&c, "cfg: NULL");
	err = check_scalars(&c);
	if (!err)
		err = check_cpus(&c);
	if (!err)
		err = check_distances(&c);
	if (!err)
		err = check_ranges(&c);
	if (!err)
		err = check_movable(&c);
	if (!err)
		err = mm_machine_check_figures(cfg, c.note);
	if (!err)
		err = mm_machine_check_policy(cfg, c.note);
	return err ? err : mm_machine_check_explore(cfg, c.note);
}
