/* SPDX-License-Identifier: MIT */
/*
 * Completion: one side waits until the other has said "done" once more.
 *
 * Counterpart: struct completion. It may live on the waiter's stack: mm_complete() touches only the
 * address, not the memory, once a waiter can have gone on.
 */
#ifndef MM_SYNC_COMPLETION_H
#define MM_SYNC_COMPLETION_H

#include "exec.h"

struct mm_completion {
	uint32_t done; /* atomic, parkable: completions nobody has waited for yet */
	struct mm_exec *exec; /* constant after init */
};

static inline void mm_completion_init(struct mm_completion *c, struct mm_exec *x)
{
	c->done = 0;
	c->exec = x;
}

/* Let one waiter, now or later, go on. Never waits. */
static inline void mm_complete(struct mm_completion *c)
{
	struct mm_exec *x = c->exec;

	mm_exec_point(x, MM_POINT_ATOMIC, &c->done);
	__atomic_add_fetch(&c->done, 1, __ATOMIC_RELEASE);
	mm_exec_unpark(x, &c->done, 1);
}

/* 0, or -ETIMEDOUT once deadline (ns, MM_NEVER: none) has passed. Waits. */
int mm_sync_wait_for_completion(struct mm_completion *c, uint64_t deadline);

#endif
