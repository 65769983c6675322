/* SPDX-License-Identifier: MIT */
/* lib/sync/mutex.h: exclusion, statistics, and that every waiter is woken. */
#include "mutex.h"

#include "exclusion.h"

static void take(void *object)
{
	mm_sync_mutex_lock(object);
}

static void release(void *object)
{
	mm_sync_mutex_unlock(object);
}

static void exclude(enum mmsim_mode mode, bool timed)
{
	const struct env_shape shape = { .mode = mode, .nr_cpus = 4, .timed = timed };
	struct env *e = env_open(&shape);
	struct mm_mutex m;
	struct exclusion x = {
		.env = e, .object = &m, .lock = &m.lock, .take = take, .release = release
	};

	mm_sync_mutex_init(&m, &e->locks, MM_RANK_BOOT);
	exclusion_run(&x);
	mm_sync_mutex_fini(&m);
	env_close(e);
}

static void one_holder(void **state)
{
	exclude(mode_of(state), false);
}

static void one_holder_timed(void **state)
{
	exclude(mode_of(state), true);
}

static void lock_once(void *arg)
{
	mm_sync_mutex_lock(arg);
	mm_sync_mutex_unlock(arg);
}

/* In serial the waiters are parked for certain: a wake lost is a deadlock, which is reported. */
static void all_waiters_go_on(void **state)
{
	const struct env_shape shape = { .mode = mode_of(state), .nr_cpus = 6, .timed = true };
	struct env *e = env_open(&shape);
	struct mm_task task[5];
	struct mm_mutex m;

	mm_sync_mutex_init(&m, &e->locks, MM_RANK_BOOT);
	mm_sync_mutex_lock(&m);
	for (int i = 0; i < 5; i++)
		assert_int_equal(mm_exec_spawn(e->x, &task[i], NULL, lock_once, &m), 0);
	mm_exec_sleep_until(e->x, mm_exec_now(e->x) + 3000);
	mm_sync_mutex_unlock(&m);
	for (int i = 0; i < 5; i++)
		mm_exec_join(e->x, &task[i]);
	assert_int_equal(m.lock.acquired, 6);
	assert_in_range(m.lock.contended, 0, 5);
	if (shape.mode == MMSIM_SERIAL) {
		assert_int_equal(m.lock.contended, 5);
		assert_in_range(m.lock.wait_ns, 5 * 2900, 5 * 3100);
		assert_in_range(m.lock.hold_ns, 3000, 3100);
	}
	mm_sync_mutex_fini(&m);
	env_close(e);
}

/* Free: no waiter was ever there, nothing to wake. */
static void uncontended(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 1 });
	struct mm_mutex m;

	mm_sync_mutex_init(&m, &e->locks, MM_RANK_BOOT);
	for (int i = 0; i < 10; i++) {
		assert_false(mm_lock_held(&m.lock));
		mm_sync_mutex_lock(&m);
		assert_true(mm_lock_held(&m.lock));
		mm_sync_mutex_unlock(&m);
	}
	assert_int_equal(m.lock.acquired, 10);
	assert_int_equal(m.lock.contended, 0);
	mm_sync_mutex_fini(&m);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(uncontended),
		in_all_modes(one_holder),
		in_all_modes(one_holder_timed),
		in_all_modes(all_waiters_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
