/* SPDX-License-Identifier: MIT */
/*
 * lib/sync/workqueue.h where nothing fails: every work runs once per queueing, in order, where it
 * should, never too many at once; flush, cancel, destroy.
 */
#include "works.h"

#define NR 200

static void each_runs_once(enum mmsim_mode mode, bool bound)
{
	const struct env_shape shape = { .mode = mode, .nr_cpus = 4, .nr_nodes = 2 };
	struct env *e = env_open(&shape);
	struct mm_workqueue *wq = queue_open(e, bound, 0);
	struct test_work w[NR];
	struct works_log log;

	works_init(w, NR, &log);
	for (unsigned round = 1; round <= 3; round++) {
		for (unsigned i = 0; i < NR; i++)
			assert_true(mm_sync_queue_work_on(wq, i % (bound ? 4 : 2), &w[i].work));
		flush_all(w, NR);
		for (unsigned i = 0; i < NR; i++)
			assert_idle(&w[i], round);
	}
	mm_sync_workqueue_destroy(wq);
	env_close(e);
}

static void bound_runs_once(void **state)
{
	each_runs_once(mode_of(state), true);
}

static void unbound_runs_once(void **state)
{
	each_runs_once(mode_of(state), false);
}

/* One at a time: the order of ending is that of queueing. */
static void keeps_the_order(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 3 });

	for (int bound = 0; bound < 2; bound++) {
		struct mm_workqueue *wq = queue_open(e, bound, 1);
		struct test_work w[NR];
		struct works_log log;

		works_init(w, NR, &log);
		for (unsigned i = 0; i < NR; i++) {
			w[i].yields = i % 3;
			mm_sync_queue_work_on(wq, 0, &w[i].work);
		}
		flush_all(w, NR);
		assert_int_equal(log.peak, 1);
		for (unsigned i = 0; i < NR; i++)
			assert_int_equal(log.order[i], i);
		mm_sync_workqueue_destroy(wq);
	}
	env_close(e);
}

/* 40 works of one pool that let others run; but natively as many at once as may. */
static void assert_at_most(struct env *e, bool bound, unsigned max_active, unsigned want)
{
	struct mm_workqueue *wq = queue_open(e, bound, max_active);
	struct test_work w[40];
	struct works_log log;

	works_init(w, 40, &log);
	for (unsigned i = 0; i < 40; i++) {
		w[i].yields = 200; /* virtual: longer than starting all takes */
		mm_sync_queue_work_on(wq, 0, &w[i].work);
	}
	flush_all(w, 40);
	assert_int_equal(log.ended, 40);
	assert_in_range(log.peak, e->x->wakes_relaxed ? want : 1, want);
	mm_sync_workqueue_destroy(wq);
}

static void never_too_many(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 6 });

	for (int bound = 0; bound < 2; bound++)
		for (unsigned max = 1; max <= 7; max += 3)
			assert_at_most(e, bound, max, max);
	/* The default: the pool's CPUs, at least 4. */
	assert_at_most(e, true, 0, 4);
	assert_at_most(e, false, 0, 6);
	env_close(e);
}

static void default_is_at_least_4(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });

	assert_at_most(e, false, 0, 4);
	env_close(e);
}

/* The caller is on CPU 0, node 0. Nodes 1 and 3 have no CPU. */
static const struct env_shape holes = { .nr_cpus = 4, .nr_nodes = 4, .memory_only = 0xa };

static void bound_runs_where_queued(void **state)
{
	struct env_shape shape = holes;
	struct mm_workqueue *wq;
	struct test_work w;
	struct works_log log;
	struct env *e;

	shape.mode = mode_of(state);
	e = env_open(&shape);
	wq = queue_open(e, true, 0);
	works_init(&w, 1, &log);
	for (unsigned i = 0; i < 20; i++) {
		mm_sync_queue_work_on(wq, i % 4, &w.work);
		mm_sync_flush_work(&w.work);
		assert_int_equal(w.cpu, i % 4);
		mm_sync_queue_work(wq, &w.work);
		mm_sync_flush_work(&w.work);
		assert_int_equal(w.cpu, mm_exec_cpu(e->x));
	}
	mm_sync_workqueue_destroy(wq);
	env_close(e);
}

