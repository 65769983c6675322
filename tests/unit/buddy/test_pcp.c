/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU lists: which page comes next, when they are refilled and with what, whose CPU, and what a
 * busy lock does. How they are emptied is in test_pcp_drain.c, how long they are in test_pcp_tune.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "pcp_machine.h"

static void the_last_freed_is_the_next(void **state)
{
	uint64_t a = take(GFP_MOVABLE), b = take(GFP_MOVABLE), c = take(GFP_MOVABLE);

	(void)state;
	give(a);
	give(c);
	give(b);
	assert_int_equal(take(GFP_MOVABLE), b);
	assert_int_equal(take(GFP_MOVABLE), c);
	assert_int_equal(take(GFP_MOVABLE), a);
}

/* A batch at once, in the order in which the zone gives it: ascending. */
static void refilling_keeps_the_order(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	assert_int_equal(take(GFP_MOVABLE), 0);
	assert_int_equal(nr_seen, BATCH + 1);
	for (unsigned i = 0; i < BATCH; i++) {
		assert_int_equal(seen[i].id, MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED);
		assert_int_equal(seen[i].pfn, BASE + i);
		assert_int_equal(seen[i].migratetype, M);
		assert_int_equal(seen[i].order, 0);
		assert_int_equal(seen[i].arg, 1); /* percpu_refill */
	}
	assert_int_equal(pcp_of(0)->count, BATCH - 1);
	assert_int_equal(zone->free_pages, PAGES - BATCH);
	for (uint64_t i = 1; i < BATCH; i++)
		assert_int_equal(take(GFP_MOVABLE), i);
	assert_int_equal(count_events(MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED), BATCH);
	assert_int_equal(pcp_of(0)->count, 0);
	assert_int_equal(take(GFP_MOVABLE), BATCH);
	assert_int_equal(count_events(MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED), 2 * BATCH);
}

static void each_type_has_its_list(void **state)
{
	uint64_t u = take(MMSIM_GFP_KERNEL), v = take(GFP_MOVABLE), r = take(GFP_RECLAIMABLE);

	(void)state;
	give(u);
	give(v);
	give(r);
	assert_int_equal(take(GFP_MOVABLE), v);
	assert_int_equal(take(GFP_RECLAIMABLE), r);
	assert_int_equal(take(MMSIM_GFP_KERNEL), u);
}

/* One list per order and type, and for huge pages one for Movable and one for the others. */
static void each_order_has_its_lists(void **state)
{
	static const struct {
		unsigned order;
		enum mmsim_migratetype mt;
		unsigned index;
	} want[] = {
		{ 0, U, 0 },
		{ 0, M, 1 },
		{ 0, R, 2 },
		{ 1, U, 3 },
		{ 3, R, 11 },
		{ 9, M, 13 },
		{ 9, U, 12 },
		{ 9, R, 12 },
		/* These have none of their own. */
		{ 0, MMSIM_MIGRATE_HIGHATOMIC, 1 },
		{ 2, MMSIM_MIGRATE_CMA, 7 },
		{ 9, MMSIM_MIGRATE_CMA, 13 },
	};

	(void)state;
	assert_int_equal(MM_NR_PCP_LISTS, 14);
	for (size_t i = 0; i < mm_array_size(want); i++) {
		assert_int_equal(mm_pcp_index(want[i].mt, want[i].order), want[i].index);
		assert_int_equal(mm_pcp_index_order(want[i].index), want[i].order);
	}
	for (unsigned order = 0; order < MMSIM_NR_PAGE_ORDERS; order++)
		assert_int_equal(mm_pcp_order(order), order <= 3 || order == 9);
}

/* Of each order that has lists the last freed is the next; counts are of pages. */
static void blocks_have_lists_too(void **state)
{
	static const unsigned orders[] = { 1, 2, 3, 9 };
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	/* Room for huge pages. */
	pcp->high = pcp->high_min = pcp->high_max = 4096;
	for (unsigned i = 0; i < 4; i++) {
		unsigned order = orders[i];
		uint64_t at = take_order(GFP_MOVABLE, order);
		int count = pcp->count;

		give_order(at, order);
		assert_int_equal(pcp->count, count + (1 << order));
		assert_int_equal(small_machine_page(&m, BASE + at)->index, mm_pcp_index(M, order));
		assert_int_equal(take_order(GFP_MOVABLE, order), at);
		assert_int_equal(pcp->count, count);
		give_order(at, order);
		mm_buddy_pcp_drain_all(small_machine_normal(&m));
	}
	/* Order 4 has none. */
	give_order(take_order(GFP_MOVABLE, 4), 4);
	assert_int_equal(pcp->count, 0);
}

