/* SPDX-License-Identifier: MIT */
/*
 * Where an allocation stops, by its flags: marks, reserves, other CPUs' lists, what kswapd is told; and
 * where it goes rather than mix the types of a pageblock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "highatomic.h"
#include "three_nodes.h"

#define THISNODE MMSIM___GFP_THISNODE
#define MEMALLOC MMSIM___GFP_MEMALLOC

static struct mmsim_page *held[65536];
static unsigned held_order[65536], nr_held;

static struct mm_zone *zone_at(unsigned node, unsigned type)
{
	return mm_buddy_zone(&m.buddy, node, type);
}

/* One page at a time to and from the zones: then what is free is exact, but for frees. */
static void plain_lists(void)
{
	nr_held = 0;
	mm_for_each_zone(zone, &m.buddy)
		for (unsigned cpu = 0; cpu < 3; cpu++) {
			struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

			assert_int_equal(pcp->batch, pcp->batch > 1 ? 3 : 1);
			pcp->batch = 1;
			pcp->scale_max = 0;
		}
}

/* As many as there are. */
static unsigned take_all(int nid, mmsim_gfp_t gfp, unsigned order)
{
	unsigned before = nr_held;

	while (nr_held < 65536 && (held[nr_held] = take(nid, gfp, order)))
		held_order[nr_held++] = order;
	return nr_held - before;
}

static void give_all(void)
{
	while (nr_held) {
		nr_held--;
		give(held[nr_held], held_order[nr_held]);
	}
	mm_for_each_zone(zone, &m.buddy)
		mm_buddy_pcp_drain_all(zone);
}

/* Each goes on where the one before had to stop. */
static void flags_say_how_far(void **state)
{
	struct mm_zone *zone = zone_at(1, MMSIM_ZONE_NORMAL);
	uint64_t min = zone->watermark[MM_WMARK_MIN], half = min - min / 2;

	(void)state;
	plain_lists();
	assert_true(min > 20);
	take_all(1, MMSIM_GFP_KERNEL | THISNODE, 0);
	assert_int_equal(zone->free_pages, min);
	assert_int_equal(take_all(1, MMSIM_GFP_NOWAIT | THISNODE, 0), 0);
	take_all(1, MMSIM_GFP_KERNEL | MMSIM___GFP_HIGH | THISNODE, 0);
	assert_int_equal(zone->free_pages, half);
	take_all(1, MMSIM_GFP_ATOMIC | THISNODE, 0);
	assert_int_equal(zone->free_pages, half - half / 4);
	assert_int_equal(
		take_all(1, MMSIM_GFP_KERNEL | MEMALLOC | MMSIM___GFP_NOMEMALLOC | THISNODE, 0), 0);
	take_all(1, MMSIM_GFP_KERNEL | MEMALLOC | THISNODE, 0);
	assert_int_equal(zone->free_pages, 0);
	assert_int_equal(nr_held, 2048);
	give_all();
}

/* The lower the zone, the more of it is kept from who could have had better. */
static void low_zones_keep_their_reserve(void **state)
{
	(void)state;
	plain_lists();
	m.buddy.policy.flags = MMSIM_POLICY_NO_BOOST; /* the second type would raise the marks */
	take_all(0, MMSIM_GFP_HIGHUSER_MOVABLE, 0);
	for (unsigned type = 0; type < MMSIM_NR_ZONES; type++) {
		const struct mm_zone *zone = zone_at(0, type);

		assert_int_equal(zone->free_pages,
				 zone->watermark[MM_WMARK_MIN] +
					 zone->lowmem_reserve[MMSIM_ZONE_MOVABLE]);
	}
	take_all(0, MMSIM_GFP_KERNEL, 0);
	assert_int_equal(zone_at(0, MMSIM_ZONE_DMA32)->free_pages,
			 zone_at(0, MMSIM_ZONE_DMA32)->watermark[MM_WMARK_MIN] +
				 zone_at(0, MMSIM_ZONE_DMA32)->lowmem_reserve[MMSIM_ZONE_NORMAL]);
	take_all(0, MMSIM_GFP_KERNEL | MMSIM___GFP_DMA32, 0);
	assert_int_equal(zone_at(0, MMSIM_ZONE_DMA32)->free_pages,
			 zone_at(0, MMSIM_ZONE_DMA32)->watermark[MM_WMARK_MIN]);
	give_all();
}

