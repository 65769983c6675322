/* SPDX-License-Identifier: MIT */
/*
 * lib/replay/host_snapshot.h: a root of the test's own, with the small recording's zoneinfo and page
 * flags made up for it.
 */
#include "host_snapshot.h"
#include "replay_files.h"

#include <errno.h>

#define BUDDY (UINT64_C(1) << 10)
#define NOPAGE (UINT64_C(1) << 20)
#define RESERVED (UINT64_C(1) << 32)
#define UPTODATE (UINT64_C(1) << 3) /* not kept */
#define NR_PAGES 0x2000

static char root[64];
static struct mmsim_replay_error err;
static uint64_t flags[NR_PAGES];

static void put_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	write_file(path, text, strlen(text));
}

static void put_flags(size_t bytes)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/proc/kpageflags", root);
	write_file(path, flags, bytes);
}

static void make_root_dir(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void set(uint64_t from, uint64_t to, uint64_t value)
{
	for (uint64_t pfn = from; pfn < to; pfn++)
		flags[pfn] = value;
}

static int setup(void **state)
{
	static char text[16384];

	(void)state;
	make_dir(root, sizeof(root));
	make_root_dir("proc");
	make_root_dir("proc/sys");
	make_root_dir("proc/sys/vm");
	read_text(SMALL "/before.zoneinfo", text, sizeof(text));
	put_file("proc/zoneinfo", text);
	read_text(SMALL "/before.pagetypeinfo", text, sizeof(text));
	put_file("proc/pagetypeinfo", text);
	put_file("proc/sys/vm/min_free_kbytes", "67584\n");
	put_file("proc/sys/vm/lowmem_reserve_ratio", "256\t256\t32\t0\t0\n");
	set(0, NR_PAGES, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	remove_dir(root);
	return 0;
}

static struct mmsim_snapshot *take(void)
{
	struct mmsim_snapshot *snap;
	int ret;

	put_flags(sizeof(flags));
	ret = mm_replay_snapshot_host_at(root, &snap, &err);
	if (ret)
		fail_msg("%d: %s", ret, err.text);
	return snap;
}

static void expect_block(const struct mmsim_snapshot *snap, size_t at, uint64_t pfn,
			 unsigned int zone, unsigned int order)
{
	assert_true(at < snap->nr_blocks);
	assert_int_equal(snap->blocks[at].pfn, pfn);
	assert_int_equal(snap->blocks[at].zone, zone);
	assert_int_equal(snap->blocks[at].order, order);
	assert_int_equal(snap->blocks[at].migratetype, MMSIM_MIGRATE_MOVABLE);
}

/* A run of free pages across the border of the zones: no block is in both. */
static void test_blocks(void **state)
{
	struct mmsim_snapshot *snap;

	(void)state;
	set(0, 1, BUDDY); /* in no zone */
	set(0x103, 0x110, BUDDY);
	set(0x104, 0x105, BUDDY | UPTODATE);
	set(0x111, 0x112, BUDDY);
	set(0x800, 0x1800, BUDDY);
	set(0x1fff, 0x2000, BUDDY);
	snap = take();
	assert_int_equal(snap->nr_blocks, 4 + 4 + 1);
	expect_block(snap, 0, 0x103, 0, 0);
	expect_block(snap, 1, 0x111, 0, 0);
	expect_block(snap, 2, 0x104, 0, 2);
	expect_block(snap, 3, 0x108, 0, 3);
	expect_block(snap, 4, 0x800, 0, 10);
	expect_block(snap, 5, 0xc00, 0, 10);
	expect_block(snap, 6, 0x1fff, 1, 0);
	expect_block(snap, 7, 0x1000, 1, 10);
	expect_block(snap, 8, 0x1400, 1, 10);
	mm_replay_snapshot_free(snap);
}

static void test_rest(void **state)
{
	struct mmsim_snapshot *snap;

	(void)state;
	set(0x800, 0x1800, BUDDY);
	snap = take();
	assert_int_equal(snap->flags, MMSIM_SNAP_PAGEFLAGS);
	assert_int_equal(snap->nr_zones, 2);
	assert_int_equal(snap->nr_pcps, 4);
	assert_int_equal(snap->nr_pcp_pages, 0);
	assert_int_equal(snap->sysctl.min_free_kbytes, 67584);
	assert_int_equal(snap->sysctl.lowmem_reserve_ratio[MMSIM_ZONE_NORMAL], 32);
	assert_true(snap->sysctl.watermark_boost_factor == UINT64_MAX);
	assert_string_equal(err.text, "");
	mm_replay_snapshot_free(snap);
}

static void test_pageflags(void **state)
{
	static const struct mmsim_snap_run runs[] = {
		{ 1, 0xff, RESERVED },   { 0x100, 0x100, BUDDY },  { 0x200, 0x5ff, 0 },
		{ 0x800, 0x800, BUDDY }, { 0x1000, 0x800, BUDDY }, { 0x1900, 0x700, RESERVED },
	};
	struct mmsim_snapshot *snap;

	(void)state;
	set(0, 0x100, RESERVED);
	set(0x100, 0x200, BUDDY);
	set(0x7ff, 0x800, NOPAGE);
	set(0x800, 0x1800, BUDDY);
	set(0x1800, 0x1900, NOPAGE);
	set(0x1900, 0x2000, RESERVED | UPTODATE);
	snap = take();
	assert_int_equal(snap->nr_pageflags, sizeof(runs) / sizeof(runs[0]));
	for (size_t i = 0; i < snap->nr_pageflags; i++) {
		assert_int_equal(snap->pageflags[i].pfn, runs[i].pfn);
		assert_int_equal(snap->pageflags[i].nr, runs[i].nr);
		assert_int_equal(snap->pageflags[i].value, runs[i].value);
	}
	mm_replay_snapshot_free(snap);
}

/* Only the first page of each block is marked. */
static void test_old_kernel(void **state)
{
	struct mmsim_snapshot *snap;

	(void)state;
	for (uint64_t pfn = 0x400; pfn < 0x2000; pfn += 0x400)
		flags[pfn] = BUDDY;
	put_flags(sizeof(flags));
	assert_int_equal(mm_replay_snapshot_host_at(root, &snap, &err), -ENOTSUP);
	assert_non_null(
		strstr(err.text, "/proc/kpageflags: 7 pages are marked free, zoneinfo has 3859"));
	assert_null(snap);
}

static void test_bad_files(void **state)
{
	struct mmsim_snapshot *snap;

	(void)state;
	assert_int_equal(mm_replay_snapshot_host_at(root, &snap, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/proc/kpageflags"));
	set(0x800, 0x1800, BUDDY);
	put_flags(sizeof(flags) - 1);
	assert_int_equal(mm_replay_snapshot_host_at(root, &snap, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/proc/kpageflags: it ends within a word"));
	put_flags(sizeof(flags));
	put_file("proc/sys/vm/min_free_kbytes", "lots\n");
	assert_int_equal(mm_replay_snapshot_host_at(root, &snap, &err), -EINVAL);
	assert_non_null(
		strstr(err.text, "/vm/min_free_kbytes:1: not what the kernel writes there"));
	put_file("proc/pagetypeinfo", "");
	assert_int_equal(mm_replay_snapshot_host_at(root, &snap, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/pagetypeinfo: there is no"));
	assert_int_equal(mm_replay_snapshot_host_at("/nowhere", &snap, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/proc/zoneinfo"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_blocks),     TEST(test_rest),      TEST(test_pageflags),
		TEST(test_old_kernel), TEST(test_bad_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
