/* SPDX-License-Identifier: MIT */
/* The command line that every benchmark program has. Parsing only; nothing is looked up here. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OPTIONS_MAX_CASES 64
#define OPTIONS_MAX_SETS 64
#define OPTIONS_NAME 48

enum bench_format {
	FORMAT_TABLE,
	FORMAT_CSV,
	FORMAT_JSON,
	FORMAT_MARKDOWN,
	FORMAT_KERNEL,
};

enum progress_mode {
	PROGRESS_AUTO, /* if stderr is a terminal */
	PROGRESS_ALWAYS,
	PROGRESS_NEVER,
};

enum options_action {
	ACTION_RUN,
	ACTION_LIST,
	ACTION_HELP,
	ACTION_VERSION,
};

struct option_set {
	char key[OPTIONS_NAME];
	char value[OPTIONS_NAME];
};

/* Strings point into argv. */
struct options {
	bool takes_report; /* set before parsing: this program has --report */

	enum options_action action;
	const char *threads; /* checked, but not resolved; NULL: the benchmark's default */
	const char *machine; /* "host", a topology, or the path of a profile */
	const char *output; /* NULL: stdout */
	const char *report; /* a folder, or NULL */
	const char *trace; /* a file, or NULL; virtual only, as the two below */
	bool what_if;
	bool locks;
	bool virtual_time; /* --mode virtual */
	uint64_t memory; /* bytes; 0: the benchmark's default */
	uint64_t seed;
	unsigned repeat; /* virtual, and not given: 1 */
	unsigned warmup; /* virtual, and not given: 0 */
	bool repeat_given;
	bool warmup_given;
	double scale; /* above 0, at most 1 */
	enum bench_format format;
	enum progress_mode progress;
	unsigned nr_cases; /* 0: the benchmark's default */
	char case_name[OPTIONS_MAX_CASES][OPTIONS_NAME];
	unsigned nr_sets;
	struct option_set set[OPTIONS_MAX_SETS];
	char why[160]; /* scratch: what is wrong with the value just read */
};

/* Every option's default; takes_report off. */
void options_init(struct options *opt);

/*
 * Returns 0, or -1 with one line "--option: 'value': what is wrong" in msg. --help, --version and
 * --list win over the rest, but do not excuse it. What holds between options is checked last.
 */
int options_parse(struct options *opt, int argc, char **argv, char *msg, size_t len);

/* Was this case asked for by name? */
bool options_has_case(const struct options *opt, const char *name);

/* One line per option, for --help. */
const char *options_help(void);

#endif
