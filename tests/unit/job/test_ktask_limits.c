/* SPDX-License-Identifier: MIT */
/*
 * lib/job/ktask.h: how many helpers and where. T3, "anywhere", moving, an engine that is off. How many are
 * worth it: test_ktask_budget.c.
 */
#include "ktask_rig.h"

static const struct mmsim_job_policy as_default;

static void open_with(struct kt_rig *r, enum mmsim_mode mode, unsigned cpus, unsigned nodes,
		      const struct mmsim_job_policy *policy)
{
	kt_open_policy(r, &(struct env_shape){ .mode = mode, .nr_cpus = cpus, .nr_nodes = nodes },
		       policy, 0);
}

/* Four fifths, rounded down */

static void four_fifths(void **state)
{
	static const unsigned cpus[] = { 1, 2, 4, 5, 8, 9, 10, 88 },
			      want[] = { 0, 1, 3, 4, 6, 7, 8, 70 };
	struct kt_rig rig;

	(void)state;
	for (unsigned i = 0; i < mm_array_size(cpus); i++) {
		open_with(&rig, MMSIM_SERIAL, cpus[i], 1, &as_default);
		assert_int_equal(rig.kt.max_helpers, want[i]);
		assert_int_equal(rig.kt.node[0].max_helpers, want[i]);
		kt_close(&rig);
	}
	open_with(&rig, MMSIM_SERIAL, 12, 3, &as_default);
	assert_int_equal(rig.kt.max_helpers, 9);
	assert_int_equal(rig.kt.node[2].max_helpers, 3);
	kt_close(&rig);
	open_with(&rig, MMSIM_SERIAL, 12, 3,
		  &(struct mmsim_job_policy){ .max_helpers = 2, .max_node_helpers = 7 });
	assert_int_equal(rig.kt.max_helpers, 2);
	assert_int_equal(rig.kt.node[2].max_helpers, 7);
	kt_close(&rig);
}

/* To its end, and nobody is counted any more. */
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

/* How many helpers a task on one node of a machine of two times four CPUs calls; *anywhere: of them. */
static unsigned called_by(enum mmsim_mode mode, const struct mmsim_job_policy *policy, int nid,
			  unsigned *anywhere)
{
	struct kt_world *w;
	struct kt_rig rig;
	unsigned called;

	open_with(&rig, mode, 8, 2, policy);
	w = kt_world_new(&rig);
	kt_stretch(w, 1000, nid);
	run_task(&rig, w, 100, 0);
	called = (unsigned)rig.crew.nr_called;
	*anywhere = (unsigned)rig.kt.nr_anywhere;
	assert_int_equal(w->piece[0].end, 1000 / (called + 1) / 4);
	free(w);
	kt_close(&rig);
	return called;
}

static void limits(void **state)
{
	enum mmsim_mode mode = mode_of(state);
	unsigned anywhere;

	/* 6 of 8 CPUs; 3 of 4 of node 1, the other three anywhere. */
	assert_int_equal(called_by(mode, &as_default, 1, &anywhere), 6);
	assert_int_equal(anywhere, 3);
	assert_int_equal(called_by(mode, &as_default, MMSIM_NO_NODE, &anywhere), 6);
	assert_int_equal(anywhere, 0);
	assert_int_equal(
		called_by(mode, &(struct mmsim_job_policy){ .max_helpers = 2 }, 0, &anywhere), 2);
	assert_int_equal(anywhere, 0);
	assert_int_equal(
		called_by(mode, &(struct mmsim_job_policy){ .max_node_helpers = 1 }, 0, &anywhere),
		6);
	assert_int_equal(anywhere, 5);
	/* More than there are: of node 0's four CPUs one is the caller's, and helps too. */
	assert_int_equal(
		called_by(mode,
			  &(struct mmsim_job_policy){ .max_helpers = 90, .max_node_helpers = 90 },
			  0, &anywhere),
		7);
	assert_int_equal(anywhere, 3);
}

