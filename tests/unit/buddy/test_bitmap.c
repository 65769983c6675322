/* SPDX-License-Identifier: MIT */
/* Page frames in bitmaps: small cases worked out by hand. Frames are named by their distance from RIG_BASE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "bitmap_rig.h"
#include "child_dies.h"
#include <errno.h>

static struct bitmap_rig rig;
static struct bitmap_rig *r = &rig;

/* Whatever other CPUs have reserved. */

static void reserve_each_kind(void *arg)
{
	uint64_t *at = arg;

	at[0] = rig_get(r, 0, M);
	at[1] = rig_get(r, 0, U);
	at[2] = rig_get(r, 9, M);
}

static void one_cpu_gets_all(void **state)
{
	uint64_t at[8][3], nr = 0;

	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 8, 4); /* fewer trees than CPUs */
	for (unsigned cpu = 1; cpu < 8; cpu++)
		rig_on_cpu(r, cpu, reserve_each_kind, at[cpu]);
	while (rig_get(r, 0, U) != NOTHING)
		nr++;
	assert_int_equal(nr, 4 * MM_TREE_PAGES - 7 * (2 + 512));
	assert_int_equal(rig_validate(r), 0);
	assert_int_equal(r->zone.free_pages, 0);
	assert_int_equal(rig_get(r, 0, M), NOTHING);
	for (unsigned cpu = 1; cpu < 8; cpu++)
		rig_free(r, at[cpu][2], 9);
	assert_true(rig_get(r, 9, M) != NOTHING);
	assert_int_equal(rig_validate(r), 6 * 512);
	rig_close(r);
}

static void every_order_to_the_last_block(void **state)
{
	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 1, 2);
	for (unsigned order = 0; order < MMSIM_NR_PAGE_ORDERS; order++) {
		uint64_t nr = 2 * MM_TREE_PAGES >> order;

		for (uint64_t i = 0; i < nr; i++)
			assert_int_equal(rig_get(r, order, M) & ((UINT64_C(1) << order) - 1), 0);
		assert_int_equal(rig_get(r, order, M), NOTHING);
		assert_int_equal(rig_validate(r), 0);
		for (uint64_t i = 0; i < nr; i++)
			rig_free(r, i << order, order);
		assert_int_equal(rig_validate(r), 2 * MM_TREE_PAGES);
	}
	rig_close(r);
}

/* Two free neighbours of 2 MiB are a block of order 10 if they are buddies. */
static void order_10_is_two_buddies(void **state)
{
	(void)state;
	rig_open(r, MMSIM_SERIAL, 1, 0, MM_TREE_PAGES);
	rig_free(r, 512, 9);
	rig_free(r, 1024, 9);
	assert_int_equal(rig_get(r, 10, M), NOTHING);
	rig_free(r, 1536, 9);
	assert_int_equal(rig_get(r, 10, M), 1024);
	assert_int_equal(rig_get(r, 9, M), 512);
	rig_free(r, 1024 + 77, 0); /* of what was handed out as one */
	assert_int_equal(rig_get(r, 0, M), 1024 + 77);
	assert_int_equal(rig_validate(r), 0);
	rig_close(r);
}

/* A free block in each word, none of them where it would have to begin. */
static void unaligned_runs_are_no_blocks(void **state)
{
	(void)state;
	rig_open(r, MMSIM_SERIAL, 1, 0, MM_TREE_PAGES);
	for (unsigned at = 0; at < 512; at += 64)
		for (unsigned i = 1; i < 4; i++)
			rig_free(r, at + i, 0);
	assert_int_equal(rig_get(r, 2, M), NOTHING);
	assert_int_equal(rig_get(r, 1, M) % 64, 2);
	assert_int_equal(rig_validate(r), 22);
	rig_close(r);
}

/* What was put back after an order 7 was found to lack its second word. */
static void a_half_free_pair_of_words_stays_free(void **state)
{
	(void)state;
	rig_open(r, MMSIM_SERIAL, 1, 0, MM_TREE_PAGES);
	rig_free(r, 0, 6);
	rig_free(r, 64, 5);
	rig_free(r, 192, 6);
	assert_int_equal(rig_get(r, 7, M), NOTHING);
	assert_int_equal(rig_validate(r), 160);
	rig_free(r, 96, 5);
	assert_int_equal(rig_get(r, 7, M), 0);
	rig_close(r);
}

static uint64_t tree_of_get(unsigned order, enum mmsim_migratetype mt)
{
	return rig_get(r, order, mt) / MM_TREE_PAGES;
}

