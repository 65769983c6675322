/* SPDX-License-Identifier: MIT */
/* The exploring back end: planted races within bounds, counted schedules, replay, reports. */
#include "exec_fixture.h"

#include <mmsim/explore.h>

#include "dfs.h"

#define MAX_CHOICES 256

/* A program: nr tasks that run fn on the same state. They race on purpose: ThreadSanitizer looks away. */
struct program {
	void (*fn)(struct program *p, unsigned me);
	unsigned nr;
	bool (*failed)(const struct program *p);
	struct mm_exec *x;
	unsigned shared, done, highest;
	uint32_t flag;
	uint64_t woke[4];
	char order[64]; /* who passed, step by step */
	unsigned len;
};

struct runner {
	struct program *p;
	struct mm_task task;
	unsigned me;
};

static struct mmsim_choice choices[MAX_CHOICES];

static void run_task(void *arg)
{
	struct runner *r = arg;

	r->p->fn(r->p, r->me);
}

static void open_explore(struct env *e, struct mmsim_explore *how, uint64_t seed)
{
	static const struct mmsim_fault none[MMSIM_NR_FAULT_KINDS];
	struct mm_exec_config cfg = {
		.mode = MMSIM_EXPLORE,
		.nr_cpus = 2,
		.seed = seed,
		.explore = how,
		.meta = &e->meta,
		.fault = &e->fault,
		.log = &e->log,
	};

	how->choice = choices;
	how->choice_room = MAX_CHOICES;
	mm_base_fault_init(&e->fault, none);
	mm_base_log_init(&e->log, log_to_stderr, NULL);
	assert_int_equal(mm_base_meta_init(&e->meta, &e->fault), 0);
	assert_int_equal(mm_exec_create(&cfg, &e->x), 0);
	assert_true(mm_exec_attach(e->x, &e->guest));
}

/* Once; did it fail? */
static bool run(const struct program *program, struct mmsim_explore *how, uint64_t seed,
		struct program *after)
{
	struct program p = *program;
	struct runner r[4];
	struct env e;

	open_explore(&e, how, seed);
	p.x = e.x;
	for (unsigned i = 0; i < p.nr; i++) {
		r[i] = (struct runner){ .p = &p, .me = i };
		assert_int_equal(mm_exec_spawn(e.x, &r[i].task, NULL, run_task, &r[i]), 0);
	}
	for (unsigned i = 0; i < p.nr; i++)
		mm_exec_join(e.x, &r[i].task);
	env_close(&e);
	if (after)
		*after = p;
	return p.failed && p.failed(&p);
}

static void point(struct program *p)
{
	mm_exec_point(p->x, MM_POINT_ATOMIC, NULL);
}

/* A lost update: needs one preemption, between the read and the write. */
static MM_NO_TSAN void add_one(struct program *p, unsigned me)
{
	unsigned seen = p->shared;

	(void)me;
	point(p);
	p->shared = seen + 1;
}

static bool is_short(const struct program *p)
{
	return p->shared != p->nr;
}

static const struct program lost_update = { .fn = add_one, .nr = 2, .failed = is_short };

/*
 * Task 0 opens a first window, closes it, and opens a second one. Task 1 sees both: it must come in while
 * the first is open and be stopped before it looks again. Two preemptions.
 */
static MM_NO_TSAN void open_twice(struct program *p, unsigned me)
{
	if (me == 0) {
		for (unsigned i = 1; i <= 2; i++) {
			p->shared = 0;
			point(p);
			p->shared = i;
			point(p);
		}
	} else if (me == 1) {
		unsigned first = p->shared;

		point(p);
		p->done = first == 1 && p->shared == 2;
	}
}

static bool is_done(const struct program *p)
{
	return p->done;
}

static const struct program two_windows = { .fn = open_twice, .nr = 2, .failed = is_done };

static unsigned dfs_runs; /* of the latest search */

/* All schedules with so many preemptions, or up to the first that fails: did one? */
static bool dfs_finds(const struct program *p, uint32_t preemptions, bool all)
{
	struct mmsim_explore how = { .policy = MMSIM_POLICY_DFS, .depth = preemptions };
	bool found = false;

	how.dfs = mm_exec_dfs_create();
	dfs_runs = 0;
	do {
		found |= run(p, &how, 1, NULL);
		assert_true(++dfs_runs < 20000);
	} while ((all || !found) && mm_exec_dfs_next(how.dfs));
	mm_exec_dfs_destroy(how.dfs);
	return found;
}

static void dfs_within_its_bound(void **state)
{
	(void)state;
	assert_false(dfs_finds(&lost_update, 0, true));
	assert_true(dfs_finds(&lost_update, 1, true));
	assert_false(dfs_finds(&two_windows, 0, true));
	assert_false(dfs_finds(&two_windows, 1, true));
	assert_true(dfs_finds(&two_windows, 2, true));
}

