/* SPDX-License-Identifier: MIT */
/*
 * Runs of a scenario, in a child process that may die of what it finds.
 *
 * What the child does is written down in memory that it shares with its parent, so that schedule, seed
 * and step count outlive an abort(), a signal or the exit of a sanitizer.
 */
#ifndef EXPLORE_RUN_H
#define EXPLORE_RUN_H

#include "harness/progress.h"
#include "scenario.h"

#include <mmsim/mmsim.h>

/* Names the sources of library and scenarios; made by bench/explore_build_id.py. */
extern const char explore_build[];

#define EXPLORE_MAX_CHOICES ((size_t)1 << 18)
#define EXPLORE_MAX_MARKS ((size_t)1 << 16)
#define EXPLORE_MAX_SAID 16384

/* What to run. */
struct explore_search {
	const struct scenario *scenario;
	enum mmsim_policy policy;
	uint32_t depth;
	uint64_t seed;
	uint64_t runs; /* 0: no limit */
	uint64_t time_ns; /* 0: no limit */
	uint64_t max_steps;
	bool twice;
	bool marks; /* note the timeline, as far as there is room */
	const struct mmsim_choice *replay; /* policy REPLAY; one run */
	size_t nr_replay;
};

/* Shared with the child; one of these serves all searches of a program, one after the other. */
struct explore_shared {
	struct mmsim_explore how; /* of the run that is or was at it */
	struct mmsim_explore again; /* of its repetition */
	uint64_t seed;
	uint64_t runs; /* finished; the default schedule, which comes first, does not count */
	uint64_t total_steps;
	bool exhausted; /* DFS: there are no more schedules */
	bool repeating;
	bool unequal; /* the repetition was another run */
	size_t nr_marks; /* may exceed the room */
	struct mmsim_choice choice[EXPLORE_MAX_CHOICES];
	struct mmsim_mark mark[EXPLORE_MAX_MARKS];
};

enum explore_verdict {
	EXPLORE_PASSED,
	EXPLORE_FAILED,
	EXPLORE_CANNOT, /* no machine, no process */
};

struct explore_outcome {
	enum explore_verdict verdict;
	char name[200]; /* of what is broken; of the same failure always the same */
	char said[EXPLORE_MAX_SAID]; /* by the child on stderr */
	enum mmsim_policy policy; /* REPLAY in a search: the default schedule failed */
	uint32_t depth;
	uint64_t seed;
	uint64_t run; /* 1 is the first; 0: the default schedule */
	uint64_t steps;
	uint64_t hash;
	uint64_t diverged;
	size_t nr_choices;
	bool cut; /* the schedule had no room */
};

/* NULL: no memory. */
struct explore_shared *explore_shared_new(void);

/* Run what is asked for, up to the first failure. The schedule is in shared->choice. */
void explore_run(const struct explore_search *search, struct explore_shared *shared,
		 struct progress *progress, struct explore_outcome *out);

/* What the end of a child says: the failure's name, one line. `status` as of waitpid(). */
void explore_name_failure(const char *said, int status, char *name, size_t len);

/* Identifies the machine that a scenario runs on. */
uint64_t explore_machine_hash(const struct scenario *scenario);

size_t explore_preemptions(const struct mmsim_choice *choice, size_t nr);

/*
 * Drop choices from the schedule of a failure as long as it fails in the same way; preemptions never
 * become more. choice has room for EXPLORE_MAX_CHOICES; returns how many are left. *out: the last failure.
 */
size_t explore_minimize(const struct explore_search *search, struct explore_shared *shared,
			struct mmsim_choice *choice, size_t nr, struct explore_outcome *out);

#endif
