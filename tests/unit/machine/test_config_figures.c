/* SPDX-License-Identifier: MIT */
/*
 * Figures: the table, assignments to them, and what mmsim_config_check() says about figures and about
 * exploring.
 */
#include <errno.h>
#include <mmsim/config.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static struct mmsim_config *new_config(void)
{
	struct mmsim_config *cfg = malloc(sizeof(*cfg));

	assert_non_null(cfg);
	memset(cfg, 0xa5, sizeof(*cfg));
	mmsim_config_defaults(cfg);
	return cfg;
}

static void every_figure_is_described(void **state)
{
	static const char *const units[] = { "ns", "GB/s", "KiB", "MiB", "ratio", "" };

	(void)state;
	for (unsigned int i = 0; i < MMSIM_NR_FIGURES; i++) {
		const struct mmsim_figure_info *info = mmsim_figure_info(i);
		size_t unit = 0;

		assert_non_null(info);
		assert_non_null(info->name);
		assert_true(info->about && info->about[0] && !strchr(info->about, '\n'));
		while (unit < NR(units) && strcmp(info->unit, units[unit]) != 0)
			unit++;
		assert_in_range(unit, 0, NR(units) - 1);
		assert_true(info->min <= info->value && info->value <= info->max);
		assert_true(!info->words == (unit < NR(units) - 1));
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(info->name, mmsim_figure_info(j)->name);
	}
	assert_null(mmsim_figure_info(MMSIM_NR_FIGURES));
	assert_null(mmsim_figure_info(UINT32_MAX));
}

/* The enum and the table belong together: a row that slipped would be found here. */
static void figures_have_their_names(void **state)
{
	static const struct {
		unsigned int figure;
		const char *name;
		const char *unit;
	} some[] = {
		{ MMSIM_FIG_LINE_SMT, "line_smt", "ns" },
		{ MMSIM_FIG_ATOMIC, "atomic", "ns" },
		{ MMSIM_FIG_DRAM_BW, "dram_bw", "GB/s" },
		{ MMSIM_FIG_CLEAR_BW, "clear_bw", "GB/s" },
		{ MMSIM_FIG_LINK_BW, "link_bw", "GB/s" },
		{ MMSIM_FIG_WRITE_ALLOCATE, "write_allocate", "ratio" },
		{ MMSIM_FIG_TURBO_ALL, "turbo_all", "ratio" },
		{ MMSIM_FIG_PAGE_INIT, "page_init", "ns" },
		{ MMSIM_FIG_PAGE_PIN, "page_pin", "ns" },
		{ MMSIM_FIG_WAKE, "wake", "ns" },
		{ MMSIM_FIG_TIMER, "timer", "ns" },
		{ MMSIM_FIG_TLB_FLUSH, "tlb_flush", "ns" },
		{ MMSIM_FIG_LOCK_KIND, "lock_kind", "" },
	};

	(void)state;
	for (size_t i = 0; i < NR(some); i++) {
		assert_string_equal(mmsim_figure_info(some[i].figure)->name, some[i].name);
		assert_string_equal(mmsim_figure_info(some[i].figure)->unit, some[i].unit);
	}
	assert_string_equal(mmsim_figure_info(MMSIM_FIG_LOCK_KIND)->words, "queued ticket tas");
}

static void defaults_fill_in_the_figures(void **state)
{
	struct mmsim_config *cfg = new_config();

	(void)state;
	for (unsigned int i = 0; i < MMSIM_MAX_FIGURES; i++)
		assert_int_equal(cfg->figure[i],
				 i < MMSIM_NR_FIGURES ? mmsim_figure_info(i)->value : 0);
	assert_null(cfg->explore);
	assert_int_equal(mmsim_config_check(cfg, NULL, 0), 0);
	free(cfg);
}

