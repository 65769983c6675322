/* SPDX-License-Identifier: MIT */
/* lib/sync/spinlock.h: exclusion, trylock and its fault, statistics, and waiting in serial mode. */
#include "spinlock.h"

#include "exclusion.h"

static void take(void *object)
{
	mm_spin_lock(object);
}

/* Often enough the first try succeeds; when not, wait as any other. */
static void try_or_take(void *object)
{
	if (!mm_spin_trylock(object))
		mm_spin_lock(object);
}

static void release(void *object)
{
	mm_spin_unlock(object);
}

static void take_bare(void *object)
{
	while (!mm_sync_spin_trylock_bare(object, mm_task_current()))
		env_yield(mm_task_current()->exec);
}

static void release_bare(void *object)
{
	mm_spin_unlock_bare(object);
}

static void exclude(enum mmsim_mode mode, void (*how)(void *object), bool timed)
{
	const struct env_shape shape = { .mode = mode, .nr_cpus = 4, .timed = timed };
	struct env *e = env_open(&shape);
	struct mm_spinlock s;
	struct exclusion x = { .env = e, .object = &s, .lock = &s.lock };

	x.take = how;
	x.release = how == take_bare ? release_bare : release;
	mm_sync_spin_init(&s, &e->locks, MM_RANK_ZONE);
	exclusion_run(&x);
	mm_sync_spin_fini(&s);
	env_close(e);
}

static void one_holder(void **state)
{
	exclude(mode_of(state), take, false);
}

static void one_holder_timed(void **state)
{
	exclude(mode_of(state), take, true);
}

static void one_holder_by_trying(void **state)
{
	exclude(mode_of(state), try_or_take, false);
}

static void one_holder_bare(void **state)
{
	exclude(mode_of(state), take_bare, false);
}

static void try_held(void *arg)
{
	struct mm_spinlock *s = arg;
	uint64_t before = s->lock.acquired;

	/* To the main stack: the owner stays who it was, nothing is counted. */
	if (mm_spin_trylock(s) || s->lock.acquired != before || mm_spin_held(s))
		s->lock.contended = 1000;
}

static void trylock_of_a_held_one(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });
	struct mm_spinlock s;

	mm_sync_spin_init(&s, &e->locks, MM_RANK_ZONE);
	assert_true(mm_spin_trylock(&s));
	assert_true(mm_spin_held(&s));
	env_run(e, 1, try_held, &s, 0);
	assert_int_equal(s.lock.contended, 0);
	assert_true(mm_spin_held(&s));
	mm_spin_unlock(&s);
	assert_int_equal(s.lock.acquired, 1);
	mm_sync_spin_fini(&s);
	env_close(e);
}

/* The k-th trylock fails and leaves no trace. */
static void trylock_fails_on_demand(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 1 });
	struct mm_spinlock s;

	/* A lock made while no fault is wanted need not look for one. */
	env_fail(e, MMSIM_FAULT_TRYLOCK, 1, 1);
	mm_sync_spin_init(&s, &e->locks, MM_RANK_ZONE);
	for (uint32_t nth = 1; nth <= 4; nth++) {
		env_fail(e, MMSIM_FAULT_TRYLOCK, nth, 1);
		for (uint32_t i = 1; i <= 4; i++) {
			bool got = mm_spin_trylock(&s);

			assert_int_equal(got, i != nth);
			assert_int_equal(mm_spin_held(&s), got);
			assert_int_equal(mm_task_current()->nr_held,
					 got && (MM_DEBUG || mode_of(state) != MMSIM_NATIVE));
			if (got)
				mm_spin_unlock(&s);
			mm_spin_lock(&s); /* is no trylock */
			mm_spin_unlock(&s);
		}
	}
	assert_int_equal(s.lock.acquired, 4 * 3 + 4 * 4);
	assert_int_equal(s.lock.contended, 0);
	mm_sync_spin_fini(&s);
	env_close(e);
}

static void lock_once(void *arg)
{
	mm_spin_lock(arg);
	mm_spin_unlock(arg);
}

/* Held over 500 ns of the counter clock while three wait: each contended once, waited that long. */
static void waiting_is_counted(void **state)
{
	const struct env_shape shape = { .mode = MMSIM_SERIAL, .nr_cpus = 4, .timed = true };
	struct env *e = env_open(&shape);
	struct mm_task task[3];
	struct mm_spinlock s;

	(void)state;
	mm_sync_spin_init(&s, &e->locks, MM_RANK_ZONE);
	mm_spin_lock(&s);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mm_exec_spawn(e->x, &task[i], NULL, lock_once, &s), 0);
	mm_exec_sleep_until(e->x, mm_exec_now(e->x) + 500);
	mm_spin_unlock(&s);
	for (int i = 0; i < 3; i++)
		mm_exec_join(e->x, &task[i]);
	assert_int_equal(s.lock.acquired, 4);
	assert_int_equal(s.lock.contended, 3);
	assert_in_range(s.lock.wait_ns, 3 * 450, 3 * 550);
	assert_in_range(s.lock.hold_ns, 500, 550);
	mm_sync_spin_fini(&s);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(one_holder),
		in_all_modes(one_holder_timed),
		in_all_modes(one_holder_by_trying),
		in_all_modes(one_holder_bare),
		in_all_modes(trylock_of_a_held_one),
		in_all_modes(trylock_fails_on_demand),
		cmocka_unit_test(waiting_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