/* Which orders of "each passes so many points" there are. */
static MM_NO_TSAN void pass(struct program *p, unsigned me)
{
	p->order[p->len++] = (char)('a' + me);
	point(p);
	p->order[p->len++] = (char)('a' + me);
}

#define MOST_ORDERS 512

static unsigned count_orders(unsigned nr, uint32_t preemptions)
{
	static char seen[MOST_ORDERS][16];
	struct mmsim_explore how = { .policy = MMSIM_POLICY_DFS, .depth = preemptions };
	const struct program p = { .fn = pass, .nr = nr };
	struct program after;
	unsigned orders = 0;

	how.dfs = mm_exec_dfs_create();
	do {
		unsigned i = 0;

		run(&p, &how, 1, &after);
		after.order[after.len] = '\0';
		while (i < orders && strcmp(seen[i], after.order))
			i++;
		if (i == orders) {
			assert_true(orders < MOST_ORDERS);
			strcpy(seen[orders++], after.order);
		}
	} while (mm_exec_dfs_next(how.dfs));
	mm_exec_dfs_destroy(how.dfs);
	return orders;
}

/* aabb bbaa without preemption; with one abba and baab more, or abab and baba; 4! / 2! 2! in all. */
static void dfs_counts(void **state)
{
	(void)state;
	assert_int_equal(count_orders(1, 3), 1);
	assert_int_equal(count_orders(2, 0), 2);
	assert_int_equal(count_orders(2, 2), 6);
	assert_int_equal(count_orders(2, 9), 6);
	assert_int_equal(count_orders(3, 0), 6);
	assert_int_equal(count_orders(3, 3), 90); /* 6! / 2! 2! 2!: each is put off once at most */
}

static unsigned runs_until(const struct program *p, struct mmsim_explore *how, unsigned most)
{
	for (unsigned seed = 1; seed <= most; seed++)
		if (run(p, how, seed, NULL))
			return seed;
	return 0;
}

static void random_and_pct_find(void **state)
{
	struct mmsim_explore random = { .policy = MMSIM_POLICY_RANDOM };
	struct mmsim_explore pct = { .policy = MMSIM_POLICY_PCT, .depth = 2, .steps_expected = 12 };

	(void)state;
	assert_in_range(runs_until(&lost_update, &random, 50), 1, 50);
	assert_in_range(runs_until(&two_windows, &random, 400), 1, 400);
	/* At most one change point: 1 in 4 * 12 or better, as PCT promises. */
	assert_in_range(runs_until(&lost_update, &pct, 200), 1, 200);
	pct.depth = 3;
	assert_in_range(runs_until(&two_windows, &pct, 3000), 1, 3000);
	/* Priorities alone never preempt here. */
	pct.depth = 1;
	assert_int_equal(runs_until(&lost_update, &pct, 200), 0);
}

/* Waits, time, yields: what a run can do. */
static MM_NO_TSAN void do_things(struct program *p, unsigned me)
{
	for (unsigned i = 0; i < 5; i++) {
		point(p);
		if (i % 2)
			p->x->ops->yield(p->x);
		if (me == 1)
			mm_exec_sleep_until(p->x, mm_exec_now(p->x) + 7 * i);
		if (p->len < sizeof(p->order))
			p->order[p->len++] = (char)('a' + me);
	}
}

static const struct program things = { .fn = do_things, .nr = 3 };

static void same_seed_same_run(void **state)
{
	(void)state;
	for (uint32_t policy = MMSIM_POLICY_RANDOM; policy <= MMSIM_POLICY_PCT; policy++) {
		struct mmsim_explore how = { .policy = policy, .depth = 3, .steps_expected = 50 };
		unsigned others = 0;

		for (uint64_t seed = 1; seed <= 20; seed++) {
			uint64_t hash, steps;
			void *noise;

			run(&things, &how, seed, NULL);
			hash = how.hash;
			steps = how.steps;
			noise = malloc(1000 * seed);
			run(&things, &how, seed, NULL);
			free(noise);
			assert_int_equal(how.hash, hash);
			assert_int_equal(how.steps, steps);
			run(&things, &how, seed + 100, NULL);
			others += how.hash != hash;
		}
		assert_in_range(others, 10, 20);
	}
}

