/* SPDX-License-Identifier: MIT */
/*
 * What a tracer says about the events that it lost.
 *
 *   CPU:3 [LOST 123 EVENTS]                               tracefs; without a number where it is not known
 *   CPU:3 [123 EVENTS DROPPED]                            trace-cmd; likewise
 *   task 1000 [001] 7918.2: PERF_RECORD_LOST lost 123     perf
 *   LOST 123 events!                                      perf
 *   # entries-in-buffer/entries-written: 100/223  #P:2    tracefs: the difference was overwritten
 *
 * Kernel counterpart: the missed_events of its ring buffer.
 */
#ifndef MM_REPLAY_LOST_EVENTS_H
#define MM_REPLAY_LOST_EVENTS_H

#include <stddef.h>
#include <stdint.h>

/** Of a line that is no event: how many it says were lost; 1 where it does not say how many. */
uint64_t mm_replay_lost_events(const char *line, size_t len);

#endif
