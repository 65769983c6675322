/* SPDX-License-Identifier: MIT */
/*
 * Recordings of real kernels, replayed: how exactly, and how fast.
 *
 * A case is a recording. Each measurement makes a machine, gives it the recorded lists, and replays the
 * trace; a second one then replays it free-running, for how far apart that ends.
 */
#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

#include "replay_list.h"
#include "replay_metrics.h"
#include "replay_options.h"
#include "replay_outcome.h"

struct replay {
	struct bench bench;
	struct replay_options opt;
	struct bench_case cases[REPLAY_MAX_RECORDINGS];
	struct replay_source source[REPLAY_MAX_RECORDINGS];
	struct replay_outcome outcome[REPLAY_MAX_RECORDINGS]; /* of the newest repetition */
	double free_tv[REPLAY_MAX_RECORDINGS]; /* NaN: not known */
	char impl[2][128]; /* [free_running] */
	struct replay_input input;
	unsigned loaded; /* whose input it is, plus 1; 0: nobody's */
	struct replay_list list;
};

/* From the options to the benchmark. opt must live as long; session->priv is to be the replay. */
void replay_init(struct replay *r, const struct replay_options *opt);
void replay_free(struct replay *r);

/* BENCH_FAILED, with a line on stderr, if what has to be exact was not. */
int replay_check(const struct bench_session *session);

/* Under the harness's table: what it has no columns for, and kernel | simulated side by side. */
void replay_print(const struct bench_session *session, bool markdown, FILE *out);

#endif
