/* SPDX-License-Identifier: MIT */
/* Memory of CMA, and ranges of page frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "pageblock_rig.h"
#include <errno.h>

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

static void cma_has_lists_of_its_own(void **state)
{
	uint64_t plenty = zone()->plenty[MMSIM_ZONE_NORMAL];

	(void)state;
	rig_take(&m, PB + 8, 3);
	assert_int_equal(rig_make_cma(&m, PB), 0);
	assert_int_equal(zone()->cma, PB);
	assert_int_equal(zone()->free_cma, PB - 8);
	assert_int_equal(zone()->free_pages, PAGES - 8);
	assert_int_equal(zone()->plenty[MMSIM_ZONE_NORMAL], plenty + PB);
	assert_list(&m, 3, C, PB);
	assert_list(&m, 9, M, 0);
	/* Whole ones merge with each other and with nobody else. */
	assert_int_equal(rig_make_cma(&m, 0), 0);
	rig_give(&m, PB + 8, 3);
	mm_buddy_pcp_drain_all(zone());
	assert_list(&m, 10, C, 0);
	assert_int_equal(zone()->free_cma, 2 * PB);
}

static void cma_pageblocks_merge_when_made(void **state)
{
	(void)state;
	assert_int_equal(rig_make_cma(&m, 0), 0);
	assert_list(&m, 9, C, 0);
	assert_list(&m, 9, M, PB);
	assert_int_equal(rig_make_cma(&m, PB), 0);
	assert_list(&m, 10, C, 0);
	assert_empty(&m, 9, M);
}

static void what_has_a_purpose_does_not_become_cma(void **state)
{
	(void)state;
	assert_int_equal(rig_make_cma(&m, 0), 0);
	assert_int_equal(rig_make_cma(&m, 0), -EBUSY);
	assert_int_equal(rig_isolate(&m, 0), 0);
	assert_int_equal(rig_make_cma(&m, 0), -EBUSY);
	assert_int_equal(rig_unisolate(&m, 0), 0);
	assert_int_equal(type_at(&m, 0), C);
	assert_int_equal(zone()->free_cma, PB);
	rig_take(&m, 2 * PB, 9);
	set_type(&m, 2 * PB, MMSIM_MIGRATE_HIGHATOMIC);
	zone()->nr_reserved_highatomic = PB;
	assert_int_equal(rig_make_cma(&m, 2 * PB), -EBUSY);
}

static void assert_single_pages(uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to; at++) {
		const struct mmsim_page *page = small_machine_page(&m, BASE + at);

		if (page->refcount != 1 || page->order)
			fail_msg("page %lu: refcount %d, order %u", (unsigned long)at,
				 page->refcount, page->order);
	}
	assert_int_equal(zone()->free_pages, PAGES - (to - from));
}

static void take_and_give_range(uint64_t from, uint64_t to)
{
	assert_int_equal(rig_contig(&m, from, to), 0);
	assert_single_pages(from, to);
	for (uint64_t at = 0; at < PAGES; at += PB)
		assert_int_not_equal(type_at(&m, at), I);
	for (uint64_t at = from; at < to; at++)
		assert_int_equal(mm_buddy_free_pfn(&m.buddy, BASE + at, 0), 0);
	mm_buddy_pcp_drain_all(zone());
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES);
	assert_int_equal(zone()->area[10].nr[M], PAGES / 1024);
}

static void ranges_are_taken_exactly(void **state)
{
	static const uint64_t ranges[][2] = {
		{ 0, 1 },           { 511, 512 },         { 511, 513 }, { 0, 512 },
		{ 512, 1024 },      { 0, 1024 },          { 1, 1023 },  { 700, 3001 },
		{ 1024, 1024 + 7 }, { PAGES - 1, PAGES }, { 0, PAGES }, { 1536, 2560 },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(ranges); i++)
		take_and_give_range(ranges[i][0], ranges[i][1]);
}

static void ranges_of_cma(void **state)
{
	(void)state;
	for (uint64_t at = 4 * PB; at < 8 * PB; at += PB)
		assert_int_equal(rig_make_cma(&m, at), 0);
	assert_int_equal(rig_contig(&m, 4 * PB + 100, 7 * PB + 3), 0);
	assert_single_pages(4 * PB + 100, 7 * PB + 3);
	assert_int_equal(zone()->free_cma, 4 * PB - (3 * PB - 97));
	for (uint64_t at = 4 * PB + 100; at < 7 * PB + 3; at++)
		assert_int_equal(mm_buddy_free_pfn(&m.buddy, BASE + at, 0), 0);
	mm_buddy_pcp_drain_all(zone());
	assert_int_equal(zone()->free_cma, 4 * PB);
	assert_int_equal(zone()->area[10].nr[C], 2);
}

