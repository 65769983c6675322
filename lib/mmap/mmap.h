/* SPDX-License-Identifier: MIT */
/*
 * What the address spaces of a machine share, and an address space.
 *
 * Counterpart: struct mm_struct, mm_init(). mmsim/mm.h says what differs.
 *
 *  N1: rss[ANON] and rss[FILE] are the pages that entries map, of each kind.
 *  N2: outside the tree no area is in use, except those that an munmap is taking down.
 *  N3: after `gone` was set there is no area and no table but the top one.
 *  N4: address spaces and files go before their machine goes or is reset.
 *
 * Locking: mmap_lock guards the areas and `gone`. Page tables: pgtable.h. Counters are atomic.
 */
#ifndef MM_MMAP_H
#define MM_MMAP_H

#include "buddy.h"
#include "gather.h"
#include "ktask.h"
#include "rwsem.h"
#include "vma.h"

enum { MM_RSS_FILE, MM_RSS_ANON, MM_NR_RSS };

/* Of a machine. */
struct mm_mmap {
	struct mm_exec *exec; /* these: constant after init */
	struct mm_log *log;
	struct mm_lockset *locks;
	struct mm_buddy *buddy;
	struct mm_ktask *ktask;
	const struct mm_topology *topology;
	struct mm_tlb tlb;
	struct mm_rcu rcu;
	struct mm_lru lru;
	struct mm_release release;
	struct mm_mutex policy_lock; /* MM_RANK_TEARDOWN: around changing `how` and max_active */
	struct mmsim_teardown how; /* fields are atomic; copied when a gather begins */
	struct mm_workqueue *free_wq; /* of batch workers: unbound */
	uint64_t nr_users; /* atomic: address spaces and files, and the kernel's, N4 */
	struct mmsim_teardown_info info mm_cacheline_aligned; /* atomic */
};

struct mmsim_mm {
	struct mm_mmap *mmap; /* these: constant after init */
	uint64_t task_size;
	unsigned thp; /* enum mmsim_thp */
	struct mm_table *pgd;
	unsigned levels;
	struct mm_rwsem mmap_lock;
	struct mm_vma_tree areas;
	bool gone; /* N3 */
	uint32_t oom_skip; /* atomic: MMF_OOM_SKIP: nothing is left for the reaper */
	struct mm_spinlock page_table_lock;
	struct mm_tlb_context tlb;
	uint32_t tlb_flush_pending mm_cacheline_aligned; /* atomic: gathers at work */
	int64_t rss[MM_NR_RSS]; /* atomic: N1 */
	uint64_t nr_tables; /* atomic: Q4 */
	struct mm_atomic_line rss_line;
	struct {
		uint64_t faults, thp_faults, thp_fallbacks, thp_splits, cow_copies, cow_reuses;
	} stat; /* atomic */
};

struct mm_mmap_config {
	struct mm_exec *exec;
	struct mm_log *log;
	struct mm_lockset *locks;
	struct mm_buddy *buddy;
	struct mm_ktask *ktask;
	const struct mm_topology *topology;
	bool checked; /* TLBs: tlb.h */
};

/* 0 or -ENOMEM. */
int mm_mmap_init(struct mm_mmap *mmap, const struct mm_mmap_config *cfg);
/* No address space and no file is left. */
void mm_mmap_fini(struct mm_mmap *mmap);
/* N4. Stops the program. */
void mm_mmap_assert_unused(const struct mm_mmap *mmap);
/* What CPUs keep for themselves, and what waits for a grace period, back to the allocator. */
void mm_mmap_drain(struct mm_mmap *mmap);

/* What is wrong with it, for a message; NULL: nothing. */
const char *mm_mmap_refuse_teardown(const struct mmsim_teardown *how);
/* 0, or -ENOMEM: as before. */
int mm_mmap_set_teardown(struct mm_mmap *mmap, const struct mmsim_teardown *how);

int mm_mmap_mm_create(struct mm_mmap *mmap, const struct mmsim_mm_params *params,
		      struct mmsim_mm **out);
void mm_mmap_mm_destroy(struct mmsim_mm *mm);

/* The calls of mmsim/mm.h, arguments checked. */
int mm_mmap_map(struct mmsim_mm *mm, uint64_t addr, uint64_t length, uint32_t flags,
		struct mmsim_file *file, uint64_t pgoff, uint64_t *out);
