/* SPDX-License-Identifier: MIT */
/*
 * One line of a trace, as any of the tools prints it, to an event.
 *
 *   [001] 0.181389123: mm_page_free: pfn=0x22c444 order=0                            a recording
 *       my-task-1011  [001] d..1.  7906.113380: mm_page_free: page=... pfn=... order=0      tracefs
 *       my-task-1011  [001]  7906.113380123: mm_page_free:     page=... pfn=... order=0  trace-cmd
 *       my task  1000 [001]  7918.284509:   kmem:mm_page_free: page=... pfn=... order=0       perf
 *
 * Kernel counterpart: the TP_printk() of include/trace/events/kmem.h, read backwards.
 *
 * An event is found by its name and the time before it, so what stands in front of the CPU, which is
 * a task's name, may be anything. Fields may come in any order; those that a replay does not need
 * (page, pageblock_order, fragmenting, what other kernels add) are skipped unread.
 *
 * P1: a line that names one of the six events, with or without "kmem:", is read completely or refused;
 *     not so where the name stands in a comment ('#') or in the text of another event.
 * P2: an event that is handed out fits p->limits (event_limits.h, L1).
 *
 * Locking: none; a parser belongs to one reader.
 */
#ifndef MM_REPLAY_PARSE_LINE_H
#define MM_REPLAY_PARSE_LINE_H

#include "event_limits.h"
#include "gfp_names.h"

struct mm_line_parser {
	struct mm_event_limits limits;
	struct mm_gfp_memo memo;
	uint64_t lost; /* events, as the lines so far say */
	uint64_t unknown_gfp; /* names */
	struct mm_replay_why why; /* after -EINVAL */
};

/** All zeroes and limits make a parser. 1: *ev, but for ev->line; 0: no such event; -EINVAL. */
int mm_replay_parse_line(struct mm_line_parser *p, const char *line, size_t len,
			 struct mmsim_trace_event *ev);

#endif