/* Larger blocks need the mark and themselves. */
static void blocks_stop_earlier(void **state)
{
	struct mm_zone *zone = zone_at(1, MMSIM_ZONE_NORMAL);
	uint64_t min = zone->watermark[MM_WMARK_MIN];
	bool one_more;

	(void)state;
	plain_lists();
	take_all(1, MMSIM_GFP_KERNEL | THISNODE, 6);
	assert_in_range(zone->free_pages, min, min + 63);
	one_more = zone->free_pages > min + 31;
	assert_int_equal(take_all(1, MMSIM_GFP_KERNEL | THISNODE, 5), one_more);
	take_all(1, MMSIM_GFP_KERNEL | THISNODE, 0);
	assert_int_equal(zone->free_pages, min);
	give_all();
}

/* A boost raises the mark for all but the urgent, until somebody takes it away. */
static void a_boost_raises_the_mark(void **state)
{
	struct mm_zone *zone = zone_at(1, MMSIM_ZONE_NORMAL);
	uint64_t min = zone->watermark[MM_WMARK_MIN];

	(void)state;
	plain_lists();
	mm_spin_lock(&zone->lock);
	assert_true(mm_buddy_boost_watermark(zone));
	mm_spin_unlock(&zone->lock);
	take_all(1, MMSIM_GFP_KERNEL | THISNODE, 0);
	assert_int_equal(zone->free_pages, min + 512);
	take_all(1, MMSIM___GFP_HIGH | MMSIM_GFP_KERNEL | THISNODE, 0);
	assert_int_equal(zone->free_pages, min - min / 2);
	mm_buddy_setup_zones(&m.buddy);
	give_all();
}

struct visit {
	struct mm_task task;
};

static void leave_three(void *arg)
{
	struct mmsim_page *page[3];

	(void)arg;
	for (unsigned i = 0; i < 3; i++)
		page[i] = take(1, THISNODE, 0);
	for (unsigned i = 0; i < 3; i++)
		mm_buddy_free_pages(&m.buddy, page[i], 0);
}

/* Who may wait gets them in the end. */
static void what_other_cpus_have_comes_last(void **state)
{
	struct mm_cpumask mask = mm_cpumask_of(2);
	struct mm_zone *zone = zone_at(1, MMSIM_ZONE_NORMAL);
	struct visit v;

	(void)state;
	plain_lists();
	for (unsigned cpu = 0; cpu < 3; cpu++) { /* or the lists are too short to keep three */
		struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

		pcp->high = pcp->high_min = pcp->high_max = 10;
	}
	assert_int_equal(mm_exec_spawn(m.env.exec, &v.task, &mask, leave_three, &v), 0);
	mm_exec_join(m.env.exec, &v.task);
	assert_int_equal(mm_buddy_pcp_count(zone), 3);
	assert_int_equal(take_all(1, THISNODE | MEMALLOC, 0), 2048 - 3);
	assert_int_equal(take_all(1, THISNODE | MEMALLOC | MMSIM_GFP_KERNEL, 0), 3);
	give_all();
}

