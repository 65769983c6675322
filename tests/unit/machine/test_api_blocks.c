/* SPDX-License-Identifier: MIT */
/* Blocks and pageblocks by the exported calls: what they do, and what they refuse. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim_config.h"

enum { PB = MMSIM_PAGEBLOCK_NR_PAGES, PAGES = 64 * PB };

static char said[256];

static void hear(void *ctx, const char *line)
{
	(void)ctx;
	strncpy(said, line, sizeof(said) - 1);
}

static struct mmsim *create(uint32_t boot, uint32_t allocator)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 1, 1, 1);
	struct mmsim *m;

	sim_ram(cfg, 0, SIM_NORMAL, PAGES);
	cfg->boot = boot;
	cfg->log = hear;
	cfg->policy.allocator = allocator;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static uint64_t nr_free(struct mmsim *m)
{
	struct mmsim_zone_info info;

	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_NORMAL, &info), 0);
	return info.free;
}

static void a_block_becomes_single_pages(void **state)
{
	struct mmsim *m = create(MMSIM_BOOT_FULL, MMSIM_ALLOCATOR_LINUX);
	struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 3);

	(void)state;
	assert_non_null(page);
	assert_int_equal(mmsim_split_page(m, page, 2), -EINVAL);
	assert_non_null(strstr(said, "split_page("));
	assert_int_equal(mmsim_split_page(m, page, 3), 0);
	assert_int_equal(mmsim_free_pages(m, page, 3), -EINVAL);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(mmsim_free_pages(m, page + i, 0), 0);
	mmsim_drain_all_pages(m);
	assert_int_equal(nr_free(m), PAGES);
	assert_int_equal(mmsim_split_page(m, page, 0), -EINVAL);
	mmsim_destroy(m);
}

static void isolated_pages_are_not_there(void **state)
{
	struct mmsim *m = create(MMSIM_BOOT_FULL, MMSIM_ALLOCATOR_LINUX);
	uint64_t pfn = SIM_NORMAL + 3 * PB + 7;

	(void)state;
	assert_int_equal(mmsim_isolate_pageblock(m, pfn), 0);
	assert_int_equal(mmsim_isolate_pageblock(m, pfn), -EBUSY);
	assert_int_equal(nr_free(m), PAGES - PB);
	assert_int_equal(mmsim_unisolate_pageblock(m, pfn), 0);
	assert_int_equal(mmsim_unisolate_pageblock(m, pfn), -EINVAL);
	assert_int_equal(nr_free(m), PAGES);
	mmsim_validate(m);
	mmsim_destroy(m);
}

/* Only movable requests get pages of CMA. */
static void cma_is_for_who_can_move(void **state)
{
	struct mmsim *m = create(MMSIM_BOOT_FULL, MMSIM_ALLOCATOR_LINUX);
	const mmsim_gfp_t all = MMSIM___GFP_MEMALLOC;
	struct mmsim_zone_info info;
	struct mmsim_page *page;

	(void)state;
	assert_int_equal(mmsim_init_cma_pageblock(m, SIM_NORMAL), 0);
	assert_int_equal(mmsim_init_cma_pageblock(m, SIM_NORMAL), -EBUSY);
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_NORMAL, &info), 0);
	assert_int_equal(info.cma, PB);
	assert_int_equal(info.free_cma, PB);
	while ((page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL | all, 0)))
		assert_true(mmsim_page_to_pfn(m, page) >= SIM_NORMAL + PB);
	page = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE | all, 0);
	assert_non_null(page);
	assert_true(mmsim_page_to_pfn(m, page) < SIM_NORMAL + PB);
	mmsim_validate(m);
	mmsim_destroy(m);
}

static void a_range_is_taken_whole_or_not(void **state)
{
	struct mmsim *m = create(MMSIM_BOOT_FULL, MMSIM_ALLOCATOR_LINUX);
	uint64_t from = SIM_NORMAL + 2 * PB + 5, to = from + PB;

	(void)state;
	assert_int_equal(mmsim_alloc_contig_range(m, from, from), -EINVAL);
	assert_int_equal(mmsim_alloc_contig_range(m, from, to), 0);
	assert_int_equal(nr_free(m), PAGES - PB);
	assert_int_equal(mmsim_alloc_contig_range(m, to - 1, to + 1), -EBUSY);
	assert_int_equal(nr_free(m), PAGES - PB);
	for (uint64_t pfn = from; pfn < to; pfn++)
		assert_int_equal(mmsim_free_pfn(m, pfn, 0), 0);
	mmsim_drain_all_pages(m);
	assert_int_equal(nr_free(m), PAGES);
	mmsim_destroy(m);
}

/* All of them, of this machine and pfn. */
static void assert_refused(struct mmsim *m, uint64_t pfn, const char *why)
{
	int (*const calls[])(struct mmsim *, uint64_t) = { mmsim_isolate_pageblock,
							   mmsim_unisolate_pageblock,
							   mmsim_init_cma_pageblock };

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		said[0] = '\0';
		assert_int_equal(calls[i](m, pfn), -EINVAL);
		assert_non_null(strstr(said, why));
	}
	said[0] = '\0';
	assert_int_equal(mmsim_alloc_contig_range(m, pfn, pfn + 1), -EINVAL);
	assert_non_null(strstr(said, why));
}

static void what_has_no_pageblocks_is_refused(void **state)
{
	struct mmsim *m = create(MMSIM_BOOT_FULL, MMSIM_ALLOCATOR_LINUX);

	(void)state;
	assert_refused(m, UINT64_C(1) << 40, "no memory there");
	mmsim_destroy(m);
	m = create(MMSIM_BOOT_COLD, MMSIM_ALLOCATOR_LINUX);
	assert_refused(m, SIM_NORMAL, "the machine is not booted");
	mmsim_destroy(m);
	m = create(MMSIM_BOOT_FULL, MMSIM_ALLOCATOR_BITMAP);
	assert_refused(m, SIM_NORMAL, "this allocator has no pageblocks");
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_becomes_single_pages),
		cmocka_unit_test(isolated_pages_are_not_there),
		cmocka_unit_test(cma_is_for_who_can_move),
		cmocka_unit_test(a_range_is_taken_whole_or_not),
		cmocka_unit_test(what_has_no_pageblocks_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
