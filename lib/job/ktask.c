/* SPDX-License-Identifier: MIT */
/* ktask: running one. */
#include "ktask.h"

#include "budget.h"
#include <errno.h>
#include <string.h>

/* Chunks per thread of one size; and, of shrinking ones, what is left over this many per thread. */
enum { CHUNKS_PER_THREAD = 4, GUIDED_SHARES = 2 };

#define NAP_NS UINT64_C(1000000)

/* A thread at work. */
struct worker {
	struct mm_ktask_run *run;
	unsigned node; /* index in nodes[] */
	bool caller;
	unsigned home; /* a helper's tag */
	uint32_t number; /* the caller is 0, helpers as they came */
	struct mmsim_ktask_thread what; /* it did */
};

/* Once seen, a cancellation holds, whatever becomes of the flag. */
static bool is_over(struct mm_ktask_run *run)
{
	if (__atomic_load_n(&run->ctl->cancelled, __ATOMIC_RELAXED))
		__atomic_store_n(&run->stopped, 1, __ATOMIC_RELAXED);
	return __atomic_load_n(&run->stopped, __ATOMIC_RELAXED);
}

/* Errors */

static void fail(struct worker *w, unsigned long start, unsigned long end, int error)
{
	struct mm_ktask_run *run = w->run;
	uint32_t at = __atomic_fetch_add(&run->nr_failures, 1, __ATOMIC_RELAXED);

	run->failure[at] = (struct mm_ktask_failure){ .start = start, .end = end, .node = w->node };
	w->what.error = error;
	w->what.failed_start = mm_ktask_position(run, w->node, start);
	w->what.failed_end = mm_ktask_position(run, w->node, end);
	mm_exec_point(run->exec, MM_POINT_ATOMIC, &run->failed);
	if (!__atomic_exchange_n(&run->failed, 1, __ATOMIC_RELAXED)) {
		run->error = error;
		run->ctl->first_failed = w->what.failed_start;
	}
	__atomic_store_n(&run->stopped, 1, __ATOMIC_RELAXED);
}

/* Telling how far it is */

static void tell(struct mm_ktask_run *run)
{
	const struct mmsim_ktask_ctl *ctl = run->ctl;

	run->told_at = mm_exec_now(run->exec);
	ctl->progress_fn(__atomic_load_n(&run->done, __ATOMIC_RELAXED), run->total, ctl->fn_arg);
}

static void tick(void *arg)
{
	tell(arg);
}

static void tell_if_due(struct worker *w)
{
	struct mm_ktask_run *run = w->run;

	if (w->caller && run->ctl->progress_fn &&
	    mm_exec_now(run->exec) - run->told_at >= run->ctl->progress_ns)
		tell(run);
}

/* Chunks */

static int call_client(struct worker *w, unsigned long start, unsigned long end)
{
	const struct mmsim_ktask_ctl *ctl = w->run->ctl;
	void *from = mm_ktask_position(w->run, w->node, start);
	void *to = mm_ktask_position(w->run, w->node, end);
	uint64_t began, now;
	int error;

	if (!ctl->budget)
		return ctl->thread_fn(from, to, ctl->fn_arg);
	began = mm_exec_now(w->run->exec);
	error = ctl->thread_fn(from, to, ctl->fn_arg);
	now = mm_exec_now(w->run->exec);
	w->what.ns += now - began;
	mm_job_budget_charge(ctl->budget, now, now - began);
	return error;
}

static void run_chunk(struct worker *w, unsigned long start, unsigned long end)
{
	struct mm_ktask_run *run = w->run;
	int error;

	mm_exec_mark(run->exec, MMSIM_MARK_BEGIN, "chunk", end - start);
	error = call_client(w, start, end);
	mm_exec_mark(run->exec, MMSIM_MARK_END, NULL, 0);
	w->what.chunks++;
	if (error) {
		fail(w, start, end, error);
		return;
	}
	w->what.units += end - start;
	if (run->ctl->progress_fn)
		__atomic_add_fetch(&run->done, end - start, __ATOMIC_RELAXED);
	tell_if_due(w);
	mm_exec_resched(run->exec);
}

/* One with work left, each as likely. False: there is none. */
static bool other_node(struct worker *w)
{
	struct mm_ktask_run *run = w->run;
	unsigned nr = 0;

	for (unsigned i = 0; i < run->nr_nodes; i++)
		if (mm_range_left(&run->range[i]) && !mm_rng_below(&mm_task_current()->rng, ++nr))
			w->node = i;
	return nr > 0;
}

/* Until the budget allows a chunk, in naps: nobody can wake who is put off when the task is over. */
static bool wait_for_budget(struct worker *w)
{
	struct mm_exec *x = w->run->exec;
	uint64_t at, now;

	while (!is_over(w->run) &&
	       (at = mm_job_budget_next(w->run->ctl->budget)) > (now = mm_exec_now(x))) {
		mm_exec_sleep_until(x, mm_min(at, now + NAP_NS));
		tell_if_due(w);
	}
	return !is_over(w->run);
}

