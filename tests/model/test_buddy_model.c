/* SPDX-License-Identifier: MIT */
/*
 * The page allocator against a naive one on the same random operations from two CPUs: after each
 * operation the same page, every so often the same lists in the same order and sound books. Once with each
 * kernel's rules, with the short ways and without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "first_failure.h"
#include "naive_pcp.h"
#include "small_machine.h"

#define BASE SMALL_MACHINE_BASE

enum {
	OPS_IN_A_ROW = 500, /* on one CPU; then lists are compared */
	MOST_BLOCKS = 65536,
	SLOWER = MM_ASAN || MM_TSAN ? 8 : 1,
};

struct block {
	uint32_t pfn; /* as the model counts: from BASE */
	unsigned order;
	bool marked; /* asked for as something else, and PG_lru later */
};

/* What is compared with what. */
struct plan {
	uint32_t pages;
	uint64_t ops;
	enum mmsim_mode mode;
	bool bare; /* the short ways are open */
	bool heard; /* somebody listens: each block for itself */
	struct naive_rules rules;
};

struct run {
	struct small_machine m;
	const struct plan *plan;
	struct naive_buddy naive;
	struct mm_rng rng;
	struct first_failure failure;
	uint64_t seed, op;
	unsigned full; /* of 100 operations this many allocate */
	unsigned nr;
	struct block block[MOST_BLOCKS];
};

static const mmsim_gfp_t gfp_of[] = { 0, MMSIM___GFP_MOVABLE, MMSIM___GFP_RECLAIMABLE };
static const mmsim_gfp_t gfp_of_kind[NAIVE_KINDS] = {
	[NAIVE_WAITS] = MMSIM___GFP_DIRECT_RECLAIM,
	[NAIVE_URGENT] = MMSIM___GFP_DIRECT_RECLAIM | MMSIM___GFP_HIGH,
	[NAIVE_MEMALLOC] = MMSIM___GFP_MEMALLOC,
};

static uint64_t draw(struct run *r, uint64_t n)
{
	return mm_rng_below(&r->rng, n);
}

/* Mostly single pages; the larger the rarer. */
static unsigned draw_order(struct run *r)
{
	uint64_t dice = draw(r, 100);

	if (dice < 70)
		return 0;
	return (unsigned)(dice < 98 ? draw(r, 4) : draw(r, 11));
}

/* Make the next trylock fail, in one of 64 cases; the short path knows no faults. */
static bool draw_busy(struct run *r)
{
	bool busy = !r->m.buddy.bare && !draw(r, 64);

	r->m.env.fault.point[MMSIM_FAULT_TRYLOCK] =
		(struct mm_fault_point){ .nth = busy, .count = 1 };
	return busy;
}

static void expect_pfn(struct run *r, const struct mmsim_page *page, uint32_t want)
{
	uint64_t got = page ? small_machine_pfn(&r->m, page) - BASE : NAIVE_NONE;

	expect_in_task(&r->failure, got == want, r->op);
	if (page && r->nr == MOST_BLOCKS)
		expect_in_task(&r->failure, false, r->op);
}

static void set_movable(struct run *r, const struct block *block, bool movable)
{
	for (uint32_t i = 0; i < 1u << block->order; i++)
		r->naive.movable[block->pfn + i] = movable;
}

/* As is done with what somebody found movable who did not ask for it. */
static void mark(struct run *r, const struct block *block, bool marked)
{
	for (uint32_t pfn = block->pfn; pfn < block->pfn + (1u << block->order); pfn++) {
		uint64_t *flags = &small_machine_page(&r->m, BASE + pfn)->flags;

		*flags &= ~(UINT64_C(1) << MMSIM_PG_LRU);
		*flags |= (uint64_t)marked << MMSIM_PG_LRU;
	}
}

static void keep(struct run *r, uint32_t pfn, unsigned order, unsigned type)
{
	struct block block = { pfn, order, type != NAIVE_MOVABLE && !draw(r, 8) };

	if (pfn == NAIVE_NONE)
		return;
	r->block[r->nr++] = block;
	set_movable(r, &block, type == NAIVE_MOVABLE || block.marked);
	if (block.marked)
		mark(r, &block, true);
}

static enum naive_kind draw_kind(struct run *r)
{
	static const enum naive_kind kinds[] = {
		NAIVE_PLAIN, NAIVE_PLAIN,    NAIVE_PLAIN,    NAIVE_PLAIN,
		NAIVE_WAITS, NAIVE_MEMALLOC, NAIVE_MEMALLOC, NAIVE_URGENT,
	};