/* A batch of pages makes fewer blocks, but never just one; two blocks ascend. */
static void blocks_come_in_batches(void **state)
{
	static const struct {
		unsigned order, blocks;
	} want[] = { { 1, 7 }, { 2, 3 }, { 3, 2 }, { 9, 2 } };

	(void)state;
	for (unsigned i = 0; i < mm_array_size(want); i++) {
		uint64_t first;

		nr_seen = 0;
		first = take_order(GFP_MOVABLE, want[i].order);
		assert_int_equal(count_events(MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED), want[i].blocks);
		assert_int_equal(seen[0].order, want[i].order);
		assert_int_equal(seen[0].arg, 1); /* percpu_refill */
		assert_int_equal(take_order(GFP_MOVABLE, want[i].order),
				 first + (UINT64_C(1) << want[i].order));
		mm_buddy_pcp_drain_all(small_machine_normal(&m));
	}
}

static void a_busy_lock_means_the_zone(void **state)
{
	uint64_t a = take(GFP_MOVABLE), b;

	(void)state;
	nr_seen = 0;
	fail_next_trylock();
	b = take(GFP_MOVABLE);
	assert_int_equal(b, BATCH); /* not from the list, whose next is 1 */
	assert_int_equal(seen[0].id, MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED);
	assert_int_equal(nr_seen, 2); /* one page, not a batch */
	assert_int_equal(pcp_of(0)->count, BATCH - 1);
	nr_seen = 0;
	fail_next_trylock();
	give(a);
	assert_list(&m, 0, M, 0); /* merges with nobody: 1 is on the per-CPU list */
	assert_int_equal(pcp_of(0)->count, BATCH - 1);
	assert_int_equal(count_events(MMSIM_EV_MM_PAGE_PCPU_DRAIN), 0);
}

/* As the long way does: fewer kept, as this CPU frees blocks, or as the zone has become short. */
static void the_short_way_leaves_what_is_special(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	const struct mm_task *me = mm_task_current();
	uint64_t at = take(GFP_MOVABLE), block = take_order(GFP_MOVABLE, 1);
	struct mmsim_page *page = small_machine_page(&m, BASE + at);

	(void)state;
	give_order(block, 1);
	assert_false(mm_pcp_free_order_bare(zone, me, page, 0, M)); /* PCPF_PREV_FREE_HIGH_ORDER */
	give(take(GFP_MOVABLE));
	mm_zone_set_flag(zone, MM_ZONE_BELOW_HIGH);
	assert_false(mm_pcp_free_order_bare(zone, me, page, 0, M));
	mm_zone_clear_flag(zone, MM_ZONE_BELOW_HIGH);
	mm_zone_set_flag(zone, MM_ZONE_RECLAIM_ACTIVE);
	assert_false(mm_pcp_free_order_bare(zone, me, page, 0, M));
	mm_zone_clear_flag(zone, MM_ZONE_RECLAIM_ACTIVE);
	assert_true(mm_pcp_free_order_bare(zone, me, page, 0, M));
	assert_ptr_equal(mm_pcp_alloc_order_bare(zone, me, 0, M), page);
}

/* The short ways neither refill nor spill, and then do nothing at all. */
static void the_short_ways_do_only_the_simple(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	const struct mm_task *me = mm_task_current();
	struct mmsim_page *page;

	(void)state;
	assert_null(mm_pcp_alloc_order_bare(zone, me, 0, M));
	assert_int_equal(zone->free_pages, PAGES);
	give(take(GFP_MOVABLE));
	assert_int_equal(take(GFP_MOVABLE), 0);
	page = mm_pcp_alloc_order_bare(zone, me, 0, M);
	assert_int_equal(small_machine_pfn(&m, page), BASE + 1);
	assert_null(mm_pcp_alloc_order_bare(zone, me, 0, R));
	assert_true(mm_pcp_free_order_bare(zone, me, page, 0, M));
	assert_ptr_equal(mm_pcp_alloc_order_bare(zone, me, 0, M), page);
	while (pcp_of(0)->count < HIGH - 1)
		assert_true(mm_pcp_free(zone, small_machine_page(&m, BASE + take_block(&m, 0, M)),
					0, M));
	nr_seen = 0;
	assert_false(mm_pcp_free_order_bare(zone, me, page, 0, M)); /* would be the high-th */
	assert_int_equal(pcp_of(0)->count, HIGH - 1);
	assert_int_equal(nr_seen, 0);
	assert_true(mm_pcp_free(zone, page, 0, M));
	assert_int_equal(pcp_of(0)->count, HIGH - BATCH);
}

