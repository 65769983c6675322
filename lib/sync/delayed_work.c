/* SPDX-License-Identifier: MIT */
/*
 * Delayed work: a task that waits for the time and then queues the work.
 *
 * A task per waiting work and no timer wheel: few of them ever wait at once, and it keeps timers out
 * of the seam. Counterpart: struct delayed_work.
 */
#include "workqueue.h"

#include <errno.h>

enum { IDLE, WAITING, DUE, CANCELLED };

static void timer_main(void *arg)
{
	struct mm_delayed_work *dw = arg;
	struct mm_exec *x = mm_task_current()->exec;
	uint32_t state = WAITING;

	while (__atomic_load_n(&dw->state, __ATOMIC_ACQUIRE) == WAITING)
		if (mm_exec_park(x, &dw->state, WAITING, dw->due) == -ETIMEDOUT)
			break;
	mm_exec_point(x, MM_POINT_ATOMIC, &dw->state);
	if (__atomic_compare_exchange_n(&dw->state, &state, DUE, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		mm_sync_queue_work(dw->wq, &dw->work);
}

void mm_sync_delayed_work_init(struct mm_delayed_work *dw, void (*fn)(struct mm_work *work))
{
	*dw = (struct mm_delayed_work){ .state = IDLE };
	mm_work_init(&dw->work, fn);
}

/* Between calls on the same delayed work; held while a timer ends or starts, so it lets others run. */
static void hold(struct mm_delayed_work *dw, struct mm_exec *x)
{
	mm_exec_point(x, MM_POINT_ATOMIC, &dw->held);
	while (__atomic_exchange_n(&dw->held, 1, __ATOMIC_ACQUIRE))
		x->ops->yield(x);
}

static void let_go(struct mm_delayed_work *dw)
{
	__atomic_store_n(&dw->held, 0, __ATOMIC_RELEASE);
}

static void join_timer(struct mm_delayed_work *dw, struct mm_exec *x)
{
	if (dw->started)
		mm_exec_join(x, &dw->timer);
	dw->started = false;
}

static int arm(struct mm_exec *x, struct mm_workqueue *wq, struct mm_delayed_work *dw,
	       uint64_t delay_ns)
{
	if (dw->cancelling)
		return -ECANCELED;
	if (__atomic_load_n(&dw->state, __ATOMIC_ACQUIRE) == WAITING)
		return -EBUSY;
	mm_exec_point(x, MM_POINT_ATOMIC, &dw->state);
	join_timer(dw, x);
	dw->wq = wq;
	if (__builtin_add_overflow(mm_exec_now(x), delay_ns, &dw->due))
		dw->due = MM_NEVER;
	__atomic_store_n(&dw->state, WAITING, __ATOMIC_RELEASE);
	if (mm_exec_spawn(x, &dw->timer, NULL, timer_main, dw)) {
		__atomic_store_n(&dw->state, IDLE, __ATOMIC_RELEASE);
		return -EAGAIN;
	}
	dw->started = true;
	return 0;
}

int mm_sync_queue_delayed_work(struct mm_exec *x, struct mm_workqueue *wq,
			       struct mm_delayed_work *dw, uint64_t delay_ns)
{
	int err;

	hold(dw, x);
	err = arm(x, wq, dw, delay_ns);
	let_go(dw);
	return err;
}

bool mm_sync_cancel_delayed_work(struct mm_delayed_work *dw)
{
	struct mm_exec *x = mm_task_current()->exec;
	uint32_t state = WAITING;
	bool waited, pended, second;

	do {
		hold(dw, x);
		second = dw->cancelling;
		if (second) {
			let_go(dw);
			x->ops->yield(x);
		}
	} while (second);
	dw->cancelling = true;
	mm_exec_point(x, MM_POINT_ATOMIC, &dw->state);
	waited = __atomic_compare_exchange_n(&dw->state, &state, CANCELLED, false, __ATOMIC_ACQ_REL,
					     __ATOMIC_ACQUIRE);
	let_go(dw);
	if (waited)
		mm_exec_unpark(x, &dw->state, 1);
	join_timer(dw, x);
	pended = mm_sync_cancel_work(&dw->work);
	mm_sync_flush_work(&dw->work);
	hold(dw, x);
	dw->cancelling = false;
	let_go(dw);
	return waited || pended;
}