/* So does the reserve of high-order atomic requests, pageblock by pageblock. */
static void the_reserve_is_given_up(void **state)
{
	struct mm_zone *zone = zone_at(1, MMSIM_ZONE_NORMAL);

	(void)state;
	plain_lists();
	mm_spin_lock(&zone->lock);
	for (uint64_t pfn = zone->span.start; pfn < zone->span.end; pfn += 1024) {
		struct mmsim_page *page = small_machine_page(&m, pfn);

		assert_true(mm_buddy_take_page(zone, page, 9));
		mm_buddy_retype(zone, page, 9, MMSIM_MIGRATE_HIGHATOMIC);
		mm_buddy_free_one_page(zone, page, 9, MMSIM_MIGRATE_HIGHATOMIC, MM_FPI_NONE);
	}
	zone->nr_reserved_highatomic = 1024;
	mm_spin_unlock(&zone->lock);
	mm_buddy_validate(&m.buddy);
	take_all(1, THISNODE | MMSIM___GFP_KSWAPD_RECLAIM | MMSIM___GFP_NOMEMALLOC, 0);
	assert_int_equal(zone->free_highatomic, 1024);
	while (zone->free_highatomic == 1024)
		held[nr_held++] = take(1, THISNODE | MMSIM_GFP_KERNEL, 0);
	assert_int_equal(zone->free_highatomic, 512);
	assert_int_equal(zone->free_pages, 1024 + zone->watermark[MM_WMARK_MIN] - 1);
	take_all(1, THISNODE | MMSIM_GFP_KERNEL, 0);
	assert_int_equal(zone->free_highatomic, 0);
	assert_int_equal(zone->free_pages, zone->watermark[MM_WMARK_MIN]);
	memset(held_order, 0, sizeof(held_order));
	give_all();
}

static uint64_t wakes_of(unsigned node)
{
	uint64_t nr = 0;

	mm_for_each_zone(zone, &m.buddy)
		nr += zone->node == node ? zone->stat.kswapd_wakes : 0;
	return nr;
}

struct told {
	unsigned nr, node, order;
};

static void tell(void *ctx, unsigned node, unsigned order)
{
	struct told *t = ctx;

	t->nr++;
	t->node = node;
	t->order = order;
}

/* Once per node that the request could have used, when the first attempt has failed. */
static void kswapd_is_told(void **state)
{
	struct told t = { 0 };

	(void)state;
	plain_lists();
	m.buddy.kswapd_ctx = &t;
	m.buddy.kswapd = tell;
	while (zone_at(1, MMSIM_ZONE_NORMAL)->free_pages >
	       zone_at(1, MMSIM_ZONE_NORMAL)->watermark[MM_WMARK_LOW])
		held[nr_held++] = take(1, THISNODE | MMSIM_GFP_KERNEL, 0);
	assert_int_equal(t.nr, 0);
	assert_non_null(held[nr_held++] = take(1, THISNODE | MMSIM_GFP_KERNEL, 0));
	assert_int_equal(t.nr, 1);
	assert_int_equal(t.node, 1);
	assert_int_equal(t.order, 0);
	assert_int_equal(wakes_of(1), 1);
	assert_non_null(held[nr_held++] = take(1, THISNODE | MMSIM___GFP_DIRECT_RECLAIM, 0));
	assert_int_equal(t.nr, 1); /* not by whom it may not be woken */
	assert_int_equal(take_all(1, THISNODE | MMSIM___GFP_DIRECT_RECLAIM, 0) > 0, true);
	take_all(0, MMSIM___GFP_DIRECT_RECLAIM, 0);
	t.nr = 0;
	m.obs.sink = listen;
	mm_buddy_set_open(&m.buddy, true);
	assert_null(take(0, MMSIM_GFP_KERNEL | MMSIM___GFP_NOWARN, 2));
	assert_int_equal(t.nr, 2); /* nodes 0 and 1 */
	assert_int_equal(t.order, 2);
	assert_int_equal(wakes_of(0), 1);
	assert_int_equal(wakes_of(1), 2);
	assert_int_equal(seen[0].id, MMSIM_EV_MM_VMSCAN_WAKEUP_KSWAPD);
	assert_int_equal(seen[0].order, 2);
	assert_int_equal(seen[0].gfp, MMSIM_GFP_KERNEL | MMSIM___GFP_NOWARN);
	assert_int_equal(seen[0].arg, 0);
	assert_int_equal(seen[1].arg, 1);
	m.obs.sink = NULL;
	memset(held_order, 0, sizeof(held_order));
	give_all();
}

