/* SPDX-License-Identifier: MIT */
/*
 * lib/job/ktask.h: a task under way. How far it is; cancelling it, at any time and from anywhere; tasks inside
 * tasks.
 */
#include "ktask_rig.h"

#define GUIDED MMSIM_KTASK_GUIDED

/* Progress */

struct progress {
	struct kt_world *w; /* first: fn_arg is this */
	unsigned task, told;
	size_t last, total;
	struct first_failure failure;
};

static void note_progress(size_t done, size_t total, void *arg)
{
	struct progress *p = arg;

	expect_in_task(&p->failure, mm_task_current()->id == p->task, mm_task_current()->id);
	expect_in_task(&p->failure, done >= p->last, done);
	expect_in_task(&p->failure, done <= total, done);
	expect_in_task(&p->failure, total == p->total, total);
	p->last = done;
	p->told++;
}

static int thread_with_progress(void *start, void *end, void *arg)
{
	return kt_thread(start, end, ((struct progress *)arg)->w);
}

static int undo_with_progress(void *start, void *end, void *arg)
{
	return kt_undo(start, end, ((struct progress *)arg)->w);
}

static struct progress run_told(struct kt_rig *rig, struct kt_world *w, uint64_t ns, int want)
{
	struct mmsim_ktask_ctl ctl = kt_ctl(w, 1, 4, 0);
	struct progress p = { .w = w, .task = mm_task_current()->id, .total = kt_total(w) };

	ctl.thread_fn = thread_with_progress;
	ctl.undo_fn = undo_with_progress;
	ctl.progress_fn = note_progress;
	ctl.progress_ns = ns;
	ctl.fn_arg = &p;
	assert_int_equal(kt_run(rig, w, &ctl), want);
	assert_no_failure(&w->failure, 0);
	assert_no_failure(&p.failure, 0);
	return p;
}

static void progress_is_told(void **state)
{
	struct progress p;
	struct kt_world *w;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 2);
	w = kt_world_new(&rig);
	w->yields = 1;
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	kt_stretch(w, 600, 1);
	p = run_told(&rig, w, 0, 0);
	assert_int_equal(p.last, 1600);
	assert_true(p.told > 0);
	/* After each chunk of the caller's, and at the end. */
	if (mode_of(state) == MMSIM_SERIAL)
		assert_true(p.told > 2);
	free(w);
	kt_close(&rig);
}

/* A period that never passes: only the end is told. */
static void progress_not_too_often(void **state)
{
	struct progress p;
	struct kt_world *w;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	w = kt_world_new(&rig);
	w->yields = 1;
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	p = run_told(&rig, w, UINT64_MAX / 2, 0);
	assert_int_equal(p.last, 1000);
	assert_int_equal(p.told, 1);
	free(w);
	kt_close(&rig);
}

/* 4 ms on one CPU while the caller waits: told each ms. */
static void slow_helper(struct kt_world *w)
{
	if (mm_exec_cpu(w->x))
		mm_exec_sleep_until(w->x, mm_exec_now(w->x) + 4100000);
	else
		mm_exec_charge(w->x, MM_CHARGE_WORK, NULL, 20000);
}

static void progress_while_waiting(void **state)
{
	struct progress p;
	struct kt_world *w;
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_VIRTUAL, 2, 1);
	w = kt_world_new(&rig);
	w->also = slow_helper;
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	p = run_told(&rig, w, 1000000, 0);
	assert_int_equal(p.last, 1000);
	assert_in_range(p.told, 4, 6);
	free(w);
	kt_close(&rig);
}

/* Cancelling */

static void cancelled_before(void **state)
{
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	w = kt_world_new(&rig);
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	ctl = kt_ctl(w, 1, 4, 0);
	ctl.cancelled = 1;
	assert_int_equal(kt_run(&rig, w, &ctl), -ECANCELED);
	assert_int_equal(w->calls, 0);
	assert_int_equal(w->nr_undone, 0);
	assert_int_equal(ctl.done, 0);
	assert_int_equal(ctl.threads_used, 0);
	assert_int_equal(ctl.cancelled, 1); /* lasts */
	ctl.cancelled = 0;
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_true(kt_marked(w, 1));
	free(w);
	kt_close(&rig);
}

static void cancelled_within(void **state)
{
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 2);
	for (uint32_t at = 1; at <= 16; at++) {
		struct kt_world *w = kt_world_new(&rig);
		struct mmsim_ktask_ctl ctl = kt_ctl(w, 1, 4, at % 2 ? 0 : GUIDED);
		int err;

		w->yields = at % 3;
		w->cancel_at = at;
		kt_stretch(w, 500, 0);
		kt_stretch(w, 500, 1);
		err = kt_run(&rig, w, &ctl);
		assert_no_failure(&w->failure, at);
		/* All may have been handed out before. */
		assert_true(err == -ECANCELED || (!err && ctl.done == 1000));
		assert_true(kt_marked(w, err ? 0 : 1));
		assert_null(err ? kt_undo_differs(w) : NULL);
		assert_true(w->calls >= at);
		/* Who had a chunk finishes it; each of three others may just have taken one. */
		assert_true(!err || w->calls <= w->calls_then + 3);
		free(w);
	}
	kt_close(&rig);
}

