/* SPDX-License-Identifier: MIT */
/* Indices against sums done by hand; snapshots made by hand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frag.h"
#include "marker.h"
#include <string.h>

typedef uint64_t lists[MMSIM_NR_PAGE_ORDERS][MMSIM_MAX_MIGRATETYPES];

static struct mmsim_frag_info info_of(lists nr_free)
{
	struct mmsim_frag_info info;

	memset(&info, 0xff, sizeof(info));
	mm_replay_frag_lists((const uint64_t(*)[MMSIM_MAX_MIGRATETYPES])nr_free, &info);
	return info;
}

static void nothing_free(void **state)
{
	lists none = { 0 };
	struct mmsim_frag_info info = info_of(none);

	(void)state;
	assert_int_equal(info.free, 0);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		assert_int_equal(info.order[o].unusable, 1000);
		assert_int_equal(info.order[o].extfrag_percent, 0);
		assert_int_equal(info.order[o].fragmentation, 0);
	}
	assert_int_equal(info.free_huge, 0);
	assert_int_equal(info.optimal_huge, 0);
	assert_int_equal(info.free_pageblocks, 0);
	assert_int_equal(info.pageblocks[MMSIM_MIGRATE_MOVABLE], 0);
	assert_int_equal(info.unmovable_pageblocks, 0);
}

/* 10 pages of one each: order 1 could do with 5 blocks where there are 10 too small ones, … */
static void single_pages(void **state)
{
	static const int32_t want[] = { -1000, 400, 650, 775, 838, 869, 885, 893, 897, 899, 900 };
	lists ten = { 0 };
	struct mmsim_frag_info info;

	(void)state;
	ten[0][MMSIM_MIGRATE_UNMOVABLE] = 3;
	ten[0][MMSIM_MIGRATE_RECLAIMABLE] = 7;
	info = info_of(ten);
	assert_int_equal(info.free, 10);
	assert_int_equal(info.order[0].unusable, 0);
	assert_int_equal(info.order[0].extfrag_percent, 0);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		assert_int_equal(info.order[o].fragmentation, want[o]);
	for (unsigned o = 1; o < MMSIM_NR_PAGE_ORDERS; o++) {
		assert_int_equal(info.order[o].unusable, 1000);
		assert_int_equal(info.order[o].extfrag_percent, 100);
	}
}

/* One page: 1000 - (1000 + 1 * 1000 / 2) / 1. */
static void rounding_below_zero(void **state)
{
	lists one = { 0 };

	(void)state;
	one[0][MMSIM_MIGRATE_MOVABLE] = 1;
	assert_int_equal(info_of(one).order[1].fragmentation, -500);
	assert_int_equal(info_of(one).order[10].fragmentation, 0);
}

/* 3 + 2 * 8 + 1024 pages = 1043. */
static void some_suitable(void **state)
{
	lists some = { 0 };
	struct mmsim_frag_info info;

	(void)state;
	some[0][MMSIM_MIGRATE_MOVABLE] = 3;
	some[3][MMSIM_MIGRATE_UNMOVABLE] = 2;
	some[10][MMSIM_MIGRATE_CMA] = 1;
	info = info_of(some);
	assert_int_equal(info.free, 1043);
	assert_int_equal(info.order[0].unusable, 0);
	assert_int_equal(info.order[1].unusable, 2); /* 3 of 1043 */
	assert_int_equal(info.order[3].unusable, 2);
	assert_int_equal(info.order[4].unusable, 18); /* 19 of 1043 */
	assert_int_equal(info.order[10].unusable, 18);
	assert_int_equal(info.order[3].extfrag_percent, 0);
	assert_int_equal(info.order[4].extfrag_percent, 1);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		assert_int_equal(info.order[o].fragmentation, -1000);
	assert_int_equal(info.free_huge, 2);
	assert_int_equal(info.optimal_huge, 2);
	assert_int_equal(info.free_pageblocks, 2);
}

