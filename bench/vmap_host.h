/* SPDX-License-Identifier: MIT */
/*
 * The host kernel's own addresses: mmap() and munmap() of one page that nobody touches, by threads of one
 * process.
 */
#ifndef BENCH_VMAP_HOST_H
#define BENCH_VMAP_HOST_H

#include <stdint.h>

struct vmap_host {
	unsigned threads;
	uint64_t loops; /* of each */
	uint64_t ns; /* result: the first to begin to the last to end */
	uint64_t busy_ns; /* result: of all threads together */
};

/* 0 or a negative errno. */
int vmap_host_run(struct vmap_host *h);

#endif
