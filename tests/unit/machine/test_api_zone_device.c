/* SPDX-License-Identifier: MIT */
/* Devices' memory as pages: every field of every struct page, numbers both ways, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine.h"
#include "sim_config.h"
#include <errno.h>

#define SECTIONS 3
#define PAGES (SECTIONS * SIM_SECTION)
#define START (SIM_NORMAL + SIM_SECTION) /* above the RAM of device_machine() */

/* Two nodes of two CPUs, the second without memory; RAM ends within a section. */
static struct mmsim_config *device_config(enum mmsim_mode mode)
{
	struct mmsim_config *cfg = sim_config_new(mode, 2, 2, 2);
	static struct mmsim_explore explore;

	explore = (struct mmsim_explore){ .policy = 0 };
	cfg->explore = &explore;
	cfg->no_huge = MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M;
	sim_ram(cfg, 0, SIM_NORMAL, 1030);
	return cfg;
}

static struct mmsim *create(struct mmsim_config *cfg)
{
	struct mmsim *m;

	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static struct mmsim_page page_of(const struct mmsim_dev_pagemap *pgmap, unsigned nid, uint64_t pfn)
{
	return (struct mmsim_page){
		.flags = UINT64_C(1) << MMSIM_PG_RESERVED |
			 (uint64_t)MMSIM_ZONE_DEVICE << MMSIM_ZONE_SHIFT |
			 (uint64_t)nid << MMSIM_NODE_SHIFT |
			 pfn / SIM_SECTION << MMSIM_SECTION_SHIFT,
		.lru.next = (struct mmsim_list_head *)(uintptr_t)pgmap,
		.mapcount = -1,
		.refcount = 1,
		.order = UINT8_MAX,
	};
}

static uint64_t wrong_pages(const struct mmsim_dev_pagemap *pgmap, unsigned nid)
{
	uint64_t wrong = 0;

	for (uint64_t pfn = START; pfn < START + PAGES; pfn++) {
		struct mmsim_page want = page_of(pgmap, nid, pfn);

		wrong += !!memcmp(mmsim_dev_pagemap_page(pgmap, pfn), &want, sizeof(want));
	}
	return wrong;
}

/* From the beginning, and over anything. */
static void check_init(struct mmsim *m, unsigned nid, unsigned threads, uint32_t flags)
{
	struct mmsim_dev_pagemap *pgmap;

	assert_int_equal(mmsim_memremap_pages(m, nid, PAGES, threads, flags, &pgmap), 0);
	assert_int_equal(wrong_pages(pgmap, nid), 0);
	memset(mmsim_dev_pagemap_page(pgmap, START), 0xa5, PAGES * sizeof(struct mmsim_page));
	assert_int_equal(wrong_pages(pgmap, nid), PAGES);
	assert_int_equal(mmsim_memmap_init_zone_device(m, pgmap, threads, flags), 0);
	assert_int_equal(wrong_pages(pgmap, nid), 0);
	mmsim_memunmap_pages(m, pgmap);
}

static void every_field(void **state)
{
	static const uint32_t flags[] = { 0, MMSIM_MEMMAP_STREAMING, MMSIM_MEMMAP_ONE_BY_ONE,
					  MMSIM_MEMMAP_NO_PREFAULT };
	(void)state;

	for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) {
		struct mmsim *m = create(device_config((enum mmsim_mode)mode));

		for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
			check_init(m, i % 2, 3, flags[i]);
		check_init(m, 1, 1, 0);
		check_init(m, 0, 0, 0);
		mmsim_destroy(m);
	}
}

static void numbers(void **state)
{
	struct mmsim *m = create(device_config(MMSIM_SERIAL));
	struct mmsim_dev_pagemap *pgmap;
	(void)state;

	assert_int_equal(mmsim_memremap_pages(m, 1, PAGES, 1, 0, &pgmap), 0);
	for (uint64_t pfn = START; pfn < START + PAGES; pfn += SIM_SECTION / 2 - 1) {
		struct mmsim_page *page = mmsim_dev_pagemap_page(pgmap, pfn);

		assert_int_equal(mmsim_dev_pagemap_pfn(pgmap, page), pfn);
		assert_ptr_equal(mmsim_page_pgmap(page), pgmap);
		assert_int_equal(mmsim_page_node(page), 1);
		assert_int_equal(mmsim_page_section(page), pfn / SIM_SECTION);
		assert_false(mmsim_pfn_valid(m, pfn));
	}
	assert_null(mmsim_dev_pagemap_page(pgmap, START - 1));
	assert_null(mmsim_dev_pagemap_page(pgmap, START + PAGES));
	assert_null(mmsim_page_pgmap(mmsim_pfn_to_page(m, SIM_NORMAL)));
	mmsim_memunmap_pages(m, pgmap);
	mmsim_memunmap_pages(m, NULL);
	mmsim_destroy(m);
}

