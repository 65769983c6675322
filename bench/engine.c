/* SPDX-License-Identifier: MIT */
/*
 * How fast the modes on one OS thread simulate: host time per switch and per event.
 *
 * Each cell makes a machine of its own with as many CPUs as threads, lets one task per CPU work, and
 * divides the host's time by what mmsim_sched_info() counted. So the figures are measured natively
 * whatever mode the machine inside is in.
 */
#include "engine.h"

#include "harness/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ORDER 3 /* past the per-CPU lists: every operation takes the zone's lock */

enum work { WORK_SERIAL_YIELD, WORK_YIELD, WORK_PAGES, WORK_LOCK };

static const struct bench_case cases[] = {
	{ "serial-yield-2", "tasks that take turns: a queue and a switch", true, 2 },
	{ "virtual-yield-2", "the same, chosen by virtual time", true, 2 },
	{ "virtual-pages-2", "order-0 pairs on each CPU's own lists", true, 2 },
	{ "virtual-pages-16", "the same on 16 CPUs", true, 16 },
	{ "virtual-pages-128", "the same on 128 CPUs", true, 128 },
	{ "virtual-lock-2", "order-3 pairs, all under one zone's lock", true, 2 },
	{ "virtual-lock-16", "the same on 16 CPUs", true, 16 },
	{ "virtual-lock-128", "the same on 128 CPUs", true, 128 },
};

/* By case. */
static const enum work works[] = { WORK_SERIAL_YIELD, WORK_YIELD, WORK_PAGES, WORK_PAGES,
				   WORK_PAGES,        WORK_LOCK,  WORK_LOCK,  WORK_LOCK };

_Static_assert(ARRAY_LEN(works) == ARRAY_LEN(cases), "one work per case");

enum { M_EVENT, M_SWITCH, M_EVENTS, M_PER_PAIR, NR_METRICS };

static const struct bench_metric metrics[NR_METRICS] = {
	[M_EVENT] = { "ns_per_event", "ns", METRIC_PLAIN, false, "host time / events" },
	[M_SWITCH] = { "ns_per_switch", "ns/switch", METRIC_PLAIN, true,
		       "host time / switches, everything between two of them included" },
	[M_EVENTS] = { "events_per_s", "1/s", METRIC_PLAIN, true,
		       "charges, schedule points, waits and wake-ups per second of host time" },
	[M_PER_PAIR] = { "events_per_op", "events", METRIC_PLAIN, true,
			 "events per yield or pair of allocation and free" },
};

enum { SET_OPS, NR_SETTINGS };

static const struct bench_setting settings[NR_SETTINGS] = {
	[SET_OPS] = { "ops", 2000000, "yields or pairs of a cell, all tasks together", 1 },
};

struct engine {
	struct mmsim *m;
	uint64_t ops; /* of each task */
	unsigned order;
	int bad;
};

static void take_turns(unsigned i, void *arg)
{
	struct engine *e = arg;

	(void)i;
	for (uint64_t n = 0; n < e->ops; n++)
		mmsim_yield(e->m);
}

static void take_pages(unsigned i, void *arg)
{
	struct engine *e = arg;

	(void)i;
	for (uint64_t n = 0; n < e->ops; n++) {
		struct mmsim_page *page =
			mmsim_alloc_pages(e->m, MMSIM_GFP_HIGHUSER_MOVABLE, e->order);

		e->bad |= !page || mmsim_free_pages(e->m, page, e->order);
	}
}

static int create(struct bench_session *session, struct engine *e, enum work work, unsigned threads)
{
	struct mmsim_config *cfg = bench_calloc(1, sizeof(*cfg));
	char topology[64];
	int rc;

	mmsim_config_defaults(cfg);
	snprintf(topology, sizeof(topology), "pack:1 node:1(memory=1G) core:%u pu:1", threads);
	rc = mmsim_config_from_synthetic(cfg, topology, 0, NULL, 0);
	cfg->mode = work == WORK_SERIAL_YIELD ? MMSIM_SERIAL : MMSIM_VIRTUAL;
	cfg->log = bench_log;
	cfg->log_ctx = session;
	if (!rc)
		rc = mmsim_create(cfg, &e->m);
	free(cfg);
	return rc ? bench_fail(session, BENCH_CANNOT, "creating the machine: %s", strerror(-rc))
		  : BENCH_OK;
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	enum work work = works[case_index];
	struct mmsim_sched_info before, after;
	struct engine e = { .order = work == WORK_LOCK ? ORDER : 0 };
	double value[NR_METRICS], events;
	uint64_t start, ns;
	int rc = create(session, &e, work, threads);

	if (rc)
		return rc;
	e.ops = session->setting[SET_OPS] / threads;
	mmsim_sched_info(e.m, &before);
	start = bench_now();
	rc = mmsim_run(e.m, threads, work >= WORK_PAGES ? take_pages : take_turns, &e);
	ns = bench_now() - start;
	mmsim_sched_info(e.m, &after);
	mmsim_destroy(e.m);
	if (rc || e.bad)
		return bench_fail(session, BENCH_FAILED, "%s: %s", cases[case_index].name,
				  rc ? strerror(-rc) : "no page, or a free was refused");
	events = (double)(after.events - before.events);
	value[M_EVENT] = events > 0 ? (double)ns / events : NAN; /* serial mode has none */
	value[M_SWITCH] = (double)ns / (double)(after.switches - before.switches);
	value[M_EVENTS] = events > 0 ? events * 1e9 / (double)ns : NAN;
	value[M_PER_PAIR] = events > 0 ? events / (double)(e.ops * threads) : NAN;
	bench_record(session, case_index, "mmsim", threads, value);
	return BENCH_OK;
}

static int start(struct bench_session *session)
{
	(void)session;
	return BENCH_OK;
}

static void finish(struct bench_session *session)
{
	bench_note(session, "the machines are simulated on one OS thread; times are the host's");
}

const struct bench engine_bench = {
	.name = "engine",
	.about = "host time of the modes that simulate on one thread",
	.cases = cases,
	.nr_cases = ARRAY_LEN(cases),
	.metrics = metrics,
	.nr_metrics = NR_METRICS,
	.headline = M_SWITCH,
	.settings = settings,
	.nr_settings = NR_SETTINGS,
	.default_threads = "1",
	.default_memory = UINT64_C(1) << 30,
	.start = start,
	.cell = cell,
	.finish = finish,
};
