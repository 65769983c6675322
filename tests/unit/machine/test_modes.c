/* SPDX-License-Identifier: MIT */
/* Machines in virtual time and explored, by the public calls: time, marks, counts, company. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler.h"
#include "sim_config.h"

#define CPUS 4

static struct mmsim_explore explore;

/* One node, three sections. */
static struct mmsim *create(enum mmsim_mode mode, uint32_t boot)
{
	struct mmsim_config *cfg = sim_config_new(mode, 1, 1, CPUS);
	struct mmsim *m = NULL;

	sim_ram(cfg, 0, SIM_NORMAL, 3 * SIM_SECTION);
	cfg->explore = &explore;
	cfg->boot = boot;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void churn(unsigned i, void *arg)
{
	struct mmsim *m = arg;

	for (unsigned k = 0; k < 200; k++) {
		struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, (i + k) % 5);

		if (page)
			mmsim_free_pages(m, page, (i + k) % 5);
	}
}

static void time_does_not_go_back(void **state)
{
	struct mmsim *m = create(MMSIM_VIRTUAL, MMSIM_BOOT_FULL);
	uint64_t last = mmsim_now(m);

	(void)state;
	assert_true(last > 0);
	for (unsigned i = 0; i < 40; i++) {
		uint64_t now;

		switch (i % 4) {
		case 0:
			assert_int_equal(mmsim_run(m, 1 + i % CPUS, churn, m), 0);
			break;
		case 1:
			churn(i, m);
			break;
		case 2:
			mmsim_yield(m);
			break;
		case 3:
			assert_int_equal(mmsim_now(m), last); /* looking costs nothing */
			continue;
		}
		now = mmsim_now(m);
		assert_true(now > last);
		last = now;
	}
	mmsim_destroy(m);
}

static void counts(void **state)
{
	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, MMSIM_BOOT_FULL);
		struct mmsim_sched_info before, after;

		mmsim_sched_info(m, &before);
		assert_int_equal(mmsim_run(m, CPUS, churn, m), 0);
		mmsim_sched_info(m, &after);
		if (mode == MMSIM_NATIVE) {
			assert_int_equal(after.events + after.switches, 0);
		} else {
			assert_true(after.switches >= before.switches + CPUS);
			if (mode != MMSIM_SERIAL) /* each step of each task is one */
				assert_true(after.events > before.events + CPUS * 200);
		}
		mmsim_destroy(m);
	}
}

/* The timeline */

#define MOST_TASKS 4096

/* A task may be running when the marks begin: a helper of the machine's making. */
#define UNKNOWN UINT32_MAX

struct timeline {
	uint64_t nr[MMSIM_MARK_COUNTER + 1];
	uint64_t last[CPUS];
	uint32_t running[CPUS];
	unsigned depth[MOST_TASKS];
	unsigned wrong;
};

/* Explored tasks call these in an order that ThreadSanitizer does not see. */
static MM_NO_TSAN bool is_running(const struct timeline *t, const struct mmsim_mark *m)
{
	return t->running[m->cpu] == UNKNOWN || t->running[m->cpu] == m->task;
}

static MM_NO_TSAN void see(void *ctx, const struct mmsim_mark *m)
{
	struct timeline *t = ctx;

	t->wrong += m->kind > MMSIM_MARK_COUNTER || m->cpu >= CPUS || m->task >= MOST_TASKS;
	if (t->wrong)
		return;
	t->nr[m->kind]++;
	t->wrong += m->ns < t->last[m->cpu];
	t->last[m->cpu] = m->ns;
	switch ((enum mmsim_mark_kind)m->kind) {
	case MMSIM_MARK_BEGIN:
		t->wrong += !m->name || !is_running(t, m);
		t->depth[m->task]++;
		break;
	case MMSIM_MARK_END:
		t->wrong += !t->depth[m->task] || !is_running(t, m);
		t->depth[m->task]--;
		break;
	case MMSIM_MARK_RUN:
		t->wrong += t->running[m->cpu] && t->running[m->cpu] != UNKNOWN;
		t->running[m->cpu] = m->task;
		break;
	case MMSIM_MARK_STOP:
		t->wrong += !is_running(t, m);
		t->running[m->cpu] = 0;
		break;
	case MMSIM_MARK_COUNTER:
		t->wrong += !m->name || !m->value;
		break;
	}
}

