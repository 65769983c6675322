/* SPDX-License-Identifier: MIT */
/* lib/sync/completion.h: both orders, one waiter per completion, time, and going out of scope. */
#include "completion.h"

#include "exec_env.h"
#include "first_failure.h"
#include <errno.h>
#include <string.h>

struct meeting {
	struct mm_completion c;
	uint64_t written; /* plain: ordered by the completion */
	unsigned gone_on; /* atomic */
	struct first_failure failure;
};

static void say_done(void *arg)
{
	struct meeting *m = arg;

	m->written = 77;
	mm_complete(&m->c);
}

static void wait_once(void *arg)
{
	struct meeting *m = arg;

	expect_in_task(&m->failure, !mm_sync_wait_for_completion(&m->c, MM_NEVER), 0);
	__atomic_add_fetch(&m->gone_on, 1, __ATOMIC_RELAXED);
}

static void done_before_the_wait(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });
	struct meeting m = { 0 };

	mm_completion_init(&m.c, e->x);
	env_run(e, 1, say_done, &m, 0);
	assert_int_equal(mm_sync_wait_for_completion(&m.c, MM_NEVER), 0);
	assert_int_equal(m.written, 77);
	assert_int_equal(m.c.done, 0);
	env_close(e);
}

/* The main task waits first: certain in serial, likely natively. Many times: it is on the stack. */
static void done_after_the_wait(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });

	for (int i = 0; i < 500; i++) {
		struct meeting m = { 0 };
		struct mm_task task;

		mm_completion_init(&m.c, e->x);
		assert_int_equal(mm_exec_spawn(e->x, &task, NULL, say_done, &m), 0);
		assert_int_equal(mm_sync_wait_for_completion(&m.c, MM_NEVER), 0);
		assert_int_equal(m.written, 77);
		memset(&m, 0xee, sizeof(m)); /* nobody may look at it any more */
		mm_exec_join(e->x, &task);
	}
	env_close(e);
}

/* n waiters, n - 1 completions: exactly one is left waiting. */
static void each_lets_one_go_on(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct meeting m = { 0 };
	struct mm_task task[4];

	mm_completion_init(&m.c, e->x);
	for (int i = 0; i < 4; i++)
		assert_int_equal(mm_exec_spawn(e->x, &task[i], NULL, wait_once, &m), 0);
	for (unsigned i = 0; i < 3; i++) {
		mm_complete(&m.c);
		env_wait_for(e->x, &m.gone_on, i + 1);
	}
	for (int i = 0; i < 20; i++)
		env_yield(e->x);
	assert_int_equal(__atomic_load_n(&m.gone_on, __ATOMIC_RELAXED), 3);
	mm_complete(&m.c);
	for (int i = 0; i < 4; i++)
		mm_exec_join(e->x, &task[i]);
	assert_no_failure(&m.failure, 0);
	assert_int_equal(m.gone_on, 4);
	assert_int_equal(m.c.done, 0);
	env_close(e);
}

static void time_passes(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 1 });
	uint64_t deadline = mm_exec_now(e->x) + 200000;
	struct mm_completion c;

	mm_completion_init(&c, e->x);
	assert_int_equal(mm_sync_wait_for_completion(&c, deadline), -ETIMEDOUT);
	assert_true(mm_exec_now(e->x) >= deadline);
	assert_int_equal(c.done, 0);
	/* A deadline long gone, and one that does not matter. */
	assert_int_equal(mm_sync_wait_for_completion(&c, 0), -ETIMEDOUT);
	mm_complete(&c);
	assert_int_equal(mm_sync_wait_for_completion(&c, 0), 0);
	assert_int_equal(mm_sync_wait_for_completion(&c, 0), -ETIMEDOUT);
	env_close(e);
}

/* A wait that gave up takes nothing with it. */
static void late_completion_counts(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });
	struct meeting m = { 0 };

	mm_completion_init(&m.c, e->x);
	assert_int_equal(mm_sync_wait_for_completion(&m.c, mm_exec_now(e->x) + 1), -ETIMEDOUT);
	env_run(e, 1, say_done, &m, 0);
	env_run(e, 1, say_done, &m, 0);
	assert_int_equal(mm_sync_wait_for_completion(&m.c, MM_NEVER), 0);
	assert_int_equal(mm_sync_wait_for_completion(&m.c, MM_NEVER), 0);
	assert_int_equal(mm_sync_wait_for_completion(&m.c, mm_exec_now(e->x)), -ETIMEDOUT);
	env_close(e);
}

/* Many times both ways at once. */
static void wait_many(void *arg)
{
	for (int i = 0; i < 2000; i++)
		wait_once(arg);
}

static void done_many(void *arg)
{
	struct meeting *m = arg;

	for (int i = 0; i < 2000; i++)
		mm_complete(&m->c);
}

static void none_is_lost(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct meeting m = { 0 };
	struct mm_task task[4];

	mm_completion_init(&m.c, e->x);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			mm_exec_spawn(e->x, &task[i], NULL, i % 2 ? wait_many : done_many, &m), 0);
	for (int i = 0; i < 4; i++)
		mm_exec_join(e->x, &task[i]);
	assert_no_failure(&m.failure, 0);
	assert_int_equal(m.gone_on, 4000);
	assert_int_equal(m.c.done, 0);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(done_before_the_wait),   in_all_modes(done_after_the_wait),
		in_all_modes(each_lets_one_go_on),    in_all_modes(time_passes),
		in_all_modes(late_completion_counts), in_all_modes(none_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
