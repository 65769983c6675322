/* SPDX-License-Identifier: MIT */
/* Which published tables a run is held against, and what it predicts for their rows. */
#include "published.h"

#include "published_find.h"
#include "util.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FOLDER 1024
#define MAX_PATH (MAX_FOLDER + 257) /* and a name of NAME_MAX */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

const char *published_obstacle(const struct bench_session *session)
{
	const struct options *opt = session->opt;

	if (session->machine.cfg.mode != MMSIM_VIRTUAL)
		return "the run is not in virtual time";
	if (!opt->machine || !ends_with(opt->machine, ".ini"))
		return "--machine is no profile (NAME.ini)";
	if (opt->memory)
		return "--memory changes the machine that was measured";
	if (opt->scale < 1)
		return "--scale changes the machine that was measured";
	if (session->bench->default_memory)
		return "the benchmark has a memory of its own";
	return NULL;
}

/* The profile is in bench/machines, the tables are in bench/published. */
static void folder_of(const char *profile, char *buf, size_t len)
{
	int n = (int)(base_name(profile) - profile);

	snprintf(buf, len, "%.*s../published", n, profile);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The order of a folder is its file system's: sort. */
static size_t list_folder(DIR *dir, char ***out)
{
	struct dirent *entry;
	char **name = NULL;
	size_t nr = 0;

	while ((entry = readdir(dir))) {
		size_t n = strlen(entry->d_name) + 1;

		if (!ends_with(entry->d_name, ".csv"))
			continue;
		name = bench_realloc(name, nr + 1, sizeof(*name));
		name[nr] = bench_calloc(n, 1);
		memcpy(name[nr++], entry->d_name, n);
	}
	if (nr)
		qsort(name, nr, sizeof(*name), by_name);
	*out = name;
	return nr;
}

static int add_table(struct published_tables *tables, const char *folder, const char *name,
		     const char *machine, char *msg, size_t len)
{
	struct published_table *table = bench_calloc(1, sizeof(*table));
	char path[MAX_PATH];
	int rc;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	rc = published_read(table, path, msg, len);
	if (rc == 0 && !strcmp(table->machine, machine)) {
		tables->table = bench_realloc(tables->table, tables->nr + 1, sizeof(*table));
		tables->table[tables->nr++] = *table;
	}
	free(table);
	return rc;
}

/* The tables of the session's profile. */
static int find_tables(struct published_tables *tables, const struct bench_session *session,
		       char *msg, size_t len)
{
	const char *profile = session->opt->machine;
	char folder[MAX_FOLDER];
	char **name = NULL;
	size_t nr;
	DIR *dir;
	int rc = 0;

	memset(tables, 0, sizeof(*tables));
	folder_of(profile, folder, sizeof(folder));
	dir = opendir(folder);
	if (!dir) {
		snprintf(msg, len, "%s: %s", folder, strerror(errno));
		return -1;
	}
	nr = list_folder(dir, &name);
	closedir(dir);
	for (size_t i = 0; i < nr; i++) {
		if (rc == 0)
			rc = add_table(tables, folder, name[i], base_name(profile), msg, len);
		free(name[i]);
	}
	free(name);
	return rc;
}

/* PUBLISHED_NONE: the benchmark has none of this name. */
static unsigned metric_of(const struct bench *bench, const struct published_table *table)
{
	if (!table->metric[0])
		return bench->headline;
	for (unsigned i = 0; i < bench->nr_metrics; i++)
		if (!strcmp(bench->metrics[i].name, table->metric))
			return i;
	return PUBLISHED_NONE;
}

/* Row 0 is at the fewest threads of its case, as aggregates ascend, unless the table says at which. */
static double predict(const struct report *report, const struct published_table *table,
		      unsigned threads)
{
	const char *case_name = threads ? table->case_name : table->row0_case;
	const char *impl = threads ? table->impl : table->row0_impl;
	unsigned at = threads ? threads : table->row0_threads;

	for (size_t i = 0; i < report->nr; i++) {
		const struct aggregate *a = &report->aggregates[i];

		if (a->metric == metric_of(report->session->bench, table) &&
		    !strcmp(a->key.impl, impl[0] ? impl : "mmsim") &&
		    !strcmp(a->key.case_name, case_name) && (at == 0 || a->key.threads == at))
			return a->stats.median;
	}
	return NAN;
}

/* Predict and judge one table of the report's benchmark. */
static int score_table(struct published_score *score, const struct report *report,
		       const struct published_table *table, char *msg, size_t len)
{
	const struct bench *bench = report->session->bench;
	unsigned index = metric_of(bench, table);
	const struct bench_metric *metric;
	double factor;

	if (index == PUBLISHED_NONE) {
		snprintf(msg, len, "%s: metric: '%s': %s has none of this name", table->file,
			 table->metric, bench->name);
		return -1;
	}
	metric = &bench->metrics[index];
	factor = published_factor(metric->unit, table->unit);
	if (!isfinite(factor)) {
		snprintf(msg, len, "%s: unit: '%s' is none of %s's, which is in %s", table->file,
			 table->unit, metric->name, metric->unit);
		return -1;
	}
	memset(score, 0, sizeof(*score));
	score->table = *table;
	for (unsigned i = 0; i < table->nr_rows; i++)
		score->predicted[i] = factor * predict(report, table, table->row[i].threads);
	published_judge(score);
	return 0;
}

static int score_all(struct published_scores *scores, const struct report *report,
		     const struct published_tables *tables, char *msg, size_t len)
{
	struct published_score *score = bench_calloc(1, sizeof(*score));
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < tables->nr; i++) {
		if (strcmp(tables->table[i].bench, report->session->bench->name) != 0)
			continue;
		rc = score_table(score, report, &tables->table[i], msg, len);
		if (rc || score->nr_predicted == 0)
			continue;
		if (scores->nr == scores->room) {
			scores->room = scores->room ? 2 * scores->room : 8;
			scores->score = bench_realloc(scores->score, scores->room, sizeof(*score));
		}
		scores->score[scores->nr++] = *score;
	}
	free(score);
	return rc;
}

int published_collect(struct published_scores *scores, struct published_tables *tables,
		      const struct report *report, char *msg, size_t len)
{
	const char *why = published_obstacle(report->session);
	size_t before = scores->nr;

	memset(tables, 0, sizeof(*tables));
	if (why) {
		snprintf(msg, len, "%s", why);
		return -1;
	}
	if (find_tables(tables, report->session, msg, len) == 0 &&
	    score_all(scores, report, tables, msg, len) == 0)
		return 0;
	scores->nr = before;
	return -1;
}

int published_summary(struct published_scores *scores, const struct report *report, char *msg,
		      size_t len)
{
	struct published_tables tables;
	int rc = published_collect(scores, &tables, report, msg, len);

	free(tables.table);
	return rc;
}

void published_free(struct published_scores *scores)
{
	free(scores->score);
	memset(scores, 0, sizeof(*scores));
}
