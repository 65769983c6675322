/* SPDX-License-Identifier: MIT */
/* lib/base/bits.h against naive loops over small numbers, and at the ends of the range. */
#include "bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TOP (UINT64_C(1) << 63)

static void minimum_and_maximum(void **state)
{
	(void)state;
	assert_int_equal(mm_min(-3, 2), -3);
	assert_int_equal(mm_min(2, -3), -3);
	assert_int_equal(mm_max(-3, 2), 2);
	assert_int_equal(mm_max(2, -3), 2);
	assert_int_equal(mm_clamp(5, 1, 3), 3);
	assert_int_equal(mm_clamp(0, 1, 3), 1);
	assert_int_equal(mm_clamp(2, 1, 3), 2);
}

static unsigned naive_fls(uint64_t v)
{
	unsigned n = 0;

	for (; v; v /= 2)
		n++;
	return n;
}

static void last_bit_set(void **state)
{
	(void)state;
	for (uint64_t v = 0; v < 5000; v++)
		assert_int_equal(mm_fls64(v), naive_fls(v));
	for (unsigned bit = 0; bit < 64; bit++) {
		assert_int_equal(mm_fls64(UINT64_C(1) << bit), bit + 1);
		assert_int_equal(mm_fls64(UINT64_MAX >> bit), 64 - bit);
	}
}

static void powers_of_two(void **state)
{
	(void)state;
	for (uint64_t v = 1; v < 5000; v++) {
		uint64_t power = 1;

		while (power * 2 <= v)
			power *= 2;
		assert_int_equal(mm_rounddown_pow2(v), power);
	}
	assert_int_equal(mm_rounddown_pow2(TOP), TOP);
	assert_int_equal(mm_rounddown_pow2(TOP - 1), TOP / 2);
	assert_int_equal(mm_rounddown_pow2(UINT64_MAX), TOP);
}

/* The multiples next to v, found by walking. */
static void assert_rounds(uint64_t v, uint64_t a)
{
	uint64_t down = v, up = v;

	while (down % a)
		down--;
	while (up % a)
		up++;
	assert_int_equal(mm_round_down(v, a), down);
	assert_int_equal(mm_round_up(v, a), up);
	assert_int_equal(mm_div_round_up(v, a), up / a);
}

static void rounding(void **state)
{
	(void)state;
	for (uint64_t a = 1; a < 40; a++)
		for (uint64_t v = 0; v < 200; v++)
			assert_rounds(v, a);
	for (uint64_t v = UINT64_MAX - 700; v < UINT64_MAX - 640; v++)
		assert_rounds(v, 641);
}

static void rounding_at_the_end(void **state)
{
	(void)state;
	assert_int_equal(mm_round_up(UINT64_MAX, 1), UINT64_MAX);
	assert_int_equal(mm_round_up(UINT64_MAX, UINT64_MAX), UINT64_MAX);
	assert_int_equal(mm_round_up(TOP - 1, TOP), TOP);
	assert_int_equal(mm_round_down(UINT64_MAX, TOP), TOP);
	/* The sum v + d - 1 would overflow. */
	assert_int_equal(mm_div_round_up(UINT64_MAX, 2), TOP);
	assert_int_equal(mm_div_round_up(UINT64_MAX, UINT64_MAX), 1);
	assert_int_equal(mm_div_round_up(1, UINT64_MAX), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minimum_and_maximum), cmocka_unit_test(last_bit_set),
		cmocka_unit_test(powers_of_two),       cmocka_unit_test(rounding),
		cmocka_unit_test(rounding_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
