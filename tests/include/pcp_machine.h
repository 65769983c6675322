/* SPDX-License-Identifier: MIT */
/*
 * A machine of one zone of 256 MiB and three CPUs whose events are kept, for tests of the per-CPU
 * lists. Pages are named by their distance from the zone's start. Include cmocka.h first.
 *
 * By default the lists do not tune themselves: a batch is 15 pages both ways, always, and high is 90, a
 * 242nd of the zone, shared by the CPUs. setup_tuned() makes them as they are without such a policy.
 */
#ifndef TEST_PCP_MACHINE_H
#define TEST_PCP_MACHINE_H

#include "zone_lists.h"

#define BASE SMALL_MACHINE_BASE
#define GFP_MOVABLE (MMSIM_GFP_KERNEL | MMSIM___GFP_MOVABLE)
#define GFP_RECLAIMABLE (MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE)

enum { NR_CPUS = 3, PAGES = 65536, BATCH = 15, HIGH = 90, FRACTION = 242 };
/* With tuning: the low mark, and an eighth of the zone, among the CPUs. */
enum { HIGH_MIN = 640 / NR_CPUS, HIGH_MAX = PAGES / 8 / NR_CPUS };

static struct small_machine m;
static struct mmsim_event seen[16384];
static unsigned nr_seen;

static inline void listen(void *ctx, const struct mmsim_event *event)
{
	(void)ctx;
	if (nr_seen < 16384)
		seen[nr_seen++] = *event;
}

static inline int open_policy(const struct mmsim_alloc_policy *policy)
{
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, NR_CPUS, 1);
	page_env_ram(&m.env, 0, BASE, BASE + PAGES);
	m.env.cfg.policy = *policy;
	small_machine_open(&m);
	m.obs.sink = listen;
	nr_seen = 0;
	return 0;
}

static inline int setup(void **state)
{
	const struct mmsim_alloc_policy policy = {
		.percpu_pagelist_high_fraction = FRACTION,
		.pcp_batch_scale_max = 1,
	};

	(void)state;
	return open_policy(&policy);
}

static inline int setup_tuned(void **state)
{
	const struct mmsim_alloc_policy policy = { 0 };

	(void)state;
	return open_policy(&policy);
}

static inline int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

static inline struct mm_pcp *pcp_of(unsigned cpu)
{
	return mm_per_cpu(&small_machine_normal(&m)->pcps, cpu);
}

static inline uint64_t take_order(mmsim_gfp_t gfp, unsigned order)
{
	struct mmsim_page *page = mm_buddy_alloc_pages(&m.buddy, 0, gfp, order);

	assert_non_null(page);
	return small_machine_pfn(&m, page) - BASE;
}

static inline uint64_t take(mmsim_gfp_t gfp)
{
	return take_order(gfp, 0);
}

static inline void give_order(uint64_t at, unsigned order)
{
	assert_int_equal(mm_buddy_free_pfn(&m.buddy, BASE + at, order), 0);
}

static inline void give(uint64_t at)
{
	give_order(at, 0);
}

static inline unsigned count_events(uint32_t id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_seen; i++)
		n += seen[i].id == id;
	return n;
}

static inline void fail_next_trylock(void)
{
	m.env.fault.point[MMSIM_FAULT_TRYLOCK] = (struct mm_fault_point){ .nth = 1, .count = 1 };
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define with_tuning(test) cmocka_unit_test_setup_teardown(test, setup_tuned, teardown)

#endif
