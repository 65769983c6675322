/* SPDX-License-Identifier: MIT */
/*
 * A zone's free lists: what merges and what does not, where a block is put, how one is split. Small
 * cases worked out by hand; blocks are named by their distance from the zone's start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "child_dies.h"
#include "zone_lists.h"

static struct small_machine m;

static int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	bare_machine_open(&m, 4096);
	return 0;
}

static uint64_t nr_free(void)
{
	return small_machine_normal(&m)->free_pages;
}

static void buddies_merge(void **state)
{
	(void)state;
	free_block(&m, 6, 0, MM_FPI_NONE);
	assert_list(&m, 0, M, 6);
	free_block(&m, 5, 0, MM_FPI_NONE); /* beside it, but not its buddy */
	assert_list(&m, 0, M, 5, 6);
	free_block(&m, 7, 0, MM_FPI_NONE);
	assert_list(&m, 0, M, 5);
	assert_list(&m, 1, M, 6);
	free_block(&m, 4, 0, MM_FPI_NONE); /* 4+5, then 4-5 + 6-7 */
	assert_empty(&m, 0, M);
	assert_empty(&m, 1, M);
	assert_list(&m, 2, M, 4);
	assert_int_equal(nr_free(), 4);
}

/* A free buddy of another order is none. */
static void only_equal_orders_merge(void **state)
{
	(void)state;
	free_block(&m, 2, 0, MM_FPI_NONE);
	free_block(&m, 0, 1, MM_FPI_NONE); /* buddy 2-3 is half free */
	assert_list(&m, 1, M, 0);
	assert_list(&m, 0, M, 2);
}

/* All pages of a zone in a scattered order give blocks of the largest order, and nothing larger. */
static void merging_ends_at_the_largest_order(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 4096; i++)
		free_block(&m, i * 1237 % 4096, 0, MM_FPI_NONE);
	for (unsigned o = 0; o < MMSIM_MAX_PAGE_ORDER; o++)
		assert_empty(&m, o, M);
	assert_int_equal(small_machine_normal(&m)->area[10].nr[M], 4);
	assert_int_equal(nr_free(), 4096);
}

static void the_buddy_may_be_in_a_hole(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, SMALL_MACHINE_BASE + 512, SMALL_MACHINE_BASE + 1536);
	page_env_ram(&m.env, 0, SMALL_MACHINE_BASE + 2048 + 7, SMALL_MACHINE_BASE + 2560);
	bare_machine_boot(&m);
	free_block(&m, 512, 9, MM_FPI_NONE); /* buddy below the zone */
	free_block(&m, 1024, 9, MM_FPI_NONE); /* buddy in a hole inside the zone */
	assert_list(&m, 9, M, 1024, 512);
	free_block(&m, 2048 + 7, 0, MM_FPI_NONE); /* buddy reserved */
	assert_list(&m, 0, M, 2048 + 7);
	free_block(&m, 2048 + 256, 8, MM_FPI_NONE); /* nothing above the zone's end */
	assert_list(&m, 8, M, 2048 + 256);
}

/* Two nodes' pages alternate: a buddy within the zone's span that is another zone's page. */
static void the_buddy_may_be_of_another_zone(void **state)
{
	struct mm_zone *other;

	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 2);
	page_env_ram(&m.env, 0, SMALL_MACHINE_BASE, SMALL_MACHINE_BASE + 256);
	page_env_ram(&m.env, 1, SMALL_MACHINE_BASE + 256, SMALL_MACHINE_BASE + 512);
	page_env_ram(&m.env, 0, SMALL_MACHINE_BASE + 512, SMALL_MACHINE_BASE + 1024);
	bare_machine_boot(&m);
	other = mm_buddy_zone(&m.buddy, 1, MMSIM_ZONE_NORMAL);
	free_block(&m, 256, 8, MM_FPI_NONE);
	free_block(&m, 0, 8, MM_FPI_NONE);
	assert_list(&m, 8, M, 0);
	assert_list_is(&m, other, 8, M, 1, (uint64_t[]){ 256 }, __LINE__);
	assert_int_equal(nr_free(), 256);
	assert_int_equal(other->free_pages, 256);
	free_block(&m, 512, 9, MM_FPI_NONE);
	assert_list(&m, 9, M, 512);
}

