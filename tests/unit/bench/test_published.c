/* SPDX-License-Identifier: MIT */
/* published: reading tables, how predictions are judged, and what is printed of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/published.h"
#include "harness/util.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD                     \
	"# title: T\n"           \
	"# source: S\n"          \
	"# machine: m.ini\n"     \
	"# bench: b\n"           \
	"# case: fast\n"         \
	"# threads: of a node\n" \
	"# unit: ms\n"
#define COLUMNS "threads,value,sd\n"

static struct published_table table;
static char why[512];

static int parse_n(const char *text, size_t n)
{
	why[0] = '\0';
	return published_parse(&table, "dir/t.csv", text, n, why, sizeof(why));
}

static int parse(const char *text)
{
	return parse_n(text, strlen(text));
}

static void accept(const char *text)
{
	if (parse(text))
		fail_msg("refused: %s", why);
}

static void refused(const char *text, const char *want)
{
	if (parse(text) == 0)
		fail_msg("accepted, wanted: %s", want);
	assert_string_equal(why, want);
}

static void close_to(double got, double want)
{
	if (!(fabs(got - want) < 1e-9))
		fail_msg("%.17g is not %.17g", got, want);
}

static void reads_a_table(void **state)
{
	(void)state;
	accept(HEAD "# row0: slow; before\n# table: x\n# version: v2\n# resolution: 0.5\n"
		    "# calibrated: 1 of v3\n# note: a\n# note: b\n" COLUMNS
		    "0,1785.7,7.6\r\n1,17,\n52,138.25,0.0");
	assert_string_equal(table.file, "t.csv");
	assert_string_equal(table.machine, "m.ini");
	assert_string_equal(table.row0_case, "slow");
	assert_string_equal(table.row0, "before");
	assert_string_equal(table.version, "v2");
	assert_string_equal(table.calibrated_of, "v3");
	assert_int_equal(table.calibrated, 1);
	assert_int_equal(table.nr_rows, 3);
	assert_int_equal(table.decimals, 2);
	assert_int_equal(table.row[2].threads, 52);
	assert_false(table.more_is_better);
	close_to(table.resolution, 0.5);
	close_to(table.row[0].value, 1785.7);
	close_to(table.row[0].sd, 7.6);
	assert_true(isnan(table.row[1].sd));
	close_to(table.row[2].sd, 0);
	assert_true(published_has_bench(&table));
}

static void reads_per_cent_and_rates(void **state)
{
	(void)state;
	accept("# title: T\n# source: S\n# machine: none\n# bench: none yet: unmap\n# threads: x\n"
	       "# row0: none; before\n# unit: s\n# sd: %\n# better: more\n" COLUMNS
	       "0,10.8,2.8\n1,5,\n");
	close_to(table.row[0].sd, 0.3024);
	assert_true(isnan(table.row[1].sd));
	assert_true(table.more_is_better);
	assert_string_equal(table.row0_case, "");
	assert_false(published_has_bench(&table));
}

static void refuses_bad_headers(void **state)
{
	(void)state;
	refused("", "dir/t.csv:0: ends without 'threads,value,sd'");
	refused(HEAD, "dir/t.csv:7: ends without 'threads,value,sd'");
	refused("title: T\n", "dir/t.csv:1: must be '# KEY: TEXT' or 'threads,value,sd'");
	refused("# title\n", "dir/t.csv:1: must be '# KEY: TEXT' or 'threads,value,sd'");
	refused("# titel: T\n", "dir/t.csv:1: 'titel': no such key");
	refused("# title:  \n", "dir/t.csv:1: title: is empty");
	refused(HEAD "# unit: s\n", "dir/t.csv:8: unit: is there twice");
	refused("# title: T\n" COLUMNS, "dir/t.csv:2: no '# source:' line before the rows");
	refused(HEAD "# row0: slow\n",
		"dir/t.csv:8: row0: 'slow': must be 'CASE; what it is', CASE may be none");
	refused(HEAD "# sd: ms\n", "dir/t.csv:8: sd: 'ms': must be %");
	refused(HEAD "# better: most\n", "dir/t.csv:8: better: 'most': must be more or less");
	refused(HEAD "# resolution: 0\n", "dir/t.csv:8: resolution: '0': must be a number above 0");
	refused(HEAD "# calibrated: one\n",
		"dir/t.csv:8: calibrated: 'one': must be a row, or a row and ' of VERSION'");
	refused(HEAD "# version: v1\n" COLUMNS, "dir/t.csv:9: version: needs a '# table:' line");
	refused(HEAD "# row0: slow; before\n# row0-threads: 0\n",
		"dir/t.csv:9: row0-threads: '0': must be a number from 1 to 65535");
	refused(HEAD "# row0: none; before\n# row0-impl: peer\n" COLUMNS,
		"dir/t.csv:10: row0-impl, row0-threads: need a '# row0: CASE; …' line");
	refused(HEAD "# calibrated: 2\n" COLUMNS "1,2,3\n",
		"dir/t.csv:8: calibrated: no row has 2 threads");
	refused("# title: T\n# source: S\n# machine: m\n# bench: b\n# threads: x\n# unit: "
		"s\n" COLUMNS,
		"dir/t.csv:7: machine: 'm': must be NAME.ini or none");
	refused("# title: T\n# source: S\n# machine: none\n# bench: b\n# threads: x\n"
		"# unit: s\n" COLUMNS,
		"dir/t.csv:7: case: is missing with bench 'b'");
}

static void refuses_bad_rows(void **state)
{
	(void)state;
	refused(HEAD COLUMNS, "dir/t.csv:8: ends without a row");
	refused(HEAD COLUMNS "\n", "dir/t.csv:9: must be 'threads,value,sd'");
	refused(HEAD COLUMNS "1,2\n", "dir/t.csv:9: must be 'threads,value,sd'");
	refused(HEAD COLUMNS "x,2,\n",
		"dir/t.csv:9: threads: 'x': must be a number from 0 to 65535");
	refused(HEAD COLUMNS "65536,2,\n",
		"dir/t.csv:9: threads: '65536': must be a number from 0 to 65535");
	refused(HEAD COLUMNS "1,-2,\n", "dir/t.csv:9: value: '-2': must be a plain number above 0");
	refused(HEAD COLUMNS "1,0.0,\n",
		"dir/t.csv:9: value: '0.0': must be a plain number above 0");
	refused(HEAD COLUMNS "1,1e3,\n",
		"dir/t.csv:9: value: '1e3': must be a plain number above 0");
	refused(HEAD COLUMNS "1,2.,\n", "dir/t.csv:9: value: '2.': must be a plain number above 0");
	refused(HEAD COLUMNS "1,2,nan\n",
		"dir/t.csv:9: sd: 'nan': must be a plain number, or nothing");
	refused(HEAD COLUMNS "1,2,3,4\n",
		"dir/t.csv:9: sd: '3,4': must be a plain number, or nothing");
	refused(HEAD COLUMNS "2,2,\n2,2,\n", "dir/t.csv:10: threads: 2 after 2: must ascend");
	refused(HEAD COLUMNS "0,2,\n", "dir/t.csv:9: row 0 without a '# row0:' line");
}

static void refuses_bytes(void **state)
{
	static const char nul[] = HEAD COLUMNS "1,2\0,\n";
	char text[2000];

	(void)state;
	assert_int_equal(parse_n(nul, sizeof(nul) - 1), -1);
	assert_string_equal(why, "dir/t.csv:9: a control character, byte 4");
	memset(text, 'x', sizeof(text));
	assert_int_equal(parse_n(text, sizeof(text)), -1);
	assert_string_equal(why, "dir/t.csv:1: longer than 1023 characters");
	memcpy(text, "# title: ", 9);
	text[500] = '\n';
	assert_int_equal(parse_n(text, 501), -1);
	assert_string_equal(why, "dir/t.csv:1: title: longer than 255 characters");
}

static void too_many_rows(void **state)
{
	char text[4096] = HEAD COLUMNS;

	(void)state;
	for (unsigned i = 1; i <= PUBLISHED_MAX_ROWS; i++)
		bench_append(text, sizeof(text), "%u,1,\n", i);
	accept(text);
	bench_append(text, sizeof(text), "9999,1,\n");
	refused(text, "dir/t.csv:73: more than 64 rows");
}

/* A profile of the project, or none. */
static void machine_is_there(void)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/../machines/%s", PUBLISHED_FOLDER, table.machine);
	if (strcmp(table.machine, "none") != 0 && access(path, R_OK))
		fail_msg("%s: there is no %s", table.file, table.machine);
}

