/* SPDX-License-Identifier: MIT */
/*
 * A machine of one zone of 256 MiB and three CPUs whose events are kept, for tests of the per-CPU
 * lists. Pages are named by their distance from the zone's start. Include cmocka.h first.
 */
#ifndef TEST_PCP_MACHINE_H
#define TEST_PCP_MACHINE_H

#include "zone_lists.h"

#define BASE SMALL_MACHINE_BASE
#define GFP_MOVABLE (MMSIM_GFP_KERNEL | MMSIM___GFP_MOVABLE)
#define GFP_RECLAIMABLE (MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE)

enum { NR_CPUS = 3, PAGES = 65536, BATCH = 15, HIGH = 90 };

static struct small_machine m;
static struct mmsim_event seen[4096];
static unsigned nr_seen;

static inline void listen(void *ctx, const struct mmsim_event *event)
{
	(void)ctx;
	if (nr_seen < 4096)
		seen[nr_seen++] = *event;
}

static inline int setup(void **state)
{
	(void)state;
	small_machine_open_simple(&m, NR_CPUS, PAGES);
	m.obs.sink = listen;
	nr_seen = 0;
	return 0;
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

static inline uint64_t take(mmsim_gfp_t gfp)
{
	struct mmsim_page *page = mm_buddy_alloc_pages(&m.buddy, 0, gfp, 0);

	assert_non_null(page);
	return small_machine_pfn(&m, page) - BASE;
}

static inline void give(uint64_t at)
{
	assert_int_equal(mm_buddy_free_pfn(&m.buddy, BASE + at, 0), 0);
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

#endif
