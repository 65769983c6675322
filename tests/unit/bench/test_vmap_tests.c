/* SPDX-License-Identifier: MIT */
/*
 * The kernel's vmalloc tests of bench/vmap, on a space that is made up here: it counts, and fails when told
 * to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmap_pcpu.h"
#include "vmap_test_list.h"
#include <stdlib.h>
#include <string.h>

#define MOST 4096

/* The space: areas by number. */
static struct {
	bool live[MOST];
	uint64_t pages[MOST];
	unsigned nr; /* numbers given out */
	unsigned nr_live, most_live, frees, touched, atomic, flushes, maps;
	uint64_t fail_at; /* the request that fails, from 1; 0: none */
	uint64_t requests;
	uint64_t most_align; /* what is asked for beyond fails */
	bool no_touch;
	unsigned sizes[101]; /* requests of so many pages */
	uint64_t now, delay;
	unsigned zeroed; /* requests with __GFP_ZERO */
} fake;

static void fresh(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.most_align = UINT64_C(1) << 40;
}

static uint64_t give(uint64_t bytes, uint64_t align)
{
	uint64_t pages = bytes >> 12;

	fake.now += 1000;
	if (++fake.requests == fake.fail_at || align > fake.most_align)
		return 0;
	assert_true(fake.nr + 1 < MOST);
	fake.nr++;
	fake.live[fake.nr] = true;
	fake.pages[fake.nr] = pages;
	fake.sizes[pages <= 100 ? pages : 0]++;
	if (++fake.nr_live > fake.most_live)
		fake.most_live = fake.nr_live;
	return (uint64_t)fake.nr << 32;
}

uint64_t mmsim_now(struct mmsim *m)
{
	(void)m;
	return fake.now;
}

void mmsim_ndelay(struct mmsim *m, uint64_t ns)
{
	(void)m;
	fake.delay += ns;
}

uint64_t mmsim_vmalloc(struct mmsim_vmap *v, uint64_t size)
{
	(void)v;
	return give(size, 1);
}

uint64_t mmsim_vmalloc_huge(struct mmsim_vmap *v, uint64_t size, mmsim_gfp_t gfp)
{
	(void)gfp;
	return mmsim_vmalloc(v, size);
}

uint64_t mmsim_vmalloc_gfp(struct mmsim_vmap *v, uint64_t size, mmsim_gfp_t gfp)
{
	fake.zeroed += !!(gfp & MMSIM___GFP_ZERO);
	return mmsim_vmalloc(v, size);
}

uint64_t mmsim_vmalloc_node(struct mmsim_vmap *v, uint64_t size, uint64_t align, mmsim_gfp_t gfp,
			    int node)
{
	(void)v;
	fake.zeroed += !!(gfp & MMSIM___GFP_ZERO);
	assert_int_equal(node, 0);
	return give(size, align);
}

int mmsim_vfree(struct mmsim_vmap *v, uint64_t addr)
{
	uint64_t i = addr >> 32;

	(void)v;
	if (!addr)
		return 0;
	if (!fake.live[i])
		return -22;
	fake.live[i] = false;
	fake.nr_live--;
	fake.frees++;
	return 0;
}

int mmsim_vfree_atomic(struct mmsim_vmap *v, uint64_t addr)
{
	fake.atomic++;
	return mmsim_vfree(v, addr);
}

void mmsim_vfree_flush(struct mmsim_vmap *v)
{
	(void)v;
	fake.flushes++;
}

uint64_t mmsim_vmalloc_touch(struct mmsim_vmap *v, uint64_t addr)
{
	(void)v;
	fake.touched++;
	return fake.no_touch || !fake.live[addr >> 32] ? UINT64_MAX : addr;
}

uint64_t mmsim_vm_map_ram(struct mmsim_vmap *v, struct mmsim_page *const *pages, unsigned nr)
{
	assert_non_null(pages);
	fake.maps++;
	return mmsim_vmalloc(v, (uint64_t)nr << 12);
}

int mmsim_vm_unmap_ram(struct mmsim_vmap *v, uint64_t addr, unsigned nr)
{
	assert_int_equal(fake.pages[addr >> 32], nr);
	return mmsim_vfree(v, addr);
}

size_t mmsim_alloc_pages_bulk(struct mmsim *m, mmsim_gfp_t gfp, size_t nr,
			      struct mmsim_page **pages)
{
	(void)m;
	(void)gfp;
	(void)pages;
	fake.nr_live += (unsigned)nr;
	return nr;
}

int mmsim_free_pages(struct mmsim *m, struct mmsim_page *page, unsigned order)
{
	(void)m;
	(void)page;
	assert_int_equal(order, 0);
	fake.nr_live--;
	return 0;
}

static struct vmap_suite suite = {
	.seed = 1,
	.loops = 50,
	.junk = 20,
	.held = 30,
	.pcpu_objects = 100,
	.nr_pages = 1,
	.repeat = 1,
	.nr_cpus = 2,
};

static struct vmap_worker run(uint32_t mask, unsigned index)
{
	struct vmap_worker w;

