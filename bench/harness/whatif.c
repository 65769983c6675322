/* SPDX-License-Identifier: MIT */
/* What if one thing of the machine were 10 % cheaper? The same cells again, once per figure. */
#include "whatif.h"

#include "bench.h"
#include "util.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of these more is cheaper: a faster memory or clock, rarer switches and deep sleeps. */
static bool more_is_cheaper(unsigned figure)
{
	switch (figure) {
	case MMSIM_FIG_DRAM_BW:
	case MMSIM_FIG_CORE_BW:
	case MMSIM_FIG_CLEAR_BW:
	case MMSIM_FIG_LINK_BW:
	case MMSIM_FIG_CORE_CACHE:
	case MMSIM_FIG_LLC_SIZE:
	case MMSIM_FIG_LOADED_KNEE:
	case MMSIM_FIG_SMT_FACTOR:
	case MMSIM_FIG_TURBO_ALL:
	case MMSIM_FIG_DEEP_AFTER:
	case MMSIM_FIG_SLICE:
		return true;
	default:
		return false;
	}
}

uint64_t whatif_cheaper(unsigned figure, uint64_t value)
{
	const struct mmsim_figure_info *info = mmsim_figure_info(figure);
	uint64_t tenths = more_is_cheaper(figure) ? 11 : 9;
	uint64_t changed = value / 10 * tenths + (value % 10 * tenths + 5) / 10;

	if (info->words)
		return value;
	if (changed > info->max)
		return info->max;
	return changed < info->min ? info->min : changed;
}

double whatif_gain(enum metric_kind kind, double base, double value)
{
	return kind == METRIC_RATE ? value / base - 1 : 1 - value / base;
}

static int by_mean(const void *a, const void *b)
{
	const struct whatif_row *x = a;
	const struct whatif_row *y = b;

	if (x->mean != y->mean)
		return x->mean > y->mean ? -1 : 1;
	return x->figure < y->figure ? -1 : x->figure > y->figure;
}

void whatif_rank(struct whatif *w)
{
	for (unsigned i = 0; i < w->nr; i++) {
		double sum = 0;

		for (unsigned c = 0; c < w->nr_cells; c++)
			sum += w->row[i].gain[c];
		w->row[i].mean = sum / w->nr_cells;
	}
	qsort(w->row, w->nr, sizeof(w->row[0]), by_mean);
}

bool whatif_matters(const struct whatif *w, const struct whatif_row *row)
{
	for (unsigned c = 0; c < w->nr_cells; c++)
		if (fabs(row->gain[c]) >= WHATIF_LEAST)
			return true;
	return false;
}

/* Everything that a run of its own would do, but for what is told and looked at beside. */
static struct options inner_options(const struct bench_session *session)
{
	struct options opt = *session->opt;

	opt.what_if = false;
	opt.locks = false;
	opt.trace = NULL;
	opt.progress = PROGRESS_NEVER;
	opt.repeat = 1;
	return opt;
}

/* Headlines of the cells, in reading order. Returns how many. */
static unsigned read_cells(const struct bench_session *inner, struct whatif *w, double *value)
{
	struct aggregate *all;
	size_t nr = results_aggregate(&inner->results, &all);
	unsigned cells = 0;

	for (size_t i = 0; i < nr && cells < WHATIF_MAX_CELLS; i++) {
		if (all[i].metric != inner->bench->headline)
			continue;
		w->cell[cells].case_name = all[i].key.case_name;
		w->cell[cells].threads = all[i].key.threads;
		value[cells++] = all[i].stats.median;
	}
	free(all);
	return cells;
}

/* One run with `value` for the figure; MMSIM_NR_FIGURES: with none changed. */
static int run_once(const struct bench_session *session, unsigned figure, uint64_t value,
		    struct whatif *w, double *headline)
{
	struct bench_session *inner = bench_calloc(1, sizeof(*inner));
	struct options opt = inner_options(session);
	int rc = session_open(inner, session->bench, &opt, session->argc, session->argv);

	if (rc == BENCH_OK) {
		inner->threads.count[0] = inner->threads.count[inner->threads.nr - 1];
		inner->threads.nr = 1;
		if (figure < MMSIM_NR_FIGURES)
			inner->machine.cfg.figure[figure] = value;
		rc = session_run(inner);
	}
	if (rc == BENCH_OK)
		w->nr_cells = read_cells(inner, w, headline);
	session_close(inner);
	free(inner);
	return rc;
}

static int run_base(const struct bench_session *session, struct whatif *w)
{
	double headline[WHATIF_MAX_CELLS];
	int rc = run_once(session, MMSIM_NR_FIGURES, 0, w, headline);

	for (unsigned c = 0; rc == BENCH_OK && c < w->nr_cells; c++)
		w->cell[c].base = headline[c];
	return rc;
}

static int run_figure(const struct bench_session *session, struct whatif *w, unsigned figure)
{
	const struct bench *bench = session->bench;
	struct whatif_row *row = &w->row[w->nr++];
	double headline[WHATIF_MAX_CELLS];
	int rc;

	memset(row, 0, sizeof(*row));
	row->figure = figure;
	row->before = session->machine.cfg.figure[figure];
	row->after = whatif_cheaper(figure, row->before);
	if (row->after == row->before)
		return BENCH_OK;
	rc = run_once(session, figure, row->after, w, headline);
	for (unsigned c = 0; rc == BENCH_OK && c < w->nr_cells; c++)
		row->gain[c] = whatif_gain(bench->metrics[bench->headline].kind, w->cell[c].base,
					   headline[c]);
	return rc;
}

int whatif_run(struct bench_session *session)
{
	struct progress progress;
	unsigned most = session->threads.count[session->threads.nr - 1];
	int rc;

	session->whatif = bench_calloc(1, sizeof(*session->whatif));
	progress_start(&progress, session->opt->progress, MMSIM_NR_FIGURES + 1);
	progress_cell(&progress, "what if:", "as it is", most);
	rc = run_base(session, session->whatif);
	progress_done(&progress);
	for (unsigned i = 0; rc == BENCH_OK && i < MMSIM_NR_FIGURES; i++) {
		if (!mmsim_figure_info(i)->words) {
			progress_cell(&progress, "what if:", mmsim_figure_info(i)->name, most);
			rc = run_figure(session, session->whatif, i);
		}
		progress_done(&progress);
	}
	progress_end(&progress);
	whatif_rank(session->whatif);
	return rc;
}