/* The machine's own books do not know of it, and two do not know of each other. */
static void apart(void **state)
{
	struct mmsim *m = create(device_config(MMSIM_SERIAL));
	struct mmsim_dev_pagemap *a, *b;
	struct sim_books before, after;
	(void)state;

	sim_books_read(m, &before);
	assert_int_equal(mmsim_memremap_pages(m, 0, PAGES, 1, 0, &a), 0);
	assert_int_equal(mmsim_memremap_pages(m, 0, PAGES, 1, 0, &b), 0);
	assert_int_equal(wrong_pages(a, 0), 0);
	assert_int_equal(wrong_pages(b, 0), 0);
	mmsim_memunmap_pages(m, a);
	assert_int_equal(wrong_pages(b, 0), 0);
	sim_books_read(m, &after);
	assert_true(sim_books_equal(&before, &after));
	mmsim_validate(m);
	mmsim_memunmap_pages(m, b);
	mmsim_destroy(m);
}

static struct mmsim_dev_pagemap_info info_of(struct mmsim *m, unsigned nid, unsigned threads,
					     uint32_t flags)
{
	struct mmsim_dev_pagemap_info info;
	struct mmsim_dev_pagemap *pgmap;

	assert_int_equal(mmsim_memremap_pages(m, nid, PAGES, threads, flags, &pgmap), 0);
	mmsim_dev_pagemap_info(pgmap, &info);
	mmsim_memunmap_pages(m, pgmap);
	return info;
}

static void information(void **state)
{
	struct mmsim *m = create(device_config(MMSIM_SERIAL));
	struct mmsim_dev_pagemap_info info = info_of(m, 1, 5, 0);
	(void)state;

	assert_int_equal(info.start_pfn, START);
	assert_int_equal(info.nr_pages, PAGES);
	assert_int_equal(info.nid, 1);
	assert_int_equal(info.max_threads, 5);
	assert_int_equal(info.backing.bytes_thp + info.backing.bytes_base,
			 PAGES * sizeof(struct mmsim_page));
	assert_int_equal(info_of(m, 1, 0, 0).max_threads, 2);
	assert_int_equal(info_of(m, 1, 0, MMSIM_MEMMAP_NO_PREFAULT).backing.touch_ns, 0);
	mmsim_destroy(m);
}

/* Nodes of memory alone: everybody may. */
static void node_without_cpus(void **state)
{
	struct mmsim_config *cfg = sim_config_new(MMSIM_SERIAL, 2, 1, 3);
	struct mmsim *m;
	(void)state;

	sim_ram(cfg, 0, SIM_NORMAL, 1030);
	m = create(cfg);
	assert_int_equal(info_of(m, 1, 0, 0).max_threads, 3);
	check_init(m, 1, 0, 0);
	mmsim_destroy(m);
}

static void assert_about(uint64_t value, uint64_t expected)
{
	if (value > expected + expected / 50 || value < expected - expected / 50)
		fail_msg("%lu, not about %lu", (unsigned long)value, (unsigned long)expected);
}

/* What it takes is the machine's figures: per page, or at the pace of a core, and shared by threads. */
static void virtual_time(void **state)
{
	struct mmsim_config *cfg = device_config(MMSIM_VIRTUAL);
	struct mmsim *m;
	(void)state;

	cfg->figure[MMSIM_FIG_PAGE_INIT] = 20000;
	cfg->figure[MMSIM_FIG_CORE_BW] = 8000;
	cfg->figure[MMSIM_FIG_DRAM_BW] = 100000;
	cfg->figure[MMSIM_FIG_TURBO_ALL] = 1000;
	m = create(cfg);
	assert_about(info_of(m, 0, 1, 0).init_ns, PAGES * 20);
	assert_about(info_of(m, 0, 1, MMSIM_MEMMAP_ONE_BY_ONE).init_ns, PAGES * 20);
	assert_about(info_of(m, 0, 1, MMSIM_MEMMAP_STREAMING).init_ns, PAGES * 8);
	assert_about(info_of(m, 0, 2, 0).init_ns, PAGES * 20 * 2 / 3);
	mmsim_destroy(m);
}

