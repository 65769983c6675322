/* SPDX-License-Identifier: MIT */
/*
 * What native.c (clock, waiting, the table) and native_worker.c (threads) share. Nobody else
 * includes this.
 */
#ifndef MM_EXEC_NATIVE_INTERNAL_H
#define MM_EXEC_NATIVE_INTERNAL_H

#include "backend.h"
#include <pthread.h>
#include <sched.h>

struct mm_native_worker;

struct mm_native_cpu {
	pthread_mutex_t lock;
	struct mm_native_worker *idle; /* linked by next_idle */
	struct mm_native_worker *all; /* linked by next */
} mm_cacheline_aligned;

struct mm_native {
	struct mm_exec x;
	uint64_t
		epoch; /* the host's clock when the exec was made; constant after init, as all below */
	bool pin;
	bool membarrier; /* the host has it */
	bool spin; /* waiting awake for a moment pays: the host has another CPU to make it end */
	unsigned nr_host; /* host CPUs that this process may use; 0: unknown */
	uint16_t host[CPU_SETSIZE]; /* [nr_host] their numbers */
	uint16_t rank[CPU_SETSIZE]; /* of a host CPU: its index in host[] */
	struct mm_native_cpu *cpu; /* [x.nr_cpus] */
};

/* futex(2), private. until: absolute, for FUTEX_WAIT_BITSET; NULL: for ever. */
long mm_exec_futex(uint32_t *word, int op, uint32_t val, const struct timespec *until);

/* CLOCK_MONOTONIC in ns. */
uint64_t mm_exec_host_now(void);

void mm_exec_pause(unsigned times);

/* mm_exec_ops.spawn */
int mm_exec_native_spawn(struct mm_exec *x, struct mm_task *task);

/* End and free the workers of a CPU in two steps, so that they end side by side. E3 holds. */
void mm_exec_workers_stop(struct mm_native_cpu *c);
void mm_exec_workers_free(struct mm_native *n, struct mm_native_cpu *c);

#endif
