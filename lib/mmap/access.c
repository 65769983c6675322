/* SPDX-License-Identifier: MIT */
/*
 * One access by a CPU: what the processor does before there is a fault. With checked TLBs by an entry of
 * the CPU's TLB if there is one; otherwise by a walk each time. Counterpart: the processor; exc_page_fault(),
 * which calls handle_mm_fault().
 */
#include "filemap.h"
#include "tlb_cache.h"
#include <errno.h>

/* What a walk found. */
struct walk {
	mm_entry *at, e;
	unsigned level;
};

/* Told of each table on the way. NULL: nobody wants to know. */
typedef void (*seen_fn)(struct mmsim_mm *mm, const struct mm_table *table, uint64_t addr);

/* Down to a present entry that maps a page. False: there is none. Under RCU. */
static bool walk(struct mmsim_mm *mm, uint64_t addr, struct walk *w, seen_fn seen)
{
	struct mm_table *table = mm->pgd;

	for (;;) {
		w->at = mm_entry_at(table, addr);
		w->e = mm_entry_read(w->at);
		w->level = table->level;
		if (!mm_entry_present(w->e))
			return false;
		if (!table->level || w->e & MM_PTE_HUGE)
			return true;
		table = mm_table_of(mm->mmap->buddy, w->e);
		if (seen)
			seen(mm, table, addr);
	}
}

