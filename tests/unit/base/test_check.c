/* SPDX-License-Identifier: MIT */
/* lib/base/check.h: what stops the program, with which words, and at which price. */
#include "check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "child_dies.h"

static void break_invariant(void *arg)
{
	const char *seven = arg;

	mm_invariant("Z9: as named", seven[0] == '8');
}

static void break_assert(void *arg)
{
	mm_assert(arg != arg);
}

static void break_expensive(void *arg)
{
	mm_assert_expensive(arg != arg);
}

static void invariant_names_itself(void **state)
{
	char seven[] = "7", eight[] = "8";

	(void)state;
	assert_true(child_dies(break_invariant, seven, "mmsim: broken: Z9: as named\n"));
	assert_true(child_dies(break_invariant, seven, "seven[0] == '8'"));
	assert_true(child_dies(break_invariant, seven, "test_check.c:"));
	assert_true(child_lives(break_invariant, eight));
}

static void asserts_have_their_price(void **state)
{
	if (MM_DEBUG >= 1)
		assert_true(child_dies(break_assert, state, "broken: assertion"));
	else
		assert_true(child_lives(break_assert, state));
	if (MM_DEBUG >= 2)
		assert_true(child_dies(break_expensive, state, "broken: assertion"));
	else
		assert_true(child_lives(break_expensive, state));
}

/* An assertion that is not compiled in does not look; the others look once. */
static void conditions_run_once(void **state)
{
	int looked = 0;

	(void)state;
	mm_invariant("Z9", ++looked);
	assert_int_equal(looked, 1);
	mm_assert(++looked);
	assert_int_equal(looked, MM_DEBUG >= 1 ? 2 : 1);
	looked = 0;
	mm_assert_expensive(++looked);
	assert_int_equal(looked, MM_DEBUG >= 2 ? 1 : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invariant_names_itself),
		cmocka_unit_test(asserts_have_their_price),
		cmocka_unit_test(conditions_run_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