/* Every table of the project can be read, and names a source. */
static void shipped_tables(void **state)
{
	DIR *dir = opendir(PUBLISHED_FOLDER);
	struct dirent *entry;
	unsigned nr = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char path[1024];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", PUBLISHED_FOLDER, entry->d_name);
		if (published_read(&table, path, why, sizeof(why)))
			fail_msg("%s", why);
		assert_string_equal(table.file, entry->d_name);
		machine_is_there();
		nr++;
	}
	closedir(dir);
	assert_in_range(nr, 20, 1000);
	assert_int_equal(published_read(&table, PUBLISHED_FOLDER "/none.csv", why, sizeof(why)),
			 -1);
	assert_non_null(strstr(why, "none.csv: No such file"));
}

/* Rows 0, 1, 2, 4, 8 with sds of 1; predictions as given, NaN at the end. */
static struct published_score *judge(const char *header, const char *rows, const double *predicted)
{
	static struct published_score score;
	char text[2048] = HEAD "# row0: slow; before\n";

	bench_append(text, sizeof(text), "%s%s%s", header, COLUMNS, rows);
	accept(text);
	memset(&score, 0xff, sizeof(score));
	score.table = table;
	for (unsigned i = 0; i < table.nr_rows; i++)
		score.predicted[i] = predicted[i];
	published_judge(&score);
	return &score;
}

