/* SPDX-License-Identifier: MIT */
/*
 * Folios: a page, or the pages of a transparent huge page, as one thing with one count of references
 * and one of mappings.
 *
 * Counterpart: struct folio, compound pages, folio_add_rmap(), folio_remove_rmap(). Differences: a huge
 * entry counts as one mapping and one reference, an entry of a single page of the folio as one of each,
 * too; the tails name their head only once a huge entry was split, as nobody asks before.
 *
 *  O1: refcount of the head = mappings + 1 if it is in a file's cache + 1 for each batch of pages on
 *      their way to the LRU that has it + those of gathers and callers for as long as they have it.
 *  O2: mapcount + 1 of the head is the number of entries that map any part of it.
 *  O3: mapping is, of a tail, the address of its head + 1 while the head has PG_head; of a page in a
 *      file's cache, and until it is freed, the file; of any other page NULL.
 *
 * Locking: counts are atomic. Whoever takes refcount to 0 has the folio for himself.
 */
#ifndef MM_MMAP_FOLIO_H
#define MM_MMAP_FOLIO_H

#include "exec.h"
#include <mmsim/page.h>

#define MM_HPAGE_ORDER 9
#define MM_HPAGE_PAGES (1u << MM_HPAGE_ORDER)

/* Flags beside those of mmsim/page.h. */
enum {
	MM_PG_SWAPBACKED = 19, /* on the LRU lists of anonymous pages; as long as PG_lru is set */
};

/* The first page of what `page` is a part of. Counterpart: page_folio(). O3. */
static inline struct mmsim_page *mm_folio(struct mmsim_page *page)
{
	uintptr_t mapping = (uintptr_t)__atomic_load_n(&page->mapping, __ATOMIC_RELAXED);

	return mapping & 1 ? (struct mmsim_page *)(mapping - 1) : page;
}

/* mmsim_page_node(), of a page whose flags somebody may be changing. */
static inline unsigned mm_page_node(const struct mmsim_page *page)
{
	return (unsigned)(__atomic_load_n(&page->flags, __ATOMIC_RELAXED) >> MMSIM_NODE_SHIFT) &
	       0x3ffu;
}

static inline bool mm_page_flag(const struct mmsim_page *page, unsigned bit)
{
	return __atomic_load_n(&page->flags, __ATOMIC_RELAXED) >> bit & 1;
}

static inline void mm_page_set_flag(struct mmsim_page *page, unsigned bit)
{
	__atomic_or_fetch(&page->flags, UINT64_C(1) << bit, __ATOMIC_RELAXED);
}

static inline void mm_page_clear_flag(struct mmsim_page *page, unsigned bit)
{
	__atomic_and_fetch(&page->flags, ~(UINT64_C(1) << bit), __ATOMIC_RELAXED);
}

static inline void mm_folio_get(struct mmsim_page *folio, int nr)
{
	__atomic_add_fetch(&folio->refcount, nr, __ATOMIC_RELAXED);
}

/* nr entries more that map it. Counterpart: folio_add_rmap_ptes(). O2. */
static inline void mm_folio_add_rmap(struct mmsim_page *folio, int nr)
{
	__atomic_add_fetch(&folio->mapcount, nr, __ATOMIC_RELAXED);
}

/* nr fewer. */
static inline void mm_folio_remove_rmap(struct mm_exec *x, struct mmsim_page *folio, int nr)
{
	mm_exec_charge(x, MM_CHARGE_RMW, &folio->mapcount, 1);
	mm_invariant("O2: no more mappings are removed than there are",
		     __atomic_sub_fetch(&folio->mapcount, nr, __ATOMIC_RELEASE) >= -1);
}

static inline bool mm_folio_mapped(const struct mmsim_page *folio)
{
	return __atomic_load_n(&folio->mapcount, __ATOMIC_ACQUIRE) >= 0;
}

static inline bool mm_folio_large(const struct mmsim_page *folio)
{
	return __atomic_load_n(&folio->order, __ATOMIC_RELAXED) != 0;
}

#endif
