/* SPDX-License-Identifier: MIT */
/*
 * Watermarks and reserves of zones, against those of a real kernel; what a request may have of a zone
 * that is at its mark, by its flags; and the boost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "isolate.h"
#include "watermark.h"
#include "zone_lists.h"

#define GIB(n) ((uint64_t)(n) << 18)
#define BASE SMALL_MACHINE_BASE
#define DMA MMSIM_ZONE_DMA
#define DMA32 MMSIM_ZONE_DMA32
#define NORMAL MMSIM_ZONE_NORMAL
#define MOVABLE MMSIM_ZONE_MOVABLE

static struct small_machine m;
static uint64_t real[MMSIM_NR_ZONES]; /* what the zones of node 0 manage */

static struct mm_zone *zone_of(unsigned type)
{
	return mm_buddy_zone(&m.buddy, 0, type);
}

/* All four zones, 32 MiB each. */
static int setup(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 2, 1);
	page_env_ram(&m.env, 0, 0, 4096 + 8192);
	page_env_ram(&m.env, 0, BASE, BASE + 16384);
	m.env.cfg.node[0].movable_bytes = UINT64_C(8192) * 4096;
	small_machine_open(&m);
	for (unsigned type = 0; type < MMSIM_NR_ZONES; type++)
		real[type] = zone_of(type)->managed;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned type = 0; type < MMSIM_NR_ZONES; type++)
		zone_of(type)->managed = real[type];
	mm_buddy_setup_zones(&m.buddy);
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

/* As if the zones managed so much. */
static void pretend(uint64_t dma, uint64_t dma32, uint64_t normal, uint64_t movable)
{
	zone_of(DMA)->managed = dma;
	zone_of(DMA32)->managed = dma32;
	zone_of(NORMAL)->managed = normal;
	zone_of(MOVABLE)->managed = movable;
	mm_buddy_setup_zones(&m.buddy);
}

static void assert_marks(unsigned type, uint64_t min, uint64_t low, uint64_t high, uint64_t promo)
{
	const uint64_t want[MM_NR_WMARK] = { min, low, high, promo };

	for (unsigned i = 0; i < MM_NR_WMARK; i++)
		if (zone_of(type)->watermark[i] != want[i])
			fail_msg("zone %u: mark %u is %lu, wanted %lu", type, i,
				 zone_of(type)->watermark[i], want[i]);
}

static void assert_reserves(unsigned type, uint64_t dma32, uint64_t normal, uint64_t movable)
{
	const uint64_t want[MMSIM_NR_ZONES] = { 0, dma32, normal, movable };

	for (unsigned i = 0; i < MMSIM_NR_ZONES; i++)
		if (zone_of(type)->lowmem_reserve[i] != want[i])
			fail_msg("zone %u: %lu pages kept from requests for zone %u, wanted %lu",
				 type, zone_of(type)->lowmem_reserve[i], i, want[i]);
}

/* /proc/zoneinfo of a server of two CPUs and 24 GiB, with vm.min_free_kbytes at 67584. */
static void marks_are_a_real_kernels(void **state)
{
	(void)state;
	m.buddy.policy.min_free_kbytes = 67584;
	pretend(3840, 772915, 5394266, 0);
	assert_marks(DMA, 10, 13, 16, 19);
	assert_marks(DMA32, 2116, 2888, 3660, 4432);
	assert_marks(NORMAL, 14769, 20163, 25557, 30951);
	assert_reserves(DMA, 3019, 24090, 24090);
	assert_reserves(DMA32, 0, 21071, 21071);
	assert_reserves(NORMAL, 0, 0, 0);
}

