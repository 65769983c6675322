/* SPDX-License-Identifier: MIT */
/*
 * lib/job/ktask.h: the arithmetic, by hand; what each thread did; what is refused. Others:
 * test_ktask_control.c, test_ktask_undo.c, test_ktask_limits.c, test_ktask_budget.c.
 */
#include "ktask_rig.h"

#include <limits.h>

#define GUIDED MMSIM_KTASK_GUIDED

/* Arithmetic */

/* One stretch; by hand: threads, chunks, and the ends of the first three. */
struct row {
	size_t size, min_chunk;
	uint32_t max_threads, flags;
	unsigned threads, chunks;
	unsigned long end[3];
};

/* Eight CPUs, up to eight helpers. */
static const struct row rows[] = {
	{ 1, 1, 8, 0, 1, 1, { 1 } },
	{ 100, 100, 8, 0, 1, 1, { 100 } },
	{ 101, 100, 8, 0, 2, 2, { 100, 101 } }, /* rounded up: padata would make it one */
	{ 99, 100, 8, 0, 1, 1, { 99 } }, /* min_chunk larger than the task */
	{ 64, 1, 1, 0, 1, 1, { 64 } },
	{ 64, 1, 2, 0, 2, 8, { 8, 16, 24 } },
	{ 64, 1, 0, 0, 4, 16, { 4, 8, 12 } }, /* 0: four */
	{ 64, 1, 8, 0, 8, 32, { 2, 4, 6 } },
	{ 64, 1, 50, 0, 8, 32, { 2, 4, 6 } }, /* no more than CPUs */
	{ 70, 1, 8, 0, 8, 35, { 2, 4, 6 } },
	{ 100, 7, 2, 0, 2, 15, { 7, 14, 21 } }, /* 12, down to 7 */
	{ 100, 5, 2, 0, 2, 10, { 10, 20, 30 } },
	{ 100, 40, 8, 0, 3, 3, { 40, 80, 100 } }, /* 8 is below min_chunk */
	{ 2000, 128, 4, 0, 4, 16, { 128, 256, 384 } }, /* 125 */
	{ 2000, 62, 4, 0, 4, 17, { 124, 248, 372 } },
	{ 5, 1, 8, 0, 5, 5, { 1, 2, 3 } },
	/* Left over four, over twice the threads. */
	{ 64, 1, 1, GUIDED, 1, 7, { 32, 48, 56 } },
	{ 64, 1, 2, GUIDED, 2, 15, { 16, 28, 37 } },
	{ 100, 30, 2, GUIDED, 2, 4, { 30, 60, 90 } },
	{ 20, 30, 2, GUIDED, 1, 1, { 20 } },
};

static void assert_row(struct kt_rig *rig, const struct row *row)
{
	struct kt_world *w = kt_world_new(rig);
	struct mmsim_ktask_ctl ctl = kt_ctl(w, row->min_chunk, row->max_threads, row->flags);
	struct kt_plan plan;
	const char *wrong;

	w->yields = 2;
	kt_stretch(w, row->size, MMSIM_NO_NODE);
	plan = kt_plan(w, &ctl, 8, 8);
	assert_int_equal(plan.threads, row->threads);
	assert_int_equal(kt_run(rig, w, &ctl), 0);
	assert_no_failure(&w->failure, 0);
	wrong = kt_differs(w, &plan, row->flags & GUIDED);
	if (wrong)
		fail_msg("%s: size %zu min_chunk %zu max_threads %u flags %u", wrong, row->size,
			 row->min_chunk, row->max_threads, row->flags);
	assert_int_equal(w->nr_pieces, row->chunks);
	for (unsigned i = 0; i < 3 && row->end[i]; i++)
		assert_int_equal(w->piece[i].end, row->end[i]);
	assert_true(kt_marked(w, 1));
	assert_int_equal(w->nr_undone, 0);
	assert_int_equal(ctl.done, row->size);
	assert_in_range(ctl.threads_used, 1, row->threads);
	assert_in_range(w->peak, 1, row->threads);
	/* Who takes turns at each chunk is sure to meet others. */
	if (rig->mode == MMSIM_SERIAL && row->threads > 1)
		assert_in_range(ctl.threads_used, 2, row->threads);
	free(w);
}

