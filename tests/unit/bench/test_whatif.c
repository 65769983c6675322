/* SPDX-License-Identifier: MIT */
/* whatif: what cheaper means for each figure, what a gain is, and the order of the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/whatif.h"

#include <math.h>
#include <stdlib.h>

static void costs_fall(void **state)
{
	(void)state;
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LINE_LLC, 47000), 42300);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_WAKE, 5000000), 4500000);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_WRITE_ALLOCATE, 2000), 1800);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LOADED_LATENCY, 1600), 1440);
}

static void speeds_rise(void **state)
{
	(void)state;
	assert_int_equal(whatif_cheaper(MMSIM_FIG_DRAM_BW, 98000), 107800);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_CORE_BW, 12000), 13200);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_CLEAR_BW, 7000), 7700);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LINK_BW, 35000), 38500);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_SMT_FACTOR, 600), 660);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_TURBO_ALL, 757), 833);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LOADED_KNEE, 600), 660);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_DEEP_AFTER, 600000), 660000);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_SLICE, 3000000), 3300000);
}

static void thousandths_are_rounded(void **state)
{
	(void)state;
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LINE_OWN, 4), 4); /* 3.6 */
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LINE_OWN, 5), 5); /* 4.5 */
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LINE_OWN, 6), 5); /* 5.4 */
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LINE_OWN, 17064), 15358); /* 15357.6 */
}

static void limits_hold(void **state)
{
	(void)state;
	assert_int_equal(whatif_cheaper(MMSIM_FIG_SMT_FACTOR, 950), 1000);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_TURBO_ALL, 1000), 1000);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_WRITE_ALLOCATE, 1050), 1000);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LINE_OWN, 0), 0);
}

static void choices_stay(void **state)
{
	(void)state;
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LOCK_KIND, 2000), 2000);
	assert_int_equal(whatif_cheaper(MMSIM_FIG_LOCK_KIND, 1000), 1000);
}

/* Whatever is declared later: a figure never leaves its range. */
static void no_figure_leaves_its_range(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MMSIM_NR_FIGURES; i++) {
		const struct mmsim_figure_info *info = mmsim_figure_info(i);
		const uint64_t value[] = { info->min, info->value, info->max };

		for (size_t k = 0; k < 3; k++) {
			uint64_t cheaper = whatif_cheaper(i, value[k]);

			if (cheaper < info->min || cheaper > info->max)
				fail_msg("%s: %llu", info->name, (unsigned long long)cheaper);
		}
	}
}

static void close_to(double got, double want)
{
	if (!(fabs(got - want) < 1e-12))
		fail_msg("%.17g is not %.17g", got, want);
}

static void gain_is_for_the_better(void **state)
{
	(void)state;
	close_to(whatif_gain(METRIC_TIME, 100, 90), 0.1);
	close_to(whatif_gain(METRIC_THREAD_TIME, 100, 105), -0.05);
	close_to(whatif_gain(METRIC_RATE, 100, 110), 0.1);
	close_to(whatif_gain(METRIC_RATE, 100, 95), -0.05);
}

/* Figures 10, 11, … with the gains of two cells each. */
static struct whatif *ranked(unsigned nr, const double gain[][2])
{
	struct whatif *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	w->nr_cells = 2;
	w->nr = nr;
	for (unsigned i = 0; i < nr; i++) {
		w->row[i].figure = 10 + i;
		w->row[i].gain[0] = gain[i][0];
		w->row[i].gain[1] = gain[i][1];
	}
	whatif_rank(w);
	return w;
}

static void the_best_mean_comes_first(void **state)
{
	static const double gain[][2] = {
		{ 0.00, 0.01 }, { -0.02, 0.00 }, { 0.05, 0.02 }, { 0.00, 0.08 }, { 0.01, 0.00 },
	};
	static const unsigned want[] = { 13, 12, 10, 14, 11 };
	struct whatif *w = ranked(5, gain);

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(w->row[i].figure, want[i]);
	close_to(w->row[0].mean, 0.04);
	close_to(w->row[1].mean, 0.035);
	close_to(w->row[4].mean, -0.01);
	free(w);
}

static void small_changes_are_none(void **state)
{
	static const double gain[][2] = {
		{ 0.0004, 0.0004 },
		{ 0.0005, 0 },
		{ 0, -0.0006 },
		{ -0.0004, 0.0004 },
	};
	static const bool want[] = { false, true, true, false };
	struct whatif *w = ranked(4, gain);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(whatif_matters(w, &w->row[i]), want[w->row[i].figure - 10]);
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(costs_fall),
		cmocka_unit_test(speeds_rise),
		cmocka_unit_test(thousandths_are_rounded),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(choices_stay),
		cmocka_unit_test(no_figure_leaves_its_range),
		cmocka_unit_test(gain_is_for_the_better),
		cmocka_unit_test(the_best_mean_comes_first),
		cmocka_unit_test(small_changes_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
