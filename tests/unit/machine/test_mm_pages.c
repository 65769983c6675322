/* SPDX-License-Identifier: MIT */
/* Pages of address spaces by the exported calls: rights, huge pages, fork, files, the reaper, lazy CPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm_areas_rig.h"

static void rights(void **state)
{
	struct mmsim_mapping entry;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	rig_map(w.mm, AT, 1, MMSIM_PROT_READ | MMSIM_MAP_FIXED);
	rig_map(w.mm, AT + RIG_PAGE, 1, MMSIM_MAP_FIXED);
	rig_map(w.mm, AT + 2 * RIG_PAGE, 1, FIXED);
	assert_int_equal(mmsim_touch(w.mm, AT, true), -EFAULT);
	assert_int_equal(mmsim_touch(w.mm, AT + 5, false), 0);
	assert_int_equal(mmsim_touch(w.mm, AT, true), -EFAULT);
	assert_int_equal(mmsim_touch(w.mm, AT + RIG_PAGE, false), -EFAULT);
	assert_int_equal(mmsim_touch(w.mm, AT + RIG_PAGE, true), -EFAULT);
	assert_int_equal(mmsim_touch(w.mm, AT + 3 * RIG_PAGE - 1, true), 0);
	assert_int_equal(mmsim_touch(w.mm, AT + 3 * RIG_PAGE, true), -EFAULT);
	assert_int_equal(mmsim_touch(w.mm, AT - 1, false), -EFAULT);
	assert_int_equal(mmsim_populate(w.mm, AT, 2 * RIG_PAGE, false), -EFAULT);
	entry = rig_entry(w.mm, AT);
	assert_false(entry.writable || entry.dirty);
	assert_true(entry.accessed);
	entry = rig_entry(w.mm, AT + 2 * RIG_PAGE);
	assert_true(entry.writable && entry.dirty && entry.accessed);
	close_world(&w);
}

/* The pages go, the area stays, the next touch finds others; those of a file are the cache's. */
static void dontneed(void **state)
{
	uint64_t before, freed;
	struct mmsim_file_info file;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	rig_map(w.mm, AT, 40, FIXED);
	map_file(&w, 40, 8, RIG_RW | MMSIM_MAP_SHARED, 0);
	before = rig_free_pages(w.m);
	touch_all(w.mm, 0, 48);
	freed = rig_teardown_info(w.m).freed;
	assert_int_equal(mmsim_madvise(w.mm, AT, 48 * RIG_PAGE, MMSIM_MADV_DONTNEED), 0);
	mmsim_drain_all_pages(w.m); /* some were on their way to the LRU lists still */
	assert_int_equal(rig_teardown_info(w.m).freed - freed, 40);
	assert_int_equal(rig_info(w.mm).anon_pages, 0);
	assert_int_equal(rig_info(w.mm).file_pages, 0);
	assert_int_equal(mmsim_file_info(w.file, &file), 0);
	assert_int_equal(file.cached, 8);
	assert_int_equal(file.mapped, 0);
	assert_int_equal(before - rig_free_pages(w.m), 8 + 3); /* and tables */
	assert_areas(w.mm, "0+40 40+8 ");
	touch_all(w.mm, 0, 1);
	assert_int_equal(rig_info(w.mm).anon_pages, 1);
	close_world(&w);
}

