/* SPDX-License-Identifier: MIT */
/*
 * A barrier that lets threads go within a few hundred ns of each other.
 *
 * pthread_barrier_wait() sleeps: its threads start as far apart as a wake-up takes, tens of
 * microseconds, which a short measurement would count. This one spins, and yields only when it has
 * waited long, so that more threads than CPUs still get through. Tasks of a virtual machine have to let
 * it run the others: they name it in `m`.
 */
#ifndef BENCH_GATE_H
#define BENCH_GATE_H

#include <mmsim/task.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

#define GATE_SPINS 2000

struct gate {
	unsigned threads;
	atomic_uint arrived;
	atomic_uint round;
	struct mmsim *m; /* NULL: threads of the host wait */
	void (*on_open)(void *arg); /* by the last to arrive, before the others go; or NULL */
	void *arg;
};

static inline void gate_init(struct gate *gate, unsigned threads)
{
	gate->threads = threads;
	gate->m = NULL;
	gate->on_open = NULL;
	gate->arg = NULL;
	atomic_init(&gate->arrived, 0);
	atomic_init(&gate->round, 0);
}

/* Count as one of the threads without waiting: the last to arrive opens the gate. */
static inline void gate_arrive(struct gate *gate)
{
	if (atomic_fetch_add(&gate->arrived, 1) + 1 == gate->threads) {
		if (gate->on_open)
			gate->on_open(gate->arg);
		atomic_store(&gate->arrived, 0);
		atomic_fetch_add(&gate->round, 1);
	}
}

static inline void gate_wait(struct gate *gate)
{
	unsigned round = atomic_load(&gate->round);
	unsigned spins = 0;

	gate_arrive(gate);
	while (atomic_load_explicit(&gate->round, memory_order_acquire) == round) {
		if (gate->m)
			mmsim_yield(gate->m);
		else if (++spins > GATE_SPINS)
			sched_yield();
	}
}

#endif
