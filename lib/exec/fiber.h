/* SPDX-License-Identifier: MIT */
/*
 * Stackful contexts: functions that can be left in the middle and continued later, each on a stack
 * of its own, with an unmapped page below it.
 *
 * Built on Boost.Context, which saves the registers that calls preserve and nothing else: a few ns.
 * Where it is not to be had, on ucontext of the C library, whose switch costs a system call for the
 * signal mask (MM_FCONTEXT; the build option is `fcontext`).
 *
 * AddressSanitizer is told the bounds of the stacks, ThreadSanitizer which fiber runs, valgrind
 * where stacks are. For ThreadSanitizer a fiber begins after all that came before its creation, as a
 * thread does. Beyond that a switch counts as synchronisation, which is right where nothing can
 * race, unless the pool is `unordered`: then only what the program itself synchronises does, and
 * races between fibers are found. Code that keeps data of its own across such switches, a scheduler,
 * is MM_NO_TSAN, as the functions here are.
 *
 * Locking: none. The fibers of one pool of stacks run one at a time, but not always on the same OS
 * thread; who lets another thread continue them synchronises with it.
 */
#ifndef MM_EXEC_FIBER_H
#define MM_EXEC_FIBER_H

#include "fault.h"
#include <stdbool.h>
#include <stddef.h>

#ifndef MM_FCONTEXT
#define MM_FCONTEXT 0
#endif
#if !MM_FCONTEXT
#include <ucontext.h>
#endif

struct mm_fiber_stack;

/* Where stacks come from and go to. Some are kept for reuse. */
struct mm_fiber_stacks {
	size_t bytes; /* of each, whole pages; constant after init */
	struct mm_fault *fault; /* constant after init */
	bool unordered; /* ThreadSanitizer: switches order nothing; constant after init */
	struct mm_fiber_stack *idle;
	unsigned nr_idle;
};

/* The memory is the user's, as long as the fiber lives. */
struct mm_fiber {
#if MM_FCONTEXT
	void *ctx; /* where it stopped: an address of its stack */
#else
	ucontext_t ctx;
#endif
	void (*fn)(void *arg);
	void *arg;
	struct mm_fiber_stacks *stacks;
	void *stack; /* lowest byte; NULL: adopted */
	struct mm_fiber *before; /* who ran before the latest switch to this one */
	const void *san_bottom; /* AddressSanitizer: bounds of the stack … */
	size_t san_bytes;
	void *san_fake; /* … and the frames that it keeps elsewhere */
	void *tsan; /* ThreadSanitizer: its name for this fiber */
};

/*
 * bytes: of each stack, rounded up to pages. unordered: see above; makes no difference but to
 * ThreadSanitizer.
 */
void mm_exec_stacks_init(struct mm_fiber_stacks *stacks, size_t bytes, struct mm_fault *fault,
			 bool unordered);

/* No fiber of these stacks is left. */
void mm_exec_stacks_fini(struct mm_fiber_stacks *stacks);

/*
 * A fiber that calls fn(arg) when it is switched to for the first time; fn leaves by
 * mm_exec_fiber_exit(). 0, or -EAGAIN: no stack to be had. Passes MMSIM_FAULT_SPAWN once.
 */
int mm_exec_fiber_create(struct mm_fiber *f, struct mm_fiber_stacks *stacks, void (*fn)(void *arg),
			 void *arg);

/*
 * Make f stand for what the calling thread is running now, so that it can be switched away from.
 * `stacks` is the pool of the fibers that it will take turns with.
 */
void mm_exec_fiber_adopt(struct mm_fiber *f, struct mm_fiber_stacks *stacks);

/* Leave `from`, which is running; returns when somebody switches to it again. */
void mm_exec_fiber_switch(struct mm_fiber *from, struct mm_fiber *to);

/* Leave `from` for the last time. Whoever runs next may destroy it. */
void mm_exec_fiber_exit(struct mm_fiber *from, struct mm_fiber *to) __attribute__((noreturn));

/* f is not running: never started, or left for the last time. Not for adopted ones. */
void mm_exec_fiber_destroy(struct mm_fiber *f);

#endif