#define ROWS "0,105,1\n1,100,1\n2,50,1\n4,26,1\n8,25,1\n"

static void units(void **state)
{
	(void)state;
	close_to(published_factor("ns", "ms"), 1e-6);
	close_to(published_factor("s", "us"), 1e6);
	close_to(published_factor("ns", "ns"), 1);
	close_to(published_factor("pages", "pages"), 1);
	close_to(published_factor("ratio", "%"), 100);
	close_to(published_factor("ns/pair", "us/pair"), 1e-3);
	assert_true(isnan(published_factor("ns/pair", "us/page")));
	assert_true(isnan(published_factor("ns/pair", "us")));
	assert_true(isnan(published_factor("n/pair", "us/pair")));
	assert_true(isnan(published_factor("ns", "pages")));
	assert_true(isnan(published_factor("pages", "ms")));
}

static void errors_leave_out_the_one_thread_rows(void **state)
{
	static const double predicted[] = { 400, 300, 55, 13, 25 };
	struct published_score *s;

	(void)state;
	s = judge("# calibrated: 1\n", ROWS, predicted);
	assert_int_equal(s->nr_predicted, 5);
	assert_int_equal(s->nr_counted, 3);
	close_to(published_error(s, 1), 2);
	close_to(s->mean, (0.1 + 0.5 + 0) / 3);
	close_to(s->worst, -0.5);
	assert_int_equal(s->worst_row, 3);
	s = judge("", ROWS, predicted);
	assert_int_equal(s->nr_counted, 4);
	close_to(s->worst, 2);
}

