/* SPDX-License-Identifier: MIT */
/* What is taken from other types' lists, from which, how large, and who owns the pageblock then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "zone_lists.h"

static struct small_machine m;
static struct mmsim_event seen;
static unsigned nr_seen;

static void listen(void *ctx, const struct mmsim_event *event)
{
	(void)ctx;
	if (event->id != MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG)
		return;
	seen = *event;
	nr_seen++;
}

static int setup(void **state)
{
	(void)state;
	bare_machine_open(&m, 8192);
	m.obs.sink = listen;
	nr_seen = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

static void give(uint64_t at, unsigned order, enum mmsim_migratetype mt)
{
	struct mm_zone *zone = small_machine_normal(&m);

	for (uint64_t i = at; i < at + (UINT64_C(1) << order); i += MMSIM_PAGEBLOCK_NR_PAGES) {
		set_type(&m, i, mt);
		zone->cma += mt == MMSIM_MIGRATE_CMA ? MMSIM_PAGEBLOCK_NR_PAGES : 0;
		zone->nr_reserved_highatomic +=
			mt == MMSIM_MIGRATE_HIGHATOMIC ? MMSIM_PAGEBLOCK_NR_PAGES : 0;
	}
	free_block(&m, at, order, MM_FPI_NONE);
}

/* What is allocated there could be moved. */
static void mark_movable(uint64_t at, uint64_t nr)
{
	for (uint64_t i = at; i < at + nr; i++)
		small_machine_page(&m, SMALL_MACHINE_BASE + i)->flags |= UINT64_C(1)
									 << MMSIM_PG_LRU;
}

static uint64_t take_mode(unsigned order, enum mmsim_migratetype mt, unsigned alloc_flags,
			  enum mm_rmqueue_mode *mode)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct mmsim_page *page;

	mm_spin_lock(&zone->lock);
	page = mm_buddy_rmqueue(zone, order, mt, alloc_flags, mode);
	mm_spin_unlock(&zone->lock);
	return page ? small_machine_pfn(&m, page) - SMALL_MACHINE_BASE : NOTHING;
}

static uint64_t take_with(unsigned order, enum mmsim_migratetype mt, unsigned alloc_flags)
{
	enum mm_rmqueue_mode mode = MM_RMQUEUE_NORMAL;

	return take_mode(order, mt, alloc_flags, &mode);
}

static void assert_event(uint64_t at, unsigned order, enum mmsim_migratetype mt, unsigned found)
{
	assert_int_equal(nr_seen, 1);
	assert_int_equal(seen.id, MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG);
	assert_int_equal(seen.pfn, SMALL_MACHINE_BASE + at);
	assert_int_equal(seen.order, order);
	assert_int_equal(seen.migratetype, mt);
	assert_int_equal(seen.arg, found);
	nr_seen = 0;
}

/* The last of which changed the pageblock's type, or did not; so say event and books. */
static void assert_took(enum mmsim_migratetype from, bool claimed, uint64_t claims, uint64_t steals)
{
	const struct mm_zone *zone = small_machine_normal(&m);

	assert_int_equal(seen.fallback_migratetype, from);
	assert_int_equal(seen.change_ownership, claimed);
	assert_int_equal(zone->stat.claims, claims);
	assert_int_equal(zone->stat.steals, steals);
}

static void own_lists_come_first(void **state)
{
	(void)state;
	give(0, 10, M);
	give(1024, 0, U);
	assert_int_equal(take_block(&m, 0, U), 1024);
	assert_int_equal(nr_seen, 0);
	assert_int_equal(type_at(&m, 0), M);
}

/* Whole pageblocks change hands for good; what is left of them is on the new type's lists. */
static void claiming_takes_the_pageblocks_over(void **state)
{
	(void)state;
	give(0, 10, M);
	assert_int_equal(take_block(&m, 0, U), 0);
	assert_event(0, 0, U, 10);
	assert_int_equal(type_at(&m, 0), U);
	assert_int_equal(type_at(&m, 512), U);
	for (unsigned o = 0; o < 10; o++)
		assert_list(&m, o, U, UINT64_C(1) << o);
	assert_int_equal(take_block(&m, 0, U), 1);
	assert_int_equal(nr_seen, 0);
}

