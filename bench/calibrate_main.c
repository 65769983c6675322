/* SPDX-License-Identifier: MIT */
/* Measures this host and writes its machine profile. */
#include "calibrate.h"

#include "harness/context.h"
#include "harness/util.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define QUICK_ROUNDS 3

enum { OPT_OUTPUT = 1000, OPT_ROUNDS, OPT_QUICK, OPT_PROGRESS, OPT_LIST, OPT_HELP, OPT_VERSION };

static const struct option list[] = {
	{ "output", required_argument, NULL, OPT_OUTPUT },
	{ "rounds", required_argument, NULL, OPT_ROUNDS },
	{ "quick", no_argument, NULL, OPT_QUICK },
	{ "progress", required_argument, NULL, OPT_PROGRESS },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

struct command {
	struct calibrate_options opt;
	const char *output; /* NULL: stdout */
	bool rounds_given;
	enum options_action action;
};

__attribute__((format(printf, 2, 3))) static int fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("calibrate: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

static int set_rounds(struct command *cmd, const char *value)
{
	char *end;
	unsigned long rounds = strtoul(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end || rounds < 1 || rounds > CALIBRATE_MAX_ROUNDS)
		return fail(BENCH_USAGE, "--rounds: '%s': not a number from 1 to %d", value,
			    CALIBRATE_MAX_ROUNDS);
	cmd->opt.rounds = (unsigned)rounds;
	cmd->rounds_given = true;
	return BENCH_OK;
}

static int set_progress(struct command *cmd, const char *value)
{
	static const char *const word[] = { "auto", "always", "never" };

	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		if (!strcmp(value, word[i])) {
			cmd->opt.progress = (enum progress_mode)i;
			return BENCH_OK;
		}
	return fail(BENCH_USAGE, "--progress: '%s': not auto, always or never", value);
}

static int set_output(struct command *cmd, const char *value)
{
	if (!value[0])
		return fail(BENCH_USAGE, "--output: '': a file is missing");
	cmd->output = value;
	return BENCH_OK;
}

/* optopt: 0 for an unknown long option, the val of a known one that is misused, or a letter. */
static int refuse(char *const *argv, int result)
{
	if (result == ':')
		return fail(BENCH_USAGE, "%s: a value is missing", argv[optind - 1]);
	if (optopt >= OPT_OUTPUT)
		return fail(BENCH_USAGE, "%s: takes no value", argv[optind - 1]);
	if (optopt)
		return fail(BENCH_USAGE, "-%c: no such option, try --help", optopt);
	return fail(BENCH_USAGE, "%s: no such option, try --help", argv[optind - 1]);
}

static int apply(struct command *cmd, int result, char *const *argv)
{
	switch (result) {
	case OPT_OUTPUT:
		return set_output(cmd, optarg);
	case OPT_ROUNDS:
		return set_rounds(cmd, optarg);
	case OPT_PROGRESS:
		return set_progress(cmd, optarg);
	case OPT_QUICK:
		cmd->opt.quick = true;
		return BENCH_OK;
	case OPT_LIST:
		cmd->action = ACTION_LIST;
		return BENCH_OK;
	case OPT_HELP:
		cmd->action = ACTION_HELP;
		return BENCH_OK;
	case OPT_VERSION:
		cmd->action = ACTION_VERSION;
		return BENCH_OK;
	default:
		return refuse(argv, result);
	}
}

static int parse(struct command *cmd, int argc, char **argv)
{
	int result, rc;

	opterr = 0;
	while ((result = getopt_long(argc, argv, ":", list, NULL)) != -1) {
		rc = apply(cmd, result, argv);
		if (rc)
			return rc;
	}
	if (optind < argc)
		return fail(BENCH_USAGE, "'%s': no argument is expected, try --help", argv[optind]);
	if (cmd->opt.quick && !cmd->rounds_given)
		cmd->opt.rounds = QUICK_ROUNDS;
	return BENCH_OK;
}

static void print_help(void)
{
	printf("usage: calibrate [OPTION]...\n"
	       "measure this host and write its machine profile\n\n"
	       "  --output FILE       write the profile there instead of to stdout\n"
	       "  --rounds N          measure everything so often, 1 to %d (9; with --quick %d)\n"
	       "  --quick             less work, fewer rounds\n"
	       "  --progress WHEN     auto, always or never (auto: if stderr is a terminal)\n"
	       "  --list              how each figure is measured\n"
	       "  --help, --version\n\n"
	       "exit codes: 0 ok, 1 failed, 2 usage, 77 cannot run here\n",
	       CALIBRATE_MAX_ROUNDS, QUICK_ROUNDS);
}

static int print_about(enum options_action action)
{
	char version[32];

	context_version(version, sizeof(version));
	if (action == ACTION_VERSION)
		printf("calibrate (libmmsim) %s\n", version);
	else if (action == ACTION_LIST)
		calibrate_list(stdout);
	else
		print_help();
	if (fflush(stdout) || ferror(stdout))
		return fail(BENCH_FAILED, "stdout: cannot be written");
	return BENCH_OK;
}

/* Into memory first: a file that was there stays until there is a whole profile to replace it. */
static int run(const struct command *cmd)
{
	struct mmsim_config *cfg = bench_calloc(1, sizeof(*cfg));
	char *text = NULL;
	size_t len = 0;
	FILE *ini = open_memstream(&text, &len);
	FILE *out = NULL;
	int rc = ini ? calibrate_run(&cmd->opt, cfg, ini) : BENCH_FAILED;

	free(cfg);
	if (ini && fclose(ini))
		rc = BENCH_FAILED;
	if (rc == BENCH_OK)
		out = cmd->output ? fopen(cmd->output, "we") : stdout;
	if (rc == BENCH_OK && (!out || fwrite(text, 1, len, out) != len || fflush(out)))
		rc = fail(BENCH_FAILED, "%s: %s", cmd->output ? cmd->output : "stdout",
			  strerror(errno));
	if (out && out != stdout && fclose(out) && rc == BENCH_OK)
		rc = fail(BENCH_FAILED, "%s: %s", cmd->output, strerror(errno));
	free(text);
	return rc;
}

/* Before measuring for seconds, see whether the result can be kept. */
static int check_output(const char *path)
{
	FILE *out = path ? fopen(path, "ae") : NULL;

	if (path && !out)
		return fail(BENCH_USAGE, "--output: '%s': %s", path, strerror(errno));
	if (out)
		fclose(out);
	return BENCH_OK;
}

int main(int argc, char **argv)
{
	struct command cmd = { .action = ACTION_RUN };
	int rc;

	calibrate_options_init(&cmd.opt);
	rc = parse(&cmd, argc, argv);
	if (rc)
		return rc;
	if (cmd.action != ACTION_RUN)
		return print_about(cmd.action);
	rc = check_output(cmd.output);
	return rc ? rc : run(&cmd);
}
