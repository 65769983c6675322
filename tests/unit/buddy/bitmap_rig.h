/* SPDX-License-Identifier: MIT */
/*
 * A zone whose page frames are in bitmaps, without the page allocator above it. Frames are named by their
 * distance from RIG_BASE, which begins a tree. Include cmocka.h first.
 */
#ifndef TEST_BITMAP_RIG_H
#define TEST_BITMAP_RIG_H

#include "bitmap_cpu.h"
#include "page_env.h"

#define RIG_BASE MM_PFN_DMA32_END
#define NOTHING UINT64_MAX

#define U MMSIM_MIGRATE_UNMOVABLE
#define M MMSIM_MIGRATE_MOVABLE
#define R MMSIM_MIGRATE_RECLAIMABLE

struct bitmap_rig {
	struct page_env env;
	struct mm_zone zone;
	const struct mm_alt_ops *ops;
};

/* What is in [from, to) becomes the zone. Nothing is free yet. */
static inline void rig_open(struct bitmap_rig *r, enum mmsim_mode mode, unsigned nr_cpus,
			    uint64_t from, uint64_t to)
{
	memset(r, 0, sizeof(*r));
	page_env_config(&r->env, nr_cpus, 1);
	r->env.cfg.mode = mode;
	page_env_ram(&r->env, 0, RIG_BASE + from, RIG_BASE + to);
	page_env_open(&r->env);
	r->zone.exec = r->env.exec;
	r->zone.map = &r->env.map;
	r->zone.type = MMSIM_ZONE_NORMAL;
	r->zone.span = r->env.shape.zone[0][MMSIM_ZONE_NORMAL];
	r->ops = mm_buddy_alt_ops(MMSIM_ALLOCATOR_BITMAP);
	assert_int_equal(r->ops->init(&r->zone), 0);
	r->ops->clear(&r->zone);
}

static inline void rig_close(struct bitmap_rig *r)
{
	r->ops->fini(&r->zone);
	assert_null(r->zone.alt);
	page_env_close(&r->env);
}

static inline void rig_free(struct bitmap_rig *r, uint64_t at, unsigned order)
{
	mm_buddy_alt_free(&r->zone, mm_pfn_to_page(&r->env.map, RIG_BASE + at), order);
}

/* In the largest aligned pieces, as at boot. */
static inline void rig_free_range(struct bitmap_rig *r, uint64_t at, uint64_t end)
{
	while (at < end) {
		unsigned order = MMSIM_MAX_PAGE_ORDER;

		while (at & ((UINT64_C(1) << order) - 1) || at + (UINT64_C(1) << order) > end)
			order--;
		rig_free(r, at, order);
		at += UINT64_C(1) << order;
	}
}

/* Whole trees, all free. */
static inline void rig_open_trees(struct bitmap_rig *r, enum mmsim_mode mode, unsigned nr_cpus,
				  uint64_t nr_trees)
{
	rig_open(r, mode, nr_cpus, 0, nr_trees * MM_TREE_PAGES);
	rig_free_range(r, 0, nr_trees * MM_TREE_PAGES);
}

static inline uint64_t rig_validate(struct bitmap_rig *r)
{
	return r->ops->validate(&r->zone);
}

static inline uint64_t rig_get(struct bitmap_rig *r, unsigned order, enum mmsim_migratetype mt)
{
	struct mmsim_page *page = mm_buddy_alt_rmqueue(&r->zone, order, mt);

	return page ? mm_page_to_pfn(&r->env.map, page) - RIG_BASE : NOTHING;
}

static inline void rig_drain_all(struct bitmap_rig *r)
{
	for (unsigned cpu = 0; cpu < r->env.exec->nr_cpus; cpu++)
		r->ops->drain(&r->zone, cpu);
}

/* A task on one CPU, to its end. */
static inline void rig_on_cpu(struct bitmap_rig *r, unsigned cpu, void (*fn)(void *arg), void *arg)
{
	struct mm_cpumask mask = mm_cpumask_of(cpu);
	struct mm_task task;

	memset(&task, 0, sizeof(task));
	assert_int_equal(mm_exec_spawn(r->env.exec, &task, &mask, fn, arg), 0);
	mm_exec_join(r->env.exec, &task);
}

#endif
