/* SPDX-License-Identifier: MIT */
/* What an address translates to: by a walk of the tables, or as a CPU's accesses find it. */
#include "tables.h"

enum { NO_PFN = -1 }; /* as uint64_t */

/* An entry that maps an address. */
struct leaf {
	mm_entry e;
	unsigned level;
};

static uint64_t first_of(uint64_t addr, unsigned level)
{
	return addr & ~(mm_level_size(level) - 1);
}

/* Into the CPU's TLB what a walk found at addr. c NULL: nobody wants to know. */
static void remember(struct mm_vmap_tables *t, struct mm_tlb_cpu *c, uint64_t addr,
		     struct leaf found, bool table)
{
	uint64_t start = first_of(addr, found.level), end = start + mm_level_size(found.level);
	const struct mm_tlb_entry entry = {
		.start = start,
		.end = end ? end : UINT64_MAX,
		.pfn = mm_entry_pfn(found.e),
		.table = table,
		.write = !table,
		.dirty = !table,
	};

	if (c)
		mm_tlb_kernel_fill(t->kernel, c, &entry);
}

/* Of one that a walker found, perhaps long ago. */
static const mm_entry *table_below(const struct mm_vmap_tables *t, mm_entry e)
{
	const struct mmsim_page *page = mm_vmap_table_page(t, e);

	mm_invariant("T3: a table is one as long as somebody walks",
		     __atomic_load_n(&page->page_type, __ATOMIC_RELAXED) == MMSIM_PGTY_TABLE);
	return mm_frame_data(page);
}

/* False: nothing is mapped at addr. Under RCU if tables are freed. */
static bool walk(struct mm_vmap_tables *t, uint64_t addr, struct leaf *found, struct mm_tlb_cpu *c)
{
	const mm_entry *table = mm_frame_data(t->top);

	if (mm_unlikely(!mm_vmap_is_canonical(addr, t->levels)))
		return false;
	for (unsigned l = t->levels - 1;; l--) {
		*found = (struct leaf){ mm_entry_read(&table[mm_entry_index(addr, l)]), l };
		if (!mm_entry_present(found->e))
			return false;
		if (!l || found->e & MM_PTE_HUGE)
			return true;
		remember(t, c, addr, *found, true);
		if (mm_unlikely(t->counted))
			mm_exec_point(t->exec, MM_POINT_ATOMIC, table);
		table = table_below(t, found->e);
	}
}

static unsigned reader_begin(struct mm_vmap_tables *t)
{
	mm_exec_charge(t->exec, MM_CHARGE_TREE, NULL, t->levels);
	return t->rcu ? mm_rcu_read_lock(t->rcu) : 0;
}

static void reader_end(struct mm_vmap_tables *t, unsigned reader)
{
	if (t->rcu)
		mm_rcu_read_unlock(t->rcu, reader);
}

uint64_t mm_vmap_walk(struct mm_vmap_tables *t, uint64_t addr)
{
	unsigned reader = reader_begin(t);
	uint64_t pfn = (uint64_t)NO_PFN;
	struct leaf found;

	if (walk(t, addr, &found, NULL))
		pfn = mm_entry_pfn(found.e) +
		      (addr - first_of(addr, found.level)) / MMSIM_PAGE_SIZE;
	reader_end(t, reader);
	return pfn;
}

/* The CPU's TLB is locked: a flush is before or after all of it. */
static uint64_t access_locked(struct mm_vmap_tables *t, struct mm_tlb_cpu *c, uint64_t addr)
{
	const struct mm_tlb_entry *e = mm_tlb_kernel_lookup(t->kernel, c, addr);
	struct leaf found;

	if (!e) {
		if (!walk(t, addr, &found, c))
			return (uint64_t)NO_PFN;
		remember(t, c, addr, found, false);
		e = mm_tlb_kernel_lookup(t->kernel, c, addr);
	}
	return e->pfn + (addr - e->start) / MMSIM_PAGE_SIZE;
}

uint64_t mm_vmap_access(struct mm_vmap_tables *t, uint64_t addr)
{
	struct mm_tlb_cpu *c;
	unsigned reader;
	uint64_t pfn;

	if (!t->tlb->checked)
		return mm_vmap_walk(t, addr);
	reader = reader_begin(t);
	c = mm_tlb_kernel_begin(t->kernel);
	pfn = access_locked(t, c, addr);
	mm_tlb_access_end(c);
	reader_end(t, reader);
	return pfn;
}
