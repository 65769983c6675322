/* SPDX-License-Identifier: MIT */
/* Ageing: what was asked for is reached, by the machine's own books, and the same way each time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "ageing.h"
#include "small_machine.h"

#define NR_PAGES UINT64_C(65536)

static void open_machine(struct small_machine *m, enum mmsim_mode mode, unsigned nr_nodes)
{
	memset(m, 0, sizeof(*m));
	page_env_config(&m->env, 2, nr_nodes);
	m->env.cfg.mode = mode;
	for (unsigned node = 0; node < nr_nodes; node++)
		page_env_ram(&m->env, node, SMALL_MACHINE_BASE + node * NR_PAGES,
			     SMALL_MACHINE_BASE + (node + 1) * NR_PAGES);
	small_machine_open(m);
}

static struct mmsim_aged *age(struct small_machine *m, const struct mmsim_ageing *params,
			      struct mmsim_ageing_report *r)
{
	struct mmsim_aged *aged;

	assert_null(mm_replay_ageing_check(params));
	assert_int_equal(mm_replay_age(&m->buddy, params, &aged, r), 0);
	mm_buddy_validate(&m->buddy);
	return aged;
}

static void release_all(struct small_machine *m, struct mmsim_aged *aged, uint64_t nr_pages)
{
	assert_true(mm_replay_aged_release(aged, 1000));
	mm_replay_aged_delete(aged);
	mm_for_each_zone(zone, &m->buddy)
		mm_buddy_pcp_drain_all(zone);
	assert_int_equal(mm_buddy_validate(&m->buddy), nr_pages);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

/* Every free list in its order, and who holds what. */
static uint64_t digest(struct small_machine *m, const struct mmsim_aged *aged)
{
	const struct mm_zone *zone = small_machine_normal(m);
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++) {
			hash = mix(hash, zone->area[o].nr[t]);
			mm_list_for_each(pos, &zone->area[o].list[t])
				hash = mix(hash,
					   small_machine_pfn(
						   m, mm_list_entry(pos, struct mmsim_page, lru)));
		}
	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		for (size_t i = 0; i < aged->pool[k].nr; i++)
			hash = mix(hash, aged->pool[k].block[i]);
	return hash;
}

static uint64_t digest_of(enum mmsim_mode mode, uint64_t seed)
{
	const struct mmsim_ageing params = {
		.fill = 700, .unusable = 400, .mixed = 300, .seed = seed
	};
	struct mmsim_ageing_report r;
	struct small_machine m;
	struct mmsim_aged *aged;
	uint64_t hash;

	open_machine(&m, mode, 1);
	aged = age(&m, &params, &r);
	hash = digest(&m, aged);
	release_all(&m, aged, NR_PAGES);
	small_machine_close(&m);
	return hash;
}

static void same_seed_same_pages(void **state)
{
	uint64_t first = digest_of(MMSIM_SERIAL, 1);

	(void)state;
	assert_true(digest_of(MMSIM_SERIAL, 1) == first);
	assert_true(digest_of(MMSIM_VIRTUAL, 1) == first);
	assert_true(digest_of(MMSIM_EXPLORE, 1) == first);
	assert_true(digest_of(MMSIM_SERIAL, 2) != first);
}

