/* SPDX-License-Identifier: MIT */
/* lib/sync/rwsem.h: who may be inside with whom, the order of the queue, cost, ranks, reports. */
#include "rwsem.h"

#include "child_dies.h"
#include "exclusion.h"

enum { TASKS = 4, TURNS = 2000 };

static void take(void *object)
{
	mm_sync_down_write(object);
}

static void release(void *object)
{
	mm_sync_up_write(object);
}

/* A writer is as alone as with any other lock. */
static void writers_exclude(void **state)
{
	const struct env_shape shape = { .mode = mode_of(state), .nr_cpus = 4, .timed = true };
	struct env *e = env_open(&shape);
	struct mm_rwsem s;
	struct exclusion x = {
		.env = e, .object = &s, .lock = &s.lock, .take = take, .release = release
	};

	mm_sync_rwsem_init(&s, &e->locks, MM_RANK_BOOT);
	exclusion_run(&x);
	mm_sync_rwsem_fini(&s);
	env_close(e);
}

struct mixed {
	struct env *env;
	struct mm_rwsem s;
	uint32_t readers, writers; /* atomic: inside */
	uint64_t written; /* plain: by writers only */
	uint64_t reads; /* atomic */
	struct first_failure failure;
};

static void read_once(struct mixed *m, bool yield)
{
	uint64_t seen;

	__atomic_add_fetch(&m->readers, 1, __ATOMIC_RELAXED);
	expect_in_task(&m->failure, !__atomic_load_n(&m->writers, __ATOMIC_RELAXED), m->writers);
	seen = m->written;
	if (yield)
		env_yield(m->env->x);
	expect_in_task(&m->failure, m->written == seen, m->written);
	__atomic_sub_fetch(&m->readers, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&m->reads, 1, __ATOMIC_RELAXED);
}

static void write_once(struct mixed *m, bool yield)
{
	uint64_t seen = m->written;

	expect_in_task(&m->failure, !__atomic_fetch_add(&m->writers, 1, __ATOMIC_RELAXED),
		       m->writers);
	expect_in_task(&m->failure, !__atomic_load_n(&m->readers, __ATOMIC_RELAXED), m->readers);
	if (yield)
		env_yield(m->env->x);
	m->written = seen + 1;
	__atomic_sub_fetch(&m->writers, 1, __ATOMIC_RELAXED);
}

/* One turn; false: a trylock was refused. */
static bool turn(struct mixed *m, uint64_t what, bool yield)
{
	bool in = true;

	if (what == 0)
		mm_sync_down_write(&m->s);
	else if (what == 1)
		in = mm_sync_down_write_trylock(&m->s);
	else if (what == 2)
		in = mm_sync_down_read_trylock(&m->s);
	else
		mm_down_read(&m->s);
	if (in && what < 2) {
		write_once(m, yield);
		mm_sync_up_write(&m->s);
	} else if (in) {
		read_once(m, yield);
		mm_up_read(&m->s);
	}
	return in;
}

static void mixed_task(void *arg)
{
	struct mixed *m = arg;

	for (int i = 0; i < TURNS; i++) {
		struct mm_rng *rng = &mm_task_current()->rng;

		while (!turn(m, mm_rng_below(rng, 8), !mm_rng_below(rng, 8)))
			env_yield(m->env->x);
	}
}

/* Readers and writers, waiting or trying: none is lost, none is where it may not be. */
static void readers_and_writers(void **state)
{
	const struct env_shape shape = { .mode = mode_of(state), .nr_cpus = TASKS };
	struct mixed m = { .env = env_open(&shape) };

	mm_sync_rwsem_init(&m.s, &m.env->locks, MM_RANK_BOOT);
	env_run(m.env, TASKS, mixed_task, &m, 0);
	assert_no_failure(&m.failure, m.env->x->seed);
	assert_int_equal(m.reads + m.written, TASKS * TURNS);
	assert_false(mm_rwsem_is_locked(&m.s));
	mm_sync_rwsem_fini(&m.s);
	env_close(m.env);
}

struct attempt {
	struct mm_rwsem *s;
	bool write, in;
};

