/* SPDX-License-Identifier: MIT */
/* Works that count how they ran, for the tests of the workqueue. Functions may be unused. */
#ifndef WORKS_H
#define WORKS_H

#include "completion.h"
#include "workqueue.h"

#include "exec_env.h"
#include "first_failure.h"

struct works_log {
	uint32_t running; /* atomic: now */
	uint32_t peak; /* atomic: most at once */
	uint32_t ended; /* atomic */
	unsigned order[256]; /* ids by end; only where works run one at a time */
	struct first_failure failure;
};

struct test_work {
	struct mm_work work;
	struct works_log *log;
	unsigned id;
	unsigned yields; /* while running */
	uint32_t runs; /* atomic */
	unsigned cpu; /* where the latest run was */
	struct mm_workqueue *again_on; /* queue itself again … */
	unsigned again; /* … this many times */
	struct mm_completion *gate; /* wait for it while running */
};

static __attribute__((unused)) void work_enter(struct works_log *log)
{
	uint32_t now = __atomic_add_fetch(&log->running, 1, __ATOMIC_ACQ_REL);
	uint32_t peak = __atomic_load_n(&log->peak, __ATOMIC_RELAXED);

	while (now > peak && !__atomic_compare_exchange_n(&log->peak, &peak, now, false,
							  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static __attribute__((unused)) void work_leave(struct works_log *log, unsigned id)
{
	uint32_t n = __atomic_fetch_add(&log->ended, 1, __ATOMIC_RELAXED);

	if (n < mm_array_size(log->order))
		log->order[n] = id;
	__atomic_sub_fetch(&log->running, 1, __ATOMIC_ACQ_REL);
}

static __attribute__((unused)) void test_work_run(struct mm_work *work)
{
	struct test_work *w = mm_container_of(work, struct test_work, work);
	struct mm_exec *x = mm_task_current()->exec;

	work_enter(w->log);
	w->cpu = mm_exec_cpu(x);
	for (unsigned i = 0; i < w->yields; i++)
		env_yield(x);
	if (w->gate)
		mm_sync_wait_for_completion(w->gate, MM_NEVER);
	__atomic_add_fetch(&w->runs, 1, __ATOMIC_RELAXED);
	if (w->again) {
		w->again--;
		expect_in_task(&w->log->failure, mm_sync_queue_work(w->again_on, work), w->again);
	}
	work_leave(w->log, w->id);
}

static __attribute__((unused)) uint32_t work_runs(const struct test_work *w)
{
	return __atomic_load_n(&w->runs, __ATOMIC_RELAXED);
}

static __attribute__((unused)) void works_init(struct test_work *w, unsigned nr,
					       struct works_log *log)
{
	*log = (struct works_log){ 0 };
	for (unsigned i = 0; i < nr; i++) {
		w[i] = (struct test_work){ .log = log, .id = i };
		mm_work_init(&w[i].work, test_work_run);
	}
}

static __attribute__((unused)) struct mm_workqueue *queue_open(struct env *e, bool bound,
							       unsigned max_active)
{
	struct mm_workqueue_config cfg = {
		.bound = bound,
		.max_active = max_active,
		.locks = &e->locks,
		.topology = &e->topology,
	};
	struct mm_workqueue *wq;

	assert_int_equal(mm_sync_workqueue_create(e->x, &cfg, &wq), 0);
	return wq;
}

static __attribute__((unused)) void flush_all(struct test_work *w, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		mm_sync_flush_work(&w[i].work);
}

/* W2 of an idle work that ran `runs` times. */
static __attribute__((unused)) void assert_idle(const struct test_work *w, uint32_t runs)
{
	assert_int_equal(work_runs(w), runs);
	assert_int_equal(w->work.queued, w->work.finished);
	assert_false(w->work.pending);
}

/* A pool of one slot whose only worker waits at the gate: what comes behind it stays pending. */
struct gated {
	struct env *e;
	struct mm_workqueue *wq;
	struct mm_completion gate;
	struct test_work first, second;
	struct works_log log;
};

static __attribute__((unused)) void gated_open(struct gated *g, enum mmsim_mode mode)
{
	const struct env_shape shape = { .mode = mode, .nr_cpus = 4, .nr_nodes = 2 };

	g->e = env_open(&shape);
	g->wq = queue_open(g->e, false, 1);
	mm_completion_init(&g->gate, g->e->x);
	works_init(&g->first, 1, &g->log);
	works_init(&g->second, 1, &g->log);
	g->first.gate = &g->gate;
	assert_true(mm_sync_queue_work_on(g->wq, 0, &g->first.work));
	env_wait_for(g->e->x, &g->log.running, 1);
	assert_true(mm_sync_queue_work_on(g->wq, 0, &g->second.work));
}

static __attribute__((unused)) void gated_close(struct gated *g)
{
	mm_sync_workqueue_destroy(g->wq);
	env_close(g->e);
}

#endif
