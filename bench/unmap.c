/* SPDX-License-Identifier: MIT */
/* The benchmark of taking address spaces down: its cases, settings and figures. */
#include "unmap.h"

#include "harness/host.h"
#include "harness/util.h"
#include "unmap_cases.h"
#include "unmap_host.h"
#include "unmap_trial.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

/* 1 GiB of it is mapped. */
#define DEFAULT_MEMORY (1640 * MIB)

/* Pages: of the published series. */
#define DEFAULT_THRESHOLD (256 * 1024)

/* Of the host's memory that is free, what its own munmap() is measured with at most. */
#define HOST_SHARE(x) ((x) / 4 * 3)

#define CASE(name, about, by_default, threads, way, what) { name, about, by_default, threads },
#define KIND(name, about, by_default, threads, way, what) { UNMAP_##way, what },

static const struct bench_case cases[] = { UNMAP_CASES(CASE) };
static const struct kind {
	enum unmap_way way;
	unsigned what;
} kinds[] = { UNMAP_CASES(KIND) };

_Static_assert(ARRAY_LEN(cases) <= SESSION_MAX_CASES, "the session has room for all cases");

enum {
	M_TIME,
	M_NS_PER_PAGE,
	M_RATIO,
	M_GIB_PER_S,
	M_ZONE_LOCK,
	M_LRU_LOCK,
	M_PTE_LOCK,
	M_TOUCH,
	M_BATCHES,
	NR_METRICS
};

static const struct bench_metric metrics[NR_METRICS] = {
	[M_TIME] = { "time_ns", "ns", METRIC_TIME, true, "the call that takes down, times scale" },
	[M_NS_PER_PAGE] = { "ns_per_page", "ns/page", METRIC_PLAIN, true,
			    "time / pages of 4 KiB, of huge pages too" },
	[M_RATIO] = { "ratio_to_host", "ratio", METRIC_PLAIN, true,
		      "ns_per_page / that of the host's kernel with as many threads" },
	[M_GIB_PER_S] = { "gib_per_s", "GiB/s", METRIC_RATE, false, "memory unmapped" },
	[M_ZONE_LOCK] = { "zone_lock_share", "ratio", METRIC_PLAIN, true,
			  "of the time of all CPUs that worked, waited for zone->lock" },
	[M_LRU_LOCK] = { "lru_lock_share", "ratio", METRIC_PLAIN, true,
			 "the same for lruvec->lru_lock" },
	[M_PTE_LOCK] = { "pte_lock_share", "ratio", METRIC_PLAIN, true,
			 "the same for page tables' locks" },
	[M_TOUCH] = { "touch_ns_per_page", "ns/page", METRIC_PLAIN, false,
		      "touching before, by one thread of each process" },
	[M_BATCHES] = { "batches", "batches", METRIC_PLAIN, false,
			"most that a gather had at a time" },
};

enum { SET_SCALE, SET_TOUCHED_GIB, SET_THRESHOLD, SET_FREE, SET_CHUNK, NR_SETTINGS };

static const struct bench_setting settings[NR_SETTINGS] = {
	[SET_SCALE] = { "scale", 0,
			"virtual: memory is divided by it, times multiplied; 0: see gib", 0 },
	[SET_TOUCHED_GIB] = { "gib", 20, "virtual, scale 0: GiB that may be touched", 0 },
	[SET_THRESHOLD] = { "threshold", 0,
			    "pages gathered before a worker frees them; 0: 262144 / scale, but at "
			    "most 1/16",
			    0 },
	[SET_FREE] = { "free", 0, "0: as the way has it, 1: per-CPU lists, 2: runs", 0 },
	[SET_CHUNK] = { "chunk", 0, "pages of a thread's share in range-parallel; 0: 8192", 0 },
};

static const struct {
	uint64_t least, most;
} ranges[NR_SETTINGS] = {
	[SET_SCALE] = { 0, 1024 },        [SET_TOUCHED_GIB] = { 1, 1 << 14 },
	[SET_THRESHOLD] = { 0, 1 << 24 }, [SET_FREE] = { 0, MMSIM_NR_TEARDOWN_FREES - 1 },
	[SET_CHUNK] = { 0, 1 << 30 },
};

struct unmap {
	uint64_t scale;
	/* ns per page of the host's kernel: threads or processes, huge pages or not. */
	double host[2][2][THREADS_MAX + 1];
	bool no_memory; /* the host had too little for its own munmap() */
	bool no_huge; /* and gave fewer than half of the huge pages */
	uint64_t thp_fallbacks; /* of the machine */
	uint64_t mapped; /* bytes, of the first cell */
};

static bool is_host(const struct kind *kind)
{
	return kind->way == UNMAP_HOST || kind->way == UNMAP_HOST_PROCESSES;
}

static bool is_thp(const struct kind *kind)
{
	return kind->what & UNMAP_THP;
}

/* As published: 320 of 512 GiB. */
static uint64_t mapped_of(uint64_t memory)
{
	return memory / 8 * 5;
}

/* Starting */

