/* SPDX-License-Identifier: MIT */
/* What the address spaces of a machine share, and making and freeing one. */
#include "mmap.h"

#include <errno.h>

static int free_wq_init(struct mm_mmap *mmap)
{
	const struct mm_workqueue_config cfg = { .locks = mmap->locks, .topology = mmap->topology };

	return mm_sync_workqueue_create(mmap->exec, &cfg, &mmap->free_wq);
}

int mm_mmap_init(struct mm_mmap *mmap, const struct mm_mmap_config *cfg)
{
	*mmap = (struct mm_mmap){
		.exec = cfg->exec,
		.log = cfg->log,
		.locks = cfg->locks,
		.buddy = cfg->buddy,
		.ktask = cfg->ktask,
		.topology = cfg->topology,
	};
	if (mm_tlb_init(&mmap->tlb, cfg->exec, cfg->locks, cfg->checked))
		return -ENOMEM;
	if (mm_sync_rcu_init(&mmap->rcu, cfg->locks, cfg->topology))
		goto tlb;
	if (mm_mmap_lru_init(&mmap->lru, cfg->buddy, cfg->locks))
		goto rcu;
	mm_release_init(&mmap->release, &mmap->lru, &mmap->tlb, &mmap->info.freed);
	if (free_wq_init(mmap))
		goto lru;
	mm_sync_mutex_init(&mmap->policy_lock, cfg->locks, MM_RANK_TEARDOWN);
	return 0;
lru:
	mm_mmap_lru_fini(&mmap->lru);
rcu:
	mm_sync_rcu_fini(&mmap->rcu);
tlb:
	mm_tlb_fini(&mmap->tlb);
	return -ENOMEM;
}

void mm_mmap_drain(struct mm_mmap *mmap)
{
	mm_sync_rcu_barrier(&mmap->rcu);
	mm_mmap_lru_add_drain_all(&mmap->lru);
}

void mm_mmap_assert_unused(const struct mm_mmap *mmap)
{
	mm_invariant("N4: no address space and no file is left",
		     !__atomic_load_n(&mmap->nr_users, __ATOMIC_ACQUIRE));
}

void mm_mmap_fini(struct mm_mmap *mmap)
{
	mm_mmap_assert_unused(mmap);
	mm_mmap_drain(mmap);
	mm_sync_mutex_fini(&mmap->policy_lock);
	mm_sync_workqueue_destroy(mmap->free_wq);
	mm_mmap_lru_fini(&mmap->lru);
	mm_sync_rcu_fini(&mmap->rcu);
	mm_tlb_fini(&mmap->tlb);
}

int mm_mmap_mm_create(struct mm_mmap *mmap, const struct mmsim_mm_params *params,
		      struct mmsim_mm **out)
{
	struct mm_meta *meta = mmap->exec->meta;
	unsigned levels = params->levels ? params->levels : 4;
	struct mmsim_mm *mm = mm_base_meta_alloc(meta, sizeof(*mm));

	if (!mm)
		return -ENOMEM;
	mm->pgd = mm_mmap_table_alloc(mmap->buddy, mmap->locks, levels - 1);
	if (!mm->pgd) {
		mm_base_meta_free(meta, mm, sizeof(*mm));
		return -ENOMEM;
	}
	mm->mmap = mmap;
	mm->levels = levels;
	mm->thp = params->thp;
	mm->task_size = levels == 4 ? MMSIM_TASK_SIZE_4 : MMSIM_TASK_SIZE_5;
	mm->nr_tables = 1;
	mm_sync_rwsem_init(&mm->mmap_lock, mmap->locks, MM_RANK_MMAP);
	mm_sync_spin_init(&mm->page_table_lock, mmap->locks, MM_RANK_PAGE_TABLE);
	mm_mmap_vma_tree_init(&mm->areas);
	mm_tlb_context_init(&mmap->tlb, &mm->tlb);
	mm_mm_count(&mmap->nr_users, 1);
	*out = mm;
	return 0;
}