/* A node of memory only: its work runs anywhere. */
static void node_without_cpus(void **state)
{
	struct env_shape shape = { .nr_cpus = 5, .nr_nodes = 2, .memory_only = 2 };
	struct kt_world *w;
	struct kt_rig rig;

	shape.mode = mode_of(state);
	for (unsigned limit = 0; limit < 3; limit++) {
		kt_open_policy(&rig, &shape,
			       &(struct mmsim_job_policy){ .max_node_helpers = limit }, 0);
		w = kt_world_new(&rig);
		kt_stretch(w, 500, 1);
		run_task(&rig, w, 0, 0);
		assert_int_equal(rig.crew.nr_called, 3);
		assert_int_equal(rig.kt.nr_anywhere, 3);
		free(w);
		kt_close(&rig);
	}
}

/* T3 with several tasks at once, looked at from inside their chunks. */
struct watched {
	struct kt_rig *rig;
	struct kt_world *w;
	uint32_t most;
	uint32_t too_many; /* atomic */
};

static void look(struct kt_world *w)
{
	struct watched *t = w->ctx;
	struct mm_ktask *kt = &t->rig->kt;
	uint32_t all = __atomic_load_n(&kt->helpers, __ATOMIC_RELAXED);

	if (all > kt->max_helpers)
		__atomic_store_n(&t->too_many, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 2; i++)
		if (__atomic_load_n(&kt->node[i].helpers, __ATOMIC_RELAXED) >
		    kt->node[i].max_helpers)
			__atomic_store_n(&t->too_many, 2, __ATOMIC_RELAXED);
}

static void run_watched(void *arg)
{
	struct watched *t = arg;

	for (unsigned i = 0; i < 30; i++) {
		struct mmsim_ktask_ctl ctl = kt_ctl(t->w, 1, 8, i % 2);
		int err;

		t->w->nr_pieces = 0;
		memset(t->w->marks, 0, sizeof(t->w->marks));
		err = kt_run(t->rig, t->w, &ctl);
		expect_in_task(&t->w->failure, !err, err);
		expect_in_task(&t->w->failure, kt_marked(t->w, 1), i);
	}
}

static void several_tasks(void **state)
{
	const struct mmsim_job_policy policy = { .max_helpers = 4, .max_node_helpers = 2 };
	struct watched t[3];
	struct kt_rig rig;

	open_with(&rig, mode_of(state), 8, 2, &policy);
	for (unsigned i = 0; i < 3; i++) {
		t[i] = (struct watched){ .rig = &rig, .w = kt_world_new(&rig) };
		t[i].w->also = look;
		t[i].w->ctx = &t[i];
		t[i].w->yields = i;
		kt_stretch(t[i].w, 60, 0);
		kt_stretch(t[i].w, 60 + i, 1);
		kt_stretch(t[i].w, 10, MMSIM_NO_NODE);
	}
	env_run(rig.e, 3, run_watched, t, sizeof(t[0]));
	for (unsigned i = 0; i < 3; i++) {
		assert_no_failure(&t[i].w->failure, i);
		assert_int_equal(t[i].too_many, 0);
		free(t[i].w);
	}
	assert_int_equal(rig.kt.helpers, 0);
	assert_int_equal(rig.kt.node[0].helpers, 0);
	assert_int_equal(rig.kt.node[1].helpers, 0);
	kt_close(&rig);
}

/*
 * Serial, so nobody is between two counts: who is counted for a node is there, and each only once, whether he
 * was called or has moved, and also if there was no room for others.
 */
static void look_at_counts(struct kt_world *w)
{
	struct kt_rig *rig = w->ctx;
	const struct mm_ktask *kt = &rig->kt;

	expect_in_task(&w->failure, kt->node[0].helpers <= 4, kt->node[0].helpers);
	expect_in_task(&w->failure, kt->node[1].helpers <= 4, kt->node[1].helpers);
	expect_in_task(&w->failure, kt->node[0].helpers + kt->node[1].helpers <= kt->helpers,
		       kt->node[0].helpers + kt->node[1].helpers);
}

