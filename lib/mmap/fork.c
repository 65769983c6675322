/* SPDX-License-Identifier: MIT */
/*
 * A copy of an address space. The parent's mmap_lock is held for writing: no area changes and nothing
 * faults; but its entries may be cleaned by a file's writeback, and its CPUs go on using their TLBs until
 * the flush at the end. Counterpart: dup_mmap(), copy_page_range().
 */
#include "filemap.h"
#include <errno.h>

struct copy {
	struct mmsim_mm *from, *to;
};

/*
 * One more mapping of what an entry of a private area maps. Returns the entry for the child. Counterpart:
 * copy_present_pte().
 */
static mm_entry share(const struct copy *c, mm_entry *at, int64_t rss[MM_NR_RSS])
{
	mm_entry e = mm_entry_read(at);
	struct mmsim_page *folio;

	if (!mm_entry_present(e))
		return 0;
	if (e & MM_PTE_WRITE)
		e = __atomic_and_fetch(at, ~(mm_entry)MM_PTE_WRITE, __ATOMIC_ACQ_REL);
	folio = mm_folio(mm_entry_page(c->from->mmap->buddy, e));
	mm_exec_charge(c->from->mmap->exec, MM_CHARGE_RMW, &folio->refcount, 1);
	mm_folio_get(folio, 1);
	mm_folio_add_rmap(folio, 1);
	rss[e & MM_PTE_FILE ? MM_RSS_FILE : MM_RSS_ANON]++;
	return e;
}

/* Of one PTE table, whose lock is held; the child's table is nobody's yet. */
static void share_entries(const struct copy *c, struct mm_table *from, struct mm_table *to,
			  uint64_t addr, uint64_t end)
{
	int64_t rss[MM_NR_RSS] = { 0 };

	for (; addr < end; addr += MMSIM_PAGE_SIZE) {
		mm_entry e = share(c, mm_entry_at(from, addr), rss);

		if (e)
			mm_entry_set(mm_entry_at(to, addr), e);
	}
	for (unsigned i = 0; i < MM_NR_RSS; i++)
		mm_mm_add_rss(c->to, i, rss[i]);
}

static int copy_ptes(const struct copy *c, uint64_t addr, uint64_t end)
{
	struct mm_table *to, *from;
	bool huge;

	to = mm_mmap_table_get(c->to, addr, MM_LEVEL_PTE, &huge);
	if (!to)
		return -ENOMEM;
	from = mm_mmap_pte_lock(c->from, addr);
	if (from) {
		share_entries(c, from, to, addr, end);
		mm_spin_unlock(&from->lock);
	}
	return 0;
}

static int copy_pmd(const struct copy *c, mm_entry e, uint64_t addr, uint64_t end)
{
	int err = -EAGAIN;

	if (e & MM_PTE_HUGE)
		err = mm_mmap_huge_copy(c->to, c->from, addr);
	return err == -EAGAIN ? copy_ptes(c, addr, end) : err;
}

static int copy_below(const struct copy *c, struct mm_table *table, uint64_t addr, uint64_t end)
{
	int err = 0;

	for (uint64_t next; addr < end && !err; addr = next) {
		mm_entry e = mm_entry_read(mm_entry_at(table, addr));

		next = mm_level_end(addr, end, table->level);
		if (!mm_entry_present(e))
			continue;
		if (table->level == MM_LEVEL_PMD)
			err = copy_pmd(c, e, addr, next);
		else
			err = copy_below(c, mm_table_of(c->from->mmap->buddy, e), addr, next);
		mm_exec_resched(c->from->mmap->exec);
	}
	return err;
}

/* Pages of files that nobody has stored to come by faults. Counterpart: vma_needs_copy(). */
static bool needs_copy(const struct mm_vma *vma)
{
	return !vma->file || __atomic_load_n(&vma->anon, __ATOMIC_RELAXED);
}

static int copy_area(struct mmsim_mm *child, const struct mm_vma *vma)
{
	const struct copy c = { vma->mm, child };
	struct mm_vma *copy = mm_mmap_area_dup(vma, child, vma->start);

	if (!copy)
		return -ENOMEM;
	mm_mmap_vma_insert(&child->areas, copy);
	mm_mmap_file_link(copy);
	return needs_copy(vma) ? copy_below(&c, vma->mm->pgd, vma->start, vma->end) : 0;
}

static int copy_areas(struct mmsim_mm *child, struct mmsim_mm *mm)
{
	static const struct mm_tlb_flush all = { 0, UINT64_MAX, MMSIM_PAGE_SHIFT, false };
	int err = 0;

	for (struct mm_vma *vma = mm_mmap_vma_first(&mm->areas); vma && !err;
	     vma = mm_mmap_vma_next(vma))
		err = copy_area(child, vma);
	/* Also after a failure: some entries allow no store any more. */
	mm_tlb_flush(&mm->mmap->tlb, &mm->tlb, &all);
	return err;
}

int mm_mmap_fork(struct mmsim_mm *mm, struct mmsim_mm **out)
{
	const struct mmsim_mm_params params = { .levels = mm->levels, .thp = mm->thp };
	struct mmsim_mm *child;
	int err = mm_mmap_mm_create(mm->mmap, &params, &child);

	if (err)
		return err;
	mm_sync_down_write(&mm->mmap_lock);
	err = mm->gone ? -ESRCH : copy_areas(child, mm);
	mm_sync_up_write(&mm->mmap_lock);
	if (err)
		mm_mmap_mm_destroy(child);
	else
		*out = child;
	return err;
}
