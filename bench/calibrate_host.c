/* SPDX-License-Identifier: MIT */
/* The host to calibrate. */
#include "calibrate_host.h"

#include "harness/host.h"
#include "harness/machine.h"
#include "harness/util.h"

#include <ctype.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

bool calibrate_cpu_list(const char *text, void (*fn)(unsigned number, void *arg), void *arg)
{
	for (;;) {
		unsigned long first, last;
		char *end;

		if (!isdigit((unsigned char)*text))
			return false;
		first = last = strtoul(text, &end, 10);
		if (*end == '-' && isdigit((unsigned char)end[1]))
			last = strtoul(end + 1, &end, 10);
		if (last < first || last > UINT16_MAX)
			return false;
		for (; first <= last; first++)
			fn((unsigned)first, arg);
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		text = end + 1;
	}
}

uint64_t calibrate_cache_size(const char *text)
{
	uint64_t bytes;

	return mmsim_parse_bytes(text, &bytes) ? 0 : bytes;
}

struct collector {
	struct calibrate_host *host;
	cpu_set_t allowed;
	unsigned seen; /* CPUs online so far: their place in the shape */
};

static void collect(unsigned number, void *arg)
{
	struct collector *c = arg;
	struct calibrate_host *host = c->host;
	unsigned at = c->seen++;

	if (at >= host->shape.nr_cpus || number >= CPU_SETSIZE || !CPU_ISSET(number, &c->allowed))
		return;
	host->cpu[host->nr] = (int)number;
	host->where[host->nr++] = host->shape.cpu[at];
}

/* Without a list of those online: all alike, one cache, one node. */
static void collect_plain(struct calibrate_host *host)
{
	host->nr = host_cpu_count();
	if (host->nr > MMSIM_MAX_CPUS)
		host->nr = MMSIM_MAX_CPUS;
	for (unsigned i = 0; i < host->nr; i++) {
		host->cpu[i] = host_cpu(i);
		host->where[i] = (struct mmsim_cpu){ .core = (uint16_t)i };
	}
	bench_append(host->note, sizeof(host->note), "%splaces of the CPUs unknown",
		     host->note[0] ? "; " : "");
}

/* The two largest of the first CPU's caches. */
static void read_caches(struct calibrate_host *host, int cpu)
{

	for (unsigned i = 0; i < 8; i++) {
		char path[128], text[32];
		uint64_t bytes;

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cache/index%u/size",
			 cpu, i);
		host_read_line(path, text, sizeof(text));
		bytes = calibrate_cache_size(text);
		if (bytes > host->llc_bytes) {
			host->core_bytes = host->llc_bytes;
			host->llc_bytes = bytes;
		} else if (bytes > host->core_bytes) {
			host->core_bytes = bytes;
		}
	}
}

void calibrate_host_read(struct calibrate_host *host)
{
	struct collector c = { .host = host };
	char online[4096];
	bool known;

	memset(host, 0, sizeof(*host));
	mmsim_config_defaults(&host->shape);
	known = mmsim_config_from_host(&host->shape, NULL, host->note, sizeof(host->note)) == 0;
	host_read_line("/sys/devices/system/cpu/online", online, sizeof(online));
	CPU_ZERO(&c.allowed);
	sched_getaffinity(0, sizeof(c.allowed), &c.allowed);
	if (!known || !calibrate_cpu_list(online, collect, &c) || host->nr == 0)
		collect_plain(host);
	read_caches(host, host->cpu[0]);
}

enum calibrate_distance calibrate_distance(const struct mmsim_cpu *a, const struct mmsim_cpu *b)
{
	if (a->core == b->core)
		return DISTANCE_SMT;
	if (a->llc == b->llc)
		return DISTANCE_LLC;
	return a->node == b->node ? DISTANCE_NODE : DISTANCE_REMOTE;
}

