/* SPDX-License-Identifier: MIT */
/* Areas by the exported calls: as mmap(2), munmap(2) and madvise(2) have it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm_areas_rig.h"

/* Anonymous areas of the same rights become one, before or after they were touched. */
static void merging(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	rig_map(w.mm, AT, 2, FIXED);
	rig_map(w.mm, AT + 4 * RIG_PAGE, 2, FIXED);
	assert_areas(w.mm, "0+2 4+2 ");
	touch_all(w.mm, 0, 2);
	rig_map(w.mm, AT + 2 * RIG_PAGE, 2, FIXED);
	assert_areas(w.mm, "0+6 ");
	assert_int_equal(rig_info(w.mm).map_count, 1);
	assert_int_equal(rig_info(w.mm).total_vm, 6);
	assert_int_equal(rig_info(w.mm).anon_pages, 2);
	rig_map(w.mm, AT + 6 * RIG_PAGE, 1, MMSIM_PROT_READ | MMSIM_MAP_FIXED);
	assert_areas(w.mm, "0+6 6+1 ");
	assert_int_equal(mmsim_munmap(w.mm, AT + RIG_PAGE, RIG_PAGE), 0);
	assert_areas(w.mm, "0+1 2+4 6+1 ");
	rig_map(w.mm, AT + RIG_PAGE, 1, FIXED);
	assert_areas(w.mm, "0+6 6+1 ");
	assert_int_equal(rig_info(w.mm).anon_pages, 1);
	close_world(&w);
}

/* Areas of a file do if the offset goes on; of a file and of none never. */
static void merging_files(void **state)
{
	struct mmsim_area_info area;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	map_file(&w, 0, 2, RIG_RW | MMSIM_MAP_SHARED, 8);
	map_file(&w, 2, 2, RIG_RW | MMSIM_MAP_SHARED, 10);
	assert_areas(w.mm, "0+4 ");
	map_file(&w, 4, 2, RIG_RW | MMSIM_MAP_SHARED, 13);
	map_file(&w, 6, 2, RIG_RW, 15);
	rig_map(w.mm, AT + 8 * RIG_PAGE, 2, FIXED);
	assert_areas(w.mm, "0+4 4+2 6+2 8+2 ");
	assert_int_equal(mmsim_munmap(w.mm, AT, 3 * RIG_PAGE), 0);
	assert_int_equal(mmsim_area_info(w.mm, AT, &area), 0);
	assert_int_equal(area.start, AT + 3 * RIG_PAGE);
	assert_int_equal(area.offset, 11 * RIG_PAGE);
	assert_ptr_equal(area.file, w.file);
	assert_int_equal(area.flags, RIG_RW | MMSIM_MAP_SHARED);
	assert_int_equal(mmsim_file_destroy(w.file), -EBUSY);
	close_world(&w);
}

/* Over several areas and holes: what was there goes, what sticks out stays. */
static void fixed_over_areas(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	rig_map(w.mm, AT, 4, FIXED);
	rig_map(w.mm, AT + 5 * RIG_PAGE, 1, MMSIM_PROT_READ | MMSIM_MAP_FIXED);
	map_file(&w, 7, 4, RIG_RW | MMSIM_MAP_SHARED, 0);
	touch_all(w.mm, 0, 4);
	touch_all(w.mm, 7, 4);
	rig_map(w.mm, AT + 2 * RIG_PAGE, 7, MMSIM_PROT_WRITE | MMSIM_MAP_FIXED);
	assert_areas(w.mm, "0+2 2+7 9+2 ");
	assert_int_equal(rig_info(w.mm).anon_pages, 2);
	assert_int_equal(rig_info(w.mm).file_pages, 2);
	assert_int_equal(rig_info(w.mm).total_vm, 11);
	close_world(&w);
}

static void unmapping(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	rig_map(w.mm, AT, 3, FIXED);
	rig_map(w.mm, AT + 5 * RIG_PAGE, 3, FIXED);
	touch_all(w.mm, 0, 3);
	touch_all(w.mm, 5, 3);
	assert_int_equal(mmsim_munmap(w.mm, AT + 3 * RIG_PAGE, 2 * RIG_PAGE), 0);
	assert_areas(w.mm, "0+3 5+3 ");
	assert_int_equal(mmsim_munmap(w.mm, AT + 2 * RIG_PAGE, 4 * RIG_PAGE - 1), 0);
	assert_areas(w.mm, "0+2 6+2 ");
	assert_int_equal(rig_info(w.mm).anon_pages, 4);
	assert_int_equal(mmsim_touch(w.mm, AT + 2 * RIG_PAGE, false), -EFAULT);
	assert_int_equal(mmsim_munmap(w.mm, 0, MMSIM_TASK_SIZE_4), 0);
	assert_areas(w.mm, "");
	assert_int_equal(rig_info(w.mm).anon_pages, 0);
	assert_int_equal(rig_info(w.mm).table_pages, 1);
	close_world(&w);
}

