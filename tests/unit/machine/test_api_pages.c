/* SPDX-License-Identifier: MIT */
/* Struct pages and the page allocator, as a user sees them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim_config.h"

#define RESERVED_PFN (SIM_NORMAL + 3000) /* of the shapes of sim_config.h */
#define HOLE_PFN UINT64_C(200) /* in a valid subsection */
#define NOWHERE_PFN (SIM_NORMAL - 1000)

static struct mmsim *create(unsigned shape, uint32_t flags, struct sim_log *log)
{
	const char *name;
	struct mmsim_config *cfg = sim_config_shape(shape, MMSIM_SERIAL, &name);
	struct mmsim *m;

	sim_log_into(cfg, log);
	cfg->flags |= flags;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void pfns_and_pages(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(0, 0, &log);

	(void)state;
	assert_true(mmsim_pfn_valid(m, 1) && mmsim_pfn_valid(m, SIM_NORMAL + 100));
	assert_true(mmsim_pfn_valid(m, HOLE_PFN) && mmsim_pfn_valid(m, RESERVED_PFN));
	assert_false(mmsim_pfn_valid(m, NOWHERE_PFN));
	assert_false(mmsim_pfn_valid(m, mmsim_max_pfn(m) + MMSIM_PAGES_PER_SUBSECTION));
	assert_false(mmsim_pfn_valid(m, UINT64_MAX));
	assert_null(mmsim_pfn_to_page(m, NOWHERE_PFN));
	for (uint64_t pfn = SIM_NORMAL; pfn < SIM_NORMAL + 70000; pfn += 997) {
		struct mmsim_page *page = mmsim_pfn_to_page(m, pfn);

		if (page)
			assert_int_equal(mmsim_page_to_pfn(m, page), pfn);
	}
	assert_true(mmsim_pfn_to_page(m, RESERVED_PFN)->flags >> MMSIM_PG_RESERVED & 1);
	assert_true(mmsim_pfn_to_page(m, HOLE_PFN)->flags >> MMSIM_PG_RESERVED & 1);
	mmsim_destroy(m);
}

static void blocks_are_as_asked(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(1, 0, &log);

	(void)state;
	for (unsigned order = 0; order < MMSIM_NR_PAGE_ORDERS; order++)
		for (int nid = 0; nid < 2; nid++) {
			struct mmsim_page *page =
				mmsim_alloc_pages_node(m, nid, MMSIM_GFP_KERNEL, order);

			assert_non_null(page);
			assert_int_equal(mmsim_page_to_pfn(m, page) % (1u << order), 0);
			assert_int_equal(mmsim_page_node(page), nid);
			assert_int_equal(page->refcount, 1);
			assert_int_equal(mmsim_free_pages(m, page, order), 0);
		}
	assert_int_equal(log.lines, 0);
	mmsim_destroy(m);
}

static void zone_bits_are_kept(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(3, 0, &log);
	const struct {
		mmsim_gfp_t gfp;
		enum mmsim_zone_type zone;
	} cases[] = {
		{ MMSIM_GFP_KERNEL | MMSIM___GFP_DMA, MMSIM_ZONE_DMA },
		{ MMSIM_GFP_KERNEL | MMSIM___GFP_DMA32, MMSIM_ZONE_DMA }, /* there is no DMA32 */
		{ MMSIM_GFP_KERNEL, MMSIM_ZONE_NORMAL },
		{ MMSIM_GFP_HIGHUSER_MOVABLE, MMSIM_ZONE_MOVABLE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct mmsim_page *page = mmsim_alloc_pages_node(m, 0, cases[i].gfp, 1);

		assert_non_null(page);
		assert_int_equal(mmsim_page_zone_type(page), cases[i].zone);
	}
	mmsim_destroy(m);
}

/* Until nothing is left: node 0's memory only, or node 1's after it. */
static void thisnode_stays_home(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(1, 0, &log);
	const mmsim_gfp_t home = MMSIM_GFP_KERNEL | MMSIM___GFP_THISNODE;
	const struct mmsim_page *page;
	unsigned own = 0;

	(void)state;
	while ((page = mmsim_alloc_pages_node(m, 0, home, MMSIM_MAX_PAGE_ORDER))) {
		assert_int_equal(mmsim_page_node(page), 0);
		own++;
	}
	assert_int_equal(own, 61 + 3);
	page = mmsim_alloc_pages_node(m, 0, MMSIM_GFP_KERNEL, MMSIM_MAX_PAGE_ORDER);
	assert_non_null(page);
	assert_int_equal(mmsim_page_node(page), 1);
	assert_int_equal(log.lines, 0); /* exhaustion is no news */
	mmsim_destroy(m);
}

static void bad_requests_are_refused(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(1, 0, &log);
	struct sim_books before, after;

	(void)state;
	sim_books_read(m, &before);
	assert_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, MMSIM_MAX_PAGE_ORDER + 1));
	assert_non_null(strstr(log.line, "order"));
	assert_null(mmsim_alloc_pages(m, MMSIM___GFP_MOVABLE | MMSIM___GFP_RECLAIMABLE, 0));
	assert_non_null(strstr(log.line, "gfp"));
	assert_null(mmsim_alloc_pages_node(m, 2, MMSIM_GFP_KERNEL, 0));
	assert_non_null(strstr(log.line, "node"));
	assert_null(mmsim_alloc_pages_node(m, -2, MMSIM_GFP_KERNEL, 0));
	assert_int_equal(log.lines, 4);
	sim_books_read(m, &after);
	assert_true(sim_books_equal(&before, &after));
	mmsim_destroy(m);
}

