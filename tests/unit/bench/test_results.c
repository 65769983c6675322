/* SPDX-License-Identifier: MIT */
/* results: grouping, order, and what speedup means for each kind of metric. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "harness/results.h"

#include <stdlib.h>
#include <string.h>

enum { TIME, THREAD_TIME, RATE, PLAIN, NR };

static const struct bench_metric metrics[NR] = {
	[TIME] = { "time_ns", "ns", METRIC_TIME, true, "" },
	[THREAD_TIME] = { "ns_per_op", "ns/op", METRIC_THREAD_TIME, true, "" },
	[RATE] = { "mops", "Mop/s", METRIC_RATE, true, "" },
	[PLAIN] = { "ratio", "ratio", METRIC_PLAIN, true, "" },
};

static struct result_key key_of(const char *case_name, const char *impl, unsigned threads)
{
	return (struct result_key){ "b", case_name, impl, "native", "host", threads };
}

static void add(struct results *r, const char *case_name, const char *impl, unsigned threads,
		unsigned rep, double value)
{
	const double values[NR] = { value, value, value, value };
	struct result_key key = key_of(case_name, impl, threads);

	results_add(r, &key, rep, values);
}

static const struct aggregate *find(const struct aggregate *a, size_t nr, const char *case_name,
				    const char *impl, unsigned threads, unsigned metric)
{
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(a[i].key.case_name, case_name) && !strcmp(a[i].key.impl, impl) &&
		    a[i].key.threads == threads && a[i].metric == metric)
			return &a[i];
	fail_msg("no aggregate of %s %s %u", case_name, impl, threads);
	return NULL;
}

static void close_to(double got, double want)
{
	if (!(fabs(got - want) < 1e-12))
		fail_msg("%.17g is not %.17g", got, want);
}

static void empty(void **state)
{
	struct results r;
	struct aggregate *a;

	(void)state;
	results_init(&r, metrics, NR);
	assert_int_equal(results_aggregate(&r, &a), 0);
	free(a);
	results_free(&r);
}

/* Recorded as the harness does, repetition outermost: two cases, two thread counts. */
static void repetitions_come_together(void **state)
{
	struct results r;
	struct aggregate *a;
	size_t nr;

	(void)state;
	results_init(&r, metrics, NR);
	for (unsigned rep = 0; rep < 3; rep++) {
		for (unsigned threads = 1; threads <= 2; threads++) {
			add(&r, "x", "mmsim", threads, rep, 10 * threads + rep);
			add(&r, "y", "mmsim", threads, rep, 100 * threads + rep);
		}
	}
	nr = results_aggregate(&r, &a);
	assert_int_equal(nr, 4 * NR);
	assert_int_equal(find(a, nr, "x", "mmsim", 2, TIME)->stats.n, 3);
	close_to(find(a, nr, "x", "mmsim", 2, TIME)->stats.median, 21);
	close_to(find(a, nr, "y", "mmsim", 1, PLAIN)->stats.max, 102);
	free(a);
	results_free(&r);
}

static void reading_order(void **state)
{
	static const struct {
		const char *case_name, *impl;
		unsigned threads;
	} want[] = {
		{ "z", "mmsim", 1 },
		{ "z", "mmsim", 4 },
		{ "z", "peer", 1 },
		{ "a", "mmsim", 2 },
	};
	struct results r;
	struct aggregate *a;
	size_t nr;

	(void)state;
	results_init(&r, metrics, NR);
	add(&r, "z", "mmsim", 4, 0, 1);
	add(&r, "z", "peer", 1, 0, 1);
	add(&r, "a", "mmsim", 2, 0, 1);
	add(&r, "z", "mmsim", 1, 0, 1);
	nr = results_aggregate(&r, &a);
	assert_int_equal(nr, 4 * NR);
	for (size_t i = 0; i < nr; i++) {
		assert_string_equal(a[i].key.case_name, want[i / NR].case_name);
		assert_string_equal(a[i].key.impl, want[i / NR].impl);
		assert_int_equal(a[i].key.threads, want[i / NR].threads);
		assert_int_equal(a[i].metric, i % NR);
	}
	free(a);
	results_free(&r);
}

