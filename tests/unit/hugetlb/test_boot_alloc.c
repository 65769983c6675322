/* SPDX-License-Identifier: MIT */
/* Filling a pool at boot: as many pages as by hand, of all nodes, by as many threads as asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hugetlb_rig.h"

#define PAGES (64 * MIB)

static void small_pages(enum mmsim_mode mode)
{
	for (unsigned threads = 0; threads <= 5; threads++) {
		struct rig *r = rig_open(mode, PAGES);
		struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);

		assert_int_equal(mm_hugetlb_boot(&r->hg, h, 33, threads), 0);
		assert_int_equal(h->nr_huge_pages, 33);
		assert_int_equal(h->free_huge_pages, 33);
		/* Each thread begins with its own node and goes round. */
		assert_in_range(h->node[0].nr_huge_pages, 14, 19);
		assert_int_equal(rig_free_pages(r), 2 * PAGES - 33 * HUGE_2M);
		mm_hugetlb_validate(&r->hg);
		assert_int_equal(mm_hugetlb_boot(&r->hg, h, 2, threads), 0);
		assert_int_equal(h->nr_huge_pages, 35);
		assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 0), 0);
		assert_int_equal(rig_free_pages(r), 2 * PAGES);
		rig_close(r);
	}
}

static void fills_the_pool(void **state)
{
	(void)state;
	in_all_modes(small_pages);
}

static void one_thread_begins_with_its_own_node(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, PAGES);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);

	(void)state;
	assert_int_equal(mm_hugetlb_boot(&r->hg, h, 1, 1), 0);
	assert_int_equal(h->node[0].nr_huge_pages, 1);
	assert_int_equal(mm_hugetlb_boot(&r->hg, h, 2, 1), 0);
	assert_int_equal(h->node[1].nr_huge_pages, 1);
	assert_int_equal(mm_hugetlb_boot(&r->hg, h, 0, 0), 0);
	assert_int_equal(h->nr_huge_pages, 3);
	rig_close(r);
}

static void keeps_what_there_is(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode, PAGES);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_2M_ORDER);

	assert_int_equal(mm_hugetlb_boot(&r->hg, h, 200, 3), -ENOMEM);
	assert_in_range(h->nr_huge_pages, 56, 64);
	assert_int_equal(h->free_huge_pages, h->nr_huge_pages);
	mm_hugetlb_validate(&r->hg);
	rig_close(r);
}

static void too_little_memory(void **state)
{
	(void)state;
	in_all_modes(keeps_what_there_is);
}

static void gigantic(enum mmsim_mode mode)
{
	struct rig *r = rig_open(mode, 2 * GIB);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_1G_ORDER);
	uint32_t frame;

	assert_int_equal(mm_hugetlb_boot(&r->hg, h, 3, 0), 0);
	assert_int_equal(h->node[0].nr_huge_pages, 2);
	assert_int_equal(h->node[1].nr_huge_pages, 1);
	assert_int_equal(rig_free_pages(r), GIB);
	assert_true(mm_hugetlb_take(&r->hg, h, 1, MM_FRAME_TAKEN, &frame));
	assert_ptr_equal(
		mm_hugetlb_compound_head(&r->hg, mm_hstate_page(&r->hg, h, frame) + GIB - 1),
		mm_hstate_page(&r->hg, h, frame));
	assert_int_equal(mm_hugetlb_boot(&r->hg, h, 3, 2), -ENOMEM);
	assert_int_equal(h->nr_huge_pages, 4);
	rig_close(r);
}

static void ranges_and_then_their_struct_pages(void **state)
{
	(void)state;
	gigantic(MMSIM_NATIVE);
	gigantic(MMSIM_VIRTUAL);
}

static struct {
	struct mm_exec_ops ops;
	void (*charge)(struct mm_exec *x, enum mm_charge what, const void *obj, uint64_t n);
	unsigned cpus; /* that prepared struct pages */
} told;

static void listen(struct mm_exec *x, enum mm_charge what, const void *obj, uint64_t n)
{
	if (what == MM_CHARGE_PAGE_INIT)
		told.cpus |= 1u << mm_exec_cpu(x);
	told.charge(x, what, obj, n);
}

/* The CPUs that worked, a bit each. */
static unsigned cpus_of(unsigned order, uint64_t nr, unsigned threads)
{
	struct rig *r = rig_open(MMSIM_VIRTUAL, order == MMSIM_HUGE_1G_ORDER ? 2 * GIB : PAGES);
	struct mm_hstate *h = rig_pool(r, order);

	told.ops = *r->hg.exec->ops;
	told.charge = told.ops.charge;
	told.ops.charge = listen;
	r->hg.exec->ops = &told.ops;
	told.cpus = 0;
	assert_int_equal(mm_hugetlb_boot(&r->hg, h, nr, threads), 0);
	rig_close(r);
	return told.cpus;
}

static void threads_and_where_they_are(void **state)
{
	(void)state;
	assert_int_equal(cpus_of(MMSIM_HUGE_2M_ORDER, 40, 0), 0xf); /* 2 x 2 nodes */
	assert_int_equal(cpus_of(MMSIM_HUGE_2M_ORDER, 40, 1), 0x1);
	assert_int_equal(__builtin_popcount(cpus_of(MMSIM_HUGE_2M_ORDER, 40, 2)), 2);
	assert_true(cpus_of(MMSIM_HUGE_2M_ORDER, 40, 2) & 0xc); /* not beside the caller */
	assert_int_equal(__builtin_popcount(cpus_of(MMSIM_HUGE_1G_ORDER, 4, 0)), 2);
	assert_true(cpus_of(MMSIM_HUGE_1G_ORDER, 4, 0) & 0xc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_the_pool),
		cmocka_unit_test(one_thread_begins_with_its_own_node),
		cmocka_unit_test(too_little_memory),
		cmocka_unit_test(ranges_and_then_their_struct_pages),
		cmocka_unit_test(threads_and_where_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
