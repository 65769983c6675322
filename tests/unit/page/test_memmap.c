/* SPDX-License-Identifier: MIT */
/*
 * The struct page array: which pfns are valid, which sections are mapped, on random layouts against a
 * page-by-page model; that a machine far larger than the host can be mapped; failures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "page_env.h"
#include "random_shape.h"

#define GIB(n) ((uint64_t)(n) << 18)
#define SECTION MMSIM_PAGES_PER_SECTION
#define SUBSECTION MMSIM_PAGES_PER_SUBSECTION

static struct page_env env;

/* mincore() refuses with ENOMEM where nothing is mapped, but sees a reservation as mapped. */
static bool writable(const struct mmsim_page *page)
{
	int fds[2];
	bool good;

	/* The kernel writes to the page, or says EFAULT. */
	assert_int_equal(pipe(fds), 0);
	good = write(fds[1], "", 1) == 1 && read(fds[0], (void *)(uintptr_t)page, 1) == 1;
	close(fds[0]);
	close(fds[1]);
	return good;
}

/* V1, V2 of a layout made by hand: RAM on both sides of section and subsection borders. */
static void sections_and_subsections(void **state)
{
	const struct {
		uint64_t pfn;
		bool valid, there;
	} want[] = {
		{ 0, false, false },
		{ SECTION - 1, false, false },
		{ SECTION, false, true }, /* same section as RAM, another subsection */
		{ SECTION + SUBSECTION - 1, false, true },
		{ SECTION + SUBSECTION, true, true }, /* the hole before a single page of RAM */
		{ SECTION + SUBSECTION + 7, true, true },
		{ SECTION + 2 * SUBSECTION - 1, true, true },
		{ SECTION + 2 * SUBSECTION, false, true },
		{ 2 * SECTION - 1, false, true },
		{ 2 * SECTION, false, false },
		{ 4 * SECTION - SUBSECTION - 1, false, true },
		{ 4 * SECTION - SUBSECTION, true, true },
		{ 4 * SECTION, true, true },
		{ 4 * SECTION + SUBSECTION - 1, true, true },
		{ 4 * SECTION + SUBSECTION, false, true },
		{ 5 * SECTION, false, false },
		{ UINT64_MAX, false, false },
	};

	(void)state;
	page_env_config(&env, 1, 1);
	page_env_ram(&env, 0, SECTION + SUBSECTION + 7, SECTION + SUBSECTION + 8);
	page_env_ram(&env, 0, 4 * SECTION - 1, 4 * SECTION + 1);
	page_env_open(&env);
	assert_int_equal(env.map.nr_sections, 5);
	for (size_t i = 0; i < mm_array_size(want); i++) {
		if (mm_pfn_valid(&env.map, want[i].pfn) != want[i].valid)
			fail_msg("pfn %#lx: wanted valid %d", want[i].pfn, want[i].valid);
		if (want[i].pfn < 5 * SECTION &&
		    writable(mm_pfn_to_page(&env.map, want[i].pfn)) != want[i].there)
			fail_msg("pfn %#lx: wanted mapped %d", want[i].pfn, want[i].there);
	}
	assert_ptr_equal(mm_pfn_to_page(&env.map, 5), &env.map.base[5]);
	assert_int_equal(mm_page_to_pfn(&env.map, &env.map.base[SECTION + 9]), SECTION + 9);
	page_env_close(&env);
}

static void stretches_of_sections(void **state)
{
	uint64_t from = 0, to;

	(void)state;
	page_env_config(&env, 1, 1);
	page_env_ram(&env, 0, SECTION, SECTION + 1);
	page_env_ram(&env, 0, 3 * SECTION - 1, 3 * SECTION + 1);
	page_env_open(&env);
	assert_true(mm_page_memmap_next(&env.map, &from, &to));
	assert_int_equal(from, 1);
	assert_int_equal(to, 4); /* 1, 2, 3 lie side by side */
	from = to;
	assert_false(mm_page_memmap_next(&env.map, &from, &to));
	from = 2;
	assert_true(mm_page_memmap_next(&env.map, &from, &to));
	assert_int_equal(from, 2);
	page_env_close(&env);
}

static bool model_valid(const struct random_shape *r, uint64_t pfn)
{
	uint64_t first = pfn / SUBSECTION * SUBSECTION;

	for (uint64_t i = 0; i < SUBSECTION && first + i < RANDOM_SHAPE_PAGES; i++)
		if (r->node[first + i] >= 0)
			return true;
	return false;
}

