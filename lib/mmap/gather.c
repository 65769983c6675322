/* SPDX-License-Identifier: MIT */
/* mmu_gather: ranges, batches, flushing. */
#include "gather.h"

#include "batch_free.h"
#include "flush_group.h"
#include "mmap.h"

_Static_assert(offsetof(struct mm_gather, slot) ==
		       offsetof(struct mm_gather, local) + sizeof(struct mm_gather_batch),
	       "the slots are behind local");
_Static_assert(sizeof(struct mm_gather_batch) + MM_GATHER_BATCH_MAX * sizeof(mm_encoded) ==
			       MMSIM_PAGE_SIZE &&
		       sizeof(struct mm_table_batch) == MMSIM_PAGE_SIZE,
	       "batches fill a frame");

static void forget_range(struct mm_gather *g)
{
	g->start = UINT64_MAX;
	g->end = 0;
	g->freed_tables = false;
	for (unsigned level = 0; level < MM_NR_LEVELS; level++)
		g->cleared[level] = false;
}

/* Beginning and ending. */

/* Without policy_lock: small unmaps begin often. */
static void choose_how(struct mm_gather *g)
{
	struct mmsim_teardown *how = &g->how;

	mm_teardown_copy(how, &g->mmap->how);
	if (!how->threshold)
		how->threshold = MM_PARALLEL_THRESHOLD;
	if (how->way != MMSIM_TEARDOWN_BATCH_WORKERS)
		how->max_batches = MM_GATHER_BATCH_COUNT;
	else if (!how->max_batches)
		how->max_batches = MM_PARALLEL_BATCHES;
	g->runs = how->free == MMSIM_TEARDOWN_FREE_RUNS ||
		  (how->free == MMSIM_TEARDOWN_FREE_DEFAULT &&
		   how->way == MMSIM_TEARDOWN_RANGE_PARALLEL);
}

/* The slots of local need no values yet. */
void mm_mmap_gather_begin(struct mm_gather *g, struct mmsim_mm *mm, bool fullmm)
{
	g->mm = mm;
	g->mmap = mm->mmap;
	g->group = NULL;
	g->fullmm = fullmm;
	g->need_flush_all = g->delayed_rmap = false;
	g->batch_count = g->nr_tables = 0;
	g->nr_gathered = 0;
	g->active = &g->local;
	g->tables = NULL;
	g->local.next = NULL;
	g->local.nr = 0;
	g->local.max = MM_GATHER_BUNDLE;
	mm_list_init(&g->works);
	forget_range(g);
	choose_how(g);
	mm_exec_point(g->mmap->exec, MM_POINT_ATOMIC, &mm->tlb_flush_pending);
	__atomic_add_fetch(&mm->tlb_flush_pending, 1, __ATOMIC_SEQ_CST);
}

/* Counterpart: mm_tlb_flush_nested(). */
static bool is_nested(const struct mm_gather *g)
{
	mm_exec_point(g->mmap->exec, MM_POINT_ATOMIC, &g->mm->tlb_flush_pending);
	return __atomic_load_n(&g->mm->tlb_flush_pending, __ATOMIC_SEQ_CST) > 1;
}

static void free_frames(struct mm_gather *g)
{
	struct mmsim_page *frame = g->local.next, *next;

	for (; frame; frame = next) {
		next = ((struct mm_gather_batch *)mm_frame_data(frame))->next;
		mm_buddy_frame_free(g->mmap->buddy, frame);
	}
	g->local.next = NULL;
	g->batch_count = 0;
}

void mm_mmap_gather_end(struct mm_gather *g)
{
	if (!g->group && is_nested(g)) {
		g->fullmm = true;
		g->freed_tables = true;
	}
	mm_mmap_gather_flush(g);
	free_frames(g);
	mm_exec_point(g->mmap->exec, MM_POINT_ATOMIC, &g->mm->tlb_flush_pending);
	__atomic_sub_fetch(&g->mm->tlb_flush_pending, 1, __ATOMIC_SEQ_CST);
	mm_mmap_free_wait(g);
	mm_mm_count(&g->mmap->info.gathers, 1);
}

/* Batches. */

/* False: there is no frame, or there are enough. */
static bool add_batch(struct mm_gather *g)
{
	struct mmsim_page *frame;
	struct mm_gather_batch *batch;

	if (g->batch_count == g->how.max_batches)
		return false;
	frame = mm_buddy_frame_alloc(g->mmap->buddy, MMSIM_GFP_NOWAIT, false);
	if (!frame)
		return false;
	batch = mm_frame_data(frame);
	batch->next = NULL;
	batch->nr = 0;
	batch->max = MM_GATHER_BATCH_MAX;
	g->active->next = frame;
	g->batch_count++;
	return true;
}

/* Is there a batch behind the active one, or can there be? Counterpart: tlb_next_batch(). */
static bool have_next_batch(struct mm_gather *g)
{
	/* G4. */
	if (g->delayed_rmap && g->active != &g->local)
		return false;
	return g->active->next || add_batch(g);
}