/* A table goes when nobody near needs it any more, and not before. */
static void tables(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_NEVER);
	rig_map(w.mm, AT, 1, FIXED);
	rig_map(w.mm, AT + 4 * RIG_PAGE, 1, FIXED);
	rig_map(w.mm, AT + MMSIM_PMD_SIZE, 1, FIXED);
	touch_all(w.mm, 0, 1);
	touch_all(w.mm, 4, 1);
	touch_all(w.mm, 512, 1);
	assert_int_equal(rig_info(w.mm).table_pages, 5);
	assert_int_equal(mmsim_munmap(w.mm, AT, RIG_PAGE), 0);
	assert_int_equal(rig_info(w.mm).table_pages, 5);
	assert_int_equal(mmsim_munmap(w.mm, AT + 4 * RIG_PAGE, RIG_PAGE), 0);
	assert_int_equal(rig_info(w.mm).table_pages, 4);
	assert_int_equal(mmsim_munmap(w.mm, AT + MMSIM_PMD_SIZE, RIG_PAGE), 0);
	assert_int_equal(rig_info(w.mm).table_pages, 1);
	close_world(&w);
}

static void hints(void **state)
{
	uint64_t at, below;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	assert_int_equal(rig_map(w.mm, AT + 123, 2, RIG_RW), AT);
	at = rig_map(w.mm, AT, 2, RIG_RW);
	assert_int_not_equal(at, AT);
	/* No hint: the highest gap, so one below the other. */
	assert_int_equal(at + 2 * RIG_PAGE, MMSIM_TASK_SIZE_4);
	below = rig_map(w.mm, 0, 1, MMSIM_PROT_READ);
	assert_int_equal(below + RIG_PAGE, at);
	assert_int_equal(rig_map(w.mm, AT + 2 * RIG_PAGE, 2, RIG_RW | MMSIM_MAP_FIXED_NOREPLACE),
			 AT + 2 * RIG_PAGE);
	/* Too low, and too high: as if there were none. */
	assert_true(rig_map(w.mm, 1, 1, RIG_RW) >= MMSIM_MMAP_MIN_ADDR);
	assert_true(rig_map(w.mm, UINT64_MAX, 1, RIG_RW) < MMSIM_TASK_SIZE_4);
	close_world(&w);
}

/* Large anonymous memory on multiples of 2 MiB; of files, and small, anywhere. */
static void placement(void **state)
{
	uint64_t at;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	rig_map(w.mm, 0, 3, MMSIM_PROT_READ);
	for (uint64_t pages = 512; pages < 516; pages++)
		assert_int_equal(rig_map(w.mm, 0, pages, RIG_RW) % MMSIM_PMD_SIZE, 0);
	at = rig_map(w.mm, 0, 511, RIG_RW);
	assert_int_not_equal(at % MMSIM_PMD_SIZE, 0);
	close_world(&w);
}

static void advice(void **state)
{
	struct mmsim_area_info area;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	rig_map(w.mm, AT, 8, FIXED);
	touch_all(w.mm, 0, 8);
	assert_int_equal(
		mmsim_madvise(w.mm, AT + 2 * RIG_PAGE, 2 * RIG_PAGE - 1, MMSIM_MADV_NOHUGEPAGE), 0);
	assert_areas(w.mm, "0+2 2+2 4+4 ");
	assert_int_equal(mmsim_area_info(w.mm, AT + 2 * RIG_PAGE, &area), 0);
	assert_true(area.nohugepage && !area.hugepage);
	assert_int_equal(mmsim_madvise(w.mm, AT, 8 * RIG_PAGE, MMSIM_MADV_HUGEPAGE), 0);
	assert_areas(w.mm, "0+8 ");
	assert_int_equal(mmsim_area_info(w.mm, AT, &area), 0);
	assert_true(area.hugepage && !area.nohugepage);
	assert_int_equal(rig_info(w.mm).anon_pages, 8);
	/* A hole: what is mapped is done all the same. */
	assert_int_equal(mmsim_munmap(w.mm, AT + 3 * RIG_PAGE, RIG_PAGE), 0);
	assert_int_equal(mmsim_madvise(w.mm, AT + RIG_PAGE, 5 * RIG_PAGE, MMSIM_MADV_DONTNEED),
			 -ENOMEM);
	assert_int_equal(rig_info(w.mm).anon_pages, 3);
	assert_areas(w.mm, "0+3 4+4 ");
	assert_int_equal(mmsim_madvise(w.mm, AT + 20 * RIG_PAGE, RIG_PAGE, MMSIM_MADV_DONTNEED),
			 -ENOMEM);
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merging),          cmocka_unit_test(merging_files),
		cmocka_unit_test(fixed_over_areas), cmocka_unit_test(unmapping),
		cmocka_unit_test(tables),           cmocka_unit_test(hints),
		cmocka_unit_test(placement),        cmocka_unit_test(advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