/* The zone is short of pages while it is below high: noticed by a request, forgotten by a drain. */
static void below_high_comes_and_goes(void **state)
{
	struct mm_zone *zone = zone_at(1, MMSIM_ZONE_NORMAL);

	(void)state;
	plain_lists();
	while (zone->free_pages > zone->watermark[MM_WMARK_HIGH])
		held[nr_held++] = take(1, THISNODE, 0);
	assert_false(mm_zone_flag(zone, MM_ZONE_BELOW_HIGH));
	held[nr_held++] = take(1, THISNODE, 0);
	assert_true(mm_zone_flag(zone, MM_ZONE_BELOW_HIGH));
	memset(held_order, 0, sizeof(held_order));
	while (nr_held)
		give(held[--nr_held], 0);
	assert_false(mm_zone_flag(zone, MM_ZONE_BELOW_HIGH));
	give_all();
}

/* Of node 0, zone Normal: every pageblock has movable pages; what is free in each is less than half. */
static void mix_normal(void)
{
	struct mm_zone *zone = zone_at(0, MMSIM_ZONE_NORMAL);
	unsigned first = nr_held, kept = first;

	take_all(0, THISNODE | MOVABLE | MMSIM_GFP_KERNEL | MEMALLOC, 7);
	for (unsigned i = first; i < nr_held; i++)
		if (mm_buddy_page_zone(&m.buddy, held[i]) == zone &&
		    small_machine_pfn(&m, held[i]) % 512 == 128 &&
		    small_machine_pfn(&m, held[i]) > BASE + 512) /* the first has reserved pages */
			give(held[i], 7);
		else
			held[kept++] = held[i];
	nr_held = kept;
	for (unsigned i = 0; i < nr_held; i++)
		for (unsigned k = 0; k < 128; k++)
			held[i][k].flags |= UINT64_C(1) << MMSIM_PG_LRU;
	mm_buddy_validate(&m.buddy);
}

static void give_zone(unsigned type)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < nr_held; i++)
		if (mmsim_page_zone_type(held[i]) == type)
			give(held[i], held_order[i]);
		else
			held[kept++] = held[i];
	nr_held = kept;
}

static void expect_from(int nid, unsigned node, unsigned type, bool mixed)
{
	struct mm_zone *zone = zone_at(node, type);
	uint64_t steals = zone->stat.steals;
	struct mmsim_page *page = take(nid, MMSIM_GFP_KERNEL, 0);

	assert_ptr_equal(mm_buddy_page_zone(&m.buddy, page), zone);
	assert_int_equal(zone->stat.steals > steals, mixed);
	give(page, 0);
	mm_buddy_pcp_drain_all(zone);
}

static void other_zones_come_before_mixing(void **state)
{
	(void)state;
	plain_lists();
	mix_normal();
	give_zone(MMSIM_ZONE_DMA32);
	expect_from(0, 0, MMSIM_ZONE_DMA32, false);
	give_all();
}

static void mixing_comes_before_other_nodes(void **state)
{
	(void)state;
	plain_lists();
	mix_normal();
	expect_from(0, 0, MMSIM_ZONE_NORMAL, true);
	/* Unless it is to be avoided at any price: then node 1 has whole ones. */
	m.buddy.policy.flags = MMSIM_POLICY_DEFRAG_MODE;
	expect_from(0, 1, MMSIM_ZONE_NORMAL, false);
	/* But not to fail, for who can wait. */
	take_all(1, THISNODE | MMSIM_GFP_KERNEL | MEMALLOC | MOVABLE, 10);
	assert_null(take(0, MMSIM_GFP_NOWAIT, 0));
	expect_from(0, 0, MMSIM_ZONE_NORMAL, true);
	m.buddy.policy.flags = 0;
	for (unsigned i = 0; i < nr_held; i++)
		held_order[i] = held[i]->order;
	give_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		all_ways(flags_say_how_far),
		all_ways(low_zones_keep_their_reserve),
		all_ways(blocks_stop_earlier),
		all_ways(a_boost_raises_the_mark),
		all_ways(what_other_cpus_have_comes_last),
		all_ways(the_reserve_is_given_up),
		all_ways(kswapd_is_told),
		all_ways(below_high_comes_and_goes),
		all_ways(other_zones_come_before_mixing),
		all_ways(mixing_comes_before_other_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
