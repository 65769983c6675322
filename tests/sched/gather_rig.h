/* SPDX-License-Identifier: MIT */
/*
 * What a gather needs, put together by hand: the parts of struct mm_mmap that it uses and an address space
 * without areas. For tests of the mmap floor and for scenarios; asserts nothing.
 */
#ifndef TEST_GATHER_RIG_H
#define TEST_GATHER_RIG_H

#include "mmap.h"
#include "tlb_cache.h"
#include <string.h>

struct gather_rig {
	struct mm_mmap mmap;
	struct mmsim_mm mm;
};

struct gather_rig_config {
	struct mm_lockset *locks;
	struct mm_log *log;
	struct mm_buddy *buddy;
	const struct mm_topology *topology;
	bool unchecked; /* TLBs */
	unsigned max_active; /* batch workers; 0: 2 */
};

/* 0 or -ENOMEM; what was made by then is lost. */
static inline int gather_rig_open(struct gather_rig *r, const struct gather_rig_config *cfg)
{
	struct mm_exec *x = cfg->locks->exec;
	struct mm_workqueue_config wc = {
		.max_active = cfg->max_active ? cfg->max_active : 2,
		.locks = cfg->locks,
		.topology = cfg->topology,
	};
	struct mm_mmap *mmap = &r->mmap;
	int err;

	memset(r, 0, sizeof(*r));
	mmap->exec = x;
	mmap->log = cfg->log;
	mmap->locks = cfg->locks;
	mmap->buddy = cfg->buddy;
	mmap->topology = cfg->topology;
	err = mm_tlb_init(&mmap->tlb, x, cfg->locks, !cfg->unchecked);
	err = err ? err : mm_sync_rcu_init(&mmap->rcu, cfg->locks, cfg->topology);
	err = err ? err : mm_mmap_lru_init(&mmap->lru, cfg->buddy, cfg->locks);
	err = err ? err : mm_sync_workqueue_create(x, &wc, &mmap->free_wq);
	mmap->release = (struct mm_release){
		.exec = x,
		.lru = &mmap->lru,
		.tlb = &mmap->tlb,
		.freed = &mmap->info.freed,
	};
	r->mm.mmap = mmap;
	mm_tlb_context_init(&mmap->tlb, &r->mm.tlb);
	return err;
}

/* What waits for a grace period is freed; the caller compares the books. */
static inline void gather_rig_close(struct gather_rig *r)
{
	struct mm_mmap *mmap = &r->mmap;

	mm_tlb_context_fini(&mmap->tlb, &r->mm.tlb);
	mm_sync_rcu_barrier(&mmap->rcu);
	mm_sync_workqueue_destroy(mmap->free_wq);
	mm_mmap_lru_fini(&mmap->lru);
	mm_sync_rcu_fini(&mmap->rcu);
	mm_tlb_fini(&mmap->tlb);
}

/* A page as a fault leaves it: one reference and, if `mapped`, one mapping. NULL: no memory. */
static inline struct mmsim_page *gather_rig_page(struct gather_rig *r, unsigned order, bool mapped)
{
	struct mmsim_page *page = mm_buddy_alloc_pages(r->mmap.buddy, MMSIM_NUMA_NO_NODE,
						       MMSIM_GFP_HIGHUSER_MOVABLE, order);

	if (page && mapped)
		mm_folio_add_rmap(page, 1);
	return page;
}

/* The caller's CPU has used address addr, where `page` is, or a table that covers `bytes` from there on. */
static inline void gather_rig_use(struct gather_rig *r, uint64_t addr, uint64_t bytes,
				  const struct mmsim_page *page, bool table)
{
	struct mm_tlb *t = &r->mmap.tlb;
	struct mm_tlb_cpu *c = mm_tlb_access_begin(t, &r->mm.tlb);
	const struct mm_tlb_entry e = {
		.start = addr,
		.end = addr + bytes,
		.pfn = mm_page_to_pfn(r->mmap.buddy->map, page),
		.table = table,
		.write = true,
	};

	mm_tlb_fill(t, c, &r->mm.tlb, &e);
	mm_tlb_access_end(c);
}

/* Does the caller's CPU still translate addr? */
static inline bool gather_rig_in_tlb(struct gather_rig *r, uint64_t addr)
{
	struct mm_tlb_cpu *c = mm_tlb_access_begin(&r->mmap.tlb, &r->mm.tlb);
	bool is = mm_tlb_lookup(c, &r->mm.tlb, addr) != NULL;

	mm_tlb_access_end(c);
	return is;
}

#endif
