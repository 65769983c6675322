/* SPDX-License-Identifier: MIT */
/* Depth-first search over schedules. */
#include "dfs.h"

#include "check.h"
#include <stdlib.h>

#define FIRST_ROOM 256

struct mmsim_dfs *mm_exec_dfs_create(void)
{
	struct mmsim_dfs *dfs = calloc(1, sizeof(*dfs));

	if (!dfs)
		return NULL;
	dfs->room = FIRST_ROOM;
	dfs->step = calloc(dfs->room, sizeof(*dfs->step));
	if (dfs->step)
		return dfs;
	free(dfs);
	return NULL;
}

void mm_exec_dfs_destroy(struct mmsim_dfs *dfs)
{
	if (!dfs)
		return;
	free(dfs->step);
	free(dfs);
}

int mm_exec_dfs_next(struct mmsim_dfs *dfs)
{
	while (dfs->nr && dfs->step[dfs->nr - 1].taken + 1 >= dfs->step[dfs->nr - 1].nr)
		dfs->nr--;
	dfs->at = 0;
	if (!dfs->nr)
		return 0;
	dfs->step[dfs->nr - 1].taken++;
	return 1;
}

static bool make_room(struct mmsim_dfs *dfs)
{
	struct mm_dfs_step *more;

	if (dfs->nr < dfs->room)
		return true;
	more = realloc(dfs->step, 2 * dfs->room * sizeof(*more));
	if (!more)
		return false;
	dfs->step = more;
	dfs->room *= 2;
	return true;
}

uint32_t mm_exec_dfs_choose(struct mmsim_dfs *dfs, uint32_t nr)
{
	if (dfs->at == dfs->nr) {
		if (!make_room(dfs))
			return 0;
		dfs->step[dfs->nr++] = (struct mm_dfs_step){ .nr = nr };
	}
	mm_invariant("D1: the same choices lead to the same step", dfs->step[dfs->at].nr == nr);
	return dfs->step[dfs->at++].taken;
}