int mm_mmap_unmap(struct mmsim_mm *mm, uint64_t start, uint64_t end);
int mm_mmap_advise(struct mmsim_mm *mm, uint64_t start, uint64_t end, enum mmsim_advice advice);
int mm_mmap_touch(struct mmsim_mm *mm, uint64_t addr, bool write);
int mm_mmap_populate(struct mmsim_mm *mm, uint64_t start, uint64_t end, bool write);
int mm_mmap_fork(struct mmsim_mm *mm, struct mmsim_mm **out);
void mm_mmap_exit(struct mmsim_mm *mm);
int mm_mmap_oom_reap(struct mmsim_mm *mm, uint64_t *pages);
int mm_mmap_lookup(struct mmsim_mm *mm, uint64_t addr, struct mmsim_mapping *out);
void mm_mmap_mm_info(struct mmsim_mm *mm, struct mmsim_mm_info *out);
int mm_mmap_area_info(struct mmsim_mm *mm, uint64_t addr, struct mmsim_area_info *out);
uint64_t mm_mmap_validate(struct mmsim_mm *mm);

/* Between the files of this floor. */

/*
 * Bring what an access needs; mmap_lock is held for reading. 0, -EFAULT, -ENOMEM. Counterpart:
 * handle_mm_fault().
 */
int mm_mmap_fault(struct mmsim_mm *mm, uint64_t addr, bool write);

/*
 * Huge entries: huge.c. Counterpart: mm/huge_memory.c. The first two: 0: done, access again; -EAGAIN: go on
 * with single pages.
 */
int mm_mmap_huge_fault(struct mm_vma *vma, uint64_t addr);
int mm_mmap_huge_wp(struct mm_vma *vma, uint64_t addr);
/* The huge entry at addr, if there is one, becomes a table (Q5). Counterpart: split_huge_pmd(). */
void mm_mmap_split_huge(struct mmsim_mm *mm, uint64_t addr);
/*
 * A huge entry of `mm` at addr for a child, too. 0; -EAGAIN: it is none any more; -ENOMEM. Counterpart:
 * copy_huge_pmd().
 */
int mm_mmap_huge_copy(struct mmsim_mm *child, struct mmsim_mm *mm, uint64_t addr);

/*
 * Unhook [start, end), which is inside one area. Tables stay. Counterpart: unmap_page_range().
 */
void mm_mmap_zap(struct mm_gather *g, uint64_t start, uint64_t end);

/*
 * The tables of [start, end) up to this level that reach neither below floor nor above ceiling (0: no
 * limit). Of level PTE beside the reaper and rmap walkers, of others alone. Counterpart: free_pgd_range().
 */
void mm_mmap_free_tables(struct mm_gather *g, uint64_t start, uint64_t end, uint64_t floor,
			 uint64_t ceiling, unsigned level);

/*
 * A copy of an area from `start` on, for mm, in no tree and on no list. NULL: no memory. Counterpart:
 * vm_area_dup().
 */
struct mm_vma *mm_mmap_area_dup(const struct mm_vma *vma, struct mmsim_mm *mm, uint64_t start);

/*
 * Taking down a list of areas (vma->detached) in order of address, none of which can fault any more: their
 * entries; then the links to files and the tables; then the areas themselves. floor is the end of the area
 * below, 0: none, ceiling the start of the one above, 0: none. Counterpart: unmap_vmas(), free_pgtables(),
 * remove_vma().
 */
void mm_mmap_unmap_vmas(struct mm_gather *g, mm_list *areas, uint64_t floor, uint64_t ceiling);
void mm_mmap_free_pgtables(struct mm_gather *g, mm_list *areas, uint64_t floor, uint64_t ceiling);
void mm_mmap_free_areas(mm_list *areas);

/*
 * mm_mmap_unmap_vmas() by several threads, and the lowest tables with it: range_free.c. False: nothing was
 * done, for it is not worth it, or there is no memory.
 */
bool mm_mmap_zap_parallel(struct mm_gather *g, mm_list *areas, uint64_t floor, uint64_t ceiling);

/* N1. */
static inline void mm_mm_add_rss(struct mmsim_mm *mm, unsigned kind, int64_t nr)
{
	if (!nr)
		return;
	__atomic_add_fetch(&mm->rss[kind], nr, __ATOMIC_RELAXED);
	mm_exec_charge(mm->mmap->exec, MM_CHARGE_ATOMIC, &mm->rss_line, 1);
}

/* TLBs forget one page. Counterpart: flush_tlb_page(). */
static inline void mm_mm_flush_page(struct mmsim_mm *mm, uint64_t addr)
{
	const struct mm_tlb_flush flush = { addr, addr + MMSIM_PAGE_SIZE, MMSIM_PAGE_SHIFT, false };

	mm_tlb_flush(&mm->mmap->tlb, &mm->tlb, &flush);
}

static inline void mm_mm_count(uint64_t *counter, uint64_t n)
{
	__atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

#endif
