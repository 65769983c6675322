/* SPDX-License-Identifier: MIT */
/* What every back end must do, in each mode: threads from outside, several execs at once. */
#include "exec_fixture.h"

#include <pthread.h>

static void nested_attach(void **state)
{
	enum mmsim_mode mode = mode_of(state);
	struct env outer, inner;

	env_open(&outer, mode, NR_CPUS);
	env_open(&inner, mode == MMSIM_NATIVE ? MMSIM_SERIAL : MMSIM_NATIVE, NR_CPUS);
	assert_ptr_equal(mm_task_current(), &inner.guest);
	spawn_and_check(&inner, NR_CPUS);
	env_close(&inner);
	assert_ptr_equal(mm_task_current(), &outer.guest);
	spawn_and_check(&outer, NR_CPUS);
	env_close(&outer);
	assert_null(mm_task_current());
}

/* A task of one exec uses another one. */
static void attach_inside(void *arg)
{
	struct slot *slot = arg;
	struct slot inner = { .x = slot->x };
	struct mm_task guest, *self = mm_task_current();

	mm_exec_attach(slot->x, &guest);
	if (!mm_exec_spawn(slot->x, &inner.task, NULL, record, &inner))
		mm_exec_join(slot->x, &inner.task);
	mm_exec_detach(slot->x, &guest);
	slot->runs = inner.runs;
	slot->self = inner.self && mm_task_current() == self;
}

static void attach_in_task(void **state)
{
	enum mmsim_mode mode = mode_of(state);
	struct env outer, inner;
	struct slot slot[3];

	env_open(&outer, mode, 3);
	assert_int_equal(env_create(&inner, !mode, 2, NULL), 0);
	for (int i = 0; i < 3; i++) {
		slot[i] = (struct slot){ .x = inner.x };
		assert_int_equal(
			mm_exec_spawn(outer.x, &slot[i].task, NULL, attach_inside, &slot[i]), 0);
	}
	for (int i = 0; i < 3; i++) {
		mm_exec_join(outer.x, &slot[i].task);
		assert_int_equal(slot[i].runs, 1);
		assert_true(slot[i].self);
	}
	env_destroy(&inner);
	env_close(&outer);
}

struct visitor {
	struct mm_exec *x;
	unsigned failed, runs;
};

static void *visit(void *arg)
{
	struct visitor *v = arg;

	for (int i = 0; i < 30; i++) {
		struct slot slot = { .x = v->x };
		struct mm_task guest;

		mm_exec_attach(v->x, &guest);
		v->failed += mm_task_current() != &guest || guest.cpu >= NR_CPUS;
		v->failed += mm_exec_spawn(v->x, &slot.task, NULL, record, &slot) != 0;
		mm_exec_join(v->x, &slot.task);
		v->runs += slot.runs;
		mm_exec_detach(v->x, &guest);
		v->failed += mm_task_current() != NULL;
	}
	return NULL;
}

static void threads_attach(void **state)
{
	struct env e;
	struct visitor visitor[4];
	pthread_t thread[4];

	assert_int_equal(env_create(&e, mode_of(state), NR_CPUS, NULL), 0);
	for (int i = 0; i < 4; i++) {
		visitor[i] = (struct visitor){ .x = e.x };
		assert_int_equal(pthread_create(&thread[i], NULL, visit, &visitor[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(visitor[i].failed, 0);
		assert_int_equal(visitor[i].runs, 30);
	}
	env_destroy(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_MODES(nested_attach),
		ALL_MODES(attach_in_task),
		ALL_MODES(threads_attach),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
