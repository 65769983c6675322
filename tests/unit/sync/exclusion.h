/* SPDX-License-Identifier: MIT */
/* What every exclusive lock must keep, whatever its kind: one holder at a time, exact statistics. */
#ifndef EXCLUSION_H
#define EXCLUSION_H

#include "exec_env.h"
#include "first_failure.h"

enum { EXCLUSION_TASKS = 4, EXCLUSION_TURNS = 3000 };

struct exclusion {
	struct env *env;
	void *object; /* the lock */
	const struct mm_lock *lock; /* its common part */
	void (*take)(void *object);
	void (*release)(void *object);
	unsigned inside; /* plain: only the holder may touch it */
	uint64_t count; /* plain */
	struct first_failure failure;
};

static void exclusion_turn(struct exclusion *e, bool yield)
{
	e->take(e->object);
	expect_in_task(&e->failure, mm_lock_held(e->lock), mm_lock_owner(e->lock));
	expect_in_task(&e->failure, e->inside++ == 0, e->inside);
	/* The one place where a serial task lets others in. */
	if (yield)
		env_yield(e->env->x);
	e->count++;
	expect_in_task(&e->failure, --e->inside == 0, e->inside);
	e->release(e->object);
	expect_in_task(&e->failure, !mm_lock_held(e->lock), mm_lock_owner(e->lock));
}

static void exclusion_task(void *arg)
{
	struct exclusion *e = arg;

	for (int i = 0; i < EXCLUSION_TURNS; i++)
		exclusion_turn(e, mm_rng_below(&mm_task_current()->rng, 16) == 0);
}

static void exclusion_run(struct exclusion *e)
{
	const uint64_t turns = (uint64_t)EXCLUSION_TASKS * EXCLUSION_TURNS;

	env_run(e->env, EXCLUSION_TASKS, exclusion_task, e, 0);
	assert_no_failure(&e->failure, e->env->x->seed);
	assert_int_equal(e->count, turns);
	assert_int_equal(e->lock->acquired, turns);
	assert_in_range(e->lock->contended, 0, turns);
	assert_int_equal(mm_lock_owner(e->lock), 0);
}

#endif