static void by_hand(void **state)
{
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 8, 1);
	for (size_t i = 0; i < mm_array_size(rows); i++)
		assert_row(&rig, &rows[i]);
	kt_close(&rig);
}

/* The caller's stretch is the first; helper i has stretch i mod n, on its node if that has room. */
static void stretches_in_turn(void **state)
{
	struct mmsim_ktask_thread thread[8];
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 8, 4);
	w = kt_world_new(&rig);
	ctl = kt_ctl(w, 1, 8, 0);
	ctl.threads = thread;
	ctl.nr_threads = 8;
	w->yields = 3;
	for (int i = 0; i < 4; i++)
		kt_stretch(w, 512, 3 - i);
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_true(kt_marked(w, 1));
	/* 2048 / 8 / 4 = 64: eight pieces of each, by two threads each. */
	assert_int_equal(w->nr_pieces, 32);
	assert_int_equal(ctl.threads_used, 8);
	for (uint32_t k = 0; k < 32; k++) {
		unsigned on = rig.e->topology.node_of[w->piece[k].cpu];

		/* But for the caller, who is on node 0 and has stretch 0, which is node 3's. */
		if (w->piece[k].task != mm_task_current()->id)
			assert_int_equal(on, 3 - w->piece[k].node);
	}
	assert_int_equal(rig.kt.nr_anywhere, 0);
	free(w);
	kt_close(&rig);
}

static void empty_stretches(void **state)
{
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	struct kt_plan plan;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 2);
	w = kt_world_new(&rig);
	w->yields = 1;
	ctl = kt_ctl(w, 1, 4, 0);
	kt_stretch(w, 0, 1);
	kt_stretch(w, 300, MMSIM_NO_NODE);
	kt_stretch(w, 0, MMSIM_NO_NODE);
	kt_stretch(w, 5, 0);
	plan = kt_plan(w, &ctl, 4, 4);
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_no_failure(&w->failure, 0);
	assert_null(kt_differs(w, &plan, false));
	assert_true(kt_marked(w, 1));
	free(w);
	kt_close(&rig);
}

static void nothing_to_do(void **state)
{
	struct mmsim_ktask_thread thread[2];
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 4, 1);
	w = kt_world_new(&rig);
	memset(thread, 0x5a, sizeof(thread));
	for (int stretches = 0; stretches < 2; stretches++) {
		ctl = kt_ctl(w, 1, 4, 0);
		ctl.threads = thread;
		ctl.nr_threads = 2;
		ctl.threads_used = 7;
		ctl.done = 7;
		ctl.cancelled = 1; /* all of nothing was handed out before */
		assert_int_equal(kt_run(&rig, w, &ctl), 0);
		assert_int_equal(ctl.threads_used, 0);
		assert_int_equal(ctl.done, 0);
		assert_int_equal(thread[0].chunks + thread[1].chunks, 0);
		kt_stretch(w, 0, MMSIM_NO_NODE);
	}
	assert_int_equal(w->calls, 0);
	assert_int_equal(rig.crew.nr_calls, 0);
	free(w);
	kt_close(&rig);
}

/* What each thread did */

static void assert_threads(const struct kt_world *w, const struct mmsim_ktask_ctl *ctl,
			   const struct mmsim_ktask_thread *thread, unsigned room)
{
	size_t chunks = 0, units = 0, used = 0;

	for (unsigned i = 0; i < room; i++) {
		chunks += thread[i].chunks;
		units += thread[i].units;
		used += thread[i].chunks > 0;
		assert_int_equal(thread[i].error, 0);
		assert_null(thread[i].failed_start);
		assert_int_equal(thread[i].ns, 0);
	}
	assert_int_equal(chunks, w->nr_pieces);
	assert_int_equal(units, kt_total(w));
	assert_int_equal(used, ctl->threads_used);
}

