/* SPDX-License-Identifier: MIT */
/* Growth on demand: allocations that come before deferred init. */
#include "boot_rig.h"

#define TASKS 4

/* Down to the last page, whatever the watermarks say; but first the zone grows. */
static struct mmsim_page *alloc(struct rig *r, unsigned order)
{
	return mm_buddy_alloc_pages(&r->buddy, MMSIM_NUMA_NO_NODE,
				    MMSIM_GFP_KERNEL | MMSIM___GFP_MEMALLOC, order);
}

/* One node, zone Normal of so many pages, early part done. */
static struct rig *open_early(enum mmsim_mode mode, uint64_t pages)
{
	struct rig *r = rig_new(mode, 1, TASKS / 2);

	rig_ram(r, 0, NORMAL, pages);
	rig_open(r);
	mm_boot_early(&r->boot);
	return r;
}

static uint64_t first_deferred(const struct rig *r)
{
	return r->boot.nodes[0].first_deferred;
}

/* Blocks of one order until there are no more. Returns pages. */
static uint64_t alloc_all(struct rig *r, unsigned order)
{
	uint64_t pages = 0;

	while (alloc(r, order))
		pages += UINT64_C(1) << order;
	return pages;
}

/* Blocks of the highest order until the zone manages more. Returns how many. */
static uint64_t alloc_until_growth(struct rig *r)
{
	struct mm_zone *zone = r->boot.nodes[0].last;
	uint64_t managed = zone->managed, least = MMSIM_MAX_ORDER_NR_PAGES - 1, nr = 0, nr_free;

	do {
		nr_free = zone->free_pages;
		assert_non_null(alloc(r, MMSIM_MAX_PAGE_ORDER));
		nr++;
	} while (zone->managed == managed && nr < managed / MMSIM_MAX_ORDER_NR_PAGES);
	/* Not before the zone ran short. */
	if (zone->managed != managed)
		assert_true(nr_free <= least + zone->watermark[MM_WMARK_LOW]);
	return nr;
}

static void grows_by_a_section(void **state)
{
	struct rig *r = open_early(MMSIM_SERIAL, 4 * SECTION);
	struct mm_zone *zone = r->boot.nodes[0].last;
	uint64_t nr = 0;

	(void)state;
	assert_int_equal(zone->managed, SECTION);
	for (unsigned sections = 2; sections <= 4; sections++) {
		nr += alloc_until_growth(r);
		assert_int_equal(zone->managed, sections * SECTION);
		assert_true(first_deferred(r) ==
			    (sections < 4 ? NORMAL + sections * SECTION : MM_NOT_DEFERRED));
	}
	while (alloc(r, MMSIM_MAX_PAGE_ORDER))
		nr++;
	assert_int_equal(nr, 4 * SECTION / MMSIM_MAX_ORDER_NR_PAGES);
	assert_int_equal(zone->free_pages, 0);
	assert_null(alloc(r, 0));
	assert_int_equal(r->boot.early_pages, 4 * SECTION);
	rig_close(r);
}

/* Also while small blocks are left: the request is for a large one. */
static void grows_for_a_large_block(void **state)
{
	struct rig *r = open_early(MMSIM_SERIAL, 3 * SECTION);
	struct mmsim_page *one = alloc(r, 0), *page = NULL;

	(void)state;
	assert_non_null(one);
	while (r->boot.nodes[0].last->managed == SECTION) {
		page = alloc(r, MMSIM_MAX_PAGE_ORDER);
		assert_non_null(page);
	}
	assert_int_equal(mm_page_to_pfn(&r->env.map, page) % MMSIM_MAX_ORDER_NR_PAGES, 0);
	assert_true(mm_page_to_pfn(&r->env.map, page) >= NORMAL + SECTION);
	assert_int_equal(first_deferred(r), NORMAL + 2 * SECTION);
	mm_buddy_validate(&r->buddy);
	rig_close(r);
}

