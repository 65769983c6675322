/* SPDX-License-Identifier: MIT */
/* The benchmark of the kernel's virtual addresses: its cases, settings and figures. */
#include "vmap.h"

#include "harness/util.h"
#include "vmap_cases.h"
#include "vmap_host.h"
#include "vmap_trial.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY (UINT64_C(2) << 30)

/* The kernel's module takes up to 65535 threads. */
#define MOST_WORKERS 1024

/*
 * Areas that all workers of a virtual run set up: far fewer than the kernel's, but so are the loops, and
 * what waits for a lock while setting up is not to outweigh them.
 */
#define VIRTUAL_JUNK (UINT64_C(1) << 14)
#define VIRTUAL_HELD (UINT64_C(1) << 16)

/* Pages that a worker has otherwise: freed later, of 100, arrays. */
#define OTHER_PAGES 5000

#define CASE(name, about, by_default, work, mask, native, in_virtual) \
	{ name, about, by_default, 0 },
#define KIND(name, about, by_default, work, mask, native, in_virtual) \
	{ VMAP_WORK_##work, mask, native, in_virtual },

static const struct bench_case cases[] = { VMAP_CASES(CASE) };
static const struct kind {
	enum vmap_work work;
	uint32_t mask; /* of a suite; 0: the setting */
	uint64_t native_loops, virtual_loops;
} kinds[] = { VMAP_CASES(KIND) };

_Static_assert(ARRAY_LEN(cases) <= SESSION_MAX_CASES, "the session has room for all cases");

enum {
	M_NS_PER_PAIR,
	M_PAIRS_PER_S,
	M_TIME,
	M_LOCK,
	M_FREE_LOCK,
	M_BUSY_LOCK,
	M_ZONE_LOCK,
	M_LAZY_LOCK,
	M_POOL_LOCK,
	M_TABLES_LOCK,
	M_PURGE_LOCK,
	M_TABLES,
	M_LAZY_PEAK,
	M_DRAINS,
	M_POOL_HITS,
	NR_METRICS
};

static const struct bench_metric metrics[NR_METRICS] = {
	[M_NS_PER_PAIR] = { "ns_per_pair", "ns/pair", METRIC_THREAD_TIME, true,
			    "allocation and free; of a suite, in its loops" },
	[M_PAIRS_PER_S] = { "pairs_per_s", "1/s", METRIC_RATE, true, "of all workers" },
	[M_TIME] = { "time_ns", "ns", METRIC_THREAD_TIME, true,
		     "of the slowest worker; of a suite, as if it had the kernel's loops" },
	[M_LOCK] = { "lock_share", "ratio", METRIC_PLAIN, true,
		     "of the time of all CPUs that worked, waited for spin locks" },
	[M_FREE_LOCK] = { "free_lock_share", "ratio", METRIC_PLAIN, true,
			  "of it, for free_vmap_area_lock" },
	[M_BUSY_LOCK] = { "busy_lock_share", "ratio", METRIC_PLAIN, true,
			  "for those of areas in use" },
	[M_ZONE_LOCK] = { "zone_lock_share", "ratio", METRIC_PLAIN, true, "for zone->lock" },
	[M_LAZY_LOCK] = { "lazy_lock_share", "ratio", METRIC_PLAIN, false,
			  "for those of areas that wait" },
	[M_POOL_LOCK] = { "pool_lock_share", "ratio", METRIC_PLAIN, false, "for those of pools" },
	[M_TABLES_LOCK] = { "tables_lock_share", "ratio", METRIC_PLAIN, false,
			    "for init_mm.page_table_lock" },
	[M_PURGE_LOCK] = { "purge_lock_share", "ratio", METRIC_PLAIN, false,
			   "slept for vmap_purge_lock, not in lock_share" },
	[M_TABLES] = { "table_pages", "pages", METRIC_PLAIN, true,
		       "of page tables, the most at once" },
	[M_LAZY_PEAK] = { "lazy_peak_pages", "pages", METRIC_PLAIN, false,
			  "that waited for a flush, at most" },
	[M_DRAINS] = { "drains", "drains", METRIC_PLAIN, false, "of areas that waited" },
	[M_POOL_HITS] = { "pool_hit_share", "ratio", METRIC_PLAIN, false,
			  "of requests that a pool might have served" },
};

enum {
	SET_IMPLS,
	SET_LOOPS,
	SET_NR_PAGES,
	SET_MASK,
	SET_TIMES,
	SET_SEQUENTIAL,
	SET_HUGE,
	SET_JUNK,
	SET_HELD,
	SET_PCPU,
	SET_LIVE,
	SET_ZEROED,
	SET_OLD,
	NR_SETTINGS
};

_Static_assert(NR_SETTINGS <= SESSION_MAX_SETTINGS, "the session has room for all settings");

static const struct bench_setting settings[NR_SETTINGS] = {
	[SET_IMPLS] = { "impls", 0,
			"sum of 1 mmsim, 2 one-lock, 4 one-node, 8 local, 16 tree, 32 free-tables, "
			"64 capped, 128 nodes; 0: 131 natively, else 3",
			0 },
	[SET_LOOPS] = { "loops", 0, "test_loop_count, or pairs, of a worker; 0: as the case has it",
			0 },
	[SET_NR_PAGES] = { "nr_pages", 1, "of fix_size, vm_map_ram and no_block", 0 },
	[SET_MASK] = { "mask", 7, "run_test_mask of suite", 0 },
	[SET_TIMES] = { "times", 1, "test_repeat_count", 0 },
	[SET_SEQUENTIAL] = { "sequential", 0, "1: sequential_test_order", 0 },
	[SET_HUGE] = { "huge", 0, "1: use_huge", 0 },
	[SET_JUNK] = { "junk", 0, "areas of full_fit, twice; 0: the kernel's, if there is memory",
		       0 },
	[SET_HELD] = { "held", 0, "areas of long_busy; 0: the kernel's 15000, if there is memory",
		       0 },
	[SET_PCPU] = { "pcpu", 0, "nr_pcpu_objects; 0: 35000, if there is memory", 0 },
	[SET_LIVE] = { "live", VMAP_LIVE, "areas that a worker of random-100page holds", 1000 },
	[SET_ZEROED] = { "zeroed", 3,
			 "pages: 1 in memory, 2 in the core's cache; 3: 2 for a profile in virtual "
			 "time, else 0",
			 0 },
	[SET_OLD] = { "old", 2, "1: other rules as in 6.3 to 6.7; 2: for a profile in virtual time",
		      0 },
};

static const struct {
	uint64_t least, most;
} ranges[NR_SETTINGS] = {
	[SET_IMPLS] = { 0, (1 << VMAP_NR_IMPLS) - 1 },
	[SET_LOOPS] = { 0, 1000000000 },
	[SET_NR_PAGES] = { 1, 1 << 18 },
	[SET_MASK] = { 1, (1 << VMAP_NR_TESTS) - 1 },
	[SET_TIMES] = { 1, 1000 },
	[SET_SEQUENTIAL] = { 0, 1 },
	[SET_HUGE] = { 0, 1 },
	[SET_JUNK] = { 0, 1 << 24 },
	[SET_HELD] = { 0, 1 << 24 },
	[SET_PCPU] = { 0, 1 << 24 },
	[SET_LIVE] = { 1, 1 << 24 },
	[SET_ZEROED] = { 0, 3 },
	[SET_OLD] = { 0, 2 },
};

/* What of the suites was less than the kernel's, for the notes. */
struct vmap {
	uint64_t loops, junk, held; /* the least of all cells; 0: none */
	bool timed; /* some cell was a suite */
};

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
	return BENCH_OK;
}