static void unbound_runs_on_the_node(void **state)
{
	struct env_shape shape = holes;
	struct test_work w[NR];
	struct mm_workqueue *wq;
	struct works_log log;
	struct env *e;

	shape.mode = mode_of(state);
	e = env_open(&shape);
	wq = queue_open(e, false, 0);
	works_init(w, NR, &log);
	for (unsigned i = 0; i < NR - 1; i++)
		mm_sync_queue_work_on(wq, i % 4, &w[i].work);
	mm_sync_queue_work(wq, &w[NR - 1].work);
	flush_all(w, NR);
	for (unsigned i = 0; i < NR - 1; i++)
		if (e->topology.nr_node_cpus[i % 4])
			assert_int_equal(e->topology.node_of[w[i].cpu], i % 4);
		else
			assert_in_range(w[i].cpu, 0, 3);
	assert_int_equal(e->topology.node_of[w[NR - 1].cpu],
			 e->topology.node_of[mm_exec_cpu(e->x)]);
	mm_sync_workqueue_destroy(wq);
	env_close(e);
}

/* W1: pending here, it is not queued again, neither here nor elsewhere. */
static void pending_is_not_queued_again(void **state)
{
	struct gated g;

	gated_open(&g, mode_of(state));
	for (unsigned i = 0; i < 4; i++)
		assert_false(mm_sync_queue_work_on(g.wq, i % 2, &g.second.work));
	assert_int_equal(work_runs(&g.second), 0);
	mm_complete(&g.gate);
	mm_sync_flush_work(&g.second.work);
	assert_idle(&g.second, 1);
	assert_idle(&g.first, 1);
	assert_true(mm_sync_queue_work_on(g.wq, 1, &g.second.work)); /* idle: elsewhere is fine */
	mm_sync_flush_work(&g.second.work);
	assert_idle(&g.second, 2);
	gated_close(&g);
}

static void cancel_pending(void **state)
{
	struct gated g;

	gated_open(&g, mode_of(state));
	assert_true(mm_sync_cancel_work(&g.second.work));
	assert_false(mm_sync_cancel_work(&g.second.work));
	mm_sync_flush_work(&g.second.work); /* nothing to wait for, though the gate is shut */
	mm_complete(&g.gate);
	mm_sync_flush_work(&g.first.work);
	assert_idle(&g.second, 0);
	assert_true(mm_sync_queue_work_on(g.wq, 0, &g.second.work));
	mm_sync_flush_work(&g.second.work);
	assert_int_equal(work_runs(&g.second), 1);
	gated_close(&g);
}

static void cancel_running_or_idle(void **state)
{
	struct gated g;

	gated_open(&g, mode_of(state));
	assert_false(mm_sync_cancel_work(&g.first.work)); /* and does not wait: the gate is shut */
	mm_complete(&g.gate);
	mm_sync_flush_work(&g.first.work);
	assert_false(mm_sync_cancel_work(&g.first.work));
	assert_idle(&g.first, 1);
	mm_sync_flush_work(&g.second.work);
	works_init(&g.second, 1, &g.log);
	assert_false(mm_sync_cancel_work(&g.second.work)); /* never queued */
	mm_sync_flush_work(&g.second.work);
	assert_int_equal(work_runs(&g.second), 0);
	gated_close(&g);
}

/* A flush that waits when its work is taken back goes on. */
static void flush_it(void *arg)
{
	struct test_work *w = arg;

	mm_sync_flush_work(&w->work);
}

static void cancel_ends_a_flush(void **state)
{
	struct mm_task task;
	struct gated g;

	gated_open(&g, mode_of(state));
	assert_int_equal(mm_exec_spawn(g.e->x, &task, NULL, flush_it, &g.second), 0);
	for (int i = 0; i < 50; i++)
		env_yield(g.e->x);
	assert_true(mm_sync_cancel_work(&g.second.work));
	mm_exec_join(g.e->x, &task);
	mm_complete(&g.gate);
	mm_sync_flush_work(&g.first.work);
	gated_close(&g);
}