static int check_settings(const struct bench_session *session)
{
	for (unsigned i = 0; i < NR_SETTINGS; i++)
		if (session->setting[i] < ranges[i].least || session->setting[i] > ranges[i].most)
			return bench_fail(session, BENCH_USAGE,
					  "--set: '%s=%" PRIu64 "': must be %" PRIu64
					  " to %" PRIu64,
					  settings[i].name, session->setting[i], ranges[i].least,
					  ranges[i].most);
	if (session->setting[SET_CHUNK] % 512)
		return bench_fail(session, BENCH_USAGE,
				  "--set: 'chunk=%" PRIu64 "': must be a multiple of 512",
				  session->setting[SET_CHUNK]);
	return BENCH_OK;
}

/* The host's kernel has no virtual time. */
static int check_modes(struct bench_session *session)
{
	for (unsigned i = 0; session_is_virtual(session) && i < ARRAY_LEN(cases); i++) {
		if (!session->selected[i] || !is_host(&kinds[i]))
			continue;
		if (session->opt->nr_cases)
			return bench_fail(session, BENCH_CANNOT, "--case: '%s': native mode only",
					  cases[i].name);
		session->selected[i] = false;
	}
	return BENCH_OK;
}

/* Virtually all of a profile's memory, which scale makes bearable; else little, unless told otherwise. */
static int set_memory(struct bench_session *session)
{
	const struct options *opt = session->opt;
	uint64_t bytes = (uint64_t)((double)DEFAULT_MEMORY * opt->scale);
	int rc;

	if (opt->memory || (session_is_virtual(session) && session->machine.is_profile))
		return BENCH_OK;
	rc = mmsim_config_set_memory(&session->machine.cfg, bytes ? bytes : 1);
	return rc ? bench_fail(session, BENCH_USAGE,
			       "--scale: %" PRIu64 " bytes: less than 4 MiB per node", bytes)
		  : BENCH_OK;
}

static uint64_t find_scale(const struct bench_session *session)
{
	uint64_t most = session->setting[SET_TOUCHED_GIB] << 30;
	uint64_t mapped = mapped_of(machine_memory(&session->machine.cfg));

	if (!session_is_virtual(session))
		return 1;
	if (session->setting[SET_SCALE])
		return session->setting[SET_SCALE];
	return (mapped + most - 1) / most;
}

static int start(struct bench_session *session)
{
	int rc = check_settings(session);
	struct unmap *u;

	if (rc == BENCH_OK)
		rc = check_modes(session);
	if (rc == BENCH_OK)
		rc = set_memory(session);
	if (rc)
		return rc;
	u = bench_calloc(1, sizeof(*u));
	u->scale = find_scale(session);
	for (unsigned i = 0; i < sizeof(u->host) / sizeof(double); i++)
		(&u->host[0][0][0])[i] = NAN;
	session->priv = u;
	return BENCH_OK;
}

/* Cells of the host */

static double *host_figure(struct unmap *u, const struct kind *kind, unsigned threads)
{
	bool processes = kind->way == UNMAP_HOST_PROCESSES || kind->way == UNMAP_PROCESSES;

	return &u->host[processes][is_thp(kind)][threads];
}

static int host_missing(struct bench_session *session, const char *why)
{
	struct unmap *u = session->priv;

	if (session->opt->nr_cases)
		return bench_fail(session, BENCH_CANNOT, "the host's munmap(): %s", why);
	u->no_memory = true;
	return BENCH_OK;
}

static void no_values(double value[NR_METRICS])
{
	for (unsigned i = 0; i < NR_METRICS; i++)
		value[i] = NAN;
}

static void fill_time(double value[NR_METRICS], uint64_t ns, uint64_t pages, uint64_t scale,
		      uint64_t touch_ns)
{
	value[M_TIME] = (double)ns * (double)scale;
	value[M_NS_PER_PAGE] = (double)ns / (double)pages;
	value[M_GIB_PER_S] = (double)(pages << MMSIM_PAGE_SHIFT) / (double)ns / 1.073741824;
	value[M_TOUCH] = (double)touch_ns / (double)pages;
}

static int host_cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	const struct kind *kind = &kinds[case_index];
	struct unmap *u = session->priv;
	uint64_t bytes = mapped_of(machine_memory(&session->machine.cfg));
	struct unmap_host h = { .nr = threads, .thp = is_thp(kind) };
	double value[NR_METRICS];
	int rc;

	h.bytes = bytes / threads / MMSIM_PMD_SIZE * MMSIM_PMD_SIZE * threads;
	*host_figure(u, kind, threads) = NAN;
	if (h.bytes == 0 || h.bytes > HOST_SHARE(host_mem_available()))
		return host_missing(session, "too little free memory, or too little asked for");
	rc = kind->way == UNMAP_HOST ? unmap_host_threads(&h) : unmap_host_processes(&h);
	if (rc)
		return host_missing(session, strerror(-rc));
	u->no_huge |= h.thp && h.huge_bytes < h.bytes / 2;
	no_values(value);
	fill_time(value, h.ns, h.bytes >> MMSIM_PAGE_SHIFT, 1, h.touch_ns);
	*host_figure(u, kind, threads) = value[M_NS_PER_PAGE];
	bench_record(session, case_index, "host", threads, value);
	return BENCH_OK;
}

