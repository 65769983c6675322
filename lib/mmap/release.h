/* SPDX-License-Identifier: MIT */
/*
 * Giving up references to many pages, and freeing those that nobody else has.
 *
 * Counterpart: free_pages_and_swap_cache(), folios_put_refs() of mm/swap.c, release_pages() before.
 * Pages come encoded as a gather has them: a pointer with flags in its low bits, and behind it, if
 * MM_ENCODED_NR_NEXT is set, how many pages of one folio are meant.
 *
 * The kernel's way takes 31 folios at a time: references, then off the LRU under one lock as long as
 * the node stays the same, then to the CPU's lists. The other way, RUNS, takes a whole batch at a time,
 * and what follows each other in memory goes to the zone as the largest blocks that it makes.
 *
 *  J1: a folio goes to the allocator when its last reference was given up, off all lists, with no flag
 *      set that is the mmap floor's, mapcount -1; and not before mm_tlb_check_page() has seen it.
 *  J2: of a folio in no file's cache nobody can get a reference but who has one already, or maps it
 *      (O1). So who has all there are has the folio for himself, and need not change the count
 *      atomically.
 *
 * Locking: the caller holds no lock of rank MM_RANK_LRU or further in. Cost: O(nr).
 */
#ifndef MM_MMAP_RELEASE_H
#define MM_MMAP_RELEASE_H

#include "lru.h"
#include "tlb.h"

typedef uintptr_t mm_encoded;

enum {
	MM_ENCODED_DELAY_RMAP = 1 << 0,
	MM_ENCODED_NR_NEXT = 1 << 1,
	MM_ENCODED_FLAGS = 3,
	MM_ENCODED_NR_SHIFT = 2, /* of an entry that is a number */
};

static inline struct mmsim_page *mm_encoded_page(mm_encoded e)
{
	return (struct mmsim_page *)(e & ~(mm_encoded)MM_ENCODED_FLAGS);
}

/* How many pages entry i stands for. */
static inline unsigned mm_encoded_nr(const mm_encoded *e, unsigned i)
{
	return e[i] & MM_ENCODED_NR_NEXT ? (unsigned)(e[i + 1] >> MM_ENCODED_NR_SHIFT) : 1;
}

struct mm_release {
	struct mm_exec *exec; /* constant after init */
	struct mm_lru *lru;
	struct mm_tlb *tlb;
	uint64_t *freed; /* atomic: pages given to the allocator; NULL: nobody counts */
};

/* `lru` gives up its references through it from now on; *r stays as long as lru. */
static inline void mm_release_init(struct mm_release *r, struct mm_lru *lru, struct mm_tlb *tlb,
				   uint64_t *freed)
{
	*r = (struct mm_release){
		.exec = lru->buddy->exec, .lru = lru, .tlb = tlb, .freed = freed
	};
	lru->release = r;
}

/*
 * One reference for each page; nr counts entries, those that are numbers included. Several pages of one
 * folio may be named one by one. Never waits. Counterpart: free_pages_and_swap_cache(),
 * folios_put_refs().
 */
void mm_mmap_release_pages(const struct mm_release *r, const mm_encoded *pages, unsigned nr,
			   bool runs);

/* nr references to one folio. Counterpart: folio_put_refs(). */
void mm_mmap_put_folio(const struct mm_release *r, struct mmsim_page *folio, int nr);

#endif
