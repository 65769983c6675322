/* SPDX-License-Identifier: MIT */
/* Rows and columns of short texts, printed aligned or as Markdown. The first row is the heading. */
#ifndef BENCH_GRID_H
#define BENCH_GRID_H

#include <stddef.h>
#include <stdio.h>

#define GRID_TEXT 48

struct grid {
	unsigned columns;
	unsigned left; /* so many columns are flush left, the others right */
	size_t nr; /* cells */
	size_t room;
	char (*cell)[GRID_TEXT];
};

void grid_init(struct grid *grid, unsigned columns, unsigned left);
void grid_free(struct grid *grid);

/* Fill the next cell, row by row. Text that is too long is cut. */
void grid_add(struct grid *grid, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A figure with about four digits and, for "ns", the unit that keeps it short. "-" if none. */
void grid_add_figure(struct grid *grid, double value, const char *unit);

void grid_print_text(const struct grid *grid, FILE *out);
void grid_print_markdown(const struct grid *grid, FILE *out);

#endif
