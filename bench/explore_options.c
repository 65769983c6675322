/* SPDX-License-Identifier: MIT */
/* The command line of `explore`. */
#include "explore_options.h"

#include "harness/util.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_RUNS = 1000, MAX_DEPTH = 64, MAX_SECONDS = 1000000 };

struct option_kind {
	const char *name;
	bool valued;
	/* False: the value makes no sense. */
	bool (*set)(struct explore_options *o, const char *value);
};

bool explore_parse_number(const char *text, uint64_t most, uint64_t *number)
{
	uint64_t n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n) || n > most)
			return false;
	}
	*number = n;
	return true;
}

static bool parse_depth(const char *text, const char *name, uint32_t least, uint32_t *depth)
{
	size_t len = strlen(name);
	uint64_t n;

	if (strncmp(text, name, len) || text[len] != ':' ||
	    !explore_parse_number(text + len + 1, MAX_DEPTH, &n) || n < least)
		return false;
	*depth = (uint32_t)n;
	return true;
}

bool explore_policy_parse(const char *text, enum mmsim_policy *policy, uint32_t *depth)
{
	if (!strcmp(text, "random")) {
		*policy = MMSIM_POLICY_RANDOM;
		*depth = 0;
	} else if (!strcmp(text, "default")) {
		*policy = MMSIM_POLICY_REPLAY;
		*depth = 0;
	} else if (parse_depth(text, "pct", 1, depth)) {
		*policy = MMSIM_POLICY_PCT;
	} else if (parse_depth(text, "dfs", 0, depth)) {
		*policy = MMSIM_POLICY_DFS;
	} else {
		return false;
	}
	return true;
}

void explore_policy_print(enum mmsim_policy policy, uint32_t depth, char *buf, size_t len)
{
	switch (policy) {
	case MMSIM_POLICY_RANDOM:
		bench_copy(buf, len, "random");
		break;
	case MMSIM_POLICY_PCT:
		snprintf(buf, len, "pct:%u", depth);
		break;
	case MMSIM_POLICY_DFS:
		snprintf(buf, len, "dfs:%u", depth);
		break;
	case MMSIM_POLICY_REPLAY:
		bench_copy(buf, len, "default");
		break;
	}
}

static bool set_test(struct explore_options *o, const char *value)
{
	o->test = value;
	return *value != 0;
}

static bool set_policy(struct explore_options *o, const char *value)
{
	return explore_policy_parse(value, &o->policy, &o->depth);
}

static bool set_seed(struct explore_options *o, const char *value)
{
	return explore_parse_number(value, UINT64_MAX, &o->seed);
}

static bool set_runs(struct explore_options *o, const char *value)
{
	return explore_parse_number(value, UINT64_MAX, &o->runs) && o->runs;
}

static bool set_time(struct explore_options *o, const char *value)
{
	uint64_t seconds;

	if (!explore_parse_number(value, MAX_SECONDS, &seconds) || !seconds)
		return false;
	o->time_ns = seconds * 1000000000;
	return true;
}

static bool set_max_steps(struct explore_options *o, const char *value)
{
	return explore_parse_number(value, UINT64_MAX, &o->max_steps) && o->max_steps;
}

static bool set_file(struct explore_options *o, enum explore_action action, const char *value)
{
	o->action = action;
	o->file = value;
	return *value != 0;
}

static bool set_replay(struct explore_options *o, const char *value)
{
	return set_file(o, EXPLORE_REPLAY, value);
}

static bool set_minimize(struct explore_options *o, const char *value)
{
	return set_file(o, EXPLORE_MINIMIZE, value);
}

static bool set_no_minimize(struct explore_options *o, const char *value)
{
	(void)value;
	o->minimize = false;
	return true;
}

static bool set_twice(struct explore_options *o, const char *value)
{
	(void)value;
	o->twice = true;
	return true;
}

static bool set_trace(struct explore_options *o, const char *value)
{
	o->trace = value;
	return *value != 0;
}

static bool set_progress(struct explore_options *o, const char *value)
{
	static const char *const names[] = {
		[PROGRESS_AUTO] = "auto",
		[PROGRESS_ALWAYS] = "always",
		[PROGRESS_NEVER] = "never",
	};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(value, names[i])) {
			o->progress = (enum progress_mode)i;
			return true;
		}
	return false;
}