static void kinds_keep_apart(void **state)
{
	uint64_t movable, other, huge;

	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 1, 4);
	movable = tree_of_get(0, M);
	other = tree_of_get(0, U);
	huge = tree_of_get(9, M);
	assert_true(movable != other && movable != huge && other != huge);
	for (unsigned i = 0; i < 500; i++) {
		assert_int_equal(tree_of_get(0, M), movable);
		assert_int_equal(tree_of_get(0, i % 2 ? U : R), other);
	}
	assert_int_equal(tree_of_get(9, U), huge);
	assert_int_equal(mm_tree_kind(mm_tree_load(mm_bitmap_of(&r->zone), other)),
			 MM_BITMAP_OTHER);
	rig_close(r);
}

static void note_tree(void *arg)
{
	*(uint64_t *)arg = tree_of_get(0, M);
}

static void cpus_keep_apart(void **state)
{
	const struct mm_bitmap_cpu *cpu1;
	uint64_t own = 0, others;

	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 2, 4);
	cpu1 = mm_per_cpu(&mm_bitmap_of(&r->zone)->cpus, 1);
	note_tree(&own);
	rig_on_cpu(r, 1, note_tree, &others);
	assert_true(own != others);
	/* … as long as there is room. */
	for (unsigned i = 1; i < 3 * MM_TREE_PAGES; i++)
		assert_true(tree_of_get(0, M) != others);
	assert_int_equal(tree_of_get(0, M), others);
	assert_int_equal(mm_slot_tree(cpu1->slot[MM_BITMAP_MOVABLE]), others);
	rig_close(r);
}

/* A partly used tree rather than a whole one. */
static void whole_trees_stay_whole(void **state)
{
	struct mm_bitmap *bm;
	uint64_t first;

	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 1, 4);
	bm = mm_bitmap_of(&r->zone);
	first = tree_of_get(0, M);
	for (unsigned i = 0; i < 3; i++) {
		r->ops->drain(&r->zone, 0);
		assert_false(mm_tree_load(bm, first) & MM_TREE_RESERVED);
		assert_int_equal(tree_of_get(0, M), first);
	}
	r->ops->drain(&r->zone, 0);
	assert_true(tree_of_get(0, U) != first);
	rig_close(r);
}

/* Though the first trees that CPU 1 looks at are whole. */
static void a_used_tree_is_found_behind_whole_ones(void **state)
{
	uint64_t first, tree;

	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 2, 4);
	first = tree_of_get(0, M);
	r->ops->drain(&r->zone, 0);
	rig_on_cpu(r, 1, note_tree, &tree);
	assert_int_equal(tree, first);
	rig_close(r);
}

/* Not from the start of the tree, which is used up as a rule. */
static void gets_go_on_where_the_last_was(void **state)
{
	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 1, 1);
	for (unsigned i = 0; i < 700; i++)
		assert_int_equal(rig_get(r, 0, M), i);
	rig_free(r, 3, 0);
	assert_int_equal(rig_get(r, 0, M), 700);
	rig_close(r);
}

/* A2, L4 */
static void free_pages_follows_in_batches(void **state)
{
	uint64_t all = 2 * MM_TREE_PAGES, at;

	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 1, 2);
	assert_int_equal(r->zone.free_pages, all);
	at = rig_get(r, 0, M);
	assert_int_equal(r->zone.free_pages, all - 1 - MM_BUDGET_BATCH);
	rig_free(r, at, 0);
	assert_int_equal(r->zone.free_pages, all - 1 - MM_BUDGET_BATCH);
	rig_drain_all(r);
	assert_int_equal(r->zone.free_pages, all);
	assert_int_equal(rig_get(r, 10, M) % 1024, 0);
	assert_int_equal(r->zone.free_pages, all - 1024);
	rig_close(r);
}

static void budgets_do_not_grow(void **state)
{
	uint64_t at[1000];

	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 1, 1);
	for (unsigned i = 0; i < 1000; i++)
		at[i] = rig_get(r, 0, M);
	for (unsigned i = 0; i < 1000; i++) {
		rig_free(r, at[i], 0);
		rig_validate(r); /* P1 */
	}
	assert_true(r->zone.free_pages > MM_TREE_PAGES - MM_BUDGET_MOST);
	rig_close(r);
}

static void take_some(void *arg)
{
	uint64_t *at = arg;

	for (unsigned i = 0; i < 8; i++)
		at[i] = rig_get(r, 0, M);
}

