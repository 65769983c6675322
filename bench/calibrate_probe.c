/* SPDX-License-Identifier: MIT */
/* What the probes share. */
#include "calibrate_probe.h"

#include "harness/gate.h"
#include "harness/stats.h"
#include "harness/util.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define TIMED_RUNS 7
#define NEARLY_ALL 0.9

struct team {
	struct gate gate;
	atomic_bool broken; /* somebody is missing: nobody works */
	void (*fn)(unsigned i, void *arg);
	void *arg;
};

struct member {
	struct team *team;
	unsigned i;
	int cpu;
	pthread_t thread;
};

bool calibrate_bind(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0;
}

static void *work(void *arg)
{
	struct member *m = arg;

	if (!calibrate_bind(m->cpu))
		atomic_store(&m->team->broken, true);
	gate_wait(&m->team->gate);
	if (!atomic_load(&m->team->broken))
		m->team->fn(m->i, m->team->arg);
	return NULL;
}

bool calibrate_team(unsigned nr, const int *cpu, void (*fn)(unsigned i, void *arg), void *arg)
{
	struct member *member = bench_calloc(nr, sizeof(*member));
	struct team team = { .fn = fn, .arg = arg };
	unsigned started;

	gate_init(&team.gate, nr);
	for (started = 0; started < nr; started++) {
		member[started] = (struct member){ &team, started, cpu[started], 0 };
		if (pthread_create(&member[started].thread, NULL, work, &member[started]))
			break;
	}
	if (started < nr)
		atomic_store(&team.broken, true);
	for (unsigned i = started; i < nr; i++)
		gate_arrive(&team.gate);
	for (unsigned i = 0; i < started; i++)
		pthread_join(member[i].thread, NULL);
	free(member);
	return !atomic_load(&team.broken);
}

double calibrate_median(const double *value, size_t nr)
{
	return stats_of(value, nr).median;
}

double calibrate_time(void (*fn)(void *arg, size_t n), void *arg, size_t n)
{
	double value[TIMED_RUNS];

	fn(arg, n);
	for (size_t i = 0; i < TIMED_RUNS; i++) {
		uint64_t start = bench_now();

		fn(arg, n);
		value[i] = (double)(bench_now() - start) / (double)n;
	}
	return calibrate_median(value, TIMED_RUNS);
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

uint64_t calibrate_cpu_time(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t calibrate_process_time(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

bool calibrate_undisturbed(uint64_t cpu_ns, uint64_t ns, unsigned nr)
{
	return (double)cpu_ns >= NEARLY_ALL * (double)ns * nr;
}
