/* SPDX-License-Identifier: MIT */
/*
 * Deferred struct page initialisation against the memory bandwidth of the same array.
 *
 * One machine is created cold, its struct page array mapped and touched; then every cell resets it,
 * boots it with the stores and the threads of its case, and right afterwards lets as many threads
 * do nothing but fill the same struct pages. The ratio of the two is taken within the cell, so that
 * a slow moment of the host is in both.
 */
#include "pageinit.h"

#include "harness/host.h"
#include "harness/stream.h"
#include "harness/util.h"
#include "pageinit_floor.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The share of the host's free memory that struct pages may take. */
#define MEMORY_SHARE 0.7

enum { CASE_ORDINARY, CASE_STREAMING, CASE_SERIAL, NR_CASES };

static const struct bench_case cases[NR_CASES] = {
	[CASE_ORDINARY] = { "ordinary", "jobs on every node, stores through the cache", true, 0 },
	[CASE_STREAMING] = { "streaming", "jobs on every node, stores past the cache", true, 0 },
	[CASE_SERIAL] = { "serial", "a plain loop on one thread per node, ordinary stores", true,
			  1 },
};

enum {
	M_TIME,
	M_NS_PER_PAGE,
	M_FLOOR,
	M_RATIO,
	M_FIRST_TOUCH,
	M_EARLY,
	M_WHOLE,
	M_WHOLE_RATIO,
	M_MEMSET,
	M_STREAM,
	M_GB_PER_S,
	M_FLOOR_SPEEDUP,
	NR_METRICS
};

static const struct bench_metric metrics[NR_METRICS] = {
	[M_TIME] = { "time_ns", "ns", METRIC_TIME, true,
		     "deferred init, start of the first node to end of the last" },
	[M_NS_PER_PAGE] = { "ns_per_page", "ns/page", METRIC_TIME, true,
			    "time_ns per struct page initialised in it" },
	[M_FLOOR] = { "floor_ns_per_page", "ns/page", METRIC_TIME, true,
		      "the faster of memset and streaming fill, same struct pages and threads" },
	[M_RATIO] = { "ratio_to_floor", "ratio", METRIC_PLAIN, true,
		      "ns_per_page / floor_ns_per_page of the same repetition" },
	[M_FIRST_TOUCH] = { "first_touch_ns", "ns", METRIC_PLAIN, false,
			    "touching the whole array once, before and in no other figure" },
	[M_EARLY] = { "early_ns", "ns", METRIC_PLAIN, false,
		      "the part of boot before deferred init, on one thread" },
	[M_WHOLE] = { "whole_ns", "ns", METRIC_TIME, false, "early_ns + time_ns" },
	[M_WHOLE_RATIO] = { "whole_ratio_to_floor", "ratio", METRIC_PLAIN, true,
			    "whole_ns per page / floor_ns_per_page" },
	[M_MEMSET] = { "memset_ns_per_page", "ns/page", METRIC_TIME, false,
		       "memset of the same struct pages, same threads" },
	[M_STREAM] = { "stream_ns_per_page", "ns/page", METRIC_TIME, false,
		       "streaming-store fill of the same struct pages, same threads" },
	[M_GB_PER_S] = { "gb_per_s", "GB/s", METRIC_RATE, true,
			 "struct page bytes initialised per second of time_ns" },
	[M_FLOOR_SPEEDUP] = { "floor_speedup", "ratio", METRIC_PLAIN, true,
			      "the floor at the smallest thread count / here: what the host "
			      "allows" },
};

struct pageinit {
	struct mmsim *m;
	struct mmsim_boot_report report; /* of the newest boot */
	struct floor_map floor;
	double floor_smallest[NR_CASES]; /* this repetition, smallest thread count */
	bool other_stores; /* a boot used other stores than its case says */
};

/* Page frames of the machine to struct pages: mapped whole, holes aside. */
static int check_memory(const struct bench_session *session)
{
	uint64_t pages = machine_memory(&session->machine.cfg) >> MMSIM_PAGE_SHIFT;
	uint64_t need = pages * sizeof(struct mmsim_page);
	uint64_t available = host_mem_available();

	if (available == 0 || (double)need <= MEMORY_SHARE * (double)available)
		return BENCH_OK;
	return bench_fail(session, BENCH_CANNOT,
			  "the struct pages need %llu MiB, the host has %llu MiB available: "
			  "give a smaller --memory",
			  (unsigned long long)(need >> 20), (unsigned long long)(available >> 20));
}

