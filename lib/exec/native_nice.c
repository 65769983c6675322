/* SPDX-License-Identifier: MIT */
/*
 * Priorities of worker threads.
 *
 * A task of nice 19 gets what nobody else wants: its thread is SCHED_IDLE. Other values are added to the nice
 * value that the program had when it made the exec, within its own policy.
 *
 * Whoever lowers itself may be refused the way back: raising takes RLIMIT_NICE or CAP_SYS_NICE. A helper that
 * can never be raised again is worse than none, as its caller waits for it. So before the first change a
 * thread of no other use tries the way down and up; if that fails, priorities are only noted.
 *
 *  N1: level is the nice value that a worker's thread was to have last; 0 on its CPU's idle list.
 *  N2: only the thread of a worker is changed, and only for the task that it serves.
 *
 * Locking: mm_native_cpu.lock around `tid`, `level` and the system calls, so that the latest task->nice is
 * what stays. A worker that was lowered raises itself before it takes the lock to be idle: who spawns on the
 * CPU would wait for a thread that hardly ever runs.
 *
 * Cost: nothing, as long as no nice value is changed; then up to two system calls. Counterpart: set_user_nice()
 * of a kworker, and its reset when a workqueue's attributes change.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* SCHED_IDLE */
#endif
#include "native_internal.h"

#include "bits.h"
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEVEL_UNKNOWN INT_MAX /* a new thread's, which is that of the one that made it */

enum { NOT_TRIED, PERMITTED, REFUSED };

static bool permitted(const struct mm_native *n)
{
	return __atomic_load_n(&n->permitted, __ATOMIC_RELAXED) == PERMITTED;
}

/* System calls; tid 0: the calling thread. 0 or an errno. */

static int set_policy(pid_t tid, int policy)
{
	static const struct sched_param none;

	return sched_setscheduler(tid, policy, &none) ? errno : 0;
}

static int set_level(pid_t tid, int level)
{
	level = mm_clamp(level, MM_NICE_HIGHEST, MM_NICE_LOWEST);
	return setpriority(PRIO_PROCESS, (id_t)tid, level) ? errno : 0;
}

static int apply(const struct mm_native *n, pid_t tid, int nice)
{
	int err;

	if (nice == MM_NICE_LOWEST)
		return set_policy(tid, SCHED_IDLE);
	err = set_policy(tid, n->policy);
	if (err || !set_level(tid, n->base + nice))
		return err;
	/* Higher than the program itself: the next best. */
	set_level(tid, n->base);
	return EPERM;
}

/* What is permitted */

struct trial {
	const struct mm_native *native;
	int err;
};

static void *lower_and_raise(void *arg)
{
	static const int nice[] = { MM_NICE_LOWEST, 1, 0 };
	struct trial *trial = arg;

	for (size_t i = 0; i < mm_array_size(nice) && !trial->err; i++)
		trial->err = apply(trial->native, 0, nice[i]);
	return NULL;
}

static int try_in_a_thread(const struct mm_native *n)
{
	struct trial trial = { .native = n };
	pthread_t thread;
	int err;

	if (n->policy != SCHED_OTHER && n->policy != SCHED_BATCH)
		return ENOTSUP;
	err = mm_exec_native_thread(&thread, lower_and_raise, &trial);
	if (err)
		return err;
	pthread_join(thread, NULL);
	return trial.err;
}

static bool may_change(struct mm_native *n)
{
	int err = 0;

	if (permitted(n))
		return true;
	pthread_mutex_lock(&n->nice_lock);
	if (n->permitted == NOT_TRIED) {
		err = try_in_a_thread(n);
		__atomic_store_n(&n->permitted, err ? REFUSED : PERMITTED, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&n->nice_lock);
	if (err)
		mm_base_log(n->x.log, "nice: noted only, threads keep their priority: %s",
			    strerror(err));
	return permitted(n);
}

void mm_exec_native_nice_init(struct mm_native *n)
{
	n->policy = sched_getscheduler(0);
	n->base = getpriority(PRIO_PROCESS, 0);
	pthread_mutex_init(&n->nice_lock, NULL);
}

void mm_exec_native_nice_fini(struct mm_native *n)
{
	pthread_mutex_destroy(&n->nice_lock);
}

/* Workers */

static int level_of(const struct mm_native_worker *w)
{
	return __atomic_load_n(&w->level, __ATOMIC_RELAXED);
}

/* Under the CPU's lock. */
static int to_level(struct mm_native_worker *w, int nice)
{
	int err;

	if (level_of(w) == nice)
		return 0;
	err = apply(w->native, w->tid, nice);
	__atomic_store_n(&w->level, nice, __ATOMIC_RELAXED);
	return err;
}

void mm_exec_native_nice_begin(struct mm_native_worker *w)
{
	struct mm_native_cpu *c = &w->native->cpu[w->cpu];

	pthread_mutex_lock(&c->lock);
	w->tid = (pid_t)syscall(SYS_gettid);
	if (permitted(w->native)) {
		__atomic_store_n(&w->level, LEVEL_UNKNOWN, __ATOMIC_RELAXED);
		to_level(w, __atomic_load_n(&w->task->nice, __ATOMIC_RELAXED));
	}
	pthread_mutex_unlock(&c->lock);
}

void mm_exec_native_nice_raise(struct mm_native_worker *w)
{
	if (mm_unlikely(level_of(w)))
		apply(w->native, 0, 0);
}

void mm_exec_native_nice_end(struct mm_native_worker *w)
{
	to_level(w, 0);
}

void mm_exec_native_set_nice(struct mm_exec *x, struct mm_task *task, int nice)
{
	struct mm_native *n = mm_container_of(x, struct mm_native, x);
	struct mm_native_worker *w = task->backend;
	int err = 0;

	/* Without a worker it is attached, N2; in a child the thread is the parent's. */
	if (!w || mm_exec_native_is_child(n) || !may_change(n))
		return;
	pthread_mutex_lock(&n->cpu[w->cpu].lock);
	if (w->tid && mm_exec_native_serves(w, task))
		err = to_level(w, __atomic_load_n(&task->nice, __ATOMIC_RELAXED));
	pthread_mutex_unlock(&n->cpu[w->cpu].lock);
	if (err)
		mm_base_log(x->log, "nice: task %u: not %d: %s", task->id, nice, strerror(err));
}
