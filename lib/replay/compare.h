/* SPDX-License-Identifier: MIT */
/*
 * How alike two snapshots are, list by list.
 *
 * Kernel counterpart: none. Within a list, the blocks that both have are in the same order as far as
 * their longest common subsequence goes; since a block is on a list once, that is the longest
 * increasing subsequence of its places in a, taken in the order of b: O(n log n).
 *
 * Both snapshots must stand in the order that their header says; in another they are compared
 * wrongly, but nothing worse.
 *
 * Locking: none.
 */
#ifndef MM_REPLAY_COMPARE_H
#define MM_REPLAY_COMPARE_H

#include <mmsim/replay.h>

/* As mmsim_snapshot_compare(). */
int mm_replay_snapshot_compare(const struct mmsim_snapshot *a, const struct mmsim_snapshot *b,
			       struct mmsim_snapshot_diff *diff);

#endif