static void huge(void **state)
{
	struct mmsim_mapping entry;
	struct mmsim_mm_info info;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_MADVISE);
	rig_map(w.mm, AT, 3 * 512, FIXED);
	touch_all(w.mm, 0, 1);
	assert_int_equal(rig_entry(w.mm, AT).order, 0);
	assert_int_equal(mmsim_madvise(w.mm, AT, 3 * MMSIM_PMD_SIZE, MMSIM_MADV_HUGEPAGE), 0);
	assert_int_equal(mmsim_touch(w.mm, AT + MMSIM_PMD_SIZE + 5 * RIG_PAGE, true), 0);
	entry = rig_entry(w.mm, AT + MMSIM_PMD_SIZE + 7 * RIG_PAGE);
	assert_int_equal(entry.order, 9);
	assert_int_equal(mmsim_page_to_pfn(w.m, entry.page) % 512, 7);
	info = rig_info(w.mm);
	assert_int_equal(info.anon_pages, 513);
	assert_int_equal(info.thp_faults, 1);
	/* A part of it goes: a table comes in its place, the others stay where they are. */
	assert_int_equal(mmsim_munmap(w.mm, AT + MMSIM_PMD_SIZE + 3 * RIG_PAGE, RIG_PAGE), 0);
	info = rig_info(w.mm);
	assert_int_equal(info.anon_pages, 512);
	assert_int_equal(info.thp_splits, 1);
	assert_ptr_equal(rig_entry(w.mm, AT + MMSIM_PMD_SIZE + 7 * RIG_PAGE).page, entry.page);
	assert_int_equal(rig_entry(w.mm, AT + MMSIM_PMD_SIZE + 7 * RIG_PAGE).order, 0);
	mmsim_mm_validate(w.mm);
	/* The rest of it, and no part of the third. */
	assert_int_equal(mmsim_munmap(w.mm, AT + MMSIM_PMD_SIZE, MMSIM_PMD_SIZE), 0);
	assert_int_equal(rig_info(w.mm).anon_pages, 1);
	assert_int_equal(mmsim_populate(w.mm, AT + 2 * MMSIM_PMD_SIZE, MMSIM_PMD_SIZE, true), 0);
	assert_int_equal(rig_info(w.mm).thp_faults, 2);
	assert_int_equal(mmsim_munmap(w.mm, AT, 3 * MMSIM_PMD_SIZE), 0);
	assert_int_equal(rig_info(w.mm).anon_pages, 0);
	assert_int_equal(rig_info(w.mm).table_pages, 1);
	close_world(&w);
}

/* Where huge pages are tried: everywhere, nowhere, and never where the area does not hold 2 MiB. */
static void huge_where(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_ALWAYS);
	rig_map(w.mm, AT, 1023, FIXED);
	assert_int_equal(mmsim_touch(w.mm, AT, true), 0);
	assert_int_equal(mmsim_touch(w.mm, AT + MMSIM_PMD_SIZE, true), 0);
	assert_int_equal(rig_info(w.mm).anon_pages, 513);
	rig_map(w.mm, AT + 2 * MMSIM_PMD_SIZE, 512, FIXED);
	assert_int_equal(
		mmsim_madvise(w.mm, AT + 2 * MMSIM_PMD_SIZE, MMSIM_PMD_SIZE, MMSIM_MADV_NOHUGEPAGE),
		0);
	assert_int_equal(mmsim_touch(w.mm, AT + 2 * MMSIM_PMD_SIZE, true), 0);
	assert_int_equal(rig_info(w.mm).anon_pages, 514);
	close_world(&w);
	open_world(&w, MMSIM_THP_NEVER);
	rig_map(w.mm, AT, 512, FIXED);
	assert_int_equal(mmsim_madvise(w.mm, AT, MMSIM_PMD_SIZE, MMSIM_MADV_HUGEPAGE), 0);
	assert_int_equal(mmsim_touch(w.mm, AT, true), 0);
	assert_int_equal(rig_info(w.mm).anon_pages, 1);
	close_world(&w);
}

/* Both have the page until one stores: that one gets a copy, and the other may keep it. */
static void copy_on_write(void **state)
{
	struct mmsim_mm_info info;
	struct mmsim_mm *child;
	struct mmsim_page *page;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_NEVER);
	rig_map(w.mm, AT, 4, FIXED);
	touch_all(w.mm, 0, 3);
	page = rig_entry(w.mm, AT).page;
	assert_int_equal(mmsim_mm_fork(w.mm, &child), 0);
	assert_areas(child, "0+4 ");
	assert_ptr_equal(rig_entry(child, AT).page, page);
	assert_false(rig_entry(child, AT).writable || rig_entry(w.mm, AT).writable);
	assert_false(rig_is_mapped(child, AT + 3 * RIG_PAGE));
	assert_int_equal(rig_info(child).anon_pages, 3);
	assert_int_equal(mmsim_touch(child, AT, false), 0);
	assert_ptr_equal(rig_entry(child, AT).page, page);
	assert_int_equal(mmsim_touch(child, AT, true), 0);
	assert_ptr_not_equal(rig_entry(child, AT).page, page);
	assert_int_equal(mmsim_touch(w.mm, AT, true), 0);
	assert_ptr_equal(rig_entry(w.mm, AT).page, page);
	assert_true(rig_entry(w.mm, AT).writable && rig_entry(child, AT).writable);
	info = rig_info(w.mm);
	assert_int_equal(info.cow_reuses, 1);
	assert_int_equal(info.cow_copies, 0);
	assert_int_equal(rig_info(child).cow_copies, 1);
	mmsim_mm_validate(w.mm);
	mmsim_mm_validate(child);
	/* What is left shared the child keeps alone. */
	mmsim_mm_exit(w.mm);
	assert_int_equal(mmsim_touch(child, AT + RIG_PAGE, true), 0);
	assert_int_equal(rig_info(child).cow_reuses, 1);
	mmsim_mm_validate(child);
	mmsim_mm_destroy(child);
	close_world(&w);
}

