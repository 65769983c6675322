/* SPDX-License-Identifier: MIT */
/*
 * lib/replay/snapshot.h: the small recording, read whole; and everything that can be wrong with it,
 * one word at a time.
 */
#include "replay_files.h"

#include <errno.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static struct mmsim_replay_error err;

static int setup(void **state)
{
	(void)state;
	memset(&err, 'x', sizeof(err));
	return 0;
}

static struct mmsim_snapshot *load(const char *prefix)
{
	struct mmsim_snapshot *snap;

	assert_int_equal(mm_replay_snapshot_load(SMALL, prefix, &snap, &err), 0);
	assert_string_equal(err.text, "");
	return snap;
}

static struct mmsim_snapshot *load_with(const char *name, const char *what, const char *with)
{
	struct mmsim_snapshot *snap;
	int ret = load_tweaked((struct tweak){ name, what, with }, "before", &snap, &err);

	if (ret)
		print_error("%s\n", err.text);
	assert_int_equal(ret, 0);
	return snap;
}

static void test_zones(void **state)
{
	struct mmsim_snapshot *snap = load("before");
	const struct mmsim_snap_zone *z = snap->zones;

	(void)state;
	assert_int_equal(snap->nr_zones, 2);
	assert_int_equal(snap->nr_nodes, 1);
	assert_int_equal(snap->nr_cpus, 2);
	assert_int_equal(snap->max_pfn, 0x2000);
	assert_int_equal(z[0].type, MMSIM_ZONE_DMA);
	assert_int_equal(z[0].start_pfn, 1);
	assert_int_equal(z[0].spanned, 4095);
	assert_int_equal(z[0].present, 4000);
	assert_int_equal(z[0].managed, 3840);
	assert_int_equal(z[0].free, 2816);
	assert_int_equal(z[0].protection[MMSIM_ZONE_DMA], 0);
	assert_int_equal(z[0].protection[MMSIM_ZONE_MOVABLE], 15);
	assert_int_equal(z[1].type, MMSIM_ZONE_DMA32);
	assert_int_equal(z[1].start_pfn, 4096);
	assert_int_equal(z[1].boost, 0);
	assert_int_equal(z[1].min, 20);
	assert_int_equal(z[1].low, 25);
	assert_int_equal(z[1].high, 30);
	assert_int_equal(z[1].promo, 35);
	mm_replay_snapshot_free(snap);
}

static void test_lists(void **state)
{
	/* N1: by zone, order and type; then as in the file. */
	static const struct mmsim_snap_block blocks[] = {
		{ 0x100, 0, 8, MMSIM_MIGRATE_UNMOVABLE },
		{ 0x200, 0, 9, MMSIM_MIGRATE_MOVABLE },
		{ 0x800, 0, 10, MMSIM_MIGRATE_MOVABLE },
		{ 0x400, 0, 10, MMSIM_MIGRATE_MOVABLE },
		{ 0x1045, 1, 0, MMSIM_MIGRATE_UNMOVABLE },
		{ 0x1041, 1, 0, MMSIM_MIGRATE_UNMOVABLE },
		{ 0x1043, 1, 0, MMSIM_MIGRATE_UNMOVABLE },
		{ 0x1020, 1, 3, MMSIM_MIGRATE_RECLAIMABLE },
		{ 0x1010, 1, 3, MMSIM_MIGRATE_RECLAIMABLE },
		{ 0x1400, 1, 10, MMSIM_MIGRATE_MOVABLE },
	};
	struct mmsim_snapshot *snap = load("before");

	(void)state;
	assert_int_equal(snap->flags, MMSIM_SNAP_LIST_ORDER | MMSIM_SNAP_PCP_PAGES |
					      MMSIM_SNAP_PAGEBLOCKS | MMSIM_SNAP_PAGEFLAGS);
	assert_int_equal(snap->nr_blocks, NR(blocks));
	for (size_t i = 0; i < NR(blocks); i++) {
		assert_int_equal(snap->blocks[i].pfn, blocks[i].pfn);
		assert_int_equal(snap->blocks[i].zone, blocks[i].zone);
		assert_int_equal(snap->blocks[i].order, blocks[i].order);
		assert_int_equal(snap->blocks[i].migratetype, blocks[i].migratetype);
	}
	mm_replay_snapshot_free(snap);
}

