/* SPDX-License-Identifier: MIT */
/*
 * The model held against the host: every benchmark natively and in virtual time, on a profile of this
 * host that was measured in the same run.
 *
 * The profile comes from calibrate's probes, of which page_init and page_op are one-thread figures of
 * the benchmarks' own operations: for the cases that do nothing else (marked in the table) one thread
 * proves only that the charges add up. Everything else is a prediction.
 */
#ifndef BENCH_COMPARE_MODEL_H
#define BENCH_COMPARE_MODEL_H

#include "harness/report.h"

#define MODEL_MAX_ROWS 128

struct model_row {
	const struct bench *bench;
	struct result_key key; /* strings: the benchmark's own */
	double native, min, max; /* of the headline metric */
	double predicted; /* NaN: not yet */
};

struct model {
	struct model_row row[MODEL_MAX_ROWS];
	size_t nr;
};

/* The native runs. */
struct model_runs {
	const struct bench *const *benches;
	size_t nr;
	const struct options *opt;
	int argc;
	char **argv;
};

/* What a native session gave. */
void model_add_native(struct model *model, const struct report *report);

/*
 * Calibrate, run each benchmark of the list in virtual time with the memory that it had natively, and
 * print the table. Returns BENCH_OK or an exit code, after a line on stderr.
 */
int model_run(struct model *model, const struct model_runs *runs, FILE *out);

/* The table again. */
void model_print(const struct model *model, FILE *out);

#endif