static void claiming_takes_the_largest(void **state)
{
	(void)state;
	give(0, 9, M);
	give(1024, 10, M);
	assert_int_equal(take_block(&m, 3, R), 1024);
	assert_event(1024, 3, R, 10);
	assert_list(&m, 9, M, 0);
	assert_int_equal(type_at(&m, 0), M);
}

static void claiming_goes_down_to_a_pageblock(void **state)
{
	(void)state;
	give(0, 8, M);
	give(512, 9, M);
	assert_int_equal(take_block(&m, 0, U), 512);
	assert_event(512, 0, U, 9);
	assert_int_equal(type_at(&m, 512), U);
	assert_int_equal(type_at(&m, 0), M);
	assert_list(&m, 8, M, 0);
}

/* A request for more than a pageblock is not served from one. */
static void claiming_needs_what_fits(void **state)
{
	(void)state;
	give(0, 9, M);
	assert_int_equal(take_block(&m, 10, U), NOTHING);
	assert_int_equal(nr_seen, 0);
	assert_int_equal(type_at(&m, 0), M);
	give(1024, 10, R);
	assert_int_equal(take_block(&m, 10, U), 1024);
	assert_int_equal(type_at(&m, 1536), U);
}

/* What is not for us by the half: one block from the smallest that fits, and no change of type. */
static void stealing_takes_the_smallest(void **state)
{
	(void)state;
	mark_movable(0, 1536);
	give(0, 7, M);
	give(512, 3, M);
	give(1024, 1, M);
	assert_int_equal(take_block(&m, 2, U), 512);
	assert_event(512, 2, U, 3);
	assert_took(M, false, 0, 1);
	assert_int_equal(type_at(&m, 512), M);
	assert_list(&m, 2, M, 516); /* the rest stays what it was */
	assert_empty(&m, 2, U);
	assert_list(&m, 7, M, 0);
	assert_int_equal(take_block(&m, 2, U), 516);
	assert_took(M, false, 0, 2);
}

/* From half on all free pages of the pageblock come along; the smallest that fits is taken then. */
static void half_free_pageblocks_are_claimed(void **state)
{
	(void)state;
	mark_movable(0, 512);
	give(0, 8, M);
	give(300, 2, M);
	assert_int_equal(take_block(&m, 1, R), 300);
	assert_event(300, 1, R, 8);
	assert_took(M, true, 1, 0);
	assert_int_equal(type_at(&m, 0), R);
	assert_list(&m, 1, R, 302);
	assert_list(&m, 8, R, 0);
	assert_empty(&m, 8, M);
	assert_int_equal(take_block(&m, 0, R), 302);
	assert_int_equal(nr_seen, 0);
}

/* One page less than half is too little, in one block or in many. */
static void less_than_half_is_not_claimed(void **state)
{
	(void)state;
	mark_movable(0, 512);
	for (unsigned order = 1; order < 8; order++)
		give(UINT64_C(1) << order, order, M);
	give(511, 0, M); /* 254 and one */
	assert_int_equal(take_block(&m, 0, U), 511);
	assert_took(M, false, 0, 1);
	give(511, 0, M);
	give(509, 0, M);
	assert_int_equal(take_block(&m, 1, U), 2);
	assert_took(M, true, 1, 1);
	assert_list(&m, 0, U, 509, 511);
}

/* Pages that are allocated count where they are of the request's kind. */
static void pages_alike_count(void **state)
{
	static const struct {
		enum mmsim_migratetype want, from;
		uint64_t movable; /* of the 496 pages that are allocated */
		bool claimed;
	} cases[] = {
		{ U, M, 496 - 240, true },
		{ U, M, 496 - 239, false },
		{ R, M, 0, true },
		{ R, M, 496, false },
		/* Between these two nobody can tell. */
		{ U, R, 0, false },
		{ U, R, 496, false },
		{ R, U, 0, false },
		{ R, U, 256, false },
		{ M, U, 240, true },
		{ M, U, 239, false },
		{ M, R, 496, true },
		{ M, R, 0, false },
	};

	(void)state;
	for (unsigned i = 0; i < mm_array_size(cases); i++) {
		uint64_t at = 512 * i;

		mark_movable(at + 16, cases[i].movable);
		give(at, 4, cases[i].from);
		assert_int_equal(take_block(&m, 4, cases[i].want), at);
		if (seen.change_ownership != cases[i].claimed)
			fail_msg("case %u: %s", i, cases[i].claimed ? "stolen" : "claimed");
		assert_int_equal(type_at(&m, at), cases[i].claimed ? cases[i].want : cases[i].from);
	}
}

