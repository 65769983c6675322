/* SPDX-License-Identifier: MIT */
/*
 * Allocating: which zone and type a gfp word means, where the search ends, what comes back, and what
 * is refused. Frees are in test_free.c, bulk and events in test_alloc_bulk.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "three_nodes.h"

static void gfp_says_zone_and_type(void **state)
{
	static const struct {
		mmsim_gfp_t gfp;
		enum mmsim_zone_type zone;
		enum mmsim_migratetype mt;
	} want[] = {
		{ 0, MMSIM_ZONE_NORMAL, MMSIM_MIGRATE_UNMOVABLE },
		{ MMSIM_GFP_KERNEL, MMSIM_ZONE_NORMAL, MMSIM_MIGRATE_UNMOVABLE },
		{ MMSIM_GFP_ATOMIC, MMSIM_ZONE_NORMAL, MMSIM_MIGRATE_UNMOVABLE },
		{ HIGHMEM, MMSIM_ZONE_NORMAL, MMSIM_MIGRATE_UNMOVABLE },
		{ MOVABLE, MMSIM_ZONE_NORMAL, MMSIM_MIGRATE_MOVABLE },
		{ MMSIM_GFP_HIGHUSER_MOVABLE, MMSIM_ZONE_MOVABLE, MMSIM_MIGRATE_MOVABLE },
		{ RECLAIMABLE, MMSIM_ZONE_NORMAL, MMSIM_MIGRATE_RECLAIMABLE },
		{ MMSIM___GFP_DMA, MMSIM_ZONE_DMA, MMSIM_MIGRATE_UNMOVABLE },
		{ MMSIM___GFP_DMA32, MMSIM_ZONE_DMA32, MMSIM_MIGRATE_UNMOVABLE },
		{ MMSIM___GFP_DMA | MOVABLE, MMSIM_ZONE_DMA, MMSIM_MIGRATE_MOVABLE },
		{ MMSIM___GFP_DMA32 | HIGHMEM | MOVABLE, MMSIM_ZONE_DMA32, MMSIM_MIGRATE_MOVABLE },
		{ MMSIM___GFP_DMA32 | RECLAIMABLE, MMSIM_ZONE_DMA32, MMSIM_MIGRATE_RECLAIMABLE },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(want); i++)
		for (unsigned round = 0; round < 6; round++) {
			unsigned order = round < 4 ? 0 : round == 4 ? 4 : 10;
			int nid = round & 1 ? 0 : MMSIM_NUMA_NO_NODE;
			struct mmsim_page *page = take(nid, want[i].gfp, order);
			struct mm_zone *zone;
			uint64_t pfn;

			assert_non_null(page);
			zone = mm_buddy_page_zone(&m.buddy, page);
			pfn = small_machine_pfn(&m, page);
			if (zone->type != want[i].zone || zone->node != 0 ||
			    mm_zone_migratetype(zone, pfn) != want[i].mt)
				fail_msg("gfp %#x order %u: zone %d type %d", want[i].gfp, order,
					 zone->type, mm_zone_migratetype(zone, pfn));
			assert_int_equal(pfn % (UINT64_C(1) << order), 0);
			assert_int_equal(page->refcount, 1);
			assert_int_equal(page->order, order);
			give(page, order);
			assert_int_equal(page->refcount, 0);
		}
}

/* Every page there is, whatever the marks say; which zones they came from; and all back. */
static void exhaust(int nid, mmsim_gfp_t gfp, uint64_t zones[3][MMSIM_NR_ZONES])
{
	static struct mmsim_page *page[65536];
	unsigned nr = 0;

	memset(zones, 0, 3 * sizeof(zones[0]));
	while (nr < 65536 && (page[nr] = take(nid, gfp | MMSIM___GFP_MEMALLOC, 0)))
		nr++;
	for (unsigned i = 0; i < nr; i++) {
		const struct mm_zone *zone = mm_buddy_page_zone(&m.buddy, page[i]);

		zones[zone->node][zone->type]++;
	}
	mm_buddy_validate(&m.buddy);
	for (unsigned i = 0; i < nr; i++)
		give(page[i], 0);
	/* One type's per-CPU list is of no use to another's requests. */
	mm_for_each_zone(zone, &m.buddy)
		mm_buddy_pcp_drain_all(zone);
}