bool mm_mmap_gather_pages(struct mm_gather *g, struct mmsim_page *page, unsigned nr,
			  bool delay_rmap)
{
	mm_encoded flags =
		(delay_rmap ? MM_ENCODED_DELAY_RMAP : 0) | (nr > 1 ? MM_ENCODED_NR_NEXT : 0);
	struct mm_gather_batch *batch = g->active;
	mm_encoded *slot;

	/* G2: if it does not fit here there is another. */
	if (batch->nr + 1 + (nr > 1) > batch->max) {
		mm_invariant("G2: nothing is added to a full gather", batch->next);
		batch = g->active = mm_frame_data(batch->next);
	}
	g->delayed_rmap |= delay_rmap;
	g->nr_gathered += nr;
	slot = mm_batch_pages(batch);
	slot[batch->nr++] = (mm_encoded)(uintptr_t)page | flags;
	if (nr > 1)
		slot[batch->nr++] = (mm_encoded)nr << MM_ENCODED_NR_SHIFT;
	if (mm_likely(batch->nr < batch->max - 1) || have_next_batch(g))
		return false;
	if (!g->delayed_rmap)
		mm_mm_count(&g->mmap->info.forced, 1);
	return true;
}

/* Counts have no flags. */
static void remove_rmaps(struct mm_gather *g, struct mm_gather_batch *batch)
{
	mm_encoded *slot = mm_batch_pages(batch);

	for (unsigned i = 0; i < batch->nr; i++) {
		mm_encoded e = slot[i];

		if (!(e & MM_ENCODED_DELAY_RMAP))
			continue;
		slot[i] = e & ~(mm_encoded)MM_ENCODED_DELAY_RMAP;
		mm_folio_remove_rmap(g->mmap->exec, mm_folio(mm_encoded_page(e)),
				     (int)mm_encoded_nr(slot, i));
	}
}

void mm_mmap_gather_flush_rmaps(struct mm_gather *g)
{
	if (!g->delayed_rmap)
		return;
	remove_rmaps(g, &g->local);
	if (g->active != &g->local)
		remove_rmaps(g, g->active);
	g->delayed_rmap = false;
	mm_mm_count(&g->mmap->info.forced, 1);
}

/* Flushing. */

static bool is_unflushed(const struct mm_gather *g)
{
	bool any = g->freed_tables;

	for (unsigned level = 0; level < MM_NR_LEVELS; level++)
		any |= g->cleared[level];
	return any;
}

/* Counterpart: tlb_flush(), tlb_get_unmap_shift(). */
static struct mm_tlb_flush what_to_flush(const struct mm_gather *g)
{
	bool all = g->fullmm || g->need_flush_all;
	bool huge = !g->cleared[MM_LEVEL_PTE] && g->cleared[MM_LEVEL_PMD];
	unsigned shift = mm_level_shift(huge ? MM_LEVEL_PMD : MM_LEVEL_PTE);

	/* Whole strides: a table is one, too. */
	return (struct mm_tlb_flush){
		.start = all ? 0 : mm_round_down(g->start, UINT64_C(1) << shift),
		.end = all ? UINT64_MAX : mm_round_up(g->end, UINT64_C(1) << shift),
		.stride_shift = shift,
		.freed_tables = g->freed_tables,
	};
}

static void flush_with(struct mm_gather *g, struct mm_flush_group *group)
{
	struct mm_tlb_flush what;

	if (!is_unflushed(g))
		return;
	what = what_to_flush(g);
	if (!group)
		mm_tlb_flush(&g->mmap->tlb, &g->mm->tlb, &what);
	else if (!mm_mmap_flush_group_flush(group, &what))
		mm_mm_count(&g->mmap->info.merged, 1);
	mm_mm_count(&g->mmap->info.flushes, 1);
	forget_range(g);
}

void mm_mmap_gather_flush_tlb(struct mm_gather *g)
{
	flush_with(g, NULL);
}

void mm_mmap_gather_flush_merged(struct mm_gather *g)
{
	flush_with(g, g->group);
}

void mm_mmap_gather_end_vma(struct mm_gather *g)
{
	if (!g->fullmm)
		mm_mmap_gather_flush_merged(g);
}

/* Freeing. */

static void note_batches(struct mm_gather *g)
{
	uint64_t *most = &g->mmap->info.max_batches;
	uint64_t seen = __atomic_load_n(most, __ATOMIC_RELAXED);

	while (g->batch_count > seen &&
	       !__atomic_compare_exchange_n(most, &seen, g->batch_count, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

/* Batches that were not handed over stay with the gather, empty. Counterpart: tlb_batch_pages_flush(). */
static void free_pages(struct mm_gather *g)
{
	struct mm_gather_batch *batch = &g->local;

	mm_invariant("G4: rmaps are removed before pages are freed", !g->delayed_rmap);
	if (!batch->nr)
		return;
	note_batches(g);
	if (g->how.way == MMSIM_TEARDOWN_BATCH_WORKERS && g->nr_gathered >= g->how.threshold)
		mm_mmap_free_hand_over(g);
	while (batch && batch->nr) {
		mm_mmap_free_batch(g->mmap, batch, g->runs);
		batch = batch->next ? mm_frame_data(batch->next) : NULL;
	}
	g->active = &g->local;
	g->nr_gathered = 0;
}

void mm_mmap_gather_flush(struct mm_gather *g)
{
	mm_mmap_gather_flush_merged(g);
	mm_mmap_gather_flush_tables(g);
	free_pages(g);
}
