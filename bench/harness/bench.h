/* SPDX-License-Identifier: MIT */
/*
 * What a benchmark is, and the program around it.
 *
 * A benchmark describes itself with a constant struct bench and measures one cell at a time: one
 * case, one thread count, one repetition. The harness does the rest: options, the machine's config,
 * warm-up, the order (repetitions outermost, so that a host that slows down slows all cells alike),
 * statistics, formats, exit codes.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "metric.h"
#include "session.h"

#include <stdint.h>

struct bench_case {
	const char *name;
	const char *about;
	bool by_default; /* runs without --case */
	unsigned threads; /* runs at this count only; 0: at all counts of --threads */
};

/* A number that --set NAME=VALUE changes. */
struct bench_setting {
	const char *name;
	uint64_t value; /* default */
	const char *about;
	uint64_t in_virtual; /* default in virtual mode, where nothing is noise; 0: the same */
};

struct bench {
	const char *name;
	const char *about;
	const struct bench_case *cases;
	unsigned nr_cases;
	const struct bench_metric *metrics;
	unsigned nr_metrics;
	unsigned headline; /* the metric that matters: spread in tables, time in --format kernel */
	const char *baseline; /* case whose row is t0 in --format kernel; NULL: fewest threads */
	const struct bench_setting *settings;
	unsigned nr_settings;
	const char *default_threads;
	unsigned most_threads; /* even if they share CPUs; 0: as many as there are CPUs */
	bool threads_per_node; /* 100 % are the CPUs of a node, not of the machine */
	uint64_t default_memory; /* 0: what the machine's shape has */
	uint64_t virtual_memory; /* the same in virtual mode; 0: default_memory */

	/*
	 * Build what all cells share; may change session->machine.cfg before creating a machine
	 * from it. start and cell return BENCH_OK or, through bench_fail(), an exit code.
	 */
	int (*start)(struct bench_session *session);
	/*
	 * Measure one cell and bench_record() it, between watch_start() and watch_stop(). Called for
	 * warm-up too. In virtual mode all times are the machine's, mmsim_now(), and what can only
	 * be measured on the host is NaN.
	 */
	int (*cell)(struct bench_session *session, unsigned case_index, unsigned threads);
	/* Write notes, take down. Also called after start() or cell() failed. */
	void (*finish)(struct bench_session *session);
};

/* Hand in the values of a cell, one per metric, NaN where there is none. Warm-up is dropped. */
void bench_record(struct bench_session *session, unsigned case_index, const char *impl,
		  unsigned threads, const double *values);

/* A line that goes under the tables. */
void bench_note(struct bench_session *session, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Text of the benchmark's own that goes above the tables in --format kernel. */
void bench_text(struct bench_session *session, const char *text);

/* Say on stderr why the program ends; returns code. */
int bench_fail(const struct bench_session *session, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* For mmsim_config.log: lines go to stderr. ctx is the session. */
void bench_log(void *ctx, const char *line);

/* A whole program with this one benchmark. */
int bench_main(int argc, char **argv, const struct bench *bench);

#endif
