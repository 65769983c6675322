/* SPDX-License-Identifier: MIT */
/* Each invariant of the allocator, broken on purpose: the check stops the program with its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "child_dies.h"
#include "isolate.h"
#include "zone_lists.h"

#define BASE SMALL_MACHINE_BASE
#define PAGES 4096u

static struct small_machine m;

/* One allocated block of order 3 at 0, one page at 8; per-CPU lists hold 9 and 10; the rest is free. */
static int setup(void **state)
{
	(void)state;
	small_machine_open_simple(&m, 1, PAGES);
	assert_non_null(mm_buddy_alloc_pages(&m.buddy, 0, MMSIM___GFP_MOVABLE, 3));
	assert_non_null(mm_buddy_alloc_pages(&m.buddy, 0, MMSIM___GFP_MOVABLE, 0));
	assert_non_null(mm_buddy_alloc_pages(&m.buddy, 0, MMSIM___GFP_MOVABLE, 0));
	assert_int_equal(mm_buddy_free_pfn(&m.buddy, BASE + 9, 0), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	small_machine_close(&m);
	return 0;
}

static struct mmsim_page *at(uint64_t offset)
{
	return small_machine_page(&m, BASE + offset);
}

/* Free blocks now: 11 (0), 12 (2), 16 (4) … 512 (9), 1024, 2048, 3072 (10). */
static void not_buddy(struct mm_zone *zone)
{
	(void)zone;
	at(16)->page_type = MMSIM_PGTY_NONE;
}

static void wrong_priv(struct mm_zone *zone)
{
	(void)zone;
	at(16)->priv = 5;
}

static void used(struct mm_zone *zone)
{
	(void)zone;
	at(16)->refcount = 1;
}

static void misaligned(struct mm_zone *zone)
{
	struct mmsim_page *page = at(20);

	mm_buddy_del_from_list(zone, at(16), 4, M);
	page->priv = 4;
	page->page_type = MMSIM_PGTY_BUDDY;
	mm_list_add(&page->lru, &zone->area[4].list[M]);
	zone->area[4].nr[M]++;
	zone->free_pages += 16;
}

static void foreign_zone(struct mm_zone *zone)
{
	(void)zone;
	at(16)->flags ^= UINT64_C(1) << MMSIM_ZONE_SHIFT;
}

static void foreign_node(struct mm_zone *zone)
{
	(void)zone;
	at(16)->flags ^= UINT64_C(1) << MMSIM_NODE_SHIFT;
}

static void wrong_list(struct mm_zone *zone)
{
	mm_list_del(&at(16)->lru);
	zone->area[4].nr[M]--;
	mm_list_add(&at(16)->lru, &zone->area[4].list[U]);
	zone->area[4].nr[U]++;
}

static void retyped_behind_its_back(struct mm_zone *zone)
{
	mm_zone_set_migratetype(zone, BASE + 1536, R); /* the second half of an order-10 block */
}

static void unmerged(struct mm_zone *zone)
{
	struct mmsim_page *page;

	mm_buddy_del_from_list(zone, at(16), 4, M);
	for (unsigned i = 0; i < 2; i++) {
		page = at(16 + 8 * i);
		page->priv = 3;
		page->page_type = MMSIM_PGTY_BUDDY;
		mm_list_add(&page->lru, &zone->area[3].list[M]);
		zone->area[3].nr[M]++;
		zone->free_pages += 8;
	}
}

static void wrong_length(struct mm_zone *zone)
{
	zone->area[4].nr[M]++;
}

static void wrong_free_pages(struct mm_zone *zone)
{
	zone->free_pages--;
}

static void wrong_managed(struct mm_zone *zone)
{
	zone->managed++;
}

static void lost_page(struct mm_zone *zone)
{
	(void)zone;
	at(8)->refcount = 0; /* neither free nor allocated */
}

static void broken_link(struct mm_zone *zone)
{
	mm_list *first = zone->area[10].list[M].next;

	first->next->prev = &zone->area[10].list[M];
}

static struct mm_pcp *pcp(struct mm_zone *zone)
{
	return mm_per_cpu(&zone->pcps, 0);
}

static void pcp_wrong_index(struct mm_zone *zone)
{
	(void)zone;
	at(9)->index = R;
}

static void pcp_used(struct mm_zone *zone)
{
	(void)zone;
	at(9)->refcount = 1;
}

static void pcp_buddy(struct mm_zone *zone)
{
	(void)zone;
	at(9)->page_type = MMSIM_PGTY_BUDDY;
}

static void pcp_wrong_count(struct mm_zone *zone)
{
	pcp(zone)->count++;
}

/* A block of one list that is not aligned to the order of another. */
static void pcp_misaligned(struct mm_zone *zone)
{
	unsigned index = mm_pcp_index(M, 1);

	mm_list_del(&at(9)->lru);
	mm_pcp_push(pcp(zone), at(9), index, 1);
}

static void pcp_broken_link(struct mm_zone *zone)
{
	at(9)->lru.next->prev = &pcp(zone)->lists[U];
}

static void pcp_too_low(struct mm_zone *zone)
{
	pcp(zone)->high = pcp(zone)->high_min - 1;
}

static void pcp_too_high(struct mm_zone *zone)
{
	pcp(zone)->high = pcp(zone)->high_max + 1;
}

/* The same pages in the sum, but nobody knows what for. */
static void wrong_free_highatomic(struct mm_zone *zone)
{
	zone->free_highatomic++;
}

static void wrong_free_cma(struct mm_zone *zone)
{
	zone->free_cma++;
}

static void wrong_reserve(struct mm_zone *zone)
{
	zone->nr_reserved_highatomic += MMSIM_PAGEBLOCK_NR_PAGES;
}

static void wrong_cma(struct mm_zone *zone)
{
	zone->cma += MMSIM_PAGEBLOCK_NR_PAGES;
}

static void isolated_behind_its_back(struct mm_zone *zone)
{
	*mm_zone_pageblock(zone, BASE + 1536) |= MM_PAGEBLOCK_ISOLATE;
}

static void isolated_and_on_another_list(struct mm_zone *zone)
{
	mm_buddy_move_to_list(zone, at(2048), 10, M, MMSIM_MIGRATE_ISOLATE);
}

static void isolated_page_lost(struct mm_zone *zone)
{
	mm_buddy_retype(zone, at(2048), 10, MMSIM_MIGRATE_MOVABLE | MM_PAGEBLOCK_ISOLATE);
	mm_buddy_move_to_list(zone, at(2048), 10, M, MMSIM_MIGRATE_ISOLATE);
	zone->managed--;
}

static void no_such_type(struct mm_zone *zone)
{
	*mm_zone_pageblock(zone, BASE) = MMSIM_MIGRATE_ISOLATE;
}

/* Two of the same purpose, or two ordinary ones, merge; see the cases that may not below. */
static void unmerged_pageblocks(struct mm_zone *zone)
{
	mm_buddy_del_from_list(zone, at(2048), 10, M);
	mm_zone_set_migratetype(zone, BASE + 2048, U);
	mm_buddy_add_to_list(zone, at(2048), 9, U, false);
	mm_buddy_add_to_list(zone, at(2560), 9, M, false);
}

static void owned_less_than_not(struct mm_zone *zone)
{
	(void)zone;
	at(0)->refcount = -1;
}

static void impossible_order(struct mm_zone *zone)
{
	(void)zone;
	at(0)->order = 200;
}

static void misaligned_block(struct mm_zone *zone)
{
	(void)zone;
	at(8)->order = 4;
}

static void tail_used(struct mm_zone *zone)
{
	(void)zone;
	at(3)->refcount = 1;
}

static void tail_buddy(struct mm_zone *zone)
{
	(void)zone;
	at(7)->page_type = MMSIM_PGTY_BUDDY;
}

static void break_and_validate(void *arg)
{
	struct mm_zone *zone = small_machine_normal(&m);
	void (*const *breaker)(struct mm_zone * zone) = arg;

	mm_spin_lock(&zone->lock);
	(*breaker)(zone);
	mm_spin_unlock(&zone->lock);
	mm_buddy_validate(&m.buddy);
}

static void broken_books_are_found(void **state)
{
	static const struct {
		void (*breaker)(struct mm_zone *zone);
		const char *says;
	} cases[] = {
		{ not_buddy, "B1: marked free" },
		{ wrong_priv, "B1: marked free" },
		{ used, "B1: refcount 0" },
		{ misaligned, "B1: aligned" },
		{ foreign_zone, "B1: in its zone" },
		{ foreign_node, "B1: in its zone" },
		{ wrong_list, "B1: on the list of its pageblock's type" },
		{ retyped_behind_its_back, "B1: on the list of its pageblock's type" },
		{ unmerged, "B2: merged with its buddy" },
		{ wrong_length, "B3: list length" },
		{ wrong_free_pages, "B3: free pages" },
		{ wrong_managed, "B4: managed" },
		{ lost_page, "B4: managed" },
		{ broken_link, "L1: list links" },
		{ pcp_wrong_index, "C2: page of a per-CPU list" },
		{ pcp_used, "C2: page of a per-CPU list" },
		{ pcp_buddy, "C2: page of a per-CPU list" },
		{ pcp_wrong_count, "C1: per-CPU count" },
		{ pcp_misaligned, "C2: aligned to the list's order" },
		{ pcp_broken_link, "L1: list links" },
		{ pcp_too_low, "C3: high within its bounds" },
		{ pcp_too_high, "C3: high within its bounds" },
		{ wrong_free_highatomic, "B3: free HighAtomic pages" },
		{ wrong_free_cma, "B3: free CMA pages" },
		{ wrong_reserve, "H1: pages of the reserve" },
		{ wrong_cma, "I2: pages of CMA" },
		{ isolated_behind_its_back, "I1: isolated as a whole" },
		{ isolated_and_on_another_list, "I1: isolated as a whole" },
		{ isolated_page_lost, "B4: managed" },
		{ no_such_type, "I1: a pageblock is of a type" },
		{ unmerged_pageblocks, "B2: merged with its buddy" },
		{ owned_less_than_not, "Z1: a refcount is not negative" },
		{ impossible_order, "Z1: order of an allocated block" },
		{ misaligned_block, "Z1: order of an allocated block" },
		{ tail_used, "Z1: tail of an allocated block" },
		{ tail_buddy, "Z1: tail of an allocated block" },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(cases); i++) {
		void (*breaker)(struct mm_zone * zone) = cases[i].breaker;

		if (!child_dies(break_and_validate, &breaker, cases[i].says))
			fail_msg("case %zu: wanted \"%s\"", i, cases[i].says);
	}
}

/* A free block that overlaps another: both cannot be in managed = free + … */
static void overlap(void *arg)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct mmsim_page *page = at(1024 + 6);

	(void)arg;
	page->priv = 1;
	page->page_type = MMSIM_PGTY_BUDDY;
	mm_list_add(&page->lru, &zone->area[1].list[M]);
	zone->area[1].nr[M]++;
	zone->free_pages += 2;
	mm_buddy_validate(&m.buddy);
}

