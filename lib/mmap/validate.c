/* SPDX-License-Identifier: MIT */
/* The whole of an idle address space against its invariants. */
#include "filemap.h"

struct found {
	const struct mmsim_mm *mm;
	int64_t rss[MM_NR_RSS];
	uint64_t tables;
};

static const struct mm_vma *area_at(const struct found *f, uint64_t addr)
{
	const struct mm_vma *vma = mm_mmap_vma_find(&f->mm->areas, addr);

	return vma && vma->start <= addr ? vma : NULL;
}

static void check_folio(struct mmsim_page *folio, int nr)
{
	mm_invariant("O1: what is mapped has references", folio->refcount >= nr);
	mm_invariant("O2: what is mapped counts its mappings", folio->mapcount + 1 >= nr);
}

static void check_pte(struct found *f, uint64_t addr, mm_entry e)
{
	const struct mm_vma *vma = area_at(f, addr);
	struct mmsim_page *page = mm_entry_page(f->mm->mmap->buddy, e);
	bool file = e & MM_PTE_FILE;

	mm_invariant("N2: what is mapped is in an area", vma != NULL);
	mm_invariant("N2: an entry allows no more than its area",
		     !(e & MM_PTE_WRITE) || vma->flags & MMSIM_PROT_WRITE);
	mm_invariant(
		"L1: a page of a file is mapped where it belongs",
		!file || (page->mapping == vma->file && page->index == mm_vma_pgoff(vma, addr)));
	mm_invariant("L2: a private area has no store to its file",
		     !file || vma->flags & MMSIM_MAP_SHARED || !(e & MM_PTE_WRITE));
	check_folio(mm_folio(page), 1);
	f->rss[file ? MM_RSS_FILE : MM_RSS_ANON]++;
}

static void check_huge(struct found *f, uint64_t addr, mm_entry e)
{
	const struct mm_vma *vma = area_at(f, addr);
	struct mmsim_page *folio = mm_entry_page(f->mm->mmap->buddy, e);

	mm_invariant("N2: a huge entry is in one area",
		     vma && vma->end - addr >= MMSIM_PMD_SIZE && !vma->file);
	mm_invariant("Q1: a huge entry maps a huge folio", folio->order == MM_HPAGE_ORDER);
	check_folio(folio, 1);
	f->rss[MM_RSS_ANON] += MM_HPAGE_PAGES;
}

static void check_table(struct found *f, struct mm_table *table, uint64_t addr)
{
	uint64_t size = mm_level_size(table->level), huge = 0, deposited = 0;

	f->tables++;
	for (unsigned i = 0; i < MM_PTRS_PER_TABLE; i++, addr += size) {
		mm_entry e = mm_entry_read(&table->entry[i]);

		if (!mm_entry_present(e))
			continue;
		if (table->level == MM_LEVEL_PTE) {
			check_pte(f, addr, e);
		} else if (e & MM_PTE_HUGE) {
			check_huge(f, addr, e);
			huge++;
		} else {
			check_table(f, mm_table_of(f->mm->mmap->buddy, e), addr);
		}
	}
	for (const struct mm_table *t = table->deposit; t; t = t->deposit)
		deposited++;
	mm_invariant("Q5: a table is deposited for each huge entry", deposited == huge);
	f->tables += deposited;
}

uint64_t mm_mmap_validate(struct mmsim_mm *mm)
{
	struct found f = { .mm = mm };

	mm_mmap_vma_validate(&mm->areas);
	check_table(&f, mm->pgd, 0);
	mm_invariant("N1: rss", f.rss[MM_RSS_ANON] == mm->rss[MM_RSS_ANON] &&
					f.rss[MM_RSS_FILE] == mm->rss[MM_RSS_FILE]);
	mm_invariant("Q4: tables", f.tables == mm->nr_tables);
	mm_invariant("G5: no gather is at work", !mm->tlb_flush_pending);
	mm_invariant("N3: nothing is left of what has gone",
		     !mm->gone || (!mm->areas.nr && f.tables == 1));
	return (uint64_t)(f.rss[MM_RSS_ANON] + f.rss[MM_RSS_FILE]);
}
