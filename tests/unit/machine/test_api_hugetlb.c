/* SPDX-License-Identifier: MIT */
/* Huge pages by the exported calls: what they do, and every argument that they refuse. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim_config.h"

#define MIB UINT64_C(256) /* pages */
#define PAGES (64 * MIB)
#define ORDER MMSIM_HUGE_2M_ORDER

static struct sim_log said;

static struct mmsim *create(enum mmsim_mode mode, uint32_t boot, uint32_t flags)
{
	struct mmsim_config *cfg = sim_config_new(mode, 2, 2, 2);
	static struct mmsim_explore explore = { .policy = MMSIM_POLICY_RANDOM };
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, PAGES);
	sim_ram(cfg, 1, SIM_NORMAL + PAGES, PAGES);
	cfg->boot = boot;
	cfg->flags |= flags;
	cfg->explore = &explore;
	sim_log_into(cfg, &said);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void assert_said(const char *what)
{
	if (!strstr(said.line, what))
		fail_msg("said '%s', wanted '%s'", said.line, what);
	said.line[0] = '\0';
}

static uint64_t pool_free(struct mmsim *m)
{
	struct mmsim_hugetlb_info info;

	assert_int_equal(mmsim_hugetlb_info(m, ORDER, &info), 0);
	assert_int_equal(info.free_huge_pages, info.node_free[0] + info.node_free[1]);
	assert_int_equal(info.nr_huge_pages, info.node_nr[0] + info.node_nr[1]);
	return info.free_huge_pages;
}

static void a_pool(void **state)
{
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, 0);
	struct mmsim_page *page, *other;

	(void)state;
	assert_int_equal(pool_free(m), 0);
	assert_null(mmsim_hugetlb_alloc(m, MMSIM_NUMA_NO_NODE, ORDER));
	assert_int_equal(mmsim_hugetlb_set_nr(m, ORDER, 3), 0);
	assert_int_equal(mmsim_hugetlb_boot(m, ORDER, 2, 2), 0);
	assert_int_equal(pool_free(m), 5);
	page = mmsim_hugetlb_alloc(m, 1, ORDER);
	other = mmsim_hugetlb_alloc(m, MMSIM_NUMA_NO_NODE, ORDER);
	assert_non_null(page);
	assert_non_null(other);
	assert_int_equal(mmsim_page_node(page), 1);
	assert_int_equal(mmsim_page_node(other), 0);
	assert_ptr_equal(mmsim_compound_head(m, page + 511), page);
	assert_ptr_equal(mmsim_compound_head(m, page), page);
	assert_null(mmsim_compound_head(m, (struct mmsim_page *)&page));
	assert_int_equal(pool_free(m), 3);
	assert_int_equal(mmsim_hugetlb_free(m, page, ORDER), 0);
	assert_int_equal(mmsim_hugetlb_free(m, page, ORDER), -EINVAL);
	assert_said("free in the pool");
	assert_int_equal(mmsim_hugetlb_free(m, other, ORDER), 0);
	assert_int_equal(mmsim_hugetlb_set_nr(m, ORDER, 0), 0);
	mmsim_hugetlb_validate(m);
	mmsim_validate(m);
	mmsim_destroy(m);
}

/* A pool's page is not the page allocator's, whoever has it. */
static void not_freed_behind_a_pool(void **state)
{
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, 0);
	struct mmsim_hugetlb_file *file;
	struct mmsim_page *page[2];

	(void)state;
	assert_int_equal(mmsim_hugetlb_set_nr(m, ORDER, 1), 0);
	assert_int_equal(mmsim_hugetlb_boot(m, ORDER, 1, 1), 0);
	assert_int_equal(mmsim_hugetlb_file_create(m, ORDER, 1, &file), 0);
	assert_int_equal(mmsim_hugetlb_fallocate(file, 0, 1, 1, 1), 0);
	page[0] = mmsim_hugetlb_file_page(file, 0);
	page[1] = mmsim_hugetlb_alloc(m, 0, ORDER);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(mmsim_free_pages(m, page[i], ORDER), -EINVAL);
		assert_said("has 2 references: ");
	}
	assert_int_equal(mmsim_hugetlb_free(m, page[1], ORDER), 0);
	assert_int_equal(mmsim_free_pages(m, page[1], ORDER), -EINVAL);
	assert_said("has 2 references: ");
	mmsim_validate(m);
	mmsim_hugetlb_file_destroy(file);
	assert_int_equal(mmsim_hugetlb_set_nr(m, ORDER, 0), 0);
	assert_int_equal(page[0]->refcount, 0);
	assert_int_equal(page[1]->refcount, 0);
	assert_int_equal(mmsim_free_pages(m, page[0], ORDER), -EINVAL);
	mmsim_validate(m);
	mmsim_destroy(m);
}