static void min_free_kbytes_follows_the_root(void **state)
{
	static const struct {
		uint64_t kbytes, want;
	} want[] = {
		{ 0, 128 },
		{ 1023, 128 }, /* the root is 127.9 */
		{ 1040, 128 },
		{ 1041, 129 }, /* 16656, just above 129 * 129 */
		{ 1 << 20, 4096 },
		{ 4 << 20, 8192 },
		{ 16 << 20, 16384 },
		{ 64 << 20, 32768 },
		{ UINT64_C(4) << 30, 262144 },
		{ UINT64_C(1) << 50, 262144 },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(want); i++)
		assert_int_equal(mm_buddy_min_free_kbytes(want[i].kbytes), want[i].want);
}

/* Of 1 GiB: 1024 pages in all, shared by size; the gap is a quarter, or a thousandth of the zone. */
static void marks_of_their_own(void **state)
{
	(void)state;
	pretend(0, 0, GIB(1), 0);
	assert_marks(NORMAL, 1024, 1286, 1548, 1810);
	pretend(GIB(1) / 4, GIB(1) / 4, GIB(1) / 2, 0);
	assert_marks(DMA, 256, 321, 386, 451);
	assert_marks(NORMAL, 512, 643, 774, 905);
	pretend(0, 0, 65536, 0); /* the smaller, the more */
	assert_marks(NORMAL, 512, 640, 768, 896);
	pretend(GIB(1) / 4, GIB(1) / 4, GIB(1) / 2, 0);
	m.buddy.policy.watermark_scale_factor = 1000;
	mm_buddy_setup_zones(&m.buddy);
	assert_marks(NORMAL, 512, 512 + 13107, 512 + 26214, 512 + 39321);
	m.buddy.policy.min_free_kbytes = 4096 * 4;
	mm_buddy_setup_zones(&m.buddy);
	assert_marks(NORMAL, 2048, 2048 + 13107, 2048 + 26214, 2048 + 39321);
}

/* A zone Movable has little of its own to keep, and counts for nobody else's mark. */
static void movable_memory_is_not_needed(void **state)
{
	(void)state;
	pretend(0, 0, GIB(1), GIB(4));
	assert_marks(NORMAL, 1024, 1286, 1548, 1810);
	assert_marks(MOVABLE, 128, 128 + 1048, 128 + 2096, 128 + 3144);
	pretend(0, 0, GIB(1), 65536);
	assert_marks(MOVABLE, 64, 64 + 65, 64 + 130, 64 + 195);
	pretend(0, 0, GIB(1), 1024);
	assert_marks(MOVABLE, 32, 33, 34, 35);
	assert_reserves(NORMAL, 0, 0, 1024 / 32);
	/* Nothing to share among. */
	pretend(0, 0, 0, 65536);
	assert_marks(MOVABLE, 64, 129, 194, 259);
}

static void reserves_are_a_policy(void **state)
{
	uint32_t *ratio = m.buddy.policy.lowmem_reserve_ratio;

	(void)state;
	ratio[DMA] = 100;
	ratio[DMA32] = UINT32_MAX;
	ratio[NORMAL] = 1;
	pretend(1000, 10000, 100000, 1000000);
	assert_reserves(DMA, 100, 1100, 11100);
	assert_reserves(DMA32, 0, 0, 0);
	assert_reserves(NORMAL, 0, 0, 1000000);
	assert_reserves(MOVABLE, 0, 0, 0);
	pretend(0, 10000, 100000, 1000000); /* a zone without pages has none to keep */
	assert_reserves(DMA, 0, 0, 0);
}

/* Seven types of pageblock need seven pageblocks, beyond what is to stay free. */
static void small_machines_do_not_group(void **state)
{
	uint64_t most = 7 * 512;

	(void)state;
	m.buddy.policy.min_free_kbytes = 400;
	pretend(0, 0, most, 0);
	assert_int_equal(MMSIM_NR_MIGRATETYPES, 6);
	assert_false(m.buddy.grouping_disabled);
	pretend(0, 0, 6 * 512 + 149, 0); /* high is 150 */
	assert_true(m.buddy.grouping_disabled);
	assert_true(zone_of(NORMAL)->grouping_disabled);
	pretend(0, 0, 6 * 512 + 150, 0);
	assert_false(m.buddy.grouping_disabled);
	assert_false(zone_of(NORMAL)->grouping_disabled);
}

