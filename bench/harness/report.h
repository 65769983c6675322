/* SPDX-License-Identifier: MIT */
/* The results of a session in the form that was asked for. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench.h"

#include <stdio.h>

struct report {
	const struct bench_session *session;
	struct aggregate *aggregates;
	size_t nr;
};

void report_init(struct report *report, const struct bench_session *session);
void report_free(struct report *report);

void report_write(const struct report *report, enum bench_format format, FILE *out);

/* The same into a file. Returns 0, or -1 after a line on stderr. */
int report_write_file(const struct report *report, enum bench_format format, const char *path);

/* One function per format. */
void report_table(const struct report *report, FILE *out);
void report_markdown(const struct report *report, FILE *out);
void report_csv(const struct report *report, FILE *out);
void report_json(const struct report *report, FILE *out);
void report_kernel(const struct report *report, FILE *out);

#endif
