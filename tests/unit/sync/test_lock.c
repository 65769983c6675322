/* SPDX-License-Identifier: MIT */
/* lib/sync/lock.h: the register and its sums, ranks, and K1 and K2 by the programs they stop. */
#include "spinlock.h"

#include "exec_env.h"

#include "child_dies.h"

static void ranks_have_names(void **state)
{
	(void)state;
	for (int a = 0; a < MM_NR_RANKS; a++) {
		assert_non_null(mm_sync_rank_name((enum mm_lock_rank)a));
		for (int b = 0; b < a; b++)
			assert_string_not_equal(mm_sync_rank_name((enum mm_lock_rank)a),
						mm_sync_rank_name((enum mm_lock_rank)b));
	}
	assert_string_equal(mm_sync_rank_name(MM_RANK_ZONE), "zone->lock");
	assert_string_equal(mm_sync_rank_name(MM_RANK_PCP), "pcp->lock");
}

static void take_times(struct mm_spinlock *s, int times)
{
	while (times--) {
		mm_spin_lock(s);
		mm_spin_unlock(s);
	}
}

/* The sums are those of one rank; the figures of locks that are gone stay in them. */
static void sums(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });
	struct mm_spinlock a, b, c;

	mm_sync_spin_init(&a, &e->locks, MM_RANK_PCP);
	mm_sync_spin_init(&b, &e->locks, MM_RANK_PCP);
	mm_sync_spin_init(&c, &e->locks, MM_RANK_ZONE);
	take_times(&a, 3);
	take_times(&b, 4);
	take_times(&c, 10);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_PCP).locks, 2);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_PCP).acquired, 7);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_PCP).contended, 0);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_ZONE).acquired, 10);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_BOOT).locks, 0);
	mm_sync_spin_fini(&b);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_PCP).locks, 1);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_PCP).acquired, 7);
	mm_sync_spin_fini(&a);
	mm_sync_spin_fini(&c);
	env_close(e);
}

/* Two clock readings per acquisition, and a clock that goes up by one: one of hold for each. */
static void times_in_serial(void **state)
{
	const struct env_shape shape = { .mode = MMSIM_SERIAL, .nr_cpus = 1, .timed = true };
	struct env *e = env_open(&shape);
	struct mm_spinlock s;
	struct mm_lock_sum sum;

	(void)state;
	mm_sync_spin_init(&s, &e->locks, MM_RANK_ZONE);
	take_times(&s, 5);
	mm_spin_lock(&s);
	mm_exec_sleep_until(e->x, mm_exec_now(e->x) + 1000);
	mm_spin_unlock(&s);
	sum = mm_sync_lockset_sum(&e->locks, MM_RANK_ZONE);
	assert_in_range(sum.hold_ns, 1005, 1020);
	assert_int_equal(sum.wait_ns, 0);
	mm_sync_spin_fini(&s);
	env_close(e);
}

static void no_times_unless_asked(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 1 });
	struct mm_spinlock s;

	mm_sync_spin_init(&s, &e->locks, MM_RANK_ZONE);
	take_times(&s, 50);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_ZONE).hold_ns, 0);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_ZONE).wait_ns, 0);
	mm_sync_spin_fini(&s);
	env_close(e);
}

struct churn {
	struct mm_lockset *set;
	struct mm_spinlock stays;
};

static void come_and_go(void *arg)
{
	struct churn *c = arg;

	for (int i = 0; i < 500; i++) {
		struct mm_spinlock s;

		mm_sync_spin_init(&s, c->set, MM_RANK_PCP);
		take_times(&s, 1);
		take_times(&c->stays, 1);
		mm_sync_lockset_sum(c->set, MM_RANK_PCP);
		mm_sync_spin_fini(&s);
	}
}

static void locks_come_and_go(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	struct churn c = { .set = &e->locks };

	mm_sync_spin_init(&c.stays, &e->locks, MM_RANK_PCP);
	env_run(e, 4, come_and_go, &c, 0);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_PCP).locks, 1);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_PCP).acquired, 4000);
	mm_sync_spin_fini(&c.stays);
	env_close(e);
}

/* Two locks of the ranks named, and what a child does with them. */
struct play {
	enum mm_lock_rank a, b;
	const char *moves; /* "Aa": take and release a */
};

