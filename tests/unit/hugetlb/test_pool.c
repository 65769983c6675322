/* SPDX-License-Identifier: MIT */
/* Pools: their size, whose pages they give, and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hugetlb_rig.h"

#define PAGES (64 * MIB)

static void grows_and_shrinks_node_by_node(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, PAGES);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);
	uint64_t all = rig_free_pages(r);

	(void)state;
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 7), 0);
	assert_int_equal(h->nr_huge_pages, 7);
	assert_int_equal(h->free_huge_pages, 7);
	assert_int_equal(h->node[0].nr_huge_pages, 4);
	assert_int_equal(h->node[1].nr_huge_pages, 3);
	assert_int_equal(rig_free_pages(r), all - 7 * HUGE_2M);
	mm_hugetlb_validate(&r->hg);
	mm_buddy_validate(&r->m.buddy);
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 2), 0);
	assert_int_equal(h->nr_huge_pages, 2);
	assert_int_equal(rig_free_pages(r), all - 2 * HUGE_2M);
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 0), 0);
	assert_int_equal(rig_free_pages(r), all);
	assert_string_equal(r->m.said, "");
	rig_close(r);
}

static void keeps_what_there_is(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, PAGES);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);

	(void)state;
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 1000), -ENOMEM);
	assert_in_range(h->nr_huge_pages, 56, 64); /* watermarks */
	assert_int_equal(h->nr_huge_pages, h->free_huge_pages);
	assert_int_equal(h->node[0].nr_huge_pages, h->node[1].nr_huge_pages);
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 0), 0);
	assert_int_equal(rig_free_pages(r), 2 * PAGES);
	rig_close(r);
}

static void does_not_shrink_below_what_is_used(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, PAGES);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);
	uint32_t frame[2];

	(void)state;
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 4), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_true(mm_hugetlb_take(&r->hg, h, 0, MM_FRAME_TAKEN, &frame[i]));
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 1), -EBUSY);
	assert_int_equal(h->nr_huge_pages, 2);
	assert_int_equal(h->free_huge_pages, 0);
	for (unsigned i = 0; i < 2; i++)
		assert_true(mm_hugetlb_give(&r->hg, h, frame[i], MM_FRAME_TAKEN));
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 1), 0);
	rig_close(r);
}

static void gives_the_nearest(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, PAGES);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);
	uint32_t frame;

	(void)state;
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 6), 0);
	for (unsigned i = 0; i < 6; i++) {
		assert_true(mm_hugetlb_take(&r->hg, h, 1, MM_FRAME_TAKEN, &frame));
		assert_int_equal(mm_hstate_node_of(&r->hg, h, frame), i < 3 ? 1 : 0);
		assert_int_equal(h->free_huge_pages, 5 - i);
	}
	assert_false(mm_hugetlb_take(&r->hg, h, 1, MM_FRAME_TAKEN, &frame));
	mm_hugetlb_validate(&r->hg);
	rig_close(r);
}

static void last_in_first_out(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, PAGES);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);
	uint32_t a, b, c;

	(void)state;
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 4), 0);
	assert_true(mm_hugetlb_take(&r->hg, h, 0, MM_FRAME_TAKEN, &a));
	assert_true(mm_hugetlb_take(&r->hg, h, 0, MM_FRAME_IN_FILE, &b));
	assert_true(a != b);
	assert_string_equal(mm_hugetlb_frame_state(h, a), "taken");
	assert_string_equal(mm_hugetlb_frame_state(h, b), "in a file");
	assert_false(mm_hugetlb_give(&r->hg, h, a, MM_FRAME_IN_FILE));
	assert_true(mm_hugetlb_give(&r->hg, h, a, MM_FRAME_TAKEN));
	assert_false(mm_hugetlb_give(&r->hg, h, a, MM_FRAME_TAKEN));
	assert_string_equal(mm_hugetlb_frame_state(h, a), "free in the pool");
	assert_true(mm_hugetlb_take(&r->hg, h, 0, MM_FRAME_TAKEN, &c));
	assert_int_equal(a, c);
	assert_true(mm_hugetlb_give(&r->hg, h, c, MM_FRAME_TAKEN));
	assert_true(mm_hugetlb_give(&r->hg, h, b, MM_FRAME_IN_FILE));
	assert_string_equal(mm_hugetlb_frame_state(h, 0), "not of the pool");
	rig_close(r);
}

static void forgets_when_the_machine_is_reset(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, PAGES);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);
	struct mmsim_hugetlb_file *f;

	(void)state;
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 4), 0);
	assert_int_equal(mm_hugetlb_file_create(&r->hg, h, 8, &f), 0);
	assert_int_equal(mm_hugetlb_fallocate(f, 0, 3, 1, 1), 0);
	mm_hugetlb_reset(&r->hg);
	assert_int_equal(h->nr_huge_pages, 0);
	assert_int_equal(mm_hugetlb_file_nr_pages(f), 0);
	mm_hugetlb_validate(&r->hg);
	rig_close(r);
}

/* All CPUs take and give; nobody gets what another has. */
static struct {
	struct rig *r;
	struct mm_hstate *h;
	uint8_t *owned; /* atomic, by frame */
	struct first_failure bad;
} racing;

static void take_and_give(void *arg)
{
	unsigned nid = (unsigned)(uintptr_t)arg;
	uint32_t frame;

	for (unsigned i = 0; i < 200; i++) {
		if (!mm_hugetlb_take(&racing.r->hg, racing.h, nid, MM_FRAME_TAKEN, &frame))
			continue;
		expect_in_task(&racing.bad,
			       !__atomic_exchange_n(&racing.owned[frame], 1, __ATOMIC_RELAXED),
			       frame);
		mm_exec_resched(racing.r->hg.exec);
		__atomic_store_n(&racing.owned[frame], 0, __ATOMIC_RELAXED);
		expect_in_task(&racing.bad,
			       mm_hugetlb_give(&racing.r->hg, racing.h, frame, MM_FRAME_TAKEN),
			       frame);
	}
}

static void race(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode, PAGES);
	struct mm_task task[4];

	racing.r = r;
	racing.h = rig_pool(r, MMSIM_HUGE_2M_ORDER);
	racing.owned = calloc(racing.h->nr_frames, 1);
	assert_non_null(racing.owned);
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, racing.h, 3), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(mm_exec_spawn(r->hg.exec, &task[i], NULL, take_and_give,
					       (void *)(uintptr_t)(i % 2)),
				 0);
	for (unsigned i = 0; i < 4; i++)
		mm_exec_join(r->hg.exec, &task[i]);
	assert_no_failure(&racing.bad, 42);
	assert_int_equal(racing.h->free_huge_pages, 3);
	free(racing.owned);
	rig_close(r);
}

static void one_owner_at_a_time(void **state)
{
	(void)state;
	in_all_modes(race);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_shrinks_node_by_node),
		cmocka_unit_test(keeps_what_there_is),
		cmocka_unit_test(does_not_shrink_below_what_is_used),
		cmocka_unit_test(gives_the_nearest),
		cmocka_unit_test(last_in_first_out),
		cmocka_unit_test(forgets_when_the_machine_is_reset),
		cmocka_unit_test(one_owner_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
