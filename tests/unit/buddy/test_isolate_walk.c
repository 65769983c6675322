/* SPDX-License-Identifier: MIT */
/* A random walk: blocks and ranges come and go while pageblocks are isolated and back again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "pageblock_rig.h"
#include <errno.h>

static struct small_machine m;

static int setup(void **state)
{
	(void)state;
	rig_open(&m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close(&m);
	return 0;
}

static struct mm_zone *zone(void)
{
	return small_machine_normal(&m);
}

/* What a random walk knows of the zone. */
struct walk {
	struct mm_rng rng;
	unsigned nr;
	uint64_t at[512];
	unsigned order[512];
	bool isolated[PAGES / MMSIM_PAGEBLOCK_NR_PAGES];
};

static unsigned below(struct walk *w, unsigned n)
{
	return (unsigned)mm_rng_below(&w->rng, n);
}

static void walk_keep(struct walk *w, uint64_t at, unsigned order)
{
	w->at[w->nr] = at;
	w->order[w->nr++] = order;
}

static void walk_alloc(struct walk *w)
{
	static const mmsim_gfp_t types[] = { 0, MMSIM___GFP_MOVABLE, MMSIM___GFP_RECLAIMABLE };
	unsigned order = below(w, 4) ? below(w, 4) : below(w, MMSIM_NR_PAGE_ORDERS);
	struct mmsim_page *page;

	if (w->nr == mm_array_size(w->at))
		return;
	page = mm_buddy_alloc_pages(&m.buddy, 0, MMSIM_GFP_KERNEL | types[below(w, 3)], order);
	if (page)
		walk_keep(w, small_machine_pfn(&m, page) - BASE, order);
}

static void walk_free(struct walk *w)
{
	unsigned i;

	if (!w->nr)
		return;
	i = below(w, w->nr--);
	if (mm_buddy_free_pfn(&m.buddy, BASE + w->at[i], w->order[i]))
		fail_msg("free refused: %s", m.said);
	w->at[i] = w->at[w->nr];
	w->order[i] = w->order[w->nr];
}

static void walk_isolate(struct walk *w)
{
	unsigned i = below(w, mm_array_size(w->isolated));
	uint64_t pfn = BASE + i * PB + below(w, (unsigned)PB);

	if (below(w, 2)) {
		assert_int_equal(mm_buddy_isolate_pageblock(zone(), pfn),
				 w->isolated[i] ? -EBUSY : 0);
		w->isolated[i] = true;
	} else {
		assert_int_equal(mm_buddy_unisolate_pageblock(zone(), pfn),
				 w->isolated[i] ? 0 : -EINVAL);
		w->isolated[i] = false;
	}
}

static void walk_contig(struct walk *w)
{
	uint64_t from = below(w, PAGES), to = from + 1 + below(w, 32);

	if (w->nr + 32 > mm_array_size(w->at) || to > PAGES)
		return;
	if (mm_buddy_alloc_contig_range(&m.buddy, BASE + from, BASE + to))
		return;
	for (; from < to; from++)
		walk_keep(w, from, 0);
}

/* Nobody holds a page twice, and the sums are right: a page lost or doubled shows here. */
static void walk_check(const struct walk *w)
{
	static uint8_t held[PAGES];
	uint64_t used = 0, isolated = 0;

	memset(held, 0, sizeof(held));
	for (unsigned i = 0; i < w->nr; i++)
		for (uint64_t at = w->at[i]; at < w->at[i] + (UINT64_C(1) << w->order[i]); at++) {
			assert_int_equal(held[at]++, 0);
			used++;
		}
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		isolated += zone()->area[o].nr[I] << o;
	assert_int_equal(mm_buddy_validate(&m.buddy) + isolated + used + mm_buddy_pcp_count(zone()),
			 PAGES);
	for (unsigned i = 0; i < mm_array_size(w->isolated); i++)
		assert_int_equal(type_at(&m, i * PB) == I, w->isolated[i]);
}

static void walk_end(struct walk *w)
{
	while (w->nr)
		walk_free(w);
	mm_buddy_pcp_drain_all(zone());
	for (unsigned i = 0; i < mm_array_size(w->isolated); i++)
		assert_int_equal(rig_unisolate(&m, i * PB), w->isolated[i] ? 0 : -EINVAL);
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES);
}

static void any_order_of_things_keeps_the_books(void **state)
{
	static struct walk w;

	(void)state;
	w = (struct walk){ .rng = mm_rng_split(3, 1) };
	assert_int_equal(rig_make_cma(&m, PAGES - PB), 0);
	assert_int_equal(rig_make_cma(&m, PAGES - 4 * PB), 0);
	for (unsigned i = 0; i < 100000; i++) {
		unsigned what = below(&w, 100);

		if (what < 46)
			walk_alloc(&w);
		else if (what < 92)
			walk_free(&w);
		else if (what < 98)
			walk_isolate(&w);
		else
			walk_contig(&w);
		if (i % 100 == 0)
			walk_check(&w);
	}
	walk_end(&w);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(any_order_of_things_keeps_the_books),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