static void try_once(void *arg)
{
	struct attempt *a = arg;

	a->in = a->write ? mm_sync_down_write_trylock(a->s) : mm_sync_down_read_trylock(a->s);
	if (a->in && a->write)
		mm_sync_up_write(a->s);
	else if (a->in)
		mm_up_read(a->s);
}

/* By another task: K1 forbids it to who is inside. */
static bool another_gets_in(struct env *e, struct mm_rwsem *s, bool write)
{
	struct attempt a = { .s = s, .write = write };

	env_run(e, 1, try_once, &a, 0);
	return a.in;
}

/* Nobody waits: what the words say, and who may come in beside. */
static void downgrade(void **state)
{
	const struct env_shape shape = { .mode = mode_of(state), .nr_cpus = 1, .timed = true };
	struct env *e = env_open(&shape);
	struct mm_rwsem s;

	mm_sync_rwsem_init(&s, &e->locks, MM_RANK_BOOT);
	mm_sync_down_write(&s);
	mm_exec_sleep_until(e->x, mm_exec_now(e->x) + 1000);
	mm_sync_downgrade_write(&s);
	assert_int_equal(s.count, MM_RWSEM_READER);
	assert_int_equal(s.lock.word, MM_RWSEM_READER_OWNED);
	assert_int_equal(s.lock.acquired, 1);
	assert_true(s.lock.hold_ns >= 1000);
	assert_false(another_gets_in(e, &s, true));
	assert_true(another_gets_in(e, &s, false));
	mm_up_read(&s);
	assert_false(mm_rwsem_is_locked(&s));
	assert_true(another_gets_in(e, &s, true));
	mm_sync_rwsem_fini(&s);
	env_close(e);
}

struct waiting {
	struct mm_rwsem *s;
	struct env *env;
	bool write;
	uint32_t *inside; /* atomic: readers inside now */
	uint32_t *came; /* atomic: how many have been in */
	uint32_t at; /* which of these it was */
	uint32_t together; /* most readers it saw inside */
};

static void wait_once(void *arg)
{
	struct waiting *w = arg;

	if (w->write)
		mm_sync_down_write(w->s);
	else
		mm_down_read(w->s);
	w->at = __atomic_fetch_add(w->came, 1, __ATOMIC_RELAXED);
	if (w->write) {
		mm_sync_up_write(w->s);
		return;
	}
	__atomic_add_fetch(w->inside, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 20; i++)
		env_yield(w->env->x);
	w->together = __atomic_load_n(w->inside, __ATOMIC_RELAXED);
	for (int i = 0; i < 20; i++)
		env_yield(w->env->x);
	__atomic_sub_fetch(w->inside, 1, __ATOMIC_RELAXED);
	mm_up_read(w->s);
}

/*
 * A reader inside; then R R W R R come. The two first join, the writer waits for all of them, and the last
 * two do not overtake it, but are let in together.
 */
static void first_come_first_served(void **state)
{
	static const bool write[] = { false, false, true, false, false };
	const struct env_shape shape = { .mode = mode_of(state), .nr_cpus = 8, .timed = true };
	struct env *e = env_open(&shape);
	struct waiting w[5];
	struct mm_task task[5];
	uint32_t inside = 0, came = 0;
	struct mm_rwsem s;

	mm_sync_rwsem_init(&s, &e->locks, MM_RANK_BOOT);
	mm_down_read(&s);
	for (int i = 0; i < 5; i++) {
		w[i] = (struct waiting){ &s, e, write[i], &inside, &came, 0, 0 };
		assert_int_equal(mm_exec_spawn(e->x, &task[i], NULL, wait_once, &w[i]), 0);
		mm_exec_sleep_until(e->x, mm_exec_now(e->x) + 100);
	}
	assert_int_equal(came, 2);
	assert_false(another_gets_in(e, &s, false)); /* somebody waits */
	mm_up_read(&s);
	for (int i = 0; i < 5; i++)
		mm_exec_join(e->x, &task[i]);
	assert_int_equal(w[2].at, 2);
	assert_in_range(w[3].at, 3, 4);
	assert_int_equal(w[3].together, 2);
	assert_int_equal(s.lock.acquired, 6);
	assert_int_equal(s.lock.contended, 3);
	assert_true(s.lock.wait_ns > 0);
	mm_sync_rwsem_fini(&s);
	env_close(e);
}

