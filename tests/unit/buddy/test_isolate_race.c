/* SPDX-License-Identifier: MIT */
/*
 * Threads that allocate, free and split while others isolate pageblocks, take ranges, and make the
 * high-order atomic reserve grow and shrink: nothing is lost, nothing is had twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "highatomic.h"
#include "pageblock_rig.h"

enum { RACERS = 4, STEPS = 20000, KEPT = 64, ZONE_PAGES = 65536 };

struct racer {
	struct mm_task task;
	struct mm_rng rng;
	unsigned nr;
	struct mmsim_page *page[KEPT];
	unsigned order[KEPT];
	uint64_t tag;
	const char *wrong; /* NULL: nothing */
};

static struct small_machine m;
static struct racer racer[RACERS];

static struct mm_zone *zone(void)
{
	return small_machine_normal(&m);
}

static unsigned below(struct racer *r, unsigned n)
{
	return (unsigned)mm_rng_below(&r->rng, n);
}

/* Ours, as long as the mark is there. */
static void keep(struct racer *r, struct mmsim_page *page, unsigned order)
{
	for (unsigned i = 0; i < 1u << order; i++)
		page[i].mapping = r;
	r->page[r->nr] = page;
	r->order[r->nr++] = order;
}

static void take(struct racer *r)
{
	static const mmsim_gfp_t types[] = { MMSIM_GFP_KERNEL,
					     MMSIM_GFP_KERNEL | MMSIM___GFP_MOVABLE,
					     MMSIM_GFP_ATOMIC };
	unsigned order = below(r, 8) ? below(r, 4) : below(r, MMSIM_NR_PAGE_ORDERS);
	struct mmsim_page *page = NULL;

	if (r->nr < KEPT)
		page = mm_buddy_alloc_pages(&m.buddy, 0, types[below(r, 3)], order);
	if (page)
		keep(r, page, order);
}

static void give(struct racer *r)
{
	unsigned i;

	if (!r->nr)
		return;
	i = below(r, r->nr--);
	for (unsigned k = 0; k < 1u << r->order[i]; k++)
		if (r->page[i][k].mapping != r)
			r->wrong = "somebody else had the page too";
	if (mm_buddy_free_pages(&m.buddy, r->page[i], r->order[i]))
		r->wrong = "a free was refused";
	r->page[i] = r->page[r->nr];
	r->order[i] = r->order[r->nr];
}

/* The last one kept, if there is room for its pages. */
static void split(struct racer *r)
{
	struct mmsim_page *page;
	unsigned order;

	if (!r->nr || r->nr + (1u << r->order[r->nr - 1]) > KEPT)
		return;
	page = r->page[--r->nr];
	order = r->order[r->nr];
	if (mm_buddy_split_page(&m.buddy, page, order))
		r->wrong = "a split was refused";
	for (unsigned i = 0; i < 1u << order; i++)
		keep(r, page + i, 0);
}

static void isolate(struct racer *r)
{
	uint64_t pfn = BASE + below(r, ZONE_PAGES);

	if (below(r, 2))
		mm_buddy_isolate_pageblock(zone(), pfn);
	else
		mm_buddy_unisolate_pageblock(zone(), pfn);
}

static void range(struct racer *r)
{
	uint64_t pfn = BASE + below(r, ZONE_PAGES - 8);

	if (r->nr + 8 > KEPT || mm_buddy_alloc_contig_range(&m.buddy, pfn, pfn + 8))
		return;
	for (unsigned i = 0; i < 8; i++)
		keep(r, small_machine_page(&m, pfn + i), 0);
}

static void reserve(struct racer *r)
{
	if (r->nr && below(r, 2))
		mm_buddy_reserve_highatomic(zone(), r->page[r->nr - 1], r->order[r->nr - 1]);
	else
		mm_buddy_unreserve_highatomic(zone(), (enum mmsim_migratetype)below(r, 3), true);
}

static void race(void *arg)
{
	struct racer *r = arg;

	for (unsigned i = 0; i < STEPS; i++) {
		unsigned what = below(r, 32);

		if (what < 13)
			take(r);
		else if (what < 26)
			give(r);
		else if (what < 28)
			split(r);
		else if (what < 30)
			isolate(r);
		else if (what < 31)
			range(r);
		else
			reserve(r);
	}
	while (r->nr)
		give(r);
}

static void run(void)
{
	for (unsigned i = 0; i < RACERS; i++) {
		racer[i] = (struct racer){ .rng = mm_rng_split(99, i) };
		assert_int_equal(mm_exec_spawn(m.env.exec, &racer[i].task, NULL, race, &racer[i]),
				 0);
	}
	for (unsigned i = 0; i < RACERS; i++)
		mm_exec_join(m.env.exec, &racer[i].task);
	for (unsigned i = 0; i < RACERS; i++)
		if (racer[i].wrong)
			fail_msg("task %u: %s", i, racer[i].wrong);
}

static void race_in(uint32_t mode)
{
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, RACERS, 1);
	m.env.cfg.mode = mode;
	page_env_ram(&m.env, 0, BASE, BASE + ZONE_PAGES);
	small_machine_open(&m);
	run();
	mm_buddy_validate(&m.buddy);
	mm_buddy_pcp_drain_all(zone());
	for (uint64_t at = 0; at < ZONE_PAGES; at += PB)
		mm_buddy_unisolate_pageblock(zone(), BASE + at);
	while (mm_buddy_unreserve_highatomic(zone(), M, true))
		;
	assert_int_equal(mm_buddy_validate(&m.buddy), ZONE_PAGES);
	small_machine_close(&m);
}

static void threads(void **state)
{
	(void)state;
	race_in(MMSIM_NATIVE);
}

static void virtual_cpus(void **state)
{
	(void)state;
	race_in(MMSIM_VIRTUAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads),
		cmocka_unit_test(virtual_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
