/* SPDX-License-Identifier: MIT */
/* Pageblocks out of circulation and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "pageblock_rig.h"
#include <errno.h>

#define GFP (MMSIM_GFP_KERNEL | MMSIM___GFP_MOVABLE)

static struct small_machine m;

static int setup(void **state)
{
	(void)state;
	rig_open(&m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(&m);
	return 0;
}

static struct mm_zone *zone(void)
{
	return small_machine_normal(&m);
}

static void what_is_isolated_is_not_free(void **state)
{
	(void)state;
	assert_int_equal(rig_isolate(&m, 3 * PB + 100), 0);
	assert_int_equal(zone()->free_pages, PAGES - PB);
	assert_int_equal(type_at(&m, 3 * PB), I);
	assert_int_equal(type_at(&m, 3 * PB + 511), I);
	assert_int_equal(type_at(&m, 2 * PB), M);
	assert_int_equal(type_at(&m, 4 * PB), M);
	assert_list(&m, 9, I, 3 * PB);
	/* The other half of the block that was there. */
	assert_list(&m, 9, M, 2 * PB);
}

static void nothing_is_allocated_from_it(void **state)
{
	struct mmsim_page *page;
	unsigned nr = 0;

	(void)state;
	assert_int_equal(rig_isolate(&m, 3 * PB), 0);
	while ((page = mm_buddy_alloc_pages(&m.buddy, 0, GFP | MMSIM___GFP_MEMALLOC, 0))) {
		assert_true((small_machine_pfn(&m, page) - BASE) / PB != 3);
		nr++;
	}
	assert_int_equal(nr, PAGES - PB);
	assert_list(&m, 9, I, 3 * PB);
	mm_buddy_validate(&m.buddy);
}

static void back_it_merges(void **state)
{
	(void)state;
	assert_int_equal(rig_isolate(&m, 3 * PB), 0);
	assert_int_equal(rig_unisolate(&m, 3 * PB), 0);
	assert_int_equal(zone()->free_pages, PAGES);
	assert_empty(&m, 9, M);
	assert_empty(&m, 9, I);
	assert_int_equal(zone()->area[10].nr[M], PAGES / 1024);
	/* What was isolated is to be used last. */
	assert_ptr_equal(mm_list_last(&zone()->area[10].list[M], struct mmsim_page, lru),
			 small_machine_page(&m, BASE + 2 * PB));
}

static void its_type_is_kept(void **state)
{
	static const enum mmsim_migratetype types[] = { U, M, R, MMSIM_MIGRATE_HIGHATOMIC, C };

	(void)state;
	rig_take(&m, 0, 10);
	for (size_t i = 0; i < mm_array_size(types); i++) {
		set_type(&m, 0, types[i]);
		zone()->nr_reserved_highatomic = types[i] == MMSIM_MIGRATE_HIGHATOMIC ? PB : 0;
		zone()->cma = types[i] == C ? PB : 0;
		assert_int_equal(rig_isolate(&m, 0), 0);
		assert_int_equal(type_at(&m, 0), I);
		assert_int_equal(rig_unisolate(&m, 0), 0);
		assert_int_equal(type_at(&m, 0), types[i]);
	}
	set_type(&m, 0, M);
	zone()->cma = 0;
}

/* Free pieces between allocated ones go one by one, and come back to the lists of their type. */
static void pieces_go_and_come_back(void **state)
{
	(void)state;
	rig_take(&m, 8, 3);
	rig_take(&m, 256, 4);
	assert_int_equal(rig_isolate(&m, 0), 0);
	assert_list(&m, 3, I, 0);
	assert_list(&m, 4, I, 16, 256 + 16);
	assert_list(&m, 7, I, 128, 256 + 128);
	assert_empty(&m, 3, M);
	assert_int_equal(zone()->free_pages, PAGES - PB);
	assert_int_equal(rig_unisolate(&m, 0), 0);
	assert_list(&m, 3, M, 0);
	assert_list(&m, 4, M, 16, 256 + 16);
	assert_int_equal(zone()->free_pages, PAGES - 8 - 16);
}

/* What is freed there joins, past the per-CPU lists. */
static void frees_join_the_isolated(void **state)
{
	uint64_t free;

	(void)state;
	rig_take(&m, 0, 0);
	rig_take(&m, 1, 0);
	assert_int_equal(rig_isolate(&m, 0), 0);
	free = zone()->free_pages;
	rig_give(&m, 0, 0);
	assert_list(&m, 0, I, 0);
	rig_give(&m, 1, 0);
	assert_list(&m, 9, I, 0);
	assert_int_equal(zone()->free_pages, free);
}

/* What lay on a per-CPU list before joins when it is drained. */
static void drained_pages_join_the_isolated(void **state)
{
	(void)state;
	rig_take(&m, 7, 0);
	rig_give(&m, 7, 0);
	assert_int_equal(rig_isolate(&m, 0), 0);
	assert_list(&m, 0, I, 6);
	mm_buddy_pcp_drain_all(zone());
	assert_list(&m, 9, I, 0);
	mm_buddy_validate(&m.buddy);
}

