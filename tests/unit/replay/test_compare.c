/* SPDX-License-Identifier: MIT */
/*
 * lib/replay/compare.h: by hand, and shuffled lists against a quadratic longest common subsequence.
 */
#include "compare.h"
#include "rng.h"

#include <errno.h>
#include <mmsim/gfp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MOST 24
#define ROUNDS 300
#define SEED 20260702

static struct mmsim_snap_zone zones[2] = {
	{ .type = MMSIM_ZONE_DMA32, .start_pfn = 4096, .spanned = 4096 },
	{ .type = MMSIM_ZONE_NORMAL, .start_pfn = 1 << 20, .spanned = 4096 },
};

static struct mmsim_snapshot make(struct mmsim_snap_block *blocks, size_t nr)
{
	return (struct mmsim_snapshot){
		.nr_zones = 2, .zones = zones, .blocks = blocks, .nr_blocks = nr, .max_pfn = 1 << 21
	};
}

/* Pages of order 0, Movable, zone 0. */
static struct mmsim_snapshot make_list(struct mmsim_snap_block *blocks, const uint64_t *pfn,
				       size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		blocks[i] = (struct mmsim_snap_block){ .pfn = pfn[i],
						       .migratetype = MMSIM_MIGRATE_MOVABLE };
	return make(blocks, nr);
}

static void test_equal(void **state)
{
	struct mmsim_snap_block blocks[] = {
		{ 4097, 0, 0, 0 }, { 4099, 0, 0, 0 }, { 4100, 0, 2, 1 }, { 1 << 20, 1, 10, 1 }
	};
	struct mmsim_snapshot a = make(blocks, 4);
	struct mmsim_snapshot_diff d;

	(void)state;
	assert_int_equal(mm_replay_snapshot_compare(&a, &a, &d), 0);
	assert_int_equal(d.blocks, 4);
	assert_int_equal(d.in_list, 4);
	assert_int_equal(d.in_order, 4);
	assert_int_equal(d.lists, 3);
	assert_int_equal(d.lists_equal, 3);
	assert_int_equal(d.pcp_blocks, 0);
	assert_true(d.tv_distance == 0);
}

/* The first list is turned round, one block changes its list, one is missing and one is new. */
static void test_different(void **state)
{
	struct mmsim_snap_block in_a[] = {
		{ 1, 0, 0, 0 }, { 3, 0, 0, 0 }, { 5, 0, 0, 0 }, { 8, 0, 1, 1 }, { 16, 0, 2, 1 }
	};
	struct mmsim_snap_block in_b[] = {
		{ 5, 0, 0, 0 }, { 3, 0, 0, 0 }, { 1, 0, 0, 0 }, { 8, 0, 1, 2 }, { 64, 1, 2, 1 }
	};
	struct mmsim_snapshot a = make(in_a, 5), b = make(in_b, 5);
	struct mmsim_snapshot_diff d;

	(void)state;
	assert_int_equal(mm_replay_snapshot_compare(&a, &b, &d), 0);
	assert_int_equal(d.blocks, 5);
	assert_int_equal(d.in_list, 3);
	assert_int_equal(d.in_order, 1);
	assert_int_equal(d.lists, 5);
	assert_int_equal(d.lists_equal, 0);
	/* 9 pages each: 3 of them alike. */
	assert_true(d.tv_distance > 0.666 && d.tv_distance < 0.667);
}

static void test_one_empty(void **state)
{
	struct mmsim_snap_block blocks[] = { { 4097, 0, 0, 0 }, { 4100, 0, 2, 1 } };
	struct mmsim_snapshot a = make(blocks, 2), none = make(NULL, 0);
	struct mmsim_snapshot_diff d;

	(void)state;
	assert_int_equal(mm_replay_snapshot_compare(&a, &none, &d), 0);
	assert_int_equal(d.blocks, 0);
	assert_int_equal(d.lists, 2);
	assert_int_equal(d.lists_equal, 0);
	assert_true(d.tv_distance == 0.5);
	assert_int_equal(mm_replay_snapshot_compare(&none, &a, &d), 0);
	assert_int_equal(d.blocks, 2);
	assert_int_equal(d.in_list, 0);
	assert_int_equal(mm_replay_snapshot_compare(&none, &none, &d), 0);
	assert_int_equal(d.lists, 0);
	assert_true(d.tv_distance == 0);
}

/* Lists of two CPUs are two lists. */
static void test_pcp(void **state)
{
	struct mmsim_snap_pcp_page in_a[] = { { 1, 0, 0, 0, 1 },
					      { 2, 0, 0, 0, 1 },
					      { 3, 1, 0, 0, 1 } };
	struct mmsim_snap_pcp_page in_b[] = { { 1, 0, 0, 0, 1 },
					      { 2, 1, 0, 0, 1 },
					      { 3, 1, 0, 0, 1 } };
	struct mmsim_snapshot a = make(NULL, 0), b = a;
	struct mmsim_snapshot_diff d;

	(void)state;
	a.pcp_pages = in_a;
	b.pcp_pages = in_b;
	a.nr_pcp_pages = b.nr_pcp_pages = 3;
	assert_int_equal(mm_replay_snapshot_compare(&a, &b, &d), 0);
	assert_int_equal(d.pcp_blocks, 3);
	assert_int_equal(d.pcp_in_list, 2);
	assert_int_equal(d.pcp_in_order, 2);
	assert_int_equal(d.pcp_lists, 2);
	assert_int_equal(d.pcp_lists_equal, 0);
	assert_int_equal(d.blocks, 0);
	assert_true(d.tv_distance == 0);
}

