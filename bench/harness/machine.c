/* SPDX-License-Identifier: MIT */
/* From --machine, --memory and --scale to the config of the machine to measure. */
#include "machine.h"

#include "util.h"

#include <errno.h>
#include <string.h>

uint64_t machine_memory(const struct mmsim_config *cfg)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < cfg->nr_ranges; i++)
		if (cfg->range[i].kind == MMSIM_RANGE_RAM)
			bytes += cfg->range[i].bytes;
	return bytes;
}

unsigned machine_node_cpus(const struct mmsim_config *cfg, int node)
{
	unsigned count[MMSIM_MAX_NODES] = { 0 };
	unsigned most = 0;

	for (uint32_t i = 0; i < cfg->nr_cpus; i++)
		if (cfg->cpu[i].node < MMSIM_MAX_NODES)
			count[cfg->cpu[i].node]++;
	if (node >= 0)
		return count[node];
	for (unsigned i = 0; i < MMSIM_MAX_NODES; i++)
		if (count[i] > most)
			most = count[i];
	return most;
}

/* Without the host's shape a benchmark can still run: on a plain small PC, and saying so. */
static void shape_from_host(struct machine *machine)
{
	char why[192] = "";
	int rc = mmsim_config_from_host(&machine->cfg, NULL, why, sizeof(why));

	if (rc)
		snprintf(machine->note, sizeof(machine->note),
			 "shape of the host unknown (%s): measured on %u CPUs and 4 GiB",
			 why[0] ? why : strerror(-rc), machine->cfg.nr_cpus);
	else if (why[0])
		snprintf(machine->note, sizeof(machine->note), "shape of the host: %s", why);
}

static int shape_from_text(struct machine *machine, const char *text, char *msg, size_t len)
{
	char why[192] = "";
	int rc = mmsim_config_from_synthetic(&machine->cfg, text, 0, why, sizeof(why));

	if (rc == 0)
		return 0;
	snprintf(msg, len, "--machine: '%s': %s", text, why[0] ? why : strerror(-rc));
	return -1;
}

/* A topology has levels "name:count"; a path may have a colon, too, but ends otherwise or has a slash. */
static bool is_topology(const char *text)
{
	size_t n = strlen(text);

	return strchr(text, ':') && !strchr(text, '/') && (n < 4 || strcmp(text + n - 4, ".ini"));
}

static int shape_from_profile(struct machine *machine, const char *path, char *msg, size_t len)
{
	const char *slash = strrchr(path, '/');
	char why[192] = "";
	char *end;
	int rc = mmsim_config_from_profile_file(&machine->cfg, path, why, sizeof(why));

	if (rc) {
		snprintf(msg, len, "--machine: %s%s%s", why[0] ? "" : path, why[0] ? "" : ": ",
			 why[0] ? why : strerror(-rc));
		return -1;
	}
	bench_copy(machine->name, sizeof(machine->name), slash ? slash + 1 : path);
	end = strrchr(machine->name, '.');
	if (end && end > machine->name && !strcmp(end, ".ini"))
		*end = '\0';
	/* Not to be taken for --machine host. */
	if (!strcmp(machine->name, "host"))
		bench_copy(machine->name, sizeof(machine->name), "host.ini");
	machine->is_profile = true;
	bench_copy(machine->figures, sizeof(machine->figures), "of the profile");
	return 0;
}

static int find_shape(struct machine *machine, const char *text, char *msg, size_t len)
{
	bench_copy(machine->name, sizeof(machine->name), text);
	bench_copy(machine->figures, sizeof(machine->figures), "of a generic server");
	if (!strcmp(text, "host")) {
		shape_from_host(machine);
		return 0;
	}
	return is_topology(text) ? shape_from_text(machine, text, msg, len)
				 : shape_from_profile(machine, text, msg, len);
}

/* Memory after --memory and --scale; 0: leave it as the shape has it. */
static uint64_t wanted_memory(const struct machine *machine, const struct options *opt,
			      uint64_t default_memory)
{
	uint64_t bytes = opt->memory ? opt->memory : default_memory;

	if (opt->scale >= 1)
		return bytes;
	if (bytes == 0)
		bytes = machine_memory(&machine->cfg);
	bytes = (uint64_t)((double)bytes * opt->scale);
	return bytes ? bytes : 1; /* too little, which is refused, and not "as it is" */
}

static int set_memory(struct machine *machine, const struct options *opt, uint64_t bytes, char *msg,
		      size_t len)
{
	int rc = bytes ? mmsim_config_set_memory(&machine->cfg, bytes) : 0;

	if (rc == 0)
		return 0;
	snprintf(msg, len, "%s: %llu bytes for %u node%s: %s", opt->memory ? "--memory" : "--scale",
		 (unsigned long long)bytes, machine->cfg.nr_nodes,
		 machine->cfg.nr_nodes == 1 ? "" : "s",
		 rc == -ERANGE ? "more than 64 TiB less the holes of a PC"
			       : "less than 4 MiB per node");
	return -1;
}

