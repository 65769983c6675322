/* SPDX-License-Identifier: MIT */
/* What every back end must do, in each mode: spawn, join, wait, draw random numbers. */
#include "exec_fixture.h"

/* Spawn and join */

static void spawn_join(void **state)
{
	struct env e;

	env_open(&e, mode_of(state), NR_CPUS);
	assert_false(mm_exec_attach(e.x, &e.guest)); /* is one already */
	spawn_and_check(&e, 1);
	spawn_and_check(&e, NR_CPUS);
	spawn_and_check(&e, MAX_TASKS);
	env_close(&e);
	assert_null(mm_task_current());
}

/* E2: the memory of a task goes the moment it is joined. For AddressSanitizer to watch. */
static void task_memory_goes(void **state)
{
	struct env e;

	env_open(&e, mode_of(state), NR_CPUS);
	for (int i = 0; i < 300; i++) {
		struct slot *slot = test_calloc(1, sizeof(*slot));

		slot->x = e.x;
		assert_int_equal(mm_exec_spawn(e.x, &slot->task, NULL, record, slot), 0);
		mm_exec_join(e.x, &slot->task);
		assert_int_equal(slot->runs, 1);
		memset(slot, 0xff, sizeof(*slot));
		test_free(slot);
	}
	env_close(&e);
}

/* Which CPU */

struct gate {
	struct mm_exec *x;
	uint32_t open; /* atomic */
};

static void wait_at_gate(void *arg)
{
	struct gate *gate = arg;

	while (!__atomic_load_n(&gate->open, __ATOMIC_ACQUIRE))
		mm_exec_park(gate->x, &gate->open, 0, MM_NEVER);
}

static void open_gate(struct gate *gate)
{
	__atomic_store_n(&gate->open, 1, __ATOMIC_RELEASE);
	mm_exec_unpark(gate->x, &gate->open, UINT32_MAX);
}

/* All wait, so the loads are known: two rounds over the CPUs, the own one last in each. */
static void spawn_spreads(void **state)
{
	struct mm_task task[2 * NR_CPUS + 1];
	struct mm_cpumask only = mm_cpumask_of(1);
	struct env e;
	struct gate gate = { .open = 0 };
	unsigned n = 0;

	env_open(&e, mode_of(state), NR_CPUS);
	gate.x = e.x;
	for (int round = 0; round < 2; round++) {
		for (unsigned cpu = 0; cpu < NR_CPUS; cpu++) {
			if (cpu == e.guest.cpu)
				continue;
			assert_int_equal(mm_exec_spawn(e.x, &task[n], NULL, wait_at_gate, &gate),
					 0);
			assert_int_equal(task[n++].cpu, cpu);
		}
		assert_int_equal(mm_exec_spawn(e.x, &task[n], NULL, wait_at_gate, &gate), 0);
		assert_int_equal(task[n++].cpu, e.guest.cpu);
	}
	assert_int_equal(mm_exec_spawn(e.x, &task[n], &only, wait_at_gate, &gate), 0);
	assert_int_equal(task[n++].cpu, 1);
	open_gate(&gate);
	while (n--)
		mm_exec_join(e.x, &task[n]);
	env_close(&e);
}

static struct mm_exec *open_smt(struct env *e)
{
	static const struct mmsim_cpu smt[NR_CPUS] = {
		{ .core = 0 }, { .core = 0 }, { .core = 1 }, { .core = 1 }
	};

	assert_int_equal(env_create_on(e, MMSIM_SERIAL, NR_CPUS, smt, NULL), 0);
	assert_true(mm_exec_attach(e->x, &e->guest));
	return e->x;
}

/* CPUs 0 and 1 are siblings, 2 and 3: first the core that the caller is not on. */
static void spawn_prefers_idle_cores(void **state)
{
	static const unsigned want[] = { 2, 1, 3, 0, 2, 1, 3, 0 };
	struct mm_task task[8];
	struct env e;
	struct gate gate = { .open = 0 };

	(void)state;
	gate.x = open_smt(&e);
	assert_int_equal(e.guest.cpu, 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(mm_exec_spawn(e.x, &task[i], NULL, wait_at_gate, &gate), 0);
		assert_int_equal(task[i].cpu, want[i]);
	}
	open_gate(&gate);
	for (int i = 0; i < 8; i++)
		mm_exec_join(e.x, &task[i]);
	for (int i = 0; i < NR_CPUS; i++)
		assert_int_equal(e.x->cpu[i].nr_tasks + e.x->cpu[i].core_tasks, 0);
	env_close(&e);
}

/* Park and unpark */

#define ROUNDS 1000

struct game {
	struct mm_exec *x;
	uint32_t turn; /* atomic: whose */
	unsigned played[2]; /* by each; plain: the turn protects them */
	unsigned wrong;
};

struct player {
	struct game *game;
	uint32_t me;
};

static void play(void *arg)
{
	struct player *p = arg;
	struct game *g = p->game;

	for (int i = 0; i < ROUNDS; i++) {
		while (__atomic_load_n(&g->turn, __ATOMIC_ACQUIRE) != p->me)
			mm_exec_park(g->x, &g->turn, !p->me, MM_NEVER);
		g->played[p->me]++;
		g->wrong += g->played[0] - g->played[1] != !p->me;
		__atomic_store_n(&g->turn, !p->me, __ATOMIC_RELEASE);
		mm_exec_unpark(g->x, &g->turn, 1);
	}
}