/* Huge pages are not copied as such: each has single ones where it stored. */
static void copy_on_write_huge(void **state)
{
	struct mmsim_mm *child, *grandchild;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_ALWAYS);
	rig_map(w.mm, AT, 1024, FIXED);
	touch_all(w.mm, 0, 1024);
	assert_int_equal(rig_info(w.mm).thp_faults, 2);
	assert_int_equal(mmsim_mm_fork(w.mm, &child), 0);
	assert_int_equal(mmsim_mm_fork(child, &grandchild), 0);
	assert_int_equal(mmsim_touch(w.mm, AT + RIG_PAGE, true), 0);
	assert_int_equal(mmsim_touch(child, AT + RIG_PAGE, true), 0);
	assert_ptr_not_equal(rig_entry(w.mm, AT + RIG_PAGE).page,
			     rig_entry(child, AT + RIG_PAGE).page);
	assert_ptr_not_equal(rig_entry(grandchild, AT + RIG_PAGE).page,
			     rig_entry(child, AT + RIG_PAGE).page);
	assert_ptr_equal(rig_entry(w.mm, AT + MMSIM_PMD_SIZE).page,
			 rig_entry(grandchild, AT + MMSIM_PMD_SIZE).page);
	for (unsigned i = 0; i < 3; i++) {
		struct mmsim_mm *mm = i == 0 ? w.mm : i == 1 ? child : grandchild;

		assert_int_equal(rig_info(mm).anon_pages, 1024);
		assert_int_equal(mmsim_mm_validate(mm), 1024);
	}
	mmsim_mm_destroy(child);
	assert_int_equal(mmsim_munmap(grandchild, AT + 100 * RIG_PAGE, 700 * RIG_PAGE), 0);
	assert_int_equal(rig_info(grandchild).anon_pages, 324);
	mmsim_mm_validate(grandchild);
	mmsim_mm_destroy(grandchild);
	close_world(&w);
}

/* Pages of a file are one for all; a private store is the storer's own. */
static void files_and_fork(void **state)
{
	struct mmsim_mm *child;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_NEVER);
	map_file(&w, 0, 4, RIG_RW | MMSIM_MAP_SHARED, 0);
	map_file(&w, 4, 4, RIG_RW, 0);
	touch_all(w.mm, 0, 4);
	assert_int_equal(mmsim_touch(w.mm, AT + 4 * RIG_PAGE, false), 0);
	assert_int_equal(mmsim_touch(w.mm, AT + 5 * RIG_PAGE, true), 0);
	assert_ptr_equal(rig_entry(w.mm, AT + 4 * RIG_PAGE).page, rig_entry(w.mm, AT).page);
	assert_ptr_not_equal(rig_entry(w.mm, AT + 5 * RIG_PAGE).page,
			     rig_entry(w.mm, AT + RIG_PAGE).page);
	assert_int_equal(rig_info(w.mm).anon_pages, 1);
	assert_int_equal(rig_info(w.mm).file_pages, 5);
	assert_int_equal(mmsim_mm_fork(w.mm, &child), 0);
	assert_int_equal(mmsim_touch(child, AT, true), 0);
	assert_ptr_equal(rig_entry(child, AT).page, rig_entry(w.mm, AT).page);
	assert_int_equal(mmsim_touch(child, AT + 5 * RIG_PAGE, true), 0);
	assert_ptr_not_equal(rig_entry(child, AT + 5 * RIG_PAGE).page,
			     rig_entry(w.mm, AT + 5 * RIG_PAGE).page);
	mmsim_mm_validate(child);
	mmsim_mm_destroy(child);
	close_world(&w);
}

