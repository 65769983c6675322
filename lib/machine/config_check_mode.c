/* SPDX-License-Identifier: MIT */
/*
 * What only some modes read of a config: the figures, and how to explore.
 */
#include "config_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define MAX_LABEL 32
#define MAX_DEPTH 1000 /* of PCT: races need two or three */
#define REFUSE(note, ...) mm_machine_refuse(note, -EINVAL, __VA_ARGS__)

int mm_machine_check_figures(const struct mmsim_config *cfg, struct mm_machine_note note)
{
	int err = 0;

	if (cfg->mode != MMSIM_VIRTUAL)
		return 0;
	for (unsigned int i = 0; i < MMSIM_NR_FIGURES && !err; i++) {
		char label[MAX_LABEL];

		snprintf(label, sizeof(label), "figure[%s]", mmsim_figure_info(i)->name);
		err = mm_machine_check_figure(note, label, i, cfg->figure[i]);
	}
	return err;
}

static int check_replay(const struct mmsim_explore *explore, struct mm_machine_note note)
{
	uint64_t last = 0;

	if (explore->nr_replay && !explore->replay)
		return REFUSE(note, "explore->nr_replay: %zu, but replay is NULL",
			      explore->nr_replay);
	for (size_t i = 0; i < explore->nr_replay; i++) {
		if (explore->replay[i].step <= last)
			return REFUSE(note,
				      "explore->replay[%zu].step: %" PRIu64
				      " is not above %" PRIu64,
				      i, explore->replay[i].step, last);
		last = explore->replay[i].step;
	}
	return 0;
}

int mm_machine_check_explore(const struct mmsim_config *cfg, struct mm_machine_note note)
{
	const struct mmsim_explore *explore = cfg->explore;

	if (cfg->mode != MMSIM_EXPLORE)
		return 0;
	if (!explore)
		return REFUSE(note, "explore: NULL, but the mode needs it");
	if (explore->policy > MMSIM_POLICY_REPLAY)
		return REFUSE(note, "explore->policy: %u is above %d", explore->policy,
			      MMSIM_POLICY_REPLAY);
	if (explore->policy == MMSIM_POLICY_PCT && !explore->depth)
		return REFUSE(note, "explore->depth: 0, but PCT needs 1 or more");
	if (explore->policy == MMSIM_POLICY_PCT && explore->depth > MAX_DEPTH)
		return REFUSE(note, "explore->depth: %u is above %d", explore->depth, MAX_DEPTH);
	if (explore->policy == MMSIM_POLICY_DFS && !explore->dfs)
		return REFUSE(note, "explore->dfs: NULL, but DFS needs it");
	if (explore->choice_room && !explore->choice)
		return REFUSE(note, "explore->choice_room: %zu, but choice is NULL",
			      explore->choice_room);
	return check_replay(explore, note);
}
