/* SPDX-License-Identifier: MIT */
/* lib/replay/free_run.c: requests only, pages by their partners, and frees that have none. */
#include "replay_rig.h"

#include <errno.h>

enum { PAGES = 16384 };

static const struct mmsim_replay_options freely = { .free_running = true };
static struct mmsim_replay_report *const r = &rig.report;

static int setup(void **state)
{
	const struct mmsim_alloc_policy policy = { 0 };

	(void)state;
	rig_kernel(&policy, PAGES);
	rig.without = MMSIM___GFP_DIRECT_RECLAIM;
	rig_churn(100, PAGES / 8);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_close();
	return 0;
}

/* Of a machine like this one: the same pages, the same lists. */
static void alike(void **state)
{
	(void)state;
	rig_record();
	rig_churn(400, PAGES / 8);
	/* Within a second: the vmstat worker has not run. */
	for (size_t i = 0; i < rig.nr; i++)
		rig.events[i].ns = i;
	rig_stop();
	assert_int_equal(rig_replay(&freely), 0);
	assert_int_equal(rig_mismatches(), 0);
	assert_true(r->allocs > 1000 && r->frees > 1000);
	assert_int_equal(r->exact, r->allocs);
	assert_int_equal(r->longest_run, r->allocs);
	assert_int_equal(r->refilled + r->drained + r->extfrags, 0);
	rig_same_lists();
	rig_same_books();
}

/* From another state: other pages, but as many, and each free finds its partner. */
static void from_another_state(void **state)
{
	uint64_t nr_free, pcp;

	(void)state;
	rig_record();
	nr_free = rig_zone()->free_pages + mm_buddy_pcp_count(rig_zone());
	for (unsigned i = 0; i < 300; i++)
		rig_hold(i & 1, i % 3 ? GFP_M : GFP_U, i % 4);
	for (unsigned i = 0; i < 300; i++)
		rig_drop(~i & 1, rig.nr_held - 1);
	rig_stop();
	/* The lists of CPUs are empty here. */
	rig.before->nr_pcp_pages = 0;
	for (size_t i = 0; i < rig.before->nr_pcps; i++) {
		nr_free -= rig.before->pcps[i].count;
		rig.before->pcps[i].count = 0;
	}
	assert_int_equal(rig_replay(&freely), 0);
	assert_int_equal(rig_mismatches(), 0);
	assert_int_equal(r->allocs, 300);
	assert_int_equal(r->frees, 300);
	assert_true(r->exact < r->allocs);
	pcp = mm_buddy_pcp_count(rig_zone());
	assert_int_equal(rig_zone()->free_pages + pcp, nr_free);
}

static void add_free(uint64_t pfn, unsigned order)
{
	rig.events[rig.nr++] = (struct mmsim_trace_event){ .kind = MMSIM_TRACE_FREE,
							   .pfn = (uint32_t)pfn,
							   .order = (uint8_t)order };
}

/* What is given back twice, and what was handed out here for another page of the recording. */
static void without_a_partner(void **state)
{
	uint64_t elsewhere, mine, own;

	(void)state;
	mine = rig_take(0, GFP_U, 2);
	elsewhere = rig_take(0, GFP_U, 0);
	rig_record();
	own = rig_take(0, GFP_U, 0);
	rig_stop();
	rig.events[rig.nr - 1].pfn = (uint32_t)elsewhere;
	add_free(mine, 2);
	add_free(mine, 2);
	add_free(own, 0);
	assert_int_equal(rig_replay(&freely), 0);
	assert_int_equal(r->frees, 3);
	assert_int_equal(r->mismatch[MMSIM_MISMATCH_FREE_UNKNOWN], 2);
	assert_int_equal(rig_page(own)->refcount, 1);
	rig_close_machine();

	memset(rig.told, 0, sizeof(rig.told));
	add_free(elsewhere, 0);
	assert_int_equal(rig_replay(&freely), 0);
	assert_int_equal(r->mismatch[MMSIM_MISMATCH_FREE_UNKNOWN], 2);
	assert_int_equal(rig_page(own)->refcount, 0);
	assert_int_equal(rig_page(elsewhere)->refcount, 1);
}

/* Nothing left there, or nothing left here. */
static void failures(void **state)
{
	uint64_t nr = 0;

	(void)state;
	rig_record();
	while (rig_take(0, GFP_U, MMSIM_MAX_PAGE_ORDER))
		nr++;
	rig_stop();
	assert_true(nr > 0);
	rig.events[0].pfn = 0;
	for (size_t i = 0; i < rig.nr; i++)
		if (rig.events[i].kind == MMSIM_TRACE_ALLOC) {
			rig.events[i].pfn = 0;
			rig.events[i].order = MMSIM_MAX_PAGE_ORDER;
			rig.events[0] = rig.events[i];
			break;
		}
	assert_int_equal(rig_replay(&freely), 0);
	assert_true(r->mismatch[MMSIM_MISMATCH_FAILED] >= 1);
	assert_int_equal(r->mismatch[MMSIM_MISMATCH_FAILED], rig_mismatches());
}

/* Once a second per CPU the lists shrink. */
static void vmstat_worker(void **state)
{
	int high;

	(void)state;
	rig_record();
	rig_take(0, GFP_U, 0);
	rig_take(0, GFP_U, 0);
	rig_stop();
	for (unsigned i = 0; i < rig.nr; i++)
		rig.events[i].ns = (i + 1ull) * 1000000000;
	high = (int)rig.before->pcps[0].high_max;
	rig.before->pcps[0].high = (uint32_t)high;
	assert_int_equal(rig_replay(&freely), 0);
	assert_true(rig_pcp(0)->high < high);
	assert_int_equal(rig_pcp(1)->high, rig.before->pcps[1].high);
}

#define free_run(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		free_run(alike),    free_run(from_another_state), free_run(without_a_partner),
		free_run(failures), free_run(vmstat_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