static void told_by_thread(void **state)
{
	struct mmsim_ktask_thread thread[10];
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	w = kt_world_new(&rig);
	w->yields = 2;
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	memset(thread, 0x5a, sizeof(thread));
	ctl = kt_ctl(w, 1, 4, 0);
	ctl.threads = thread;
	ctl.nr_threads = 9;
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_threads(w, &ctl, thread, 9);
	assert_int_equal(thread[0].cpu, mm_exec_cpu(rig.e->x));
	assert_int_equal(((const unsigned char *)&thread[9])[0], 0x5a);
	if (mode_of(state) == MMSIM_SERIAL)
		assert_int_equal(ctl.threads_used, 4);
	free(w);
	kt_close(&rig);
}

/* The helpers have gone when the caller is done: his is the first entry all the same. */
static void slow_caller(struct kt_world *w)
{
	for (unsigned i = 0; mm_task_current()->id == *(const unsigned *)w->ctx && i < 300; i++)
		env_yield(w->x);
}

static void caller_is_told_first(void **state)
{
	unsigned caller;
	struct mmsim_ktask_thread thread[4];
	struct mmsim_ktask_ctl ctl;
	struct kt_world *w;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	caller = mm_task_current()->id;
	w = kt_world_new(&rig);
	w->also = slow_caller;
	w->ctx = &caller;
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	ctl = kt_ctl(w, 1, 4, 0);
	ctl.threads = thread;
	ctl.nr_threads = 4;
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_int_equal(thread[0].cpu, mm_exec_cpu(rig.e->x));
	for (uint32_t i = 0; i < w->nr_pieces; i++)
		if (w->piece[i].task == caller)
			thread[0].chunks--;
	assert_int_equal(thread[0].chunks, 0);
	free(w);
	kt_close(&rig);
}

/* Room for fewer: the caller's own is there all the same. */
static void room_for_one_thread(void **state)
{
	struct mmsim_ktask_thread thread[2];
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	w = kt_world_new(&rig);
	w->yields = 2;
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	memset(thread, 0x5a, sizeof(thread));
	ctl = kt_ctl(w, 1, 4, 0);
	ctl.threads = thread;
	ctl.nr_threads = 1;
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_int_equal(thread[0].cpu, mm_exec_cpu(rig.e->x));
	assert_true(thread[0].chunks <= w->nr_pieces);
	assert_int_equal(((const unsigned char *)&thread[1])[0], 0x5a);
	free(w);
	kt_close(&rig);
}

/* Refused */

static const char *refusal(struct kt_rig *rig, const struct mmsim_ktask_node *nodes, size_t nr,
			   struct mmsim_ktask_ctl ctl)
{
	return mm_job_ktask_refuse(&rig->kt, nodes, nr, &ctl);
}

static void refusals(void **state)
{
	struct mmsim_cpu_budget no_quota = { .period_ns = 1 }, no_period = { .quota_ns = 1 };
	struct mmsim_ktask_node node = { NULL, 10, MMSIM_NO_NODE };
	struct mmsim_ktask_ctl good = { .thread_fn = kt_thread, .min_chunk = 1 }, bad;
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 2, 1);
	assert_null(refusal(&rig, &node, 1, good));
	assert_string_equal(mm_job_ktask_refuse(&rig.kt, &node, 1, NULL), "ctl: NULL");
	bad = good, bad.thread_fn = NULL;
	assert_string_equal(refusal(&rig, &node, 1, bad), "thread_fn: NULL");
	bad = good, bad.min_chunk = 0;
	assert_string_equal(refusal(&rig, &node, 1, bad), "min_chunk: 0");
	bad = good, bad.flags = 4;
	assert_string_equal(refusal(&rig, &node, 1, bad), "flags: unknown");
	bad.flags = 3;
	assert_null(refusal(&rig, &node, 1, bad));
	bad = good, bad.budget = &no_quota;
	assert_string_equal(refusal(&rig, &node, 1, bad), "budget: a quota or period of 0");
	bad.budget = &no_period;
	assert_string_equal(refusal(&rig, &node, 1, bad), "budget: a quota or period of 0");
	assert_string_equal(refusal(&rig, NULL, 1, good), "nodes: NULL");
	assert_null(refusal(&rig, NULL, 0, good));
	assert_string_equal(refusal(&rig, &node, MMSIM_MAX_NODES + 1, good),
			    "nr_nodes: more than MMSIM_MAX_NODES");
	kt_close(&rig);
}