/* What a config with wake = 5000 ns becomes. */
static void assignments_change_one_figure(void **state)
{
	static const struct {
		const char *assignment;
		unsigned int figure;
		uint64_t expected;
	} good[] = {
		{ "wake=3000", MMSIM_FIG_WAKE, 3000000 },
		{ "wake=3000 ns", MMSIM_FIG_WAKE, 3000000 },
		{ "wake=3000ns", MMSIM_FIG_WAKE, 3000000 },
		{ " wake \t= 3000\tns ", MMSIM_FIG_WAKE, 3000000 },
		{ "wake=0", MMSIM_FIG_WAKE, 0 },
		{ "wake=0.5x", MMSIM_FIG_WAKE, 2500000 },
		{ "wake=1x", MMSIM_FIG_WAKE, 5000000 },
		{ "wake=0x", MMSIM_FIG_WAKE, 0 },
		{ "wake=2000000x", MMSIM_FIG_WAKE, UINT64_C(10000000000000) },
		{ "line_smt=7.6", MMSIM_FIG_LINE_SMT, 7600 },
		{ "line_smt=7.06", MMSIM_FIG_LINE_SMT, 7060 },
		{ "line_smt=7.006", MMSIM_FIG_LINE_SMT, 7006 },
		{ "line_smt=007.600", MMSIM_FIG_LINE_SMT, 7600 },
		/* 2530.8, 499.5 and 1.5: to the nearest, halves up. */
		{ "line_smt=0.333x", MMSIM_FIG_LINE_SMT, 2531 },
		{ "line_own=0.333x", MMSIM_FIG_LINE_OWN, 500 },
		{ "line_own=0.001x", MMSIM_FIG_LINE_OWN, 2 },
		{ "dram_bw=53.8 GB/s", MMSIM_FIG_DRAM_BW, 53800 },
		{ "smt_factor=1 ratio", MMSIM_FIG_SMT_FACTOR, 1000 },
		{ "lock_kind=queued", MMSIM_FIG_LOCK_KIND, 0 },
		{ "lock_kind=ticket", MMSIM_FIG_LOCK_KIND, 1000 },
		{ "lock_kind= tas ", MMSIM_FIG_LOCK_KIND, 2000 },
	};
	struct mmsim_config *cfg = new_config();
	struct mmsim_config *expected = new_config();

	(void)state;
	for (size_t i = 0; i < NR(good); i++) {
		char msg[128] = "stale";

		mmsim_config_defaults(cfg);
		mmsim_config_defaults(expected);
		expected->figure[good[i].figure] = good[i].expected;
		if (mmsim_config_set_figure(cfg, good[i].assignment, msg, sizeof(msg)))
			fail_msg("\"%s\": %s", good[i].assignment, msg);
		assert_string_equal(msg, "");
		if (memcmp(cfg, expected, sizeof(*cfg)) != 0)
			fail_msg("\"%s\": not what it should be", good[i].assignment);
	}
	free(expected);
	free(cfg);
}

static const struct {
	const char *assignment;
	int err;
	const char *expected;
} bad[] = {
	{ "", -EINVAL, "figure: not of the form name=value" },
	{ "wake", -EINVAL, "figure: not of the form name=value" },
	{ "=3", -EINVAL, "figure: not of the form name=value" },
	{ "Wake=3", -EINVAL, "figure: not of the form name=value" },
	{ "wake 3=3", -EINVAL, "figure: not of the form name=value" },
	{ "wakes=3", -ENOENT, "wakes: no such figure" },
	{ "wak=3", -ENOENT, "wak: no such figure" },
	{ "0123456789012345678901234567890123456789xyz=3", -ENOENT,
	  "0123456789012345678901234567890123456789: no such figure" },
	{ "wake=", -EINVAL, "wake: not a number" },
	{ "wake= ns", -EINVAL, "wake: not a number" },
	{ "wake=-3", -EINVAL, "wake: not a number" },
	{ "wake=+3", -EINVAL, "wake: not a number" },
	{ "wake=.5", -EINVAL, "wake: not a number" },
	{ "wake=5.", -EINVAL, "wake: no digit after the point" },
	{ "wake=5. ns", -EINVAL, "wake: no digit after the point" },
	{ "wake=5.1234", -EINVAL, "wake: more than 3 digits after the point" },
	{ "wake=5.1230", -EINVAL, "wake: more than 3 digits after the point" },
	{ "wake=0.1234x", -EINVAL, "wake: more than 3 digits after the point" },
	{ "wake=18446744073709551616", -EINVAL, "wake: too large" },
	{ "wake=18446744073709551.616", -EINVAL, "wake: too large" },
	{ "wake=18446744073709551.615", -EINVAL,
	  "wake: 18446744073709551.615 is not between 0 and 10000000000 ns" },
	{ "wake=10000000000.001", -EINVAL,
	  "wake: 10000000000.001 is not between 0 and 10000000000 ns" },
	{ "wake=18446744073709551x", -EINVAL, "wake: too large" },
	/* 415 less than 2^64, and then rounded up. */
	{ "line_smt=2427203167593.362x", -EINVAL, "line_smt: too large" },
	{ "wake=2000000.001x", -EINVAL, "wake: 10000000005 is not between 0 and 10000000000 ns" },
	{ "wake=3 us", -EINVAL, "wake: what follows the number is not ns" },
	{ "wake=3 n", -EINVAL, "wake: what follows the number is not ns" },
	{ "wake=3 ns ns", -EINVAL, "wake: what follows the number is not ns" },
	{ "wake=3\nns", -EINVAL, "wake: what follows the number is not ns" },
	{ "wake=0.5 x", -EINVAL, "wake: what follows the number is not ns" },
	{ "wake=0.5xx", -EINVAL, "wake: what follows the number is not ns" },
	{ "wake=1e3", -EINVAL, "wake: what follows the number is not ns" },
	{ "wake=queued", -EINVAL, "wake: not a number" },
	{ "dram_bw=0", -EINVAL, "dram_bw: 0 is not between 0.1 and 100000 GB/s" },
	{ "smt_factor=1.001", -EINVAL, "smt_factor: 1.001 is not between 0.1 and 1 ratio" },
	{ "lock_kind=1", -EINVAL, "lock_kind: not one of \"queued ticket tas\"" },
	{ "lock_kind=0.5x", -EINVAL, "lock_kind: not one of \"queued ticket tas\"" },
	{ "lock_kind=", -EINVAL, "lock_kind: not one of \"queued ticket tas\"" },
	{ "lock_kind=ticket tas", -EINVAL, "lock_kind: not one of \"queued ticket tas\"" },
	{ "lock_kind=ticke", -EINVAL, "lock_kind: not one of \"queued ticket tas\"" },
};

