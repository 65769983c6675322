/* SPDX-License-Identifier: MIT */
/* Words of the compiler that all floors use. Counterpart: include/linux/compiler*.h. */
#ifndef MM_BASE_COMPILER_H
#define MM_BASE_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#define MM_CACHE_LINE 64

#define mm_likely(x) __builtin_expect(!!(x), 1)
#define mm_unlikely(x) __builtin_expect(!!(x), 0)
#define mm_cacheline_aligned __attribute__((aligned(MM_CACHE_LINE)))
#define mm_printf(fmt, args) __attribute__((format(printf, fmt, args)))

#define mm_array_size(a) (sizeof(a) / sizeof((a)[0]))
#define mm_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* AddressSanitizer and ThreadSanitizer want to see allocations and stack switches. */
#if defined(__SANITIZE_ADDRESS__)
#define MM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MM_ASAN 1
#endif
#endif
#ifndef MM_ASAN
#define MM_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define MM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MM_TSAN 1
#endif
#endif
#ifndef MM_TSAN
#define MM_TSAN 0
#endif

/*
 * A function whose own accesses ThreadSanitizer does not see. Not those of what it calls: inline
 * functions stay instrumented unless they are MM_NO_TSAN too (then both are the same to the inliner),
 * and memset() and its like are watched in the runtime. clang's no_sanitize leaves the counting of
 * calls and returns in.
 */
#if MM_TSAN && defined(__clang__)
#define MM_NO_TSAN __attribute__((no_sanitize("thread"), disable_sanitizer_instrumentation))
#elif MM_TSAN
#define MM_NO_TSAN __attribute__((no_sanitize("thread")))
#else
#define MM_NO_TSAN
#endif

#endif