struct refusal {
	unsigned nid;
	uint64_t nr_pages;
	uint32_t flags;
	int err;
	const char *said;
};

static void refused(void **state)
{
	static const struct refusal all[] = {
		{ 2, PAGES, 0, -EINVAL, "nid: no node of the machine" },
		{ 0, 0, 0, -EINVAL, "nr_pages: 0" },
		{ 0, PAGES - 1, 0, -EINVAL, "nr_pages: not whole sections of 32768" },
		{ 0, PAGES, 8, -EINVAL, "flags: unknown" },
		{ 0, PAGES, MMSIM_MEMMAP_STREAMING | MMSIM_MEMMAP_ONE_BY_ONE, -EINVAL,
		  "flags: streaming stores are from a template" },
		{ 0, MMSIM_MAX_PHYS / MMSIM_PAGE_SIZE - START + SIM_SECTION, 0, -ERANGE,
		  "nr_pages: they would lie above MMSIM_MAX_PHYS" },
		{ 0, UINT64_MAX - SIM_SECTION + 1, 0, -ERANGE,
		  "nr_pages: they would lie above MMSIM_MAX_PHYS" },
	};
	struct mmsim *m = create(device_config(MMSIM_SERIAL));
	struct mmsim_dev_pagemap *pgmap;
	char text[256], want[256];
	(void)state;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct refusal *r = &all[i];

		pgmap = (struct mmsim_dev_pagemap *)m;
		assert_int_equal(mmsim_memremap_pages(m, r->nid, r->nr_pages, 1, r->flags, &pgmap),
				 r->err);
		assert_null(pgmap);
		snprintf(want, sizeof(want), "mmsim_memremap_pages: %s", r->said);
		mmsim_last_message(m, text, sizeof(text));
		assert_string_equal(text, want);
	}
	assert_int_equal(mmsim_memremap_pages(m, 0, PAGES, 1, 0, NULL), -EINVAL);
	mmsim_last_message(m, text, sizeof(text));
	assert_string_equal(text, "mmsim_memremap_pages: pgmap: NULL");
	mmsim_destroy(m);
}

/* What is there stays as it was. */
static void rebind_refused(void **state)
{
	struct mmsim *m = create(device_config(MMSIM_SERIAL));
	struct mmsim_dev_pagemap *pgmap;
	char text[256];
	(void)state;

	assert_int_equal(mmsim_memremap_pages(m, 1, PAGES, 1, 0, &pgmap), 0);
	assert_int_equal(mmsim_memmap_init_zone_device(m, pgmap, 2, UINT32_MAX), -EINVAL);
	mmsim_last_message(m, text, sizeof(text));
	assert_string_equal(text, "mmsim_memmap_init_zone_device: flags: unknown");
	assert_int_equal(wrong_pages(pgmap, 1), 0);
	mmsim_memunmap_pages(m, pgmap);
	mmsim_destroy(m);
}

/* Addresses can be had for the struct pages of 32 TiB, memory cannot. */
static void more_than_the_host_has(void **state)
{
	struct mmsim *m = create(device_config(MMSIM_NATIVE));
	struct mmsim_dev_pagemap *pgmap;
	(void)state;

	assert_int_equal(mmsim_memremap_pages(m, 0, UINT64_C(1) << 33, 1, 0, &pgmap), -ENOMEM);
	assert_null(pgmap);
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field),
		cmocka_unit_test(numbers),
		cmocka_unit_test(apart),
		cmocka_unit_test(information),
		cmocka_unit_test(node_without_cpus),
		cmocka_unit_test(virtual_time),
		cmocka_unit_test(refused),
		cmocka_unit_test(rebind_refused),
		cmocka_unit_test(more_than_the_host_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