	suite.mask = mask;
	vmap_worker_init(&w, &suite, index);
	vmap_worker_run(&w);
	return w;
}

static void every_test_gives_back_what_it_took(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMAP_NR_TESTS; i++) {
		struct vmap_worker w;

		fresh();
		w = run(1u << i, 0);
		assert_int_equal(fake.nr_live, 0);
		assert_true(w.test[i].pairs > 0);
		assert_true(w.test[i].ns > 0 && w.test[i].ns >= w.test[i].loop_ns);
		assert_int_equal(vmap_worker_failed(&w), 0);
	}
}

/* As the kernel counts: no_block is to fail and does not; align_shift finds an end. */
static void counts(void **state)
{
	struct vmap_worker w;

	(void)state;
	fresh();
	suite.repeat = 3;
	suite.loops = 10;
	w = run(0xfff, 0);
	suite.loops = 50;
	suite.repeat = 1;
	for (unsigned i = 0; i < VMAP_NR_TESTS; i++) {
		bool shift = i == VMAP_TEST_ALIGN_SHIFT, no_block = i == 11;

		assert_int_equal(w.test[i].passed, shift || no_block ? 0 : 3);
		assert_int_equal(w.test[i].xfailed, shift ? 3 : 0);
		assert_int_equal(w.test[i].failed, no_block ? 3 : 0);
	}
}

static void a_test_ends_where_it_fails(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMAP_NR_TESTS; i++) {
		for (uint64_t at = 1; at < 60; at += 7) {
			struct vmap_worker w;
			uint64_t pairs;

			fresh();
			fake.fail_at = at;
			w = run(1u << i, 0);
			if (fake.requests < at) /* it asked for less */
				continue;
			pairs = w.test[i].failed + w.test[i].xfailed;
			if (pairs != 1 || fake.nr_live)
				fail_msg("%s, request %d: %d failed, %u left", vmap_test_name(i),
					 (int)at, (int)pairs, fake.nr_live);
		}
	}
}

static void a_store_must_arrive(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMAP_NR_TESTS; i++) {
		bool touches = (1u << i) & 0x70f;
		struct vmap_worker w;

		fresh();
		fake.no_touch = true;
		w = run(1u << i, 0);
		assert_int_equal(fake.touched > 0, touches);
		assert_int_equal(vmap_worker_failed(&w), touches);
	}
}

static void sizes(void **state)
{
	(void)state;
	fresh();
	run(1 << VMAP_TEST_LONG_BUSY, 0);
	assert_int_equal(fake.sizes[100], suite.loops);
	assert_int_equal(fake.sizes[1], suite.held + suite.loops);
	assert_int_equal(fake.most_live, suite.held + 3); /* the array, too */
	fresh();
	run(1 << VMAP_TEST_FULL_FIT, 0);
	assert_int_equal(fake.sizes[1], 2 * suite.junk + suite.loops);
	assert_int_equal(fake.most_live, 2 * suite.junk + 2);
	fresh();
	suite.loops = 2000;
	run(1 << 3, 0);
	suite.loops = 50;
	assert_true(fake.sizes[1] && fake.sizes[100] && !fake.sizes[0]);
	fresh();
	suite.nr_pages = 7;
	run(1 << 0 | 1 << 10 | 1 << 11, 0);
	suite.nr_pages = 1;
	assert_int_equal(fake.sizes[7], 3 * suite.loops);
	assert_int_equal(fake.maps, suite.loops);
	fresh();
	run(1 << 8 | 1 << 9, 0);
	assert_int_equal(fake.atomic, 2 * suite.loops);
	assert_int_equal(fake.flushes, 2);
}

static void zeroes(void **state)
{
	(void)state;
	fresh();
	run(1 << 0 | 1 << 4, 0);
	assert_int_equal(fake.zeroed, suite.loops); /* the aligned ones */
	assert_int_equal(fake.delay, 0);
	fresh();
	suite.zeroed = true;
	run(1 << 0 | 1 << 4, 0);
	assert_int_equal(fake.zeroed, 2 * suite.loops);
	fresh();
	suite.zero_ns = 10;
	run(1 << 0 | 1 << 4, 0);
	suite.zero_ns = 0;
	suite.zeroed = false;
	assert_int_equal(fake.zeroed, 0);
	assert_int_equal(fake.delay, 10 * (1 + 5) * suite.loops);
}

/* A permutation that leaves nothing in its place, nor any part to itself. */
static void one_cycle(void **state)
{
	unsigned first[VMAP_NR_TESTS] = { 0 };
	uint8_t order[VMAP_NR_TESTS];
	struct vmap_worker w;

	(void)state;
	for (unsigned index = 0; index < 500; index++) {
		unsigned at = 0, steps = 0;

		vmap_worker_init(&w, &suite, index);
		vmap_worker_order(&w, order);
		do {
			at = order[at];
			steps++;
		} while (at && steps <= VMAP_NR_TESTS);
		assert_int_equal(steps, VMAP_NR_TESTS);
		first[order[0]]++;
	}
	assert_int_equal(first[0], 0);
	for (unsigned i = 1; i < VMAP_NR_TESTS; i++)
		assert_in_range(first[i], 20, 90); /* of 45 */
	suite.sequential = true;
	vmap_worker_order(&w, order);
	suite.sequential = false;
	for (unsigned i = 0; i < VMAP_NR_TESTS; i++)
		assert_int_equal(order[i], i);
}

