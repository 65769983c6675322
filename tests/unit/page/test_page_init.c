/* SPDX-License-Identifier: MIT */
/*
 * The first write of a struct page (I1): every field, whatever was there before; section, node and
 * zone across section borders; ordinary and streaming stores byte for byte the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "page_env.h"
#include "page_init.h"

#define SECTION MMSIM_PAGES_PER_SECTION

static struct page_env env;

static int setup(void **state)
{
	(void)state;
	page_env_config(&env, 1, 1);
	page_env_ram(&env, 0, 0, 4 * SECTION);
	page_env_open(&env);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	page_env_close(&env);
	return 0;
}

static struct mm_page_init like(bool streaming)
{
	return (struct mm_page_init){
		.exec = env.exec,
		.map = &env.map,
		.node = 0x2a5,
		.zone = MMSIM_ZONE_MOVABLE,
		.flags = 1u << MMSIM_PG_RESERVED | 1,
		.refcount = 7,
		.streaming = streaming,
	};
}

static void soil(uint64_t pfn, uint64_t nr)
{
	memset(mm_pfn_to_page(&env.map, pfn), 0xa5, nr * sizeof(struct mmsim_page));
}

static void assert_page(uint64_t pfn)
{
	const struct mmsim_page *page = mm_pfn_to_page(&env.map, pfn);

	assert_int_equal(mmsim_page_node(page), 0x2a5);
	assert_int_equal(mmsim_page_zone_type(page), MMSIM_ZONE_MOVABLE);
	assert_int_equal(mmsim_page_section(page), pfn / SECTION);
	assert_int_equal(page->flags & ((1u << MMSIM_ZONE_SHIFT) - 1), 1u << MMSIM_PG_RESERVED | 1);
	assert_null(page->lru.next);
	assert_null(page->lru.prev);
	assert_null(page->mapping);
	assert_int_equal(page->index, 0);
	assert_int_equal(page->priv, 0);
	assert_int_equal(page->mapcount, -1);
	assert_int_equal(page->page_type, MMSIM_PGTY_NONE);
	assert_int_equal(page->refcount, 7);
	assert_int_equal(page->order, MM_NO_ORDER);
	for (size_t i = 0; i < sizeof(page->reserved); i++)
		assert_int_equal(page->reserved[i], 0);
}

static bool is_soiled(uint64_t pfn)
{
	const unsigned char *at = (const void *)mm_pfn_to_page(&env.map, pfn);

	for (size_t i = 0; i < sizeof(struct mmsim_page); i++)
		if (at[i] != 0xa5)
			return false;
	return true;
}

static void every_field(bool streaming)
{
	struct mm_page_init init = like(streaming);

	soil(10, 5);
	mm_page_init(&init, 11, 3);
	assert_true(is_soiled(10));
	for (uint64_t pfn = 11; pfn < 14; pfn++)
		assert_page(pfn);
	assert_true(is_soiled(14));
	mm_page_init(&init, 10, 0);
	assert_true(is_soiled(10));
}

static void every_field_ordinary(void **state)
{
	(void)state;
	every_field(false);
}

static void every_field_streaming(void **state)
{
	(void)state;
	every_field(true);
}

/* From within one section, over a whole one, into a third. */
static void across_sections(void **state)
{
	struct mm_page_init init = like(false);
	uint64_t start = SECTION - 2, end = 2 * SECTION + 3;

	(void)state;
	soil(start - 1, end - start + 2);
	mm_page_init(&init, start, end - start);
	assert_true(is_soiled(start - 1));
	for (uint64_t pfn = start; pfn < end; pfn++) {
		if (pfn > start + 4 && pfn < end - 5 && pfn % 1000)
			continue;
		assert_page(pfn);
	}
	assert_true(is_soiled(end));
}

static void node_and_zone_have_their_bits(void **state)
{
	struct mm_page_init init = like(false);
	const struct mmsim_page *page = mm_pfn_to_page(&env.map, 3 * SECTION + 1);

	(void)state;
	for (unsigned node = 0; node < MMSIM_MAX_NODES; node++)
		for (int z = 0; z < MMSIM_NR_ZONES; z++) {
			init.node = node;
			init.zone = (enum mmsim_zone_type)z;
			init.flags = 0;
			mm_page_init(&init, 3 * SECTION + 1, 1);
			assert_int_equal(page->flags, (uint64_t)z << 29 | (uint64_t)node << 32 |
							      UINT64_C(3) << 42);
		}
}

static void both_stores_write_the_same(void **state)
{
	const uint64_t start = 2 * SECTION - 700, nr = 1500;
	size_t bytes = nr * sizeof(struct mmsim_page);
	struct mm_page_init ordinary = like(false), streaming = like(true);
	void *first = malloc(bytes);

	(void)state;
	assert_non_null(first);
	memset(mm_pfn_to_page(&env.map, start), 0x11, bytes);
	mm_page_init(&ordinary, start, nr);
	memcpy(first, mm_pfn_to_page(&env.map, start), bytes);
	memset(mm_pfn_to_page(&env.map, start), 0xee, bytes);
	mm_page_init(&streaming, start, nr);
	assert_memory_equal(first, mm_pfn_to_page(&env.map, start), bytes);
	free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_ordinary),
		cmocka_unit_test(every_field_streaming),
		cmocka_unit_test(across_sections),
		cmocka_unit_test(node_and_zone_have_their_bits),
		cmocka_unit_test(both_stores_write_the_same),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
