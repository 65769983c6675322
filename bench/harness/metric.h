/* SPDX-License-Identifier: MIT */
/* What a figure that a benchmark reports is: its name, its unit, and what "faster" means for it. */
#ifndef BENCH_METRIC_H
#define BENCH_METRIC_H

#include <stdbool.h>

enum metric_kind {
	METRIC_PLAIN, /* a ratio, a size, a cost of something else: has no speedup */
	METRIC_TIME, /* time for a fixed amount of work, shared by the threads */
	METRIC_THREAD_TIME, /* time for an amount of work that every thread does */
	METRIC_RATE, /* work per time, of all threads together */
};

struct bench_metric {
	const char *name;
	const char *unit; /* "ns" is written as an integer */
	enum metric_kind kind;
	bool in_table; /* a column of the tables for people */
	const char *about;
};

/* What the two derived columns mean; every format that has them says so. */
#define SPEEDUP_TEXT \
	"speedup = time for the same work at the smallest thread count of the case / time here"
#define EFFICIENCY_TEXT "efficiency = speedup / (threads / smallest thread count)"

#endif