static void refused_by_a_pool(void **state)
{
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, 0);
	struct mmsim_hugetlb_info info = { .nr_huge_pages = 77 };
	struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, ORDER);

	(void)state;
	assert_non_null(page);
	assert_int_equal(mmsim_hugetlb_set_nr(m, 10, 1), -EINVAL);
	assert_said("mmsim_hugetlb_set_nr: order 10: must be 9 or 18");
	assert_int_equal(mmsim_hugetlb_boot(m, 0, 1, 1), -EINVAL);
	assert_said("mmsim_hugetlb_boot: order 0");
	assert_int_equal(mmsim_hugetlb_info(m, 64, &info), -EINVAL);
	assert_said("mmsim_hugetlb_info: order 64");
	assert_int_equal(info.nr_huge_pages, 77);
	assert_int_equal(mmsim_hugetlb_info(m, ORDER, NULL), -EINVAL);
	assert_said("mmsim_hugetlb_info: no place");
	assert_null(mmsim_hugetlb_alloc(m, 0, 3));
	assert_said("mmsim_hugetlb_alloc: order 3");
	assert_null(mmsim_hugetlb_alloc(m, 2, ORDER));
	assert_said("nid 2: no such node");
	assert_null(mmsim_hugetlb_alloc(m, -2, ORDER));
	assert_said("nid -2: no such node");
	assert_int_equal(mmsim_hugetlb_free(m, page, 1), -EINVAL);
	assert_said("mmsim_hugetlb_free: order 1");
	assert_int_equal(mmsim_hugetlb_free(m, page, ORDER), -EINVAL);
	assert_said("not of the pool");
	assert_int_equal(mmsim_hugetlb_free(m, page + 1, ORDER), -EINVAL);
	assert_said("not aligned");
	assert_int_equal(mmsim_hugetlb_free(m, NULL, ORDER), -EINVAL);
	assert_said("no struct page");
	assert_int_equal(mmsim_hugetlb_set_nr(m, MMSIM_HUGE_1G_ORDER, 1), -ENOMEM);
	assert_int_equal(mmsim_hugetlb_boot(m, MMSIM_HUGE_1G_ORDER, 1, UINT32_MAX), -ENOMEM);
	assert_int_equal(mmsim_hugetlb_set_nr(m, ORDER, UINT64_MAX), -ENOMEM);
	mmsim_hugetlb_validate(m);
	mmsim_destroy(m);
}

static void before_boot(void **state)
{
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_COLD, 0);

	(void)state;
	assert_int_equal(mmsim_hugetlb_set_nr(m, ORDER, 1), -EINVAL);
	assert_said("mmsim_hugetlb_set_nr: the machine is not booted");
	assert_int_equal(mmsim_hugetlb_boot(m, ORDER, 1, 1), -EINVAL);
	assert_said("mmsim_hugetlb_boot: the machine is not booted");
	mmsim_destroy(m);
}

static void a_file(enum mmsim_mode mode)
{
	struct mmsim *m = create(mode, MMSIM_BOOT_FULL, 0);
	struct mmsim_hugetlb_file *file, *lost;

	assert_int_equal(mmsim_hugetlb_set_nr(m, ORDER, 6), 0);
	assert_int_equal(mmsim_hugetlb_file_create(m, ORDER, 8, &file), 0);
	assert_int_equal(mmsim_hugetlb_fallocate(file, 1, 4, 4, 1), 0);
	assert_int_equal(mmsim_hugetlb_fallocate(file, 1, 4, 4, 1), 0);
	assert_int_equal(mmsim_hugetlb_file_nr_pages(file), 4);
	assert_null(mmsim_hugetlb_file_page(file, 0));
	assert_non_null(mmsim_hugetlb_file_page(file, 4));
	assert_null(mmsim_hugetlb_file_page(file, 8));
	assert_int_equal(mmsim_hugetlb_free(m, mmsim_hugetlb_file_page(file, 4), ORDER), -EBUSY);
	assert_said("in a file");
	assert_int_equal(mmsim_hugetlb_fallocate(file, 0, 8, 3, 1), -ENOSPC);
	assert_int_equal(mmsim_hugetlb_file_nr_pages(file), 4);
	assert_int_equal(mmsim_hugetlb_punch_hole(file, 0, 3), 0);
	assert_int_equal(mmsim_hugetlb_file_nr_pages(file), 2);
	assert_int_equal(pool_free(m), 4);
	mmsim_hugetlb_validate(m);
	mmsim_hugetlb_file_destroy(file);
	mmsim_hugetlb_file_destroy(NULL);
	assert_int_equal(pool_free(m), 6);
	/* Left behind, with pages in it: goes with the machine. */
	assert_int_equal(mmsim_hugetlb_file_create(m, ORDER, 8, &lost), 0);
	assert_int_equal(mmsim_hugetlb_fallocate(lost, 0, 2, 0, 0), 0);
	mmsim_destroy(m);
}