static void bad_assignments_change_nothing(void **state)
{
	struct mmsim_config *cfg = new_config();
	struct mmsim_config *before = new_config();

	(void)state;
	for (size_t i = 0; i < NR(bad); i++) {
		char msg[128] = "";

		if (mmsim_config_set_figure(cfg, bad[i].assignment, msg, sizeof(msg)) != bad[i].err)
			fail_msg("\"%s\": not %d", bad[i].assignment, bad[i].err);
		assert_string_equal(msg, bad[i].expected);
		assert_memory_equal(cfg, before, sizeof(*cfg));
	}
	assert_int_equal(mmsim_config_set_figure(NULL, "wake=3", NULL, 0), -EINVAL);
	assert_int_equal(mmsim_config_set_figure(cfg, NULL, NULL, 0), -EINVAL);
	assert_memory_equal(cfg, before, sizeof(*cfg));
	free(before);
	free(cfg);
}

static void assert_refused(const struct mmsim_config *cfg, const char *expected)
{
	char msg[128] = "";

	assert_int_equal(mmsim_config_check(cfg, msg, sizeof(msg)), -EINVAL);
	assert_string_equal(msg, expected);
}

/* Each figure just outside its range, at its ends; the other modes do not look. */
static void check_knows_each_range(void **state)
{
	struct mmsim_config *cfg = new_config();

	(void)state;
	for (unsigned int i = 0; i < MMSIM_NR_FIGURES; i++) {
		const struct mmsim_figure_info *info = mmsim_figure_info(i);
		char label[40];
		char msg[128];

		snprintf(label, sizeof(label), "figure[%s]: ", info->name);
		cfg->mode = MMSIM_VIRTUAL;
		cfg->figure[i] = info->max + 1;
		assert_int_equal(mmsim_config_check(cfg, msg, sizeof(msg)), -EINVAL);
		assert_memory_equal(msg, label, strlen(label));
		if (info->min) {
			cfg->figure[i] = info->min - 1;
			assert_int_equal(mmsim_config_check(cfg, msg, sizeof(msg)), -EINVAL);
			assert_memory_equal(msg, label, strlen(label));
		}
		cfg->figure[i] = info->min;
		assert_int_equal(mmsim_config_check(cfg, NULL, 0), 0);
		cfg->figure[i] = info->max;
		assert_int_equal(mmsim_config_check(cfg, NULL, 0), 0);
	}
	free(cfg);
}

static void check_names_the_figure(void **state)
{
	struct mmsim_config *cfg = new_config();

	(void)state;
	cfg->figure[MMSIM_FIG_WAKE] = UINT64_MAX;
	assert_int_equal(mmsim_config_check(cfg, NULL, 0), 0); /* native: nobody reads it */
	cfg->mode = MMSIM_VIRTUAL;
	assert_refused(cfg, "figure[wake]: 18446744073709551.615 is not between 0 and "
			    "10000000000 ns");
	mmsim_config_defaults(cfg);
	cfg->mode = MMSIM_VIRTUAL;
	cfg->figure[MMSIM_FIG_LOCK_KIND] = 1500;
	assert_refused(cfg, "figure[lock_kind]: 1.5 is none of the choices \"queued ticket tas\"");
	free(cfg);
}