static unsigned nr_waiting(struct mm_rwsem *s)
{
	unsigned nr = 0;

	mm_spin_lock(&s->wait_lock);
	mm_list_for_each(pos, &s->waiters)
		nr++;
	mm_spin_unlock(&s->wait_lock);
	return nr;
}

/* One after the other; they all wait. */
static void come(struct env *e, struct waiting *w, struct mm_task *task, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(mm_exec_spawn(e->x, &task[i], NULL, wait_once, &w[i]), 0);
		while (nr_waiting(w[i].s) <= i)
			env_yield(e->x);
	}
}

/*
 * A writer inside; then R R W R come. When he becomes a reader the two first come in beside him, and nobody
 * else; the writer behind them waits for all three.
 */
static void downgrade_lets_readers_in(void **state)
{
	static const bool write[] = { false, false, true, false };
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 8 });
	uint32_t inside = 0, came = 0;
	struct waiting w[4];
	struct mm_task task[4];
	struct mm_rwsem s;

	mm_sync_rwsem_init(&s, &e->locks, MM_RANK_BOOT);
	mm_sync_down_write(&s);
	for (int i = 0; i < 4; i++)
		w[i] = (struct waiting){ &s, e, write[i], &inside, &came, 0, 0 };
	come(e, w, task, 4);
	assert_int_equal(came, 0);
	mm_sync_downgrade_write(&s);
	/* He is still inside. */
	mm_exec_join(e->x, &task[0]);
	mm_exec_join(e->x, &task[1]);
	assert_int_equal(nr_waiting(&s), 2);
	assert_int_equal(came, 2);
	mm_up_read(&s);
	mm_exec_join(e->x, &task[2]);
	mm_exec_join(e->x, &task[3]);
	assert_int_equal(w[2].at, 2);
	assert_int_equal(w[3].at, 3);
	mm_sync_rwsem_fini(&s);
	env_close(e);
}

/* A writer at the head goes on waiting until he who was one has left. */
static void downgrade_before_a_writer(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 4 });
	uint32_t inside = 0, came = 0;
	struct waiting w[2];
	struct mm_task task[2];
	struct mm_rwsem s;

	mm_sync_rwsem_init(&s, &e->locks, MM_RANK_BOOT);
	mm_sync_down_write(&s);
	w[0] = (struct waiting){ &s, e, true, &inside, &came, 0, 0 };
	w[1] = (struct waiting){ &s, e, false, &inside, &came, 0, 0 };
	come(e, w, task, 2);
	mm_sync_downgrade_write(&s);
	for (int i = 0; i < 50; i++)
		env_yield(e->x);
	assert_int_equal(nr_waiting(&s), 2);
	mm_up_read(&s);
	mm_exec_join(e->x, &task[0]);
	mm_exec_join(e->x, &task[1]);
	assert_int_equal(w[0].at, 0);
	mm_sync_rwsem_fini(&s);
	env_close(e);
}

/* Nobody there: who gets in, what the words say, what is counted. */
static void uncontended(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 1 });
	struct mm_rwsem s;

	mm_sync_rwsem_init(&s, &e->locks, MM_RANK_BOOT);
	for (int i = 0; i < 10; i++) {
		mm_down_read(&s);
		assert_int_equal(s.count, MM_RWSEM_READER);
		assert_int_equal(s.lock.word, MM_RWSEM_READER_OWNED);
		assert_false(another_gets_in(e, &s, true));
		assert_true(another_gets_in(e, &s, false));
		mm_up_read(&s);
		assert_int_equal(s.count, 0);
		mm_sync_down_write(&s);
		assert_true(mm_lock_held(&s.lock));
		assert_int_equal(s.count, MM_RWSEM_WRITER);
		mm_sync_up_write(&s);
		assert_true(mm_sync_down_write_trylock(&s));
		assert_false(another_gets_in(e, &s, false));
		assert_false(another_gets_in(e, &s, true));
		mm_sync_up_write(&s);
	}
	assert_int_equal(s.lock.acquired, 40);
	assert_int_equal(s.lock.contended, 0);
	assert_int_equal(mm_sync_lockset_sum(&e->locks, MM_RANK_BOOT).acquired, 40);
	mm_sync_rwsem_fini(&s);
	env_close(e);
}

