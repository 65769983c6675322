/* SPDX-License-Identifier: MIT */
/*
 * The arithmetic of per-CPU lists, figure by figure: how long they may be, how many pages a refill
 * fetches, when and how many go back, and how `high` follows the load.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "pcp_machine.h"
#include "pcp_tune.h"

static struct mm_zone *zone(void)
{
	return small_machine_normal(&m);
}

/* Of the list of CPU 0, for a zone that manages so many pages with this low mark. */
static struct mm_pcp *tune(uint64_t managed, uint64_t low, unsigned nr_cpus)
{
	uint64_t real_managed = zone()->managed, real_low = zone()->watermark[MM_WMARK_LOW];

	zone()->managed = managed;
	zone()->watermark[MM_WMARK_LOW] = low;
	mm_buddy_pcp_tune(zone(), nr_cpus);
	zone()->managed = real_managed;
	zone()->watermark[MM_WMARK_LOW] = real_low;
	return pcp_of(0);
}

static void batch_follows_the_formula(void **state)
{
	const struct {
		uint64_t mib;
		int batch;
	} want[] = { { 0, 1 },     { 16, 1 },    { 31, 1 },      { 32, 1 },   { 48, 3 },
		     { 64, 3 },    { 128, 7 },   { 256, 15 },    { 512, 31 }, { 1008, 63 },
		     { 1024, 63 }, { 4096, 63 }, { 1 << 20, 63 } };

	(void)state;
	for (size_t i = 0; i < mm_array_size(want); i++)
		if (tune(want[i].mib << 8, 0, 1)->batch != want[i].batch)
			fail_msg("%lu MiB: batch %d, wanted %d", want[i].mib, pcp_of(0)->batch,
				 want[i].batch);
}

/* As a kernel of two CPUs and 24 GiB said of its zones in /proc/zoneinfo. */
static void bounds_are_a_real_kernels(void **state)
{
	static const struct {
		uint64_t managed, low;
		int batch, high_min, high_max;
	} want[] = {
		{ 3840, 13, 1, 6, 240 }, /* the least, 4 batches, is below both */
		{ 772915, 2888, 63, 1444, 48307 },
		{ 5394266, 20163, 63, 10081, 337141 },
	};

	(void)state;
	for (size_t i = 0; i < mm_array_size(want); i++) {
		const struct mm_pcp *pcp = tune(want[i].managed, want[i].low, 2);

		assert_int_equal(pcp->batch, want[i].batch);
		assert_int_equal(pcp->high_min, want[i].high_min);
		assert_int_equal(pcp->high_max, want[i].high_max);
	}
}

static void bounds_have_a_least_and_ends(void **state)
{
	const struct mm_pcp *pcp;

	(void)state;
	pcp = tune(65536, 8, 8); /* the low mark is 1 page each, the share 1024 */
	assert_int_equal(pcp->high_min, 4 * BATCH);
	assert_int_equal(pcp->high_max, 1024);
	pcp = tune(65536, 8, 1024); /* and nothing at all */
	assert_int_equal(pcp->high_max, 4 * BATCH);
	pcp = tune(65536, 800, 0); /* a node without CPUs: as with one */
	assert_int_equal(pcp->high_min, 800);
	pcp = tune(UINT64_C(1) << 52, UINT64_C(1) << 50, 1);
	assert_true(pcp->high_max > 0 && pcp->high_min > 0);
}

/* Of a zone that is hardly larger than its marks: the greater bound is high_min, and all goes on. */
static void bounds_may_be_crossed(void **state)
{
	struct mm_pcp *pcp = pcp_of(0);
	uint64_t at[40];

	(void)state;
	m.buddy.policy.min_free_kbytes = 128 << 10;
	mm_buddy_setup_zones(&m.buddy);
	assert_true(pcp->high_min > pcp->high_max);
	mm_buddy_validate(&m.buddy);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 40; i++)
			at[i] = take(GFP_MOVABLE);
		mm_buddy_validate(&m.buddy);
		for (unsigned i = 0; i < 40; i++)
			give(at[i]);
		mm_buddy_validate(&m.buddy);
		mm_zone_set_flag(zone(), MM_ZONE_BELOW_HIGH);
		mm_buddy_pcp_decay(zone(), 0);
	}
}