static void errors_leave_out_what_was_not_run(void **state)
{
	static const double predicted[] = { NAN, 300, NAN, NAN, 20 };
	static const double nothing[] = { 105, 100, NAN, NAN, NAN };
	struct published_score *s;

	(void)state;
	s = judge("# calibrated: 1\n", ROWS, predicted);
	assert_int_equal(s->nr_predicted, 2);
	assert_int_equal(s->nr_counted, 1);
	close_to(s->mean, 0.2);
	close_to(s->worst, -0.2);
	s = judge("# calibrated: 1\n", ROWS, nothing);
	assert_int_equal(s->nr_counted, 0);
	assert_true(isnan(s->mean));
	assert_int_equal(s->pairs, 0);
	assert_int_equal(s->knee_published, PUBLISHED_NONE);
}

/* 26 and 25 with sds of 1 are no pair; 50 makes two. */
static void ranking(void **state)
{
	static const double right[] = { 1, 1, 60, 30, 40 };
	static const double tie[] = { 1, 1, 30, 30.5, 20 };
	static const double wrong[] = { 1, 1, 30, 31, 20 };
	static const double all_wrong[] = { 1, 1, 30, 31, 32 };
	struct published_score *s;

	(void)state;
	s = judge("# calibrated: 1\n", ROWS, right);
	assert_int_equal(s->pairs, 2);
	assert_int_equal(s->agreed, 2);
	s = judge("# calibrated: 1\n", ROWS, tie);
	assert_int_equal(s->agreed, 2);
	s = judge("# calibrated: 1\n", ROWS, wrong);
	assert_int_equal(s->agreed, 1);
	assert_int_equal(s->disagreed[0], 2);
	assert_int_equal(s->disagreed[1], 3);
	s = judge("# calibrated: 1\n", ROWS, all_wrong);
	assert_int_equal(s->agreed, 0);
	assert_int_equal(s->disagreed[1], 3);
}

/* Unknown sds make no pairs, unless the clock's resolution is known. */
static void ranking_without_sd(void **state)
{
	static const double predicted[] = { 60, 30, 40 };
	struct published_score *s;

	(void)state;
	s = judge("", "2,50,\n4,26,\n8,25,\n", predicted);
	assert_int_equal(s->pairs, 0);
	s = judge("# resolution: 4\n", "2,50,\n4,26,\n8,25,\n", predicted);
	assert_int_equal(s->pairs, 2);
	s = judge("# resolution: 0.5\n", "2,50,0\n4,26,0\n8,24.5,1\n", predicted);
	assert_int_equal(s->pairs, 2);
	s = judge("# resolution: 0.4\n", "2,50,0\n4,26,0\n8,24.5,1\n", predicted);
	assert_int_equal(s->pairs, 3);
}

static void knees(void **state)
{
	static const double same[] = { 1, 100, 60, 22.9, 20 };
	static const double later[] = { 1, 100, 60, 23.1, 20 };
	static const double sooner[] = { 1, 100, 11, 11, 11 };
	static const double flat[] = { 1, 10, 10, 10, 10 };
	static const double part[] = { 1, 100, NAN, NAN, 90 };
	struct published_score *s;

	(void)state;
	s = judge("", ROWS, same);
	assert_int_equal(s->knee_published, 3);
	assert_int_equal(s->knee_predicted, 3);
	assert_int_equal(s->knee_steps, 0);
	assert_int_equal(judge("", ROWS, later)->knee_steps, 1);
	assert_int_equal(judge("", ROWS, sooner)->knee_predicted, 2);
	assert_int_equal(judge("", ROWS, sooner)->knee_steps, 1);
	assert_int_equal(judge("", ROWS, flat)->knee_steps, 2);
	s = judge("", ROWS, part); /* of the rows that were run */
	assert_int_equal(s->knee_published, 4);
	assert_int_equal(s->knee_predicted, 1);
	assert_int_equal(s->knee_steps, 1);
}

