/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU objects for the test that wants some: chunks of a unit for each CPU, objects at the same place of
 * all units.
 *
 * Counterpart: mm/percpu.c. Differences: a chunk is one vmalloc() with all of its pages, and belongs to one
 * task; an object goes to the first chunk, and there to the first place, that fits; empty chunks are freed
 * at the end.
 *
 *  C1: a unit's granule is in use in all units or in none.
 *
 * Locking: none; one task's. Cost: O(chunks + granules of one unit).
 */
#ifndef BENCH_VMAP_PCPU_H
#define BENCH_VMAP_PCPU_H

#include <mmsim/vmalloc.h>

#define VMAP_PCPU_GRANULE 16 /* bytes */
#define VMAP_PCPU_UNIT 32768 /* bytes of a CPU in a chunk */

struct vmap_pcpu_chunk;

struct vmap_pcpu {
	struct mmsim_vmap *v;
	unsigned nr_cpus;
	struct vmap_pcpu_chunk *first, *last; /* in the order they were made */
};

/* Where an object is; chunk NULL: nowhere. */
struct vmap_pcpu_object {
	struct vmap_pcpu_chunk *chunk;
	uint32_t granule, granules;
};

void vmap_pcpu_init(struct vmap_pcpu *p, struct mmsim_vmap *v, unsigned nr_cpus);

/* size: 1 to VMAP_PCPU_UNIT bytes; align: a power of two up to a page. Returns 0, or -1: no memory. */
int vmap_pcpu_alloc(struct vmap_pcpu *p, size_t size, size_t align, struct vmap_pcpu_object *out);

void vmap_pcpu_free(struct vmap_pcpu_object *o);

/* Frees what is left. Returns 0, or -1 when a chunk could not be freed. */
int vmap_pcpu_fini(struct vmap_pcpu *p);

#endif
