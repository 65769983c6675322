/* SPDX-License-Identifier: MIT */
/*
 * What native.c (clock, waiting, the table), native_worker.c (threads) and native_nice.c (their
 * priorities) share. Nobody else includes this.
 */
#ifndef MM_EXEC_NATIVE_INTERNAL_H
#define MM_EXEC_NATIVE_INTERNAL_H

#include "backend.h"
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#include <sys/types.h>

struct mm_native_worker {
	uint32_t slot mm_cacheline_aligned; /* atomic, of native_worker.c */
	struct mm_task *task; /* valid while the slot is full */
	struct mm_native *native; /* these three: constant after start */
	unsigned cpu;
	pthread_t thread;
	struct mm_native_worker *next_idle; /* under the CPU's lock */
	struct mm_native_worker *next; /* under the CPU's lock: all of the CPU */
	pid_t tid; /* under the CPU's lock; 0: has not begun */
	int level; /* atomic, written under the CPU's lock: the nice value of the thread, N1 */
	uint32_t quick mm_cacheline_aligned; /* of its tasks */
};

struct mm_native_cpu {
	pthread_mutex_t lock;
	struct mm_native_worker *idle; /* linked by next_idle */
	struct mm_native_worker *all; /* linked by next */
} mm_cacheline_aligned;

struct mm_native {
	struct mm_exec x;
	uint64_t
		epoch; /* the host's clock when the exec was made; constant after init, as all below */
	pid_t pid; /* of the process whose threads these are */
	bool pin;
	bool membarrier; /* the host has it */
	bool spin; /* waiting awake for a moment pays: the host has another CPU to make it end */
	unsigned nr_host; /* host CPUs that this process may use; 0: unknown */
	uint16_t host[CPU_SETSIZE]; /* [nr_host] their numbers */
	uint16_t rank[CPU_SETSIZE]; /* of a host CPU: its index in host[] */
	struct mm_native_cpu *cpu; /* [x.nr_cpus] */
	int policy; /* the scheduling policy and nice value of the thread that made the exec */
	int base;
	pthread_mutex_t nice_lock; /* around the first look at what is permitted */
	int permitted; /* atomic, of native_nice.c */
};

/* After fork(): the threads stayed with the parent. */
static inline bool mm_exec_native_is_child(const struct mm_native *n)
{
	return getpid() != n->pid;
}

/* futex(2), private. until: absolute, for FUTEX_WAIT_BITSET; NULL: for ever. */
long mm_exec_futex(uint32_t *word, int op, uint32_t val, const struct timespec *until);

/* CLOCK_MONOTONIC in ns. */
uint64_t mm_exec_host_now(void);

void mm_exec_pause(unsigned times);

/* A thread as workers are: their signals, their stack. 0 or an errno. */
int mm_exec_native_thread(pthread_t *thread, void *(*fn)(void *arg), void *arg);

/*
 * Is this the task that the worker runs, or is to run next? Under the CPU's lock, so that it does not become
 * idle meanwhile; the task has been spawned and not been joined.
 */
bool mm_exec_native_serves(const struct mm_native_worker *w, const struct mm_task *task);

/* Priorities, see native_nice.c. */
void mm_exec_native_nice_init(struct mm_native *n);
void mm_exec_native_nice_fini(struct mm_native *n);
void mm_exec_native_set_nice(struct mm_exec *x, struct mm_task *task, int nice);

/* Its thread has begun; has ended its task and is to be idle. On the thread. */
void mm_exec_native_nice_begin(struct mm_native_worker *w);
void mm_exec_native_nice_raise(struct mm_native_worker *w);

/* The same once more, for what came in between. Under the CPU's lock. */
void mm_exec_native_nice_end(struct mm_native_worker *w);

/* mm_exec_ops.spawn */
int mm_exec_native_spawn(struct mm_exec *x, struct mm_task *task);

/* End and free the workers of a CPU in two steps, so that they end side by side. E3 holds. */
void mm_exec_workers_stop(struct mm_native_cpu *c);
void mm_exec_workers_free(struct mm_native *n, struct mm_native_cpu *c);

#endif