/* To the very end, which is no section's, over a hole, reserved pages left out. */
static void grows_to_the_end_of_the_node(void **state)
{
	static const unsigned orders[] = { 0, 3, 9 };

	(void)state;
	for (size_t i = 0; i < mm_array_size(orders); i++) {
		struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);
		struct mm_zone *zone;
		uint64_t got;

		rig_ram(r, 0, NORMAL, 2 * SECTION + 100);
		rig_ram(r, 0, NORMAL + 4 * SECTION + 512, SECTION + 513);
		rig_reserve(r, 0, NORMAL + SECTION + 40, 3);
		rig_open(r);
		mm_boot_early(&r->boot);
		zone = r->boot.nodes[0].last;
		got = alloc_all(r, orders[i]);
		assert_true(first_deferred(r) == MM_NOT_DEFERRED);
		assert_int_equal(zone->managed, 3 * SECTION + 613 - 3);
		if (!orders[i])
			assert_int_equal(got, zone->managed);
		assert_true(got + zone->free_pages + mm_buddy_pcp_count(zone) == zone->managed);
		assert_null(alloc(r, orders[i]));
		mm_buddy_validate(&r->buddy);
		rig_close(r);
	}
}

/* The reserved sections follow the early one. */
static uint64_t grow_over_reserved(uint64_t sections, uint64_t reserved)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);
	uint64_t got;

	rig_ram(r, 0, NORMAL, sections * SECTION);
	rig_reserve(r, 0, NORMAL + SECTION, reserved * SECTION);
	rig_open(r);
	mm_boot_early(&r->boot);
	got = alloc_all(r, 0);
	assert_true(first_deferred(r) == MM_NOT_DEFERRED);
	assert_int_equal(got, r->boot.nodes[0].last->managed);
	rig_close(r);
	return got;
}

/*
 * A kernel said "grown" without having grown, and the allocation tried for ever. A hang here ends by
 * the test's time limit.
 */
static void test_grow_on_empty_first_zone_terminates(void **state)
{
	(void)state;
	/* The first deferred section has no free memory: the next one serves. */
	assert_int_equal(grow_over_reserved(4, 1), 3 * SECTION);
	assert_int_equal(grow_over_reserved(6, 4), 2 * SECTION);
	/* No deferred section has any. */
	assert_int_equal(grow_over_reserved(2, 1), SECTION);
	assert_int_equal(grow_over_reserved(5, 4), SECTION);
}

/* Nothing came of it and nobody else has grown: that must be said, or the caller tries again. */
static void growth_without_pages_is_no_growth(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);

	(void)state;
	rig_ram(r, 0, NORMAL, 4 * SECTION);
	rig_reserve(r, 0, NORMAL + SECTION, 3 * SECTION);
	rig_open(r);
	mm_boot_early(&r->boot);
	assert_false(mm_boot_grow_zone(&r->boot, r->boot.nodes[0].last, 0));
	assert_true(first_deferred(r) == MM_NOT_DEFERRED);
	rig_close(r);
}

/* All of the node's memory is reserved: nothing to give, and no more to grow. */
static void node_without_free_memory(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);

	(void)state;
	rig_ram(r, 0, NORMAL, 3 * SECTION);
	rig_reserve(r, 0, NORMAL, 3 * SECTION);
	rig_open(r);
	mm_boot_early(&r->boot);
	assert_null(alloc(r, 0));
	assert_null(alloc(r, MMSIM_MAX_PAGE_ORDER));
	assert_true(first_deferred(r) == MM_NOT_DEFERRED);
	rig_close(r);
}

/* Only the last zone is deferred, only as much as is asked for, only a node's own. */
static void grows_nothing_else(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 2, 2);
	struct mm_boot_node *nodes;

	(void)state;
	rig_ram(r, 0, NORMAL - SECTION, 4 * SECTION);
	rig_ram(r, 1, NORMAL + 3 * SECTION, 3 * SECTION);
	rig_open(r);
	mm_boot_early(&r->boot);
	nodes = r->boot.nodes;
	assert_false(mm_boot_grow_zone(&r->boot, mm_buddy_zone(&r->buddy, 0, MMSIM_ZONE_DMA32), 0));
	assert_true(mm_boot_grow_zone(&r->boot, nodes[1].last, 0));
	assert_int_equal(nodes[0].first_deferred, NORMAL + SECTION);
	assert_int_equal(nodes[1].first_deferred, NORMAL + 5 * SECTION);
	assert_int_equal(nodes[0].last->managed, SECTION);
	assert_int_equal(nodes[1].last->managed, 2 * SECTION);
	assert_true(mm_boot_grow_zone(&r->boot, nodes[1].last, MMSIM_MAX_PAGE_ORDER));
	assert_true(nodes[1].first_deferred == MM_NOT_DEFERRED);
	assert_false(mm_boot_grow_zone(&r->boot, nodes[1].last, 0));
	rig_close(r);
}