static void reads_often(void *arg)
{
	struct mm_rwsem *s = arg;

	for (int i = 0; i < 500; i++) {
		mm_down_read(s);
		mm_up_read(s);
	}
}

/* Alone, a read lock and unlock is three looks at its own line; four CPUs move the line for each. */
static void virtual_cost(void **state)
{
	const struct env_shape shape = { .mode = MMSIM_VIRTUAL, .nr_cpus = 8 };
	struct env *e = env_open(&shape);
	const uint64_t own = 3 * (8 + 1), away = 3 * 20;
	struct mm_rwsem s;
	uint64_t began, took;

	(void)state;
	mm_sync_rwsem_init(&s, &e->locks, MM_RANK_BOOT);
	began = mm_exec_now(e->x);
	reads_often(&s);
	assert_int_equal(mm_exec_now(e->x) - began, 500 * own);
	began = mm_exec_now(e->x);
	env_run(e, TASKS, reads_often, &s, 0);
	took = mm_exec_now(e->x) - began;
	assert_in_range(took, TASKS * 500 * away, TASKS * 500 * away * 11 / 10 + 100000);
	mm_sync_rwsem_fini(&s);
	env_close(e);
}

static void read_twice(void *arg)
{
	struct mm_rwsem *s = arg;

	mm_down_read(s);
	mm_down_read(s);
}

static void release_not_taken(void *arg)
{
	mm_sync_up_write(arg);
}

static void downgrade_not_taken(void *arg)
{
	mm_sync_downgrade_write(arg);
}

static void write_forever(void *arg)
{
	mm_sync_down_write(arg);
}

/* Another task waits for what the caller never gives back. */
static void deadlock(void *arg)
{
	struct mm_rwsem *s = arg;
	struct mm_exec *x = s->lock.exec;
	struct mm_task task;

	mm_down_read(s);
	if (!mm_exec_spawn(x, &task, NULL, write_forever, s))
		mm_exec_join(x, &task);
}

static void go_while_inside(void *arg)
{
	struct mm_rwsem *s = arg;

	mm_down_read(s);
	mm_sync_rwsem_fini(s);
}

/* K1, K2, W1, and what a report says. */
static void broken_rules(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 2 });
	struct mm_rwsem s;

	(void)state;
	mm_sync_rwsem_init(&s, &e->locks, MM_RANK_MMAP);
	assert_true(child_dies(read_twice, &s, "K1: lock order"));
	assert_true(child_dies(release_not_taken, &s, "K2: released by its owner"));
	assert_true(child_dies(downgrade_not_taken, &s, "K2: released by its owner"));
	assert_true(child_dies(go_while_inside, &s, "W1: nobody inside"));
	assert_true(child_dies(deadlock, &s, "waits for mm->mmap_sem"));
	assert_true(child_dies(deadlock, &s, "holds 1 lock"));
	mm_sync_rwsem_fini(&s);
	env_close(e);
}

/* A try that is told to fail does, and takes nothing. */
static void tries_fail(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 1 });
	struct mm_rwsem s;

	env_fail(e, MMSIM_FAULT_TRYLOCK, 1, 2);
	mm_sync_rwsem_init(&s, &e->locks, MM_RANK_BOOT);
	assert_false(mm_sync_down_read_trylock(&s));
	assert_false(mm_sync_down_write_trylock(&s));
	assert_true(mm_sync_down_write_trylock(&s));
	mm_sync_up_write(&s);
	mm_sync_rwsem_fini(&s);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(uncontended),
		in_all_modes(writers_exclude),
		in_all_modes(readers_and_writers),
		in_all_modes(downgrade),
		in_all_modes(downgrade_lets_readers_in),
		in_all_modes(downgrade_before_a_writer),
		in_mode(first_come_first_served, MMSIM_SERIAL, "serial"),
		cmocka_unit_test(virtual_cost),
		cmocka_unit_test(broken_rules),
		in_all_modes(tries_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
