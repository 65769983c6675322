/* SPDX-License-Identifier: MIT */
/* Threads: making them, handing one CPU from one to another, sharing it, timers. */
#include "calibrate_probe.h"

#include "harness/util.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS 20
#define HANDOVERS 2000
#define EMPTY_WAKES 2000
#define SLEEPS 15
#define SLEEP_NS 200000
#define SHARED_NS 60000000 /* how long two threads share a CPU */
#define AWAY_NS 100000 /* not having run so long, another one had the CPU */
#define MAX_SLICES 64

static long futex(atomic_uint *word, int op, unsigned val)
{
	return syscall(SYS_futex, word, op, val, NULL, NULL, 0);
}

/* Threads */

static void *nothing(void *arg)
{
	return arg;
}

/* Started on another CPU where there is one, as a thread that takes its maker's would be measured too. */
static void measure_create(struct calibrate *c)
{
	int other = c->host.cpu[c->host.nr - 1];
	double ns[THREADS];
	pthread_attr_t attr;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)other, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	for (unsigned i = 0; i < THREADS; i++) {
		uint64_t start = bench_now();
		pthread_t thread;

		if (pthread_create(&thread, &attr, nothing, NULL))
			break;
		ns[i] = (double)(bench_now() - start);
		pthread_join(thread, NULL);
		if (i == THREADS - 1)
			calibrate_add(&c->raw, SERIES_CREATE, calibrate_median(ns, THREADS));
	}
	pthread_attr_destroy(&attr);
	calibrate_lack(&c->raw, SERIES_CREATE, "no thread could be started");
}

/* Switches */

struct handover {
	atomic_uint turn;
	double ns;
};

static void hand_over(unsigned i, void *arg)
{
	struct handover *h = arg;
	uint64_t start = bench_now();

	for (unsigned n = 0; n < HANDOVERS; n++) {
		while (atomic_load(&h->turn) != i)
			futex(&h->turn, FUTEX_WAIT_PRIVATE, 1 - i);
		atomic_store(&h->turn, 1 - i);
		futex(&h->turn, FUTEX_WAKE_PRIVATE, 1);
	}
	if (i == 0)
		h->ns = (double)(bench_now() - start) / (2.0 * HANDOVERS);
}

static void wake_nobody(void *arg, size_t n)
{
	while (n--)
		futex(arg, FUTEX_WAKE_PRIVATE, 1);
}

static void measure_switch(struct calibrate *c)
{
	const int cpu[] = { c->host.cpu[0], c->host.cpu[0] };
	struct handover h = { .turn = 0 };

	if (calibrate_team(2, cpu, hand_over, &h))
		calibrate_add(&c->raw, SERIES_HANDOVER, h.ns);
	calibrate_add(&c->raw, SERIES_EMPTY_WAKE, calibrate_time(wake_nobody, &h, EMPTY_WAKES));
}

/* Slices */

struct slices {
	unsigned nr[2];
	double ns[2][MAX_SLICES];
};

/* Look at the clock all the time; a gap is somebody else's slice, what is between gaps one's own. */
static void share(unsigned i, void *arg)
{
	struct slices *s = arg;
	uint64_t begin = bench_now(), from = begin, before = begin;

	while (before - begin < SHARED_NS) {
		uint64_t now = bench_now();

		if (now - before > AWAY_NS) {
			/* The first may have begun before this thread was counted. */
			if (from != begin && s->nr[i] < MAX_SLICES)
				s->ns[i][s->nr[i]++] = (double)(before - from);
			from = now;
		}
		before = now;
	}
}

static void measure_slice(struct calibrate *c)
{
	const int cpu[] = { c->host.cpu[0], c->host.cpu[0] };
	struct slices s = { .nr = { 0, 0 } };

	if (calibrate_team(2, cpu, share, &s))
		calibrate_add(&c->raw, SERIES_SLICE, calibrate_median(s.ns[0], s.nr[0]));
	calibrate_lack(&c->raw, SERIES_SLICE, "two threads did not take turns");
}

/* Timers */

static void measure_timer(struct calibrate *c)
{
	double late[SLEEPS];

	for (unsigned i = 0; i < SLEEPS; i++) {
		uint64_t until = bench_now() + SLEEP_NS;
		struct timespec ts = { (time_t)(until / 1000000000), (long)(until % 1000000000) };

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL))
			;
		late[i] = (double)(bench_now() - until);
	}
	calibrate_add(&c->raw, SERIES_TIMER, calibrate_median(late, SLEEPS));
}

static void sched_round(struct calibrate *c, void *state)
{
	(void)state;
	measure_create(c);
	measure_switch(c);
	measure_slice(c);
	measure_timer(c);
}

const struct calibrate_probe calibrate_sched_probe = {
	.name = "threads",
	.round = sched_round,
};
