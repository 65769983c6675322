/* SPDX-License-Identifier: MIT */
/*
 * Waiting until something is done.
 */
#ifndef MMSIM_LINUX_COMPLETION_H
#define MMSIM_LINUX_COMPLETION_H

#include <linux/sched.h>
#include <linux/types.h>

struct completion {
	unsigned int done; /* how many may go on; UINT32_MAX: all */
};

#define COMPLETION_INITIALIZER(work) \
	{                            \
		0                    \
	}
#define COMPLETION_INITIALIZER_ONSTACK(work) ((struct completion){ 0 })
#define DECLARE_COMPLETION(work) struct completion work = COMPLETION_INITIALIZER(work)
#define DECLARE_COMPLETION_ONSTACK(work) DECLARE_COMPLETION(work)

static inline void init_completion(struct completion *x)
{
	x->done = 0;
}

static inline void reinit_completion(struct completion *x)
{
	x->done = 0;
}

void complete(struct completion *x);
void complete_all(struct completion *x);
void wait_for_completion(struct completion *x);

/* Jiffies. What is left of them, at least 1; 0: not done in time. */
unsigned long wait_for_completion_timeout(struct completion *x, unsigned long timeout);

bool try_wait_for_completion(struct completion *x);
bool completion_done(struct completion *x);

#endif
