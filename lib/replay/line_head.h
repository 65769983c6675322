/* SPDX-License-Identifier: MIT */
/*
 * What stands in front of an event's name in a line of a trace: a task's name, the CPU, the time.
 *
 * It is read backwards from the name. A task's name may contain anything, brackets, colons and blanks
 * too; what is between the CPU and the event cannot.
 *
 *   my-task-1011  [001] d..1.  7906.113380: mm_page_free:
 *                                           ^ name
 *
 * Kernel counterpart: trace_print_context(), the other way round.
 */
#ifndef MM_REPLAY_LINE_HEAD_H
#define MM_REPLAY_LINE_HEAD_H

#include "event_limits.h"

/**
 * Sets ev->ns and ev->cpu: 1; 0 if the name is part of another word or of another event's text; -EINVAL
 * and *why.
 */
int mm_replay_line_head(const struct mm_event_limits *limits, const char *line, const char *name,
			struct mmsim_trace_event *ev, struct mm_replay_why *why);

#endif
