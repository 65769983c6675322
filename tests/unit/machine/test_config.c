/* SPDX-License-Identifier: MIT */
/*
 * The default machine, memory in a PC's layout, and every refusal of mmsim_config_check().
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

static struct mmsim_config *new_config(uint32_t nr_nodes)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));

	assert_non_null(cfg);
	memset(cfg, 0xa5, sizeof(*cfg));
	mmsim_config_defaults(cfg);
	cfg->nr_nodes = nr_nodes;
	return cfg;
}

static void assert_good(const struct mmsim_config *cfg)
{
	char msg[128] = "stale";

	if (mmsim_config_check(cfg, msg, sizeof(msg)))
		fail_msg("refused: %s", msg);
	assert_string_equal(msg, "");
}

static void assert_range(const struct mmsim_range *r, uint32_t kind, uint32_t node, uint64_t start,
			 uint64_t end)
{
	assert_int_equal(r->kind, kind);
	assert_int_equal(r->node, node);
	assert_int_equal(r->start, start);
	assert_int_equal(r->start + r->bytes, end);
}

static void defaults_are_a_small_machine(void **state)
{
	struct mmsim_config *cfg = new_config(1);
	uint64_t sum = 0;

	(void)state;
	assert_good(cfg);
	assert_int_equal(cfg->size, sizeof(*cfg));
	assert_int_equal(cfg->nr_cpus, 2);
	assert_int_not_equal(cfg->cpu[0].core, cfg->cpu[1].core);
	assert_int_equal(cfg->cpu[0].llc, cfg->cpu[1].llc);
	for (uint32_t i = 0; i < cfg->nr_ranges; i++)
		sum += cfg->range[i].bytes;
	assert_int_equal(sum, GIB(4));
	assert_null(cfg->log);
	assert_int_equal(cfg->fault[0].nth, 0);
	mmsim_config_defaults(NULL);
	free(cfg);
}

static void memory_avoids_the_holes(void **state)
{
	struct mmsim_config *cfg = new_config(2);

	(void)state;
	mmsim_config_add_range(cfg, MMSIM_RANGE_RESERVED, 0, MIB(16), MIB(1));
	/* The odd 5000 bytes are less than a page for each node. */
	assert_int_equal(mmsim_config_set_memory(cfg, GIB(6) + 5000), 0);
	assert_good(cfg);
	assert_int_equal(cfg->nr_ranges, 4);
	assert_range(&cfg->range[0], MMSIM_RANGE_RAM, 0, 4096, 640 << 10);
	assert_range(&cfg->range[1], MMSIM_RANGE_RAM, 0, MIB(1), GIB(3));
	/* 4 KiB and 384 KiB that the holes took from node 0; node 1 keeps clear of its last block. */
	assert_range(&cfg->range[2], MMSIM_RANGE_RAM, 0, GIB(4), GIB(4) + MIB(1) - (636 << 10));
	assert_range(&cfg->range[3], MMSIM_RANGE_RAM, 1, GIB(4) + MIB(4), GIB(7) + MIB(4));
	free(cfg);
}

static void memory_has_limits(void **state)
{
	struct mmsim_config *cfg = new_config(4);
	struct mmsim_config *before = new_config(4);
	/* Without the holes, and a block per node for its alignment. */
	uint64_t most = MMSIM_MAX_PHYS - GIB(1) - (388 << 10) - 4 * MIB(4);

	(void)state;
	assert_int_equal(mmsim_config_set_memory(cfg, 0), -EINVAL);
	assert_int_equal(mmsim_config_set_memory(cfg, MIB(16) - 1), -EINVAL);
	assert_int_equal(mmsim_config_set_memory(cfg, most + 16384), -ERANGE);
	assert_int_equal(mmsim_config_set_memory(cfg, UINT64_MAX), -ERANGE);
	assert_int_equal(mmsim_config_set_memory(NULL, MIB(16)), -EINVAL);
	assert_memory_equal(cfg, before, sizeof(*cfg));
	assert_int_equal(mmsim_config_set_memory(cfg, MIB(16)), 0);
	assert_good(cfg);
	assert_int_equal(mmsim_config_set_memory(cfg, most), 0);
	assert_good(cfg);
	cfg->nr_nodes = 0;
	assert_int_equal(mmsim_config_set_memory(cfg, MIB(16)), -EINVAL);
	cfg->nr_nodes = MMSIM_MAX_NODES + 1;
	assert_int_equal(mmsim_config_set_memory(cfg, GIB(16)), -EINVAL);
	free(before);
	free(cfg);
}

static void ranges_run_out(void **state)
{
	struct mmsim_config *cfg = new_config(1);

	(void)state;
	cfg->nr_ranges = 0;
	for (uint64_t i = 0; i < MMSIM_MAX_RANGES; i++)
		assert_int_equal(mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 0, i * 8192, 4096),
				 0);
	assert_int_equal(cfg->nr_ranges, MMSIM_MAX_RANGES);
	assert_range(&cfg->range[7], MMSIM_RANGE_RAM, 0, 7 * 8192, 7 * 8192 + 4096);
	assert_good(cfg);
	assert_int_equal(mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 0, GIB(1), 4096), -ENOSPC);
	assert_int_equal(cfg->nr_ranges, MMSIM_MAX_RANGES);
	assert_int_equal(mmsim_config_add_range(NULL, MMSIM_RANGE_RAM, 0, 0, 4096), -EINVAL);
	free(cfg);
}

