/* SPDX-License-Identifier: MIT */
/*
 * Frees that must be refused, for a page at every place where one can be: the message names the pfn
 * and the state, nothing changes, the books stay sound. And many threads that free one block.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "small_machine.h"

#define BASE SMALL_MACHINE_BASE
#define MOVABLE MMSIM___GFP_MOVABLE

static struct small_machine m;

static void open_machine(enum mmsim_mode mode, unsigned nr_cpus, bool bare)
{
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, nr_cpus, 1);
	m.env.cfg.mode = mode;
	page_env_ram(&m.env, 0, BASE, BASE + 4096);
	page_env_ram(&m.env, 0, BASE + 5120, BASE + 5120 + 100);
	page_env_reserve(&m.env, 0, BASE + 1536, BASE + 1540);
	small_machine_open(&m);
	m.buddy.bare = bare;
}

static int setup(void **state)
{
	(void)state;
	open_machine(MMSIM_SERIAL, 1, false);
	return 0;
}

static int setup_short(void **state)
{
	(void)state;
	open_machine(MMSIM_SERIAL, 1, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

static struct mmsim_page *take(unsigned order)
{
	struct mmsim_page *page =
		mm_buddy_alloc_pages(&m.buddy, MMSIM_NUMA_NO_NODE, MOVABLE, order);

	assert_non_null(page);
	return page;
}

static void give(struct mmsim_page *page, unsigned order)
{
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, order), 0);
}

/* Refused by pfn and by pointer, with the pfn and both texts in the message, and the page as it was. */
static void assert_refused(uint64_t pfn, unsigned order, const char *wrong, const char *state)
{
	struct mmsim_page *page = small_machine_page(&m, pfn), before = { 0 };
	uint64_t nr_free = mm_buddy_validate(&m.buddy);
	bool valid = mm_pfn_valid(&m.env.map, pfn);
	char where[64];

	snprintf(where, sizeof(where), "pfn %#" PRIx64, pfn);
	if (valid)
		before = *page;
	for (unsigned i = 0; i < 2; i++) {
		small_machine_hush(&m);
		assert_int_equal(i ? mm_buddy_free_pages(&m.buddy, page, order)
				   : mm_buddy_free_pfn(&m.buddy, pfn, order),
				 -EINVAL);
		if (!strstr(m.said, where) || !strstr(m.said, wrong) || !strstr(m.said, state))
			fail_msg("said: %s, wanted %s, %s, %s", m.said, where, wrong, state);
	}
	if (valid)
		assert_memory_equal(&before, page, sizeof(before));
	assert_int_equal(mm_buddy_validate(&m.buddy), nr_free);
}

static void double_free_of_a_page(void **state)
{
	struct mmsim_page *page = take(0);
	uint64_t pfn = small_machine_pfn(&m, page);

	(void)state;
	give(page, 0);
	for (unsigned order = 0; order <= 10; order++)
		assert_refused(pfn, order, "not an allocated block", "free, on a per-CPU list");
	mm_buddy_pcp_drain_all(small_machine_normal(&m));
	assert_refused(pfn, 0, "not an allocated block", "free, in the order-");
}

static void double_free_of_a_block(void **state)
{
	(void)state;
	for (unsigned order = 1; order <= 10; order++) {
		struct mmsim_page *page = take(order);
		uint64_t pfn = small_machine_pfn(&m, page);

		give(page, order);
		if (mm_pcp_order(order) && page->page_type != MMSIM_PGTY_BUDDY)
			assert_refused(pfn, order, "not an allocated block",
				       "free, on a per-CPU list");
		mm_buddy_pcp_drain_all(small_machine_normal(&m));
		assert_refused(pfn, order, "not an allocated block", "free, in the order-");
		assert_refused(pfn + 1, 0, "not an allocated block", "free, in the order-");
		assert_refused(pfn + (UINT64_C(1) << order) - 1, 0, "not an allocated block",
			       "free, in the order-");
	}
}

