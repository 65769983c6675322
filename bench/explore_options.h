/* SPDX-License-Identifier: MIT */
/* The command line of `explore`. Parsing only: no file is opened here. */
#ifndef EXPLORE_OPTIONS_H
#define EXPLORE_OPTIONS_H

#include "harness/options.h"

#include <mmsim/explore.h>
#include <stddef.h>

#define EXPLORE_POLICY_LEN 32

enum explore_action {
	EXPLORE_SEARCH,
	EXPLORE_REPLAY,
	EXPLORE_MINIMIZE,
	EXPLORE_LIST,
	EXPLORE_HELP,
	EXPLORE_VERSION,
};

/* Strings point into argv. */
struct explore_options {
	const char *program;
	enum explore_action action;
	const char *test; /* NULL: all, or what the schedule file names */
	const char *file; /* of --replay or --minimize */
	const char *trace; /* NULL: none */
	enum mmsim_policy policy;
	uint32_t depth;
	uint64_t seed;
	uint64_t runs; /* 0: as long as the time lasts */
	uint64_t time_ns; /* 0: no limit */
	uint64_t max_steps; /* 0: the library's default */
	bool twice;
	bool minimize;
	enum progress_mode progress;
};

/* 0, or -1 with one line in msg. */
int explore_options_parse(struct explore_options *o, int argc, char **argv, char *msg, size_t len);

/* "random", "pct:3", "dfs:2". False: not of that form, nothing is changed. */
bool explore_policy_parse(const char *text, enum mmsim_policy *policy, uint32_t *depth);
void explore_policy_print(enum mmsim_policy policy, uint32_t depth, char *buf, size_t len);

/* A decimal number and nothing else. False: it is not, or is too large; nothing is changed. */
bool explore_parse_number(const char *text, uint64_t most, uint64_t *number);

const char *explore_options_help(void);

#endif
