/* SPDX-License-Identifier: MIT */
/*
 * lib/replay/engine.h, what the tracepoints do not show: one such thing is done by the recorded machine, or
 * to the recording, and the replay finds it, counts it by its name, and ends where the recording does.
 */
#include "pageblock.h"
#include "replay_rig.h"

enum { PAGES = 65536 };

static struct mmsim_replay_report *const r = &rig.report;

/* Unmovable pages on CPU 0's list and Movable ones on CPU 1's, then the recording begins. */
static int setup(void **state)
{
	const struct mmsim_alloc_policy policy = { 0 };

	(void)state;
	rig_kernel(&policy, PAGES);
	for (unsigned i = 0; i < 200; i++) {
		rig_hold(0, GFP_U, 0);
		rig_hold(1, GFP_M, 0);
	}
	while (rig.nr_held > 200)
		rig_drop((rig.nr_held - 1) & 1, rig.nr_held - 1);
	rig_record();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

/* Everything is as in the recording in the end, and only this was not on the way. */
static void assert_found(enum mmsim_mismatch kind, uint64_t nr)
{
	uint64_t sum = rig_mismatches();

	assert_int_equal(r->mismatch[kind], nr);
	assert_int_equal(sum, nr);
	rig_same_lists();
}

static void bulk(unsigned cpu, mmsim_gfp_t gfp, size_t nr)
{
	struct mmsim_page *pages[64];

	rig_on_cpu(cpu);
	assert_int_equal(mm_buddy_alloc_pages_bulk(&rig.m.buddy, gfp, nr, pages), nr);
}

/* More than the list has: the next refill seen begins with a list that is empty there, not here. */
static void bulk_before_a_refill(void **state)
{
	int count = rig_pcp(0)->count;

	(void)state;
	while (rig_pcp(0)->count > 40)
		rig_take(0, GFP_U, 0);
	assert_true(count > 40);
	bulk(0, GFP_U, 40);
	assert_int_equal(rig_pcp(0)->count, 0);
	rig_take(0, GFP_U, 0);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->unseen_allocs, 40);
	assert_int_equal(r->exact, r->allocs);
	assert_found(MMSIM_MISMATCH_SKIPPED, 0);
}

/* Less: then the next page is deeper in the list. */
static void bulk_above_a_page(void **state)
{
	(void)state;
	bulk(1, GFP_M, 10);
	rig_take(1, GFP_M, 0);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->unseen_allocs, 10);
	assert_int_equal(r->allocs, 1);
	assert_int_equal(r->exact, 0);
	assert_found(MMSIM_MISMATCH_SKIPPED, 1);
}

/* A hint says so beforehand. */
static void bulk_with_hints(void **state)
{
	struct mmsim_hint hint[10];
	const struct mmsim_hints hints = { .nr = 10, .hints = hint };
	const struct mmsim_replay_options o = { .hints = &hints };
	const mm_list *pos = rig_pcp(1)->lists[MMSIM_MIGRATE_MOVABLE].next;

	(void)state;
	for (unsigned i = 0; i < 10; i++, pos = pos->next)
		hint[i] = (struct mmsim_hint){
			.kind = MMSIM_HINT_UNTRACED_ALLOC,
			.pfn = small_machine_pfn(&rig.m,
						 mm_list_entry(pos, struct mmsim_page, lru)),
			.line1 = 1,
			.line2 = 2,
		};
	rig_take(0, GFP_U, 0);
	bulk(1, GFP_M, 10);
	rig_take(1, GFP_M, 0);
	rig_stop();
	assert_int_equal(rig_replay(&o), 0);
	assert_int_equal(r->unseen_allocs, 10);
	assert_int_equal(r->exact, 2);
	assert_found(MMSIM_MISMATCH_SKIPPED, 0);
}

/* Nobody saw it handed out, but somebody gives it back. */
static void free_of_listed(void **state)
{
	uint64_t pfn;

	(void)state;
	rig.muted = 1u << MMSIM_TRACE_ALLOC;
	pfn = rig_take(0, GFP_U, 0);
	rig.muted = 0;
	rig_give(0, pfn, 0);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->unseen_allocs, 1);
	assert_found(MMSIM_MISMATCH_FREE_LISTED, 1);
}

