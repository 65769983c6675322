/* SPDX-License-Identifier: MIT */
/*
 * The end of an address space, and the OOM reaper beside it. Counterpart: exit_mmap(),
 * __oom_reap_task_mm().
 */
#include "mmap.h"
#include <errno.h>

/* No fault finds an area from now on; the reaper still does. False: somebody else has begun. */
static bool begin(struct mmsim_mm *mm, mm_list *areas)
{
	bool first;

	mm_list_init(areas);
	mm_sync_down_write(&mm->mmap_lock);
	first = !mm->gone;
	mm->gone = true;
	for (struct mm_vma *vma = first ? mm_mmap_vma_first(&mm->areas) : NULL; vma;
	     vma = mm_mmap_vma_next(vma))
		mm_list_add_tail(&vma->detached, areas);
	if (first)
		mm_sync_downgrade_write(&mm->mmap_lock);
	else
		mm_sync_up_write(&mm->mmap_lock);
	return first;
}

void mm_mmap_exit(struct mmsim_mm *mm)
{
	struct mm_gather g;
	mm_list areas;

	if (!begin(mm, &areas))
		return;
	/* What is on its way to the LRU has references that would keep it. */
	mm_mmap_lru_add_drain(&mm->mmap->lru);
	mm_mmap_gather_begin(&g, mm, true);
	mm_mmap_unmap_vmas(&g, &areas, 0, 0);
	__atomic_store_n(&mm->oom_skip, 1, __ATOMIC_RELEASE);
	mm_up_read(&mm->mmap_lock);
	/* The reaper is out, and finds nothing any more: tables may go. */
	mm_sync_down_write(&mm->mmap_lock);
	mm_mmap_free_pgtables(&g, &areas, 0, 0);
	mm_mmap_gather_end(&g);
	mm_mmap_vma_tree_init(&mm->areas);
	mm_mmap_free_areas(&areas);
	mm_invariant("N1: nothing is counted where nothing is mapped",
		     !mm->rss[MM_RSS_ANON] && !mm->rss[MM_RSS_FILE]);
	mm_invariant("N3: only the top table is left", mm->nr_tables == 1);
	mm_sync_up_write(&mm->mmap_lock);
}

static void reap(struct mm_vma *vma)
{
	struct mm_gather g;

	mm_mmap_gather_begin(&g, vma->mm, false);
	mm_mmap_zap(&g, vma->start, vma->end);
	mm_mmap_gather_end(&g);
}

int mm_mmap_oom_reap(struct mmsim_mm *mm, uint64_t *pages)
{
	int64_t before, after;

	if (!mm_sync_down_read_trylock(&mm->mmap_lock))
		return -EAGAIN;
	if (__atomic_load_n(&mm->oom_skip, __ATOMIC_ACQUIRE)) {
		mm_up_read(&mm->mmap_lock);
		return -ESRCH;
	}
	mm_mmap_lru_add_drain(&mm->mmap->lru);
	before = __atomic_load_n(&mm->rss[MM_RSS_ANON], __ATOMIC_RELAXED);
	for (struct mm_vma *vma = mm_mmap_vma_first(&mm->areas); vma; vma = mm_mmap_vma_next(vma))
		if (!(vma->flags & MMSIM_MAP_SHARED))
			reap(vma);
	after = __atomic_load_n(&mm->rss[MM_RSS_ANON], __ATOMIC_RELAXED);
	mm_up_read(&mm->mmap_lock);
	*pages = before > after ? (uint64_t)(before - after) : 0;
	return 0;
}
