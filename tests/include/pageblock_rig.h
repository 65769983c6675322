/* SPDX-License-Identifier: MIT */
/*
 * A booted zone of 16 pageblocks for tests that isolate them. Blocks are named by their distance in
 * pages from SMALL_MACHINE_BASE; everything is validated after each step. Include cmocka.h first.
 */
#ifndef TEST_PAGEBLOCK_RIG_H
#define TEST_PAGEBLOCK_RIG_H

#include "isolate.h"
#include "zone_lists.h"

#define BASE SMALL_MACHINE_BASE
#define PAGES 8192u
#define PB ((uint64_t)MMSIM_PAGEBLOCK_NR_PAGES)
#define I MMSIM_MIGRATE_ISOLATE
#define C MMSIM_MIGRATE_CMA

static inline void rig_open(struct small_machine *m)
{
	small_machine_open_simple(m, 1, PAGES);
}

static inline void rig_close(struct small_machine *m)
{
	mm_buddy_validate(&m->buddy);
	small_machine_close(m);
}

/* Exactly this free block, as if it had been asked for. */
static inline void rig_take(struct small_machine *m, uint64_t at, unsigned order)
{
	struct mm_zone *zone = small_machine_normal(m);
	struct mmsim_page *page = small_machine_page(m, BASE + at);

	mm_spin_lock(&zone->lock);
	assert_true(mm_buddy_take_page(zone, page, order));
	mm_spin_unlock(&zone->lock);
	page->order = (uint8_t)order;
	page->refcount = 1;
}

static inline void rig_give(struct small_machine *m, uint64_t at, unsigned order)
{
	assert_int_equal(mm_buddy_free_pfn(&m->buddy, BASE + at, order), 0);
	mm_buddy_validate(&m->buddy);
}

static inline int rig_isolate(struct small_machine *m, uint64_t at)
{
	int err = mm_buddy_isolate_pageblock(small_machine_normal(m), BASE + at);

	mm_buddy_validate(&m->buddy);
	return err;
}

static inline int rig_unisolate(struct small_machine *m, uint64_t at)
{
	int err = mm_buddy_unisolate_pageblock(small_machine_normal(m), BASE + at);

	mm_buddy_validate(&m->buddy);
	return err;
}

static inline int rig_make_cma(struct small_machine *m, uint64_t at)
{
	int err = mm_buddy_init_cma_pageblock(small_machine_normal(m), BASE + at);

	mm_buddy_validate(&m->buddy);
	return err;
}

/* Also forgets what was said before. */
static inline int rig_contig(struct small_machine *m, uint64_t from, uint64_t to)
{
	int err;

	small_machine_hush(m);
	err = mm_buddy_alloc_contig_range(&m->buddy, BASE + from, BASE + to);
	mm_buddy_validate(&m->buddy);
	return err;
}

#endif
