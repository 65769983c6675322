/* SPDX-License-Identifier: MIT */
/*
 * lib/job/ktask.h: how many threads are worth it or allowed: by the bandwidth of memory, the host's quota, a
 * budget of CPU time. U1 of budget.h in virtual time.
 */
#include "ktask_rig.h"

static const struct mmsim_job_policy as_default;

static void run_task(struct kt_rig *rig, struct kt_world *w, uint32_t max_threads, uint32_t flags)
{
	struct mmsim_ktask_ctl ctl = kt_ctl(w, 1, max_threads, flags);

	w->yields = 3;
	assert_int_equal(kt_run(rig, w, &ctl), 0);
	assert_no_failure(&w->failure, 0);
	assert_true(kt_marked(w, 1));
	assert_int_equal(rig->kt.helpers, 0);
	for (unsigned i = 0; i < rig->crew.topology->nr_nodes; i++)
		assert_int_equal(rig->kt.node[i].helpers, 0);
}

/* Bandwidth */

static unsigned threads_by_bandwidth(struct kt_rig *rig, int nid, uint32_t max_threads)
{
	struct kt_world *w = kt_world_new(rig);
	uint64_t called = rig->crew.nr_called;

	kt_stretch(w, 1000, nid);
	run_task(rig, w, max_threads, MMSIM_KTASK_BY_BANDWIDTH);
	free(w);
	return (unsigned)(rig->crew.nr_called - called) + 1;
}

static void by_bandwidth(void **state)
{
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 12, 2);
	/* Before anything is known: the node's cores. */
	assert_int_equal(threads_by_bandwidth(&rig, 0, 0), 6);
	mm_job_set_rates(&rig.kt, 0, 10, 25);
	mm_job_set_rates(&rig.kt, 1, 10, 41);
	assert_int_equal(threads_by_bandwidth(&rig, 0, 0), 3); /* 2.5 */
	assert_int_equal(threads_by_bandwidth(&rig, 1, 0), 5); /* 4.1 */
	assert_int_equal(threads_by_bandwidth(&rig, MMSIM_NO_NODE, 0), 3); /* the caller's */
	assert_int_equal(threads_by_bandwidth(&rig, 1, 2), 2);
	assert_int_equal(threads_by_bandwidth(&rig, 1, 9), 5);
	/* No more than cores, no fewer than one. */
	mm_job_set_rates(&rig.kt, 0, 1, 1000);
	assert_int_equal(threads_by_bandwidth(&rig, 0, 0), 6);
	mm_job_set_rates(&rig.kt, 0, 1000, 1);
	assert_int_equal(threads_by_bandwidth(&rig, 0, 0), 1);
	mm_job_set_rates(&rig.kt, 0, 0, 0);
	assert_int_equal(threads_by_bandwidth(&rig, 0, 0), 1);
	mm_job_set_rates(&rig.kt, 0, 1, UINT64_MAX);
	assert_int_equal(threads_by_bandwidth(&rig, 0, 0), 6);
	kt_close(&rig);
}

/* Two nodes feed as many as both can. */
static void bandwidth_of_both(void **state)
{
	struct kt_world *w;
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 12, 2);
	mm_job_set_rates(&rig.kt, 0, 10, 20);
	mm_job_set_rates(&rig.kt, 1, 10, 40);
	w = kt_world_new(&rig);
	kt_stretch(w, 500, 0);
	kt_stretch(w, 500, 1);
	run_task(&rig, w, 0, MMSIM_KTASK_BY_BANDWIDTH);
	assert_int_equal(w->piece[0].end, 1000 / 6 / 4);
	free(w);
	kt_close(&rig);
}

