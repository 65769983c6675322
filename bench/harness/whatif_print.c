/* SPDX-License-Identifier: MIT */
/* The what-if table. */
#include "bench.h"
#include "grid.h"
#include "report.h"
#include "util.h"

#include <inttypes.h>

/* 7600 is "7.6 ns". */
static void add_value(struct grid *grid, uint64_t value, const char *unit)
{
	char text[32];
	size_t n = (size_t)snprintf(text, sizeof(text), "%" PRIu64 ".%03u", value / 1000,
				    (unsigned)(value % 1000));

	while (text[n - 1] == '0')
		n--;
	n -= text[n - 1] == '.';
	grid_add(grid, "%.*s %s", (int)n, text, unit);
}

/* Of the metric, as it moves: a time that falls is negative. */
static void add_change(struct grid *grid, enum metric_kind kind, double gain)
{
	double change = 100 * (kind == METRIC_RATE ? gain : -gain);

	if (change > -0.005 && change < 0.005)
		grid_add(grid, "0");
	else
		grid_add(grid, "%+.2f %%", change);
}

static void add_heading(struct grid *grid, const struct whatif *w)
{
	grid_add(grid, "figure");
	grid_add(grid, "is");
	grid_add(grid, "if");
	for (unsigned c = 0; c < w->nr_cells; c++)
		grid_add(grid, "%s, %u", w->cell[c].case_name, w->cell[c].threads);
	grid_add(grid, "mean");
}

static void add_row(struct grid *grid, const struct whatif *w, const struct whatif_row *row,
		    enum metric_kind kind)
{
	const struct mmsim_figure_info *info = mmsim_figure_info(row->figure);

	grid_add(grid, "%s", info->name);
	add_value(grid, row->before, info->unit);
	add_value(grid, row->after, info->unit);
	for (unsigned c = 0; c < w->nr_cells; c++)
		add_change(grid, kind, row->gain[c]);
	add_change(grid, kind, row->mean);
}

static unsigned fill(struct grid *grid, const struct whatif *w, enum metric_kind kind)
{
	unsigned rest = 0;

	add_heading(grid, w);
	for (unsigned i = 0; i < w->nr; i++) {
		if (whatif_matters(w, &w->row[i]))
			add_row(grid, w, &w->row[i], kind);
		else
			rest++;
	}
	return rest;
}

static unsigned count_at_limit(const struct whatif *w)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < w->nr; i++)
		nr += w->row[i].before == w->row[i].after;
	return nr;
}

void whatif_print(const struct report *report, bool markdown, FILE *out)
{
	const struct bench *bench = report->session->bench;
	const struct whatif *w = report->session->whatif;
	const char *prefix = markdown ? "- " : "  ";
	struct grid grid;
	unsigned rest;

	if (!w)
		return;
	grid_init(&grid, w->nr_cells + 4, 1);
	rest = fill(&grid, w, bench->metrics[bench->headline].kind);
	fprintf(out, "\n%swhat if one figure were 10 %% cheaper: change of %s\n\n",
		markdown ? "### " : "", bench->metrics[bench->headline].name);
	if (markdown)
		grid_print_markdown(&grid, out);
	else
		grid_print_text(&grid, out);
	fprintf(out,
		"\n%scolumns: case, threads%s; what helps most on the mean of them comes first\n",
		prefix, bench->threads_per_node ? " per node" : "");
	fprintf(out,
		"%s%u figures more change nothing (below %.2f %%), %u of them at their limit\n",
		prefix, rest, 100 * WHATIF_LEAST, count_at_limit(w));
	grid_free(&grid);
}
