/* SPDX-License-Identifier: MIT */
/*
 * Read-copy-update: readers that never wait, and writers who free only when all who could look are gone.
 *
 * A reader raises one of two counters of its CPU, and lowers it when it ends; the phase says which. A grace
 * period waits until the counters that are not in use are zero, changes the phase, and waits until those are
 * zero that were in use. The first wait is for readers who had read the phase before an earlier grace period
 * changed it, but raised their counter only after that had looked.
 *
 * Counterpart: kernel/rcu, with the readers of SRCU (kernel/rcu/srcutree.c), as natively nobody can tell of
 * a CPU that it is in no reader. Differences: tasks do not move, so that a CPU's own counter must reach zero,
 * not a sum over CPUs; a grace period is looked for only while somebody wants one, and is over as soon as
 * the readers are, where the kernel's takes milliseconds; a reader that is the last of its CPU wakes who
 * waits. Callbacks are run by one work, on a workqueue of its own, not where they were queued. If no thread
 * can be had for it, they wait for mm_sync_rcu_barrier() or mm_sync_rcu_fini().
 *
 *  R1: a callback runs, and mm_sync_rcu_synchronize() returns, after every reader has ended that had begun
 *      when it was called.
 *  R2: a reader does not wait, nor start a task; it may take spin locks. It ends on the CPU where it began.
 *  R3: callbacks run one at a time, in the order in which they were queued. nr_run of nr_queued are over.
 *  R4: the phase is the number of grace periods that have changed it. It moves under `waiting` only; so who
 *      finds there that it has moved by two since he came knows that a whole one lies between.
 *
 * Locking: `waiting` (a mutex, MM_RANK_RCU_WAIT) around a grace period, `lock` (MM_RANK_RCU) around the list
 * of callbacks. No lock is held while callbacks run, or while their work is queued. Cost: a reader, two
 * atomic additions to a line of its own CPU; a grace period, a look at each CPU's counters, twice. In
 * simulated time both are free, as readers are in the kernel, but for the mutex and for waking who waits.
 */
#ifndef MM_SYNC_RCU_H
#define MM_SYNC_RCU_H

#include "mutex.h"
#include "percpu.h"
#include "workqueue.h"

/* In what is to be freed. */
struct mm_rcu_head {
	struct mm_rcu_head *next;
	void (*fn)(struct mm_rcu_head *head);
};

struct mm_rcu_readers {
	uint32_t inside[2]; /* atomic, parkable */
};

struct mm_rcu {
	struct mm_exec *exec; /* constant after init */
	struct mm_percpu readers; /* struct mm_rcu_readers */
	struct mm_workqueue *wq; /* constant after init */
	bool points; /* constant after init: readers have schedule points */
	uint32_t phase; /* atomic: R4; its lowest bit is which counters new readers use */
	uint32_t waited; /* atomic: 1 + which counters somebody waits for; 0: nobody does */
	struct mm_mutex waiting mm_cacheline_aligned;
	struct mm_spinlock lock mm_cacheline_aligned;
	struct mm_rcu_head *head, **tail; /* under lock: callbacks in order */
	uint64_t nr_queued; /* under lock */
	uint64_t nr_run; /* atomic: R3 */
	struct mm_work work;
};

/* 0 or -ENOMEM: then nothing is left of it. */
int mm_sync_rcu_init(struct mm_rcu *rcu, struct mm_lockset *locks,
		     const struct mm_topology *topology);
/* Runs what is left, and what that queues. Waits. Nobody else reads or queues any more. */
void mm_sync_rcu_fini(struct mm_rcu *rcu);

/*
 * Returns when all readers that had begun have ended. Waits; not from a reader, and with no spin lock held.
 * Several at a time share grace periods. Counterpart: synchronize_rcu().
 */
void mm_sync_rcu_synchronize(struct mm_rcu *rcu);

/*
 * Run head->fn(head) later, where it may wait and may queue callbacks: R1, R3. `head` is fn's from then on.
 * Waits for no reader and no callback; may start a task. Counterpart: call_rcu().
 */
void mm_sync_call_rcu(struct mm_rcu *rcu, struct mm_rcu_head *head,
		      void (*fn)(struct mm_rcu_head *head));

/*
 * Returns when every callback queued before has run. Waits, or runs them; not from a reader or a callback.
 * Counterpart: rcu_barrier().
 */
void mm_sync_rcu_barrier(struct mm_rcu *rcu);

/* R2. Returns what mm_rcu_read_unlock() wants back. May nest. */
static inline unsigned mm_rcu_read_lock(struct mm_rcu *rcu)
{
	struct mm_rcu_readers *r = mm_this_cpu(&rcu->readers, rcu->exec);
	unsigned which = __atomic_load_n(&rcu->phase, __ATOMIC_RELAXED) & 1;

	if (mm_unlikely(rcu->points))
		mm_exec_point(rcu->exec, MM_POINT_ATOMIC, &r->inside[which]);
	__atomic_add_fetch(&r->inside[which], 1, __ATOMIC_SEQ_CST);
	return which;
}

/* Either the reader sees that somebody waits, or that one sees the zero and does not park. */
static inline void mm_rcu_read_unlock(struct mm_rcu *rcu, unsigned which)
{
	struct mm_rcu_readers *r = mm_this_cpu(&rcu->readers, rcu->exec);

	if (mm_unlikely(rcu->points))
		mm_exec_point(rcu->exec, MM_POINT_ATOMIC, &r->inside[which]);
	if (!__atomic_sub_fetch(&r->inside[which], 1, __ATOMIC_SEQ_CST) &&
	    mm_unlikely(__atomic_load_n(&rcu->waited, __ATOMIC_SEQ_CST) == 1 + which))
		mm_exec_unpark(rcu->exec, &r->inside[which], 1);
}

#endif
