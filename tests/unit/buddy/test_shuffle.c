/* SPDX-License-Identifier: MIT */
/* Shuffling: the coin of each free, and the free lists of the highest order after boot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "shuffle.h"
#include "zone_lists.h"

#define BASE SMALL_MACHINE_BASE
#define BLOCK 1024u
#define BLOCKS 256u /* more than one slice */

static struct small_machine m;

static void open_zone(uint32_t flags, uint64_t nr_pages)
{
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	m.env.cfg.policy.flags = flags;
	page_env_ram(&m.env, 0, BASE, BASE + nr_pages);
	bare_machine_boot(&m);
}

static int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	open_zone(MMSIM_POLICY_SHUFFLE, BLOCKS * BLOCK);
	return 0;
}

static bool coin(struct mm_zone *zone)
{
	bool tail;

	mm_spin_lock(&zone->lock);
	tail = mm_buddy_shuffle_pick_tail(zone);
	mm_spin_unlock(&zone->lock);
	return tail;
}

/* Each draw of the generator gives 64 coins, lowest bit first. */
static void coins_are_the_bits_of_the_generator(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct mm_rng rng = zone->rng;

	(void)state;
	for (int word = 0; word < 3; word++) {
		uint64_t bits = mm_rng_next(&rng);

		for (int i = 0; i < 64; i++)
			assert_int_equal(coin(zone), bits >> i & 1);
	}
}

/* The order of a list of order 10, each block by its number. Returns the length. */
static size_t order_of(uint64_t *at, enum mmsim_migratetype mt)
{
	struct mm_zone *zone = small_machine_normal(&m);
	size_t nr = 0;

	mm_list_for_each(pos, &zone->area[MMSIM_MAX_PAGE_ORDER].list[mt]) {
		struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);

		at[nr++] = (small_machine_pfn(&m, page) - BASE) / BLOCK;
	}
	return nr;
}

static void free_blocks(unsigned nr, enum mm_fpi fpi)
{
	for (unsigned i = 0; i < nr; i++)
		free_block(&m, i * BLOCK, MMSIM_MAX_PAGE_ORDER, fpi);
}

static void a_coin_decides_the_end_of_the_list(void **state)
{
	struct mm_rng rng = small_machine_normal(&m)->rng;
	uint64_t bits = mm_rng_next(&rng), got[16], want[32];
	unsigned first = 16, last = 16;

	(void)state;
	free_blocks(16, MM_FPI_NONE);
	for (unsigned i = 0; i < 16; i++)
		want[bits >> i & 1 ? last++ : --first] = i;
	assert_int_equal(order_of(got, M), 16);
	assert_memory_equal(got, &want[first], sizeof(got));
	/* Both ends were used, or nothing is shown. */
	assert_true(first > 0 && first < 16);
}

static void what_belongs_to_the_tail_goes_there(void **state)
{
	uint64_t got[16];

	(void)state;
	free_blocks(16, MM_FPI_TO_TAIL);
	assert_int_equal(order_of(got, M), 16);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(got[i], i);
	assert_int_equal(small_machine_normal(&m)->rng_nr_bits, 0);
}

static void smaller_blocks_need_no_coin(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 16; i++)
		free_block(&m, i * BLOCK, 9, MM_FPI_NONE);
	assert_int_equal(small_machine_normal(&m)->rng_nr_bits, 0);
	assert_list(&m, 9, M, 15360, 14336, 13312, 12288, 11264, 10240, 9216, 8192, 7168, 6144,
		    5120, 4096, 3072, 2048, 1024, 0);
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void assert_all_of(uint64_t *at, size_t nr)
{
	assert_int_equal(nr, BLOCKS);
	qsort(at, nr, sizeof(*at), by_number);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(at[i], i);
}

static void nothing_is_lost_and_little_stays_in_place(void **state)
{
	uint64_t at[BLOCKS];
	unsigned same = 0, followed = 0;

	(void)state;
	free_blocks(BLOCKS, MM_FPI_TO_TAIL);
	mm_buddy_shuffle_zone(small_machine_normal(&m));
	mm_buddy_validate(&m.buddy);
	order_of(at, M);
	for (unsigned i = 0; i < BLOCKS; i++) {
		same += at[i] == i;
		followed += i && at[i] == at[i - 1] + 1;
	}
	/* About one each would be in a random order. */
	assert_true(same < 20 && followed < 20);
	assert_all_of(at, order_of(at, M));
}

static void shuffle_from(uint64_t seed, uint64_t *at)
{
	small_machine_normal(&m)->rng = mm_rng_split(seed, 0);
	free_blocks(BLOCKS, MM_FPI_TO_TAIL);
	mm_buddy_shuffle_zone(small_machine_normal(&m));
	assert_int_equal(order_of(at, M), BLOCKS);
	for (unsigned i = 0; i < BLOCKS; i++)
		assert_int_not_equal(take_block(&m, MMSIM_MAX_PAGE_ORDER, M), NOTHING);
}

