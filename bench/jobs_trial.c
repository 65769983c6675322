/* SPDX-License-Identifier: MIT */
/* One cell of the engine's own cases. */
#include "jobs_trial.h"

#include "harness/util.h"
#include "jobs_session.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define NS_PER_SEC UINT64_C(1000000000)

enum { WARM_NS = 2000000, WARM_JOBS = 3 };

/* Measuring */

uint64_t jobs_trial_now(const struct jobs_trial *t)
{
	return t->load.m ? mmsim_now(t->load.m) : bench_now();
}

void jobs_trial_idle(const struct jobs_trial *t, uint64_t ns)
{
	struct timespec ts = {
		.tv_sec = (time_t)(ns / NS_PER_SEC),
		.tv_nsec = (long)(ns % NS_PER_SEC),
	};

	if (t->load.m)
		mmsim_ndelay(t->load.m, ns);
	else
		nanosleep(&ts, NULL);
}

uint64_t jobs_trial_jobs(struct jobs_trial *t, unsigned caller, uint64_t n)
{
	uint64_t start = jobs_trial_now(t);

	for (uint64_t i = 0; i < n; i++)
		t->team.impl->job(&t->team, caller, &t->load);
	return jobs_trial_now(t) - start;
}

static uint64_t items_alone(struct jobs_trial *t, uint64_t n)
{
	uint64_t start = jobs_trial_now(t);

	for (uint64_t i = 0; i < n; i++)
		jobs_items(&t->load, 0, t->load.nr);
	return jobs_trial_now(t) - start;
}

void jobs_trial_alone(struct jobs_trial *t, struct jobs_blocks *alone)
{
	uint64_t block_ns = t->session->setting[JOBS_SET_BLOCK_NS];
	uint64_t n = jobs_blocks_rounds(block_ns, items_alone(t, 1));

	jobs_blocks_add(alone, items_alone(t, n), n);
}

/*
 * By the quickest of many, as one disturbed here would make all blocks too short. Many: a thread that was just
 * made takes a ms to come.
 */
uint64_t jobs_trial_rounds(struct jobs_trial *t, unsigned caller)
{
	uint64_t warm_ns = t->load.m ? 0 : WARM_NS, best = UINT64_MAX;
	uint64_t until = jobs_trial_now(t) + warm_ns;

	for (unsigned i = 0; i < WARM_JOBS || jobs_trial_now(t) < until; i++) {
		uint64_t ns = jobs_trial_jobs(t, caller, 1);

		best = ns < best ? ns : best;
	}
	return jobs_blocks_rounds(t->session->setting[JOBS_SET_BLOCK_NS], best);
}

void jobs_trial_values(struct jobs_trial *t, const struct jobs_blocks *jobs,
		       const struct jobs_blocks *alone, double cpus)
{
	t->value[J_NS] = jobs_blocks_median(jobs);
	if (!t->load.m)
		t->value[J_WORST] = jobs_blocks_worst(jobs);
	if (alone->nr)
		t->value[J_OVER_IDEAL] =
			t->value[J_NS] /
			(jobs_blocks_median(alone) * fmax(1 / cpus, jobs_load_longest(&t->load)));
}

/* Before the first job of a block all may have slept: that one does not count, unless it is what counts. */
void jobs_measure(struct jobs_trial *t, unsigned caller)
{
	struct jobs_blocks jobs = { 0 }, alone = { 0 };

	t->rounds = t->idle_ns ? 1 : jobs_trial_rounds(t, caller);
	for (unsigned b = 0; b < t->blocks; b++) {
		if (t->shape != JOBS_EMPTY && b % JOBS_ALONE_EVERY == 0) {
			jobs_trial_alone(t, &alone);
			jobs_trial_jobs(t, caller, 1);
		}
		if (t->idle_ns)
			jobs_trial_idle(t, t->idle_ns);
		jobs_blocks_add(&jobs, jobs_trial_jobs(t, caller, t->rounds), t->rounds);
	}
	jobs_trial_values(t, &jobs, &alone, t->threads);
}

/* One engine */

static bool does_all_once(struct jobs_trial *t, unsigned caller)
{
	struct jobs_load load = t->load;
	uint32_t seen[JOBS_MAX_ITEMS] = { 0 };
	bool once = true;

	load.seen = seen;
	t->team.impl->job(&t->team, caller, &load);
	for (unsigned i = 0; i < load.nr; i++)
		once &= seen[i] == 1;
	return once;
}