static void ping_pong(void **state)
{
	struct env e;
	struct game game = { .turn = 0 };
	struct player player[2] = { { &game, 0 }, { &game, 1 } };
	struct mm_task task[2];

	env_open(&e, mode_of(state), 2);
	game.x = e.x;
	for (int i = 0; i < 2; i++)
		assert_int_equal(mm_exec_spawn(e.x, &task[i], NULL, play, &player[i]), 0);
	for (int i = 0; i < 2; i++)
		mm_exec_join(e.x, &task[i]);
	assert_int_equal(game.played[0], ROUNDS);
	assert_int_equal(game.played[1], ROUNDS);
	assert_int_equal(game.wrong, 0);
	env_close(&e);
}

static void timeouts(void **state)
{
	struct env e;
	uint32_t word = 7;
	uint64_t t;
	int ret;

	env_open(&e, mode_of(state), 1);
	assert_int_equal(mm_exec_park(e.x, &word, 8, MM_NEVER), 0); /* differs: no wait */
	assert_int_equal(mm_exec_park(e.x, &word, 7, 0), -ETIMEDOUT); /* passed already */
	t = mm_exec_now(e.x) + 2000000;
	do {
		ret = mm_exec_park(e.x, &word, 7, t);
	} while (!ret); /* for no reason: allowed */
	assert_int_equal(ret, -ETIMEDOUT);
	assert_true(mm_exec_now(e.x) >= t);
	env_close(&e);
}

struct sleeper {
	struct mm_exec *x;
	uint64_t until, woke;
};

static void sleep_long(void *arg)
{
	struct sleeper *s = arg;

	mm_exec_sleep_until(s->x, s->until);
	s->woke = mm_exec_now(s->x);
}

static void sleep_until(void **state)
{
	struct env e;
	struct sleeper sleeper[5];
	struct mm_task task[5];

	env_open(&e, mode_of(state), 2);
	for (unsigned i = 0; i < 5; i++) {
		sleeper[i] = (struct sleeper){ .x = e.x, .until = (5 - i) * UINT64_C(1000000) };
		assert_int_equal(mm_exec_spawn(e.x, &task[i], NULL, sleep_long, &sleeper[i]), 0);
	}
	for (unsigned i = 0; i < 5; i++) {
		mm_exec_join(e.x, &task[i]);
		assert_true(sleeper[i].woke >= sleeper[i].until);
	}
	env_close(&e);
}

/* Relax: a test-and-set lock whose holder lets others run */

struct spin {
	struct mm_exec *x;
	uint32_t word; /* atomic */
	unsigned inside, wrong, total; /* plain: the lock protects them */
};

static void count_locked(void *arg)
{
	struct spin *s = arg;

	for (int i = 0; i < 50; i++) {
		for (unsigned spin = 0; __atomic_exchange_n(&s->word, 1, __ATOMIC_ACQUIRE); spin++)
			s->x->ops->relax(s->x, &s->word, 1, spin);
		s->wrong += s->inside++ != 0;
		s->x->ops->yield(s->x);
		s->total++;
		s->inside--;
		__atomic_store_n(&s->word, 0, __ATOMIC_RELEASE);
		if (s->x->wakes_relaxed)
			mm_exec_unpark(s->x, &s->word, 1);
	}
}

static void relax_waits(void **state)
{
	struct env e;
	struct mm_task task[6];
	struct spin spin = { .word = 0 };

	env_open(&e, mode_of(state), 3);
	spin.x = e.x;
	for (int i = 0; i < 6; i++)
		assert_int_equal(mm_exec_spawn(e.x, &task[i], NULL, count_locked, &spin), 0);
	for (int i = 0; i < 6; i++)
		mm_exec_join(e.x, &task[i]);
	assert_int_equal(spin.total, 6 * 50);
	assert_int_equal(spin.wrong, 0);
	env_close(&e);
}

/* Random numbers */

static void draw_all(enum mmsim_mode mode, uint64_t draw[64])
{
	struct slot *slots = test_calloc(64, sizeof(*slots));
	struct env e;

	env_open(&e, mode, NR_CPUS);
	for (int i = 0; i < 64; i++) {
		slots[i].x = e.x;
		assert_int_equal(mm_exec_spawn(e.x, &slots[i].task, NULL, record, &slots[i]), 0);
	}
	for (int i = 0; i < 64; i++) {
		mm_exec_join(e.x, &slots[i].task);
		draw[i] = slots[i].draw;
	}
	env_close(&e);
	test_free(slots);
}

static void rng_streams(void **state)
{
	uint64_t first[64], second[64];

	draw_all(mode_of(state), first);
	draw_all(mode_of(state), second);
	assert_memory_equal(first, second, sizeof(first));
	for (int i = 0; i < 64; i++)
		for (int k = 0; k < i; k++)
			assert_true(first[i] != first[k]);
}

static void unknown_mode(void **state)
{
	struct env e;

	(void)state;
	assert_int_equal(env_create(&e, 77, 1, NULL), -ENOSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ALL_MODES(spawn_join),
		ALL_MODES(task_memory_goes),
		ALL_MODES(spawn_spreads),
		ALL_MODES(ping_pong),
		ALL_MODES(timeouts),
		ALL_MODES(sleep_until),
		ALL_MODES(relax_waits),
		ALL_MODES(rng_streams),
		cmocka_unit_test(unknown_mode),
		cmocka_unit_test(spawn_prefers_idle_cores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
