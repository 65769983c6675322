/* SPDX-License-Identifier: MIT */
/*
 * Single bits, and where the highest and the lowest are.
 */
#ifndef MMSIM_LINUX_BITOPS_H
#define MMSIM_LINUX_BITOPS_H

#include <linux/types.h>

#define BITS_PER_BYTE 8
#define BITS_PER_LONG (8 * __SIZEOF_LONG__)
#define BITS_PER_LONG_LONG 64

#define BIT(nr) (1UL << (nr))
#define BIT_ULL(nr) (1ULL << (nr))

/* From 1 on; 0: there is none. */
static inline int fls(unsigned int x)
{
	return x ? 32 - __builtin_clz(x) : 0;
}

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline int fls_long(unsigned long x)
{
	return fls64(x);
}

/* From 0 on; of 0 undefined. */
static inline unsigned long __fls(unsigned long x)
{
	return BITS_PER_LONG - 1 - (unsigned long)__builtin_clzl(x);
}

static inline unsigned long __ffs(unsigned long x)
{
	return (unsigned long)__builtin_ctzl(x);
}

static inline unsigned int hweight_long(unsigned long x)
{
	return (unsigned int)__builtin_popcountl(x);
}

#endif