/* A node twice among the stretches has its memory once. */
static void bandwidth_counted_once(void **state)
{
	struct kt_world *w;
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 12, 2);
	mm_job_set_rates(&rig.kt, 0, 10, 20);
	mm_job_set_rates(&rig.kt, 1, 10, 30);
	w = kt_world_new(&rig);
	kt_stretch(w, 500, 1);
	kt_stretch(w, 500, 1);
	kt_stretch(w, 500, MMSIM_NO_NODE);
	kt_stretch(w, 500, 0);
	run_task(&rig, w, 0, MMSIM_KTASK_BY_BANDWIDTH);
	assert_int_equal(w->piece[0].end, 2000 / 5 / 4);
	free(w);
	kt_close(&rig);
}

/* The host's quota */

static void host_quota(void **state)
{
	struct kt_world *w;
	struct kt_rig rig;

	(void)state;
	for (unsigned quota = 1; quota <= 9; quota++) {
		kt_open_policy(&rig, &(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 8 },
			       &as_default, quota);
		w = kt_world_new(&rig);
		kt_stretch(w, 1000, MMSIM_NO_NODE);
		run_task(&rig, w, 6, 0);
		assert_int_equal(rig.crew.nr_called + 1, mm_min(quota, 6u));
		free(w);
		kt_close(&rig);
	}
}

/* Budgets */

enum { MS = 1000000, MOST_BEGUN = 4096 };

struct begun {
	uint64_t at, ns;
};

/* Chunks of 0.1 to 1 ms of CPU time, one unit each. */
struct paid {
	struct kt_rig *rig;
	struct begun begun[MOST_BEGUN];
	uint32_t nr; /* atomic */
};

static int work_for_pay(void *start, void *end, void *arg)
{
	struct paid *p = arg;
	uint32_t i = __atomic_fetch_add(&p->nr, 1, __ATOMIC_RELAXED) % MOST_BEGUN;
	struct mm_exec *x = p->rig->e->x;
	uint64_t at = mm_exec_now(x);

	(void)end;
	for (uint64_t n = 1 + mm_rng_mix((uintptr_t)start) % 10; n; n--) {
		mm_exec_charge(x, MM_CHARGE_WORK, NULL, MS / 10);
		mm_exec_resched(x);
	}
	p->begun[i] = (struct begun){ at, mm_exec_now(x) - at };
	return 0;
}

static int begun_order(const void *a, const void *b)
{
	const struct begun *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

/* U1 from the outside: in any window of time, with the longest chunk once more for each thread. */
static void assert_U1(struct paid *p, const struct mmsim_cpu_budget *b, unsigned threads)
{
	qsort(p->begun, p->nr, sizeof(p->begun[0]), begun_order);
	for (uint32_t i = 0; i < p->nr; i++) {
		uint64_t used = 0;

		for (uint32_t k = i; k < p->nr; k++) {
			uint64_t t = p->begun[k].at - p->begun[i].at + b->period_ns;
			unsigned __int128 most = (unsigned __int128)b->quota_ns * t / b->period_ns;

			used += p->begun[k].ns;
			assert_true(used <= most + 1 + (uint64_t)threads * MS);
		}
	}
}

static void within_budget(uint64_t quota, uint64_t period, uint32_t threads, unsigned flags)
{
	struct mmsim_cpu_budget b = { .quota_ns = quota, .period_ns = period };
	struct mmsim_ktask_node node = { (void *)(uintptr_t)1, 400, MMSIM_NO_NODE };
	struct mmsim_ktask_thread thread[9];
	struct paid *p = calloc(1, sizeof(*p));
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = work_for_pay,
		.fn_arg = p,
		.min_chunk = 1,
		.max_threads = 8,
		.flags = flags,
		.budget = &b,
		.threads = thread,
		.nr_threads = 9,
	};
	uint64_t began, took, ns = 0;
	struct kt_rig rig;

	assert_non_null(p);
	kt_open(&rig, MMSIM_VIRTUAL, 8, 1);
	p->rig = &rig;
	began = mm_exec_now(rig.e->x);
	assert_int_equal(mm_job_ktask_run(&rig.kt, &node, 1, &ctl), 0);
	took = mm_exec_now(rig.e->x) - began;
	for (unsigned i = 0; i < 9; i++)
		ns += thread[i].ns;
	assert_in_range(p->nr, 1, MOST_BEGUN);
	assert_int_equal(ns, b.used_ns);
	assert_in_range(rig.crew.nr_called, 0, threads - 1);
	assert_in_range(ctl.threads_used, 1, threads);
	assert_U1(p, &b, threads);
	/* Of its quota it gets most: or a budget would be a brake. */
	if (b.throttled)
		assert_in_range(took, 0, b.used_ns * period / quota * 3 / 2 + period);
	free(p);
	kt_close(&rig);
}

