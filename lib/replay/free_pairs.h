/* SPDX-License-Identifier: MIT */
/*
 * Which mm_page_free and mm_page_free_batched are one free: a page that is freed in a batch has both.
 *
 * Kernel counterpart: free_unref_folios(), which reports first each folio and later the batch.
 *
 * F1: a FREE has flag set if the next event of its pfn is a FREE_BATCHED on its CPU.
 *
 * Cost: O(events) for traces of real machines; 12 bytes per page freed and 4 to 8 per free.
 */
#ifndef MM_REPLAY_FREE_PAIRS_H
#define MM_REPLAY_FREE_PAIRS_H

#include <mmsim/replay.h>

/** Sets flags (F1) and unpaired_batched. 0 or -ENOMEM. */
int mm_replay_pair_frees(struct mmsim_trace *trace);

#endif
