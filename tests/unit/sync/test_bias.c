/* SPDX-License-Identifier: MIT */
/*
 * lib/sync/spinlock.h, S2: who gets the bias of a lock, and who takes it away. What it is for, see
 * test_bias_race.c.
 *
 * Where the host or the build has no barrier in all threads, no lock is ever biased: that is tested, the
 * rest is skipped.
 */
#include "spinlock.h"

#include "cpumask.h"
#include "exec_env.h"
#include "first_failure.h"
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { IN_A_ROW = 256, MANY = 2000 };

struct rig {
	struct env *env;
	struct mm_spinlock lock;
	uint64_t takes; /* by any way in */
	struct first_failure failure;
};

static void rig_open(struct rig *r, enum mmsim_mode mode, bool timed)
{
	const struct env_shape shape = { .mode = mode, .nr_cpus = 2, .timed = timed };

	memset(r, 0, sizeof(*r));
	r->env = env_open(&shape);
	mm_sync_spin_init(&r->lock, &r->env->locks, MM_RANK_PCP);
}

static void rig_close(struct rig *r)
{
	assert_no_failure(&r->failure, r->env->x->seed);
	assert_int_equal(r->lock.lock.acquired, r->takes);
	assert_int_equal(mm_lock_owner(&r->lock.lock), 0);
	mm_sync_spin_fini(&r->lock);
	env_close(r->env);
}

/* A task on that CPU; as one ends before the next begins, a CPU has one thread. */
static void on_cpu(struct rig *r, unsigned cpu, void (*fn)(void *arg))
{
	struct mm_cpumask mask = mm_cpumask_of(cpu);
	struct mm_task task;

	assert_int_equal(mm_exec_spawn(r->env->x, &task, &mask, fn, r), 0);
	mm_exec_join(r->env->x, &task);
	assert_no_failure(&r->failure, r->env->x->seed);
}

static void take_bare(struct rig *r, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		bool got = mm_sync_spin_trylock_bare(&r->lock, mm_task_current());

		expect_in_task(&r->failure, got, i);
		if (!got)
			return;
		r->takes++;
		mm_spin_unlock_bare(&r->lock);
	}
}

static bool take_quick(struct rig *r)
{
	const struct mm_task *me = mm_task_current();

	if (!mm_spin_enter_quick(&r->lock, me))
		return false;
	r->takes++;
	expect_in_task(&r->failure, *me->quick == 1, *me->quick);
	mm_spin_leave_quick(me);
	expect_in_task(&r->failure, *me->quick == 0, *me->quick);
	return true;
}

static void expect_none(struct rig *r)
{
	expect_in_task(&r->failure, !r->lock.bias, r->lock.in_a_row);
	expect_in_task(&r->failure, !take_quick(r), r->lock.in_a_row);
}

static void expect_mine(struct rig *r)
{
	expect_in_task(&r->failure, r->lock.bias == mm_task_current()->quick, r->lock.in_a_row);
	expect_in_task(&r->failure, take_quick(r), r->lock.in_a_row);
}

static void see_whether_quick(void *arg)
{
	struct rig *r = arg;

	r->lock.latest = mm_task_current()->quick;
}

/* Have tasks a flag of their thread? */
static bool threads_have_flags(struct rig *r)
{
	bool has;

	on_cpu(r, 0, see_whether_quick);
	has = r->lock.latest;
	r->lock.latest = NULL;
	return has;
}

/* A native machine; false: nothing is biased here, and it is closed. */
static bool rig_open_biased(struct rig *r)
{
	rig_open(r, MMSIM_NATIVE, false);
	if (threads_have_flags(r))
		return true;
	rig_close(r);
	return false;
}

#define open_biased_or_skip(r)           \
	do {                             \
		if (!rig_open_biased(r)) \
			skip();          \
	} while (0)

