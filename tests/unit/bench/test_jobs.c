/* SPDX-License-Identifier: MIT */
/* What the benchmark of jobs is made of: its items, and what becomes of its times. */
#include "jobs_blocks.h"
#include "jobs_load.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void blocks_give_median_and_worst(void **state)
{
	struct jobs_blocks blocks = { 0 };

	(void)state;
	assert_true(isnan(jobs_blocks_median(&blocks)) && isnan(jobs_blocks_worst(&blocks)));
	jobs_blocks_add(&blocks, 300, 3);
	assert_true(jobs_blocks_median(&blocks) == 100 && isnan(jobs_blocks_worst(&blocks)));
	jobs_blocks_add(&blocks, 800, 2);
	jobs_blocks_add(&blocks, 50, 1);
	assert_true(jobs_blocks_median(&blocks) == 100);
	assert_true(jobs_blocks_worst(&blocks) == 4);
}

static void too_many_blocks_are_dropped(void **state)
{
	struct jobs_blocks blocks = { 0 };

	(void)state;
	for (unsigned i = 0; i < JOBS_MAX_BLOCKS; i++)
		jobs_blocks_add(&blocks, 10, 1);
	jobs_blocks_add(&blocks, 1000, 1);
	assert_int_equal(blocks.nr, JOBS_MAX_BLOCKS);
	assert_true(jobs_blocks_worst(&blocks) == 1);
}

static void a_block_is_one_job_at_least(void **state)
{
	(void)state;
	assert_int_equal(jobs_blocks_rounds(200000, 1000), 200);
	assert_int_equal(jobs_blocks_rounds(200000, 200001), 1);
	assert_int_equal(jobs_blocks_rounds(0, 5), 1);
	assert_in_range(jobs_blocks_rounds(UINT64_MAX, 0), 1000, 1000000);
}

/* A machine's pointer makes a cost one of ns; nothing is called through it here. */
static uint64_t total(enum jobs_shape shape, struct jobs_load *load)
{
	uint64_t sum = 0;

	jobs_load_init(load, (struct mmsim *)load, JOBS_MAX_ITEMS, shape, 10);
	for (unsigned i = 0; i < load->nr; i++)
		sum += load->cost[i];
	return sum;
}

static void shapes_cost_what_they_say(void **state)
{
	struct jobs_load load;

	(void)state;
	assert_int_equal(total(JOBS_EMPTY, &load), 0);
	assert_true(jobs_load_longest(&load) == 0);
	assert_int_equal(total(JOBS_UNIFORM, &load), 640);
	assert_true(jobs_load_longest(&load) == 1.0 / 64);
	assert_int_equal(total(JOBS_RAMP, &load), 20800);
	assert_int_equal(load.cost[0], 10);
	assert_int_equal(load.cost[63], 640);
	assert_int_equal(total(JOBS_REVERSE, &load), 20800);
	assert_int_equal(load.cost[0], 640);
	assert_true(jobs_load_longest(&load) == 640.0 / 20800);
	assert_int_equal(total(JOBS_HEAVY, &load), 1880);
	for (unsigned i = 0; i < load.nr; i++)
		assert_int_equal(load.cost[i], i % 16 ? 10 : 320);
}

static void natively_a_cost_is_in_turns(void **state)
{
	struct jobs_load load;

	(void)state;
	jobs_load_init(&load, NULL, 2, JOBS_RAMP, 100000);
	assert_true(jobs_turns_per_ns() > 0);
	assert_int_equal(load.cost[0], (uint32_t)(100000 * jobs_turns_per_ns() + 0.5));
}

static void count_visit(void *arg)
{
	++*(unsigned *)arg;
}

static void items_are_counted_and_visited(void **state)
{
	uint32_t seen[8] = { 0 };
	unsigned visits = 0;
	struct jobs_load load;

	(void)state;
	jobs_load_init(&load, NULL, 8, JOBS_UNIFORM, 1);
	jobs_items(&load, 0, 8);
	load.seen = seen;
	load.visit = count_visit;
	load.arg = &visits;
	jobs_items(&load, 2, 5);
	assert_int_equal(visits, 3);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(seen[i], i >= 2 && i < 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_give_median_and_worst),
		cmocka_unit_test(too_many_blocks_are_dropped),
		cmocka_unit_test(a_block_is_one_job_at_least),
		cmocka_unit_test(shapes_cost_what_they_say),
		cmocka_unit_test(natively_a_cost_is_in_turns),
		cmocka_unit_test(items_are_counted_and_visited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
