/* SPDX-License-Identifier: MIT */
/*
 * Booting while others allocate: growth on demand races with growth and with the nodes' own threads.
 * Every page is initialised once and owned once.
 */
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "page_churn.h"
#include "sim_config.h"
#include "time_box.h"

#define SEED UINT64_C(20260703)
#define CPUS 4
#define PAGES (5 * SIM_SECTION + 999)
#define BLOCKS 1200

struct hoard {
	struct mmsim_page *page[BLOCKS];
	unsigned order[BLOCKS];
	unsigned nr;
	const char *wrong;
};

struct race {
	struct mmsim *m;
	bool boots; /* task 0 boots the rest, the others allocate meanwhile */
	unsigned ready; /* atomic */
	int err;
	struct hoard hoard[CPUS];
};

/* Largest blocks first: they reach into what is deferred soonest. */
static void take(struct race *race, unsigned i)
{
	struct hoard *h = &race->hoard[i];

	for (unsigned k = 0; k < BLOCKS; k++) {
		unsigned order = k % 8 ? 10 - k % 3 : k % 4;
		struct mmsim_page *page =
			mmsim_alloc_pages_node(race->m, (int)(i & 1), MMSIM_GFP_KERNEL, order);

		if (!page)
			continue;
		if (page->priv)
			h->wrong = "a page was owned when it was handed out";
		page->priv = i + 1;
		h->page[h->nr] = page;
		h->order[h->nr++] = order;
	}
}

static void racer(unsigned i, void *arg)
{
	struct race *race = arg;

	__atomic_add_fetch(&race->ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&race->ready, __ATOMIC_ACQUIRE) < CPUS)
		;
	if (i == 0 && race->boots)
		race->err = mmsim_boot(race->m);
	else
		take(race, i);
}

static void give_back(struct race *race)
{
	for (unsigned i = 0; i < CPUS; i++) {
		struct hoard *h = &race->hoard[i];

		if (h->wrong)
			fail_msg("task %u: %s", i, h->wrong);
		for (unsigned k = 0; k < h->nr; k++) {
			assert_int_equal(h->page[k]->priv, i + 1);
			h->page[k]->priv = 0;
			assert_int_equal(mmsim_free_pages(race->m, h->page[k], h->order[k]), 0);
		}
	}
}

static void assert_books(struct mmsim *m, const struct sim_books *want)
{
	struct sim_books books;

	mmsim_drain_all_pages(m);
	sim_books_read(m, &books);
	assert_true(sim_books_equal(want, &books));
	assert_int_equal(mmsim_validate(m), want->managed);
}

static struct mmsim *create(void)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 2, 2, CPUS / 2);
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, PAGES);
	sim_ram(cfg, 1, SIM_NORMAL + 8 * SIM_SECTION, PAGES);
	sim_reserve(cfg, 1, SIM_NORMAL + 9 * SIM_SECTION, SIM_SECTION); /* the first deferred */
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void race_once(struct mmsim *m, struct race *race, bool boots)
{
	memset(race, 0, sizeof(*race));
	race->m = m;
	race->boots = boots;
	mmsim_reset(m);
	assert_int_equal(mmsim_boot_early(m), 0);
	assert_int_equal(mmsim_run(m, CPUS, racer, race), 0);
	assert_int_equal(race->err, 0);
	give_back(race);
	if (!boots)
		assert_int_equal(mmsim_boot(m), 0);
}

static void race_until(bool boots, uint64_t ms)
{
	struct mmsim *m = create();
	struct race *race = calloc(1, sizeof(*race));
	uint64_t end = time_box_open(ms);
	struct sim_books fresh;
	unsigned rounds = 0;

	assert_non_null(race);
	sim_books_read(m, &fresh);
	assert_int_equal(fresh.managed, 2 * PAGES - SIM_SECTION);
	do {
		race_once(m, race, boots);
		assert_books(m, &fresh);
		rounds++;
	} while (!time_box_over(end));
	print_message("  %u rounds\n", rounds);
	free(race);
	mmsim_destroy(m);
}

static void growth_races_with_growth(void **state)
{
	(void)state;
	race_until(false, 1500);
}

static void growth_races_with_boot(void **state)
{
	(void)state;
	race_until(true, 1500);
}

struct outsider {
	struct mmsim *m;
	struct churn churn;
	unsigned stop; /* atomic */
};

/* A thread that is no task, from before the machine is booted until after. */
static void *outside(void *arg)
{
	struct outsider *o = arg;

	while (!__atomic_load_n(&o->stop, __ATOMIC_ACQUIRE))
		churn_steps(&o->churn, 20);
	churn_free_all(&o->churn);
	return NULL;
}

/* Until the machine is booted allocations are refused, in whatever thread they come. */
static void callers_do_not_wait_for_boot(void **state)
{
	struct mmsim *m = create();
	struct outsider o[2] = { 0 };
	struct sim_books fresh;

	(void)state;
	sim_books_read(m, &fresh);
	for (unsigned round = 0; round < 8; round++) {
		pthread_t thread[2];

		mmsim_reset(m);
		for (unsigned i = 0; i < 2; i++) {
			churn_init(&o[i].churn, m, SEED + round, i);
			o[i].stop = 0;
			assert_int_equal(pthread_create(&thread[i], NULL, outside, &o[i]), 0);
		}
		assert_int_equal(mmsim_boot(m), 0);
		for (unsigned i = 0; i < 2; i++) {
			__atomic_store_n(&o[i].stop, 1, __ATOMIC_RELEASE);
			pthread_join(thread[i], NULL);
			if (o[i].churn.wrong)
				fail_msg("seed %" PRIu64 ": %s", SEED + round, o[i].churn.wrong);
		}
		assert_books(m, &fresh);
	}
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth_races_with_growth),
		cmocka_unit_test(growth_races_with_boot),
		cmocka_unit_test(callers_do_not_wait_for_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
