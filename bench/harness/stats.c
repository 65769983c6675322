/* SPDX-License-Identifier: MIT */
/* Location and spread of a handful of repetitions. */
#include "stats.h"

#include "util.h"

#include <math.h>
#include <stdlib.h>

/* Degrees of freedom 1 to 30; beyond, t is close to linear in 1/df. */
static const double t95_small[] = {
	12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
	2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
	2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
};

#define T95_NORMAL 1.960

double stats_t95(size_t df)
{
	const size_t nr = ARRAY_LEN(t95_small);

	if (df == 0)
		return NAN;
	if (df <= nr)
		return t95_small[df - 1];
	return T95_NORMAL + (t95_small[nr - 1] - T95_NORMAL) * (double)nr / (double)df;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static size_t copy_finite(double *to, const double *from, size_t nr)
{
	size_t n = 0;

	for (size_t i = 0; i < nr; i++)
		if (isfinite(from[i]))
			to[n++] = from[i];
	return n;
}

static double mean_of(const double *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return sum / (double)n;
}

/* Around the mean, not by sums of squares: nanosecond counts would cancel. */
static double stdev_of(const double *v, size_t n, double mean)
{
	double sum = 0;

	if (n < 2)
		return NAN;
	for (size_t i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	return sqrt(sum / (double)(n - 1));
}

struct stats stats_of(const double *values, size_t nr)
{
	struct stats s = { 0, NAN, NAN, NAN, NAN, NAN, NAN };
	double *v = bench_calloc(nr, sizeof(*v));

	s.n = copy_finite(v, values, nr);
	if (s.n > 0) {
		qsort(v, s.n, sizeof(*v), by_value);
		s.median = (v[(s.n - 1) / 2] + v[s.n / 2]) / 2;
		s.mean = mean_of(v, s.n);
		s.min = v[0];
		s.max = v[s.n - 1];
		s.stdev = stdev_of(v, s.n, s.mean);
		s.ci95 = stats_t95(s.n - 1) * s.stdev / sqrt((double)s.n);
	}
	free(v);
	return s;
}
