/* SPDX-License-Identifier: MIT */
/*
 * Transparent huge pages: one entry of a PMD table, one folio of 512 pages. Counterpart: mm/huge_memory.c.
 * Differences: always anonymous; no khugepaged; a folio is never split, only entries are; no huge zero
 * page.
 */
#include "mmap.h"
#include <errno.h>

/* Is a huge page to be tried in this area? Counterpart: thp_vma_allowable_order(). */
static bool wanted(const struct mm_vma *vma, uint64_t haddr)
{
	unsigned thp = vma->mm->thp;

	if (vma->file || thp == MMSIM_THP_NEVER || vma->flags & MM_VMA_NOHUGEPAGE)
		return false;
	if (thp == MMSIM_THP_MADVISE && !(vma->flags & MM_VMA_HUGEPAGE))
		return false;
	return haddr >= vma->start && vma->end - haddr >= MMSIM_PMD_SIZE;
}

/* How hard to try: as transparent_hugepage/defrag is by default. Counterpart: vma_thp_gfp_mask(). */
static mmsim_gfp_t gfp_for(const struct mm_vma *vma)
{
	return MMSIM___GFP_ZERO |
	       (vma->flags & MM_VMA_HUGEPAGE ? MMSIM_GFP_TRANSHUGE : MMSIM_GFP_TRANSHUGE_LIGHT);
}

static struct mm_table *table_new(struct mmsim_mm *mm)
{
	return mm_mmap_table_alloc(mm->mmap->buddy, mm->mmap->locks, MM_LEVEL_PTE);
}

/* Under the PMD table's lock. The folio's reference becomes the entry's. */
static void map_huge(struct mmsim_mm *mm, struct mm_table *pmd, uint64_t addr,
		     struct mm_table *deposit, mm_entry e)
{
	mm_table_deposit(pmd, deposit);
	mm_mm_count(&mm->nr_tables, 1);
	mm_folio_add_rmap(mm_entry_page(mm->mmap->buddy, e), 1);
	mm_mm_add_rss(mm, MM_RSS_ANON, MM_HPAGE_PAGES);
	mm_entry_set(mm_entry_at(pmd, addr), e);
}

/* A new folio where nothing is. 0, or -EAGAIN: something is there now. */
static int install(struct mm_vma *vma, struct mm_table *pmd, uint64_t haddr,
		   struct mmsim_page *folio, struct mm_table *deposit)
{
	struct mmsim_mm *mm = vma->mm;
	mm_entry bits = MM_PTE_MAPPED | MM_PTE_HUGE;
	int err = -EAGAIN;

	if (vma->flags & MMSIM_PROT_WRITE)
		bits |= MM_PTE_WRITE | MM_PTE_DIRTY;
	__atomic_store_n(&vma->anon, 1, __ATOMIC_RELAXED);
	mm_spin_lock(&pmd->lock);
	if (!mm_entry_present(mm_entry_read(mm_entry_at(pmd, haddr)))) {
		uint64_t pfn = mm_page_to_pfn(mm->mmap->buddy->map, folio);

		map_huge(mm, pmd, haddr, deposit, mm_entry_make(pfn, bits));
		mm_mmap_lru_add(&mm->mmap->lru, folio);
		err = 0;
	}
	mm_spin_unlock(&pmd->lock);
	return err;
}

static int fault_with(struct mm_vma *vma, struct mm_table *pmd, uint64_t haddr,
		      struct mmsim_page *folio)
{
	struct mm_table *deposit = table_new(vma->mm);
	int err = deposit ? install(vma, pmd, haddr, folio, deposit) : -EAGAIN;

	if (err) {
		if (deposit)
			mm_mmap_table_free(deposit);
		mm_mmap_put_folio(&vma->mm->mmap->release, folio, 1);
	} else {
		mm_mm_count(&vma->mm->stat.thp_faults, 1);
	}
	return err;
}

/* Counterpart: do_huge_pmd_anonymous_page(). */
int mm_mmap_huge_fault(struct mm_vma *vma, uint64_t addr)
{
	struct mmsim_mm *mm = vma->mm;
	uint64_t haddr = addr & ~(MMSIM_PMD_SIZE - 1);
	struct mmsim_page *folio;
	struct mm_table *pmd;
	bool huge;

	if (!wanted(vma, haddr))
		return -EAGAIN;
	pmd = mm_mmap_table_get(mm, haddr, MM_LEVEL_PMD, &huge);
	if (!pmd || mm_entry_present(mm_entry_read(mm_entry_at(pmd, haddr))))
		return -EAGAIN;
	folio = mm_buddy_alloc_pages(mm->mmap->buddy, MMSIM_NUMA_NO_NODE, gfp_for(vma),
				     MM_HPAGE_ORDER);
	if (!folio) {
		mm_mm_count(&mm->stat.thp_fallbacks, 1);
		return -EAGAIN;
	}
	return fault_with(vma, pmd, haddr, folio);
}

