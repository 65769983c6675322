/* SPDX-License-Identifier: MIT */
/*
 * The timeline of a virtual run as a trace for Perfetto and chrome://tracing.
 *
 * A process is a node, a thread of it a CPU. On a CPU's track lies a slice "task N" for as long as a task
 * runs there, in it what the task did (chunks, works, waits for locks), which is cut where the task stops
 * and goes on where it runs again. Counters are a process of their own; a value that stays is written once. Times are the machine's clock, in
 * us with three decimals.
 *
 * Written as the marks come: kept are only the slices that are open and one value per counter.
 *
 *  T1: on every CPU's track slices nest, and each that was begun is ended when the file is closed.
 *
 * Locking: none; a virtual machine makes its marks on one thread.
 */
#ifndef BENCH_TIMELINE_H
#define BENCH_TIMELINE_H

#include "json_writer.h"

#include <mmsim/mmsim.h>
#include <stdio.h>

#define TIMELINE_MAX_DEPTH 16
#define TIMELINE_MAX_COUNTERS (4 * MMSIM_MAX_NODES)

/* A task that runs or has slices open. */
struct timeline_task {
	uint32_t task;
	unsigned cpu;
	bool running;
	unsigned depth; /* may exceed the room: what lies deeper is not drawn */
	struct {
		const char *name;
		uint64_t value;
	} open[TIMELINE_MAX_DEPTH];
};

struct timeline_counter {
	const char *name;
	uint64_t ns; /* of its latest value */
	uint64_t value;
};

struct timeline {
	struct json_writer json;
	const struct mmsim_config *cfg;
	uint64_t last_ns; /* the latest mark */
	size_t nr;
	size_t room;
	struct timeline_task *tasks;
	unsigned nr_counters;
	struct timeline_counter counters[TIMELINE_MAX_COUNTERS];
};

/* Begin the document; cfg must live until it ends. */
void timeline_begin(struct timeline *t, FILE *out, const struct mmsim_config *cfg);

/* For mmsim_timeline_set(); ctx is the timeline. */
void timeline_mark(void *ctx, const struct mmsim_mark *mark);

/* A line across all tracks. */
void timeline_instant(struct timeline *t, uint64_t ns, const char *name);

/* Close what is open and end the document; out stays the caller's. */
void timeline_end(struct timeline *t);

#endif