static bool is_profile(const struct bench_session *session)
{
	return session_is_virtual(session) && session->machine.is_profile;
}

/* The host's kernel has no virtual time; a profile's published table is one more case by default. */
static int choose_cases(struct bench_session *session)
{
	for (unsigned i = 0; session_is_virtual(session) && i < ARRAY_LEN(cases); i++) {
		if (!session->opt->nr_cases && is_profile(session) && kinds[i].mask == 7)
			session->selected[i] = true;
		if (session->selected[i] && kinds[i].work == VMAP_WORK_HOST)
			return bench_fail(session, BENCH_CANNOT, "--case: '%s': native mode only",
					  cases[i].name);
	}
	return BENCH_OK;
}

/* Little, unless told otherwise; a profile's is its own. */
static int set_memory(struct bench_session *session)
{
	const struct options *opt = session->opt;
	uint64_t bytes = (uint64_t)((double)DEFAULT_MEMORY * opt->scale);
	int rc;

	if (opt->memory || is_profile(session))
		return BENCH_OK;
	rc = mmsim_config_set_memory(&session->machine.cfg, bytes ? bytes : 1);
	return rc ? bench_fail(session, BENCH_USAGE,
			       "--scale: %" PRIu64 " bytes: less than 4 MiB per node", bytes)
		  : BENCH_OK;
}