/* Calls that count the pairs so far apart, and keep the skip-th, the 2 * skip-th … */
static unsigned walk_pairs(const struct mmsim_cpu *where, unsigned nr,
			   enum calibrate_distance distance, unsigned skip,
			   struct calibrate_pair *pair, unsigned max)
{
	unsigned found = 0;

	for (unsigned a = 0; a < nr; a++)
		for (unsigned b = a + 1; b < nr; b++) {
			if (calibrate_distance(&where[a], &where[b]) != distance)
				continue;
			if (found % skip == 0 && found / skip < max)
				pair[found / skip] = (struct calibrate_pair){ a, b };
			found++;
		}
	return found;
}

unsigned calibrate_pairs(const struct mmsim_cpu *where, unsigned nr,
			 enum calibrate_distance distance, struct calibrate_pair *pair,
			 unsigned max)
{
	unsigned found = walk_pairs(where, nr, distance, 1, pair, max);

	if (found > max)
		walk_pairs(where, nr, distance, found / max, pair, max);
	return found < max ? found : max;
}

static bool core_is_taken(const struct calibrate_host *host, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (host->where[k].core == host->where[i].core)
			return true;
	return false;
}

unsigned calibrate_node_cpus(const struct calibrate_host *host, bool one_per_core, int *cpu)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < host->nr; i++)
		if (host->where[i].node == host->where[0].node &&
		    !(one_per_core && core_is_taken(host, i)))
			cpu[nr++] = host->cpu[i];
	return nr;
}

/* How many different values a field of the CPUs takes. */
static unsigned count_values(const struct mmsim_config *shape, size_t offset)
{
	unsigned nr = 0;

	for (uint32_t i = 0; i < shape->nr_cpus; i++) {
		const char *mine = (const char *)&shape->cpu[i] + offset;
		bool first = true;

		for (uint32_t k = 0; k < i && first; k++)
			first = memcmp((const char *)&shape->cpu[k] + offset, mine,
				       sizeof(uint16_t)) != 0;
		nr += first;
	}
	return nr;
}

/* " name:inner/outer", unless that is 1; false when it does not divide. */
static bool append_level(char *text, size_t len, const char *name, unsigned *outer, unsigned inner)
{
	if (inner < *outer || inner % *outer)
		return false;
	if (inner != *outer)
		bench_append(text, len, " %s:%u", name, inner / *outer);
	*outer = inner;
	return true;
}

static void append_node(char *text, size_t len, unsigned per_parent, uint64_t bytes)
{
	bench_append(text, len, " node:%u(memory=%" PRIu64 "M)", per_parent, bytes >> 20);
}

bool calibrate_topology(const struct mmsim_config *shape, char *text, size_t len)
{
	unsigned packs = count_values(shape, offsetof(struct mmsim_cpu, package));
	unsigned llcs = count_values(shape, offsetof(struct mmsim_cpu, llc));
	unsigned cores = count_values(shape, offsetof(struct mmsim_cpu, core));
	uint64_t bytes = machine_memory(shape) / shape->nr_nodes & ~((UINT64_C(4) << 20) - 1);
	unsigned outer = packs;

	snprintf(text, len, "pack:%u", packs);
	if (shape->nr_nodes >= packs && shape->nr_nodes % packs == 0) {
		append_node(text, len, shape->nr_nodes / packs, bytes);
		outer = shape->nr_nodes;
		if (append_level(text, len, "l3", &outer, llcs) &&
		    append_level(text, len, "core", &outer, cores) && shape->nr_cpus % outer == 0) {
			bench_append(text, len, " pu:%u", shape->nr_cpus / outer);
			return true;
		}
	}
	text[0] = '\0';
	append_node(text, len, shape->nr_nodes, bytes);
	memmove(text, text + 1, strlen(text));
	bench_append(text, len, " pu:%u",
		     shape->nr_cpus >= shape->nr_nodes ? shape->nr_cpus / shape->nr_nodes : 1);
	return false;
}

bool calibrate_siblings_last(const struct mmsim_config *shape)
{
	return shape->nr_cpus < 2 || shape->cpu[0].core != shape->cpu[1].core;
}