static bool set_list(struct explore_options *o, const char *value)
{
	(void)value;
	o->action = EXPLORE_LIST;
	return true;
}

static bool set_help(struct explore_options *o, const char *value)
{
	(void)value;
	o->action = EXPLORE_HELP;
	return true;
}

static bool set_version(struct explore_options *o, const char *value)
{
	(void)value;
	o->action = EXPLORE_VERSION;
	return true;
}

static const struct option_kind kinds[] = {
	{ "--test", true, set_test },         { "--policy", true, set_policy },
	{ "--seed", true, set_seed },         { "--runs", true, set_runs },
	{ "--time", true, set_time },         { "--max-steps", true, set_max_steps },
	{ "--twice", false, set_twice },      { "--replay", true, set_replay },
	{ "--minimize", true, set_minimize }, { "--no-minimize", false, set_no_minimize },
	{ "--trace", true, set_trace },       { "--progress", true, set_progress },
	{ "--list", false, set_list },        { "--help", false, set_help },
	{ "--version", false, set_version },
};

const char *explore_options_help(void)
{
	return "  --test NAME|all      what to run (default all; with a schedule file: its own)\n"
	       "  --policy P           random, pct:D (D - 1 change points), dfs:B (at most B\n"
	       "                       preemptions); default random\n"
	       "  --seed N             the first seed (default 1); the next runs have N + 1, ...\n"
	       "  --runs K             at most so many per test (default 1000; with --time: any)\n"
	       "  --time SECONDS       per test; then how many runs there are is not repeatable\n"
	       "  --max-steps M        a longer run is a livelock (default 1000000)\n"
	       "  --twice              run every schedule again and compare: is it repeatable?\n"
	       "  --replay FILE        run the schedule of a file\n"
	       "  --minimize FILE      shorten the schedule of a file, into FILE.min\n"
	       "  --no-minimize        leave the schedule of a failure as it was found\n"
	       "  --trace FILE         the (last) failing or the replayed run, as a Perfetto\n"
	       "                       trace (JSON)\n"
	       "  --progress WHEN      auto (if stderr is a terminal), always, never\n"
	       "  --list               the tests\n"
	       "  --help, --version    this text; version and build id\n"
	       "exit: 0 nothing found; 1 a failure found, or stdout cannot be written; 2 usage,\n"
	       "or a schedule file that is of no use: not as written, diverges, does not fail\n"
	       "and is to be minimized; 77 cannot run\n";
}

static const struct option_kind *find_kind(const char *arg, size_t len)
{
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
		if (strlen(kinds[i].name) == len && !strncmp(arg, kinds[i].name, len))
			return &kinds[i];
	return NULL;
}

/* The option at argv[i], as "--name value" or "--name=value". Returns how many words it had, or -1. */
static int parse_one(struct explore_options *o, char **argv, int i, char *msg, size_t len)
{
	const char *arg = argv[i], *equals = strchr(arg, '='), *value = NULL;
	const struct option_kind *kind =
		find_kind(arg, equals ? (size_t)(equals - arg) : strlen(arg));

	if (!kind || (equals && !kind->valued)) {
		snprintf(msg, len, "'%s': no such option", arg);
		return -1;
	}
	if (kind->valued)
		value = equals ? equals + 1 : argv[i + 1];
	if (kind->valued && !value) {
		snprintf(msg, len, "%s: a value is missing", kind->name);
		return -1;
	}
	if (!kind->set(o, value)) {
		snprintf(msg, len, "%s: '%s': not such a value", kind->name, value);
		return -1;
	}
	return kind->valued && !equals ? 2 : 1;
}

static int check_together(const struct explore_options *o, char *msg, size_t len)
{
	if (o->file && o->test && !strcmp(o->test, "all")) {
		snprintf(msg, len, "--test: 'all': a schedule file is of one test");
		return -1;
	}
	return 0;
}

int explore_options_parse(struct explore_options *o, int argc, char **argv, char *msg, size_t len)
{
	*o = (struct explore_options){
		.program = argv[0],
		.policy = MMSIM_POLICY_RANDOM,
		.seed = 1,
		.minimize = true,
	};
	for (int i = 1; i < argc;) {
		int words = parse_one(o, argv, i, msg, len);

		if (words < 0)
			return -1;
		i += words;
	}
	if (!o->runs && !o->time_ns)
		o->runs = DEFAULT_RUNS;
	return check_together(o, msg, len);
}
