/* SPDX-License-Identifier: MIT */
/*
 * Measures the figures of a machine profile on this host.
 *
 * A probe measures one thing per round; rounds are outermost, so that a slow moment of the host is in
 * all figures alike, and a figure is made of the medians over the rounds. What this host does not
 * have, or does not let a program see, keeps its default, and the profile says why.
 *
 * Locking: none; one run at a time, from one thread, which is bound to CPUs and let go again.
 */
#ifndef BENCH_CALIBRATE_H
#define BENCH_CALIBRATE_H

#include "harness/options.h"

#include <mmsim/config.h>
#include <stdbool.h>
#include <stdio.h>

#define CALIBRATE_MAX_ROUNDS 99

struct calibrate_options {
	unsigned rounds; /* 1 to CALIBRATE_MAX_ROUNDS */
	bool quick; /* less work per round */
	enum progress_mode progress;
};

/* 9 rounds, not quick, progress if stderr is a terminal. */
void calibrate_options_init(struct calibrate_options *opt);

/*
 * Measure. Every figure of cfg is replaced, nothing else of it. ini, unless NULL, receives the profile of
 * this host, its shape included. Returns BENCH_OK; or, after a line on stderr and with cfg unchanged,
 * BENCH_FAILED when the profile cannot be written, BENCH_CANNOT where threads cannot be bound to CPUs.
 */
int calibrate_run(const struct calibrate_options *opt, struct mmsim_config *cfg, FILE *ini);

/* One line per figure: how it is measured. */
void calibrate_list(FILE *out);

#endif