/* From 2 threads at 80 to 8 threads at 40; the smallest count is recorded last. */
static void speedup_by_kind(void **state)
{
	struct results r;
	struct aggregate *a;
	size_t nr;

	(void)state;
	results_init(&r, metrics, NR);
	add(&r, "x", "mmsim", 8, 0, 40);
	add(&r, "x", "mmsim", 2, 0, 80);
	nr = results_aggregate(&r, &a);
	close_to(find(a, nr, "x", "mmsim", 2, TIME)->speedup, 1);
	close_to(find(a, nr, "x", "mmsim", 2, TIME)->efficiency, 1);
	close_to(find(a, nr, "x", "mmsim", 8, TIME)->speedup, 2);
	close_to(find(a, nr, "x", "mmsim", 8, TIME)->efficiency, 0.5);
	close_to(find(a, nr, "x", "mmsim", 8, THREAD_TIME)->speedup, 8);
	close_to(find(a, nr, "x", "mmsim", 8, THREAD_TIME)->efficiency, 2);
	close_to(find(a, nr, "x", "mmsim", 8, RATE)->speedup, 0.5);
	close_to(find(a, nr, "x", "mmsim", 8, RATE)->efficiency, 0.125);
	assert_true(isnan(find(a, nr, "x", "mmsim", 8, PLAIN)->speedup));
	assert_true(isnan(find(a, nr, "x", "mmsim", 8, PLAIN)->efficiency));
	free(a);
	results_free(&r);
}

static void speedup_is_of_medians(void **state)
{
	static const double one[] = { 100, 100, 900 };
	static const double two[] = { 50, 50, 1 };
	struct results r;
	struct aggregate *a;
	size_t nr;

	(void)state;
	results_init(&r, metrics, NR);
	for (unsigned rep = 0; rep < 3; rep++) {
		add(&r, "x", "mmsim", 1, rep, one[rep]);
		add(&r, "x", "mmsim", 2, rep, two[rep]);
	}
	nr = results_aggregate(&r, &a);
	close_to(find(a, nr, "x", "mmsim", 2, TIME)->speedup, 2);
	free(a);
	results_free(&r);
}

/* Another implementation or case is no base to compare with. */
static void series_are_separate(void **state)
{
	struct results r;
	struct aggregate *a;
	size_t nr;

	(void)state;
	results_init(&r, metrics, NR);
	add(&r, "x", "mmsim", 1, 0, 10);
	add(&r, "x", "peer", 2, 0, 100);
	add(&r, "y", "mmsim", 2, 0, 100);
	nr = results_aggregate(&r, &a);
	close_to(find(a, nr, "x", "peer", 2, TIME)->speedup, 1);
	close_to(find(a, nr, "y", "mmsim", 2, TIME)->speedup, 1);
	free(a);
	results_free(&r);
}

static void a_metric_never_measured_is_left_out(void **state)
{
	const double values[NR] = { 5, NAN, NAN, NAN };
	struct result_key key = key_of("x", "peer", 1);
	struct results r;
	struct aggregate *a;

	(void)state;
	results_init(&r, metrics, NR);
	results_add(&r, &key, 0, values);
	assert_int_equal(results_aggregate(&r, &a), 1);
	assert_int_equal(a[0].metric, TIME);
	free(a);
	results_free(&r);
}

static void the_store_grows(void **state)
{
	struct results r;
	struct aggregate *a;

	(void)state;
	results_init(&r, metrics, NR);
	for (unsigned rep = 0; rep < 1000; rep++)
		add(&r, "x", "mmsim", 1, rep, rep);
	assert_int_equal(r.nr, 1000);
	for (unsigned rep = 0; rep < 1000; rep++) {
		assert_int_equal(r.runs[rep].rep, rep);
		close_to(results_value(&r, rep, PLAIN), rep);
	}
	assert_int_equal(results_aggregate(&r, &a), NR);
	assert_int_equal(a[0].stats.n, 1000);
	close_to(a[0].stats.median, 499.5);
	free(a);
	results_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(repetitions_come_together),
		cmocka_unit_test(reading_order),
		cmocka_unit_test(speedup_by_kind),
		cmocka_unit_test(speedup_is_of_medians),
		cmocka_unit_test(series_are_separate),
		cmocka_unit_test(a_metric_never_measured_is_left_out),
		cmocka_unit_test(the_store_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