/* Counted here, page by page and block by block. */
static void check_figures(struct small_machine *m, const struct mmsim_ageing_report *r)
{
	const struct mm_zone *zone = small_machine_normal(m);
	uint64_t free = 0, small = 0, mixed = 0, nr = NR_PAGES / MMSIM_PAGEBLOCK_NR_PAGES;

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++) {
			free += zone->area[o].nr[t] << o;
			small += o < MMSIM_PAGEBLOCK_ORDER ? zone->area[o].nr[t] << o : 0;
		}
	for (uint64_t b = 0; b < nr; b++) {
		uint64_t pfn = SMALL_MACHINE_BASE + b * MMSIM_PAGEBLOCK_NR_PAGES;
		bool found = false;

		for (unsigned i = 0; i < MMSIM_PAGEBLOCK_NR_PAGES; i++) {
			const struct mmsim_page *page = small_machine_page(m, pfn + i);

			found |= page->refcount && !(page->flags >> MMSIM_PG_LRU & 1);
		}
		mixed += found;
	}
	assert_int_equal(r->pages, NR_PAGES);
	assert_int_equal(r->free, free);
	assert_int_equal(r->free_2m, (free - small) / MMSIM_PAGEBLOCK_NR_PAGES);
	assert_int_equal(r->fill, (NR_PAGES - free) * 1000 / NR_PAGES);
	assert_int_equal(r->unusable, small * 1000 / free);
	assert_int_equal(r->pageblocks, nr);
	assert_int_equal(r->mixed_pageblocks, mixed);
	assert_int_equal(r->mixed, mixed * 1000 / nr);
}

static void assert_near(uint32_t is, uint32_t wanted, uint32_t tolerance)
{
	assert_in_range(is, wanted > tolerance ? wanted - tolerance : 0, wanted + tolerance);
}

static void targets_are_reached(void **state)
{
	static const struct mmsim_ageing params[] = {
		{ .fill = 300, .unusable = 200 },
		{ .fill = 500, .unusable = 800, .mixed = 300 },
		{ .fill = 700, .unusable = 50 },
		{ .fill = 700, .unusable = 950 },
		{ .fill = 700, .mixed = 500 },
		{ .fill = 800, .unusable = 500, .mixed = 400 },
		{ .fill = 900, .unusable = 300 },
		{ .fill = 600, .mixed = 100 },
		{ .fill = 850, .unusable = 600, .mixed = 250, .turnover = 3000 },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(params); i++) {
		struct mmsim_ageing_report r;
		struct small_machine m;
		struct mmsim_aged *aged;

		open_machine(&m, MMSIM_SERIAL, 1);
		aged = age(&m, &params[i], &r);
		check_figures(&m, &r);
		assert_true(r.met);
		assert_near(r.fill, params[i].fill, 20);
		if (params[i].unusable)
			assert_near(r.unusable, params[i].unusable, 20);
		if (params[i].mixed)
			assert_near(r.mixed, params[i].mixed, 20);
		release_all(&m, aged, NR_PAGES);
		small_machine_close(&m);
	}
}

/* Where nothing is steered each kind has its share, and nearly all of what is free is in pieces. */
static void shares_are_kept(void **state)
{
	const struct mmsim_ageing params = { .fill = 800, .share = { 400, 300, 100, 150, 50 } };
	struct mmsim_ageing_report r;
	struct small_machine m;
	struct mmsim_aged *aged;

	(void)state;
	open_machine(&m, MMSIM_SERIAL, 1);
	aged = age(&m, &params, &r);
	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++) {
		uint64_t want = NR_PAGES * 8 / 10 * params.share[k] / 1000;

		assert_in_range(r.held[k], want * 85 / 100, want * 115 / 100);
	}
	assert_true(r.unusable > 800);
	assert_true(r.frees > NR_PAGES / 4);
	release_all(&m, aged, NR_PAGES);
	small_machine_close(&m);
}

static void a_share_is_released(void **state)
{
	const struct mmsim_ageing params = { .fill = 800, .unusable = 300, .seed = 5 };
	struct mmsim_ageing_report r;
	struct small_machine m;
	struct mmsim_aged *aged;
	size_t nr = 0, left = 0;

	(void)state;
	open_machine(&m, MMSIM_SERIAL, 1);
	aged = age(&m, &params, &r);
	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		nr += aged->pool[k].nr;
	assert_true(mm_replay_aged_release(aged, 0));
	assert_true(mm_replay_aged_release(aged, 250));
	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		left += aged->pool[k].nr;
	assert_int_equal(left, nr - nr / 4);
	mm_buddy_validate(&m.buddy);
	release_all(&m, aged, NR_PAGES);
	for (uint64_t pfn = SMALL_MACHINE_BASE; pfn < SMALL_MACHINE_BASE + NR_PAGES; pfn++)
		assert_false(small_machine_page(&m, pfn)->flags >> MMSIM_PG_LRU & 1);
	small_machine_close(&m);
}

