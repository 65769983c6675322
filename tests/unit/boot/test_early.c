/* SPDX-License-Identifier: MIT */
/*
 * Early init: what is early and what is deferred, seen on the struct pages and on the lists.
 */
#include "boot_rig.h"

/* Free pages of a node in [start, end). */
static uint64_t count_free(const struct rig *r, unsigned nid, uint64_t start, uint64_t end)
{
	uint64_t nr = 0;
	unsigned node;

	for (uint64_t pfn = start; pfn < end; pfn++)
		nr += rig_is_free(r, pfn, &node) && node == nid;
	return nr;
}

static void assert_reserved(const struct rig *r, unsigned node, uint64_t pfn)
{
	const struct mmsim_page *page = mm_pfn_to_page(&r->env.map, pfn);

	if (!(page->flags & RIG_RESERVED) || page->refcount != 1)
		fail_msg("pfn %#lx: flags %#lx, refcount %d", (unsigned long)pfn,
			 (unsigned long)page->flags, page->refcount);
	assert_int_equal(mmsim_page_node(page), node);
	assert_int_equal(mmsim_page_section(page), pfn / SECTION);
}

/* RAM of a node below `first` is initialised once, above it only what is reserved. */
static void assert_early(const struct rig *r, unsigned nid, uint64_t first)
{
	const struct mm_zone *last = r->boot.nodes[nid].last;
	unsigned node;

	for (uint64_t pfn = last->span.start; pfn < last->span.end; pfn++) {
		if (!rig_is_ram(r, pfn, &node) || node != nid)
			continue;
		if (rig_is_reserved(r, pfn))
			assert_reserved(r, nid, pfn);
		else if (pfn < first && !(r->written[pfn] == 1 && rig_page_is_clean(r, nid, pfn)))
			fail_msg("pfn %#lx is early and not initialised once", (unsigned long)pfn);
		else if (pfn >= first && (r->written[pfn] || !rig_page_is_poisoned(r, pfn)))
			fail_msg("pfn %#lx is deferred and was touched", (unsigned long)pfn);
	}
	assert_int_equal(r->boot.nodes[nid].first_deferred, first);
	assert_int_equal(last->managed,
			 count_free(r, nid, last->span.start,
				    first < last->span.end ? first : last->span.end));
	assert_int_equal(last->free_pages, last->managed);
}

struct span_case {
	const char *name;
	struct {
		uint64_t start, nr;
	} ram[3]; /* from the start of zone Normal */
	uint64_t first; /* likewise; MM_NOT_DEFERRED: nothing is deferred */
};

static void boot_case(const struct span_case *c)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);

	for (unsigned i = 0; i < 3 && c->ram[i].nr; i++)
		rig_ram(r, 0, NORMAL + c->ram[i].start, c->ram[i].nr);
	rig_open(r);
	mm_boot_early(&r->boot);
	print_message("  %s\n", c->name);
	assert_early(r, 0, c->first == MM_NOT_DEFERRED ? c->first : NORMAL + c->first);
	rig_close(r);
}

static void first_section_is_early(void **state)
{
	static const struct span_case cases[] = {
		{ "aligned: exactly one section", { { 0, 3 * SECTION } }, SECTION },
		{ "unaligned: to the boundary past one", { { 100, 3 * SECTION } }, 2 * SECTION },
		{ "one page before a boundary", { { SECTION - 1, 3 * SECTION } }, 2 * SECTION },
		{ "one page past a boundary", { { 1, 3 * SECTION } }, 2 * SECTION },
		{ "one section", { { 0, SECTION } }, MM_NOT_DEFERRED },
		{ "one section and a page", { { 0, SECTION + 1 } }, SECTION },
		{ "two sections less a page, askew", { { 1, 2 * SECTION - 1 } }, MM_NOT_DEFERRED },
		{ "less than a section", { { 17, 1000 } }, MM_NOT_DEFERRED },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(cases); i++)
		boot_case(&cases[i]);
}

/*
 * A kernel once counted anew in each range, and took the first range of two for a low zone: a whole
 * range was initialised early, on one thread.
 */
static void test_deferral_is_counted_per_zone_not_per_region(void **state)
{
	static const struct span_case cases[] = {
		{ "the first range is not early as a whole",
		  { { 0, 3 * SECTION }, { 4 * SECTION, SECTION } },
		  SECTION },
		{ "halves of a section in two ranges are one",
		  { { 0, SECTION / 2 }, { SECTION + SECTION / 2, 2 * SECTION } },
		  2 * SECTION },
		{ "the second range is not counted anew",
		  { { 0, SECTION }, { 2 * SECTION, 2 * SECTION } },
		  2 * SECTION },
		{ "three small ranges",
		  { { 0, 9000 }, { SECTION, 9000 }, { 2 * SECTION, 3 * SECTION } },
		  3 * SECTION },
		{ "small ranges without a boundary past one section",
		  { { 0, SECTION / 2 }, { SECTION, SECTION / 4 }, { 2 * SECTION, SECTION / 2 } },
		  MM_NOT_DEFERRED },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(cases); i++)
		boot_case(&cases[i]);
}

static void low_zones_are_never_deferred(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);
	const struct mm_zone *dma32, *movable;

	(void)state;
	rig_ram(r, 0, NORMAL - 3 * SECTION, 7 * SECTION);
	r->env.cfg.node[0].movable_bytes = 2 * SECTION << MMSIM_PAGE_SHIFT;
	rig_open(r);
	dma32 = mm_buddy_zone(&r->buddy, 0, MMSIM_ZONE_DMA32);
	movable = mm_buddy_zone(&r->buddy, 0, MMSIM_ZONE_MOVABLE);
	mm_boot_early(&r->boot);
	assert_int_equal(dma32->managed, 3 * SECTION);
	assert_int_equal(mm_buddy_zone(&r->buddy, 0, MMSIM_ZONE_NORMAL)->managed, 2 * SECTION);
	assert_ptr_equal(r->boot.nodes[0].last, movable);
	assert_early(r, 0, NORMAL + 3 * SECTION);
	assert_int_equal(r->boot.early_pages, 6 * SECTION);
	rig_close(r);
}

