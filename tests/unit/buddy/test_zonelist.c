/* SPDX-License-Identifier: MIT */
/*
 * The order in which nodes and zones are tried: nearest node first, highest zone first; among equal
 * distances round-robin, where the first node of a distance is loaded for those that choose later.
 * Worked out by hand from the kernel's rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "small_machine.h"

#define GIB(n) ((uint64_t)(n) << 18)
#define MAX 8

static struct small_machine m;

/* Node n has memory at (n + 1) * 8 GiB, and CPUs unless its bit is in no_cpus. */
static void begin(unsigned nr_nodes, unsigned no_cpus)
{
	unsigned cpus = 0;

	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, nr_nodes);
	for (unsigned n = 0; n < nr_nodes; n++) {
		page_env_ram(&m.env, n, GIB(8 * (n + 1)), GIB(8 * (n + 1)) + 1024);
		if (!(no_cpus >> n & 1))
			m.env.cfg.cpu[cpus++].node = (uint16_t)n;
	}
	m.env.cfg.nr_cpus = cpus;
}

static void set_distances(unsigned nr, const uint8_t *d)
{
	for (unsigned a = 0; a < nr; a++)
		for (unsigned b = 0; b < nr; b++)
			m.env.cfg.node[a].distance[b] = d[a * nr + b];
}

/* One string of digits per node: the nodes in their order. All nodes have one zone. */
static void assert_orders(const char *const *want)
{
	char got[MAX][MAX + 1] = { "" };
	unsigned nr = m.env.cfg.nr_nodes;

	small_machine_open_empty(&m);
	for (unsigned from = 0; from < nr; from++) {
		const struct mm_zonelist *list = &m.buddy.zonelists[from];

		for (unsigned i = 0; i < list->nr && i < MAX; i++)
			got[from][i] = (char)('0' + list->zone[i]->node);
	}
	small_machine_close(&m);
	for (unsigned from = 0; from < nr; from++)
		if (strcmp(got[from], want[from]))
			fail_msg("from node %u: %s, wanted %s", from, got[from], want[from]);
}

static void within_a_node_from_the_highest_zone(void **state)
{
	const struct mm_zonelist *list;

	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 2);
	page_env_ram(&m.env, 0, 0, 8192);
	page_env_ram(&m.env, 0, GIB(4), GIB(4) + 4096);
	page_env_ram(&m.env, 1, GIB(5), GIB(5) + 4096);
	m.env.cfg.node[0].movable_bytes = 4 << 20;
	small_machine_open_empty(&m);
	for (unsigned from = 0; from < 2; from++) {
		list = &m.buddy.zonelists[from];
		assert_int_equal(list->nr, 5);
		for (unsigned i = 0; i < 4; i++) {
			unsigned at = from ? i + 1 : i;

			assert_int_equal(list->zone[at]->node, 0);
			assert_int_equal(list->zone[at]->type, MMSIM_ZONE_MOVABLE - i);
		}
		assert_int_equal(list->zone[from ? 0 : 4]->node, 1);
		assert_int_equal(list->zone[from ? 0 : 4]->type, MMSIM_ZONE_NORMAL);
	}
	small_machine_close(&m);
}

static void one_node(void **state)
{
	(void)state;
	begin(1, 0);
	assert_orders((const char *[]){ "0" });
}

static void two_nodes(void **state)
{
	(void)state;
	begin(2, 0);
	assert_orders((const char *[]){ "01", "10" });
}

/* Distance comes first: two pairs, far from each other. */
static void four_nodes_in_pairs(void **state)
{
	const uint8_t d[] = {
		10, 15, 30, 40, /**/
		15, 10, 30, 25, /**/
		30, 30, 10, 15, /**/
		40, 25, 15, 10, /**/
	};

	(void)state;
	begin(4, 0);
	set_distances(4, d);
	assert_orders((const char *[]){ "0123", "1032", "2301", "3210" });
}

/* All equally far: the next higher one first, lower numbers last. */
static void four_equal_nodes(void **state)
{
	(void)state;
	begin(4, 0);
	assert_orders((const char *[]){ "0123", "1230", "2301", "3012" });
}

static void eight_equal_nodes(void **state)
{
	(void)state;
	begin(8, 0);
	assert_orders((const char *[]){ "01234567", "12345670", "23456701", "34567012", "45670123",
					"56701234", "67012345", "70123456" });
}

/* What an earlier node chose first is not chosen first by the next. */
static void load_is_spread(void **state)
{
	const uint8_t d[] = {
		10, 40, 20, 20, /**/
		40, 10, 20, 20, /**/
		20, 20, 10, 20, /**/
		20, 20, 20, 10, /**/
	};

	(void)state;
	begin(4, 0);
	set_distances(4, d);
	/* 0 takes 2, so 1 takes 3. By then 0 and 1 are loaded too, as each other's last. */
	assert_orders((const char *[]){ "0231", "1320", "2301", "3012" });
}

/* A node of memory only has no CPUs of its own to serve: it goes before its equals. */
static void memory_only_nodes_come_first(void **state)
{
	(void)state;
	begin(4, 1 << 2);
	assert_orders((const char *[]){ "0213", "1230", "2301", "3201" });
}

/* A node of CPUs only has a list all the same, and is on nobody's. */
static void cpu_only_node(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 2, 2);
	page_env_ram(&m.env, 0, GIB(4), GIB(4) + 1024);
	m.env.cfg.cpu[1].node = 1;
	assert_orders((const char *[]){ "0", "0" });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(within_a_node_from_the_highest_zone),
		cmocka_unit_test(one_node),
		cmocka_unit_test(two_nodes),
		cmocka_unit_test(four_nodes_in_pairs),
		cmocka_unit_test(four_equal_nodes),
		cmocka_unit_test(eight_equal_nodes),
		cmocka_unit_test(load_is_spread),
		cmocka_unit_test(memory_only_nodes_come_first),
		cmocka_unit_test(cpu_only_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
