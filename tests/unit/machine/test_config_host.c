/* SPDX-License-Identifier: MIT */
/*
 * Machines from copies of proc and sys, most of them under tests/data/hosts.
 */
#include "config_host.h"

#include <errno.h>
#include <ftw.h>
#include <mmsim/config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef MMSIM_TEST_DATA
#error "the build defines MMSIM_TEST_DATA, the path of tests/data as a string"
#endif

#define NR(array) (sizeof(array) / sizeof((array)[0]))

struct range {
	uint32_t kind;
	uint32_t node;
	uint64_t start;
	uint64_t end;
};

static int read_host(struct mmsim_config *cfg, const char *name, char *msg, size_t len)
{
	char root[512];

	snprintf(root, sizeof(root), "%s/hosts/%s", MMSIM_TEST_DATA, name);
	return mmsim_config_from_host(cfg, root, msg, len);
}

static struct mmsim_config *new_config(void)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));

	assert_non_null(cfg);
	mmsim_config_defaults(cfg);
	return cfg;
}

/* Reads a good host, whose message is to be what is expected. */
static struct mmsim_config *take_host(const char *name, const char *message)
{
	struct mmsim_config *cfg = new_config();
	char msg[300] = "stale";

	if (read_host(cfg, name, msg, sizeof(msg)))
		fail_msg("%s: %s", name, msg);
	assert_string_equal(msg, message);
	assert_int_equal(mmsim_config_check(cfg, msg, sizeof(msg)), 0);
	return cfg;
}

static void assert_ranges(const struct mmsim_config *cfg, const struct range *expected, uint32_t nr)
{
	assert_int_equal(cfg->nr_ranges, nr);
	for (uint32_t i = 0; i < nr; i++) {
		const struct mmsim_range *r = &cfg->range[i];

		if (r->kind != expected[i].kind || r->node != expected[i].node ||
		    r->start != expected[i].start || r->start + r->bytes != expected[i].end)
			fail_msg("range[%u] is %u of node %u, 0x%llx-0x%llx", i, r->kind, r->node,
				 (unsigned long long)r->start,
				 (unsigned long long)(r->start + r->bytes));
	}
}

static void assert_cpu(const struct mmsim_config *cfg, uint32_t cpu, struct mmsim_cpu expected)
{
	if (memcmp(&cfg->cpu[cpu], &expected, sizeof(expected)) != 0)
		fail_msg("cpu[%u] is elsewhere", cpu);
}

static void reads_a_small_vm(void **state)
{
	static const struct range expected[] = {
		{ MMSIM_RANGE_RAM, 0, 0x1000, 0x9f000 },
		{ MMSIM_RANGE_RAM, 0, 0x100000, 0xc0000000 },
		{ MMSIM_RANGE_RAM, 0, 0x100000000, 0x640000000 },
		{ MMSIM_RANGE_RESERVED, 0, 0x1000000, 0x220c000 },
		{ MMSIM_RANGE_RESERVED, 0, 0x2400000, 0x2e0a000 },
		{ MMSIM_RANGE_RESERVED, 0, 0x3000000, 0x327d000 },
		{ MMSIM_RANGE_RESERVED, 0, 0x3b34000, 0x3c58000 },
	};
	struct mmsim_config *cfg = take_host("small-vm", "");

	(void)state;
	assert_int_equal(cfg->nr_cpus, 2);
	assert_int_equal(cfg->nr_nodes, 1);
	assert_cpu(cfg, 0, (struct mmsim_cpu){ 0, 0, 0, 0 });
	assert_cpu(cfg, 1, (struct mmsim_cpu){ 0, 0, 0, 1 });
	assert_int_equal(cfg->node[0].distance[0], 10);
	assert_int_equal(cfg->node[0].movable_bytes, 0);
	assert_ranges(cfg, expected, NR(expected));
	free(cfg);
}

