/* SPDX-License-Identifier: MIT */
/* lib/replay/hints.h: each kind, with and without a snapshot, and lines that are none. */
#include "hints.h"

#include <errno.h>
#include <mmsim/gfp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct mmsim_replay_error err;
static const struct mmsim_snapshot small = { .nr_cpus = 2, .max_pfn = 0x2000 };
static const struct mmsim_snapshot cma = { .nr_cpus = 2,
					   .max_pfn = 0x2000,
					   .flags = MMSIM_SNAP_CMA };

static int parse(const char *text, const struct mmsim_snapshot *snap, struct mmsim_hints **hints)
{
	struct mm_reader r;
	int ret;

	assert_int_equal(mm_replay_reader_open_mem(&r, text, strlen(text), "hints", &err), 0);
	ret = mm_replay_hints_parse(&r, snap, hints);
	mm_replay_reader_close(&r);
	return ret;
}

static void test_kinds(void **state)
{
	struct mmsim_hints *hints;

	(void)state;
	assert_int_equal(parse("# kind; whatever\n"
			       "untraced_alloc 10 12 1 0x158 3 2\n"
			       "direct_free 4000000000000 0x16c5 0\n"
			       "\n"
			       "unseen_drain 7 7 0 0x200 9",
			       &small, &hints),
			 0);
	assert_int_equal(hints->nr, 3);
	assert_int_equal(hints->hints[0].kind, MMSIM_HINT_UNTRACED_ALLOC);
	assert_int_equal(hints->hints[0].line1, 10);
	assert_int_equal(hints->hints[0].line2, 12);
	assert_int_equal(hints->hints[0].cpu, 1);
	assert_int_equal(hints->hints[0].pfn, 0x158);
	assert_int_equal(hints->hints[0].order, 3);
	assert_int_equal(hints->hints[0].migratetype, MMSIM_MIGRATE_RECLAIMABLE);
	assert_int_equal(hints->hints[1].kind, MMSIM_HINT_DIRECT_FREE);
	assert_int_equal(hints->hints[1].line1, 4000000000000);
	assert_int_equal(hints->hints[1].line2, 4000000000000);
	assert_int_equal(hints->hints[1].cpu, UINT32_MAX);
	assert_int_equal(hints->hints[1].pfn, 0x16c5);
	assert_int_equal(hints->hints[1].migratetype, -1);
	assert_int_equal(hints->hints[2].kind, MMSIM_HINT_UNSEEN_DRAIN);
	assert_int_equal(hints->hints[2].order, 9);
	assert_int_equal(hints->hints[2].migratetype, -1);
	mm_replay_hints_free(hints);
}

static void test_migratetype(void **state)
{
	const char *text = "untraced_alloc 1 2 0 0x1 0 4";
	struct mmsim_hints *hints;

	(void)state;
	assert_int_equal(parse(text, &small, &hints), 0);
	assert_int_equal(hints->hints[0].migratetype, MMSIM_MIGRATE_ISOLATE);
	mm_replay_hints_free(hints);
	assert_int_equal(parse(text, &cma, &hints), 0);
	assert_int_equal(hints->hints[0].migratetype, MMSIM_MIGRATE_CMA);
	mm_replay_hints_free(hints);
	assert_int_equal(parse("untraced_alloc 1 2 0 0x1 0 5", &cma, &hints), 0);
	assert_int_equal(hints->hints[0].migratetype, MMSIM_MIGRATE_ISOLATE);
	mm_replay_hints_free(hints);
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "later 1 2 3", "hints:1: later is no kind of hint" },
		{ "   ", "hints:1:  is no kind of hint" },
		{ "\ndirect_free 1 0x10", "hints:2: order is missing" },
		{ "direct_free x 0x10 0", "hints:1: the first line is no number: x" },
		{ "direct_free 1 0x10 0 0", "hints:1: 0 is too much" },
		{ "direct_free 1 0x10 11", "hints:1: order 11 is too large" },
		{ "direct_free 1 0x11 1", "hints:1: pfn 0x11 is not aligned to order 1" },
		{ "direct_free 1 0x2000 0", "hints:1: pfn 0x2000 is too large: at most 8191" },
		{ "unseen_drain 2 1 0 0x10 0", "hints:1: the last line comes before the first" },
		{ "unseen_drain 1 2 2 0x10 0", "hints:1: cpu 2 is too large: at most 1" },
		{ "untraced_alloc 1 2 0 0x10 0", "hints:1: migratetype is missing" },
		{ "untraced_alloc 1 2 0 0x10 0 5", "hints:1: migratetype 5 is too large" },
	};
	struct mmsim_hints *hints;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int ret = parse(bad[i].text, &small, &hints);

		if (ret != -EINVAL || !strstr(err.text, bad[i].message))
			fail_msg("%s: %d \"%s\"", bad[i].text, ret, err.text);
		assert_null(hints);
	}
	assert_int_equal(parse("untraced_alloc 1 2 0 0x10 0 6", &cma, &hints), -EINVAL);
}

/* Without a snapshot any machine will do. */
static void test_no_snapshot(void **state)
{
	struct mmsim_hints *hints;

	(void)state;
	assert_int_equal(parse("unseen_drain 1 2 1023 0x3fffffc00 10", NULL, &hints), 0);
	assert_int_equal(hints->nr, 1);
	mm_replay_hints_free(hints);
	assert_int_equal(parse("unseen_drain 1 2 1024 0x0 0", NULL, &hints), -EINVAL);
	assert_int_equal(parse("unseen_drain 1 2 0 0x400000000 0", NULL, &hints), -EINVAL);
}

static void test_load(void **state)
{
	struct mmsim_hints *hints = (struct mmsim_hints *)&hints;

	(void)state;
	assert_int_equal(mm_replay_hints_load("/nowhere/resolved", NULL, &hints, &err), -ENOENT);
	assert_null(hints);
	assert_int_equal(mm_replay_hints_load(NULL, NULL, &hints, &err), -EINVAL);
	assert_int_equal(mm_replay_hints_load("/dev/null", NULL, NULL, &err), -EINVAL);
	mm_replay_hints_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds), cmocka_unit_test(test_migratetype),
		cmocka_unit_test(test_bad),   cmocka_unit_test(test_no_snapshot),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
