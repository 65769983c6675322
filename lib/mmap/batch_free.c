/* SPDX-License-Identifier: MIT */
/* Freeing what a gather's batches hold. */
#include "batch_free.h"

#include "mmap.h"
#include "poison.h"

/*
 * How many entries are freed at a time. A batch is no more than a slice, but pages that are filled when
 * they are freed take as long as there are pages.
 */
static unsigned slice(const struct mm_mmap *mmap, const mm_encoded *e, unsigned nr)
{
	unsigned pages = 0, i = 0;

	_Static_assert(MM_GATHER_BATCH_MAX <= MM_FREE_SLICE, "a batch is a slice");
	if (mm_likely(!mm_buddy_poisons(mmap->buddy)))
		return nr;
	while (i < nr && pages < MM_FREE_SLICE) {
		pages += mm_encoded_nr(e, i);
		i += e[i] & MM_ENCODED_NR_NEXT ? 2 : 1;
	}
	return i;
}

void mm_mmap_free_batch(struct mm_mmap *mmap, struct mm_gather_batch *batch, bool runs)
{
	for (unsigned at = 0, nr; at < batch->nr; at += nr) {
		nr = slice(mmap, mm_batch_pages(batch) + at, batch->nr - at);
		mm_mmap_release_pages(&mmap->release, mm_batch_pages(batch) + at, nr, runs);
		mm_exec_resched(mmap->exec);
	}
	batch->nr = 0;
}

static void free_chain(struct mm_work *work)
{
	struct mm_free_work *w = mm_container_of(work, struct mm_free_work, work);
	struct mmsim_page *next;

	for (struct mmsim_page *frame = w->chain; frame; frame = next) {
		struct mm_gather_batch *batch = mm_frame_data(frame);

		next = batch->next;
		mm_mmap_free_batch(w->mmap, batch, w->runs);
		mm_buddy_frame_free(w->mmap->buddy, frame);
	}
}

static unsigned nr_pages(const struct mm_gather_batch *batch)
{
	const mm_encoded *slot = mm_batch_pages(batch);
	unsigned pages = 0;

	for (unsigned i = 0; i < batch->nr; i += slot[i] & MM_ENCODED_NR_NEXT ? 2 : 1)
		pages += mm_encoded_nr(slot, i);
	return pages;
}

void mm_mmap_free_hand_over(struct mm_gather *g)
{
	struct mm_mmap *mmap = g->mmap;
	struct mm_free_work *w;

	if (!g->local.next)
		return;
	w = mm_base_meta_alloc(mmap->exec->meta, sizeof(*w));
	if (!w) {
		mm_mm_count(&mmap->info.not_handed, 1);
		return;
	}
	mm_work_init(&w->work, free_chain);
	w->mmap = mmap;
	w->chain = g->local.next;
	w->runs = g->runs;
	mm_list_add_tail(&w->link, &g->works);
	g->local.next = NULL;
	g->batch_count = 0;
	mm_mm_count(&mmap->info.handed, 1);
	mm_mm_count(&mmap->info.handed_pages, g->nr_gathered - nr_pages(&g->local));
	mm_sync_queue_work(mmap->free_wq, &w->work);
}

void mm_mmap_free_wait(struct mm_gather *g)
{
	while (!mm_list_empty(&g->works)) {
		struct mm_free_work *w = mm_list_first(&g->works, struct mm_free_work, link);

		mm_sync_flush_work(&w->work);
		mm_list_del(&w->link);
		mm_base_meta_free(g->mmap->exec->meta, w, sizeof(*w));
	}
}
