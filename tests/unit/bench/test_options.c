/* SPDX-License-Identifier: MIT */
/* options and thread lists: what is read, what is refused, and that a refusal names its reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/options.h"
#include "harness/threads.h"

#include <stdio.h>
#include <string.h>

#define MAX_ARGS (8 + 2 * OPTIONS_MAX_SETS)

/* Parse a command line given as one string; words end at a space. */
static int parse(struct options *opt, const char *line, char *msg, size_t len)
{
	static char copy[1024]; /* options keep pointers into it */
	char *argv[MAX_ARGS] = { (char[]){ "bench" } };
	int argc = 1;

	strncpy(copy, line, sizeof(copy) - 1);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	msg[0] = '\0';
	return options_parse(opt, argc, argv, msg, len);
}

static struct options good(const char *line)
{
	struct options opt;
	char msg[256];

	options_init(&opt);
	if (parse(&opt, line, msg, sizeof(msg)))
		fail_msg("'%s' was refused: %s", line, msg);
	return opt;
}

/* Refused with a line that has both texts in it. */
static void bad(const char *line, const char *option, const char *value)
{
	struct options opt;
	char msg[256];

	options_init(&opt);
	if (parse(&opt, line, msg, sizeof(msg)) == 0)
		fail_msg("'%s' was accepted", line);
	if (!strstr(msg, option) || !strstr(msg, value) || strchr(msg, '\n'))
		fail_msg("'%s': the message is '%s'", line, msg);
}

static void defaults(void **state)
{
	struct options opt = good("");

	(void)state;
	assert_int_equal(opt.action, ACTION_RUN);
	assert_string_equal(opt.machine, "host");
	assert_int_equal(opt.repeat, 5);
	assert_int_equal(opt.warmup, 1);
	assert_int_equal(opt.seed, 1);
	assert_int_equal(opt.memory, 0);
	assert_true(opt.scale == 1);
	assert_int_equal(opt.format, FORMAT_TABLE);
	assert_int_equal(opt.progress, PROGRESS_AUTO);
	assert_null(opt.output);
	assert_null(opt.threads);
	assert_int_equal(opt.nr_cases, 0);
	assert_int_equal(opt.nr_sets, 0);
}

static void every_option_is_read(void **state)
{
	struct options opt = good("--threads 1,2 --machine pack:2 --mode native --memory 24G "
				  "--repeat 7 --warmup 0 --seed 18446744073709551615 --scale 1/4 "
				  "--case a,b --case c --set k=v=w --format kernel --output f "
				  "--progress never");

	(void)state;
	assert_string_equal(opt.threads, "1,2");
	assert_string_equal(opt.machine, "pack:2");
	assert_true(opt.memory == UINT64_C(24) << 30);
	assert_int_equal(opt.repeat, 7);
	assert_int_equal(opt.warmup, 0);
	assert_true(opt.seed == UINT64_MAX);
	assert_true(opt.scale == 0.25);
	assert_int_equal(opt.nr_cases, 3);
	assert_string_equal(opt.case_name[1], "b");
	assert_true(options_has_case(&opt, "c"));
	assert_false(options_has_case(&opt, "ab"));
	assert_int_equal(opt.nr_sets, 1);
	assert_string_equal(opt.set[0].key, "k");
	assert_string_equal(opt.set[0].value, "v=w");
	assert_int_equal(opt.format, FORMAT_KERNEL);
	assert_string_equal(opt.output, "f");
	assert_int_equal(opt.progress, PROGRESS_NEVER);
}

static void actions_and_formats(void **state)
{
	(void)state;
	assert_int_equal(good("--help").action, ACTION_HELP);
	assert_int_equal(good("--version").action, ACTION_VERSION);
	assert_int_equal(good("--list").action, ACTION_LIST);
	assert_int_equal(good("--format table").format, FORMAT_TABLE);
	assert_int_equal(good("--format csv").format, FORMAT_CSV);
	assert_int_equal(good("--format=json").format, FORMAT_JSON);
	assert_int_equal(good("--format markdown").format, FORMAT_MARKDOWN);
	assert_int_equal(good("--progress always").progress, PROGRESS_ALWAYS);
	assert_true(good("--scale 0.01").scale == 0.01);
}

