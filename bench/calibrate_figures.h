/* SPDX-License-Identifier: MIT */
/*
 * From what was measured to the figures of a profile, and to its text. Nothing here touches the host.
 *
 *  F1: every figure is within its range and has a source that is one line.
 *  F2: a figure of which something needed was not measured is the default, and its source says why.
 *
 * Locking: none.
 */
#ifndef BENCH_CALIBRATE_FIGURES_H
#define BENCH_CALIBRATE_FIGURES_H

#include "calibrate.h"

#include <mmsim/profile.h>

#define CALIBRATE_IDLE_STEPS 8

/* What is measured, one value per round: ns unless said otherwise. */
enum calibrate_series {
	SERIES_LINE_SMT, /* one way; these four in the order of the figures */
	SERIES_LINE_LLC,
	SERIES_LINE_NODE,
	SERIES_LINE_REMOTE,
	SERIES_LINE_OWN,
	SERIES_RMW, /* with the line */
	SERIES_LOCK_PAIR,
	SERIES_CORE_CACHE, /* KiB */
	SERIES_LLC_SIZE, /* MiB */
	SERIES_LLC_HIT,
	SERIES_DRAM_LOCAL,
	SERIES_DRAM_REMOTE,
	SERIES_STREAM_ONE, /* GB/s, these six */
	SERIES_STREAM_ALL,
	SERIES_ORDINARY_ONE,
	SERIES_ORDINARY_ALL,
	SERIES_CLEAR,
	SERIES_LINK,
	SERIES_SPEED_ONE, /* a loop of arithmetic */
	SERIES_SPEED_ALL, /* with every core busy */
	SERIES_SPEED_SMT, /* with the sibling busy */
	SERIES_PAGE_INIT,
	SERIES_PAGE_PAIR,
	SERIES_ZAP,
	SERIES_TREE,
	SERIES_LIST,
	SERIES_WAKER,
	SERIES_CREATE,
	SERIES_HANDOVER,
	SERIES_EMPTY_WAKE,
	SERIES_SLICE,
	SERIES_TIMER,
	SERIES_IPI_FIRST,
	SERIES_IPI_NEXT,
	SERIES_TLB,
	SERIES_WAKE, /* from the call to running; one per idle time */
	NR_SERIES = SERIES_WAKE + CALIBRATE_IDLE_STEPS
};

struct calibrate_series_data {
	unsigned nr;
	double value[CALIBRATE_MAX_ROUNDS];
	char why[96]; /* why there is nothing; empty: not known */
};

struct calibrate_raw {
	unsigned cpus; /* that stored at the same time in the series of all */
	uint64_t idle_ns[CALIBRATE_IDLE_STEPS]; /* ascending */
	struct calibrate_series_data series[NR_SERIES];
};

struct calibrate_figure {
	uint64_t value; /* thousandths, as in a config */
	bool measured;
	char source[320];
};

/* Texts of [machine]; the first line of each is used. */
struct calibrate_machine {
	char name[64];
	char cpu[160];
	char topology[160];
	bool siblings_last;
	char source[320];
};

/* Values that are not finite, and those above the room, are dropped. */
void calibrate_add(struct calibrate_raw *raw, unsigned series, double value);

/* Why there is nothing in a series: the first reason stays. */
void calibrate_lack(struct calibrate_raw *raw, unsigned series, const char *why);

/* F1, F2. figure has MMSIM_NR_FIGURES elements. */
void calibrate_derive(const struct calibrate_raw *raw, struct calibrate_figure *figure);

/* Rounded to the nearest thousandth, within the figure's range. */
uint64_t calibrate_thousandths(unsigned figure, double value);

/* The profile's text. Returns 0, or -1 when out does not take it. */
int calibrate_write(FILE *out, const struct calibrate_machine *machine,
		    const struct calibrate_figure *figure);

#endif