static void wrong_requests_are_refused(void **state)
{
	(void)state;
	assert_int_equal(rig_unisolate(&m, 0), -EINVAL);
	assert_int_equal(rig_isolate(&m, 0), 0);
	assert_int_equal(rig_isolate(&m, 1), -EBUSY);
	assert_int_equal(rig_unisolate(&m, 511), 0);
	assert_int_equal(rig_unisolate(&m, 0), -EINVAL);
	assert_int_equal(mm_buddy_isolate_pageblock(zone(), BASE - 1), -EINVAL);
	assert_int_equal(rig_isolate(&m, PAGES), -EINVAL);
	assert_int_equal(rig_unisolate(&m, PAGES), -EINVAL);
	assert_int_equal(rig_make_cma(&m, PAGES), -EINVAL);
	assert_int_equal(mm_buddy_isolate_pageblock(zone(), UINT64_MAX), -EINVAL);
}

/* Half a pageblock at each end, a hole, and another node's pages between. */
static void only_whole_pageblocks_of_the_zone(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 2);
	page_env_ram(&m.env, 0, BASE + 256, BASE + 1024);
	page_env_ram(&m.env, 1, BASE + 2048, BASE + 3072);
	page_env_ram(&m.env, 0, BASE + 5120, BASE + 6144 + 1);
	small_machine_open(&m);
	assert_int_equal(rig_isolate(&m, 256), -EINVAL);
	assert_int_equal(rig_make_cma(&m, 256), -EINVAL);
	assert_int_equal(rig_isolate(&m, 512), 0);
	assert_int_equal(rig_isolate(&m, 2048), -EINVAL);
	assert_int_equal(rig_isolate(&m, 4096), -EINVAL);
	assert_int_equal(rig_isolate(&m, 5120), 0);
	assert_int_equal(rig_isolate(&m, 6144), -EINVAL);
	assert_int_equal(rig_unisolate(&m, 5120), 0);
	assert_int_equal(rig_unisolate(&m, 512), 0);
}

/* Two that were isolated one after the other stay two; a block that is freed there unites them. */
static void neighbours_merge_when_freed(void **state)
{
	(void)state;
	assert_int_equal(rig_isolate(&m, 0), 0);
	assert_int_equal(rig_isolate(&m, PB), 0);
	assert_list(&m, 9, I, 0, PB);
	assert_int_equal(rig_unisolate(&m, 0), 0);
	assert_list(&m, 9, I, PB);
	rig_take(&m, 0, 5);
	assert_int_equal(rig_isolate(&m, 0), 0);
	rig_give(&m, 0, 5);
	assert_list(&m, 10, I, 0);
	/* And comes apart again. */
	assert_int_equal(rig_unisolate(&m, PB), 0);
	assert_list(&m, 9, I, 0);
	assert_list(&m, 9, M, PB);
	assert_int_equal(rig_unisolate(&m, 0), 0);
	assert_empty(&m, 9, M);
}

static bool test_isolated(uint64_t from, uint64_t to)
{
	return mm_buddy_test_isolated(zone(), BASE + from, BASE + to);
}

static void isolated_ranges_are_told(void **state)
{
	(void)state;
	rig_take(&m, 2 * PB + 16, 2);
	assert_false(test_isolated(0, PB));
	assert_int_equal(rig_isolate(&m, PB), 0);
	assert_int_equal(rig_isolate(&m, 2 * PB), 0);
	assert_true(test_isolated(PB, 2 * PB));
	assert_true(test_isolated(PB + 3, 2 * PB + 5));
	assert_true(test_isolated(PB, 2 * PB + 16));
	assert_false(test_isolated(PB, 2 * PB + 17));
	assert_false(test_isolated(2 * PB + 19, 2 * PB + 20));
	assert_true(test_isolated(2 * PB + 20, 3 * PB));
	assert_false(test_isolated(2 * PB + 20, 3 * PB + 1));
	assert_false(test_isolated(PB - 1, PB + 1));
	assert_false(test_isolated(PAGES - 1, PAGES + 1));
	assert_true(test_isolated(5, 5));
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(what_is_isolated_is_not_free),
		with_zone(nothing_is_allocated_from_it),
		with_zone(back_it_merges),
		with_zone(its_type_is_kept),
		with_zone(pieces_go_and_come_back),
		with_zone(frees_join_the_isolated),
		with_zone(drained_pages_join_the_isolated),
		with_zone(wrong_requests_are_refused),
		cmocka_unit_test_teardown(only_whole_pageblocks_of_the_zone, teardown),
		with_zone(neighbours_merge_when_freed),
		with_zone(isolated_ranges_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