/* Nothing there is noise: one repetition is enough, unless more are asked for, in whatever order. */
static void virtual_mode_has_its_own_defaults(void **state)
{
	struct options opt = good("--mode virtual --machine skx.ini --what-if --trace t --locks");

	(void)state;
	assert_true(opt.virtual_time);
	assert_int_equal(opt.repeat, 1);
	assert_int_equal(opt.warmup, 0);
	assert_true(opt.what_if);
	assert_true(opt.locks);
	assert_string_equal(opt.trace, "t");
	assert_string_equal(opt.machine, "skx.ini");
	opt = good("--repeat 5 --warmup 1 --mode virtual");
	assert_int_equal(opt.repeat, 5);
	assert_int_equal(opt.warmup, 1);
	opt = good("--mode virtual --trace t --format csv");
	assert_string_equal(opt.trace, "t");
	opt = good("--mode virtual --mode native");
	assert_false(opt.virtual_time);
	assert_int_equal(opt.repeat, 5);
}

static void refusals_name_option_and_value(void **state)
{
	static const char *const line[][3] = {
		{ "--threads 0", "--threads", "'0'" },
		{ "--machine=", "--machine", "''" },
		{ "--mode x", "--mode", "'x'" },
		{ "--memory lots", "--memory", "'lots'" },
		{ "--memory 0", "--memory", "'0'" },
		{ "--repeat 0", "--repeat", "'0'" },
		{ "--repeat 3x", "--repeat", "'3x'" },
		{ "--warmup -1", "--warmup", "'-1'" },
		{ "--warmup=", "--warmup", "''" },
		{ "--seed 18446744073709551616", "--seed", "18446744073709551616" },
		{ "--seed +1", "--seed", "'+1'" },
		{ "--scale 0", "--scale", "'0'" },
		{ "--scale 2", "--scale", "'2'" },
		{ "--scale 1/", "--scale", "'1/'" },
		{ "--scale 1/0", "--scale", "'1/0'" },
		{ "--scale nan", "--scale", "'nan'" },
		{ "--case ,", "--case", "','" },
		{ "--case a,,b", "--case", "'a,,b'" },
		{ "--set a", "--set", "'a'" },
		{ "--set =1", "--set", "'=1'" },
		{ "--set a=", "--set", "'a='" },
		{ "--format xml", "--format", "'xml'" },
		{ "--progress maybe", "--progress", "'maybe'" },
		{ "--output=", "--output", "''" },
		{ "--frobnicate", "--frobnicate", "no such option" },
		{ "-q", "-q", "no such option" },
		{ "--help=now", "--help", "no value" },
		{ "--repeat", "--repeat", "missing" },
		{ "stray", "stray", "no argument" },
		{ "--report d", "--report", "no such option" },
		{ "--trace= --mode virtual", "--trace", "''" },
		{ "--what-if=1 --mode virtual", "--what-if", "no value" },
		{ "--what-if", "--what-if", "--mode virtual" },
		{ "--locks", "--locks", "--mode virtual" },
		{ "--trace f", "--trace", "--mode virtual" },
		{ "--mode virtual --what-if --format csv", "--what-if", "csv" },
		{ "--format json --locks --mode virtual", "--locks", "json" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(line) / sizeof(line[0]); i++)
		bad(line[i][0], line[i][1], line[i][2]);
}

static void names_that_are_too_long_are_refused(void **state)
{
	char line[128] = "--case ";

	(void)state;
	memset(line + strlen(line), 'x', OPTIONS_NAME);
	bad(line, "--case", "xxxx");
	memcpy(line, "--set  ", 7);
	strcpy(line + 7 + OPTIONS_NAME, "=1");
	bad(line, "--set", "too long");
}

static void lists_are_bounded(void **state)
{
	char line[1024] = "--case ";

	(void)state;
	for (unsigned i = 0; i < OPTIONS_MAX_CASES; i++)
		strcat(line, "a,");
	assert_int_equal(good(line).nr_cases, OPTIONS_MAX_CASES);
	bad(strcat(line, "b"), "--case", "more cases");
	line[0] = '\0';
	for (unsigned i = 0; i < OPTIONS_MAX_SETS; i++)
		strcat(line, "--set a=1 ");
	assert_int_equal(good(line).nr_sets, OPTIONS_MAX_SETS);
	bad(strcat(line, "--set b=1"), "--set", "b=1");
}

static void report_only_where_taken(void **state)
{
	struct options opt;
	char msg[256];

	(void)state;
	options_init(&opt);
	opt.takes_report = true;
	assert_int_equal(parse(&opt, "--report d", msg, sizeof(msg)), 0);
	assert_string_equal(opt.report, "d");
}

/* The list as text, for comparing. */
static const char *threads_of(const char *text, unsigned cpus)
{
	static char out[256];
	struct thread_list list;
	char msg[160], number[16];

	if (threads_parse(text, cpus, &list, msg, sizeof(msg)))
		return strcpy(out, msg);
	out[0] = '\0';
	for (unsigned i = 0; i < list.nr; i++) {
		snprintf(number, sizeof(number), i ? ",%u" : "%u", list.count[i]);
		strcat(out, number);
	}
	return out;
}

static void thread_lists(void **state)
{
	(void)state;
	assert_string_equal(threads_of("1,2,4", 8), "1,2,4");
	assert_string_equal(threads_of("4,1,2,2,1", 8), "1,2,4");
	assert_string_equal(threads_of("1..64:x2", 8), "1,2,4,8,16,32,64");
	assert_string_equal(threads_of("1..52:x2", 8), "1,2,4,8,16,32,52");
	assert_string_equal(threads_of("3..3", 8), "3");
	assert_string_equal(threads_of("1..4", 8), "1,2,3,4");
	assert_string_equal(threads_of("1..8:+3", 8), "1,4,7,8");
	assert_string_equal(threads_of("1..100%:x2", 6), "1,2,4,6");
	assert_string_equal(threads_of("100%,1..2,16", 4), "1,2,4,16");
}

/* Percentages and counts as the padata series printed them. */
static void percentages(void **state)
{
	(void)state;
	assert_string_equal(threads_of("2%,12%,25%,37%,50%,75%,100%", 52), "1,6,13,19,26,39,52");
	assert_string_equal(threads_of("3%,12%,25%,38%,50%,75%,100%", 32), "1,4,8,12,16,24,32");
	assert_string_equal(threads_of("1%", 1), "1");
}

static void thread_lists_refused(void **state)
{
	static const char *const text[] = {
		"",        ",",       "1,",
		"1,,2",    "0",       "-1",
		"+1",      "x",       "1 ",
		" 1",      "1;2",     "4..2",
		"1..",     "..4",     "1..4:",
		"1..4:x1", "0%",      "101%",
		"1..4:*2", "1..4:x0", "1..4:+0",
		"70000",   "1...4",   "1..2000",
		"1%%",     "1.5",     "99999999999999999999",
	};
	struct thread_list list;
	char msg[160];

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		msg[0] = '\0';
		if (threads_parse(text[i], 8, &list, msg, sizeof(msg)) == 0)
			fail_msg("'%s' was accepted", text[i]);
		assert_true(msg[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_option_is_read),
		cmocka_unit_test(actions_and_formats),
		cmocka_unit_test(virtual_mode_has_its_own_defaults),
		cmocka_unit_test(refusals_name_option_and_value),
		cmocka_unit_test(names_that_are_too_long_are_refused),
		cmocka_unit_test(lists_are_bounded),
		cmocka_unit_test(report_only_where_taken),
		cmocka_unit_test(thread_lists),
		cmocka_unit_test(percentages),
		cmocka_unit_test(thread_lists_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
