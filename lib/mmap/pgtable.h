/* SPDX-License-Identifier: MIT */
/*
 * Page tables: entries, tables, and the way down.
 *
 * Counterpart: arch/x86/include/asm/pgtable.h, mm/pgtable-generic.c, __pte_alloc() and its like. Entries
 * are those of x86-64. Differences: the entries of a table are found through its struct page, as a
 * machine's pages need no memory; a table's lock is made with the table.
 *
 *  Q1: a present entry of a level above PTE without PSE has the pfn of a table, whose page's mapping is
 *      NULL and whose frame's data is a struct mm_table; with PSE (level PMD only) the pfn of the head of a
 *      folio of 512 pages.
 *  Q2: an entry of level PTE and PMD is changed under the lock of its table, one above under
 *      page_table_lock; but bits A and D of a present one are set at any time by whoever walks, atomically,
 *      so an entry of a file's page is cleared by an exchange. Whether an anonymous page was dirty nobody
 *      asks.
 *  Q3: a table is freed when its entry was cleared, TLBs were flushed with freed_tables, and a grace period
 *      of RCU has passed: so who walks under RCU finds tables that are still tables.
 *  Q4: nr_tables of the mm counts its tables, deposited ones included.
 *  Q5: a PMD table has a PTE table deposited for each of its huge entries, so that splitting one needs no
 *      memory.
 *
 * Locking: above. Cost: a level down is three dependent loads.
 */
#ifndef MM_MMAP_PGTABLE_H
#define MM_MMAP_PGTABLE_H

#include "entry.h"
#include "folio.h"
#include "frame.h"
#include "rcu.h"
#include <mmsim/mm.h>

/* What a table is, besides its page. */
struct mm_table {
	struct mm_spinlock lock; /* of PTE and PMD tables */
	mm_entry *entry; /* [MM_PTRS_PER_TABLE]: atomic */
	struct mmsim_page *page;
	struct mm_buddy *buddy;
	struct mm_rcu_head rcu;
	struct mm_table
		*deposit; /* of a PMD table, under its lock: PTE tables kept for its huge entries */
	unsigned level;
};

/* Q2. Counterpart: ptep_get_and_clear(). */
static inline mm_entry mm_entry_clear(mm_entry *e)
{
	mm_entry old = mm_entry_read(e);

	if (mm_unlikely(old & MM_PTE_FILE))
		return __atomic_exchange_n(e, 0, __ATOMIC_ACQ_REL);
	mm_entry_set(e, 0);
	return old;
}

static inline struct mmsim_page *mm_entry_page(const struct mm_buddy *b, mm_entry e)
{
	return mm_pfn_to_page(b->map, mm_entry_pfn(e));
}

/* The lock under which entries of a table of an mm change: Q2. */
struct mm_spinlock *mm_mmap_table_lock(struct mmsim_mm *mm, struct mm_table *table);

/* Q5. The PMD table's lock is held. Counterpart: pgtable_trans_huge_deposit(), …_withdraw(). */
static inline void mm_table_deposit(struct mm_table *pmd, struct mm_table *table)
{
	table->deposit = pmd->deposit;
	pmd->deposit = table;
}

static inline struct mm_table *mm_table_withdraw(struct mm_table *pmd)
{
	struct mm_table *table = pmd->deposit;

	mm_invariant("Q5: a huge entry has a table", table != NULL);
	pmd->deposit = table->deposit;
	table->deposit = NULL;
	return table;
}

/* An empty table, not in any tree. NULL: no memory. */
struct mm_table *mm_mmap_table_alloc(struct mm_buddy *b, struct mm_lockset *locks, unsigned level);
/* At once: nobody can find it. */
void mm_mmap_table_free(struct mm_table *table);

static inline struct mm_table *mm_table_of(const struct mm_buddy *b, mm_entry e)
{
	return mm_frame_data(mm_entry_page(b, e));
}

static inline mm_entry mm_table_entry(const struct mm_buddy *b, const struct mm_table *table)
{
	return mm_entry_make(mm_page_to_pfn(b->map, table->page), MM_PTE_MAPPED | MM_PTE_WRITE);
}

static inline mm_entry *mm_entry_at(const struct mm_table *table, uint64_t addr)
{
	return &table->entry[mm_entry_index(addr, table->level)];
}

/*
 * The table of this level that covers addr. NULL: there is none, or a huge entry is in the way. The caller
 * keeps it from being freed: by RCU, by mmap_lock where the areas are, or by taking down what covers it.
 */
struct mm_table *mm_mmap_table_find(const struct mmsim_mm *mm, uint64_t addr, unsigned level);

/*
 * The same, made if there is none; for level PTE below a huge entry NULL and *huge true. NULL and *huge
 * false: no memory; what was made on the way stays, for free_pgtables. mmap_lock is held.
 */
struct mm_table *mm_mmap_table_get(struct mmsim_mm *mm, uint64_t addr, unsigned level, bool *huge);

/*
 * The PTE table that covers addr, locked, and still the one that its PMD entry names. NULL: there is none.
 * Any caller for whom the PMD table stays. Counterpart: pte_offset_map_lock().
 */
struct mm_table *mm_mmap_pte_lock(struct mmsim_mm *mm, uint64_t addr);

#endif
