/* SPDX-License-Identifier: MIT */
/* One function per option: read its value, or say what is wrong with it. */
#include "option_values.h"

#include "threads.h"
#include "util.h"

#include <errno.h>
#include <math.h>
#include <mmsim/config.h>
#include <stdlib.h>
#include <string.h>

/* The position of a word in a list that ends with NULL, or -1. */
static int word_index(const char *const *words, const char *value)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], value))
			return i;
	return -1;
}

/* Decimal digits and nothing else: strtoull() alone takes signs, spaces and overflow. */
static bool parse_uint(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t value;
	char *end;

	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || value > max)
		return false;
	*out = value;
	return true;
}

const char *options_set_threads(struct options *opt, const char *value)
{
	struct thread_list list;

	/* How many CPUs 100 % are is known later; that the text can be read, now. */
	if (threads_parse(value, 100, &list, opt->why, sizeof(opt->why)))
		return opt->why;
	opt->threads = value;
	return NULL;
}

const char *options_set_machine(struct options *opt, const char *value)
{
	opt->machine = value;
	return *value ? NULL : "must be host, a topology or the path of a profile";
}

const char *options_set_mode(struct options *opt, const char *value)
{
	static const char *const words[] = { "native", "virtual", NULL };
	int i = word_index(words, value);

	if (i < 0)
		return "must be native or virtual";
	opt->virtual_time = i == 1;
	return NULL;
}

const char *options_set_memory(struct options *opt, const char *value)
{
	uint64_t bytes;
	int rc = mmsim_parse_bytes(value, &bytes);

	if (rc == -ERANGE)
		return "does not fit 64 bits";
	if (rc || bytes == 0)
		return "must be a size such as 24G or 512MiB";
	opt->memory = bytes;
	return NULL;
}

const char *options_set_repeat(struct options *opt, const char *value)
{
	uint64_t n;

	if (!parse_uint(value, 100000, &n) || n == 0)
		return "must be a number from 1 to 100000";
	opt->repeat = (unsigned)n;
	opt->repeat_given = true;
	return NULL;
}

const char *options_set_warmup(struct options *opt, const char *value)
{
	uint64_t n;

	if (!parse_uint(value, 100000, &n))
		return "must be a number from 0 to 100000";
	opt->warmup = (unsigned)n;
	opt->warmup_given = true;
	return NULL;
}

const char *options_set_seed(struct options *opt, const char *value)
{
	return parse_uint(value, UINT64_MAX, &opt->seed) ? NULL : "must be a 64-bit number";
}

/* "1/100" or "0.01". */
const char *options_set_scale(struct options *opt, const char *value)
{
	char *end;
	double scale = strtod(value, &end);

	if (end != value && *end == '/') {
		const char *below = end + 1;

		scale /= strtod(below, &end);
		if (end == below)
			scale = NAN;
	}
	if (end == value || *end != '\0' || !(scale > 0 && scale <= 1))
		return "must be a share such as 1/100, above 0 and at most 1";
	opt->scale = scale;
	return NULL;
}

const char *options_set_case(struct options *opt, const char *value)
{
	while (*value) {
		size_t n = strcspn(value, ",");

		if (n == 0 || n >= OPTIONS_NAME)
			return "must be names separated by commas, see --list";
		if (opt->nr_cases == OPTIONS_MAX_CASES)
			return "names more cases than there can be";
		bench_copy(opt->case_name[opt->nr_cases++], n + 1, value);
		value += n;
		value += *value == ',';
	}
	return opt->nr_cases ? NULL : "must be names separated by commas, see --list";
}

const char *options_set_set(struct options *opt, const char *value)
{
	const char *equals = strchr(value, '=');
	struct option_set *set = &opt->set[opt->nr_sets];

	if (!equals || equals == value || equals[1] == '\0')
		return "must be key=value";
	if (equals - value >= OPTIONS_NAME || strlen(equals + 1) >= OPTIONS_NAME)
		return "is too long";
	if (opt->nr_sets == OPTIONS_MAX_SETS)
		return "is one too many";
	bench_copy(set->key, (size_t)(equals - value) + 1, value);
	bench_copy(set->value, sizeof(set->value), equals + 1);
	opt->nr_sets++;
	return NULL;
}

const char *options_set_format(struct options *opt, const char *value)
{
	static const char *const words[] = { "table", "csv", "json", "markdown", "kernel", NULL };
	int i = word_index(words, value);

	if (i < 0)
		return "must be table, csv, json, markdown or kernel";
	opt->format = (enum bench_format)i;
	return NULL;
}

const char *options_set_progress(struct options *opt, const char *value)
{
	static const char *const words[] = { "auto", "always", "never", NULL };
	int i = word_index(words, value);

	if (i < 0)
		return "must be auto, always or never";
	opt->progress = (enum progress_mode)i;
	return NULL;
}

const char *options_set_output(struct options *opt, const char *value)
{
	opt->output = value;
	return *value ? NULL : "must be the name of a file";
}

const char *options_set_report(struct options *opt, const char *value)
{
	opt->report = value;
	return *value ? NULL : "must be the name of a folder";
}

const char *options_set_trace(struct options *opt, const char *value)
{
	opt->trace = value;
	return *value ? NULL : "must be the name of a file";
}
