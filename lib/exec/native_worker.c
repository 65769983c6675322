/* SPDX-License-Identifier: MIT */
/*
 * Worker threads of the native back end.
 *
 * A task runs on a worker of its CPU. Workers are kept: one that has run its task goes on its CPU's
 * idle list, watches its slot for a moment and then sleeps. The latest idle one is used first, it is
 * the likeliest to be still watching.
 *
 * Locking: mm_native_cpu.lock around the CPU's two lists, held for a few loads and stores. The slot
 * of an idle worker belongs to whoever took it off the list.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* affinity and names of threads */
#endif
#include "native_internal.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define STACK_BYTES (768 << 10) /* task.h promises 512 KiB */
#define WATCH_NS 20000
#define WATCH_PAUSES 16 /* between two looks at the clock */

/* mm_native_worker.slot */
enum slot {
	SLOT_WATCHED, /* empty, the worker looks at it again and again */
	SLOT_ASLEEP, /* empty, the worker sleeps on it */
	SLOT_FULL, /* `task` is set; NULL means: end */
};

/* Put into the slot of a worker that is off the idle list. */
static void slot_fill(struct mm_native_worker *w, struct mm_task *task)
{
	w->task = task;
	if (__atomic_exchange_n(&w->slot, SLOT_FULL, __ATOMIC_ACQ_REL) == SLOT_ASLEEP)
		mm_exec_futex(&w->slot, FUTEX_WAKE, 1, NULL);
}

static bool slot_full(const struct mm_native_worker *w)
{
	return __atomic_load_n(&w->slot, __ATOMIC_ACQUIRE) == SLOT_FULL;
}

/* An idle worker's `task` is that of its latest task, which may be gone: but its slot is empty then. */
bool mm_exec_native_serves(const struct mm_native_worker *w, const struct mm_task *task)
{
	return slot_full(w) && w->task == task;
}

static bool slot_watch(const struct mm_native_worker *w)
{
	uint64_t until = mm_exec_host_now() + WATCH_NS;

	do {
		for (int i = 0; i < WATCH_PAUSES; i++) {
			if (slot_full(w))
				return true;
			mm_exec_pause(1);
		}
	} while (mm_exec_host_now() < until);
	return false;
}

static struct mm_task *slot_wait(struct mm_native_worker *w)
{
	uint32_t empty = SLOT_WATCHED;

	if (w->native->spin && slot_watch(w))
		return w->task;
	__atomic_compare_exchange_n(&w->slot, &empty, SLOT_ASLEEP, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE);
	while (!slot_full(w))
		mm_exec_futex(&w->slot, FUTEX_WAIT_BITSET, SLOT_ASLEEP, NULL);
	return w->task;
}

static struct mm_native_worker *idle_pop(struct mm_native_cpu *c)
{
	struct mm_native_worker *w;

	pthread_mutex_lock(&c->lock);
	w = c->idle;
	if (w)
		c->idle = w->next_idle;
	pthread_mutex_unlock(&c->lock);
	return w;
}

static void idle_push(struct mm_native_cpu *c, struct mm_native_worker *w)
{
	__atomic_store_n(&w->slot, SLOT_WATCHED, __ATOMIC_RELAXED);
	mm_exec_native_nice_raise(w);
	pthread_mutex_lock(&c->lock);
	mm_exec_native_nice_end(w);
	w->next_idle = c->idle;
	c->idle = w;
	pthread_mutex_unlock(&c->lock);
}

/* Several simulated CPUs share a host CPU when there are more of them. Unbound is only slower. */
static void worker_bind(const struct mm_native_worker *w)
{
	const struct mm_native *n = w->native;
	unsigned host;
	cpu_set_t set;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "mmsim/%u", w->cpu % MMSIM_MAX_CPUS);
	pthread_setname_np(pthread_self(), name);
	if (!n->pin || !n->nr_host)
		return;
	host = n->host[w->cpu % n->nr_host];
	CPU_ZERO(&set);
	CPU_SET(host, &set);
	err = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	if (err)
		mm_base_log(n->x.log, "cpu %u: cannot bind a thread to host CPU %u: %s", w->cpu,
			    host, strerror(err));
}

static void *worker_main(void *arg)
{
	struct mm_native_worker *w = arg;
	struct mm_native *n = w->native;
	struct mm_task *task;

	worker_bind(w);
	mm_exec_native_nice_begin(w);
	while ((task = slot_wait(w))) {
		task->quick = n->membarrier ? &w->quick : NULL;
		mm_exec_set_current(task);
		task->fn(task->arg);
		mm_exec_set_current(NULL);
		/* Idle first: the joiner may spawn at once and shall find this worker. */
		idle_push(&n->cpu[w->cpu], w);
		mm_exec_finish(&n->x, task);
	}
	return NULL;
}

/* The program's signals are for the program's threads, but for those that a fault raises. */
static void mask_signals(sigset_t *old)
{
	static const int keep[] = { SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				    SIGTRAP, SIGABRT, SIGSYS, SIGPROF };
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < mm_array_size(keep); i++)
		sigdelset(&set, keep[i]);
	pthread_sigmask(SIG_SETMASK, &set, old);
}

int mm_exec_native_thread(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	sigset_t old;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	/* The sanitizers need more than tasks do; they get the default. */
	if (!MM_ASAN && !MM_TSAN)
		pthread_attr_setstacksize(&attr, STACK_BYTES);
	mask_signals(&old);
	err = pthread_create(thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

/* A new worker whose slot is full from the start. `fail`: no thread is to be had. */
static int worker_create(struct mm_native *n, struct mm_task *task, bool fail)
{
	struct mm_native_cpu *c = &n->cpu[task->cpu];
	struct mm_native_worker *w = mm_base_meta_alloc(n->x.meta, sizeof(*w));

	if (!w)
		return -EAGAIN;
	w->native = n;
	w->cpu = task->cpu;
	w->quick = 0;
	w->task = task;
	w->slot = SLOT_FULL;
	task->backend = w;
	if (fail || mm_exec_native_thread(&w->thread, worker_main, w)) {
		mm_base_meta_free(n->x.meta, w, sizeof(*w));
		return -EAGAIN;
	}
	pthread_mutex_lock(&c->lock);
	w->next = c->all;
	c->all = w;
	pthread_mutex_unlock(&c->lock);
	return 0;
}

int mm_exec_native_spawn(struct mm_exec *x, struct mm_task *task)
{
	struct mm_native *n = mm_container_of(x, struct mm_native, x);
	bool fail = mm_base_fault_hit(x->fault, MMSIM_FAULT_SPAWN);
	struct mm_native_worker *w = fail ? NULL : idle_pop(&n->cpu[task->cpu]);

	if (!w)
		return worker_create(n, task, fail);
	task->backend = w;
	slot_fill(w, task);
	return 0;
}

void mm_exec_workers_stop(struct mm_native_cpu *c)
{
	for (struct mm_native_worker *w = c->all; w; w = w->next)
		slot_fill(w, NULL);
}

void mm_exec_workers_free(struct mm_native *n, struct mm_native_cpu *c)
{
	struct mm_native_worker *w, *next;

	for (w = c->all; w; w = next) {
		next = w->next;
		if (!mm_exec_native_is_child(n))
			pthread_join(w->thread, NULL);
		mm_base_meta_free(n->x.meta, w, sizeof(*w));
	}
}
