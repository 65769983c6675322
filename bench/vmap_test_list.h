/* SPDX-License-Identifier: MIT */
/* The tests of vmap_tests.h themselves, by the bits of the mask. */
#ifndef BENCH_VMAP_TEST_LIST_H
#define BENCH_VMAP_TEST_LIST_H

#include "vmap_tests.h"

/* Those whose size is not only that of their loops. */
enum {
	VMAP_TEST_FULL_FIT = 1,
	VMAP_TEST_LONG_BUSY = 2,
	VMAP_TEST_ALIGN_SHIFT = 6,
	VMAP_TEST_PCPU = 7
};

/* run: 0, or -1 at the first thing that fails; what it took is given back. */
extern const struct vmap_test {
	const char *name;
	int (*run)(struct vmap_worker *w);
	bool xfail; /* is to fail */
} vmap_tests[VMAP_NR_TESTS];

/* xorshift64* */
static inline uint64_t vmap_next_random(struct vmap_worker *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * UINT64_C(0x2545f4914f6cdd1d);
}

/* Below n, n < 2^32. */
static inline uint32_t vmap_random_below(struct vmap_worker *w, uint32_t n)
{
	return (uint32_t)(((vmap_next_random(w) >> 32) * n) >> 32);
}

#endif
