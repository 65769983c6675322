/* SPDX-License-Identifier: MIT */
/* The work of a job. */
#include "jobs_load.h"

#include "harness/util.h"

#include <string.h>

enum { PROBE_TURNS = 200000, PROBES = 5, HEAVY_EVERY = 16, HEAVY_UNITS = 32 };

/* The fastest of a few: whoever disturbs can only slow down. */
double jobs_turns_per_ns(void)
{
	static double rate;

	for (int i = 0; i < PROBES && (i || rate == 0); i++) {
		uint64_t start = bench_now(), ns;

		jobs_spin(PROBE_TURNS);
		ns = bench_now() - start;
		if ((double)PROBE_TURNS / (double)(ns + 1) > rate)
			rate = (double)PROBE_TURNS / (double)(ns + 1);
	}
	return rate;
}

static unsigned units(enum jobs_shape shape, unsigned nr, unsigned i)
{
	switch (shape) {
	case JOBS_EMPTY:
		return 0;
	case JOBS_UNIFORM:
		return 1;
	case JOBS_RAMP:
		return i + 1;
	case JOBS_REVERSE:
		return nr - i;
	case JOBS_HEAVY:
		return i % HEAVY_EVERY ? 1 : HEAVY_UNITS;
	}
	return 0;
}

void jobs_load_init(struct jobs_load *load, struct mmsim *m, unsigned nr, enum jobs_shape shape,
		    unsigned unit_ns)
{
	double per_ns = m ? 1 : jobs_turns_per_ns();

	memset(load, 0, sizeof(*load));
	load->m = m;
	load->nr = nr;
	for (unsigned i = 0; i < nr; i++)
		load->cost[i] = (uint32_t)(units(shape, nr, i) * unit_ns * per_ns + 0.5);
}

double jobs_load_longest(const struct jobs_load *load)
{
	double sum = 0, longest = 0;

	for (unsigned i = 0; i < load->nr; i++) {
		sum += load->cost[i];
		longest = load->cost[i] > longest ? load->cost[i] : longest;
	}
	return sum > 0 ? longest / sum : 0;
}

void jobs_item_other(const struct jobs_load *load, size_t i)
{
	if (load->seen)
		__atomic_add_fetch(&load->seen[i], 1, __ATOMIC_RELAXED);
	if (load->visit)
		load->visit(load->arg);
	else if (!load->m)
		jobs_spin(load->cost[i]);
	else if (load->cost[i])
		mmsim_ndelay(load->m, load->cost[i]);
}