/* Counterpart: do_huge_pmd_wp_page(). Who is not alone splits, and copies what he stores to. */
int mm_mmap_huge_wp(struct mm_vma *vma, uint64_t addr)
{
	struct mmsim_mm *mm = vma->mm;
	struct mm_table *pmd = mm_mmap_table_find(mm, addr, MM_LEVEL_PMD);
	struct mmsim_page *folio;
	bool alone, there;
	mm_entry e;

	if (!pmd)
		return -EAGAIN;
	mm_spin_lock(&pmd->lock);
	e = mm_entry_read(mm_entry_at(pmd, addr));
	there = e & MM_PTE_HUGE;
	folio = mm_entry_page(mm->mmap->buddy, e);
	alone = there && __atomic_load_n(&folio->refcount, __ATOMIC_ACQUIRE) == 1;
	if (alone)
		mm_entry_set(mm_entry_at(pmd, addr), e | MM_PTE_WRITE | MM_PTE_DIRTY);
	mm_spin_unlock(&pmd->lock);
	if (alone)
		mm_mm_count(&mm->stat.cow_reuses, 1);
	else if (there)
		mm_mmap_split_huge(mm, addr);
	return alone ? 0 : -EAGAIN;
}

/* O3. Two address spaces may do so at a time; both write the same. Who sees the flag sees the tails. */
static void name_head(struct mmsim_page *folio)
{
	if (__atomic_load_n(&folio->flags, __ATOMIC_ACQUIRE) >> MMSIM_PG_HEAD & 1)
		return;
	for (unsigned i = 1; i < MM_HPAGE_PAGES; i++)
		__atomic_store_n((uintptr_t *)&folio[i].mapping, (uintptr_t)folio + 1,
				 __ATOMIC_RELAXED);
	__atomic_or_fetch(&folio->flags, UINT64_C(1) << MMSIM_PG_HEAD, __ATOMIC_RELEASE);
}

static void fill(struct mm_table *table, mm_entry e)
{
	for (unsigned i = 0; i < MM_PTRS_PER_TABLE; i++)
		mm_entry_set(&table->entry[i],
			     mm_entry_make(mm_entry_pfn(e) + i,
					   e & ~MM_PTE_PFN & ~(mm_entry)MM_PTE_HUGE));
}

/* The old entry goes and TLBs forget it before there are others for the same pages. */
void mm_mmap_split_huge(struct mmsim_mm *mm, uint64_t addr)
{
	const uint64_t haddr = addr & ~(MMSIM_PMD_SIZE - 1);
	const struct mm_tlb_flush flush = { haddr, haddr + MMSIM_PMD_SIZE,
					    mm_level_shift(MM_LEVEL_PMD), false };
	struct mm_table *pmd = mm_mmap_table_find(mm, addr, MM_LEVEL_PMD), *table;
	struct mmsim_page *folio;
	mm_entry *at, e;

	if (!pmd)
		return;
	at = mm_entry_at(pmd, addr);
	mm_spin_lock(&pmd->lock);
	e = mm_entry_read(at);
	if (e & MM_PTE_HUGE) {
		mm_entry_set(at, 0);
		mm_exec_point(mm->mmap->exec, MM_POINT_ATOMIC, at);
		mm_tlb_flush(&mm->mmap->tlb, &mm->tlb, &flush);
		folio = mm_entry_page(mm->mmap->buddy, e);
		name_head(folio);
		mm_folio_get(folio, MM_HPAGE_PAGES - 1);
		mm_folio_add_rmap(folio, MM_HPAGE_PAGES - 1);
		table = mm_table_withdraw(pmd);
		fill(table, e);
		mm_entry_set(at, mm_table_entry(mm->mmap->buddy, table));
		mm_mm_count(&mm->stat.thp_splits, 1);
	}
	mm_spin_unlock(&pmd->lock);
}

/*
 * The child is nobody's yet, so its tables need no lock: who writes back a file may walk them, but finds
 * nothing that could be dirty.
 */
static int copy_locked(struct mmsim_mm *child, struct mm_table *to, struct mmsim_mm *mm,
		       struct mm_table *from, uint64_t addr, struct mm_table *deposit)
{
	mm_entry *at = mm_entry_at(from, addr), e;

	mm_spin_lock(&from->lock);
	e = mm_entry_read(at);
	if (e & MM_PTE_HUGE) {
		mm_folio_get(mm_entry_page(mm->mmap->buddy, e), 1);
		__atomic_and_fetch(at, ~(mm_entry)MM_PTE_WRITE, __ATOMIC_ACQ_REL);
		map_huge(child, to, addr, deposit, e & ~(mm_entry)MM_PTE_WRITE);
	}
	mm_spin_unlock(&from->lock);
	return e & MM_PTE_HUGE ? 0 : -EAGAIN;
}

int mm_mmap_huge_copy(struct mmsim_mm *child, struct mmsim_mm *mm, uint64_t addr)
{
	struct mm_table *from = mm_mmap_table_find(mm, addr, MM_LEVEL_PMD), *to, *deposit;
	bool huge;
	int err;

	to = mm_mmap_table_get(child, addr, MM_LEVEL_PMD, &huge);
	deposit = to ? table_new(child) : NULL;
	if (!deposit)
		return -ENOMEM;
	err = copy_locked(child, to, mm, from, addr, deposit);
	if (err)
		mm_mmap_table_free(deposit);
	return err;
}
