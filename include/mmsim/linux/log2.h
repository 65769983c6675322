/* SPDX-License-Identifier: MIT */
/*
 * Powers of two.
 */
#ifndef MMSIM_LINUX_LOG2_H
#define MMSIM_LINUX_LOG2_H

#include <linux/bitops.h>

/* Of 0 undefined. */
#define ilog2(n) (fls64(n) - 1)

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

/* The order of the next power of two; of 0 and 1 that is 0. */
static inline int order_base_2(unsigned long n)
{
	return n > 1 ? fls_long(n - 1) : 0;
}

static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return 1UL << order_base_2(n);
}

static inline unsigned long rounddown_pow_of_two(unsigned long n)
{
	return 1UL << ilog2(n);
}

#endif
