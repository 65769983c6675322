/* SPDX-License-Identifier: MIT */
/* Pages of 1 GiB as ranges, and the struct pages of both sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hugetlb_rig.h"

#define HUGE_1G (UINT64_C(1) << MMSIM_HUGE_1G_ORDER)

static void the_lowest_free_range(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, 3 * GIB);
	struct mmsim_page *in_the_way = small_machine_page(&r->m, RIG_BASE(0) + GIB + 512);
	uint64_t pfn;

	(void)state;
	assert_int_equal(mm_buddy_alloc_contig_range(&r->m.buddy, RIG_BASE(0) + GIB + 512,
						     RIG_BASE(0) + GIB + 513),
			 0);
	assert_true(mm_hugetlb_alloc_gigantic(&r->m.buddy, 0, MMSIM_HUGE_1G_ORDER, &pfn));
	assert_int_equal(pfn, RIG_BASE(0));
	assert_true(mm_hugetlb_alloc_gigantic(&r->m.buddy, 0, MMSIM_HUGE_1G_ORDER, &pfn));
	assert_int_equal(pfn, RIG_BASE(0) + 2 * GIB);
	assert_false(mm_hugetlb_alloc_gigantic(&r->m.buddy, 0, MMSIM_HUGE_1G_ORDER, &pfn));
	assert_int_equal(mm_buddy_free_pages(&r->m.buddy, in_the_way, 0), 0);
	/* Not at the first page of a pageblock: found only by trying. */
	assert_int_equal(
		mm_buddy_alloc_contig_range(&r->m.buddy, RIG_BASE(1) + 77, RIG_BASE(1) + 78), 0);
	assert_true(mm_hugetlb_alloc_gigantic(&r->m.buddy, 1, MMSIM_HUGE_1G_ORDER, &pfn));
	assert_int_equal(pfn, RIG_BASE(1) + GIB);
	assert_string_equal(r->m.said, "");
	rig_close(r);
}

static void check_heads(struct rig *r, const struct mm_hstate *h, uint64_t pfn)
{
	uint64_t nr = mm_hstate_nr_pages(h);
	struct mmsim_page *head = small_machine_page(&r->m, pfn);

	for (uint64_t i = 0; i < nr; i++)
		if (mm_hugetlb_compound_head(&r->hg, head + i) != head)
			fail_msg("pfn %#lx: not a tail", (unsigned long)(pfn + i));
	assert_int_equal(head->priv, 0); /* G5 */
	assert_ptr_equal(mm_hugetlb_compound_head(&r->hg, head + nr), head + nr);
}

/* G6: of all blocks that a page is made of. */
static void check_references(struct rig *r, const struct mm_hstate *h, uint64_t pfn)
{
	unsigned order = h->order > MMSIM_MAX_PAGE_ORDER ? 0 : h->order;
	uint64_t nr = mm_hstate_nr_pages(h);

	for (uint64_t i = 0; i < nr; i += UINT64_C(1) << order)
		if (small_machine_page(&r->m, pfn + i)->refcount != 2)
			fail_msg("pfn %#lx: not the pool's", (unsigned long)(pfn + i));
	r->m.said[0] = '\0';
	assert_int_equal(mm_buddy_free_pfn(&r->m.buddy, pfn + nr - (UINT64_C(1) << order), order),
			 -EINVAL);
	assert_non_null(strstr(r->m.said, "has 2 references"));
	r->m.said[0] = '\0';
}

static void pool_of(unsigned order)
{
	struct rig *r = rig_open(MMSIM_SERIAL, 2 * GIB);
	struct mm_hstate *h = rig_pool(r, order);
	uint64_t all = rig_free_pages(r);
	struct mmsim_page *page;
	uint32_t frame;

	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 2), 0);
	assert_int_equal(rig_free_pages(r), all - 2 * mm_hstate_nr_pages(h));
	mm_buddy_validate(&r->m.buddy);
	assert_true(mm_hugetlb_take(&r->hg, h, 1, MM_FRAME_TAKEN, &frame));
	assert_int_equal(mm_hstate_node_of(&r->hg, h, frame), 1);
	check_heads(r, h, (uint64_t)frame << order);
	check_references(r, h, (uint64_t)frame << order);
	/* A page that looks like a tail by chance, or ill will, is none. */
	page = small_machine_page(&r->m, RIG_BASE(0) + 2 * GIB - 1);
	page->priv = UINT64_MAX;
	assert_ptr_equal(mm_hugetlb_compound_head(&r->hg, page), page);
	page->priv = ((uint64_t)frame << order) << 1 | 1;
	assert_ptr_equal(mm_hugetlb_compound_head(&r->hg, page), page);
	page->priv = 0;
	assert_true(mm_hugetlb_give(&r->hg, h, frame, MM_FRAME_TAKEN));
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 0), 0);
	assert_int_equal(rig_free_pages(r), all);
	for (uint64_t i = 0; i < mm_hstate_nr_pages(h); i++)
		assert_int_equal(mm_hstate_page(&r->hg, h, frame)[i].priv & ~UINT64_C(15),
				 0); /* an order */
	assert_string_equal(r->m.said, "");
	rig_close(r);
}

static void tails_name_their_head(void **state)
{
	(void)state;
	pool_of(MMSIM_HUGE_2M_ORDER);
	pool_of(MMSIM_HUGE_1G_ORDER);
}

static void both_sizes_side_by_side(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, 2 * GIB);
	struct mm_hstate *small = rig_pool(r, MMSIM_HUGE_2M_ORDER);
	struct mm_hstate *big = rig_pool(r, MMSIM_HUGE_1G_ORDER);

	(void)state;
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, small, 2), 0); /* one on each node */
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, big, 4), -ENOMEM);
	assert_int_equal(big->nr_huge_pages, 2);
	mm_hugetlb_validate(&r->hg);
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, small, 0), 0);
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, big, 4), 0);
	assert_int_equal(rig_free_pages(r), 0);
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, big, 0), 0);
	assert_int_equal(rig_free_pages(r), 4 * HUGE_1G);
	rig_close(r);
}

static void a_file_of_them(void **state)
{
	struct rig *r = rig_open(MMSIM_SERIAL, 2 * GIB);
	struct mm_hstate *h = rig_pool(r, MMSIM_HUGE_1G_ORDER);
	struct mmsim_hugetlb_file *f;

	(void)state;
	assert_int_equal(mm_hugetlb_set_nr(&r->hg, h, 3), 0);
	assert_int_equal(mm_hugetlb_file_create(&r->hg, h, 4, &f), 0);
	assert_int_equal(mm_hugetlb_fallocate(f, 1, 2, 2, 0), 0);
	assert_int_equal(mm_hugetlb_file_nr_pages(f), 2);
	assert_int_equal(mm_hugetlb_fallocate(f, 0, 4, 2, 0), -ENOSPC);
	assert_int_equal(mm_hugetlb_file_nr_pages(f), 2);
	assert_int_equal(h->free_huge_pages, 1);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_free_range),
		cmocka_unit_test(tails_name_their_head),
		cmocka_unit_test(both_sizes_side_by_side),
		cmocka_unit_test(a_file_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
