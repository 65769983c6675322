/* SPDX-License-Identifier: MIT */
/* The model held against the host. */
#include "compare_model.h"

#include "calibrate.h"
#include "harness/grid.h"
#include "harness/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What calibration measured with one thread of the same operation. */
static bool is_calibrated(const struct model_row *row)
{
	static const char *const cases[] = { "ordinary", "serial", "repeat-o0" };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!strcmp(row->key.case_name, cases[i]))
			return row->key.threads == 1;
	return false;
}

static bool is_ours(const struct report *report, const struct aggregate *a)
{
	return a->metric == report->session->bench->headline && !strcmp(a->key.impl, "mmsim");
}

void model_add_native(struct model *model, const struct report *report)
{
	for (size_t i = 0; i < report->nr && model->nr < MODEL_MAX_ROWS; i++) {
		const struct aggregate *a = &report->aggregates[i];

		if (is_ours(report, a))
			model->row[model->nr++] = (struct model_row){
				.bench = report->session->bench,
				.key = a->key,
				.native = a->stats.median,
				.min = a->stats.min,
				.max = a->stats.max,
				.predicted = NAN,
			};
	}
}

static void add_prediction(struct model *model, const struct report *report,
			   const struct aggregate *a)
{
	for (size_t i = 0; i < model->nr; i++) {
		struct model_row *row = &model->row[i];

		if (row->bench == report->session->bench && row->key.threads == a->key.threads &&
		    !strcmp(row->key.case_name, a->key.case_name))
			row->predicted = a->stats.median;
	}
}

static void collect(struct model *model, const struct bench_session *session)
{
	struct report report;

	report_init(&report, session);
	for (size_t i = 0; i < report.nr; i++)
		if (is_ours(&report, &report.aggregates[i]))
			add_prediction(model, &report, &report.aggregates[i]);
	report_free(&report);
}

/* The same machine, memory and threads, in virtual time. */
static int predict(struct model *model, const struct bench *bench, const struct model_runs *runs,
		   const uint64_t *figure)
{
	struct bench_session *session = bench_calloc(1, sizeof(*session));
	struct options opt = *runs->opt;
	int rc;

	opt.virtual_time = true;
	opt.repeat = 1;
	opt.warmup = 0;
	if (!opt.memory)
		opt.memory = bench->default_memory;
	rc = session_open(session, bench, &opt, runs->argc, runs->argv);
	if (rc == BENCH_OK) {
		memcpy(session->machine.cfg.figure, figure, sizeof(session->machine.cfg.figure));
		rc = session_run(session);
	}
	if (rc == BENCH_OK)
		collect(model, session);
	session_close(session);
	free(session);
	return rc;
}

static void add_row(struct grid *grid, const struct model_row *row)
{
	const struct bench_metric *metric = &row->bench->metrics[row->bench->headline];

	grid_add(grid, "%s", row->bench->name);
	grid_add(grid, "%s", row->key.case_name);
	grid_add(grid, "%u", row->key.threads);
	grid_add_figure(grid, row->native, metric->unit);
	grid_add_figure(grid, row->min, metric->unit);
	grid_add_figure(grid, row->max, metric->unit);
	grid_add_figure(grid, row->predicted, metric->unit);
	if (isnan(row->predicted))
		grid_add(grid, "-");
	else
		grid_add(grid, "%+.1f", (row->predicted / row->native - 1) * 100);
	grid_add(grid, "%s", is_calibrated(row) ? "calibrated on" : "");
}

static void print_mean(const struct model *model, unsigned threads, FILE *out)
{
	double sum = 0, worst = 0;
	unsigned nr = 0;

	for (size_t i = 0; i < model->nr; i++) {
		const struct model_row *row = &model->row[i];
		double error = fabs(row->predicted / row->native - 1) * 100;

		if (row->key.threads != threads || isnan(error) || is_calibrated(row))
			continue;
		sum += error;
		worst = fmax(worst, error);
		nr++;
	}
	if (nr)
		fprintf(out, "  %u thread%s: mean |error| %.1f %%, worst %.1f %%, %u cases\n",
			threads, threads == 1 ? "" : "s", sum / nr, worst, nr);
}

void model_print(const struct model *model, FILE *out)
{
	static const char *const heading[] = { "bench", "case",    "threads", "native", "min",
					       "max",   "virtual", "error %", "" };
	unsigned last = 0;
	struct grid grid;

	fputs("model: this host natively, and in virtual time on a profile of it\n\n", out);
	grid_init(&grid, ARRAY_LEN(heading), 2);
	for (size_t i = 0; i < ARRAY_LEN(heading); i++)
		grid_add(&grid, "%s", heading[i]);
	for (size_t i = 0; i < model->nr; i++)
		add_row(&grid, &model->row[i]);
	grid_print_text(&grid, out);
	grid_free(&grid);
	fputc('\n', out);
	for (size_t i = 0; i < model->nr; i++) {
		if (model->row[i].key.threads > last) {
			last = model->row[i].key.threads;
			print_mean(model, last, out);
		}
	}
	fputs("  native: median, min and max over the repetitions; error = virtual / native - "
	      "1\n\n",
	      out);
}

int model_run(struct model *model, const struct model_runs *runs, FILE *out)
{
	struct mmsim_config *cfg = bench_calloc(1, sizeof(*cfg));
	struct calibrate_options how;
	int rc;

	calibrate_options_init(&how);
	how.quick = true;
	how.progress = runs->opt->progress;
	mmsim_config_defaults(cfg);
	rc = calibrate_run(&how, cfg, NULL);
	for (size_t i = 0; i < runs->nr && rc == BENCH_OK; i++)
		rc = predict(model, runs->benches[i], runs, cfg->figure);
	if (rc == BENCH_OK)
		model_print(model, out);
	free(cfg);
	return rc;
}
