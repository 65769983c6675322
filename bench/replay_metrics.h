/* SPDX-License-Identifier: MIT */
/* The figures of a replay: what they are called, and how they are computed. */
#ifndef BENCH_REPLAY_METRICS_H
#define BENCH_REPLAY_METRICS_H

#include "replay_outcome.h"

#define REPLAY_HEADLINE 0 /* exact_share */
#define REPLAY_NR_METRICS (40 + MMSIM_NR_MISMATCHES)

/* All of them. The last are one per kind of mismatch, as the library names these. */
const struct bench_metric *replay_metrics(void);

/* One value per metric, NaN where there is none. free_tv: the distance of a free-running replay. */
void replay_metrics_fill(const struct replay_input *in, const struct replay_outcome *out,
			 double free_tv, double *value);

/* part / whole, or NaN of nothing. */
double replay_share(uint64_t part, uint64_t whole);

/* What a kind of mismatch means. */
const char *replay_mismatch_about(unsigned kind);

#endif
