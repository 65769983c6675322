/* SPDX-License-Identifier: MIT */
/* One object per simulated CPU. */
#include "percpu.h"

#include <errno.h>

int mm_sync_percpu_alloc(struct mm_percpu *p, struct mm_exec *x, size_t size)
{
	p->stride = mm_round_up(size, MM_CACHE_LINE);
	p->nr = x->nr_cpus;
	p->base = mm_base_meta_calloc(x->meta, p->nr, p->stride);
	return p->base ? 0 : -ENOMEM;
}

void mm_sync_percpu_free(struct mm_percpu *p, struct mm_exec *x)
{
	mm_base_meta_free(x->meta, p->base, p->nr * p->stride);
	p->base = NULL;
}
