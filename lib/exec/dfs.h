/* SPDX-License-Identifier: MIT */
/*
 * Depth-first search over schedules: what each step offered and what was taken of it.
 *
 * A run repeats the choices of the one before up to the last step that has something left, takes the
 * next there, and the first everywhere after. Counterpart: none; as the search of CHESS (Musuvathi
 * and Qadeer, PLDI 2007), whose bound counts preemptions.
 *
 *  D1: below `at` the steps are those of this run; from there on those of the one before.
 *
 * Locking: none: one machine at a time.
 */
#ifndef MM_EXEC_DFS_H
#define MM_EXEC_DFS_H

#include <mmsim/explore.h>
#include <stdbool.h>

struct mmsim_dfs {
	struct mm_dfs_step {
		uint32_t taken; /* 0 is what would go on by itself */
		uint32_t nr;
	} * step;
	size_t nr, room;
	size_t at;
};

/* The search outlives machines: its memory is no machine's. See include/mmsim/explore.h. */
struct mmsim_dfs *mm_exec_dfs_create(void);
void mm_exec_dfs_destroy(struct mmsim_dfs *dfs);
int mm_exec_dfs_next(struct mmsim_dfs *dfs);

/* This step has nr > 0 alternatives: which one? A search that cannot remember takes the first. */
uint32_t mm_exec_dfs_choose(struct mmsim_dfs *dfs, uint32_t nr);

#endif
