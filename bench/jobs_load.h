/* SPDX-License-Identifier: MIT */
/*
 * The work of a job: so many items, each with a cost of its own. Every engine runs the same ones.
 *
 * Natively an item is a chain of dependent multiplications, of as many turns as its cost takes one core of
 * this host; in virtual time it is mmsim_ndelay(). Costs need not be exact: what all items take in the
 * caller alone is measured beside every job.
 */
#ifndef BENCH_JOBS_LOAD_H
#define BENCH_JOBS_LOAD_H

#include <mmsim/task.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define JOBS_MAX_ITEMS 64

enum jobs_shape {
	JOBS_EMPTY,
	JOBS_UNIFORM, /* every item costs a unit */
	JOBS_RAMP, /* item i costs i + 1 units */
	JOBS_REVERSE, /* the other way round */
	JOBS_HEAVY, /* every sixteenth costs 32 units, the others one */
};

struct jobs_load {
	struct mmsim *m; /* of virtual time; NULL: natively */
	unsigned nr;
	uint32_t cost[JOBS_MAX_ITEMS]; /* turns; virtual: ns */
	uint32_t *seen; /* [nr], atomic, counts how often each item was done; NULL: nobody counts */
	/* Instead of the costs, if not NULL. */
	void (*visit)(void *arg);
	void *arg;
};

/* How fast this host multiplies, once per process. */
double jobs_turns_per_ns(void);

void jobs_load_init(struct jobs_load *load, struct mmsim *m, unsigned nr, enum jobs_shape shape,
		    unsigned unit_ns);

/* What of the cost of all items the dearest one is: no engine is faster than that. 0 if they cost nothing. */
double jobs_load_longest(const struct jobs_load *load);

/* Otherwise a core works on several items at once, as it looks ahead past the end of one. */
static inline void jobs_drain(void)
{
#ifdef __SSE2__
	__builtin_ia32_lfence();
#endif
}

static inline void jobs_spin(uint32_t turns)
{
	uint64_t x = turns;

	if (!turns)
		return;
	for (; turns; turns--) {
		x *= UINT64_C(0x5851f42d4c957f2d);
		__asm__ volatile("" : "+r"(x));
	}
	jobs_drain();
}

/* What is not the plain item. */
void jobs_item_other(const struct jobs_load *load, size_t i);

static inline void jobs_item(const struct jobs_load *load, size_t i)
{
	if (__builtin_expect(load->m || load->seen || load->visit, 0))
		jobs_item_other(load, i);
	else
		jobs_spin(load->cost[i]);
}

static inline void jobs_items(const struct jobs_load *load, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++)
		jobs_item(load, i);
}

#ifdef __cplusplus
}
#endif

#endif
