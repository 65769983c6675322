/* SPDX-License-Identifier: MIT */
/*
 * Unhooking pages from page tables into a gather. Counterpart: unmap_page_range(), zap_pte_range(),
 * zap_huge_pmd().
 */
#include "filemap.h"

/* How many entries ahead the struct page is fetched. */
enum { AHEAD = 8 };

/* One pass over a PTE table, under its lock. */
struct pass {
	struct mm_gather *g;
	struct mm_table *table;
	uint64_t first, last; /* unhooked: bytes, last one past */
	int64_t rss[MM_NR_RSS];
	uint64_t nr;
	bool force_flush, full;
};

static void sub_rss(struct mmsim_mm *mm, const int64_t rss[MM_NR_RSS])
{
	for (unsigned i = 0; i < MM_NR_RSS; i++)
		mm_mm_add_rss(mm, i, -rss[i]);
}

/*
 * What is known of a file's page from an entry that maps it goes to the page. True: its rmap is to wait for
 * the flush.
 */
static bool unmap_file(struct pass *p, struct mmsim_page *page, mm_entry e)
{
	if (e & MM_PTE_ACCESSED)
		mm_mmap_lru_mark_accessed(&p->g->mmap->lru, page);
	if (!(e & MM_PTE_DIRTY))
		return false;
	mm_mmap_file_mark_dirty(page);
	p->force_flush = true;
	return true;
}

/*
 * Nobody adds a mapping to an anonymous folio but by the one that is locked here: if it is the last it
 * needs no atomic step.
 */
static void remove_rmap(struct mm_exec *x, struct mmsim_page *folio, unsigned nr, bool file)
{
	if (!file && nr == 1 && __atomic_load_n(&folio->mapcount, __ATOMIC_RELAXED) == 0) {
		mm_exec_charge(x, MM_CHARGE_RMW, &folio->mapcount, 1);
		__atomic_store_n(&folio->mapcount, -1, __ATOMIC_RELAXED);
	} else {
		mm_folio_remove_rmap(x, folio, (int)nr);
	}
}

static void drop(struct pass *p, struct mmsim_page *page, unsigned nr, mm_entry e)
{
	bool file = e & MM_PTE_FILE, delay = file && unmap_file(p, page, e);

	p->rss[file ? MM_RSS_FILE : MM_RSS_ANON] += nr;
	p->nr += nr;
	if (!delay)
		remove_rmap(p->g->mmap->exec, mm_folio(page), nr, file);
	p->full = mm_mmap_gather_pages(p->g, page, nr, delay);
}

/*
 * How many entries from i on map the pages of one large folio that follow each other. Counterpart:
 * folio_pte_batch().
 */
static unsigned batch(const struct mm_table *table, unsigned i, unsigned max,
		      struct mmsim_page *page)
{
	struct mmsim_page *folio = mm_folio(page);
	uint64_t pfn = mm_entry_pfn(mm_entry_read(&table->entry[i]));
	unsigned nr = 1;

	if (!mm_page_flag(folio, MMSIM_PG_HEAD))
		return 1;
	max = mm_min(max, (unsigned)(folio + MM_HPAGE_PAGES - page));
	for (; nr < max; nr++) {
		mm_entry e = mm_entry_read(&table->entry[i + nr]);

		if (!mm_entry_present(e) || mm_entry_pfn(e) != pfn + nr)
			break;
	}
	return nr;
}

static void prefetch(const struct pass *p, unsigned i, unsigned end)
{
	mm_entry e = i + AHEAD < end ? mm_entry_read(&p->table->entry[i + AHEAD]) : 0;

	if (mm_entry_present(e))
		__builtin_prefetch(mm_entry_page(p->g->mmap->buddy, e), 1);
}

/* Entries i to end, as far as there is room. Returns the first that was not looked at. */
static unsigned zap_entries(struct pass *p, uint64_t base, unsigned i, unsigned end)
{
	struct mm_table *table = p->table;

	while (i < end && !p->full) {
		mm_entry e = mm_entry_read(&table->entry[i]);
		struct mmsim_page *page;
		unsigned nr;

		mm_exec_point(p->g->mmap->exec, MM_POINT_ATOMIC, &table->entry[i]);
		prefetch(p, i, end);
		if (!mm_entry_present(e)) {
			i++;
			continue;
		}
		page = mm_entry_page(p->g->mmap->buddy, e);
		nr = e & MM_PTE_FILE ? 1 : batch(table, i, end - i, page);
		for (unsigned k = 0; k < nr; k++)
			e |= mm_entry_clear(&table->entry[i + k]) &
			     (MM_PTE_DIRTY | MM_PTE_ACCESSED);
		p->first = mm_min(p->first, base + (uint64_t)i * MMSIM_PAGE_SIZE);
		i += nr;
		p->last = base + (uint64_t)i * MMSIM_PAGE_SIZE;
		drop(p, page, nr, e);
	}
	return i;
}

