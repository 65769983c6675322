/* SPDX-License-Identifier: MIT */
/*
 * A page allocator with the lists of a snapshot, and a snapshot of a page allocator.
 *
 * Counterpart: none; /proc/pagetypeinfo, /proc/zoneinfo and the lists themselves are what is copied.
 *
 *  N1: a restored allocator, taken again at once, gives the snapshot back: lists, order, counters; but
 *      for blocks that contradict their pageblock's type, or whose buddy is free as well.
 *      With another allocator only what is free is the same: lists and per-CPU lists are one.
 *  N2: pages that a snapshot says nothing of are allocated, as single pages: mm_replay_adopt() makes
 *      of them whatever block is freed.
 *
 * Locking: nobody else uses the machine.
 */
#ifndef MM_REPLAY_RESTORE_H
#define MM_REPLAY_RESTORE_H

#include "buddy.h"
#include <mmsim/replay.h>

/* The machine of a snapshot, without lists. 0, or -EINVAL with *err. */
int mm_replay_snapshot_config(const struct mmsim_snapshot *snap, struct mmsim_config *cfg,
			      struct mmsim_replay_error *err);

/*
 * Are the blocks, lists and pageblocks of the snapshot within the machine's zones, and no page in two
 * of them? 0, -ENOMEM, or -EINVAL with *err. The zones are there.
 */
int mm_replay_snapshot_check(const struct mm_buddy *b, const struct mmsim_snapshot *snap,
			     struct mmsim_replay_error *err);

/* Struct pages are initialised; whatever is on the lists is forgotten. 0, or -EINVAL with *err: nothing was done. */
int mm_replay_restore(struct mm_buddy *b, const struct mmsim_snapshot *snap,
		      struct mmsim_replay_error *err);

/* 0 or -ENOMEM. */
int mm_replay_snapshot_take(struct mm_buddy *b, struct mmsim_snapshot **out);

/*
 * Make the allocated pages [page, page + 2^order) one allocated block, however they were allocated.
 * False: some of them are free; nothing was done.
 */
bool mm_replay_adopt(const struct mm_buddy *b, struct mmsim_page *page, unsigned order);

#endif
