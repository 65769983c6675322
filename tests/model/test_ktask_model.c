/* SPDX-License-Identifier: MIT */
/*
 * Random ktasks against the serial loop that mmsim_ktask_run() is documented to be equivalent to, and against
 * the arithmetic restated in ktask_rig.h: sizes, stretches, flags, limits, failing chunks and cancellations,
 * alone and several at once. All modes.
 */
#include "ktask_rig.h"

#define SEED UINT64_C(20181105)
#define CASES (MM_TSAN ? 100 : 300)
#define TASKS (MM_TSAN ? 20 : 60) /* of each of several callers */

enum { CPUS = 6, NODES = 3 };

/* One task as drawn. */
struct trial {
	struct kt_world *w;
	struct mmsim_ktask_ctl ctl;
	struct mmsim_ktask_thread thread[CPUS + 1];
};

static size_t random_size(struct mm_rng *rng)
{
	static const size_t most[] = { 2, 10, 100, 600 };

	return mm_rng_below(rng, most[mm_rng_below(rng, mm_array_size(most))]);
}

static size_t random_min_chunk(struct mm_rng *rng)
{
	static const size_t some[] = { 1, 1, 1, 2, 3, 7, 16, 64, 100, 500, 3000, SIZE_MAX };

	return some[mm_rng_below(rng, mm_array_size(some))];
}

static void trial_init(struct trial *t, struct mm_rng *rng, bool may_fail)
{
	struct mm_exec *x = t->w->x;
	uint64_t how = may_fail ? mm_rng_below(rng, 4) : 0;

	memset(t->w, 0, sizeof(*t->w));
	t->w->x = x;
	for (uint64_t n = mm_rng_below(rng, KT_NODES + 1); n; n--)
		kt_stretch(t->w, random_size(rng), (int)mm_rng_below(rng, NODES + 1) - 1);
	t->w->yields = (unsigned)mm_rng_below(rng, 3);
	t->ctl = kt_ctl(t->w, random_min_chunk(rng), (uint32_t)mm_rng_below(rng, CPUS + 3),
			(uint32_t)mm_rng_below(rng, 2));
	if (mm_rng_below(rng, 2)) {
		t->ctl.threads = t->thread;
		t->ctl.nr_threads = (uint32_t)mm_rng_below(rng, CPUS + 2);
	}
	if (how == 1 || how == 2) {
		t->w->fail_from = 1 + (uint32_t)mm_rng_below(rng, 20);
		t->w->fail_nr = how == 1 ? 1 : UINT32_MAX;
	}
	if (how == 3)
		t->w->cancel_at = 1 + (uint32_t)mm_rng_below(rng, 20);
}

static size_t finished(const struct kt_world *w)
{
	size_t units = 0;

	for (uint32_t i = 0; i < w->nr_pieces; i++)
		units += w->piece[i].end - w->piece[i].start;
	return units;
}

/* What holds of any task, whoever else was on the machine. NULL, or what does not. */
static const char *check(const struct trial *t, int err)
{
	const struct kt_world *w = t->w;
	bool failed = err && err != -ECANCELED;

	if (failed != (w->nr_failed > 0))
		return "an error that no chunk has returned, or that is not told";
	if (failed && (err < (int)(1000 + w->fail_from) || err > (int)(1000 + w->calls)))
		return "an error of no chunk";
	if (err == -ECANCELED && !t->ctl.cancelled)
		return "cancelled by nobody";
	if (!kt_marked(w, err ? 0 : 1))
		return "a unit was not worked on once, or not undone";
	if (err && kt_undo_differs(w))
		return kt_undo_differs(w);
	if (!err && w->nr_undone)
		return "undone without an error";
	if (t->ctl.done != finished(w))
		return "done: not what was finished";
	if (failed != (t->ctl.first_failed != NULL))
		return "first_failed";
	if (w->peak > CPUS + 1)
		return "more threads at a time than there are";
	if (t->ctl.threads_used > w->calls || !t->ctl.threads_used != !w->calls)
		return "threads_used";
	return w->failure.what;
}

static struct trial *trial_new(struct kt_rig *rig)
{
	struct trial *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->w = kt_world_new(rig);
	return t;
}

static void trial_free(struct trial *t)
{
	free(t->w);
	free(t);
}

static void print_trial(const struct trial *t, int i, int err)
{
	print_error(
		"case %d: returned %d, min_chunk %zu max_threads %u flags %u fail %u+%u cancel %u:",
		i, err, t->ctl.min_chunk, t->ctl.max_threads, t->ctl.flags, t->w->fail_from,
		t->w->fail_nr, t->w->cancel_at);
	for (unsigned k = 0; k < t->w->nr_nodes; k++)
		print_error(" %zu on %d", t->w->node[k].task_size, t->w->node[k].nid);
	print_error("\n");
}

/* With nobody else there, who helps is known, and so are all chunks. */
static const char *check_alone(const struct trial *t, const struct kt_rig *rig, int err)
{
	struct kt_plan plan = kt_plan(t->w, &t->ctl, CPUS, rig->kt.max_helpers);

	if (t->w->peak > plan.threads)
		return "more threads at a time than planned";
	/* A helper that moved is another one. */
	if (t->w->nr_nodes < 2 && t->ctl.threads_used > plan.threads)
		return "more threads than planned";
	return err ? NULL : kt_differs(t->w, &plan, t->ctl.flags & MMSIM_KTASK_GUIDED);
}