/* Boot and churn; how long it all took. */
static uint64_t run_marked(enum mmsim_mode mode, struct timeline *t)
{
	struct mmsim *m = create(mode, MMSIM_BOOT_COLD);
	uint64_t end;

	if (t)
		mmsim_timeline_set(m, see, t);
	assert_int_equal(mmsim_boot(m), 0);
	assert_int_equal(mmsim_run(m, CPUS, churn, m), 0);
	mmsim_timeline_set(m, NULL, NULL);
	end = mmsim_now(m);
	mmsim_destroy(m);
	return end;
}

static void timeline(void **state)
{
	static struct timeline t;

	(void)state;
	for (unsigned i = 0; i < CPUS; i++)
		t.running[i] = UNKNOWN;
	assert_int_equal(run_marked(MMSIM_VIRTUAL, &t), run_marked(MMSIM_VIRTUAL, NULL));
	assert_int_equal(t.wrong, 0);
	assert_true(t.nr[MMSIM_MARK_RUN] > CPUS && t.nr[MMSIM_MARK_COUNTER] > 0);
	assert_in_range(t.nr[MMSIM_MARK_STOP], t.nr[MMSIM_MARK_RUN] - CPUS,
			t.nr[MMSIM_MARK_RUN] + CPUS);
	assert_true(t.nr[MMSIM_MARK_BEGIN] >= 8); /* works, chunks, waits */
	assert_int_equal(t.nr[MMSIM_MARK_BEGIN], t.nr[MMSIM_MARK_END]);
	for (unsigned i = 0; i < MOST_TASKS; i++)
		assert_int_equal(t.depth[i], 0);
}

static void marks_change_no_schedule(void **state)
{
	static struct timeline t;
	uint64_t hash, steps;

	(void)state;
	run_marked(MMSIM_EXPLORE, NULL);
	hash = explore.hash;
	steps = explore.steps;
	run_marked(MMSIM_EXPLORE, &t);
	assert_int_equal(explore.steps, steps);
	assert_int_equal(explore.hash, hash);
}

/* Company */

struct both {
	struct mmsim *virt, *native;
};

static void churn_both(unsigned i, void *arg)
{
	struct both *both = arg;

	churn(i, both->virt);
	churn(i, both->native);
	mmsim_yield(both->virt);
}

/* A task of one uses the other, and the time of the virtual one is as if it were alone. */
static void machines_of_two_modes(void **state)
{
	struct both both = { create(MMSIM_VIRTUAL, MMSIM_BOOT_FULL),
			     create(MMSIM_NATIVE, MMSIM_BOOT_FULL) };
	struct both alone = { create(MMSIM_VIRTUAL, MMSIM_BOOT_FULL),
			      create(MMSIM_SERIAL, MMSIM_BOOT_FULL) };

	(void)state;
	assert_int_equal(mmsim_run(both.virt, CPUS, churn_both, &both), 0);
	assert_int_equal(mmsim_run(alone.virt, CPUS, churn_both, &alone), 0);
	assert_int_equal(mmsim_now(both.virt), mmsim_now(alone.virt));
	mmsim_drain_all_pages(both.virt);
	assert_int_equal(mmsim_validate(both.virt), 3 * SIM_SECTION);
	mmsim_drain_all_pages(both.native);
	assert_int_equal(mmsim_validate(both.native), 3 * SIM_SECTION);
	mmsim_destroy(both.virt);
	mmsim_destroy(both.native);
	mmsim_destroy(alone.virt);
	mmsim_destroy(alone.native);
}