static int power_off(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct pageinit *p = session->priv;
	enum mmsim_stores stores =
		case_index == CASE_STREAMING ? MMSIM_STORES_STREAMING : MMSIM_STORES_ORDINARY;
	int rc;

	mmsim_reset(p->m);
	rc = mmsim_set_init(p->m, stores, threads, case_index != CASE_SERIAL);
	if (rc)
		return bench_fail(session, BENCH_FAILED, "init of %u threads: %s", threads,
				  strerror(-rc));
	return BENCH_OK;
}

static int boot(struct bench_session *session, unsigned case_index)
{
	struct pageinit *p = session->priv;
	int rc = mmsim_boot(p->m);

	if (rc)
		return bench_fail(session, BENCH_FAILED, "boot: %s", strerror(-rc));
	mmsim_boot_report(p->m, &p->report);
	p->other_stores |= p->report.streaming != (case_index == CASE_STREAMING);
	if (p->report.deferred_pages == 0 || p->report.deferred_ns == 0)
		return bench_fail(session, BENCH_CANNOT,
				  "a machine this small defers nothing: give a bigger --memory");
	return BENCH_OK;
}

static int start(struct bench_session *session)
{
	struct pageinit *p = bench_calloc(1, sizeof(*p));
	int rc = check_memory(session);

	session->priv = p;
	if (rc)
		return rc;
	session->machine.cfg.boot = MMSIM_BOOT_COLD;
	rc = mmsim_create(&session->machine.cfg, &p->m);
	if (rc)
		return bench_fail(session, rc == -ENOMEM ? BENCH_CANNOT : BENCH_FAILED,
				  "creating the machine: %s", strerror(-rc));
	rc = power_off(session, CASE_ORDINARY, 1);
	if (rc == BENCH_OK)
		rc = boot(session, CASE_ORDINARY);
	if (rc)
		return rc;
	if (session_is_virtual(session))
		return BENCH_OK;
	floor_find(&p->floor, p->m, &session->machine.cfg, &p->report);
	if (p->floor.pages == 0)
		return bench_fail(session, BENCH_FAILED, "no deferred struct pages found to fill");
	return BENCH_OK;
}

static void fill_boot_values(const struct mmsim_boot_report *r, double *value)
{
	value[M_TIME] = (double)r->deferred_ns;
	value[M_NS_PER_PAGE] = value[M_TIME] / (double)r->deferred_pages;
	value[M_EARLY] = (double)r->early_ns;
	value[M_WHOLE] = value[M_EARLY] + value[M_TIME];
	value[M_GB_PER_S] = (double)(r->deferred_pages * sizeof(struct mmsim_page)) / value[M_TIME];
}

/* What stores alone take on this host, and its first touch of the array. */
static void fill_host_values(const struct mmsim_boot_report *r, const struct floor_cost *cost,
			     double smallest, double *value)
{
	double whole_pages = (double)(r->early_pages + r->deferred_pages);

	value[M_FIRST_TOUCH] = (double)r->first_touch_ns;
	value[M_MEMSET] = cost->memset_ns;
	value[M_STREAM] = cost->stream_ns;
	value[M_FLOOR] = cost->best_ns;
	value[M_RATIO] = value[M_NS_PER_PAGE] / cost->best_ns;
	value[M_WHOLE_RATIO] = value[M_WHOLE] / whole_pages / cost->best_ns;
	value[M_FLOOR_SPEEDUP] = smallest / cost->best_ns;
}

/* Threads ascend within a repetition: a case meets its smallest count first. */
static bool is_smallest(const struct bench_session *session, unsigned case_index, unsigned threads)
{
	return cases[case_index].threads || threads == session->threads.count[0];
}

static int measure_floor(struct bench_session *session, unsigned case_index, unsigned threads,
			 double *value)
{
	struct pageinit *p = session->priv;
	struct floor_cost cost;

	mmsim_reset(p->m);
	floor_measure(&p->floor, &session->machine.cfg, threads, &cost);
	if (isnan(cost.best_ns))
		return bench_fail(session, BENCH_CANNOT, "%u threads could not be started",
				  threads);
	if (is_smallest(session, case_index, threads))
		p->floor_smallest[case_index] = cost.best_ns;
	fill_host_values(&p->report, &cost, p->floor_smallest[case_index], value);
	return BENCH_OK;
}

