/* SPDX-License-Identifier: MIT */
/*
 * Tables that others published, beside what a virtual run predicts for them.
 *
 * A table is a file of bench/published. Header lines "# KEY: TEXT", then "threads,value,sd", then rows,
 * thread counts ascending:
 *
 *   title        what was measured, on what
 *   source       where it is printed: series, version, author, date, message id
 *   machine      file name of the profile in bench/machines, or "none"
 *   bench, case  what predicts it; bench may be "none yet: WHICH WORK", then there is no case
 *   threads      what the first column counts
 *   unit         of value: ns, us, ms and s are converted, of ns/page and the like, too, and ratio to %;
 *   others
 *                must be the metric's own
 *   metric       of the benchmark; without this line its headline
 *   impl         whose figures predict it; without this line "mmsim"
 *   row0         "CASE; what row 0 is": the case that predicts it, or none; needed if there is a row 0
 *   row0-impl, row0-threads  the same of row 0; without these lines "mmsim", and the fewest threads of its
 *   case table, version  of a table that was published several times: the same table, versions v1, v2, … sd
 *             "%": sd is in per cent of value; else it is in the unit better       "more" or, without this
 *   line, "less" resolution   of the clock, in the unit: an sd below it, or none, counts as this much
 *   calibrated   the row that the machine's profile was calibrated on; "1 of v3": on that of v3 note       
 *    anything else; any number of them
 *
 * sd is empty where none was published.
 *
 * How a prediction is judged (struct published_score):
 *
 * 1. The prediction of a row is the median of the metric.
 * 2. error = predicted / published - 1.
 * 3. Mean and worst are of |error| over the rows that count: those that the run included, but for row 0
 *    (unless row0-threads says what it is) and the row calibrated on. Both are one thread at work, which the
 *    profile was told.
 * 4. Ranking: of the rows that count, each pair whose published values differ by more than the sum of
 *    their sds, if both are known. The pair agrees if the predictions are in the same order or differ by
 *    at most 2 %.
 * 5. Knee: the fewest threads whose value is within 15 % of the best row's, over all rows that the run
 *    included but row 0. Published and predicted knee in neighbouring rows are one step apart; at
 *    most one is "within one step".
 * 6. Spread of several versions: the errors if each version were taken for a prediction of each other
 *    one, over the rows that count. No prediction can be expected to be better than that.
 *
 * Nothing here is locked: a report is written by one thread.
 */
#ifndef BENCH_PUBLISHED_H
#define BENCH_PUBLISHED_H

#include "report.h"

#define PUBLISHED_MAX_ROWS 64
#define PUBLISHED_TEXT 256
#define PUBLISHED_NAME 64
#define PUBLISHED_NONE (~0u)

#define PUBLISHED_SAME 0.02 /* predictions that differ by less are a tie */
#define PUBLISHED_KNEE 0.15

struct published_row {
	unsigned threads;
	double value;
	double sd; /* in the table's unit; NaN: not published */
};

struct published_table {
	char file[PUBLISHED_TEXT]; /* without its folder */
	char title[PUBLISHED_TEXT];
	char source[PUBLISHED_TEXT];
	char threads[PUBLISHED_TEXT];
	char row0[PUBLISHED_TEXT];
	char row0_case[PUBLISHED_NAME]; /* empty: no case predicts row 0 */
	char machine[PUBLISHED_NAME];
	char bench[PUBLISHED_NAME];
	char case_name[PUBLISHED_NAME];
	char metric[PUBLISHED_NAME]; /* empty: the headline */
	char impl[PUBLISHED_NAME]; /* empty: mmsim, as the next */
	char row0_impl[PUBLISHED_NAME];
	unsigned row0_threads; /* 0: the fewest of its case */
	char table[PUBLISHED_NAME];
	char version[PUBLISHED_NAME];
	char unit[PUBLISHED_NAME];
	char calibrated_of[PUBLISHED_NAME]; /* the version, if another */
	unsigned calibrated; /* threads; PUBLISHED_NONE */
	bool sd_percent;
	bool more_is_better;
	double resolution; /* 0: not known */
	int decimals; /* most that a value has */
	unsigned nr_rows;
	struct published_row row[PUBLISHED_MAX_ROWS];
};

struct published_score {
	struct published_table table;
	double predicted
		[PUBLISHED_MAX_ROWS]; /* in the table's unit; NaN: the run had no such row */
	/* Set by published_judge(). */
	unsigned nr_predicted;
	unsigned nr_counted; /* of these, the ones that mean and worst are of */
	double mean; /* of |error|; NaN if no row counts */
	double worst; /* error of the row where |error| is greatest */
	unsigned worst_row;
	unsigned pairs;
	unsigned agreed;
	unsigned disagreed[2]; /* rows of the first pair that does not agree */
	unsigned knee_published; /* rows; PUBLISHED_NONE below two predicted rows */
	unsigned knee_predicted;
	unsigned knee_steps;
};

struct published_spread {
	unsigned versions;
	unsigned values; /* errors taken */
	double mean;
	double worst; /* both of |error| */
};

/* What a run, or several, say about the published tables. Zero it; free with published_free(). */
struct published_scores {
	size_t nr;
	size_t room;
	struct published_score *score;
};

/*
 * Read one table. Returns 0, or -1 with one line "FILE:LINE: what is wrong" in msg, without the line if
 * the file cannot be read; then *table is undefined.
 */
int published_read(struct published_table *table, const char *path, char *msg, size_t len);

/* The same from a text in memory; path is for messages and table->file. */
int published_parse(struct published_table *table, const char *path, const char *text,
		    size_t text_len, char *msg, size_t len);

/* Is there a benchmark that is to predict it? */
bool published_has_bench(const struct published_table *table);

/* Factor from one unit to another; NaN if there is none. */
double published_factor(const char *from, const char *to);

double published_error(const struct published_score *score, unsigned row);

/* Does this row count in mean, worst and ranking? */
bool published_counts(const struct published_score *score, unsigned row);

/* Rules 3 to 5 on score->table and score->predicted. */
void published_judge(struct published_score *score);

/* Two versions of one table, or the same? */
bool published_same_table(const struct published_table *a, const struct published_table *b);

/* Rule 6, of all versions of the table of scores->score[first]. One version: no values. */
void published_spread_of(const struct published_scores *scores, size_t first,
			 struct published_spread *spread);

/*
 * Why a session cannot be held against published tables, or NULL: it ran in virtual time a machine that
 * is a profile's, with all of its memory.
 */
const char *published_obstacle(const struct bench_session *session);

/*
 * Judge a report by all tables of its machine and benchmark, and append them to *scores, in the order
 * of file names. Tables that are not predicted at all are left out. Returns 0, or -1 with a line in
 * msg: an obstacle, no folder, or a malformed table; then *scores is as it was.
 */
int published_summary(struct published_scores *scores, const struct report *report, char *msg,
		      size_t len);

void published_free(struct published_scores *scores);

/* One row per table, then the spreads of those with several versions. Markdown for FORMAT_MARKDOWN. */
void published_summary_print(const struct published_scores *scores, enum bench_format format,
			     FILE *out);

/*
 * What goes under the tables of a report: published | predicted | error for each table, and how far they
 * agree; or one line that says why not. Nothing for a run that is not virtual, and in formats that are
 * data.
 */
void published_print(const struct report *report, enum bench_format format, FILE *out);

#endif
