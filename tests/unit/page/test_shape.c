/* SPDX-License-Identifier: MIT */
/*
 * Shape: what RAM and reserved ranges make of nodes and zones. Hand-computed machines, and random
 * ones against a model that looks at every page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "page_env.h"
#include "random_shape.h"

#define MIB(n) ((uint64_t)(n) << 8) /* in page frames */
#define GIB(n) ((uint64_t)(n) << 18)

static struct page_env env;

static void begin(unsigned nr_nodes)
{
	page_env_config(&env, 1, nr_nodes);
	page_env_open_base(&env);
}

static void make(void)
{
	assert_int_equal(mm_page_shape_init(&env.shape, &env.meta, &env.cfg), 0);
}

static void end(void)
{
	mm_page_shape_fini(&env.shape, &env.meta);
	page_env_close_base(&env);
}

static void assert_zone(unsigned node, enum mmsim_zone_type z, uint64_t start, uint64_t stop,
			uint64_t present)
{
	const struct mm_zone_span *span = &env.shape.zone[node][z];

	if (span->start != start || span->end != stop || span->present != present)
		fail_msg("node %u zone %d: %#lx-%#lx present %#lx, wanted %#lx-%#lx present %#lx",
			 node, z, span->start, span->end, span->present, start, stop, present);
}

static void assert_no_zone(unsigned node, enum mmsim_zone_type z)
{
	assert_zone(node, z, 0, 0, 0);
}

static void zones_end_at_their_limits(void **state)
{
	(void)state;
	begin(1);
	page_env_ram(&env, 0, 1, MIB(3072));
	page_env_ram(&env, 0, GIB(4), GIB(6));
	make();
	assert_zone(0, MMSIM_ZONE_DMA, 1, MIB(16), MIB(16) - 1);
	assert_zone(0, MMSIM_ZONE_DMA32, MIB(16), GIB(4), GIB(3) - MIB(16));
	assert_zone(0, MMSIM_ZONE_NORMAL, GIB(4), GIB(6), GIB(2));
	assert_no_zone(0, MMSIM_ZONE_MOVABLE);
	assert_int_equal(env.shape.max_pfn, GIB(6));
	assert_int_equal(env.shape.node[0].start, 1);
	assert_int_equal(env.shape.node[0].end, GIB(6));
	end();
}

/* A limit in the middle of a range; a page to either side of it. */
static void limits_are_exact(void **state)
{
	(void)state;
	begin(1);
	page_env_ram(&env, 0, MIB(16) - 1, MIB(16) + 1);
	page_env_ram(&env, 0, GIB(4) - 1, GIB(4) + 1);
	make();
	assert_zone(0, MMSIM_ZONE_DMA, MIB(16) - 1, MIB(16), 1);
	assert_zone(0, MMSIM_ZONE_DMA32, MIB(16), GIB(4), 2);
	assert_zone(0, MMSIM_ZONE_NORMAL, GIB(4), GIB(4) + 1, 1);
	end();
}

static void a_zone_of_hole_only_does_not_exist(void **state)
{
	(void)state;
	begin(1);
	page_env_ram(&env, 0, 0, MIB(8));
	page_env_ram(&env, 0, GIB(5), GIB(6));
	make();
	assert_zone(0, MMSIM_ZONE_DMA, 0, MIB(16), MIB(8));
	assert_no_zone(0, MMSIM_ZONE_DMA32);
	assert_zone(0, MMSIM_ZONE_NORMAL, GIB(4), GIB(6), GIB(1));
	end();
}

static void movable_is_the_top_of_a_node(void **state)
{
	(void)state;
	begin(3);
	page_env_ram(&env, 0, 0, GIB(8));
	page_env_ram(&env, 1, GIB(8), GIB(9));
	page_env_ram(&env, 1, GIB(10), GIB(10) + MIB(64));
	page_env_ram(&env, 2, GIB(11), GIB(11) + MIB(32) + 1);
	env.cfg.node[0].movable_bytes = UINT64_C(5) << 30; /* reaches below 4 GiB */
	env.cfg.node[1].movable_bytes = UINT64_C(128) << 20; /* over the hole */
	env.cfg.node[2].movable_bytes = UINT64_C(8) << 20; /* does not begin on a block */
	make();
	assert_zone(0, MMSIM_ZONE_DMA32, MIB(16), GIB(3), GIB(3) - MIB(16));
	assert_no_zone(0, MMSIM_ZONE_NORMAL);
	assert_zone(0, MMSIM_ZONE_MOVABLE, GIB(3), GIB(8), GIB(5));
	assert_zone(1, MMSIM_ZONE_NORMAL, GIB(8), GIB(9) - MIB(64), GIB(1) - MIB(64));
	assert_zone(1, MMSIM_ZONE_MOVABLE, GIB(9) - MIB(64), GIB(10) + MIB(64), MIB(128));
	assert_zone(2, MMSIM_ZONE_NORMAL, GIB(11), GIB(11) + MIB(28), MIB(28));
	assert_zone(2, MMSIM_ZONE_MOVABLE, GIB(11) + MIB(28), GIB(11) + MIB(32) + 1, MIB(4) + 1);
	end();
}

