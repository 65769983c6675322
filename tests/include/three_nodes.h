/* SPDX-License-Identifier: MIT */
/*
 * A machine with a node of every zone, a node of one zone and a node of CPUs only, for tests of the
 * allocator's calls; each test runs with the short path for the common case closed and open, and in
 * virtual time and explored. Include cmocka.h first.
 */
#ifndef TEST_THREE_NODES_H
#define TEST_THREE_NODES_H

#include "small_machine.h"

#define GIB(n) ((uint64_t)(n) << 18)
#define BASE SMALL_MACHINE_BASE
#define MOVABLE MMSIM___GFP_MOVABLE
#define HIGHMEM MMSIM___GFP_HIGHMEM
#define RECLAIMABLE MMSIM___GFP_RECLAIMABLE

static struct small_machine m;
static struct mmsim_event seen[64];
static unsigned nr_seen;

static inline void listen(void *ctx, const struct mmsim_event *event)
{
	(void)ctx;
	if (nr_seen < 64)
		seen[nr_seen++] = *event;
}

/* Node 0: zones DMA to Movable, with a hole and a reserved range. Node 1: Normal. Node 2: CPUs only. */
static inline int setup_mode(bool bare, enum mmsim_mode mode)
{
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 3, 3);
	m.env.cfg.mode = mode;
	page_env_ram(&m.env, 0, 0, 16384);
	page_env_ram(&m.env, 0, BASE, BASE + 8192);
	page_env_ram(&m.env, 1, GIB(6), GIB(6) + 2048);
	page_env_reserve(&m.env, 0, BASE + 100, BASE + 110);
	m.env.cfg.node[0].movable_bytes = UINT64_C(4096) * 4096;
	m.env.cfg.cpu[1].node = 1;
	m.env.cfg.cpu[2].node = 2;
	small_machine_open(&m);
	m.buddy.bare = bare; /* set_open() leaves it closed in builds that watch locks */
	nr_seen = 0;
	return 0;
}

static inline int setup(void **state)
{
	(void)state;
	return setup_mode(false, MMSIM_SERIAL);
}

static inline int setup_short(void **state)
{
	(void)state;
	return setup_mode(true, MMSIM_SERIAL);
}

static inline int setup_virtual(void **state)
{
	(void)state;
	return setup_mode(false, MMSIM_VIRTUAL);
}

static inline int setup_explore(void **state)
{
	(void)state;
	return setup_mode(false, MMSIM_EXPLORE);
}

static inline int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

static inline struct mmsim_page *take(int nid, mmsim_gfp_t gfp, unsigned order)
{
	return mm_buddy_alloc_pages(&m.buddy, nid, gfp, order);
}

static inline void give(struct mmsim_page *page, unsigned order)
{
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, order), 0);
}

#define all_ways(test)                                                          \
	cmocka_unit_test_setup_teardown(test, setup, teardown),                 \
		cmocka_unit_test_setup_teardown(test, setup_short, teardown),   \
		cmocka_unit_test_setup_teardown(test, setup_virtual, teardown), \
		cmocka_unit_test_setup_teardown(test, setup_explore, teardown)

#endif
