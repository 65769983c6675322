/* SPDX-License-Identifier: MIT */
/* Tables for people, as aligned text and as Markdown: medians, and the headline's spread. */
#include "report.h"

#include "grid.h"

#include <inttypes.h>

/* Columns in front: case, implementation, threads. */
#define KEY_COLUMNS 3
#define LEFT_COLUMNS 2

/* A metric that nothing has a value of has no column: in virtual mode, what the host would do. */
static bool has_column(const struct report *report, unsigned metric)
{
	const struct bench *bench = report->session->bench;

	if (metric == bench->headline)
		return true;
	for (size_t i = 0; bench->metrics[metric].in_table && i < report->nr; i++)
		if (report->aggregates[i].metric == metric)
			return true;
	return false;
}

/* The headline has its spread beside it. */
static unsigned count_columns(const struct report *report)
{
	unsigned nr = KEY_COLUMNS + 4; /* min, max, speedup, efficiency */

	for (unsigned i = 0; i < report->session->bench->nr_metrics; i++)
		nr += has_column(report, i);
	return nr;
}

static void add_heading(struct grid *grid, const struct report *report)
{
	const struct bench *bench = report->session->bench;

	grid_add(grid, "case");
	grid_add(grid, "impl");
	grid_add(grid, bench->threads_per_node ? "threads/node" : "threads");
	for (unsigned i = 0; i < bench->nr_metrics; i++) {
		if (!has_column(report, i))
			continue;
		grid_add(grid, "%s", bench->metrics[i].name);
		if (i == bench->headline) {
			grid_add(grid, "min");
			grid_add(grid, "max");
		}
	}
	grid_add(grid, "speedup");
	grid_add(grid, "efficiency");
}

/* Do these two share a row? */
static bool same_row(const struct aggregate *a, const struct aggregate *b)
{
	return a->key.threads == b->key.threads && result_same_series(&a->key, &b->key);
}

/* The aggregate of one metric within a row, or one that is empty. */
static struct aggregate find_metric(const struct report *report, size_t row, unsigned metric)
{
	struct aggregate none = { .stats = stats_of(NULL, 0) };

	none.speedup = none.efficiency = none.stats.median;
	for (size_t i = row; i < report->nr; i++) {
		if (!same_row(&report->aggregates[i], &report->aggregates[row]))
			break;
		if (report->aggregates[i].metric == metric)
			return report->aggregates[i];
	}
	return none;
}

static void add_row(struct grid *grid, const struct report *report, size_t row)
{
	const struct bench *bench = report->session->bench;
	const struct result_key *key = &report->aggregates[row].key;
	struct aggregate headline = find_metric(report, row, bench->headline);

	grid_add(grid, "%s", key->case_name);
	grid_add(grid, "%s", key->impl);
	grid_add(grid, "%u", key->threads);
	for (unsigned i = 0; i < bench->nr_metrics; i++) {
		const char *unit = bench->metrics[i].unit;

		if (!has_column(report, i))
			continue;
		grid_add_figure(grid, find_metric(report, row, i).stats.median, unit);
		if (i == bench->headline) {
			grid_add_figure(grid, headline.stats.min, unit);
			grid_add_figure(grid, headline.stats.max, unit);
		}
	}
	grid_add_figure(grid, headline.speedup, "");
	grid_add_figure(grid, headline.efficiency, "");
}

static void build_grid(struct grid *grid, const struct report *report)
{
	grid_init(grid, count_columns(report), LEFT_COLUMNS);
	add_heading(grid, report);
	for (size_t i = 0; i < report->nr; i++)
		if (i == 0 || !same_row(&report->aggregates[i - 1], &report->aggregates[i]))
			add_row(grid, report, i);
}

/* Nothing of the host: the same command prints the same anywhere. */
static void print_virtual_context(const struct report *report, const char *prefix, FILE *out)
{
	const struct bench_session *s = report->session;
	const struct context *c = &s->context;

	fprintf(out, "%smachine: %s (%s), virtual, config %s\n", prefix, c->machine, c->topology,
		c->config_hash);
	fprintf(out, "%sfigures: %s\n", prefix, c->figures);
	fprintf(out, "%slibmmsim %s; seed %" PRIu64 "; medians of %u, %u warm-up\n", prefix,
		c->version, c->seed, s->opt->repeat, s->opt->warmup);
}

/* What a reader must know to judge the figures. prefix begins every line. */
static void print_context(const struct report *report, const char *prefix, FILE *out)
{
	const struct bench_session *s = report->session;
	const struct context *c = &s->context;

	if (s->opt->virtual_time) {
		print_virtual_context(report, prefix, out);
		return;
	}
	fprintf(out, "%shost: %s, %u CPUs, %s\n", prefix, c->host, c->cpus, c->hugepages);
	fprintf(out, "%smachine: %s (%s), native, config %s\n", prefix, c->machine, c->topology,
		c->config_hash);
	fprintf(out, "%slibmmsim %s, %s; seed %" PRIu64 "; medians of %u, %u warm-up\n", prefix,
		c->version, c->build, c->seed, s->opt->repeat, s->opt->warmup);
}

static void print_notes(const struct report *report, const char *prefix, FILE *out)
{
	const struct bench_session *s = report->session;
	const struct bench *bench = s->bench;

	for (unsigned i = 0; i < bench->nr_metrics; i++)
		if (has_column(report, i))
			fprintf(out, "%s%s: %s\n", prefix, bench->metrics[i].name,
				bench->metrics[i].about);
	fprintf(out, "%smin, max, speedup, efficiency: of %s\n", prefix,
		bench->metrics[bench->headline].name);
	fprintf(out, "%s%s\n%s%s\n", prefix, SPEEDUP_TEXT, prefix, EFFICIENCY_TEXT);
	for (unsigned i = 0; i < s->nr_notes; i++)
		fprintf(out, "%s%s\n", prefix, s->note[i]);
}

void report_table(const struct report *report, FILE *out)
{
	const struct bench *bench = report->session->bench;
	struct grid grid;

	build_grid(&grid, report);
	fprintf(out, "%s: %s\n", bench->name, bench->about);
	print_context(report, "  ", out);
	fputc('\n', out);
	grid_print_text(&grid, out);
	fputc('\n', out);
	print_notes(report, "  ", out);
	grid_free(&grid);
}

void report_markdown(const struct report *report, FILE *out)
{
	const struct bench *bench = report->session->bench;
	struct grid grid;

	build_grid(&grid, report);
	fprintf(out, "## %s: %s\n\n", bench->name, bench->about);
	print_context(report, "- ", out);
	fputc('\n', out);
	grid_print_markdown(&grid, out);
	fputc('\n', out);
	print_notes(report, "- ", out);
	grid_free(&grid);
}
