/* SPDX-License-Identifier: MIT */
/* The schema mmsim-bench/1: context, every run, and what was computed from the runs. */
#include "report.h"

#include "json_writer.h"

#include <math.h>

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	json_key(w, key);
	json_string(w, text);
}

static void put_number(struct json_writer *w, const char *key, double value)
{
	json_key(w, key);
	json_number(w, value);
}

static void put_uint(struct json_writer *w, const char *key, uint64_t value)
{
	json_key(w, key);
	json_uint(w, value);
}

static void put_notes(struct json_writer *w, const struct bench_session *session)
{
	json_key(w, "notes");
	json_begin(w, '[');
	for (unsigned i = 0; i < session->nr_notes; i++)
		json_string(w, session->note[i]);
	json_end(w, ']');
}

static void put_context(struct json_writer *w, const struct bench_session *session)
{
	const struct context *c = &session->context;

	json_key(w, "context");
	json_begin(w, '{');
	put_text(w, "version", c->version);
	put_text(w, "build", c->build);
	put_text(w, "host", c->host);
	put_uint(w, "cpus", c->cpus);
	put_text(w, "topology", c->topology);
	put_text(w, "hugepages", c->hugepages);
	put_text(w, "cmdline", c->cmdline);
	put_uint(w, "seed", c->seed);
	put_text(w, "machine", c->machine);
	put_text(w, "config_hash", c->config_hash);
	put_text(w, "params", session->params);
	if (c->figures[0])
		put_text(w, "figures", c->figures);
	put_text(w, "speedup", SPEEDUP_TEXT);
	put_text(w, "efficiency", EFFICIENCY_TEXT);
	put_notes(w, session);
	json_end(w, '}');
}

static void put_key(struct json_writer *w, const struct result_key *key)
{
	put_text(w, "bench", key->bench);
	put_text(w, "case", key->case_name);
	put_text(w, "impl", key->impl);
	put_text(w, "mode", key->mode);
	put_text(w, "machine", key->machine);
	put_uint(w, "threads", key->threads);
}

/* NaN is a metric that this run does not have; an infinite one it has, and it becomes null. */
static void put_metrics(struct json_writer *w, const struct results *r, size_t run)
{
	json_key(w, "metrics");
	json_begin(w, '{');
	for (unsigned k = 0; k < r->nr_metrics; k++)
		if (!isnan(results_value(r, run, k)))
			put_number(w, r->metrics[k].name, results_value(r, run, k));
	json_end(w, '}');
}

static void put_runs(struct json_writer *w, const struct results *r)
{
	json_key(w, "runs");
	json_begin(w, '[');
	for (size_t i = 0; i < r->nr; i++) {
		json_begin(w, '{');
		put_key(w, &r->runs[i].key);
		put_uint(w, "rep", r->runs[i].rep);
		put_metrics(w, r, i);
		json_end(w, '}');
	}
	json_end(w, ']');
}

static void put_aggregate(struct json_writer *w, const struct results *r, const struct aggregate *a)
{
	json_begin(w, '{');
	put_key(w, &a->key);
	put_text(w, "metric", r->metrics[a->metric].name);
	put_text(w, "unit", r->metrics[a->metric].unit);
	put_uint(w, "n", a->stats.n);
	put_number(w, "median", a->stats.median);
	put_number(w, "mean", a->stats.mean);
	put_number(w, "stdev", a->stats.stdev);
	put_number(w, "min", a->stats.min);
	put_number(w, "max", a->stats.max);
	put_number(w, "ci95", a->stats.ci95);
	put_number(w, "speedup", a->speedup);
	put_number(w, "efficiency", a->efficiency);
	json_end(w, '}');
}

void report_json(const struct report *report, FILE *out)
{
	const struct results *r = &report->session->results;
	struct json_writer w;

	json_init(&w, out);
	json_begin(&w, '{');
	put_text(&w, "schema", "mmsim-bench/1");
	put_context(&w, report->session);
	put_runs(&w, r);
	json_key(&w, "aggregates");
	json_begin(&w, '[');
	for (size_t i = 0; i < report->nr; i++)
		put_aggregate(&w, r, &report->aggregates[i]);
	json_end(&w, ']');
	json_end(&w, '}');
}
