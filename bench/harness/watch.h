/* SPDX-License-Identifier: MIT */
/*
 * What is looked at while a virtual machine is measured: its locks, and its timeline.
 *
 * Nothing happens without --locks or --trace, which only virtual mode has. Looking changes no figure.
 *
 * Locking: none; a virtual machine's tasks run on one thread.
 */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include "timeline.h"

#define WATCH_MAX_LOCKS 64

struct bench_session;
struct report;

/* One kind of lock in one cell. */
struct watch_lock {
	unsigned case_index;
	unsigned threads;
	struct mmsim_lock_info info; /* during what was measured */
	double share; /* of the time of all CPUs that worked, waited */
};

struct watch_books {
	unsigned nr;
	struct mmsim_lock_info lock[WATCH_MAX_LOCKS];
};

struct watch {
	struct mmsim *m; /* NULL: not watching now */
	struct watch_books before, after;
	bool has_after;
	size_t nr;
	size_t room;
	struct watch_lock *locks; /* of the first repetition of every cell, as measured */
	FILE *trace; /* open during the last cell */
	struct timeline timeline;
	bool trace_failed; /* and has been told */
};

/*
 * A cell is about to run on m, and has run. cpu_ns: time of all CPUs that worked on what was measured, by
 * the machine's clock.
 */
void watch_start(struct bench_session *session, struct mmsim *m);
void watch_stop(struct bench_session *session, unsigned case_index, unsigned threads,
		double cpu_ns);

/* Where only a part of the cell is measured: it begins, it ends. May be called from a task. */
void watch_measured_begin(struct bench_session *session);
void watch_measured_end(struct bench_session *session);

/* What of `after` is not in `before`, which lacks the kinds that came later. */
void watch_difference(const struct watch_books *before, struct watch_books *after);

/* Frees everything. */
void watch_close(struct watch *watch);

/* The locks that were taken, as a table; nothing without any. */
void watch_print(const struct report *report, bool markdown, FILE *out);

#endif
