/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU lists going back to the zone: when, how many, from which end, to which type.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "isolate.h"
#include "pcp_machine.h"

/* At `high` pages a batch of the oldest goes back to the zone, and no more. */
static void draining_takes_the_oldest(void **state)
{
	uint64_t at[HIGH];

	(void)state;
	for (unsigned i = 0; i < HIGH; i++) /* whole batches: the list is empty then */
		at[i] = take(GFP_MOVABLE);
	assert_int_equal(pcp_of(0)->count, 0);
	for (unsigned i = 0; i < HIGH - 1; i++)
		give(at[(i + 7) % HIGH]);
	assert_int_equal(count_events(MMSIM_EV_MM_PAGE_PCPU_DRAIN), 0);
	assert_int_equal(pcp_of(0)->count, HIGH - 1);
	nr_seen = 0;
	give(at[6]);
	assert_int_equal(pcp_of(0)->count, HIGH - BATCH);
	assert_int_equal(nr_seen, 1 + BATCH); /* the free itself */
	for (unsigned i = 0; i < BATCH; i++) {
		assert_int_equal(seen[1 + i].id, MMSIM_EV_MM_PAGE_PCPU_DRAIN);
		assert_int_equal(seen[1 + i].pfn, BASE + at[i + 7]);
		assert_int_equal(seen[1 + i].migratetype, M);
	}
	assert_int_equal(take(GFP_MOVABLE), at[6]);
}

/* The list of the page just freed comes first, then the next types, round. */
static void draining_goes_round_the_lists(void **state)
{
	const unsigned few = 4;
	uint64_t movable[HIGH], unmovable[4];

	(void)state;
	for (unsigned i = 0; i < few; i++)
		unmovable[i] = take(MMSIM_GFP_KERNEL);
	for (unsigned i = 0; i < HIGH; i++)
		movable[i] = take(GFP_MOVABLE);
	mm_buddy_pcp_drain_all(small_machine_normal(&m));
	for (unsigned i = 0; i < HIGH - few; i++)
		give(movable[i]);
	for (unsigned i = 0; i < few - 1; i++)
		give(unmovable[i]);
	nr_seen = 0;
	give(unmovable[few - 1]); /* its own list has few, Movable's has the rest */
	assert_int_equal(nr_seen, 1 + BATCH);
	for (unsigned i = 0; i < few; i++)
		assert_int_equal(seen[1 + i].pfn, BASE + unmovable[i]);
	for (unsigned i = few; i < BATCH; i++)
		assert_int_equal(seen[1 + i].pfn, BASE + movable[i - few]);
	for (unsigned i = HIGH - few; i < HIGH; i++)
		give(movable[i]);
}

/* The pageblock's type counts when a page leaves the list, not when it came. */
static void drained_pages_get_their_pageblocks_type(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	while (take(GFP_MOVABLE) != 511) /* all of the first pageblock */
		;
	mm_buddy_pcp_drain_all(zone);
	give(100);
	assert_int_equal(small_machine_page(&m, BASE + 100)->index, M);
	set_type(&m, 0, R);
	nr_seen = 0;
	mm_buddy_pcp_drain_all(zone);
	assert_list(&m, 0, R, 100);
	assert_int_equal(nr_seen, 1);
	assert_int_equal(seen[0].id, MMSIM_EV_MM_PAGE_PCPU_DRAIN);
	assert_int_equal(seen[0].migratetype, R);
}

/* Of CPU 0. Returns what is left to do. */
static int drain_slice(int nr, int most, unsigned first)
{
	struct mm_pcp *pcp = pcp_of(0);
	int left;

	mm_spin_lock(&pcp->lock);
	left = mm_buddy_pcp_drain_slice(small_machine_normal(&m), pcp, nr, most, first);
	mm_spin_unlock(&pcp->lock);
	return left;
}

