/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU lists going back to the zone: when, how many, from which end, to which type; and how full a
 * list can get.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "child_dies.h"
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

static void validate(void *arg)
{
	(void)arg;
	mm_buddy_validate(&m.buddy);
}

/*
 * A list just below high, then the other two refilled: the most that a per-CPU list can hold. C1 must
 * allow for that.
 */
static void the_fullest_list_is_valid(void **state)
{
	uint64_t at[HIGH];

	(void)state;
	for (unsigned i = 0; i < HIGH; i++)
		at[i] = take(GFP_MOVABLE);
	for (unsigned i = 0; i < HIGH - 1; i++)
		give(at[i]);
	assert_int_equal(pcp_of(0)->count, HIGH - 1);
	take(MMSIM_GFP_KERNEL);
	assert_true(child_lives(validate, NULL));
	take(GFP_RECLAIMABLE);
	assert_int_equal(pcp_of(0)->count, HIGH - 1 + 2 * (BATCH - 1));
	if (!child_lives(validate, NULL)) {
		mm_buddy_pcp_drain_all(small_machine_normal(&m)); /* for the teardown */
		fail();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(draining_takes_the_oldest),
		with_zone(draining_goes_round_the_lists),
		with_zone(drained_pages_get_their_pageblocks_type),
		with_zone(the_fullest_list_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