static void all_of_a_node_may_be_movable(void **state)
{
	(void)state;
	begin(2);
	page_env_ram(&env, 0, 0, GIB(1));
	page_env_ram(&env, 1, GIB(1), GIB(2));
	env.cfg.node[0].movable_bytes = UINT64_C(9) << 30;
	env.cfg.node[1].movable_bytes = UINT64_C(1) << 20; /* less than a block */
	make();
	for (int z = 0; z < MMSIM_ZONE_MOVABLE; z++)
		assert_no_zone(0, (enum mmsim_zone_type)z);
	assert_zone(0, MMSIM_ZONE_MOVABLE, 0, GIB(1), GIB(1));
	assert_zone(1, MMSIM_ZONE_DMA32, GIB(1), GIB(2), GIB(1));
	assert_no_zone(1, MMSIM_ZONE_MOVABLE);
	end();
}

static void nodes_interleave(void **state)
{
	(void)state;
	begin(2);
	page_env_ram(&env, 0, GIB(4), GIB(5));
	page_env_ram(&env, 1, GIB(5), GIB(6));
	page_env_ram(&env, 0, GIB(6), GIB(7));
	page_env_ram(&env, 1, GIB(8), GIB(9));
	make();
	assert_zone(0, MMSIM_ZONE_NORMAL, GIB(4), GIB(7), GIB(2));
	assert_zone(1, MMSIM_ZONE_NORMAL, GIB(5), GIB(9), GIB(2));
	assert_int_equal(env.shape.nr_ram, 4); /* touching, but of different nodes */
	end();
}

/* A node without memory has no zones; one without CPUs is like any other here. */
static void nodes_without_memory(void **state)
{
	(void)state;
	begin(3);
	page_env_ram(&env, 2, 0, MIB(64));
	make();
	for (unsigned node = 0; node < 2; node++) {
		assert_int_equal(env.shape.node[node].start, env.shape.node[node].end);
		for (int z = 0; z < MMSIM_NR_ZONES; z++)
			assert_no_zone(node, (enum mmsim_zone_type)z);
	}
	assert_zone(2, MMSIM_ZONE_DMA32, MIB(16), MIB(64), MIB(48));
	end();
}

static void assert_span(const struct mm_span *span, uint64_t start, uint64_t stop)
{
	assert_int_equal(span->start, start);
	assert_int_equal(span->end, stop);
}

static void ranges_are_sorted_and_united(void **state)
{
	(void)state;
	begin(1);
	page_env_ram(&env, 0, 4000, 5000);
	page_env_ram(&env, 0, 0, 1000);
	page_env_ram(&env, 0, 1000, 2000);
	page_env_ram(&env, 0, 2001, 3000);
	page_env_reserve(&env, 0, 4500, 4600);
	page_env_reserve(&env, 0, 100, 300);
	page_env_reserve(&env, 0, 120, 130); /* inside */
	page_env_reserve(&env, 0, 300, 301); /* touching */
	page_env_reserve(&env, 0, 4590, 4700); /* overlapping */
	page_env_reserve(&env, 0, 302, 303); /* a page apart */
	make();
	assert_int_equal(env.shape.nr_ram, 3);
	assert_span(&env.shape.ram[0], 0, 2000);
	assert_span(&env.shape.ram[1], 2001, 3000);
	assert_span(&env.shape.ram[2], 4000, 5000);
	assert_int_equal(env.shape.nr_reserved, 3);
	assert_span(&env.shape.reserved[0], 100, 301);
	assert_span(&env.shape.reserved[1], 302, 303);
	assert_span(&env.shape.reserved[2], 4500, 4700);
	end();
}

static void distances_have_defaults(void **state)
{
	(void)state;
	begin(3);
	page_env_ram(&env, 0, 0, MIB(4));
	env.cfg.node[0].distance[2] = 31;
	env.cfg.node[2].distance[0] = 41;
	make();
	assert_int_equal(env.shape.distance[0 * 3 + 0], 10);
	assert_int_equal(env.shape.distance[0 * 3 + 1], 20);
	assert_int_equal(env.shape.distance[0 * 3 + 2], 31);
	assert_int_equal(env.shape.distance[2 * 3 + 0], 41);
	assert_int_equal(env.shape.distance[2 * 3 + 2], 10);
	end();
}