	return kinds[draw(r, 8)];
}

static void alloc_one(struct run *r, unsigned cpu)
{
	unsigned order = draw_order(r), type = (unsigned)draw(r, 3);
	enum naive_kind kind = draw_kind(r);
	bool busy = draw_busy(r);
	uint32_t want = naive_alloc(&r->naive, cpu, order, type, kind, busy);

	expect_pfn(r,
		   mm_buddy_alloc_pages(&r->m.buddy, MMSIM_NUMA_NO_NODE,
					gfp_of[type] | gfp_of_kind[kind], order),
		   want);
	keep(r, want, order, type);
}

static void alloc_bulk(struct run *r, unsigned cpu)
{
	struct mmsim_page *page[64];
	uint32_t want[65];
	unsigned type = (unsigned)draw(r, 3);
	size_t nr = 1 + draw(r, 63), nr_want = naive_alloc_bulk(&r->naive, cpu, type, nr, want);
	size_t got = mm_buddy_alloc_pages_bulk(&r->m.buddy, gfp_of[type], nr, page);

	expect_in_task(&r->failure, got == nr_want, r->op);
	for (size_t i = 0; i < got && i < nr_want; i++) {
		expect_pfn(r, page[i], want[i]);
		keep(r, want[i], 0, type);
	}
}

static void free_one(struct run *r, unsigned cpu)
{
	uint64_t i = draw(r, r->nr);
	struct block block = r->block[i];
	bool busy = draw_busy(r);

	r->block[i] = r->block[--r->nr];
	set_movable(r, &block, false);
	if (block.marked)
		mark(r, &block, false);
	naive_free(&r->naive, cpu, block.pfn, block.order, busy);
	expect_in_task(&r->failure, !mm_buddy_free_pfn(&r->m.buddy, BASE + block.pfn, block.order),
		       r->op);
}

static void drain(struct run *r)
{
	mm_buddy_pcp_drain_all(small_machine_normal(&r->m));
	naive_drain_all(&r->naive);
}

static void decay(struct run *r, unsigned cpu)
{
	mm_buddy_pcp_decay(small_machine_normal(&r->m), cpu);
	naive_decay(&r->naive, cpu);
}

/* What kswapd would do when it is done. */
static void end_boost(struct run *r)
{
	struct mm_zone *zone = small_machine_normal(&r->m);

	zone->watermark_boost = r->naive.boost = 0;
	mm_buddy_set_plenty(zone);
}

static void one_op(struct run *r, unsigned cpu)
{
	r->m.env.fault.point[MMSIM_FAULT_TRYLOCK].nth = 0;
	r->op++;
	if (!draw(r, 5000))
		drain(r);
	else if (!draw(r, 2000))
		decay(r, cpu);
	else if (!draw(r, 300))
		end_boost(r);
	else if (draw(r, 100) >= r->full)
		r->nr ? free_one(r, cpu) : drain(r);
	else if (!draw(r, 200) && r->nr + 64 < MOST_BLOCKS)
		alloc_bulk(r, cpu);
	else if (r->nr < MOST_BLOCKS)
		alloc_one(r, cpu);
}

static void some_ops(void *arg)
{
	struct run *r = arg;
	unsigned cpu = mm_exec_cpu(r->m.env.exec);

	for (unsigned i = 0; i < OPS_IN_A_ROW && !r->failure.what; i++)
		one_op(r, cpu);
}

static void assert_same_list(struct run *r, mm_list *real, const struct naive_list *naive,
			     const char *what, unsigned index, unsigned type)
{
	size_t left = naive->nr;

	mm_list_for_each(pos, real) {
		struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);
		uint64_t at = small_machine_pfn(&r->m, page) - BASE;

		if (!left || naive->pfn[left - 1] != at)
			fail_msg("seed %lu op %lu: %s %u type %u: place %zu has %#lx", r->seed,
				 r->op, what, index, type, naive->nr - left, at);
		left--;
	}
	if (left)
		fail_msg("seed %lu op %lu: %s %u type %u: %zu are missing", r->seed, r->op, what,
			 index, type, left);
}

static void assert_same_pcp(struct run *r, unsigned cpu)
{
	struct mm_pcp *real = mm_per_cpu(&small_machine_normal(&r->m)->pcps, cpu);
	struct naive_pcp *naive = &r->naive.pcp[cpu];

	for (unsigned i = 0; i < NAIVE_PCP_LISTS; i++)
		assert_same_list(r, &real->lists[i], &naive->list[i], "list", i, cpu);
	if (real->count != naive->count || real->high != naive->high ||
	    real->free_count != naive->free_count || real->alloc_factor != naive->factor)
		fail_msg("seed %lu op %lu: CPU %u: count %d high %d freed %d factor %d, "
			 "not %d %d %d %d",
			 r->seed, r->op, cpu, real->count, real->high, real->free_count,
			 real->alloc_factor, naive->count, naive->high, naive->free_count,
			 naive->factor);
}