/* Of blocks below order 4 a movable page does not make a claim, whatever is around them. */
static void movable_pages_claim_from_order_4_on(void **state)
{
	(void)state;
	mark_movable(0, 1024);
	/* Those that stay do, from order 0. */
	give(1024, 0, M);
	assert_int_equal(take_block(&m, 0, U), 1024);
	assert_took(M, true, 1, 0);
	give(0, 3, U);
	assert_int_equal(take_block(&m, 0, M), 0);
	assert_took(U, false, 1, 1);
	assert_int_equal(type_at(&m, 0), U);
	give(512, 4, R);
	assert_int_equal(take_block(&m, 0, M), 512);
	assert_took(R, true, 2, 1);
	assert_int_equal(type_at(&m, 512), M);
}

/* The pageblock reaches beyond the zone: it keeps its type. */
static void pageblocks_at_the_edge_are_not_claimed(void **state)
{
	(void)state;
	small_machine_close(&m);
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, SMALL_MACHINE_BASE + 64, SMALL_MACHINE_BASE + 4096);
	bare_machine_boot(&m);
	m.obs.sink = listen;
	give(256, 8, M);
	assert_int_equal(take_block(&m, 0, U), 256);
	assert_took(M, false, 0, 1);
	assert_int_equal(type_at(&m, 256), M);
}

/* Rather none than a page out of another type's pageblock; whole ones are no fragmentation. */
static void nofragment_takes_whole_pageblocks(void **state)
{
	(void)state;
	give(0, 8, M);
	assert_int_equal(take_with(0, U, MM_ALLOC_NOFRAGMENT), NOTHING);
	assert_int_equal(take_with(8, U, MM_ALLOC_NOFRAGMENT), NOTHING);
	give(512, 9, M);
	assert_int_equal(take_with(0, U, MM_ALLOC_NOFRAGMENT), 512);
	assert_event(512, 0, U, 9);
	give(2048, 10, M);
	assert_int_equal(take_with(10, R, MM_ALLOC_NOFRAGMENT), 2048);
	assert_int_equal(type_at(&m, 0), M);
	m.buddy.policy.fallback = MMSIM_FALLBACK_LARGEST;
	assert_int_equal(take_with(0, R, MM_ALLOC_NOFRAGMENT), NOTHING);
	assert_int_equal(nr_seen, 1);
}

/* Over one refill: who had to steal does not look at the lists above again, unless told to. */
static void stealing_is_remembered(void **state)
{
	(void)state;
	for (unsigned fallback = 0; fallback < 3; fallback++) {
		enum mm_rmqueue_mode mode = MM_RMQUEUE_NORMAL;
		const uint64_t at = 2048 * fallback;
		bool cached = fallback == MMSIM_FALLBACK_CACHED;

		m.buddy.policy.fallback = fallback;
		mark_movable(at, 1536);
		give(at, 1, M);
		assert_int_equal(take_mode(0, U, 0, &mode), at);
		assert_int_equal(mode, cached ? MM_RMQUEUE_STEAL : MM_RMQUEUE_NORMAL);
		give(at + 512, 0, U);
		assert_int_equal(take_mode(0, U, 0, &mode), cached ? at + 1 : at + 512);
		assert_int_equal(take_block(&m, 0, U), cached ? at + 512 : at + 1);
	}
}

