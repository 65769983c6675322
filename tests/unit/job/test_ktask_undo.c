/* SPDX-License-Identifier: MIT */
/*
 * lib/job/ktask.h: what happens when chunks fail. The first error, who is told of which, T2, undo that fails.
 * Every chunk of many tasks: tests/fault/test_fault_ktask.c.
 */
#include "ktask_rig.h"

/* Two stretches of 400, four threads, chunks of 50: as many as a thread has yields to meet others. */
static struct kt_world *world(struct kt_rig *rig, uint32_t fail_from, uint32_t fail_nr)
{
	struct kt_world *w = kt_world_new(rig);

	w->fail_from = fail_from;
	w->fail_nr = fail_nr;
	kt_stretch(w, 400, 0);
	kt_stretch(w, 400, 1);
	return w;
}

static void assert_as_before(const struct kt_world *w, const struct mmsim_ktask_ctl *ctl)
{
	size_t done = 0;

	assert_no_failure(&w->failure, w->fail_from);
	if (kt_undo_differs(w))
		fail_msg("%s: call %u fails", kt_undo_differs(w), w->fail_from);
	assert_true(kt_marked(w, 0));
	for (uint32_t i = 0; i < w->nr_pieces; i++)
		done += w->piece[i].end - w->piece[i].start;
	assert_int_equal(ctl->done, done);
	assert_int_equal(ctl->undo_failed, 0);
}

/* One alone: all is known. */
static void alone(void **state)
{
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 4, 2);
	for (uint32_t k = 1; k <= 2; k++) {
		struct kt_world *w = world(&rig, k, 1);
		struct mmsim_ktask_ctl ctl = kt_ctl(w, 1, 1, 0);

		assert_int_equal(kt_run(&rig, w, &ctl), 1000 + k);
		assert_as_before(w, &ctl);
		assert_int_equal(w->calls, k);
		assert_int_equal(w->nr_undone, k - 1);
		assert_ptr_equal(ctl.first_failed, (void *)KT_BASE(k - 1));
		assert_int_equal(ctl.threads_used, 1);
		free(w);
	}
	kt_close(&rig);
}

static void shrinking_alone(void **state)
{
	struct kt_rig rig;

	(void)state;
	kt_open(&rig, MMSIM_SERIAL, 4, 2);
	for (uint32_t k = 1; k <= 9; k++) {
		struct kt_world *w = world(&rig, k, 1);
		struct mmsim_ktask_ctl ctl = kt_ctl(w, 10, 1, MMSIM_KTASK_GUIDED);

		assert_int_equal(kt_run(&rig, w, &ctl), 1000 + k);
		assert_as_before(w, &ctl);
		assert_int_equal(w->calls, k);
		/* Stretch 0 has seven chunks: 200 100 50 25 12 10 3. */
		assert_int_equal(w->nr_undone, k == 1 ? 0 : k < 9 ? 1 : 2);
		free(w);
	}
	kt_close(&rig);
}

/* What one thread was told fits what happened. */
static void assert_told(const struct kt_world *w, const struct mmsim_ktask_ctl *ctl, int err)
{
	unsigned failed = 0;
	bool first = false;

	for (uint32_t i = 0; i < ctl->nr_threads; i++) {
		const struct mmsim_ktask_thread *t = &ctl->threads[i];
		struct kt_piece p;

		if (!t->error) {
			assert_null(t->failed_start);
			assert_null(t->failed_end);
			continue;
		}
		failed++;
		p = kt_piece_of(w, t->failed_start, t->failed_end);
		first |= t->error == err && t->failed_start == ctl->first_failed;
		for (uint32_t k = 0; k < w->nr_failed; k++)
			if (w->failed[k].node == p.node && w->failed[k].start == p.start) {
				assert_int_equal(w->failed[k].end, p.end);
				assert_int_equal(w->failed[k].cpu, t->cpu);
				p.node = UINT32_MAX;
			}
		assert_int_equal(p.node, UINT32_MAX);
	}
	assert_int_equal(failed, w->nr_failed);
	assert_true(first);
}

/* Who sees that another has failed begins no chunk; whoever was at one may fail too. */
static void several_at_once(void **state)
{
	struct mmsim_ktask_thread thread[5];
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 2);
	for (unsigned i = 0; i < 40; i++) {
		struct kt_world *w = world(&rig, 1 + i / 2, i % 2 ? 1 : UINT32_MAX);
		struct mmsim_ktask_ctl ctl = kt_ctl(w, 10, 4, i % 3 ? 0 : MMSIM_KTASK_GUIDED);
		int err;

		w->yields = i % 4;
		ctl.threads = thread;
		ctl.nr_threads = 5;
		err = kt_run(&rig, w, &ctl);
		if (!err) /* not so many chunks */
			assert_true(kt_marked(w, 1));
		else
			assert_as_before(w, &ctl);
		if (err) {
			assert_in_range(err, 1001 + i / 2, 1000 + w->calls);
			assert_in_range(w->nr_failed, 1, 4);
			assert_told(w, &ctl, err);
		}
		free(w);
	}
	kt_close(&rig);
}