/* Who frees into one tree again and again reserves it, if nobody has. */
static void freeing_reserves(void **state)
{
	uint64_t at[8], tree;
	struct mm_bitmap *bm;

	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 2, 2);
	bm = mm_bitmap_of(&r->zone);
	rig_on_cpu(r, 1, take_some, at);
	tree = at[0] / MM_TREE_PAGES;
	for (unsigned i = 0; i < 4; i++)
		rig_free(r, at[i], 0);
	r->ops->drain(&r->zone, 1);
	for (unsigned i = 4; i < 7; i++)
		rig_free(r, at[i], 0);
	assert_false(mm_tree_load(bm, tree) & MM_TREE_RESERVED);
	rig_free(r, at[7], 0);
	assert_true(mm_tree_load(bm, tree) & MM_TREE_RESERVED);
	assert_int_equal(tree_of_get(0, M), tree);
	assert_int_equal(rig_validate(r), 2 * MM_TREE_PAGES - 1);
	rig_close(r);
}

static void clear_forgets(void **state)
{
	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 1, 1);
	rig_get(r, 0, M);
	r->ops->clear(&r->zone);
	assert_int_equal(rig_validate(r), 0);
	assert_int_equal(rig_get(r, 0, M), NOTHING);
	rig_close(r);
}

static void without_memory_there_is_none(void **state)
{
	unsigned nth = 0;
	int err;

	(void)state;
	rig_open(r, MMSIM_SERIAL, 1, 0, MM_TREE_PAGES);
	r->ops->fini(&r->zone);
	do {
		r->env.fault.point[MMSIM_FAULT_METADATA] =
			(struct mm_fault_point){ .nth = ++nth, .count = 1 };
		err = r->ops->init(&r->zone);
		if (err)
			assert_int_equal(err, -ENOMEM);
		assert_int_equal(!r->zone.alt, !!err);
	} while (err);
	assert_int_equal(nth, 4); /* three allocations */
	rig_close(r);
}

/* Broken books */

static void free_twice(void *arg)
{
	unsigned order = *(unsigned *)arg;
	uint64_t at = rig_get(r, order, M);

	rig_free(r, at, order);
	rig_free(r, at, order);
}

static void lose_a_bit(void *arg)
{
	(void)arg;
	mm_bitmap_of(&r->zone)->field[3].word[2] ^= 4;
	rig_validate(r);
}

static void lose_a_count(void *arg)
{
	(void)arg;
	mm_bitmap_of(&r->zone)->tree[0].word--;
	rig_validate(r);
}

static void lose_a_reservation(void *arg)
{
	(void)arg;
	mm_buddy_tree_unreserve(mm_bitmap_of(&r->zone), 0);
	rig_validate(r);
}

static void miscount_zone(void *arg)
{
	(void)arg;
	r->zone.free_pages++;
	rig_validate(r);
}

static void own_a_free_page(void *arg)
{
	(void)arg;
	mm_pfn_to_page(&r->env.map, RIG_BASE + 4000)->refcount = 1;
	rig_validate(r);
}

static void broken_books_are_noticed(void **state)
{
	(void)state;
	rig_open_trees(r, MMSIM_SERIAL, 1, 1);
	rig_get(r, 0, M);
	for (unsigned order = 0; order <= 10; order++)
		assert_true(child_dies(free_twice, &order, "F1: freed once"));
	assert_true(child_dies(lose_a_bit, NULL, "L1: a child's counter"));
	assert_true(child_dies(lose_a_count, NULL, "L2: a tree's counter"));
	assert_true(child_dies(lose_a_reservation, NULL, "L3: reserved by one"));
	assert_true(child_dies(miscount_zone, NULL, "L4: free pages of the zone"));
	assert_true(child_dies(own_a_free_page, NULL, "Z1: a free page has no owner"));
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_cpu_gets_all),
		cmocka_unit_test(every_order_to_the_last_block),
		cmocka_unit_test(order_10_is_two_buddies),
		cmocka_unit_test(unaligned_runs_are_no_blocks),
		cmocka_unit_test(a_half_free_pair_of_words_stays_free),
		cmocka_unit_test(kinds_keep_apart),
		cmocka_unit_test(cpus_keep_apart),
		cmocka_unit_test(whole_trees_stay_whole),
		cmocka_unit_test(a_used_tree_is_found_behind_whole_ones),
		cmocka_unit_test(gets_go_on_where_the_last_was),
		cmocka_unit_test(free_pages_follows_in_batches),
		cmocka_unit_test(budgets_do_not_grow),
		cmocka_unit_test(freeing_reserves),
		cmocka_unit_test(clear_forgets),
		cmocka_unit_test(without_memory_there_is_none),
		cmocka_unit_test(broken_books_are_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
