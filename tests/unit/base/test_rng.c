/* SPDX-License-Identifier: MIT */
/* lib/base/rng.h: the published sequence, streams that do not disturb each other, bounds. */
#include "rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#define SEED 11

/* The first outputs of SplitMix64 as other implementations print them. */
static void known_answers(void **state)
{
	static const uint64_t of_0[] = {
		UINT64_C(0xe220a8397b1dcdaf),
		UINT64_C(0x6e789e6aa1b965f4),
		UINT64_C(0x06c45d188009454f),
		UINT64_C(0xf88bb8a8724c81ec),
	};
	static const uint64_t of_1234567[] = {
		UINT64_C(6457827717110365317),
		UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423),
		UINT64_C(4593380528125082431),
	};
	struct mm_rng a = { 0 }, b = { 1234567 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(mm_rng_next(&a), of_0[i]);
		assert_int_equal(mm_rng_next(&b), of_1234567[i]);
	}
}

static void split_repeats(void **state)
{
	struct mm_rng a = mm_rng_split(SEED, 3), b = mm_rng_split(SEED, 3);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(mm_rng_next(&a), mm_rng_next(&b));
}

/* 32 x 32 streams of neighbouring seeds and numbers: no first draw twice. */
static void split_differs(void **state)
{
	uint64_t first[1024];
	int nr = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 32; seed++)
		for (uint64_t id = 0; id < 32; id++) {
			struct mm_rng rng = mm_rng_split(seed, id);

			first[nr++] = mm_rng_next(&rng);
		}
	for (int i = 0; i < nr; i++)
		for (int k = 0; k < i; k++)
			assert_int_not_equal(first[i], first[k]);
}

static void below_is_below(void **state)
{
	struct mm_rng rng = { SEED };

	(void)state;
	for (uint64_t n = 1; n < 50; n++) {
		uint64_t seen = 0;

		for (int i = 0; i < 2000; i++) {
			uint64_t got = mm_rng_below(&rng, n);

			assert_true(got < n);
			seen |= UINT64_C(1) << got;
		}
		/* Every value turns up: chance of a miss below 50 * e^-40. */
		assert_int_equal(seen, (UINT64_C(1) << n) - 1);
	}
}

/* The high bits take part when n is large. */
static void below_of_much(void **state)
{
	struct mm_rng rng = { SEED };
	bool high = false, low = false;

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint64_t got = mm_rng_below(&rng, UINT64_MAX);

		assert_true(got < UINT64_MAX);
		high |= got > UINT64_MAX / 2;
		low |= got < UINT64_MAX / 2;
	}
	assert_true(high && low);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers), cmocka_unit_test(split_repeats),
		cmocka_unit_test(split_differs), cmocka_unit_test(below_is_below),
		cmocka_unit_test(below_of_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