static void same_seed_same_requests(void **state)
{
	unsigned first[101];

	(void)state;
	fresh();
	run(1 << 3, 4);
	memcpy(first, fake.sizes, sizeof(first));
	fresh();
	run(1 << 3, 4);
	assert_memory_equal(first, fake.sizes, sizeof(first));
	fresh();
	run(1 << 3, 5);
	assert_memory_not_equal(first, fake.sizes, sizeof(first));
}

static void logs_as_the_module(void **state)
{
	static const char want[] = "Summary: fix_size_alloc_test passed: 2 failed: 0 xfailed: 0 "
				   "repeat: 2 loops: 50 avg: 50 usec\n"
				   "Summary: align_shift_alloc_test passed: 0 failed: 0 xfailed: 2 "
				   "repeat: 2 loops: 50 avg: 42 usec\n"
				   "All test took worker3=184000 cycles\n";
	struct vmap_worker w;
	char text[512], cut[32];

	(void)state;
	fresh();
	suite.repeat = 2;
	w = run(1 << 0 | 1 << VMAP_TEST_ALIGN_SHIFT, 3);
	vmap_worker_print(&w, text, sizeof(text));
	assert_string_equal(text, want);
	assert_int_equal(vmap_worker_print(&w, cut, sizeof(cut)), strlen(want));
	assert_int_equal(strlen(cut), sizeof(cut) - 1);
	suite.repeat = 1;
}

/* 50 of a million loops; 20 of J areas; the kernel's 30000 of full_fit are not loops. */
static void whole_is_scaled(void **state)
{
	struct vmap_worker w;
	double setup, loops;

	(void)state;
	fresh();
	w = run(1 << VMAP_TEST_FULL_FIT, 0);
	setup = (double)(w.test[1].ns - w.test[1].loop_ns) * 16384 / 20;
	loops = (double)w.test[1].loop_ns * 20000;
	assert_true(vmap_worker_whole_ns(&w) == setup + loops);
	fresh();
	w = run(1 << VMAP_TEST_ALIGN_SHIFT, 0);
	assert_true(vmap_worker_whole_ns(&w) == (double)w.test[VMAP_TEST_ALIGN_SHIFT].ns);
	fresh();
	w = run(1 << VMAP_TEST_PCPU, 0);
	assert_true(vmap_worker_whole_ns(&w) == 350.0 * (double)w.test[VMAP_TEST_PCPU].ns);
	assert_int_equal(vmap_tests_junk(1), 8192);
	assert_int_equal(vmap_tests_junk(64), 57344);
	assert_int_equal(vmap_tests_junk(256), 9 * 8192);
}

static void pcpu_objects_do_not_overlap(void **state)
{
	struct vmap_pcpu_object o[300];
	struct vmap_pcpu p;

	(void)state;
	fresh();
	vmap_pcpu_init(&p, NULL, 4);
	for (unsigned i = 0; i < 300; i++) {
		size_t size = 1 + i * 37 % 1024, align = (size_t)1 << (1 + i % 11);

		assert_int_equal(vmap_pcpu_alloc(&p, size, align, &o[i]), 0);
		assert_int_equal(o[i].granule * VMAP_PCPU_GRANULE % align, 0);
		assert_true(o[i].granules * VMAP_PCPU_GRANULE >= size);
		for (unsigned k = 0; k < i; k++)
			assert_true(o[k].chunk != o[i].chunk ||
				    o[k].granule + o[k].granules <= o[i].granule ||
				    o[i].granule + o[i].granules <= o[k].granule);
	}
	assert_true(fake.nr > 3 && fake.pages[1] == 4 * VMAP_PCPU_UNIT >> 12);
	for (unsigned i = 0; i < 300; i++)
		vmap_pcpu_free(&o[i]);
	/* First fit: the first chunk, from its beginning. */
	assert_int_equal(vmap_pcpu_alloc(&p, VMAP_PCPU_UNIT, 1, &o[0]), 0);
	assert_true(o[0].chunk == p.first && o[0].granule == 0);
	assert_int_equal(vmap_pcpu_fini(&p), 0);
	assert_int_equal(fake.nr_live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_test_gives_back_what_it_took),
		cmocka_unit_test(counts),
		cmocka_unit_test(a_test_ends_where_it_fails),
		cmocka_unit_test(a_store_must_arrive),
		cmocka_unit_test(sizes),
		cmocka_unit_test(zeroes),
		cmocka_unit_test(one_cycle),
		cmocka_unit_test(same_seed_same_requests),
		cmocka_unit_test(logs_as_the_module),
		cmocka_unit_test(whole_is_scaled),
		cmocka_unit_test(pcpu_objects_do_not_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
