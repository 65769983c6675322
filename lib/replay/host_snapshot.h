/* SPDX-License-Identifier: MIT */
/*
 * A snapshot of the kernel that runs here, from what /proc shows.
 *
 * Kernel counterpart: stable_page_flags() of fs/proc/page.c. Free blocks are found as runs of pages with
 * KPF_BUDDY, cut greedily into the largest naturally aligned blocks: a free block never has its free
 * buddy beside it, so but for what changes meanwhile these are the blocks. It takes a kernel that sets
 * the bit on all pages of a block; old ones set it on the first only, and then orders are not to be had.
 *
 * Locking: none.
 */
#ifndef MM_REPLAY_HOST_SNAPSHOT_H
#define MM_REPLAY_HOST_SNAPSHOT_H

#include <mmsim/replay.h>

/* As mmsim_snapshot_host(). */
int mm_replay_snapshot_host(struct mmsim_snapshot **out, struct mmsim_replay_error *err);

/* The same of another root that has a proc directory; "" is the host's. */
int mm_replay_snapshot_host_at(const char *root, struct mmsim_snapshot **out,
			       struct mmsim_replay_error *err);

#endif