static void wrong_order(void **state)
{
	char words[64];

	(void)state;
	for (unsigned order = 0; order <= 10; order++) {
		struct mmsim_page *page = take(order);

		snprintf(words, sizeof(words), "allocated with order %u", order);
		for (unsigned other = 0; other <= 10; other++)
			if (other != order)
				assert_refused(small_machine_pfn(&m, page), other, "wrong order",
					       words);
		assert_refused(small_machine_pfn(&m, page), 11, "no such order", words);
		assert_refused(small_machine_pfn(&m, page), UINT32_MAX, "no such order", words);
		give(page, order);
	}
}

static void tails(void **state)
{
	struct mmsim_page *page = take(4);
	uint64_t pfn = small_machine_pfn(&m, page);

	(void)state;
	for (unsigned i = 1; i < 16; i++)
		for (unsigned order = 0; order <= 4; order++)
			assert_refused(pfn + i, order, "not an allocated block",
				       "a tail of the order-4 block");
	give(page, 4);
}

/* A tail that was a block of its own once is not taken for one. */
static void tails_that_were_blocks(void **state)
{
	struct mmsim_page *low = take(0), *high;
	uint64_t pfn;

	(void)state;
	while (small_machine_pfn(&m, low) % 2)
		low = take(0);
	pfn = small_machine_pfn(&m, low);
	high = take(0);
	assert_int_equal(small_machine_pfn(&m, high), pfn + 1);
	give(low, 0);
	give(high, 0);
	mm_buddy_pcp_drain_all(small_machine_normal(&m));
	while (take(1) != low)
		;
	assert_refused(pfn + 1, 0, "not an allocated block", "a tail of the order-1 block");
	give(low, 1);
}

static void holes_and_reserved(void **state)
{
	(void)state;
	assert_refused(BASE + 4096, 0, "no memory there", "in a hole");
	assert_refused(BASE + 5120 - 1, 3, "no memory there", "in a hole");
	assert_refused(0, 0, "no memory there", "in a hole");
	assert_refused(BASE + 1537, 0, "reserved", "reserved or in a hole");
	assert_refused(BASE + 5120 + 100, 0, "reserved", "reserved or in a hole");
	assert_refused(BASE + 5120 + 511, 0, "reserved", "reserved or in a hole");
	small_machine_hush(&m);
	assert_int_equal(mm_buddy_free_pfn(&m.buddy, UINT64_MAX, 0), -EINVAL);
	assert_non_null(strstr(m.said, "pfn 0xffffffffffffffff"));
}

static void closed_machines(void **state)
{
	struct mmsim_page *page = take(0);

	(void)state;
	mm_buddy_set_open(&m.buddy, false);
	assert_refused(small_machine_pfn(&m, page), 0, "", "allocated with order 0");
	mm_buddy_set_open(&m.buddy, true);
	give(page, 0);
}

/* A block over two pageblocks goes back in two, each with its own type; then they may merge. */
static void blocks_of_two_types(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct mmsim_page *page = take(10);
	uint64_t pfn = small_machine_pfn(&m, page);

	(void)state;
	mm_zone_set_migratetype(zone, pfn + 512, MMSIM_MIGRATE_RECLAIMABLE);
	give(page, 10);
	assert_int_equal(zone->area[10].nr[MMSIM_MIGRATE_RECLAIMABLE], 1);
	assert_int_equal(mm_zone_migratetype(zone, pfn), MMSIM_MIGRATE_RECLAIMABLE);
}

static void assert_foreign(const void *page)
{
	small_machine_hush(&m);
	assert_int_equal(mm_buddy_free_pages(&m.buddy, (struct mmsim_page *)(uintptr_t)page, 0),
			 -EINVAL);
	assert_non_null(strstr(m.said, "no struct page of this machine"));
}

