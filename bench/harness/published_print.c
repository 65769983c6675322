/* SPDX-License-Identifier: MIT */
/* Published | predicted | error, as aligned text and as Markdown. */
#include "published.h"

#include "grid.h"
#include "published_find.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where what is printed goes, and how its lines begin. */
struct sink {
	FILE *out;
	bool markdown;
	const char *note;
	const char *heading;
};

static struct sink sink_of(enum bench_format format, FILE *out)
{
	bool markdown = format == FORMAT_MARKDOWN;

	return (struct sink){ out, markdown, markdown ? "- " : "  ", markdown ? "### " : "" };
}

static void print_grid(const struct sink *s, struct grid *grid)
{
	fputc('\n', s->out);
	if (s->markdown)
		grid_print_markdown(grid, s->out);
	else
		grid_print_text(grid, s->out);
	fputc('\n', s->out);
	grid_free(grid);
}

static void add_value(struct grid *grid, double value, int decimals)
{
	if (isfinite(value))
		grid_add(grid, "%.*f", decimals, value);
	else
		grid_add(grid, "-");
}

static void add_percent(struct grid *grid, double share)
{
	if (isfinite(share))
		grid_add(grid, "%+.1f", 100 * share);
	else
		grid_add(grid, "-");
}

static void add_remark(struct grid *grid, const struct published_table *table, unsigned row)
{
	unsigned threads = table->row[row].threads;

	if (threads == table->calibrated)
		grid_add(grid, "calibrated on%s%s", table->calibrated_of[0] ? " that of " : "",
			 table->calibrated_of);
	else
		grid_add(grid, "%s", threads == 0 && !table->row0_threads ? "one thread" : "");
}

static void add_row(struct grid *grid, const struct published_score *score, unsigned row)
{
	const struct published_table *table = &score->table;
	int decimals = table->decimals;

	grid_add(grid, "%u", table->row[row].threads);
	add_value(grid, table->row[row].value, decimals);
	add_value(grid, table->row[row].sd, decimals);
	add_value(grid, score->predicted[row], decimals ? decimals : 1);
	add_percent(grid, published_error(score, row));
	add_remark(grid, table, row);
}

static void print_rows(const struct sink *s, const struct published_score *score)
{
	const char *unit = score->table.unit;
	struct grid grid;

	grid_init(&grid, 6, 0);
	grid_add(&grid, "threads");
	grid_add(&grid, "published %s", unit);
	grid_add(&grid, "sd");
	grid_add(&grid, "predicted %s", unit);
	grid_add(&grid, "error %%");
	grid_add(&grid, "not counted");
	for (unsigned i = 0; i < score->table.nr_rows; i++)
		add_row(&grid, score, i);
	print_grid(s, &grid);
}

static void print_errors(const struct sink *s, const struct published_score *score)
{
	fprintf(s->out, "%s%u of %u rows predicted, %u counted\n", s->note, score->nr_predicted,
		score->table.nr_rows, score->nr_counted);
	if (score->nr_counted)
		fprintf(s->out, "%s|error|: mean %.1f %%, worst %.1f %% (%+.1f %% at %u threads)\n",
			s->note, 100 * score->mean, 100 * fabs(score->worst), 100 * score->worst,
			score->table.row[score->worst_row].threads);
}

static void print_ranking(const struct sink *s, const struct published_score *score)
{
	const struct published_table *t = &score->table;
	unsigned a = score->disagreed[0];
	unsigned b = score->disagreed[1];
	int decimals = t->decimals ? t->decimals : 1;

	fprintf(s->out, "%sranking: %u of %u pairs agree", s->note, score->agreed, score->pairs);
	if (score->agreed < score->pairs)
		fprintf(s->out,
			"; the first that does not: %u and %u threads, published %.*f and %.*f, "
			"predicted %.*f and %.*f",
			t->row[a].threads, t->row[b].threads, t->decimals, t->row[a].value,
			t->decimals, t->row[b].value, decimals, score->predicted[a], decimals,
			score->predicted[b]);
	fputc('\n', s->out);
}

static void print_knee(const struct sink *s, const struct published_score *score)
{
	const struct published_row *row = score->table.row;

	if (score->knee_published == PUBLISHED_NONE)
		return;
	fprintf(s->out, "%sknee: published at %u threads, predicted at %u: ", s->note,
		row[score->knee_published].threads, row[score->knee_predicted].threads);
	if (score->knee_steps == 0)
		fputs("the same\n", s->out);
	else
		fprintf(s->out, "%u row%s apart\n", score->knee_steps,
			score->knee_steps == 1 ? "" : "s");
}

static void print_score(const struct sink *s, const struct published_score *score)
{
	const struct published_table *t = &score->table;

	fprintf(s->out, "\n%spublished: %s\n", s->heading, t->title);
	if (s->markdown)
		fputc('\n', s->out);
	fprintf(s->out, "%s%s\n", s->note, t->source);
	fprintf(s->out, "%sthreads: %s\n", s->note, t->threads);
	if (t->row0[0])
		fprintf(s->out, "%srow 0: %s\n", s->note, t->row0);
	print_rows(s, score);
	print_errors(s, score);
	print_ranking(s, score);
	print_knee(s, score);
}

