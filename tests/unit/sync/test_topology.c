/* SPDX-License-Identifier: MIT */
/* lib/sync/topology.h: which CPU is on which node, nodes of memory only, failure at every k. */
#include "topology.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NODES 5

static struct mmsim_config *config(unsigned nr_cpus, const uint16_t *node_of)
{
	struct mmsim_config *cfg = calloc(1, sizeof(*cfg));

	assert_non_null(cfg);
	cfg->nr_nodes = NODES;
	cfg->nr_cpus = nr_cpus;
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		cfg->cpu[cpu].node = node_of[cpu];
	return cfg;
}

static void open_meta(struct mm_meta *meta, struct mm_fault *fault, uint32_t nth)
{
	struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { 0 };

	mm_base_fault_init(fault, want);
	assert_int_equal(mm_base_meta_init(meta, fault), 0);
	want[MMSIM_FAULT_METADATA].nth = nth;
	mm_base_fault_init(fault, want);
}

/* Against a count by hand. */
static void assert_topology(const struct mm_topology *t, unsigned nr_cpus, const uint16_t *node_of)
{
	assert_int_equal(t->nr_cpus, nr_cpus);
	assert_int_equal(t->nr_nodes, NODES);
	for (unsigned node = 0; node < NODES; node++) {
		unsigned count = 0;

		for (unsigned cpu = 0; cpu < MMSIM_MAX_CPUS; cpu++) {
			bool here = cpu < nr_cpus && node_of[cpu] == node;

			assert_int_equal(mm_cpumask_test(&t->cpus[node], cpu), here);
			count += here;
		}
		assert_int_equal(t->nr_node_cpus[node], count);
	}
	for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
		assert_int_equal(t->node_of[cpu], node_of[cpu]);
}

static void check(unsigned nr_cpus, const uint16_t *node_of)
{
	struct mmsim_config *cfg = config(nr_cpus, node_of);
	struct mm_topology t;
	struct mm_fault fault;
	struct mm_meta meta;

	open_meta(&meta, &fault, 0);
	assert_int_equal(mm_sync_topology_init(&t, &meta, cfg), 0);
	assert_topology(&t, nr_cpus, node_of);
	mm_sync_topology_fini(&t, &meta);
	assert_null(t.cpus);
	mm_base_meta_fini(&meta);
	free(cfg);
}

static void nodes(void **state)
{
	uint16_t many[MMSIM_MAX_CPUS];

	(void)state;
	check(1, (const uint16_t[]){ 4 });
	check(6, (const uint16_t[]){ 0, 1, 0, 1, 4, 4 }); /* 2 and 3 are memory only */
	for (unsigned cpu = 0; cpu < MMSIM_MAX_CPUS; cpu++)
		many[cpu] = (uint16_t)(cpu * cpu % NODES);
	check(MMSIM_MAX_CPUS, many);
}

static void out_of_memory(void **state)
{
	struct mmsim_config *cfg = config(2, (const uint16_t[]){ 0, 3 });
	struct mm_topology t;
	struct mm_fault fault;
	struct mm_meta meta;
	uint32_t nth = 0;
	int err;

	(void)state;
	do {
		open_meta(&meta, &fault, ++nth);
		err = mm_sync_topology_init(&t, &meta, cfg);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(meta.live, 0);
		} else {
			mm_sync_topology_fini(&t, &meta);
		}
		mm_base_meta_fini(&meta); /* M1 */
	} while (mm_base_fault_fired(&fault, MMSIM_FAULT_METADATA));
	assert_true(nth > 1 && !err);
	free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes),
		cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
