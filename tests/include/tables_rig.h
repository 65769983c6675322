/* SPDX-License-Identifier: MIT */
/* Kernel page tables in a small machine, with checked TLBs. Include cmocka.h first. */
#ifndef TEST_TABLES_RIG_H
#define TEST_TABLES_RIG_H

#include "small_machine.h"
#include "tables.h"

#define PAGE ((uint64_t)MMSIM_PAGE_SIZE)
#define SLOT (UINT64_C(1) << 21)
#define HERE MMSIM_VMALLOC_START_4
#define NO_PFN UINT64_MAX

enum { CPUS = 4, MEMORY = 8192, SLOT_PAGES = 512 };

struct rig {
	struct small_machine m;
	struct mm_tlb tlb;
	struct mm_tlb_kernel k;
	struct mm_vmap_tables t;
	struct mmsim_page *held; /* through index: what makes memory short */
};

struct rig_shape {
	enum mmsim_mode mode;
	unsigned levels; /* 0: 4 */
	bool counted, unchecked;
};

static inline struct rig *rig_open_bare(const struct rig_shape *shape)
{
	struct rig *r = NULL;

	assert_int_equal(posix_memalign((void **)&r, MM_CACHE_LINE, sizeof(*r)), 0);
	memset(r, 0, sizeof(*r));
	page_env_config(&r->m.env, CPUS, 1);
	r->m.env.cfg.mode = shape->mode;
	page_env_ram(&r->m.env, 0, SMALL_MACHINE_BASE, SMALL_MACHINE_BASE + MEMORY);
	small_machine_open(&r->m);
	assert_int_equal(mm_tlb_init(&r->tlb, r->m.env.exec, &r->m.env.locks, !shape->unchecked),
			 0);
	mm_tlb_kernel_init(&r->tlb, &r->k);
	return r;
}

static inline int rig_init_tables(struct rig *r, const struct rig_shape *shape)
{
	return mm_vmap_tables_init(&r->t, &r->m.buddy, &r->m.env.locks, &r->tlb, &r->k,
				   shape->levels ? shape->levels : 4, shape->counted);
}

static inline struct rig *rig_open(const struct rig_shape *shape)
{
	struct rig *r = rig_open_bare(shape);

	assert_int_equal(rig_init_tables(r, shape), 0);
	return r;
}

static inline uint64_t rig_free_pages(struct rig *r)
{
	mm_buddy_drain_all(&r->m.buddy);
	return small_machine_normal(&r->m)->free_pages;
}

/* Every page is back. */
static inline void rig_close_bare(struct rig *r)
{
	mm_tlb_kernel_fini(&r->k);
	mm_tlb_fini(&r->tlb);
	mm_buddy_drain_all(&r->m.buddy);
	assert_int_equal(mm_buddy_validate(&r->m.buddy), small_machine_normal(&r->m)->managed);
	small_machine_close(&r->m);
	free(r);
}

static inline void rig_close(struct rig *r)
{
	mm_vmap_tables_validate(&r->t);
	mm_vmap_tables_fini(&r->t);
	rig_close_bare(r);
}

/* Struct pages to be mapped: which ones they are is nobody's affair. */
static inline struct mmsim_page *rig_page(struct rig *r, uint64_t i)
{
	return small_machine_page(&r->m, SMALL_MACHINE_BASE + i);
}

static inline int map_at(struct rig *r, uint64_t addr, uint64_t nr, unsigned order)
{
	struct mmsim_page **pages = calloc(nr, sizeof(*pages));
	int err;

	assert_non_null(pages);
	for (uint64_t i = 0; i < nr; i++)
		pages[i] = rig_page(r, i);
	err = mm_vmap_map(&r->t, addr, pages, nr, order, MMSIM_GFP_KERNEL);
	free(pages);
	return err;
}

static inline void assert_mapped(struct rig *r, uint64_t addr, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++) {
		assert_int_equal(mm_vmap_walk(&r->t, addr + i * PAGE), SMALL_MACHINE_BASE + i);
		assert_int_equal(mm_vmap_walk(&r->t, addr + i * PAGE + 4095),
				 SMALL_MACHINE_BASE + i);
	}
	assert_int_equal(mm_vmap_walk(&r->t, addr - 1), NO_PFN);
	assert_int_equal(mm_vmap_walk(&r->t, addr + nr * PAGE), NO_PFN);
}

static inline void assert_unmapped(struct rig *r, uint64_t addr, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++)
		assert_int_equal(mm_vmap_walk(&r->t, addr + i * PAGE), NO_PFN);
}

static inline void unmap_at(struct rig *r, uint64_t addr, uint64_t nr)
{
	mm_vmap_unmap(&r->t, addr, addr + nr * PAGE);
}

static inline void fail_metadata(struct rig *r, uint32_t nth, uint32_t count)
{
	r->m.env.fault.point[MMSIM_FAULT_METADATA] =
		(struct mm_fault_point){ .nth = nth, .count = count };
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

static inline void give_some_memory_back(struct rig *r, uint64_t nr)
{
	for (struct mmsim_page *page = r->held; page && nr--; page = r->held) {
		r->held = (struct mmsim_page *)(uintptr_t)page->index;
		mm_buddy_free_pages(&r->m.buddy, page, 0);
	}
}

#endif