/* Cells of a machine */

/* As many chains as published, where there are as many pages or a scale; at least 16. */
static uint64_t threshold_of(const struct bench_session *session, uint64_t pages)
{
	const struct unmap *u = session->priv;
	uint64_t threshold = DEFAULT_THRESHOLD / u->scale;

	if (session->setting[SET_THRESHOLD])
		return session->setting[SET_THRESHOLD];
	return threshold < pages / 16 ? threshold : pages / 16 + 1;
}

static struct mmsim_teardown teardown_of(const struct bench_session *session,
					 const struct kind *kind, uint64_t pages, unsigned threads)
{
	struct mmsim_teardown how = { .free = (uint32_t)session->setting[SET_FREE] };
	uint64_t threshold = threshold_of(session, pages);

	if (kind->way == UNMAP_RANGE_PARALLEL) {
		how.way = MMSIM_TEARDOWN_RANGE_PARALLEL;
		how.max_threads = threads;
		how.chunk_pages = (uint32_t)session->setting[SET_CHUNK];
	}
	if (kind->way != UNMAP_BATCH_WORKERS)
		return how;
	how.way = MMSIM_TEARDOWN_BATCH_WORKERS;
	how.max_active = threads;
	how.threshold = threshold;
	how.max_batches = (uint32_t)((threshold + 509) / 510); /* as many as hold it */
	return how;
}

/* Lock shares natively are another trial's, at which the clock is read around every lock. */
static int run_trials(struct unmap_trial *t, unsigned case_index, unsigned threads)
{
	struct unmap_trial timed = *t;
	int rc = unmap_trial_run(t, case_index, threads);

	if (rc || session_is_virtual(t->session) || t->session->warming_up)
		return rc;
	timed.timed_locks = true;
	rc = unmap_trial_run(&timed, case_index, threads);
	memcpy(t->share, timed.share, sizeof(t->share));
	return rc;
}

static void fill_values(struct bench_session *session, const struct unmap_trial *t,
			const double *host, double value[NR_METRICS])
{
	struct unmap *u = session->priv;

	no_values(value);
	fill_time(value, t->ns, t->pages, u->scale, t->touch_ns);
	value[M_RATIO] = value[M_NS_PER_PAGE] / *host;
	value[M_ZONE_LOCK] = t->share[UNMAP_ZONE_LOCK];
	value[M_LRU_LOCK] = t->share[UNMAP_LRU_LOCK];
	value[M_PTE_LOCK] = t->share[UNMAP_TABLE_LOCK];
	value[M_BATCHES] = (double)t->max_batches;
	u->thp_fallbacks += t->thp_fallbacks;
	if (!u->mapped)
		u->mapped = t->pages << MMSIM_PAGE_SHIFT;
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	const struct kind *kind = &kinds[case_index];
	struct unmap *u = session->priv;
	struct unmap_trial t = {
		.session = session,
		.what = kind->what,
		.processes = kind->way == UNMAP_PROCESSES ? threads : 1,
		.memory = machine_memory(&session->machine.cfg) / u->scale,
	};
	double value[NR_METRICS];
	int rc;

	if (is_host(kind))
		return host_cell(session, case_index, threads);
	t.bytes = mapped_of(t.memory);
	t.how = teardown_of(session, kind, t.bytes >> MMSIM_PAGE_SHIFT, threads);
	rc = run_trials(&t, case_index, threads);
	if (rc)
		return rc;
	fill_values(session, &t, host_figure(u, kind, threads), value);
	bench_record(session, case_index, "mmsim", threads, value);
	return BENCH_OK;
}

static void finish(struct bench_session *session)
{
	struct unmap *u = session->priv;

	if (!u)
		return;
	if (u->mapped)
		bench_note(session, "%" PRIu64 " MiB unmapped", u->mapped >> 20);
	if (u->scale > 1)
		bench_note(session, "that is 1/%" PRIu64 " of it; times are multiplied by as much",
			   u->scale);
	if (u->no_memory)
		bench_note(session, "the host had too little for a munmap() of its own");
	if (u->no_huge)
		bench_note(session, "the host's kernel gave fewer than half of its huge pages");
	if (u->thp_fallbacks)
		bench_note(session, "%" PRIu64 " huge pages of the machine fell back to small ones",
			   u->thp_fallbacks);
	free(u);
	session->priv = NULL;
}

const struct bench unmap_bench = {
	.name = "unmap",
	.about = "take address spaces down, serially and in parallel",
	.cases = cases,
	.nr_cases = ARRAY_LEN(cases),
	.metrics = metrics,
	.nr_metrics = NR_METRICS,
	.headline = M_TIME,
	.settings = settings,
	.nr_settings = NR_SETTINGS,
	.default_threads = "1..100%:x2",
	.start = start,
	.cell = cell,
	.finish = finish,
};