/* The boot pageset lets each page straight through; the first bounds come with the first marks. */
static void boot_keeps_nothing(void **state)
{
	struct mm_pcp *pcp = pcp_of(1);

	(void)state;
	mm_buddy_pcp_clear(zone());
	assert_int_equal(pcp->high, 0);
	assert_int_equal(pcp->batch, 1);
	assert_int_equal(mm_buddy_nr_pcp_alloc(zone(), pcp, 0), 1);
	pcp->count = 1;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), 1);
	pcp->count = 0;
	mm_buddy_pcp_tune(zone(), NR_CPUS);
	assert_int_equal(pcp->high_min, HIGH_MIN);
	assert_int_equal(pcp->high_max, HIGH_MAX);
}

static void bounds_can_be_fixed(void **state)
{
	struct mm_pcp *pcp;

	(void)state;
	m.buddy.policy.percpu_pagelist_high_fraction = 8;
	pcp = tune(65536, 640, 2);
	assert_int_equal(pcp->high_min, 4096);
	assert_int_equal(pcp->high_max, 4096);
	m.buddy.policy.percpu_pagelist_high_fraction = 0;
	m.buddy.policy.pcp_high = MMSIM_PCP_HIGH_FIXED;
	pcp = tune(65536, 640, 2);
	assert_int_equal(pcp->high_min, 320);
	assert_int_equal(pcp->high_max, 320);
	pcp->count = 10;
	for (unsigned i = 0; i < 8; i++)
		mm_buddy_nr_pcp_alloc(zone(), pcp, 0);
	assert_int_equal(pcp->high, 320); /* neither grows … */
	mm_zone_set_flag(zone(), MM_ZONE_BELOW_HIGH);
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), 0);
	assert_int_equal(pcp->high, 320); /* … nor shrinks */
	pcp->count = 0;
}

/* A CPU that only allocates: each refill twice the last, and high grows by as much. */
static void refills_double(void **state)
{
	static const struct {
		int nr, high;
	} want[] = { { 15, 228 },   { 30, 258 },   { 60, 318 },   { 120, 438 }, { 240, 678 },
		     { 480, 1158 }, { 480, 1638 }, { 480, 2118 }, { 480, 2598 } };
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	assert_int_equal(pcp->high_min, HIGH_MIN);
	for (unsigned i = 0; i < mm_array_size(want); i++) {
		assert_int_equal(mm_buddy_nr_pcp_alloc(zone(), pcp, 0), want[i].nr);
		assert_int_equal(pcp->high, want[i].high);
		assert_int_equal(pcp->alloc_factor, i < 5 ? i + 1 : 5);
	}
	mm_buddy_nr_pcp_alloc(zone(), pcp, 0);
	assert_int_equal(pcp->high, HIGH_MAX);
}

/* Not above high - batch; then the factor rests. But a batch at least. */
static void refills_fit_below_high(void **state)
{
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	mm_zone_set_flag(zone(), MM_ZONE_BELOW_HIGH); /* high stays */
	pcp->alloc_factor = 3;
	pcp->count = HIGH_MIN - BATCH - 100;
	assert_int_equal(mm_buddy_nr_pcp_alloc(zone(), pcp, 0), 100);
	assert_int_equal(pcp->alloc_factor, 3);
	pcp->count = HIGH_MIN;
	assert_int_equal(mm_buddy_nr_pcp_alloc(zone(), pcp, 0), BATCH);
	pcp->alloc_factor = 0;
	assert_int_equal(mm_buddy_nr_pcp_alloc(zone(), pcp, 0), BATCH);
	assert_int_equal(pcp->alloc_factor, 1); /* a batch always fits */
	assert_int_equal(pcp->high, HIGH_MIN);
	pcp->count = 0;
}

/* Blocks: a batch of pages whatever the factor, at least two. */
static void block_refills_do_not_grow(void **state)
{
	static const int want[] = { 0, 7, 3, 2 };
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	pcp->alloc_factor = 2;
	for (unsigned order = 1; order <= 3; order++)
		assert_int_equal(mm_buddy_nr_pcp_alloc(zone(), pcp, order), want[order]);
	assert_int_equal(mm_buddy_nr_pcp_alloc(zone(), pcp, 9), 2);
	assert_int_equal(pcp->alloc_factor, 2);
	assert_int_equal(pcp->high, HIGH_MIN + 4 * BATCH);
	pcp->batch = 1;
	assert_int_equal(mm_buddy_nr_pcp_alloc(zone(), pcp, 3), 1);
	pcp->batch = BATCH;
}

