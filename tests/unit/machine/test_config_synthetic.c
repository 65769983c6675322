/* SPDX-License-Identifier: MIT */
/*
 * Machines from hwloc-style strings: where each CPU lies, and each kind of malformed string.
 */
#include <errno.h>
#include <mmsim/config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))
#define MIB(n) (UINT64_C(n) << 20)
#define GIB(n) (UINT64_C(n) << 30)

static struct mmsim_config *new_config(void)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));

	assert_non_null(cfg);
	mmsim_config_defaults(cfg);
	return cfg;
}

static struct mmsim_config *parse(const char *text, uint64_t bytes_per_node)
{
	struct mmsim_config *cfg = new_config();
	char msg[128] = "stale";

	if (mmsim_config_from_synthetic(cfg, text, bytes_per_node, msg, sizeof(msg)))
		fail_msg("\"%s\": %s", text, msg);
	assert_string_equal(msg, "");
	if (mmsim_config_check(cfg, msg, sizeof(msg)))
		fail_msg("\"%s\": %s", text, msg);
	return cfg;
}

/* Counts, and the place of the last CPU, from which a division gives all others. */
static void places_cpus(void **state)
{
	static const struct {
		const char *text;
		uint32_t nr_cpus;
		uint32_t nr_nodes;
		struct mmsim_cpu last;
	} good[] = {
		{ "pu:1", 1, 1, { 0, 0, 0, 0 } },
		{ "pu:4", 4, 1, { 0, 0, 0, 0 } },
		{ "core:4 pu:1", 4, 1, { 0, 0, 0, 3 } },
		{ "pack:2 pu:2", 4, 1, { 0, 1, 1, 1 } },
		{ "pack:2 node:1 core:26 pu:2", 104, 2, { 1, 1, 1, 51 } },
		{ "package:2 numa:2 llc:3 core:4 thread:2", 96, 4, { 3, 1, 11, 47 } },
		{ "pack:1 node:1 l3:8 core:4 pu:2", 64, 1, { 0, 0, 7, 31 } },
		{ "pack:2 l3:2 node:2 core:1 pu:1", 8, 8, { 7, 1, 3, 7 } },
		{ "node:2 pack:3 core:1 pu:1", 6, 2, { 1, 5, 5, 5 } },
		{ "node:64 core:16 pu:1", 1024, 64, { 63, 0, 63, 1023 } },
		{ "  pack:2   core:2 pu:1  ", 4, 1, { 0, 1, 1, 3 } },
	};

	(void)state;
	for (size_t i = 0; i < NR(good); i++) {
		struct mmsim_config *cfg = parse(good[i].text, MIB(64));

		assert_int_equal(cfg->nr_cpus, good[i].nr_cpus);
		assert_int_equal(cfg->nr_nodes, good[i].nr_nodes);
		if (memcmp(&cfg->cpu[cfg->nr_cpus - 1], &good[i].last, sizeof(good[i].last)) != 0)
			fail_msg("\"%s\": the last CPU is elsewhere", good[i].text);
		free(cfg);
	}
}

static void numbers_cpus_depth_first(void **state)
{
	struct mmsim_config *cfg = parse("pack:2 node:1 l3:2 core:2 pu:2", 0);

	(void)state;
	for (uint16_t i = 0; i < cfg->nr_cpus; i++) {
		assert_int_equal(cfg->cpu[i].core, i / 2);
		assert_int_equal(cfg->cpu[i].llc, i / 4);
		assert_int_equal(cfg->cpu[i].package, i / 8);
		assert_int_equal(cfg->cpu[i].node, i / 8);
	}
	free(cfg);
}

static uint64_t node_bytes(const struct mmsim_config *cfg, uint32_t node)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < cfg->nr_ranges; i++)
		if (cfg->range[i].node == node)
			sum += cfg->range[i].bytes;
	return sum;
}

static void gives_nodes_memory(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes_per_node;
		uint64_t expected;
	} good[] = {
		{ "node:2 pu:1", 0, GIB(4) },
		{ "node:2 pu:1", MIB(4) + 4097, MIB(4) + 4096 },
		{ "node:2(memory=384G) pu:1", 0, GIB(384) },
		{ "node:2(memory=1.5 GiB) pu:1", 1, GIB(3) / 2 },
	};

	(void)state;
	for (size_t i = 0; i < NR(good); i++) {
		struct mmsim_config *cfg = parse(good[i].text, good[i].bytes_per_node);

		assert_int_equal(node_bytes(cfg, 0), good[i].expected);
		assert_int_equal(node_bytes(cfg, 1), good[i].expected);
		assert_int_equal(cfg->range[0].start, 4096);
		free(cfg);
	}
}

