/* SPDX-License-Identifier: MIT */
/* Rows and columns of short texts. */
#include "grid.h"

#include "util.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void grid_init(struct grid *grid, unsigned columns, unsigned left)
{
	memset(grid, 0, sizeof(*grid));
	grid->columns = columns;
	grid->left = left;
}

void grid_free(struct grid *grid)
{
	free(grid->cell);
	grid->cell = NULL;
}

void grid_add(struct grid *grid, const char *fmt, ...)
{
	va_list ap;

	if (grid->nr == grid->room) {
		grid->room = grid->room ? 2 * grid->room : 64;
		grid->cell = bench_realloc(grid->cell, grid->room, sizeof(*grid->cell));
	}
	va_start(ap, fmt);
	vsnprintf(grid->cell[grid->nr++], GRID_TEXT, fmt, ap);
	va_end(ap);
}

/* Divide nanoseconds until the number is short. */
static const char *scale_time(double *value)
{
	static const char *const name[] = { " ns", " us", " ms", " s" };
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(name) && fabs(*value) >= 1000) {
		*value /= 1000;
		i++;
	}
	return name[i];
}

void grid_add_figure(struct grid *grid, double value, const char *unit)
{
	const char *suffix = "";
	double size;

	if (!isfinite(value)) {
		grid_add(grid, "-");
		return;
	}
	if (!strcmp(unit, "ns"))
		suffix = scale_time(&value);
	size = fabs(value);
	grid_add(grid, "%.*f%s",
		 size >= 1000  ? 0
		 : size >= 100 ? 1
		 : size >= 10  ? 2
			       : 3,
		 value, suffix);
}

static const char *cell_at(const struct grid *grid, size_t row, unsigned column)
{
	return grid->cell[row * grid->columns + column];
}

static size_t rows_of(const struct grid *grid)
{
	return grid->nr / grid->columns;
}

static int width_of(const struct grid *grid, unsigned column)
{
	size_t widest = 0;

	for (size_t row = 0; row < rows_of(grid); row++) {
		size_t n = strlen(cell_at(grid, row, column));

		if (n > widest)
			widest = n;
	}
	return (int)widest;
}

/* A negative width is printf's way to say flush left. */
static void print_cell(const struct grid *grid, size_t row, unsigned column, FILE *out)
{
	int width = width_of(grid, column);

	fprintf(out, "%*s", column < grid->left ? -width : width, cell_at(grid, row, column));
}

void grid_print_text(const struct grid *grid, FILE *out)
{
	for (size_t row = 0; row < rows_of(grid); row++) {
		for (unsigned column = 0; column < grid->columns; column++) {
			if (column > 0)
				fputs("  ", out);
			print_cell(grid, row, column, out);
		}
		fputc('\n', out);
	}
}

static void print_rule(const struct grid *grid, FILE *out)
{
	for (unsigned column = 0; column < grid->columns; column++)
		fputs(column < grid->left ? "|:---" : "|---:", out);
	fputs("|\n", out);
}

void grid_print_markdown(const struct grid *grid, FILE *out)
{
	for (size_t row = 0; row < rows_of(grid); row++) {
		for (unsigned column = 0; column < grid->columns; column++) {
			fputs(column ? " | " : "| ", out);
			print_cell(grid, row, column, out);
		}
		fputs(" |\n", out);
		if (row == 0)
			print_rule(grid, out);
	}
}