static void check_against_model(const struct random_shape *r, uint64_t seed)
{
	for (uint64_t pfn = 0; pfn < RANDOM_SHAPE_PAGES + SECTION; pfn += 97)
		if (mm_pfn_valid(&env.map, pfn) != model_valid(r, pfn))
			fail_msg("seed %#lx: pfn %#lx valid %d", seed, pfn,
				 mm_pfn_valid(&env.map, pfn));
}

static void random_shapes(void **state)
{
	static struct random_shape r;

	(void)state;
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		page_env_config(&env, 1, 1);
		random_shape_make(&r, &env.cfg, seed);
		page_env_open(&env);
		check_against_model(&r, seed);
		page_env_close(&env);
	}
}

/* 768 GiB in two nodes: 12 GiB of struct pages, of which none is touched. */
static void larger_than_the_host(void **state)
{
	unsigned char in = 0;

	(void)state;
	page_env_config(&env, 1, 2);
	page_env_ram(&env, 0, 0, GIB(3));
	page_env_ram(&env, 0, GIB(4), GIB(385));
	page_env_ram(&env, 1, GIB(385), GIB(769));
	page_env_open(&env);
	assert_int_equal(env.map.nr_sections, 769 * 8);
	assert_false(mm_pfn_valid(&env.map, GIB(3)));
	assert_true(mm_pfn_valid(&env.map, GIB(769) - 1));
	for (uint64_t pfn = 0; pfn < GIB(769); pfn += GIB(1)) {
		void *at = mm_pfn_to_page(&env.map, pfn);

		if (!mm_pfn_valid(&env.map, pfn))
			continue;
		assert_int_equal(mincore(at, 4096, &in), 0);
		assert_int_equal(in & 1, 0);
	}
	mm_pfn_to_page(&env.map, GIB(769) - 1)->refcount = 1; /* it is there if wanted */
	page_env_close(&env);
}

/* All of what exists is zero again, whoever wrote to it, and what does not exist is left alone. */
static void clearing(void **state)
{
	const uint64_t dirty[] = { SECTION, SECTION + 1, 2 * SECTION - 1, 5 * SECTION,
				   7 * SECTION - 1 };
	static const struct mmsim_page zero;
	struct mm_padata padata;
	struct mm_crew crew;

	(void)state;
	page_env_config(&env, 3, 1);
	page_env_ram(&env, 0, SECTION, SECTION + 1);
	page_env_ram(&env, 0, 5 * SECTION, 7 * SECTION);
	page_env_open(&env);
	assert_int_equal(mm_job_crew_init(&crew, env.exec, &env.topology), 0);
	mm_job_padata_init(&padata, &crew);
	for (size_t i = 0; i < mm_array_size(dirty); i++)
		memset(mm_pfn_to_page(&env.map, dirty[i]), 0xff, sizeof(zero));
	mm_page_memmap_clear(&env.map, &padata);
	for (size_t i = 0; i < mm_array_size(dirty); i++)
		assert_memory_equal(mm_pfn_to_page(&env.map, dirty[i]), &zero, sizeof(zero));
	mm_job_crew_fini(&crew);
	page_env_close(&env);
}

/* Fail each mapping and each metadata allocation in turn: an error or success, nothing left. */
static bool run_with_fault(enum mmsim_fault_kind kind, uint32_t k)
{
	bool fired;
	int err;

	page_env_config(&env, 1, 1);
	page_env_ram(&env, 0, 1, 2);
	page_env_ram(&env, 0, 3 * SECTION, 3 * SECTION + 1);
	page_env_open_base(&env);
	assert_int_equal(mm_page_shape_init(&env.shape, &env.meta, &env.cfg), 0);
	env.fault.point[kind] = (struct mm_fault_point){ .nth = k, .count = 1 };
	err = mm_page_memmap_init(&env.map, &env.meta, &env.shape, 0, &env.fault);
	fired = mm_base_fault_fired(&env.fault, kind);
	assert_true(err == 0 || (err == -ENOMEM && fired));
	if (kind == MMSIM_FAULT_METADATA)
		assert_int_equal(!err, !fired);
	if (!err)
		mm_page_memmap_fini(&env.map, &env.meta);
	assert_null(env.map.base);
	mm_page_shape_fini(&env.shape, &env.meta);
	page_env_close_base(&env);
	return fired;
}

static void failures(void **state)
{
	const enum mmsim_fault_kind kinds[] = { MMSIM_FAULT_METADATA, MMSIM_FAULT_MMAP };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		uint32_t k = 1;

		while (run_with_fault(kinds[i], k))
			k++;
		assert_true(k > 1 + i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_and_subsections),
		cmocka_unit_test(stretches_of_sections),
		cmocka_unit_test(random_shapes),
		cmocka_unit_test(larger_than_the_host),
		cmocka_unit_test(clearing),
		cmocka_unit_test(failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
