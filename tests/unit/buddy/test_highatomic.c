/* SPDX-License-Identifier: MIT */
/*
 * The reserve of high-order atomic requests: when pageblocks join it, which, and when they leave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "highatomic.h"
#include "pageblock_rig.h"

#define H MMSIM_MIGRATE_HIGHATOMIC
#define ONE (100 * PB) /* a hundredth of it is one pageblock */
#define GFP (MMSIM_GFP_KERNEL | MMSIM___GFP_MOVABLE)

static struct small_machine m;

static int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

/* Room for two pageblocks. */
static int setup(void **state)
{
	(void)state;
	small_machine_open_simple(&m, 1, ONE + 2 * PB);
	return 0;
}

static struct mm_zone *zone(void)
{
	return small_machine_normal(&m);
}

static struct mmsim_page *page_at(uint64_t at)
{
	return small_machine_page(&m, BASE + at);
}

static struct mmsim_page *take_at(uint64_t at, unsigned order)
{
	rig_take(&m, at, order);
	return page_at(at);
}

static void give(struct mmsim_page *page, unsigned order)
{
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, order), 0);
}

/* Take a block and let its pageblock join. */
static struct mmsim_page *reserve_at(uint64_t at, unsigned order)
{
	struct mmsim_page *page = take_at(at, order);

	mm_buddy_reserve_highatomic(zone(), page, order);
	mm_buddy_validate(&m.buddy);
	return page;
}

static bool unreserve(enum mmsim_migratetype mt, bool force)
{
	bool done = mm_buddy_unreserve_highatomic(zone(), mt, force);

	mm_buddy_validate(&m.buddy);
	return done;
}

static uint64_t reserved(void)
{
	return zone()->nr_reserved_highatomic;
}

static void the_free_pages_join(void **state)
{
	uint64_t plenty = zone()->plenty[MMSIM_ZONE_NORMAL], free = zone()->free_pages;

	(void)state;
	reserve_at(5 * PB + 8, 3);
	assert_int_equal(type_at(&m, 5 * PB), H);
	assert_int_equal(type_at(&m, 4 * PB), M);
	assert_int_equal(reserved(), PB);
	assert_int_equal(zone()->free_highatomic, PB - 8);
	assert_int_equal(zone()->free_pages, free - 8);
	assert_list(&m, 3, H, 5 * PB);
	assert_list(&m, 8, H, 5 * PB + 256);
	assert_empty(&m, 3, M);
	assert_int_equal(zone()->plenty[MMSIM_ZONE_NORMAL], plenty + PB);
}

static uint64_t reserve_many(uint64_t managed)
{
	uint64_t got;

	memset(&m, 0, sizeof(m));
	small_machine_open_simple(&m, 1, managed);
	for (uint64_t i = 0; i < 5; i++)
		reserve_at(2 * i * PB, 2);
	got = reserved();
	teardown(NULL);
	return got;
}

/* Rounded up to pageblocks; a zone too small for one has none. */
static void a_hundredth_is_reserved(void **state)
{
	(void)state;
	assert_int_equal(reserve_many(ONE - 1), 0);
	assert_int_equal(reserve_many(ONE), PB);
	assert_int_equal(reserve_many(ONE + 99), PB);
	assert_int_equal(reserve_many(ONE + 100), 2 * PB);
	assert_int_equal(reserve_many(2 * ONE + 100), 3 * PB);
}

static void a_pageblock_joins_once(void **state)
{
	(void)state;
	reserve_at(0, 1);
	reserve_at(16, 1);
	assert_int_equal(reserved(), PB);
}

/* What has another purpose keeps it. */
static void other_pageblocks_do_not_join(void **state)
{
	(void)state;
	assert_int_equal(mm_buddy_init_cma_pageblock(zone(), BASE), 0);
	reserve_at(0, 1);
	assert_int_equal(type_at(&m, 0), MMSIM_MIGRATE_CMA);
	assert_int_equal(mm_buddy_isolate_pageblock(zone(), BASE + PB), 0);
	reserve_at(PB, 1);
	assert_int_equal(type_at(&m, PB), MMSIM_MIGRATE_ISOLATE);
	assert_int_equal(mm_buddy_unisolate_pageblock(zone(), BASE + PB), 0);
	assert_int_equal(type_at(&m, PB), M);
	assert_int_equal(reserved(), 0);
}

