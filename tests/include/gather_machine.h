/* SPDX-License-Identifier: MIT */
/*
 * A small machine with what a gather needs, pages to gather, and what was counted meanwhile. Include
 * cmocka.h first.
 */
#ifndef TEST_GATHER_MACHINE_H
#define TEST_GATHER_MACHINE_H

#include "batch_free.h"
#include "flush_group.h"
#include <stdio.h>

#include "small_machine.h"

#include "../sched/gather_rig.h"

#define HERE UINT64_C(0x7f0000000000)
#define PAGE MMSIM_PAGE_SIZE

enum { CPUS = 4, MEMORY = 16384, BUNDLE = MM_GATHER_BUNDLE, BATCH = MM_GATHER_BATCH_MAX };
enum { FOLIO = 4, FOLIO_ORDER = 2 }; /* of large ones */

struct rig {
	struct small_machine m;
	struct gather_rig g;
	struct mmsim_page *held; /* through index: what makes memory short */
	struct mmsim_teardown_info was; /* at the last look */
};

static inline struct rig *rig_alloc(enum mmsim_mode mode, uint64_t memory)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	page_env_config(&r->m.env, CPUS, 1);
	r->m.env.cfg.mode = mode;
	page_env_ram(&r->m.env, 0, SMALL_MACHINE_BASE, SMALL_MACHINE_BASE + memory);
	return r;
}

static inline struct rig *rig_start(struct rig *r, bool unchecked)
{
	small_machine_open(&r->m);
	const struct gather_rig_config cfg = {
		.locks = &r->m.env.locks,
		.log = &r->m.env.log,
		.buddy = &r->m.buddy,
		.topology = &r->m.env.topology,
		.unchecked = unchecked,
	};

	assert_int_equal(gather_rig_open(&r->g, &cfg), 0);
	return r;
}

static inline struct rig *rig_new(enum mmsim_mode mode, uint64_t memory, bool unchecked)
{
	return rig_start(rig_alloc(mode, memory), unchecked);
}

/* Free pages are filled, and have memory for that. */
static inline struct rig *rig_poisoned(void)
{
	const uint64_t from = SMALL_MACHINE_BASE * MMSIM_PAGE_SIZE,
		       bytes = MEMORY * MMSIM_PAGE_SIZE;
	struct rig *r = rig_alloc(MMSIM_SERIAL, MEMORY);

	r->m.env.cfg.policy.flags = MMSIM_POLICY_POISON;
	assert_int_equal(mm_page_area_init(&r->m.pages, from + bytes,
					   MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M, &r->m.env.fault),
			 0);
	assert_int_equal(mm_page_area_map(&r->m.pages, from, from + bytes), 0);
	return rig_start(r, false);
}

static inline struct rig *rig_open(enum mmsim_mode mode)
{
	return rig_new(mode, MEMORY, false);
}

/* Every page is back. */
static inline void rig_close(struct rig *r)
{
	uint64_t all;

	gather_rig_close(&r->g);
	assert_int_equal(r->g.mm.tlb_flush_pending, 0);
	mm_buddy_drain_all(&r->m.buddy);
	all = small_machine_normal(&r->m)->managed;
	assert_int_equal(mm_buddy_validate(&r->m.buddy), all);
	small_machine_close(&r->m);
	free(r);
}

static inline void in_all_modes(void (*test)(enum mmsim_mode mode))
{
	test(MMSIM_NATIVE);
	test(MMSIM_SERIAL);
	test(MMSIM_VIRTUAL);
	test(MMSIM_EXPLORE);
}

/* What was counted since the last look. */
static inline struct mmsim_teardown_info look(struct rig *r)
{
	struct mmsim_teardown_info now = r->g.mmap.info, diff;
	const uint64_t *a = (const uint64_t *)&now, *b = (const uint64_t *)&r->was;

	for (size_t i = 0; i < sizeof(now) / sizeof(*a); i++)
		((uint64_t *)&diff)[i] = a[i] - b[i];
	r->was = now;
	return diff;
}

static inline struct mmsim_tlb_info tlb_info(struct rig *r)
{
	struct mmsim_tlb_info info;

	mm_tlb_info(&r->g.mmap.tlb, &info);
	return info;
}

static inline void fail_metadata(struct rig *r, uint32_t nth, uint32_t count)
{
	r->m.env.fault.point[MMSIM_FAULT_METADATA] =
		(struct mm_fault_point){ .nth = nth, .count = count };
}

static inline void begin(struct rig *r, struct mm_gather *g)
{
	mm_mmap_gather_begin(g, &r->g.mm, false);
}

/* One page of nobody else's at some address. */
static inline bool add(struct rig *r, struct mm_gather *g)
{
	struct mmsim_page *page = gather_rig_page(&r->g, 0, false);

	assert_non_null(page);
	mm_gather_unhooked(g, HERE, PAGE, MM_LEVEL_PTE);
	return mm_mmap_gather_pages(g, page, 1, false);
}

/* A large folio, whose pages were mapped one by one. */
static inline bool add_folio(struct rig *r, struct mm_gather *g)
{
	struct mmsim_page *page = gather_rig_page(&r->g, FOLIO_ORDER, false);

	assert_non_null(page);
	mm_folio_get(page, FOLIO - 1);
	mm_gather_unhooked(g, HERE, FOLIO * PAGE, MM_LEVEL_PTE);
	return mm_mmap_gather_pages(g, page, FOLIO, false);
}

static inline void add_many(struct rig *r, struct mm_gather *g, unsigned nr)
{
	while (nr--)
		assert_false(add(r, g));
}

/* How many until it is full. */
static inline unsigned fill(struct rig *r, struct mm_gather *g,
			    bool (*with)(struct rig *r, struct mm_gather *g))
{
	unsigned nr = 1;

	while (!with(r, g))
		nr++;
	return nr;
}

static inline void hold_all_memory(struct rig *r)
{
	struct mmsim_page *page;

	while ((page = mm_buddy_alloc_pages(&r->m.buddy, MMSIM_NUMA_NO_NODE,
					    MMSIM_GFP_ATOMIC | MMSIM___GFP_MEMALLOC, 0))) {
		page->index = (uintptr_t)r->held;
		r->held = page;
	}
}

static inline void give_memory_back(struct rig *r)
{
	for (struct mmsim_page *page = r->held; page; page = r->held) {
		r->held = (struct mmsim_page *)(uintptr_t)page->index;
		mm_buddy_free_pages(&r->m.buddy, page, 0);
	}
}

static inline void hand_over(struct rig *r, uint64_t threshold, uint32_t max_batches)
{
	r->g.mmap.how = (struct mmsim_teardown){
		.way = MMSIM_TEARDOWN_BATCH_WORKERS,
		.threshold = threshold,
		.max_batches = max_batches,
	};
}

enum { NEAR = 3, FAR = 100 }; /* pages from HERE */

static inline void use_pages(struct rig *r, struct mmsim_page *page)
{
	for (unsigned i = 0; i < 2; i++)
		gather_rig_use(&r->g, HERE + (i ? FAR : NEAR) * PAGE, PAGE, page, false);
}

static inline bool in_tlb(struct rig *r, unsigned page)
{
	return gather_rig_in_tlb(&r->g, HERE + page * PAGE);
}

static inline void unhook(struct mm_gather *g, unsigned page)
{
	mm_gather_unhooked(g, HERE + page * PAGE, PAGE, MM_LEVEL_PTE);
}

#endif
