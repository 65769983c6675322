/* SPDX-License-Identifier: MIT */
/* stats: known samples, what is left out, and the t table. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/stats.h"

static void near(double got, double want)
{
	if (fabs(got - want) > 1e-6 * fmax(1, fabs(want)))
		fail_msg("%.9g is not %.9g", got, want);
}

static void known_sample(void **state)
{
	const double v[] = { 4, 1, 3, 2 };
	struct stats s = stats_of(v, 4);

	(void)state;
	assert_int_equal(s.n, 4);
	near(s.median, 2.5);
	near(s.mean, 2.5);
	near(s.stdev, 1.2909944487358056);
	near(s.min, 1);
	near(s.max, 4);
	near(s.ci95, 3.182 * 1.2909944487358056 / 2);
}

static void median_of_odd_is_a_value(void **state)
{
	const double v[] = { 100, -5, 7, 8, 1e9 };

	(void)state;
	near(stats_of(v, 5).median, 8);
}

static void input_is_not_sorted_in_place(void **state)
{
	double v[] = { 3, 1, 2 };

	(void)state;
	stats_of(v, 3);
	near(v[0], 3);
	near(v[1], 1);
	near(v[2], 2);
}

static void one_value_has_no_spread(void **state)
{
	const double v[] = { 42 };
	struct stats s = stats_of(v, 1);

	(void)state;
	assert_int_equal(s.n, 1);
	near(s.median, 42);
	near(s.min, 42);
	near(s.max, 42);
	assert_true(isnan(s.stdev));
	assert_true(isnan(s.ci95));
}

static void nothing_is_nothing(void **state)
{
	const double v[] = { NAN, INFINITY };
	struct stats s = stats_of(v, 2);

	(void)state;
	assert_int_equal(s.n, 0);
	assert_true(isnan(s.median));
	assert_true(isnan(s.mean));
	assert_true(isnan(s.min));
	assert_true(isnan(s.max));
	assert_int_equal(stats_of(NULL, 0).n, 0);
}

static void unmeasured_values_are_left_out(void **state)
{
	const double v[] = { NAN, 2, -INFINITY, 4, INFINITY };
	struct stats s = stats_of(v, 5);

	(void)state;
	assert_int_equal(s.n, 2);
	near(s.mean, 3);
	near(s.stdev, sqrt(2));
	near(s.max, 4);
}

/* A day in nanoseconds squared does not fit a double's 53 bits. */
static void large_offsets_do_not_cancel(void **state)
{
	const double day = 8.64e13;
	const double v[] = { day + 4, day + 7, day + 13, day + 16 };
	struct stats s = stats_of(v, 4);

	(void)state;
	near(s.stdev, 5.477225575051661);
	assert_true(s.mean == day + 10);
}

static void t_table(void **state)
{
	(void)state;
	near(stats_t95(1), 12.706);
	near(stats_t95(4), 2.776);
	near(stats_t95(30), 2.042);
	assert_true(fabs(stats_t95(60) - 2.000) < 0.002);
	assert_true(fabs(stats_t95(120) - 1.980) < 0.002);
	assert_true(fabs(stats_t95(1000000) - 1.960) < 1e-4);
	assert_true(isnan(stats_t95(0)));
	for (size_t df = 1; df < 500; df++)
		assert_true(stats_t95(df + 1) < stats_t95(df));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sample),
		cmocka_unit_test(median_of_odd_is_a_value),
		cmocka_unit_test(input_is_not_sorted_in_place),
		cmocka_unit_test(one_value_has_no_spread),
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(unmeasured_values_are_left_out),
		cmocka_unit_test(large_offsets_do_not_cancel),
		cmocka_unit_test(t_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
