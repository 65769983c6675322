/* SPDX-License-Identifier: MIT */
/*
 * lib/sync/workqueue.h, delayed works: not before their time, cancelled at every stage, armed again,
 * without a thread to wait in. The books of works are exact: armed = ran + taken back.
 */
#include "works.h"

#include "child_dies.h"
#include <errno.h>

#define DELAY 1000
#define FAR (UINT64_MAX / 4) /* never, as tests go */

struct delayed {
	struct mm_delayed_work dw;
	struct timed_queue *q;
	unsigned id;
	unsigned again; /* arm itself this many times */
	int armed; /* what arming itself returned last */
	bool wait; /* at the gate, while running */
	uint32_t runs; /* atomic */
	uint64_t ran_at; /* the latest run */
	uint32_t running; /* atomic */
};

struct timed_queue {
	struct env *e;
	struct mm_workqueue *wq;
	struct mm_completion gate;
	uint32_t ended; /* atomic */
	unsigned order[16];
	struct first_failure failure;
};

static void delayed_run(struct mm_work *work)
{
	struct delayed *d = mm_container_of(work, struct delayed, dw.work);
	struct timed_queue *q = d->q;

	__atomic_store_n(&d->running, 1, __ATOMIC_RELEASE);
	d->ran_at = mm_exec_now(q->e->x);
	if (d->wait)
		mm_sync_wait_for_completion(&q->gate, MM_NEVER);
	if (d->again) {
		d->again--;
		d->armed = mm_sync_queue_delayed_work(q->e->x, q->wq, &d->dw, DELAY);
		expect_in_task(&q->failure, !d->armed, -d->armed);
	}
	q->order[__atomic_fetch_add(&q->ended, 1, __ATOMIC_RELAXED) % 16] = d->id;
	__atomic_store_n(&d->running, 0, __ATOMIC_RELEASE);
	__atomic_add_fetch(&d->runs, 1, __ATOMIC_RELEASE);
}

static void queue_init(struct timed_queue *q, enum mmsim_mode mode)
{
	*q = (struct timed_queue){ .ended = 0 };
	q->e = env_open(&(struct env_shape){ .mode = mode, .nr_cpus = 3 });
	q->wq = queue_open(q->e, false, 1);
	mm_completion_init(&q->gate, q->e->x);
}

static void queue_fini(struct timed_queue *q)
{
	mm_sync_workqueue_destroy(q->wq);
	env_close(q->e);
}

static void delayed_init(struct delayed *d, struct timed_queue *q, unsigned id)
{
	*d = (struct delayed){ .q = q, .id = id };
	mm_sync_delayed_work_init(&d->dw, delayed_run);
}

static int arm(struct delayed *d, uint64_t delay)
{
	return mm_sync_queue_delayed_work(d->q->e->x, d->q->wq, &d->dw, delay);
}

static void wait_runs(struct delayed *d, uint32_t runs)
{
	env_wait_for(d->q->e->x, &d->runs, runs);
}

static void not_before_its_time(void **state)
{
	static const uint64_t delays[] = { 0, 1, DELAY, 200000 };
	struct timed_queue q;
	struct delayed d;

	queue_init(&q, mode_of(state));
	delayed_init(&d, &q, 0);
	for (uint32_t i = 0; i < mm_array_size(delays); i++) {
		uint64_t armed = mm_exec_now(q.e->x);

		assert_int_equal(arm(&d, delays[i]), 0);
		wait_runs(&d, i + 1);
		assert_true(d.ran_at >= armed + delays[i]);
		/* The counter clock goes up with each turn of the loop above, no faster. */
		if (mode_of(state) == MMSIM_SERIAL)
			assert_in_range(d.ran_at, armed + delays[i], armed + delays[i] + 50);
	}
	assert_false(mm_sync_cancel_delayed_work(&d.dw));
	queue_fini(&q);
}

static void in_the_order_of_time(void **state)
{
	static const uint64_t delays[] = { 300, 100, 200, 0 };
	struct timed_queue q;
	struct delayed d[4];

	(void)state;
	queue_init(&q, MMSIM_SERIAL);
	for (unsigned i = 0; i < 4; i++) {
		delayed_init(&d[i], &q, i);
		assert_int_equal(arm(&d[i], delays[i]), 0);
	}
	mm_exec_sleep_until(q.e->x, mm_exec_now(q.e->x) + 500);
	assert_int_equal(q.ended, 4);
	assert_memory_equal(q.order, ((unsigned[]){ 3, 1, 2, 0 }), 4 * sizeof(unsigned));
	for (unsigned i = 0; i < 4; i++)
		assert_false(mm_sync_cancel_delayed_work(&d[i].dw));
	queue_fini(&q);
}