/* Isolated blocks count in the indices, as in the kernel, but nobody can have them. */
static void isolated_blocks(void **state)
{
	lists some = { 0 };
	struct mmsim_frag_info info;

	(void)state;
	some[9][MMSIM_MIGRATE_ISOLATE] = 3;
	some[10][MMSIM_MIGRATE_ISOLATE] = 1;
	some[10][MMSIM_MIGRATE_MOVABLE] = 2;
	some[8][MMSIM_MIGRATE_MOVABLE] = 7;
	info = info_of(some);
	assert_int_equal(info.free, 5 * 512 + 4 * 512 + 7 * 256);
	assert_int_equal(info.free_pageblocks, 9);
	assert_int_equal(info.free_huge, 4);
	assert_int_equal(info.optimal_huge, 7);
	assert_int_equal(info.order[9].unusable, 7 * 256 * 1000 / (9 * 512 + 7 * 256));
}

static void markers(void **state)
{
	struct mm_marker marker = { 0 };

	(void)state;
	mm_replay_mark(&marker, 100, 100);
	assert_int_equal(marker.nr, 0);
	mm_replay_mark(&marker, 511, 512);
	assert_int_equal(marker.nr, 1);
	mm_replay_mark(&marker, 3, 4);
	assert_int_equal(marker.nr, 1);
	mm_replay_mark(&marker, 511, 513);
	assert_int_equal(marker.nr, 2);
	mm_replay_mark(&marker, 1024, 2048);
	assert_int_equal(marker.nr, 4);
	mm_replay_mark(&marker, 2047, 2049);
	assert_int_equal(marker.nr, 5);
}

/* Two zones: [1, 4096) and [4096, 12288). */
struct by_hand {
	struct mmsim_snapshot snap;
	struct mmsim_snap_zone zones[2];
	struct mmsim_snap_block blocks[8];
	struct mmsim_snap_pcp_page pcp_pages[8];
	struct mmsim_snap_run pageblocks[8], pageflags[16];
};

static void begin(struct by_hand *h)
{
	memset(h, 0, sizeof(*h));
	h->zones[0] =
		(struct mmsim_snap_zone){ .type = MMSIM_ZONE_DMA, .start_pfn = 1, .spanned = 4095 };
	h->zones[1] = (struct mmsim_snap_zone){ .type = MMSIM_ZONE_DMA32,
						.start_pfn = 4096,
						.spanned = 8192 };
	h->snap.flags = MMSIM_SNAP_PAGEBLOCKS | MMSIM_SNAP_PAGEFLAGS | MMSIM_SNAP_PCP_PAGES;
	h->snap.nr_zones = 2;
	h->snap.zones = h->zones;
	h->snap.blocks = h->blocks;
	h->snap.pcp_pages = h->pcp_pages;
	h->snap.pageblocks = h->pageblocks;
	h->snap.pageflags = h->pageflags;
}

static void add_block(struct by_hand *h, unsigned zone, uint64_t pfn, unsigned order, unsigned mt)
{
	h->blocks[h->snap.nr_blocks++] = (struct mmsim_snap_block){ .pfn = pfn,
								    .zone = (uint16_t)zone,
								    .order = (uint8_t)order,
								    .migratetype = (uint8_t)mt };
}

static void add_pcp(struct by_hand *h, unsigned zone, uint64_t pfn, unsigned order, unsigned mt)
{
	h->pcp_pages[h->snap.nr_pcp_pages++] =
		(struct mmsim_snap_pcp_page){ .pfn = pfn,
					      .zone = (uint16_t)zone,
					      .order = (uint8_t)order,
					      .migratetype = (uint8_t)mt };
}

static void add_pageblocks(struct by_hand *h, uint64_t pfn, uint64_t nr, uint64_t mt)
{
	h->pageblocks[h->snap.nr_pageblocks++] = (struct mmsim_snap_run){ pfn, nr, mt };
}

static void add_flags(struct by_hand *h, uint64_t pfn, uint64_t nr, uint64_t flags)
{
	h->pageflags[h->snap.nr_pageflags++] = (struct mmsim_snap_run){ pfn, nr, flags };
}