/* A work may queue itself again while it runs; each queueing is a run. */
static void queues_itself(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });

	for (int bound = 0; bound < 2; bound++) {
		struct mm_workqueue *wq = queue_open(e, bound, 1);
		struct works_log log;
		struct test_work w;

		works_init(&w, 1, &log);
		w.again_on = wq;
		w.again = 100;
		mm_sync_queue_work(wq, &w.work);
		env_wait_for(e->x, &log.ended, 101);
		mm_sync_flush_work(&w.work);
		assert_no_failure(&log.failure, 0);
		assert_idle(&w, 101);
		mm_sync_workqueue_destroy(wq);
	}
	env_close(e);
}

/* Destroy waits, and neither it nor anybody hurries by running too many at once. */
static void destroy_drains(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 3 });

	for (unsigned i = 0; i < 4; i++) {
		unsigned max = 1 + i / 2;
		struct mm_workqueue *wq = queue_open(e, i % 2, max);
		struct test_work w[NR];
		struct works_log log;

		works_init(w, NR, &log);
		for (unsigned k = 0; k < NR; k++) {
			w[k].yields = k % 3;
			mm_sync_queue_work(wq, &w[k].work);
		}
		mm_sync_workqueue_destroy(wq);
		assert_in_range(log.peak, 1, max);
		for (unsigned k = 0; k < NR; k++) {
			assert_idle(&w[k], 1);
			assert_int_equal(w[k].cpu, i % 2 ? mm_exec_cpu(e->x) : w[k].cpu);
			if (max == 1)
				assert_int_equal(log.order[k], k);
		}
	}
	mm_sync_workqueue_destroy(NULL);
	env_close(e);
}

/* One works at the gate, more are listed; the limit grows, and there are more at work at once. */
static void limit_grows(void **state)
{
	struct test_work w[10];
	struct works_log log;
	struct gated g;

	gated_open(&g, mode_of(state));
	works_init(w, 10, &log);
	for (unsigned i = 0; i < 10; i++) {
		w[i].gate = &g.gate;
		mm_sync_queue_work_on(g.wq, 0, &w[i].work);
	}
	for (int i = 0; i < 50; i++)
		env_yield(g.e->x);
	assert_int_equal(work_runs(&g.second), 0);
	/* The work that holds the only place has a number of others beside it at once. */
	assert_int_equal(mm_sync_workqueue_set_max_active(g.wq, 5), 0);
	mm_sync_flush_work(&g.second.work);
	env_wait_for(g.e->x, &log.running, 4);
	for (int i = 0; i < 50; i++)
		env_yield(g.e->x);
	assert_int_equal(__atomic_load_n(&log.peak, __ATOMIC_RELAXED), 4);
	for (unsigned i = 0; i < 11; i++)
		mm_complete(&g.gate);
	flush_all(w, 10);
	mm_sync_flush_work(&g.first.work);
	assert_in_range(log.peak, 4, 5);
	gated_close(&g);
}

/* Those that run go on, however many; after them no more at once than may. */
static void limit_shrinks(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct mm_workqueue *wq = queue_open(e, false, 4);
	struct test_work held[4], w[40];
	struct works_log before, after;
	struct mm_completion gate;

	mm_completion_init(&gate, e->x);
	works_init(held, 4, &before);
	works_init(w, 40, &after);
	for (unsigned i = 0; i < 4; i++) {
		held[i].gate = &gate;
		mm_sync_queue_work_on(wq, 0, &held[i].work);
	}
	env_wait_for(e->x, &before.running, 4);
	assert_int_equal(mm_sync_workqueue_set_max_active(wq, 1), 0);
	for (unsigned i = 0; i < 40; i++) {
		w[i].yields = 20;
		mm_sync_queue_work_on(wq, 0, &w[i].work);
	}
	for (unsigned i = 0; i < 4; i++)
		mm_complete(&gate);
	flush_all(w, 40);
	assert_int_equal(after.peak, 1);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(after.order[i], i);
	assert_int_equal(before.ended, 4);
	mm_sync_workqueue_destroy(wq);
	env_close(e);
}

