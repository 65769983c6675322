/* SPDX-License-Identifier: MIT */
/*
 * lib/replay/engine.h: drains that no free began, and what free page reporting does to the zone's lists. Found
 * and counted as in test_engine_unseen.c.
 */
#include "pageblock.h"
#include "replay_rig.h"

enum { PAGES = 65536 };

static struct mmsim_replay_report *const r = &rig.report;

/* Several hundred pages on each CPU's lists, and types mixed. */
static int setup(void **state)
{
	const struct mmsim_alloc_policy policy = { 0 };

	(void)state;
	rig_kernel(&policy, PAGES);
	rig_churn(300, PAGES / 4);
	while (rig_pcp(0)->count < 400)
		rig_drop(0, rig.nr_held - 1);
	while (rig_pcp(1)->count < 400)
		rig_drop(1, rig.nr_held - 1);
	rig_record();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

static void assert_followed(void)
{
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(rig_mismatches(), 0);
	assert_int_equal(r->exact, r->allocs);
	assert_int_equal(r->drained_exact, r->drained);
	rig_same_lists();
}

/* One CPU's lists, and on. */
static void drain_of_a_cpu(void **state)
{
	(void)state;
	rig_on_cpu(0);
	mm_buddy_pcp_drain(rig_zone(), 0);
	rig_churn(50, PAGES / 4);
	rig_stop();
	assert_followed();
	assert_int_equal(r->unprompted_drains, 1);
	assert_int_equal(r->books_corrected, 0);
	rig_same_books();
}

/* All CPUs' by one of them, whose own lists are not even the first. */
static void drain_of_all(void **state)
{
	(void)state;
	rig_on_cpu(1);
	mm_buddy_pcp_drain_all(rig_zone());
	rig_stop();
	assert_followed();
	assert_int_equal(r->unprompted_drains, 1);
	assert_true(r->drained_prompted > 800);
}

/* The vmstat worker: high sinks, and what is above it goes. */
static void decay(void **state)
{
	int before = rig_pcp(0)->count;

	(void)state;
	rig_on_cpu(0);
	while (rig_pcp(0)->count == before)
		mm_buddy_pcp_decay(rig_zone(), 0);
	rig_stop();
	assert_true(rig.nr > 0);
	assert_followed();
	assert_int_equal(r->unprompted_drains, 1);
}

/* A free after it finds the list too long sooner than here. */
static void decay_unseen(void **state)
{
	struct mm_pcp *pcp = rig_pcp(0);

	(void)state;
	pcp->high = pcp->count + 3;
	assert_true(pcp->high > pcp->high_min && pcp->high < (int)rig.before->pcps[0].high);
	while (rig.nr < 4)
		rig_drop(0, rig.nr_held - 1);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(rig_mismatches(), 0);
	assert_true(r->drained > 0);
	assert_int_equal(r->drained_exact, r->drained);
	assert_int_equal(r->books_corrected, 1);
	assert_int_equal(r->unprompted_drains, 0);
	rig_same_lists();
}

/* The vmstat worker ran before, when there was nothing to drain: what it drains now says how often. */
static void decay_after_decays(void **state)
{
	struct mm_pcp *pcp = rig_pcp(1);

	(void)state;
	pcp->high = mm_max(pcp->count - 7, pcp->high_min);
	assert_true(pcp->high < (int)rig.before->pcps[1].high);
	rig_on_cpu(1);
	mm_buddy_pcp_decay(rig_zone(), 1);
	rig_stop();
	assert_followed();
	assert_true(r->drained > 0);
	assert_int_equal(r->unprompted_drains, 1);
	assert_int_equal(r->books_corrected, 1);
}

/* The other way round: ours would have drained, the kernel does not. */
static void decay_unseen_here(void **state)
{
	struct mm_pcp *pcp = rig_pcp(0);
	int count = pcp->count;

	(void)state;
	pcp->high = pcp->high_max;
	rig.before->pcps[0].high = (uint32_t)count + 3;
	while (pcp->count < count + 6)
		rig_drop(0, rig.nr_held - 1);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->drained, 0);
	assert_int_equal(r->books_corrected, 1);
	assert_int_equal(r->mismatch[MMSIM_MISMATCH_DRAIN_EXTRA], 1);
	assert_int_equal(rig_mismatches(), 1);
	rig_same_lists();
}

