/* SPDX-License-Identifier: MIT */
/*
 * A crew and a ktask engine on their own; a world of units that chunks mark and undo unmarks, with all calls
 * recorded; and what the chunks should have been, worked out from the documented arithmetic without looking
 * at the library. Functions may be unused.
 *
 * A position is not an address: stretch i begins at (i + 1) << 32.
 */
#ifndef TESTS_KTASK_RIG_H
#define TESTS_KTASK_RIG_H

#include "bits.h"
#include "ktask.h"

#include "exec_env.h"
#include "first_failure.h"
#include <errno.h>
#include <string.h>

#define KT_UNITS 2048 /* of a stretch */
#define KT_NODES 4
#define KT_CALLS 4096
#define KT_BASE(i) ((uintptr_t)((i) + 1) << 32)
#define kt_helper static __attribute__((unused))

struct kt_rig {
	struct env *e;
	struct mm_crew crew;
	struct mm_ktask kt;
	enum mmsim_mode mode;
};

/* [start, end) of a stretch. */
struct kt_piece {
	unsigned node;
	unsigned long start, end;
	unsigned task, cpu;
};

/* What one task did. */
struct kt_world {
	struct mm_exec *x;
	struct mmsim_ktask_node node[KT_NODES];
	unsigned nr_nodes;

	/* How it shall go: calls count from 1; 0: none. */
	unsigned yields;
	uint32_t fail_from, fail_nr; /* calls of thread_fn that fail, with the error 1000 + call */
	uint32_t undo_fail_every;
	uint32_t cancel_at; /* call of thread_fn that cancels */
	struct mmsim_ktask_ctl *ctl; /* for that */
	void (*also)(struct kt_world *w); /* in each call */
	void *ctx;

	uint32_t calls, inside, peak,
		after; /* atomic; after: calls that began when one had failed */
	uint32_t failed_seen; /* atomic */
	uint32_t calls_then; /* when it was cancelled */
	struct kt_piece piece[KT_CALLS]; /* that returned 0 */
	struct kt_piece failed[KT_CALLS];
	struct kt_piece undo[KT_CALLS];
	uint32_t nr_pieces, nr_failed, nr_undone; /* atomic */
	uint32_t undo_returned_error;
	uint8_t marks[KT_NODES][KT_UNITS]; /* atomic */
	struct first_failure failure;
};

kt_helper void kt_open_policy(struct kt_rig *r, const struct env_shape *shape,
			      const struct mmsim_job_policy *policy, unsigned quota_threads)
{
	r->mode = shape->mode;
	r->e = env_open(shape);
	assert_int_equal(mm_job_crew_init(&r->crew, r->e->x, &r->e->topology), 0);
	assert_int_equal(mm_job_ktask_init(&r->kt, &r->crew, policy, quota_threads), 0);
}

/* As many helpers as CPUs. */
kt_helper void kt_open(struct kt_rig *r, enum mmsim_mode mode, unsigned cpus, unsigned nodes)
{
	const struct mmsim_job_policy policy = { .max_helpers = cpus, .max_node_helpers = cpus };

	kt_open_policy(r, &(struct env_shape){ .mode = mode, .nr_cpus = cpus, .nr_nodes = nodes },
		       &policy, 0);
}

kt_helper void kt_close(struct kt_rig *r)
{
	mm_job_ktask_fini(&r->kt);
	mm_job_crew_fini(&r->crew);
	env_close(r->e);
}

/* For kt_world_free(). */
kt_helper struct kt_world *kt_world_new(struct kt_rig *r)
{
	struct kt_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->x = r->e->x;
	return w;
}

kt_helper void kt_stretch(struct kt_world *w, size_t size, int nid)
{
	w->node[w->nr_nodes] = (struct mmsim_ktask_node){ (void *)KT_BASE(w->nr_nodes), size, nid };
	w->nr_nodes++;
}

/* Position to stretch and unit, with the rest of a piece. */
static inline struct kt_piece kt_piece_of(const struct kt_world *w, void *start, void *end)
{
	struct kt_piece p = {
		.node = (unsigned)((uintptr_t)start >> 32) - 1,
		.start = (uintptr_t)start & UINT32_MAX,
		.end = (uintptr_t)end & UINT32_MAX,
		.task = mm_task_current()->id,
		.cpu = mm_exec_cpu(w->x),
	};

	return p;
}

