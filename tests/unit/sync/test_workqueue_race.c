/* SPDX-License-Identifier: MIT */
/*
 * lib/sync/workqueue.h among many: several queue, flush and cancel at once, also one and the same
 * work. For ThreadSanitizer as much as for the counts.
 */
#include "works.h"

#include "child_dies.h"

#define TASKS 4
#define ROUNDS 400

/* Each task with works of its own on shared pools. */
struct user {
	struct mm_workqueue *wq;
	struct works_log log;
	struct test_work w[3];
};

static void use_queue(void *arg)
{
	struct user *u = arg;

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		for (unsigned i = 0; i < 3; i++)
			mm_sync_queue_work_on(u->wq, (round + i) % 2, &u->w[i].work);
		for (unsigned i = 0; i < 3; i++) {
			mm_sync_flush_work(&u->w[i].work);
			expect_in_task(&u->log.failure, work_runs(&u->w[i]) == round, round);
		}
	}
}

static void users_do_not_meet(void **state)
{
	const struct env_shape shape = { .mode = mode_of(state), .nr_cpus = 4, .nr_nodes = 2 };
	struct env *e = env_open(&shape);
	struct mm_workqueue *wq = queue_open(e, false, 2);
	struct user u[TASKS];

	for (int i = 0; i < TASKS; i++) {
		u[i].wq = wq;
		works_init(u[i].w, 3, &u[i].log);
	}
	env_run(e, TASKS, use_queue, u, sizeof(u[0]));
	for (int i = 0; i < TASKS; i++)
		assert_no_failure(&u[i].log.failure, e->x->seed);
	mm_sync_workqueue_destroy(wq);
	env_close(e);
}

/* All flushers come back, and not before the work has run. */
static void flush_and_look(void *arg)
{
	struct test_work *w = arg;

	mm_sync_flush_work(&w->work);
	expect_in_task(&w->log->failure, work_runs(w) == 1, work_runs(w));
}

static void many_flush(void **state)
{
	struct mm_task task[6];
	struct gated g;

	gated_open(&g, mode_of(state));
	for (int i = 0; i < 6; i++)
		assert_int_equal(mm_exec_spawn(g.e->x, &task[i], NULL, flush_and_look,
					       i % 2 ? &g.first : &g.second),
				 0);
	for (int i = 0; i < 50; i++)
		env_yield(g.e->x);
	mm_complete(&g.gate);
	for (int i = 0; i < 6; i++)
		mm_exec_join(g.e->x, &task[i]);
	assert_no_failure(&g.log.failure, 0);
	gated_close(&g);
}

/* One work, and all tasks do everything to it. */
struct shared {
	struct mm_workqueue *wq;
	struct works_log log;
	struct test_work w;
	unsigned pools;
	uint32_t queued, cancelled; /* atomic */
};

static void meddle(void *arg)
{
	struct shared *s = arg;
	struct mm_rng *rng = &mm_task_current()->rng;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t what = (uint32_t)mm_rng_below(rng, 8);
		unsigned where = (unsigned)mm_rng_below(rng, s->pools);

		if (what < 5)
			__atomic_add_fetch(&s->queued,
					   mm_sync_queue_work_on(s->wq, where, &s->w.work),
					   __ATOMIC_RELAXED);
		else if (what < 7)
			mm_sync_flush_work(&s->w.work);
		else
			__atomic_add_fetch(&s->cancelled, mm_sync_cancel_work(&s->w.work),
					   __ATOMIC_RELAXED);
	}
}

/* Every queueing that succeeded ran or was taken back. */
static void meddle_with_one(enum mmsim_mode mode, unsigned pools)
{
	const struct env_shape shape = { .mode = mode, .nr_cpus = 4, .nr_nodes = pools };
	struct env *e = env_open(&shape);
	struct shared s = { .pools = pools };

	s.wq = queue_open(e, false, 2);
	works_init(&s.w, 1, &s.log);
	env_run(e, TASKS, meddle, &s, 0);
	mm_sync_flush_work(&s.w.work);
	assert_int_equal(s.queued, work_runs(&s.w) + s.cancelled);
	assert_int_equal(s.w.work.queued, s.queued);
	assert_int_equal(s.w.work.finished, s.queued);
	mm_sync_workqueue_destroy(s.wq);
	env_close(e);
}

static void one_work_in_one_pool(void **state)
{
	meddle_with_one(mode_of(state), 1);
}

/* In a child with a limit: where W1 breaks, lists do. */
static void meddle_in_child(void *arg)
{
	alarm(20);
	meddle_with_one(mode_of(arg), 2);
}

static void one_work_in_two_pools(void **state)
{
	assert_true(child_lives(meddle_in_child, state));
}

/* A flush may meet a start that is under way and then fails: it must not count on it. */
static void queue_and_wait(void *arg)
{
	struct shared *s = arg;
	struct mm_exec *x = mm_task_current()->exec;

	for (uint32_t round = 1; round <= 10 * ROUNDS; round++) {
		mm_sync_queue_work_on(s->wq, 0, &s->w.work);
		env_wait_for(x, &s->log.ended, round);
	}
	__atomic_store_n(&s->queued, 1, __ATOMIC_RELEASE);
}