/* The top table may be in a lazy CPU's TLB until the context is gone. */
void mm_mmap_mm_destroy(struct mmsim_mm *mm)
{
	mm_mmap_exit(mm);
	mm_tlb_context_fini(&mm->mmap->tlb, &mm->tlb);
	mm_mmap_table_free(mm->pgd);
	mm_sync_spin_fini(&mm->page_table_lock);
	mm_sync_rwsem_fini(&mm->mmap_lock);
	mm_mm_count(&mm->mmap->nr_users, (uint64_t)-1);
	mm_base_meta_free(mm->mmap->exec->meta, mm, sizeof(*mm));
}

const char *mm_mmap_refuse_teardown(const struct mmsim_teardown *how)
{
	if (how->way >= MMSIM_NR_TEARDOWNS)
		return "way: unknown";
	if (how->free >= MMSIM_NR_TEARDOWN_FREES)
		return "free: unknown";
	if (how->max_batches > 65536)
		return "max_batches: above 65536";
	if (how->max_active > MMSIM_MAX_CPUS)
		return "max_active: above MMSIM_MAX_CPUS";
	if (how->max_threads > MMSIM_MAX_CPUS)
		return "max_threads: above MMSIM_MAX_CPUS";
	if (how->chunk_pages % MM_HPAGE_PAGES)
		return "chunk_pages: not a multiple of 512";
	return NULL;
}

/* Who begins a gather copies it field by field. */
int mm_mmap_set_teardown(struct mm_mmap *mmap, const struct mmsim_teardown *how)
{
	int err;

	mm_sync_mutex_lock(&mmap->policy_lock);
	err = mm_sync_workqueue_set_max_active(mmap->free_wq, how->max_active);
	if (!err)
		mm_teardown_copy(&mmap->how, how);
	mm_sync_mutex_unlock(&mmap->policy_lock);
	return err;
}

static uint64_t read_count(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void mm_mmap_mm_info(struct mmsim_mm *mm, struct mmsim_mm_info *out)
{
	*out = (struct mmsim_mm_info){
		.anon_pages = (uint64_t)__atomic_load_n(&mm->rss[MM_RSS_ANON], __ATOMIC_RELAXED),
		.file_pages = (uint64_t)__atomic_load_n(&mm->rss[MM_RSS_FILE], __ATOMIC_RELAXED),
		.table_pages = read_count(&mm->nr_tables),
		.faults = read_count(&mm->stat.faults),
		.thp_faults = read_count(&mm->stat.thp_faults),
		.thp_fallbacks = read_count(&mm->stat.thp_fallbacks),
		.thp_splits = read_count(&mm->stat.thp_splits),
		.cow_copies = read_count(&mm->stat.cow_copies),
		.cow_reuses = read_count(&mm->stat.cow_reuses),
	};
	mm_down_read(&mm->mmap_lock);
	out->map_count = mm->areas.nr;
	out->total_vm = mm->areas.pages;
	mm_up_read(&mm->mmap_lock);
}

int mm_mmap_area_info(struct mmsim_mm *mm, uint64_t addr, struct mmsim_area_info *out)
{
	const struct mm_vma *vma;

	mm_down_read(&mm->mmap_lock);
	vma = mm->gone ? NULL : mm_mmap_vma_find(&mm->areas, addr);
	if (vma)
		*out = (struct mmsim_area_info){
			.start = vma->start,
			.end = vma->end,
			.flags = vma->flags & MM_VMA_KEPT,
			.hugepage = vma->flags & MM_VMA_HUGEPAGE,
			.nohugepage = vma->flags & MM_VMA_NOHUGEPAGE,
			.file = vma->file,
			.offset = vma->pgoff << MMSIM_PAGE_SHIFT,
		};
	mm_up_read(&mm->mmap_lock);
	return vma ? 0 : -ENOENT;
}