static inline bool kt_sound(struct kt_world *w, const struct kt_piece *p, void *end)
{
	bool sound = p->node < w->nr_nodes && ((uintptr_t)end >> 32) - 1 == p->node &&
		     p->start < p->end && p->end <= w->node[p->node].task_size;

	expect_in_task(&w->failure, sound, p->start);
	return sound;
}

static inline void kt_note(struct kt_piece *list, uint32_t *nr, const struct kt_piece *p)
{
	uint32_t at = __atomic_fetch_add(nr, 1, __ATOMIC_RELAXED);

	if (at < KT_CALLS)
		list[at] = *p;
}

static inline void kt_enter(struct kt_world *w)
{
	uint32_t now = __atomic_add_fetch(&w->inside, 1, __ATOMIC_RELAXED);
	uint32_t peak = __atomic_load_n(&w->peak, __ATOMIC_RELAXED);

	while (now > peak && !__atomic_compare_exchange_n(&w->peak, &peak, now, false,
							  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* One that fails marks half of its chunk and takes that back. */
static inline void kt_mark(struct kt_world *w, const struct kt_piece *p, bool on, bool only_half)
{
	unsigned long end = only_half ? p->start + (p->end - p->start) / 2 : p->end;

	for (unsigned long i = p->start; i < end && i < KT_UNITS; i++)
		__atomic_add_fetch(&w->marks[p->node][i], on ? 1 : -1, __ATOMIC_RELAXED);
}

kt_helper int kt_thread(void *start, void *end, void *arg)
{
	struct kt_world *w = arg;
	uint32_t call = __atomic_add_fetch(&w->calls, 1, __ATOMIC_RELAXED);
	struct kt_piece p = kt_piece_of(w, start, end);
	bool fails = call >= w->fail_from && call - w->fail_from < w->fail_nr;

	if (!kt_sound(w, &p, end))
		return 0;
	__atomic_add_fetch(&w->after, __atomic_load_n(&w->failed_seen, __ATOMIC_RELAXED),
			   __ATOMIC_RELAXED);
	kt_enter(w);
	kt_mark(w, &p, true, fails);
	for (unsigned k = 0; k < w->yields; k++)
		env_yield(w->x);
	if (w->also)
		w->also(w);
	if (w->cancel_at && call == w->cancel_at) {
		__atomic_store_n(&w->ctl->cancelled, 1, __ATOMIC_SEQ_CST);
		w->calls_then = __atomic_load_n(&w->calls, __ATOMIC_SEQ_CST);
	}
	if (fails)
		kt_mark(w, &p, false, true);
	kt_note(fails ? w->failed : w->piece, fails ? &w->nr_failed : &w->nr_pieces, &p);
	__atomic_sub_fetch(&w->inside, 1, __ATOMIC_RELAXED);
	return fails ? (int)(1000 + call) : 0;
}

kt_helper int kt_undo(void *start, void *end, void *arg)
{
	struct kt_world *w = arg;
	struct kt_piece p = kt_piece_of(w, start, end);

	expect_in_task(&w->failure, !__atomic_load_n(&w->inside, __ATOMIC_RELAXED), w->inside);
	if (!kt_sound(w, &p, end))
		return 0;
	kt_mark(w, &p, false, false);
	kt_note(w->undo, &w->nr_undone, &p);
	if (!w->undo_fail_every || w->nr_undone % w->undo_fail_every)
		return 0;
	w->undo_returned_error++;
	return -5;
}

kt_helper struct mmsim_ktask_ctl kt_ctl(struct kt_world *w, size_t min_chunk, uint32_t max_threads,
					uint32_t flags)
{
	return (struct mmsim_ktask_ctl){
		.thread_fn = kt_thread,
		.undo_fn = kt_undo,
		.fn_arg = w,
		.min_chunk = min_chunk,
		.max_threads = max_threads,
		.flags = flags,
	};
}

kt_helper int kt_piece_order(const void *a, const void *b)
{
	const struct kt_piece *x = a, *y = b;

	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	return (x->start > y->start) - (x->start < y->start);
}

/* Run it. Finished and failed pieces by stretch and start; what was undone as it came. */
kt_helper int kt_run(struct kt_rig *r, struct kt_world *w, struct mmsim_ktask_ctl *ctl)
{
	int err;

	if (w->ctl != ctl) /* or who cancels may be reading it */
		w->ctl = ctl;
	err = mm_job_ktask_run(&r->kt, w->node, w->nr_nodes, ctl);
	qsort(w->piece, mm_min(w->nr_pieces, (uint32_t)KT_CALLS), sizeof(w->piece[0]),
	      kt_piece_order);
	qsort(w->failed, mm_min(w->nr_failed, (uint32_t)KT_CALLS), sizeof(w->failed[0]),
	      kt_piece_order);
	return err;
}

kt_helper size_t kt_total(const struct kt_world *w)
{
	size_t total = 0;

	for (unsigned i = 0; i < w->nr_nodes; i++)
		total += w->node[i].task_size;
	return total;
}

/* What the arithmetic gives. */
struct kt_plan {
	size_t threads;
	size_t chunk; /* the least, of chunks that shrink */
};

/* An idle machine. `most`: the helpers that it lets one task have. */
kt_helper struct kt_plan kt_plan(const struct kt_world *w, const struct mmsim_ktask_ctl *ctl,
				 unsigned cpus, unsigned most)
{
	size_t total = kt_total(w), chunk = total;
	size_t threads = (total + ctl->min_chunk - 1) / ctl->min_chunk;

	if (total > SIZE_MAX - ctl->min_chunk)
		threads = 1 + (total - 1) / ctl->min_chunk;
	if (threads > cpus)
		threads = cpus;
	if (threads > (ctl->max_threads ? ctl->max_threads : 4))
		threads = ctl->max_threads ? ctl->max_threads : 4;
	if (!threads)
		threads = 1;
	if (threads > most + 1)
		threads = most + 1;
	if (threads > 1) {
		chunk = total / threads / 4;
		if (chunk > ctl->min_chunk)
			while (chunk % ctl->min_chunk)
				chunk--;
		else
			chunk = ctl->min_chunk;
	}
	if (ctl->flags & MMSIM_KTASK_GUIDED)
		chunk = ctl->min_chunk;
	return (struct kt_plan){ threads, chunk };
}

static inline size_t kt_next_piece(const struct kt_plan *plan, bool guided, size_t left)
{
	size_t size = plan->chunk;

	if (guided && left / (2 * plan->threads) > size)
		size = left / (2 * plan->threads);
	return size < left ? size : left;
}

/* Every stretch in pieces as planned, all finished. NULL, or what is wrong. */
kt_helper const char *kt_differs(const struct kt_world *w, const struct kt_plan *plan, bool guided)
{
	uint32_t k = 0;

	for (unsigned node = 0; node < w->nr_nodes; node++) {
		size_t at = 0, size = w->node[node].task_size;

		for (; at < size; k++) {
			if (k >= w->nr_pieces || w->piece[k].node != node)
				return "chunks are missing";
			if (w->piece[k].start != at)
				return "a chunk does not start where the last one ended";
			at += kt_next_piece(plan, guided, size - at);
			if (w->piece[k].end != at)
				return "a chunk has the wrong length";
		}
	}
	return k == w->nr_pieces ? NULL : "too many chunks";
}

/* T2: every finished unit undone once, nothing else, in the order of the range, in longest stretches. */
kt_helper const char *kt_undo_differs(const struct kt_world *w)
{
	uint32_t k = 0, p = 0;

	while (p < w->nr_pieces) {
		struct kt_piece want = w->piece[p++];

		while (p < w->nr_pieces && w->piece[p].node == want.node &&
		       w->piece[p].start == want.end)
			want.end = w->piece[p++].end;
		if (k >= w->nr_undone)
			return "a finished stretch was not undone";
		if (w->undo[k].node != want.node || w->undo[k].start != want.start)
			return "undone: not the next finished stretch";
		if (w->undo[k].end != want.end)
			return "undone: too little or too much";
		k++;
	}
	return k == w->nr_undone ? NULL : "undone: more than was finished";
}

/* All units of all stretches have this many marks; none beside them has any. */
kt_helper bool kt_marked(const struct kt_world *w, unsigned marks)
{
	for (unsigned node = 0; node < KT_NODES; node++)
		for (unsigned i = 0; i < KT_UNITS; i++)
			if (w->marks[node][i] !=
			    (node < w->nr_nodes && i < w->node[node].task_size ? marks : 0))
				return false;
	return true;
}

#endif
