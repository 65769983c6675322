/* SPDX-License-Identifier: MIT */
/* Small things every file of the harness needs. */
#include "util.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void no_memory(size_t count, size_t size)
{
	fprintf(stderr, "bench: out of memory for %zu x %zu bytes\n", count, size);
	exit(BENCH_FAILED);
}

void *bench_realloc(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count ? count : 1, size);

	if (!p)
		no_memory(count, size);
	return p;
}

void *bench_calloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size);

	if (!p)
		no_memory(count, size);
	return p;
}

uint64_t bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

void bench_copy(char *to, size_t len, const char *text)
{
	size_t n = strnlen(text, len - 1);

	memcpy(to, text, n);
	to[n] = '\0';
}

void bench_append(char *buf, size_t len, const char *fmt, ...)
{
	size_t used = strnlen(buf, len);
	va_list ap;

	if (used >= len)
		return;
	va_start(ap, fmt);
	vsnprintf(buf + used, len - used, fmt, ap);
	va_end(ap);
}