/* A claim fills the own lists: the next page comes from there. */
static void claiming_ends_the_search(void **state)
{
	enum mm_rmqueue_mode mode = MM_RMQUEUE_CLAIM;

	(void)state;
	give(0, 9, M);
	give(1024, 0, U);
	assert_int_equal(take_mode(0, U, 0, &mode),
			 0); /* in this mode own lists are not looked at */
	assert_int_equal(mode, MM_RMQUEUE_NORMAL);
	assert_int_equal(take_mode(0, U, 0, &mode), 1);
	mode = MM_RMQUEUE_STEAL;
	give(2048, 9, M);
	give(4096, 2, M);
	assert_int_equal(take_mode(2, U, 0, &mode), 4096);
	assert_int_equal(mode, MM_RMQUEUE_STEAL);
	assert_int_equal(take_mode(2, U, MM_ALLOC_NOFRAGMENT, &mode), NOTHING);
	assert_int_equal(mode, MM_RMQUEUE_STEAL);
}

/* To 6.14: the page comes out of the largest block; but movable ones out of the smallest. */
static void old_kernels_break_the_largest(void **state)
{
	(void)state;
	m.buddy.policy.fallback = MMSIM_FALLBACK_LARGEST;
	mark_movable(0, 1024);
	give(0, 6, M);
	give(512, 1, M);
	assert_int_equal(take_block(&m, 0, U), 0);
	assert_event(0, 0, U, 6);
	assert_took(M, false, 0, 1);
	assert_int_equal(type_at(&m, 0), M);
	set_type(&m, 3072, U);
	give(3072, 1, R); /* largest for M: order 3 in vain, then the smallest of both */
	give(3584, 3, U);
	assert_int_equal(take_block(&m, 0, M), 1); /* its own */
	while (take_block(&m, 0, M) < 1024)
		;
	assert_int_equal(nr_seen, 1);
	assert_event(3072, 0, M, 1);
	assert_took(R, false, 0, 2);
	/* From order 4 on a claim is tried; in vain: then that block it is. */
	give(4096, 5, U);
	assert_int_equal(take_block(&m, 0, M), 4096);
	assert_took(U, false, 0, 3);
	give(5120, 9, R);
	assert_int_equal(take_block(&m, 0, M), 5120);
	assert_took(R, true, 1, 3);
}

/* Types begin to mix: more is kept free for a while, and kswapd hears of it if it may be woken. */
static void mixing_boosts_the_watermark(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	zone->managed = 4096;
	zone->watermark[MM_WMARK_HIGH] = 1000;
	give(0, 9, M);
	take_with(9, U, MM_ALLOC_KSWAPD);
	assert_int_equal(zone->watermark_boost, 0); /* a whole one */
	mark_movable(1024, 1024);
	give(1024, 4, M);
	take_with(4, R, 0);
	assert_int_equal(zone->watermark_boost, 512);
	assert_false(mm_zone_flag(zone, MM_ZONE_BOOSTED_WATERMARK));
	give(1536, 4, M);
	take_with(4, R, MM_ALLOC_KSWAPD);
	assert_int_equal(zone->watermark_boost, 1024);
	assert_true(mm_zone_flag(zone, MM_ZONE_BOOSTED_WATERMARK));
	assert_int_equal(zone->stat.boosts, 2);
	zone->managed = 0;
}

/* Too small for pageblocks of several types: everything is claimed that is found. */
static void without_grouping_all_is_claimed(void **state)
{
	(void)state;
	small_machine_normal(&m)->grouping_disabled = true;
	give(0, 0, R);
	assert_int_equal(take_block(&m, 0, M), 0);
	assert_took(R, true, 1, 0);
	mark_movable(512, 512);
	give(512, 1, M);
	assert_int_equal(take_block(&m, 0, U), 512);
	assert_took(M, true, 2, 0);
}

/* Memory of CMA goes to movable pages only: first when there is more of it, later in need. */
static void cma_serves_movable_pages(void **state)
{
	enum mm_rmqueue_mode mode = MM_RMQUEUE_NORMAL;

	(void)state;
	give(0, 2, MMSIM_MIGRATE_CMA);
	give(512, 2, M);
	assert_int_equal(take_mode(0, M, MM_ALLOC_CMA, &mode), 512); /* just half: 4 of 8 */
	assert_int_equal(take_mode(0, M, MM_ALLOC_CMA, &mode), 0); /* 4 of 7 */
	assert_int_equal(take_mode(0, M, MM_ALLOC_CMA, &mode), 513);
	assert_int_equal(take_mode(0, M, 0, &mode), 514);
	assert_int_equal(take_mode(0, M, 0, &mode), 515);
	assert_int_equal(mode, MM_RMQUEUE_NORMAL);
	assert_int_equal(take_mode(0, M, 0, &mode), NOTHING);
	assert_int_equal(take_mode(0, U, 0, &mode), NOTHING);
	give(1024, 9, R);
	assert_int_equal(take_mode(0, M, MM_ALLOC_CMA, &mode), 1); /* rather than a claim */
	assert_int_equal(mode, MM_RMQUEUE_CMA);
	assert_int_equal(nr_seen, 0);
}

