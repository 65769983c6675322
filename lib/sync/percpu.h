/* SPDX-License-Identifier: MIT */
/*
 * One object per simulated CPU, each on cache lines of its own.
 *
 * Counterpart: include/linux/percpu.h. Difference: being on a CPU excludes nobody natively, so what
 * is written needs a lock of its own, which then is never contended but by accident.
 */
#ifndef MM_SYNC_PERCPU_H
#define MM_SYNC_PERCPU_H

#include "bits.h"
#include "exec.h"

struct mm_percpu {
	char *base;
	size_t stride;
	unsigned nr;
};

/* Zeroed objects of `size` bytes. 0 or -ENOMEM. */
int mm_sync_percpu_alloc(struct mm_percpu *p, struct mm_exec *x, size_t size);
void mm_sync_percpu_free(struct mm_percpu *p, struct mm_exec *x);

static inline void *mm_per_cpu(const struct mm_percpu *p, unsigned cpu)
{
	return p->base + (size_t)cpu * p->stride;
}

static inline void *mm_this_cpu(const struct mm_percpu *p, const struct mm_exec *x)
{
	return mm_per_cpu(p, mm_exec_cpu(x));
}

#endif