/* Nodes 0 and 1 are deferred each on its own, 2 has no memory, 3 has too little to defer. */
static void every_node_on_its_own(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 4, 1);

	(void)state;
	rig_ram(r, 0, NORMAL, 3 * SECTION);
	rig_ram(r, 1, NORMAL + 3 * SECTION, 3 * SECTION);
	rig_ram(r, 3, NORMAL + 7 * SECTION, SECTION / 2);
	rig_open(r);
	mm_boot_early(&r->boot);
	assert_early(r, 0, NORMAL + SECTION);
	assert_early(r, 1, NORMAL + 4 * SECTION);
	assert_null(r->boot.nodes[2].last);
	assert_early(r, 3, MM_NOT_DEFERRED);
	rig_close(r);
}

/* Reserved pages of the deferred part are initialised early; they count as RAM for deferral. */
static void reserved_pages_are_early(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);

	(void)state;
	rig_ram(r, 0, NORMAL, 3 * SECTION);
	rig_reserve(r, 0, NORMAL, 5000);
	rig_reserve(r, 0, NORMAL + SECTION - 3, 6);
	rig_reserve(r, 0, NORMAL + 3 * SECTION - 1, 1);
	rig_open(r);
	mm_boot_early(&r->boot);
	assert_early(r, 0, NORMAL + SECTION);
	rig_close(r);
}

/* What is no RAM in a valid subsection, whichever side of it the RAM is. */
static void assert_hole(const struct rig *r, unsigned node, uint64_t start, uint64_t end)
{
	for (uint64_t pfn = start; pfn < end; pfn++) {
		assert_true(mm_pfn_valid(&r->env.map, pfn));
		assert_reserved(r, node, pfn);
	}
}

static void holes_between_ranges_are_reserved(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 2, 1);
	const uint64_t sub = MMSIM_PAGES_PER_SUBSECTION;

	(void)state;
	rig_ram(r, 0, NORMAL, 10);
	rig_ram(r, 0, NORMAL + 20, 2 * SECTION); /* the same subsection */
	rig_ram(r, 0, NORMAL + 2 * SECTION + 4 * sub + 7, 3 * SECTION); /* in the deferred part */
	rig_open(r);
	mm_boot_early(&r->boot);
	assert_hole(r, 0, NORMAL + 10, NORMAL + 20);
	assert_hole(r, 0, NORMAL + 2 * SECTION + 20, NORMAL + 2 * SECTION + sub);
	assert_hole(r, 0, NORMAL + 2 * SECTION + 4 * sub, NORMAL + 2 * SECTION + 4 * sub + 7);
	rig_close(r);
}

/* No zone reaches there, and yet the struct pages exist: page 0 of a PC, the end of a node. */
static void holes_outside_all_zones_are_reserved(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 2, 1);

	(void)state;
	rig_ram(r, 0, 1, 159);
	rig_ram(r, 1, NORMAL + 5, 1000);
	rig_open(r);
	mm_boot_early(&r->boot);
	assert_hole(r, 0, 0, 1);
	assert_hole(r, 0, 160, 512);
	assert_hole(r, 1, NORMAL, NORMAL + 5);
	assert_hole(r, 1, NORMAL + 1005, NORMAL + 1024);
	rig_close(r);
}

static void nothing_is_deferred_on_request(void **state)
{
	struct rig *r = rig_new(MMSIM_SERIAL, 1, 1);

	(void)state;
	rig_ram(r, 0, NORMAL + 3, 3 * SECTION);
	rig_open(r);
	r->boot.defer = false;
	mm_boot_early(&r->boot);
	assert_early(r, 0, MM_NOT_DEFERRED);
	rig_assert_booted(r);
	rig_close(r);
}

/* The lists of what is early are as if that was all there is. */
static void early_part_is_in_largest_blocks(void **state)
{
	struct rig *r = rig_new(MMSIM_NATIVE, 1, 1);
	struct mm_zone *zone;

	(void)state;
	rig_ram(r, 0, NORMAL, 2 * SECTION);
	rig_reserve(r, 0, NORMAL + 1024 + 512, 1);
	rig_open(r);
	zone = r->boot.nodes[0].last;
	for (int streaming = 0; streaming < 2; streaming++) {
		r->boot.stores = streaming ? MMSIM_STORES_STREAMING : MMSIM_STORES_ORDINARY;
		mm_boot_early(&r->boot);
		assert_early(r, 0, NORMAL + SECTION);
		assert_int_equal(zone->area[10].nr[MMSIM_MIGRATE_MOVABLE], 31);
		for (unsigned order = 0; order < 10; order++)
			assert_int_equal(zone->area[order].nr[MMSIM_MIGRATE_MOVABLE], 1);
		mm_buddy_validate(&r->buddy);
		rig_reset(r, POISON_BYTES);
	}
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_section_is_early),
		cmocka_unit_test(test_deferral_is_counted_per_zone_not_per_region),
		cmocka_unit_test(low_zones_are_never_deferred),
		cmocka_unit_test(every_node_on_its_own),
		cmocka_unit_test(reserved_pages_are_early),
		cmocka_unit_test(holes_between_ranges_are_reserved),
		cmocka_unit_test(holes_outside_all_zones_are_reserved),
		cmocka_unit_test(nothing_is_deferred_on_request),
		cmocka_unit_test(early_part_is_in_largest_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
