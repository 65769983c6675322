/* SPDX-License-Identifier: MIT */
/*
 * An allocated block becomes single pages: what each is then, what can be freed, what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "small_machine.h"
#include <errno.h>

#define BASE SMALL_MACHINE_BASE
#define PAGES 4096u

static struct small_machine m;

static int setup(void **state)
{
	(void)state;
	small_machine_open_simple(&m, 1, PAGES);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

static struct mmsim_page *take(unsigned order)
{
	struct mmsim_page *page = mm_buddy_alloc_pages(&m.buddy, 0, MMSIM_GFP_KERNEL, order);

	assert_non_null(page);
	return page;
}

static void assert_allocated(const struct mmsim_page *page, unsigned order)
{
	assert_int_equal(page->refcount, 1);
	assert_int_equal(page->order, order);
}

static void each_page_is_a_block_of_its_own(void **state)
{
	(void)state;
	for (unsigned order = 0; order < MMSIM_NR_PAGE_ORDERS; order++) {
		struct mmsim_page *page = take(order);

		assert_int_equal(mm_buddy_split_page(&m.buddy, page, order), 0);
		for (unsigned i = 0; i < 1u << order; i++)
			assert_allocated(&page[i], 0);
		mm_buddy_validate(&m.buddy);
		for (unsigned i = 0; i < 1u << order; i++)
			assert_int_equal(mm_buddy_free_pages(&m.buddy, page + i, 0), 0);
		mm_buddy_validate(&m.buddy);
	}
	mm_buddy_pcp_drain_all(small_machine_normal(&m));
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES);
}

/* What the owner keeps in the struct pages is not touched. */
static void the_owners_words_stay(void **state)
{
	struct mmsim_page *page = take(2);

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		page[i].priv = 17 + i;
		page[i].mapping = page;
	}
	assert_int_equal(mm_buddy_split_page(&m.buddy, page, 2), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(page[i].priv, 17 + i);
		assert_ptr_equal(page[i].mapping, page);
	}
}

static void the_block_is_no_more(void **state)
{
	struct mmsim_page *page = take(3);

	(void)state;
	assert_int_equal(mm_buddy_split_page(&m.buddy, page, 3), 0);
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, 3), -EINVAL);
	assert_non_null(strstr(m.said, "wrong order"));
	assert_int_equal(mm_buddy_split_page(&m.buddy, page, 3), -EINVAL);
	assert_int_equal(mm_buddy_split_page(&m.buddy, page, 0), 0);
}

static void assert_refused(struct mmsim_page *page, unsigned order, const char *call,
			   const char *why)
{
	small_machine_hush(&m);
	assert_int_equal(mm_buddy_split_page(&m.buddy, page, order), -EINVAL);
	if (!strstr(m.said, call) || !strstr(m.said, why))
		fail_msg("wanted \"%s\" and \"%s\", said: %s", call, why, m.said);
	mm_buddy_validate(&m.buddy);
}

static void bad_splits_are_refused(void **state)
{
	struct mmsim_page *page = take(3);
	char call[64];

	(void)state;
	snprintf(call, sizeof(call), "split_page(pfn %#lx, order 2)",
		 (unsigned long)small_machine_pfn(&m, page));
	assert_refused(page, 2, call, "wrong order");
	assert_refused(page, 4, "order 4)", "wrong order");
	assert_refused(page + 1, 0, "split_page(pfn", "not an allocated block");
	assert_refused(page + 8, 0, "split_page(pfn", "not an allocated block");
	assert_refused(page, 11, "order 11)", "no such order");
	assert_refused(m.env.map.base, 0, "split_page(pfn 0, ", "no memory there");
	assert_refused(NULL, 0, "split_page(page", "no struct page of this machine");
	assert_refused((struct mmsim_page *)((char *)page + 8), 3, "split_page(page",
		       "no struct page of this machine");
	assert_allocated(page, 3);
	assert_int_equal(mm_buddy_split_page(&m.buddy, page, 3), 0);
}

static void nothing_is_split_before_boot(void **state)
{
	struct mmsim_page *page = take(1);

	(void)state;
	mm_buddy_set_open(&m.buddy, false);
	assert_refused(page, 1, "split_page(pfn", "not booted");
	mm_buddy_set_open(&m.buddy, true);
	assert_allocated(page, 1);
}

static void reserved_pages_are_not_split(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, BASE, BASE + PAGES);
	page_env_reserve(&m.env, 0, BASE + 16, BASE + 32);
	small_machine_open(&m);
	assert_refused(small_machine_page(&m, BASE + 16), 0, "split_page(pfn", "reserved");
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(each_page_is_a_block_of_its_own),
		with_zone(the_owners_words_stay),
		with_zone(the_block_is_no_more),
		with_zone(bad_splits_are_refused),
		with_zone(nothing_is_split_before_boot),
		cmocka_unit_test_teardown(reserved_pages_are_not_split, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