/* With the same hash, though the seed is another: also where time jumped. */
static void replay_repeats(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct mmsim_explore how = {
			.policy = seed % 2 ? MMSIM_POLICY_RANDOM : MMSIM_POLICY_PCT,
			.depth = 3,
			.steps_expected = 40,
		};
		struct mmsim_explore again = { .policy = MMSIM_POLICY_REPLAY };
		struct mmsim_choice schedule[MAX_CHOICES];
		struct program first, second;

		run(&things, &how, seed, &first);
		assert_in_range(how.nr_choices, 1, MAX_CHOICES);
		memcpy(schedule, choices, sizeof(schedule));
		again.replay = schedule;
		again.nr_replay = how.nr_choices;
		run(&things, &again, 99, &second);
		assert_int_equal(again.diverged, 0);
		assert_int_equal(again.steps, how.steps);
		assert_int_equal(again.hash, how.hash);
		assert_int_equal(again.nr_choices, how.nr_choices);
		assert_memory_equal(choices, schedule, how.nr_choices * sizeof(schedule[0]));
		assert_memory_equal(first.order, second.order, sizeof(first.order));
	}
}

/* The schedule has every step that was not the default, and says which were preemptions. */
static void choices_are_recorded(void **state)
{
	struct mmsim_explore how = { .policy = MMSIM_POLICY_REPLAY };
	struct program after;
	/* Steps 1 and 2: both are made; 3: the first joins; a runs up to its point, 4: b instead. */
	const struct mmsim_choice swap[] = { { .step = 4, .task = 3, .preempted = 1 } };

	(void)state;
	run(&(struct program){ .fn = pass, .nr = 2 }, &how, 1, &after);
	assert_string_equal(after.order, "aabb");
	assert_int_equal(how.nr_choices, 0);
	how.replay = swap;
	how.nr_replay = 1;
	run(&(struct program){ .fn = pass, .nr = 2 }, &how, 1, &after);
	assert_string_equal(after.order, "abba");
	assert_int_equal(how.nr_choices, 1);
	assert_memory_equal(choices, swap, sizeof(swap));
	assert_int_equal(how.diverged, 0);
}

static void diverged_says_where(void **state)
{
	const struct mmsim_choice wrong[] = { { .step = 4, .task = 3 }, { .step = 6, .task = 77 } };
	struct mmsim_explore how = {
		.policy = MMSIM_POLICY_REPLAY,
		.replay = wrong,
		.nr_replay = 2,
	};
	struct program after;

	(void)state;
	run(&(struct program){ .fn = pass, .nr = 2 }, &how, 1, &after);
	assert_int_equal(how.diverged, 6);
	assert_int_equal(after.len, 4);
}

/* Not more is written than there is room for. */
static void schedule_is_cut(void **state)
{
	struct mmsim_explore how = { .policy = MMSIM_POLICY_RANDOM };
	struct mmsim_choice sentinel = { .step = 4711 };
	struct env e;

	(void)state;
	choices[2] = sentinel;
	open_explore(&e, &how, 3);
	how.choice_room = 2;
	for (int i = 0; i < 10; i++) {
		struct slot slot = { .x = e.x };

		assert_int_equal(mm_exec_spawn(e.x, &slot.task, NULL, record, &slot), 0);
		for (int k = 0; k < 10; k++)
			e.x->ops->yield(e.x);
		mm_exec_join(e.x, &slot.task);
	}
	env_close(&e);
	assert_true(how.nr_choices > 2);
	assert_int_equal(choices[2].step, 4711);
}

/* Polls for another's flag: the search ends although a poll could go on for ever. */
static MM_NO_TSAN void poll_or_set(struct program *p, unsigned me)
{
	if (me == 0)
		while (!p->flag)
			p->x->ops->yield(p->x);
	else
		p->flag = 1;
}

static void polling_ends(void **state)
{
	struct mmsim_explore pct = { .policy = MMSIM_POLICY_PCT, .depth = 3, .steps_expected = 5 };
	const struct program polls = { .fn = poll_or_set, .nr = 3 };

	(void)state;
	for (uint32_t bound = 0; bound < 3; bound++) {
		dfs_finds(&polls, bound, true);
		print_message("  bound %u: %u schedules\n", bound, dfs_runs);
	}
	for (uint64_t seed = 1; seed < 100; seed++)
		run(&polls, &pct, seed, NULL);
}

/* Deadlines come in their order when nobody can run, in no real time. */
static MM_NO_TSAN void sleep_long(struct program *p, unsigned me)
{
	static const uint64_t hours[] = { 3, 1, 2, 1 };
	uint64_t until = hours[me] * UINT64_C(3600000000000);

	mm_exec_sleep_until(p->x, until);
	p->woke[me] = mm_exec_now(p->x);
	p->done += p->woke[me] < until;
}

