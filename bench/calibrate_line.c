/* SPDX-License-Identifier: MIT */
/* Cache lines: handed from CPU to CPU, changed atomically, or simply one's own. */
#include "calibrate_probe.h"

#include "harness/util.h"

#include <stdatomic.h>
#include <stdlib.h>

#define LINE 64
#define FAR_LINE 128 /* prefetchers fetch lines in pairs */
#define MAX_PAIRS 4 /* of a distance; a round measures one of them */
#define CHUNKS 15
#define TRIPS 500 /* per chunk */

/* Two CPUs hand one line to and fro. */
struct ping {
	_Alignas(FAR_LINE) atomic_uint turn;
	_Alignas(FAR_LINE) double one_way[CHUNKS];
};

static void wait_and_pass(atomic_uint *turn, unsigned me)
{
	unsigned mine = me;

	while (!atomic_compare_exchange_strong(turn, &mine, 1 - me))
		mine = me;
}

static void play(unsigned i, void *arg)
{
	struct ping *ping = arg;

	for (unsigned chunk = 0; chunk < CHUNKS; chunk++) {
		uint64_t start = bench_now();

		for (unsigned trip = 0; trip < TRIPS; trip++)
			wait_and_pass(&ping->turn, i);
		if (i == 0)
			ping->one_way[chunk] = (double)(bench_now() - start) / (2.0 * TRIPS);
	}
}

static void measure_pair(struct calibrate *c, unsigned series, struct calibrate_pair pair)
{
	const int cpu[] = { c->host.cpu[pair.a], c->host.cpu[pair.b] };
	struct ping ping = { .turn = 0 };

	/* The first chunk has the start of the other thread in it. */
	if (calibrate_team(2, cpu, play, &ping))
		calibrate_add(&c->raw, series, calibrate_median(&ping.one_way[1], CHUNKS - 1));
}

static void line_round(struct calibrate *c, void *state)
{
	static const char *const lack[NR_DISTANCES] = {
		[DISTANCE_SMT] = "no siblings",
		[DISTANCE_LLC] = "no two cores under one cache",
		[DISTANCE_NODE] = "one last-level cache per node",
		[DISTANCE_REMOTE] = "one node",
	};

	(void)state;
	for (unsigned d = 0; d < NR_DISTANCES; d++) {
		struct calibrate_pair pair[MAX_PAIRS];
		unsigned nr = calibrate_pairs(c->host.where, c->host.nr, (enum calibrate_distance)d,
					      pair, MAX_PAIRS);
		unsigned at = c->raw.series[SERIES_LINE_SMT + d].nr;

		if (nr)
			measure_pair(c, SERIES_LINE_SMT + d, pair[at % nr]);
		calibrate_lack(&c->raw, SERIES_LINE_SMT + d,
			       nr ? "no second thread could be bound" : lack[d]);
	}
}

const struct calibrate_probe calibrate_line_probe = {
	.name = "lines between CPUs",
	.round = line_round,
};

/* Own lines */

#define OWN_LINES 64
#define OWN_STEPS 20000

struct own_line {
	struct own_line *next;
	uint64_t count;
	char pad[LINE - 2 * sizeof(void *)];
};

struct own {
	_Alignas(FAR_LINE) atomic_uint counter;
	_Alignas(FAR_LINE) atomic_uint lock;
	_Alignas(FAR_LINE) struct own_line line[OWN_LINES];
};

/* Follow own lines and write each: nothing can begin before the line before has come. */
static void walk_own(void *arg, size_t n)
{
	struct own_line *at = ((struct own *)arg)->line;

	while (n--) {
		at->count++;
		at = at->next;
		bench_keep(at);
	}
}

static void change_atomically(void *arg, size_t n)
{
	struct own *own = arg;

	while (n--)
		atomic_fetch_add(&own->counter, 1);
}

/* As the spin lock of lib/sync: compare and swap, then a release store. */
static void lock_and_unlock(void *arg, size_t n)
{
	struct own *own = arg;

	while (n--) {
		unsigned open = 0;

		atomic_compare_exchange_strong_explicit(&own->lock, &open, 1, memory_order_acquire,
							memory_order_relaxed);
		atomic_store_explicit(&own->lock, 0, memory_order_release);
	}
}

static void own_round(struct calibrate *c, void *state)
{
	struct own own = { .lock = 0 };

	(void)state;
	for (unsigned i = 0; i < OWN_LINES; i++)
		own.line[i].next = &own.line[(i + 1) % OWN_LINES];
	calibrate_add(&c->raw, SERIES_LINE_OWN, calibrate_time(walk_own, &own, OWN_STEPS));
	calibrate_add(&c->raw, SERIES_RMW, calibrate_time(change_atomically, &own, OWN_STEPS));
	calibrate_add(&c->raw, SERIES_LOCK_PAIR, calibrate_time(lock_and_unlock, &own, OWN_STEPS));
}

const struct calibrate_probe calibrate_own_probe = {
	.name = "own lines, atomics",
	.round = own_round,
};