static void open_impl(struct jobs_trial *t, unsigned caller)
{
	int rc = t->error ? t->error : jobs_impl_open(&t->team, caller, t->callers == 1);

	if (rc < 0) {
		t->error = rc;
		return;
	}
	t->unbound |= rc > 0;
	t->opened++;
}

static void close_impl(struct jobs_trial *t, unsigned caller)
{
	if (caller < t->opened && t->team.impl->close)
		t->team.impl->close(&t->team, caller);
}

static void on_caller(unsigned caller, void *arg)
{
	struct jobs_trial *t = arg;

	for (unsigned turn = 0; turn < t->callers; turn++) {
		if (turn == caller)
			open_impl(t, caller);
		gate_wait(&t->gate);
	}
	if (!t->error) {
		if (!does_all_once(t, caller))
			__atomic_store_n(&t->wrong, true, __ATOMIC_RELAXED);
		gate_wait(&t->gate);
		t->measure(t, caller);
	}
	for (unsigned turn = t->callers; turn-- > 0;) {
		gate_wait(&t->gate);
		if (turn == caller)
			close_impl(t, caller);
	}
}

static void begin(struct jobs_trial *t, const struct jobs_impl *impl)
{
	struct mmsim *m = jobs_session_machine(t->session);

	t->team = (struct jobs_team){ .impl = impl, .m = m, .threads = t->threads };
	t->rounds = 1;
	t->blocks_now = 1;
	t->opened = 0;
	t->error = 0;
	t->wrong = t->unbound = false;
	gate_init(&t->gate, t->callers);
	t->gate.m = jobs_virtual(t->session) ? m : NULL;
	jobs_load_init(&t->load, t->gate.m, t->items, t->shape, t->unit_ns);
	jobs_no_values(t->value);
}

/* A peer that is not to be had is left out; an engine that does wrong ends everything. */
static int judge(struct jobs_trial *t, int rc)
{
	const char *name = t->team.impl->name;

	if (rc)
		return bench_fail(t->session, BENCH_FAILED, "%s: tasks on %u CPUs: %s", name,
				  t->callers, strerror(-rc));
	if (t->wrong)
		return bench_fail(t->session, BENCH_FAILED, "%s: an item was not done, or not once",
				  name);
	if (t->error) {
		jobs_session_note(t->session, JOBS_NOTE_MISSING);
		return BENCH_OK;
	}
	if (t->unbound)
		jobs_session_note(t->session, JOBS_NOTE_UNBOUND);
	jobs_record(t->session, t->case_index, name, t->threads, t->value);
	return BENCH_OK;
}

static int run_impl(struct jobs_trial *t, const struct jobs_impl *impl)
{
	struct mmsim *m = jobs_session_machine(t->session);
	uint64_t start;
	int rc;

	begin(t, impl);
	if (t->load.m)
		watch_start(t->session, m);
	start = mmsim_now(m);
	rc = mmsim_run(m, t->callers, on_caller, t);
	if (t->load.m && !rc)
		watch_stop(t->session, t->case_index, t->threads,
			   (double)(mmsim_now(m) - start) * t->threads);
	return judge(t, rc);
}

/* All engines */

static bool wants(const struct jobs_trial *t, const struct jobs_impl *impl)
{
	uint64_t peers = t->session->setting[JOBS_SET_PEERS];

	if (impl == jobs_impls[0])
		return true;
	if (t->ours_only || peers == 0 || (t->no_twins && impl->twin))
		return false;
	return !jobs_virtual(t->session) || (impl->ours && peers > 1);
}

void jobs_trial_init(struct jobs_trial *t, struct bench_session *session, unsigned case_index,
		     unsigned threads)
{
	memset(t, 0, sizeof(*t));
	t->session = session;
	t->case_index = case_index;
	t->threads = threads;
	t->callers = 1;
	t->items = JOBS_MAX_ITEMS;
	t->blocks = (unsigned)session->setting[JOBS_SET_BLOCKS];
	t->measure = jobs_measure;
}

int jobs_trial_run(struct jobs_trial *t)
{
	int rc = BENCH_OK;

	/* Alone there is nothing to hand out. */
	if (t->threads < 2 || t->threads > t->session->cpus)
		return BENCH_OK;
	for (unsigned i = 0; jobs_impls[i] && rc == BENCH_OK; i++)
		if (wants(t, jobs_impls[i]))
			rc = run_impl(t, jobs_impls[i]);
	return rc;
}