/*
 * Two nodes, four CPUs on two cores, RAM with a border at 2 GiB and a hole from 3 to 4 GiB, in no
 * order: what the table below breaks in one place.
 */
static void make_base(struct mmsim_config *cfg)
{
	mmsim_config_defaults(cfg);
	cfg->nr_nodes = 2;
	cfg->nr_cpus = 4;
	for (uint16_t i = 0; i < 4; i++)
		cfg->cpu[i] = (struct mmsim_cpu){ i / 2, i / 2, i / 2, i / 2 };
	cfg->node[0].distance[1] = 254;
	cfg->node[0].distance[0] = 10;
	cfg->node[1].movable_bytes = GIB(2);
	cfg->nr_ranges = 0;
	mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 1, GIB(2), GIB(1));
	mmsim_config_add_range(cfg, MMSIM_RANGE_RESERVED, 0, MIB(900), MIB(200));
	mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 0, GIB(1), GIB(1));
	mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 0, 0, GIB(1));
	mmsim_config_add_range(cfg, MMSIM_RANGE_RESERVED, 0, GIB(1), GIB(1));
	mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 1, MMSIM_MAX_PHYS - GIB(1), GIB(1));
}

#define FIELD(field) offsetof(struct mmsim_config, field), sizeof(((struct mmsim_config *)0)->field)

static const struct {
	size_t offset;
	size_t size;
	uint64_t value;
	const char *expected;
} breakages[] = {
	{ FIELD(size), 8, "size: 8 is not " },
	{ FIELD(size), sizeof(struct mmsim_config) + 8, "size: " },
	{ FIELD(mode), 4, "mode: 4 is above 3" },
	{ FIELD(flags), 0x101, "flags: 0x101 has the unknown bits 0x100" },
	{ FIELD(boot), 2, "boot: 2 is above 1" },
	{ FIELD(stores), 3, "stores: 3 is above 2" },
	{ FIELD(no_huge), 8, "no_huge: 0x8 has the unknown bits 0x8" },
	{ FIELD(nr_cpus), 0, "nr_cpus: 0 is not between 1 and 1024" },
	{ FIELD(nr_cpus), 1025, "nr_cpus: 1025 is not between 1 and 1024" },
	{ FIELD(nr_nodes), 0, "nr_nodes: 0 is not between 1 and 64" },
	{ FIELD(nr_nodes), 65, "nr_nodes: 65 is not between 1 and 64" },
	{ FIELD(nr_ranges), 0, "nr_ranges: 0 is not between 1 and 512" },
	{ FIELD(nr_ranges), 513, "nr_ranges: 513 is not between 1 and 512" },
	{ FIELD(cpu[3].node), 2, "cpu[3].node: 2 is not below nr_nodes, 2" },
	{ FIELD(cpu[1].node), 1, "cpu[1].node: 1, but cpu[0] on the same core has 0" },
	{ FIELD(cpu[3].package), 7, "cpu[3].package: 7, but cpu[2] on the same core has 1" },
	{ FIELD(cpu[2].llc), 9, "cpu[3].llc: 1, but cpu[2] on the same core has 9" },
	{ FIELD(cpu[3].core), 0, "cpu[3].node: 1, but cpu[1] on the same core has 0" },
	{ FIELD(node[0].distance[1]), 9, "node[0].distance[1]: 9 is neither 0 nor 10 to 254" },
	{ FIELD(node[1].distance[0]), 255, "node[1].distance[0]: 255 is neither" },
	{ FIELD(node[1].distance[1]), 11, "node[1].distance[1]: 11 is not 10, the distance" },
	{ FIELD(node[1].movable_bytes), GIB(2) + 1,
	  "node[1].movable_bytes: 0x80000001 is more than the node's RAM, 0x80000000" },
	{ FIELD(range[3].start), 0x1001, "range[3].start: 0x1001 is not a multiple of 4096" },
	{ FIELD(range[3].start), MMSIM_MAX_PHYS, "range[3].start: 0x400000000000 is not below" },
	{ FIELD(range[3].bytes), 0, "range[3].bytes: 0x0 is no memory" },
	{ FIELD(range[3].bytes), 0x801, "range[3].bytes: 0x801 is not a multiple of 4096" },
	{ FIELD(range[5].bytes), GIB(1) + 4096, "range[5].bytes: 0x40001000 reaches past 0x4" },
	{ FIELD(range[5].bytes), UINT64_MAX - 4095, "range[5].bytes: 0xfffffffffffff000 reaches" },
	{ FIELD(range[0].node), 2, "range[0].node: 2 is not below nr_nodes, 2" },
	{ FIELD(range[0].kind), 2, "range[0].kind: 2 is unknown" },
	{ FIELD(range[3].bytes), GIB(1) + 4096, "range[2].start: 0x40000000 lies in range[3]" },
	{ FIELD(range[0].start), GIB(1), "range[2].start: 0x40000000 lies in range[0]" },
	/* Reserved: in a hole, on the other node, across a border, across a hole. */
	{ FIELD(range[4].start), GIB(3), "range[4].start: 0xc0000000 is not in RAM of node 0" },
	{ FIELD(range[3].bytes), MIB(800), "range[1].start: 0x38400000 is not in RAM of node 0" },
	{ FIELD(range[4].node), 1, "range[4].start: 0x40000000 is not in RAM of node 1" },
	{ FIELD(range[4].bytes), GIB(1) + 4096,
	  "range[4].bytes: 0x40001000 reaches past RAM of node 0, which ends at 0x80000000" },
	{ FIELD(range[3].kind), MMSIM_RANGE_RESERVED, "range[1].start: 0x38400000 is not in RAM" },
	{ FIELD(range[3].node), 1, "range[1].start: 0x38400000 is not in RAM of node 0" },
};