enum { LRU = 1 << 5, BUDDY = 1 << 10, HEAD = 1 << 15, TAIL = 1 << 16, OFFLINE = 1 << 23 };
#define RESERVED (UINT64_C(1) << 32)

static struct mmsim_frag_info frag_of(struct by_hand *h, size_t zone)
{
	struct mmsim_frag_info info;

	memset(&info, 0xff, sizeof(info));
	assert_int_equal(mm_replay_snapshot_frag(&h->snap, zone, &info), 0);
	return info;
}

static void snapshot_lists(void **state)
{
	struct by_hand h;
	struct mmsim_frag_info info;

	(void)state;
	begin(&h);
	add_block(&h, 0, 2, 1, MMSIM_MIGRATE_MOVABLE);
	add_block(&h, 1, 8192, 10, MMSIM_MIGRATE_MOVABLE);
	add_block(&h, 1, 4096, 0, MMSIM_MIGRATE_UNMOVABLE);
	info = frag_of(&h, 0);
	assert_int_equal(info.node, 0);
	assert_int_equal(info.type, MMSIM_ZONE_DMA);
	assert_int_equal(info.free, 2);
	assert_int_equal(info.order[1].fragmentation, -1000);
	assert_int_equal(info.order[2].fragmentation, -500);
	info = frag_of(&h, 1);
	assert_int_equal(info.type, MMSIM_ZONE_DMA32);
	assert_int_equal(info.free, 1025);
	assert_int_equal(info.free_huge, 2);
	assert_int_equal(info.order[10].unusable, 0); /* 1 of 1025 */
}

static void snapshot_pageblocks(void **state)
{
	struct by_hand h;
	struct mmsim_frag_info info;

	(void)state;
	begin(&h);
	add_pageblocks(&h, 0, 1, MMSIM_MIGRATE_UNMOVABLE);
	add_pageblocks(&h, 512, 10, MMSIM_MIGRATE_MOVABLE); /* 7 of them in DMA */
	add_pageblocks(&h, 5632, UINT64_MAX, MMSIM_MIGRATE_RECLAIMABLE);
	info = frag_of(&h, 0);
	assert_int_equal(info.pageblocks[MMSIM_MIGRATE_UNMOVABLE], 1);
	assert_int_equal(info.pageblocks[MMSIM_MIGRATE_MOVABLE], 7);
	assert_int_equal(info.pageblocks[MMSIM_MIGRATE_RECLAIMABLE], 0);
	info = frag_of(&h, 1);
	assert_int_equal(info.pageblocks[MMSIM_MIGRATE_UNMOVABLE], 0);
	assert_int_equal(info.pageblocks[MMSIM_MIGRATE_MOVABLE], 3);
	assert_int_equal(info.pageblocks[MMSIM_MIGRATE_RECLAIMABLE], 13);
	h.snap.flags &= ~(uint32_t)MMSIM_SNAP_PAGEBLOCKS;
	assert_int_equal(frag_of(&h, 1).pageblocks[MMSIM_MIGRATE_MOVABLE], 0);
}

static void snapshot_unmovable(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h);
	add_flags(&h, 0, 600, RESERVED);
	add_flags(&h, 600, 424, BUDDY);
	add_flags(&h, 1024, 512, LRU);
	add_flags(&h, 1536, 1, 0); /* pageblock 3 */
	add_flags(&h, 1537, 511, LRU);
	add_flags(&h, 2048, 1,
		  HEAD | LRU); /* a large folio on the LRU, tails by old and new kernels */
	add_flags(&h, 2049, 1535, TAIL);
	add_flags(&h, 3584, 1, HEAD); /* and a slab: pageblock 7, and 8 and 9 of the next zone */
	add_flags(&h, 3585, 1535, TAIL);
	add_flags(&h, 5632, 512, OFFLINE);
	add_flags(&h, 8192, UINT64_MAX, 0); /* pageblocks 16 to 23 */
	assert_int_equal(frag_of(&h, 0).unmovable_pageblocks, 2);
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 2 + 8);
	h.snap.flags &= ~(uint32_t)MMSIM_SNAP_PAGEFLAGS;
	assert_true(frag_of(&h, 1).unmovable_pageblocks == UINT64_MAX);
}