/* From pageblocks on buddies of different types merge; the one freed last decides. */
static void pageblocks_of_other_types_merge(void **state)
{
	(void)state;
	set_type(&m, 0, U);
	set_type(&m, 1536, R);
	free_block(&m, 0, 9, MM_FPI_NONE);
	assert_list(&m, 9, U, 0);
	free_block(&m, 512, 9, MM_FPI_NONE);
	assert_empty(&m, 9, U);
	assert_list(&m, 10, M, 0);
	assert_int_equal(type_at(&m, 0), M);
	free_block(&m, 1024, 9, MM_FPI_NONE);
	free_block(&m, 1536, 9, MM_FPI_NONE);
	assert_list(&m, 10, R, 1024);
	assert_int_equal(type_at(&m, 1024), R);
	assert_int_equal(type_at(&m, 1535), R);
}

/* Small pieces of two pageblocks of different types never meet. */
static void types_end_at_pageblocks(void **state)
{
	(void)state;
	set_type(&m, 512, R);
	free_block(&m, 511, 0, MM_FPI_NONE);
	free_block(&m, 512, 0, MM_FPI_NONE);
	free_block(&m, 256, 8, MM_FPI_NONE);
	assert_list(&m, 0, M, 511);
	assert_list(&m, 0, R, 512);
	assert_list(&m, 8, M, 256);
}

/* Tail, when the buddy of what the block and its buddy would make is free. */
static void likely_merges_go_to_the_tail(void **state)
{
	(void)state;
	free_block(&m, 16, 0, MM_FPI_NONE);
	free_block(&m, 2, 1, MM_FPI_NONE);
	free_block(&m, 0, 0, MM_FPI_NONE); /* 0-1 would merge with 2-3 */
	assert_list(&m, 0, M, 16, 0);
	free_block(&m, 32, 0, MM_FPI_NONE); /* nothing near */
	assert_list(&m, 0, M, 32, 16, 0);
	free_block(&m, 34, 0, MM_FPI_NONE); /* 32-33 is only half free */
	assert_list(&m, 0, M, 34, 32, 16, 0);
	free_block(&m, 36, 2, MM_FPI_NONE);
	free_block(&m, 40, 0, MM_FPI_NONE); /* higher buddy free with too high an order */
	assert_list(&m, 0, M, 40, 34, 32, 16, 0);
}

/* The rule looks at what came out of merging, not at what was freed. */
static void likely_merges_are_judged_after_merging(void **state)
{
	(void)state;
	free_block(&m, 64, 1, MM_FPI_NONE);
	free_block(&m, 4, 2, MM_FPI_NONE);
	free_block(&m, 0, 0, MM_FPI_NONE);
	free_block(&m, 1, 0, MM_FPI_NONE); /* 0-1; its pair 0-3 has 4-7 free */
	assert_list(&m, 1, M, 64, 0);
}

/* The last order the rule applies to is 8: an order-9 block's pair would be of order 10. */
static void likely_merges_end_below_the_largest_order(void **state)
{
	(void)state;
	free_block(&m, 3072, 8, MM_FPI_NONE);
	free_block(&m, 512, 9, MM_FPI_NONE);
	free_block(&m, 0, 8, MM_FPI_NONE); /* 0-511 would merge with 512-1023 */
	assert_list(&m, 8, M, 3072, 0);
	free_block(&m, 1024, 10, MM_FPI_NONE);
	free_block(&m, 2048, 9, MM_FPI_NONE); /* of order 9: head */
	assert_list(&m, 9, M, 2048, 512);
}

static void to_tail_goes_to_the_tail(void **state)
{
	(void)state;
	free_block(&m, 0, 10, MM_FPI_TO_TAIL);
	free_block(&m, 1024, 10, MM_FPI_TO_TAIL);
	free_block(&m, 2048, 10, MM_FPI_NONE);
	assert_list(&m, 10, M, 2048, 0, 1024);
	free_block(&m, 3072, 9, MM_FPI_TO_TAIL);
	free_block(&m, 3584, 9, MM_FPI_TO_TAIL); /* merges, then the tail */
	assert_list(&m, 10, M, 2048, 0, 1024, 3072);
}

static void splitting_leaves_upper_halves(void **state)
{
	(void)state;
	free_block(&m, 0, 4, MM_FPI_NONE);
	assert_int_equal(take_block(&m, 1, M), 0);
	assert_list(&m, 1, M, 2);
	assert_list(&m, 2, M, 4);
	assert_list(&m, 3, M, 8);
	assert_empty(&m, 4, M);
	assert_int_equal(nr_free(), 14);
	assert_int_equal(type_at(&m, 0), M);
}

