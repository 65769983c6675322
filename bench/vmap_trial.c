/* SPDX-License-Identifier: MIT */
/* One measured trial. */
#include "vmap_trial.h"

#include "harness/bench.h"
#include "harness/gate.h"
#include "harness/util.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of what one worker logs, at most. */
#define WORKER_TEXT 2048

/* Freed before what counts by each worker, besides its share of what one drain takes. */
#define WARM_PAGES 256

struct books {
	uint64_t wait_ns[VMAP_NR_LOCKS];
};

struct worker {
	struct vmap_worker suite;
	struct vmap_pairs pairs;
	uint64_t began, ended;
};

struct run {
	struct vmap_trial *t;
	struct mmsim *m;
	struct mmsim_vmap *v;
	struct gate gate, end_gate;
	struct books before, after;
	struct worker *worker;
};

static int fail(const struct vmap_trial *t, int err, const char *what)
{
	return bench_fail(t->session,
			  err == -ENOMEM || err == -EAGAIN ? BENCH_CANNOT : BENCH_FAILED, "%s: %s",
			  what, strerror(-err));
}

static bool is_timed(const struct vmap_trial *t)
{
	return session_is_virtual(t->session) || t->timed_locks;
}

static int make_machine(struct run *r)
{
	const struct vmap_trial *t = r->t;
	struct mmsim_config *cfg = bench_calloc(1, sizeof(*cfg));
	int rc = 0;

	*cfg = t->session->machine.cfg;
	if (is_timed(t))
		cfg->flags |= MMSIM_LOCK_TIMES;
	if (t->memory != machine_memory(cfg))
		rc = mmsim_config_set_memory(cfg, t->memory);
	if (!rc)
		rc = mmsim_create(cfg, &r->m);
	free(cfg);
	if (rc)
		return fail(t, rc, "creating the machine");
	rc = mmsim_vmap_create(r->m, &t->params, &r->v);
	return rc ? fail(t, rc, "making the space") : BENCH_OK;
}

/* Books */