static void *by_pages(void *position, size_t nr)
{
	return (void *)((uintptr_t)position + nr * 4096);
}

static void refused_stretches(void **state)
{
	struct mmsim_ktask_node n[3] = { { NULL, 10, 0 }, { NULL, 10, 1 }, { NULL, 10, -1 } };
	struct mmsim_ktask_ctl good = { .thread_fn = kt_thread, .min_chunk = 1 };
	static const int nids[] = { 2, -2, INT_MAX, INT_MIN };
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 2, 2);
	assert_null(refusal(&rig, n, 3, good));
	for (unsigned i = 0; i < 4; i++) {
		n[1].nid = nids[i];
		assert_string_equal(refusal(&rig, n, 3, good), "nid: no node of the machine");
	}
	n[1].nid = 1;
	n[1].start = (void *)(UINTPTR_MAX - 9);
	assert_string_equal(refusal(&rig, n, 3, good), "start + task_size: overflows");
	n[1].start = (void *)(UINTPTR_MAX - 10);
	assert_null(refusal(&rig, n, 3, good));
	/* What positions are is iter_fn's affair. */
	good.iter_fn = by_pages;
	n[1].start = (void *)UINTPTR_MAX;
	assert_null(refusal(&rig, n, 3, good));
	n[1].task_size = SIZE_MAX - 20;
	assert_null(refusal(&rig, n, 3, good));
	n[1].task_size = SIZE_MAX - 19;
	assert_string_equal(refusal(&rig, n, 3, good), "task_size: the sum overflows");
	kt_close(&rig);
}

/* Positions that iter_fn makes: here pages, whose positions are 4096 apart. */
struct pages {
	uint8_t seen[256]; /* atomic */
	uint32_t wrong; /* atomic */
};

static int see_pages(void *start, void *end, void *arg)
{
	struct pages *p = arg;

	for (uintptr_t at = (uintptr_t)start; at < (uintptr_t)end; at += 4096) {
		if (at % 4096 || at / 4096 < 7 || at / 4096 >= 7 + 256)
			__atomic_store_n(&p->wrong, 1, __ATOMIC_RELAXED);
		else
			__atomic_add_fetch(&p->seen[at / 4096 - 7], 1, __ATOMIC_RELAXED);
	}
	return 0;
}

static void positions_by_iter_fn(void **state)
{
	struct mmsim_ktask_node node = { (void *)(uintptr_t)(7 * 4096), 256, MMSIM_NO_NODE };
	struct pages p = { .wrong = 0 };
	struct mmsim_ktask_ctl ctl = {
		.thread_fn = see_pages, .fn_arg = &p, .iter_fn = by_pages, .min_chunk = 3
	};
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	assert_int_equal(mm_job_ktask_run(&rig.kt, &node, 1, &ctl), 0);
	assert_int_equal(p.wrong, 0);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(p.seen[i], 1);
	kt_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(by_hand),
		cmocka_unit_test(stretches_in_turn),
		in_all_modes(empty_stretches),
		cmocka_unit_test(nothing_to_do),
		in_all_modes(told_by_thread),
		in_all_modes(caller_is_told_first),
		in_all_modes(room_for_one_thread),
		cmocka_unit_test(refusals),
		cmocka_unit_test(refused_stretches),
		in_all_modes(positions_by_iter_fn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
