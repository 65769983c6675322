/* SPDX-License-Identifier: MIT */
/* Kernel page tables: making tables and finding them, checks. */
#include "tables.h"

#include <errno.h>

/* Making tables */

/* T4. `lock` is held. */
static void count_one(struct mm_vmap_tables *t)
{
	mm_stat_add(&t->nr, 1);
	__atomic_store_n(&t->peak, mm_max(t->peak, t->nr), __ATOMIC_RELAXED);
}

mm_entry mm_vmap_tables_hook(struct mm_vmap_tables *t, mm_entry *at, struct mmsim_page *page)
{
	mm_entry e = mm_entry_make(mm_page_to_pfn(t->buddy->map, page), MM_PTE_KERNEL);

	mm_assert(mm_spin_held(&t->lock) && !mm_entry_present(mm_entry_read(at)));
	count_one(t);
	mm_entry_set(at, e);
	return e;
}

/* A table below the entry, unless somebody was faster. 0: no memory. Counterpart: __pte_alloc_kernel(). */
static mm_entry populate(struct mm_vmap_tables *t, mm_entry *at, mmsim_gfp_t gfp)
{
	struct mmsim_page *page = mm_buddy_frame_alloc(t->buddy, gfp, true);
	mm_entry e;

	if (!page)
		return 0;
	mm_spin_lock(&t->lock);
	e = mm_entry_read(at);
	if (mm_likely(!mm_entry_present(e))) {
		e = mm_vmap_tables_hook(t, at, page);
		page = NULL;
	}
	mm_spin_unlock(&t->lock);
	if (mm_unlikely(page != NULL))
		mm_buddy_frame_free(t->buddy, page);
	return e;
}

mm_entry *mm_vmap_tables_entry(struct mm_vmap_tables *t, uint64_t addr, unsigned level,
			       mmsim_gfp_t gfp)
{
	mm_entry *at = mm_frame_data(t->top);

	for (unsigned l = t->levels - 1;; l--) {
		mm_entry e;

		at += mm_entry_index(addr, l);
		if (l == level)
			return at;
		e = mm_entry_read(at);
		if (mm_unlikely(!mm_entry_present(e))) {
			e = populate(t, at, gfp);
			if (!e)
				return NULL;
		}
		mm_invariant("T5: what is mapped has no entry yet", mm_entry_is_table(e));
		at = mm_vmap_table_data(t, e);
	}
}

mm_entry *mm_vmap_tables_find(const struct mm_vmap_tables *t, uint64_t addr, unsigned *level)
{
	mm_entry *at = mm_frame_data(t->top);

	for (unsigned l = t->levels - 1;; l--) {
		mm_entry e;

		at += mm_entry_index(addr, l);
		e = l > *level ? mm_entry_read(at) : 0;
		if (!mm_entry_is_table(e)) {
			*level = l;
			return at;
		}
		at = mm_vmap_table_data(t, e);
	}
}

/* Checks */

static void check_entry(const struct mm_vmap_tables *t, mm_entry e, unsigned level)
{
	if (e & MM_PTE_HUGE) {
		mm_invariant("T1: a huge entry is one of PMD, of 512 frames",
			     level == MM_LEVEL_PMD && !(mm_entry_pfn(e) % MM_PTRS_PER_TABLE));
		return;
	}
	mm_invariant("T1: an entry above PTE leads to a table",
		     mm_pfn_valid(t->buddy->map, mm_entry_pfn(e)) &&
			     mm_vmap_table_page(t, e)->page_type == MMSIM_PGTY_TABLE &&
			     mm_vmap_table_data(t, e));
	mm_invariant("T2: only a PTE table counts, and only if tables are counted",
		     !mm_vmap_table_page(t, e)->index || (t->counted && level == MM_LEVEL_PMD));
}

/* What is below a table, and itself: tables; *counts: what they count. */
static uint64_t look_through(const struct mm_vmap_tables *t, const mm_entry *table, unsigned level,
			     uint64_t *counts)
{
	uint64_t nr = 1;

	for (unsigned i = 0; level && i < MM_PTRS_PER_TABLE; i++) {
		mm_entry e = mm_entry_read(&table[i]);

		mm_invariant("T1: an entry is present or 0", mm_entry_present(e) || !e);
		if (!e)
			continue;
		check_entry(t, e, level);
		if (!mm_entry_is_table(e))
			continue;
		*counts += mm_vmap_table_page(t, e)->index;
		nr += look_through(t, mm_vmap_table_data(t, e), level - 1, counts);
	}
	return nr;
}

uint64_t mm_vmap_tables_validate(struct mm_vmap_tables *t)
{
	uint64_t counts = 0, nr = look_through(t, mm_frame_data(t->top), t->levels - 1, &counts);

	/* What was flushed may be freed meanwhile. */
	mm_spin_lock(&t->lock);
	mm_invariant("T4: nr counts tables", t->nr == nr + t->nr_gone);
	mm_invariant("T4: peak is the most there were", t->peak >= t->nr);
	nr = t->nr;
	mm_spin_unlock(&t->lock);
	return nr;
}

uint64_t mm_vmap_tables_counts(const struct mm_vmap_tables *t)
{
	uint64_t counts = 0;

	look_through(t, mm_frame_data(t->top), t->levels - 1, &counts);
	return counts;
}

/* Making and unmaking all of it */

static int rcu_init(struct mm_vmap_tables *t, struct mm_lockset *locks)
{
	struct mm_meta *meta = t->exec->meta;

	if (!t->counted)
		return 0;
	t->rcu = mm_base_meta_alloc(meta, sizeof(*t->rcu));
	if (!t->rcu)
		return -ENOMEM;
	if (!mm_sync_rcu_init(t->rcu, locks, t->buddy->topology))
		return 0;
	mm_base_meta_free(meta, t->rcu, sizeof(*t->rcu));
	return -ENOMEM;
}

int mm_vmap_tables_init(struct mm_vmap_tables *t, struct mm_buddy *b, struct mm_lockset *locks,
			struct mm_tlb *tlb, struct mm_tlb_kernel *kernel, unsigned levels,
			bool counted)
{
	*t = (struct mm_vmap_tables){
		.exec = b->exec,
		.buddy = b,
		.tlb = tlb,
		.kernel = kernel,
		.levels = levels,
		.counted = counted,
		.nr = 1,
		.peak = 1,
	};
	t->top = mm_buddy_frame_alloc(b, MMSIM_GFP_KERNEL, true);
	if (!t->top)
		return -ENOMEM;
	if (rcu_init(t, locks)) {
		mm_buddy_frame_free(b, t->top);
		return -ENOMEM;
	}
	mm_sync_spin_init(&t->lock, locks, MM_RANK_VMAP_TABLES);
	return 0;
}

static void free_below(struct mm_vmap_tables *t, struct mmsim_page *page, unsigned level)
{
	mm_entry *table = mm_frame_data(page);

	for (unsigned i = 0; level && i < MM_PTRS_PER_TABLE; i++)
		if (mm_entry_is_table(table[i]))
			free_below(t, mm_vmap_table_page(t, table[i]), level - 1);
	mm_buddy_frame_free(t->buddy, page);
	t->nr--;
}

void mm_vmap_tables_fini(struct mm_vmap_tables *t)
{
	if (t->rcu) {
		mm_sync_rcu_fini(t->rcu);
		mm_base_meta_free(t->exec->meta, t->rcu, sizeof(*t->rcu));
	}
	free_below(t, t->top, t->levels - 1);
	mm_invariant("T4: every table was freed", !t->nr && !t->nr_gone);
	mm_sync_spin_fini(&t->lock);
}
