/* SPDX-License-Identifier: MIT */
/* The options of `replay`: what is taken out of the command line, what is left, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "replay_options.h"

#include <stdio.h>
#include <string.h>

#define MAX_ARGS 64

struct parsed {
	struct replay_options opt;
	char text[1024]; /* options keep pointers into it */
	char *rest[MAX_ARGS + 1];
	int rest_argc;
	char msg[256];
	int rc;
};

/* Parse a command line given as one string; words end at a space. */
static struct parsed *parse(const char *line)
{
	static struct parsed p;
	char *argv[MAX_ARGS + 1] = { (char[]){ "replay" } };
	int argc = 1;

	memset(&p, 0, sizeof(p));
	strncpy(p.text, line, sizeof(p.text) - 1);
	for (char *word = strtok(p.text, " "); word && argc < MAX_ARGS; word = strtok(NULL, " "))
		argv[argc++] = word;
	p.rc = replay_options_parse(&p.opt, argc, argv, &p.rest_argc, p.rest, p.msg, sizeof(p.msg));
	return &p;
}

static struct parsed *good(const char *line)
{
	struct parsed *p = parse(line);

	if (p->rc)
		fail_msg("'%s' was refused: %s", line, p->msg);
	return p;
}

/* Refused with one line that has both texts in it. */
static void bad(const char *line, const char *option, const char *value)
{
	struct parsed *p = parse(line);

	if (p->rc == 0)
		fail_msg("'%s' was accepted", line);
	if (!strstr(p->msg, option) || !strstr(p->msg, value) || strchr(p->msg, '\n'))
		fail_msg("'%s': the message is '%s'", line, p->msg);
	replay_options_free(&p->opt);
}

static void defaults(void **state)
{
	struct parsed *p = good("");
	struct mmsim_alloc_policy policy = { .fallback = MMSIM_FALLBACK_LARGEST };
	char impl[64];

	(void)state;
	assert_int_equal(p->opt.nr, 0);
	assert_null(p->opt.trace);
	assert_false(p->opt.hints);
	assert_false(p->opt.free_running);
	replay_options_policy(&p->opt, &policy);
	assert_int_equal(policy.fallback, MMSIM_FALLBACK_LARGEST);
	replay_options_impl(&p->opt, false, impl, sizeof(impl));
	assert_string_equal(impl, "mmsim");
	replay_options_free(&p->opt);
}

static void ours_are_taken_out(void **state)
{
	struct parsed *p = good("--format json --snapshot /nowhere/a --hints --output f "
				"--trace=t --repeat 3 --mismatches list");

	(void)state;
	assert_int_equal(p->rest_argc, 7);
	assert_string_equal(p->rest[0], "replay");
	assert_string_equal(p->rest[1], "--format");
	assert_string_equal(p->rest[4], "f");
	assert_string_equal(p->rest[6], "3");
	assert_null(p->rest[7]);
	assert_string_equal(p->opt.snapshot[0], "/nowhere/a");
	assert_string_equal(p->opt.trace, "t");
	assert_string_equal(p->opt.list_file, "list");
	assert_true(p->opt.hints);
	replay_options_free(&p->opt);
}

static void several_recordings(void **state)
{
	struct parsed *p = good("--snapshot /nowhere/a,/nowhere/b --snapshot=host");

	(void)state;
	assert_int_equal(p->opt.nr, 3);
	assert_string_equal(p->opt.snapshot[1], "/nowhere/b");
	assert_string_equal(p->opt.snapshot[2], "host");
	replay_options_free(&p->opt);
}

static void mismatches_are_a_number_or_a_file(void **state)
{
	(void)state;
	assert_int_equal(good("--mismatches 12")->opt.list_most, 12);
	assert_string_equal(good("--mismatches ./12")->opt.list_file, "./12");
	bad("--mismatches 1000001", "--mismatches", "1000000");
	bad("--mismatches 99999999999999999999", "--mismatches", "1000000");
	bad("--mismatches=", "--mismatches", "file");
}

static void policies(void **state)
{
	struct parsed *p = good("--policy fallback=largest,pcp-high=fixed --policy pcp-free=whole");
	struct mmsim_alloc_policy policy = { 0 };
	char impl[64];

	(void)state;
	replay_options_policy(&p->opt, &policy);
	assert_int_equal(policy.fallback, MMSIM_FALLBACK_LARGEST);
	assert_int_equal(policy.pcp_high, MMSIM_PCP_HIGH_FIXED);
	assert_int_equal(policy.pcp_free, MMSIM_PCP_FREE_WHOLE);
	assert_int_equal(policy.allocator, MMSIM_ALLOCATOR_LINUX);
	replay_options_impl(&p->opt, true, impl, sizeof(impl));
	assert_string_equal(impl, "mmsim:largest,whole,fixed,free-running");
	p = good("--policy allocator=bitmap,fallback=uncached");
	replay_options_policy(&p->opt, &policy);
	assert_int_equal(policy.allocator, MMSIM_ALLOCATOR_BITMAP);
	assert_int_equal(policy.fallback, MMSIM_FALLBACK_UNCACHED);
}

static void refusals(void **state)
{
	(void)state;
	bad("--snapshot", "--snapshot", "missing");
	bad("--snapshot=", "--snapshot", "directory");
	bad("--snapshot /nowhere/a,", "--snapshot", "directory");
	bad("--hints=1", "--hints", "no value");
	bad("--hints", "--hints", "--snapshot");
	bad("--snapshot a --hints --free-running", "--hints", "--free-running");
	bad("--snapshot a,b --trace t", "--trace", "one recording");
	bad("--trace=", "--trace", "file");
	bad("--policy", "--policy", "missing");
	bad("--policy speed=high", "--policy", "fallback=");
	bad("--policy fallback=none", "--policy", "no such choice");
	bad("--policy fallback", "--policy", "no such choice");
	bad("--policy fallback=cached,", "--policy", "fallback=");
}

static void too_many_recordings(void **state)
{
	char line[8 * (REPLAY_MAX_RECORDINGS + 1)] = "--snapshot /a";

	(void)state;
	for (unsigned i = 1; i < REPLAY_MAX_RECORDINGS; i++)
		strcat(line, ",/a");
	replay_options_free(&good(line)->opt);
	strcat(line, ",/a");
	bad(line, "--snapshot", "too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(ours_are_taken_out),
		cmocka_unit_test(several_recordings),
		cmocka_unit_test(mismatches_are_a_number_or_a_file),
		cmocka_unit_test(policies),
		cmocka_unit_test(refusals),
		cmocka_unit_test(too_many_recordings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
