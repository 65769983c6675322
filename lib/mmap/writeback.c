/* SPDX-License-Identifier: MIT */
/*
 * Writing back: entries are cleaned, TLBs flushed, then the page is stored.
 *
 * PG_dirty goes first. What takes an entry down afterwards sets it again, so that the page stays dirty;
 * what did so before has its entry's lock until TLBs were flushed, or has flushed them: so what is stored
 * then has every store of it.
 */
#include "filemap.h"

void mm_mmap_file_mark_dirty(struct mmsim_page *page)
{
	const struct mmsim_file *file = page->mapping;

	if (mm_page_flag(page, MMSIM_PG_DIRTY))
		return;
	mm_exec_charge(file->mmap->exec, MM_CHARGE_RMW, &page->flags, 1);
	mm_page_set_flag(page, MMSIM_PG_DIRTY);
}

/* Counterpart: folio_test_clear_dirty(). */
static bool test_clear_dirty(struct mm_exec *x, struct mmsim_page *page)
{
	if (!mm_page_flag(page, MMSIM_PG_DIRTY))
		return false;
	mm_exec_charge(x, MM_CHARGE_RMW, &page->flags, 1);
	mm_page_clear_flag(page, MMSIM_PG_DIRTY);
	mm_exec_point(x, MM_POINT_ATOMIC, &page->flags);
	return true;
}

static bool maps(const struct mm_table *table, mm_entry e, const struct mmsim_page *page)
{
	return mm_entry_present(e) && mm_entry_pfn(e) == mm_page_to_pfn(table->buddy->map, page);
}

/* One entry; its table is locked. Was it dirty? Counterpart: page_vma_mkclean_one(). */
static bool clean_entry(struct mmsim_mm *mm, uint64_t addr, mm_entry *entry)
{
	mm_entry old;

	mm_exec_point(mm->mmap->exec, MM_POINT_ATOMIC, entry);
	/* In one step: a CPU may be about to set the dirty bit. Q2. */
	old = __atomic_fetch_and(entry, ~(mm_entry)(MM_PTE_WRITE | MM_PTE_DIRTY), __ATOMIC_ACQ_REL);
	mm_mm_flush_page(mm, addr);
	return old & MM_PTE_DIRTY;
}

/* Counterpart: page_mkclean_one(). */
static bool mkclean_one(struct mmsim_mm *mm, uint64_t addr, const struct mmsim_page *page)
{
	struct mm_table *table = mm_mmap_pte_lock(mm, addr);
	bool dirty = false;
	mm_entry *entry, e;

	if (!table)
		return false;
	entry = mm_entry_at(table, addr);
	e = mm_entry_read(entry);
	if (maps(table, e, page) && e & (MM_PTE_WRITE | MM_PTE_DIRTY))
		dirty = clean_entry(mm, addr, entry);
	mm_spin_unlock(&table->lock);
	return dirty;
}

/*
 * In private areas, too, where there is nothing to clean: their entries of a page of a file allow no
 * stores.
 */
static bool mkclean_area(const struct mm_vma *vma, const struct mmsim_page *page)
{
	uint64_t at = page->index - vma->pgoff;

	return at < mm_vma_pages(vma) &&
	       mkclean_one(vma->mm, vma->start + (at << MMSIM_PAGE_SHIFT), page);
}

/*
 * Afterwards no CPU can store to it without a fault. Was an entry dirty? i_mmap is held. Counterpart:
 * folio_mkclean().
 */
static bool mkclean(struct mmsim_file *file, const struct mmsim_page *page)
{
	bool dirty = false;

	if (!mm_folio_mapped(page))
		return false;
	mm_list_for_each(pos, &file->areas)
		dirty |= mkclean_area(mm_list_entry(pos, struct mm_vma, file_link), page);
	return dirty;
}

static void store(struct mmsim_file *file, uint64_t index)
{
	struct mm_file_slot *slot = &file->slot[index];

	mm_spin_lock(&file->lock);
	slot->stored = __atomic_load_n(&slot->content, __ATOMIC_ACQUIRE);
	file->nr_written++;
	mm_spin_unlock(&file->lock);
}

/* Was the page dirty, or an entry? i_mmap is held. */
static bool clean(struct mmsim_file *file, struct mmsim_page *page)
{
	bool dirty = test_clear_dirty(file->mmap->exec, page);

	return mkclean(file, page) || dirty;
}

/*
 * The caller has a reference, so that it is not dropped meanwhile. The mutex is what PG_writeback is for,
 * too: of two who write the same page the second one waits for the first. Counterpart:
 * clear_page_dirty_for_io().
 */
static bool write_page(struct mmsim_file *file, uint64_t index, struct mmsim_page *page)
{
	bool dirty;

	mm_sync_mutex_lock(&file->i_mmap);
	dirty = clean(file, page);
	/* An entry that went down meanwhile has told the page only now: its stores came before the call. */
	if (!dirty && mm_page_flag(page, MMSIM_PG_DIRTY))
		dirty = clean(file, page);
	if (dirty)
		store(file, index);
	mm_sync_mutex_unlock(&file->i_mmap);
	return dirty;
}

uint64_t mm_mmap_file_sync(struct mmsim_file *file)
{
	uint64_t nr = 0;

	for (uint64_t i = mm_mmap_file_next(file, 0); i < file->nr_pages;
	     i = mm_mmap_file_next(file, i + 1)) {
		struct mmsim_page *page = mm_mmap_file_find(file, i);

		if (!page)
			continue;
		nr += write_page(file, i, page);
		mm_mmap_put_folio(&file->mmap->release, page, 1);
		mm_exec_resched(file->mmap->exec);
	}
	return nr;
}
