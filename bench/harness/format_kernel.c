/* SPDX-License-Identifier: MIT */
/*
 * The layout that kernel changelogs use for thread sweeps, ready to be pasted into one.
 *
 * Published tables define speedup in two ways. Here it is what the merged padata series printed,
 * the share of the time that is saved, and the text says so.
 */
#include "report.h"

#include <string.h>

/* Times are printed in ms, per-operation costs as they are. */
static double print_scale(const struct bench_metric *metric)
{
	return strcmp(metric->unit, "ns") ? 1 : 1e-6;
}

static const char *print_name(const struct bench_metric *metric)
{
	return strcmp(metric->unit, "ns") ? metric->name : "time_ms";
}

/* The aggregate of the headline at the fewest threads of a series, or of the baseline case. */
static const struct aggregate *find_baseline(const struct report *report,
					     const struct aggregate *first)
{
	const struct bench *bench = report->session->bench;

	for (size_t i = 0; bench->baseline && i < report->nr; i++) {
		const struct aggregate *a = &report->aggregates[i];

		if (a->metric == bench->headline && !strcmp(a->key.case_name, bench->baseline))
			return a;
	}
	return first;
}

static void print_heading(const struct report *report, const struct aggregate *first,
			  const struct aggregate *base, FILE *out)
{
	const struct bench_session *s = report->session;
	const struct bench_metric *metric = &s->bench->metrics[s->bench->headline];

	fprintf(out, "%s %s, %s, machine %s: %s%s\n", s->bench->name, first->key.case_name,
		first->key.impl, s->context.machine, s->context.topology,
		s->opt->virtual_time ? ", virtual" : "");
	fprintf(out,
		"    speedup = 1 - t/t0, the share of the time saved; t0 is the row marked --\n");
	fprintf(out, "    t: mean %s of %zu; %s: threads as a share of the CPUs%s\n", metric->name,
		first->stats.n, "node%", s->bench->threads_per_node ? " of a node" : "");
	if (base != first)
		fprintf(out, "    (  0): case %s, the loop before there were jobs\n",
			s->bench->baseline);
	fprintf(out, "\n    node%% (thr)    speedup  %s (stdev)\n", print_name(metric));
}

/* As there: the unpatched kernel has 0 threads and no percentage. */
static void print_row(const struct report *report, const struct aggregate *a,
		      const struct aggregate *base, bool unpatched, FILE *out)
{
	const struct bench_session *s = report->session;
	double scale = print_scale(&s->bench->metrics[s->bench->headline]);
	double spread = a->stats.n > 1 ? a->stats.stdev : 0;

	if (unpatched)
		fprintf(out, "          (  0)");
	else
		fprintf(out, "    %4.0f%% (%3u)", 100.0 * a->key.threads / s->cpus, a->key.threads);
	if (a == base)
		fprintf(out, "         --");
	else
		fprintf(out, "     %5.1f%%", 100 * (1 - a->stats.mean / base->stats.mean));
	fprintf(out, "  %7.1f (%5.1f)\n", a->stats.mean * scale, spread * scale);
}

static void print_series(const struct report *report, size_t i, FILE *out)
{
	const struct aggregate *first = &report->aggregates[i];
	const struct aggregate *base = find_baseline(report, first);

	print_heading(report, first, base, out);
	if (base != first)
		print_row(report, base, base, true, out);
	for (; i < report->nr; i++) {
		const struct aggregate *a = &report->aggregates[i];

		if (!result_same_series(&a->key, &first->key))
			break;
		if (a->metric == first->metric)
			print_row(report, a, base, false, out);
	}
	fputc('\n', out);
}

/* The baseline case is a row of the other series; alone, it is a series. */
static bool is_series_start(const struct report *report, size_t i, const struct aggregate *last)
{
	const struct bench *bench = report->session->bench;
	const struct aggregate *a = &report->aggregates[i];

	if (a->metric != bench->headline || (last && result_same_series(&a->key, &last->key)))
		return false;
	return !bench->baseline || strcmp(a->key.case_name, bench->baseline) != 0;
}

void report_kernel(const struct report *report, FILE *out)
{
	const struct aggregate *last = NULL;

	if (report->session->text)
		fputs(report->session->text, out);

	for (size_t i = 0; i < report->nr; i++) {
		if (!is_series_start(report, i, last))
			continue;
		last = &report->aggregates[i];
		print_series(report, i, out);
	}
	for (size_t i = 0; !last && i < report->nr; i++) {
		if (report->aggregates[i].metric != report->session->bench->headline)
			continue;
		print_series(report, i, out);
		break;
	}
}
