/* SPDX-License-Identifier: MIT */
/*
 * Deferred init: every way of doing it gives the books that the model works out, and initialises each
 * page once.
 */
#include "boot_rig.h"

/* Two nodes with ranges, holes and reserved pages at awkward places, a third of memory only. */
static struct rig *open_ragged(enum mmsim_mode mode)
{
	struct rig *r = rig_new(mode, 3, 2);

	rig_ram(r, 0, 1, 158); /* zones DMA and DMA32 */
	rig_ram(r, 0, 256, 3 * SECTION);
	rig_ram(r, 0, NORMAL + 700, 3 * SECTION + 5);
	rig_ram(r, 0, NORMAL + 4 * SECTION - 3000, 2 * SECTION);
	rig_ram(r, 1, NORMAL + 8 * SECTION + 1, 6 * SECTION);
	rig_ram(r, 2, NORMAL + 16 * SECTION, 2 * SECTION + 1023);
	rig_reserve(r, 0, NORMAL + 2 * SECTION, 1);
	rig_reserve(r, 0, NORMAL + 2 * SECTION + 2047, 2050);
	rig_reserve(r, 0, NORMAL + 3 * SECTION - 1, 2);
	rig_reserve(r, 1, NORMAL + 11 * SECTION, SECTION);
	rig_reserve(r, 1, NORMAL + 14 * SECTION, 1);
	r->env.cfg.node[1].movable_bytes = 4 * SECTION << MMSIM_PAGE_SHIFT;
	rig_open(r);
	return r;
}

struct way {
	enum mmsim_stores stores;
	unsigned threads;
	bool padata;
};

static void boot_way(struct rig *r, const struct way *way)
{
	r->boot.stores = way->stores;
	r->boot.threads = way->threads;
	r->boot.use_padata = way->padata;
	mm_boot_early(&r->boot);
	mm_boot_deferred(&r->boot);
}

static void assert_report(const struct rig *r, const struct way *way)
{
	struct mmsim_boot_report report = { 0 };
	uint64_t managed = 0, pages = 0;

	mm_boot_fill_report(&r->boot, &report);
	mm_for_each_zone(zone, &r->buddy)
		managed += zone->managed;
	for (unsigned i = 0; i < r->boot.nr_nodes; i++)
		pages += report.node[i].pages;
	assert_int_equal(report.deferred_pages, pages);
	assert_int_equal(report.early_pages + report.deferred_pages, managed);
	assert_int_equal(report.streaming, way->stores == MMSIM_STORES_STREAMING);
	assert_int_equal(report.node[0].first_deferred_pfn, NORMAL + 2 * SECTION);
	assert_int_equal(report.node[0].threads, !way->padata   ? 1
						 : way->threads ? way->threads
								: 2);
	assert_true(r->boot.nodes[0].ended >= r->boot.nodes[0].began);
}

static void all_ways(enum mmsim_mode mode)
{
	static const struct way ways[] = {
		{ MMSIM_STORES_ORDINARY, 0, true },  { MMSIM_STORES_ORDINARY, 0, false },
		{ MMSIM_STORES_STREAMING, 0, true }, { MMSIM_STORES_STREAMING, 1, false },
		{ MMSIM_STORES_ORDINARY, 1, true },  { MMSIM_STORES_STREAMING, 2, true },
		{ MMSIM_STORES_ORDINARY, 3, true },  { MMSIM_STORES_ORDINARY, 64, true },
	};
	struct rig *r = open_ragged(mode);

	for (size_t i = 0; i < mm_array_size(ways); i++) {
		print_message("  stores %d, threads %u, padata %d\n", ways[i].stores,
			      ways[i].threads, ways[i].padata);
		boot_way(r, &ways[i]);
		rig_assert_booted(r);
		assert_report(r, &ways[i]);
		rig_reset(r, (enum poison)((i + 1) % POISON_NR));
	}
	rig_close(r);
}

static void every_way_gives_the_same_books_native(void **state)
{
	(void)state;
	all_ways(MMSIM_NATIVE);
}