static int start(struct bench_session *session)
{
	int rc = check_settings(session);

	if (rc == BENCH_OK)
		rc = choose_cases(session);
	if (rc == BENCH_OK)
		rc = set_memory(session);
	if (rc == BENCH_OK)
		session->priv = bench_calloc(1, sizeof(struct vmap));
	return rc;
}

/* Cells */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t loops_of(const struct bench_session *session, const struct kind *kind,
			 unsigned threads)
{
	uint64_t loops = session->setting[SET_LOOPS];

	if (loops)
		return loops;
	loops = session_is_virtual(session) ? kind->virtual_loops / threads : kind->native_loops;
	loops = (uint64_t)((double)loops * session->opt->scale);
	return loops ? loops : 1;
}

/* So many of each worker: an eighth of memory for all of them. */
static uint64_t areas_of(const struct bench_session *session, unsigned setting, uint64_t kernel,
			 unsigned threads)
{
	uint64_t most = (machine_memory(&session->machine.cfg) >> MMSIM_PAGE_SHIFT) / 8 / threads;

	if (session->setting[setting])
		return session->setting[setting];
	if (session_is_virtual(session))
		most = least(most, (setting == SET_JUNK ? VIRTUAL_JUNK : VIRTUAL_HELD) / threads);
	return least(kernel, most ? most : 1);
}

/* An object of half a KiB takes that of each CPU. */
static uint64_t pcpu_objects_of(const struct bench_session *session, unsigned threads)
{
	uint64_t bytes = machine_memory(&session->machine.cfg) / 8 / threads;
	uint64_t most = bytes / session->machine.cfg.nr_cpus / 1024;

	if (session->setting[SET_PCPU])
		return session->setting[SET_PCPU];
	return least(VMAP_TEST_PCPU_OBJECTS, most ? most : 1);
}

/* Are the other rules those of the kernels whose figures were published? */
static bool is_old(const struct bench_session *session)
{
	return session->setting[SET_OLD] == 2 ? is_profile(session) : session->setting[SET_OLD];
}

/*
 * As the kernel of the published figures had it, which zeroes all pages: those of a test were freed just
 * now.
 */
static uint64_t zeroed_of(const struct bench_session *session)
{
	uint64_t zeroed = session->setting[SET_ZEROED];

	return zeroed < 3 ? zeroed : is_profile(session) ? 2 : 0;
}

/* A page whose lines are all in the core's cache, as its own. */
static uint64_t zero_ns_of(const struct bench_session *session)
{
	uint64_t line = session->machine.cfg.figure[MMSIM_FIG_LINE_OWN];

	return zeroed_of(session) == 2 ? MMSIM_PAGE_SIZE / 64 * line / MMSIM_FIGURE_ONE : 0;
}

static struct vmap_suite suite_of(const struct bench_session *session, const struct kind *kind,
				  unsigned threads)
{
	const uint64_t *set = session->setting;
	unsigned nr_cpus = session->machine.cfg.nr_cpus;

	return (struct vmap_suite){
		.seed = session->opt->seed,
		.loops = loops_of(session, kind, threads),
		.junk = areas_of(session, SET_JUNK, vmap_tests_junk(nr_cpus), threads),
		.held = areas_of(session, SET_HELD, VMAP_TEST_HELD, threads),
		.pcpu_objects = pcpu_objects_of(session, threads),
		.mask = kind->mask ? kind->mask : (uint32_t)set[SET_MASK],
		.nr_pages = (unsigned)set[SET_NR_PAGES],
		.repeat = (unsigned)set[SET_TIMES],
		.nr_cpus = nr_cpus,
		.sequential = set[SET_SEQUENTIAL],
		.huge = set[SET_HUGE],
		.zeroed = zeroed_of(session) != 0,
		.zero_ns = zero_ns_of(session),
	};
}

/*
 * Struct pages are real memory, and a profile has many: a machine in virtual time gets no more than its
 * workers hold, half as much again, and a GiB. Per-CPU objects were fitted to all of it.
 */
