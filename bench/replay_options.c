/* SPDX-License-Identifier: MIT */
/* The options of `replay`. */
#include "replay_options.h"

#include "harness/util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_LINES 1000000

static const struct {
	const char *key;
	size_t offset;
	const char *word[4]; /* by the enum */
} policies[REPLAY_NR_POLICIES] = {
	{ "fallback",
	  offsetof(struct mmsim_alloc_policy, fallback),
	  { [MMSIM_FALLBACK_CACHED] = "cached",
	    [MMSIM_FALLBACK_UNCACHED] = "uncached",
	    [MMSIM_FALLBACK_LARGEST] = "largest" } },
	{ "pcp-free",
	  offsetof(struct mmsim_alloc_policy, pcp_free),
	  { [MMSIM_PCP_FREE_SLICED] = "sliced", [MMSIM_PCP_FREE_WHOLE] = "whole" } },
	{ "pcp-high",
	  offsetof(struct mmsim_alloc_policy, pcp_high),
	  { [MMSIM_PCP_HIGH_AUTO] = "auto", [MMSIM_PCP_HIGH_FIXED] = "fixed" } },
	{ "allocator",
	  offsetof(struct mmsim_alloc_policy, allocator),
	  { [MMSIM_ALLOCATOR_LINUX] = "linux", [MMSIM_ALLOCATOR_BITMAP] = "bitmap" } },
};

static bool equals(const char *text, size_t n, const char *word)
{
	return strlen(word) == n && !strncmp(text, word, n);
}

static const char *set_policy(struct replay_options *opt, const char *text, size_t n)
{
	const char *sign = memchr(text, '=', n);
	size_t key = sign ? (size_t)(sign - text) : n;

	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		if (!equals(text, key, policies[i].key))
			continue;
		for (uint32_t k = 0; sign && policies[i].word[k]; k++)
			if (equals(sign + 1, n - key - 1, policies[i].word[k])) {
				opt->policy[i] = k + 1;
				return NULL;
			}
		return "no such choice, try --help";
	}
	return "must be fallback=, pcp-free=, pcp-high= or allocator=, try --help";
}

static const char *set_policies(struct replay_options *opt, const char *value)
{
	const char *wrong = NULL;

	do {
		size_t n = strcspn(value, ",");

		wrong = set_policy(opt, value, n);
		value += n;
	} while (!wrong && *value++ == ',');
	return wrong;
}

static const char *add_snapshot(struct replay_options *opt, const char *value, size_t n)
{
	if (n == 0)
		return "must be a directory, or host";
	if (opt->nr == REPLAY_MAX_RECORDINGS)
		return "is one recording too many";
	opt->snapshot[opt->nr] = bench_calloc(n + 1, 1);
	memcpy(opt->snapshot[opt->nr++], value, n);
	return NULL;
}

/* "a,b" is two, unless there is one of that name. */
static const char *set_snapshot(struct replay_options *opt, const char *value)
{
	const char *wrong;

	if (!access(value, F_OK))
		return add_snapshot(opt, value, strlen(value));
	do {
		size_t n = strcspn(value, ",");

		wrong = add_snapshot(opt, value, n);
		value += n;
	} while (!wrong && *value++ == ',');
	return wrong;
}

static const char *set_trace(struct replay_options *opt, const char *value)
{
	opt->trace = value;
	return *value ? NULL : "must be the name of a file";
}

/* A number is how many to print, all else a file; "./12" is a file, too. */
static const char *set_mismatches(struct replay_options *opt, const char *value)
{
	char *end;

	if (*value == '\0' || *value == '-')
		return "must be a number or the name of a file, not beginning with '-'";
	if (strspn(value, "0123456789") != strlen(value)) {
		opt->list_file = value;
		return NULL;
	}
	errno = 0;
	opt->list_most = strtoull(value, &end, 10);
	return errno || opt->list_most > MOST_LINES ? "must be a number up to 1000000" : NULL;
}

static const char *set_hints(struct replay_options *opt, const char *value)
{
	(void)value;
	opt->hints = true;
	return NULL;
}

static const char *set_free_running(struct replay_options *opt, const char *value)
{
	(void)value;
	opt->free_running = true;
	return NULL;
}

static const struct kind {
	const char *name;
	const char *(*set)(struct replay_options *opt, const char *value);
	bool has_value;
} kinds[] = {
	{ "--snapshot", set_snapshot, true }, { "--trace", set_trace, true },
	{ "--hints", set_hints, false },      { "--free-running", set_free_running, false },
	{ "--policy", set_policies, true },   { "--mismatches", set_mismatches, true },
};