/* Siblings four apart, core numbers that repeat, and a memory block with the border in its middle. */
static void reads_a_two_node_server(void **state)
{
	static const struct range expected[] = {
		{ MMSIM_RANGE_RAM, 0, 0x1000, 0x9f000 },
		{ MMSIM_RANGE_RAM, 0, 0x100000, 0xc0000000 },
		{ MMSIM_RANGE_RAM, 0, 0x100000000, 0x150000000 },
		{ MMSIM_RANGE_RAM, 1, 0x150000000, 0x250000000 },
		{ MMSIM_RANGE_RESERVED, 0, 0x1000000, 0x267c000 },
		{ MMSIM_RANGE_RESERVED, 0, 0x2800000, 0x2c00000 },
		{ MMSIM_RANGE_RESERVED, 0, 0x14fffe000, 0x150000000 },
		{ MMSIM_RANGE_RESERVED, 1, 0x150000000, 0x150002000 },
	};
	static const uint16_t core[] = { 0, 1, 2, 3, 0, 1, 2, 3 };
	struct mmsim_config *cfg = take_host("two-node", "");

	(void)state;
	assert_int_equal(cfg->nr_cpus, 8);
	assert_int_equal(cfg->nr_nodes, 2);
	for (uint16_t i = 0; i < 8; i++) {
		uint16_t half = i / 2 % 2;

		assert_cpu(cfg, i, (struct mmsim_cpu){ half, half, half, core[i] });
	}
	assert_int_equal(cfg->node[0].distance[1], 21);
	assert_int_equal(cfg->node[1].distance[0], 21);
	assert_int_equal(cfg->node[1].distance[1], 10);
	assert_ranges(cfg, expected, NR(expected));
	free(cfg);
}

static void guesses_what_is_hidden(void **state)
{
	static const struct range expected[] = {
		{ MMSIM_RANGE_RAM, 0, 0x1000, 0x140000000 },
	};
	struct mmsim_config *cfg = take_host(
		"hidden-iomem",
		"sys/devices/system/node/online is missing: one node; proc/iomem hides its "
		"addresses: RAM is where the zones of proc/zoneinfo are, which span 1310719 pages, "
		"1048478 of them present");

	(void)state;
	assert_int_equal(cfg->nr_nodes, 1);
	assert_int_equal(cfg->nr_cpus, 2);
	/* No topology at all: two cores of one package that share a cache. */
	assert_cpu(cfg, 1, (struct mmsim_cpu){ 0, 0, 0, 1 });
	assert_int_equal(cfg->node[0].distance[0], 0);
	assert_ranges(cfg, expected, NR(expected));
	free(cfg);
}

/* Where the zones span the device hole and offline memory, the memory blocks know better. */
static void guesses_from_memory_blocks(void **state)
{
	static const struct range expected[] = {
		{ MMSIM_RANGE_RAM, 0, 0x1000, 0xc0000000 },
		{ MMSIM_RANGE_RAM, 0, 0x100000000, 0x140000000 },
	};
	struct mmsim_config *cfg = take_host(
		"hidden-iomem-blocks",
		"proc/iomem hides its addresses: RAM is where the zones of proc/zoneinfo are, "
		"which span 1572863 pages, 1048478 of them present");

	(void)state;
	/* Two packages without a word on caches do not share one. */
	assert_cpu(cfg, 1, (struct mmsim_cpu){ 0, 1, 1, 1 });
	assert_ranges(cfg, expected, NR(expected));
	free(cfg);
}

/* Online nodes 0 and 2 and CPUs 0 and 2; node 2 has no CPU and lies amid node 0. */
static void reads_a_memory_only_node(void **state)
{
	static const struct range expected[] = {
		{ MMSIM_RANGE_RAM, 0, 0x100000, 0xc0000000 },
		{ MMSIM_RANGE_RAM, 0, 0x100000000, 0x180000000 },
		{ MMSIM_RANGE_RAM, 1, 0x180000000, 0x200000000 },
		{ MMSIM_RANGE_RAM, 0, 0x200000000, 0x300000000 },
	};
	struct mmsim_config *cfg = take_host("memory-only-node", "");

	(void)state;
	assert_int_equal(cfg->nr_cpus, 2);
	assert_int_equal(cfg->nr_nodes, 2);
	assert_cpu(cfg, 0, (struct mmsim_cpu){ 0, 0, 0, 0 });
	assert_cpu(cfg, 1, (struct mmsim_cpu){ 0, 0, 0, 0 });
	assert_int_equal(cfg->node[0].distance[1], 31);
	assert_int_equal(cfg->node[0].movable_bytes, 0);
	assert_int_equal(cfg->node[1].movable_bytes, 0x80000000);
	assert_ranges(cfg, expected, NR(expected));
	free(cfg);
}