static void assert_refused(struct mmsim *m, struct sim_log *log, int err)
{
	log->lines--;
	assert_int_equal(err, -EINVAL);
	assert_int_equal(log->lines, 0);
	mmsim_validate(m);
}

static void bad_frees_are_refused(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(0, 0, &log), *other = create(0, 0, &log);
	struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 3);
	struct sim_books before, after;
	uint64_t pfn = mmsim_page_to_pfn(m, page);
	char text[32];

	(void)state;
	sim_books_read(m, &before);
	assert_refused(m, &log, mmsim_free_pages(m, page, 2));
	snprintf(text, sizeof(text), "%#lx", (unsigned long)pfn);
	assert_non_null(strstr(log.line, text));
	assert_refused(m, &log, mmsim_free_pages(m, page, MMSIM_MAX_PAGE_ORDER + 1));
	assert_refused(m, &log, mmsim_free_pages(m, page + 1, 0));
	assert_refused(m, &log, mmsim_free_pages(m, page + 8, 3));
	assert_refused(m, &log, mmsim_free_pages(m, (struct mmsim_page *)((char *)page + 8), 3));
	assert_refused(m, &log, mmsim_free_pages(m, mmsim_pfn_to_page(other, pfn), 3));
	assert_refused(m, &log, mmsim_free_pages(m, NULL, 0));
	assert_refused(m, &log, mmsim_free_pfn(m, RESERVED_PFN, 0));
	assert_refused(m, &log, mmsim_free_pfn(m, HOLE_PFN, 0));
	assert_refused(m, &log, mmsim_free_pfn(m, NOWHERE_PFN, 0));
	assert_refused(m, &log, mmsim_free_pfn(m, UINT64_MAX, 0));
	sim_books_read(m, &after);
	assert_true(sim_books_equal(&before, &after));
	assert_int_equal(mmsim_free_pfn(m, pfn, 3), 0);
	assert_refused(m, &log, mmsim_free_pages(m, page, 3));
	mmsim_destroy(m);
	mmsim_destroy(other);
}

