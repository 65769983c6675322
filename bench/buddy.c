/* SPDX-License-Identifier: MIT */
/*
 * Page allocation and freeing, one block at a time, beside other allocators.
 *
 * The machine's pages have no memory behind them: what is measured is the allocator and its struct
 * pages. Every cell starts from a freshly booted machine. Then come a machine whose zones keep their
 * pages in bitmaps, and the peers, jemalloc and mimalloc: the same work on the same CPUs with objects of
 * the same size, which nobody touches either.
 */
#include "buddy.h"

#include "buddy_work.h"
#include "harness/util.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const unsigned orders[] = { 0, 3, 9, 10 };

/* The six workloads at one order; the list of cases is one such row per entry of orders. */
#define CASES_OF_ORDER(n, repeat_runs, others_run)                                               \
	{ "repeat-o" #n, "allocate a block and free it", repeat_runs, 0 },                       \
		{ "bulk-alloc-o" #n, "allocate most of memory, block by block", others_run, 0 }, \
		{ "free-lifo-o" #n, "free it, newest block first", others_run, 0 },              \
		{ "free-fifo-o" #n, "free it, oldest block first", others_run, 0 },              \
		{ "free-random-o" #n, "free it in random order", others_run, 0 },                \
	{                                                                                        \
		"churn-o" #n, "up to half of memory in use: free a random block, allocate one",  \
			others_run, 0                                                            \
	}

static const struct bench_case cases[] = {
	CASES_OF_ORDER(0, true, true),
	CASES_OF_ORDER(3, false, false),
	CASES_OF_ORDER(9, true, false),
	CASES_OF_ORDER(10, false, false),
};

_Static_assert(ARRAY_LEN(cases) == NR_WORKS * ARRAY_LEN(orders), "one row of cases per order");

enum { M_NS_PER_OP, M_MOPS, M_TIME, M_OPS, NR_METRICS };

static const struct bench_metric metrics[NR_METRICS] = {
	[M_NS_PER_OP] = { "ns_per_op", "ns/op", METRIC_THREAD_TIME, true,
			  "of the slowest thread; one op of repeat and churn is a pair" },
	[M_MOPS] = { "mops_per_s", "Mop/s", METRIC_RATE, true, "millions per second, all threads" },
	[M_TIME] = { "time_ns", "ns", METRIC_THREAD_TIME, false,
		     "wall time of the slowest thread" },
	[M_OPS] = { "ops", "op", METRIC_PLAIN, false, "done by the slowest thread" },
};

enum { SET_PAIRS, SET_LIVE, SET_PEERS, NR_SETTINGS };

static const struct bench_setting settings[NR_SETTINGS] = {
	[SET_PAIRS] = { "pairs", 1 << 18, "pairs per thread of repeat and churn", 1 << 12 },
	[SET_LIVE] = { "live", 1 << 19, "most blocks in use during churn, all threads", 0 },
	[SET_PEERS] = { "peers", 1,
			"other allocators: 0 never, 1 for repeat and churn, 2 for all cases", 0 },
};

static const char *const impl_names[NR_IMPLS] = { "mmsim", "mmsim:bitmap", "jemalloc", "mimalloc" };

struct buddy {
	struct mmsim *m;
	struct mmsim *bitmap; /* the same machine with another allocator */
	uint64_t pages; /* that can be allocated */
	bool has[NR_IMPLS];
	bool too_big; /* a peer was left out for want of memory */
	struct buddy_job job;
};

static uint64_t count_pages(struct mmsim *m)
{
	struct mmsim_zone_info info;
	uint64_t pages = 0;

	for (unsigned node = 0; node < mmsim_nr_nodes(m); node++)
		for (int type = 0; type < MMSIM_NR_ZONES; type++)
			if (!mmsim_zone_info(m, node, (enum mmsim_zone_type)type, &info))
				pages += info.free + info.pcp;
	return pages;
}

/* Not all of it: every CPU's list may keep some pages from the others. */
static size_t most_blocks(const struct buddy *b, unsigned order)
{
	return (size_t)((b->pages - b->pages / 16) >> order);
}

/* Written, so that the page faults are over before anything is measured. */
static void make_block_array(struct buddy *b)
{
	size_t bytes = most_blocks(b, 0) * sizeof(void *);

	b->job.blocks = bench_calloc(1, bytes);
	memset(b->job.blocks, 0xff, bytes);
}

static void on_measured(void *arg, bool begins)
{
	if (begins)
		watch_measured_begin(arg);
	else
		watch_measured_end(arg);
}

static int make_machines(struct bench_session *session, struct buddy *b)
{
	struct mmsim_config *cfg = &session->machine.cfg;
	const uint32_t allocator = cfg->policy.allocator;
	int rc = mmsim_create(cfg, &b->m);

	if (!rc && session->setting[SET_PEERS]) {
		cfg->policy.allocator = MMSIM_ALLOCATOR_BITMAP;
		rc = mmsim_create(cfg, &b->bitmap);
		cfg->policy.allocator = allocator;
	}
	if (rc)
		return bench_fail(session, rc == -ENOMEM ? BENCH_CANNOT : BENCH_FAILED,
				  "creating the machine: %s", strerror(-rc));
	return BENCH_OK;
}

static int start(struct bench_session *session)
{
	struct buddy *b = aligned_alloc(_Alignof(struct buddy), sizeof(*b));
	int rc;

	if (!b)
		return bench_fail(session, BENCH_FAILED, "out of memory");
	memset(b, 0, sizeof(*b));
	session->priv = b;
	rc = make_machines(session, b);
	if (rc)
		return rc;
	b->pages = count_pages(b->m);
	/* What is not the machine's takes no virtual time. */
	b->job.virtual_time = session->machine.cfg.mode == MMSIM_VIRTUAL;
	b->has[IMPL_BITMAP] = b->bitmap;
	b->has[IMPL_JEMALLOC] = !b->job.virtual_time && buddy_malloc_is_jemalloc();
	b->has[IMPL_MIMALLOC] = b->has[IMPL_JEMALLOC] && buddy_load_mimalloc();
	b->job.on_measured = on_measured;
	b->job.arg = session;
	make_block_array(b);
	return BENCH_OK;
}

/* A share of the work is a share of the pairs; memory has been scaled with the machine. */
static size_t scaled(const struct bench_session *session, uint64_t n)
{
	const double most = 1e15; /* more than anybody waits for */
	double share = (double)n * session->opt->scale;

	return share < 1 ? 1 : (size_t)(share < most ? share : most);
}

static size_t blocks_per_thread(const struct bench_session *session, enum buddy_work work,
				unsigned order, unsigned threads)
{
	size_t most = most_blocks(session->priv, order);

	if (work == WORK_CHURN) {
		size_t live = scaled(session, session->setting[SET_LIVE]);

		most = live < most / 2 ? live : most / 2;
	}
	return most / threads;
}

/* The thread that took longest per operation. */
static const struct buddy_thread *slowest(const struct buddy_job *job)
{
	const struct buddy_thread *worst = &job->thread[0];

	for (unsigned i = 0; i < job->threads; i++) {
		const struct buddy_thread *t = &job->thread[i];

		if (t->ops == 0)
			return t;
		if ((double)t->ns / (double)t->ops > (double)worst->ns / (double)worst->ops)
			worst = t;
	}
	return worst;
}

static int any_bad(const struct buddy_job *job)
{
	int bad = 0;

	for (unsigned i = 0; i < job->threads; i++)
		bad |= job->thread[i].bad;
	return bad;
}

static double total_ops(const struct buddy_job *job)
{
	double ops = 0;

	for (unsigned i = 0; i < job->threads; i++)
		ops += (double)job->thread[i].ops;
	return ops;
}

static double total_ns(const struct buddy_job *job)
{
	double ns = 0;

	for (unsigned i = 0; i < job->threads; i++)
		ns += (double)job->thread[i].ns;
	return ns;
}

static uint64_t longest(const struct buddy_job *job)
{
	uint64_t ns = 0;

	for (unsigned i = 0; i < job->threads; i++)
		if (job->thread[i].ns > ns)
			ns = job->thread[i].ns;
	return ns;
}

static int measure(struct bench_session *session, unsigned case_index)
{
	struct buddy *b = session->priv;
	const struct buddy_job *job = &b->job;
	const struct buddy_thread *worst;
	double value[NR_METRICS];
	int rc;

	watch_start(session, job->m);
	rc = buddy_job_run(&b->job);
	if (rc)
		return bench_fail(session, rc == -EAGAIN ? BENCH_CANNOT : BENCH_FAILED,
				  "running %u tasks: %s", job->threads, strerror(-rc));
	watch_stop(session, case_index, job->threads, total_ns(job));
	if (any_bad(job))
		return bench_fail(session, BENCH_FAILED, "%s: a free was refused",
				  cases[case_index].name);
	worst = slowest(job);
	if (worst->ops == 0)
		return bench_fail(session, BENCH_CANNOT, "%s: %s has no block of this order",
				  cases[case_index].name, impl_names[job->impl]);
	value[M_NS_PER_OP] = (double)worst->ns / (double)worst->ops;
	value[M_MOPS] = total_ops(job) / (double)longest(job) * 1e3;
	value[M_TIME] = (double)longest(job);
	value[M_OPS] = (double)worst->ops;
	bench_record(session, case_index, impl_names[job->impl], job->threads, value);
	return BENCH_OK;
}

/* As after power-on, so that a cell does not inherit the disorder of the one before. */
static int reboot(struct bench_session *session, struct mmsim *m)
{
	int rc;

	mmsim_reset(m);
	rc = mmsim_boot(m);
	if (rc)
		return bench_fail(session, BENCH_FAILED, "boot: %s", strerror(-rc));
	return BENCH_OK;
}

/* mimalloc writes to every free object: all that is held at once must fit the host. */
static bool fits(struct buddy *b, const struct buddy_job *job)
{
	uint64_t held = job->work == WORK_REPEAT ? 1 : job->blocks_per_thread;
	uint64_t pages = (held * job->threads) << job->order;
	long free_pages = sysconf(_SC_AVPHYS_PAGES);
	bool fit = free_pages > 0 && pages < (uint64_t)free_pages / 8;

	b->too_big |= !fit;
	return fit;
}

static bool wants(struct bench_session *session, enum buddy_impl impl)
{
	struct buddy *b = session->priv;
	uint64_t peers = session->setting[SET_PEERS];
	enum buddy_work work = b->job.work;

	if (impl == IMPL_MMSIM)
		return true;
	if (!b->has[impl] || peers == 0 || (impl == IMPL_MIMALLOC && !fits(b, &b->job)))
		return false;
	if (b->job.virtual_time) /* costs the host time, too */
		return peers > 1;
	return peers > 1 || work == WORK_REPEAT || work == WORK_CHURN;
}

static int cell(struct bench_session *session, unsigned case_index, unsigned threads)
{
	struct buddy *b = session->priv;
	struct buddy_job *job = &b->job;
	int rc = BENCH_OK;

	job->work = (enum buddy_work)(case_index % NR_WORKS);
	job->order = orders[case_index / NR_WORKS];
	job->threads = threads;
	job->seed = session->opt->seed;
	job->pairs = scaled(session, session->setting[SET_PAIRS]);
	job->blocks_per_thread = blocks_per_thread(session, job->work, job->order, threads);
	for (int impl = 0; impl < NR_IMPLS && rc == BENCH_OK; impl++) {
		job->impl = (enum buddy_impl)impl;
		job->m = impl == IMPL_BITMAP ? b->bitmap : b->m;
		if (!wants(session, job->impl))
			continue;
		if (impl == IMPL_MMSIM || impl == IMPL_BITMAP)
			rc = reboot(session, job->m);
		if (rc == BENCH_OK)
			rc = measure(session, case_index);
	}
	return rc;
}

static void note_peers(struct bench_session *session, const struct buddy *b)
{
	if (b->job.virtual_time)
		bench_note(session, "jemalloc and mimalloc have no virtual time: no peer");
	else if (!b->has[IMPL_JEMALLOC])
		bench_note(session, "malloc() is not jemalloc's in this build: no peer measured");
	else if (!b->has[IMPL_MIMALLOC])
		bench_note(session, "no libmimalloc.so.2 on this host: that peer is missing");
	if (b->too_big)
		bench_note(session, "mimalloc writes to what is free: left out where that would "
				    "take more than an eighth of the host's free memory");
}

static void finish(struct bench_session *session)
{
	struct buddy *b = session->priv;

	if (!b)
		return;
	if (b->pages)
		bench_note(session,
			   "%llu pages can be allocated; bulk takes 15/16 of them, churn holds "
			   "at most half",
			   (unsigned long long)b->pages);
	if (b->pages && session->setting[SET_PEERS])
		note_peers(session, b);
	mmsim_destroy(b->bitmap);
	mmsim_destroy(b->m);
	free(b->job.blocks);
	free(b);
	session->priv = NULL;
}

const struct bench buddy_bench = {
	.name = "buddy",
	.about = "allocate and free blocks of page frames",
	.cases = cases,
	.nr_cases = ARRAY_LEN(cases),
	.metrics = metrics,
	.nr_metrics = NR_METRICS,
	.headline = M_NS_PER_OP,
	.settings = settings,
	.nr_settings = NR_SETTINGS,
	.default_threads = "1..100%:x2",
	.default_memory = UINT64_C(8) << 30,
	.virtual_memory = UINT64_C(2) << 30,
	.start = start,
	.cell = cell,
	.finish = finish,
};