static void time_jumps(void **state)
{
	struct mmsim_explore how = { .policy = MMSIM_POLICY_REPLAY };
	struct program after;

	(void)state;
	run(&(struct program){ .fn = sleep_long, .nr = 4 }, &how, 1, &after);
	assert_int_equal(after.done, 0);
	assert_true(after.woke[1] < after.woke[2] && after.woke[2] < after.woke[0]);
	assert_true(after.woke[1] < after.woke[3] && after.woke[3] < after.woke[2]);
	assert_true(after.woke[0] < UINT64_C(3) * 3600000000000 + 100);
	for (uint64_t seed = 1; seed < 30; seed++) {
		how.policy = MMSIM_POLICY_RANDOM;
		run(&(struct program){ .fn = sleep_long, .nr = 4 }, &how, seed, &after);
		assert_int_equal(after.done, 0);
	}
}

/* To a task that can run, a deadline may come early: it was slow. */
static MM_NO_TSAN void time_out_or_not(struct program *p, unsigned me)
{
	if (me == 0) {
		p->done = mm_exec_park(p->x, &p->flag, 0, 1000000) == -ETIMEDOUT && !p->flag;
	} else {
		point(p);
		point(p);
		p->flag = 1;
		mm_exec_unpark(p->x, &p->flag, 1);
	}
}

static void random_jumps_time(void **state)
{
	struct mmsim_explore how = { .policy = MMSIM_POLICY_RANDOM };
	const struct program p = { .fn = time_out_or_not, .nr = 2, .failed = is_done };

	(void)state;
	assert_in_range(runs_until(&p, &how, 300), 1, 300);
	how.policy = MMSIM_POLICY_REPLAY;
	assert_false(run(&p, &how, 1, NULL));
}

/* The invariant */

static void count_call(void *ctx)
{
	++*(uint64_t *)ctx;
}

static void invariant_after_every_step(void **state)
{
	uint64_t calls = 0;
	struct mmsim_explore how = {
		.policy = MMSIM_POLICY_RANDOM,
		.invariant = count_call,
		.invariant_ctx = &calls,
	};

	(void)state;
	run(&things, &how, 1, NULL);
	assert_int_equal(calls, how.steps);
	assert_true(calls > 20);
}

/* Reports */

static void spin_for_ever(struct program *p, unsigned me)
{
	(void)me;
	for (;;)
		p->x->ops->yield(p->x);
}

static void run_livelock(void)
{
	struct mmsim_explore how = { .policy = MMSIM_POLICY_RANDOM, .max_steps = 500 };

	run(&(struct program){ .fn = spin_for_ever, .nr = 2 }, &how, 1, NULL);
}

/* The longest run that is allowed, exactly. */
static void run_to_the_limit(void)
{
	struct mmsim_explore how = { .policy = MMSIM_POLICY_REPLAY };

	run(&things, &how, 1, NULL);
	how.max_steps = how.steps;
	run(&things, &how, 1, NULL);
	fputs("within the limit\n", stderr);
	how.max_steps = how.steps - 1;
	run(&things, &how, 1, NULL);
}

static void livelock_is_reported(void **state)
{
	(void)state;
	assert_true(dies_with(run_livelock, "broken: livelock"));
	assert_true(dies_with(run_to_the_limit, "within the limit\nmmsim: broken: livelock"));
}

static void wait_for_flag(struct program *p, unsigned me)
{
	mm_task_current()->nr_held = me;
	mm_task_current()->held_name[0] = "a lock of the test";
	mm_task_current()->waits_for = me ? "another lock" : NULL;
	mm_exec_park(p->x, &p->flag, 0, MM_NEVER);
}

static void run_deadlock(void)
{
	struct mmsim_explore how = { .policy = MMSIM_POLICY_RANDOM };

	run(&(struct program){ .fn = wait_for_flag, .nr = 2 }, &how, 1, NULL);
}

static void deadlock_is_reported(void **state)
{
	(void)state;
	assert_true(dies_with(run_deadlock, "broken: deadlock"));
	assert_true(dies_with(run_deadlock, "task 2 on cpu 1 waits for a word"));
	assert_true(dies_with(run_deadlock,
			      "task 3 on cpu 0 waits for another lock (word is 0), holds 1 locks"));
	assert_true(dies_with(run_deadlock, "task 3 holds a lock of the test"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dfs_within_its_bound),
		cmocka_unit_test(dfs_counts),
		cmocka_unit_test(random_and_pct_find),
		cmocka_unit_test(same_seed_same_run),
		cmocka_unit_test(replay_repeats),
		cmocka_unit_test(choices_are_recorded),
		cmocka_unit_test(diverged_says_where),
		cmocka_unit_test(schedule_is_cut),
		cmocka_unit_test(polling_ends),
		cmocka_unit_test(time_jumps),
		cmocka_unit_test(random_jumps_time),
		cmocka_unit_test(invariant_after_every_step),
		cmocka_unit_test(livelock_is_reported),
		cmocka_unit_test(deadlock_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
