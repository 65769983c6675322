/* SPDX-License-Identifier: MIT */
/*
 * The memory-bandwidth floor: how fast this host can write a given range at all.
 *
 * The range is overwritten with a pattern that is not zero: some CPUs write zeros faster than
 * anything else, and what is measured beside this does not write zeros.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stddef.h>
#include <stdint.h>

enum stream_how {
	STREAM_MEMSET, /* the C library's memset() */
	STREAM_NONTEMPORAL, /* streaming stores; memset() where there are none */
};

/* The share of one thread. */
struct stream_part {
	char *start;
	size_t bytes;
	int cpu; /* of the host, to run on */
};

/*
 * One thread per part, bound, all started together. Returns ns from the first start to the last
 * end, or 0 when not all threads could be started; then some parts may have been written.
 */
uint64_t stream_fill(const struct stream_part *parts, unsigned nr, enum stream_how how);

/* "AVX-512", "SSE2" or "memset": what STREAM_NONTEMPORAL is here. */
const char *stream_name(void);

#endif