static void leaves_the_rest(void **state)
{
	struct mmsim_config *cfg = new_config();

	(void)state;
	cfg->seed = 42;
	cfg->mode = MMSIM_SERIAL;
	cfg->node[0].movable_bytes = MIB(8);
	cfg->node[5].distance[0] = 77;
	cfg->cpu[1000].core = 3;
	assert_int_equal(mmsim_config_from_synthetic(cfg, "pu:1", 0, NULL, 0), 0);
	assert_int_equal(cfg->seed, 42);
	assert_int_equal(cfg->mode, MMSIM_SERIAL);
	assert_int_equal(cfg->node[0].movable_bytes, 0);
	assert_int_equal(cfg->node[5].distance[0], 0);
	assert_int_equal(cfg->cpu[1000].core, 0);
	free(cfg);
}

static void refuses_with_the_character(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *expected;
	} bad[] = {
		{ "", -EINVAL, "character 1: the last level is not pu" },
		{ "pack:2 core:2", -EINVAL, "character 14: the last level is not pu" },
		{ "pack:2 corn:2 pu:1", -EINVAL, "character 8: not one of pack" },
		{ "Pack:2 pu:1", -EINVAL, "character 1: not one of pack" },
		{ ":2 pu:1", -EINVAL, "character 1: not one of pack" },
		{ "pack pu:1", -EINVAL, "character 5: a : is missing" },
		{ "pack:2  pu:", -EINVAL, "character 12: a count of 1 or more" },
		{ "pack:0 pu:1", -EINVAL, "character 6: a count of 1 or more" },
		{ "pack:-1 pu:1", -EINVAL, "character 6: a count of 1 or more" },
		{ "pack:2,pu:1", -EINVAL, "character 7: a space is missing" },
		{ "pack:2\tpu:1", -EINVAL, "character 7: a space is missing" },
		{ "pack:2(memory=1G) pu:1", -EINVAL, "character 7: a space is missing" },
		{ "pu:2 core:2", -EINVAL, "character 6: this level belongs further out" },
		{ "pu:2 node:2", -EINVAL, "character 6: this level belongs further out" },
		{ "core:2 node:2 pu:1", -EINVAL, "character 8: this level belongs further out" },
		{ "l3:2 pack:2 pu:1", -EINVAL, "character 6: this level belongs further out" },
		{ "pack:2 package:2 pu:1", -EINVAL, "character 8: this level is there already" },
		{ "node:1 numa:1 pu:1", -EINVAL, "character 8: this level is there already" },
		{ "node:1(size=1G) pu:1", -EINVAL, "character 8: not memory=" },
		{ "node:1(memory=1G pu:1", -EINVAL, "character 22: a ) is missing" },
		{ "node:1(memory=) pu:1", -EINVAL, "character 15: not a size" },
		{ "node:1(memory=1X) pu:1", -EINVAL, "character 15: not a size" },
		{ "node:1(memory=4095K) pu:1", -EINVAL, "character 15: less than 4 MiB" },
		{ "node:1(memory=0) pu:1", -EINVAL, "character 15: less than 4 MiB" },
		{ "node:1(memory=000000000000000000000000000000000000000000000008G) pu:1", -EINVAL,
		  "character 15: not a size" },
		{ "node:1(memory=64T) pu:1", -ERANGE, "character 15: too big" },
		{ "node:1(memory=99999P) pu:1", -ERANGE, "character 15: too big" },
		{ "node:4(memory=16T) pu:1", -ERANGE, "4 nodes of 17592186044416 bytes" },
		{ "pack:2 core:513 pu:1", -ERANGE, "character 13: more than 1024 CPUs" },
		{ "pu:99999999999999999999", -ERANGE, "character 4: more than 1024 CPUs" },
		{ "pack:5 node:13 pu:1", -ERANGE, "character 13: more than 64 nodes" },
	};
	struct mmsim_config *before = new_config();
	struct mmsim_config *cfg = new_config();

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		char msg[128] = "";
		int err = mmsim_config_from_synthetic(cfg, bad[i].text, 0, msg, sizeof(msg));

		if (err != bad[i].err || !strstr(msg, bad[i].expected))
			fail_msg("\"%s\" gave %d, \"%s\"", bad[i].text, err, msg);
	}
	assert_int_equal(mmsim_config_from_synthetic(cfg, "pu:1", MIB(4) - 1, NULL, 0), -EINVAL);
	assert_int_equal(mmsim_config_from_synthetic(cfg, "pu:1", UINT64_MAX, NULL, 0), -ERANGE);
	assert_int_equal(mmsim_config_from_synthetic(cfg, NULL, 0, NULL, 0), -EINVAL);
	assert_int_equal(mmsim_config_from_synthetic(NULL, "pu:1", 0, NULL, 0), -EINVAL);
	assert_memory_equal(cfg, before, sizeof(*cfg));
	free(before);
	free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_cpus),
		cmocka_unit_test(numbers_cpus_depth_first),
		cmocka_unit_test(gives_nodes_memory),
		cmocka_unit_test(leaves_the_rest),
		cmocka_unit_test(refuses_with_the_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
