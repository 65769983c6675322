/* SPDX-License-Identifier: MIT */
/*
 * Page tables that nothing uses any more. A table goes if all that it covers is between floor and ceiling:
 * then no other area needs it. Who walks meanwhile has checked the entry above under the lock of the table
 * below, or is under RCU. Counterpart: free_pgd_range() and what is below it, mm/memory.c.
 */
#include "mmap.h"

struct limits {
	uint64_t floor, ceiling; /* ceiling 0: none */
	unsigned level; /* the highest that goes */
};

static bool inside(const struct limits *l, uint64_t start, uint64_t size)
{
	return start >= l->floor && start + size - 1 <= l->ceiling - 1;
}

/* The lock of the table above and, for a PTE table, its own: rmap walkers and the reaper. */
static void unhook(struct mm_gather *g, struct mm_table *above, struct mm_table *table,
		   uint64_t addr)
{
	struct mm_spinlock *lock = mm_mmap_table_lock(g->mm, above);
	bool leaf = table->level == MM_LEVEL_PTE;

	mm_spin_lock(lock);
	if (leaf)
		mm_spin_lock(&table->lock);
	mm_exec_point(g->mmap->exec, MM_POINT_ATOMIC, above->entry);
	mm_entry_set(mm_entry_at(above, addr), 0);
	if (leaf)
		mm_spin_unlock(&table->lock);
	mm_spin_unlock(lock);
	mm_mm_count(&g->mm->nr_tables, (uint64_t)-1);
	mm_mmap_gather_table(g, table, addr);
}

static void free_below(struct mm_gather *g, struct mm_table *table, uint64_t addr, uint64_t end,
		       const struct limits *limits);

/* What the entry at addr leads to, as far as [addr, end) is concerned. */
static void free_entry(struct mm_gather *g, struct mm_table *above, uint64_t addr, uint64_t end,
		       const struct limits *limits)
{
	uint64_t size = mm_level_size(above->level), start = addr & ~(size - 1);
	mm_entry e = mm_entry_read(mm_entry_at(above, addr));
	struct mm_table *table;

	if (!mm_entry_present(e))
		return;
	mm_invariant("Q1: no huge entry is left where tables are freed", !(e & MM_PTE_HUGE));
	table = mm_table_of(g->mmap->buddy, e);
	if (table->level > MM_LEVEL_PTE)
		free_below(g, table, addr, end, limits);
	if (table->level <= limits->level && inside(limits, start, size))
		unhook(g, above, table, start);
}

static void free_below(struct mm_gather *g, struct mm_table *table, uint64_t addr, uint64_t end,
		       const struct limits *limits)
{
	for (uint64_t next; addr < end; addr = next) {
		next = mm_level_end(addr, end, table->level);
		free_entry(g, table, addr, next, limits);
		if (table->level == MM_LEVEL_PMD)
			mm_exec_resched(g->mmap->exec);
	}
}

void mm_mmap_free_tables(struct mm_gather *g, uint64_t start, uint64_t end, uint64_t floor,
			 uint64_t ceiling, unsigned level)
{
	const struct limits limits = { floor, ceiling, level };

	free_below(g, g->mm->pgd, start, end, &limits);
}