static void cancel_before(void **state)
{
	struct timed_queue q;
	struct delayed d;

	queue_init(&q, mode_of(state));
	delayed_init(&d, &q, 0);
	assert_false(mm_sync_cancel_delayed_work(&d.dw)); /* never armed */
	for (int i = 0; i < 20; i++) {
		assert_int_equal(arm(&d, FAR), 0);
		assert_int_equal(arm(&d, 0), -EBUSY);
		if (i % 2) /* the timer sleeps by now */
			mm_exec_sleep_until(q.e->x, mm_exec_now(q.e->x) + 300000);
		assert_true(mm_sync_cancel_delayed_work(&d.dw)); /* and does not wait that long */
		assert_false(mm_sync_cancel_delayed_work(&d.dw));
	}
	assert_true(mm_exec_now(q.e->x) < FAR);
	assert_int_equal(d.runs, 0);
	assert_int_equal(arm(&d, 1), 0); /* the same one still works */
	wait_runs(&d, 1);
	assert_false(mm_sync_cancel_delayed_work(&d.dw));
	queue_fini(&q);
}

static void block_the_pool(struct timed_queue *q, struct delayed *blocker)
{
	delayed_init(blocker, q, 99);
	blocker->wait = true;
	assert_int_equal(arm(blocker, 0), 0);
	env_wait_for(q->e->x, &blocker->running, 1);
}

/* Its time has come, but the pool is busy. */
static void cancel_pending(void **state)
{
	struct delayed d, blocker;
	struct timed_queue q;

	queue_init(&q, mode_of(state));
	block_the_pool(&q, &blocker);
	delayed_init(&d, &q, 0);
	assert_int_equal(arm(&d, 1), 0);
	/* Pending by then: certain in serial, all but certain natively; right either way. */
	mm_exec_sleep_until(q.e->x, mm_exec_now(q.e->x) + 300000);
	assert_true(mm_sync_cancel_delayed_work(&d.dw));
	mm_complete(&q.gate);
	assert_false(mm_sync_cancel_delayed_work(&blocker.dw)); /* waits for its end */
	assert_int_equal(blocker.runs, 1);
	assert_int_equal(d.runs, 0);
	queue_fini(&q);
}

static void cancel_it(void *arg)
{
	struct delayed *d = arg;

	expect_in_task(&d->q->failure, !mm_sync_cancel_delayed_work(&d->dw), 0);
	expect_in_task(&d->q->failure, d->runs == 1, d->runs);
}

static void cancel_running_waits(void **state)
{
	struct timed_queue q;
	struct mm_task task;
	struct delayed d;

	queue_init(&q, mode_of(state));
	block_the_pool(&q, &d);
	assert_int_equal(mm_exec_spawn(q.e->x, &task, NULL, cancel_it, &d), 0);
	for (int i = 0; i < 50; i++)
		env_yield(q.e->x);
	mm_complete(&q.gate);
	mm_exec_join(q.e->x, &task);
	assert_no_failure(&q.failure, 0);
	queue_fini(&q);
}

static void arms_itself(void **state)
{
	struct timed_queue q;
	struct delayed d;

	queue_init(&q, mode_of(state));
	delayed_init(&d, &q, 0);
	d.again = 20;
	assert_int_equal(arm(&d, DELAY), 0);
	wait_runs(&d, 21);
	assert_false(mm_sync_cancel_delayed_work(&d.dw));
	assert_no_failure(&q.failure, 0);
	queue_fini(&q);
}

static void no_thread_to_wait_in(void **state)
{
	struct timed_queue q;
	struct delayed d;

	queue_init(&q, mode_of(state));
	delayed_init(&d, &q, 0);
	env_fail(q.e, MMSIM_FAULT_SPAWN, 1, 2);
	assert_int_equal(arm(&d, 1), -EAGAIN);
	assert_int_equal(arm(&d, 1), -EAGAIN); /* not -EBUSY: it does not wait */
	assert_false(mm_sync_cancel_delayed_work(&d.dw));
	assert_int_equal(arm(&d, 1), 0);
	wait_runs(&d, 1);
	env_fail(q.e, MMSIM_FAULT_SPAWN, 1, 1);
	assert_int_equal(arm(&d, 1), -EAGAIN); /* after a run, too */
	assert_false(mm_sync_cancel_delayed_work(&d.dw));
	assert_int_equal(d.runs, 1);
	queue_fini(&q);
}

