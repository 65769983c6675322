/* SPDX-License-Identifier: MIT */
/*
 * mmu_gather: what was unhooked from page tables, on its way to be freed behind a TLB flush.
 *
 * Counterpart: mm/mmu_gather.c, include/asm-generic/tlb.h, of x86-64: tables freed by RCU, rmaps that can
 * be delayed. Differences: how many batches there may be, who frees them, and who flushes can be chosen,
 * see mmsim/teardown.h; all pages of one gather are of one size as far as flushing is concerned, as on x86;
 * the last slot of a batch is used if there is a batch behind it: there every single page leaves one empty.
 *
 *  G1: unhook, flush, then free: a page or table added is freed only after a TLB flush that began after it
 *      was added, of a range that holds its address.
 *  G2: batches: 8 slots in the gather itself, then pages of 510, at most max_batches. There is always room
 *      for a page and its count, here or in a batch that there is already, unless the caller was told
 *      "full". A batch in use that is not the last has no room for both.
 *  G3: start to end holds all that was unhooked since the last flush; cleared[] says on which levels.
 *  G4: while a rmap is delayed at most one batch is added, so that all of them are in the first and the
 *      active batch; they are removed before the page table's lock is dropped.
 *  G5: when a gather ends all its pages are freed, or were handed to a worker that has been waited for; its
 *      tables are freed or wait for a grace period.
 *
 * Locking: a gather is its caller's; tlb_flush_pending of the mm counts gathers and is atomic. Cost: a page
 * is one store; a flush is what mm_tlb_flush() and mm_mmap_release_pages() cost.
 */
#ifndef MM_MMAP_GATHER_H
#define MM_MMAP_GATHER_H

#include "pgtable.h"
#include "release.h"
#include <mmsim/teardown.h>

struct mm_mmap;
struct mm_flush_group;

enum {
	MM_GATHER_BUNDLE = 8,
	MM_GATHER_BATCH_MAX = 510, /* (4096 - 16) / 8 */
	MM_GATHER_BATCH_COUNT = 19, /* 10000 / 510 */
	MM_TABLE_BATCH_MAX = 509, /* (4096 - 24) / 8 */
	MM_FREE_SLICE = 512, /* pages freed before others may run, if freeing fills them */
	MM_PARALLEL_THRESHOLD = 256 * 1024, /* pages: batch workers */
	MM_PARALLEL_BATCHES = 515, /* of 510 pages hold as many */
};

struct mm_gather_batch {
	struct mmsim_page *next; /* the frame of the next one; NULL: none */
	uint32_t nr, max;
	/* Behind it: mm_encoded [max]. */
};

static inline mm_encoded *mm_batch_pages(const struct mm_gather_batch *batch)
{
	return (mm_encoded *)(uintptr_t)(batch + 1);
}

/*
 * The data of a frame. Of less than MM_TABLE_BATCH_MAX tables the last is followed by NULL once it is
 * queued.
 */
struct mm_table_batch {
	struct mm_rcu_head rcu;
	struct mmsim_page *frame;
	struct mm_table *table[MM_TABLE_BATCH_MAX];
};

/* Stays where it was begun. */
struct mm_gather {
	struct mmsim_mm *mm;
	struct mm_mmap *mmap;
	struct mmsim_teardown how; /* as it was when the gather began, defaults filled in */
	struct mm_flush_group *group; /* of range-parallel parts: whom to flush with; NULL: alone */
	uint64_t start, end; /* G3 */
	bool fullmm; /* the whole address space, which nobody uses any more */
	bool need_flush_all; /* whatever start and end are, until the gather ends */
	bool freed_tables;
	bool delayed_rmap; /* G4 */
	bool cleared[MM_NR_LEVELS];
	bool runs; /* how to free */
	uint32_t batch_count;
	uint32_t nr_tables; /* in `tables` */
	uint64_t nr_gathered; /* pages in the batches; a huge one is one */
	struct mm_gather_batch *active;
	struct mm_table_batch *tables;
	mm_list works; /* struct mm_free_work: batch_free.h */
	struct mm_gather_batch local;
	mm_encoded slot[MM_GATHER_BUNDLE]; /* of local */
};

/* Counterpart: tlb_gather_mmu(), tlb_gather_mmu_fullmm(). */
void mm_mmap_gather_begin(struct mm_gather *g, struct mmsim_mm *mm, bool fullmm);
/*
 * Flush and free what is left; G5. Waits. If others gather in the same mm, entries that this one found
 * empty may be theirs, unflushed: then everything is flushed, tables too. Not so with a group: then its
 * caller's own gather, which ends later, sees to it. Counterpart: tlb_finish_mmu().
 */
void mm_mmap_gather_end(struct mm_gather *g);

/* An entry of this level was cleared at addr. Counterpart: tlb_remove_tlb_entry() and its like. */
static inline void mm_gather_unhooked(struct mm_gather *g, uint64_t addr, uint64_t bytes,
				      unsigned level)
{
	g->start = mm_min(g->start, addr);
	g->end = mm_max(g->end, addr + bytes);
	g->cleared[level] = true;
}

/*
 * nr pages of one folio, from `page` on, were unhooked. True: there is room for no more, flush before the
 * next; counted as forced, unless a rmap is delayed, which forces a flush by itself. Never waits.
 * Counterpart: __tlb_remove_folio_pages().
 */
bool mm_mmap_gather_pages(struct mm_gather *g, struct mmsim_page *page, unsigned nr,
			  bool delay_rmap);

/*
 * A table whose entry, which covered addr, was cleared. May flush, and wait for readers. Counterpart:
 * tlb_remove_table().
 */
void mm_mmap_gather_table(struct mm_gather *g, struct mm_table *table, uint64_t addr);

/*
 * Flush TLBs of what was unhooked, alone; nothing is freed. Spin locks may be held. Counterpart:
 * tlb_flush_mmu_tlbonly().
 */
void mm_mmap_gather_flush_tlb(struct mm_gather *g);

/* The same together with the group, if there is one. Waits: no spin lock is held. */
void mm_mmap_gather_flush_merged(struct mm_gather *g);

/*
 * The delayed rmaps. After a flush, under the page table's lock. Counts a forced flush if there were any.
 * Counterpart: tlb_flush_rmaps().
 */
void mm_mmap_gather_flush_rmaps(struct mm_gather *g);

/* Flush TLBs, free everything. No spin lock is held. Counterpart: tlb_flush_mmu(). */
void mm_mmap_gather_flush(struct mm_gather *g);

/* The end of an area. No spin lock is held. Counterpart: tlb_end_vma(). */
void mm_mmap_gather_end_vma(struct mm_gather *g);

/* Of these files: tables gathered so far are flushed and left to RCU. Counterpart: tlb_table_flush(). */
void mm_mmap_gather_flush_tables(struct mm_gather *g);

/*
 * One setting to where another was, field by field: who reads meanwhile may get some fields of either,
 * which is a setting, too.
 */
static inline void mm_teardown_copy(struct mmsim_teardown *to, const struct mmsim_teardown *from)
{
#define MM_COPY(field)                                                                \
	__atomic_store_n(&to->field, __atomic_load_n(&from->field, __ATOMIC_RELAXED), \
			 __ATOMIC_RELAXED)
	MM_COPY(way);
	MM_COPY(free);
	MM_COPY(threshold);
	MM_COPY(max_batches);
	MM_COPY(max_active);
	MM_COPY(max_threads);
	MM_COPY(chunk_pages);
#undef MM_COPY
}

#endif