static void the_zonelist_ends_where_gfp_says(void **state)
{
	uint64_t z[3][MMSIM_NR_ZONES];

	(void)state;
	exhaust(MMSIM_NUMA_NO_NODE, MMSIM_GFP_HIGHUSER_MOVABLE, z);
	assert_int_equal(z[0][MMSIM_ZONE_MOVABLE], 4096);
	assert_int_equal(z[0][MMSIM_ZONE_NORMAL], 4096 - 10);
	assert_int_equal(z[0][MMSIM_ZONE_DMA32], 12288);
	assert_int_equal(z[0][MMSIM_ZONE_DMA], 4096);
	assert_int_equal(z[1][MMSIM_ZONE_NORMAL], 2048);
	exhaust(MMSIM_NUMA_NO_NODE, MMSIM_GFP_KERNEL, z);
	assert_int_equal(z[0][MMSIM_ZONE_MOVABLE], 0);
	assert_int_equal(z[0][MMSIM_ZONE_NORMAL], 4096 - 10);
	assert_int_equal(z[1][MMSIM_ZONE_NORMAL], 2048);
	exhaust(0, MMSIM___GFP_DMA32, z);
	assert_int_equal(z[0][MMSIM_ZONE_NORMAL], 0);
	assert_int_equal(z[0][MMSIM_ZONE_DMA32], 12288);
	assert_int_equal(z[0][MMSIM_ZONE_DMA], 4096);
	assert_int_equal(z[1][MMSIM_ZONE_NORMAL], 0);
}

static void thisnode_stays_there(void **state)
{
	uint64_t z[3][MMSIM_NR_ZONES];

	(void)state;
	exhaust(1, MMSIM_GFP_KERNEL | MMSIM___GFP_THISNODE, z);
	assert_int_equal(z[1][MMSIM_ZONE_NORMAL], 2048);
	assert_int_equal(z[0][MMSIM_ZONE_NORMAL], 0);
	exhaust(MMSIM_NUMA_NO_NODE, MOVABLE | MMSIM___GFP_THISNODE, z);
	assert_int_equal(z[1][MMSIM_ZONE_NORMAL], 0);
	assert_int_equal(z[0][MMSIM_ZONE_NORMAL], 4096 - 10);
	assert_null(take(2, MMSIM___GFP_THISNODE, 0));
	assert_null(take(1, MMSIM___GFP_THISNODE | MMSIM___GFP_DMA, 0));
	assert_string_equal(m.said, ""); /* failing to find memory is no misuse */
}

struct visit {
	struct mm_task task;
	struct mmsim_page *page, *near;
	bool freed;
};

static void take_here(void *arg)
{
	struct visit *v = arg;

	v->page = take(MMSIM_NUMA_NO_NODE, MOVABLE, 0);
	/* To this CPU's list, wherever it is from. */
	v->freed = v->page && !mm_buddy_free_pages(&m.buddy, v->page, 0);
	v->near = take(MMSIM_NUMA_NO_NODE, MOVABLE | MMSIM___GFP_THISNODE, 0);
}

/* No node given: that of the CPU the caller is on. */
static void the_callers_node_is_the_default(void **state)
{
	struct visit v;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		unsigned cpu = i % 3;
		struct mm_cpumask mask = mm_cpumask_of(cpu);

		assert_int_equal(mm_exec_spawn(m.env.exec, &v.task, &mask, take_here, &v), 0);
		mm_exec_join(m.env.exec, &v.task);
		assert_true(v.freed);
		/* Node 2 has no memory: anybody's, but then not with THISNODE. */
		assert_int_equal(mmsim_page_node(v.page), cpu == 1);
		assert_int_equal(!v.near, cpu == 2);
	}
}