static void knee_of_a_rate(void **state)
{
	static const double predicted[] = { 10, 20, 40, 40 };
	struct published_score *s;

	(void)state;
	s = judge("# better: more\n", "1,10,\n2,36,\n4,40,\n8,39,\n", predicted);
	assert_int_equal(s->knee_published, 1);
	assert_int_equal(s->knee_predicted, 2);
}

/* Row 2 is 100 against 110 and back, 1/11 and 1/10; row 4 the same; row 1 does not count in v1. */
static void spread(void **state)
{
	static const double predicted[] = { 100, 100, 100 };
	struct published_score score[3];
	struct published_scores scores = { .nr = 3, .score = score };
	struct published_spread s;

	(void)state;
	score[0] = *judge("# calibrated: 1\n# table: x\n# version: v1\n", "1,500,\n2,100,\n4,80,\n",
			  predicted);
	score[1] = *judge("# table: y\n# version: v1\n", "1,100,\n2,100,\n", predicted);
	score[2] = *judge("# table: x\n# version: v2\n", "1,100,\n2,110,\n4,80,\n", predicted);
	published_spread_of(&scores, 0, &s);
	assert_int_equal(s.versions, 2);
	assert_int_equal(s.values, 4);
	close_to(s.mean, (1.0 / 11 + 0.1) / 4);
	close_to(s.worst, 0.1);
	published_spread_of(&scores, 1, &s);
	assert_int_equal(s.versions, 1);
	assert_int_equal(s.values, 0);
}

/* A run without a machine: the report is what is looked at. */
static const struct bench_metric metrics[] = {
	{ "other", "ratio", METRIC_PLAIN, true, "" },
	{ "time_ns", "ns", METRIC_TIME, true, "" },
};
static const struct bench_case cases[] = { { "fast", "", true, 0 }, { "slow", "", true, 1 } };
static const struct bench bench = {
	.name = "b",
	.cases = cases,
	.nr_cases = 2,
	.metrics = metrics,
	.nr_metrics = 2,
	.headline = 1,
};

struct run {
	char folder[64];
	char profile[128];
	struct bench bench;
	struct options opt;
	struct bench_session *session;
	struct report report;
	char *text;
	size_t len;
};

static void write_file(const struct run *run, const char *name, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/published/%s", run->folder, name);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void record(struct run *run, const char *case_name, const char *impl, unsigned threads,
		   double ms)
{
	const double values[] = { 1, ms * 1e6 };
	const struct result_key key = { "b", case_name, impl, "virtual", "m", threads };

	results_add(&run->session->results, &key, 0, values);
}

