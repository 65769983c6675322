/* SPDX-License-Identifier: MIT */
/* Waking a thread on another CPU that has been idle for some time. */
#include "calibrate_probe.h"

#include "harness/util.h"

#include <linux/futex.h>
#include <math.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAKES 5 /* per idle time and round */
#define FIRST_IDLE 50000 /* ns; doubles */
#define PATIENCE UINT64_C(2000000000) /* ns until a sleeper that never appears is given up */

struct wake {
	_Alignas(128) atomic_uint word; /* number of the wake-up the sleeper has been given */
	_Alignas(128) atomic_uint asleep; /* number of the one it waits for, about to sleep */
	_Alignas(128) atomic_uint awake; /* number of the one it had, times written */
	uint64_t ran_at;
	const struct calibrate_raw *raw;
	double call[CALIBRATE_IDLE_STEPS][WAKES];
	double whole[CALIBRATE_IDLE_STEPS][WAKES];
};

#define NR_WAKES (CALIBRATE_IDLE_STEPS * WAKES)

static void sleep_side(struct wake *w)
{
	for (unsigned n = 1; n <= NR_WAKES; n++) {
		atomic_store(&w->asleep, n);
		while (atomic_load(&w->word) < n)
			syscall(SYS_futex, &w->word, FUTEX_WAIT_PRIVATE, n - 1, NULL, NULL, 0);
		w->ran_at = bench_now();
		atomic_store(&w->awake, n);
	}
}

/* Busy: only the sleeper's CPU shall be idle. False: it takes too long. */
static bool wait_for(const atomic_uint *word, unsigned n)
{
	uint64_t start = bench_now();

	while (atomic_load(word) != n)
		if (bench_now() - start > PATIENCE)
			return false;
	return true;
}

static void stay_busy(uint64_t ns)
{
	uint64_t start = bench_now();

	while (bench_now() - start < ns)
		;
}

static void wake_side(struct wake *w)
{
	for (unsigned n = 1; n <= NR_WAKES; n++) {
		unsigned step = (n - 1) / WAKES;
		uint64_t start, end;
		bool there = wait_for(&w->asleep, n);

		stay_busy(w->raw->idle_ns[step]);
		start = bench_now();
		atomic_store(&w->word, n);
		syscall(SYS_futex, &w->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		end = bench_now();
		there = wait_for(&w->awake, n) && there;
		w->call[step][(n - 1) % WAKES] = there ? (double)(end - start) : NAN;
		w->whole[step][(n - 1) % WAKES] = there ? (double)(w->ran_at - start) : NAN;
	}
}

static void play(unsigned i, void *arg)
{
	if (i == 0)
		wake_side(arg);
	else
		sleep_side(arg);
}

/* On another core if there is one. */
static bool choose_cpus(const struct calibrate_host *host, int *cpu)
{
	for (unsigned d = DISTANCE_LLC; d <= DISTANCE_REMOTE + 1; d++) {
		enum calibrate_distance distance = (enum calibrate_distance)(d % NR_DISTANCES);
		struct calibrate_pair pair;

		if (!calibrate_pairs(host->where, host->nr, distance, &pair, 1))
			continue;
		cpu[0] = host->cpu[pair.a];
		cpu[1] = host->cpu[pair.b];
		return true;
	}
	return false;
}

static void *wake_start(struct calibrate *c)
{
	for (unsigned i = 0; i < CALIBRATE_IDLE_STEPS; i++)
		c->raw.idle_ns[i] = (uint64_t)FIRST_IDLE << i;
	return NULL;
}

static void wake_round(struct calibrate *c, void *state)
{
	struct wake w = { .raw = &c->raw };
	double call[CALIBRATE_IDLE_STEPS];
	int cpu[2];

	(void)state;
	if (choose_cpus(&c->host, cpu) && calibrate_team(2, cpu, play, &w)) {
		for (unsigned i = 0; i < CALIBRATE_IDLE_STEPS; i++) {
			call[i] = calibrate_median(w.call[i], WAKES);
			calibrate_add(&c->raw, SERIES_WAKE + i,
				      calibrate_median(w.whole[i], WAKES));
		}
		calibrate_add(&c->raw, SERIES_WAKER, calibrate_median(call, CALIBRATE_IDLE_STEPS));
	}
	calibrate_lack(&c->raw, SERIES_WAKER, "one CPU");
	calibrate_lack(&c->raw, SERIES_WAKE, "one CPU");
}

const struct calibrate_probe calibrate_wake_probe = {
	.name = "wake-ups",
	.start = wake_start,
	.round = wake_round,
};
