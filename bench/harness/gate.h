/* SPDX-License-Identifier: MIT */
/*
 * A barrier that lets threads go within a few hundred ns of each other.
 *
 * pthread_barrier_wait() sleeps: its threads start as far apart as a wake-up takes, tens of
 * microseconds, which a short measurement would count. This one spins, and yields only when it has
 * waited long, so that more threads than CPUs still get through.
 */
#ifndef BENCH_GATE_H
#define BENCH_GATE_H

#include <sched.h>
#include <stdatomic.h>

#define GATE_SPINS 2000

struct gate {
	unsigned threads;
	atomic_uint arrived;
	atomic_uint round;
};

static inline void gate_init(struct gate *gate, unsigned threads)
{
	gate->threads = threads;
	atomic_init(&gate->arrived, 0);
	atomic_init(&gate->round, 0);
}

/* Count as one of the threads without waiting: the last to arrive opens the gate. */
static inline void gate_arrive(struct gate *gate)
{
	if (atomic_fetch_add(&gate->arrived, 1) + 1 == gate->threads) {
		atomic_store(&gate->arrived, 0);
		atomic_fetch_add(&gate->round, 1);
	}
}

static inline void gate_wait(struct gate *gate)
{
	unsigned round = atomic_load(&gate->round);
	unsigned spins = 0;

	gate_arrive(gate);
	while (atomic_load_explicit(&gate->round, memory_order_acquire) == round)
		if (++spins > GATE_SPINS)
			sched_yield();
}

#endif
