/* SPDX-License-Identifier: MIT */
/*
 * What the benchmark does besides the kernel's tests: pairs of allocation and free, addresses alone or with
 * memory.
 *
 * Each worker fills what it needs, waits, is measured, and empties it after that. Locking: none.
 */
#ifndef BENCH_VMAP_WORK_H
#define BENCH_VMAP_WORK_H

#include <mmsim/vmalloc.h>

/* Areas that a worker holds of random-100page, of 1 to so many pages. */
#define VMAP_LIVE 10000
#define VMAP_MOST_PAGES 100

enum vmap_work {
	VMAP_WORK_SUITE, /* vmap_tests.h */
	VMAP_WORK_AREA, /* one page of addresses */
	VMAP_WORK_RANDOM, /* many are held: free a random one, take another of random size */
	VMAP_WORK_VMALLOC, /* one page of memory */
	VMAP_WORK_HOST, /* the host's mmap() and munmap() of a page */
};

struct vmap_pairs {
	_Alignas(128) struct mmsim_vmap *v;
	enum vmap_work work;
	uint64_t random; /* not 0 */
	uint64_t loops;
	uint64_t warm; /* pages to be freed before the first pair that counts */
	uint64_t live; /* of random */
	uint64_t *addr; /* [live], NULL: not filled */
	int error;
};

/* 0 or a negative errno, as the two below; in either case to be ended. */
int vmap_pairs_fill(struct vmap_pairs *p);
int vmap_pairs_run(struct vmap_pairs *p);
int vmap_pairs_end(struct vmap_pairs *p);

#endif
