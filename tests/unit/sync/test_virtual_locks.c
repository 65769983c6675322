/* SPDX-License-Identifier: MIT */
/* Contended spin locks in virtual time: who is next, when, and that holds never overlap. */
#include "spinlock.h"

#include "child_dies.h"
#include "exec_env.h"
#include "mutex.h"
#include <string.h>

#define NS MMSIM_FIGURE_ONE
#define MOST 64

struct hold {
	unsigned task;
	uint64_t from, to;
};

struct contest {
	struct env *e;
	struct mm_spinlock lock;
	uint64_t figure[MMSIM_NR_FIGURES];
	unsigned nr_holds;
	struct hold hold[20 * MOST]; /* in the order of taking it */
};

struct fighter {
	struct contest *c;
	struct mm_task task;
	uint64_t after; /* ns of work before each attempt */
	uint64_t during; /* ns with the lock */
	unsigned times;
	unsigned me;
};

/* Scheduling is free, an own line 1 ns, an atomic 8, another CPU's line 20; all CPUs on one cache. */
static struct contest *contest_open(unsigned nr_cpus, enum mmsim_lock_kind kind, uint64_t seed)
{
	struct contest *c = calloc(1, sizeof(*c));
	struct env_shape shape = { .mode = MMSIM_VIRTUAL, .nr_cpus = nr_cpus, .seed = seed };

	assert_non_null(c);
	memcpy(c->figure, test_figures, sizeof(test_figures));
	c->figure[MMSIM_FIG_WAKE] = c->figure[MMSIM_FIG_WAKE_DEEP] = 0;
	c->figure[MMSIM_FIG_WAKER] = c->figure[MMSIM_FIG_WORKER_CREATE] = 0;
	c->figure[MMSIM_FIG_ZAP] = NS;
	c->figure[MMSIM_FIG_LOCK_KIND] = kind * MMSIM_FIGURE_ONE;
	shape.figure = c->figure;
	c->e = env_open(&shape);
	mm_sync_spin_init(&c->lock, &c->e->locks, MM_RANK_ZONE);
	return c;
}

static void contest_close(struct contest *c)
{
	mm_sync_spin_fini(&c->lock);
	env_close(c->e);
	free(c);
}

static void work(struct mm_exec *x, uint64_t ns)
{
	mm_exec_charge(x, MM_CHARGE_ZAP, NULL, ns);
}

static void fight(void *arg)
{
	struct fighter *f = arg;
	struct contest *c = f->c;
	struct mm_exec *x = c->e->x;

	for (unsigned i = 0; i < f->times; i++) {
		struct hold *h;

		work(x, f->after);
		mm_spin_lock(&c->lock);
		h = &c->hold[c->nr_holds++];
		h->task = f->me;
		h->from = mm_exec_now(x);
		work(x, f->during);
		h->to = mm_exec_now(x);
		mm_spin_unlock(&c->lock);
	}
}

/* Fighter i on CPU i + 1 begins i ns after the first. */
static void run_contest(struct contest *c, unsigned nr, uint64_t during, unsigned times)
{
	struct fighter f[MOST];

	for (unsigned i = 0; i < nr; i++) {
		struct mm_cpumask on = mm_cpumask_of(i + 1);

		f[i] = (struct fighter){ .c = c, .me = i, .after = i, .during = during };
		f[i].times = times;
		assert_int_equal(mm_exec_spawn(c->e->x, &f[i].task, &on, fight, &f[i]), 0);
	}
	for (unsigned i = 0; i < nr; i++)
		mm_exec_join(c->e->x, &f[i].task);
}

/* When the i-th of nr holds it: the first after 9 ns, the others after 20 + 9 and what queueing costs. */
static void assert_queue(const struct contest *c, unsigned nr, uint64_t during, bool ticket)
{
	uint64_t at = 8 + 1;

	assert_int_equal(c->nr_holds, nr);
	for (unsigned i = 0; i < nr; i++) {
		uint64_t waiters = nr - 1 - i;

		assert_int_equal(c->hold[i].task, i);
		assert_int_equal(c->hold[i].from, at);
		assert_int_equal(c->hold[i].to, at + during);
		/* The release, an own line; the hand-over; the atomic and the line, own by then. */
		at += during + 1 + 20 + 8 + 1;
		if (ticket)
			at += 20 * waiters / 2;
	}
}