static void zero_clears_backed_pages(void **state)
{
	struct mmsim_page *page;
	char *bytes;

	(void)state;
	page = take(0, MMSIM___GFP_ZERO, 2); /* nothing behind it: nothing to clear */
	give(page, 2);
	assert_int_equal(mm_page_area_init(&m.pages, GIB(7) * 4096, 0, &m.env.fault), 0);
	assert_int_equal(mm_page_area_map(&m.pages, BASE * 4096, (BASE + 8192) * 4096), 0);
	for (unsigned order = 0; order <= 10; order += 5) {
		page = take(MMSIM_NUMA_NO_NODE, 0, order);
		bytes = m.pages.base + small_machine_pfn(&m, page) * 4096;
		memset(bytes, 0x77, UINT64_C(4096) << order);
		give(page, order);
		page = take(MMSIM_NUMA_NO_NODE, 0, order);
		assert_ptr_equal(m.pages.base + small_machine_pfn(&m, page) * 4096, bytes);
		assert_int_equal(bytes[5], 0x77); /* not asked, not cleared */
		give(page, order);
		page = take(MMSIM_NUMA_NO_NODE, MMSIM___GFP_ZERO, order);
		assert_ptr_equal(m.pages.base + small_machine_pfn(&m, page) * 4096, bytes);
		for (uint64_t i = 0; i < UINT64_C(4096) << order; i++)
			if (bytes[i])
				fail_msg("order %u: byte %#lx is not zero", order, i);
		give(page, order);
	}
}

/* Fields that callers may use are clean again when a page is handed out. */
static void pages_come_clean(void **state)
{
	struct mmsim_page *page = take(MMSIM_NUMA_NO_NODE, MOVABLE, 0);

	(void)state;
	for (int i = 0; i < 2; i++) {
		page->mapping = &m;
		page->index = 99;
		page->priv = 10;
		give(page, 0);
		assert_ptr_equal(take(MMSIM_NUMA_NO_NODE, MOVABLE, 0), page);
		assert_null(page->mapping);
		assert_int_equal(page->index, 0);
	}
	give(page, 0);
	mm_buddy_pcp_drain_all(mm_buddy_zone(&m.buddy, 0, MMSIM_ZONE_NORMAL));
}

static void bad_requests_are_refused(void **state)
{
	static const struct {
		int nid;
		mmsim_gfp_t gfp;
		unsigned order;
		const char *says;
	} bad[] = {
		{ 0, 0, 11, "order above" },
		{ MMSIM_NUMA_NO_NODE, 0, UINT32_MAX, "order above" },
		{ 0, MOVABLE | RECLAIMABLE, 0, "both movable and reclaimable" },
		{ MMSIM_NUMA_NO_NODE, MOVABLE | RECLAIMABLE, 0, "both movable and reclaimable" },
		{ 3, 0, 0, "no such node" },
		{ -2, 0, 0, "no such node" },
		{ 1 << 30, 0, 0, "no such node" },
	};
	struct mmsim_page *page[2];

	(void)state;
	for (size_t i = 0; i < mm_array_size(bad); i++) {
		small_machine_hush(&m);
		assert_null(take(bad[i].nid, bad[i].gfp, bad[i].order));
		assert_non_null(strstr(m.said, bad[i].says));
	}
	small_machine_hush(&m);
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, MOVABLE | RECLAIMABLE, 2, page), 0);
	assert_non_null(strstr(m.said, "both movable and reclaimable"));
	mm_buddy_set_open(&m.buddy, false);
	small_machine_hush(&m);
	assert_null(take(MMSIM_NUMA_NO_NODE, 0, 0));
	assert_non_null(strstr(m.said, "not booted"));
	small_machine_hush(&m);
	assert_int_equal(mm_buddy_alloc_pages_bulk(&m.buddy, 0, 2, page), 0);
	assert_non_null(strstr(m.said, "not booted"));
	assert_int_equal(mm_buddy_free_pfn(&m.buddy, BASE, 0), -EINVAL);
	mm_buddy_set_open(&m.buddy, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		all_ways(gfp_says_zone_and_type),   all_ways(the_zonelist_ends_where_gfp_says),
		all_ways(thisnode_stays_there),     all_ways(the_callers_node_is_the_default),
		all_ways(zero_clears_backed_pages), all_ways(pages_come_clean),
		all_ways(bad_requests_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