static const struct kind *find_kind(const char *arg)
{
	size_t n = strcspn(arg, "=");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (equals(arg, n, kinds[i].name))
			return &kinds[i];
	return NULL;
}

/* Returns how many arguments the option was, or -1. */
static int take(struct replay_options *opt, const struct kind *kind, char *const *arg, char *msg,
		size_t len)
{
	const char *sign = strchr(arg[0], '=');
	const char *value = sign ? sign + 1 : kind->has_value ? arg[1] : NULL;
	const char *wrong;

	if (kind->has_value && !value) {
		snprintf(msg, len, "%s: a value is missing", kind->name);
		return -1;
	}
	if (!kind->has_value && sign) {
		snprintf(msg, len, "%s: takes no value", arg[0]);
		return -1;
	}
	wrong = kind->set(opt, value);
	if (!wrong)
		return kind->has_value && !sign ? 2 : 1;
	snprintf(msg, len, "%s: '%s': %s", kind->name, value, wrong);
	return -1;
}

/* What holds between options, in whatever order they came. */
static int settle(const struct replay_options *opt, char *msg, size_t len)
{
	const char *wrong = NULL;

	if (opt->trace && opt->nr > 1)
		wrong = "--trace: belongs to one recording, and more are named";
	else if (opt->hints && opt->nr == 0)
		wrong = "--hints: are of a recording, and none is named: add --snapshot";
	else if (opt->hints && opt->free_running)
		wrong = "--hints: say what to correct, and --free-running corrects nothing";
	if (wrong)
		snprintf(msg, len, "%s", wrong);
	return wrong ? -1 : 0;
}

int replay_options_parse(struct replay_options *opt, int argc, char **argv, int *rest_argc,
			 char **rest, char *msg, size_t len)
{
	memset(opt, 0, sizeof(*opt));
	*rest_argc = 0;
	for (int i = 0; i < argc;) {
		const struct kind *kind = i ? find_kind(argv[i]) : NULL;
		int used = kind ? take(opt, kind, &argv[i], msg, len) : 1;

		if (used < 0)
			return -1;
		if (!kind)
			rest[(*rest_argc)++] = argv[i];
		i += used;
	}
	rest[*rest_argc] = NULL;
	return settle(opt, msg, len);
}

void replay_options_free(struct replay_options *opt)
{
	for (unsigned i = 0; i < opt->nr; i++)
		free(opt->snapshot[i]);
	opt->nr = 0;
}

void replay_options_policy(const struct replay_options *opt, struct mmsim_alloc_policy *policy)
{
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		uint32_t value = opt->policy[i] - 1;

		if (opt->policy[i])
			memcpy((char *)policy + policies[i].offset, &value, sizeof(value));
	}
}

void replay_options_impl(const struct replay_options *opt, bool free_running, char *buf, size_t len)
{
	const char *sign = ":";

	snprintf(buf, len, "mmsim");
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		if (!opt->policy[i])
			continue;
		bench_append(buf, len, "%s%s", sign, policies[i].word[opt->policy[i] - 1]);
		sign = ",";
	}
	if (free_running)
		bench_append(buf, len, "%sfree-running", sign);
}

const char *replay_options_help(void)
{
	return "  --snapshot DIR[,DIR]  a recording, also several times; host: this kernel, as "
	       "root;\n"
	       "                      without: one that is made by a simulated machine\n"
	       "  --trace FILE        replay this trace (the recording's events.txt.zst); of "
	       "trace-cmd,\n"
	       "                      perf, ftrace or LLFree; without --snapshot on a fresh "
	       "machine,\n"
	       "                      free-running; no timeline here\n"
	       "  --hints             use the recording's resolved.zst\n"
	       "  --free-running      correct nothing: only the requests are the recording's\n"
	       "  --policy KEY=WORD[,KEY=WORD]\n"
	       "                      fallback=cached|uncached|largest, pcp-free=whole|sliced,\n"
	       "                      pcp-high=auto|fixed, allocator=linux|bitmap\n"
	       "  --mismatches N      print the first N of each recording\n"
	       "  --mismatches FILE   write all of them there\n"
	       "\n"
	       "here --repeat is 1 and --warmup 0; --memory, --scale, --seed are of case self "
	       "only;\n"
	       "not here: --mode, --machine, --what-if, --locks\n";
}