static int which_lock(const char *name)
{
	static const struct {
		const char *name;
		enum vmap_lock lock;
	} kinds[] = {
		{ "free_vmap_area_lock", VMAP_LOCK_FREE },
		{ "vmap_node->busy.lock", VMAP_LOCK_BUSY },
		{ "vmap_node->lazy.lock", VMAP_LOCK_LAZY },
		{ "vmap_node->pool_lock", VMAP_LOCK_POOL },
		{ "init_mm.page_table_lock", VMAP_LOCK_TABLES },
		{ "zone->lock", VMAP_LOCK_ZONE },
		{ "vmap_purge_lock", VMAP_LOCK_PURGE },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			return (int)kinds[i].lock;
	return VMAP_LOCK_OTHER;
}

static void read_books(struct run *r, struct books *books)
{
	struct mmsim_lock_info info;

	memset(books, 0, sizeof(*books));
	for (unsigned i = 0; !mmsim_lock_info(r->m, i, &info); i++)
		books->wait_ns[which_lock(info.name)] += info.wait_ns;
}

/* By the last who comes, and by the last who is done. */
static void measured_begins(void *arg)
{
	struct run *r = arg;

	/* Pools are as after many drains; tests begin with an empty space, as the kernel's. */
	if (r->t->work != VMAP_WORK_SUITE)
		mmsim_vmap_purge(r->v, 0);
	watch_measured_begin(r->t->session);
	read_books(r, &r->before);
}

static void measured_ends(void *arg)
{
	struct run *r = arg;

	read_books(r, &r->after);
	watch_measured_end(r->t->session);
}

/* A worker */

/* All wait for each other even if one could not be filled: nobody would come otherwise. */
static void run_pairs(struct run *r, struct worker *w)
{
	struct vmap_pairs *p = &w->pairs;
	int rc;

	p->error = vmap_pairs_fill(p);
	gate_wait(&r->gate);
	w->began = mmsim_now(r->m);
	if (!p->error)
		p->error = vmap_pairs_run(p);
	w->ended = mmsim_now(r->m);
	gate_wait(&r->end_gate);
	rc = vmap_pairs_end(p);
	p->error = p->error ? p->error : rc;
}

static void run_suite(struct run *r, struct worker *w)
{
	gate_wait(&r->gate);
	vmap_worker_run(&w->suite);
	w->began = w->suite.began;
	w->ended = w->suite.ended;
	gate_wait(&r->end_gate);
}

static void run_worker(unsigned i, void *arg)
{
	struct run *r = arg;

	if (r->t->work == VMAP_WORK_SUITE)
		run_suite(r, &r->worker[i]);
	else
		run_pairs(r, &r->worker[i]);
}

static int make_workers(struct run *r)
{
	struct vmap_trial *t = r->t;
	struct mmsim_vmap_params params;

	mmsim_vmap_params_of(r->v, &params);
	r->worker = aligned_alloc(_Alignof(struct worker), t->threads * sizeof(*r->worker));
	if (!r->worker)
		return -ENOMEM;
	t->suite.m = r->m;
	t->suite.v = r->v;
	for (unsigned i = 0; i < t->threads; i++) {
		struct worker *w = &r->worker[i];

		memset(w, 0, sizeof(*w));
		vmap_worker_init(&w->suite, &t->suite, i);
		w->pairs = (struct vmap_pairs){
			.v = r->v,
			.work = t->work,
			.random = w->suite.random,
			.loops = t->suite.loops,
			.warm = params.lazy_max / t->threads + WARM_PAGES,
			.live = t->live,
		};
	}
	return 0;
}

/* Threads of the host wait by themselves; more of them than CPUs are the host's to schedule. */
static void make_gates(struct run *r)
{
	gate_init(&r->gate, r->t->threads);
	gate_init(&r->end_gate, r->t->threads);
	r->gate.m = r->end_gate.m = session_is_virtual(r->t->session) ? r->m : NULL;
	r->gate.on_open = measured_begins;
	r->end_gate.on_open = measured_ends;
	r->gate.arg = r->end_gate.arg = r;
}

/* Figures */

/* Workers that share CPUs keep all of them busy until the end, though each is done earlier. */
static double cpu_ns(const struct vmap_trial *t)
{
	unsigned cpus = t->session->machine.cfg.nr_cpus;

	return t->threads > cpus ? (double)t->ns * cpus : (double)t->worker_ns;
}

static void add_suite(struct vmap_trial *t, const struct vmap_worker *w)
{
	t->whole_ns = fmax(t->whole_ns, vmap_worker_whole_ns(w));
	t->failed += vmap_worker_failed(w);
	for (unsigned i = 0; i < VMAP_NR_TESTS; i++) {
		t->pairs += w->test[i].pairs;
		t->pairs_ns += w->test[i].loop_ns;
	}
}

static void add_worker(struct vmap_trial *t, const struct worker *w)
{
	t->worker_ns += w->ended - w->began;
	if (t->work == VMAP_WORK_SUITE) {
		add_suite(t, &w->suite);
		return;
	}
	t->pairs += w->pairs.loops;
	t->pairs_ns += w->ended - w->began;
}

static void fill_shares(struct run *r)
{
	struct vmap_trial *t = r->t;

	for (unsigned i = 0; i < VMAP_NR_LOCKS; i++)
		t->share[i] = is_timed(t) ? (double)(r->after.wait_ns[i] - r->before.wait_ns[i]) /
						    cpu_ns(t)
					  : NAN;
}

/*
 * Of workers that share a CPU some may be done within one slice, before another begins: of longer loops
 * they would have waited for each other as long as all took.
 */
static void stretch(struct vmap_trial *t, uint64_t longest)
{
	double factor = longest ? (double)t->ns / (double)longest : 1;

	if (t->threads <= t->session->machine.cfg.nr_cpus)
		return;
	t->pairs_ns = (uint64_t)((double)t->pairs_ns * factor);
	t->whole_ns *= factor;
}

static int collect(struct run *r)
{
	struct vmap_trial *t = r->t;
	uint64_t began = UINT64_MAX, ended = 0, longest = 0;

	t->worker_ns = t->pairs = t->pairs_ns = 0;
	t->whole_ns = t->work == VMAP_WORK_SUITE ? 0 : NAN;
	t->failed = 0;
	for (unsigned i = 0; i < t->threads; i++) {
		const struct worker *w = &r->worker[i];

		if (w->pairs.error)
			return w->pairs.error;
		add_worker(t, w);
		began = w->began < began ? w->began : began;
		ended = w->ended > ended ? w->ended : ended;
		longest = w->ended - w->began > longest ? w->ended - w->began : longest;
	}
	t->ns = ended - began;
	stretch(t, longest);
	fill_shares(r);
	return mmsim_vmap_info(r->v, &t->info);
}

static void print_workers(struct run *r)
{
	struct vmap_trial *t = r->t;
	size_t room = (size_t)t->threads * WORKER_TEXT, at = 0;

	if (t->work != VMAP_WORK_SUITE || t->session->opt->format != FORMAT_KERNEL)
		return;
	t->text = bench_calloc(1, room);
	for (unsigned i = 0; i < t->threads && at < room; i++)
		at += vmap_worker_print(&r->worker[i].suite, t->text + at, room - at);
}

static int run_workers(struct run *r, unsigned case_index)
{
	struct vmap_trial *t = r->t;
	int rc = make_workers(r);

	if (rc)
		return fail(t, rc, "setting up the workers");
	make_gates(r);
	watch_start(t->session, r->m);
	rc = mmsim_run_on(r->m, t->threads, run_worker, r);
	if (!rc)
		rc = collect(r);
	watch_stop(t->session, case_index, t->threads, cpu_ns(t));
	if (rc)
		return fail(t, rc, "allocating or freeing");
	print_workers(r);
	return BENCH_OK;
}

int vmap_trial_run(struct vmap_trial *t, unsigned case_index)
{
	struct run r = { .t = t };
	int rc;

	t->text = NULL;
	rc = make_machine(&r);
	if (rc == BENCH_OK)
		rc = run_workers(&r, case_index);
	mmsim_vmap_destroy(r.v);
	mmsim_destroy(r.m);
	free(r.worker);
	return rc;
}