/* Set the accessed bit, and the dirty bit for a store, if the entry still allows it. */
static bool mark(const struct mmsim_mm *mm, struct walk *w, bool write)
{
	mm_entry bits = MM_PTE_ACCESSED | (write ? MM_PTE_DIRTY : 0);

	mm_exec_point(mm->mmap->exec, MM_POINT_ATOMIC, w->at);
	while (mm_entry_present(w->e) && (!write || w->e & MM_PTE_WRITE)) {
		if ((w->e & bits) == bits ||
		    __atomic_compare_exchange_n(w->at, &w->e, w->e | bits, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			return true;
	}
	return false;
}

static struct mmsim_page *page_at(const struct mmsim_mm *mm, const struct walk *w, uint64_t addr)
{
	uint64_t mask = mm_level_size(w->level) - 1;

	return mm_pfn_to_page(mm->mmap->buddy->map,
			      mm_entry_pfn(w->e) + ((addr & mask) >> MMSIM_PAGE_SHIFT));
}

/* A store to a page of a file, whose entry keeps it there while its table is locked. Under RCU. */
static bool store_locked(struct mmsim_mm *mm, uint64_t addr)
{
	struct mm_table *table = mm_mmap_pte_lock(mm, addr);
	struct walk w = { .level = MM_LEVEL_PTE };
	bool done;

	if (!table)
		return false;
	w.at = mm_entry_at(table, addr);
	w.e = mm_entry_read(w.at);
	done = mark(mm, &w, true);
	if (done && w.e & MM_PTE_FILE)
		mm_file_store(page_at(mm, &w, addr));
	mm_spin_unlock(&table->lock);
	return done;
}

static bool access_plain(struct mmsim_mm *mm, uint64_t addr, bool write)
{
	struct mm_rcu *rcu = &mm->mmap->rcu;
	unsigned reader;
	struct walk w;
	bool done;

	mm_tlb_enter(&mm->mmap->tlb, &mm->tlb);
	reader = mm_rcu_read_lock(rcu);
	done = walk(mm, addr, &w, NULL);
	if (done && write && w.e & MM_PTE_FILE)
		done = store_locked(mm, addr);
	else if (done)
		done = mark(mm, &w, write);
	mm_rcu_read_unlock(rcu, reader);
	return done;
}

/* Below: checked TLBs. The CPU's TLB is locked, so shootdowns are before or after all of it. */

static void remember_table(struct mmsim_mm *mm, const struct mm_table *table, uint64_t addr)
{
	struct mm_tlb *t = &mm->mmap->tlb;
	uint64_t size = mm_level_size(table->level + 1);
	const struct mm_tlb_entry entry = {
		.start = addr & ~(size - 1),
		.end = (addr & ~(size - 1)) + size,
		.pfn = mm_page_to_pfn(mm->mmap->buddy->map, table->page),
		.table = true,
	};

	mm_tlb_fill(t, mm_tlb_cpu(t, mm_exec_cpu(t->exec)), &mm->tlb, &entry);
}

/* Into the TLB what a walk finds. */
static struct mm_tlb_entry *walk_and_fill(struct mmsim_mm *mm, struct mm_tlb_cpu *c, uint64_t addr,
					  bool write)
{
	struct walk w;

	if (walk(mm, addr, &w, remember_table) && mark(mm, &w, write)) {
		uint64_t size = mm_level_size(w.level);
		const struct mm_tlb_entry entry = {
			.start = addr & ~(size - 1),
			.end = (addr & ~(size - 1)) + size,
			.pfn = mm_entry_pfn(w.e),
			.write = w.e & MM_PTE_WRITE,
			.dirty = write,
		};

		mm_tlb_fill(&mm->mmap->tlb, c, &mm->tlb, &entry);
		return mm_tlb_lookup(c, &mm->tlb, addr);
	}
	return NULL;
}

/*
 * The entry in the TLB allows the access. The first store through it has to find the entry in memory and
 * make it dirty.
 */
static bool permits(struct mmsim_mm *mm, struct mm_tlb_entry *entry, uint64_t addr, bool write)
{
	struct walk w;

	if (!write || entry->dirty)
		return true;
	if (!entry->write || !walk(mm, addr, &w, NULL) || !mark(mm, &w, true))
		return false;
	entry->dirty = true;
	return true;
}

static void store_by(struct mmsim_mm *mm, const struct mm_tlb_entry *entry, uint64_t addr)
{
	uint64_t pfn = entry->pfn + ((addr - entry->start) >> MMSIM_PAGE_SHIFT);
	struct mmsim_page *page = mm_pfn_to_page(mm->mmap->buddy->map, pfn);

	if (mm_folio(page) == page && mm_page_is_file(page))
		mm_file_store(page);
}

static bool access_checked(struct mmsim_mm *mm, uint64_t addr, bool write)
{
	struct mm_tlb *t = &mm->mmap->tlb;
	unsigned reader = mm_rcu_read_lock(&mm->mmap->rcu);
	struct mm_tlb_cpu *c = mm_tlb_access_begin(t, &mm->tlb);
	struct mm_tlb_entry *entry = mm_tlb_lookup(c, &mm->tlb, addr);

	if (entry && !permits(mm, entry, addr, write)) {
		mm_tlb_forget(t, c, &mm->tlb, addr);
		entry = NULL;
	}
	if (!entry)
		entry = walk_and_fill(mm, c, addr, write);
	if (entry && write)
		store_by(mm, entry, addr);
	mm_tlb_access_end(c);
	mm_rcu_read_unlock(&mm->mmap->rcu, reader);
	return entry != NULL;
}

static bool access(struct mmsim_mm *mm, uint64_t addr, bool write)
{
	mm_exec_charge(mm->mmap->exec, MM_CHARGE_TREE, NULL, mm->levels);
	return mm->mmap->tlb.checked ? access_checked(mm, addr, write)
				     : access_plain(mm, addr, write);
}

int mm_mmap_touch(struct mmsim_mm *mm, uint64_t addr, bool write)
{
	int err = 0;

	if (addr >= mm->task_size)
		return -EFAULT;
	while (!err && !access(mm, addr, write)) {
		mm_down_read(&mm->mmap_lock);
		err = mm_mmap_fault(mm, addr, write);
		mm_up_read(&mm->mmap_lock);
	}
	return err;
}

/* An access at addr as far as it needs no fault; and where the next entry begins. False: it needs one. */
static bool is_there(struct mmsim_mm *mm, uint64_t addr, bool write, uint64_t *next)
{
	struct mm_rcu *rcu = &mm->mmap->rcu;
	unsigned reader = mm_rcu_read_lock(rcu);
	struct walk w;
	bool there = walk(mm, addr, &w, NULL) && mark(mm, &w, write);

	*next = mm_level_end(addr, UINT64_MAX, there ? w.level : MM_LEVEL_PTE);
	mm_rcu_read_unlock(rcu, reader);
	return there;
}

/* As many pages as a table has under one mmap_lock. Counterpart: populate_vma_page_range(). */
static int populate_some(struct mmsim_mm *mm, uint64_t *addr, uint64_t end, bool write)
{
	uint64_t next;
	int err = 0;

	while (!err && *addr < end) {
		if (is_there(mm, *addr, write, &next))
			*addr = next;
		else
			err = mm_mmap_fault(mm, *addr, write);
	}
	return err;
}

int mm_mmap_populate(struct mmsim_mm *mm, uint64_t start, uint64_t end, bool write)
{
	int err = 0;

	while (!err && start < end) {
		/* The caller's CPU runs a thread of the process: flushes are to reach it. */
		mm_tlb_enter(&mm->mmap->tlb, &mm->tlb);
		mm_down_read(&mm->mmap_lock);
		err = populate_some(mm, &start, mm_level_end(start, end, MM_LEVEL_PMD), write);
		mm_up_read(&mm->mmap_lock);
		mm_exec_resched(mm->mmap->exec);
	}
	return err;
}

int mm_mmap_lookup(struct mmsim_mm *mm, uint64_t addr, struct mmsim_mapping *out)
{
	struct mm_rcu *rcu = &mm->mmap->rcu;
	struct walk w;
	unsigned reader;
	bool there;

	if (addr >= mm->task_size)
		return -ENOENT;
	reader = mm_rcu_read_lock(rcu);
	there = walk(mm, addr, &w, NULL);
	if (there)
		*out = (struct mmsim_mapping){
			.page = page_at(mm, &w, addr),
			.order = 9 * w.level,
			.writable = w.e & MM_PTE_WRITE,
			.dirty = w.e & MM_PTE_DIRTY,
			.accessed = w.e & MM_PTE_ACCESSED,
		};
	mm_rcu_read_unlock(rcu, reader);
	return there ? 0 : -ENOENT;
}