/* Anonymous memory goes, and the private copies of files; shared files, tables and areas stay. */
static void reaping(void **state)
{
	uint64_t pages = 0;
	uint64_t tables;
	struct world w;

	(void)state;
	open_world(&w, MMSIM_THP_NEVER);
	rig_map(w.mm, AT, 40, FIXED);
	map_file(&w, 40, 4, RIG_RW | MMSIM_MAP_SHARED, 0);
	map_file(&w, 44, 4, RIG_RW, 8);
	touch_all(w.mm, 0, 48);
	tables = rig_info(w.mm).table_pages;
	assert_int_equal(mmsim_oom_reap(w.mm, &pages), 0);
	assert_int_equal(pages, 44);
	assert_int_equal(rig_info(w.mm).anon_pages, 0);
	assert_int_equal(rig_info(w.mm).file_pages, 4);
	assert_int_equal(rig_info(w.mm).table_pages, tables);
	assert_areas(w.mm, "0+40 40+4 44+4 ");
	mmsim_mm_validate(w.mm);
	touch_all(w.mm, 0, 48);
	assert_int_equal(rig_info(w.mm).anon_pages, 44);
	assert_int_equal(mmsim_oom_reap(w.mm, NULL), 0);
	mmsim_mm_exit(w.mm);
	assert_int_equal(mmsim_oom_reap(w.mm, &pages), -ESRCH);
	close_world(&w);
}

struct lazy {
	struct mmsim *m;
	struct mmsim_mm *mm;
	bool enter;
};

static void lazy_task(unsigned i, void *arg)
{
	struct lazy *l = arg;

	if (!i)
		return;
	mmsim_touch(l->mm, AT, true);
	if (l->enter)
		mmsim_mm_enter_lazy(l->m);
}

/* What a flush of two pages by CPU 0 costs while CPU 1 has touched one of them, and gone lazy or not. */
static struct mmsim_tlb_info flush_beside(bool lazy, bool tables)
{
	struct mmsim_tlb_info before, after;
	struct lazy l = { .enter = lazy };
	struct world w;

	open_world(&w, MMSIM_THP_NEVER);
	l.m = w.m;
	l.mm = w.mm;
	rig_map(w.mm, AT, 2, FIXED);
	touch_all(w.mm, 0, 2);
	assert_int_equal(mmsim_run(w.m, 2, lazy_task, &l), 0);
	assert_int_equal(mmsim_tlb_info(w.m, &before), 0);
	if (tables)
		assert_int_equal(mmsim_munmap(w.mm, AT, 2 * RIG_PAGE), 0);
	else
		assert_int_equal(mmsim_madvise(w.mm, AT, 2 * RIG_PAGE, MMSIM_MADV_DONTNEED), 0);
	assert_int_equal(mmsim_tlb_info(w.m, &after), 0);
	/* It goes on where it was: with what the flush has left. */
	l.enter = false;
	assert_int_equal(mmsim_run(w.m, 2, lazy_task, &l), 0);
	assert_int_equal(rig_is_mapped(w.mm, AT), !tables);
	close_world(&w);
	after.ipis -= before.ipis;
	after.lazy_skipped -= before.lazy_skipped;
	after.flushes -= before.flushes;
	return after;
}

static void lazy_cpus(void **state)
{
	struct mmsim_tlb_info info = flush_beside(false, false);

	(void)state;
	assert_int_equal(info.ipis, 1);
	assert_int_equal(info.lazy_skipped, 0);
	assert_int_equal(info.flushes, 1);
	info = flush_beside(true, false);
	assert_int_equal(info.ipis, 0);
	assert_int_equal(info.lazy_skipped, 1);
	info = flush_beside(true, true);
	assert_true(info.ipis >= 1);
}

