/* SPDX-License-Identifier: MIT */
/*
 * Workqueues: run a function later, on another CPU.
 *
 * A bound queue runs a work on the CPU it was queued on; an unbound one on any CPU of the node it was
 * queued for. A pool (one per CPU or per node) runs at most max_active works at once, in the order
 * queued.
 *
 * Counterpart: kernel/workqueue.c. Differences: workers are made when work comes and end when there is
 * none (the exec floor keeps their threads warm); a bound pool does not wait for its running work to
 * sleep before it starts the next; a work must stay alive until it was flushed or cancelled; if
 * no thread can be had for a work, whoever flushes it runs it himself, so no work is ever lost.
 *
 *  W1: a work is pending at most once, and never runs twice at the same time: queued while it runs,
 *      it waits for that run to end, in the pool where it runs.
 *  W2: every queueing has a number, `queued` counts them. All up to `finished` have been run or
 *      cancelled; so the two are equal exactly when the work is idle.
 *  W3: a pool starts a work only while less than max_active run, and runs none when it is destroyed.
 *  W4: below max_active, each listed work has a worker coming for it, unless no thread was to be had.
 *
 * Locking: pool->lock (MM_RANK_WORK_POOL) guards the pool and the works that are or were last on it.
 * Who sets `pending` owns the work until it is listed. Queueing allocates nothing. Cost: O(1). A pool keeps
 * the memory of the most workers it ever could have.
 */
#ifndef MM_SYNC_WORKQUEUE_H
#define MM_SYNC_WORKQUEUE_H

#include "spinlock.h"
#include "topology.h"

struct mm_work_pool;
struct mm_workqueue;

struct mm_work {
	void (*fn)(struct mm_work *work);
	struct mm_work_pool *pool; /* atomic: where it was last queued */
	uint32_t pending; /* atomic: queued, has not started */
	/* Under the pool's lock. */
	uint32_t queued;
	uint32_t finished; /* see W2 */
	bool listed; /* on pool->works */
	bool again; /* pending, to be listed when the present run ends */
	bool running;
	uint32_t running_as; /* the number of the queueing that runs */
	mm_list entry;
};

struct mm_delayed_work {
	struct mm_work work;
	struct mm_workqueue *wq;
	struct mm_task timer;
	uint64_t due;
	uint32_t state; /* atomic, parkable */
	uint32_t held; /* atomic: a call below is at it */
	bool cancelling; /* under held */
	bool started; /* under held: the timer task must be joined */
};

struct mm_workqueue_config {
	bool bound;
	unsigned max_active; /* per pool; 0: the pool's CPUs, at least 4 */
	struct mm_lockset *locks;
	const struct mm_topology *topology;
};

/* 0 or -ENOMEM. Owned by the caller until mm_sync_workqueue_destroy(). */
int mm_sync_workqueue_create(struct mm_exec *x, const struct mm_workqueue_config *cfg,
			     struct mm_workqueue **out);

/* Waits until every queued work has run. NULL is allowed. Nobody may queue meanwhile. */
void mm_sync_workqueue_destroy(struct mm_workqueue *wq);

/*
 * Change max_active of all pools, as in the config; one caller at a time. At once: where it grows, workers
 * start for what is listed; where it shrinks, works that run go on, and none starts before enough have ended.
 * 0, or -ENOMEM: then nothing has changed. Waits for no work. Counterpart: workqueue_set_max_active().
 */
int mm_sync_workqueue_set_max_active(struct mm_workqueue *wq, unsigned max_active);

static inline void mm_work_init(struct mm_work *work, void (*fn)(struct mm_work *work))
{
	*work = (struct mm_work){ .fn = fn };
}

/*
 * Queue it on the caller's CPU or node; false if it is pending already. A running work may queue itself
 * again. Never waits for a work.
 */
bool mm_sync_queue_work(struct mm_workqueue *wq, struct mm_work *work);

/* The same for a given CPU of a bound queue, or node of an unbound one. */
bool mm_sync_queue_work_on(struct mm_workqueue *wq, unsigned where, struct mm_work *work);

/* Wait until what was queued before the call has run or was cancelled. */
void mm_sync_flush_work(struct mm_work *work);

/* Take it back if it is pending. True: it was taken back. Does not wait for a running one. */
bool mm_sync_cancel_work(struct mm_work *work);

void mm_sync_delayed_work_init(struct mm_delayed_work *dw, void (*fn)(struct mm_work *work));

/*
 * Queue dw->work when delay_ns have passed, for a bound queue on the CPU where the waiting was done. It
 * must be cancelled once before it and the exec go: that joins the waiting task.
 * 0; -EBUSY if it is waiting already; -ECANCELED if it is being cancelled; -EAGAIN if no thread was to
 * be had for the waiting.
 */
int mm_sync_queue_delayed_work(struct mm_exec *x, struct mm_workqueue *wq,
			       struct mm_delayed_work *dw, uint64_t delay_ns);

/*
 * Stop waiting, take the work back, or wait for it if it runs; a work that arms itself cannot do so
 * meanwhile. Idle afterwards. True: it was waiting or pending. Waits; not from the work itself.
 */
bool mm_sync_cancel_delayed_work(struct mm_delayed_work *dw);

#endif