/* Pieces go to the head, so that what follows comes from the same block, ascending. */
static void small_allocations_ascend(void **state)
{
	(void)state;
	free_block(&m, 1024, 10, MM_FPI_NONE);
	free_block(&m, 2048, 10, MM_FPI_TO_TAIL);
	for (uint64_t i = 0; i < 2048; i++)
		assert_int_equal(take_block(&m, 0, M), 1024 + i);
	assert_int_equal(nr_free(), 0);
	assert_int_equal(take_block(&m, 0, M), NOTHING);
}

static void pieces_go_before_what_is_there(void **state)
{
	(void)state;
	free_block(&m, 64, 5, MM_FPI_NONE); /* too small for what follows */
	free_block(&m, 1024, 7, MM_FPI_NONE);
	assert_int_equal(take_block(&m, 6, M), 1024);
	free_block(&m, 2048, 7, MM_FPI_NONE);
	assert_int_equal(take_block(&m, 6, M), 1024 + 64);
	assert_int_equal(take_block(&m, 4, M), 64);
	assert_list(&m, 4, M, 80);
	assert_int_equal(take_block(&m, 5, M), 2048);
	assert_list(&m, 5, M, 2048 + 32);
	assert_list(&m, 6, M, 2048 + 64);
}

static void the_smallest_that_fits_is_taken(void **state)
{
	(void)state;
	free_block(&m, 0, 10, MM_FPI_NONE);
	free_block(&m, 1024, 3, MM_FPI_NONE);
	free_block(&m, 1088, 5, MM_FPI_NONE);
	assert_int_equal(take_block(&m, 4, M), 1088);
	assert_int_equal(take_block(&m, 3, M), 1024);
	assert_int_equal(take_block(&m, 3, M), 1088 + 16);
	assert_int_equal(take_block(&m, 10, M), 0);
	assert_int_equal(take_block(&m, 10, M), NOTHING);
}

static void clearing_forgets_all(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	set_type(&m, 0, U);
	free_block(&m, 0, 3, MM_FPI_NONE);
	zone->managed = 8;
	small_machine_page(&m, SMALL_MACHINE_BASE)->page_type = MMSIM_PGTY_NONE;
	mm_buddy_zone_clear(zone);
	assert_empty(&m, 3, U);
	assert_int_equal(nr_free(), 0);
	assert_int_equal(zone->managed, 0);
	assert_int_equal(type_at(&m, 0), M);
}

/* A zone that begins and ends inside a pageblock has a type for each of both. */
static void ragged_zones_have_all_their_pageblocks(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, SMALL_MACHINE_BASE + 500, SMALL_MACHINE_BASE + 1030);
	bare_machine_boot(&m);
	set_type(&m, 500, U);
	set_type(&m, 1029, R);
	assert_int_equal(type_at(&m, 511), U);
	assert_int_equal(type_at(&m, 512), M);
	assert_int_equal(type_at(&m, 1023), M);
	assert_int_equal(type_at(&m, 1024), R);
}

static void free_misaligned(void *arg)
{
	(void)arg;
	free_block(&m, 2, 2, MM_FPI_NONE);
}

static void delete_wrong_order(void *arg)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)arg;
	mm_buddy_del_from_list(zone, small_machine_page(&m, SMALL_MACHINE_BASE), 1, M);
}

static void misuse_is_caught(void **state)
{
	(void)state;
	free_block(&m, 0, 0, MM_FPI_NONE);
	assert_true(child_dies(free_misaligned, NULL, "B1: aligned to its size"));
	assert_true(child_dies(delete_wrong_order, NULL, "B1: on the list of its order"));
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define own_zone(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(buddies_merge),
		with_zone(only_equal_orders_merge),
		with_zone(merging_ends_at_the_largest_order),
		own_zone(the_buddy_may_be_in_a_hole),
		own_zone(the_buddy_may_be_of_another_zone),
		with_zone(pageblocks_of_other_types_merge),
		with_zone(types_end_at_pageblocks),
		with_zone(likely_merges_go_to_the_tail),
		with_zone(likely_merges_are_judged_after_merging),
		with_zone(likely_merges_end_below_the_largest_order),
		with_zone(to_tail_goes_to_the_tail),
		with_zone(splitting_leaves_upper_halves),
		with_zone(small_allocations_ascend),
		with_zone(pieces_go_before_what_is_there),
		with_zone(the_smallest_that_fits_is_taken),
		with_zone(clearing_forgets_all),
		own_zone(ragged_zones_have_all_their_pageblocks),
		with_zone(misuse_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