/* Whole sections without a flag are holes; what they leave of a run is not. */
static void snapshot_holes(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h);
	h.zones[1].spanned = 4 * MMSIM_PAGES_PER_SECTION;
	add_flags(&h, 32767, 2 * 32768 + 1, 0); /* all but its first page */
	add_flags(&h, 3 * 32768, 32768, 1 << 7);
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 1 + 64);
	h.pageflags[0] = (struct mmsim_snap_run){ 32768, 32768 + 1, 0 };
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 1 + 64);
	h.pageflags[0] = (struct mmsim_snap_run){ 32767, 32768, 0 };
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 65 + 64);
}

/* What is on a Movable per-CPU list looks allocated, but is not; on the other lists it counts. */
static void snapshot_per_cpu_lists(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h);
	add_flags(&h, 4096, 100, LRU);
	add_flags(&h, 4196, 4, 0);
	add_flags(&h, 4200, 408, LRU);
	add_flags(&h, 4608, 512, 0);
	add_flags(&h, 5120, 8, 0);
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 3);
	add_pcp(&h, 1, 5120, 3, MMSIM_MIGRATE_MOVABLE);
	add_pcp(&h, 1, 4608, 9, MMSIM_MIGRATE_MOVABLE);
	add_pcp(&h, 1, 4196, 1, MMSIM_MIGRATE_MOVABLE);
	add_pcp(&h, 0, 4198, 1, MMSIM_MIGRATE_MOVABLE); /* of another zone */
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 1);
	add_pcp(&h, 1, 4199, 0, MMSIM_MIGRATE_MOVABLE);
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 1);
	add_pcp(&h, 1, 4198, 0, MMSIM_MIGRATE_UNMOVABLE);
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 1);
	add_pcp(&h, 1, 4198, 0, MMSIM_MIGRATE_MOVABLE);
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 0);
}

/* A block on a list that reaches from one run into the next. */
static void snapshot_list_over_runs(void **state)
{
	struct by_hand h;

	(void)state;
	begin(&h);
	add_flags(&h, 4096, 510, LRU);
	add_flags(&h, 4606, 2, 0);
	add_flags(&h, 4608, 1, 1 << 12);
	add_flags(&h, 4609, 1, 0);
	add_pcp(&h, 1, 4606, 2, MMSIM_MIGRATE_MOVABLE);
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 0);
	add_flags(&h, 4610, 1, 0);
	assert_int_equal(frag_of(&h, 1).unmovable_pageblocks, 1);
}

static void snapshot_refusals(void **state)
{
	struct by_hand h;
	struct mmsim_frag_info info = { .free = 77 };

	(void)state;
	begin(&h);
	assert_int_equal(mm_replay_snapshot_frag(&h.snap, 2, &info), -EINVAL);
	add_block(&h, 1, 4096, 11, MMSIM_MIGRATE_MOVABLE);
	assert_int_equal(mm_replay_snapshot_frag(&h.snap, 1, &info), -EINVAL);
	h.blocks[0].order = 0;
	h.blocks[0].migratetype = MMSIM_NR_MIGRATETYPES;
	assert_int_equal(mm_replay_snapshot_frag(&h.snap, 1, &info), -EINVAL);
	assert_int_equal(info.free, 77);
	assert_int_equal(mm_replay_snapshot_frag(&h.snap, 0, &info), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_free),           cmocka_unit_test(single_pages),
		cmocka_unit_test(rounding_below_zero),    cmocka_unit_test(some_suitable),
		cmocka_unit_test(isolated_blocks),        cmocka_unit_test(markers),
		cmocka_unit_test(snapshot_lists),         cmocka_unit_test(snapshot_pageblocks),
		cmocka_unit_test(snapshot_unmovable),     cmocka_unit_test(snapshot_holes),
		cmocka_unit_test(snapshot_per_cpu_lists), cmocka_unit_test(snapshot_list_over_runs),
		cmocka_unit_test(snapshot_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