/* Up and down under load, all pools: nothing is lost, and never are there more than the most that may. */
static void limit_changes(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	static const unsigned limit[] = { 3, 1, 5, 2, 0, 1 };

	for (int bound = 0; bound < 2; bound++) {
		struct mm_workqueue *wq = queue_open(e, bound, 1);
		struct test_work w[NR];
		struct works_log log;

		works_init(w, NR, &log);
		for (unsigned i = 0; i < NR; i++) {
			w[i].yields = i % 4;
			mm_sync_queue_work_on(wq, bound ? i % 4 : 0, &w[i].work);
			if (i % 10 == 9)
				assert_int_equal(
					mm_sync_workqueue_set_max_active(wq, limit[i / 10 % 6]), 0);
		}
		flush_all(w, NR);
		assert_in_range(log.peak, 1, bound ? 20 : 5);
		for (unsigned i = 0; i < NR; i++)
			assert_idle(&w[i], 1);
		mm_sync_workqueue_destroy(wq);
	}
	env_close(e);
}

/* In each pool two works, of which the limit lets one run, until it grows. */
static void limit_of_every_pool(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct mm_workqueue *wq = queue_open(e, true, 1);
	struct mm_completion gate;
	struct test_work w[8];
	struct works_log log;

	mm_completion_init(&gate, e->x);
	works_init(w, 8, &log);
	for (unsigned i = 0; i < 8; i++) {
		w[i].gate = &gate;
		mm_sync_queue_work_on(wq, i % 4, &w[i].work);
	}
	env_wait_for(e->x, &log.running, 4);
	assert_int_equal(mm_sync_workqueue_set_max_active(wq, 2), 0);
	env_wait_for(e->x, &log.running, 8);
	for (unsigned i = 0; i < 8; i++)
		mm_complete(&gate);
	flush_all(w, 8);
	mm_sync_workqueue_destroy(wq);
	env_close(e);
}

/* 0 is what it was when the queue was made with 0. */
static void limit_by_default(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });
	struct mm_workqueue *wq = queue_open(e, false, 1);
	struct mm_completion gate;
	struct test_work w[6];
	struct works_log log;

	mm_completion_init(&gate, e->x);
	works_init(w, 6, &log);
	assert_int_equal(mm_sync_workqueue_set_max_active(wq, 0), 0);
	for (unsigned i = 0; i < 6; i++) {
		w[i].gate = &gate;
		mm_sync_queue_work(wq, &w[i].work);
	}
	env_wait_for(e->x, &log.running, 4);
	for (int i = 0; i < 50; i++)
		env_yield(e->x);
	assert_int_equal(__atomic_load_n(&log.running, __ATOMIC_RELAXED), 4);
	for (unsigned i = 0; i < 6; i++)
		mm_complete(&gate);
	flush_all(w, 6);
	mm_sync_workqueue_destroy(wq);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(bound_runs_once),
		in_all_modes(unbound_runs_once),
		in_all_modes(keeps_the_order),
		in_all_modes(never_too_many),
		in_all_modes(default_is_at_least_4),
		in_all_modes(bound_runs_where_queued),
		in_all_modes(unbound_runs_on_the_node),
		in_all_modes(pending_is_not_queued_again),
		in_all_modes(cancel_pending),
		in_all_modes(cancel_running_or_idle),
		in_all_modes(cancel_ends_a_flush),
		in_all_modes(queues_itself),
		in_all_modes(destroy_drains),
		in_all_modes(limit_grows),
		in_all_modes(limit_shrinks),
		in_all_modes(limit_changes),
		in_all_modes(limit_of_every_pool),
		in_all_modes(limit_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
