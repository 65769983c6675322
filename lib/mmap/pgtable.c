/* SPDX-License-Identifier: MIT */
/* Page tables: making tables and finding them. */
#include "pgtable.h"

#include "mmap.h"

/* The data of a table's frame is its struct mm_table, which knows where the entries are. */
struct mm_table *mm_mmap_table_alloc(struct mm_buddy *b, struct mm_lockset *locks, unsigned level)
{
	struct mmsim_page *page = mm_buddy_frame_alloc(b, MMSIM_GFP_KERNEL_ACCOUNT, true);
	struct mm_table *table;

	if (!page)
		return NULL;
	table = mm_base_meta_alloc(b->exec->meta, sizeof(*table));
	if (!table) {
		mm_buddy_frame_free(b, page);
		return NULL;
	}
	table->entry = mm_frame_data(page);
	table->page = page;
	table->buddy = b;
	table->level = level;
	mm_sync_spin_init(&table->lock, locks, level == MM_LEVEL_PTE ? MM_RANK_PTE : MM_RANK_PMD);
	page->priv = (uintptr_t)table;
	return table;
}

void mm_mmap_table_free(struct mm_table *table)
{
	struct mm_buddy *b = table->buddy;
	struct mmsim_page *page = table->page;

	mm_invariant("Q5: nothing is deposited in a table that goes", !table->deposit);
	page->priv = (uintptr_t)table->entry;
	mm_sync_spin_fini(&table->lock);
	mm_base_meta_free(b->exec->meta, table, sizeof(*table));
	mm_buddy_frame_free(b, page);
}

struct mm_spinlock *mm_mmap_table_lock(struct mmsim_mm *mm, struct mm_table *table)
{
	return table->level > MM_LEVEL_PMD ? &mm->page_table_lock : &table->lock;
}

static bool leads_down(mm_entry e)
{
	return mm_entry_present(e) && !(e & MM_PTE_HUGE);
}

struct mm_table *mm_mmap_table_find(const struct mmsim_mm *mm, uint64_t addr, unsigned level)
{
	struct mm_table *table = mm->pgd;

	while (table->level > level) {
		mm_entry e = mm_entry_read(mm_entry_at(table, addr));

		if (!leads_down(e))
			return NULL;
		table = mm_table_of(mm->mmap->buddy, e);
	}
	return table;
}

/* A table below the entry, unless somebody was faster. False: no memory. Counterpart: __pte_alloc(). */
static bool populate(struct mmsim_mm *mm, struct mm_table *table, mm_entry *at)
{
	struct mm_buddy *b = mm->mmap->buddy;
	struct mm_table *below = mm_mmap_table_alloc(b, mm->mmap->locks, table->level - 1);
	struct mm_spinlock *lock = mm_mmap_table_lock(mm, table);

	if (!below)
		return false;
	mm_spin_lock(lock);
	if (!mm_entry_present(mm_entry_read(at))) {
		mm_entry_set(at, mm_table_entry(b, below));
		mm_mm_count(&mm->nr_tables, 1);
		below = NULL;
	}
	mm_spin_unlock(lock);
	if (below)
		mm_mmap_table_free(below);
	return true;
}

struct mm_table *mm_mmap_table_get(struct mmsim_mm *mm, uint64_t addr, unsigned level, bool *huge)
{
	struct mm_table *table = mm->pgd;

	*huge = false;
	while (table->level > level) {
		mm_entry *at = mm_entry_at(table, addr);
		mm_entry e = mm_entry_read(at);

		if (!mm_entry_present(e)) {
			if (!populate(mm, table, at))
				return NULL;
			continue;
		}
		if (e & MM_PTE_HUGE) {
			*huge = true;
			return NULL;
		}
		table = mm_table_of(mm->mmap->buddy, e);
	}
	mm_exec_charge(mm->mmap->exec, MM_CHARGE_TREE, NULL, mm->levels);
	return table;
}

/* Under RCU the table is one, and with its lock held it stays one if its entry is still there. */
static struct mm_table *lock_below(struct mmsim_mm *mm, const mm_entry *at)
{
	mm_entry e = mm_entry_read(at);
	struct mm_table *table;

	if (!leads_down(e))
		return NULL;
	table = mm_table_of(mm->mmap->buddy, e);
	mm_exec_point(mm->mmap->exec, MM_POINT_ATOMIC, at);
	mm_spin_lock(&table->lock);
	return table;
}

struct mm_table *mm_mmap_pte_lock(struct mmsim_mm *mm, uint64_t addr)
{
	struct mm_rcu *rcu = &mm->mmap->rcu;
	struct mm_table *pmd = mm_mmap_table_find(mm, addr, MM_LEVEL_PMD), *table;
	const mm_entry *at;
	unsigned reader;

	if (!pmd)
		return NULL;
	at = mm_entry_at(pmd, addr);
	reader = mm_rcu_read_lock(rcu);
	while ((table = lock_below(mm, at)) &&
	       mm_entry_read(at) != mm_table_entry(mm->mmap->buddy, table))
		mm_spin_unlock(&table->lock);
	mm_rcu_read_unlock(rcu, reader);
	return table;
}