/* The budget. False: a helper goes, he is not needed until there is more; or the task is over. */
static bool may_begin(struct worker *w)
{
	struct mmsim_cpu_budget *b = w->run->ctl->budget;

	if (!b || mm_job_budget_next(b) <= mm_exec_now(w->run->exec))
		return true;
	__atomic_add_fetch(&b->throttled, 1, __ATOMIC_RELAXED);
	return w->caller && wait_for_budget(w);
}

static void work(struct worker *w)
{
	struct mm_ktask_run *run = w->run;
	unsigned long start, end;

	while (!is_over(run) && may_begin(w)) {
		if (mm_range_take(run->exec, &run->range[w->node], &run->chunking, &start, &end))
			run_chunk(w, start, end);
		else if (!other_node(w) || (!w->caller && mm_job_ktask_move(run, w->home, w->node)))
			break;
	}
}

/* Threads */

static void note_thread(const struct worker *w)
{
	struct mm_ktask_run *run = w->run;

	if (run->ctl->threads && w->number < run->ctl->nr_threads)
		run->ctl->threads[w->number] = w->what;
	if (w->what.chunks)
		__atomic_add_fetch(&run->nr_used, 1, __ATOMIC_RELAXED);
	if (!run->ctl->progress_fn)
		__atomic_add_fetch(&run->done, w->what.units, __ATOMIC_RELAXED);
}

static void run_thread(struct mm_ktask_run *run, unsigned tag, bool caller)
{
	struct worker w = {
		.run = run,
		.node = tag & MM_KTASK_STRETCH,
		.caller = caller,
		.home = tag,
	};

	if (!caller)
		w.number = __atomic_add_fetch(&run->nr_helpers, 1, __ATOMIC_RELAXED);
	w.what.cpu = mm_exec_cpu(run->exec);
	work(&w);
	note_thread(&w);
}

static void helper(void *arg, unsigned tag)
{
	run_thread(arg, tag, false);
}

/* The task */

static void set_chunking(struct mm_ktask_run *run, unsigned long threads)
{
	size_t min_chunk = run->ctl->min_chunk, chunk = run->total;

	if (run->ctl->flags & MMSIM_KTASK_GUIDED) {
		run->chunking.chunk = min_chunk;
		run->chunking.share = threads * GUIDED_SHARES;
		return;
	}
	if (threads > 1) {
		chunk = run->total / threads / CHUNKS_PER_THREAD;
		chunk = mm_max(chunk - chunk % min_chunk, min_chunk);
	}
	run->chunking.chunk = chunk;
}

static void init_run(struct mm_ktask_run *run, struct mm_ktask *kt,
		     const struct mmsim_ktask_node *node, size_t nr_nodes,
		     struct mmsim_ktask_ctl *ctl)
{
	run->kt = kt;
	run->exec = kt->crew->exec;
	run->ctl = ctl;
	run->node = node;
	run->nr_nodes = (unsigned)nr_nodes;
	run->chunking = (struct mm_chunking){ 0 };
	run->nr_counted = 0;
	run->nr_failures = run->stopped = run->failed = run->nr_helpers = run->nr_used = 0;
	run->error = 0;
	run->total = run->done = 0;
	for (unsigned i = 0; i < nr_nodes; i++) {
		mm_range_init(&run->range[i], 0, node[i].task_size);
		run->total += node[i].task_size;
	}
	if (ctl->threads)
		memset(ctl->threads, 0, ctl->nr_threads * sizeof(*ctl->threads));
	ctl->first_failed = NULL;
	ctl->undo_failed = 0;
	mm_job_call_init(&run->call, helper, run,
			 kt->crew->flags & MMSIM_JOB_NORMAL_PRIORITY ? 0 : MM_NICE_LOWEST);
	if (ctl->progress_fn) {
		run->told_at = mm_exec_now(run->exec);
		run->call.tick = tick;
		run->call.tick_ns = mm_max(ctl->progress_ns, UINT64_C(1));
	}
}

static void run_all(struct mm_ktask_run *run)
{
	unsigned helpers = mm_job_ktask_claim(run, mm_job_ktask_wanted(run) - 1);

	set_chunking(run, helpers + 1ul);
	mm_job_crew_offer(run->kt->crew, &run->call, 0, helpers);
	run_thread(run, 0, true);
	if (helpers)
		mm_job_crew_end(run->kt->crew, &run->call);
	mm_job_ktask_release(run);
}

/* Everything has stopped: what came of it. */
static int outcome(struct mm_ktask_run *run)
{
	struct mmsim_ktask_ctl *ctl = run->ctl;

	ctl->threads_used = run->nr_used;
	ctl->done = run->done;
	if (run->done == run->total) {
		if (ctl->progress_fn && run->total)
			tell(run);
		return 0;
	}
	mm_invariant("T1: what was not finished failed or was cancelled", run->stopped);
	if (ctl->undo_fn)
		mm_job_ktask_undo(run);
	return run->failed ? run->error : -ECANCELED;
}

int mm_job_ktask_run(struct mm_ktask *kt, const struct mmsim_ktask_node *nodes, size_t nr_nodes,
		     struct mmsim_ktask_ctl *ctl)
{
	struct mm_ktask_run run;

	init_run(&run, kt, nodes, nr_nodes, ctl);
	if (run.total)
		run_all(&run);
	return outcome(&run);
}
