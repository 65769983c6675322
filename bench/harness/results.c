/* SPDX-License-Identifier: MIT */
/* The store of everything measured, and what is computed from it. */
#include "results.h"

#include "util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The runs that differ in nothing but their repetition. */
struct group {
	struct result_key key;
	size_t series; /* rank of its series by first appearance */
};

void results_init(struct results *r, const struct bench_metric *metrics, unsigned nr_metrics)
{
	memset(r, 0, sizeof(*r));
	r->metrics = metrics;
	r->nr_metrics = nr_metrics;
}

void results_free(struct results *r)
{
	free(r->runs);
	free(r->values);
	memset(r, 0, sizeof(*r));
}

void results_add(struct results *r, const struct result_key *key, unsigned rep,
		 const double *values)
{
	if (r->nr == r->room) {
		r->room = r->room ? 2 * r->room : 64;
		r->runs = bench_realloc(r->runs, r->room, sizeof(*r->runs));
		r->values = bench_realloc(r->values, r->room * r->nr_metrics, sizeof(double));
	}
	r->runs[r->nr] = (struct result_run){ .key = *key, .rep = rep };
	memcpy(&r->values[r->nr * r->nr_metrics], values, r->nr_metrics * sizeof(double));
	r->nr++;
}

double results_value(const struct results *r, size_t run, unsigned metric)
{
	return r->values[run * r->nr_metrics + metric];
}

bool result_same_series(const struct result_key *a, const struct result_key *b)
{
	return !strcmp(a->case_name, b->case_name) && !strcmp(a->impl, b->impl) &&
	       !strcmp(a->bench, b->bench) && !strcmp(a->mode, b->mode) &&
	       !strcmp(a->machine, b->machine);
}

static bool same_key(const struct result_key *a, const struct result_key *b)
{
	return a->threads == b->threads && result_same_series(a, b);
}

static int by_reading_order(const void *a, const void *b)
{
	const struct group *x = a;
	const struct group *y = b;

	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	return (x->key.threads > y->key.threads) - (x->key.threads < y->key.threads);
}

/* Add the key of a run to the groups unless it is there. */
static size_t group_add(struct group *groups, size_t nr, const struct result_key *key)
{
	size_t series = nr;

	for (size_t i = nr; i-- > 0;) {
		if (same_key(&groups[i].key, key))
			return nr;
		if (result_same_series(&groups[i].key, key))
			series = groups[i].series;
	}
	groups[nr] = (struct group){ .key = *key, .series = series };
	return nr + 1;
}

static size_t group_runs(const struct results *r, struct group **out)
{
	struct group *groups = bench_calloc(r->nr, sizeof(*groups));
	size_t nr = 0;

	for (size_t i = 0; i < r->nr; i++)
		nr = group_add(groups, nr, &r->runs[i].key);
	qsort(groups, nr, sizeof(*groups), by_reading_order);
	*out = groups;
	return nr;
}

static struct stats stats_of_group(const struct results *r, const struct result_key *key,
				   unsigned metric, double *scratch)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nr; i++)
		if (same_key(&r->runs[i].key, key))
			scratch[n++] = results_value(r, i, metric);
	return stats_of(scratch, n);
}

/* How much sooner the same work is done here than at the base. */
static double speedup_of(enum metric_kind kind, const struct aggregate *base,
			 const struct aggregate *here)
{
	double growth = (double)here->key.threads / (double)base->key.threads;

	switch (kind) {
	case METRIC_TIME:
		return base->stats.median / here->stats.median;
	case METRIC_THREAD_TIME: /* twice the threads have done twice the work */
		return growth * base->stats.median / here->stats.median;
	case METRIC_RATE:
		return here->stats.median / base->stats.median;
	case METRIC_PLAIN:
		break;
	}
	return NAN;
}

/* Threads ascend within a series: the first aggregate that matches is the smallest count. */
static void compare_to_base(const struct results *r, const struct aggregate *all,
			    struct aggregate *here)
{
	const struct aggregate *base = all;

	while (base->metric != here->metric || !result_same_series(&base->key, &here->key))
		base++;
	here->speedup = speedup_of(r->metrics[here->metric].kind, base, here);
	here->efficiency = here->speedup * (double)base->key.threads / (double)here->key.threads;
}

size_t results_aggregate(const struct results *r, struct aggregate **out)
{
	struct group *groups;
	size_t nr_groups = group_runs(r, &groups);
	struct aggregate *agg = bench_calloc(nr_groups * r->nr_metrics, sizeof(*agg));
	double *scratch = bench_calloc(r->nr, sizeof(*scratch));
	size_t nr = 0;

	for (size_t g = 0; g < nr_groups; g++) {
		for (unsigned metric = 0; metric < r->nr_metrics; metric++) {
			agg[nr].key = groups[g].key;
			agg[nr].metric = metric;
			agg[nr].stats = stats_of_group(r, &groups[g].key, metric, scratch);
			if (agg[nr].stats.n > 0) {
				compare_to_base(r, agg, &agg[nr]);
				nr++;
			}
		}
	}
	free(scratch);
	free(groups);
	*out = agg;
	return nr;
}