/* Nor does a block that is only partly ordinary. */
static void the_second_pageblock_counts_too(void **state)
{
	struct mmsim_page *page = take_at(2 * PB, 10);

	(void)state;
	assert_int_equal(mm_buddy_isolate_pageblock(zone(), BASE + 3 * PB), 0);
	mm_buddy_reserve_highatomic(zone(), page, 10);
	assert_int_equal(reserved(), 0);
	assert_int_equal(type_at(&m, 2 * PB), M);
	assert_int_equal(type_at(&m, 3 * PB), MMSIM_MIGRATE_ISOLATE);
}

/* The last to join may be larger than the room: as in the kernel. */
static void large_blocks_join_whole(void **state)
{
	struct mmsim_page *page;

	(void)state;
	reserve_at(0, 9);
	assert_int_equal(reserved(), PB);
	assert_int_equal(type_at(&m, PB), M);
	page = reserve_at(4 * PB, 10);
	assert_int_equal(reserved(), 3 * PB);
	assert_int_equal(type_at(&m, 4 * PB), H);
	assert_int_equal(type_at(&m, 5 * PB), H);
	assert_int_equal(zone()->free_highatomic, 0);
	give(page, 10);
	mm_buddy_validate(&m.buddy);
	assert_int_equal(zone()->free_highatomic, 2 * PB);
	assert_list(&m, 10, H, 4 * PB);
}

static void pages_come_back_to_the_reserve(void **state)
{
	struct mmsim_page *page = reserve_at(0, 3);

	(void)state;
	give(page, 3); /* by way of a per-CPU list */
	mm_buddy_pcp_drain_all(zone());
	assert_list(&m, 9, H, 0);
	/* It does not merge with its Movable buddy. */
	assert_list(&m, 9, M, PB);
	mm_buddy_validate(&m.buddy);
}

static void the_last_pageblock_stays_unless_forced(void **state)
{
	uint64_t plenty = zone()->plenty[MMSIM_ZONE_NORMAL];

	(void)state;
	reserve_at(0, 1);
	assert_false(unreserve(M, false));
	reserve_at(2 * PB, 1);
	assert_true(unreserve(M, false));
	assert_int_equal(reserved(), PB);
	assert_false(unreserve(M, false));
	assert_true(unreserve(M, true));
	assert_false(unreserve(M, true));
	assert_int_equal(reserved(), 0);
	assert_int_equal(zone()->free_highatomic, 0);
	assert_int_equal(zone()->plenty[MMSIM_ZONE_NORMAL], plenty);
}

/* Nothing free in the reserve: nothing to give. */
static void what_is_used_up_stays(void **state)
{
	(void)state;
	reserve_at(0, 9);
	reserve_at(2 * PB, 9);
	assert_false(unreserve(M, true));
	assert_int_equal(reserved(), 2 * PB);
}

static void it_becomes_what_is_needed(void **state)
{
	(void)state;
	reserve_at(0, 1);
	assert_true(unreserve(U, true));
	assert_int_equal(type_at(&m, 0), U);
	assert_list(&m, 1, U, 2);
	assert_list(&m, 8, U, 256);
	assert_empty(&m, 8, H);
}

/* The pageblock of the smallest free block: the one that is used most, as a rule. */
static void the_smallest_block_goes_first(void **state)
{
	(void)state;
	give(reserve_at(0, 5), 5);
	reserve_at(2 * PB, 1);
	assert_list(&m, 9, H, 0);
	assert_true(unreserve(R, false));
	assert_int_equal(type_at(&m, 0), H);
	assert_int_equal(type_at(&m, 2 * PB), R);
}

static void whole_pageblocks_merge_when_they_leave(void **state)
{
	(void)state;
	give(reserve_at(0, 5), 5);
	assert_list(&m, 9, H, 0);
	assert_list(&m, 9, M, PB);
	assert_true(unreserve(R, true));
	assert_empty(&m, 9, H);
	assert_empty(&m, 9, M);
	assert_list(&m, 10, R, 0);
	assert_int_equal(type_at(&m, PB), R);
}

static void two_pageblocks_leave_together(void **state)
{
	(void)state;
	give(reserve_at(0, 10), 10);
	assert_list(&m, 10, H, 0);
	assert_int_equal(reserved(), 2 * PB);
	assert_true(unreserve(M, false));
	assert_int_equal(reserved(), 0);
	assert_empty(&m, 10, H);
	assert_int_equal(type_at(&m, 0), M);
	assert_int_equal(type_at(&m, PB), M);
}

/*
 * From the gfp flags down: below the low mark an atomic request of several pages gets its reserve.
 */
