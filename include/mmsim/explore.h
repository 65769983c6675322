/* SPDX-License-Identifier: MIT */
/*
 * Schedule exploration: a seeded adversary decides which task runs on.
 *
 * A machine of mode MMSIM_EXPLORE runs its tasks one at a time on one thread. At every schedule point
 * (taking and releasing a lock, an atomic operation, cond_resched(), waiting, waking) a policy chooses
 * who goes on. Time is the number of choices so far. The same config and seed give the same run; the
 * choices that differ from "go on with whoever runs" are the schedule, which replays it.
 *
 * Sequential consistency only: what a weaker memory order would allow is not explored.
 *
 * Models Shuttle (AWS), PCT (Burckhardt et al., ASPLOS 2010) and bounded search as in CHESS.
 */
#ifndef MMSIM_EXPLORE_H
#define MMSIM_EXPLORE_H

#include <mmsim/api.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

enum mmsim_policy {
	MMSIM_POLICY_RANDOM, /* any of those that can run, each as likely */
	MMSIM_POLICY_PCT, /* random priorities, lowered at depth - 1 random steps */
	/* All schedules with at most depth preemptions, one per run. Running another than the next
	 * task after a yield counts as one. */
	MMSIM_POLICY_DFS,
	MMSIM_POLICY_REPLAY, /* the schedule given */
};

/** At step `step` (1 is the first) task `task` runs on, though another could have gone on. */
struct mmsim_choice {
	uint64_t step;
	uint32_t task; /* 1, 2, …: order of creation */
	uint32_t preempted; /* 1: the task that ran until then could have gone on */
};

/** What a step offered to a depth-first search: kept from one run to the next. */
struct mmsim_dfs;

/**
 * How a machine is explored, and what came of it. The caller's; outlives the machine. Zero it, set
 * the fields of the first part, and give it to one machine at a time as mmsim_config.explore.
 */
struct mmsim_explore {
	uint32_t policy; /* enum mmsim_policy */
	uint32_t depth; /* PCT: d, 1 to 1000; DFS: most preemptions; else not used */
	uint64_t
		steps_expected; /* PCT: the length of a run that change points are spread over; 0: 1000 */
	uint64_t max_steps; /* a run that is longer is a livelock; 0: 1000000 */
	struct mmsim_dfs *dfs; /* DFS: from mmsim_dfs_create() */
	const struct mmsim_choice *replay; /* REPLAY: the schedule, steps ascending */
	size_t nr_replay;
	/* Called after every step, between tasks; must not call into the machine. Ends the run by
	 * mmsim_explore_fail(). NULL: not called. */
	void (*invariant)(void *ctx);
	void *invariant_ctx;

	/* Written by the machine. */
	struct mmsim_choice *choice; /* room for the schedule of the run; NULL: not recorded */
	size_t choice_room;
	size_t nr_choices; /* may exceed choice_room: then the schedule is cut */
	uint64_t steps; /* choices made, also where only one task could run */
	uint64_t hash; /* of every step: who could run, who ran, where it stood */
	uint64_t diverged; /* REPLAY: the first step whose task could not run; 0: none */
};

/**
 * mmsim_explore_fail - an invariant of the caller's is broken: stop the program with its name.
 *
 * As a broken invariant of the library does: one line on stderr, then abort(). Context: any. Since 0.1.
 */
MMSIM_API void mmsim_explore_fail(const char *name) __attribute__((noreturn));

/** mmsim_dfs_create - an empty search; NULL: out of memory. Context: any. Since 0.1. */
MMSIM_API struct mmsim_dfs *mmsim_dfs_create(void);

/** mmsim_dfs_destroy - NULL is allowed. Context: no machine uses it. Since 0.1. */
MMSIM_API void mmsim_dfs_destroy(struct mmsim_dfs *dfs);

/**
 * mmsim_dfs_next - the run is over: set the search to the next schedule.
 *
 * Returns 1, or 0 when every schedule within the bound has been run. Context: no machine uses it.
 * Since 0.1.
 */
MMSIM_API int mmsim_dfs_next(struct mmsim_dfs *dfs);

MMSIM_END_DECLS

#endif
