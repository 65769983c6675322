/* SPDX-License-Identifier: MIT */
/* The programs that modules become: output, exit status, parameters. Arguments: the programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define TEXT_MAX 65536

static char **programs;
static char said[TEXT_MAX];

static const char *program(const char *name)
{
	for (char **p = programs; *p; p++) {
		const char *slash = strrchr(*p, '/');

		if (!strcmp(slash ? slash + 1 : *p, name))
			return *p;
	}
	fail_msg("no program %s", name);
	return NULL;
}

/* The exit status; -1: it was ended by a signal. Both streams go to `said`. */
static int run(const char *name, const char *args)
{
	char command[4096];
	FILE *out;
	size_t len;
	int status;

	snprintf(command, sizeof(command), "'%s' --memory 256M %s 2>&1", program(name), args);
	out = popen(command, "r");
	assert_non_null(out);
	len = fread(said, 1, sizeof(said) - 1, out);
	said[len] = '\0';
	status = pclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_says(const char *text)
{
	if (!strstr(said, text))
		fail_msg("\"%s\" is not in:\n%s", text, said);
}

static unsigned count(const char *text)
{
	unsigned nr = 0;

	for (const char *at = said; (at = strstr(at, text)); at++)
		nr++;
	return nr;
}

static void assert_ok(const char *name, const char *args)
{
	int status = run(name, args);

	if (status)
		fail_msg("%s %s: %d:\n%s", name, args, status, said);
}

static void everything_works(void **state)
{
	(void)state;
	assert_ok("module_all", "");
	assert_says("failed: 0\n");
	assert_says("module_all_init() returned -11");
	assert_says("): no per-CPU object\n");
	assert_ok("module_all_builtin", "--cpus 3");
	assert_ok("module_all", "--mode serial --cpus 4");
	assert_ok("module_all", "--mode virtual --cpus 4");
	assert_ok("module_all", "--cpus=1 --design=one-lock");
	assert_ok("module_all", "--design local");
}

/* init returns another error: it is said, and the program fails. */
static void failure_is_seen(void **state)
{
	(void)state;
	assert_int_equal(run("module_all", "wrong=1"), 1);
	assert_says("failed: 1\n");
	assert_says("!wrong");
	assert_says("returned -5");
	assert_int_equal(run("module_stays", "ret=-12"), 1);
}

static void parameters_are_set(void **state)
{
	(void)state;
	assert_ok("module_all", "");
	assert_says("flag=0 small=1 number=-7 count=7 size=1 huge=1 half=2 uhalf=2 wide=2 text=- "
		    "outer=0\n");
	assert_ok("module_all",
		  "flag small=0xff number=-2147483648 count=4294967295 size=010 "
		  "huge=18446744073709551615 half=-32768 uhalf=65535 wide=-9 text=a=b outer=3");
	assert_says("flag=1 small=255 number=-2147483648 count=4294967295 size=8 "
		    "huge=18446744073709551615 half=-32768 uhalf=65535 wide=-9 text=a=b outer=3\n");
	assert_ok("module_all", "flag=y");
	assert_says("flag=1 ");
	assert_ok("module_all", "flag=Y flag=off");
	assert_says("flag=0 ");
	assert_ok("module_workers", "nr-workers=1 loops=1");
	assert_int_equal(count("Summary"), 1);
}

static void bad_parameters_are_refused(void **state)
{
	static const char *const bad[] = {
		"nothing=1",
		"numbe=1",
		"number",
		"number=",
		"number=x",
		"number=1x",
		"number=2147483648",
		"number='-'",
		"number=-0x",
		"number=' 1'",
		"count=-1",
		"small=256",
		"half=32768",
		"flag=maybe",
		"flag=",
		"text",
		"inner=1",
		"uhalf=65536",
		"=1",
		"''",
		"wide=--1",
		"size=+1",
		"huge=18446744073709551616",
		"--memory",
		"--memory x",
		"--memory 1",
		"--cpus 0",
		"--cpus 1025",
		"--mode nature",
		"--design none",
		"--nothing",
		"--nothing=1",
		"-x",
		"--seed",
		"--seed x",
		"--machine /nothing/there",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = run("module_all", bad[i]);

		if (status != 1 || strstr(said, "failed: "))
			fail_msg("%s: %d:\n%s", bad[i], status, said);
		assert_int_equal(count("\n"), 1);
		assert_says("module_all: ");
	}
}

static void help_lists_parameters(void **state)
{
	(void)state;
	assert_ok("module_all", "--help");
	assert_says("  number=int  any int\n");
	assert_says("  flag=bool  y or n\n");
	assert_says("  outer=int  another name\n");
	assert_null(strstr(said, "failed: "));
}

static void assert_workers(const char *name, const char *args, unsigned nr)
{
	char summary[64];

	assert_ok(name, args);
	assert_int_equal(count("Summary"), nr);
	assert_int_equal(count(" failed: 0 "), nr);
	assert_int_equal(count(" cycles\n"), nr);
	snprintf(summary, sizeof(summary), "workers: Summary: worker %u failed: 0 avg: ", nr - 1);
	assert_says(summary);
}

static void workers_in_all_spellings(void **state)
{
	(void)state;
	assert_workers("module_workers", "--cpus 2", 12);
	assert_workers("module_workers_older", "--cpus 2", 12);
	assert_workers("module_workers", "--mode serial --cpus 3 loops=50", 12);
	assert_workers("module_workers_older", "--mode serial --cpus 3 loops=50", 12);
	assert_workers("module_workers", "--mode virtual --cpus 8 loops=20 nr_workers=30", 30);
	assert_workers("module_workers_older", "--mode virtual --cpus 8 loops=20", 12);
}

/* The modes that are not native: the same each time, and another seed is seen. */
static void virtual_runs_repeat(void **state)
{
	static const char args[] = "--mode virtual --cpus 4 loops=20 nr_workers=6 --seed ";
	char first[TEXT_MAX], with[128];

	(void)state;
	snprintf(with, sizeof(with), "%s3", args);
	assert_workers("module_workers", with, 6);
	strcpy(first, said);
	assert_workers("module_workers", with, 6);
	assert_string_equal(said, first);
	snprintf(with, sizeof(with), "%s4", args);
	assert_workers("module_workers", with, 6);
	assert_string_not_equal(said, first);
}

static void modules_stay_and_go(void **state)
{
	(void)state;
	assert_ok("module_stays", "");
	assert_says(
		"init\nexit\nmodule_stays: stays_init() returned 0\nforgotten/1: stopped, data\n");
	assert_ok("module_stays", "ret=-11");
	assert_null(strstr(said, "exit"));
	assert_ok("module_stays", "--mode virtual");
	assert_says("forgotten/1: stopped");
}

/* As there is no module, nothing is taken out; what has a lower level comes first. */
static void builtin_in_order_of_levels(void **state)
{
	(void)state;
	assert_ok("module_stays_builtin", "");
	assert_says("core\nno level\nnot ended\nhalf a line\ninit\n");
	assert_null(strstr(said, "exit"));
}

/* Ten seconds, which virtual time jumps over. */
static void kthread_that_does_not_end(void **state)
{
	(void)state;
	assert_int_equal(run("module_stays", "--mode virtual stubborn=1"), 1);
	assert_says("kthread forgotten/1 does not end\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_works),
		cmocka_unit_test(failure_is_seen),
		cmocka_unit_test(parameters_are_set),
		cmocka_unit_test(bad_parameters_are_refused),
		cmocka_unit_test(help_lists_parameters),
		cmocka_unit_test(workers_in_all_spellings),
		cmocka_unit_test(virtual_runs_repeat),
		cmocka_unit_test(modules_stay_and_go),
		cmocka_unit_test(builtin_in_order_of_levels),
		cmocka_unit_test(kthread_that_does_not_end),
	};

	(void)argc;
	programs = argv + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
