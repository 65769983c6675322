/* SPDX-License-Identifier: MIT */
/* The books of zones, as numbers and as /proc/buddyinfo prints them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"

static struct mmsim *create(unsigned shape, struct sim_log *log)
{
	const char *name;
	struct mmsim_config *cfg = sim_config_shape(shape, MMSIM_SERIAL, &name);
	struct mmsim *m;

	sim_log_into(cfg, log);
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static uint64_t free_in_lists(const struct mmsim_zone_info *info)
{
	uint64_t pages = 0;

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			pages += info->nr_free[o][t] << o;
	return pages;
}

static void info_tells_the_books(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(0, &log);
	struct mmsim_page *page;
	struct mmsim_zone_info info;
	uint64_t managed = 2 * SIM_SECTION - 99 - 5;

	(void)state;
	page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 4);
	assert_non_null(page);
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_NORMAL, &info), 0);
	assert_int_equal(info.node, 0);
	assert_int_equal(info.type, MMSIM_ZONE_NORMAL);
	/* As in the kernel: from the zone's limit on, since the node begins below it. */
	assert_int_equal(info.start_pfn, SIM_NORMAL);
	assert_int_equal(info.spanned, 2 * SIM_SECTION + 100);
	assert_int_equal(info.present, 2 * SIM_SECTION);
	assert_int_equal(info.managed, managed);
	assert_int_equal(info.free, managed - 16);
	assert_int_equal(info.pcp, 0);
	assert_int_equal(free_in_lists(&info), info.free);
	assert_non_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0));
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_NORMAL, &info), 0);
	assert_true(info.pcp > 0);
	assert_int_equal(info.free + info.pcp + 17, managed);
	assert_int_equal(free_in_lists(&info), info.free);
	mmsim_destroy(m);
}

static void holes_are_spanned_and_not_present(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(0, &log);
	struct mmsim_zone_info info;

	(void)state;
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_DMA, &info), 0);
	assert_int_equal(info.start_pfn, 1);
	assert_int_equal(info.spanned, 4095);
	assert_int_equal(info.present, 159 + 3840);
	assert_int_equal(info.managed, 159 + 3840);
	mmsim_destroy(m);
}

static void zones_that_are_not_there(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(0, &log);
	struct mmsim_zone_info info;

	(void)state;
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_DMA32, &info), -ENOENT);
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_ZONE_MOVABLE, &info), -ENOENT);
	assert_int_equal(log.lines, 0);
	assert_int_equal(mmsim_zone_info(m, 1, MMSIM_ZONE_DMA, &info), -EINVAL);
	assert_int_equal(mmsim_zone_info(m, 0, MMSIM_NR_ZONES, &info), -EINVAL);
	assert_int_equal(log.lines, 2);
	mmsim_destroy(m);
}

static void zones_have_the_kernels_names(void **state)
{
	(void)state;
	assert_string_equal(mmsim_zone_name(MMSIM_ZONE_DMA), "DMA");
	assert_string_equal(mmsim_zone_name(MMSIM_ZONE_DMA32), "DMA32");
	assert_string_equal(mmsim_zone_name(MMSIM_ZONE_NORMAL), "Normal");
	assert_string_equal(mmsim_zone_name(MMSIM_ZONE_MOVABLE), "Movable");
	assert_null(mmsim_zone_name(MMSIM_NR_ZONES));
}

/* Worked out by hand from the ranges: 1-159 and 256-4095; 2 sections, askew by 100, 104 reserved. */
static const char buddyinfo[] =
	"Node 0, zone      DMA "
	"     1      1      1      1      1      2      1      0      1      1      3 \n"
	"Node 0, zone   Normal "
	"     2      1      5      2      3      4      1      3      3      3     61 \n";

static void buddyinfo_is_the_kernels(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(0, &log);
	char text[1024];
	size_t len = mmsim_print_buddyinfo(m, text, sizeof(text));

	(void)state;
	assert_string_equal(text, buddyinfo);
	assert_int_equal(len, strlen(buddyinfo));
	mmsim_destroy(m);
}

/* For every size of the buffer: the length of all, cut and terminated, not a byte beyond. */
static void buddyinfo_is_cut_like_snprintf(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(3, &log);
	char whole[1024], part[1024];
	size_t len = mmsim_print_buddyinfo(m, NULL, 0);

	(void)state;
	assert_int_equal(mmsim_print_buddyinfo(m, whole, sizeof(whole)), len);
	assert_int_equal(strlen(whole), len);
	for (size_t size = 0; size <= len + 1; size++) {
		size_t kept = size ? size - 1 : 0;

		memset(part, '#', sizeof(part));
		assert_int_equal(mmsim_print_buddyinfo(m, part, size), len);
		assert_memory_equal(part, whole, kept);
		if (size)
			assert_int_equal(part[kept], '\0');
		assert_int_equal(part[size], '#');
	}
	mmsim_destroy(m);
}

/* All zones that are there, in order; what was handed out is missing. */
static void buddyinfo_lists_every_zone(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(3, &log);
	char text[1024], *line = text, want[64];
	static const char *const zones[] = { "0, zone      DMA ", "0, zone   Normal ",
					     "0, zone  Movable ", "1, zone   Normal " };

	(void)state;
	mmsim_print_buddyinfo(m, text, sizeof(text));
	for (unsigned i = 0; i < 4; i++) {
		snprintf(want, sizeof(want), "Node %s", zones[i]);
		assert_memory_equal(line, want, strlen(want));
		line = strchr(line, '\n') + 1;
	}
	assert_string_equal(line, "");
	mmsim_destroy(m);
}

static void validate_counts_free_pages(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(1, &log);
	struct sim_books books;
	uint64_t all = mmsim_validate(m);

	(void)state;
	sim_books_read(m, &books);
	assert_int_equal(all, books.managed);
	assert_non_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 7));
	assert_int_equal(mmsim_validate(m), all - 128);
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_tells_the_books),
		cmocka_unit_test(holes_are_spanned_and_not_present),
		cmocka_unit_test(zones_that_are_not_there),
		cmocka_unit_test(zones_have_the_kernels_names),
		cmocka_unit_test(buddyinfo_is_the_kernels),
		cmocka_unit_test(buddyinfo_is_cut_like_snprintf),
		cmocka_unit_test(buddyinfo_lists_every_zone),
		cmocka_unit_test(validate_counts_free_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
