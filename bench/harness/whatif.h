/* SPDX-License-Identifier: MIT */
/*
 * What if one thing of the machine were 10 % cheaper? The same cells again, once per figure.
 *
 * Measured is every selected case at its largest thread count, one repetition, each figure on a machine of
 * its own; the values to compare with are taken in the same way, with no figure changed. `gain` is by how
 * much the headline metric gets better: its time falls, or its rate rises. Figures are ranked by the mean
 * gain over the cases. Choices (lock_kind) are left out.
 *
 * Locking: none; one thread.
 */
#ifndef BENCH_WHATIF_H
#define BENCH_WHATIF_H

#include "results.h"

#include <mmsim/config.h>
#include <stdbool.h>
#include <stdio.h>

#define WHATIF_MAX_CELLS 64
#define WHATIF_LEAST 0.0005 /* a gain or loss below it, in every case, is no effect */

struct bench_session;
struct report;

struct whatif_row {
	unsigned figure;
	uint64_t before, after; /* thousandths; the same: at its limit, not measured */
	double gain[WHATIF_MAX_CELLS]; /* a share, one per cell */
	double mean; /* of them */
};

struct whatif {
	unsigned nr_cells; /* 0: not asked for */
	struct {
		const char *case_name;
		unsigned threads;
		double base; /* headline, no figure changed */
	} cell[WHATIF_MAX_CELLS];
	unsigned nr;
	struct whatif_row row[MMSIM_NR_FIGURES];
};

/* The figure 10 % cheaper, within its limits; the same for a choice and for what is at its limit. */
uint64_t whatif_cheaper(unsigned figure, uint64_t value);

double whatif_gain(enum metric_kind kind, double base, double value);

/* Best first; among equals the figure declared first. Fills the means. */
void whatif_rank(struct whatif *w);

/* Does it change anything? */
bool whatif_matters(const struct whatif *w, const struct whatif_row *row);

/* Fill session->whatif. Returns BENCH_OK or an exit code, with a line on stderr. */
int whatif_run(struct bench_session *session);

/* As a table; nothing if it was not asked for. */
void whatif_print(const struct report *report, bool markdown, FILE *out);

#endif