/* Pages that somebody else freed, and took again, are not freed under his feet. */
static void others_pages_are_left_alone(void **state)
{
	const struct mmsim_ageing params = { .fill = 500 };
	struct mmsim_page *page, *again = NULL;
	struct mmsim_ageing_report r;
	struct small_machine m;
	struct mmsim_aged *aged;

	(void)state;
	open_machine(&m, MMSIM_SERIAL, 1);
	aged = age(&m, &params, &r);
	page = mm_aged_page(aged, MMSIM_AGE_PINNED, 7);
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, 0), 0);
	again = mm_buddy_alloc_pages(&m.buddy, MMSIM_NUMA_NO_NODE, MMSIM_GFP_KERNEL, 0);
	assert_ptr_equal(again, page);
	assert_false(mm_replay_aged_release(aged, 1000));
	assert_int_equal(page->refcount, 1);
	assert_string_equal(m.said, "");
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, 0), 0);
	release_all(&m, aged, NR_PAGES);
	small_machine_close(&m);
}

static uint64_t unmovable_pages(struct small_machine *m, uint64_t pfn)
{
	uint64_t nr = 0;

	for (uint64_t end = pfn + NR_PAGES; pfn < end; pfn++) {
		const struct mmsim_page *page = small_machine_page(m, pfn);

		if (page->refcount && !(page->flags >> MMSIM_PG_LRU & 1))
			nr += UINT64_C(1) << page->order;
	}
	return nr;
}

static void nodes_get_their_parts(void **state)
{
	const struct mmsim_ageing params = { .fill = 600, .unusable = 500 };
	struct mmsim_ageing_report r;
	struct small_machine m;
	struct mmsim_aged *aged;

	(void)state;
	open_machine(&m, MMSIM_SERIAL, 2);
	aged = age(&m, &params, &r);
	assert_true(r.met);
	assert_int_equal(r.pages, 2 * NR_PAGES);
	for (unsigned node = 0; node < 2; node++) {
		const struct mm_zone *zone = mm_buddy_zone(&m.buddy, node, MMSIM_ZONE_NORMAL);

		uint64_t unmovable = unmovable_pages(&m, SMALL_MACHINE_BASE + node * NR_PAGES);

		assert_in_range(zone->free_pages, NR_PAGES * 3 / 10, NR_PAGES * 5 / 10);
		assert_in_range(unmovable, NR_PAGES * 10 / 100, NR_PAGES * 14 / 100);
	}
	release_all(&m, aged, 2 * NR_PAGES);
	small_machine_close(&m);
}

/* More whole pageblocks than those without unmovable pages; more in use than can be; nothing that moves. */
static void what_cannot_be_is_said(void **state)
{
	static const struct mmsim_ageing params[] = {
		{ .fill = 300, .unusable = 50, .mixed = 900 },
		{ .fill = 1000, .tolerance = 1 },
		{ .fill = 500, .unusable = 500, .share = { [MMSIM_AGE_PINNED] = 1 } },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(params); i++) {
		struct mmsim_ageing_report r;
		struct small_machine m;
		struct mmsim_aged *aged;

		open_machine(&m, MMSIM_SERIAL, 1);
		aged = age(&m, &params[i], &r);
		check_figures(&m, &r);
		assert_false(r.met);
		release_all(&m, aged, NR_PAGES);
		small_machine_close(&m);
	}
}

