/* SPDX-License-Identifier: MIT */
/*
 * lib/sync/workqueue.h where no thread or no memory is to be had: no work is lost, nothing leaks,
 * nobody waits for ever.
 */
#include "works.h"

#include "child_dies.h"
#include <errno.h>

#define NR 12
#define LIMIT 300 /* of a sweep: it must end before */

static void create_fails(struct env *e, bool bound)
{
	struct mm_workqueue_config cfg = {
		.bound = bound,
		.locks = &e->locks,
		.topology = &e->topology,
	};
	uint64_t live = e->meta.live, bytes = e->meta.live_bytes;
	uint32_t nth = 0;
	int err;

	do {
		struct mm_workqueue *wq = (struct mm_workqueue *)&cfg;

		env_fail(e, MMSIM_FAULT_METADATA, ++nth, 1);
		err = mm_sync_workqueue_create(e->x, &cfg, &wq);
		assert_int_equal(err, e->fault.point[MMSIM_FAULT_METADATA].fired ? -ENOMEM : 0);
		assert_int_equal(!wq, err != 0);
		env_fail(e, MMSIM_FAULT_METADATA, 0, 0);
		mm_sync_workqueue_destroy(wq);
		assert_int_equal(e->meta.live, live);
		assert_int_equal(e->meta.live_bytes, bytes);
		assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_WORK_POOL).locks, 0);
	} while (err && nth < LIMIT);
	assert_int_equal(err, 0);
	assert_int_equal(nth, bound ? 6 + 3 : 2 + 3); /* queue, pools, one per pool, then none */
}

static void create_without_memory(void **state)
{
	const struct env_shape shape = { .mode = MMSIM_SERIAL, .nr_cpus = 6, .nr_nodes = 2 };
	struct env *e = env_open(&shape);

	(void)state;
	create_fails(e, true);
	create_fails(e, false);
	env_close(e);
}

/* Queue, then flush all or just destroy: each has run once. Returns how many failures there were. */
static uint32_t run_failing(struct env *e, enum mmsim_fault_kind kind, uint32_t nth, uint32_t count,
			    bool flush)
{
	bool bound = nth % 2;
	struct mm_workqueue *wq = queue_open(e, bound, 1 + nth % 4);
	struct test_work w[NR];
	struct works_log log;
	uint32_t fired;

	works_init(w, NR, &log);
	env_fail(e, kind, nth, count);
	for (unsigned i = 0; i < NR; i++) {
		w[i].yields = i % 3;
		assert_true(mm_sync_queue_work_on(wq, bound ? i % 4 : i % 2, &w[i].work));
	}
	if (flush)
		flush_all(w, NR);
	fired = mm_base_fault_fired(&e->fault, kind);
	mm_sync_workqueue_destroy(wq);
	env_fail(e, kind, 0, 0);
	for (unsigned i = 0; i < NR; i++)
		assert_idle(&w[i], 1);
	return fired;
}

static void sweep(enum mmsim_mode mode, enum mmsim_fault_kind kind, uint32_t count)
{
	const struct env_shape shape = { .mode = mode, .nr_cpus = 4, .nr_nodes = 2 };
	struct env *e = env_open(&shape);
	uint32_t nth = 0, fired, none = 0;

	/* Four in a row, since the shape of the queue goes round with nth. */
	while (none < 4 && nth++ < LIMIT) {
		fired = run_failing(e, kind, nth, count, true);
		fired += run_failing(e, kind, nth, count, false);
		none = fired ? 0 : none + 1;
	}
	/* The first always fires; threads that are kept take nothing later. */
	assert_in_range(nth, kind == MMSIM_FAULT_SPAWN ? NR : 1 + 4, LIMIT - 1);
	env_close(e);
}

static void no_thread_once(void **state)
{
	sweep(mode_of(state), MMSIM_FAULT_SPAWN, 1);
}

static void no_thread_ever_after(void **state)
{
	sweep(mode_of(state), MMSIM_FAULT_SPAWN, UINT32_MAX);
}

static void no_memory_for_a_thread(void **state)
{
	sweep(mode_of(state), MMSIM_FAULT_METADATA, UINT32_MAX);
}

static void flush_it(void *arg)
{
	struct test_work *w = arg;

	mm_sync_flush_work(&w->work);
	expect_in_task(&w->log->failure, work_runs(w) >= 1, work_runs(w));
}

/* Nobody but the flushers to run the works. */
static void flushers_share(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct mm_workqueue *wq = queue_open(e, false, 2);
	struct mm_task task[NR];
	struct test_work w[NR];
	struct works_log log;

	works_init(w, NR, &log);
	env_fail(e, MMSIM_FAULT_SPAWN, 1, UINT32_MAX);
	for (unsigned i = 0; i < NR; i++) {
		w[i].yields = i;
		mm_sync_queue_work(wq, &w[i].work);
	}
	env_fail(e, MMSIM_FAULT_SPAWN, 0, 0);
	for (unsigned i = 0; i < NR; i++)
		assert_int_equal(mm_exec_spawn(e->x, &task[i], NULL, flush_it, &w[i]), 0);
	for (unsigned i = 0; i < NR; i++)
		mm_exec_join(e->x, &task[i]);
	assert_no_failure(&log.failure, 0);
	assert_in_range(log.peak, 1, 2);
	for (unsigned i = 0; i < NR; i++)
		assert_idle(&w[i], 1);
	mm_sync_workqueue_destroy(wq);
	env_close(e);
}