static void run_open(struct run *run)
{
	char path[128];

	memset(run, 0, sizeof(*run));
	bench_copy(run->folder, sizeof(run->folder), "/tmp/mmsim-published-XXXXXX");
	assert_non_null(mkdtemp(run->folder));
	snprintf(path, sizeof(path), "%s/published", run->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/machines", run->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(run->profile, sizeof(run->profile), "%s/machines/m.ini", run->folder);
	options_init(&run->opt);
	run->opt.machine = run->profile;
	run->session = bench_calloc(1, sizeof(*run->session));
	run->bench = bench;
	run->session->bench = &run->bench;
	run->session->opt = &run->opt;
	run->session->machine.cfg.mode = MMSIM_VIRTUAL;
	results_init(&run->session->results, metrics, 2);
	record(run, "fast", "peer", 2, 1);
	record(run, "fast", "mmsim", 1, 100);
	record(run, "fast", "mmsim", 2, 60);
	record(run, "slow", "mmsim", 1, 105);
	report_init(&run->report, run->session);
}

static const char *print(struct run *run, enum bench_format format)
{
	FILE *out;

	free(run->text);
	run->text = NULL;
	out = open_memstream(&run->text, &run->len);
	published_print(&run->report, format, out);
	fclose(out);
	return run->text;
}

static void run_close(struct run *run)
{
	static const char *const left[] = { "published/a.csv", "published/b.csv", "published/c.csv",
					    "published/d.csv", "published/e.csv", "published",
					    "machines" };
	char path[256];

	for (size_t i = 0; i < ARRAY_LEN(left); i++) {
		snprintf(path, sizeof(path), "%s/%s", run->folder, left[i]);
		remove(path);
	}
	assert_int_equal(rmdir(run->folder), 0);
	report_free(&run->report);
	results_free(&run->session->results);
	free(run->session);
	free(run->text);
}

#define TABLE_A                                                                           \
	HEAD "# row0: slow; before\n# calibrated: 1\n# table: x\n# version: v1\n" COLUMNS \
	     "0,110.0,1.0\n1,100.0,1.0\n2,50.0,1.0\n4,25.0,\n"
#define TABLE_B HEAD "# calibrated: 1 of v1\n# table: x\n# version: v2\n" COLUMNS "1,99,\n2,55,\n"
#define TABLE_C                                                                 \
	"# title: T\n# source: S\n# machine: m.ini\n# bench: none yet: unmap\n" \
	"# threads: x\n# unit: s\n" COLUMNS "1,2,\n"

static void prints_a_table(void **state)
{
	static const char want[] =
		"\npublished: T\n"
		"  S\n"
		"  threads: of a node\n"
		"  row 0: before\n"
		"\n"
		"threads  published ms   sd  predicted ms  error %    not counted\n"
		"      0         110.0  1.0         105.0     -4.5     one thread\n"
		"      1         100.0  1.0         100.0     +0.0  calibrated on\n"
		"      2          50.0  1.0          60.0    +20.0               \n"
		"      4          25.0    -             -        -               \n"
		"\n"
		"  3 of 4 rows predicted, 1 counted\n"
		"  |error|: mean 20.0 %, worst 20.0 % (+20.0 % at 2 threads)\n"
		"  ranking: 0 of 0 pairs agree\n"
		"  knee: published at 2 threads, predicted at 2: the same\n";
	struct run run;

	(void)state;
	run_open(&run);
	write_file(&run, "a.csv", TABLE_A);
	print(&run, FORMAT_TABLE);
	if (strncmp(run.text, want, strlen(want)) != 0)
		fail_msg("got:\n%s\nwant:\n%s", run.text, want);
	assert_non_null(strstr(run.text, "error = predicted / published - 1"));
	print(&run, FORMAT_MARKDOWN);
	assert_non_null(strstr(run.text, "\n### published: T\n\n- S\n"));
	assert_non_null(strstr(run.text, "|       2 |         50.0 |"));
	run_close(&run);
}

static unsigned count(const char *text, const char *what)
{
	unsigned nr = 0;

	while ((text = strstr(text, what))) {
		text++;
		nr++;
	}
	return nr;
}

static void prints_versions(void **state)
{
	struct run run;

	(void)state;
	run_open(&run);
	write_file(&run, "b.csv", TABLE_B);
	write_file(&run, "a.csv", TABLE_A);
	print(&run, FORMAT_KERNEL);
	assert_non_null(strstr(run.text, "calibrated on that of v1\n"));
	assert_non_null(strstr(run.text, "      1            99   -         100.0     +1.0  "));
	assert_non_null(strstr(run.text, "\na       3/4        1    20.0     20.0        -     2"
					 "               2\n"
					 "b       2/2        1     9.1      9.1        -     2"
					 "               2\n"));
	assert_int_equal(count(run.text, "the 2 versions of x, one taken for a prediction of "
					 "another: mean |error| 9.5 %, worst 10.0 %\n"),
			 1);
	assert_int_equal(count(run.text, ".csv: "), 0);
	run.opt.nr_sets = 1;
	bench_copy(run.opt.set[0].key, OPTIONS_NAME, "wake");
	assert_non_null(strstr(print(&run, FORMAT_TABLE),
			       "--set wake: these are not the errors of the profile\n"));
	run_close(&run);
}

/* Row 0 of another implementation and of more threads than one, which counts. */
static void prints_what_others_did(void **state)
{
	struct run run;

	(void)state;
	run_open(&run);
	write_file(&run, "a.csv",
		   HEAD "# row0: fast; before\n# row0-impl: peer\n# row0-threads: 2\n" COLUMNS
			"0,1.25,\n1,100.0,\n2,50.0,\n");
	print(&run, FORMAT_TABLE);
	assert_non_null(strstr(run.text, "      0          1.25   -          1.00    -20.0"));
	assert_non_null(strstr(run.text, "  3 of 3 rows predicted, 3 counted\n"));
	assert_null(strstr(run.text, "one thread"));
	write_file(&run, "a.csv",
		   HEAD "# row0: fast; before\n# row0-threads: 7\n# impl: peer\n" COLUMNS
			"0,1.25,\n1,100.0,\n2,0.5,\n");
	print(&run, FORMAT_TABLE);
	assert_non_null(strstr(run.text, "  1 of 3 rows predicted, 1 counted\n"));
	assert_non_null(strstr(run.text, "      2          0.50   -          1.00   +100.0"));
	run_close(&run);
}

static void prints_other_metrics(void **state)
{
	static const char head[] =
		"# title: T\n# source: S\n# machine: m.ini\n# bench: b\n# case: fast\n"
		"# threads: x\n# unit: %\n# metric: ";
	char text[512];
	struct run run;

	(void)state;
	run_open(&run);
	snprintf(text, sizeof(text), "%s%s\n%s", head, metrics[0].name, COLUMNS "2,80,\n");
	write_file(&run, "a.csv", text);
	print(&run, FORMAT_TABLE);
	assert_non_null(strstr(run.text, "      2           80   -        100.0    +25.0"));
	snprintf(text, sizeof(text), "%snothing\n%s", head, COLUMNS "2,80,\n");
	write_file(&run, "a.csv", text);
	print(&run, FORMAT_TABLE);
	assert_non_null(strstr(run.text, "a.csv: metric: 'nothing': b has none of this name"));
	run_close(&run);
}

/* By name, whatever the folder's order; of this machine, whatever the benchmark. */
static void prints_others(void **state)
{
	static const char want[] = "  b.csv: prediction: none yet: unmap\n"
				   "  c.csv: none of its rows is in this run of q fast\n"
				   "  d.csv: none of its rows is in this run of b fast\n"
				   "  e.csv: prediction: none yet: unmap\n";
	static const char other[] = "# title: T\n# source: S\n# machine: %s\n# bench: %s\n"
				    "# case: fast\n# threads: x\n# unit: ms\n" COLUMNS "%u,2,\n";
	struct run run;
	char text[512];

	(void)state;
	run_open(&run);
	snprintf(text, sizeof(text), other, "m.ini", "b", 7);
	write_file(&run, "d.csv", text);
	write_file(&run, "b.csv", TABLE_C);
	write_file(&run, "e.csv", TABLE_C);
	snprintf(text, sizeof(text), other, "n.ini", "b", 2);
	write_file(&run, "a.csv", text);
	snprintf(text, sizeof(text), other, "m.ini", "q", 2);
	write_file(&run, "c.csv", text);
	assert_string_equal(print(&run, FORMAT_TABLE), want);
	run_close(&run);
}

static void says_why_not(void **state)
{
	struct run run;

	(void)state;
	run_open(&run);
	write_file(&run, "a.csv", TABLE_A);
	assert_string_equal(print(&run, FORMAT_CSV), "");
	assert_string_equal(print(&run, FORMAT_JSON), "");
	run.opt.memory = 1;
	assert_string_equal(print(&run, FORMAT_TABLE),
			    "  no published tables: --memory changes the machine that was "
			    "measured\n");
	run.opt.memory = 0;
	run.opt.scale = 0.5;
	assert_non_null(strstr(print(&run, FORMAT_TABLE), "--scale changes"));
	run.opt.scale = 1;
	run.bench.default_memory = 1;
	assert_non_null(strstr(print(&run, FORMAT_TABLE), "has a memory of its own"));
	run.bench.default_memory = 0;
	run.opt.machine = "host";
	assert_non_null(strstr(print(&run, FORMAT_TABLE), "--machine is no profile"));
	run.opt.machine = run.profile;
	run.session->machine.cfg.mode = MMSIM_NATIVE;
	assert_string_equal(print(&run, FORMAT_TABLE), "");
	run_close(&run);
}

static void says_what_is_missing(void **state)
{
	struct run run;
	char path[128];

	(void)state;
	run_open(&run);
	assert_string_equal(print(&run, FORMAT_TABLE),
			    "  no published tables: there are none of this machine\n");
	write_file(&run, "a.csv", HEAD COLUMNS "8,1,\n");
	assert_string_equal(print(&run, FORMAT_TABLE),
			    "  a.csv: none of its rows is in this run of b fast\n");
	write_file(&run, "a.csv", "# title: T\n" COLUMNS);
	assert_non_null(strstr(print(&run, FORMAT_TABLE),
			       "published/a.csv:2: no '# source:' line before the rows\n"));
	snprintf(path, sizeof(path), "%s/none/m.ini", run.folder);
	run.opt.machine = path;
	assert_non_null(strstr(print(&run, FORMAT_TABLE), "published: No such file"));
	run_close(&run);
}

/* A failure leaves the scores as they were. */
static void summaries_add_up(void **state)
{
	struct published_scores scores = { 0 };
	struct run run;

	(void)state;
	run_open(&run);
	write_file(&run, "a.csv", TABLE_A);
	assert_int_equal(published_summary(&scores, &run.report, why, sizeof(why)), 0);
	assert_int_equal(published_summary(&scores, &run.report, why, sizeof(why)), 0);
	assert_int_equal(scores.nr, 2);
	close_to(scores.score[1].mean, 0.2);
	write_file(&run, "b.csv",
		   "# title: T\n# source: S\n# machine: m.ini\n# bench: b\n# case: fast\n"
		   "# threads: x\n# unit: pages\n" COLUMNS "1,2,\n");
	assert_int_equal(published_summary(&scores, &run.report, why, sizeof(why)), -1);
	assert_string_equal(why, "b.csv: unit: 'pages' is none of time_ns's, which is in ns");
	assert_int_equal(scores.nr, 2);
	published_free(&scores);
	assert_int_equal(scores.nr, 0);
	run_close(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_table),
		cmocka_unit_test(reads_per_cent_and_rates),
		cmocka_unit_test(refuses_bad_headers),
		cmocka_unit_test(refuses_bad_rows),
		cmocka_unit_test(refuses_bytes),
		cmocka_unit_test(too_many_rows),
		cmocka_unit_test(shipped_tables),
		cmocka_unit_test(units),
		cmocka_unit_test(errors_leave_out_the_one_thread_rows),
		cmocka_unit_test(errors_leave_out_what_was_not_run),
		cmocka_unit_test(ranking),
		cmocka_unit_test(ranking_without_sd),
		cmocka_unit_test(knees),
		cmocka_unit_test(knee_of_a_rate),
		cmocka_unit_test(spread),
		cmocka_unit_test(prints_a_table),
		cmocka_unit_test(prints_versions),
		cmocka_unit_test(prints_what_others_did),
		cmocka_unit_test(prints_other_metrics),
		cmocka_unit_test(prints_others),
		cmocka_unit_test(says_why_not),
		cmocka_unit_test(says_what_is_missing),
		cmocka_unit_test(summaries_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
