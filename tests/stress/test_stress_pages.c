/* SPDX-License-Identifier: MIT */
/*
 * Native threads that allocate, free, drain and try wrong frees at once, on machines small enough to
 * run dry. Each block is marked by its owner: none is owned twice. No block is freed twice.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "page_churn.h"
#include "sim_config.h"
#include "time_box.h"

#define SEED UINT64_C(20260702)
#define MOST 8

struct crowd {
	struct mmsim *m;
	uint64_t end; /* of the time box */
	struct churn task[MOST];
};

static struct mmsim *create(uint64_t pages, uint32_t flags)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_NATIVE, 2, 2, MOST / 2);
	struct mmsim *m;

	sim_ram(cfg, 0, 0, 1024);
	sim_ram(cfg, 0, SIM_NORMAL, pages);
	sim_ram(cfg, 1, SIM_NORMAL + (pages | 1023) + 1, pages);
	cfg->flags |= flags;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

/* Of a block that stays ours: whatever others do meanwhile, these are refused. */
static void try_wrong_frees(struct churn *c)
{
	const struct churn_block *b;

	if (!c->nr)
		return;
	b = &c->block[churn_below(c, c->nr)];
	if (mmsim_free_pages(c->m, b->page, b->order ? b->order - 1 : 1) != -EINVAL)
		churn_blame(c, "a free with another order was not refused");
	if (b->order && mmsim_free_pages(c->m, b->page + 1, 0) != -EINVAL)
		churn_blame(c, "a free of a tail was not refused");
}

static void crowd_task(unsigned i, void *arg)
{
	struct crowd *crowd = arg;
	struct churn *c = &crowd->task[i];

	while (!time_box_over(crowd->end)) {
		churn_steps(c, 200);
		try_wrong_frees(c);
	}
	churn_free_all(c);
}

static void assert_as_fresh(struct mmsim *m, const struct sim_books *fresh)
{
	struct sim_books books;

	mmsim_drain_all_pages(m);
	sim_books_read(m, &books);
	assert_true(sim_books_equal(fresh, &books));
	assert_int_equal(mmsim_validate(m), fresh->managed);
}

static void crowd_run(unsigned nr, uint64_t pages, uint32_t flags)
{
	struct mmsim *m = create(pages, flags);
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct sim_books fresh;
	uint64_t taken = 0;

	assert_non_null(crowd);
	sim_books_read(m, &fresh);
	crowd->m = m;
	crowd->end = time_box_open(600);
	for (unsigned i = 0; i < nr; i++)
		churn_init(&crowd->task[i], m, SEED, i);
	assert_int_equal(mmsim_run(m, nr, crowd_task, crowd), 0);
	for (unsigned i = 0; i < nr; i++) {
		if (crowd->task[i].wrong)
			fail_msg("seed %" PRIu64 ", task %u of %u: %s", SEED, i, nr,
				 crowd->task[i].wrong);
		taken += crowd->task[i].pages;
	}
	print_message("  %u threads, %" PRIu64 " pages a node: %" PRIu64 " taken\n", nr, pages,
		      taken);
	assert_true(taken > 0);
	assert_as_fresh(m, &fresh);
	free(crowd);
	mmsim_destroy(m);
}

static void no_page_is_owned_twice(void **state)
{
	(void)state;
	crowd_run(1, 20000, MMSIM_BACK_PAGES);
	crowd_run(2, 20000, MMSIM_BACK_PAGES);
	crowd_run(MOST, 20000, MMSIM_BACK_PAGES);
}

/* Hundreds of pages for eight threads that want thousands. */
static void machine_runs_dry(void **state)
{
	(void)state;
	crowd_run(2, 700, 0);
	crowd_run(MOST, 700, MMSIM_BACK_PAGES);
}

#define BLOCKS 4000

struct rivals {
	struct mmsim *m;
	struct mmsim_page *page[BLOCKS];
	unsigned order[BLOCKS];
	unsigned ready; /* atomic */
	unsigned freed[MOST], strange[MOST];
};

/* Everyone frees everything, in the same order and nearly at the same time. */
static void free_each(unsigned i, void *arg)
{
	struct rivals *r = arg;

	__atomic_add_fetch(&r->ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&r->ready, __ATOMIC_ACQUIRE) < MOST / 2)
		;
	for (unsigned k = 0; k < BLOCKS; k++) {
		int err = mmsim_free_pages(r->m, r->page[k], r->order[k]);

		r->freed[i] += !err;
		r->strange[i] += err && err != -EINVAL;
	}
}

/* Nobody allocates meanwhile: of the frees of one block exactly one succeeds. */
static void double_frees_race(void **state)
{
	struct mmsim *m = create(20000, 0);
	struct rivals *r = calloc(1, sizeof(*r));
	struct sim_books fresh;

	(void)state;
	assert_non_null(r);
	sim_books_read(m, &fresh);
	for (unsigned round = 0; round < 4; round++) {
		unsigned freed = 0;

		memset(r, 0, sizeof(*r));
		r->m = m;
		for (unsigned k = 0; k < BLOCKS; k++) {
			r->order[k] = k % 7 ? 0 : k % 4;
			r->page[k] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, r->order[k]);
			assert_non_null(r->page[k]);
		}
		assert_int_equal(mmsim_run(m, MOST / 2, free_each, r), 0);
		for (unsigned i = 0; i < MOST / 2; i++) {
			freed += r->freed[i];
			assert_int_equal(r->strange[i], 0);
		}
		assert_int_equal(freed, BLOCKS);
		assert_as_fresh(m, &fresh);
	}
	free(r);
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_page_is_owned_twice),
		cmocka_unit_test(machine_runs_dry),
		cmocka_unit_test(double_frees_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