static void play_move(struct mm_spinlock *a, struct mm_spinlock *b, char move)
{
	switch (move) {
	case 'A':
		mm_spin_lock(a);
		break;
	case 'a':
		mm_spin_unlock(a);
		break;
	case 'B':
		mm_spin_lock(b);
		break;
	case 'b':
		mm_spin_unlock(b);
		break;
	case 'T':
		mm_spin_trylock(b);
		break;
	}
}

static void play(void *arg)
{
	const struct play *p = arg;
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 1 });
	struct mm_spinlock a, b;

	mm_sync_spin_init(&a, &e->locks, p->a);
	mm_sync_spin_init(&b, &e->locks, p->b);
	for (const char *move = p->moves; *move; move++)
		play_move(&a, &b, *move);
	mm_sync_spin_fini(&a);
	mm_sync_spin_fini(&b);
	env_close(e);
}

static bool play_dies(enum mm_lock_rank a, enum mm_lock_rank b, const char *moves, const char *text)
{
	return child_dies(play, &(struct play){ a, b, moves }, text);
}

static void K1_stops(void **state)
{
	(void)state;
	if (!MM_DEBUG)
		skip();
	assert_true(play_dies(MM_RANK_PCP, MM_RANK_ZONE, "ABba", NULL));
	assert_true(play_dies(MM_RANK_PCP, MM_RANK_ZONE, "ATba", NULL));
	assert_true(play_dies(MM_RANK_PCP, MM_RANK_ZONE, "BbAa", NULL));
	assert_true(play_dies(MM_RANK_ZONE, MM_RANK_PCP, "AB", "K1: lock order"));
	assert_true(play_dies(MM_RANK_ZONE, MM_RANK_PCP, "AT", "K1: lock order"));
	assert_true(play_dies(MM_RANK_ZONE, MM_RANK_ZONE, "AB", "K1: lock order"));
	assert_true(play_dies(MM_RANK_ZONE, MM_RANK_ZONE, "AA", "K1: lock order"));
}

/* Locks may be released in any order; what is still held counts. */
static void K1_after_release(void **state)
{
	(void)state;
	if (!MM_DEBUG)
		skip();
	assert_true(play_dies(MM_RANK_PCP, MM_RANK_ZONE, "ABabABba", NULL));
	assert_true(play_dies(MM_RANK_PCP, MM_RANK_ZONE, "ABaA", "K1: lock order"));
	assert_true(play_dies(MM_RANK_PCP, MM_RANK_ZONE, "ABbBba", NULL));
}

static void K2_stops(void **state)
{
	(void)state;
	assert_true(play_dies(MM_RANK_PCP, MM_RANK_ZONE, "A", "lock free when it goes"));
	if (!MM_DEBUG)
		skip();
	assert_true(play_dies(MM_RANK_PCP, MM_RANK_ZONE, "a", "K2: released by its owner"));
	assert_true(play_dies(MM_RANK_PCP, MM_RANK_ZONE, "Aaa", "K2: released by its owner"));
}

static void release_it(void *arg)
{
	mm_spin_unlock(arg);
}

static void release_for_another(void *arg)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(arg), .nr_cpus = 2 });
	struct mm_spinlock s;

	mm_sync_spin_init(&s, &e->locks, MM_RANK_ZONE);
	mm_spin_lock(&s);
	env_run(e, 1, release_it, &s, 0);
}

static void K2_foreign_release(void **state)
{
	if (!MM_DEBUG)
		skip();
	assert_true(child_dies(release_for_another, state, "K2: released by its owner"));
}

static void forget_a_lock(void *arg)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 1 });
	struct mm_spinlock s;

	(void)arg;
	mm_sync_spin_init(&s, &e->locks, MM_RANK_ZONE);
	mm_sync_lockset_fini(&e->locks);
}

static void forgotten_lock_stops(void **state)
{
	(void)state;
	assert_true(child_dies(forget_a_lock, NULL, "every lock unregistered"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranks_have_names), in_all_modes(sums),
		cmocka_unit_test(times_in_serial),  in_all_modes(no_times_unless_asked),
		in_all_modes(locks_come_and_go),    cmocka_unit_test(K1_stops),
		cmocka_unit_test(K1_after_release), cmocka_unit_test(K2_stops),
		in_all_modes(K2_foreign_release),   cmocka_unit_test(forgotten_lock_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
