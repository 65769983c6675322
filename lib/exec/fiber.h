/* SPDX-License-Identifier: MIT */
/*
 * Stackful contexts: functions that can be left in the middle and continued later, each on a stack
 * of its own, with an unmapped page below it.
 *
 * Built on ucontext of the C library, whose switch costs a system call (the signal mask). The
 * virtual back end, which will switch millions of times, is going to want one in assembly; it fits
 * behind mm_exec_fiber_switch().
 *
 * AddressSanitizer is told the bounds of the stacks, ThreadSanitizer which fiber runs. A switch
 * counts as synchronisation for the latter: right for the serial back end, where nothing can
 * race.
 *
 * Locking: none. The fibers of one pool of stacks run one at a time, but not always on the same OS
 * thread; who lets another thread continue them synchronises with it.
 */
#ifndef MM_EXEC_FIBER_H
#define MM_EXEC_FIBER_H

#include "fault.h"
#include <stddef.h>
#include <ucontext.h>

struct mm_fiber_stack;

/* Where stacks come from and go to. Some are kept for reuse. */
struct mm_fiber_stacks {
	size_t bytes; /* of each, whole pages; constant after init */
	struct mm_fault *fault; /* constant after init */
	struct mm_fiber_stack *idle;
	unsigned nr_idle;
};

/* The memory is the user's, as long as the fiber lives. */
struct mm_fiber {
	ucontext_t uc;
	void (*fn)(void *arg);
	void *arg;
	struct mm_fiber_stacks *stacks; /* NULL: adopted */
	void *stack; /* lowest byte */
	struct mm_fiber *before; /* who ran before the latest switch to this one */
	const void *san_bottom; /* AddressSanitizer: bounds of the stack … */
	size_t san_bytes;
	void *san_fake; /* … and the frames that it keeps elsewhere */
	void *tsan; /* ThreadSanitizer: its name for this fiber */
};

/* bytes: of each stack, rounded up to pages. */
void mm_exec_stacks_init(struct mm_fiber_stacks *stacks, size_t bytes, struct mm_fault *fault);

/* No fiber of these stacks is left. */
void mm_exec_stacks_fini(struct mm_fiber_stacks *stacks);

/*
 * A fiber that calls fn(arg) when it is switched to for the first time; fn leaves by
 * mm_exec_fiber_exit(). 0, or -EAGAIN: no stack to be had. Passes MMSIM_FAULT_SPAWN once.
 */
int mm_exec_fiber_create(struct mm_fiber *f, struct mm_fiber_stacks *stacks, void (*fn)(void *arg),
			 void *arg);

/* Make f stand for what the calling thread is running now, so that it can be switched away from. */
void mm_exec_fiber_adopt(struct mm_fiber *f);

/* Leave `from`, which is running; returns when somebody switches to it again. */
void mm_exec_fiber_switch(struct mm_fiber *from, struct mm_fiber *to);

/* Leave `from` for the last time. Whoever runs next may destroy it. */
void mm_exec_fiber_exit(struct mm_fiber *from, struct mm_fiber *to) __attribute__((noreturn));

/* f is not running: never started, or left for the last time. Not for adopted ones. */
void mm_exec_fiber_destroy(struct mm_fiber *f);

#endif
