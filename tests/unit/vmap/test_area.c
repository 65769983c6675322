/* SPDX-License-Identifier: MIT */
/* lib/vmap/area.c: lists of areas by address. */
#include "area.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 200 };

static struct mm_vmap_area area[MOST];

/* The list holds areas 0 to nr - 1, in this order, and its links are whole. */
static void assert_sorted(mm_list *list, unsigned nr)
{
	const mm_list *before = list;
	unsigned i = 0;

	mm_list_for_each(e, list) {
		assert_ptr_equal(e, &area[i++].list);
		assert_ptr_equal(e->prev, before);
		before = e;
	}
	assert_int_equal(i, nr);
	assert_ptr_equal(list->prev, before);
}

static void sort_of(unsigned nr, const unsigned *order)
{
	mm_list list;

	mm_list_init(&list);
	for (unsigned i = 0; i < nr; i++) {
		area[i].va_start = (i + 1) * MMSIM_PAGE_SIZE;
		area[i].va_end = area[i].va_start + MMSIM_PAGE_SIZE;
	}
	for (unsigned i = 0; i < nr; i++)
		mm_list_add_tail(&area[order[i]].list, &list);
	mm_vmap_sort(&list);
	assert_sorted(&list, nr);
}

static void few(void **state)
{
	static const unsigned orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					      { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	(void)state;
	sort_of(0, NULL);
	sort_of(1, orders[0]);
	sort_of(2, orders[0]);
	sort_of(2, orders[2]);
	for (unsigned i = 0; i < 6; i++)
		sort_of(3, orders[i]);
}

static void many(void **state)
{
	struct mm_rng rng = mm_rng_split(20261122, 1);
	unsigned order[MOST];

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		unsigned nr = (unsigned)mm_rng_below(&rng, MOST) + 1;

		for (unsigned i = 0; i < nr; i++) {
			unsigned j = (unsigned)mm_rng_below(&rng, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		sort_of(nr, order);
	}
}

static void up_and_down(void **state)
{
	unsigned order[MOST];

	(void)state;
	for (unsigned i = 0; i < MOST; i++)
		order[i] = MOST - 1 - i;
	sort_of(MOST, order);
	for (unsigned i = 0; i < MOST; i++)
		order[i] = i;
	sort_of(MOST, order);
	order[0] = 1;
	order[1] = 0;
	sort_of(MOST, order);
}

static void node_ids(void **state)
{
	struct mm_vmap_area va = { .flags = MM_VMAP_RAM };

	(void)state;
	assert_int_equal(mm_va_node_id(&va), -1);
	va.flags |= mm_va_node_flags(0);
	assert_int_equal(mm_va_node_id(&va), 0);
	va.flags = mm_va_node_flags(253) | MM_VMAP_MAPPED;
	assert_int_equal(mm_va_node_id(&va), 253);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few),
		cmocka_unit_test(many),
		cmocka_unit_test(up_and_down),
		cmocka_unit_test(node_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