static void check_names_the_field(void **state)
{
	struct mmsim_config *cfg = new_config(1);

	(void)state;
	make_base(cfg);
	assert_good(cfg);
	for (size_t i = 0; i < NR(breakages); i++) {
		char msg[160] = "";

		make_base(cfg);
		/* Little-endian, as everything that this library runs on. */
		memcpy((char *)cfg + breakages[i].offset, &breakages[i].value, breakages[i].size);
		assert_int_equal(mmsim_config_check(cfg, msg, sizeof(msg)), -EINVAL);
		if (!strstr(msg, breakages[i].expected))
			fail_msg("\"%s\" instead of \"%s\"", msg, breakages[i].expected);
	}
	free(cfg);
}

/* Two nodes in one largest block could not be merged apart. */
static void check_keeps_nodes_in_blocks_of_their_own(void **state)
{
	struct mmsim_config *cfg = new_config(2);
	char msg[160];

	(void)state;
	cfg->nr_ranges = 0;
	mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 1, MIB(12), MIB(4));
	mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 0, MIB(4), MIB(8));
	assert_good(cfg);
	cfg->range[1].bytes -= MIB(2);
	cfg->range[0].start -= 4096;
	assert_int_equal(mmsim_config_check(cfg, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg,
			    "range[0].start: 0xbff000 lies in a 4 MiB block that also holds RAM "
			    "of node 0");
	cfg->range[0].node = 0;
	assert_good(cfg);
	free(cfg);
}

static void check_wants_some_ram(void **state)
{
	struct mmsim_config *cfg = new_config(1);
	char msg[64];

	(void)state;
	cfg->nr_ranges = 1;
	cfg->range[0].kind = MMSIM_RANGE_RESERVED;
	assert_int_equal(mmsim_config_check(cfg, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, "nr_ranges: none of the 1 ranges is RAM");
	free(cfg);
}

static void check_minds_the_message_buffer(void **state)
{
	struct mmsim_config *cfg = new_config(1);
	char msg[8] = "XXXXXXX";

	(void)state;
	cfg->mode = 77;
	assert_int_equal(mmsim_config_check(cfg, NULL, 0), -EINVAL);
	assert_int_equal(mmsim_config_check(cfg, msg, 0), -EINVAL);
	assert_string_equal(msg, "XXXXXXX");
	assert_int_equal(mmsim_config_check(cfg, msg, 6), -EINVAL);
	assert_string_equal(msg, "mode:");
	assert_int_equal(mmsim_config_check(NULL, msg, sizeof(msg)), -EINVAL);
	free(cfg);
}

/* As full as a config gets: the worst case of all that is sorted. */
static void check_takes_the_largest_config(void **state)
{
	struct mmsim_config *cfg = new_config(MMSIM_MAX_NODES);

	(void)state;
	cfg->nr_cpus = MMSIM_MAX_CPUS;
	for (uint16_t i = 0; i < MMSIM_MAX_CPUS; i++)
		cfg->cpu[i] = (struct mmsim_cpu){ i % 64, i % 64, i % 64, (uint16_t)(65535 - i) };
	cfg->nr_ranges = 0;
	for (uint64_t i = MMSIM_MAX_RANGES; i-- > 0;)
		mmsim_config_add_range(cfg, i % 2 ? MMSIM_RANGE_RAM : MMSIM_RANGE_RESERVED,
				       (uint32_t)(i / 2 % 64), MIB(4) * (i / 2), MIB(1));
	assert_good(cfg);
	free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_a_small_machine),
		cmocka_unit_test(memory_avoids_the_holes),
		cmocka_unit_test(memory_has_limits),
		cmocka_unit_test(ranges_run_out),
		cmocka_unit_test(check_names_the_field),
		cmocka_unit_test(check_keeps_nodes_in_blocks_of_their_own),
		cmocka_unit_test(check_wants_some_ram),
		cmocka_unit_test(check_minds_the_message_buffer),
		cmocka_unit_test(check_takes_the_largest_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
