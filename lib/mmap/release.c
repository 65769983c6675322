/* SPDX-License-Identifier: MIT */
/* References given up in batches, and what nobody has any more on its way to the allocator. */
#include "release.h"

#include "bits.h"
#include "tlb_cache.h"

enum {
	MOST = 512, /* entries at a time if freed as runs: a gather's batch */
	AHEAD = 12, /* entries: so long a struct page takes to come from memory */
	/* Of the mmap floor, beside those of the lists. */
	FLAGS = 1 << MMSIM_PG_REFERENCED | 1 << MMSIM_PG_DIRTY | 1 << MMSIM_PG_HEAD |
		1 << MMSIM_PG_ACTIVE,
};

/* True: these were the last, the folio is the caller's. */
static inline bool put(const struct mm_release *r, struct mmsim_page *folio, int nr)
{
	int32_t left;

	mm_exec_point(r->exec, MM_POINT_ATOMIC, folio);
	mm_exec_charge(r->exec, MM_CHARGE_RMW, &folio->refcount, 1);
	/* J2. What others did before they gave up theirs is seen, too. */
	if (__atomic_load_n(&folio->refcount, __ATOMIC_ACQUIRE) == nr &&
	    !__atomic_load_n(&folio->mapping, __ATOMIC_RELAXED)) {
		__atomic_store_n(&folio->refcount, 0, __ATOMIC_RELAXED);
		return true;
	}
	left = __atomic_sub_fetch(&folio->refcount, nr, __ATOMIC_ACQ_REL);
	mm_invariant("O1: no more references are given up than there are", left >= 0);
	return !left;
}

/* What taking it off its list will change. Read without the lock, for a hint. */
static inline MM_NO_TSAN void prefetch_neighbours(const struct mmsim_page *folio)
{
	__builtin_prefetch(folio->lru.next, 1);
	__builtin_prefetch(folio->lru.prev, 1);
}

/* The lock of the lists is taken once for all of a node. */
static void take_off_lists(const struct mm_release *r, struct mmsim_page *const *folio, unsigned nr)
{
	struct mm_lruvec *held = NULL;

	for (unsigned i = 0; i < nr; i++) {
		if (!mm_page_flag(folio[i], MMSIM_PG_LRU))
			continue;
		mm_mmap_lru_relock(r->lru, folio[i], &held);
		mm_mmap_lru_del(r->lru, held, folio[i]);
	}
	mm_lru_unlock(&held);
}

/* O3 ends. Counterpart: free_tail_page_prepare(). */
static void forget_head(const struct mm_release *r, struct mmsim_page *folio, uint64_t nr)
{
	mm_exec_charge(r->exec, MM_CHARGE_TOUCH, folio + 1, (nr - 1) * sizeof(*folio));
	for (uint64_t i = 1; i < nr; i++)
		__atomic_store_n(&folio[i].mapping, NULL, __ATOMIC_RELAXED);
}

/* J1. Returns its pages. */
static inline uint64_t strip(const struct mm_release *r, struct mmsim_page *folio)
{
	uint64_t flags = __atomic_load_n(&folio->flags, __ATOMIC_RELAXED);
	uint64_t nr = UINT64_C(1) << folio->order;

	mm_invariant("J1: nobody maps what is freed", !mm_folio_mapped(folio));
	mm_tlb_check_page(r->tlb, mm_page_to_pfn(r->lru->buddy->map, folio), nr);
	if (mm_unlikely(flags & FLAGS)) {
		if (flags >> MMSIM_PG_HEAD & 1)
			forget_head(r, folio, nr);
		__atomic_store_n(&folio->flags, flags & ~(uint64_t)FLAGS, __ATOMIC_RELAXED);
	}
	if (mm_unlikely(folio->mapping != NULL))
		__atomic_store_n(&folio->mapping, NULL, __ATOMIC_RELAXED);
	return nr;
}

/* What nobody has any more. J1. Returns its pages. */
static uint64_t free_folios(const struct mm_release *r, struct mmsim_page *const *folio,
			    unsigned nr, bool runs)
{
	uint64_t pages = 0;

	take_off_lists(r, folio, nr);
	for (unsigned i = 0; i < nr; i++)
		pages += strip(r, folio[i]);
	if (runs)
		mm_buddy_free_runs(r->lru->buddy, folio, nr);
	else
		mm_buddy_free_unref(r->lru->buddy, folio, nr);
	return pages;
}

static void count(const struct mm_release *r, uint64_t pages)
{
	if (pages && r->freed)
		__atomic_add_fetch(r->freed, pages, __ATOMIC_RELAXED);
}

void mm_mmap_release_pages(const struct mm_release *r, const mm_encoded *pages, unsigned nr,
			   bool runs)
{
	const unsigned most = runs ? MOST : MM_FOLIO_BATCH;
	struct mmsim_page *gone[MOST];
	uint64_t freed = 0;

	for (unsigned at = 0; at < nr;) {
		unsigned nr_gone = 0;

		for (unsigned n = 0; n < most && at < nr; n++) {
			struct mmsim_page *folio = mm_folio(mm_encoded_page(pages[at]));

			if (at + AHEAD < nr)
				__builtin_prefetch(mm_encoded_page(pages[at + AHEAD]), 1);
			if (put(r, folio, (int)mm_encoded_nr(pages, at))) {
				prefetch_neighbours(folio);
				gone[nr_gone++] = folio;
			}
			at += pages[at] & MM_ENCODED_NR_NEXT ? 2 : 1;
		}
		freed += free_folios(r, gone, nr_gone, runs);
	}
	count(r, freed);
}

void mm_mmap_put_folio(const struct mm_release *r, struct mmsim_page *folio, int nr)
{
	if (put(r, folio, nr))
		count(r, free_folios(r, &folio, 1, false));
}
