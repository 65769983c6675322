/* SPDX-License-Identifier: MIT */
/*
 * What things cost in virtual time: the model behind the charges.
 *
 * Straight-line work costs a figure, more while the sibling works too (smt_factor) and while many
 * cores of the package do (turbo_all, linear in between). A line that another CPU's cache holds costs a
 * transfer by distance; one that no cache holds any more comes from the shared cache or from memory, and
 * at the pace of a stream if it was fetched ahead (cache.h). A word that many change without a lock is a
 * queue: while its line is on its way to one CPU no other can have it. Stores of many bytes are flows: each
 * asks for the bandwidth that its core alone would use; when the flows of a node, or of a link between
 * two nodes, together ask for more than there is, all of them get the same share of what they ask. A flow
 * is cut into pieces of at most 256 KiB, and a piece keeps the rate that held when it began.
 *
 * Everything is integers, times in ps: the same on every host and with every compiler.
 *
 *  C1: callers ask in the order of virtual time: a piece that begins at t knows all that began before.
 *  C2: the demand of a pipe is the sum over its flows that have not ended.
 *  C3: an atomic line's free_at never goes back: who asks later, even for an earlier time, comes later.
 *
 * Counterpart: none in the kernel. Sources of the rules: docs/model-validity.md.
 *
 * Locking: none: one OS thread.
 */
#ifndef MM_EXEC_COST_H
#define MM_EXEC_COST_H

#include "cache.h"

/* A piece of a flow that is under way. */
struct mm_flow {
	uint64_t until; /* ps */
	uint64_t demand; /* MB/s: what it would take alone */
};

/* Something that has a bandwidth. */
struct mm_pipe {
	uint64_t bandwidth; /* MB/s */
	uint64_t demand; /* C2 */
	struct mm_flow *flow; /* [nr_cpus]: a CPU has at most one piece under way */
	unsigned nr;
};

/* Memory of which charges name lines. */
struct mm_region {
	uintptr_t start, end;
	unsigned shift; /* of a line's size */
	unsigned node;
	uint64_t number; /* of its first line, among the lines of all regions */
	mm_cached *line; /* [lines] */
	size_t bytes; /* of line[] */
};

struct mm_cost {
	struct mm_exec *x;
	uint64_t figure[MMSIM_NR_FIGURES]; /* constant after init */
	unsigned nr_nodes, nr_packages;
	struct mm_pipe *memory; /* [nr_nodes] */
	struct mm_pipe *link; /* [nr_nodes]: into each node */
	unsigned *core_busy; /* [nr_cpus]: of the core whose first CPU this is: CPUs at work */
	unsigned *package_busy; /* [nr_packages]: cores at work */
	unsigned *package_cores; /* [nr_packages] */
	struct mm_caches caches;
	uint64_t nr_lines;
	struct mm_region *region; /* by address */
	unsigned nr_regions, room;
	char (*counter)[24]; /* [nr_nodes]: names for the timeline */
};

/* Zeroed before. 0 or -ENOMEM. */
int mm_exec_cost_init(struct mm_cost *c, struct mm_exec *x, const uint64_t *figure);
void mm_exec_cost_fini(struct mm_cost *c);

int mm_exec_cost_region(struct mm_cost *c, const void *base, uint64_t bytes, unsigned line,
			unsigned node);

/* The CPU begins or ends to have work. */
void mm_exec_cost_busy(struct mm_cost *c, unsigned cpu, bool busy);

/* A charge other than a flow, at time now: ps. */
uint64_t mm_exec_cost_of(struct mm_cost *c, unsigned cpu, uint64_t now, enum mm_charge what,
			 const void *obj, uint64_t n);

/* Stores of many bytes: n may take several pieces, each with its own begin. */
static inline bool mm_cost_is_flow(enum mm_charge what)
{
	return what == MM_CHARGE_STREAM || what == MM_CHARGE_PAGE_INIT || what == MM_CHARGE_CLEAR;
}

/* Bytes that a flow stores for each of what its n counts. */
static inline uint64_t mm_cost_flow_unit(enum mm_charge what)
{
	return what == MM_CHARGE_PAGE_INIT ? sizeof(struct mmsim_page) : 1;
}

/* How many bytes further a flow's object is after n. Of CLEAR it is not what is stored: struct pages. */
static inline size_t mm_cost_flow_step(enum mm_charge what, uint64_t n)
{
	if (what == MM_CHARGE_CLEAR)
		return n / MMSIM_PAGE_SIZE * sizeof(struct mmsim_page);
	return n * mm_cost_flow_unit(what);
}

/*
 * Begin the next piece of a flow at time now. *n becomes how much it does; returns how long it takes, ps.
 */
uint64_t mm_exec_cost_flow(struct mm_cost *c, unsigned cpu, uint64_t now, enum mm_charge what,
			   const void *obj, uint64_t *n);

/* How long a line takes from one CPU to another, or to itself: ps. */
uint64_t mm_exec_cost_line(const struct mm_cost *c, unsigned from, unsigned to);

static inline uint64_t mm_cost_figure(const struct mm_cost *c, enum mmsim_figure figure)
{
	return c->figure[figure];
}

#endif
