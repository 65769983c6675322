/* SPDX-License-Identifier: MIT */
/*
 * The probes, and what they share: bound threads that start together, medians of many short times.
 *
 * Locking: a probe starts its own threads and has joined them when its round returns.
 */
#ifndef BENCH_CALIBRATE_PROBE_H
#define BENCH_CALIBRATE_PROBE_H

#include "calibrate_host.h"

struct calibrate {
	struct calibrate_options opt;
	struct calibrate_host host;
	struct calibrate_raw raw;
	char load[64]; /* load average at the start; empty: not known */
};

struct calibrate_probe {
	const char *name;
	bool roams; /* not bound to the first CPU meanwhile */
	void *(*start)(struct calibrate *c); /* NULL: no state */
	void (*round)(struct calibrate *c, void *state); /* adds to c->raw */
	void (*finish)(void *state);
};

extern const struct calibrate_probe calibrate_line_probe;
extern const struct calibrate_probe calibrate_own_probe;
extern const struct calibrate_probe calibrate_memory_probe;
extern const struct calibrate_probe calibrate_speed_probe;
extern const struct calibrate_probe calibrate_work_probe;
extern const struct calibrate_probe calibrate_pages_probe;
extern const struct calibrate_probe calibrate_wake_probe;
extern const struct calibrate_probe calibrate_sched_probe;
extern const struct calibrate_probe calibrate_ipi_probe;
extern const struct calibrate_probe calibrate_map_probe;

/* Bind the calling thread; false if it may not run there. */
bool calibrate_bind(int cpu);

/*
 * fn(i, arg) in a thread bound to cpu[i], for each i below nr, all started together. False when not all
 * could be started and bound: then fn was not called.
 */
bool calibrate_team(unsigned nr, const int *cpu, void (*fn)(unsigned i, void *arg), void *arg);

/* Median ns per step of several runs of fn(arg, n), n steps each, after one that does not count. */
double calibrate_time(void (*fn)(void *arg, size_t n), void *arg, size_t n);

/* CPU time of the calling thread, ns: being preempted does not count. */
uint64_t calibrate_cpu_time(void);

/* CPU time of all threads of the process so far, ns. */
uint64_t calibrate_process_time(void);

/*
 * Did nr threads have their CPUs nearly all the time? cpu_ns of CPU time together within ns. Else
 * somebody else ran, or some of the threads were done long before the others.
 */
bool calibrate_undisturbed(uint64_t cpu_ns, uint64_t ns, unsigned nr);

double calibrate_median(const double *value, size_t nr);

/* The next of a sequence that nobody's prefetcher guesses; any odd or even seed. */
static inline uint64_t calibrate_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

#endif