static void files(void **state)
{
	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++)
		a_file((enum mmsim_mode)mode);
}

static void refused_by_a_file(void **state)
{
	struct mmsim *m = create(MMSIM_SERIAL, MMSIM_BOOT_FULL, 0);
	struct mmsim_hugetlb_file *file = (struct mmsim_hugetlb_file *)m;

	(void)state;
	assert_int_equal(mmsim_hugetlb_file_create(m, 8, 8, &file), -EINVAL);
	assert_said("mmsim_hugetlb_file_create: order 8");
	assert_null(file);
	assert_int_equal(mmsim_hugetlb_file_create(m, ORDER, 8, NULL), -EINVAL);
	assert_said("mmsim_hugetlb_file_create: no place");
	assert_int_equal(mmsim_hugetlb_file_create(m, ORDER, 0, &file), -EINVAL);
	assert_said("nr 0: must be");
	assert_int_equal(mmsim_hugetlb_file_create(m, ORDER, (UINT64_C(1) << 32) + 1, &file),
			 -EINVAL);
	assert_said("nr 4294967297: must be");
	assert_int_equal(mmsim_hugetlb_file_create(m, ORDER, 8, &file), 0);
	assert_int_equal(mmsim_hugetlb_fallocate(file, 0, 0, 1, 1), -EINVAL);
	assert_said("mmsim_hugetlb_fallocate(first 0, nr 0): no slots of a file of 8 slots");
	assert_int_equal(mmsim_hugetlb_fallocate(file, 1, 8, 1, 1), -EFBIG);
	assert_said("mmsim_hugetlb_fallocate(first 1, nr 8): beyond the end");
	assert_int_equal(mmsim_hugetlb_fallocate(file, 8, 1, 1, 1), -EFBIG);
	assert_int_equal(mmsim_hugetlb_fallocate(file, 1, UINT64_MAX, 1, 1), -EFBIG);
	assert_int_equal(mmsim_hugetlb_fallocate(file, UINT64_MAX, 1, 1, 1), -EFBIG);
	assert_int_equal(mmsim_hugetlb_punch_hole(file, 0, 9), -EFBIG);
	assert_said("mmsim_hugetlb_punch_hole(first 0, nr 9): beyond the end");
	assert_int_equal(mmsim_hugetlb_punch_hole(file, 0, 0), -EINVAL);
	assert_int_equal(mmsim_hugetlb_fallocate(file, 0, 8, 1, UINT64_MAX), -ENOSPC);
	mmsim_destroy(m);
}

static void clearing(void **state)
{
	struct mmsim *m = create(MMSIM_NATIVE, MMSIM_BOOT_FULL, MMSIM_BACK_PAGES);
	struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 4);
	const size_t bytes = MMSIM_PAGE_SIZE << 4;
	char *at;

	(void)state;
	assert_non_null(page);
	at = mmsim_page_address(m, page);
	memset(at, 0x5a, bytes);
	assert_int_equal(mmsim_clear_huge_page(m, page, 4, 0, 4), -EINVAL);
	assert_said("mmsim_clear_huge_page(order 4): flags: unknown");
	assert_int_equal(mmsim_clear_huge_page(m, page, 19, 0, 0), -EINVAL);
	assert_said("order: above");
	assert_int_equal(mmsim_clear_huge_page(m, NULL, 4, 0, 0), -EINVAL);
	assert_said("no struct page");
	assert_int_equal(mmsim_clear_huge_page(m, page + 1, 4, 0, 0), -EINVAL);
	assert_said("not aligned");
	assert_int_equal(mmsim_clear_huge_page(m, page, 18, 0, 0), -EINVAL);
	assert_int_equal(at[0] + at[bytes - 1], 2 * 0x5a);
	assert_int_equal(mmsim_clear_huge_page(m, page, 4, 2, MMSIM_CLEAR_STREAMING), 0);
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(at[i], 0);
	assert_int_equal(mmsim_free_pages(m, page, 4), 0);
	mmsim_drain_all_pages(m);
	assert_int_equal(mmsim_clear_huge_page(m, page, 4, 0, 0), -EINVAL);
	assert_said("not all of the block is allocated");
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pool),
		cmocka_unit_test(not_freed_behind_a_pool),
		cmocka_unit_test(refused_by_a_pool),
		cmocka_unit_test(before_boot),
		cmocka_unit_test(files),
		cmocka_unit_test(refused_by_a_file),
		cmocka_unit_test(clearing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