/* As if so many pages were free, and the mark were 1000. */
static bool ok(uint64_t nr_free, unsigned order, unsigned flags)
{
	struct mm_zone *zone = zone_of(NORMAL);
	uint64_t was = zone->free_pages;
	bool is;

	zone->free_pages = nr_free;
	is = mm_buddy_watermark_ok(zone, order, 1000, NORMAL, flags);
	zone->free_pages = was;
	return is;
}

/* What must remain for a request to be served at a mark of 1000. */
static uint64_t least(unsigned order, unsigned flags)
{
	uint64_t nr = 0;

	while (!ok(nr, order, flags))
		nr++;
	return nr;
}

static void flags_reach_below_the_mark(void **state)
{
	static const struct {
		unsigned flags;
		uint64_t least;
	} want[] = {
		{ 0, 1001 },
		{ MM_ALLOC_KSWAPD | MM_ALLOC_NOFRAGMENT | MM_ALLOC_CMA, 1001 },
		{ MM_ALLOC_MIN_RESERVE, 501 },
		{ MM_ALLOC_NON_BLOCK, 1001 }, /* only with MIN_RESERVE */
		{ MM_ALLOC_MIN_RESERVE | MM_ALLOC_NON_BLOCK, 376 },
		{ MM_ALLOC_OOM, 501 },
		{ MM_ALLOC_OOM | MM_ALLOC_MIN_RESERVE | MM_ALLOC_NON_BLOCK, 189 },
		{ MM_ALLOC_HIGHATOMIC, 1001 },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(want); i++)
		if (least(0, want[i].flags) != want[i].least)
			fail_msg("flags %#x: %lu pages, wanted %lu", want[i].flags,
				 least(0, want[i].flags), want[i].least);
	assert_int_equal(least(4, 0), 1001 + 15);
	assert_int_equal(least(4, MM_ALLOC_MIN_RESERVE), 501 + 15);
}

/* Pages of the reserve and of CMA are not there for who may not have them. */
static void what_cannot_be_had_does_not_count(void **state)
{
	struct mm_zone *zone = zone_of(NORMAL);

	(void)state;
	zone->free_highatomic = 70;
	zone->free_cma = 300;
	assert_int_equal(least(0, 0), 1371);
	assert_int_equal(least(0, MM_ALLOC_CMA), 1071);
	assert_int_equal(least(0, MM_ALLOC_HIGHATOMIC), 1301);
	assert_int_equal(least(0, MM_ALLOC_HIGHATOMIC | MM_ALLOC_CMA), 1001);
	assert_int_equal(least(0, MM_ALLOC_NON_BLOCK), 1301);
	assert_int_equal(least(0, MM_ALLOC_MIN_RESERVE), 801);
	assert_int_equal(least(0, MM_ALLOC_OOM), 801);
	zone->free_highatomic = zone->free_cma = 0;
}

/* By the highest zone that the request could have had. */
static void reserves_are_kept(void **state)
{
	struct mm_zone *zone = zone_of(DMA32);

	(void)state;
	zone->lowmem_reserve[NORMAL] = 200;
	zone->lowmem_reserve[MOVABLE] = 300;
	assert_true(mm_buddy_watermark_ok(zone, 0, real[DMA32] - 1, DMA32, 0));
	assert_false(mm_buddy_watermark_ok(zone, 0, real[DMA32], DMA32, 0));
	assert_true(mm_buddy_watermark_ok(zone, 0, real[DMA32] - 201, NORMAL, 0));
	assert_false(mm_buddy_watermark_ok(zone, 0, real[DMA32] - 200, NORMAL, 0));
	assert_true(mm_buddy_watermark_ok(zone, 0, real[DMA32] - 301, MOVABLE, 0));
	assert_false(mm_buddy_watermark_ok(zone, 0, real[DMA32] - 300, MOVABLE, 0));
	/* Nor may who is urgent. */
	assert_false(mm_buddy_watermark_ok(zone, 0, 2 * (real[DMA32] - 300), MOVABLE,
					   MM_ALLOC_MIN_RESERVE));
}