/* Two packages that a hypervisor lets share a cache; both have a core 0, which is not one core. */
static void tells_cores_of_packages_apart(void **state)
{
	struct mmsim_config *cfg =
		take_host("odd-cache", "sys/devices/system/node/online is missing: one node");

	(void)state;
	assert_cpu(cfg, 0, (struct mmsim_cpu){ 0, 0, 0, 0 });
	assert_cpu(cfg, 1, (struct mmsim_cpu){ 0, 1, 0, 1 });
	free(cfg);
}

static void refuses_broken_hosts(void **state)
{
	static const struct {
		const char *name;
		int err;
		const char *expected;
	} bad[] = {
		{ "no-such-host", -ENOENT, "/hosts/no-such-host: cannot be opened" },
		{ "broken-no-zoneinfo", -ENOENT, "proc/zoneinfo: cannot be read" },
		{ "broken-iomem", -EINVAL, "proc/iomem: line 2: not \"START-END : NAME\"" },
		{ "broken-offline-node", -EINVAL, "proc/zoneinfo: node 3 has memory but" },
		{ "broken-cpu-list", -EINVAL, "sys/devices/system/cpu/online: not ascending" },
		{ "broken-too-many-cpus", -ERANGE, "sys/devices/system/cpu/online: more than" },
		{ "broken-no-common-ram", -EINVAL, "proc/iomem: no System RAM is in any zone" },
		{ "broken-distance", -EINVAL, "node0/distance: more distances than nodes" },
		{ "broken-block-size", -EINVAL, "block_size_bytes: not the size" },
	};
	struct mmsim_config *before = new_config();
	struct mmsim_config *cfg = new_config();

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		/* Long enough for the path of the source tree. */
		char msg[600] = "";
		int err = read_host(cfg, bad[i].name, msg, sizeof(msg));

		if (err != bad[i].err || !strstr(msg, bad[i].expected))
			fail_msg("%s gave %d, \"%s\"", bad[i].name, err, msg);
	}
	assert_int_equal(mmsim_config_from_host(NULL, NULL, NULL, 0), -EINVAL);
	assert_memory_equal(cfg, before, sizeof(*cfg));
	free(before);
	free(cfg);
}

static void leaves_the_rest(void **state)
{
	struct mmsim_config *cfg = new_config();

	(void)state;
	cfg->seed = 42;
	cfg->flags = MMSIM_NO_PIN;
	cfg->cpu[1000].core = 3;
	cfg->node[0].movable_bytes = 4096;
	cfg->range[500].bytes = 1;
	assert_int_equal(read_host(cfg, "small-vm", NULL, 0), 0);
	assert_int_equal(cfg->seed, 42);
	assert_int_equal(cfg->flags, MMSIM_NO_PIN);
	assert_int_equal(cfg->cpu[1000].core, 0);
	assert_int_equal(cfg->node[0].movable_bytes, 0);
	assert_int_equal(cfg->range[500].bytes, 0);
	free(cfg);
}

/* Whatever this runs on: either a machine that can be built, or a reason. */
static void reads_this_host(void **state)
{
	struct mmsim_config *cfg = new_config();
	char msg[300] = "";
	int err;

	(void)state;
	err = mmsim_config_from_host(cfg, NULL, msg, sizeof(msg));
	if (err)
		assert_string_not_equal(msg, "");
	else
		assert_int_equal(cfg->nr_cpus, sysconf(_SC_NPROCESSORS_ONLN));
	assert_int_equal(mmsim_config_check(cfg, NULL, 0), 0);
	free(cfg);
}

/** A directory that becomes a host file by file. */
struct scratch {
	char root[64];
};