/* The timer finds no worker: the work is pending, for a flush to run or a cancel to take. */
static void no_thread_to_run_in(void **state)
{
	struct timed_queue q;
	struct delayed d;

	queue_init(&q, mode_of(state));
	delayed_init(&d, &q, 0);
	for (uint32_t flush = 0; flush < 2; flush++) {
		env_fail(q.e, MMSIM_FAULT_SPAWN, 2, 1);
		assert_int_equal(arm(&d, 1), 0);
		while (!mm_base_fault_fired(&q.e->fault, MMSIM_FAULT_SPAWN))
			env_yield(q.e->x);
		if (flush)
			mm_sync_flush_work(&d.dw.work);
		assert_int_equal(d.runs, flush);
		assert_int_equal(mm_sync_cancel_delayed_work(&d.dw), !flush);
	}
	queue_fini(&q);
}

/* Whenever the cancel comes, the books are exact. */
static void cancel_at_any_moment(void **state)
{
	struct mm_rng rng = { 5 };
	struct timed_queue q;
	uint32_t taken = 0;
	struct delayed d;

	queue_init(&q, mode_of(state));
	delayed_init(&d, &q, 0);
	for (uint32_t i = 1; i <= 300; i++) {
		assert_int_equal(arm(&d, mm_rng_below(&rng, 30000)), 0);
		mm_exec_sleep_until(q.e->x, mm_exec_now(q.e->x) + mm_rng_below(&rng, 30000));
		taken += mm_sync_cancel_delayed_work(&d.dw);
		assert_int_equal(d.runs + taken, i);
	}
	queue_fini(&q);
}

/* Arming and cancelling by many at once: armed twice it may run once, but never more often. */
struct meddler {
	struct delayed *d;
	uint32_t armed, taken;
};

static void meddle(void *arg)
{
	struct mm_rng *rng = &mm_task_current()->rng;
	struct meddler *m = arg;

	for (int i = 0; i < 300; i++)
		if (mm_rng_below(rng, 3))
			m->armed += !arm(m->d, mm_rng_below(rng, 5000));
		else
			m->taken += mm_sync_cancel_delayed_work(&m->d->dw);
}

static void many_arm_and_cancel(void **state)
{
	struct meddler m[3], sum = { 0 };
	struct timed_queue q;
	struct delayed d;

	queue_init(&q, mode_of(state));
	delayed_init(&d, &q, 0);
	for (int i = 0; i < 3; i++)
		m[i] = (struct meddler){ .d = &d };
	env_run(q.e, 3, meddle, m, sizeof(m[0]));
	sum.taken = mm_sync_cancel_delayed_work(&d.dw);
	for (int i = 0; i < 3; i++) {
		sum.armed += m[i].armed;
		sum.taken += m[i].taken;
	}
	assert_in_range(d.runs + sum.taken, 1, sum.armed);
	assert_false(mm_sync_cancel_delayed_work(&d.dw));
	queue_fini(&q);
}

/*
 * "Idle afterwards" also of a work that arms itself, which is what a periodic one does: it is at the
 * gate, about to do so, when the cancel comes. In a child: what is left waits for ever.
 */
static void cancel_periodic(void *arg)
{
	struct timed_queue q;
	struct mm_task task;
	struct delayed d;

	(void)arg;
	alarm(5);
	queue_init(&q, MMSIM_SERIAL);
	block_the_pool(&q, &d);
	d.again = 1;
	if (mm_exec_spawn(q.e->x, &task, NULL, cancel_it, &d))
		_exit(1);
	for (int i = 0; i < 50; i++)
		env_yield(q.e->x);
	mm_complete(&q.gate);
	mm_exec_join(q.e->x, &task);
	d.wait = false;
	mm_exec_sleep_until(q.e->x, mm_exec_now(q.e->x) + 10 * DELAY);
	if (d.runs != 1 || d.armed != -ECANCELED) {
		fprintf(stderr, "ran %u times, arming gave %d\n", d.runs, d.armed);
		_exit(1);
	}
	queue_fini(&q);
}

static void periodic_is_idle_after_cancel(void **state)
{
	(void)state;
	assert_true(child_lives(cancel_periodic, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(not_before_its_time),
		cmocka_unit_test(in_the_order_of_time),
		/* Not explore: there time may jump to the deadline whenever the adversary likes. */
		in_mode(cancel_before, MMSIM_NATIVE, "native"),
		in_mode(cancel_before, MMSIM_SERIAL, "serial"),
		in_mode(cancel_before, MMSIM_VIRTUAL, "virtual"),
		in_all_modes(cancel_pending),
		in_all_modes(cancel_running_waits),
		in_all_modes(arms_itself),
		in_all_modes(no_thread_to_wait_in),
		in_all_modes(no_thread_to_run_in),
		in_all_modes(cancel_at_any_moment),
		in_all_modes(many_arm_and_cancel),
		cmocka_unit_test(periodic_is_idle_after_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
