/* SPDX-License-Identifier: MIT */
/*
 * A trace: the events of a file, in memory.
 *
 * Kernel counterpart: the ring buffer, after it has been read out. Text is read by parse_line.h, the
 * binary format by llfree.h; which of them a file is, its first bytes say.
 *
 * E1: events stand in the order of the file (LLFree: of time), and are at most MM_REPLAY_MAX_EVENTS.
 * E2: each fits the snapshot (event_limits.h, L1).
 * E3: the array is at most twice as long as there are events; a text line is at least 16 bytes per event.
 *
 * Locking: none.
 */
#ifndef MM_REPLAY_EVENTS_H
#define MM_REPLAY_EVENTS_H

#include "reader.h"
#include <mmsim/replay.h>

#define MM_REPLAY_MAX_EVENTS ((size_t)1 << 27)

/** As mmsim_trace_load(). */
int mm_replay_trace_load(const char *path, const struct mmsim_snapshot *snap,
			 struct mmsim_trace **out, struct mmsim_replay_error *err);

/** The same of the text of a reader, which is read to its end. */
int mm_replay_trace_read_text(struct mm_reader *reader, const struct mmsim_snapshot *snap,
			      struct mmsim_trace **out);

/** NULL is allowed. */
void mm_replay_trace_free(struct mmsim_trace *trace);

/** Puts an event that was just read at the end. 0; -ENOMEM, or -EINVAL for one too many. */
int mm_replay_trace_add(struct mm_reader *reader, struct mmsim_trace *trace,
			const struct mmsim_trace_event *ev);

#endif