static void write_file(const struct scratch *s, const char *name, const char *text, size_t len)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", s->root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void put(const struct scratch *s, const char *name, const char *text)
{
	write_file(s, name, text, strlen(text));
}

/* One CPU; its nodes' directories are there and empty. */
static void make_scratch(struct scratch *s)
{
	static const char *const dirs[] = { "proc",
					    "sys",
					    "sys/devices",
					    "sys/devices/system",
					    "sys/devices/system/cpu",
					    "sys/devices/system/memory",
					    "sys/devices/system/node",
					    "sys/devices/system/node/node0",
					    "sys/devices/system/node/node1" };
	char path[128];

	strcpy(s->root, "/tmp/mmsim-host-XXXXXX");
	assert_non_null(mkdtemp(s->root));
	for (size_t i = 0; i < NR(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->root, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	put(s, "sys/devices/system/cpu/online", "0\n");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_scratch(const struct scratch *s)
{
	assert_int_equal(nftw(s->root, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void refuses_what_is_no_small_file(void **state)
{
	struct mmsim_config *cfg = new_config();
	struct scratch s;
	char path[128];
	char msg[300];
	char *huge;

	(void)state;
	make_scratch(&s);
	huge = malloc(MM_MACHINE_MAX_FILE + 1);
	assert_non_null(huge);
	memset(huge, '\n', MM_MACHINE_MAX_FILE + 1);
	write_file(&s, "proc/zoneinfo", huge, MM_MACHINE_MAX_FILE + 1);
	assert_int_equal(mmsim_config_from_host(cfg, s.root, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "proc/zoneinfo: 16 MiB or larger");
	free(huge);

	/* A fifo without a writer would block. */
	snprintf(path, sizeof(path), "%s/proc/zoneinfo", s.root);
	assert_int_equal(remove(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(mmsim_config_from_host(cfg, s.root, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "proc/zoneinfo: not a regular file");
	remove_scratch(&s);
	free(cfg);
}

static void assert_refused(const struct scratch *s, int err, const char *expected)
{
	struct mmsim_config *cfg = new_config();
	char msg[300] = "";
	int got = mmsim_config_from_host(cfg, s->root, msg, sizeof(msg));

	if (got != err || strncmp(msg, expected, strlen(expected)) != 0)
		fail_msg("not \"%s\" but %d, \"%s\"", expected, got, msg);
	free(cfg);
}

static void print_zone(FILE *file, unsigned int node, const char *name, unsigned int start_pfn,
		       unsigned int pages)
{
	fprintf(file, "Node %u, zone %s\n spanned %u\n present %u\n start_pfn: %u\n", node, name,
		pages, pages, start_pfn);
}

/* A file of the scratch host to print into. */
static FILE *open_file(const struct scratch *s, const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", s->root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	return file;
}

static void names_the_file_of_a_distance(void **state)
{
	struct scratch s;

	(void)state;
	make_scratch(&s);
	put(&s, "sys/devices/system/node/online", "0-1\n");
	put(&s, "sys/devices/system/node/node0/distance", "10 20\n");
	put(&s, "sys/devices/system/node/node1/distance", "20 11\n");
	assert_refused(&s, -EINVAL,
		       "sys/devices/system/node/node1/distance: not 10 to the node itself");
	remove_scratch(&s);
}

/* What only the check of the whole config finds. */
static void names_the_file_of_zones_that_do_not_fit(void **state)
{
	struct scratch s;
	FILE *file;

	(void)state;
	make_scratch(&s);
	put(&s, "sys/devices/system/node/online", "0-1\n");
	put(&s, "proc/iomem", "00100000-014e7fff : System RAM\n");
	file = open_file(&s, "proc/zoneinfo");
	print_zone(file, 0, "Normal", 256, 1000);
	print_zone(file, 1, "Normal", 1256, 4096);
	assert_int_equal(fclose(file), 0);
	assert_refused(&s, -EINVAL,
		       "proc/zoneinfo: range[1].start: 0x4e8000 lies in a 4 MiB block");

	file = open_file(&s, "proc/zoneinfo");
	print_zone(file, 0, "Movable", 1024, 1024);
	print_zone(file, 0, "Movable", 1024, 1024);
	assert_int_equal(fclose(file), 0);
	assert_refused(&s, -EINVAL, "proc/zoneinfo: node[0].movable_bytes: 0x");
	remove_scratch(&s);
}

/* Every other block is the node's. */
static void names_the_node_of_too_many_blocks(void **state)
{
	struct scratch s;
	FILE *file;

	(void)state;
	make_scratch(&s);
	put(&s, "sys/devices/system/node/online", "0\n");
	put(&s, "sys/devices/system/memory/block_size_bytes", "8000000\n");
	put(&s, "proc/iomem", "00100000-7fffffffff : System RAM\n");
	file = open_file(&s, "proc/zoneinfo");
	print_zone(file, 0, "Normal", 256, 2 * (MMSIM_MAX_RANGES + 1) * MMSIM_PAGES_PER_SECTION);
	assert_int_equal(fclose(file), 0);
	for (unsigned int i = 0; i <= MMSIM_MAX_RANGES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "sys/devices/system/node/node0/memory%u", 2 * i);
		put(&s, name, "");
	}
	assert_refused(&s, -ERANGE,
		       "sys/devices/system/node/node0: its memory is in too many pieces");
	remove_scratch(&s);
}

/* One node's zones lie all over the other's. */
static void names_the_file_of_too_many_zones(void **state)
{
	struct scratch s;
	FILE *file;

	(void)state;
	make_scratch(&s);
	put(&s, "sys/devices/system/node/online", "0-1\n");
	put(&s, "proc/iomem", "00100000-7fffffffff : System RAM\n");
	file = open_file(&s, "proc/zoneinfo");
	print_zone(file, 0, "Normal", 0, MMSIM_MAX_RANGES * 2048);
	for (unsigned int i = 0; i < MMSIM_MAX_RANGES / 2; i++)
		print_zone(file, 1, "Normal", 1024 + 2048 * i, 1024);
	assert_int_equal(fclose(file), 0);
	assert_refused(&s, -ERANGE, "proc/zoneinfo: the nodes' memory is in too many pieces");
	remove_scratch(&s);
}

/* Neither the RAM nor the kernel are too many, but both together. */
static void names_the_file_of_too_many_ranges(void **state)
{
	struct scratch s;
	FILE *file;

	(void)state;
	make_scratch(&s);
	file = open_file(&s, "proc/iomem");
	for (unsigned int i = 0; i <= MMSIM_MAX_RANGES / 2; i++)
		fprintf(file, "%x-%x : System RAM\n  %x-%x : Kernel code\n", i * 0x8000,
			i * 0x8000 + 0x3fff, i * 0x8000 + 0x1000, i * 0x8000 + 0x1fff);
	assert_int_equal(fclose(file), 0);
	file = open_file(&s, "proc/zoneinfo");
	print_zone(file, 0, "Normal", 0, MMSIM_MAX_RANGES * 8);
	assert_int_equal(fclose(file), 0);
	assert_refused(&s, -ERANGE, "proc/iomem: more than 512 ranges of memory");
	remove_scratch(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_small_vm),
		cmocka_unit_test(reads_a_two_node_server),
		cmocka_unit_test(guesses_what_is_hidden),
		cmocka_unit_test(guesses_from_memory_blocks),
		cmocka_unit_test(reads_a_memory_only_node),
		cmocka_unit_test(tells_cores_of_packages_apart),
		cmocka_unit_test(refuses_broken_hosts),
		cmocka_unit_test(leaves_the_rest),
		cmocka_unit_test(reads_this_host),
		cmocka_unit_test(refuses_what_is_no_small_file),
		cmocka_unit_test(names_the_file_of_a_distance),
		cmocka_unit_test(names_the_file_of_zones_that_do_not_fit),
		cmocka_unit_test(names_the_node_of_too_many_blocks),
		cmocka_unit_test(names_the_file_of_too_many_zones),
		cmocka_unit_test(names_the_file_of_too_many_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