static void assert_same(struct run *r)
{
	struct mm_zone *zone = small_machine_normal(&r->m);

	for (unsigned t = 0; t < NAIVE_TYPES; t++)
		for (unsigned o = 0; o < NAIVE_ORDERS; o++)
			assert_same_list(r, &zone->area[o].list[t], &r->naive.list[o][t], "order",
					 o, t);
	for (unsigned cpu = 0; cpu < NAIVE_CPUS; cpu++)
		assert_same_pcp(r, cpu);
	assert_int_equal(zone->free_pages, r->naive.nr_free);
	assert_int_equal(zone->watermark_boost, r->naive.boost);
	assert_int_equal(mm_zone_flag(zone, MM_ZONE_BELOW_HIGH), r->naive.below_high);
	assert_int_equal(zone->stat.claims, r->naive.claims);
	assert_int_equal(zone->stat.steals, r->naive.steals);
}

static void hear(void *ctx, const struct mmsim_event *event)
{
	(void)ctx;
	(void)event;
}

static struct mmsim_alloc_policy policy_of(const struct naive_rules *rules)
{
	return (struct mmsim_alloc_policy){
		.fallback = rules->largest   ? MMSIM_FALLBACK_LARGEST
			    : rules->forgets ? MMSIM_FALLBACK_UNCACHED
					     : MMSIM_FALLBACK_CACHED,
		.pcp_free = rules->slices ? MMSIM_PCP_FREE_SLICED : MMSIM_PCP_FREE_WHOLE,
		.pcp_high = rules->fixed ? MMSIM_PCP_HIGH_FIXED : MMSIM_PCP_HIGH_AUTO,
		.flags = (rules->defrag ? MMSIM_POLICY_DEFRAG_MODE : 0u) |
			 (rules->cache ? MMSIM_POLICY_FREE_HIGH_BATCH : 0u) |
			 (rules->boost ? 0u : MMSIM_POLICY_NO_BOOST),
		.min_free_kbytes = rules->min_kbytes,
		.watermark_boost_factor = rules->boost,
		.percpu_pagelist_high_fraction = rules->fraction,
		.pcp_batch_scale_max = rules->scale + 1,
	};
}

/* RAM of the zone: ragged at both ends, with a hole and a reserved range. */
enum { NR_CUTS = 6 };

static void open_real(struct run *r, const uint32_t *cuts)
{
	memset(&r->m, 0, sizeof(r->m));
	page_env_config(&r->m.env, NAIVE_CPUS, 1);
	r->m.env.cfg.mode = r->plan->mode;
	r->m.env.cfg.policy = policy_of(&r->plan->rules);
	page_env_ram(&r->m.env, 0, BASE + cuts[0], BASE + cuts[1]);
	page_env_ram(&r->m.env, 0, BASE + cuts[2], BASE + cuts[5]);
	page_env_reserve(&r->m.env, 0, BASE + cuts[3], BASE + cuts[4]);
	small_machine_open(&r->m);
	r->m.obs.sink = r->plan->heard ? hear : NULL;
	r->m.buddy.bare = r->plan->bare;
}

static void open_both(struct run *r)
{
	const uint32_t pages = r->plan->pages;
	const uint32_t cuts[NR_CUTS] = { 5, 3 * 1024 + 77, 3 * 1024 + 700, 5000, 5011, pages - 3 };

	open_real(r, cuts);
	naive_open(&r->naive, pages - 3, &r->plan->rules);
	for (unsigned i = 0; i < NR_CUTS; i += 2)
		for (uint32_t pfn = cuts[i]; pfn < cuts[i + 1];) {
			unsigned order = 10;

			while (pfn % (1u << order) || pfn + (1u << order) > cuts[i + 1])
				order--;
			naive_free_block(&r->naive, pfn, order, true);
			pfn += 1u << order;
		}
	r->naive.managed = r->naive.nr_free;
	naive_setup(&r->naive);
}

static void close_both(struct run *r)
{
	naive_close(&r->naive);
	small_machine_close(&r->m);
}