/* All four are inside a chunk when the first fails: three more end well or ill, and that is all. */
struct meeting {
	uint32_t here; /* atomic */
};

static void meet(struct kt_world *w)
{
	struct meeting *m = w->ctx;

	__atomic_add_fetch(&m->here, 1, __ATOMIC_ACQ_REL);
	env_wait_for(w->x, &m->here, 4);
}

static void all_fail(void **state)
{
	struct meeting m = { 0 };
	struct mmsim_ktask_ctl ctl;
	struct kt_world *w;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 2);
	w = world(&rig, 1, UINT32_MAX);
	ctl = kt_ctl(w, 10, 4, 0);
	w->also = meet;
	w->ctx = &m;
	assert_in_range(kt_run(&rig, w, &ctl), 1001, 1004);
	assert_as_before(w, &ctl);
	assert_int_equal(w->calls, 4);
	assert_int_equal(w->nr_failed, 4);
	assert_int_equal(w->nr_undone, 0);
	assert_int_equal(ctl.threads_used, 4);
	assert_int_equal(ctl.done, 0);
	free(w);
	kt_close(&rig);
}

static void without_undo(void **state)
{
	struct mmsim_ktask_ctl ctl;
	struct kt_world *w;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 2);
	w = world(&rig, 5, 1);
	ctl = kt_ctl(w, 10, 4, 0);
	ctl.undo_fn = NULL;
	assert_int_equal(kt_run(&rig, w, &ctl), 1005);
	assert_int_equal(w->nr_undone, 0);
	assert_true(w->nr_pieces >= 4);
	free(w);
	kt_close(&rig);
}

/* Every second or every undo fails: it is counted, and the others are made all the same. */
static void undo_that_fails(void **state)
{
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 2);
	for (uint32_t every = 1; every <= 3; every++) {
		struct kt_world *w = world(&rig, 13, 1);
		struct mmsim_ktask_ctl ctl = kt_ctl(w, 10, 4, 0);

		w->undo_fail_every = every;
		w->yields = 1;
		ctl.undo_failed = 77;
		assert_int_equal(kt_run(&rig, w, &ctl), 1013);
		assert_null(kt_undo_differs(w));
		assert_true(kt_marked(w, 0));
		assert_int_equal(ctl.undo_failed, w->undo_returned_error);
		assert_true(every > 1 || ctl.undo_failed > 0);
		free(w);
	}
	kt_close(&rig);
}

/* An error and a cancellation: the error is returned. */
static void error_before_cancellation(void **state)
{
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 2);
	for (uint32_t at = 1; at <= 6; at++) {
		struct kt_world *w = world(&rig, 4, 1);
		struct mmsim_ktask_ctl ctl = kt_ctl(w, 10, 4, 0);
		int err;

		w->cancel_at = at;
		err = kt_run(&rig, w, &ctl);
		assert_int_equal(err, w->nr_failed ? 1004 : -ECANCELED);
		assert_as_before(w, &ctl);
		free(w);
	}
	kt_close(&rig);
}

/* After an error the engine is as good as before, and the ctl can be used again. */
static void once_more(void **state)
{
	struct mmsim_ktask_ctl ctl;
	struct kt_world *w;
	struct kt_rig rig;

	kt_open(&rig, mode_of(state), 4, 2);
	w = world(&rig, 6, 1);
	ctl = kt_ctl(w, 10, 4, 0);
	w->undo_fail_every = 1;
	assert_int_equal(kt_run(&rig, w, &ctl), 1006);
	assert_non_null(ctl.first_failed);
	w->fail_nr = w->nr_pieces = w->nr_undone = 0;
	assert_int_equal(kt_run(&rig, w, &ctl), 0);
	assert_null(ctl.first_failed);
	assert_int_equal(ctl.undo_failed, 0);
	assert_int_equal(w->nr_undone, 0);
	assert_int_equal(ctl.done, 800);
	assert_true(kt_marked(w, 1));
	assert_int_equal(rig.kt.helpers, 0);
	free(w);
	kt_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone),
		cmocka_unit_test(shrinking_alone),
		in_all_modes(several_at_once),
		in_all_modes(all_fail),
		in_all_modes(without_undo),
		in_all_modes(undo_that_fails),
		in_all_modes(error_before_cancellation),
		in_all_modes(once_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
