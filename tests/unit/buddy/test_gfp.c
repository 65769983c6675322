/* SPDX-License-Identifier: MIT */
/* What gfp words mean, bit by bit: zones, types, and the flags of both attempts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "compiler.h"
#include "gfp.h"

/* All combinations of the zone bits: the lowest zone named wins, Movable needs both of its bits. */
static void zone_bits_have_a_table(void **state)
{
	const mmsim_gfp_t both = MMSIM___GFP_HIGHMEM | MMSIM___GFP_MOVABLE;

	(void)state;
	for (mmsim_gfp_t bits = 0; bits < 16; bits++) {
		enum mmsim_zone_type want = bits & MMSIM___GFP_DMA     ? MMSIM_ZONE_DMA
					    : bits & MMSIM___GFP_DMA32 ? MMSIM_ZONE_DMA32
					    : (bits & both) == both    ? MMSIM_ZONE_MOVABLE
								       : MMSIM_ZONE_NORMAL;

		assert_int_equal(mm_buddy_gfp_zone(bits), want);
		/* No other bit has a say. */
		assert_int_equal(mm_buddy_gfp_zone(bits | ~UINT32_C(15)), want);
	}
}

static void mobility_bits_are_the_type(void **state)
{
	(void)state;
	assert_int_equal(mm_gfp_migratetype(MMSIM_GFP_KERNEL), MMSIM_MIGRATE_UNMOVABLE);
	assert_int_equal(mm_gfp_migratetype(MMSIM_GFP_HIGHUSER_MOVABLE), MMSIM_MIGRATE_MOVABLE);
	assert_int_equal(mm_gfp_migratetype(MMSIM___GFP_RECLAIMABLE | MMSIM_GFP_NOFS),
			 MMSIM_MIGRATE_RECLAIMABLE);
	assert_int_equal(mm_gfp_cma(MMSIM_GFP_HIGHUSER_MOVABLE), MM_ALLOC_CMA);
	assert_int_equal(mm_gfp_cma(MMSIM___GFP_RECLAIMABLE), 0);
	assert_int_equal(mm_gfp_cma(MMSIM_GFP_KERNEL), 0);
	assert_int_equal(mm_gfp_kswapd(MMSIM_GFP_ATOMIC), MM_ALLOC_KSWAPD);
	assert_int_equal(mm_gfp_kswapd(MMSIM___GFP_DIRECT_RECLAIM), 0);
}

static void the_second_attempt_gives_up_reserves(void **state)
{
	static const struct {
		mmsim_gfp_t gfp;
		unsigned order, flags;
	} want[] = {
		{ MMSIM_GFP_KERNEL, 0, MM_ALLOC_KSWAPD },
		{ MMSIM_GFP_KERNEL, 3, MM_ALLOC_KSWAPD },
		{ MMSIM_GFP_HIGHUSER_MOVABLE, 0, MM_ALLOC_KSWAPD | MM_ALLOC_CMA },
		{ MMSIM_GFP_ATOMIC, 0,
		  MM_ALLOC_KSWAPD | MM_ALLOC_MIN_RESERVE | MM_ALLOC_NON_BLOCK },
		{ MMSIM_GFP_ATOMIC, 1,
		  MM_ALLOC_KSWAPD | MM_ALLOC_MIN_RESERVE | MM_ALLOC_NON_BLOCK |
			  MM_ALLOC_HIGHATOMIC },
		{ MMSIM_GFP_ATOMIC | MMSIM___GFP_NOMEMALLOC, 1,
		  MM_ALLOC_KSWAPD | MM_ALLOC_MIN_RESERVE },
		{ MMSIM_GFP_NOWAIT, 1, MM_ALLOC_KSWAPD | MM_ALLOC_NON_BLOCK },
		{ MMSIM_GFP_KERNEL | MMSIM___GFP_HIGH, 1, MM_ALLOC_KSWAPD | MM_ALLOC_MIN_RESERVE },
		{ 0, 0, MM_ALLOC_NON_BLOCK },
		{ MMSIM___GFP_DIRECT_RECLAIM | MMSIM___GFP_MEMALLOC, 0, 0 },
		{ MMSIM___GFP_DIRECT_RECLAIM | MMSIM___GFP_MEMALLOC | MMSIM___GFP_NOMEMALLOC, 0,
		  0 },
		{ MMSIM___GFP_MEMALLOC, 2, MM_ALLOC_NON_BLOCK },
	};

	(void)state;
	assert_int_equal(MM_ALLOC_WMARK_MIN, 0);
	for (size_t i = 0; i < mm_array_size(want); i++) {
		unsigned flags = mm_buddy_slow_alloc_flags(want[i].gfp, want[i].order);

		if (flags != want[i].flags)
			fail_msg("gfp %#x order %u: flags %#x, wanted %#x", want[i].gfp,
				 want[i].order, flags, want[i].flags);
	}
}

static void the_last_page_is_for_memalloc(void **state)
{
	(void)state;
	assert_true(mm_gfp_no_watermarks(MMSIM___GFP_MEMALLOC));
	assert_true(mm_gfp_no_watermarks(MMSIM_GFP_ATOMIC | MMSIM___GFP_MEMALLOC));
	assert_false(mm_gfp_no_watermarks(MMSIM___GFP_MEMALLOC | MMSIM___GFP_NOMEMALLOC));
	assert_false(mm_gfp_no_watermarks(~MMSIM___GFP_MEMALLOC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zone_bits_have_a_table),
		cmocka_unit_test(mobility_bits_are_the_type),
		cmocka_unit_test(the_second_attempt_gives_up_reserves),
		cmocka_unit_test(the_last_page_is_for_memalloc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
