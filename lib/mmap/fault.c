/* SPDX-License-Identifier: MIT */
/*
 * Faults. mmap_lock is held for reading, so the area stays; what is found without a table's lock is looked
 * at again with it. Counterpart: handle_mm_fault(), do_anonymous_page(), do_fault(), do_wp_page().
 * Differences: a load of anonymous memory brings a page, there is no zero page.
 */
#include "filemap.h"
#include <errno.h>

/* An access, and where its entry is. */
struct fault {
	struct mmsim_mm *mm;
	struct mm_vma *vma;
	struct mm_table *table;
	mm_entry *at;
	uint64_t addr;
	bool write;
};

static struct mmsim_page *alloc_anon(struct mmsim_mm *mm, mmsim_gfp_t zero)
{
	return mm_buddy_alloc_pages(mm->mmap->buddy, MMSIM_NUMA_NO_NODE,
				    MMSIM_GFP_HIGHUSER_MOVABLE | zero, 0);
}

static mm_entry entry_for(const struct fault *f, struct mmsim_page *page, mm_entry bits)
{
	return mm_entry_make(mm_page_to_pfn(f->mm->mmap->buddy->map, page), MM_PTE_MAPPED | bits);
}

/*
 * Put the page, whose reference is the entry's from now on, where `old` was. False: it is not there any
 * more.
 */
static bool set_entry(const struct fault *f, mm_entry old, mm_entry e, struct mmsim_page *page)
{
	bool same;

	mm_spin_lock(&f->table->lock);
	same = (mm_entry_read(f->at) & ~(mm_entry)(MM_PTE_ACCESSED | MM_PTE_DIRTY)) ==
	       (old & ~(mm_entry)(MM_PTE_ACCESSED | MM_PTE_DIRTY));
	if (same) {
		mm_folio_add_rmap(page, 1);
		mm_mm_add_rss(f->mm, e & MM_PTE_FILE ? MM_RSS_FILE : MM_RSS_ANON, 1);
		/* A page that stores may still reach goes before another comes in its place. */
		if (old) {
			mm_entry_clear(f->at);
			mm_mm_flush_page(f->mm, f->addr);
		}
		if (!(e & MM_PTE_FILE))
			mm_mmap_lru_add(&f->mm->mmap->lru, page);
		mm_entry_set(f->at, e);
	}
	mm_spin_unlock(&f->table->lock);
	return same;
}

/* An anonymous page where `old` was. */
static bool set_anon(const struct fault *f, mm_entry old, struct mmsim_page *page)
{
	mm_entry bits = f->vma->flags & MMSIM_PROT_WRITE ? MM_PTE_WRITE : 0;

	__atomic_store_n(&f->vma->anon, 1, __ATOMIC_RELAXED);
	if (f->write)
		bits |= MM_PTE_DIRTY;
	if (set_entry(f, old, entry_for(f, page, bits), page))
		return true;
	mm_mmap_put_folio(&f->mm->mmap->release, page, 1);
	return false;
}

static int anon_fault(const struct fault *f)
{
	struct mmsim_page *page = alloc_anon(f->mm, MMSIM___GFP_ZERO);

	if (!page)
		return -ENOMEM;
	set_anon(f, 0, page);
	return 0;
}

/* What was copied from is nobody's in this address space any more. */
static void put_old(const struct fault *f, mm_entry old)
{
	struct mmsim_page *folio = mm_folio(mm_entry_page(f->mm->mmap->buddy, old));

	mm_mm_add_rss(f->mm, old & MM_PTE_FILE ? MM_RSS_FILE : MM_RSS_ANON, -1);
	mm_folio_remove_rmap(f->mm->mmap->exec, folio, 1);
	mm_mmap_put_folio(&f->mm->mmap->release, folio, 1);
}

/* Counterpart: wp_page_copy(). `from` stays: there is a reference, or an entry that is looked at again. */
static int copy_page(const struct fault *f, mm_entry old)
{
	struct mmsim_page *page = alloc_anon(f->mm, 0);

	if (!page)
		return -ENOMEM;
	mm_exec_charge(f->mm->mmap->exec, MM_CHARGE_CLEAR, page, MMSIM_PAGE_SIZE);
	mm_mm_count(&f->mm->stat.cow_copies, 1);
	if (set_anon(f, old, page) && old)
		put_old(f, old);
	return 0;
}

