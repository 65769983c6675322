/* SPDX-License-Identifier: MIT */
/* The program `replay`: the harness's, with options of its own and more than one table. */
#include "harness/report.h"
#include "harness/util.h"
#include "replay.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 2, 3))) static int fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("replay: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

static bool is_data(const struct options *opt)
{
	return opt->format == FORMAT_CSV || opt->format == FORMAT_JSON;
}

/* Of the harness's options, those that a recording decides, or that need virtual time. */
static int check_options(const struct options *opt, const struct replay_options *own)
{
	if (opt->virtual_time)
		return fail(BENCH_USAGE, "--mode: 'virtual': a replay is of requests, not of time");
	if (strcmp(opt->machine, "host"))
		return fail(BENCH_USAGE, "--machine: '%s': a recording brings its machine",
			    opt->machine);
	if (opt->memory && (own->nr || own->trace))
		return fail(BENCH_USAGE, "--memory: a recording brings its machine");
	if (opt->format == FORMAT_KERNEL)
		return fail(BENCH_USAGE,
			    "--format: 'kernel': is of thread counts, and there are none");
	if (own->list_most && is_data(opt))
		return fail(BENCH_USAGE,
			    "--mismatches: prints a table: --format csv and json have no "
			    "place for it; give the name of a file");
	if (own->list_file && opt->output && !strcmp(own->list_file, opt->output))
		return fail(BENCH_USAGE, "--mismatches: '%s': is the file of --output",
			    opt->output);
	return BENCH_OK;
}

/* Before replaying for minutes, see whether the results can be kept. */
static int check_file(const char *option, const char *path)
{
	bool there = path && !access(path, F_OK);
	FILE *out = path ? fopen(path, "ae") : NULL;

	if (path && !out)
		return fail(BENCH_USAGE, "%s: '%s': %s", option, path, strerror(errno));
	if (out)
		fclose(out);
	/* Nothing is left behind by a run that fails. */
	if (out && !there)
		unlink(path);
	return BENCH_OK;
}

static void write_to(const struct bench_session *session, FILE *out)
{
	struct report report;

	report_init(&report, session);
	report_write(&report, session->opt->format, out);
	report_free(&report);
	if (!is_data(session->opt))
		replay_print(session, session->opt->format == FORMAT_MARKDOWN, out);
}

static int write_results(const struct bench_session *session)
{
	const char *path = session->opt->output;
	FILE *out = path ? fopen(path, "we") : stdout;
	int failed;

	if (!out)
		return fail(BENCH_FAILED, "%s: %s", path, strerror(errno));
	write_to(session, out);
	failed = fflush(out) || ferror(out);
	if (path)
		failed |= fclose(out);
	return failed ? fail(BENCH_FAILED, "%s: cannot be written", path ? path : "stdout")
		      : BENCH_OK;
}

/* The whole command line is told, not only what the harness reads of it. */
static int run(struct replay *r, const struct options *opt, int argc, char **argv)
{
	struct bench_session *session = bench_calloc(1, sizeof(*session));
	int rc = session_open(session, &r->bench, opt, argc, argv);

	session->priv = r;
	if (rc == BENCH_OK)
		rc = session_run(session);
	if (replay_list_close(&r->list) && rc == BENCH_OK)
		rc = fail(BENCH_FAILED, "--mismatches: '%s': cannot be written", r->list.path);
	if (rc == BENCH_OK)
		rc = write_results(session);
	if (rc == BENCH_OK)
		rc = replay_check(session);
	session_close(session);
	free(session);
	return rc;
}

static int measure(struct replay *r, const struct options *opt, int argc, char **argv)
{
	int rc = check_options(opt, &r->opt);

	if (!rc)
		rc = check_file("--output", opt->output);
	if (!rc)
		rc = check_file("--mismatches", r->opt.list_file);
	return rc ? rc : run(r, opt, argc, argv);
}

/* --help, --list and --version are the harness's, and ours stands below. */
static int print_about(const struct replay *r, enum options_action action, int argc, char **argv)
{
	int rc = bench_main(argc, argv, &r->bench);

	if (rc == BENCH_OK && action == ACTION_HELP) {
		printf("\nof replay:\n%s", replay_options_help());
		if (fflush(stdout) || ferror(stdout))
			rc = fail(BENCH_FAILED, "stdout: cannot be written");
	}
	return rc;
}

/* What a replay gives is the same every time: once is enough unless asked for more. */
static void options_of_replay(struct options *opt)
{
	options_init(opt);
	opt->repeat = 1;
	opt->warmup = 0;
}

int main(int argc, char **argv)
{
	char **rest = bench_calloc((size_t)argc + 1, sizeof(*rest));
	struct replay *r = bench_calloc(1, sizeof(*r));
	struct replay_options own;
	struct options opt;
	char why[256];
	int rest_argc, rc;

	options_of_replay(&opt);
	rc = replay_options_parse(&own, argc, argv, &rest_argc, rest, why, sizeof(why));
	if (!rc)
		rc = options_parse(&opt, rest_argc, rest, why, sizeof(why));
	if (rc) {
		rc = fail(BENCH_USAGE, "%s", why);
	} else {
		replay_init(r, &own);
		rc = opt.action == ACTION_RUN ? measure(r, &opt, argc, argv)
					      : print_about(r, opt.action, rest_argc, rest);
		replay_free(r);
	}
	replay_options_free(&own);
	free(r);
	free(rest);
	return rc;
}