/* As a task on one of the CPUs: the caller's own is always the first. */
static void run_some_ops(struct run *r)
{
	struct mm_cpumask mask = mm_cpumask_of((unsigned)draw(r, NAIVE_CPUS));
	struct mm_task task;

	assert_int_equal(mm_exec_spawn(r->m.env.exec, &task, &mask, some_ops, r), 0);
	mm_exec_join(r->m.env.exec, &task);
	assert_no_failure(&r->failure, r->seed);
}

static void give_all_back(struct run *r)
{
	while (r->nr) {
		struct block block = r->block[--r->nr];

		naive_free(&r->naive, mm_exec_cpu(r->m.env.exec), block.pfn, block.order, false);
		assert_int_equal(mm_buddy_free_pfn(&r->m.buddy, BASE + block.pfn, block.order), 0);
	}
	drain(r);
	assert_same(r);
	assert_int_equal(mm_buddy_validate(&r->m.buddy), small_machine_normal(&r->m)->managed);
}

static void compare(uint64_t seed, const struct plan *plan)
{
	/* Phases: filling up, hardly anything free, emptying, as it comes. */
	static const unsigned full[] = { 60, 52, 30, 50 };
	static struct run r;

	r.plan = plan;
	r.failure = (struct first_failure){ 0 };
	r.rng = mm_rng_split(seed, 0);
	r.seed = seed;
	r.op = 0;
	r.nr = 0;
	open_both(&r);
	assert_same(&r);
	while (r.op < plan->ops / SLOWER) {
		r.full = full[r.op / 20000 % 4];
		run_some_ops(&r);
		assert_same(&r);
		if (r.op / OPS_IN_A_ROW % 40 == 0)
			mm_buddy_validate(&r.m.buddy);
	}
	fprintf(stderr,
		"seed %lu: ops %lu claims %lu steals %lu nr %u free %u boost %lu marks %lu %lu "
		"%lu\n",
		seed, r.op, r.naive.claims, r.naive.steals, r.nr, r.naive.nr_free, r.naive.boost,
		r.naive.mark[0], r.naive.mark[1], r.naive.mark[2]);
	/* Everything was met with, in time; but above high marks there is always something to claim. */
	assert_true(r.naive.claims > 10 / SLOWER);
	assert_true(r.naive.steals > 10 || plan->rules.min_kbytes > 1000 || SLOWER > 1);
	give_all_back(&r);
	close_both(&r);
}

#define DEFAULTS .boost = 15000, .scale = 5

static void as_kernels_are(void **state)
{
	static const struct plan plan = { 16384, 400000, MMSIM_SERIAL, .rules = { DEFAULTS } };
	static const struct plan heard = { 16384, 150000, MMSIM_SERIAL, .heard = true,
					   .rules = { DEFAULTS } };

	(void)state;
	compare(1, &plan);
	compare(2, &heard);
}

static void large_zone(void **state)
{
	static const struct plan plan = { 40000, 400000, MMSIM_SERIAL,
					  .rules = { DEFAULTS, .slices = true, .forgets = true } };

	(void)state;
	compare(3, &plan);
}

static void as_old_kernels_were(void **state)
{
	static const struct plan plan = {
		16384, 150000, MMSIM_SERIAL,
		.rules = { .scale = 5, .largest = true, .fixed = true, .min_kbytes = 400 }
	};

	(void)state;
	compare(4, &plan);
}

static void with_other_sysctls(void **state)
{
	static const struct plan defrag = { 16384, 150000, MMSIM_SERIAL,
					    .rules = { .scale = 2,
						       .boost = 3000,
						       .defrag = true,
						       .cache = true,
						       .fraction = 64,
						       .slices = true } };
	/* Little room between the bounds of the lists. */
	static const struct plan marks = { 16384, 100000, MMSIM_SERIAL,
					   .rules = { DEFAULTS, .min_kbytes = 6000 } };

	(void)state;
	compare(5, &defrag);
	compare(6, &marks);
}

static void with_the_short_ways(void **state)
{
	static const struct plan plan = { 16384, 200000, MMSIM_NATIVE, .bare = true,
					  .rules = { DEFAULTS } };
	static const struct plan sliced = {
		16384, 100000, MMSIM_NATIVE, .bare = true,
		.rules = { .scale = 5, .slices = true, .cache = true, .min_kbytes = 300 }
	};

	(void)state;
	compare(7, &plan);
	compare(8, &sliced);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_kernels_are),      cmocka_unit_test(large_zone),
		cmocka_unit_test(as_old_kernels_were), cmocka_unit_test(with_other_sysctls),
		cmocka_unit_test(with_the_short_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
