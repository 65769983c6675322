/* SPDX-License-Identifier: MIT */
/*
 * The store of everything measured, one run per repetition, and what is computed from it.
 *
 * A store knows one list of metrics; a run has one value for each, NaN where it has none. Strings
 * in keys are not copied: they must live as long as the store.
 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include "metric.h"
#include "stats.h"

struct result_key {
	const char *bench;
	const char *case_name;
	const char *impl; /* "mmsim" or the name of a peer */
	const char *mode;
	const char *machine;
	unsigned threads;
};

struct result_run {
	struct result_key key;
	unsigned rep;
};

struct results {
	const struct bench_metric *metrics;
	unsigned nr_metrics;
	size_t nr;
	size_t room;
	struct result_run *runs;
	double *values; /* nr x nr_metrics */
};

/* All repetitions of one key, one metric. */
struct aggregate {
	struct result_key key;
	unsigned metric; /* index into results.metrics */
	struct stats stats;
	double speedup; /* NaN for metrics that have none */
	double efficiency;
};

void results_init(struct results *r, const struct bench_metric *metrics, unsigned nr_metrics);
void results_free(struct results *r);

/* Append one run with its nr_metrics values. */
void results_add(struct results *r, const struct result_key *key, unsigned rep,
		 const double *values);

/* The value of one metric of one run. */
double results_value(const struct results *r, size_t run, unsigned metric);

/* Equal but for the number of threads? */
bool result_same_series(const struct result_key *a, const struct result_key *b);

/*
 * Aggregates in reading order: cases and implementations as they first appeared, threads ascending,
 * metrics as declared; keys without a value for a metric are left out. *out is to be freed.
 */
size_t results_aggregate(const struct results *r, struct aggregate **out);

#endif