static void counted_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct kt_world *w;
		struct kt_rig rig;

		kt_open(&rig, MMSIM_SERIAL, 8, 2);
		w = kt_world_new(&rig);
		w->also = look_at_counts;
		w->ctx = &rig;
		kt_stretch(w, i % 3 ? 4 : 500, 0);
		if (i % 3)
			kt_stretch(w, 500, i % 3 == 2 ? MMSIM_NO_NODE : 1);
		run_task(&rig, w, i < 3 ? 8 : 4, 0); /* none, or some, find room to move to */
		free(w);
		kt_close(&rig);
	}
}

/* Who finds his stretch used up goes to another: a helper to a CPU of that node, if one is free. */
static void helpers_move(void **state)
{
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	unsigned away = 0;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 8, 2);
	w = kt_world_new(&rig);
	kt_stretch(w, 2, 0);
	kt_stretch(w, 500, 1);
	w->yields = 2;
	ctl = kt_ctl(w, 1, 4, 0);
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_no_failure(&w->failure, 0);
	assert_true(kt_marked(w, 1));
	assert_int_equal(rig.kt.helpers, 0);
	assert_int_equal(rig.kt.node[0].helpers + rig.kt.node[1].helpers, 0);
	if (mode_of(state) == MMSIM_SERIAL) {
		/* Three helpers; the one that was called for stretch 0 moves. The caller stays. */
		assert_int_equal(rig.crew.nr_called, 4);
		assert_int_equal(rig.crew.nr_joined, 4);
		for (uint32_t i = 0; i < w->nr_pieces; i++)
			away += w->piece[i].node == 1 &&
				rig.e->topology.node_of[w->piece[i].cpu] == 0 &&
				w->piece[i].cpu != 0;
		assert_int_equal(away, 0);
	}
	free(w);
	kt_close(&rig);
}

/* The other stretch is on the same node: nobody goes anywhere. */
static void no_need_to_move(void **state)
{
	struct kt_world *w;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 8, 2);
	w = kt_world_new(&rig);
	kt_stretch(w, 2, 1);
	kt_stretch(w, 500, 1);
	run_task(&rig, w, 4, 0);
	assert_int_equal(rig.crew.nr_called, 3);
	free(w);
	kt_close(&rig);
}

/* No room there: it stays where it is and works on. */
static void helpers_that_cannot_move(void **state)
{
	const struct mmsim_job_policy policy = { .max_helpers = 8, .max_node_helpers = 1 };
	struct kt_world *w;
	struct kt_rig rig;

	open_with(&rig, mode_of(state), 8, 2, &policy);
	w = kt_world_new(&rig);
	kt_stretch(w, 2, 0);
	kt_stretch(w, 500, 1);
	run_task(&rig, w, 4, 0);
	/* Helpers 1 and 3 are for stretch 1, with room for one; helper 2 is stretch 0's. */
	if (mode_of(state) == MMSIM_SERIAL) {
		assert_int_equal(rig.crew.nr_called, 3);
		assert_int_equal(rig.kt.nr_anywhere, 1);
	}
	free(w);
	kt_close(&rig);
}

/* One thread, whose own stretch is used up: which of the others comes next is by chance, each as likely. */
#define TRIES 600

static void others_by_chance(void **state)
{
	unsigned first[KT_NODES] = { 0 };
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 1, 1);
	for (unsigned i = 0; i < TRIES; i++) {
		struct kt_world *w = kt_world_new(&rig);
		struct mmsim_ktask_ctl ctl = kt_ctl(w, 1, 1, 0);

		for (unsigned k = 0; k < KT_NODES; k++)
			kt_stretch(w, 5, MMSIM_NO_NODE);
		w->fail_from = 3; /* own, first other: the only other that is undone */
		w->fail_nr = 1;
		assert_int_equal(kt_run(&rig, w, &ctl), 1003);
		assert_int_equal(w->nr_undone, 2);
		assert_int_equal(w->undo[0].node, 0);
		first[w->undo[1].node]++;
		free(w);
	}
	for (unsigned k = 1; k < KT_NODES; k++)
		assert_in_range(first[k], TRIES / 3 - 60, TRIES / 3 + 60);
	kt_close(&rig);
}

/* Helpers off while a task is under way: it keeps those that it has. */
static void turn_off(struct kt_world *w)
{
	struct kt_rig *rig = w->ctx;

	__atomic_store_n(&rig->crew.off, 1, __ATOMIC_RELAXED);
}