static void foreign_pointers(void **state)
{
	struct mmsim_page *page = take(0), local;
	const struct mmsim_page *end =
		m.env.map.base + m.env.map.nr_sections * MMSIM_PAGES_PER_SECTION;

	(void)state;
	assert_foreign(NULL);
	assert_foreign(&local);
	assert_foreign(&m);
	assert_foreign(m.env.map.base - 1);
	assert_foreign(end);
	assert_foreign((const void *)UINTPTR_MAX);
	for (unsigned i = 1; i < 64; i++)
		assert_foreign((const char *)page + i);
	assert_int_equal(page->refcount, 1);
	give(page, 0);
	assert_int_equal(
		mm_buddy_free_pages(&m.buddy, (struct mmsim_page *)(uintptr_t)(end - 1), 0),
		-EINVAL); /* a struct page, of nothing */
}

enum { THREADS = 4, ROUNDS = 300 };

struct racer {
	struct mm_task task;
	struct race *race;
	unsigned won;
};

struct race {
	struct mmsim_page *page;
	unsigned order;
	uint32_t go; /* atomic: everybody waits for the round's number */
	uint32_t ready; /* atomic */
	struct racer racer[THREADS];
};

static void race(void *arg)
{
	struct racer *r = arg;
	struct race *race = r->race;

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		__atomic_add_fetch(&race->ready, 1, __ATOMIC_ACQ_REL);
		while (__atomic_load_n(&race->go, __ATOMIC_ACQUIRE) < round)
			m.env.exec->ops->yield(m.env.exec);
		r->won += mm_buddy_free_pages(&m.buddy, race->page, race->order) == 0;
	}
	__atomic_add_fetch(&race->ready, 1, __ATOMIC_ACQ_REL);
}

static void await(struct race *r, uint32_t ready)
{
	while (__atomic_load_n(&r->ready, __ATOMIC_ACQUIRE) < ready)
		m.env.exec->ops->yield(m.env.exec);
}

/* Block by block: all threads free it, one may. */
static void run_race(enum mmsim_mode mode, unsigned order, bool bare)
{
	static struct race r;
	unsigned won = 0;

	memset(&r, 0, sizeof(r));
	m.env.cfg.log = NULL;
	open_machine(mode, THREADS, bare);
	m.env.log.sink = NULL; /* several threads at once */
	r.order = order;
	for (unsigned i = 0; i < THREADS; i++) {
		r.racer[i].race = &r;
		assert_int_equal(
			mm_exec_spawn(m.env.exec, &r.racer[i].task, NULL, race, &r.racer[i]), 0);
	}
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		await(&r, round * THREADS);
		if (round > 1)
			mm_buddy_validate(&m.buddy);
		r.page = take(order);
		__atomic_store_n(&r.go, round, __ATOMIC_RELEASE);
	}
	await(&r, (ROUNDS + 1) * THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		mm_exec_join(m.env.exec, &r.racer[i].task);
		won += r.racer[i].won;
	}
	assert_int_equal(won, ROUNDS);
	mm_buddy_pcp_drain_all(small_machine_normal(&m));
	assert_int_equal(mm_buddy_validate(&m.buddy), 4096 + 100 - 4);
	small_machine_close(&m);
}

static void one_of_many_frees_wins(void **state)
{
	(void)state;
	run_race(MMSIM_NATIVE, 0, true);
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		run_race((enum mmsim_mode)mode, 0, false);
		run_race((enum mmsim_mode)mode, 3, false);
		run_race((enum mmsim_mode)mode, 10, false);
	}
}

#define both(test)                                              \
	cmocka_unit_test_setup_teardown(test, setup, teardown), \
		cmocka_unit_test_setup_teardown(test, setup_short, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(double_free_of_a_page),
		both(double_free_of_a_block),
		both(wrong_order),
		both(tails),
		both(tails_that_were_blocks),
		both(holes_and_reserved),
		both(foreign_pointers),
		both(closed_machines),
		both(blocks_of_two_types),
		cmocka_unit_test(one_of_many_frees_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