/* Free pages are not enough: some block of the order must be free, of a type that will do. */
static void a_block_is_needed(void **state)
{
	struct mm_zone *zone = zone_of(NORMAL);
	uint64_t *nr = zone->area[10].nr, was = nr[M];

	(void)state;
	assert_true(mm_buddy_watermark_ok(zone, 10, 100, NORMAL, 0));
	nr[M] = 0;
	assert_false(mm_buddy_watermark_ok(zone, 10, 100, NORMAL, 0));
	assert_false(mm_buddy_watermark_ok(zone, 1, 100, NORMAL, 0));
	assert_true(mm_buddy_watermark_ok(zone, 0, 100, NORMAL, 0));
	nr[R] = 1;
	assert_true(mm_buddy_watermark_ok(zone, 1, 100, NORMAL, 0));
	nr[R] = 0;
	nr[MMSIM_MIGRATE_CMA] = 1;
	assert_false(mm_buddy_watermark_ok(zone, 1, 100, NORMAL, MM_ALLOC_OOM));
	assert_true(mm_buddy_watermark_ok(zone, 1, 100, NORMAL, MM_ALLOC_CMA));
	nr[MMSIM_MIGRATE_CMA] = 0;
	nr[MMSIM_MIGRATE_HIGHATOMIC] = 1;
	assert_false(mm_buddy_watermark_ok(zone, 1, 100, NORMAL, MM_ALLOC_NON_BLOCK));
	assert_true(mm_buddy_watermark_ok(zone, 1, 100, NORMAL, MM_ALLOC_HIGHATOMIC));
	assert_true(mm_buddy_watermark_ok(zone, 1, 100, NORMAL, MM_ALLOC_OOM));
	nr[MMSIM_MIGRATE_HIGHATOMIC] = 0;
	nr[MMSIM_MIGRATE_ISOLATE] = 1;
	assert_false(mm_buddy_watermark_ok(zone, 1, 100, NORMAL, MM_ALLOC_RESERVES));
	nr[MMSIM_MIGRATE_ISOLATE] = 0;
	nr[M] = was;
}

/* The boost is for kswapd to work by: urgent single pages at the min mark do without. */
static void urgent_requests_ignore_the_boost(void **state)
{
	struct mm_zone *zone = zone_of(NORMAL);
	uint64_t mark;

	(void)state;
	zone->watermark_boost = 2 * real[NORMAL];
	mark = mm_zone_wmark(zone, MM_WMARK_MIN);
	assert_int_equal(mark, zone->watermark[MM_WMARK_MIN] + 2 * real[NORMAL]);
	assert_false(mm_buddy_watermark_fast(zone, 0, mark, NORMAL, MM_ALLOC_WMARK_MIN));
	assert_true(mm_buddy_watermark_fast(zone, 0, mark, NORMAL, MM_ALLOC_MIN_RESERVE));
	assert_false(mm_buddy_watermark_fast(zone, 1, mark, NORMAL, MM_ALLOC_MIN_RESERVE));
	assert_false(mm_buddy_watermark_fast(zone, 0, mark, NORMAL,
					     MM_ALLOC_MIN_RESERVE | MM_ALLOC_WMARK_LOW));
	zone->watermark_boost = 0;
}

