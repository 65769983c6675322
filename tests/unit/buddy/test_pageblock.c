/* SPDX-License-Identifier: MIT */
/* What a pageblock holds, and all that is free in it becoming another type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "pageblock.h"
#include "zone_lists.h"

static struct small_machine m;

/* Pageblock 0 begins before the zone, the last ends behind it; in the hole is no struct page. */
static int setup(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, SMALL_MACHINE_BASE + 100, SMALL_MACHINE_BASE + 4000);
	bare_machine_boot(&m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	small_machine_close(&m);
	return 0;
}

static struct mmsim_page *at(uint64_t offset)
{
	return small_machine_page(&m, SMALL_MACHINE_BASE + offset);
}

static void mark_movable(uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++)
		at(i)->flags |= UINT64_C(1) << MMSIM_PG_LRU;
}

static bool use_is(uint64_t offset, unsigned nr_free, unsigned movable)
{
	struct mm_pageblock_use use;

	assert_true(mm_buddy_pageblock_use(small_machine_normal(&m), at(offset), &use));
	return use.free == nr_free && use.movable == movable;
}

static void pages_are_counted(void **state)
{
	(void)state;
	assert_true(use_is(512, 0, 0));
	free_block(&m, 512 + 8, 3, MM_FPI_NONE);
	free_block(&m, 512 + 256, 8, MM_FPI_NONE);
	free_block(&m, 512 + 3, 0, MM_FPI_NONE);
	mark_movable(512 + 64, 512 + 164);
	assert_true(use_is(512, 265, 100));
	assert_true(use_is(1023, 265, 100)); /* from wherever it is asked */
	/* What the mark says of free pages is of no interest. */
	mark_movable(512 + 256, 1024);
	assert_true(use_is(700, 265, 100));
	assert_true(use_is(1024, 0, 0));
	free_block(&m, 1024, 9, MM_FPI_NONE);
	assert_true(use_is(1024, 512, 0));
}

static void hand_out(uint64_t offset, unsigned order, bool movable)
{
	mm_prep_new_page(at(offset), order, movable);
}

/* What was asked for as Movable is, all of it; of a block it is the first page that knows. */
static void movable_blocks_are_counted(void **state)
{
	(void)state;
	hand_out(512, 3, true);
	hand_out(520, 3, false);
	hand_out(528, 0, true);
	free_block(&m, 529, 0, MM_FPI_NONE);
	assert_true(use_is(512, 1, 9));
	at(512)->refcount = 0; /* on a per-CPU list: nobody's */
	assert_true(use_is(512, 1, 1));
	/* Reserved pages are of no block, so what comes after them is looked at. */
	at(512)->refcount = 1;
	at(512)->order = MM_NO_ORDER;
	at(512)->movable = 0;
	assert_true(use_is(512, 1, 1));
	/* A block of two pageblocks counts for what is in this one. */
	hand_out(1024, 10, true);
	assert_true(use_is(1024, 0, 512));
}

static void pageblocks_of_two_zones_stay(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct mm_pageblock_use use;

	(void)state;
	assert_false(mm_buddy_pageblock_use(zone, at(100), &use));
	assert_false(mm_buddy_pageblock_use(zone, at(511), &use));
	assert_true(mm_buddy_pageblock_use(zone, at(512), &use));
	assert_true(mm_buddy_pageblock_use(zone, at(3583), &use));
	assert_false(mm_buddy_pageblock_use(zone, at(3584), &use));
}

/* To the tails of the other lists, in the order of the pages; nothing else moves. */
static void free_pages_change_lists(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	uint64_t was;

	(void)state;
	set_type(&m, 1024, R);
	free_block(&m, 1024 + 6, 1, MM_FPI_NONE);
	free_block(&m, 512 + 2, 1, MM_FPI_NONE);
	free_block(&m, 512 + 16, 4, MM_FPI_NONE);
	free_block(&m, 512 + 300, 1, MM_FPI_NONE);
	free_block(&m, 1536 + 2, 1, MM_FPI_NONE);
	was = zone->free_pages;
	mm_buddy_pageblock_move(zone, at(512 + 17), M, R);
	assert_list(&m, 1, R, 1024 + 6, 512 + 2, 512 + 300);
	assert_list(&m, 4, R, 512 + 16);
	assert_list(&m, 1, M, 1536 + 2);
	assert_empty(&m, 4, M);
	assert_int_equal(type_at(&m, 512), R);
	assert_int_equal(type_at(&m, 1536), M);
	assert_int_equal(zone->free_pages, was);
	mm_buddy_pageblock_move(zone, at(1023), R, MMSIM_MIGRATE_HIGHATOMIC);
	assert_int_equal(zone->free_pages, was);
	assert_int_equal(zone->free_highatomic, 20);
	mm_buddy_pageblock_move(zone, at(512), MMSIM_MIGRATE_HIGHATOMIC, MMSIM_MIGRATE_CMA);
	assert_int_equal(zone->free_highatomic, 0);
	assert_int_equal(zone->free_cma, 20);
	mm_buddy_pageblock_move(zone, at(512), MMSIM_MIGRATE_CMA, U);
	assert_int_equal(zone->free_cma, 0);
	assert_list(&m, 1, U, 512 + 2, 512 + 300);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(pages_are_counted),
		with_zone(movable_blocks_are_counted),
		with_zone(pageblocks_of_two_zones_stay),
		with_zone(free_pages_change_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
