/* SPDX-License-Identifier: MIT */
/*
 * The pieces that deferred init and growth share: init of a range by zones, of a chunk block by block,
 * and where the deferred part begins.
 */
#include "boot_rig.h"

/* Pages of [start, end) that were written, and nothing outside of it. */
static uint64_t count_written(const struct rig *r, uint64_t start, uint64_t end)
{
	uint64_t nr = 0;

	for (uint64_t pfn = 0; pfn < r->env.shape.max_pfn; pfn++) {
		if (!r->written[pfn])
			continue;
		if (pfn < start || pfn >= end || r->written[pfn] > 1)
			fail_msg("pfn %#lx was written %u times", (unsigned long)pfn,
				 r->written[pfn]);
		nr++;
	}
	return nr;
}

/* A chunk is done as far as it goes, whatever limits it has, and no page more. */
static void chunk_is_exact(void **state)
{
	static const struct {
		uint64_t start, end, pages; /* from NORMAL */
	} cases[] = {
		{ 0, SECTION, SECTION - 7 },
		{ SECTION, SECTION, 0 },
		{ SECTION, 2 * SECTION, 1 + 600 },
		{ 0, 1024, 1024 },
		{ 1024, 4096, 3072 - 7 },
		{ SECTION + 1024, 2 * SECTION - 1024, 0 },
		{ 0, 3 * SECTION, SECTION - 7 + 1 + 600 + 2048 },
	};
	struct rig *r = rig_new(MMSIM_SERIAL, 2, 1);

	(void)state;
	rig_ram(r, 0, NORMAL, SECTION + 1);
	rig_reserve(r, 0, NORMAL + 2047, 7); /* over the edge of two blocks */
	rig_ram(r, 1, NORMAL + SECTION + 1024, SECTION - 2048);
	rig_ram(r, 0, NORMAL + 2 * SECTION - 600, 600 + 2048);
	rig_open(r);
	for (size_t i = 0; i < mm_array_size(cases); i++) {
		uint64_t start = NORMAL + cases[i].start, end = NORMAL + cases[i].end;

		assert_int_equal(mm_boot_init_chunk(&r->boot, &r->boot.nodes[0], start, end),
				 cases[i].pages);
		assert_int_equal(count_written(r, start, end), cases[i].pages);
		assert_int_equal(r->boot.nodes[0].last->managed, cases[i].pages);
		assert_int_equal(r->boot.nodes[1].last->managed, 0);
		mm_buddy_validate(&r->buddy);
		rig_reset(r, POISON_BYTES);
	}
	rig_close(r);
}

/*
 * No page of a block is freed before all of it is initialised: the stale pages around look free, and
 * merging with one of them would show. The last page of each hole looks free to the page after it.
 */
static void ragged_block_is_initialised_first(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);

	(void)state;
	rig_ram(r, 0, NORMAL, 4096);
	for (uint64_t i = 0; i < 40; i++)
		rig_reserve(r, 0, NORMAL + 3 + i * 97, 1 + i % 5);
	rig_open(r);
	for (int streaming = 0; streaming < 2; streaming++) {
		r->boot.nodes[0].streaming = streaming;
		rig_reset(r, POISON_FREE);
		mm_boot_init_chunk(&r->boot, &r->boot.nodes[0], NORMAL, NORMAL + 4096);
		rig_assert_booted(r);
	}
	rig_close(r);
}

/* Each page in the zone it lies in, its own section in its flags, every field as told. */
static void pages_are_in_their_zones(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 2, 1);
	const uint64_t start = NORMAL - 10, end = NORMAL + 10;

	(void)state;
	rig_ram(r, 1, NORMAL - SECTION, 2 * SECTION);
	rig_open(r);
	mm_boot_init_pages(&r->boot, 1, start, end, RIG_RESERVED, 1, false);
	assert_int_equal(count_written(r, start, end), end - start);
	for (uint64_t pfn = start; pfn < end; pfn++) {
		const struct mmsim_page *page = mm_pfn_to_page(&r->env.map, pfn);

		assert_int_equal(page->flags, rig_flags(r, 1, pfn) | RIG_RESERVED);
		assert_int_equal(mmsim_page_zone_type(page),
				 pfn < NORMAL ? MMSIM_ZONE_DMA32 : MMSIM_ZONE_NORMAL);
		assert_int_equal(page->refcount, 1);
		assert_int_equal(page->mapcount, -1);
	}
	assert_true(rig_page_is_poisoned(r, start - 1) && rig_page_is_poisoned(r, end));
	rig_close(r);
}

/* Streaming or not: the same bytes. */
static void stores_write_the_same(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);
	const size_t bytes = SECTION * sizeof(struct mmsim_page);
	char *ordinary = malloc(bytes);

	(void)state;
	assert_non_null(ordinary);
	rig_ram(r, 0, NORMAL, SECTION);
	rig_open(r);
	mm_boot_init_pages(&r->boot, 0, NORMAL, NORMAL + SECTION, 0, 0, false);
	memcpy(ordinary, mm_pfn_to_page(&r->env.map, NORMAL), bytes);
	rig_poison_all(r, POISON_ALLOCATED);
	mm_boot_init_pages(&r->boot, 0, NORMAL, NORMAL + SECTION, 0, 0, true);
	assert_memory_equal(ordinary, mm_pfn_to_page(&r->env.map, NORMAL), bytes);
	free(ordinary);
	rig_close(r);
}

/* Of the node asked for, within the span asked for. */
static void deferred_part_is_the_nodes_own(void **state)
{
	struct mm_span ram[] = {
		{ 0, SECTION / 2, 0 },
		{ SECTION, 6 * SECTION, 1 },
		{ 6 * SECTION, 9 * SECTION, 0 },
	};
	struct mm_shape shape = { .nr_nodes = 2, .nr_ram = 3, .ram = ram };
	struct mm_zone_span all = { 0, 9 * SECTION, 0 }, high = { 2 * SECTION, 9 * SECTION, 0 };
	struct mm_zone_span top = { 8 * SECTION, 9 * SECTION, 0 };

	(void)state;
	assert_int_equal(mm_boot_find_deferred(&shape, 0, &all), 7 * SECTION);
	assert_int_equal(mm_boot_find_deferred(&shape, 1, &all), 2 * SECTION);
	assert_int_equal(mm_boot_find_deferred(&shape, 1, &high), 3 * SECTION);
	assert_int_equal(mm_boot_find_deferred(&shape, 0, &high), 7 * SECTION);
	assert_true(mm_boot_find_deferred(&shape, 0, &top) == MM_NOT_DEFERRED);
	assert_true(mm_boot_find_deferred(&shape, 1, &top) == MM_NOT_DEFERRED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunk_is_exact),
		cmocka_unit_test(ragged_block_is_initialised_first),
		cmocka_unit_test(pages_are_in_their_zones),
		cmocka_unit_test(stores_write_the_same),
		cmocka_unit_test(deferred_part_is_the_nodes_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
