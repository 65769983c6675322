/* SPDX-License-Identifier: MIT */
/* Which pages of a block are mapped: beside an array of numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "page_map.h"
#include "rng.h"
#include <string.h>

enum { ROUNDS = 20000, MOST = 64 };

static uint16_t naive[MM_PAGE_MAP_BITS]; /* number of the mapping, 0: none */

static unsigned naive_len(unsigned from)
{
	unsigned to = from;

	if (!naive[from] || (from && naive[from - 1] == naive[from]))
		return 0;
	while (to < MM_PAGE_MAP_BITS && naive[to] == naive[from])
		to++;
	return to - from;
}

static unsigned naive_find(unsigned from, unsigned bits, bool set)
{
	while (from < bits && (naive[from] != 0) != set)
		from++;
	return from < bits ? from : bits;
}

static void compare(const struct mm_page_map *map, unsigned at, unsigned bits)
{
	assert_int_equal(mm_page_map_len(map, at), naive_len(at));
	assert_int_equal(mm_page_map_find(map, at, bits, true), naive_find(at, bits, true));
	assert_int_equal(mm_page_map_find(map, at, bits, false), naive_find(at, bits, false));
}

static void set(struct mm_page_map *map, unsigned from, unsigned to, uint16_t name)
{
	if (naive_find(from, to, true) != to)
		return;
	mm_page_map_set(map, from, to);
	for (unsigned i = from; i < to; i++)
		naive[i] = name;
}

static void clear(struct mm_page_map *map, unsigned from)
{
	unsigned len = naive_len(from);

	if (!len)
		return;
	mm_page_map_clear(map, from, from + len);
	memset(naive + from, 0, len * sizeof(naive[0]));
}

static void it_is_an_array_of_numbers(void **state)
{
	struct mm_page_map map = { { 0 }, { 0 } };
	struct mm_rng rng = mm_rng_split(5, 1);

	(void)state;
	memset(naive, 0, sizeof(naive));
	for (unsigned i = 1; i <= ROUNDS; i++) {
		unsigned from = (unsigned)mm_rng_below(&rng, MM_PAGE_MAP_BITS);
		unsigned to = from + 1 + (unsigned)mm_rng_below(&rng, MOST);

		if (to <= MM_PAGE_MAP_BITS)
			set(&map, from, to, (uint16_t)i);
		clear(&map, (unsigned)mm_rng_below(&rng, MM_PAGE_MAP_BITS));
		compare(&map, from, MM_PAGE_MAP_BITS);
		compare(&map, from, from + (unsigned)mm_rng_below(&rng, MM_PAGE_MAP_BITS - from));
	}
}

/* Words, and the last page. */
static void edges(void **state)
{
	struct mm_page_map map = { { 0 }, { 0 } };

	(void)state;
	mm_page_map_set(&map, 63, 65);
	mm_page_map_set(&map, 65, 128);
	mm_page_map_set(&map, 960, 1024);
	assert_int_equal(mm_page_map_len(&map, 63), 2);
	assert_int_equal(mm_page_map_len(&map, 64), 0);
	assert_int_equal(mm_page_map_len(&map, 65), 63);
	assert_int_equal(mm_page_map_len(&map, 960), 64);
	assert_int_equal(mm_page_map_len(&map, MM_PAGE_MAP_BITS), 0);
	assert_int_equal(mm_page_map_find(&map, 128, 1024, true), 960);
	assert_int_equal(mm_page_map_find(&map, 960, 1024, false), 1024);
	mm_page_map_clear(&map, 63, 65);
	assert_int_equal(map.used[0], 0);
	assert_int_equal(mm_page_map_find(&map, 0, 1024, true), 65);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_an_array_of_numbers),
		cmocka_unit_test(edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
