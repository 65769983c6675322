/* SPDX-License-Identifier: MIT */
/*
 * ktask: a task that several CPUs work on, with errors, undo, and helpers that give way.
 *
 * Models ktask of D. Jordan's RFC v4 (2018), which was never merged: its arithmetic, its limits, its
 * priorities. Beyond it: each thread's own outcome is told, a task can be cancelled, tell how far it is,
 * be kept within a CPU budget, take as many threads as the memory can feed, and cut its end finer.
 * Differences: a helper that has not started when the work has been handed out is not waited for; undo
 * may fail, which is told; a disabled engine undoes too.
 */
#ifndef MMSIM_KTASK_H
#define MMSIM_KTASK_H

#include <mmsim/api.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/** Of mmsim_ktask_node.nid: no node, its work may run anywhere. */
#define MMSIM_NO_NODE (-1)

/** What mmsim_ktask_ctl.max_threads 0 means. */
#define MMSIM_KTASK_DEFAULT_MAX_THREADS 4

/** Flags of mmsim_ktask_ctl. */
enum {
	/**
	 * Chunks that shrink with what is left, down to min_chunk, instead of ktask's one size: for
	 * work whose units differ in cost. Also makes a task of one thread come in chunks.
	 */
	MMSIM_KTASK_GUIDED = 1 << 0,
	/**
	 * At most as many threads as the node's memory can feed: see mmsim_job_threads(). max_threads 0
	 * then means no other bound.
	 */
	MMSIM_KTASK_BY_BANDWIDTH = 1 << 1,
};

/** A stretch of work, on the memory of one node. */
struct mmsim_ktask_node {
	void *start; /* the first position, whatever iter_fn makes of it; may be NULL */
	size_t task_size; /* units; 0: nothing to do here */
	int nid; /* the node to work on it, or MMSIM_NO_NODE */
};

/** What one thread did. */
struct mmsim_ktask_thread {
	uint32_t cpu;
	int32_t error; /* what thread_fn returned that was not 0; else 0 */
	size_t chunks; /* calls of thread_fn, a failed one included */
	size_t units; /* of the calls that returned 0 */
	void *failed_start, *failed_end; /* of the call that failed */
	uint64_t ns; /* machine time inside thread_fn; only with a budget, else 0 */
};

struct mmsim_cpu_budget;

/**
 * struct mmsim_ktask_ctl - how to work. Zero it, then set what is needed.
 * @thread_fn:   called once per chunk [start, end) from several CPUs at once; returns 0 or an error,
 *               which is the client's own. One that fails leaves its chunk as it found it. May wait.
 * @undo_fn:     called for stretches of finished chunks after another has failed, by the caller
 *               alone, after all threads have stopped. NULL: nothing is undone. Returns 0; anything
 *               else is counted in undo_failed, and the undoing goes on.
 * @fn_arg:      handed to each of these functions.
 * @iter_fn:     the position nr units after `position`; called with a node's start, by several threads at
 *               once. NULL: position + nr, in bytes.
 * @progress_fn: called by the calling thread now and then, between its chunks and, every
 *               progress_ns, while it waits for helpers, with what has been finished so far; NULL: nobody.
 * @progress_ns: at least so long between two calls of progress_fn, machine time; but for the last one, which
 *               tells that all is done.
 * @min_chunk:   the fewest units worth giving to a thread; 1 or more.
 * @max_threads: most threads to use, the caller's among them; 0: MMSIM_KTASK_DEFAULT_MAX_THREADS.
 * @flags:       MMSIM_KTASK_GUIDED …
 * @nr_threads:  room in `threads`.
 * @threads:     receives what each thread did, the caller's first, then helpers as they joined; entries that
 *               no thread filled are zeroed. NULL: not wanted.
 * @budget:      the CPU time of the caller's group, charged for every chunk; NULL: no limit.
 *
 * Written by the call: threads_used, done, undo_failed, first_failed; `cancelled` by mmsim_ktask_cancel().
 */
struct mmsim_ktask_ctl {
	int (*thread_fn)(void *start, void *end, void *arg);
	int (*undo_fn)(void *start, void *end, void *arg);
	void *fn_arg;
	void *(*iter_fn)(void *position, size_t nr);
	void (*progress_fn)(size_t done, size_t total, void *arg);
	uint64_t progress_ns;
	size_t min_chunk;
	uint32_t max_threads;
	uint32_t flags;
	uint32_t nr_threads;
	uint32_t cancelled; /* atomic */
	struct mmsim_ktask_thread *threads;
	struct mmsim_cpu_budget *budget;

