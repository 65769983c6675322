/* SPDX-License-Identifier: MIT */
/* Exported calls: what exploration needs outside a machine. */
#include "dfs.h"
#include "machine.h"
#include <mmsim/explore.h>

void mmsim_explore_fail(const char *name)
{
	mm_base_broken(name ? name : "invariant", "holds after every step", __FILE__, __LINE__);
}

struct mmsim_dfs *mmsim_dfs_create(void)
{
	return mm_exec_dfs_create();
}

void mmsim_dfs_destroy(struct mmsim_dfs *dfs)
{
	mm_exec_dfs_destroy(dfs);
}

int mmsim_dfs_next(struct mmsim_dfs *dfs)
{
	return mm_exec_dfs_next(dfs);
}
