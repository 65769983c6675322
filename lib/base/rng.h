/* SPDX-License-Identifier: MIT */
/*
 * Seeded random numbers: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
 *
 * Each task has a generator of its own, split from the machine's by the task's number, so that one
 * more draw in one task does not shift what another draws. Not locked: one user at a time.
 */
#ifndef MM_BASE_RNG_H
#define MM_BASE_RNG_H

#include <stdint.h>

struct mm_rng {
	uint64_t state;
};

static inline uint64_t mm_rng_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t mm_rng_next(struct mm_rng *rng)
{
	rng->state += UINT64_C(0x9e3779b97f4a7c15);
	return mm_rng_mix(rng->state);
}

/* The stream of number `id` under `seed`. */
static inline struct mm_rng mm_rng_split(uint64_t seed, uint64_t id)
{
	return (struct mm_rng){ mm_rng_mix(seed ^ mm_rng_mix(id + UINT64_C(0x9e3779b97f4a7c15))) };
}

/* 0 to n - 1; n > 0. The bias is below n / 2^64. */
static inline uint64_t mm_rng_below(struct mm_rng *rng, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)mm_rng_next(rng) * n) >> 64);
}

#endif
