/* SPDX-License-Identifier: MIT */
/* What is running and how long it will still take: for a person at a terminal, on stderr. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include "options.h"

struct progress {
	bool on;
	bool terminal; /* redraw one line, instead of one line per cell */
	uint64_t total; /* cells */
	uint64_t done;
	uint64_t start_ns;
};

void progress_start(struct progress *p, enum progress_mode mode, uint64_t total);

/* About to run one cell. */
void progress_cell(struct progress *p, const char *bench, const char *case_name, unsigned threads);

/* That cell is done. */
void progress_done(struct progress *p);

/* Leave the terminal as it was. */
void progress_end(struct progress *p);

#endif
