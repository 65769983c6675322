/* SPDX-License-Identifier: MIT */
/*
 * Hindsight about a trace: moves of pages that the kernel made without an event.
 *
 * Kernel counterpart: none; found by replaying a recording and comparing with what came next.
 *
 * Lines of the file, numbers of the trace's lines first:
 *
 *	direct_free LINE PFN ORDER
 *	untraced_alloc LINE1 LINE2 CPU PFN ORDER MIGRATETYPE
 *	unseen_drain LINE1 LINE2 CPU PFN ORDER
 *
 * H1: line1 <= line2; a direct_free has both alike, and UINT32_MAX for its CPU, which its line tells.
 *
 * Locking: none.
 */
#ifndef MM_REPLAY_HINTS_H
#define MM_REPLAY_HINTS_H

#include "reader.h"

/* As mmsim_hints_load() and mmsim_hints_free(). */
int mm_replay_hints_load(const char *path, const struct mmsim_snapshot *snap,
			 struct mmsim_hints **out, struct mmsim_replay_error *err);
void mm_replay_hints_free(struct mmsim_hints *hints);

/* The same of a reader that is open. */
int mm_replay_hints_parse(struct mm_reader *r, const struct mmsim_snapshot *snap,
			  struct mmsim_hints **out);

#endif
