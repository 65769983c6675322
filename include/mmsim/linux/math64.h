/* SPDX-License-Identifier: MIT */
/*
 * Divisions of 64 bits.
 */
#ifndef MMSIM_LINUX_MATH64_H
#define MMSIM_LINUX_MATH64_H

#include <linux/types.h>

/* n, an unsigned lvalue of 64 bits, becomes the quotient; the value is the remainder. */
#define do_div(n, base)                                             \
	__extension__({                                             \
		u32 mm_linux_base = (base);                         \
		u32 mm_linux_rem = (u32)((u64)(n) % mm_linux_base); \
		(n) = (u64)(n) / mm_linux_base;                     \
		mm_linux_rem;                                       \
	})

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *remainder)
{
	*remainder = (u32)(dividend % divisor);
	return dividend / divisor;
}

static inline u64 div_u64(u64 dividend, u32 divisor)
{
	return dividend / divisor;
}

static inline s64 div_s64(s64 dividend, s32 divisor)
{
	return dividend / divisor;
}

static inline u64 div64_u64(u64 dividend, u64 divisor)
{
	return dividend / divisor;
}

static inline s64 div64_s64(s64 dividend, s64 divisor)
{
	return dividend / divisor;
}

#endif
