/* SPDX-License-Identifier: MIT */
/* machine and watch: where a shape comes from, what a config's number covers, locks between two looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/machine.h"
#include "harness/watch.h"

#include <errno.h>
#include <string.h>

static struct machine machine;
static char msg[512];

static int resolve(const char *shape, bool virtual_time)
{
	struct options opt;

	options_init(&opt);
	opt.machine = shape;
	opt.virtual_time = virtual_time;
	msg[0] = '\0';
	return machine_resolve(&machine, &opt, 0, msg, sizeof(msg));
}

static void a_profile_brings_shape_and_figures(void **state)
{
	(void)state;
	assert_int_equal(resolve(PROFILE_FOLDER "/skylake-8167m.ini", true), 0);
	assert_string_equal(machine.name, "skylake-8167m");
	assert_string_equal(machine.figures, "of the profile");
	assert_int_equal(machine.cfg.nr_cpus, 104);
	assert_int_equal(machine.cfg.mode, MMSIM_VIRTUAL);
	assert_int_equal(machine.cfg.figure[MMSIM_FIG_PAGE_INIT], 17064);
}

static void natively_only_its_shape_counts(void **state)
{
	(void)state;
	assert_int_equal(resolve(PROFILE_FOLDER "/epyc-7551-small.ini", false), 0);
	assert_int_equal(machine.cfg.nr_cpus, 4);
	assert_int_equal(machine.cfg.mode, MMSIM_NATIVE);
}

static void a_topology_has_generic_figures(void **state)
{
	(void)state;
	assert_int_equal(resolve("pack:1 node:1 core:3 pu:1", true), 0);
	assert_string_equal(machine.figures, "of a generic server");
	assert_int_equal(machine.cfg.nr_cpus, 3);
	assert_int_equal(machine.cfg.figure[MMSIM_FIG_LINE_LLC],
			 mmsim_figure_info(MMSIM_FIG_LINE_LLC)->value);
}

static void refusals_name_what_was_given(void **state)
{
	static const char *const shape[] = { "skx.ini", "a:b/c", "nonsense:1", "x:1.ini" };

	(void)state;
	for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
		assert_int_equal(resolve(shape[i], true), -1);
		if (!strstr(msg, "--machine") || !strstr(msg, shape[i]) || strchr(msg, '\n'))
			fail_msg("'%s': the message is '%s'", shape[i], msg);
	}
}

/* A colon makes a topology, but not of a path. */
static void paths_may_have_colons(void **state)
{
	static const char *const path[] = { "a:b/c", "x:1.ini" };

	(void)state;
	for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
		assert_int_equal(resolve(path[i], true), -1);
		if (!strstr(msg, "opened"))
			fail_msg("'%s' was taken for a topology: %s", path[i], msg);
	}
}

static void changed_figures_are_told(void **state)
{
	(void)state;
	assert_int_equal(resolve("pack:1 core:2 pu:1", true), 0);
	assert_int_equal(machine_set_figure(&machine, "wake=0.5x", msg, sizeof(msg)), 0);
	assert_int_equal(machine_set_figure(&machine, "zap=1", msg, sizeof(msg)), 0);
	assert_int_equal(machine_set_figure(&machine, "zap=-1", msg, sizeof(msg)), -EINVAL);
	assert_string_equal(machine.figures, "of a generic server; changed: wake=0.5x, zap=1");
	assert_int_equal(machine.cfg.figure[MMSIM_FIG_ZAP], 1000);
	assert_true(machine_has_figure("zap"));
	assert_false(machine_has_figure("zapp"));
}

static void figures_are_in_the_number_of_a_virtual_config(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(resolve("pack:1 core:2 pu:1", true), 0);
	before = machine_hash(&machine.cfg);
	machine.cfg.flags |= MMSIM_LOCK_TIMES; /* looking at locks changes nothing */
	assert_true(machine_hash(&machine.cfg) == before);
	machine.cfg.figure[MMSIM_NR_FIGURES - 1]++;
	assert_true(machine_hash(&machine.cfg) != before);
}

static void natively_figures_are_not(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(resolve("pack:1 core:2 pu:1", false), 0);
	before = machine_hash(&machine.cfg);
	machine.cfg.figure[MMSIM_FIG_WAKE]++;
	assert_true(machine_hash(&machine.cfg) == before);
	machine.cfg.flags |= MMSIM_LOCK_TIMES; /* here it costs time */
	assert_true(machine_hash(&machine.cfg) != before);
}

/* Kinds are known by name: one that is new was not there before. */
static void locks_between_two_looks(void **state)
{
	static struct watch_books before = { 1, { { "b", 1, 10, 4, 300, 50 } } };
	static struct watch_books after = {
		2, { { "a", 1, 7, 1, 2, 3 }, { "b", 1, 15, 6, 1000, 80 } }
	};

	(void)state;
	watch_difference(&before, &after);
	assert_int_equal(after.lock[0].acquired, 7);
	assert_int_equal(after.lock[1].acquired, 5);
	assert_int_equal(after.lock[1].contended, 2);
	assert_int_equal(after.lock[1].wait_ns, 700);
	assert_int_equal(after.lock[1].hold_ns, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_profile_brings_shape_and_figures),
		cmocka_unit_test(natively_only_its_shape_counts),
		cmocka_unit_test(a_topology_has_generic_figures),
		cmocka_unit_test(refusals_name_what_was_given),
		cmocka_unit_test(paths_may_have_colons),
		cmocka_unit_test(changed_figures_are_told),
		cmocka_unit_test(figures_are_in_the_number_of_a_virtual_config),
		cmocka_unit_test(natively_figures_are_not),
		cmocka_unit_test(locks_between_two_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
