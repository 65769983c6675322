/* SPDX-License-Identifier: MIT */
/* Small things every file of the harness needs: memory that is there or the end, a clock, text. */
#ifndef BENCH_UTIL_H
#define BENCH_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Exit codes of every benchmark program. */
enum {
	BENCH_OK = 0,
	BENCH_FAILED = 1,
	BENCH_USAGE = 2,
	BENCH_CANNOT = 77, /* automake's and meson's "skipped" */
};

/* Like realloc() for count elements, but ends the program when there is no memory. */
void *bench_realloc(void *old, size_t count, size_t size);

/* Zeroed memory; ends the program when there is none. */
void *bench_calloc(size_t count, size_t size);

/* Monotonic nanoseconds. */
uint64_t bench_now(void);

/* Copy text, cut to fit. */
void bench_copy(char *to, size_t len, const char *text);

/* printf() behind what is in buf already, cut to fit. */
void bench_append(char *buf, size_t len, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Tell the compiler that somebody looks at *p, so that it cannot delete the work behind it. */
static inline void bench_keep(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

#endif
