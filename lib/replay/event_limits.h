/* SPDX-License-Identifier: MIT */
/*
 * What an event of a trace may name: the pages, CPUs, orders and migratetypes of the machine that it
 * is to be replayed on.
 *
 * Kernel counterpart: none; there every event is of the machine that prints it.
 *
 * L1: whatever passes has order <= MMSIM_MAX_PAGE_ORDER, cpu < nr_cpus, and all its pages below max_pfn.
 * L2: max_pfn <= 2^32 and nr_cpus <= 2^16, which are the fields of struct mmsim_trace_event.
 *
 * Locking: none; constant once made.
 */
#ifndef MM_REPLAY_EVENT_LIMITS_H
#define MM_REPLAY_EVENT_LIMITS_H

#include "compiler.h"
#include <mmsim/replay.h>

#define MM_REPLAY_WHY_TEXT 160

/** Why something was refused: "FIELD: reason". */
struct mm_replay_why {
	char text[MM_REPLAY_WHY_TEXT];
};

struct mm_event_limits {
	uint64_t max_pfn;
	uint32_t nr_cpus;
	bool isolate_is_4; /* the kernel was built without CONFIG_CMA */
};

/** snap may be NULL: then anything that fits an event, and the migratetypes of a kernel with CMA. */
void mm_replay_event_limits(struct mm_event_limits *limits, const struct mmsim_snapshot *snap);

/** Writes *why and returns -EINVAL. */
int mm_replay_refuse(struct mm_replay_why *why, const char *format, ...) mm_printf(2, 3);

/** 0, or -EINVAL and *why. */
int mm_replay_check_cpu(const struct mm_event_limits *limits, uint64_t cpu,
			struct mm_replay_why *why);
int mm_replay_check_order(uint64_t order, const char *field, struct mm_replay_why *why);
int mm_replay_check_pfn(const struct mm_event_limits *limits, uint64_t pfn, unsigned order,
			struct mm_replay_why *why);

/** The kernel's number of a migratetype as enum mmsim_migratetype. */
int mm_replay_check_migratetype(const struct mm_event_limits *limits, uint64_t number,
				const char *field, uint8_t *migratetype, struct mm_replay_why *why);

#endif