static void check_knows_the_modes(void **state)
{
	struct mmsim_config *cfg = new_config();
	struct mmsim_explore explore = { .policy = MMSIM_POLICY_RANDOM };

	(void)state;
	cfg->explore = &explore;
	for (cfg->mode = 0; cfg->mode <= MMSIM_EXPLORE; cfg->mode++)
		assert_int_equal(mmsim_config_check(cfg, NULL, 0), 0);
	assert_refused(cfg, "mode: 4 is above 3");
	cfg->mode = MMSIM_EXPLORE;
	cfg->explore = NULL;
	assert_refused(cfg, "explore: NULL, but the mode needs it");
	free(cfg);
}

static void check_knows_how_to_explore(void **state)
{
	static const struct mmsim_choice ascending[] = { { 1, 2, 0 }, { 2, 1, 1 }, { 9, 2, 0 } };
	static const struct mmsim_choice repeated[] = { { 1, 2, 0 }, { 7, 1, 1 }, { 7, 2, 0 } };
	static const struct mmsim_choice zeroth[] = { { 0, 2, 0 } };
	struct mmsim_dfs *dfs = (struct mmsim_dfs *)&ascending; /* never looked into */
	struct mmsim_choice room[4];
	const struct {
		struct mmsim_explore explore;
		const char *expected; /* NULL: good */
	} cases[] = {
		{ { .policy = MMSIM_POLICY_PCT, .depth = 1 }, NULL },
		{ { .policy = MMSIM_POLICY_DFS, .dfs = dfs }, NULL },
		{ { .policy = MMSIM_POLICY_REPLAY }, NULL },
		{ { .policy = MMSIM_POLICY_REPLAY, .replay = ascending, .nr_replay = 3 }, NULL },
		{ { .choice = room, .choice_room = 4 }, NULL },
		{ { .policy = 4 }, "explore->policy: 4 is above 3" },
		{ { .policy = MMSIM_POLICY_PCT }, "explore->depth: 0, but PCT needs 1 or more" },
		{ { .policy = MMSIM_POLICY_PCT, .depth = 1000 }, NULL },
		{ { .policy = MMSIM_POLICY_PCT, .depth = 1001 },
		  "explore->depth: 1001 is above 1000" },
		{ { .policy = MMSIM_POLICY_DFS, .depth = 2 },
		  "explore->dfs: NULL, but DFS needs it" },
		{ { .choice_room = 4 }, "explore->choice_room: 4, but choice is NULL" },
		{ { .policy = MMSIM_POLICY_REPLAY, .nr_replay = 1 },
		  "explore->nr_replay: 1, but replay is NULL" },
		{ { .policy = MMSIM_POLICY_REPLAY, .replay = repeated, .nr_replay = 3 },
		  "explore->replay[2].step: 7 is not above 7" },
		{ { .policy = MMSIM_POLICY_REPLAY, .replay = zeroth, .nr_replay = 1 },
		  "explore->replay[0].step: 0 is not above 0" },
	};
	struct mmsim_config *cfg = new_config();

	(void)state;
	for (size_t i = 0; i < NR(cases); i++) {
		struct mmsim_explore explore = cases[i].explore;

		cfg->explore = &explore;
		cfg->mode = MMSIM_EXPLORE;
		if (cases[i].expected)
			assert_refused(cfg, cases[i].expected);
		else
			assert_int_equal(mmsim_config_check(cfg, NULL, 0), 0);
		/* Nobody else looks at it. */
		cfg->mode = MMSIM_VIRTUAL;
		assert_int_equal(mmsim_config_check(cfg, NULL, 0), 0);
	}
	free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_figure_is_described),
		cmocka_unit_test(figures_have_their_names),
		cmocka_unit_test(defaults_fill_in_the_figures),
		cmocka_unit_test(assignments_change_one_figure),
		cmocka_unit_test(bad_assignments_change_nothing),
		cmocka_unit_test(check_knows_each_range),
		cmocka_unit_test(check_names_the_figure),
		cmocka_unit_test(check_knows_the_modes),
		cmocka_unit_test(check_knows_how_to_explore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
