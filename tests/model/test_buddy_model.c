/* SPDX-License-Identifier: MIT */
/*
 * The page allocator against a naive one on the same random operations from two CPUs: after each
 * operation the same page, every so often the same lists in the same order and sound books.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "first_failure.h"
#include "naive_buddy.h"
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
};

struct run {
	struct small_machine m;
	struct naive_buddy naive;
	struct mm_rng rng;
	struct first_failure failure;
	uint64_t seed, op;
	unsigned full; /* of 100 operations this many allocate */
	unsigned nr;
	struct block block[MOST_BLOCKS];
};

static const mmsim_gfp_t gfp_of[] = { 0, MMSIM___GFP_MOVABLE, MMSIM___GFP_RECLAIMABLE };

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

static void keep(struct run *r, uint32_t pfn, unsigned order)
{
	if (pfn != NAIVE_NONE)
		r->block[r->nr++] = (struct block){ pfn, order };
}

static void alloc_one(struct run *r, unsigned cpu)
{
	unsigned order = draw_order(r), type = (unsigned)draw(r, 3);
	bool busy = draw_busy(r);
	uint32_t want = naive_alloc(&r->naive, cpu, order, type, busy);

	expect_pfn(r, mm_buddy_alloc_pages(&r->m.buddy, MMSIM_NUMA_NO_NODE, gfp_of[type], order),
		   want);
	keep(r, want, order);
}

static void alloc_bulk(struct run *r, unsigned cpu)
{
	struct mmsim_page *page[64];
	unsigned type = (unsigned)draw(r, 3);
	size_t nr = 2 + draw(r, 62);
	size_t got = mm_buddy_alloc_pages_bulk(&r->m.buddy, gfp_of[type], nr, page);

	for (size_t i = 0; i < nr; i++) {
		uint32_t want = naive_pcp_take(&r->naive, cpu, type);

		/* Not even one the short way: one the long way. */
		if (want == NAIVE_NONE && !i)
			want = naive_alloc(&r->naive, cpu, 0, type, false);
		expect_pfn(r, i < got ? page[i] : NULL, want);
		keep(r, want, 0);
		if (want == NAIVE_NONE)
			break;
	}
}

static void free_one(struct run *r, unsigned cpu)
{
	uint64_t i = draw(r, r->nr);
	struct block block = r->block[i];
	bool busy = draw_busy(r);

	r->block[i] = r->block[--r->nr];
	naive_free(&r->naive, cpu, block.pfn, block.order, busy);
	expect_in_task(&r->failure, !mm_buddy_free_pfn(&r->m.buddy, BASE + block.pfn, block.order),
		       r->op);
}

static void drain(struct run *r)
{
	mm_buddy_pcp_drain_all(small_machine_normal(&r->m));
	naive_drain_all(&r->naive);
}

static void one_op(struct run *r, unsigned cpu)
{
	r->m.env.fault.point[MMSIM_FAULT_TRYLOCK].nth = 0;
	r->op++;
	if (!draw(r, 5000))
		drain(r);
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

static void assert_same(struct run *r)
{
	struct mm_zone *zone = small_machine_normal(&r->m);

	for (unsigned t = 0; t < NAIVE_TYPES; t++) {
		for (unsigned o = 0; o < NAIVE_ORDERS; o++)
			assert_same_list(r, &zone->area[o].list[t], &r->naive.list[o][t], "order",
					 o, t);
		for (unsigned cpu = 0; cpu < NAIVE_CPUS; cpu++) {
			struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, cpu);

			assert_same_list(r, &pcp->lists[t], &r->naive.pcp[cpu][t], "CPU", cpu, t);
		}
	}
}

/* RAM of the zone: ragged at both ends, with a hole and a reserved range. */
static void open_both(struct run *r, uint32_t pages, enum mmsim_mode mode, bool bare)
{
	const uint32_t cuts[] = { 5, 3 * 1024 + 77, 3 * 1024 + 700, 5000, 5011, pages - 3 };
	struct mm_zone *zone;

	memset(&r->m, 0, sizeof(r->m));
	page_env_config(&r->m.env, NAIVE_CPUS, 1);
	r->m.env.cfg.mode = mode;
	page_env_ram(&r->m.env, 0, BASE + cuts[0], BASE + cuts[1]);
	page_env_ram(&r->m.env, 0, BASE + cuts[2], BASE + cuts[5]);
	page_env_reserve(&r->m.env, 0, BASE + cuts[3], BASE + cuts[4]);
	small_machine_open(&r->m);
	r->m.buddy.bare = bare;
	zone = small_machine_normal(&r->m);
	naive_open(&r->naive, pages, zone->pcp_batch);
	for (unsigned i = 0; i < 6; i += 2)
		for (uint32_t pfn = cuts[i]; pfn < cuts[i + 1];) {
			unsigned order = 10;

			while (pfn % (1u << order) || pfn + (1u << order) > cuts[i + 1])
				order--;
			naive_free_block(&r->naive, pfn, order, true);
			pfn += 1u << order;
		}
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

static void compare(uint64_t seed, uint32_t pages, uint64_t ops, enum mmsim_mode mode, bool bare)
{
	/* Phases: filling up, hardly anything free, emptying, as it comes. */
	static const unsigned full[] = { 60, 52, 30, 50 };
	static struct run r;

	r.failure = (struct first_failure){ 0 };
	r.rng = mm_rng_split(seed, 0);
	r.seed = seed;
	r.op = 0;
	r.nr = 0;
	open_both(&r, pages, mode, bare);
	assert_same(&r);
	while (r.op < ops) {
		r.full = full[r.op / 20000 % 4];
		run_some_ops(&r);
		assert_same(&r);
		if (r.op / OPS_IN_A_ROW % 40 == 0)
			mm_buddy_validate(&r.m.buddy);
	}
	give_all_back(&r);
	close_both(&r);
}

static void a_million_operations(void **state)
{
	(void)state;
	compare(1, 16384, 600000 / SLOWER, MMSIM_SERIAL, false);
	compare(2, 65536, 400000 / SLOWER, MMSIM_SERIAL, false);
}

static void with_the_short_path(void **state)
{
	(void)state;
	compare(3, 16384, 200000 / SLOWER, MMSIM_NATIVE, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_million_operations),
		cmocka_unit_test(with_the_short_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