static void budgets(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 2; flags++) {
		within_budget(10 * MS, 10 * MS, 1, flags);
		within_budget(MS, 10 * MS, 1, flags);
		within_budget(MS, 100 * MS, 1, flags);
		within_budget(20 * MS, 10 * MS, 2, flags);
		within_budget(25 * MS, 10 * MS, 3, flags);
		within_budget(1, 1, 1, flags);
		within_budget(UINT64_MAX / 2, 1, 8, flags);
		within_budget(100 * MS, 10 * MS, 8, flags);
	}
}

/* Without an own clock that goes on there is nothing to put off; threads are bounded all the same. */
static void budget_bounds_threads(void **state)
{
	struct mmsim_cpu_budget b = { .quota_ns = 2500000000, .period_ns = 1000000000 };
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 8, 1);
	w = kt_world_new(&rig);
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	ctl = kt_ctl(w, 1, 8, 0);
	ctl.budget = &b;
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_int_equal(rig.crew.nr_called, 2);
	assert_true(kt_marked(w, 1));
	free(w);
	kt_close(&rig);
}

/* Cancelled, or charged by others, while the caller is put off: then nothing begins when he is back. */
struct meanwhile {
	struct kt_world *w;
	struct mmsim_cpu_budget *budget;
	bool cancels;
};

static void meanwhile(void *arg)
{
	struct meanwhile *m = arg;

	mm_exec_sleep_until(m->w->x, 5 * MS);
	if (m->cancels)
		__atomic_store_n(&m->w->ctl->cancelled, 1, __ATOMIC_RELAXED);
	else
		m->budget->paid_until_ns = 30 * MS;
}

static void note_time(struct kt_world *w)
{
	uint64_t *began = w->ctx;

	*began = mm_exec_now(w->x);
}

static void while_put_off(void **state)
{
	for (int cancels = 0; cancels < 2; cancels++) {
		struct mmsim_cpu_budget b = { .quota_ns = MS,
					      .period_ns = MS,
					      .paid_until_ns = 11 * MS };
		struct meanwhile m = { .budget = &b, .cancels = cancels };
		struct mmsim_ktask_ctl ctl;
		struct kt_world *w;
		struct mm_task task;
		uint64_t began = 0;
		struct kt_rig rig;

		kt_open(&rig, mode_of(state), 2, 1);
		w = m.w = kt_world_new(&rig);
		w->also = note_time;
		w->ctx = &began;
		ctl = kt_ctl(w, 1, 1, 0);
		ctl.budget = &b;
		w->ctl = &ctl;
		kt_stretch(w, 10, MMSIM_NO_NODE);
		assert_int_equal(mm_exec_spawn(rig.e->x, &task, NULL, meanwhile, &m), 0);
		assert_int_equal(kt_run(&rig, w, &ctl), cancels ? -ECANCELED : 0);
		mm_exec_join(rig.e->x, &task);
		assert_int_equal(w->calls, !cancels);
		assert_true(b.throttled > 0);
		assert_true(cancels || began >= 29 * MS);
		free(w);
		kt_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_bandwidth),
		cmocka_unit_test(bandwidth_of_both),
		cmocka_unit_test(bandwidth_counted_once),
		cmocka_unit_test(host_quota),
		cmocka_unit_test(budgets),
		in_mode(while_put_off, MMSIM_SERIAL, "serial"),
		in_mode(while_put_off, MMSIM_VIRTUAL, "virtual"),
		in_all_modes(budget_bounds_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
