/* SPDX-License-Identifier: MIT */
/*
 * CPUs, nodes and distances of a host, from sys/devices/system/{cpu,node}.
 *
 * The kernel's numbers have gaps and core_id counts per package; a config's numbers are dense and
 * machine-wide. What a virtual machine or an old kernel leaves out is replaced by the least
 * surprising: no sharing of cores, one package, one cache per package and node.
 */
#include "config_host.h"

#include <errno.h>
#include <stdlib.h>

#define SYS_CPU "sys/devices/system/cpu"
#define SYS_NODE "sys/devices/system/node"

#define MAX_CACHES 16
/* Above all numbers that sysfs can show. */
#define NO_NUMBER UINT32_MAX

/** A CPU's identities in the kernel's numbering; equal means the same object. */
struct cpu_keys {
	uint64_t package[MMSIM_MAX_CPUS];
	uint64_t llc[MMSIM_MAX_CPUS];
	uint64_t core[MMSIM_MAX_CPUS];
};

int mm_machine_take_ids(struct mm_machine_text *text, uint64_t *first, uint64_t *last)
{
	if (text->at == text->end || *text->at == '\n')
		return 0;
	if (mm_machine_take_number(text, 10, first))
		return -EINVAL;
	*last = *first;
	if (mm_machine_take_char(text, '-') && mm_machine_take_number(text, 10, last))
		return -EINVAL;
	if (*last < *first || *last >= NO_NUMBER)
		return -EINVAL;
	if (mm_machine_take_char(text, ',') || text->at == text->end || *text->at == '\n')
		return 1;
	return -EINVAL;
}

/* A list such as "0-3,8-11", which the kernel writes in ascending order. */
static int read_ids(struct mm_machine_host *host, const char *path, uint32_t *id, uint32_t most,
		    uint32_t *nr)
{
	struct mm_machine_text text;
	uint64_t first;
	uint64_t last;
	int err;

	*nr = 0;
	err = mm_machine_read_file(host, &text, "%s", path);
	if (err)
		return err;
	while ((err = mm_machine_take_ids(&text, &first, &last)) > 0) {
		if (*nr && first <= id[*nr - 1])
			return mm_machine_refuse_file(host, -EINVAL, "not ascending");
		if (last - first >= most - *nr)
			return mm_machine_refuse_file(host, -ERANGE, "more than a config holds");
		for (; first <= last; first++)
			id[(*nr)++] = (uint32_t)first;
	}
	if (err || !*nr || !mm_machine_text_ends(&text))
		return mm_machine_refuse_file(host, -EINVAL, "not a list of numbers");
	return 0;
}

/* A file of one number; NO_NUMBER if there is none or it is negative, which means unknown. */
static int read_number(struct mm_machine_host *host, uint32_t cpu, const char *name,
		       uint32_t *number)
{
	struct mm_machine_text text;
	uint64_t value;
	int err;

	*number = NO_NUMBER;
	err = mm_machine_read_file(host, &text, SYS_CPU "/cpu%u/%s", cpu, name);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (mm_machine_take_char(&text, '-'))
		return 0;
	if (mm_machine_take_number(&text, 10, &value) || value >= NO_NUMBER ||
	    !mm_machine_text_ends(&text))
		return mm_machine_refuse_file(host, -EINVAL, "not a number");
	*number = (uint32_t)value;
	return 0;
}

/* The lowest CPU of the cache that a CPU shares with most others; NO_NUMBER if sysfs shows none. */
static int read_llc(struct mm_machine_host *host, uint32_t cpu, uint32_t *first_cpu)
{
	uint32_t best = 0;

	*first_cpu = NO_NUMBER;
	for (uint32_t i = 0; i < MAX_CACHES; i++) {
		struct mm_machine_text text;
		uint64_t level;
		uint64_t first;
		uint64_t last;
		int err;

		err = mm_machine_read_file(host, &text, SYS_CPU "/cpu%u/cache/index%u/level", cpu,
					   i);
		if (err)
			return err == -ENOENT ? 0 : err;
		if (mm_machine_take_number(&text, 10, &level) || level > MAX_CACHES ||
		    !mm_machine_text_ends(&text))
			return mm_machine_refuse_file(host, -EINVAL, "not a level");
		if (level <= best)
			continue;
		err = mm_machine_read_file(host, &text,
					   SYS_CPU "/cpu%u/cache/index%u/shared_cpu_list", cpu, i);
		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		if (mm_machine_take_ids(&text, &first, &last) != 1)
			return mm_machine_refuse_file(host, -EINVAL, "not a list of numbers");
		best = (uint32_t)level;
		*first_cpu = (uint32_t)first;
	}
	return 0;
}

static int read_keys(struct mm_machine_host *host, uint32_t cpu, struct cpu_keys *keys)
{
	uint32_t id = host->cpu_id[cpu];
	uint32_t number;
	int err;

	err = read_number(host, id, "topology/physical_package_id", &number);
	keys->package[cpu] = number == NO_NUMBER ? 0 : number;
	if (err)
		return err;
	err = read_number(host, id, "topology/core_id", &number);
	/* Without a number every CPU is a core of its own. */
	keys->core[cpu] = number == NO_NUMBER ? (UINT64_C(1) << 32) + id : number;
	if (err)
		return err;
	err = read_llc(host, id, &number);
	keys->llc[cpu] = number;
	return err;
}