int machine_resolve(struct machine *machine, const struct options *opt, uint64_t default_memory,
		    char *msg, size_t len)
{
	memset(machine, 0, sizeof(*machine));
	mmsim_config_defaults(&machine->cfg);
	if (find_shape(machine, opt->machine, msg, len))
		return -1;
	if (set_memory(machine, opt, wanted_memory(machine, opt, default_memory), msg, len))
		return -1;
	machine->cfg.mode = opt->virtual_time ? MMSIM_VIRTUAL : MMSIM_NATIVE;
	machine->cfg.seed = opt->seed;
	return 0;
}

int machine_set_figure(struct machine *machine, const char *assignment, char *msg, size_t len)
{
	int rc = mmsim_config_set_figure(&machine->cfg, assignment, msg, len);
	bool first = !strstr(machine->figures, "; changed: ");

	if (rc == 0)
		bench_append(machine->figures, sizeof(machine->figures), "%s%s",
			     first ? "; changed: " : ", ", assignment);
	return rc;
}

bool machine_has_figure(const char *name)
{
	for (unsigned i = 0; i < MMSIM_NR_FIGURES; i++)
		if (!strcmp(mmsim_figure_info(i)->name, name))
			return true;
	return false;
}

/* How many different values a CPU's field takes; fields are machine-wide numbers. */
static unsigned count_distinct(const struct mmsim_config *cfg, size_t offset)
{
	static const size_t bits = 8;
	unsigned char seen[(UINT16_MAX + 1) / 8] = { 0 };
	unsigned nr = 0;

	for (uint32_t i = 0; i < cfg->nr_cpus; i++) {
		uint16_t value;
		unsigned bit;

		memcpy(&value, (const char *)&cfg->cpu[i] + offset, sizeof(value));
		bit = 1u << (value % bits);
		nr += !(seen[value / bits] & bit);
		seen[value / bits] = (unsigned char)(seen[value / bits] | bit);
	}
	return nr;
}

void machine_describe(const struct mmsim_config *cfg, char *buf, size_t len)
{
	snprintf(buf, len, "packages %u, nodes %u, cores %u, CPUs %u, memory %.2f GiB",
		 count_distinct(cfg, offsetof(struct mmsim_cpu, package)), cfg->nr_nodes,
		 count_distinct(cfg, offsetof(struct mmsim_cpu, core)), cfg->nr_cpus,
		 (double)machine_memory(cfg) / (1024.0 * 1024 * 1024));
}

static void fnv1a(uint64_t *hash, uint64_t value)
{
	for (unsigned i = 0; i < sizeof(value); i++) {
		*hash ^= (value >> (8 * i)) & 0xff;
		*hash *= UINT64_C(0x100000001b3);
	}
}

static void hash_shape(uint64_t *hash, const struct mmsim_config *cfg)
{
	for (uint32_t i = 0; i < cfg->nr_cpus; i++) {
		fnv1a(hash, cfg->cpu[i].node);
		fnv1a(hash, cfg->cpu[i].package);
		fnv1a(hash, cfg->cpu[i].llc);
		fnv1a(hash, cfg->cpu[i].core);
	}
	for (uint32_t i = 0; i < cfg->nr_nodes; i++) {
		fnv1a(hash, cfg->node[i].movable_bytes);
		for (uint32_t k = 0; k < cfg->nr_nodes; k++)
			fnv1a(hash, cfg->node[i].distance[k]);
	}
	for (uint32_t i = 0; i < cfg->nr_ranges; i++) {
		fnv1a(hash, cfg->range[i].start);
		fnv1a(hash, cfg->range[i].bytes);
		fnv1a(hash, cfg->range[i].node);
		fnv1a(hash, cfg->range[i].kind);
	}
}

/* Natively timing locks slows them down; in virtual time it changes nothing. */
static uint64_t hashed_flags(const struct mmsim_config *cfg)
{
	return cfg->mode == MMSIM_VIRTUAL ? cfg->flags & ~(uint32_t)MMSIM_LOCK_TIMES : cfg->flags;
}

uint64_t machine_hash(const struct mmsim_config *cfg)
{
	const uint64_t word[] = { cfg->mode,         hashed_flags(cfg), cfg->boot, cfg->stores,
				  cfg->init_threads, cfg->no_huge,      cfg->seed, cfg->nr_cpus,
				  cfg->nr_nodes,     cfg->nr_ranges };
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		fnv1a(&hash, word[i]);
	for (unsigned i = 0; i < MMSIM_NR_FAULT_KINDS; i++) {
		fnv1a(&hash, cfg->fault[i].nth);
		fnv1a(&hash, cfg->fault[i].count);
	}
	hash_shape(&hash, cfg);
	for (unsigned i = 0; cfg->mode == MMSIM_VIRTUAL && i < MMSIM_NR_FIGURES; i++)
		fnv1a(&hash, cfg->figure[i]);
	return hash;
}