static void add_summary_heading(struct grid *grid)
{
	static const char *const name[] = { "table",   "rows",    "counted", "mean %",
					    "worst %", "ranking", "knee",    "knee predicted" };

	grid_init(grid, sizeof(name) / sizeof(name[0]), 1);
	for (size_t i = 0; i < grid->columns; i++)
		grid_add(grid, "%s", name[i]);
}

static void add_knee(struct grid *grid, const struct published_score *score, unsigned row)
{
	if (row == PUBLISHED_NONE)
		grid_add(grid, "-");
	else
		grid_add(grid, "%u", score->table.row[row].threads);
}

static void add_summary_row(struct grid *grid, const struct published_score *score)
{
	const char *file = score->table.file;

	grid_add(grid, "%.*s", (int)strcspn(file, "."), file);
	grid_add(grid, "%u/%u", score->nr_predicted, score->table.nr_rows);
	grid_add(grid, "%u", score->nr_counted);
	add_value(grid, 100 * score->mean, 1);
	add_value(grid, 100 * fabs(score->worst), 1);
	if (score->pairs)
		grid_add(grid, "%u/%u", score->agreed, score->pairs);
	else
		grid_add(grid, "-");
	add_knee(grid, score, score->knee_published);
	add_knee(grid, score, score->knee_predicted);
}

static bool seen_before(const struct published_scores *scores, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (published_same_table(&scores->score[k].table, &scores->score[i].table))
			return true;
	return false;
}

static void print_spread(const struct sink *s, const struct published_scores *scores, size_t i)
{
	struct published_spread spread;

	published_spread_of(scores, i, &spread);
	if (spread.values == 0 || seen_before(scores, i))
		return;
	fprintf(s->out,
		"%sthe %u versions of %s, one taken for a prediction of another: mean |error| "
		"%.1f %%, worst %.1f %%\n",
		s->note, spread.versions, scores->score[i].table.table, 100 * spread.mean,
		100 * spread.worst);
}

void published_summary_print(const struct published_scores *scores, enum bench_format format,
			     FILE *out)
{
	struct sink s = sink_of(format, out);
	struct grid grid;

	if (scores->nr == 0)
		return;
	add_summary_heading(&grid);
	for (size_t i = 0; i < scores->nr; i++)
		add_summary_row(&grid, &scores->score[i]);
	print_grid(&s, &grid);
	for (size_t i = 0; i < scores->nr; i++)
		print_spread(&s, scores, i);
}

static bool is_scored(const struct published_scores *scores, const struct published_table *table)
{
	for (size_t i = 0; i < scores->nr; i++)
		if (!strcmp(scores->score[i].table.file, table->file))
			return true;
	return false;
}

/* What was published of this machine, too, and is not above; what --case left out is merely counted. */
static void print_others(const struct sink *s, const struct published_scores *scores,
			 const struct published_tables *tables, bool some_cases)
{
	unsigned left_out = 0;

	for (size_t i = 0; i < tables->nr; i++) {
		const struct published_table *t = &tables->table[i];

		if (is_scored(scores, t))
			continue;
		if (published_has_bench(t) && some_cases)
			left_out++;
		else if (published_has_bench(t))
			fprintf(s->out, "%s%s: none of its rows is in this run of %s %s\n", s->note,
				t->file, t->bench, t->case_name);
		else
			fprintf(s->out, "%s%s: prediction: %s\n", s->note, t->file, t->bench);
	}
	if (left_out)
		fprintf(s->out, "%stables of this machine without a row in this run: %u\n", s->note,
			left_out);
}

static void print_rules(const struct sink *s, const struct bench_session *session)
{
	fprintf(s->out,
		"%serror = predicted / published - 1; counted are the rows that were run, but for "
		"row 0 and the one calibrated on\n%sknee: fewest threads within %.0f %% of the "
		"best row\n",
		s->note, s->note, 100 * PUBLISHED_KNEE);
	for (unsigned i = 0; i < session->opt->nr_sets; i++)
		if (machine_has_figure(session->opt->set[i].key))
			fprintf(s->out, "%s--set %s: these are not the errors of the profile\n",
				s->note, session->opt->set[i].key);
}

void published_print(const struct report *report, enum bench_format format, FILE *out)
{
	struct published_scores scores = { 0 };
	struct published_tables tables;
	struct sink s = sink_of(format, out);
	char msg[512] = "";

	if (report->session->machine.cfg.mode != MMSIM_VIRTUAL || format == FORMAT_CSV ||
	    format == FORMAT_JSON)
		return;
	if (published_collect(&scores, &tables, report, msg, sizeof(msg))) {
		fprintf(out, "%sno published tables: %s\n", s.note, msg);
	} else if (tables.nr == 0) {
		fprintf(out, "%sno published tables: there are none of this machine\n", s.note);
	} else {
		for (size_t i = 0; i < scores.nr; i++)
			print_score(&s, &scores.score[i]);
		published_summary_print(&scores, format, out);
		if (scores.nr)
			print_rules(&s, report->session);
		print_others(&s, &scores, &tables, report->session->opt->nr_cases > 0);
	}
	free(tables.table);
	published_free(&scores);
}