static void test_pcp(void **state)
{
	static const struct mmsim_snap_pcp_page pages[] = {
		{ 0x1061, 0, 1, 0, MMSIM_MIGRATE_MOVABLE },
		{ 0x1060, 0, 1, 0, MMSIM_MIGRATE_MOVABLE },
		{ 0x1062, 0, 1, 0, MMSIM_MIGRATE_MOVABLE },
		{ 0x1071, 1, 1, 0, MMSIM_MIGRATE_UNMOVABLE },
		{ 0x1084, 1, 1, 2, MMSIM_MIGRATE_RECLAIMABLE },
		{ 0x1800, 1, 1, 9, MMSIM_MIGRATE_MOVABLE },
	};
	struct mmsim_snapshot *snap = load("before");

	(void)state;
	assert_int_equal(snap->nr_pcp_pages, NR(pages));
	for (size_t i = 0; i < NR(pages); i++) {
		assert_int_equal(snap->pcp_pages[i].pfn, pages[i].pfn);
		assert_int_equal(snap->pcp_pages[i].cpu, pages[i].cpu);
		assert_int_equal(snap->pcp_pages[i].zone, pages[i].zone);
		assert_int_equal(snap->pcp_pages[i].order, pages[i].order);
		assert_int_equal(snap->pcp_pages[i].migratetype, pages[i].migratetype);
	}
	assert_int_equal(snap->nr_pcps, 4);
	assert_int_equal(snap->pcps[1].cpu, 1);
	assert_int_equal(snap->pcps[1].zone, 0);
	assert_int_equal(snap->pcps[2].zone, 1);
	assert_int_equal(snap->pcps[2].count, 3);
	assert_int_equal(snap->pcps[2].high, 40);
	assert_int_equal(snap->pcps[2].batch, 3);
	assert_int_equal(snap->pcps[2].high_min, 20);
	assert_int_equal(snap->pcps[2].high_max, 250);
	assert_int_equal(snap->pcps[2].free_count, 24);
	assert_int_equal(snap->pcps[2].alloc_factor, 2);
	assert_int_equal(snap->pcps[2].flags, 0);
	assert_int_equal(snap->pcps[3].flags, 2);
	assert_int_equal(snap->pcps[3].count, 517);
	mm_replay_snapshot_free(snap);
}

static void test_runs(void **state)
{
	struct mmsim_snapshot *snap = load("before");

	(void)state;
	assert_int_equal(snap->nr_pageblocks, 4);
	assert_int_equal(snap->pageblocks[2].pfn, 0x1000);
	assert_int_equal(snap->pageblocks[2].nr, 1);
	assert_int_equal(snap->pageblocks[2].value, MMSIM_MIGRATE_RECLAIMABLE);
	assert_int_equal(snap->nr_pageflags, 3);
	assert_int_equal(snap->pageflags[1].pfn, 0x100);
	assert_int_equal(snap->pageflags[1].nr, 768);
	assert_int_equal(snap->pageflags[1].value, 0x400);
	assert_int_equal(mm_replay_pageblock_type(snap, 0), MMSIM_MIGRATE_UNMOVABLE);
	assert_int_equal(mm_replay_pageblock_type(snap, 0x1ff), MMSIM_MIGRATE_UNMOVABLE);
	assert_int_equal(mm_replay_pageblock_type(snap, 0x200), MMSIM_MIGRATE_MOVABLE);
	assert_int_equal(mm_replay_pageblock_type(snap, 0x1001), MMSIM_MIGRATE_RECLAIMABLE);
	assert_int_equal(mm_replay_pageblock_type(snap, 0x9000), MMSIM_MIGRATE_MOVABLE);
	mm_replay_snapshot_free(snap);
}