/* A list of blocks that reporting goes through, with more than two blocks on it. */
static mm_list *reported_list(unsigned *order)
{
	for (*order = MMSIM_MAX_PAGE_ORDER; *order > 5; --*order) {
		mm_list *list = &rig_zone()->area[*order].list[MMSIM_MIGRATE_MOVABLE];

		if (rig_zone()->area[*order].nr[MMSIM_MIGRATE_MOVABLE] > 3)
			return list;
	}
	fail_msg("no list is long enough");
	return NULL;
}

/* Heads that went to the tail. */
static void rotated(void **state)
{
	unsigned order;
	mm_list *list = reported_list(&order);

	(void)state;
	mm_list_move_tail(list->next, list);
	mm_list_move_tail(list->next, list);
	for (unsigned i = 0; i < 3; i++)
		rig_take(0, GFP_M, order);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->rotated, 2);
	assert_int_equal(r->mismatch[MMSIM_MISMATCH_CORRECTED], 1);
	assert_int_equal(rig_mismatches(), 1);
	rig_same_lists();
}

/* The only block of its list is with the host while the kernel takes another, and comes back. */
static void parked(void **state)
{
	struct mm_zone *zone = rig_zone();
	struct mm_free_area *area = &zone->area[6];
	struct mmsim_page *page;

	(void)state;
	while (!area->nr[MMSIM_MIGRATE_MOVABLE])
		rig_take(0, GFP_M, 6);
	while (area->nr[MMSIM_MIGRATE_MOVABLE] > 1)
		rig_take(0, GFP_M, 6);
	page = mm_list_first(&area->list[MMSIM_MIGRATE_MOVABLE], struct mmsim_page, lru);
	mm_spin_lock(&zone->lock);
	mm_buddy_del_from_list(zone, page, 6, MMSIM_MIGRATE_MOVABLE);
	mm_spin_unlock(&zone->lock);
	rig_take(0, GFP_M, 6);
	mm_replay_to_zone(zone, page, 6, MM_FPI_TO_TAIL);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->rotated, 1);
	assert_int_equal(r->mismatch[MMSIM_MISMATCH_CORRECTED], 1);
	assert_int_equal(rig_mismatches(), 1);
	rig_same_lists();
}

/* A pageblock becomes Movable while pages of it are on a list. */
static void retyped(void **state)
{
	struct mm_zone *zone = rig_zone();
	const struct mmsim_page *page;

	(void)state;
	assert_false(mm_list_empty(&rig_pcp(0)->lists[MMSIM_MIGRATE_UNMOVABLE]));
	page = mm_list_first(&rig_pcp(0)->lists[MMSIM_MIGRATE_UNMOVABLE], struct mmsim_page, lru);
	mm_spin_lock(&zone->lock);
	mm_buddy_pageblock_move(zone, page,
				mm_zone_migratetype(zone, small_machine_pfn(&rig.m, page)),
				MMSIM_MIGRATE_MOVABLE);
	mm_spin_unlock(&zone->lock);
	rig_on_cpu(0);
	mm_buddy_pcp_drain(zone, 0);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(rig_mismatches(), 0);
	assert_int_equal(r->retyped, 1);
	rig_same_lists();
}

#define found(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		found(drain_of_a_cpu),
		found(drain_of_all),
		found(decay),
		found(decay_unseen),
		found(decay_after_decays),
		found(decay_unseen_here),
		found(rotated),
		found(parked),
		found(retyped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
