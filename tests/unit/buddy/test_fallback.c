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
	for (uint64_t i = at; i < at + (UINT64_C(1) << order); i += MMSIM_PAGEBLOCK_NR_PAGES)
		set_type(&m, i, mt);
	free_block(&m, at, order, MM_FPI_NONE);
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

/* Nothing as large as a pageblock: one block from the smallest that fits, and no change of type. */
static void stealing_takes_the_smallest(void **state)
{
	(void)state;
	give(0, 8, M);
	give(512, 3, M);
	give(1024, 1, M);
	assert_int_equal(take_block(&m, 2, U), 512);
	assert_event(512, 2, U, 3);
	assert_int_equal(type_at(&m, 512), M);
	assert_list(&m, 2, M, 516); /* the rest stays what it was */
	assert_empty(&m, 2, U);
	assert_list(&m, 8, M, 0);
	assert_int_equal(take_block(&m, 2, U), 516);
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
	give(2048, 5, R);
	give(4096, 3, M);
	assert_int_equal(take_block(&m, 0, U), 4096); /* steal: the smallest */
}

static void nothing_left(void **state)
{
	(void)state;
	for (int mt = 0; mt < MMSIM_NR_MIGRATETYPES; mt++)
		assert_int_equal(take_block(&m, 0, (enum mmsim_migratetype)mt), NOTHING);
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
		with_zone(types_have_an_order),
		with_zone(size_decides_before_type),
		with_zone(nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