/* Of one PTE table, under one lock. Returns where it stopped. */
static uint64_t zap_pass(struct mm_gather *g, struct mm_table *table, uint64_t addr, uint64_t end)
{
	struct pass p = { .g = g, .table = table, .first = UINT64_MAX };
	uint64_t base = addr & ~(mm_level_size(MM_LEVEL_PMD) - 1);
	unsigned i = mm_entry_index(addr, MM_LEVEL_PTE);

	i = zap_entries(&p, base, i, i + (unsigned)((end - addr) >> MMSIM_PAGE_SHIFT));
	mm_exec_charge(g->mmap->exec, MM_CHARGE_ZAP, NULL, p.nr);
	if (p.nr) {
		mm_gather_unhooked(g, p.first, p.last - p.first, MM_LEVEL_PTE);
		sub_rss(g->mm, p.rss);
		mm_mm_count(&g->mmap->info.pages, p.nr);
	}
	/* Others that look for mappings of a dirty page must find one until nobody can store to it. */
	if (p.force_flush) {
		mm_mmap_gather_flush_tlb(g);
		mm_mmap_gather_flush_rmaps(g);
	}
	mm_spin_unlock(&table->lock);
	if (p.full)
		mm_mmap_gather_flush(g);
	return base + (uint64_t)i * MMSIM_PAGE_SIZE;
}

static void zap_ptes(struct mm_gather *g, uint64_t addr, uint64_t end)
{
	while (addr < end) {
		struct mm_table *table = mm_mmap_pte_lock(g->mm, addr);

		if (!table)
			return;
		addr = zap_pass(g, table, addr, end);
		mm_exec_resched(g->mmap->exec);
	}
}

/* A huge entry, all of it. Counterpart: zap_huge_pmd(). */
static void zap_huge(struct mm_gather *g, struct mm_table *pmd, uint64_t addr)
{
	struct mmsim_mm *mm = g->mm;
	struct mmsim_page *folio;
	struct mm_table *deposit;
	mm_entry e;
	bool full;

	mm_spin_lock(&pmd->lock);
	e = mm_entry_read(mm_entry_at(pmd, addr));
	if (!(e & MM_PTE_HUGE)) {
		mm_spin_unlock(&pmd->lock);
		zap_ptes(g, addr, addr + MMSIM_PMD_SIZE);
		return;
	}
	mm_entry_clear(mm_entry_at(pmd, addr));
	deposit = mm_table_withdraw(pmd);
	folio = mm_entry_page(mm->mmap->buddy, e);
	mm_gather_unhooked(g, addr, MMSIM_PMD_SIZE, MM_LEVEL_PMD);
	remove_rmap(mm->mmap->exec, folio, 1, false);
	mm_exec_charge(mm->mmap->exec, MM_CHARGE_ZAP, NULL, 1);
	mm_mm_add_rss(mm, MM_RSS_ANON, -(int64_t)MM_HPAGE_PAGES);
	full = mm_mmap_gather_pages(g, folio, 1, false);
	mm_spin_unlock(&pmd->lock);
	/* It was never in the tree. */
	mm_mmap_table_free(deposit);
	mm_mm_count(&mm->nr_tables, (uint64_t)-1);
	mm_mm_count(&mm->mmap->info.pages, MM_HPAGE_PAGES);
	if (full)
		mm_mmap_gather_flush(g);
}

static void zap_pmd(struct mm_gather *g, struct mm_table *pmd, uint64_t addr, uint64_t end)
{
	mm_entry e = mm_entry_read(mm_entry_at(pmd, addr));

	if (!mm_entry_present(e))
		return;
	if (e & MM_PTE_HUGE && end - addr == MMSIM_PMD_SIZE) {
		zap_huge(g, pmd, addr);
		return;
	}
	if (e & MM_PTE_HUGE)
		mm_mmap_split_huge(g->mm, addr);
	zap_ptes(g, addr, end);
}

static void zap_below(struct mm_gather *g, struct mm_table *table, uint64_t addr, uint64_t end)
{
	for (uint64_t next; addr < end; addr = next) {
		mm_entry e = mm_entry_read(mm_entry_at(table, addr));

		next = mm_level_end(addr, end, table->level);
		if (table->level == MM_LEVEL_PMD)
			zap_pmd(g, table, addr, next);
		else if (mm_entry_present(e))
			zap_below(g, mm_table_of(g->mmap->buddy, e), addr, next);
		mm_exec_resched(g->mmap->exec);
	}
}

void mm_mmap_zap(struct mm_gather *g, uint64_t start, uint64_t end)
{
	zap_below(g, g->mm->pgd, start, end);
}