/* The same of a block that was never on a per-CPU list. */
static void free_of_free(void **state)
{
	uint64_t pfn;

	(void)state;
	rig.muted =
		1u << MMSIM_TRACE_ALLOC | 1u << MMSIM_TRACE_ZONE_LOCKED | 1u << MMSIM_TRACE_EXTFRAG;
	pfn = rig_take(0, GFP_U, 7);
	rig.muted = 0;
	rig_give(1, pfn, 7);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_found(MMSIM_MISMATCH_FREE_FREE, 1);
}

static void swap_last_two(void)
{
	struct mmsim_trace_event *first = &rig.events[rig.nr - 2], *second = first + 1, e = *first;

	*first = *second;
	*second = e;
	second->ns = first->ns;
	first->ns = e.ns;
}

/* An interrupt asked between a request and its event. */
static void late_event(void **state)
{
	(void)state;
	rig_take(1, GFP_M, 0);
	rig_take(1, GFP_M, 0);
	swap_last_two();
	rig_take(1, GFP_M, 0);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	/* The one, and the one that it was above. */
	assert_int_equal(r->late, 2);
	assert_int_equal(r->exact, 3);
	assert_int_equal(r->unseen_allocs, 0);
	assert_found(MMSIM_MISMATCH_SKIPPED, 0);
}

/* A free past the list, whose lock somebody has: what comes off the zone's lists later tells. */
static uint64_t free_direct(void)
{
	uint64_t pfn = rig.held[0].pfn;

	rig_on_cpu(0);
	mm_replay_set_busy(rig_pcp(0), true);
	rig_drop(0, 0);
	mm_replay_set_busy(rig_pcp(0), false);
	assert_false(mm_replay_listed(rig_page(pfn)));
	rig_take(0, GFP_U, 0);
	while (!rig_page(pfn)->refcount && !mm_replay_listed(rig_page(pfn)))
		rig_take(0, GFP_U, 0);
	return pfn;
}

static void past_the_list(void **state)
{
	(void)state;
	free_direct();
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->direct_frees, 1);
	assert_int_equal(r->exact, r->allocs - 1);
	assert_found(MMSIM_MISMATCH_SKIPPED, 1);
}

static void past_the_list_with_a_hint(void **state)
{
	struct mmsim_hint hint = { .kind = MMSIM_HINT_DIRECT_FREE, .line1 = 1 };
	const struct mmsim_hints hints = { .nr = 1, .hints = &hint };
	const struct mmsim_replay_options o = { .hints = &hints };

	(void)state;
	hint.pfn = free_direct();
	rig_stop();
	assert_int_equal(rig_replay(&o), 0);
	assert_int_equal(r->direct_frees, 1);
	assert_int_equal(r->exact, r->allocs);
	assert_found(MMSIM_MISMATCH_SKIPPED, 0);
}

/* In a batch: the block goes past the list with the batch, and its order is not said again. */
static void batched(void **state)
{
	struct mmsim_hint hint = { .kind = MMSIM_HINT_DIRECT_FREE };
	const struct mmsim_hints hints = { .nr = 1, .hints = &hint };
	const struct mmsim_replay_options o = { .hints = &hints };
	uint64_t pfn = rig_take(0, GFP_U, 2);

	(void)state;
	mm_replay_set_busy(rig_pcp(0), true);
	rig_give(0, pfn, 2);
	mm_replay_set_busy(rig_pcp(0), false);
	hint.line1 = rig.nr;
	rig.events[rig.nr - 1].flag = 1;
	rig.events[rig.nr] = rig.events[rig.nr - 1];
	rig.events[rig.nr].kind = MMSIM_TRACE_FREE_BATCHED;
	rig.events[rig.nr++].order = 0;
	rig_stop();
	assert_int_equal(rig_replay(&o), 0);
	assert_int_equal(r->direct_frees, 1);
	assert_int_equal(r->frees, 1);
	assert_found(MMSIM_MISMATCH_FREE_SPLIT, 0);
}

