/* SPDX-License-Identifier: MIT */
/*
 * The benchmark of the job engine, and how a file of cases plugs into it.
 *
 * A file of cases, jobs_X.c, defines jobs_X_clients[] and jobs_X_nr_clients; bench/meson.build lists the file,
 * jobs.c the array. A cell makes what it measures, measures it, hands the figures to jobs_record() and takes
 * everything down again.
 *
 * The machine of a cell: jobs_machine() gives it one of the session's shape with as much memory as the case
 * needs and no more. A client whose published table is of hundreds of GiB works, in virtual mode, on 1/scale
 * of them (jobs_scale()) and multiplies the times it measured by as much: struct pages are real memory. That
 * is right as far as time is proportional to memory; dispatch, which is not, is scaled up with it.
 */
#ifndef BENCH_JOBS_H
#define BENCH_JOBS_H

#include "harness/bench.h"

#include <mmsim/mmsim.h>

/* The figures of a cell; what each is: docs/benchmarks.md. NaN: this case has none. */
enum jobs_metric {
	J_NS, /* wall time of a job; the headline */
	J_OVER_IDEAL, /* that, times ideal */
	J_WORST, /* time in the worst block / in the median one */
	J_NS_PER_UNIT, /* per item, page or finished unit */
	J_GB_PER_S, /* 1e9 bytes worked on per second */
	J_SPEEDUP, /* time of the same work by plain serial code in the caller, same repetition / J_NS */
	J_CPU, /* CPU time that idle helpers used after a job */
	J_NR
};

/* Settings, for session->setting[]. */
enum jobs_setting {
	JOBS_SET_BLOCKS, /* measured stretches of a cell */
	JOBS_SET_BLOCK_NS, /* how long one of them is to be */
	JOBS_SET_PEERS, /* other engines, too */
	JOBS_SET_MIB, /* natively: memory that a client works on */
	JOBS_SET_SCALE, /* virtual: see above */
	JOBS_NR_SETTINGS
};

/* Where a file's cases mean something. Elsewhere they are no defaults and, asked for, cannot run. */
enum jobs_modes { JOBS_BOTH_MODES, JOBS_VIRTUAL_ONLY, JOBS_NATIVE_ONLY };

/* One case. cell() is as that of struct bench. */
struct jobs_client {
	struct bench_case the_case;
	int (*cell)(struct bench_session *session, unsigned case_index, unsigned threads);
};

/* All NaN. */
void jobs_no_values(double values[J_NR]);

/* bench_record(). */
void jobs_record(struct bench_session *session, unsigned case_index, const char *impl,
		 unsigned threads, const double values[J_NR]);

/*
 * A machine of the session's shape with `bytes` of memory, spread evenly over its nodes; 0: as little as there
 * can be. change(), if not NULL, changes the config before. Returns BENCH_OK or an exit code, with a line on
 * stderr. It is the caller's to destroy.
 */
int jobs_machine(struct bench_session *session, uint64_t bytes,
		 void (*change)(struct mmsim_config *cfg, void *arg), void *arg, struct mmsim **m);

/* What times of a client have to be multiplied by, and memory divided: 1 natively. */
uint64_t jobs_scale(const struct bench_session *session);

/* The index of a case in the array that its file exports. */
unsigned jobs_which(unsigned case_index);

/* Is this session's time virtual? */
bool jobs_virtual(const struct bench_session *session);

/* The benchmark, its table of cases filled in. */
const struct bench *jobs_bench(void);

#endif
