/* SPDX-License-Identifier: MIT */
/* Read-copy-update: grace periods, and callbacks after them. */
#include "rcu.h"

#include <errno.h>

/* Grace periods, under `waiting`. */

static void wait_for_zero(struct mm_exec *x, uint32_t *inside)
{
	uint32_t nr;

	mm_exec_point(x, MM_POINT_ATOMIC, inside);
	while ((nr = __atomic_load_n(inside, __ATOMIC_SEQ_CST))) {
		mm_task_current()->waits_for = "RCU readers";
		mm_exec_park(x, inside, nr, MM_NEVER);
		mm_task_current()->waits_for = NULL;
	}
}

static void wait_for_readers(struct mm_rcu *rcu, unsigned which)
{
	__atomic_store_n(&rcu->waited, 1 + which, __ATOMIC_SEQ_CST);
	for (unsigned cpu = 0; cpu < rcu->readers.nr; cpu++) {
		struct mm_rcu_readers *r = mm_per_cpu(&rcu->readers, cpu);

		wait_for_zero(rcu->exec, &r->inside[which]);
	}
}

static void grace_period(struct mm_rcu *rcu)
{
	unsigned which = __atomic_load_n(&rcu->phase, __ATOMIC_RELAXED) & 1;

	wait_for_readers(rcu, !which);
	mm_exec_point(rcu->exec, MM_POINT_ATOMIC, &rcu->phase);
	__atomic_add_fetch(&rcu->phase, 1, __ATOMIC_SEQ_CST);
	wait_for_readers(rcu, which);
	__atomic_store_n(&rcu->waited, 0, __ATOMIC_RELAXED);
}

/* R4. What the caller has stored before is seen by everybody before he looks: hence no plain load. */
static uint32_t phase_now(struct mm_rcu *rcu)
{
	mm_exec_point(rcu->exec, MM_POINT_ATOMIC, &rcu->phase);
	return __atomic_add_fetch(&rcu->phase, 0, __ATOMIC_SEQ_CST);
}

void mm_sync_rcu_synchronize(struct mm_rcu *rcu)
{
	uint32_t came = phase_now(rcu);

	mm_sync_mutex_lock(&rcu->waiting);
	if (__atomic_load_n(&rcu->phase, __ATOMIC_RELAXED) - came < 2)
		grace_period(rcu);
	mm_sync_mutex_unlock(&rcu->waiting);
}

/* Callbacks */

static struct mm_rcu_head *take_all(struct mm_rcu *rcu)
{
	struct mm_rcu_head *head;

	mm_spin_lock(&rcu->lock);
	head = rcu->head;
	rcu->head = NULL;
	rcu->tail = &rcu->head;
	mm_spin_unlock(&rcu->lock);
	return head;
}

/* Returns how many. A callback is gone once it runs. */
static uint64_t run_all(struct mm_exec *x, struct mm_rcu_head *head)
{
	uint64_t nr = 0;

	for (struct mm_rcu_head *next; head; head = next, nr++) {
		next = head->next;
		head->fn(head);
		mm_exec_resched(x);
	}
	return nr;
}

/* What callbacks queue meanwhile is for the next run. */
static void run_callbacks(struct mm_work *work)
{
	struct mm_rcu *rcu = mm_container_of(work, struct mm_rcu, work);
	struct mm_rcu_head *head = take_all(rcu);

	if (!head)
		return;
	mm_sync_rcu_synchronize(rcu);
	__atomic_add_fetch(&rcu->nr_run, run_all(rcu->exec, head), __ATOMIC_RELEASE);
}

void mm_sync_call_rcu(struct mm_rcu *rcu, struct mm_rcu_head *head,
		      void (*fn)(struct mm_rcu_head *head))
{
	bool first;

	*head = (struct mm_rcu_head){ .fn = fn };
	mm_spin_lock(&rcu->lock);
	first = !rcu->head;
	*rcu->tail = head;
	rcu->tail = &head->next;
	rcu->nr_queued++;
	mm_spin_unlock(&rcu->lock);
	if (first)
		mm_sync_queue_work(rcu->wq, &rcu->work);
}

static uint64_t nr_queued(struct mm_rcu *rcu)
{
	uint64_t nr;

	mm_spin_lock(&rcu->lock);
	nr = rcu->nr_queued;
	mm_spin_unlock(&rcu->lock);
	return nr;
}

static bool have_run(const struct mm_rcu *rcu, uint64_t nr)
{
	return __atomic_load_n(&rcu->nr_run, __ATOMIC_ACQUIRE) >= nr;
}

/* A flush finds nothing if whoever put the first callback on the list has yet to queue the work: he will. */
void mm_sync_rcu_barrier(struct mm_rcu *rcu)
{
	uint64_t nr = nr_queued(rcu);

	while (!have_run(rcu, nr)) {
		mm_sync_flush_work(&rcu->work);
		if (!have_run(rcu, nr))
			rcu->exec->ops->yield(rcu->exec);
	}
}

/* Making and unmaking */

int mm_sync_rcu_init(struct mm_rcu *rcu, struct mm_lockset *locks,
		     const struct mm_topology *topology)
{
	const struct mm_workqueue_config cfg = {
		.max_active = 1,
		.locks = locks,
		.topology = topology,
	};

	*rcu = (struct mm_rcu){ .exec = locks->exec, .tail = &rcu->head };
	rcu->points = rcu->exec->ops->point != NULL;
	if (mm_sync_percpu_alloc(&rcu->readers, rcu->exec, sizeof(struct mm_rcu_readers)))
		return -ENOMEM;
	if (mm_sync_workqueue_create(rcu->exec, &cfg, &rcu->wq)) {
		mm_sync_percpu_free(&rcu->readers, rcu->exec);
		return -ENOMEM;
	}
	mm_sync_mutex_init(&rcu->waiting, locks, MM_RANK_RCU_WAIT);
	mm_sync_spin_init(&rcu->lock, locks, MM_RANK_RCU);
	mm_work_init(&rcu->work, run_callbacks);
	return 0;
}

static void check_no_reader(const struct mm_rcu *rcu)
{
	for (unsigned cpu = 0; cpu < rcu->readers.nr; cpu++) {
		const struct mm_rcu_readers *r = mm_per_cpu(&rcu->readers, cpu);

		mm_invariant("R2: every reader has ended", !r->inside[0] && !r->inside[1]);
	}
}

void mm_sync_rcu_fini(struct mm_rcu *rcu)
{
	mm_sync_workqueue_destroy(rcu->wq);
	mm_invariant("R3: every callback has run", rcu->nr_run == rcu->nr_queued);
	check_no_reader(rcu);
	mm_sync_spin_fini(&rcu->lock);
	mm_sync_mutex_fini(&rcu->waiting);
	mm_sync_percpu_free(&rcu->readers, rcu->exec);
}