static void flush_failing_starts(void *arg)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(arg), .nr_cpus = 2 });
	struct shared s = { .pools = 1 };
	struct mm_task task;

	alarm(20);
	s.wq = queue_open(e, false, 1);
	works_init(&s.w, 1, &s.log);
	env_fail(e, MMSIM_FAULT_SPAWN, 2, UINT32_MAX); /* all but the one of the next line */
	if (mm_exec_spawn(e->x, &task, NULL, queue_and_wait, &s))
		_exit(1);
	while (!__atomic_load_n(&s.queued, __ATOMIC_ACQUIRE)) {
		mm_sync_flush_work(&s.w.work);
		env_yield(e->x);
	}
	mm_exec_join(e->x, &task);
	env_fail(e, MMSIM_FAULT_SPAWN, 0, 0);
	mm_sync_workqueue_destroy(s.wq);
	env_close(e);
}

static void flush_meets_failing_starts(void **state)
{
	assert_true(child_lives(flush_failing_starts, state));
}

/* The pool has slots to spare, the work waits at a gate when it is queued once more. */
struct overlap {
	struct env *e;
	struct mm_workqueue *wq;
	struct mm_completion gate;
	struct works_log log;
	struct test_work w;
	uint32_t flushed; /* atomic */
};

static void gate_once(struct mm_work *work)
{
	struct overlap *o = mm_container_of(work, struct overlap, w.work);

	work_enter(&o->log);
	if (__atomic_add_fetch(&o->w.runs, 1, __ATOMIC_ACQ_REL) == 1)
		mm_sync_wait_for_completion(&o->gate, MM_NEVER);
	work_leave(&o->log, 0);
}

static void flush_overlap(void *arg)
{
	struct overlap *o = arg;

	mm_sync_flush_work(&o->w.work);
	__atomic_store_n(&o->flushed, 1, __ATOMIC_RELEASE);
}

static void overlap_open(struct overlap *o)
{
	*o = (struct overlap){ .flushed = 0 };
	o->e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 4 });
	o->wq = queue_open(o->e, false, 4);
	mm_completion_init(&o->gate, o->e->x);
	works_init(&o->w, 1, &o->log);
	o->w.work.fn = gate_once;
	mm_sync_queue_work(o->wq, &o->w.work);
	env_wait_for(o->e->x, &o->log.running, 1);
}

static void overlap_close(struct overlap *o)
{
	mm_complete(&o->gate);
	mm_sync_flush_work(&o->w.work);
	mm_sync_workqueue_destroy(o->wq);
	env_close(o->e);
}

static void let_run(struct env *e)
{
	for (int i = 0; i < 30; i++)
		env_yield(e->x);
}

/* W1, the kernel's promise: a work never runs twice at the same time. */
static void never_twice_at_once(void **state)
{
	struct overlap o;
	uint32_t peak;

	(void)state;
	overlap_open(&o);
	assert_true(mm_sync_queue_work(o.wq, &o.w.work));
	let_run(o.e);
	overlap_close(&o);
	peak = o.log.peak;
	assert_int_equal(peak, 1);
}

/* What was queued before the flush is still at the gate: neither a second run … */
static void flush_waits_for_the_first(void **state)
{
	struct mm_task task;
	struct overlap o;
	uint32_t early;

	(void)state;
	overlap_open(&o);
	assert_int_equal(mm_exec_spawn(o.e->x, &task, NULL, flush_overlap, &o), 0);
	let_run(o.e);
	mm_sync_queue_work(o.wq, &o.w.work);
	let_run(o.e);
	early = o.flushed;
	mm_complete(&o.gate);
	mm_exec_join(o.e->x, &task);
	overlap_close(&o);
	assert_int_equal(early, 0);
}

/* … nor one that is taken back ends the wait. */
static void flush_outlasts_a_cancel(void **state)
{
	struct mm_task task;
	struct overlap o;
	uint32_t early;

	(void)state;
	overlap_open(&o);
	assert_int_equal(mm_exec_spawn(o.e->x, &task, NULL, flush_overlap, &o), 0);
	let_run(o.e);
	mm_sync_queue_work(o.wq, &o.w.work);
	mm_sync_cancel_work(&o.w.work);
	let_run(o.e);
	early = o.flushed;
	mm_complete(&o.gate);
	mm_exec_join(o.e->x, &task);
	overlap_close(&o);
	assert_int_equal(early, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(users_do_not_meet),
		in_all_modes(many_flush),
		in_all_modes(one_work_in_one_pool),
		in_all_modes(one_work_in_two_pools),
		in_all_modes(flush_meets_failing_starts),
		cmocka_unit_test(never_twice_at_once),
		cmocka_unit_test(flush_waits_for_the_first),
		cmocka_unit_test(flush_outlasts_a_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
