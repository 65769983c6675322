/* SPDX-License-Identifier: MIT */
/*
 * Scenarios for schedule exploration: a small machine, what some tasks do on it at the same time, and what
 * must hold afterwards (and, cheaply, after every step).
 *
 * A scenario fails by expect() or by an invariant of the library. It uses no time, no luck and no
 * address, keeps nothing from one run to the next, and shares between tasks only what is atomic or
 * locked: so it is clean under ThreadSanitizer too. Where others shall be let in it calls
 * mm_exec_resched(); mmsim_yield() is for polling only, as PCT puts who yields below all others.
 */
#ifndef TESTS_SCHED_SCENARIO_H
#define TESTS_SCHED_SCENARIO_H

#include <mmsim/mmsim.h>
#include <stdbool.h>

enum scenario_memory {
	SCENARIO_SMALL, /* 4 MiB, one zone, nothing deferred */
	SCENARIO_GROUPED, /* 16 MiB, one zone: large enough for pageblocks of several types */
	SCENARIO_DEFERRED, /* one section early, two pieces of 8 MiB deferred */
};

/* Where the deferred part begins. */
#define SCENARIO_DEFERRED_PFN (UINT64_C(256) << (20 - MMSIM_PAGE_SHIFT))

struct scenario {
	const char *name;
	const char *what;
	unsigned cpus;
	enum scenario_memory memory;
	enum mmsim_boot_stop boot;
	uint32_t flags; /* MMSIM_NO_PADATA … */
	struct mmsim_alloc_policy policy;
	bool hidden; /* fails, for tests of the driver: not part of "all" */
	bool races; /* by the language; not part of "all" under ThreadSanitizer */
	/* Called by a thread that is no task of the machine. */
	void (*run)(struct mmsim *m);
	/* After every step while run() is at it; reads only. NULL: none. */
	void (*invariant)(struct mmsim *m);
};

/* Each group is an array that ends with a NULL name. */
extern const struct scenario scenarios_pages[], scenarios_blocks[], scenarios_boot[],
	scenarios_jobs[], scenarios_order[], scenarios_works[], scenarios_sync[], scenarios_self[],
	scenarios_pin[], scenarios_rcu[], scenarios_tlb[], scenarios_tlb_kernel[], scenarios_mm[],
	scenarios_fork[], scenarios_range[], scenarios_files[], scenarios_gather[], scenarios_lru[],
	scenarios_vmap[], scenarios_vmap_room[], scenarios_vmalloc[], scenarios_vmap_block[];

/* NULL: there is none of that name. */
const struct scenario *scenario_find(const char *name);

/* The index-th of all; NULL: past the last. */
const struct scenario *scenario_at(unsigned index);

/* Without seed, log and explore. */
void scenario_config(const struct scenario *s, struct mmsim_config *cfg);

/* Books at every step: a zone's counts agree whenever its lock is free. */
void scenario_books(struct mmsim *m);

/* All that was allocated has been freed: everything is free once the per-CPU lists are drained. */
void scenario_all_is_back(struct mmsim *m);

#define expect(cond, name)                        \
	do {                                      \
		if (__builtin_expect(!(cond), 0)) \
			mmsim_explore_fail(name); \
	} while (0)

#endif