	uint32_t threads_used; /* that took a chunk */
	uint32_t undo_failed; /* calls of undo_fn that failed */
	size_t done; /* units of chunks that returned 0, also those undone since */
	void *first_failed; /* start of the chunk whose error was the first */
};

/**
 * mmsim_ktask_run - work on [start, start + size) with several threads.
 * @start: the first position.
 * @size:  units of work; 0 is done at once.
 * @ctl:   how; not used by another call at the same time.
 *
 * Equivalent to the serial loop
 *
 *	for each chunk [a, b), in ascending order
 *		if (thread_fn(a, b, fn_arg) fails)
 *			undo what the finished chunks before have done, and return the error
 *
 * except that chunks run at the same time on up to max_threads CPUs, first on the node that the caller is
 * on. After the first error nothing more is handed out; chunks that run go on to their end. Then, for every
 * longest stretch of finished units in the order of the range, undo_fn is called; the world is then as before
 * if undo_fn can make it so.
 *
 * The threads wanted are min(ceil(size / min_chunk), CPUs, max_threads, what the budget and the host's quota
 * allow). Of the helpers wanted those are called that are free and within the machine's limits, see
 * mmsim_job_policy. With t threads, those called and the caller, the chunk is the whole for t == 1, else
 * size / (4 t) rounded down to a multiple of min_chunk, at least min_chunk. With MMSIM_KTASK_GUIDED it is
 * what is left / (2 t), at least min_chunk, at each turn.
 *
 * Helpers run at the lowest priority. While the caller waits for those that still run, it lends its priority
 * to one of them at a time.
 *
 * Returns 0; the first error of thread_fn as it is; -ECANCELED when it was cancelled before all was
 * handed out: what was finished has been undone; -EINVAL with a message for a NULL ctl or thread_fn, a
 * min_chunk of 0, unknown flags, a budget out of its range, or, without an iter_fn, a start + size that
 * overflows: then nothing was called and nothing written. Context: any; waits; may be called from within a chunk. Allocates
 * nothing, but for a helper's thread the first time that helper is ever needed.
 * Cost: one atomic operation per chunk; 48 KiB of the caller's stack. Since 0.1. Models ktask_run().
 */
MMSIM_API int mmsim_ktask_run(struct mmsim *m, void *start, size_t size,
			      struct mmsim_ktask_ctl *ctl);

/**
 * mmsim_ktask_run_numa - work on stretches that belong to several nodes.
 * @nodes: [nr_nodes], read only; stretches do not overlap.
 * @nr_nodes: 0 to MMSIM_MAX_NODES.
 *
 * As mmsim_ktask_run(). Helper i starts on nodes[i mod nr_nodes], the caller on nodes[0]; who finds its
 * own used up goes to one of the others with work left, by chance, and a helper then moves to a CPU of that
 * node if one is free: it goes on there as another helper, and counts as one more thread. A helper for a node whose CPUs are all busy, or that has reached its limit, runs
 * anywhere.
 *
 * Returns as mmsim_ktask_run(); -EINVAL also for a nid that is neither MMSIM_NO_NODE nor a node of the
 * machine, NULL nodes with nr_nodes not 0, too many nodes, and task_sizes whose sum overflows.
 * Since 0.1. Models ktask_run_numa().
 */
MMSIM_API int mmsim_ktask_run_numa(struct mmsim *m, const struct mmsim_ktask_node *nodes,
				   size_t nr_nodes, struct mmsim_ktask_ctl *ctl);

/**
 * mmsim_ktask_cancel - hand out nothing more.
 * @ctl: NULL: nothing is done.
 *
 * From any thread, from within thread_fn or progress_fn, or before the call. Chunks that run go on to their
 * end. Lasts until the ctl's `cancelled` is set to 0 again. Context: any, also a signal handler. Cost: O(1).
 * Since 0.1.
 */
MMSIM_API void mmsim_ktask_cancel(struct mmsim_ktask_ctl *ctl);

MMSIM_END_DECLS

#endif