/* Of all threads that init, from the start of their node to its end. */
static double cpu_ns(const struct mmsim_boot_report *r)
{
	double ns = 0;

	for (unsigned i = 0; i < MMSIM_MAX_NODES; i++)
		ns += (double)r->node[i].threads * (double)r->node[i].time_ns;
	return ns;
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct pageinit *p = session->priv;
	double value[NR_METRICS];
	int rc = power_off(session, case_index, threads);

	if (rc)
		return rc;
	watch_start(session, p->m);
	rc = boot(session, case_index);
	if (rc)
		return rc;
	watch_stop(session, case_index, threads, cpu_ns(&p->report));
	for (unsigned i = 0; i < NR_METRICS; i++)
		value[i] = NAN;
	fill_boot_values(&p->report, value);
	if (!session_is_virtual(session))
		rc = measure_floor(session, case_index, threads, value);
	if (rc == BENCH_OK)
		bench_record(session, case_index, "mmsim", threads, value);
	return rc;
}

static void note_backing(struct bench_session *session, const struct pageinit *p)
{
	struct mmsim_backing b;

	mmsim_memmap_backing(p->m, &b);
	bench_note(session,
		   "struct pages: %.0f MiB in 1G pages, %.0f in 2M, %.0f in THP, %.0f in 4K%s%s",
		   (double)b.bytes_1g / 1048576, (double)b.bytes_2m / 1048576,
		   (double)b.bytes_thp / 1048576, (double)b.bytes_base / 1048576,
		   b.why[0] ? "; nothing bigger because " : "", b.why);
}

/* The machine that was booted, zone by zone. */
static void note_layout(struct bench_session *session, const struct pageinit *p)
{
	struct mmsim_zone_info z;

	for (unsigned node = 0; node < mmsim_nr_nodes(p->m); node++)
		for (int type = 0; type < MMSIM_NR_ZONES; type++) {
			if (mmsim_zone_info(p->m, node, (enum mmsim_zone_type)type, &z))
				continue;
			bench_note(session, "node %u zone %s: pfn %llu to %llu, %llu pages present",
				   node, mmsim_zone_name(z.type), (unsigned long long)z.start_pfn,
				   (unsigned long long)(z.start_pfn + z.spanned),
				   (unsigned long long)z.present);
		}
}

static void note_first_touch(struct bench_session *session, const struct mmsim_boot_report *r)
{
	double touched = (double)r->memmap_bytes / sizeof(struct mmsim_page);

	bench_note(session,
		   "first touch of the array: %.1f ms, %.2f ns/page, in none of the figures",
		   (double)r->first_touch_ns / 1e6, (double)r->first_touch_ns / touched);
}

static void note_boot(struct bench_session *session, const struct mmsim_boot_report *r)
{
	bench_note(session,
		   "early part: %.2f ms for %llu pages on one thread, then %llu pages deferred",
		   (double)r->early_ns / 1e6, (unsigned long long)r->early_pages,
		   (unsigned long long)r->deferred_pages);
}

static void finish(struct bench_session *session)
{
	struct pageinit *p = session->priv;

	if (p->report.deferred_pages) {
		note_layout(session, p);
		note_boot(session, &p->report);
		if (p->other_stores)
			bench_note(session,
				   "streaming stores are not to be had: a case used ordinary ones");
	}
	if (p->floor.pages) {
		note_backing(session, p);
		note_first_touch(session, &p->report);
		bench_note(session, "streaming stores of the floor: %s; it fills %llu struct pages",
			   stream_name(), (unsigned long long)p->floor.pages);
	}
	mmsim_destroy(p->m);
	free(p);
	session->priv = NULL;
}

const struct bench pageinit_bench = {
	.name = "pageinit",
	.about = "initialise the struct pages of a machine at boot",
	.cases = cases,
	.nr_cases = NR_CASES,
	.metrics = metrics,
	.nr_metrics = NR_METRICS,
	.headline = M_TIME,
	.baseline = "serial",
	.default_threads = "1..100%:x2",
	.threads_per_node = true,
	.start = start,
	.cell = cell,
	.finish = finish,
};