static void keeps_its_helpers(void **state)
{
	struct mmsim_ktask_ctl ctl;
	struct kt_world *w;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	w = kt_world_new(&rig);
	w->also = turn_off;
	w->ctx = &rig;
	w->yields = 3;
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	ctl = kt_ctl(w, 1, 4, 0);
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_true(kt_marked(w, 1));
	if (mode_of(state) == MMSIM_SERIAL)
		assert_int_equal(ctl.threads_used, 4);
	free(w);
	kt_close(&rig);
}

/* An engine that is off, or has nobody */

static void engine_off(void **state)
{
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 1);
	rig.crew.off = 1;
	w = kt_world_new(&rig);
	kt_stretch(w, 1000, MMSIM_NO_NODE);
	ctl = kt_ctl(w, 1, 4, 0);
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_int_equal(w->nr_pieces, 1); /* as a task of one thread */
	assert_int_equal(rig.crew.nr_called, 0);
	assert_int_equal(rig.kt.helpers, 0);
	/* It undoes all the same. */
	w->nr_pieces = 0;
	memset(w->marks, 0, sizeof(w->marks));
	w->fail_from = w->calls + 3;
	w->fail_nr = 1;
	ctl.flags = MMSIM_KTASK_GUIDED;
	assert_int_equal(kt_run(&rig, w, &ctl), 1000 + (int)w->fail_from);
	assert_int_equal(w->nr_undone, 1);
	assert_true(kt_marked(w, 0));
	free(w);
	kt_close(&rig);
}

/* One CPU: nobody helps, as in ktask. */
static void one_cpu(void **state)
{
	struct kt_world *w;
	struct kt_rig rig;

	open_with(&rig, mode_of(state), 1, 1, &as_default);
	w = kt_world_new(&rig);
	kt_stretch(w, 1000, 0);
	run_task(&rig, w, 4, 0);
	assert_int_equal(w->nr_pieces, 1);
	assert_int_equal(rig.crew.nr_called, 0);
	free(w);
	kt_close(&rig);
}

/* Threads and memory that are not to be had */

static void spawn_faults(void **state)
{
	struct kt_rig rig;

	for (uint32_t nth = 1; nth <= 5; nth++) {
		for (int all = 0; all < 2; all++) {
			struct kt_world *w;

			kt_open(&rig, mode_of(state), 6, 2);
			w = kt_world_new(&rig);
			kt_stretch(w, 300, 0);
			kt_stretch(w, 300, 1);
			env_fail(rig.e, MMSIM_FAULT_SPAWN, nth, all ? UINT32_MAX : 1);
			run_task(&rig, w, 6, 0);
			env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
			assert_true(rig.crew.nr_called >= 5); /* and who moved */
			free(w);
			kt_close(&rig);
		}
	}
}

static void init_without_memory(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 2 });
	struct mm_crew crew;
	struct mm_ktask kt;
	uint64_t live;

	(void)state;
	assert_int_equal(mm_job_crew_init(&crew, e->x, &e->topology), 0);
	live = e->meta.live;
	env_fail(e, MMSIM_FAULT_METADATA, 1, 1);
	assert_int_equal(mm_job_ktask_init(&kt, &crew, &as_default, 0), -ENOMEM);
	assert_int_equal(e->meta.live, live);
	assert_int_equal(mm_job_ktask_init(&kt, &crew, &as_default, 0), 0);
	mm_job_ktask_fini(&kt);
	mm_job_crew_fini(&crew);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_fifths),      in_all_modes(limits),
		in_all_modes(node_without_cpus),    in_all_modes(several_tasks),
		cmocka_unit_test(counted_once),     in_all_modes(helpers_move),
		in_all_modes(no_need_to_move),      in_all_modes(helpers_that_cannot_move),
		cmocka_unit_test(others_by_chance), in_all_modes(keeps_its_helpers),
		in_all_modes(engine_off),           in_all_modes(one_cpu),
		in_all_modes(spawn_faults),         cmocka_unit_test(init_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
