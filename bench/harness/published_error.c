/* SPDX-License-Identifier: MIT */
/* How far predictions are from what was published: arithmetic only. The rules are in published.h. */
#include "published.h"

#include "util.h"

#include <math.h>
#include <string.h>

static const struct {
	const char *name;
	double ns;
} times[] = {
	{ "ns", 1 },
	{ "us", 1e3 },
	{ "ms", 1e6 },
	{ "s", 1e9 },
};

static double unit_ns_of(const char *name, const char *end)
{
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (strlen(times[i].name) == (size_t)(end - name) &&
		    !strncmp(times[i].name, name, (size_t)(end - name)))
			return times[i].ns;
	return NAN;
}

static double unit_ns(const char *name)
{
	return unit_ns_of(name, name + strlen(name));
}

double published_factor(const char *from, const char *to)
{
	const char *per = strchr(from, '/'), *other = strchr(to, '/');

	/* The same of both: "ns/pair", "us/pair". */
	if (per && other && !strcmp(per, other) && strcmp(from, to) != 0)
		return unit_ns_of(from, per) / unit_ns_of(to, other);
	if (!strcmp(from, "ratio") && !strcmp(to, "%"))
		return 100;
	return strcmp(from, to) ? unit_ns(from) / unit_ns(to) : 1;
}

double published_error(const struct published_score *score, unsigned row)
{
	return score->predicted[row] / score->table.row[row].value - 1;
}

static bool is_predicted(const struct published_score *score, unsigned row)
{
	return isfinite(score->predicted[row]) && score->predicted[row] > 0;
}

bool published_counts(const struct published_score *score, unsigned row)
{
	unsigned threads = score->table.row[row].threads;

	return is_predicted(score, row) && (threads > 0 || score->table.row0_threads) &&
	       threads != score->table.calibrated;
}

static void judge_errors(struct published_score *score)
{
	double sum = 0;

	score->mean = score->worst = NAN;
	for (unsigned i = 0; i < score->table.nr_rows; i++) {
		double error = published_error(score, i);

		score->nr_predicted += is_predicted(score, i);
		if (!published_counts(score, i))
			continue;
		if (score->nr_counted++ == 0 || fabs(error) > fabs(score->worst)) {
			score->worst = error;
			score->worst_row = i;
		}
		sum += fabs(error);
	}
	if (score->nr_counted)
		score->mean = sum / score->nr_counted;
}

/* How far a published value may be off; NaN: not known. */
static double doubt(const struct published_table *table, unsigned row)
{
	double sd = table->row[row].sd;

	if (table->resolution <= 0 || sd >= table->resolution)
		return sd;
	return table->resolution;
}

/* Where NaN says that nothing is known, no pair differs. */
static bool differ(const struct published_table *table, unsigned a, unsigned b)
{
	return fabs(table->row[a].value - table->row[b].value) > doubt(table, a) + doubt(table, b);
}

static bool agree(const struct published_score *score, unsigned a, unsigned b)
{
	double x = score->predicted[a];
	double y = score->predicted[b];

	if (fmax(x, y) / fmin(x, y) - 1 <= PUBLISHED_SAME)
		return true;
	return (x < y) == (score->table.row[a].value < score->table.row[b].value);
}

static void judge_pair(struct published_score *score, unsigned a, unsigned b)
{
	if (!published_counts(score, b) || !differ(&score->table, a, b))
		return;
	if (agree(score, a, b)) {
		score->agreed++;
	} else if (score->agreed == score->pairs) {
		score->disagreed[0] = a;
		score->disagreed[1] = b;
	}
	score->pairs++;
}

static void judge_ranking(struct published_score *score)
{
	for (unsigned a = 0; a < score->table.nr_rows; a++)
		for (unsigned b = a + 1; published_counts(score, a) && b < score->table.nr_rows;
		     b++)
			judge_pair(score, a, b);
}

static bool is_sweep_row(const struct published_score *score, unsigned row)
{
	return is_predicted(score, row) && score->table.row[row].threads > 0;
}

/* A time, or the time that a rate would take: less is better. */
static double cost(const struct published_score *score, unsigned row, bool predicted)
{
	double value = predicted ? score->predicted[row] : score->table.row[row].value;

	return score->table.more_is_better ? 1 / value : value;
}

static unsigned find_knee(const struct published_score *score, bool predicted)
{
	double best = INFINITY;
	unsigned row = 0;

	for (unsigned i = 0; i < score->table.nr_rows; i++)
		if (is_sweep_row(score, i))
			best = fmin(best, cost(score, i, predicted));
	while (!is_sweep_row(score, row) ||
	       cost(score, row, predicted) > best * (1 + PUBLISHED_KNEE))
		row++;
	return row;
}

static unsigned sweep_rows(const struct published_score *score, unsigned from, unsigned to)
{
	unsigned nr = 0;

	for (unsigned i = from; i < to; i++)
		nr += is_sweep_row(score, i);
	return nr;
}

static void judge_knee(struct published_score *score)
{
	unsigned a;
	unsigned b;

	score->knee_published = score->knee_predicted = PUBLISHED_NONE;
	if (sweep_rows(score, 0, score->table.nr_rows) < 2)
		return;
	a = find_knee(score, false);
	b = find_knee(score, true);
	score->knee_published = a;
	score->knee_predicted = b;
	score->knee_steps = a < b ? sweep_rows(score, a, b) : sweep_rows(score, b, a);
}

void published_judge(struct published_score *score)
{
	score->nr_predicted = score->nr_counted = 0;
	score->worst_row = 0;
	score->pairs = score->agreed = 0;
	score->knee_steps = 0;
	judge_errors(score);
	judge_ranking(score);
	judge_knee(score);
}

bool published_same_table(const struct published_table *a, const struct published_table *b)
{
	return a->table[0] && !strcmp(a->table, b->table) && !strcmp(a->machine, b->machine) &&
	       !strcmp(a->unit, b->unit) && !strcmp(a->case_name, b->case_name);
}

/* Take `from` for a prediction of `to`. */
static void spread_add(const struct published_score *from, const struct published_score *to,
		       struct published_spread *spread)
{
	for (unsigned i = 0; i < from->table.nr_rows; i++) {
		for (unsigned k = 0; k < to->table.nr_rows; k++) {
			const struct published_row *a = &from->table.row[i];
			const struct published_row *b = &to->table.row[k];

			if (a->threads != b->threads || !published_counts(from, i) ||
			    !published_counts(to, k))
				continue;
			spread->values++;
			spread->mean += fabs(a->value / b->value - 1);
			spread->worst = fmax(spread->worst, fabs(a->value / b->value - 1));
		}
	}
}

void published_spread_of(const struct published_scores *scores, size_t first,
			 struct published_spread *spread)
{
	const struct published_table *table = &scores->score[first].table;

	memset(spread, 0, sizeof(*spread));
	spread->versions = 1;
	for (size_t i = 0; i < scores->nr; i++) {
		if (!published_same_table(table, &scores->score[i].table))
			continue;
		spread->versions += i != first;
		for (size_t k = 0; k < scores->nr; k++)
			if (k != i && published_same_table(table, &scores->score[k].table))
				spread_add(&scores->score[k], &scores->score[i], spread);
	}
	spread->mean = spread->values ? spread->mean / spread->values : NAN;
}
