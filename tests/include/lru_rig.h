/* SPDX-License-Identifier: MIT */
/*
 * A small machine with LRU lists and what gives up references, without address spaces. Include cmocka.h
 * first.
 */
#ifndef TEST_LRU_RIG_H
#define TEST_LRU_RIG_H

#include "release.h"
#include "small_machine.h"

#define BASE SMALL_MACHINE_BASE
#define GFP (MMSIM_GFP_KERNEL | MMSIM___GFP_MOVABLE)

struct lru_rig {
	struct small_machine m;
	struct mm_tlb tlb; /* checks nothing */
	struct mm_lru lru;
	struct mm_release release;
	uint64_t freed; /* pages: of `release` */
};

/* Of nodes and memory that m.env says. */
static inline void lru_rig_open(struct lru_rig *r)
{
	small_machine_open(&r->m);
	r->tlb = (struct mm_tlb){ .exec = r->m.env.exec };
	assert_int_equal(mm_mmap_lru_init(&r->lru, &r->m.buddy, &r->m.env.locks), 0);
	mm_release_init(&r->release, &r->lru, &r->tlb, &r->freed);
}

static inline void lru_rig_open_simple(struct lru_rig *r, enum mmsim_mode mode, unsigned nr_cpus,
				       uint64_t nr_pages)
{
	memset(r, 0, sizeof(*r));
	page_env_config(&r->m.env, nr_cpus, 1);
	r->m.env.cfg.mode = mode;
	page_env_ram(&r->m.env, 0, BASE, BASE + nr_pages);
	lru_rig_open(r);
}

static inline void lru_rig_close(struct lru_rig *r)
{
	mm_mmap_lru_fini(&r->lru);
	small_machine_close(&r->m);
}

/* With the caller's reference, and its mapcount -1. */
static inline struct mmsim_page *lru_rig_take(struct lru_rig *r, int node, unsigned order)
{
	struct mmsim_page *folio = mm_buddy_alloc_pages(&r->m.buddy, node, GFP, order);

	assert_non_null(folio);
	return folio;
}

static inline uint64_t lru_rig_size(struct lru_rig *r, enum mm_lru_list list)
{
	return mm_mmap_lru_size(&r->lru, 0, list);
}

/* Everything is free, and both books are in order. */
static inline void lru_rig_assert_all_back(struct lru_rig *r)
{
	uint64_t nr = 0;

	mm_mmap_lru_validate(&r->lru);
	mm_buddy_drain_all(&r->m.buddy);
	mm_buddy_validate(&r->m.buddy);
	mm_for_each_zone(zone, &r->m.buddy)
		nr += zone->managed - zone->free_pages;
	assert_int_equal(nr, 0);
}

#endif
