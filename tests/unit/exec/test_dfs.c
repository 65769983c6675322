/* SPDX-License-Identifier: MIT */
/* lib/exec/dfs.h: every leaf of a tree once, trees of any shape, and D1. */
#include "dfs.h"

#include "exec_fixture.h"

/* A run's choices as one number, most significant first. */
static unsigned run(struct mmsim_dfs *dfs, const uint32_t *nr, unsigned steps)
{
	unsigned leaf = 0;

	for (unsigned i = 0; i < steps; i++)
		leaf = leaf * 10 + mm_exec_dfs_choose(dfs, nr[i]);
	return leaf;
}

/* 2 * 3 * 1 * 2 leaves, in ascending order. */
static void every_leaf_once(void **state)
{
	static const uint32_t nr[] = { 2, 3, 1, 2 };
	struct mmsim_dfs *dfs = mm_exec_dfs_create();
	unsigned last = 0, runs = 0;

	(void)state;
	assert_non_null(dfs);
	do {
		unsigned leaf = run(dfs, nr, 4);

		assert_true(!runs || leaf > last);
		last = leaf;
		runs++;
	} while (mm_exec_dfs_next(dfs));
	assert_int_equal(runs, 12);
	assert_int_equal(last, 1201);
	mm_exec_dfs_destroy(dfs);
}

/* How many choices follow depends on those before: 0; 1 0, 1 1; 2 0 0 … */
static void ragged_tree(void **state)
{
	struct mmsim_dfs *dfs = mm_exec_dfs_create();
	unsigned runs = 0, seen[3] = { 0 };

	(void)state;
	do {
		uint32_t first = mm_exec_dfs_choose(dfs, 3);

		for (uint32_t i = 0; i < first; i++)
			mm_exec_dfs_choose(dfs, 2);
		seen[first]++;
		runs++;
	} while (mm_exec_dfs_next(dfs));
	assert_int_equal(runs, 1 + 2 + 4);
	assert_int_equal(seen[1], 2);
	assert_int_equal(seen[2], 4);
	mm_exec_dfs_destroy(dfs);
}

/* A run without a choice; then nothing is left, as often as one asks. */
static void nothing_to_choose(void **state)
{
	struct mmsim_dfs *dfs = mm_exec_dfs_create();

	(void)state;
	assert_int_equal(mm_exec_dfs_next(dfs), 0);
	assert_int_equal(mm_exec_dfs_choose(dfs, 1), 0);
	assert_int_equal(mm_exec_dfs_next(dfs), 0);
	assert_int_equal(mm_exec_dfs_next(dfs), 0);
	mm_exec_dfs_destroy(dfs);
	mm_exec_dfs_destroy(NULL);
}

/* More steps than there is room for at first; the last one changes first. */
static void long_runs(void **state)
{
	struct mmsim_dfs *dfs = mm_exec_dfs_create();

	(void)state;
	for (int i = 0; i < 5000; i++)
		assert_int_equal(mm_exec_dfs_choose(dfs, 2), 0);
	assert_int_equal(mm_exec_dfs_next(dfs), 1);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(mm_exec_dfs_choose(dfs, 2), i == 4999);
	assert_int_equal(mm_exec_dfs_next(dfs), 1);
	for (int i = 0; i < 4999; i++)
		assert_int_equal(mm_exec_dfs_choose(dfs, 2), i == 4998);
	assert_int_equal(mm_exec_dfs_choose(dfs, 7), 0); /* a new step */
	mm_exec_dfs_destroy(dfs);
}

static void another_tree(void)
{
	struct mmsim_dfs *dfs = mm_exec_dfs_create();

	mm_exec_dfs_choose(dfs, 2);
	mm_exec_dfs_choose(dfs, 2);
	mm_exec_dfs_next(dfs);
	mm_exec_dfs_choose(dfs, 3);
}

static void D1_stops(void **state)
{
	(void)state;
	assert_true(dies_with(another_tree, "D1: the same choices lead to the same step"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_leaf_once),   cmocka_unit_test(ragged_tree),
		cmocka_unit_test(nothing_to_choose), cmocka_unit_test(long_runs),
		cmocka_unit_test(D1_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