static void test_pageblocks(void **state)
{
	struct mmsim_snap_run in_a[] = { { 0, 4, 0 }, { 4 * 512, 4, 1 }, { 20 * 512, 2, 2 } };
	struct mmsim_snap_run in_b[] = {
		{ 0, 2, 0 }, { 3 * 512, 5, 2 }, { 20 * 512, 2, 2 }, { 22 * 512, 3, 1 }
	};
	struct mmsim_snapshot a = make(NULL, 0), b = a;
	struct mmsim_snapshot_diff d;

	(void)state;
	a.pageblocks = in_a;
	a.nr_pageblocks = 3;
	b.pageblocks = in_b;
	b.nr_pageblocks = 4;
	/* 2 (missing: Movable), 3, 4 to 7 */
	assert_int_equal(mm_replay_snapshot_compare(&a, &b, &d), 0);
	assert_int_equal(d.pageblocks_different, 6);
	assert_int_equal(mm_replay_snapshot_compare(&b, &a, &d), 0);
	assert_int_equal(d.pageblocks_different, 6);
	b.nr_pageblocks = 0;
	assert_int_equal(mm_replay_snapshot_compare(&a, &b, &d), 0);
	assert_int_equal(d.pageblocks_different, 6);
}

static void test_other_zones(void **state)
{
	struct mmsim_snap_zone others[2] = { zones[0], zones[1] };
	struct mmsim_snapshot a = make(NULL, 0), b = a;
	struct mmsim_snapshot_diff d;

	(void)state;
	b.zones = others;
	assert_int_equal(mm_replay_snapshot_compare(&a, &b, &d), 0);
	others[1].spanned--;
	assert_int_equal(mm_replay_snapshot_compare(&a, &b, &d), -EINVAL);
	others[1] = zones[1];
	others[0].node = 1;
	assert_int_equal(mm_replay_snapshot_compare(&a, &b, &d), -EINVAL);
	b.nr_zones = 1;
	b.zones = zones;
	assert_int_equal(mm_replay_snapshot_compare(&a, &b, &d), -EINVAL);
	assert_int_equal(mm_replay_snapshot_compare(NULL, &b, &d), -EINVAL);
	assert_int_equal(mm_replay_snapshot_compare(&a, NULL, &d), -EINVAL);
	assert_int_equal(mm_replay_snapshot_compare(&a, &a, NULL), -EINVAL);
}

static size_t longest_common(const uint64_t *a, size_t nr_a, const uint64_t *b, size_t nr_b)
{
	size_t best[MOST + 1][MOST + 1] = { { 0 } };

	for (size_t i = 1; i <= nr_a; i++)
		for (size_t j = 1; j <= nr_b; j++) {
			best[i][j] =
				best[i - 1][j] > best[i][j - 1] ? best[i - 1][j] : best[i][j - 1];
			if (a[i - 1] == b[j - 1])
				best[i][j] = best[i - 1][j - 1] + 1;
		}
	return best[nr_a][nr_b];
}

static size_t count_common(const uint64_t *a, size_t nr_a, const uint64_t *b, size_t nr_b)
{
	size_t common = 0;

	for (size_t i = 0; i < nr_a; i++)
		for (size_t j = 0; j < nr_b; j++)
			common += a[i] == b[j];
	return common;
}

/* Some of the numbers from 0 on, in any order. */
static size_t shuffle(struct mm_rng *rng, uint64_t *pfn)
{
	for (uint64_t i = 0; i < MOST; i++)
		pfn[i] = i;
	for (size_t i = MOST - 1; i; i--) {
		size_t j = mm_rng_below(rng, i + 1);
		uint64_t other = pfn[j];

		pfn[j] = pfn[i];
		pfn[i] = other;
	}
	return mm_rng_below(rng, MOST + 1);
}

static void test_random(void **state)
{
	struct mmsim_snap_block in_a[MOST], in_b[MOST];
	uint64_t pfn_a[MOST], pfn_b[MOST];
	struct mmsim_snapshot_diff d;
	struct mm_rng rng = { SEED };

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		size_t nr_a = shuffle(&rng, pfn_a), nr_b = shuffle(&rng, pfn_b);
		struct mmsim_snapshot a = make_list(in_a, pfn_a, nr_a);
		struct mmsim_snapshot b = make_list(in_b, pfn_b, nr_b);

		assert_int_equal(mm_replay_snapshot_compare(&a, &b, &d), 0);
		assert_int_equal(d.blocks, nr_b);
		assert_int_equal(d.in_list, count_common(pfn_a, nr_a, pfn_b, nr_b));
		assert_int_equal(d.in_order, longest_common(pfn_a, nr_a, pfn_b, nr_b));
		assert_int_equal(d.lists_equal,
				 nr_a && nr_a == nr_b &&
					 !memcmp(pfn_a, pfn_b, nr_a * sizeof(*pfn_a)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),      cmocka_unit_test(test_different),
		cmocka_unit_test(test_one_empty),  cmocka_unit_test(test_pcp),
		cmocka_unit_test(test_pageblocks), cmocka_unit_test(test_other_zones),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