static void overlaps_are_found(void **state)
{
	(void)state;
	assert_true(child_dies(overlap, NULL, "B"));
}

static void sound_books_pass(void **state)
{
	(void)state;
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES - 11);
	mm_buddy_pcp_drain_all(small_machine_normal(&m));
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES - 9);
}

/* Buddies whose pageblocks keep to themselves stay apart, and two that were isolated one by one. */
static void what_may_not_merge_stays_apart(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	assert_int_equal(mm_buddy_isolate_pageblock(zone, BASE + 2048), 0);
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES - 11 - 512);
	assert_int_equal(mm_buddy_isolate_pageblock(zone, BASE + 2560), 0);
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES - 11 - 1024);
	assert_int_equal(mm_buddy_init_cma_pageblock(zone, BASE + 1024), 0);
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES - 11 - 1024);
}

/* Of a snapshot, some pages are in nobody's books. */
static void what_is_unaccounted_is_known(void **state)
{
	(void)state;
	small_machine_normal(&m)->managed += 3;
	small_machine_normal(&m)->unaccounted = 3;
	mm_buddy_validate(&m.buddy);
	small_machine_normal(&m)->managed -= 5;
	small_machine_normal(&m)->unaccounted = -2;
	mm_buddy_validate(&m.buddy);
}

/* While boot goes on, pages are in nobody's books yet: B4 waits. */
static void a_closed_machine_may_miss_pages(void **state)
{
	(void)state;
	mm_buddy_set_open(&m.buddy, false);
	small_machine_normal(&m)->managed++;
	assert_int_equal(mm_buddy_validate(&m.buddy), PAGES - 11);
	mm_buddy_set_open(&m.buddy, true);
	small_machine_normal(&m)->managed--;
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(broken_books_are_found),
		with_zone(overlaps_are_found),
		with_zone(sound_books_pass),
		with_zone(what_may_not_merge_stays_apart),
		with_zone(what_is_unaccounted_is_known),
		with_zone(a_closed_machine_may_miss_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