static void queued(void **state)
{
	(void)state;
	for (unsigned nr = 1; nr <= 63; nr += 31) {
		struct contest *c = contest_open(nr + 1, MMSIM_LOCK_QUEUED, 0);

		run_contest(c, nr, 100, 1);
		assert_queue(c, nr, 100, false);
		assert_int_equal(c->lock.lock.contended, nr - 1);
		contest_close(c);
	}
}

/* The more wait, the longer each hand-over takes. */
static void ticket(void **state)
{
	(void)state;
	for (unsigned nr = 2; nr <= 40; nr += 19) {
		struct contest *c = contest_open(nr + 1, MMSIM_LOCK_TICKET, 0);

		run_contest(c, nr, 100, 1);
		assert_queue(c, nr, 100, true);
		contest_close(c);
	}
}

static void winners(uint64_t seed, unsigned order[10])
{
	struct contest *c = contest_open(11, MMSIM_LOCK_TAS, seed);
	unsigned seen = 0;

	run_contest(c, 10, 100, 1);
	assert_int_equal(c->nr_holds, 10);
	assert_int_equal(c->hold[0].task, 0);
	for (unsigned i = 0; i < 10; i++) {
		order[i] = c->hold[i].task;
		seen |= 1u << order[i];
	}
	assert_int_equal(seen, 0x3ff);
	contest_close(c);
}

/* Anybody, the same with the same seed. */
static void test_and_set(void **state)
{
	unsigned a[10], b[10], others = 0, fifo = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		winners(seed, a);
		winners(seed, b);
		assert_memory_equal(a, b, sizeof(a));
		winners(seed + 100, b);
		others += memcmp(a, b, sizeof(a)) != 0;
		for (unsigned i = 0; i < 10; i++)
			fifo += a[i] == i;
	}
	assert_in_range(others, 9, 10);
	assert_in_range(fifo, 10, 50);
}

/* All kinds, also with more tasks than CPUs: nobody takes it before it was released. */
static void holds_do_not_overlap(void **state)
{
	(void)state;
	for (int kind = MMSIM_LOCK_QUEUED; kind <= MMSIM_LOCK_TAS; kind++)
		for (unsigned cpus = 2; cpus <= 17; cpus += 5) {
			struct contest *c = contest_open(cpus, (enum mmsim_lock_kind)kind, 0);
			struct fighter f[16];

			c->figure[MMSIM_FIG_SLICE] = 500 * NS;
			for (unsigned i = 0; i < 16; i++) {
				f[i] = (struct fighter){ .c = c, .times = 20, .me = i };
				f[i].after = 37 * i % 101;
				f[i].during = 13 * i % 50;
				assert_int_equal(
					mm_exec_spawn(c->e->x, &f[i].task, NULL, fight, &f[i]), 0);
			}
			for (unsigned i = 0; i < 16; i++)
				mm_exec_join(c->e->x, &f[i].task);
			assert_int_equal(c->nr_holds, 16 * 20);
			for (unsigned i = 1; i < c->nr_holds; i++)
				assert_true(c->hold[i].from > c->hold[i - 1].to);
			contest_close(c);
		}
}

/* Who comes while it is held, in virtual time, finds it held, though its holder ran on long ago. */
static void try_at(void *arg)
{
	struct fighter *f = arg;

	work(f->c->e->x, f->after);
	f->times = 0;
	if (mm_spin_trylock(&f->c->lock)) {
		f->times = 1;
		mm_spin_unlock(&f->c->lock);
	}
}