/* Room for all pools or none: what fails changes nothing, what was queued runs all the same. */
static void limit_without_memory(void **state)
{
	const struct env_shape shape = { .mode = mode_of(state), .nr_cpus = 4, .nr_nodes = 2 };
	struct env *e = env_open(&shape);
	struct mm_workqueue *wq = queue_open(e, false, 1);

	for (uint32_t nth = 1; nth <= 3; nth++) {
		struct test_work w[NR];
		struct works_log log;
		int err;

		works_init(w, NR, &log);
		env_fail(e, MMSIM_FAULT_METADATA, nth, 1);
		err = mm_sync_workqueue_set_max_active(wq, 2 + nth);
		assert_int_equal(err, mm_base_fault_fired(&e->fault, MMSIM_FAULT_METADATA) ? -ENOMEM
											   : 0);
		assert_int_equal(!err, nth == 3);
		env_fail(e, MMSIM_FAULT_METADATA, 0, 0);
		for (unsigned i = 0; i < NR; i++) {
			w[i].yields = 20;
			mm_sync_queue_work_on(wq, 0, &w[i].work);
		}
		flush_all(w, NR);
		assert_in_range(log.peak, 1, err ? 1 : 5);
	}
	mm_sync_workqueue_destroy(wq);
	env_close(e);
}

/* Works are listed, and the limit grows when no thread is to be had: flushers run them. */
static void limit_without_a_thread(void **state)
{
	struct gated g;

	gated_open(&g, mode_of(state));
	env_fail(g.e, MMSIM_FAULT_SPAWN, 1, UINT32_MAX);
	assert_int_equal(mm_sync_workqueue_set_max_active(g.wq, 4), 0);
	mm_sync_flush_work(&g.second.work); /* in spite of the gate */
	assert_int_equal(mm_base_fault_fired(&g.e->fault, MMSIM_FAULT_SPAWN), 1);
	env_fail(g.e, MMSIM_FAULT_SPAWN, 0, 0);
	assert_idle(&g.second, 1);
	mm_complete(&g.gate);
	mm_sync_flush_work(&g.first.work);
	gated_close(&g);
}

/* From here on in a child: where the sentence does not hold the program would stop or hang. */
struct pair {
	struct env *e;
	struct mm_workqueue *wq;
	struct mm_completion gate;
	struct test_work a, b;
	struct works_log log;
};

static void pair_open(struct pair *p)
{
	alarm(3);
	p->e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 2 });
	p->wq = queue_open(p->e, false, 4);
	mm_completion_init(&p->gate, p->e->x);
	works_init(&p->a, 1, &p->log);
	works_init(&p->b, 1, &p->log);
}

static void pair_close(struct pair *p)
{
	mm_sync_workqueue_destroy(p->wq);
	env_close(p->e);
}

static void open_the_gate(struct mm_work *work)
{
	struct pair *p = mm_container_of(work, struct pair, b.work);

	mm_complete(&p->gate);
}

/* a has a thread and waits for what b does; b got none. "Whoever flushes runs the work himself." */
static void one_waits_for_the_other(void *arg)
{
	struct pair p;

	(void)arg;
	pair_open(&p);
	p.a.gate = &p.gate;
	p.b.work.fn = open_the_gate;
	mm_sync_queue_work(p.wq, &p.a.work);
	env_wait_for(p.e->x, &p.log.running, 1);
	env_fail(p.e, MMSIM_FAULT_SPAWN, 1, 1);
	mm_sync_queue_work(p.wq, &p.b.work);
	mm_sync_flush_work(&p.b.work);
	mm_sync_flush_work(&p.a.work);
	pair_close(&p);
}

static void flush_the_other(struct mm_work *work)
{
	struct pair *p = mm_container_of(work, struct pair, a.work);

	mm_sync_queue_work(p->wq, &p->b.work);
	mm_sync_flush_work(&p->b.work);
}

/* A work queues another and flushes it; there is no thread for either. */
static void one_flushes_the_other(void *arg)
{
	struct pair p;

	(void)arg;
	pair_open(&p);
	p.a.work.fn = flush_the_other;
	env_fail(p.e, MMSIM_FAULT_SPAWN, 1, UINT32_MAX);
	mm_sync_queue_work(p.wq, &p.a.work);
	mm_sync_flush_work(&p.a.work);
	pair_close(&p);
}

static void again_until_told(struct mm_work *work)
{
	struct pair *p = mm_container_of(work, struct pair, a.work);

	env_yield(p->e->x);
	if (!p->gate.done)
		mm_sync_queue_work(p->wq, work);
}

/* Flush waits for what was queued before the call, not for what the work queues meanwhile. */
static void flush_of_a_perpetual(void *arg)
{
	struct pair p;

	(void)arg;
	pair_open(&p);
	p.a.work.fn = again_until_told;
	env_fail(p.e, MMSIM_FAULT_SPAWN, 1, UINT32_MAX);
	mm_sync_queue_work(p.wq, &p.a.work);
	mm_sync_flush_work(&p.a.work);
	mm_complete(&p.gate);
	mm_sync_flush_work(&p.a.work);
	pair_close(&p);
}

static void threadless_wait_for_the_other(void **state)
{
	(void)state;
	assert_true(child_lives(one_waits_for_the_other, NULL));
}

static void threadless_flush_of_the_other(void **state)
{
	(void)state;
	assert_true(child_lives(one_flushes_the_other, NULL));
}

static void threadless_flush_returns(void **state)
{
	(void)state;
	assert_true(child_lives(flush_of_a_perpetual, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_without_memory),
		in_all_modes(no_thread_once),
		in_all_modes(no_thread_ever_after),
		in_all_modes(no_memory_for_a_thread),
		in_all_modes(flushers_share),
		in_all_modes(limit_without_memory),
		in_all_modes(limit_without_a_thread),
		cmocka_unit_test(threadless_wait_for_the_other),
		cmocka_unit_test(threadless_flush_of_the_other),
		cmocka_unit_test(threadless_flush_returns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