struct grower {
	struct mm_task task;
	struct rig *r;
	uint8_t *owned; /* atomic, shared: per pfn, how often it was handed out */
	unsigned index;
	uint64_t got;
};

static void grow_and_own(void *arg)
{
	struct grower *g = arg;

	for (unsigned order = g->index * 3;; order = 0) {
		struct mmsim_page *page;

		while ((page = alloc(g->r, order))) {
			uint64_t pfn = mm_page_to_pfn(&g->r->env.map, page);

			for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
				__atomic_add_fetch(&g->owned[pfn + i], 1, __ATOMIC_RELAXED);
			g->got += UINT64_C(1) << order;
		}
		if (!order)
			return;
	}
}

static uint64_t run_growers(struct rig *r, uint8_t *owned)
{
	struct grower g[TASKS] = { 0 };
	uint64_t got = 0;

	for (unsigned i = 0; i < TASKS; i++) {
		struct mm_cpumask cpu = mm_cpumask_of(i);

		g[i].r = r;
		g[i].owned = owned;
		g[i].index = i;
		assert_int_equal(mm_exec_spawn(r->env.exec, &g[i].task, &cpu, grow_and_own, &g[i]),
				 0);
	}
	for (unsigned i = 0; i < TASKS; i++) {
		mm_exec_join(r->env.exec, &g[i].task);
		got += g[i].got;
	}
	return got;
}

/* Several tasks grow at once: every page is made once and handed out once. */
static void concurrent_growth(void **state)
{
	const uint64_t pages = 5 * SECTION + 77;

	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct rig *r = open_early((enum mmsim_mode)mode, pages);
		uint8_t *owned = calloc(r->env.shape.max_pfn, 1);
		struct mm_zone *zone = r->boot.nodes[0].last;
		uint64_t got = run_growers(r, owned);

		assert_int_equal(zone->managed, pages);
		assert_int_equal(got + zone->free_pages + mm_buddy_pcp_count(zone), pages);
		for (uint64_t pfn = NORMAL; pfn < NORMAL + pages; pfn++)
			if (owned[pfn] > 1 || r->written[pfn] != 1)
				fail_msg("pfn %#lx: owned %u, written %u times", (unsigned long)pfn,
					 owned[pfn], r->written[pfn]);
		mm_buddy_validate(&r->buddy);
		free(owned);
		rig_close(r);
	}
}

/* Boot completes what growth began, and the books are those of a boot at one go. */
static void boot_completes_partial_growth(void **state)
{
	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct rig *r = open_early((enum mmsim_mode)mode, 6 * SECTION + 999);
		struct mmsim_page *page[40];

		for (int i = 0; i < 40; i++)
			page[i] = alloc(r, MMSIM_MAX_PAGE_ORDER);
		assert_int_equal(first_deferred(r), NORMAL + 2 * SECTION);
		mm_boot_deferred(&r->boot);
		assert_int_equal(r->boot.nodes[0].first_pfn, NORMAL + 2 * SECTION);
		assert_int_equal(r->boot.nodes[0].pages, 4 * SECTION + 999);
		assert_int_equal(r->boot.early_pages, 2 * SECTION);
		mm_buddy_validate(&r->buddy);
		for (int i = 0; i < 40; i++)
			assert_int_equal(
				mm_buddy_free_pages(&r->buddy, page[i], MMSIM_MAX_PAGE_ORDER), 0);
		rig_assert_books(r);
		rig_close(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_by_a_section),
		cmocka_unit_test(grows_for_a_large_block),
		cmocka_unit_test(grows_to_the_end_of_the_node),
		cmocka_unit_test(test_grow_on_empty_first_zone_terminates),
		cmocka_unit_test(growth_without_pages_is_no_growth),
		cmocka_unit_test(node_without_free_memory),
		cmocka_unit_test(grows_nothing_else),
		cmocka_unit_test(concurrent_growth),
		cmocka_unit_test(boot_completes_partial_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
