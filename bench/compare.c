/* SPDX-License-Identifier: MIT */
/*
 * Runs every benchmark with its defaults in this one process and puts the results side by side: as
 * tables on stdout and, with --report DIR, as files of every format with an index. Natively it then
 * holds the model of virtual time against what was measured.
 */
#include "buddy.h"
#include "compare_model.h"
#include "harness/published.h"
#include "harness/report.h"
#include "harness/util.h"
#include "jobs.h"
#include "pageinit.h"
#include "unmap.h"
#include "vmap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { JOBS = 2 };

static const struct bench *benches[] = { &pageinit_bench, &buddy_bench, [JOBS] = NULL, &unmap_bench,
					 &vmap_bench };

/*
 * How many of them are held against the model, from the first on. Clients of jobs have other sizes natively
 * than virtually, where they are those of published tables; and what it costs to clear an entry and to free
 * a page, a profile has of a kernel, which does more there than this library.
 */
enum { MODELLED = JOBS };

/* What is written of each benchmark. */
static const struct {
	enum bench_format format;
	const char *suffix;
} files[] = {
	{ FORMAT_JSON, "json" },
	{ FORMAT_CSV, "csv" },
	{ FORMAT_MARKDOWN, "md" },
};

struct compare {
	struct options opt;
	int argc;
	char **argv;
	FILE *index; /* NULL without --report */
	struct model model;
	unsigned measured;
	unsigned failed;
	unsigned skipped;
};

__attribute__((format(printf, 2, 3))) static int fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("compare: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

/* Options that make sense for one benchmark only. */
static int check_options(const struct options *opt)
{
	if (opt->nr_cases)
		return fail(BENCH_USAGE, "--case: '%s': cases belong to one benchmark, run that",
			    opt->case_name[0]);
	if (opt->nr_sets)
		return fail(BENCH_USAGE, "--set: '%s': figures belong to one benchmark, run that",
			    opt->set[0].key);
	if (opt->trace)
		return fail(BENCH_USAGE, "--trace: '%s': a timeline is of one benchmark, run that",
			    opt->trace);
	if (opt->output)
		return fail(BENCH_USAGE, "--output: '%s': use --report DIR", opt->output);
	if (opt->format == FORMAT_CSV || opt->format == FORMAT_JSON)
		return fail(BENCH_USAGE, "--format: '%s': use --report DIR, one file per benchmark",
			    opt->format == FORMAT_CSV ? "csv" : "json");
	return BENCH_OK;
}

static int open_index(struct compare *c)
{
	char path[512];

	if (!c->opt.report)
		return BENCH_OK;
	if (mkdir(c->opt.report, 0777) && errno != EEXIST)
		return fail(BENCH_USAGE, "--report: '%s': %s", c->opt.report, strerror(errno));
	snprintf(path, sizeof(path), "%s/index.md", c->opt.report);
	c->index = fopen(path, "we");
	if (!c->index)
		return fail(BENCH_USAGE, "--report: '%s': %s", path, strerror(errno));
	fputs("# libmmsim: all benchmarks\n\n", c->index);
	return BENCH_OK;
}

static int write_files(struct compare *c, const struct report *report)
{
	const char *name = report->session->bench->name;
	char path[512];

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s.%s", c->opt.report, name, files[i].suffix);
		if (report_write_file(report, files[i].format, path))
			return BENCH_FAILED;
	}
	report_markdown(report, c->index);
	published_print(report, FORMAT_MARKDOWN, c->index);
	fprintf(c->index, "\nEvery run: [%s.json](%s.json), [%s.csv](%s.csv)\n\n", name, name, name,
		name);
	return BENCH_OK;
}

static bool is_modelled(const struct bench *bench)
{
	for (size_t i = 0; i < MODELLED; i++)
		if (benches[i] == bench)
			return true;
	return false;
}

static int publish(struct compare *c, const struct bench_session *session)
{
	struct report report;
	int rc = BENCH_OK;

	report_init(&report, session);
	report_write(&report, c->opt.format, stdout);
	putchar('\n');
	fflush(stdout);
	if (c->index)
		rc = write_files(c, &report);
	if (!c->opt.virtual_time && is_modelled(session->bench))
		model_add_native(&c->model, &report);
	report_free(&report);
	return rc;
}

/* One that fails does not keep the others from being measured. */
static void run_bench(struct compare *c, const struct bench *bench)
{
	struct bench_session *session = bench_calloc(1, sizeof(*session));
	int rc = session_open(session, bench, &c->opt, c->argc, c->argv);

	if (rc == BENCH_OK)
		rc = session_run(session);
	if (rc == BENCH_OK)
		rc = publish(c, session);
	c->measured += rc == BENCH_OK;
	c->skipped += rc == BENCH_CANNOT;
	c->failed += rc != BENCH_OK && rc != BENCH_CANNOT;
	if (rc != BENCH_OK && c->index)
		fprintf(c->index, "## %s\n\n%s\n\n", bench->name,
			rc == BENCH_CANNOT ? "Cannot run on this host." : "Failed.");
	session_close(session);
	free(session);
}

/* A host that cannot be calibrated is no failure of the benchmarks. */
static void run_model(struct compare *c)
{
	const struct model_runs runs = { benches, MODELLED, &c->opt, c->argc, c->argv };
	int rc;

	if (!c->model.nr || strcmp(c->opt.machine, "host") != 0)
		return;
	rc = model_run(&c->model, &runs, stdout);
	c->failed += rc != BENCH_OK && rc != BENCH_CANNOT;
	if (rc == BENCH_OK && c->index) {
		fputs("## model\n\n```\n", c->index);
		model_print(&c->model, c->index);
		fputs("```\n", c->index);
	}
}

static int run_all(struct compare *c)
{
	int rc = open_index(c);

	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(benches); i++)
		run_bench(c, benches[i]);
	run_model(c);
	if (c->index && fclose(c->index))
		return fail(BENCH_FAILED, "%s/index.md: cannot be written", c->opt.report);
	if (c->failed || fflush(stdout) || ferror(stdout))
		return BENCH_FAILED;
	return c->measured ? BENCH_OK : BENCH_CANNOT;
}

static int print_about(enum options_action action)
{
	char version[32];

	context_version(version, sizeof(version));
	if (action == ACTION_VERSION)
		printf("compare (libmmsim) %s\n", version);
	if (action == ACTION_HELP)
		printf("usage: compare [OPTION]...\n"
		       "run every benchmark with its defaults\n\n%s"
		       "  --report DIR        write json, csv and markdown there, with an "
		       "index.md\n\n"
		       "not here: --case, --set, --output, --trace\n"
		       "exit codes: 0 ok, 1 a check failed, 2 usage, 77 cannot run here\n",
		       options_help());
	for (size_t i = 0; action == ACTION_LIST && i < ARRAY_LEN(benches); i++)
		printf("%-10s %s\n", benches[i]->name, benches[i]->about);
	return BENCH_OK;
}

int main(int argc, char **argv)
{
	struct compare c = { .argc = argc, .argv = argv };
	char why[256];
	int rc;

	benches[JOBS] = jobs_bench();
	options_init(&c.opt);
	c.opt.takes_report = true;
	if (options_parse(&c.opt, argc, argv, why, sizeof(why)))
		return fail(BENCH_USAGE, "%s", why);
	if (c.opt.action != ACTION_RUN)
		return print_about(c.opt.action);
	rc = check_options(&c.opt);
	return rc ? rc : run_all(&c);
}
