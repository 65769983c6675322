/* SPDX-License-Identifier: MIT */
/*
 * Failures while pools are filled and files are made: whatever fails, nothing is lost, and what cannot be had
 * is told. How much there is makes the difference, not which operation failed: so after each one all is given
 * back and must be where it was. A pool that runs dry at every possible page: tests/unit/hugetlb/test_file.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_sweep.h"
#include <mmsim/mmsim.h>

#define ORDER MMSIM_HUGE_2M_ORDER
#define POOL 8
#define SLOTS 10

static void fill_and_fail(struct mmsim *m, struct mmsim_hugetlb_file *file)
{
	struct mmsim_hugetlb_info info;

	assert_int_equal(mmsim_hugetlb_fallocate(file, 3, 2, 2, 1), 0);
	assert_int_equal(mmsim_hugetlb_fallocate(file, 0, SLOTS, 4, 1), -ENOSPC);
	assert_int_equal(mmsim_hugetlb_file_nr_pages(file), 2);
	assert_int_equal(mmsim_hugetlb_info(m, ORDER, &info), 0);
	assert_int_equal(info.free_huge_pages, POOL - 2);
	assert_int_equal(mmsim_hugetlb_fallocate(file, 0, POOL, 4, 1), 0);
	mmsim_hugetlb_validate(m);
}

static void pools_and_files(struct sweep *s, struct mmsim *m)
{
	struct mmsim_hugetlb_file *file = NULL;
	int err = mmsim_hugetlb_boot(m, ORDER, POOL, 0);

	if (s->kind != MMSIM_FAULT_METADATA)
		assert_int_equal(err, 0);
	if (!err) {
		err = mmsim_hugetlb_file_create(m, ORDER, SLOTS, &file);
		assert_true(err == 0 || (s->kind == MMSIM_FAULT_METADATA && err == -ENOMEM));
		assert_int_equal(!err, file != NULL);
	}
	if (!err)
		fill_and_fail(m, file);
	mmsim_hugetlb_validate(m);
	mmsim_hugetlb_file_destroy(file);
	err = mmsim_hugetlb_set_nr(m, ORDER, 0);
	assert_true(err == 0 || err == -ENOMEM);
	sweep_assert_books(m);
}

static void sweep_kind(enum mmsim_fault_kind kind)
{
	struct sweep s = {
		.name = "pools and files",
		.kind = kind,
		.scenario = pools_and_files,
	};

	sweep(&s);
}

static void metadata(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_METADATA);
}

static void spawning(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_SPAWN);
}

static void trying_locks(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_TRYLOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata),
		cmocka_unit_test(spawning),
		cmocka_unit_test(trying_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