static void the_scale_is_a_policy(void **state)
{
	struct mm_pcp *pcp = pcp_of(0);
	uint32_t scale[] = { 1, 3, 7, 0 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		m.buddy.policy.pcp_batch_scale_max = scale[i];
		mm_buddy_pcp_clear(zone());
		tune(UINT64_C(1) << 24, 1 << 20, 1); /* room for all */
		for (unsigned k = 0; k < 10; k++)
			mm_buddy_nr_pcp_alloc(zone(), pcp, 0);
		assert_int_equal(mm_buddy_nr_pcp_alloc(zone(), pcp, 0),
				 63 << (scale[i] ? scale[i] - 1 : 5));
	}
}

/* Frees only: count them, halve what was doubled; below high nothing happens. */
static void frees_are_counted(void **state)
{
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	pcp->alloc_factor = 5;
	for (int i = 1; i < 4; i++) {
		pcp->count = i;
		assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), 0);
		assert_int_equal(pcp->free_count, i);
		assert_int_equal(pcp->alloc_factor, 5 >> i);
	}
	pcp->count = 3 + 8;
	mm_buddy_nr_pcp_free(zone(), pcp, 3);
	assert_int_equal(pcp->free_count, 11);
	assert_int_equal(pcp->high, HIGH_MIN);
	/* To batch << 5, which the last step may pass. */
	pcp->free_count = BATCH << 5;
	mm_buddy_nr_pcp_free(zone(), pcp, 2);
	assert_int_equal(pcp->free_count, BATCH << 5);
	pcp->free_count = (BATCH << 5) - 1;
	mm_buddy_nr_pcp_free(zone(), pcp, 2);
	assert_int_equal(pcp->free_count, (BATCH << 5) + 3);
	pcp->count = 0;
	/* An allocation halves them. */
	take(GFP_MOVABLE);
	assert_int_equal(pcp->free_count, ((BATCH << 5) + 3) / 2);
}

/* At high as many go as were freed in a row, between a batch and high less a batch. */
static void what_goes_back(void **state)
{
	static const struct {
		int free_count, nr, high;
	} want[] = {
		{ 0, BATCH, HIGH_MIN },     { 98, 99, HIGH_MIN },
		{ 197, 198, HIGH_MIN }, /* 213: just enough */
		{ 198, 198, HIGH_MIN + 1 }, /* 199 freed, and a batch: high is raised … */
		{ 400, 198, 401 + BATCH }, /* … for the next time */
	};
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	for (unsigned i = 0; i < mm_array_size(want); i++) {
		pcp->high = pcp->count = HIGH_MIN;
		pcp->free_count = want[i].free_count;
		assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), want[i].nr);
		assert_int_equal(pcp->high, want[i].high);
	}
	pcp->high = HIGH_MAX;
	pcp->count = HIGH_MAX - 1;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), 0);
	pcp->count = 0;
}

/* The zone has become short: nothing above high_min stays, and high sinks with each free. */
static void below_high_lists_shrink(void **state)
{
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	mm_zone_set_flag(zone(), MM_ZONE_BELOW_HIGH);
	pcp->high = 300;
	pcp->count = HIGH_MIN - 1;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), 0);
	assert_int_equal(pcp->high, 300 - BATCH);
	pcp->count = HIGH_MIN;
	pcp->free_count = 49;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), 50);
	assert_int_equal(pcp->high, 300 - BATCH - 50);
	pcp->count = 400; /* all but a batch */
	pcp->free_count = 479;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), 400 - BATCH);
	assert_int_equal(pcp->high, HIGH_MIN);
	pcp->count = 0;
}

static void reclaim_keeps_lists_short(void **state)
{
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	mm_zone_set_flag(zone(), MM_ZONE_RECLAIM_ACTIVE);
	pcp->high = 1000;
	pcp->free_count = 99;
	pcp->count = 4 * BATCH - 1;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), 0);
	assert_int_equal(pcp->high, 900);
	pcp->count = 4 * BATCH;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 0), 4 * BATCH - BATCH);
	assert_int_equal(pcp->high, 900 - 101);
	pcp->count = 0;
}

/*
 * Blocks freed one after the other, of as many pages as half of high_min and a batch: all go, and high
 * sinks by as much as may go at once.
 */
static void blocks_in_a_row_go_at_once(void **state)
{
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	pcp->high = 1000;
	pcp->count = 40;
	pcp->free_count = BATCH + HIGH_MIN / 2;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 2), 0); /* the first of the row */
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 2), 40);
	assert_int_equal(pcp->high, 1000 - (BATCH << 5));
	pcp->free_count = BATCH + HIGH_MIN / 2 - 1;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 2), 0); /* too few yet */
	mm_buddy_nr_pcp_free(zone(), pcp, 0); /* ends the row */
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 2), 0);
	mm_buddy_nr_pcp_free(zone(), pcp, 9); /* so do huge pages */
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 2), 0);
	pcp->count = 1000;
	pcp->high = 2000;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 2), BATCH << 5);
	pcp->count = 0;
}