/* Every k-th metadata allocation fails: an error, and nothing left (M1 at the end). */
static void out_of_memory(void **state)
{
	int err = -1;

	(void)state;
	for (unsigned k = 1; err; k++) {
		begin(2);
		page_env_ram(&env, 0, 0, MIB(4));
		env.fault.point[MMSIM_FAULT_METADATA] =
			(struct mm_fault_point){ .nth = k, .count = 1 };
		err = mm_page_shape_init(&env.shape, &env.meta, &env.cfg);
		assert_true(err == 0 || err == -ENOMEM);
		assert_int_equal(!err, !mm_base_fault_fired(&env.fault, MMSIM_FAULT_METADATA));
		assert_true(k > 5 || err);
		end();
	}
}

/* S1 to S3 against the page-by-page model. */
static void check_against_model(const struct random_shape *r, uint64_t seed)
{
	const struct mm_shape *s = &env.shape;
	uint64_t present[4][MMSIM_NR_ZONES] = { 0 };

	for (uint64_t pfn = 0; pfn < RANDOM_SHAPE_PAGES; pfn++) {
		unsigned in = 0, node = (unsigned)r->node[pfn];

		if (r->node[pfn] < 0)
			continue;
		for (unsigned z = 0; z < MMSIM_NR_ZONES; z++)
			if (pfn >= s->zone[node][z].start && pfn < s->zone[node][z].end) {
				in++;
				present[node][z]++;
			}
		if (in != 1)
			fail_msg("seed %#lx: pfn %#lx is in %u zones", seed, pfn, in);
	}
	for (unsigned node = 0; node < r->nr_nodes; node++)
		for (unsigned z = 0; z < MMSIM_NR_ZONES; z++)
			if (present[node][z] != s->zone[node][z].present)
				fail_msg("seed %#lx: node %u zone %u: present", seed, node, z);
	for (unsigned i = 1; i < s->nr_ram; i++)
		if (s->ram[i - 1].end > s->ram[i].start ||
		    (s->ram[i - 1].end == s->ram[i].start && s->ram[i - 1].node == s->ram[i].node))
			fail_msg("seed %#lx: ram[%u] touches the one below", seed, i);
	for (unsigned i = 1; i < s->nr_reserved; i++)
		if (s->reserved[i - 1].end >= s->reserved[i].start)
			fail_msg("seed %#lx: reserved[%u] touches the one below", seed, i);
}

static bool model_free(const struct random_shape *r, unsigned node, uint64_t pfn)
{
	return r->node[pfn] == (int8_t)node && !r->reserved[pfn];
}

/* The first free piece, found page by page. A piece ends where its RAM range ends, too. */
static bool model_next_free(const struct random_shape *r, unsigned node, uint64_t from,
			    uint64_t stop, struct mm_span *out)
{
	stop = mm_min(stop, (uint64_t)RANDOM_SHAPE_PAGES);
	while (from < stop && !model_free(r, node, from))
		from++;
	out->start = from;
	while (from < stop && model_free(r, node, from))
		from++;
	out->end = from;
	return out->start < out->end;
}

static void check_next_free(const struct random_shape *r, struct mm_rng *rng, uint64_t seed)
{
	for (int i = 0; i < 24; i++) {
		unsigned node = (unsigned)mm_rng_below(rng, r->nr_nodes);
		uint64_t from = mm_rng_below(rng, RANDOM_SHAPE_PAGES + 8);
		uint64_t stop = mm_rng_below(rng, RANDOM_SHAPE_PAGES + 8);
		struct mm_span want = { 0 }, got = { 0 };
		bool found = mm_page_shape_next_free(&env.shape, node, from, stop, &got);

		if (found != model_next_free(r, node, from, stop, &want) ||
		    (found && (got.start != want.start || got.end != want.end || got.node != node)))
			fail_msg("seed %#lx: next_free(%u, %#lx, %#lx): %d %#lx-%#lx, wanted "
				 "%#lx-%#lx",
				 seed, node, from, stop, found, got.start, got.end, want.start,
				 want.end);
	}
}

static void random_shapes(void **state)
{
	static struct random_shape r;

	(void)state;
	for (uint64_t seed = 1; seed <= (MM_ASAN || MM_TSAN ? 1000 : 3000); seed++) {
		struct mm_rng rng = mm_rng_split(seed, 1);

		begin(1);
		random_shape_make(&r, &env.cfg, seed);
		make();
		check_against_model(&r, seed);
		check_next_free(&r, &rng, seed);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_end_at_their_limits),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(a_zone_of_hole_only_does_not_exist),
		cmocka_unit_test(movable_is_the_top_of_a_node),
		cmocka_unit_test(all_of_a_node_may_be_movable),
		cmocka_unit_test(nodes_interleave),
		cmocka_unit_test(nodes_without_memory),
		cmocka_unit_test(ranges_are_sorted_and_united),
		cmocka_unit_test(distances_have_defaults),
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(random_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