/* The refill of a list that nobody saw, on another CPU. */
static void refill_elsewhere(void **state)
{
	struct mm_pcp *pcp = rig_pcp(1);

	(void)state;
	while (!mm_list_empty(&pcp->lists[MMSIM_MIGRATE_RECLAIMABLE]))
		rig_take(1, GFP_R, 0);
	rig_take(0, GFP_R, 0);
	while (!mm_list_empty(&rig_pcp(0)->lists[MMSIM_MIGRATE_RECLAIMABLE]))
		rig_take(0, GFP_R, 0);
	rig.muted = UINT32_MAX;
	rig_on_cpu(1);
	mm_spin_lock(&pcp->lock);
	mm_buddy_pcp_refill(rig_zone(), pcp, 0, MMSIM_MIGRATE_RECLAIMABLE, 0);
	mm_spin_unlock(&pcp->lock);
	rig.muted = 0;
	rig_take(0, GFP_R, 0);
	rig_take(1, GFP_R, 0);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->unseen_refills, 1);
	rig_mismatches();
	rig_same_lists();
}

/* Between a refill and the event of its request another CPU has the page: the request cannot have got it. */
static void taken_by_another(void **state)
{
	struct mmsim_trace_event alloc;

	(void)state;
	while (!mm_list_empty(&rig_pcp(0)->lists[MMSIM_MIGRATE_UNMOVABLE]))
		rig_take(0, GFP_U, 0);
	rig_take(0, GFP_U, 0);
	rig_stop();
	alloc = rig.events[rig.nr - 1];
	assert_int_equal(rig.events[rig.nr - 2].kind, MMSIM_TRACE_ZONE_LOCKED);
	rig.events[rig.nr - 1].cpu = 1;
	rig.events[rig.nr - 1].kind = MMSIM_TRACE_FREE;
	rig.events[rig.nr] = alloc;
	rig.events[rig.nr++].cpu = 1;
	rig.events[rig.nr++] = alloc;
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->mismatch[MMSIM_MISMATCH_IN_USE], 1);
	assert_int_equal(rig_mismatches(), 1);
	assert_int_equal(rig_page(alloc.pfn)->refcount, 1);
}

/* One block given back in pieces. */
static void split_free(void **state)
{
	uint64_t pfn = rig_take(0, GFP_U, 3);

	(void)state;
	assert_int_equal(mm_buddy_split_page(&rig.m.buddy, rig_page(pfn), 3), 0);
	for (unsigned i = 0; i < 8; i++)
		rig_give(0, pfn + i, 0);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->frees, 8);
	assert_found(MMSIM_MISMATCH_FREE_SPLIT, 1);
}

/* Pages whose order nobody knows, as one. */
static void joined_free(void **state)
{
	uint64_t pfn = rig_take(0, GFP_U, 3);

	(void)state;
	rig_stop();
	rig_close();
	setup(NULL);
	assert_int_equal(rig_take(0, GFP_U, 3), pfn);
	mm_replay_snapshot_free(rig.before);
	rig.nr = 0;
	rig_record();
	rig_give(0, pfn, 3);
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_found(MMSIM_MISMATCH_FREE_SPLIT, 0);
}

/* There was nothing left for it there, and there is nothing here; then the event is not true. */
static void failed(void **state)
{
	uint64_t nr = 0, pfn;

	(void)state;
	rig.without = MMSIM___GFP_RECLAIM;
	while (rig_take(0, GFP_U, MMSIM_MAX_PAGE_ORDER))
		nr++;
	rig_stop();
	assert_int_equal(rig_replay(NULL), 0);
	assert_int_equal(r->allocs, nr + 1);
	assert_int_equal(r->exact, nr + 1);
	assert_found(MMSIM_MISMATCH_FAILED, 0);

	rig_close_machine();
	memset(rig.told, 0, sizeof(rig.told));
	pfn = rig.events[rig.nr - 2].pfn;
	rig.events[rig.nr - 2].pfn = 0;
	assert_int_equal(rig_replay(NULL), 0);
	assert_true(mm_page_is_buddy(rig_page(pfn)) || !rig_page(pfn)->refcount);
	assert_int_equal(r->mismatch[MMSIM_MISMATCH_FAILED], 2);
}

#define found(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		found(bulk_before_a_refill),
		found(bulk_above_a_page),
		found(bulk_with_hints),
		found(free_of_listed),
		found(free_of_free),
		found(late_event),
		found(past_the_list),
		found(past_the_list_with_a_hint),
		found(batched),
		found(refill_elsewhere),
		found(taken_by_another),
		found(split_free),
		found(joined_free),
		found(failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
