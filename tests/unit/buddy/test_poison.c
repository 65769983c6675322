/* SPDX-License-Identifier: MIT */
/*
 * Free pages are filled with the pattern, and a write to one is found, by its kind and its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "child_dies.h"
#include "isolate.h"
#include "poison.h"
#include "small_machine.h"

#define BASE SMALL_MACHINE_BASE
#define PAGES 8192u /* enough for pageblocks of several types */
#define GFP (MMSIM_GFP_KERNEL | MMSIM___GFP_MOVABLE)

static struct small_machine m;

static void open_backed(uint32_t flags, uint32_t allocator)
{
	const uint64_t from = BASE * MMSIM_PAGE_SIZE, bytes = PAGES * MMSIM_PAGE_SIZE;

	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, BASE, BASE + PAGES);
	m.env.cfg.policy.flags = flags;
	m.env.cfg.policy.allocator = allocator;
	assert_int_equal(mm_page_area_init(&m.pages, from + bytes,
					   MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M, &m.env.fault),
			 0);
	assert_int_equal(mm_page_area_map(&m.pages, from, from + bytes), 0);
	small_machine_open(&m);
}

static int setup(void **state)
{
	(void)state;
	open_backed(MMSIM_POLICY_POISON, MMSIM_ALLOCATOR_LINUX);
	return 0;
}

static int setup_bitmap(void **state)
{
	(void)state;
	open_backed(MMSIM_POLICY_POISON, MMSIM_ALLOCATOR_BITMAP);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

static unsigned char *bytes_of(const struct mmsim_page *page)
{
	return (unsigned char *)m.pages.base + small_machine_pfn(&m, page) * MMSIM_PAGE_SIZE;
}

static struct mmsim_page *take(mmsim_gfp_t gfp, unsigned order)
{
	struct mmsim_page *page = mm_buddy_alloc_pages(&m.buddy, 0, gfp, order);

	if (!page)
		abort(); /* a child may be asking */
	return page;
}

static void give(struct mmsim_page *page, unsigned order)
{
	if (mm_buddy_free_pages(&m.buddy, page, order))
		abort();
}

static void assert_filled(const unsigned char *bytes, size_t nr, unsigned char with)
{
	for (size_t i = 0; i < nr; i++)
		if (bytes[i] != with)
			fail_msg("byte %zu is %#x, not %#x", i, bytes[i], with);
}

static void boot_fills_all(void **state)
{
	(void)state;
	assert_filled(bytes_of(small_machine_page(&m, BASE)), PAGES * MMSIM_PAGE_SIZE, 0xaa);
}

static void frees_fill(void **state)
{
	(void)state;
	for (unsigned order = 0; order <= MMSIM_MAX_PAGE_ORDER; order++) {
		struct mmsim_page *page = take(GFP, order);
		size_t nr = MMSIM_PAGE_SIZE << order;

		assert_filled(bytes_of(page), nr, 0xaa);
		memset(bytes_of(page), 0x5a, nr);
		give(page, order);
		assert_filled(bytes_of(page), nr, 0xaa);
	}
}

static void zeroed_pages_are_zero(void **state)
{
	struct mmsim_page *page = take(GFP | MMSIM___GFP_ZERO, 2);

	(void)state;
	assert_filled(bytes_of(page), MMSIM_PAGE_SIZE << 2, 0);
	give(page, 2);
	assert_filled(bytes_of(page), MMSIM_PAGE_SIZE << 2, 0xaa);
}

/* One page or one block is freed, scribbled on, and asked for again. */
struct scribble {
	unsigned order;
	size_t at;
	unsigned char flip;
	size_t then_at;
	unsigned char then_flip;
};

static void to_stderr(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "%s\n", line);
}

static unsigned char *scribble(const struct scribble *s)
{
	struct mmsim_page *page = take(GFP, s->order);

	m.env.log.sink = to_stderr;
	give(page, s->order);
	bytes_of(page)[s->at] ^= s->flip;
	bytes_of(page)[s->then_at] ^= s->then_flip;
	return bytes_of(page);
}

/* All there is, so that the page is among it. */
static void take_all(unsigned order)
{
	while (mm_buddy_alloc_pages(&m.buddy, 0, GFP | MMSIM___GFP_MEMALLOC, order))
		;
}

static void scribble_and_take(void *arg)
{
	scribble(arg);
	take_all(((struct scribble *)arg)->order);
}

static void scribble_and_validate(void *arg)
{
	scribble(arg);
	mm_buddy_validate(&m.buddy);
}