/* By a task of its own, at no particular moment. */
static void cancel_now(void *arg)
{
	struct kt_world *w = arg;

	env_yield(w->x);
	__atomic_store_n(&w->ctl->cancelled, 1, __ATOMIC_RELAXED);
}

static void cancelled_from_outside(void **state)
{
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	for (unsigned i = 0; i < 20; i++) {
		struct kt_world *w = kt_world_new(&rig);
		struct mmsim_ktask_ctl ctl = kt_ctl(w, 1, 4, 0);
		struct mm_task task;
		int err;

		w->ctl = &ctl;
		w->yields = i % 4;
		kt_stretch(w, 1000, MMSIM_NO_NODE);
		assert_int_equal(mm_exec_spawn(rig.e->x, &task, NULL, cancel_now, w), 0);
		err = kt_run(&rig, w, &ctl);
		mm_exec_join(rig.e->x, &task);
		assert_no_failure(&w->failure, i);
		assert_true(err == 0 || err == -ECANCELED);
		assert_true(kt_marked(w, err ? 0 : 1));
		free(w);
	}
	kt_close(&rig);
}

/* Taken back while the task runs: whatever comes of it, it is one or the other. */
static void cancel_and_repent(void *arg)
{
	struct kt_world *w = arg;

	for (uint32_t i = 1; i <= 40; i++) {
		env_yield(w->x);
		__atomic_store_n(&w->ctl->cancelled, i % 2, __ATOMIC_RELAXED);
		mm_exec_resched(w->x);
	}
}

static void cancel_taken_back(void **state)
{
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	for (unsigned i = 0; i < 60; i++) {
		struct kt_world *w = kt_world_new(&rig);
		struct mmsim_ktask_ctl ctl = kt_ctl(w, 1, 1 + i % 4, GUIDED);
		struct mm_task task;
		int err;

		w->ctl = &ctl;
		w->yields = i % 3;
		kt_stretch(w, 30, MMSIM_NO_NODE);
		assert_int_equal(mm_exec_spawn(rig.e->x, &task, NULL, cancel_and_repent, w), 0);
		err = kt_run(&rig, w, &ctl);
		mm_exec_join(rig.e->x, &task);
		assert_true(err == 0 || err == -ECANCELED);
		assert_true(kt_marked(w, err ? 0 : 1));
		free(w);
	}
	kt_close(&rig);
}

/* Inside others */

struct nested {
	struct kt_rig *rig;
	uint32_t runs, wrong; /* atomic */
};

static int count_units(void *start, void *end, void *arg)
{
	__atomic_add_fetch((size_t *)arg, (uintptr_t)end - (uintptr_t)start, __ATOMIC_RELAXED);
	return 0;
}

static void run_inner(struct kt_world *w)
{
	struct mmsim_ktask_node node = { NULL, 100, MMSIM_NO_NODE };
	struct nested *n = w->ctx;
	size_t units = 0;
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = count_units,
		.fn_arg = &units,
		.min_chunk = 1,
		.max_threads = 3,
	};
	int err = mm_job_ktask_run(&n->rig->kt, &node, 1, &ctl);

	__atomic_add_fetch(&n->runs, 1, __ATOMIC_RELAXED);
	if (err || units != 100 || ctl.done != 100)
		__atomic_add_fetch(&n->wrong, 1, __ATOMIC_RELAXED);
}

static void inside_a_chunk(void **state)
{
	struct nested n = { .runs = 0 };
	struct mmsim_ktask_ctl ctl;
	struct kt_world *w;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	n.rig = &rig;
	w = kt_world_new(&rig);
	w->also = run_inner;
	w->ctx = &n;
	kt_stretch(w, 400, MMSIM_NO_NODE);
	ctl = kt_ctl(w, 1, 4, 0);
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_int_equal(n.runs, w->nr_pieces);
	assert_int_equal(n.wrong, 0);
	assert_true(kt_marked(w, 1));
	assert_int_equal(rig.kt.helpers, 0);
	free(w);
	kt_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(progress_is_told),
		/* Explored, a deadline may pass at any time. */
		in_mode(progress_not_too_often, MMSIM_NATIVE, "native"),
		in_mode(progress_not_too_often, MMSIM_SERIAL, "serial"),
		in_mode(progress_not_too_often, MMSIM_VIRTUAL, "virtual"),
		cmocka_unit_test(progress_while_waiting),
		in_all_modes(cancelled_before),
		in_all_modes(cancelled_within),
		in_all_modes(cancelled_from_outside),
		in_all_modes(cancel_taken_back),
		in_all_modes(inside_a_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
