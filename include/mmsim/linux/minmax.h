/* SPDX-License-Identifier: MIT */
/*
 * The lesser, the greater, what lies between, and exchanging two.
 *
 * Arguments are evaluated once. Unlike the kernel's these do not insist on like types.
 */
#ifndef MMSIM_LINUX_MINMAX_H
#define MMSIM_LINUX_MINMAX_H

#define MM_LINUX_CHOOSE(op, x, y)                                   \
	__extension__({                                             \
		__auto_type mm_linux_x = (x);                       \
		__auto_type mm_linux_y = (y);                       \
		mm_linux_x op mm_linux_y ? mm_linux_x : mm_linux_y; \
	})

#define MM_LINUX_CHOOSE_T(op, type, x, y)                           \
	__extension__({                                             \
		type mm_linux_x = (x);                              \
		type mm_linux_y = (y);                              \
		mm_linux_x op mm_linux_y ? mm_linux_x : mm_linux_y; \
	})

#define MM_LINUX_CLAMP(type, val, lo, hi)                                               \
	__extension__({                                                                 \
		type mm_linux_val = (val);                                              \
		type mm_linux_lo = (lo);                                                \
		type mm_linux_hi = (hi);                                                \
		mm_linux_val = mm_linux_val < mm_linux_hi ? mm_linux_val : mm_linux_hi; \
		mm_linux_val > mm_linux_lo ? mm_linux_val : mm_linux_lo;                \
	})

#define min(x, y) MM_LINUX_CHOOSE(<, x, y)
#define max(x, y) MM_LINUX_CHOOSE(>, x, y)
#define min_t(type, x, y) MM_LINUX_CHOOSE_T(<, type, x, y)
#define max_t(type, x, y) MM_LINUX_CHOOSE_T(>, type, x, y)
#define min3(x, y, z) min(min(x, y), z)
#define max3(x, y, z) max(max(x, y), z)

/* In the type that all three can be brought to. */
#define clamp(val, lo, hi) MM_LINUX_CLAMP(__typeof__(1 ? (val) : 1 ? (lo) : (hi)), val, lo, hi)
#define clamp_t(type, val, lo, hi) MM_LINUX_CLAMP(type, val, lo, hi)
#define clamp_val(val, lo, hi) MM_LINUX_CLAMP(__typeof__(val), val, lo, hi)

#define swap(a, b)                              \
	do {                                    \
		__typeof__(a) mm_linux_a = (a); \
		(a) = (b);                      \
		(b) = mm_linux_a;               \
	} while (0)

#endif