/* The page is on a per-CPU list, then on a buddy list: free in both. */
static void double_free_is_refused(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(0, 0, &log);
	struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0);
	struct sim_books books;

	(void)state;
	assert_int_equal(mmsim_free_pages(m, page, 0), 0);
	sim_books_read(m, &books);
	assert_true(books.pcp > 0);
	assert_refused(m, &log, mmsim_free_pages(m, page, 0));
	mmsim_drain_all_pages(m);
	assert_refused(m, &log, mmsim_free_pages(m, page, 0));
	sim_books_read(m, &books);
	assert_int_equal(books.pcp, 0);
	assert_int_equal(books.free, books.managed);
	mmsim_destroy(m);
}

static void bulk_takes_distinct_pages_at_home(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(1, 0, &log);
	struct mmsim_page *pages[300] = { NULL };
	unsigned home = mmsim_cpu(m) / 2;
	size_t got = mmsim_alloc_pages_bulk(m, MMSIM_GFP_KERNEL, 300, pages);

	(void)state;
	assert_in_range(got, 1, 300);
	for (size_t i = 0; i < got; i++) {
		assert_int_equal(mmsim_page_node(pages[i]), home);
		assert_int_equal(pages[i]->refcount, 1);
		pages[i]->priv = i; /* the caller's: would show a page given twice */
	}
	for (size_t i = 0; i < got; i++) {
		assert_int_equal(pages[i]->priv, i);
		pages[i]->priv = 0;
		assert_int_equal(mmsim_free_pages(m, pages[i], 0), 0);
	}
	for (size_t i = got; i < 300; i++)
		assert_null(pages[i]);
	assert_int_equal(mmsim_alloc_pages_bulk(m, MMSIM_GFP_KERNEL, 0, pages), 0);
	mmsim_drain_all_pages(m);
	mmsim_validate(m);
	mmsim_destroy(m);
}

static void assert_bytes(const char *at, size_t bytes, int byte)
{
	for (size_t i = 0; i < bytes; i++)
		if (at[i] != (char)byte)
			fail_msg("byte %zu is %d, not %d", i, at[i], byte);
}

/* Every byte of a block may be written, touches no other block, and ZERO clears all of it. */
static void backed_pages_have_bytes(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(1, MMSIM_BACK_PAGES, &log);
	struct mmsim_page *page[MMSIM_NR_PAGE_ORDERS];

	(void)state;
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		page[o] = mmsim_alloc_pages_node(m, (int)o % 2, MMSIM_GFP_KERNEL, o);
		assert_non_null(page[o]);
		memset(mmsim_page_address(m, page[o]), (int)o + 1, MMSIM_PAGE_SIZE << o);
	}
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		assert_bytes(mmsim_page_address(m, page[o]), MMSIM_PAGE_SIZE << o, (int)o + 1);
		assert_int_equal(mmsim_free_pages(m, page[o], o), 0);
		page[o] = mmsim_alloc_pages_node(m, (int)o % 2, MMSIM_GFP_KERNEL | MMSIM___GFP_ZERO,
						 o);
		assert_bytes(mmsim_page_address(m, page[o]), MMSIM_PAGE_SIZE << o, 0);
	}
	mmsim_destroy(m);
}

static void unbacked_pages_have_none(void **state)
{
	struct sim_log log;
	struct mmsim *m = create(0, 0, &log);
	struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL | MMSIM___GFP_ZERO, 10);

	(void)state;
	assert_non_null(page);
	assert_null(mmsim_page_address(m, page));
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pfns_and_pages),
		cmocka_unit_test(blocks_are_as_asked),
		cmocka_unit_test(zone_bits_are_kept),
		cmocka_unit_test(thisnode_stays_home),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(bad_frees_are_refused),
		cmocka_unit_test(double_free_is_refused),
		cmocka_unit_test(bulk_takes_distinct_pages_at_home),
		cmocka_unit_test(backed_pages_have_bytes),
		cmocka_unit_test(unbacked_pages_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
