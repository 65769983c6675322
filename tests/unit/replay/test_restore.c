/* SPDX-License-Identifier: MIT */
/* lib/replay/restore.h: N1 and N2, and snapshots that do not fit or that no machine can have. */
#include "pageblock.h"
#include "replay_rig.h"

#include <errno.h>

enum { PAGES = 16384 };

static struct mmsim_snapshot *snap;

/* A machine in use, its snapshot, and a second machine that was just booted. */
static int setup(void **state)
{
	const struct mmsim_alloc_policy policy = { 0 };

	(void)state;
	rig_kernel(&policy, PAGES);
	rig_churn(300, PAGES / 8);
	rig_record();
	snap = rig.before;
	rig_stop();
	rig_machine();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void assert_restored(void)
{
	rig.err.text[0] = '\0';
	assert_int_equal(mm_replay_restore(&rig.m.buddy, snap, &rig.err), 0);
	assert_string_equal(rig.err.text, "");
	mm_buddy_validate(&rig.m.buddy);
}

/* Taken again, it is the same to the last counter. */
static void assert_same_snapshot(void)
{
	struct mmsim_snapshot *own;

	assert_int_equal(mm_replay_snapshot_take(&rig.m.buddy, &own), 0);
	assert_int_equal(own->nr_blocks, snap->nr_blocks);
	assert_memory_equal(own->blocks, snap->blocks, own->nr_blocks * sizeof(*own->blocks));
	assert_int_equal(own->nr_pcp_pages, snap->nr_pcp_pages);
	assert_memory_equal(own->pcp_pages, snap->pcp_pages,
			    own->nr_pcp_pages * sizeof(*own->pcp_pages));
	assert_int_equal(own->nr_pcps, snap->nr_pcps);
	assert_memory_equal(own->pcps, snap->pcps, own->nr_pcps * sizeof(*own->pcps));
	assert_int_equal(own->nr_pageblocks, snap->nr_pageblocks);
	assert_memory_equal(own->pageblocks, snap->pageblocks,
			    own->nr_pageblocks * sizeof(*own->pageblocks));
	assert_int_equal(own->nr_zones, snap->nr_zones);
	assert_memory_equal(own->zones, snap->zones, own->nr_zones * sizeof(*own->zones));
	assert_memory_equal(&own->sysctl, &snap->sysctl, sizeof(own->sysctl));
	mm_replay_snapshot_free(own);
}

static void round_trip(void **state)
{
	(void)state;
	assert_true(snap->nr_blocks > 50 && snap->nr_pcp_pages > 50 && snap->nr_pageblocks > 2);
	assert_restored();
	assert_same_snapshot();
	/* Whatever was there is forgotten. */
	rig.nr_held = 0;
	rig_churn(20, PAGES / 8);
	assert_restored();
	assert_same_snapshot();
}

/* Pageblocks that the page allocator keeps for itself, and one that is being isolated. */
static void special_pageblocks(void **state)
{
	const enum mmsim_migratetype types[] = { MMSIM_MIGRATE_HIGHATOMIC, MMSIM_MIGRATE_CMA,
						 MMSIM_MIGRATE_ISOLATE };
	struct mmsim_snapshot *before = snap;

	(void)state;
	rig_machine_again();
	for (unsigned i = 0; i < 3; i++) {
		struct mm_zone *zone = rig_zone();
		struct mmsim_page *page = rig_page(BASE + 1024 * (i + 1ull));

		mm_spin_lock(&zone->lock);
		assert_true(mm_buddy_take_page(zone, page, MMSIM_PAGEBLOCK_ORDER));
		mm_zone_set_migratetype(zone, small_machine_pfn(&rig.m, page), types[i]);
		if (types[i] == MMSIM_MIGRATE_ISOLATE)
			*mm_zone_pageblock(zone, small_machine_pfn(&rig.m, page)) =
				MM_PAGEBLOCK_ISOLATE | MMSIM_MIGRATE_MOVABLE;
		mm_buddy_free_range(zone, page, MMSIM_PAGEBLOCK_ORDER, MM_FPI_NONE);
		mm_spin_unlock(&zone->lock);
	}
	rig_zone()->nr_reserved_highatomic = MMSIM_PAGEBLOCK_NR_PAGES;
	rig_zone()->cma = MMSIM_PAGEBLOCK_NR_PAGES;
	mm_buddy_validate(&rig.m.buddy);
	assert_int_equal(mm_replay_snapshot_take(&rig.m.buddy, &snap), 0);
	rig_machine_again();
	assert_restored();
	assert_same_snapshot();
	assert_int_equal(rig_zone()->free_cma, MMSIM_PAGEBLOCK_NR_PAGES);
	assert_int_equal(rig_zone()->free_highatomic, MMSIM_PAGEBLOCK_NR_PAGES);
	mm_replay_snapshot_free(snap);
	snap = before;
}

static uint64_t allocated_block(unsigned order)
{
	for (size_t i = 0; i < rig.nr_held; i++)
		if (rig.held[i].order == order)
			return rig.held[i].pfn;
	fail_msg("there is none");
	return 0;
}

/* N2 */
static void adopted(void **state)
{
	uint64_t pfn;

	(void)state;
	assert_restored();
	pfn = allocated_block(3);
	for (unsigned i = 0; i < 8; i++)
		assert_true(rig_page(pfn + i)->refcount == 1 && rig_page(pfn + i)->order == 0);
	assert_true(mm_replay_adopt(&rig.m.buddy, rig_page(pfn), 3));
	assert_true(mm_replay_adopt(&rig.m.buddy, rig_page(pfn), 3));
	mm_buddy_validate(&rig.m.buddy);
	assert_int_equal(rig_page(pfn)->order, 3);
	/* A part of it, and all of it again. */
	assert_true(mm_replay_adopt(&rig.m.buddy, rig_page(pfn + 4), 1));
	mm_buddy_validate(&rig.m.buddy);
	assert_int_equal(rig_page(pfn + 4)->order, 1);
	assert_int_equal(rig_page(pfn)->order, 0);
	assert_true(mm_replay_adopt(&rig.m.buddy, rig_page(pfn), 3));
	mm_buddy_validate(&rig.m.buddy);
	/* Not if some of it is free. */
	assert_true(mm_replay_adopt(&rig.m.buddy, rig_page(pfn + 4), 1));
	rig_give(0, pfn + 4, 1);
	assert_false(mm_replay_adopt(&rig.m.buddy, rig_page(pfn), 3));
	assert_false(mm_replay_adopt(&rig.m.buddy, rig_page(pfn + 5), 0));
	mm_buddy_pcp_drain_all(rig_zone());
	assert_false(mm_replay_adopt(&rig.m.buddy, rig_page(pfn + 4), 0));
	mm_buddy_validate(&rig.m.buddy);
}

/* What firmware had is the kernel's once it gives it back. */
static void adopted_reserved(void **state)
{
	struct mmsim_page *page;

	(void)state;
	assert_restored();
	page = rig_page(allocated_block(2));
	page[1].flags |= UINT64_C(1) << MMSIM_PG_RESERVED;
	rig_zone()->managed--;
	mm_buddy_validate(&rig.m.buddy);
	assert_true(mm_replay_adopt(&rig.m.buddy, page, 2));
	mm_buddy_validate(&rig.m.buddy);
	rig_give(0, small_machine_pfn(&rig.m, page), 2);
}

static void refuse(const char *text)
{
	uint64_t nr_free = rig_zone()->free_pages;

	assert_int_equal(mm_replay_restore(&rig.m.buddy, snap, &rig.err), -EINVAL);
	assert_string_equal(rig.err.text, text);
	assert_int_equal(rig_zone()->free_pages, nr_free);
	mm_buddy_validate(&rig.m.buddy);
}

#define with(field, value, text)                \
	do {                                    \
		__typeof__(field) kept = field; \
                                                \
		field = value;                  \
		refuse(text);                   \
		field = kept;                   \
	} while (0)

#define OTHER "snapshot: the machine has other zones or fewer CPUs"

static void other_shapes(void **state)
{
	(void)state;
	with(snap->nr_cpus, RIG_CPUS + 1, OTHER);
	with(snap->nr_nodes, 2, OTHER);
	with(snap->zones[0].type, MMSIM_ZONE_DMA32, OTHER);
	with(snap->zones[0].type, MMSIM_NR_ZONES, OTHER);
	with(snap->zones[0].node, 1, OTHER);
	with(snap->zones[0].start_pfn, BASE - 1, OTHER);
	with(snap->zones[0].spanned, PAGES + 1, OTHER);
	assert_restored();
}

static void other_allocator(void **state)
{
	uint64_t nr_free = snap->zones[0].free;

	(void)state;
	rig.policy.allocator = MMSIM_ALLOCATOR_BITMAP;
	rig_machine_again();
	assert_int_equal(mm_replay_restore(&rig.m.buddy, snap, &rig.err), 0);
	/* What is on per-CPU lists is free there. */
	for (unsigned i = 0; i < snap->nr_pcps; i++)
		nr_free += snap->pcps[i].count;
	assert_int_equal(mm_buddy_validate(&rig.m.buddy), nr_free);
}

#define NO_LIST "there is no such list"
#define NO_BLOCK "there is no such block in the zone"

static void impossible_blocks(void **state)
{
	struct mmsim_snap_block *block = &snap->blocks[snap->nr_blocks - 1];
	struct mmsim_snap_pcp_page *page = &snap->pcp_pages[snap->nr_pcp_pages - 1];
	char text[128];

	(void)state;
	snprintf(text, sizeof(text), "snapshot: pfn 0x%lx: " NO_LIST, block->pfn);
	with(block->zone, 1, text);
	with(block->order, MMSIM_MAX_PAGE_ORDER + 1, text);
	with(block->migratetype, MMSIM_NR_MIGRATETYPES, text);
	with(block->pfn, UINT64_MAX - 1023, "snapshot: pfn 0xfffffffffffffc00: " NO_BLOCK);
	with(block->pfn, BASE - 1024, "snapshot: pfn 0xffc00: " NO_BLOCK);
	with(block->pfn, BASE + PAGES, "snapshot: pfn 0x104000: " NO_BLOCK);
	with(block->pfn, BASE + 1, "snapshot: pfn 0x100001: " NO_BLOCK);
	snprintf(text, sizeof(text), "snapshot: pfn 0x%lx: no CPU has such a list", page->pfn);
	with(page->cpu, RIG_CPUS, text);
	snprintf(text, sizeof(text), "snapshot: pfn 0x%lx: some of it is listed twice", block->pfn);
	snap->blocks[snap->nr_blocks] = *block; /* there is room for one more */
	with(snap->nr_blocks, snap->nr_blocks + 1, text);
	assert_restored();
}

static void impossible_runs(void **state)
{
	(void)state;
	with(snap->pageblocks[0].nr, UINT64_MAX,
	     "snapshot: pfn 0x100000: there are no such pageblocks");
	with(snap->pageblocks[0].value, MMSIM_NR_MIGRATETYPES,
	     "snapshot: pfn 0x100000: there are no such pageblocks");
	with(snap->pageblocks[0].pfn, UINT64_MAX,
	     "snapshot: pfn 0xffffffffffffffff: there are no such pageblocks");
	with(snap->pageflags[0].pfn, BASE + PAGES,
	     "snapshot: pfn 0x104000: there are no such pages");
	with(snap->pcps[0].zone, 1, "snapshot: pfn 0x0: no CPU has such lists");
	with(snap->pcps[0].cpu, RIG_CPUS, "snapshot: pfn 0x0: no CPU has such lists");
	with(snap->pcps[1].batch, 0, "snapshot: zone 0, cpu 1: impossible books of its lists");
	with(snap->pcps[1].batch, UINT32_MAX,
	     "snapshot: zone 0, cpu 1: impossible books of its lists");
	with(snap->pcps[1].alloc_factor, 40,
	     "snapshot: zone 0, cpu 1: impossible books of its lists");
	assert_restored();
}

/* A kernel from before there were bounds, and one whose bounds were just changed. */
static void high_and_its_bounds(void **state)
{
	(void)state;
	snap->pcps[0].high = 500;
	snap->pcps[0].high_min = snap->pcps[0].high_max = 0;
	snap->pcps[1].high = 1000000;
	assert_restored();
	assert_int_equal(rig_pcp(0)->high, 500);
	assert_int_equal(rig_pcp(0)->high_min, 500);
	assert_int_equal(rig_pcp(1)->high, rig_pcp(1)->high_max);
}

static void boosted(void **state)
{
	uint64_t low;

	(void)state;
	assert_restored();
	low = mm_zone_wmark(rig_zone(), MM_WMARK_LOW);
	snap->zones[0].boost = 77;
	assert_restored();
	assert_int_equal(rig_zone()->watermark_boost, 77);
	assert_int_equal(mm_zone_wmark(rig_zone(), MM_WMARK_LOW), low + 77);
}

/* Blocks on a list that is not their pageblock's, and halves that should have been united. */
static void lists_that_cannot_be(void **state)
{
	struct mmsim_snap_block halves[2] = { { .pfn = BASE + 2, .order = 1, .migratetype = 2 },
					      { .pfn = BASE, .order = 1, .migratetype = 2 } };
	struct mmsim_snapshot odd = *snap;

	(void)state;
	odd.blocks = halves;
	odd.nr_blocks = 2;
	odd.nr_pcp_pages = odd.nr_pageblocks = 0;
	snap = &odd;
	assert_restored();
	assert_int_equal(rig_zone()->free_pages, 4);
	assert_int_equal(rig_zone()->area[2].nr[MMSIM_MIGRATE_MOVABLE], 1);
	snap = rig.before;
}

#define restored(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		restored(round_trip),
		restored(special_pageblocks),
		restored(adopted),
		restored(adopted_reserved),
		restored(other_shapes),
		restored(other_allocator),
		restored(impossible_blocks),
		restored(impossible_runs),
		restored(high_and_its_bounds),
		restored(boosted),
		restored(lists_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
