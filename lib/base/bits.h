/* SPDX-License-Identifier: MIT */
/* Integer arithmetic of the kernel's kind. Counterpart: log2.h, math.h, bitops. */
#ifndef MM_BASE_BITS_H
#define MM_BASE_BITS_H

#include <stdint.h>

#define mm_min(a, b) ((a) < (b) ? (a) : (b))
#define mm_max(a, b) ((a) > (b) ? (a) : (b))
#define mm_clamp(v, lo, hi) mm_min(mm_max(v, lo), hi)

/* Position of the highest set bit, counted from 1; 0 for 0. */
static inline unsigned mm_fls64(uint64_t v)
{
	return v ? 64u - (unsigned)__builtin_clzll(v) : 0;
}

/* Largest power of two not above v; v must not be 0. */
static inline uint64_t mm_rounddown_pow2(uint64_t v)
{
	return UINT64_C(1) << 63 >> __builtin_clzll(v);
}

/* To multiples of any a > 0; up must not overflow. */
static inline uint64_t mm_round_up(uint64_t v, uint64_t a)
{
	uint64_t rest = v % a;

	return rest ? v + (a - rest) : v;
}

static inline uint64_t mm_round_down(uint64_t v, uint64_t a)
{
	return v - v % a;
}

static inline uint64_t mm_div_round_up(uint64_t v, uint64_t d)
{
	return v / d + (v % d != 0);
}

#endif
