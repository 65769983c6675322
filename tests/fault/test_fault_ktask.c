/* SPDX-License-Identifier: MIT */
/*
 * A ktask in which the k-th call of its function fails, for every k until none does any more: the world is
 * then byte for byte as before, and the error is that call's. The same with cancellations in place of errors,
 * with threads that cannot be started, and with memory that is not to be had.
 *
 * The world is an array that chunks transform in a way that shows twice and half, and undo transforms back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_sweep.h"

#define BYTES 3000
#define STRETCHES 3
#define MOST_CALLS 2000

struct world {
	struct mmsim *m;
	uint8_t byte[STRETCHES][BYTES]; /* positions are addresses in it */
	struct mmsim_ktask_ctl ctl;
	struct mmsim_ktask_node node[STRETCHES];
	size_t nr_nodes;
	uint32_t fail_at; /* call of thread_fn; UINT32_MAX: none */
	bool cancels; /* instead of failing */
	uint32_t calls, failed_calls; /* atomic */
};

static uint8_t original(size_t stretch, size_t i)
{
	return (uint8_t)(stretch * 97 + i * 31 + i / 256);
}

/* Has an inverse; twice is not once. */
static void transform(uint8_t *from, uint8_t *to)
{
	for (; from < to; from++)
		*from = (uint8_t)(*from * 5 + 3);
}

static void transform_back(uint8_t *from, uint8_t *to)
{
	for (; from < to; from++)
		*from = (uint8_t)((uint8_t)(*from - 3) * 205); /* 5 * 205 = 1 modulo 256 */
}

/* Who fails has done half of its chunk, and takes that back. */
static int work(void *start, void *end, void *arg)
{
	struct world *w = arg;
	uint32_t call = __atomic_add_fetch(&w->calls, 1, __ATOMIC_RELAXED);
	uint8_t *half = (uint8_t *)start + ((uint8_t *)end - (uint8_t *)start) / 2;

	transform(start, half);
	mmsim_cond_resched(w->m);
	if (call == w->fail_at && w->cancels)
		mmsim_ktask_cancel(&w->ctl);
	if (call == w->fail_at && !w->cancels) {
		transform_back(start, half);
		__atomic_add_fetch(&w->failed_calls, 1, __ATOMIC_RELAXED);
		return -(int)call;
	}
	transform(half, end);
	return 0;
}

static int undo(void *start, void *end, void *arg)
{
	(void)arg;
	transform_back(start, end);
	return 0;
}

static void world_init(struct world *w, struct mmsim *m, size_t nr_nodes, uint32_t threads,
		       uint32_t flags)
{
	*w = (struct world){ .m = m, .nr_nodes = nr_nodes, .fail_at = UINT32_MAX };
	w->ctl = (struct mmsim_ktask_ctl){
		.thread_fn = work,
		.undo_fn = undo,
		.fn_arg = w,
		.min_chunk = 50,
		.max_threads = threads,
		.flags = flags,
	};
	for (size_t s = 0; s < STRETCHES; s++) {
		for (size_t i = 0; i < BYTES; i++)
			w->byte[s][i] = original(s, i);
		w->node[s] = (struct mmsim_ktask_node){ w->byte[s], BYTES - 700 * s, (int)s % 2 };
	}
	w->node[STRETCHES - 1].nid = MMSIM_NO_NODE;
}

static void assert_world(const struct world *w, bool worked)
{
	for (size_t s = 0; s < STRETCHES; s++)
		for (size_t i = 0; i < BYTES; i++) {
			uint8_t want = original(s, i);

			if (worked && s < w->nr_nodes && i < w->node[s].task_size)
				transform(&want, &want + 1);
			if (w->byte[s][i] != want)
				fail_msg("stretch %zu, byte %zu, call %u fails", s, i, w->fail_at);
		}
}

/* False: there were not so many calls. */
static bool run_once(struct world *w)
{
	int err = mmsim_ktask_run_numa(w->m, w->node, w->nr_nodes, &w->ctl);

	if (w->cancels)
		assert_true(err == 0 || err == -ECANCELED);
	else
		assert_int_equal(err, w->failed_calls ? -(int)w->fail_at : 0);
	assert_world(w, !err);
	assert_int_equal(w->ctl.undo_failed, 0);
	return w->calls >= w->fail_at;
}

static unsigned sweep_calls(struct mmsim *m, size_t nr_nodes, uint32_t threads, uint32_t flags,
			    bool cancels)
{
	struct world *w = malloc(sizeof(*w));
	uint32_t k = 0;
	bool fired;

	assert_non_null(w);
	do {
		world_init(w, m, nr_nodes, threads, flags);
		w->fail_at = ++k;
		w->cancels = cancels;
		fired = run_once(w);
	} while (fired && k < MOST_CALLS);
	assert_in_range(k, 2, MOST_CALLS - 1);
	/* Nothing of it is left: the same once more, and all goes well. */
	world_init(w, m, nr_nodes, threads, flags);
	assert_int_equal(mmsim_ktask_run_numa(m, w->node, w->nr_nodes, &w->ctl), 0);
	assert_world(w, true);
	free(w);
	return k - 1;
}

static struct mmsim *create(enum mmsim_mode mode, struct mmsim_explore *explore)
{
	struct mmsim_config *cfg = sim_config_new(mode, 2, 2, 3);
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, 2048);
	cfg->boot = MMSIM_BOOT_COLD;
	*explore = (struct mmsim_explore){ 0 };
	cfg->explore = explore;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void assert_nobody_counted(struct mmsim *m)
{
	struct mmsim_job_stats stats;

	assert_int_equal(mmsim_job_stats(m, &stats), 0);
	assert_int_equal(stats.helpers, 0);
	assert_true(stats.joined <= stats.called);
}

static void every_chunk(bool cancels)
{
	static const uint32_t threads[] = { 1, 2, 3, 8 };
	struct mmsim_explore explore;

	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, &explore);
		unsigned calls = 0;

		for (size_t nodes = 1; nodes <= STRETCHES; nodes += 2)
			for (unsigned t = 0; t < 4; t++)
				for (uint32_t flags = 0; flags < 2; flags++)
					calls += sweep_calls(m, nodes, threads[t], flags, cancels);
		assert_nobody_counted(m);
		print_message("  mode %d: %u calls failed in turn\n", mode, calls);
		mmsim_destroy(m);
	}
}

static void every_chunk_fails(void **state)
{
	(void)state;
	every_chunk(false);
}

static void every_chunk_cancels(void **state)
{
	(void)state;
	every_chunk(true);
}

/* Threads and memory: the task is done all the same, or undone if it fails as well. */
static void use_machine(struct sweep *s, struct mmsim *m)
{
	struct world *w = malloc(sizeof(*w));

	(void)s;
	assert_non_null(w);
	for (uint32_t fail_at = 0; fail_at <= 9; fail_at += 3) {
		world_init(w, m, STRETCHES, 4, fail_at % 2);
		w->fail_at = fail_at ? fail_at : UINT32_MAX;
		run_once(w);
	}
	assert_nobody_counted(m);
	free(w);
}

static void sweep_kind(enum mmsim_fault_kind kind)
{
	struct sweep s = {
		.name = "ktask",
		.boot = MMSIM_BOOT_COLD,
		.kind = kind,
		.scenario = use_machine,
	};

	sweep(&s);
}

static void spawning(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_SPAWN);
}

static void metadata(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_METADATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_chunk_fails),
		cmocka_unit_test(every_chunk_cancels),
		cmocka_unit_test(spawning),
		cmocka_unit_test(metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