static void populating(void **state)
{
	struct world w;
	uint64_t at = 0;

	(void)state;
	open_world(&w, MMSIM_THP_ALWAYS);
	assert_int_equal(
		mmsim_mmap(w.mm, 0, MMSIM_PMD_SIZE + 1, RIG_RW | MMSIM_MAP_POPULATE, NULL, 0, &at),
		0);
	assert_int_equal(rig_info(w.mm).anon_pages, 513);
	assert_int_equal(rig_info(w.mm).total_vm, 513);
	/* Beyond the end of a file: what is inside is there, and nobody hears of the rest. */
	assert_int_equal(
		mmsim_mmap(w.mm, AT, 8 * RIG_PAGE,
			   RIG_RW | MMSIM_MAP_POPULATE | MMSIM_MAP_SHARED | MMSIM_MAP_FIXED, w.file,
			   (FILE_PAGES - 4) * RIG_PAGE, NULL),
		0);
	assert_int_equal(rig_info(w.mm).file_pages, 4);
	assert_int_equal(mmsim_touch(w.mm, AT + 3 * RIG_PAGE, true), 0);
	assert_int_equal(mmsim_touch(w.mm, AT + 4 * RIG_PAGE, false), -EFAULT);
	assert_int_equal(mmsim_populate(w.mm, AT, 8 * RIG_PAGE, true), -EFAULT);
	close_world(&w);
}

/* As an access does: what is populated is flushed from the TLBs of those who did. */
static void populating_cpus_are_told(void **state)
{
	struct mmsim *m = rig_open(MMSIM_SERIAL, 2, 1024, NULL);
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_NEVER);
	struct mmsim_tlb_info info;

	(void)state;
	rig_map(mm, AT, 4, FIXED);
	assert_int_equal(mmsim_populate(mm, AT, 4 * RIG_PAGE, true), 0);
	assert_int_equal(mmsim_tlb_info(m, &info), 0);
	assert_int_equal(info.switches, 1);
	mmsim_mm_destroy(mm);
	rig_close(m);
}

/* Parts of the range end in the midst of huge pages that stay, on both sides of where a PMD table ends. */
static void huge_neighbours_stay(void **state)
{
	const uint64_t middle = UINT64_C(1) << 30, start = middle - 2 * MMSIM_PMD_SIZE;
	struct mmsim *m = rig_open(MMSIM_SERIAL, 2, 8192, NULL);
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_ALWAYS);

	(void)state;
	rig_teardown(m, MMSIM_TEARDOWN_RANGE_PARALLEL);
	rig_map(mm, start, 5 * 512, FIXED | MMSIM_MAP_POPULATE);
	assert_int_equal(rig_info(mm).anon_pages, 5 * 512);
	assert_int_equal(mmsim_munmap(mm, middle - MMSIM_PMD_SIZE, 2 * MMSIM_PMD_SIZE), 0);
	assert_int_equal(mmsim_mm_validate(mm), 3 * 512);
	mmsim_mm_destroy(mm);
	rig_close(m);
}

static void a_mapped_page_is_not_freed(void **state)
{
	struct mmsim *m = rig_open(MMSIM_SERIAL, 1, 1024, NULL);
	struct mmsim_mm *mm = rig_mm(m, 4, MMSIM_THP_NEVER);

	(void)state;
	rig_map(mm, AT, 1, FIXED | MMSIM_MAP_POPULATE);
	mmsim_drain_all_pages(m);
	assert_int_equal(mmsim_free_pages(m, rig_entry(mm, AT).page, 0), -EINVAL);
	mmsim_mm_destroy(mm);
	rig_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rights),
		cmocka_unit_test(dontneed),
		cmocka_unit_test(huge),
		cmocka_unit_test(huge_where),
		cmocka_unit_test(copy_on_write),
		cmocka_unit_test(copy_on_write_huge),
		cmocka_unit_test(files_and_fork),
		cmocka_unit_test(reaping),
		cmocka_unit_test(lazy_cpus),
		cmocka_unit_test(populating),
		cmocka_unit_test(populating_cpus_are_told),
		cmocka_unit_test(huge_neighbours_stay),
		cmocka_unit_test(a_mapped_page_is_not_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
