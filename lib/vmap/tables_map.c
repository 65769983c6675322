/* SPDX-License-Identifier: MIT */
/* Entries of areas, into the tables and out again. */
#include "tables.h"

#include <errno.h>

enum { HUGE_PAGES = MM_PTRS_PER_TABLE };

/* Mapping */

struct mapping {
	uint64_t addr, end; /* what is left */
	struct mmsim_page *const *pages; /* from addr on; NULL: frames from pfn on */
	uint64_t pfn;
	bool huge;
	mmsim_gfp_t gfp;
};

/* Tables may be anywhere, and are nobody's but the kernel's. */
static mmsim_gfp_t gfp_of_tables(mmsim_gfp_t gfp)
{
	return gfp &
	       (MMSIM_GFP_KERNEL | MMSIM___GFP_HIGH | MMSIM___GFP_MEMALLOC | MMSIM___GFP_NOWARN);
}

static void advance(struct mapping *m, uint64_t nr)
{
	m->addr += nr * MMSIM_PAGE_SIZE;
	if (m->pages)
		m->pages += nr;
	else
		m->pfn += nr;
}

static uint64_t first_pfn(const struct mm_vmap_tables *t, const struct mapping *m)
{
	return m->pages ? mm_page_to_pfn(t->buddy->map, m->pages[0]) : m->pfn;
}

/* As many as one table has. */
static int map_small(struct mm_vmap_tables *t, struct mapping *m)
{
	mm_entry *at = mm_vmap_tables_entry(t, m->addr, MM_LEVEL_PTE, m->gfp);
	uint64_t left = (m->end - m->addr) / MMSIM_PAGE_SIZE;
	uint64_t nr = mm_min(left, MM_PTRS_PER_TABLE - mm_entry_index(m->addr, MM_LEVEL_PTE));

	if (!at)
		return -ENOMEM;
	for (uint64_t i = 0; i < nr; i++) {
		uint64_t pfn = m->pages ? mm_page_to_pfn(t->buddy->map, m->pages[i]) : m->pfn + i;

		mm_invariant("T5: what is mapped has no entry yet", !mm_entry_read(&at[i]));
		mm_entry_set(&at[i], mm_entry_make(pfn, MM_PTE_KERNEL));
	}
	mm_exec_charge(t->exec, MM_CHARGE_LIST_MOVE, NULL, nr);
	advance(m, nr);
	return 0;
}

static bool fits_huge(const struct mm_vmap_tables *t, const struct mapping *m)
{
	uint64_t size = mm_level_size(MM_LEVEL_PMD);

	return m->huge && !(m->addr % size) && m->end - m->addr >= size &&
	       !(first_pfn(t, m) % HUGE_PAGES);
}

/* The 2 MiB are the caller's alone: nobody hooks a table there meanwhile. *done: it was no table's place. */
static int map_huge(struct mm_vmap_tables *t, struct mapping *m, bool *done)
{
	mm_entry *at = mm_vmap_tables_entry(t, m->addr, MM_LEVEL_PMD, m->gfp), e;

	if (!at)
		return -ENOMEM;
	e = mm_entry_read(at);
	*done = !mm_entry_is_table(e);
	if (!*done)
		return 0;
	mm_invariant("T5: what is mapped has no entry yet", !e);
	mm_entry_set(at, mm_entry_make(first_pfn(t, m), MM_PTE_KERNEL | MM_PTE_HUGE));
	mm_exec_charge(t->exec, MM_CHARGE_LIST_MOVE, NULL, 1);
	advance(m, HUGE_PAGES);
	return 0;
}

static int map(struct mm_vmap_tables *t, struct mapping *m)
{
	int err = 0;

	mm_tlb_check_kernel(t->kernel, m->addr, m->end);
	m->gfp = gfp_of_tables(m->gfp);
	mm_exec_charge(t->exec, MM_CHARGE_TREE, NULL, t->levels - 1);
	while (!err && m->addr < m->end) {
		bool done = false;

		mm_exec_charge(t->exec, MM_CHARGE_TREE, NULL, 1);
		if (fits_huge(t, m))
			err = map_huge(t, m, &done);
		if (!err && !done)
			err = map_small(t, m);
	}
	return err;
}

int mm_vmap_map(struct mm_vmap_tables *t, uint64_t addr, struct mmsim_page *const *pages,
		uint64_t nr, unsigned order, mmsim_gfp_t gfp)
{
	struct mapping m = {
		.addr = addr,
		.end = addr + nr * MMSIM_PAGE_SIZE,
		.pages = pages,
		.huge = order >= MM_LEVEL_PMD * 9,
		.gfp = gfp,
	};

	return map(t, &m);
}

int mm_vmap_map_phys(struct mm_vmap_tables *t, uint64_t addr, uint64_t bytes, uint64_t phys,
		     bool huge, mmsim_gfp_t gfp)
{
	struct mapping m = {
		.addr = addr,
		.end = addr + bytes,
		.pfn = phys / MMSIM_PAGE_SIZE,
		.huge = huge,
		.gfp = gfp,
	};

	mm_assert(!(phys % MMSIM_PAGE_SIZE) && !(bytes % MMSIM_PAGE_SIZE));
	return map(t, &m);
}

/* Unmapping */

/* From addr to the end of what an entry of this level covers, at most `most`: bytes. */
static uint64_t rest_of(uint64_t addr, unsigned level, uint64_t most)
{
	uint64_t size = mm_level_size(level);

	return mm_min(size - (addr & (size - 1)), most);
}

static void clear_small(struct mm_vmap_tables *t, mm_entry *at, uint64_t nr)
{
	uint64_t cleared = 0;

	for (uint64_t i = 0; i < nr; i++) {
		if (!mm_entry_read(&at[i]))
			continue;
		mm_entry_set(&at[i], 0);
		cleared++;
	}
	mm_exec_charge(t->exec, MM_CHARGE_LIST_MOVE, NULL, cleared);
}

static void clear_huge(struct mm_vmap_tables *t, mm_entry *at, uint64_t bytes)
{
	mm_invariant("T5: a huge entry is cleared as a whole",
		     bytes == mm_level_size(MM_LEVEL_PMD));
	mm_entry_set(at, 0);
	mm_exec_charge(t->exec, MM_CHARGE_LIST_MOVE, NULL, 1);
}

/* What one table has of it, or what there is no table for. Returns bytes. */
static uint64_t unmap_some(struct mm_vmap_tables *t, uint64_t addr, uint64_t most)
{
	unsigned level = MM_LEVEL_PTE;
	mm_entry *at = mm_vmap_tables_find(t, addr, &level);
	uint64_t bytes = rest_of(addr, level ? level : MM_LEVEL_PMD, most);

	if (level == MM_LEVEL_PTE)
		clear_small(t, at, bytes / MMSIM_PAGE_SIZE);
	else if (mm_entry_present(mm_entry_read(at)))
		clear_huge(t, at, bytes);
	return bytes;
}

void mm_vmap_unmap(struct mm_vmap_tables *t, uint64_t start, uint64_t end)
{
	mm_exec_charge(t->exec, MM_CHARGE_TREE, NULL, t->levels - 1);
	while (start < end) {
		mm_exec_charge(t->exec, MM_CHARGE_TREE, NULL, 1);
		start += unmap_some(t, start, end - start);
		if (start < end)
			mm_exec_resched(t->exec);
	}
}