static void trylock_sees_its_time(void **state)
{
	/* Held from 0 + 9 to 109; released at 110. */
	static const uint64_t at[] = { 5, 60, 109, 111, 200 };
	struct contest *c = contest_open(7, MMSIM_LOCK_QUEUED, 0);
	struct fighter first = { .c = c, .during = 100, .times = 1 }, f[5];
	struct mm_cpumask on = mm_cpumask_of(6);

	(void)state;
	assert_int_equal(mm_exec_spawn(c->e->x, &first.task, &on, fight, &first), 0);
	for (unsigned i = 0; i < 5; i++) {
		on = mm_cpumask_of(i + 1);
		f[i] = (struct fighter){ .c = c, .after = at[i], .times = 9 };
		assert_int_equal(mm_exec_spawn(c->e->x, &f[i].task, &on, try_at, &f[i]), 0);
	}
	mm_exec_join(c->e->x, &first.task);
	for (unsigned i = 0; i < 5; i++) {
		mm_exec_join(c->e->x, &f[i].task);
		assert_int_equal(f[i].times, at[i] > 110);
	}
	contest_close(c);
}

/* What a wait is for, on the timeline and in reports. */

struct marked {
	unsigned begins, ends, depth, wrong;
	char name[32];
};

static void see_mark(void *ctx, const struct mmsim_mark *m)
{
	struct marked *seen = ctx;

	if (m->kind == MMSIM_MARK_BEGIN) {
		seen->begins++;
		snprintf(seen->name, sizeof(seen->name), "%s", m->name);
	} else if (m->kind == MMSIM_MARK_END) {
		seen->ends++;
	}
}

static void waits_are_marked(void **state)
{
	struct contest *c = contest_open(6, MMSIM_LOCK_QUEUED, 0);
	struct marked seen = { 0 };

	(void)state;
	c->e->x->mark = see_mark;
	c->e->x->mark_ctx = &seen;
	run_contest(c, 5, 100, 1);
	assert_int_equal(seen.begins, 4);
	assert_int_equal(seen.ends, 4);
	assert_string_equal(seen.name, "zone->lock");
	c->e->x->mark = NULL;
	contest_close(c);
}

/* Two mutexes in two orders are refused by rank; so one that nobody releases, in each mode that reports. */
struct stuck {
	enum mmsim_mode mode;
	bool mutex;
	bool both; /* the mutex too, and given back first */
	struct mm_spinlock s;
	struct mm_mutex m;
};

static void take_stuck(void *arg)
{
	struct stuck *s = arg;

	if (s->mutex)
		mm_sync_mutex_lock(&s->m);
	else
		mm_spin_lock(&s->s);
}

static void get_stuck(void *arg)
{
	struct stuck *s = arg;
	struct env *e = env_open(&(struct env_shape){ .mode = s->mode, .nr_cpus = 2 });

	mm_sync_spin_init(&s->s, &e->locks, MM_RANK_ZONE);
	mm_sync_mutex_init(&s->m, &e->locks, MM_RANK_BOOT);
	if (s->both)
		mm_sync_mutex_lock(&s->m);
	take_stuck(s);
	if (s->both)
		mm_sync_mutex_unlock(&s->m);
	env_run(e, 1, take_stuck, s, 0);
}

static void deadlocks_name_locks(void **state)
{
	(void)state;
	for (int mode = MMSIM_SERIAL; mode <= MMSIM_EXPLORE; mode++) {
		struct stuck s = { .mode = (enum mmsim_mode)mode };

		assert_true(child_dies(get_stuck, &s, "task 2 on cpu 1 waits for zone->lock"));
		assert_true(child_dies(get_stuck, &s, "task 1 holds zone->lock"));
		assert_true(child_dies(get_stuck, &s,
				       "task 1 on cpu 0 waits for the end of a task (word is 0), "
				       "holds 1 locks"));
		s.both = true;
		assert_true(child_dies(get_stuck, &s, "task 1 holds zone->lock"));
		s = (struct stuck){ .mode = (enum mmsim_mode)mode, .mutex = true };
		assert_true(child_dies(get_stuck, &s, "task 2 on cpu 1 waits for boot_mutex"));
		assert_true(child_dies(get_stuck, &s, "task 1 holds boot_mutex"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queued),
		cmocka_unit_test(ticket),
		cmocka_unit_test(test_and_set),
		cmocka_unit_test(holds_do_not_overlap),
		cmocka_unit_test(trylock_sees_its_time),
		cmocka_unit_test(waits_are_marked),
		cmocka_unit_test(deadlocks_name_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
