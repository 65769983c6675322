/* SPDX-License-Identifier: MIT */
/*
 * The back end of real threads: the clock of the host, futexes and the table. The threads are in
 * native_worker.c, their priorities in native_nice.c.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* affinity and names of threads */
#endif
#include "native.h"

#include "bits.h"
#include "native_internal.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SEC UINT64_C(1000000000)
#define RELAX_PAUSES 64 /* turns of mm_exec_ops.relax that pause, then as many that yield */
#define RELAX_MAX_PAUSE 16
#define RELAX_MAX_SLEEP_NS 50000

static struct mm_native *to_native(struct mm_exec *x)
{
	return mm_container_of(x, struct mm_native, x);
}

/* Clock and waiting */

uint64_t mm_exec_host_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / NS_PER_SEC),
		.tv_nsec = (long)(ns % NS_PER_SEC),
	};
}

long mm_exec_futex(uint32_t *word, int op, uint32_t val, const struct timespec *until)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, val, until, NULL,
		       FUTEX_BITSET_MATCH_ANY);
}

void mm_exec_pause(unsigned times)
{
	while (times--) {
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("isb" ::: "memory");
#else
		__asm__ volatile("" ::: "memory");
#endif
	}
}

static uint64_t native_now(struct mm_exec *x)
{
	return mm_exec_host_now() - to_native(x)->epoch;
}

static int native_park(struct mm_exec *x, uint32_t *word, uint32_t val, uint64_t deadline)
{
	uint64_t until;
	struct timespec ts;
	bool timed = !__builtin_add_overflow(deadline, to_native(x)->epoch, &until);
	int ret = 0;

	if (mm_exec_native_is_child(to_native(x)))
		return -ECHILD;
	ts = to_timespec(until);
	if (mm_exec_futex(word, FUTEX_WAIT_BITSET, val, timed ? &ts : NULL) && errno == ETIMEDOUT)
		ret = -ETIMEDOUT;
	(void)__atomic_load_n(word, __ATOMIC_ACQUIRE);
	return ret;
}

static void native_unpark(struct mm_exec *x, uint32_t *word, unsigned n)
{
	(void)x;
	mm_exec_futex(word, FUTEX_WAKE, mm_min(n, (unsigned)INT_MAX), NULL);
}

static void native_relax(struct mm_exec *x, uint32_t *word, uint32_t val, unsigned spin)
{
	struct timespec ts = { 0 };

	if (__atomic_load_n(word, __ATOMIC_RELAXED) != val)
		return;
	if (to_native(x)->spin && spin < RELAX_PAUSES) {
		mm_exec_pause(mm_min(1u << spin / 8, (unsigned)RELAX_MAX_PAUSE));
	} else if (spin < 2 * RELAX_PAUSES) {
		sched_yield();
	} else {
		ts.tv_nsec = (long)mm_min((spin - 2u * RELAX_PAUSES + 1) * UINT64_C(1000),
					  (uint64_t)RELAX_MAX_SLEEP_NS);
		nanosleep(&ts, NULL);
	}
}

/* ThreadSanitizer cannot see what it orders. */
static bool membarrier_register(void)
{
	return !MM_TSAN &&
	       !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

static void native_membarrier(struct mm_exec *x)
{
	(void)x;
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static void native_yield(struct mm_exec *x)
{
	(void)x;
	sched_yield();
}

/* The table */

static void native_attach(struct mm_exec *x, struct mm_task *task)
{
	const struct mm_native *n = to_native(x);
	int host = sched_getcpu();

	if (host >= 0 && host < CPU_SETSIZE)
		task->cpu = n->rank[host] % x->nr_cpus;
	mm_exec_number(x, task);
}

static void native_detach(struct mm_exec *x, struct mm_task *task)
{
	(void)x;
	(void)task;
}

/* E3: all workers are idle, or about to look at their slot. */
static void native_destroy(struct mm_exec *x)
{
	struct mm_native *n = to_native(x);
	struct mm_meta *meta = x->meta;

	for (unsigned i = 0; i < x->nr_cpus; i++)
		mm_exec_workers_stop(&n->cpu[i]);
	for (unsigned i = 0; i < x->nr_cpus; i++) {
		mm_exec_workers_free(n, &n->cpu[i]);
		pthread_mutex_destroy(&n->cpu[i].lock);
	}
	mm_exec_native_nice_fini(n);
	mm_base_meta_free(meta, n->cpu, x->nr_cpus * sizeof(*n->cpu));
	mm_exec_fini(x);
	mm_base_meta_free(meta, n, sizeof(*n));
}

static const struct mm_exec_ops native_ops = {
	.name = "native",
	.attach = native_attach,
	.detach = native_detach,
	.spawn = mm_exec_native_spawn,
	.park = native_park,
	.unpark = native_unpark,
	.relax = native_relax,
	.yield = native_yield,
	.membarrier = native_membarrier,
	.set_nice = mm_exec_native_set_nice,
	.now = native_now,
	.destroy = native_destroy,
};

/* A host with more CPUs than a cpu_set_t holds counts as unknown: no binding, no spinning. */
static void find_host_cpus(struct mm_native *n)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set)) {
		mm_base_log(n->x.log, "cannot tell which host CPUs may be used: %s",
			    strerror(errno));
		return;
	}
	for (unsigned i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		n->rank[i] = (uint16_t)n->nr_host;
		n->host[n->nr_host++] = (uint16_t)i;
	}
}

int mm_exec_native_create(const struct mm_exec_config *cfg, struct mm_exec **out)
{
	struct mm_native *n = mm_base_meta_alloc(cfg->meta, sizeof(*n));

	if (!n)
		return -ENOMEM;
	if (mm_exec_init(&n->x, cfg, &native_ops))
		goto free_native;
	n->cpu = mm_base_meta_calloc(cfg->meta, cfg->nr_cpus, sizeof(*n->cpu));
	if (!n->cpu)
		goto fini;
	for (unsigned i = 0; i < cfg->nr_cpus; i++)
		pthread_mutex_init(&n->cpu[i].lock, NULL);
	find_host_cpus(n);
	mm_exec_native_nice_init(n);
	n->pin = cfg->pin;
	n->spin = n->nr_host > 1;
	n->membarrier = membarrier_register();
	n->epoch = mm_exec_host_now();
	n->pid = getpid();
	*out = &n->x;
	return 0;

fini:
	mm_exec_fini(&n->x);
free_native:
	mm_base_meta_free(cfg->meta, n, sizeof(*n));
	return -ENOMEM;
}