static void run_alone(enum mmsim_mode mode, const struct mmsim_job_policy *policy, uint64_t seed)
{
	struct mm_rng rng = mm_rng_split(SEED, seed);
	struct trial *t;
	struct kt_rig rig;

	kt_open_policy(&rig,
		       &(struct env_shape){ .mode = mode, .nr_cpus = CPUS, .nr_nodes = NODES },
		       policy, 0);
	t = trial_new(&rig);
	for (int i = 0; i < CASES; i++) {
		const char *wrong;
		int err;

		trial_init(t, &rng, i % 2);
		err = kt_run(&rig, t->w, &t->ctl);
		wrong = check(t, err);
		if (!wrong)
			wrong = check_alone(t, &rig, err);
		if (wrong) {
			print_trial(t, i, err);
			fail_msg("%s", wrong);
		}
		assert_int_equal(rig.kt.helpers, 0);
	}
	trial_free(t);
	kt_close(&rig);
}

static void alone(void **state)
{
	static const struct mmsim_job_policy none,
		few = { .max_helpers = 2 }, crowded = { .max_node_helpers = 1 },
		all = { .max_helpers = CPUS, .max_node_helpers = CPUS };

	run_alone(mode_of(state), &none, 1);
	run_alone(mode_of(state), &few, 2);
	run_alone(mode_of(state), &crowded, 3);
	run_alone(mode_of(state), &all, 4);
}

/* The last to come makes threads scarce: before, they are needed for the callers. */
struct start {
	uint32_t missing, go; /* atomic */
	uint32_t failing_spawn; /* 0: none */
};

struct worker {
	struct kt_rig *rig;
	struct start *start;
	struct trial *t, *inner;
	struct mm_rng rng;
	uint32_t started; /* atomic: inner tasks */
	const char *wrong;
	int at, err;
};

/* In one chunk of some tasks another one is run. */
static void run_inner(struct kt_world *w)
{
	struct worker *k = w->ctx;
	const char *wrong;
	int err;

	if (__atomic_fetch_add(&k->started, 1, __ATOMIC_RELAXED))
		return;
	err = kt_run(k->rig, k->inner->w, &k->inner->ctl);
	wrong = check(k->inner, err);
	if (wrong)
		k->wrong = wrong;
}

static void wait_for_all(struct worker *k)
{
	struct start *start = k->start;

	if (!__atomic_sub_fetch(&start->missing, 1, __ATOMIC_ACQ_REL)) {
		env_fail(k->rig->e, MMSIM_FAULT_SPAWN, start->failing_spawn,
			 start->failing_spawn ? UINT32_MAX : 0);
		__atomic_store_n(&start->go, 1, __ATOMIC_RELEASE);
	}
	env_wait_for(k->rig->e->x, &start->go, 1);
}

static void run_many(void *arg)
{
	struct worker *k = arg;

	wait_for_all(k);
	for (k->at = 0; k->at < TASKS && !k->wrong; k->at++) {
		const char *wrong;

		trial_init(k->t, &k->rng, mm_rng_below(&k->rng, 2));
		trial_init(k->inner, &k->rng, true);
		k->started = 0;
		k->t->w->ctx = k;
		k->t->w->also = mm_rng_below(&k->rng, 2) ? run_inner : NULL;
		k->err = kt_run(k->rig, k->t->w, &k->t->ctl);
		wrong = check(k->t, k->err);
		if (wrong)
			k->wrong = wrong;
	}
}

static void at_once(enum mmsim_mode mode, unsigned nr, uint32_t failing_spawn)
{
	struct start start = { .missing = nr, .failing_spawn = failing_spawn };
	struct worker k[4] = { 0 };
	struct kt_rig rig;

	kt_open(&rig, mode, CPUS, NODES);
	for (unsigned i = 0; i < nr; i++) {
		k[i].rig = &rig;
		k[i].start = &start;
		k[i].rng = mm_rng_split(SEED, 10 * nr + i);
		k[i].t = trial_new(&rig);
		k[i].inner = trial_new(&rig);
	}
	env_run(rig.e, nr, run_many, k, sizeof(k[0]));
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
	for (unsigned i = 0; i < nr; i++) {
		if (k[i].wrong) {
			print_trial(k[i].t, k[i].at, k[i].err);
			fail_msg("caller %u: %s", i, k[i].wrong);
		}
		trial_free(k[i].t);
		trial_free(k[i].inner);
	}
	assert_int_equal(rig.kt.helpers, 0);
	for (unsigned i = 0; i < NODES; i++)
		assert_int_equal(rig.kt.node[i].helpers, 0);
	kt_close(&rig);
}

static void several_at_once(void **state)
{
	at_once(mode_of(state), 1, 0);
	at_once(mode_of(state), 2, 0);
	at_once(mode_of(state), 4, 0);
}

/* From the n-th helper on there are none. */
static void without_threads(void **state)
{
	at_once(mode_of(state), 2, 1);
	at_once(mode_of(state), 3, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(alone),
		in_all_modes(several_at_once),
		in_all_modes(without_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
