/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU lists whose owners take and give single pages as fast as they can, so that the locks are biased
 * to them, while others drain the lists, count what is on them, or use them from the same CPU. Each page is
 * marked by its owner: none is owned twice, and none is lost.
 */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"
#include "time_box.h"

enum { CPUS = 3, HELD = 64, TURNS = 1000, MOST_OWNERS = 2 * CPUS + 1 };

struct owner {
	struct mmsim *m;
	uint64_t state; /* of a random stream */
	uint64_t tag; /* of the newest page */
	uint64_t taken;
	const char *wrong; /* NULL: nothing */
	unsigned nr;
	struct held {
		struct mmsim_page *page;
		uint64_t tag; /* in page->priv and page->index as long as it is ours */
	} held[HELD];
};

struct crowd {
	struct mmsim *m;
	uint64_t end; /* of the time box */
	bool meddles; /* the tasks of one CPU also look at and empty the lists of all */
	uint32_t nr_owners; /* atomic: begun so far */
	struct owner owner[MOST_OWNERS];
};

/* xorshift64* */
static uint64_t next_random(struct owner *o)
{
	o->state ^= o->state >> 12;
	o->state ^= o->state << 25;
	o->state ^= o->state >> 27;
	return o->state * UINT64_C(2685821657736338717);
}

static void blame(struct owner *o, const char *what)
{
	if (!o->wrong)
		o->wrong = what;
}

static void take(struct owner *o)
{
	struct mmsim_page *page = mmsim_alloc_pages(o->m, MMSIM_GFP_HIGHUSER_MOVABLE, 0);

	if (!page) {
		blame(o, "no page, and there are plenty");
		return;
	}
	if (page->priv || page->index || page->refcount != 1)
		blame(o, "a page was owned when it was handed out");
	page->priv = page->index = ++o->tag;
	o->held[o->nr++] = (struct held){ page, o->tag };
	o->taken++;
}

/* The newest one. */
static void give(struct owner *o)
{
	struct held h = o->held[--o->nr];

	if (h.page->priv != h.tag || h.page->index != h.tag || h.page->refcount != 1)
		blame(o, "the struct page of a page that is ours has changed");
	if (mmsim_free_pages(o->m, h.page, 0))
		blame(o, "a page that is ours cannot be freed");
}

static void turns(struct owner *o)
{
	for (unsigned i = 0; i < TURNS && !o->wrong; i++) {
		if (o->nr == HELD || (o->nr && next_random(o) >> 63))
			give(o);
		else
			take(o);
	}
}

static struct owner *owner_begin(struct crowd *crowd)
{
	uint32_t i = __atomic_fetch_add(&crowd->nr_owners, 1, __ATOMIC_RELAXED);
	struct owner *o = &crowd->owner[i];

	*o = (struct owner){ .m = crowd->m, .state = i + 1, .tag = (uint64_t)(i + 1) << 40 };
	return o;
}

static void owner_end(struct owner *o)
{
	while (o->nr)
		give(o);
}

static void meddle(struct mmsim *m)
{
	struct mmsim_zone_info info;

	mmsim_drain_all_pages(m);
	mmsim_zone_info(m, 0, MMSIM_ZONE_NORMAL, &info);
	mmsim_vmstat_update(m);
}

static void task(unsigned i, void *arg)
{
	struct crowd *crowd = arg;
	struct owner *o = owner_begin(crowd);

	while (!o->wrong && !time_box_over(crowd->end)) {
		turns(o);
		if (crowd->meddles && i == CPUS - 1)
			meddle(crowd->m);
	}
	owner_end(o);
}

/* A thread that becomes a task of some CPU call by call, and never has a bias. */
static void *outside(void *arg)
{
	struct crowd *crowd = arg;
	struct owner *o = owner_begin(crowd);

	while (!o->wrong && !time_box_over(crowd->end)) {
		turns(o);
		mmsim_vmstat_update(crowd->m);
	}
	owner_end(o);
	return NULL;
}

/* A second task on each CPU. NULL: all is well. */
static void *second_run(void *arg)
{
	struct crowd *crowd = arg;

	return mmsim_run(crowd->m, CPUS, task, crowd) ? crowd : NULL;
}

static struct mmsim *create(void)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 1, 1, CPUS);
	struct mmsim *m;

	/* Bound to the host's CPUs: what runs on two of them at once is what is tested. */
	cfg->flags = 0;
	sim_ram(cfg, 0, SIM_NORMAL, 4 * SIM_SECTION);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void assert_as_fresh(struct mmsim *m, const struct sim_books *fresh)
{
	struct sim_books books;

	mmsim_drain_all_pages(m);
	sim_books_read(m, &books);
	assert_true(sim_books_equal(fresh, &books));
	assert_int_equal(mmsim_validate(m), fresh->managed);
}

static void assert_all_well(const struct crowd *crowd)
{
	uint64_t taken = 0;

	for (unsigned i = 0; i < crowd->nr_owners; i++) {
		if (crowd->owner[i].wrong)
			fail_msg("owner %u of %u, after %" PRIu64 " pages: %s", i, crowd->nr_owners,
				 crowd->owner[i].taken, crowd->owner[i].wrong);
		assert_int_equal(crowd->owner[i].nr, 0);
		taken += crowd->owner[i].taken;
	}
	print_message("  %u owners: %" PRIu64 " pages taken\n", crowd->nr_owners, taken);
	assert_true(taken > 0);
}

/* `other`: what a second thread does beside the tasks, or NULL. */
static void run_crowd(bool meddles, void *(*other)(void *arg))
{
	struct mmsim *m = create();
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct sim_books fresh;
	pthread_t thread;
	void *failed = NULL;

	assert_non_null(crowd);
	mmsim_drain_all_pages(m);
	sim_books_read(m, &fresh);
	*crowd = (struct crowd){ .m = m, .end = time_box_open(700), .meddles = meddles };
	if (other)
		assert_int_equal(pthread_create(&thread, NULL, other, crowd), 0);
	assert_int_equal(mmsim_run(m, CPUS, task, crowd), 0);
	if (other)
		pthread_join(thread, &failed);
	assert_null(failed);
	assert_all_well(crowd);
	assert_as_fresh(m, &fresh);
	free(crowd);
	mmsim_destroy(m);
}

static void one_drains_the_lists_of_others(void **state)
{
	(void)state;
	run_crowd(true, NULL);
}

static void a_thread_from_outside_is_on_a_cpu_of_others(void **state)
{
	(void)state;
	run_crowd(false, outside);
	run_crowd(true, outside);
}

static void two_tasks_share_each_cpu(void **state)
{
	(void)state;
	run_crowd(false, second_run);
	run_crowd(true, second_run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_drains_the_lists_of_others),
		cmocka_unit_test(a_thread_from_outside_is_on_a_cpu_of_others),
		cmocka_unit_test(two_tasks_share_each_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
