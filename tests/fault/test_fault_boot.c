/* SPDX-License-Identifier: MIT */
/*
 * Failures while a machine is booted step by step: early, grown on demand, to the end, reset, again.
 * Booting itself never fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fault_sweep.h"
#include <mmsim/mmsim.h>

#define BLOCKS 34 /* one more than the early part has of the largest */

/* More than is early of node 0, so that it grows. */
static void grow(struct mmsim *m)
{
	struct mmsim_page *page[BLOCKS];
	unsigned nr = 0;

	while (nr < BLOCKS &&
	       (page[nr] = mmsim_alloc_pages_node(m, 0, MMSIM_GFP_KERNEL, MMSIM_MAX_PAGE_ORDER)))
		nr++;
	assert_int_equal(nr, BLOCKS);
	while (nr-- > 0)
		assert_int_equal(mmsim_free_pages(m, page[nr], MMSIM_MAX_PAGE_ORDER), 0);
}

static void boot_by_steps(struct sweep *s, struct mmsim *m)
{
	struct sim_books books;

	(void)s;
	assert_int_equal(mmsim_boot_early(m), 0);
	sim_books_read(m, &books);
	assert_int_equal(books.managed, 2 * SIM_SECTION);
	grow(m);
	sim_books_read(m, &books);
	assert_int_equal(books.managed, 2 * SIM_SECTION + 1030);
	assert_int_equal(mmsim_boot(m), 0);
	sweep_assert_books(m);
	mmsim_reset(m);
	assert_int_equal(mmsim_boot(m), 0);
	sweep_assert_books(m);
}

static void sweep_kind(enum mmsim_fault_kind kind)
{
	struct sweep s = {
		.name = "boot by steps",
		.boot = MMSIM_BOOT_COLD,
		.kind = kind,
		.scenario = boot_by_steps,
	};

	sweep(&s);
}

static void metadata(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_METADATA);
}

static void mapping(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_MMAP);
}

static void spawning(void **state)
{
	(void)state;
	sweep_kind(MMSIM_FAULT_SPAWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata),
		cmocka_unit_test(mapping),
		cmocka_unit_test(spawning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