static uint64_t memory_of(const struct bench_session *session, const struct kind *kind,
			  const struct vmap_suite *s, unsigned threads)
{
	uint64_t all = machine_memory(&session->machine.cfg);
	uint64_t pages = 2 * s->junk + s->held + 2 * (uint64_t)s->nr_pages + OTHER_PAGES;

	if (!is_profile(session) || session->opt->memory ||
	    (kind->work == VMAP_WORK_SUITE && s->mask & 1 << 7))
		return all;
	if (kind->work != VMAP_WORK_SUITE)
		pages = OTHER_PAGES;
	return least(all, (threads * pages * 3 / 2 << MMSIM_PAGE_SHIFT) + (UINT64_C(1) << 30));
}

static void no_values(double value[NR_METRICS])
{
	for (unsigned i = 0; i < NR_METRICS; i++)
		value[i] = NAN;
}

/* Of a suite, whose set-up is not of its pairs, as if each worker had only looped. */
static void fill_pairs(double value[NR_METRICS], const struct vmap_trial *t)
{
	double per_pair = (double)t->pairs_ns / (double)t->pairs;

	value[M_NS_PER_PAIR] = per_pair;
	value[M_PAIRS_PER_S] =
		1e9 * (t->work == VMAP_WORK_SUITE ? t->threads / per_pair
						  : (double)t->pairs / (double)t->ns);
	value[M_TIME] = t->work == VMAP_WORK_SUITE ? t->whole_ns : (double)t->ns;
}

static void fill_shares(double value[NR_METRICS], const double share[VMAP_NR_LOCKS])
{
	static const unsigned metric[VMAP_NR_LOCKS] = {
		[VMAP_LOCK_FREE] = M_FREE_LOCK,     [VMAP_LOCK_BUSY] = M_BUSY_LOCK,
		[VMAP_LOCK_LAZY] = M_LAZY_LOCK,     [VMAP_LOCK_POOL] = M_POOL_LOCK,
		[VMAP_LOCK_TABLES] = M_TABLES_LOCK, [VMAP_LOCK_ZONE] = M_ZONE_LOCK,
		[VMAP_LOCK_OTHER] = M_LOCK,         [VMAP_LOCK_PURGE] = M_PURGE_LOCK,
	};

	for (unsigned i = 0; i < VMAP_NR_LOCKS; i++)
		value[metric[i]] = share[i];
	for (unsigned i = 0; i < VMAP_NR_LOCKS; i++)
		if (i != VMAP_LOCK_OTHER && i != VMAP_LOCK_PURGE)
			value[M_LOCK] += share[i];
}

static void fill_info(double value[NR_METRICS], const struct mmsim_vmap_info *info)
{
	uint64_t asked = info->pool_hits + info->pool_misses;

	value[M_TABLES] = (double)info->tables_peak;
	value[M_LAZY_PEAK] = (double)info->lazy_peak;
	value[M_DRAINS] = (double)info->drains;
	value[M_POOL_HITS] = asked ? (double)info->pool_hits / (double)asked : NAN;
}

static int host_cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct vmap_host h = { .threads = threads,
			       .loops = loops_of(session, &kinds[case_index], threads) };
	double value[NR_METRICS];
	int rc = vmap_host_run(&h);

	if (rc)
		return bench_fail(session, BENCH_CANNOT, "the host's mmap(): %s", strerror(-rc));
	no_values(value);
	value[M_NS_PER_PAIR] = (double)h.busy_ns / (double)(h.loops * threads);
	value[M_PAIRS_PER_S] = 1e9 * (double)(h.loops * threads) / (double)h.ns;
	value[M_TIME] = (double)h.ns;
	bench_record(session, case_index, "host", threads, value);
	return BENCH_OK;
}

static void remember_scale(struct bench_session *session, const struct vmap_suite *s)
{
	struct vmap *v = session->priv;

	if (!v->timed || s->loops < v->loops)
		v->loops = s->loops;
	if (!v->timed || s->junk < v->junk)
		v->junk = s->junk;
	if (!v->timed || s->held < v->held)
		v->held = s->held;
	v->timed = true;
}

/* Lock shares natively are another trial's, of fewer loops, at which the clock is read around every lock. */
static int run_trials(struct vmap_trial *t, unsigned case_index)
{
	struct vmap_trial timed = *t;
	int rc = vmap_trial_run(t, case_index);

	if (rc || session_is_virtual(t->session) || t->session->warming_up)
		return rc;
	timed.timed_locks = true;
	timed.suite.loops = timed.suite.loops / 8 + 1;
	rc = vmap_trial_run(&timed, case_index);
	memcpy(t->share, timed.share, sizeof(t->share));
	free(timed.text);
	return rc;
}