/* Whatever the last owner left in the struct pages. */
static void pages_of_a_range_are_clean(void **state)
{
	struct mmsim_page *page = small_machine_page(&m, BASE);

	(void)state;
	rig_take(&m, 0, 5);
	for (unsigned i = 0; i < 32; i++) {
		page[i].priv = page[i].index = i;
		page[i].mapping = page;
	}
	rig_give(&m, 0, 5);
	assert_int_equal(rig_contig(&m, 0, 32), 0);
	for (unsigned i = 0; i < 32; i++)
		assert_true(!page[i].priv && !page[i].index && !page[i].mapping);
}

/* On a per-CPU list, a page is free. */
static void per_cpu_lists_are_asked(void **state)
{
	(void)state;
	rig_take(&m, 3, 0);
	rig_give(&m, 3, 0);
	assert_int_equal(rig_contig(&m, 0, 8), 0);
	assert_single_pages(0, 8);
}

static void assert_busy(uint64_t from, uint64_t to, uint64_t nr_free)
{
	assert_int_equal(rig_contig(&m, from, to), -EBUSY);
	assert_string_equal(m.said, "");
	assert_int_equal(zone()->free_pages, nr_free);
	assert_int_equal(small_machine_page(&m, BASE + from)->refcount, 0);
}

static void busy_ranges_stay_as_they_are(void **state)
{
	(void)state;
	rig_take(&m, 700, 0);
	assert_busy(512, 1024, PAGES - 1);
	assert_busy(0, 701, PAGES - 1);
	assert_int_equal(type_at(&m, 0), M);
	assert_int_equal(type_at(&m, 512), M);
	assert_int_equal(rig_contig(&m, 0, 700), 0);
	assert_int_equal(rig_contig(&m, 699, 700), -EBUSY);
	assert_int_equal(rig_contig(&m, 701, 1024), 0);
	rig_take(&m, 4 * PB, 10);
	set_type(&m, 5 * PB, U);
	assert_int_equal(mm_buddy_free_pfn(&m.buddy, BASE + 4 * PB, 10), 0);
	assert_int_equal(type_at(&m, 4 * PB), U); /* merged */
	assert_int_equal(rig_contig(&m, 3 * PB, 5 * PB), -EBUSY);
	assert_int_equal(type_at(&m, 3 * PB), M);
	assert_int_equal(rig_isolate(&m, 6 * PB), 0);
	assert_int_equal(rig_contig(&m, 6 * PB, 6 * PB + 1), -EBUSY);
	assert_int_equal(type_at(&m, 6 * PB), I);
}

static void assert_no_range(uint64_t start, uint64_t end)
{
	char says[128];

	small_machine_hush(&m);
	assert_int_equal(mm_buddy_alloc_contig_range(&m.buddy, start, end), -EINVAL);
	snprintf(says, sizeof(says), "alloc_contig_range(pfn %#lx to %#lx): ", (unsigned long)start,
		 (unsigned long)end);
	assert_non_null(strstr(m.said, says));
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES);
}

static void senseless_ranges_are_refused(void **state)
{
	(void)state;
	assert_no_range(BASE + 1, BASE + 1);
	assert_no_range(BASE + 2, BASE + 1);
	assert_no_range(0, BASE);
	assert_no_range(BASE - 1, BASE + 1);
	assert_no_range(BASE + PAGES - 1, BASE + PAGES + 1);
	assert_no_range(BASE, UINT64_MAX);
	assert_no_range(UINT64_MAX - 1, UINT64_MAX);
	mm_buddy_set_open(&m.buddy, false);
	assert_no_range(BASE, BASE + 1);
	mm_buddy_set_open(&m.buddy, true);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(cma_has_lists_of_its_own),
		with_zone(cma_pageblocks_merge_when_made),
		with_zone(what_has_a_purpose_does_not_become_cma),
		with_zone(ranges_are_taken_exactly),
		with_zone(ranges_of_cma),
		with_zone(pages_of_a_range_are_clean),
		with_zone(per_cpu_lists_are_asked),
		with_zone(busy_ranges_stay_as_they_are),
		with_zone(senseless_ranges_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