/* With a large cache they may stay until they are a batch. */
static void large_caches_keep_a_batch(void **state)
{
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	pcp->flags = MM_PCPF_FREE_HIGH_BATCH | MM_PCPF_PREV_FREE_HIGH_ORDER;
	pcp->free_count = 400;
	pcp->count = BATCH - 1;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 1), 0);
	pcp->count = BATCH;
	assert_int_equal(mm_buddy_nr_pcp_free(zone(), pcp, 1), BATCH);
	pcp->count = 0;
	m.buddy.policy.flags |= MMSIM_POLICY_FREE_HIGH_BATCH;
	mm_buddy_pcp_clear(zone());
	assert_int_equal(pcp->flags, MM_PCPF_FREE_HIGH_BATCH);
}

/* The worker, once a second: an eighth off, not below what lies there less what may go at once. */
static void high_decays(void **state)
{
	static const struct {
		int count, high, then;
	} want[] = {
		{ 0, 1000, 875 },     { 100, 1000, 875 },        { 1400, 1000, 920 },
		{ 0, 220, HIGH_MIN }, { 0, HIGH_MIN, HIGH_MIN }, { 300, HIGH_MIN, HIGH_MIN },
	};
	struct mm_pcp pcp = { .batch = BATCH, .scale_max = 5, .high_min = HIGH_MIN };

	(void)state;
	for (unsigned i = 0; i < mm_array_size(want); i++) {
		pcp.high = want[i].high;
		pcp.count = want[i].count;
		assert_int_equal(mm_buddy_pcp_high_decay(&pcp), want[i].count - want[i].then);
		assert_int_equal(pcp.high, want[i].then);
	}
}

static void decay_gives_pages_back(void **state)
{
	struct mm_pcp *pcp = pcp_of(0);
	uint64_t at[400];
	unsigned runs = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++)
		at[i] = take(GFP_MOVABLE);
	mm_buddy_pcp_drain_all(zone());
	pcp->high = 420;
	for (unsigned i = 0; i < 400; i++)
		give(at[i]);
	assert_int_equal(pcp->count, 400);
	assert_true(mm_buddy_pcp_decay(zone(), 0)); /* 420 - 52 */
	assert_int_equal(pcp->count, 400 - 32);
	assert_int_equal(pcp->high, 368);
	while (mm_buddy_pcp_decay(zone(), 0))
		runs++;
	assert_int_equal(pcp->count, HIGH_MIN);
	assert_int_equal(pcp->high, HIGH_MIN);
	assert_in_range(runs, 4, 8);
	assert_false(mm_buddy_pcp_decay(zone(), 1)); /* nothing there */
}

/* All of it at once, by allocations and frees: high follows, count never passes it. */
static void high_follows_the_load(void **state)
{
	static uint64_t at[6000];
	struct mm_pcp *pcp = pcp_of(0);

	(void)state;
	for (unsigned i = 0; i < 6000; i++)
		at[i] = take(GFP_MOVABLE);
	assert_int_equal(pcp->high, HIGH_MAX);
	for (unsigned i = 0; i < 6000; i++) {
		give(at[i]);
		assert_true(pcp->count < HIGH_MAX);
	}
	assert_int_equal(pcp->alloc_factor, 0);
	assert_int_equal(pcp->free_count, BATCH << 5);
	assert_true(zone()->stat.drains > 5);
	mm_buddy_validate(&m.buddy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_tuning(batch_follows_the_formula),
		with_tuning(bounds_are_a_real_kernels),
		with_tuning(bounds_have_a_least_and_ends),
		with_tuning(bounds_may_be_crossed),
		with_tuning(boot_keeps_nothing),
		with_tuning(bounds_can_be_fixed),
		with_tuning(refills_double),
		with_tuning(refills_fit_below_high),
		with_tuning(block_refills_do_not_grow),
		with_tuning(the_scale_is_a_policy),
		with_tuning(frees_are_counted),
		with_tuning(what_goes_back),
		with_tuning(below_high_lists_shrink),
		with_tuning(reclaim_keeps_lists_short),
		with_tuning(blocks_in_a_row_go_at_once),
		with_tuning(large_caches_keep_a_batch),
		with_tuning(high_decays),
		with_tuning(decay_gives_pages_back),
		with_tuning(high_follows_the_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
