/* SPDX-License-Identifier: MIT */
/*
 * Areas by the page they begin in: an array with a slot for each page of a range.
 *
 * The array is in leaves of 512 slots, a page each, found by a radix of three levels. Both are made where
 * an area is first, and stay until the end, so that looking needs no lock. A slot is a pointer to an area
 * with a lock in its lowest bit; an empty one is not locked. Whoever inserts needs no lock: the addresses
 * are his.
 *
 * Counterpart: none in the kernel; nearest are an xarray, and bit spin locks.
 *
 *  X1: the area in a slot begins in the slot's page; of a slot locked, it is the lock holder's to take out.
 *  X2: while an area is in its slot, the slots of its other pages are empty. So the nearest slot in use at
 *      or below an address is the only one whose area may contain it.
 *
 * Locking: a slot's, a spin lock that nobody is handed: as MM_RANK_VMAP_BUSY, which it replaces. Cost: by
 * the first address, three loads and the slot's line. Else also a look at the slots between, 8 a line.
 * Charges: levels of the radix, and a slot's line as a lock's; of a walk, the levels once a leaf.
 */
#ifndef MM_VMAP_INDEX_H
#define MM_VMAP_INDEX_H

#include "area.h"

struct mm_index;

/* Of [start, end), whole pages. NULL: no memory. */
struct mm_index *mm_vmap_index_create(struct mm_exec *x, uint64_t start, uint64_t end);
/* No area is left. */
void mm_vmap_index_destroy(struct mm_index *ix);

/* 0; -ENOMEM: nothing is changed. */
int mm_vmap_index_insert(struct mm_index *ix, struct mm_vmap_area *va);
/* As mm_vmap_busy_unlink(). */
struct mm_vmap_area *mm_vmap_index_unlink(struct mm_index *ix, uint64_t addr,
					  bool (*may)(const struct mm_vmap_area *va, void *ctx),
					  void *ctx);

/*
 * Where the nearest slot in use is, from the page of addr on upwards or down to below: the area's first
 * address. MM_NEVER: there is none, or, downwards, addr is outside the range. The area may be gone by then.
 */
uint64_t mm_vmap_index_next(const struct mm_index *ix, uint64_t addr);
uint64_t mm_vmap_index_prev(const struct mm_index *ix, uint64_t addr);

/*
 * Call fn(va, ctx) for the area that begins at `first`, if its end is above `above`, with the slot locked.
 * False: there is none.
 */
bool mm_vmap_index_look(struct mm_index *ix, uint64_t first, uint64_t above,
			void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx);

/* X1, X2; returns areas. Stops the program. Nobody else is at it. */
uint64_t mm_vmap_index_validate(struct mm_index *ix);

#endif