static void log_workers(struct bench_session *session, const struct vmap_trial *t,
			unsigned case_index)
{
	char heading[128];

	if (!t->text || session->warming_up)
		return;
	snprintf(heading, sizeof(heading), "vmap %s, %s, %u worker%s, repetition %u\n",
		 cases[case_index].name, vmap_impl_name(t->impl), t->threads,
		 t->threads == 1 ? "" : "s", session->rep + 1);
	bench_text(session, heading);
	bench_text(session, t->text);
	bench_text(session, "\n");
}

static int impl_cell(struct bench_session *session, unsigned case_index, unsigned threads,
		     enum vmap_impl impl)
{
	const struct kind *kind = &kinds[case_index];
	bool old = is_old(session);
	struct vmap_trial t = {
		.session = session,
		.impl = impl,
		.work = kind->work,
		.threads = threads,
		.params = vmap_impl_params(impl, session->machine.cfg.nr_cpus, old),
		.suite = suite_of(session, kind, threads),
		.live = session->setting[SET_LIVE],
	};
	double value[NR_METRICS];
	int rc;

	t.memory = memory_of(session, kind, &t.suite, threads);
	rc = run_trials(&t, case_index);
	if (rc == BENCH_OK && t.failed)
		rc = bench_fail(session, BENCH_FAILED, "%s, %s: %u tests failed",
				cases[case_index].name, vmap_impl_name(impl), t.failed);
	if (rc == BENCH_OK) {
		no_values(value);
		fill_pairs(value, &t);
		fill_shares(value, t.share);
		fill_info(value, &t.info);
		bench_record(session, case_index, vmap_impl_name(impl), threads, value);
		log_workers(session, &t, case_index);
		if (kind->work == VMAP_WORK_SUITE)
			remember_scale(session, &t.suite);
	}
	free(t.text);
	return rc;
}

/* Bits of enum vmap_impl. */
static uint64_t impls_of(const struct bench_session *session)
{
	uint64_t impls = (1 << VMAP_IMPL_DEFAULT) | (1 << VMAP_IMPL_ONE_LOCK);

	if (session->setting[SET_IMPLS])
		return session->setting[SET_IMPLS];
	return session_is_virtual(session) ? impls : impls | (1 << VMAP_IMPL_NODES);
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	int rc = BENCH_OK;

	if (kinds[case_index].work == VMAP_WORK_HOST)
		return host_cell(session, case_index, threads);
	for (unsigned impl = 0; impl < VMAP_NR_IMPLS && rc == BENCH_OK; impl++)
		if (impls_of(session) & 1u << impl)
			rc = impl_cell(session, case_index, threads, (enum vmap_impl)impl);
	return rc;
}

static void finish(struct bench_session *session)
{
	struct vmap *v = session->priv;

	if (!v)
		return;
	if (v->timed)
		bench_note(session,
			   "time_ns of tests is that of %d loops, J = %" PRIu64
			   " and 15000 areas held; it was measured "
			   "with at least %" PRIu64 ", %" PRIu64 " and %" PRIu64,
			   VMAP_TEST_LOOPS, vmap_tests_junk(session->machine.cfg.nr_cpus), v->loops,
			   v->junk, v->held);
	if (is_profile(session) && !session->opt->memory)
		bench_note(session,
			   "machines have only as much of the memory as their workers need");
	if (is_old(session))
		bench_note(session, "as in 6.3 to 6.7: memory in bulk only, pools decay to nothing "
				    "(--set old=0)");
	if (zeroed_of(session))
		bench_note(session,
			   "the tests' pages are zeroed, as with init_on_alloc=1 (--set zeroed=0)");
	free(v);
	session->priv = NULL;
}

const struct bench vmap_bench = {
	.name = "vmap",
	.about = "addresses for the kernel, and memory behind them",
	.cases = cases,
	.nr_cases = ARRAY_LEN(cases),
	.metrics = metrics,
	.nr_metrics = NR_METRICS,
	.headline = M_NS_PER_PAIR,
	.settings = settings,
	.nr_settings = NR_SETTINGS,
	.default_threads = "1..100%:x2",
	.most_threads = MOST_WORKERS,
	.start = start,
	.cell = cell,
	.finish = finish,
};