static void a_short_way_does_not_wait(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	const struct mm_task *me = mm_task_current();
	uint64_t at = take(GFP_MOVABLE);

	(void)state;
	mm_spin_lock(&pcp_of(0)->lock);
	assert_null(mm_pcp_alloc_order_bare(zone, me, 0, M));
	assert_false(mm_pcp_free_order_bare(zone, me, small_machine_page(&m, BASE + at), 0, M));
	assert_int_equal(pcp_of(0)->count, BATCH - 1);
	mm_spin_unlock(&pcp_of(0)->lock);
	assert_non_null(mm_pcp_alloc_order_bare(zone, me, 0, M));
	assert_true(mm_pcp_free_order_bare(zone, me, small_machine_page(&m, BASE + 1), 0, M));
}

static void bulk_empties_and_refills(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct mmsim_page *pages[2 * BATCH + 3];

	(void)state;
	assert_int_equal(mm_buddy_pcp_alloc_bulk(zone, M, 0, 2 * BATCH + 3, pages), 2 * BATCH + 3);
	for (unsigned i = 0; i < 2 * BATCH + 3; i++)
		assert_int_equal(small_machine_pfn(&m, pages[i]), BASE + i);
	assert_int_equal(pcp_of(0)->count, BATCH - 3);
	assert_int_equal(mm_buddy_pcp_alloc_bulk(zone, M, 0, 0, pages), 0);
	fail_next_trylock();
	assert_int_equal(mm_buddy_pcp_alloc_bulk(zone, M, 0, 5, pages), 0);
	for (unsigned i = 0; i < 2 * BATCH + 3; i++)
		assert_true(mm_pcp_free(zone, pages[i], 0, M));
}

/* When the zone has less than was asked for. */
static void bulk_ends_with_the_zone(void **state)
{
	static struct mmsim_page *pages[PAGES + 1];
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	m.obs.sink = NULL;
	assert_int_equal(mm_buddy_pcp_alloc_bulk(zone, U, 0, PAGES + 1, pages), PAGES);
	assert_int_equal(zone->free_pages, 0);
	assert_null(mm_pcp_alloc(zone, 0, R, 0));
	for (unsigned i = 0; i < PAGES; i++)
		assert_true(mm_pcp_free(zone, pages[i], 0, U));
}

/* What a task on another CPU did. */
struct visit {
	struct mm_task task;
	uint64_t pfn;
	bool good;
};

static void alloc_two_free_one(void *arg)
{
	struct visit *v = arg;
	struct mmsim_page *page = mm_buddy_alloc_pages(&m.buddy, 0, GFP_MOVABLE, 0);
	struct mmsim_page *other = mm_buddy_alloc_pages(&m.buddy, 0, GFP_MOVABLE, 0);

	v->good = page && other && mm_buddy_free_pages(&m.buddy, page, 0) == 0;
	v->pfn = other ? small_machine_pfn(&m, other) : 0;
}

static void cpus_have_their_own(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct visit v[NR_CPUS];

	(void)state;
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
		struct mm_cpumask mask = mm_cpumask_of(cpu);

		assert_int_equal(
			mm_exec_spawn(m.env.exec, &v[cpu].task, &mask, alloc_two_free_one, &v[cpu]),
			0);
		mm_exec_join(m.env.exec, &v[cpu].task);
		assert_true(v[cpu].good);
		assert_int_equal(v[cpu].pfn, BASE + BATCH * cpu + 1);
		assert_int_equal(pcp_of(cpu)->count, BATCH - 1);
	}
	assert_int_equal(mm_buddy_pcp_count(zone), NR_CPUS * (BATCH - 1));
	give(v[2].pfn - BASE); /* to the list of the CPU that frees */
	assert_int_equal(pcp_of(0)->count, BATCH);
	mm_buddy_pcp_drain_all(zone);
	assert_int_equal(mm_buddy_pcp_count(zone), 0);
	for (unsigned cpu = 0; cpu < NR_CPUS; cpu++)
		assert_int_equal(pcp_of(cpu)->count, 0);
	assert_int_equal(zone->free_pages, PAGES - NR_CPUS + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(the_last_freed_is_the_next),
		with_zone(refilling_keeps_the_order),
		with_zone(each_type_has_its_list),
		with_zone(each_order_has_its_lists),
		with_zone(blocks_have_lists_too),
		with_zone(blocks_come_in_batches),
		with_zone(a_busy_lock_means_the_zone),
		with_zone(the_short_way_leaves_what_is_special),
		with_zone(the_short_ways_do_only_the_simple),
		with_zone(a_short_way_does_not_wait),
		with_zone(bulk_empties_and_refills),
		with_zone(bulk_ends_with_the_zone),
		with_zone(cpus_have_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