static void requests_make_the_reserve(void **state)
{
	struct mmsim_page *page;

	(void)state;
	zone()->watermark[MM_WMARK_LOW] = zone()->watermark[MM_WMARK_HIGH] = zone()->managed;
	page = mm_buddy_alloc_pages(&m.buddy, 0, MMSIM_GFP_ATOMIC, 0);
	assert_non_null(page);
	assert_int_equal(reserved(), 0); /* one page is none of its business */
	page = mm_buddy_alloc_pages(&m.buddy, 0, MMSIM_GFP_KERNEL, 2);
	assert_non_null(page);
	assert_int_equal(reserved(), 0); /* it could wait */
	page = mm_buddy_alloc_pages(&m.buddy, 0, MMSIM_GFP_ATOMIC, 2);
	assert_non_null(page);
	assert_int_equal(reserved(), PB);
	assert_int_equal(type_at(&m, small_machine_pfn(&m, page) - BASE), H);
	mm_buddy_validate(&m.buddy);
}

/* All but the reserve is gone: who cannot wait gets it, others make a pageblock leave it. */
static void the_reserve_is_for_those_who_cannot_wait(void **state)
{
	(void)state;
	reserve_at(0, 2);
	reserve_at(2 * PB, 2);
	/* No marks: only the reserve is in the way. */
	for (int i = 0; i < MM_NR_WMARK; i++)
		zone()->watermark[i] = 0;
	while (zone()->free_pages > zone()->free_highatomic)
		assert_int_not_equal(take_block(&m, 0, M), NOTHING);
	assert_null(
		mm_buddy_alloc_pages(&m.buddy, 0, MMSIM___GFP_MOVABLE | MMSIM___GFP_NOMEMALLOC, 2));
	assert_int_equal(reserved(), 2 * PB);
	assert_non_null(mm_buddy_alloc_pages(&m.buddy, 0, MMSIM_GFP_ATOMIC, 2));
	assert_int_equal(reserved(), 2 * PB);
	assert_non_null(mm_buddy_alloc_pages(&m.buddy, 0, GFP, 2));
	assert_int_equal(reserved(), PB);
	/* The pages taken by hand have no owner. */
	zone()->managed = 0;
	mm_buddy_set_open(&m.buddy, false);
}

/* Blocks come and go, pageblocks join and leave. */
static void any_order_of_things_keeps_the_books(void **state)
{
	struct mmsim_page *page[200];
	unsigned order[200], nr = 0;
	struct mm_rng rng = mm_rng_split(7, 7);

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		unsigned what = (unsigned)mm_rng_below(&rng, 10);

		if (what < 5 && nr < 200) {
			order[nr] = (unsigned)mm_rng_below(&rng, MMSIM_NR_PAGE_ORDERS);
			page[nr] = mm_buddy_alloc_pages(&m.buddy, 0, GFP, order[nr]);
			nr += page[nr] != NULL;
		} else if (what < 8 && nr) {
			unsigned at = (unsigned)mm_rng_below(&rng, nr--);

			give(page[at], order[at]);
			page[at] = page[nr];
			order[at] = order[nr];
		} else if (what == 8 && nr) {
			mm_buddy_reserve_highatomic(zone(), page[nr - 1], order[nr - 1]);
		} else if (what == 9) {
			mm_buddy_unreserve_highatomic(
				zone(), (enum mmsim_migratetype)mm_rng_below(&rng, 3), i % 3 == 0);
		}
		if (i % 200 == 0)
			mm_buddy_validate(&m.buddy);
	}
	while (nr--)
		give(page[nr], order[nr]);
	mm_buddy_pcp_drain_all(zone());
	while (unreserve(M, true))
		;
	assert_int_equal(reserved(), 0);
	assert_int_equal(mm_buddy_validate(&m.buddy), ONE + 2 * PB);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(the_free_pages_join),
		cmocka_unit_test(a_hundredth_is_reserved),
		with_zone(a_pageblock_joins_once),
		with_zone(other_pageblocks_do_not_join),
		with_zone(the_second_pageblock_counts_too),
		with_zone(large_blocks_join_whole),
		with_zone(pages_come_back_to_the_reserve),
		with_zone(the_last_pageblock_stays_unless_forced),
		with_zone(what_is_used_up_stays),
		with_zone(it_becomes_what_is_needed),
		with_zone(the_smallest_block_goes_first),
		with_zone(whole_pageblocks_merge_when_they_leave),
		with_zone(two_pageblocks_leave_together),
		with_zone(requests_make_the_reserve),
		with_zone(the_reserve_is_for_those_who_cannot_wait),
		with_zone(any_order_of_things_keeps_the_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
