/* SPDX-License-Identifier: MIT */
/*
 * Shorter schedules that still fail.
 *
 * Delta debugging (Zeller and Hildebrandt, 2002) over the choices: leave out ever smaller pieces, each
 * try in a child of its own. What a try recorded, not what it was told, is the next schedule: choices
 * that could not be followed and those after the failure are gone from it.
 */
#include "explore_run.h"

#include "harness/util.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TRIES = 1000 };

struct shrink {
	struct explore_search search;
	struct explore_shared *shared;
	struct explore_outcome *out; /* of the shortest so far */
	struct explore_outcome *trial;
	char name[sizeof(((struct explore_outcome *)0)->name)];
	struct mmsim_choice *best;
	size_t nr;
	struct mmsim_choice *attempt;
	unsigned tries;
};

/* `attempt` has nr choices: is it a better schedule of the same failure? Then it becomes the best. */
static bool improves(struct shrink *s, size_t nr)
{
	const struct mmsim_choice *got = s->shared->choice;
	size_t had = explore_preemptions(s->best, s->nr), has;

	s->tries++;
	s->search.replay = s->attempt;
	s->search.nr_replay = nr;
	explore_run(&s->search, s->shared, NULL, s->trial);
	if (s->trial->verdict != EXPLORE_FAILED || strcmp(s->trial->name, s->name) || s->trial->cut)
		return false;
	has = explore_preemptions(got, s->trial->nr_choices);
	if (has > had || (has == had && s->trial->nr_choices >= s->nr))
		return false;
	s->nr = s->trial->nr_choices;
	memcpy(s->best, got, s->nr * sizeof(*got));
	*s->out = *s->trial;
	return true;
}

/* Leave out `size` of those choices that count, from the first-th of them on. False: there are none. */
static bool leave_out(struct shrink *s, bool preemptions, size_t first, size_t size, size_t *nr)
{
	size_t seen = 0, n = 0;

	for (size_t i = 0; i < s->nr; i++) {
		bool counts = !preemptions || s->best[i].preempted;

		if (counts && seen++ >= first && seen <= first + size)
			continue;
		s->attempt[n++] = s->best[i];
	}
	*nr = n;
	return n < s->nr;
}

/* One sweep with pieces of a size. */
static bool sweep(struct shrink *s, bool preemptions, size_t size)
{
	bool better = false;
	size_t first = 0, nr;

	while (s->tries < MAX_TRIES && leave_out(s, preemptions, first, size, &nr)) {
		if (improves(s, nr))
			better = true;
		else
			first += size;
	}
	return better;
}

static void shrink(struct shrink *s, bool preemptions)
{
	size_t size = (s->nr + 1) / 2;

	while (s->nr && s->tries < MAX_TRIES) {
		bool better = sweep(s, preemptions, size);

		if (size == 1 && !better)
			return;
		if (size > 1)
			size /= 2;
	}
}

size_t explore_minimize(const struct explore_search *search, struct explore_shared *shared,
			struct mmsim_choice *choice, size_t nr, struct explore_outcome *out)
{
	struct shrink s = {
		.search = *search,
		.shared = shared,
		.out = out,
		.trial = bench_calloc(1, sizeof(*s.trial)),
		.best = choice,
		.nr = nr,
		.attempt = bench_calloc(nr + 1, sizeof(*choice)),
	};

	s.search.policy = MMSIM_POLICY_REPLAY;
	s.search.seed = out->seed;
	s.search.twice = false;
	s.search.marks = false;
	bench_copy(s.name, sizeof(s.name), out->name);
	shrink(&s, true);
	shrink(&s, false);
	free(s.attempt);
	free(s.trial);
	return s.nr;
}