static void every_way_gives_the_same_books_serial(void **state)
{
	(void)state;
	all_ways(MMSIM_SERIAL);
}

static void every_way_gives_the_same_books_virtual(void **state)
{
	(void)state;
	all_ways(MMSIM_VIRTUAL);
}

static void every_way_gives_the_same_books_explore(void **state)
{
	(void)state;
	all_ways(MMSIM_EXPLORE);
}

/* One job per free range: those that share a section are one, as the first is rounded up to it. */
static void ranges_are_jobs(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);
	struct mmsim_boot_report report = { 0 };

	(void)state;
	rig_ram(r, 0, NORMAL, 4 * SECTION);
	rig_reserve(r, 0, NORMAL + SECTION + 100, 50);
	rig_reserve(r, 0, NORMAL + SECTION + 300, 50);
	rig_ram(r, 0, NORMAL + 6 * SECTION, SECTION);
	rig_open(r);
	mm_boot_early(&r->boot);
	mm_boot_deferred(&r->boot);
	mm_boot_fill_report(&r->boot, &report);
	assert_int_equal(report.node[0].ranges, 3);
	assert_int_equal(report.node[0].pages, 4 * SECTION - 100);
	rig_assert_booted(r);
	rig_close(r);
}

/* Nothing deferred anywhere: nothing to do, nothing done twice. */
static void too_small_to_defer(void **state)
{
	struct rig *r = rig_new(MMSIM_NATIVE, 2, 1);
	struct mmsim_boot_report report = { 0 };

	(void)state;
	rig_ram(r, 0, NORMAL + 9, SECTION);
	rig_open(r);
	mm_boot_early(&r->boot);
	rig_assert_booted(r);
	mm_boot_deferred(&r->boot);
	rig_assert_booted(r);
	mm_boot_fill_report(&r->boot, &report);
	assert_int_equal(report.early_pages, SECTION);
	assert_int_equal(report.deferred_pages, 0);
	assert_true(report.node[0].first_deferred_pfn == MM_NOT_DEFERRED);
	rig_close(r);
}

static void without_kth_thread(enum mmsim_mode mode, uint32_t k)
{
	struct rig *r = open_ragged(mode);

	r->env.fault.point[MMSIM_FAULT_SPAWN] = (struct mm_fault_point){
		.nth = k,
		.count = k < 3 ? 1 : 1000,
	};
	mm_boot_early(&r->boot);
	mm_boot_deferred(&r->boot);
	assert_true(mm_base_fault_fired(&r->env.fault, MMSIM_FAULT_SPAWN) > 0);
	rig_assert_booted(r);
	if (k == 1)
		assert_int_equal(r->lines, 1);
	rig_close(r);
}

/* The kth thread, the kth and all after it: slower, but complete, and said. */
static void without_threads(void **state)
{
	(void)state;
	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++)
		for (uint32_t k = 1; k <= 4; k++)
			without_kth_thread((enum mmsim_mode)mode, k);
}

/* Claimed by its own thread, a node cannot be grown any more; and it is done once only. */
static void deferred_part_is_claimed(void **state)
{
	struct rig *r = open_ragged(MMSIM_SERIAL);

	(void)state;
	mm_boot_early(&r->boot);
	mm_boot_deferred(&r->boot);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(r->boot.nodes[i].first_deferred == MM_NOT_DEFERRED);
		assert_false(mm_boot_grow_zone(&r->boot, r->boot.nodes[i].last, 0));
	}
	mm_boot_deferred(&r->boot);
	rig_assert_booted(r);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_gives_the_same_books_native),
		cmocka_unit_test(every_way_gives_the_same_books_serial),
		cmocka_unit_test(every_way_gives_the_same_books_virtual),
		cmocka_unit_test(every_way_gives_the_same_books_explore),
		cmocka_unit_test(ranges_are_jobs),
		cmocka_unit_test(too_small_to_defer),
		cmocka_unit_test(without_threads),
		cmocka_unit_test(deferred_part_is_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
