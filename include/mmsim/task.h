/* SPDX-License-Identifier: MIT */
/*
 * Running one's own code on the simulated CPUs.
 *
 * Calls into a machine may come from any thread; a task is the way to say on which CPU, to run on
 * many at once, and, in the modes that are not native, to be scheduled and timed by the machine.
 *
 * Tasks, and the chunks of jobs, have stacks of at least 512 KiB.
 *
 * A machine of any other mode than the native one belongs to one thread at a time, from its outermost call to
 * the end of that call. A task of it must not wait by other means (a pthread_join(), another machine) for a thread that itself
 * calls into it: both would wait for ever, and this is not seen as the deadlock it is.
 *
 * After fork() the child may only destroy a native machine, as its threads stayed behind; and that only if nothing
 * was under way: where address spaces were used, call mmsim_drain_all_pages() before the fork, or page tables that
 * wait for a grace period may keep the child waiting for ever.
 */
#ifndef MMSIM_TASK_H
#define MMSIM_TASK_H

#include <mmsim/api.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/**
 * mmsim_run - run fn on each of nr CPUs and wait for all.
 * @nr: 1 to nr_cpus; task i runs on CPU i.
 * @fn: called as fn(i, arg) on CPU i, nr times, at the same time where the mode allows it.
 *
 * Returns 0; -EINVAL for a bad nr or a NULL fn; -ENOMEM or -EAGAIN when not all tasks could be
 * started: then none has run fn. Context: any; waits. Cost: O(nr). Since 0.1.
 */
MMSIM_API int mmsim_run(struct mmsim *m, unsigned nr, void (*fn)(unsigned i, void *arg), void *arg);

/**
 * mmsim_yield - let other tasks run.
 *
 * For a task that waits for another one by looking again and again: in the modes that are not native nobody
 * else may run unless it calls this, and no virtual time pass. Context: any. Since 0.1.
 */
MMSIM_API void mmsim_yield(struct mmsim *m);

/**
 * mmsim_cond_resched - a schedule point: another task may run here.
 *
 * For one's own code that is to be explored: the adversary of explore mode, like virtual mode's order of
 * time, gets a word only in calls into the machine. Put one before each access that others may race with.
 * Natively nothing. Context: any. Cost: O(1). Since 0.1. Models cond_resched().
 */
MMSIM_API void mmsim_cond_resched(struct mmsim *m);

/**
 * mmsim_ndelay - be busy for a while.
 * @ns: how long the work that this stands for takes one core alone; 0 to 2^53.
 *
 * One's own code takes no virtual time by itself: this says what it would. In virtual mode it takes
 * longer while the sibling works too and while many cores of the package do, as all work there. Natively it
 * spins until the time is over; in the other modes it is a schedule point. Context: any; does not sleep.
 * Since 0.1. Models ndelay().
 */
MMSIM_API void mmsim_ndelay(struct mmsim *m, uint64_t ns);

/**
 * mmsim_set_nice - the priority of the calling task.
 * @nice: -20 (the most of the CPU) to 19 (the least); 0 is what a task begins with.
 *
 * Virtual mode: tasks that share a CPU get it in proportion to their weights, 5 : 4 for each level of
 * difference, so beside a task of nice 0 one of nice 19 has 1.4 %; a task that becomes ready takes the CPU
 * from one with a higher value. Native mode: the thread's nice value, counted from that of the program, and
 * SCHED_IDLE for 19; what the host does not permit is left out, with a line in the log. If a thread could not
 * be raised again none is lowered. The other modes only take note. With the end of the task it is over.
 *
 * Returns 0; -EINVAL for a nice that is not in range; -EPERM if the caller is no task of the machine but a
 * thread of the program that calls in: its priority is the program's, in every mode. Context: a task of
 * mmsim_run(), or a chunk of a job that runs on a helper. Cost: natively up to two system calls. Since
 * 0.1. Models set_user_nice().
 */
MMSIM_API int mmsim_set_nice(struct mmsim *m, int nice);

/** mmsim_cpu - the simulated CPU that the caller is on now. Context: any. Since 0.1. */
MMSIM_API unsigned mmsim_cpu(struct mmsim *m);

/** mmsim_now - the machine's clock, ns since it was created. Context: any. Since 0.1. */
MMSIM_API uint64_t mmsim_now(struct mmsim *m);

MMSIM_END_DECLS

#endif