static void writes_to_free_pages_are_found(void **state)
{
	static const struct {
		struct scribble s;
		const char *says;
	} cases[] = {
		{ { .at = 0, .flip = 0x01 }, "P1: single bit error" },
		{ { .at = 4095, .flip = 0x80 }, "P1: single bit error" },
		{ { .order = 3, .at = 3 * 4096 + 100, .flip = 0x10 }, "P1: single bit error" },
		{ { .at = 8, .flip = 0x03 }, "P1: poison overwritten" },
		{ { .at = 8, .flip = 0xaa }, "P1: poison overwritten" },
		{ { 0, 8, 0x01, 9, 0x01 }, "P1: poison overwritten" },
		{ { 0, 0, 0x01, 4095, 0x02 }, "P1: poison overwritten" },
		{ { .order = 5, .at = (4096 << 5) - 1, .flip = 0x55 }, "P1: poison overwritten" },
		{ { .order = 10, .at = 1000 * 4096, .flip = 0xff }, "P1: poison overwritten" },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(cases); i++) {
		struct scribble s = cases[i].s;

		if (!child_dies(scribble_and_take, &s, cases[i].says))
			fail_msg("case %zu: not found by an allocation", i);
		if (!child_dies(scribble_and_validate, &s, cases[i].says))
			fail_msg("case %zu: not found by validation", i);
	}
}

static void zero_and_take(void *arg)
{
	struct scribble none = { 0 };

	(void)arg;
	memset(scribble(&none), 0, MMSIM_PAGE_SIZE);
	take_all(0);
}

/* All bytes wrong, and all the same. */
static void a_cleared_page_is_found(void **state)
{
	(void)state;
	assert_true(child_dies(zero_and_take, NULL, "bytes 0 to 4095"));
	assert_true(child_dies(zero_and_take, NULL, "P1: poison overwritten"));
}

static void the_place_is_named(void **state)
{
	const struct mmsim_page *page = take(GFP, 0);
	struct scribble s = { .at = 77, .flip = 0xaa, .then_at = 99, .then_flip = 0x02 };
	char says[128];

	(void)state;
	snprintf(says, sizeof(says),
		 "page poison: pfn %#lx: bytes 77 to 99 were written while the page was free: 0 "
		 "there",
		 (unsigned long)small_machine_pfn(&m, page));
	give((struct mmsim_page *)page, 0);
	assert_true(child_dies(scribble_and_take, &s, says));
}

static void scribble_and_take_in_bulk(void *arg)
{
	struct mmsim_page *pages[64];

	scribble(arg);
	mm_buddy_alloc_pages_bulk(&m.buddy, GFP, mm_array_size(pages), pages);
}

static void scribble_and_take_range(void *arg)
{
	scribble(arg);
	mm_buddy_alloc_contig_range(&m.buddy, BASE, BASE + PAGES);
}

static void every_way_out_is_watched(void **state)
{
	struct scribble s = { .at = 5, .flip = 0x04 };

	(void)state;
	assert_true(child_dies(scribble_and_take_in_bulk, &s, "P1: single bit error"));
	s.order = 6;
	assert_true(child_dies(scribble_and_take_range, &s, "P1: single bit error"));
}

static void another_allocator_is_watched_too(void **state)
{
	struct scribble s = { .at = 5, .flip = 0x04 };

	(void)state;
	boot_fills_all(state);
	frees_fill(state);
	assert_true(child_dies(scribble_and_take, &s, "P1: single bit error"));
}

static void nothing_without_the_policy(void **state)
{
	struct scribble s = { .at = 5, .flip = 0x04 };
	unsigned char *bytes;

	(void)state;
	open_backed(0, MMSIM_ALLOCATOR_LINUX);
	bytes = scribble(&s);
	assert_int_equal(bytes[5], 0x04);
	take_all(0);
	assert_int_equal(bytes[5], 0x04);
}

static void nothing_without_memory(void **state)
{
	struct mmsim_page *page;

	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, BASE, BASE + PAGES);
	m.env.cfg.policy.flags = MMSIM_POLICY_POISON;
	small_machine_open(&m);
	page = take(GFP, 3);
	give(page, 3);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(boot_fills_all),
		with_zone(frees_fill),
		with_zone(zeroed_pages_are_zero),
		with_zone(writes_to_free_pages_are_found),
		with_zone(a_cleared_page_is_found),
		with_zone(the_place_is_named),
		with_zone(every_way_out_is_watched),
		cmocka_unit_test_setup_teardown(another_allocator_is_watched_too, setup_bitmap,
						teardown),
		cmocka_unit_test_teardown(nothing_without_the_policy, teardown),
		cmocka_unit_test_teardown(nothing_without_memory, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
