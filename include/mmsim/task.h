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
 * the end of that call. A task of it must not wait by other means (a pthread_join(), another machine) for a
 * thread that itself calls into it: both would wait for ever, and this is not seen as the deadlock it is.
 *
 * After fork() the child may only destroy a native machine, as its threads stayed behind; and that only if
 * nothing was under way: where address spaces were used, call mmsim_drain_all_pages() before the fork, or
 * page tables that wait for a grace period may keep the child waiting for ever. A struct mmsim_vmap is
 * destroyed first, in the child, too; one with MMSIM_VMAP_FREE_TABLES must be gone before the fork, for the
 * same reason.
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

/** Tasks of mmsim_run_on() at most: USHRT_MAX, as of nr_threads of test_vmalloc. */
#define MMSIM_MAX_RUN_ON 65535

/**
 * mmsim_run_on - the same for more tasks than CPUs.
 * @nr: 1 to MMSIM_MAX_RUN_ON; task i runs on CPU i % nr_cpus, which tasks of one CPU share.
 *
 * All of them exist at the same time, so one may wait for another. Returns as mmsim_run(). Since 0.1.
 */
MMSIM_API int mmsim_run_on(struct mmsim *m, unsigned nr, void (*fn)(unsigned i, void *arg),
			   void *arg);

/** A task that was started alone. */
struct mmsim_task;

/** mmsim_task_start(): no CPU in particular. */
#define MMSIM_ANY_CPU UINT32_MAX

/**
 * mmsim_task_start - start fn(arg) as a task, and go on.
 * @cpu: where it runs, 0 to nr_cpus - 1; MMSIM_ANY_CPU: that with the fewest tasks. Any number share one.
 * @out: receives the handle; NULL on failure.
 *
 * In the modes that are not native it begins when the caller waits, yields or ends. Returns 0; -EINVAL for a
 * NULL fn or out, or a CPU that does not exist; -ENOMEM or -EAGAIN when it could not be started. The handle
 * is the caller's until mmsim_task_join(), which each task needs before mmsim_destroy(), also one that has
 * ended. Context: any; does not wait. Cost: natively a thread, or one that has ended and is used again.
 * Since 0.1. Models kthread_run().
 */
MMSIM_API int mmsim_task_start(struct mmsim *m, uint32_t cpu, void (*fn)(void *arg), void *arg,
			       struct mmsim_task **out) MMSIM_MUST_CHECK;

/**
 * mmsim_task_join - wait until a task has ended; the handle is gone.
 * @task: not the caller's own; NULL does nothing.
 *
 * Context: any; waits. Cost: O(1). Since 0.1. Models the waiting half of kthread_stop().
 */
MMSIM_API void mmsim_task_join(struct mmsim_task *task);

/**
 * mmsim_task_arg - what the calling task was started with.
 *
 * Returns the arg of mmsim_task_start(), NULL for a caller that it did not start. Context: any. Cost: O(1).
 * Since 0.1. Models kthread_data().
 */
MMSIM_API void *mmsim_task_arg(const struct mmsim *m);

/**
 * mmsim_park - wait until woken, as long as a word has a value.
 * @word: the caller's, changed atomically by whoever wakes.
 * @val: returns at once if *word is not this.
 * @timeout_ns: of the machine's clock; UINT64_MAX: no end.
 *
 * Returns 0: woken, or *word was different, or for no reason at all, so look again; -ETIMEDOUT; -EINVAL for
 * a NULL word; -ECHILD in the child of a fork, where nobody is left to wake it. What was stored in *word
 * before is seen afterwards with all that went before it. Context: any; waits. Cost: a switch.
 * Since 0.1. Models futex(2), FUTEX_WAIT.
 */
MMSIM_API int mmsim_park(struct mmsim *m, uint32_t *word, uint32_t val, uint64_t timeout_ns);

/**
 * mmsim_unpark - wake who waits on a word.
 * @word: not read; what it is in may be gone already.
 * @nr: at most; those who wait longest first where an order is known.
 *
 * Change the word before, with a release, and put a mmsim_cond_resched() before that change if it is to be
 * explored. Context: any; does not wait. Cost: natively a system call, also if nobody waits. Since 0.1.
 * Models futex(2), FUTEX_WAKE.
 */
MMSIM_API void mmsim_unpark(struct mmsim *m, uint32_t *word, unsigned nr);

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
