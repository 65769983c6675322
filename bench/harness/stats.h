/* SPDX-License-Identifier: MIT */
/* Location and spread of a handful of repetitions. Pure functions. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>

struct stats {
	size_t n;
	double median;
	double mean;
	double stdev; /* of the sample (n - 1); NaN below two values */
	double min;
	double max;
	double ci95; /* half width of the mean's 95 % confidence interval; NaN below two values */
};

/*
 * Values that are not finite stand for "not measured" and are left out. With nothing left, n is 0
 * and the rest NaN.
 */
struct stats stats_of(const double *values, size_t nr);

/* The two-sided 95 % quantile of Student's t with df >= 1 degrees of freedom. */
double stats_t95(size_t df);

#endif