/* Without list order: types are those of the pageblocks. */
static void test_freemap(void **state)
{
	static const struct mmsim_snap_block blocks[] = {
		{ 0x100, 0, 8, MMSIM_MIGRATE_UNMOVABLE },
		{ 0x200, 0, 9, MMSIM_MIGRATE_MOVABLE },
		{ 0x400, 0, 10, MMSIM_MIGRATE_MOVABLE },
		{ 0x800, 0, 10, MMSIM_MIGRATE_MOVABLE },
		{ 0x1010, 1, 3, MMSIM_MIGRATE_RECLAIMABLE },
		{ 0x1020, 1, 3, MMSIM_MIGRATE_RECLAIMABLE },
		{ 0x1400, 1, 10, MMSIM_MIGRATE_MOVABLE },
	};
	struct mmsim_snapshot *snap = load("after");

	(void)state;
	assert_int_equal(snap->flags, MMSIM_SNAP_PAGEBLOCKS);
	assert_int_equal(snap->nr_blocks, NR(blocks));
	for (size_t i = 0; i < NR(blocks); i++) {
		assert_int_equal(snap->blocks[i].pfn, blocks[i].pfn);
		assert_int_equal(snap->blocks[i].zone, blocks[i].zone);
		assert_int_equal(snap->blocks[i].order, blocks[i].order);
		assert_int_equal(snap->blocks[i].migratetype, blocks[i].migratetype);
	}
	/* The books that zoneinfo has are there all the same. */
	assert_int_equal(snap->nr_pcps, 4);
	assert_int_equal(snap->pcps[2].high_max, 250);
	mm_replay_snapshot_free(snap);
}

#if MM_JSON
static void test_meta(void **state)
{
	struct mmsim_snapshot *before = load("before"), *after = load("after");

	(void)state;
	assert_int_equal(before->read_begin_ns, 0);
	assert_int_equal(before->read_end_ns, 2928797);
	assert_int_equal(after->read_begin_ns, 8216828238);
	assert_int_equal(after->read_end_ns, 8400000000); /* that of freemap */
	assert_int_equal(before->sysctl.min_free_kbytes, 67584);
	assert_int_equal(before->sysctl.watermark_boost_factor, 15000);
	assert_int_equal(before->sysctl.watermark_scale_factor, 10);
	assert_int_equal(before->sysctl.percpu_pagelist_high_fraction, 0);
	assert_int_equal(before->sysctl.lowmem_reserve_ratio[MMSIM_ZONE_DMA32], 256);
	assert_int_equal(before->sysctl.lowmem_reserve_ratio[MMSIM_ZONE_MOVABLE], 0);
	mm_replay_snapshot_free(before);
	mm_replay_snapshot_free(after);
}
#endif

static void test_no_meta(void **state)
{
	struct mmsim_snapshot *snap = load_with("meta.json", NULL, NULL);

	(void)state;
	assert_int_equal(snap->read_end_ns, 0);
	assert_true(snap->sysctl.min_free_kbytes == UINT64_MAX);
	assert_true(snap->sysctl.lowmem_reserve_ratio[3] == UINT64_MAX);
	mm_replay_snapshot_free(snap);
}

static void test_optional_files(void **state)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} files[] = {
		{ "pcp", MMSIM_SNAP_PCP_PAGES },
		{ "pageblocks", MMSIM_SNAP_PAGEBLOCKS },
		{ "pageflags", MMSIM_SNAP_PAGEFLAGS },
		{ "pagetypeinfo", 0 },
	};
	struct mmsim_snapshot *snap;

	(void)state;
	for (size_t i = 0; i < NR(files); i++) {
		snap = load_with(files[i].name, NULL, NULL);
		assert_int_equal(snap->flags, 15 & ~files[i].flag);
		assert_int_equal(snap->nr_blocks, 10);
		mm_replay_snapshot_free(snap);
	}
}