/* So that the skipping below is for a reason. */
static void there_are_flags_where_there_is_a_barrier(void **state)
{
	long has = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	struct rig r;

	(void)state;
	rig_open(&r, MMSIM_NATIVE, false);
	assert_int_equal(threads_have_flags(&r),
			 !MM_TSAN && has > 0 && has & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	rig_close(&r);
}

static void take_until_mine(void *arg)
{
	struct rig *r = arg;

	take_bare(r, IN_A_ROW - 1);
	expect_none(r);
	/* Whether the first of a row counts depends on who came before. */
	take_bare(r, 2);
	expect_mine(r);
	/* It stays, by whatever way the thread goes in. */
	take_bare(r, MANY);
	expect_mine(r);
}

static void still_mine(void *arg)
{
	expect_mine(arg);
}

static void often_in_a_row_gives_it(void **state)
{
	struct rig r;

	(void)state;
	open_biased_or_skip(&r);
	on_cpu(&r, 0, take_until_mine);
	/* It is the thread's, not the task's. */
	on_cpu(&r, 0, still_mine);
	assert_int_equal(r.lock.lock.contended, 0);
	rig_close(&r);
}

static void take_nearly_enough(void *arg)
{
	take_bare(arg, IN_A_ROW - 1);
	expect_none(arg);
}

static void take_once(void *arg)
{
	take_bare(arg, 1);
	expect_none(arg);
}

/* Another thread, be it without a flag, between: it begins anew. */
static void a_row_is_of_one_thread(void **state)
{
	struct rig r;

	(void)state;
	open_biased_or_skip(&r);
	for (int i = 0; i < 4; i++) {
		on_cpu(&r, 0, take_nearly_enough);
		if (i % 2)
			on_cpu(&r, 1, take_once);
		else
			take_once(&r);
	}
	on_cpu(&r, 0, take_until_mine);
	rig_close(&r);
}

static void by_lock(void *arg)
{
	struct rig *r = arg;

	mm_spin_lock(&r->lock);
	r->takes++;
	expect_in_task(&r->failure, !r->lock.bias, r->lock.in_a_row);
	mm_spin_unlock(&r->lock);
	expect_none(r);
}

static void by_trylock(void *arg)
{
	struct rig *r = arg;

	expect_in_task(&r->failure, mm_spin_trylock(&r->lock), 0);
	r->takes++;
	expect_in_task(&r->failure, !r->lock.bias, r->lock.in_a_row);
	mm_spin_unlock(&r->lock);
	expect_none(r);
}

static void not_mine(void *arg)
{
	struct rig *r = arg;

	expect_in_task(&r->failure, r->lock.bias != NULL, r->lock.in_a_row);
	expect_in_task(&r->failure, !take_quick(r), r->lock.in_a_row);
}

/* `how` by a thread without a flag and by one that has its own. S2: then the first must earn it anew. */
static void taken_away(void (*how)(void *arg))
{
	struct rig r;

	open_biased_or_skip(&r);
	for (int i = 0; i < 4; i++) {
		on_cpu(&r, 0, take_until_mine);
		on_cpu(&r, 1, not_mine);
		not_mine(&r);
		if (i % 2)
			on_cpu(&r, 1, how);
		else
			how(&r);
	}
	on_cpu(&r, 0, take_until_mine);
	rig_close(&r);
}

static void any_other_taker_takes_it_away(void **state)
{
	(void)state;
	taken_away(by_lock);
	taken_away(by_trylock);
	taken_away(take_once);
}

static void lock_and_keep(void *arg)
{
	struct rig *r = arg;

	mm_spin_lock(&r->lock);
	mm_spin_unlock(&r->lock);
	expect_in_task(&r->failure, mm_spin_trylock(&r->lock), 0);
	mm_spin_unlock(&r->lock);
	r->takes += 2;
	expect_mine(r);
}

/* S3 speaks of others. */
static void its_own_thread_keeps_it(void **state)
{
	struct rig r;

	(void)state;
	open_biased_or_skip(&r);
	on_cpu(&r, 0, take_until_mine);
	on_cpu(&r, 0, lock_and_keep);
	rig_close(&r);
}

static void take_plainly(void *arg)
{
	struct rig *r = arg;

	for (int i = 0; i < MANY; i++) {
		if (i % 2)
			mm_spin_lock(&r->lock);
		else
			expect_in_task(&r->failure, mm_spin_trylock(&r->lock), i);
		mm_spin_unlock(&r->lock);
		r->takes++;
	}
	expect_none(r);
}

/* Those who take watched locks come only this way. */
static void plain_takers_never_get_it(void **state)
{
	struct rig r;

	(void)state;
	for (int timed = 0; timed < 2; timed++) {
		rig_open(&r, MMSIM_NATIVE, timed);
		on_cpu(&r, 0, take_plainly);
		rig_close(&r);
	}
}

static void take_in_vain(void *arg)
{
	struct rig *r = arg;

	expect_in_task(&r->failure, !mm_task_current()->quick, 0);
	take_bare(r, MANY);
	expect_none(r);
}

static void fibers_never_get_it(void **state)
{
	struct rig r;

	rig_open(&r, mode_of(state), false);
	on_cpu(&r, 0, take_in_vain);
	rig_close(&r);
}

static void attached_threads_never_get_it(void **state)
{
	struct rig r;

	rig_open(&r, mode_of(state), false);
	take_in_vain(&r);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_flags_where_there_is_a_barrier),
		cmocka_unit_test(often_in_a_row_gives_it),
		cmocka_unit_test(a_row_is_of_one_thread),
		cmocka_unit_test(any_other_taker_takes_it_away),
		cmocka_unit_test(its_own_thread_keeps_it),
		cmocka_unit_test(plain_takers_never_get_it),
		in_mode(fibers_never_get_it, MMSIM_SERIAL, "serial"),
		in_mode(fibers_never_get_it, MMSIM_VIRTUAL, "virtual"),
		in_mode(fibers_never_get_it, MMSIM_EXPLORE, "explore"),
		in_all_modes(attached_threads_never_get_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