static void steps_are_bounded(void **state)
{
	const struct mmsim_ageing params = { .fill = 700, .unusable = 500, .max_steps = 20000 };
	struct mmsim_ageing_report r;
	struct small_machine m;
	struct mmsim_aged *aged;

	(void)state;
	open_machine(&m, MMSIM_SERIAL, 1);
	aged = age(&m, &params, &r);
	assert_false(r.met);
	assert_int_equal(r.steps, r.allocations + r.frees + r.failures);
	assert_in_range(r.steps, 20000, 24096); /* the last burst is made whole */
	release_all(&m, aged, NR_PAGES);
	small_machine_close(&m);
}

/* The books' memory runs out, at each place: everything is free again. */
static void out_of_memory(void **state)
{
	const struct mmsim_ageing params = { .fill = 200 };
	struct mmsim_ageing_report r;
	struct small_machine m;
	struct mmsim_aged *aged = NULL;
	struct mm_fault_point *point;
	unsigned nth = 0;
	int err;

	(void)state;
	open_machine(&m, MMSIM_SERIAL, 1);
	point = &m.env.fault.point[MMSIM_FAULT_METADATA];
	do {
		*point = (struct mm_fault_point){ .nth = ++nth * 3, .count = 1 };
		err = mm_replay_age(&m.buddy, &params, &aged, &r);
		if (err)
			assert_int_equal(err, -ENOMEM);
		else
			release_all(&m, aged, NR_PAGES);
		mm_buddy_pcp_drain_all(small_machine_normal(&m));
		assert_int_equal(mm_buddy_validate(&m.buddy), NR_PAGES);
		assert_int_equal(err != 0, point->fired != 0);
	} while (err);
	assert_in_range(nth, 5, 500);
	small_machine_close(&m);
}

static void another_allocator(void **state)
{
	const struct mmsim_ageing params = { .fill = 700, .unusable = 500, .mixed = 300 };
	struct mmsim_ageing_report r;
	struct small_machine m;
	struct mmsim_aged *aged;

	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 2, 1);
	page_env_ram(&m.env, 0, SMALL_MACHINE_BASE, SMALL_MACHINE_BASE + NR_PAGES);
	m.env.cfg.policy.allocator = MMSIM_ALLOCATOR_BITMAP;
	small_machine_open(&m);
	aged = age(&m, &params, &r);
	assert_true(r.met);
	release_all(&m, aged, NR_PAGES);
	small_machine_close(&m);
}

static void parameters_are_named(void **state)
{
	static const struct {
		struct mmsim_ageing params;
		const char *field;
	} wrong[] = {
		{ { .fill = 0 }, "fill" },
		{ { .fill = 1001 }, "fill" },
		{ { .fill = 500, .unusable = 1001 }, "unusable" },
		{ { .fill = 500, .mixed = 1001 }, "mixed" },
		{ { .fill = 500, .tolerance = 501 }, "tolerance" },
		{ { .fill = 500, .share = { [MMSIM_AGE_PINNED] = 1000001 } }, "share" },
		{ { .fill = 500, .turnover = 100001 }, "turnover" },
	};
	const struct mmsim_ageing most = {
		.fill = 1000,
		.unusable = 1000,
		.mixed = 1000,
		.tolerance = 500,
		.turnover = 100000,
		.share = { 1000000, 1000000, 1000000, 1000000, 1000000 },
		.max_steps = UINT64_MAX,
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(wrong); i++)
		assert_string_equal(mm_replay_ageing_check(&wrong[i].params), wrong[i].field);
	assert_null(mm_replay_ageing_check(&most));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_same_pages),
		cmocka_unit_test(targets_are_reached),
		cmocka_unit_test(shares_are_kept),
		cmocka_unit_test(a_share_is_released),
		cmocka_unit_test(others_pages_are_left_alone),
		cmocka_unit_test(nodes_get_their_parts),
		cmocka_unit_test(what_cannot_be_is_said),
		cmocka_unit_test(steps_are_bounded),
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(another_allocator),
		cmocka_unit_test(parameters_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