static void test_needed_files(void **state)
{
	struct mmsim_snapshot *snap;

	(void)state;
	assert_int_equal(mm_replay_snapshot_load(SMALL, "missing", &snap, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/missing.zoneinfo.zst: neither this nor"));
	assert_null(snap);
	assert_int_equal(
		load_tweaked((struct tweak){ "freelists", NULL, NULL }, "before", &snap, &err),
		-ENOENT);
	assert_non_null(strstr(err.text, "/before.freemap.zst: neither this nor"));
	assert_int_equal(mm_replay_snapshot_load(NULL, "before", &snap, &err), -EINVAL);
	assert_int_equal(mm_replay_snapshot_load(SMALL, NULL, &snap, &err), -EINVAL);
	assert_int_equal(mm_replay_snapshot_load(SMALL, "before", NULL, &err), -EINVAL);
	mm_replay_snapshot_free(NULL);
}

/* CMA is named by pagetypeinfo, or where that is missing by its first use. */
static void test_cma(void **state)
{
	struct mmsim_snapshot *snap = load_with("pagetypeinfo", "HighAtomic", "HighAtomic CMA");

	(void)state;
	assert_true(snap->flags & MMSIM_SNAP_CMA);
	mm_replay_snapshot_free(snap);
}

static void test_watermarks_of_old_kernels(void **state)
{
	struct mmsim_snapshot *snap = load_with("zoneinfo", "        promo    35\n", "");

	(void)state;
	assert_int_equal(snap->zones[1].promo, 0);
	assert_int_equal(snap->zones[1].high, 30);
	mm_replay_snapshot_free(snap);
}

/* What per-CPU counters and interrupts may hide: 4 * 2 CPUs + 1024 pages. */
static void test_free_slack(void **state)
{
	struct mmsim_snapshot *snap;

	(void)state;
	snap = load_with("zoneinfo", "free     1043", "free     2075");
	mm_replay_snapshot_free(snap);
	snap = load_with("zoneinfo", "free     1043", "free     11");
	mm_replay_snapshot_free(snap);
	assert_int_equal(
		load_tweaked((struct tweak){ "zoneinfo", "free     1043", "free     2076" },
			     "before", &snap, &err),
		-EINVAL);
	assert_non_null(strstr(err.text,
			       "before.freelists:11: node 0, zone DMA32 has 1043 free pages "
			       "here, 2076 in zoneinfo"));
	assert_int_equal(load_tweaked((struct tweak){ "zoneinfo", "free     1043", "free     10" },
				      "before", &snap, &err),
			 -EINVAL);
}

/* N2 */
static void test_pcp_count(void **state)
{
	struct mmsim_snapshot *snap = load_with("pcp", "count=3 ", "count=1027 ");

	(void)state;
	assert_int_equal(snap->pcps[2].count, 3);
	mm_replay_snapshot_free(snap);
}

static const struct {
	struct tweak tweak;
	const char *message;
} bad[] = {
	{ { "zoneinfo", NULL, "" }, "zoneinfo: there is no zone with memory" },
	{ { "zoneinfo", "Node 0,", "Node 64," }, "zoneinfo:1: node 64 is beyond the last, 63" },
	{ { "zoneinfo", "Node 0, zone", "Node 0 zone" }, "zoneinfo:1: not \"Node N, zone NAME\"" },
	{ { "zoneinfo", "     DMA\n", " HighMem\n" }, "zoneinfo:1: zone HighMem is not known" },
	{ { "zoneinfo", "DMA32", "DMA" }, "zone DMA: it comes twice, or out of order" },
	{ { "zoneinfo", "pages free     2816", "pages free     x" },
	  "zoneinfo:5: a number was expected" },
	{ { "zoneinfo", "min      10", "min" }, "zoneinfo:7: a number was expected" },
	{ { "zoneinfo", "low      13", "low      18446744073709551616" },
	  "zoneinfo:8: a number was expected" },
	{ { "zoneinfo", "low      13", "min      13" },
	  "zoneinfo:8: node 0, zone DMA: the line comes" },
	{ { "zoneinfo", "low      13", "" }, "zone DMA has no line \"low\"" },
	{ { "zoneinfo", "start_pfn:           1\n", "\n" }, "zone DMA has no line \"start_pfn:\"" },
	{ { "zoneinfo", "spanned  4095", "spanned  18446744073709551615" },
	  "zone DMA: it ends past 64 TiB" },
	{ { "zoneinfo", "spanned  4095", "spanned  4096" },
	  "zone DMA32: it overlaps another zone" },
	{ { "zoneinfo", "present  4000", "present  4096" }, "present is more than spanned" },
	{ { "zoneinfo", "managed  3840", "managed  4001" }, "managed is more than present" },
	{ { "zoneinfo", "free     2816", "free     4001" }, "free is more than present" },
	{ { "zoneinfo", "cpu: 1", "cpu: 0" }, "a CPU comes twice, or out of order" },
	{ { "zoneinfo", "cpu: 1", "cpu: 1024" }, "zoneinfo:27: 1024 is more than 1023" },
	{ { "zoneinfo", "batch:    1", "batch:    4294967296" }, "is more than 4294967295" },
	{ { "zoneinfo", "cpu: 0", "" }, "zone DMA: a per-CPU line before \"cpu:\"" },
	{ { "zoneinfo", "(0, 15", "0, 15" }, "protection is no list" },
	{ { "zoneinfo", "(0, 15", "(0, " }, "protection is no list" },
	{ { "zoneinfo", "15, 15)", "15, 15, 15, 15, 15, 15)" }, "list of at most 8 numbers" },
	{ { "freelists", "0x100 8", "0x101 8" },
	  "freelists:2: pfn 0x101 is not aligned to order 8" },
	{ { "freelists", "0x100 8", "x 8" }, "freelists:2: pfn is no number: x" },
	{ { "freelists", "0x100 8", "0x10000000000000000 8" }, "freelists:2: pfn is no number" },
	{ { "freelists", "0x100 8", "0x100 11" },
	  "freelists:2: order 11 is too large: at most 10" },
	{ { "freelists", "0x100 8 DMA Unmovable", "0x100 8 DMA" },
	  "freelists:2: migratetype is missing" },
	{ { "freelists", "0x100 8 DMA Unmovable", "0x100" }, "freelists:2: order is missing" },
	{ { "freelists", "0x100 8 DMA U", "0x100 8 Device U" }, "freelists:2: zone Device is not" },
	{ { "freelists", "Unmovable", "Immovable" },
	  "freelists:2: migratetype Immovable is not known" },
	{ { "freelists", "Unmovable", "CMA" },
	  "freelists:2: migratetype CMA, which pagetypeinfo does not have" },
	{ { "freelists", "0x100 8", "0x2000 8" }, "freelists:2: pfn 0x2000 is in no zone" },
	{ { "freelists", "0x100 8 DMA", "0x100 8 DMA32" },
	  "freelists:2: pfn 0x100, order 8 is not within zone DMA32" },
	{ { "freelists", "0x100 8", "0x0 8" }, "freelists:2: pfn 0, order 8 is not within" },
	{ { "freelists", "0x800 10", "0x200 10" }, "pfn 0x200 is not aligned to order 10" },
	{ { "freelists", "0x200 9", "0x400 9" },
	  "freelists:5: pfn 0x400, order 10 has pages of an earlier block" },
	{ { "freelists", "0x1043", "0x1041" }, "freelists:8: pfn 0x1041, order 0 has pages" },
	{ { "pcp", "Movable 0x1061", "Movable 0x1041" }, "pcp:8: pfn 0x1041, order 0 has" },
	{ { "pcp", "DMA32 0 0", "DMA32 2 0" }, "pcp:8: cpu 2 is too large: at most 1" },
	{ { "pcp", "DMA32 0 0", "DMA32 0 4" }, "pcp:8: per-CPU lists have no order 4" },
	{ { "pcp", "Unmovable 0x1071", "HighAtomic 0x1071" }, "pcp:7: per-CPU lists have no such" },
	{ { "pcp", "cpu=1", "cpu=0" }, "pcp:3: zone DMA and CPU 0 come twice" },
	{ { "pcp", "DMA cpu=0", "DMA" }, "pcp:2: cpu= is missing" },
	{ { "pcp", "batch=1", "batch=x" }, "pcp:2: batch= is no number: x" },
	{ { "pcp", "flags=2", "flags=65536" }, "pcp:2: flags= 65536 is too large" },
	{ { "pcp", "count=3 ", "count=1028 " },
	  "zone DMA32, CPU 0: 3 pages are listed, the count is" },
	{ { "pageblocks", "0x200 7", "0x201 7" }, "pageblocks:3: pfn 0x201 is not aligned" },
	{ { "pageblocks", "0x200 7", "0x200 8" },
	  "pageblocks:4: pfn 0x1000 is out of order: the run above ends at 0x1200" },
	{ { "pageblocks", "0x200 7", "0x200 0" }, "pageblocks:3: the run is empty" },
	{ { "pageblocks", "0x1200 7", "0x1200 8" }, "ends past the last zone, at 0x2000" },
	{ { "pageblocks", "0x1200 7", "0x1200 18446744073709551615" }, "ends past the last zone" },
	{ { "pageflags", "0x100 768", "0xff 768" }, "pageflags:3: pfn 0xff is out of order" },
	{ { "pageflags", "0x1400 1024", "0x1400 4096" }, "pageflags:4: the run is empty or ends" },
	{ { "pageflags", "0x1400 1024 0x400", "0x1400 1024" }, "the flags word is missing" },
	{ { "pagetypeinfo", "Number of blocks", "Blocks" },
	  "there is no \"Number of blocks type\"" },
#if MM_JSON
	{ { "meta.json", NULL, "" }, "meta.json: no JSON: it ends too early" },
	{ { "meta.json", NULL, "{" }, "meta.json: no JSON: it ends too early" },
	{ { "meta.json", NULL, "{]" }, "meta.json: no JSON: " },
	{ { "meta.json", "0.002928797", "\"soon\"" }, "window_s.pcp_read is no number of seconds" },
	{ { "meta.json", "\"begin\": 0.0", "\"begin\": -1" }, "window_s.begin is no number of" },
	{ { "meta.json", "\"begin\": 0.0", "\"begin\": 1e30" }, "window_s.begin is no number of" },
	{ { "meta.json", "\"begin\": 0.0", "\"begin\": 1" }, "window_s ends before it begins" },
	{ { "meta.json", "67584", "lots" }, "sysctl.min_free_kbytes is no number" },
	{ { "meta.json", "256\\t32", "256\\tx" }, "sysctl.lowmem_reserve_ratio is no list" },
#endif
};

static void test_bad(void **state)
{
	struct mmsim_snapshot *snap;

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		int ret = load_tweaked(bad[i].tweak, "before", &snap, &err);

		if (ret != -EINVAL || !strstr(err.text, bad[i].message))
			fail_msg("%zu: %d \"%s\" instead of \"%s\"", i, ret, err.text,
				 bad[i].message);
		assert_null(snap);
	}
}

/*
 * Two nodes whose zones have the same name: the pfn tells them apart, or else their order. Only
 * populated zones are listed, as old kernels do; numbers of protection mean the usual zones.
 */
static const char two_nodes[] =
	"Node 0, zone   Normal\n  pages free 2\n min 1\n low 2\n high 3\n spanned 1024\n"
	" present 1024\n managed 1000\n protection: (0, 0, 7, 8)\n pagesets\n"
	" cpu: 0\n count: 1\n high: 6\n batch: 1\n cpu: 1\n count: 0\n high: 6\n batch: 1\n"
	" start_pfn: 1048576\n"
	"Node 1, zone   Normal\n  pages free 1\n min 1\n low 2\n high 3\n spanned 1024\n"
	" present 1024\n managed 1000\n pagesets\n cpu: 0\n count: 0\n cpu: 1\n count: 2\n"
	" start_pfn: 1049600\n";

static int open_two_nodes(const struct mm_replay_files *files, struct mm_reader *r,
			  const char *name, struct mmsim_replay_error *error)
{
	const char *text = "";

	(void)files;
	if (!strcmp(name, "zoneinfo"))
		text = two_nodes;
	else if (!strcmp(name, "freelists"))
		text = "0x100400 0 Normal Movable\n0x100000 0 Normal Movable\n";
	else if (!strcmp(name, "pcp"))
		text = "# pcp Normal cpu=1 high=5\n# pcp Normal cpu=1 count=1 high=9 new=x\n"
		       "Normal 1 0 Movable 0x100410\n";
	else
		return -ENOENT;
	return mm_replay_reader_open_mem(r, text, strlen(text), name, error);
}

static void test_two_nodes(void **state)
{
	const struct mm_replay_files files = { .open = open_two_nodes, .prefix = "before" };
	struct mmsim_snapshot *snap;

	(void)state;
	assert_int_equal(mm_replay_snapshot_read(&files, &snap, &err), 0);
	assert_int_equal(snap->nr_nodes, 2);
	assert_int_equal(snap->nr_zones, 2);
	assert_int_equal(snap->zones[0].protection[MMSIM_ZONE_NORMAL], 7);
	assert_int_equal(snap->blocks[0].pfn, 0x100000);
	assert_int_equal(snap->blocks[0].zone, 0);
	assert_int_equal(snap->blocks[1].zone, 1);
	assert_int_equal(snap->pcp_pages[0].zone, 1);
	assert_int_equal(snap->pcps[1].high, 5);
	assert_int_equal(snap->pcps[2].high, 0);
	assert_int_equal(snap->pcps[3].high, 9);
	assert_int_equal(snap->pcps[0].count, 0);
	assert_int_equal(snap->pcps[3].count, 1);
	mm_replay_snapshot_free(snap);
}

/* A zone that ends within what would be a block. */
static const char odd_zone[] = "Node 0, zone   Normal\n free 512\n min 1\n low 2\n high 3\n"
			       " spanned 1000\n present 1000\n managed 1000\n cpu: 0\n"
			       " start_pfn: 1048576\n";

static int open_odd_zone(const struct mm_replay_files *files, struct mm_reader *r, const char *name,
			 struct mmsim_replay_error *error)
{
	const char *text = odd_zone;

	(void)files;
	if (!strcmp(name, "freelists"))
		text = "0x100000 9 Normal Movable\n0x100200 9 Normal Movable\n";
	else if (strcmp(name, "zoneinfo"))
		return -ENOENT;
	return mm_replay_reader_open_mem(r, text, strlen(text), name, error);
}

static void test_odd_zone(void **state)
{
	const struct mm_replay_files files = { .open = open_odd_zone, .prefix = "before" };
	struct mmsim_snapshot *snap;

	(void)state;
	assert_int_equal(mm_replay_snapshot_read(&files, &snap, &err), -EINVAL);
	assert_string_equal(err.text,
			    "freelists:2: pfn 0x100200, order 9 is not within zone Normal");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_zones),
		TEST(test_lists),
		TEST(test_pcp),
		TEST(test_runs),
		TEST(test_freemap),
#if MM_JSON
		TEST(test_meta),
#endif
		TEST(test_no_meta),
		TEST(test_optional_files),
		TEST(test_needed_files),
		TEST(test_cma),
		TEST(test_watermarks_of_old_kernels),
		TEST(test_free_slack),
		TEST(test_pcp_count),
		TEST(test_bad),
		TEST(test_two_nodes),
		TEST(test_odd_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