static void boosts_add_up_to_a_limit(void **state)
{
	struct mm_zone *zone = zone_of(NORMAL);

	(void)state;
	zone->watermark[MM_WMARK_HIGH] = 1000;
	assert_true(mm_buddy_boost_watermark(zone));
	assert_int_equal(zone->watermark_boost, 512);
	assert_true(mm_buddy_boost_watermark(zone));
	assert_true(mm_buddy_boost_watermark(zone));
	assert_int_equal(zone->watermark_boost, 1500); /* half as much again as the high mark */
	assert_int_equal(mm_zone_wmark(zone, MM_WMARK_HIGH), 2500);
	assert_int_equal(zone->stat.boosts, 3);
	mm_buddy_setup_zones(&m.buddy);
	assert_int_equal(zone->watermark_boost, 0);
	zone->watermark[MM_WMARK_HIGH] = 10; /* a pageblock always */
	assert_true(mm_buddy_boost_watermark(zone));
	assert_int_equal(zone->watermark_boost, 512);
	assert_true(mm_buddy_boost_watermark(zone));
	assert_int_equal(zone->watermark_boost, 512);
}

static void boosts_are_a_policy(void **state)
{
	struct mm_zone *zone = zone_of(NORMAL);

	(void)state;
	zone->watermark[MM_WMARK_HIGH] = 1000;
	m.buddy.policy.watermark_boost_factor = 7000;
	assert_true(mm_buddy_boost_watermark(zone));
	assert_true(mm_buddy_boost_watermark(zone));
	assert_int_equal(zone->watermark_boost, 700);
	m.buddy.policy.flags = MMSIM_POLICY_NO_BOOST;
	assert_false(mm_buddy_boost_watermark(zone));
	m.buddy.policy.flags = 0;
	zone->managed = 2047; /* too small for it */
	assert_false(mm_buddy_boost_watermark(zone));
	zone->managed = 2048;
	assert_true(mm_buddy_boost_watermark(zone));
	zone->watermark[MM_WMARK_HIGH] = 0; /* not set up yet */
	assert_false(mm_buddy_boost_watermark(zone));
	assert_int_equal(zone->watermark_boost, 700);
}

/* W2: with more than plenty free, order 0 passes at the high mark, for any type and flags. */
static void plenty_is_enough(void **state)
{
	struct mm_zone *zone = zone_of(NORMAL);

	(void)state;
	assert_int_equal(mm_buddy_init_cma_pageblock(zone, BASE + 4096), 0);
	zone->lowmem_reserve[MOVABLE] = 77;
	for (unsigned round = 0; round < 2; round++) {
		if (round)
			assert_true(mm_buddy_boost_watermark(zone));
		mm_buddy_set_plenty(zone);
		for (unsigned type = NORMAL; type < MMSIM_NR_ZONES; type++) {
			uint64_t was = zone->free_pages;

			zone->free_pages = zone->plenty[type] + 1;
			assert_true(mm_buddy_watermark_fast(zone, 0,
							    mm_zone_wmark(zone, MM_WMARK_HIGH),
							    (enum mmsim_zone_type)type, 0));
			/* And hardly more than that. */
			zone->free_pages = zone->plenty[type] - 512;
			assert_false(
				mm_buddy_watermark_fast(zone, 0, mm_zone_wmark(zone, MM_WMARK_HIGH),
							(enum mmsim_zone_type)type, MM_ALLOC_CMA));
			zone->free_pages = was;
		}
	}
}

#define with_zones(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zones(marks_are_a_real_kernels),
		with_zones(min_free_kbytes_follows_the_root),
		with_zones(marks_of_their_own),
		with_zones(movable_memory_is_not_needed),
		with_zones(reserves_are_a_policy),
		with_zones(small_machines_do_not_group),
		with_zones(flags_reach_below_the_mark),
		with_zones(what_cannot_be_had_does_not_count),
		with_zones(reserves_are_kept),
		with_zones(a_block_is_needed),
		with_zones(urgent_requests_ignore_the_boost),
		with_zones(boosts_add_up_to_a_limit),
		with_zones(boosts_are_a_policy),
		with_zones(plenty_is_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