/* Blocks go back whole, and count for all their pages. */
static void blocks_are_drained(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	uint64_t at[4], page = take(GFP_MOVABLE);

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		at[i] = take_order(GFP_MOVABLE, 3);
	mm_buddy_pcp_drain_all(zone);
	for (unsigned i = 0; i < 4; i++)
		give_order(at[i], 3);
	give(page);
	nr_seen = 0;
	assert_int_equal(drain_slice(12, 10, mm_pcp_index(M, 3)), 2);
	assert_int_equal(nr_seen, 2); /* 16 pages: more than ten, less than three blocks */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(seen[i].id, MMSIM_EV_MM_PAGE_PCPU_DRAIN);
		assert_int_equal(seen[i].order, 3);
		assert_int_equal(seen[i].pfn, BASE + at[i]);
	}
	assert_int_equal(pcp_of(0)->count, 17);
	nr_seen = 0;
	drain_slice(9, 9, mm_pcp_index(M, 3));
	assert_int_equal(nr_seen, 2);
	drain_slice(8, 8, mm_pcp_index(M, 9));
	/* After the last list comes the first. */
	assert_int_equal(seen[2].pfn, BASE + page);
	assert_int_equal(pcp_of(0)->count, 0);
}

/* A free of what the pageblock of which is isolated passes the lists by. */
static void isolated_pages_are_not_kept(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	uint64_t at = take(GFP_MOVABLE);

	(void)state;
	mm_buddy_pcp_drain_all(zone);
	assert_int_equal(mm_buddy_isolate_pageblock(zone, BASE), 0);
	give(at);
	assert_int_equal(pcp_of(0)->count, 0);
	assert_int_equal(zone->free_pages, PAGES - 512);
	assert_int_equal(mm_buddy_unisolate_pageblock(zone, BASE), 0);
	assert_int_equal(zone->free_pages, PAGES);
}

struct due {
	unsigned left[8], nr;
};

static void later(void *ctx, struct mm_zone *zone, struct mm_pcp *pcp, int nr, unsigned first)
{
	struct due *due = ctx;

	do
		due->left[due->nr++] = (unsigned)nr;
	while ((nr = mm_buddy_pcp_drain_slice(zone, pcp, nr, mm_buddy_pcp_slice(zone, pcp),
					      first)));
}

/* Whoever replays is told what is due, and does it himself. */
static void draining_can_be_left_to_others(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct due due = { 0 };
	uint64_t at[HIGH];

	(void)state;
	zone->drain_later = later;
	zone->drain_ctx = &due;
	m.buddy.policy.pcp_free = MMSIM_PCP_FREE_SLICED;
	pcp_of(0)->scale_max = 2; /* so that four batches may go at once */
	for (unsigned i = 0; i < HIGH; i++)
		at[i] = take(GFP_MOVABLE);
	mm_buddy_pcp_drain_all(zone);
	nr_seen = 0;
	for (unsigned i = 0; i < HIGH; i++)
		give(at[i]);
	assert_int_equal(due.nr, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(due.left[i], (4 - i) * BATCH);
	assert_int_equal(count_events(MMSIM_EV_MM_PAGE_PCPU_DRAIN), 4 * BATCH);
	zone->drain_later = NULL;
}

/* One slice: a batch, or, as kernels to 6.18 do it, all that is due. */
static void slices_are_a_policy(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	take(GFP_MOVABLE);
	for (unsigned whole = 0; whole < 2; whole++) {
		uint64_t drains = zone->stat.drains;

		m.buddy.policy.pcp_free = whole ? MMSIM_PCP_FREE_WHOLE : MMSIM_PCP_FREE_SLICED;
		pcp->batch = 4;
		assert_int_equal(drain_slice(6, mm_buddy_pcp_slice(zone, pcp), 0), whole ? 0 : 2);
		assert_int_equal(zone->stat.drains, drains + 1);
	}
	assert_int_equal(pcp->count, BATCH - 1 - 4 - 6);
	assert_int_equal(zone->stat.drained, 4 + 6);
	/* An empty list ends it. */
	assert_int_equal(drain_slice(1000, 10, 0), 0);
	assert_int_equal(pcp->count, 0);
	pcp->batch = BATCH;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(draining_takes_the_oldest),
		with_zone(draining_goes_round_the_lists),
		with_zone(drained_pages_get_their_pageblocks_type),
		with_zone(blocks_are_drained),
		with_zone(isolated_pages_are_not_kept),
		with_zone(draining_can_be_left_to_others),
		with_zone(slices_are_a_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
