/* SPDX-License-Identifier: MIT */
/* Lists of thread counts: "1,2,4", "1..64:x2", "25%,50%,100%", and any mixture. */
#ifndef BENCH_THREADS_H
#define BENCH_THREADS_H

#include <stddef.h>

#define THREADS_MAX 1024

struct thread_list {
	unsigned nr;
	unsigned count[THREADS_MAX]; /* ascending, each once */
};

/*
 * An entry is a number, a percentage of cpus (rounded to nearest, at least 1), or a range of either
 * with an optional step: "1..8" counts, "1..8:+2" adds, "1..8:x2" multiplies. A range always ends
 * with its upper limit.
 *
 * Returns 0, or -1 with what was wrong in msg; then *list is undefined.
 */
int threads_parse(const char *text, unsigned cpus, struct thread_list *list, char *msg, size_t len);

#endif
