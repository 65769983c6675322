/* SPDX-License-Identifier: MIT */
/* The program around one benchmark. */
#include "bench.h"

#include "report.h"
#include "util.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Of the machine; the values are those of a generic server, which a profile replaces. */
static void print_figures(void)
{
	printf("\nfigures for --set in virtual mode, without a profile:\n");
	for (unsigned i = 0; i < MMSIM_NR_FIGURES; i++) {
		const struct mmsim_figure_info *info = mmsim_figure_info(i);
		double value = (double)info->value / MMSIM_FIGURE_ONE;

		if (info->words)
			printf("  %s=WORD  %s: %s\n", info->name, info->about, info->words);
		else
			printf("  %s=%.9g %s  %s\n", info->name, value, info->unit, info->about);
	}
}

static void print_list(const struct bench *bench)
{
	printf("%s: %s\n\ncases (* runs without --case):\n", bench->name, bench->about);
	for (unsigned i = 0; i < bench->nr_cases; i++)
		printf("  %c %-18s %s\n", bench->cases[i].by_default ? '*' : ' ',
		       bench->cases[i].name, bench->cases[i].about);
	printf("\nmetrics:\n");
	for (unsigned i = 0; i < bench->nr_metrics; i++)
		printf("  %-22s %-8s %s\n", bench->metrics[i].name, bench->metrics[i].unit,
		       bench->metrics[i].about);
	if (bench->nr_settings)
		printf("\nfigures for --set:\n");
	for (unsigned i = 0; i < bench->nr_settings; i++) {
		const struct bench_setting *setting = &bench->settings[i];

		printf("  %s=%" PRIu64 "  %s", setting->name, setting->value, setting->about);
		if (setting->in_virtual)
			printf(" (virtual: %" PRIu64 ")", setting->in_virtual);
		putchar('\n');
	}
	print_figures();
}

static void print_version(const struct bench *bench)
{
	char version[32];

	context_version(version, sizeof(version));
	printf("%s (libmmsim) %s\n", bench->name, version);
}

static void print_help(const struct bench *bench)
{
	printf("usage: %s [OPTION]...\n%s\n\n%s\nthreads: %s%s by default\n"
	       "exit codes: 0 ok, 1 a check failed, 2 usage, 77 cannot run here\n",
	       bench->name, bench->about, options_help(), bench->default_threads,
	       bench->threads_per_node ? " of a node" : "");
}

static int write_results(const struct bench_session *session)
{
	const struct options *opt = session->opt;
	struct report report;
	int rc = 0;

	report_init(&report, session);
	if (opt->output)
		rc = report_write_file(&report, opt->format, opt->output);
	else
		report_write(&report, opt->format, stdout);
	report_free(&report);
	return rc ? BENCH_FAILED : BENCH_OK;
}

static int check_file(const struct bench_session *session, const char *option, const char *path)
{
	FILE *out = path ? fopen(path, "ae") : NULL;

	if (path && !out)
		return bench_fail(session, BENCH_USAGE, "%s: '%s': cannot be written", option,
				  path);
	if (out)
		fclose(out);
	return BENCH_OK;
}

/* Would writing one spoil the other? Of what is not there yet, only the name is known. */
static bool same_file(const char *a, const char *b)
{
	struct stat is, other;

	if (!a || !b)
		return false;
	if (stat(a, &is))
		return !strcmp(a, b);
	return S_ISREG(is.st_mode) && !stat(b, &other) && is.st_dev == other.st_dev &&
	       is.st_ino == other.st_ino;
}

static int check_apart(const struct bench_session *session, const char *option, const char *path,
		       const char *other_option, const char *other)
{
	if (!same_file(path, other))
		return BENCH_OK;
	return bench_fail(session, BENCH_USAGE, "%s: '%s': is the file of %s", option, path,
			  other_option);
}

static int check_all_apart(const struct bench_session *session)
{
	const struct options *opt = session->opt;
	const char *profile = session->machine.is_profile ? opt->machine : NULL;
	int rc = check_apart(session, "--trace", opt->trace, "--output", opt->output);

	if (!rc)
		rc = check_apart(session, "--output", opt->output, "--machine", profile);
	return rc ? rc : check_apart(session, "--trace", opt->trace, "--machine", profile);
}

/* Before measuring for minutes, see whether the results can be kept. */
static int check_outputs(const struct bench_session *session)
{
	int rc = check_all_apart(session);

	if (!rc)
		rc = check_file(session, "--output", session->opt->output);
	return rc ? rc : check_file(session, "--trace", session->opt->trace);
}

static int measure(const struct bench *bench, const struct options *opt, int argc, char **argv)
{
	struct bench_session *session = bench_calloc(1, sizeof(*session));
	int rc = session_open(session, bench, opt, argc, argv);

	if (rc == BENCH_OK)
		rc = check_outputs(session);
	if (rc == BENCH_OK)
		rc = session_run(session);
	if (rc == BENCH_OK)
		rc = write_results(session);
	session_close(session);
	free(session);
	return rc;
}

int bench_main(int argc, char **argv, const struct bench *bench)
{
	struct options opt;
	char why[256];
	int rc = BENCH_OK;

	options_init(&opt);
	if (options_parse(&opt, argc, argv, why, sizeof(why))) {
		fprintf(stderr, "%s: %s\n", bench->name, why);
		return BENCH_USAGE;
	}
	switch (opt.action) {
	case ACTION_RUN:
		rc = measure(bench, &opt, argc, argv);
		break;
	case ACTION_LIST:
		print_list(bench);
		break;
	case ACTION_HELP:
		print_help(bench);
		break;
	case ACTION_VERSION:
		print_version(bench);
		break;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "%s: stdout: cannot be written\n", bench->name);
		return BENCH_FAILED;
	}
	return rc;
}