struct user {
	struct mmsim *m;
	unsigned went_back, failed;
};

static void *use(void *arg)
{
	struct user *u = arg;
	uint64_t last = 0;

	for (unsigned i = 0; i < 30; i++) {
		uint64_t now;

		churn(i, u->m);
		if (i % 10 == 0)
			u->failed += mmsim_run(u->m, CPUS, churn, u->m) != 0;
		now = mmsim_now(u->m);
		u->went_back += now < last;
		last = now;
	}
	return NULL;
}

static void two_host_threads(void **state)
{
	(void)state;
	for (int mode = MMSIM_VIRTUAL; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create((enum mmsim_mode)mode, MMSIM_BOOT_FULL);
		struct user user[2] = { { .m = m }, { .m = m } };
		pthread_t thread[2];

		for (int i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&thread[i], NULL, use, &user[i]), 0);
		for (int i = 0; i < 2; i++) {
			pthread_join(thread[i], NULL);
			assert_int_equal(user[i].failed, 0);
			assert_int_equal(user[i].went_back, 0);
		}
		mmsim_drain_all_pages(m);
		assert_int_equal(mmsim_validate(m), 3 * SIM_SECTION);
		mmsim_destroy(m);
	}
}

struct own {
	struct mmsim *m;
	uint64_t took[CPUS];
};

static void be_busy(unsigned i, void *arg)
{
	struct own *o = arg;
	uint64_t start = mmsim_now(o->m);

	mmsim_ndelay(o->m, 5000 * (i + 1));
	o->took[i] = mmsim_now(o->m) - start;
}

/* Virtual: exactly; natively at least; where there is no time, none. */
static void own_work_takes_time(void **state)
{
	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct own o = { .m = create((enum mmsim_mode)mode, MMSIM_BOOT_FULL) };

		assert_int_equal(mmsim_run(o.m, 2, be_busy, &o), 0);
		for (unsigned i = 0; i < 2; i++) {
			uint64_t want = 5000 * (i + 1);

			if (mode == MMSIM_NATIVE)
				assert_true(o.took[i] >= want);
			else if (mode == MMSIM_VIRTUAL) /* two busy cores of four: turbo */
				assert_in_range(o.took[i], want, want * 5 / 4);
			else
				assert_true(o.took[i] < want);
		}
		mmsim_destroy(o.m);
	}
}

struct shared {
	struct mmsim *m;
	unsigned count;
};

static void add_one(unsigned i, void *arg)
{
	struct shared *s = arg;
	unsigned seen = __atomic_load_n(&s->count, __ATOMIC_RELAXED);

	(void)i;
	mmsim_cond_resched(s->m);
	__atomic_store_n(&s->count, seen + 1, __ATOMIC_RELAXED);
}

/* A lost count in the user's own code shows only if somebody may run in between. */
static void own_points_are_explored(void **state)
{
	unsigned lost = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct mmsim_config *cfg = sim_config_new(MMSIM_EXPLORE, 1, 1, CPUS);
		struct shared s = { .count = 0 };

		sim_ram(cfg, 0, SIM_NORMAL, 3 * SIM_SECTION);
		cfg->explore = &explore;
		cfg->boot = MMSIM_BOOT_COLD;
		cfg->seed = seed;
		assert_int_equal(mmsim_create(cfg, &s.m), 0);
		free(cfg);
		assert_int_equal(mmsim_run(s.m, 2, add_one, &s), 0);
		lost += s.count == 1;
		mmsim_destroy(s.m);
	}
	assert_in_range(lost, 1, 49);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_does_not_go_back),
		cmocka_unit_test(counts),
		cmocka_unit_test(timeline),
		cmocka_unit_test(marks_change_no_schedule),
		cmocka_unit_test(machines_of_two_modes),
		cmocka_unit_test(two_host_threads),
		cmocka_unit_test(own_work_takes_time),
		cmocka_unit_test(own_points_are_explored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
