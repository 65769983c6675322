/* SPDX-License-Identifier: MIT */
/*
 * Objects of one size, kept for each CPU: cheap to take and to give back.
 *
 * A CPU has two sheaves, lists of a few objects. It takes from one and gives back to it; when that is empty
 * or full it turns to the other; when that is, too, a whole sheaf comes from or goes to the depot. So what
 * one CPU takes and another gives back goes round through the depot.
 *
 * Counterpart: kmem_cache of mm/slub.c, sheaves of mm/slub.c (6.18). Difference: objects come in chunks
 * from the library's own memory, which stay until the end, so that a stale pointer still is to an object of
 * this kind.
 *
 *  B1: an object is taken, or on one CPU's list, or in the depot; each once.
 *
 * Locking: a CPU's list under a lock of its own, never contended but by accident; the depot's under its
 * own; both MM_RANK_SLAB, never held together. Cost: O(1). An object begins on a cache line of its own.
 * Charges: the locks'.
 */
#ifndef MM_VMAP_SLAB_H
#define MM_VMAP_SLAB_H

#include "percpu.h"
#include "spinlock.h"

struct mm_slab {
	struct mm_exec *exec; /* these: constant after init */
	size_t size; /* of an object, a multiple of 64 */
	struct mm_percpu cpus; /* struct mm_slab_cpu */
	struct mm_spinlock depot_lock mm_cacheline_aligned;
	void *depot; /* under depot_lock, as what follows: sheaves */
	void *chunks; /* all of them, by their first words */
	uint64_t nr_chunks;
};

/* 0 or -ENOMEM. */
int mm_vmap_slab_init(struct mm_slab *slab, struct mm_exec *x, struct mm_lockset *locks,
		      size_t size);
/* B1: everything is back. */
void mm_vmap_slab_fini(struct mm_slab *slab);
/* Of any contents. NULL: no memory (MMSIM_FAULT_METADATA, when a chunk is made). Waits for no one. */
void *mm_vmap_slab_alloc(struct mm_slab *slab);
/* By any CPU. */
void mm_vmap_slab_free(struct mm_slab *slab, void *object);
/* Objects taken. Exact while all is idle. */
uint64_t mm_vmap_slab_live(struct mm_slab *slab);

#endif