/* At the same order the first fallback is preferred, to claim and to steal. */
static void types_have_an_order(void **state)
{
	const struct {
		enum mmsim_migratetype want, first, second;
	} rules[] = { { U, R, M }, { M, R, U }, { R, U, M } };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t at = 2048 * i;

		give(at, 4, rules[i].second);
		give(at + 512, 4, rules[i].first);
		assert_int_equal(take_block(&m, 4, rules[i].want), at + 512);
		assert_int_equal(take_block(&m, 4, rules[i].want), at);
		give(at, 9, rules[i].second);
		give(at + 1024, 9, rules[i].first);
		assert_int_equal(take_block(&m, 9, rules[i].want), at + 1024);
		assert_int_equal(take_block(&m, 9, rules[i].want), at);
	}
}

/* But the order of blocks decides before the order of types. */
static void size_decides_before_type(void **state)
{
	(void)state;
	give(0, 10, M);
	give(1024, 9, R);
	assert_int_equal(take_block(&m, 0, U), 0); /* claim: the largest */
	mm_buddy_zone_clear(small_machine_normal(&m));
	for (uint64_t at = 0; at < 2048; at++)
		small_machine_page(&m, SMALL_MACHINE_BASE + at)->page_type = MMSIM_PGTY_NONE;
	mark_movable(4096, 512);
	give(2048, 5, R);
	give(4096, 3, M);
	assert_int_equal(take_block(&m, 0, U), 4096); /* steal: the smallest */
	assert_int_equal(type_at(&m, 4096), M);
}

static void nothing_left(void **state)
{
	(void)state;
	for (int mt = 0; mt < MMSIM_NR_MIGRATETYPES; mt++)
		assert_int_equal(take_block(&m, 0, (enum mmsim_migratetype)mt), NOTHING);
	/* Types without lists per CPU do not fall back, nor does anybody fall back to them. */
	give(0, 10, MMSIM_MIGRATE_HIGHATOMIC);
	give(1024, 10, MMSIM_MIGRATE_CMA);
	for (int mt = 0; mt < MMSIM_MIGRATE_PCPTYPES; mt++)
		assert_int_equal(take_block(&m, 0, (enum mmsim_migratetype)mt), NOTHING);
	give(2048, 10, M);
	assert_int_equal(take_block(&m, 10, MMSIM_MIGRATE_HIGHATOMIC), 0);
	assert_int_equal(take_block(&m, 0, MMSIM_MIGRATE_HIGHATOMIC), NOTHING);
	assert_int_equal(take_block(&m, 0, MMSIM_MIGRATE_ISOLATE), NOTHING);
	assert_int_equal(nr_seen, 0);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(own_lists_come_first),
		with_zone(claiming_takes_the_pageblocks_over),
		with_zone(claiming_takes_the_largest),
		with_zone(claiming_goes_down_to_a_pageblock),
		with_zone(claiming_needs_what_fits),
		with_zone(stealing_takes_the_smallest),
		with_zone(half_free_pageblocks_are_claimed),
		with_zone(less_than_half_is_not_claimed),
		with_zone(pages_alike_count),
		with_zone(movable_pages_claim_from_order_4_on),
		with_zone(pageblocks_at_the_edge_are_not_claimed),
		with_zone(nofragment_takes_whole_pageblocks),
		with_zone(stealing_is_remembered),
		with_zone(claiming_ends_the_search),
		with_zone(old_kernels_break_the_largest),
		with_zone(mixing_boosts_the_watermark),
		with_zone(without_grouping_all_is_claimed),
		with_zone(cma_serves_movable_pages),
		with_zone(types_have_an_order),
		with_zone(size_decides_before_type),
		with_zone(nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