/* Numbers equal keys alike, in the order in which they first appear. */
static uint16_t number_key(const uint64_t *key, uint32_t cpu, uint16_t *number, uint16_t *next)
{
	for (uint32_t i = 0; i < cpu; i++)
		if (key[i] == key[cpu])
			return number[cpu] = number[i];
	return number[cpu] = (*next)++;
}

static void number_cpus(struct mm_machine_host *host, struct cpu_keys *keys)
{
	struct mmsim_cpu *cpu = host->cfg.cpu;
	uint16_t number[MMSIM_MAX_CPUS];
	uint16_t next = 0;

	for (uint32_t i = 0; i < host->nr_cpus; i++)
		cpu[i].package = number_key(keys->package, i, number, &next);
	next = 0;
	for (uint32_t i = 0; i < host->nr_cpus; i++) {
		if (keys->llc[i] == NO_NUMBER)
			keys->llc[i] =
				UINT64_C(1) << 32 | (uint64_t)cpu[i].package << 16 | cpu[i].node;
		cpu[i].llc = number_key(keys->llc, i, number, &next);
	}
	next = 0;
	for (uint32_t i = 0; i < host->nr_cpus; i++) {
		/* All that siblings share: core_id repeats in each package, on some in each die. */
		keys->core[i] = keys->core[i] << 31 | (uint64_t)cpu[i].package << 20 |
				(uint64_t)cpu[i].llc << 8 | cpu[i].node;
		cpu[i].core = number_key(keys->core, i, number, &next);
	}
}

/* Both lists ascend, so one pass over each does it whatever the file holds. */
static int read_node_cpus(struct mm_machine_host *host, uint32_t node)
{
	struct mm_machine_text text;
	uint32_t cpu = 0;
	uint64_t first;
	uint64_t last;
	int err;

	err = mm_machine_read_file(host, &text, SYS_NODE "/node%u/cpulist", host->node_id[node]);
	if (err)
		return err == -ENOENT ? 0 : err;
	while ((err = mm_machine_take_ids(&text, &first, &last)) > 0) {
		while (cpu < host->nr_cpus && host->cpu_id[cpu] < first)
			cpu++;
		for (; cpu < host->nr_cpus && host->cpu_id[cpu] <= last; cpu++)
			host->cfg.cpu[cpu].node = (uint16_t)node;
	}
	if (err || !mm_machine_text_ends(&text))
		return mm_machine_refuse_file(host, -EINVAL, "not a list of numbers");
	return 0;
}

/* The kernel writes one number per online node, in their order. */
static int read_distances(struct mm_machine_host *host, uint32_t node)
{
	struct mm_machine_text text;
	int err;

	err = mm_machine_read_file(host, &text, SYS_NODE "/node%u/distance", host->node_id[node]);
	if (err)
		return err == -ENOENT ? 0 : err;
	for (uint32_t i = 0; i < host->nr_nodes; i++) {
		uint64_t distance;

		mm_machine_take_spaces(&text);
		if (mm_machine_take_number(&text, 10, &distance) || distance < 10 || distance > 255)
			return mm_machine_refuse_file(host, -EINVAL, "not a distance per node");
		if (i == node && distance != 10)
			return mm_machine_refuse_file(host, -EINVAL, "not 10 to the node itself");
		/* 255 stands for "unreachable", which memory in one address space is not. */
		host->cfg.node[node].distance[i] = distance > 254 ? 254 : (uint8_t)distance;
	}
	mm_machine_take_spaces(&text);
	if (!mm_machine_text_ends(&text))
		return mm_machine_refuse_file(host, -EINVAL, "more distances than nodes");
	return 0;
}

static int read_nodes(struct mm_machine_host *host)
{
	int err;

	err = read_ids(host, SYS_NODE "/online", host->node_id, MMSIM_MAX_NODES, &host->nr_nodes);
	if (err == -ENOENT) {
		mm_machine_guess(host, SYS_NODE "/online is missing: one node");
		host->node_id[0] = 0;
		host->nr_nodes = 1;
		err = 0;
	}
	for (uint32_t node = 0; node < host->nr_nodes && !err; node++) {
		err = read_node_cpus(host, node);
		if (!err)
			err = read_distances(host, node);
	}
	return err;
}

int mm_machine_read_topology(struct mm_machine_host *host)
{
	struct cpu_keys *keys;
	int err;

	err = read_ids(host, SYS_CPU "/online", host->cpu_id, MMSIM_MAX_CPUS, &host->nr_cpus);
	if (!err)
		err = read_nodes(host);
	if (err)
		return err;
	keys = calloc(1, sizeof(*keys));
	if (!keys)
		return mm_machine_refuse(host->note, -ENOMEM, "no memory for the CPUs");
	for (uint32_t cpu = 0; cpu < host->nr_cpus && !err; cpu++)
		err = read_keys(host, cpu, keys);
	if (!err)
		number_cpus(host, keys);
	free(keys);
	host->cfg.nr_cpus = host->nr_cpus;
	host->cfg.nr_nodes = host->nr_nodes;
	return err;
}
