/* SPDX-License-Identifier: MIT */
/*
 * Addresses that nobody has: a tree that knows the largest stretch of each subtree.
 *
 * A request gets the lowest address that fits (first fit). It is cut out of a stretch in one of four ways:
 * all of it, its left or right edge, or from the middle; the last needs one more vmap_area, a spare of
 * which is made ready before the lock is taken. What comes back is merged with its neighbours.
 *
 * With an alignment of more than a page the search is for a stretch in which it fits wherever that begins; a
 * smaller one where it happens to fit is used only if it is on the way. So the lowest address is had up to a
 * page's alignment, and with a range of just that size.
 *
 * Counterpart: free_vmap_area_root, find_vmap_lowest_match(), va_clip(), merge_or_add_vmap_area_augment().
 * Differences: no list of the stretches, neighbours are found on the way down; areas that follow each other
 * are made one before the lock is taken, and it is dropped between some.
 *
 *  F1: stretches are sorted and apart from each other by at least a page.
 *  F2: subtree_max_size of each is the size of the largest in its subtree.
 *  F3: bytes is the sum of their sizes.
 *
 * Locking: `lock` (MM_RANK_VMAP_FREE); a CPU's spare changes under it, and is looked at without. Cost:
 * O(log n). Charges: a level of the tree and the line of each area looked at; what is written of an area,
 * its line.
 */
#ifndef MM_VMAP_FREE_SPACE_H
#define MM_VMAP_FREE_SPACE_H

#include "area.h"
#include "percpu.h"
#include "slab.h"
#include "spinlock.h"

struct mm_free_space {
	struct mm_exec *exec; /* these: constant after init */
	struct mm_slab *areas; /* where vmap_areas come from */
	struct mm_spinlock lock mm_cacheline_aligned;
	struct mm_rb_root root; /* under lock, down to bytes */
	uint64_t nr; /* stretches */
	uint64_t bytes;
	struct mm_percpu spare; /* struct mm_vmap_area *: atomic to look at */
};

/* The whole pages of [start, end), one at least, are free. 0 or -ENOMEM: nothing is left of it. */
int mm_vmap_free_space_init(struct mm_free_space *fs, struct mm_exec *x, struct mm_lockset *locks,
			    struct mm_slab *areas, uint64_t start, uint64_t end);
/* Frees the stretches and spares. */
void mm_vmap_free_space_fini(struct mm_free_space *fs);

/*
 * Take `size` bytes, whole pages, from inside [start, end), aligned to `align`, a power of two. *addr: the
 * lowest there is, not written on failure. 0; -ENOENT: no stretch above `start` is large enough; -ERANGE:
 * the lowest that is passes `end`; -ENOMEM: no spare for a cut from the middle. may_wait: a spare is made
 * ready before the lock is taken; else one is asked for only when it is needed, under the lock. Whoever
 * calls holds no lock of rank VMAP_FREE or inside.
 */
int mm_vmap_free_space_take(struct mm_free_space *fs, uint64_t size, uint64_t align, uint64_t start,
			    uint64_t end, bool may_wait, uint64_t *addr);

/*
 * Give back the areas of a list, which becomes empty; their structs are its own from now on. The list is
 * sorted here, and what follows each other on it is made one before the lock is taken. The lock is dropped
 * now and then. Returns how many areas they were.
 */
uint64_t mm_vmap_free_space_give(struct mm_free_space *fs, mm_list *areas);

/* F1 to F3; stops the program. Returns stretches. Nobody else is at it. */
uint64_t mm_vmap_free_space_validate(struct mm_free_space *fs);

/* The stretch that contains addr or is the first above it; NULL: none. For tests: nobody else is at it. */
struct mm_vmap_area *mm_vmap_free_space_find(struct mm_free_space *fs, uint64_t addr);

#endif