static void the_seed_decides(void **state)
{
	uint64_t a[BLOCKS], b[BLOCKS], c[BLOCKS];

	(void)state;
	shuffle_from(1, a);
	shuffle_from(1, b);
	shuffle_from(2, c);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
}

/* With few blocks those that change places are mostly neighbours on the list. */
static void neighbours_change_places(void **state)
{
	uint64_t at[3], seen = 0;

	(void)state;
	free_blocks(3, MM_FPI_TO_TAIL);
	for (int i = 0; i < 200; i++) {
		mm_buddy_shuffle_zone(small_machine_normal(&m));
		mm_buddy_validate(&m.buddy);
		assert_int_equal(order_of(at, M), 3);
		assert_true(at[0] < 3 && at[1] < 3 && at[2] < 3);
		seen |= UINT64_C(1) << (at[0] * 3 + at[1]);
	}
	assert_int_equal(__builtin_popcountll(seen), 6);
}

static void types_do_not_mix(void **state)
{
	uint64_t at[BLOCKS];
	size_t nr;

	(void)state;
	for (unsigned i = 0; i < BLOCKS; i += 2) {
		set_type(&m, i * BLOCK, U);
		set_type(&m, i * BLOCK + 512, U);
	}
	free_blocks(BLOCKS, MM_FPI_TO_TAIL);
	mm_buddy_shuffle_zone(small_machine_normal(&m));
	mm_buddy_validate(&m.buddy);
	nr = order_of(at, U);
	assert_int_equal(nr, BLOCKS / 2);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(at[i] % 2, 0);
	assert_int_equal(order_of(at, M), BLOCKS / 2);
}

/*
 * Blocks in use, smaller blocks, a node of other pages between, and a zone that begins within a
 * block.
 */
static void what_is_not_free_as_a_whole_is_left_alone(void **state)
{
	struct mm_zone *zone;
	uint64_t at[BLOCKS];
	bool moved = false;

	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 2);
	m.env.cfg.policy.flags = MMSIM_POLICY_SHUFFLE;
	page_env_ram(&m.env, 0, BASE + 512, BASE + 4 * BLOCK);
	page_env_ram(&m.env, 1, BASE + 4 * BLOCK, BASE + 8 * BLOCK);
	page_env_ram(&m.env, 0, BASE + 16 * BLOCK, BASE + 20 * BLOCK + 512);
	bare_machine_boot(&m);
	free_block(&m, 512, 9, MM_FPI_TO_TAIL);
	for (uint64_t i = 1; i < 8; i++)
		free_block(&m, i * BLOCK, 10, MM_FPI_TO_TAIL);
	free_block(&m, 16 * BLOCK, 9, MM_FPI_TO_TAIL);
	free_block(&m, 18 * BLOCK, 10, MM_FPI_TO_TAIL);
	free_block(&m, 20 * BLOCK, 9, MM_FPI_TO_TAIL);
	zone = mm_buddy_zone(&m.buddy, 1, MMSIM_ZONE_NORMAL);
	for (int i = 0; i < 20; i++) {
		mm_buddy_shuffle_zone(small_machine_normal(&m));
		mm_buddy_validate(&m.buddy);
		order_of(at, M);
		moved |= at[0] != 1;
		assert_list_is(&m, zone, 10, M, 4,
			       (uint64_t[]){ 4 * BLOCK, 5 * BLOCK, 6 * BLOCK, 7 * BLOCK },
			       __LINE__);
	}
	assert_true(moved);
	assert_int_equal(order_of(at, M), 4);
	assert_list(&m, 9, M, 512, 16 * BLOCK, 20 * BLOCK);
}

static void a_zone_without_such_blocks_is_left_alone(void **state)
{
	(void)state;
	open_zone(MMSIM_POLICY_SHUFFLE, 512);
	free_block(&m, 0, 9, MM_FPI_NONE);
	mm_buddy_shuffle_zone(small_machine_normal(&m));
	assert_list(&m, 9, M, 0);
}

static void nothing_without_the_policy(void **state)
{
	uint64_t at[BLOCKS];

	(void)state;
	open_zone(0, BLOCKS * BLOCK);
	free_blocks(BLOCKS, MM_FPI_NONE);
	mm_buddy_shuffle_zone(small_machine_normal(&m));
	assert_int_equal(order_of(at, M), BLOCKS);
	for (unsigned i = 0; i < BLOCKS; i++)
		assert_int_equal(at[i], BLOCKS - 1 - i);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define own_zone(test) cmocka_unit_test_teardown(test, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_zone(coins_are_the_bits_of_the_generator),
		with_zone(a_coin_decides_the_end_of_the_list),
		with_zone(what_belongs_to_the_tail_goes_there),
		with_zone(smaller_blocks_need_no_coin),
		with_zone(nothing_is_lost_and_little_stays_in_place),
		with_zone(the_seed_decides),
		with_zone(neighbours_change_places),
		with_zone(types_do_not_mix),
		own_zone(what_is_not_free_as_a_whole_is_left_alone),
		own_zone(a_zone_without_such_blocks_is_left_alone),
		own_zone(nothing_without_the_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