/* Counterpart: do_read_fault(), do_cow_fault(), do_shared_fault(). */
static int file_fault(const struct fault *f)
{
	uint64_t index = mm_vma_pgoff(f->vma, f->addr);
	bool shared = f->vma->flags & MMSIM_MAP_SHARED;
	struct mmsim_page *page;
	mm_entry bits = MM_PTE_FILE;
	int err = 0;

	if (index >= f->vma->file->nr_pages)
		return -EFAULT;
	page = mm_mmap_file_get(f->vma->file, index);
	if (!page)
		return -ENOMEM;
	if (f->write && !shared) {
		err = copy_page(f, 0);
		mm_mmap_put_folio(&f->mm->mmap->release, page, 1);
		return err;
	}
	if (shared && f->vma->flags & MMSIM_PROT_WRITE)
		bits |= MM_PTE_WRITE | (f->write ? MM_PTE_DIRTY : 0);
	if (!set_entry(f, 0, entry_for(f, page, bits), page))
		mm_mmap_put_folio(&f->mm->mmap->release, page, 1);
	return 0;
}

/* Is the page, whose entry is locked, of nobody else? Counterpart: wp_can_reuse_anon_folio(). */
static bool alone(const struct fault *f, mm_entry e)
{
	struct mmsim_page *page = mm_entry_page(f->mm->mmap->buddy, e);

	return !(e & MM_PTE_FILE) && mm_folio(page) == page && !mm_folio_large(page) &&
	       __atomic_load_n(&page->refcount, __ATOMIC_ACQUIRE) == 1;
}

/* A store where the entry allows loads only. Counterpart: do_wp_page(). */
static int wp_fault(const struct fault *f, mm_entry old)
{
	bool shared = f->vma->flags & MMSIM_MAP_SHARED, reuse = false, there;
	mm_entry e;

	/* A batch of pages on their way to the LRU has a reference, too. */
	if (!shared && !mm_page_flag(mm_entry_page(f->mm->mmap->buddy, old), MMSIM_PG_LRU))
		mm_mmap_lru_add_drain(&f->mm->mmap->lru);
	mm_spin_lock(&f->table->lock);
	e = mm_entry_read(f->at);
	there = mm_entry_present(e) && mm_entry_pfn(e) == mm_entry_pfn(old) && !(e & MM_PTE_WRITE);
	if (there)
		reuse = shared || alone(f, e);
	if (reuse)
		__atomic_or_fetch(f->at, MM_PTE_WRITE | MM_PTE_DIRTY, __ATOMIC_ACQ_REL);
	mm_spin_unlock(&f->table->lock);
	if (reuse && !shared)
		mm_mm_count(&f->mm->stat.cow_reuses, 1);
	return reuse || !there ? 0 : copy_page(f, e);
}

/* Counterpart: handle_pte_fault(). */
static int pte_fault(struct fault *f)
{
	mm_entry e;
	bool huge;

	f->table = mm_mmap_table_get(f->mm, f->addr, MM_LEVEL_PTE, &huge);
	if (!f->table)
		return huge ? 0 : -ENOMEM;
	f->at = mm_entry_at(f->table, f->addr);
	e = mm_entry_read(f->at);
	if (!mm_entry_present(e))
		return f->vma->file ? file_fault(f) : anon_fault(f);
	/* Somebody else was faster, or the TLB was behind. */
	return f->write && !(e & MM_PTE_WRITE) ? wp_fault(f, e) : 0;
}

static bool allowed(const struct mm_vma *vma, bool write)
{
	return vma->flags & (write ? MMSIM_PROT_WRITE : MMSIM_PROT_READ | MMSIM_PROT_WRITE);
}

/* 0: done; -EAGAIN: no huge entry is in the way, and none came. */
static int huge_level(const struct fault *f)
{
	struct mm_table *pmd = mm_mmap_table_find(f->mm, f->addr, MM_LEVEL_PMD);
	mm_entry e = pmd ? mm_entry_read(mm_entry_at(pmd, f->addr)) : 0;

	if (!mm_entry_present(e))
		return mm_mmap_huge_fault(f->vma, f->addr);
	if (!(e & MM_PTE_HUGE))
		return -EAGAIN;
	return f->write && !(e & MM_PTE_WRITE) ? mm_mmap_huge_wp(f->vma, f->addr) : 0;
}

int mm_mmap_fault(struct mmsim_mm *mm, uint64_t addr, bool write)
{
	struct fault f = { .mm = mm, .addr = addr & ~(MMSIM_PAGE_SIZE - 1), .write = write };
	int err;

	f.vma = mm->gone ? NULL : mm_mmap_vma_find(&mm->areas, f.addr);
	if (!f.vma || f.vma->start > f.addr || !allowed(f.vma, write))
		return -EFAULT;
	err = f.vma->file ? -EAGAIN : huge_level(&f);
	if (err == -EAGAIN)
		err = pte_fault(&f);
	if (!err)
		mm_mm_count(&mm->stat.faults, 1);
	return err;
}
