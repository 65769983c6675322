/* SPDX-License-Identifier: MIT */
/* Booting, the reset button, and what a machine says of itself. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "child_dies.h"
#include "sim_config.h"

#define GARBAGE_SEED UINT64_C(0x5eed0001)

static struct mmsim *create(unsigned shape, enum mmsim_mode mode, uint32_t boot, uint32_t flags)
{
	const char *name;
	struct mmsim_config *cfg = sim_config_shape(shape, mode, &name);
	struct mmsim *m;

	cfg->boot = boot;
	cfg->flags |= flags;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	free(cfg);
	return m;
}

static void boots_once(void **state)
{
	struct mmsim *m = create(0, MMSIM_NATIVE, MMSIM_BOOT_COLD, 0);

	(void)state;
	assert_int_equal(mmsim_boot_early(m), 0);
	assert_int_equal(mmsim_boot_early(m), -EBUSY);
	assert_int_equal(mmsim_set_init(m, MMSIM_STORES_AUTO, 0, true), -EBUSY);
	assert_int_equal(mmsim_boot(m), 0);
	assert_int_equal(mmsim_boot(m), -EBUSY);
	assert_int_equal(mmsim_boot_early(m), -EBUSY);
	assert_int_equal(mmsim_set_init(m, MMSIM_STORES_AUTO, 0, true), -EBUSY);
	mmsim_reset(m);
	assert_int_equal(mmsim_set_init(m, MMSIM_STORES_STREAMING, 1, false), 0);
	assert_int_equal(mmsim_boot(m), 0);
	mmsim_destroy(m);
}

static void unknown_stores_are_refused(void **state)
{
	struct mmsim *m = create(0, MMSIM_SERIAL, MMSIM_BOOT_COLD, 0);
	char said[256];

	(void)state;
	assert_int_equal(mmsim_set_init(m, (enum mmsim_stores)3, 0, true), -EINVAL);
	mmsim_last_message(m, said, sizeof(said));
	assert_non_null(strstr(said, "stores"));
	mmsim_destroy(m);
}

/* RAM of the shapes of sim_config.h that is not reserved: what a caller may overwrite. */
static void fill_garbage(struct mmsim *m)
{
	uint64_t state = GARBAGE_SEED;

	for (uint64_t pfn = 0; pfn < mmsim_max_pfn(m); pfn++) {
		struct mmsim_page *page = mmsim_pfn_to_page(m, pfn);
		uint64_t word[8];

		if (!page || !page->flags || page->flags >> MMSIM_PG_RESERVED & 1)
			continue;
		for (int i = 0; i < 8; i++)
			word[i] = state =
				state * UINT64_C(6364136223846793005) + 1442695040888963407;
		if (state & 2) /* somebody's page, or so it seems */
			((struct mmsim_page *)word)->refcount = 1;
		memcpy(page, word, sizeof(*page));
	}
}

static void use(struct mmsim *m)
{
	for (unsigned i = 0; i < 50; i++)
		if (!mmsim_alloc_pages(m, i % 2 ? MMSIM_GFP_KERNEL : MMSIM_GFP_HIGHUSER_MOVABLE,
				       i % 11))
			return;
}

/* Boot again and again on the same memory, each time in another way, gives the same books. */
static void reset_and_boot_gives_the_same_books(void **state)
{
	(void)state;
	for (unsigned shape = 0; shape < 4; shape++) {
		enum mmsim_mode mode = shape % 2 ? MMSIM_SERIAL : MMSIM_NATIVE;
		struct mmsim *m = create(shape, mode, MMSIM_BOOT_FULL, 0);
		struct sim_books fresh, books;

		print_message("  shape %u, garbage seed %#lx\n", shape,
			      (unsigned long)GARBAGE_SEED);
		sim_books_read(m, &fresh);
		assert_int_equal(fresh.free, fresh.managed);
		for (unsigned way = 0; way < 6; way++) {
			use(m);
			mmsim_reset(m);
			fill_garbage(m);
			assert_int_equal(
				mmsim_set_init(m, (enum mmsim_stores)(way % 3), way, way != 4), 0);
			assert_int_equal(mmsim_boot(m), 0);
			sim_books_read(m, &books);
			assert_true(sim_books_equal(&fresh, &books));
			assert_int_equal(mmsim_validate(m), fresh.managed);
		}
		mmsim_destroy(m);
	}
}

static void deferral_can_be_switched_off(void **state)
{
	struct mmsim *with = create(1, MMSIM_SERIAL, MMSIM_BOOT_FULL, 0);
	struct mmsim *without = create(1, MMSIM_SERIAL, MMSIM_BOOT_FULL, MMSIM_NO_DEFER);
	struct mmsim *plain = create(1, MMSIM_NATIVE, MMSIM_BOOT_FULL, MMSIM_NO_PADATA);
	struct mmsim_boot_report report;
	struct sim_books a, b, c;

	(void)state;
	sim_books_read(with, &a);
	sim_books_read(without, &b);
	sim_books_read(plain, &c);
	assert_true(sim_books_equal(&a, &b));
	assert_true(sim_books_equal(&a, &c));
	mmsim_boot_report(without, &report);
	assert_int_equal(report.deferred_pages, 0);
	assert_int_equal(report.early_pages, a.managed);
	assert_true(report.node[0].first_deferred_pfn == UINT64_MAX);
	mmsim_boot_report(plain, &report);
	assert_int_equal(report.node[0].threads, 1);
	mmsim_destroy(with);
	mmsim_destroy(without);
	mmsim_destroy(plain);
}

static void report_adds_up(void **state)
{
	struct mmsim *m = create(2, MMSIM_NATIVE, MMSIM_BOOT_FULL, MMSIM_NO_PREFAULT);
	struct mmsim_boot_report report;
	struct mmsim_backing backing;
	struct sim_books books;

	(void)state;
	sim_books_read(m, &books);
	mmsim_boot_report(m, &report);
	assert_int_equal(report.early_pages + report.deferred_pages, books.managed);
	assert_int_equal(report.node[0].pages + report.node[1].pages, report.deferred_pages);
	/* Unaligned by 100 pages: up to the second boundary, and 5 of the rest are reserved. */
	assert_int_equal(report.node[0].first_deferred_pfn, SIM_NORMAL + 2 * SIM_SECTION);
	assert_int_equal(report.node[0].pages, 100 - 5);
	assert_int_equal(report.node[1].first_deferred_pfn, SIM_NORMAL + 4 * SIM_SECTION);
	assert_int_equal(report.node[1].pages, SIM_SECTION + 600);
	assert_int_equal(report.node[1].threads, 1);
	assert_int_equal(report.node[1].ranges, 1);
	assert_true(report.first_touch_ns == 0);
	mmsim_memmap_backing(m, &backing);
	assert_int_equal(report.memmap_bytes, backing.bytes_1g + backing.bytes_2m +
						      backing.bytes_thp + backing.bytes_base);
	assert_int_equal(report.memmap_bytes, UINT64_C(7) << 21); /* section 0, and six */
	mmsim_pages_backing(m, &backing);
	assert_int_equal(
		backing.bytes_1g + backing.bytes_2m + backing.bytes_thp + backing.bytes_base, 0);
	mmsim_destroy(m);
}

/* Node 0 spans more than 4 GiB, of which three sections have struct pages: 6 MiB. */
static void auto_stores_do_not_count_holes(void **state)
{
	struct mmsim *sparse = create(0, MMSIM_SERIAL, MMSIM_BOOT_FULL, 0), *large;
	struct mmsim_boot_report report;

	(void)state;
	assert_int_equal(mmsim_create(NULL, &large), 0); /* 4 GiB and a little: 64 MiB and more */
	mmsim_boot_report(large, &report);
	assert_true(report.memmap_bytes > UINT64_C(64) << 20 && report.streaming);
	mmsim_boot_report(sparse, &report);
	assert_false(report.streaming);
	mmsim_destroy(sparse);
	mmsim_destroy(large);
}

static void last_message_is_cut(void **state)
{
	struct mmsim *m = create(0, MMSIM_SERIAL, MMSIM_BOOT_COLD, 0);
	char whole[256], part[6] = "xxxxx";

	(void)state;
	mmsim_last_message(m, whole, sizeof(whole));
	assert_string_equal(whole, "");
	assert_int_not_equal(mmsim_run(m, 0, NULL, NULL), 0);
	mmsim_last_message(m, whole, sizeof(whole));
	assert_true(strlen(whole) > 5);
	mmsim_last_message(m, part, sizeof(part));
	assert_memory_equal(part, whole, 5);
	assert_int_equal(part[5], '\0');
	mmsim_last_message(m, part, 0);
	assert_memory_equal(part, whole, 5);
	mmsim_destroy(m);
}

static const struct mmsim_lock_info *find_lock(struct mmsim *m, const char *name)
{
	static struct mmsim_lock_info info;

	for (unsigned i = 0; !mmsim_lock_info(m, i, &info); i++)
		if (!strcmp(info.name, name))
			return &info;
	return NULL;
}

static void locks_are_counted(void **state)
{
	struct mmsim *m = create(0, MMSIM_SERIAL, MMSIM_BOOT_FULL, 0);
	struct mmsim *timed = create(0, MMSIM_SERIAL, MMSIM_BOOT_FULL, MMSIM_LOCK_TIMES);
	const struct mmsim_lock_info *zone = find_lock(m, "zone->lock");
	uint64_t before;

	(void)state;
	assert_non_null(zone);
	assert_int_equal(zone->locks, 2); /* DMA and Normal */
	before = zone->acquired;
	assert_non_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 10));
	zone = find_lock(m, "zone->lock");
	assert_int_equal(zone->acquired, before + 1);
	assert_int_equal(zone->hold_ns, 0);
	assert_true(find_lock(timed, "zone->lock")->hold_ns > 0); /* a counter, no clock */
	mmsim_destroy(m);
	mmsim_destroy(timed);
}

struct seen {
	unsigned alloc, freed;
	uint64_t pfn;
};

static void see(void *ctx, const struct mmsim_event *event)
{
	struct seen *seen = ctx;

	seen->alloc += event->id == MMSIM_EV_MM_PAGE_ALLOC;
	seen->freed += event->id == MMSIM_EV_MM_PAGE_FREE;
	if (event->id == MMSIM_EV_MM_PAGE_FREE)
		seen->pfn = event->pfn;
}

static void events_are_seen_while_set(void **state)
{
	struct mmsim *m = create(0, MMSIM_SERIAL, MMSIM_BOOT_FULL, 0);
	struct mmsim_page *page;
	struct seen seen = { 0 };

	(void)state;
	mmsim_trace_set(m, see, &seen);
	page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 2);
	assert_int_equal(seen.alloc, 1);
	assert_int_equal(mmsim_free_pages(m, page, 2), 0);
	assert_int_equal(seen.freed, 1);
	assert_int_equal(seen.pfn, mmsim_page_to_pfn(m, page));
	mmsim_trace_set(m, NULL, NULL);
	assert_non_null(mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 2));
	assert_int_equal(seen.alloc, 1);
	assert_string_equal(mmsim_event_name(MMSIM_EV_MM_PAGE_ALLOC), "mm_page_alloc");
	assert_null(mmsim_event_name(MMSIM_NR_EVENTS));
	mmsim_destroy(m);
}

/* A page of the last section of node 0, handed out before the reset and deferred after it. */
static struct mmsim *reset_under_allocated_page(struct mmsim_page **page)
{
	struct mmsim *m = create(1, MMSIM_SERIAL, MMSIM_BOOT_FULL, MMSIM_NO_PREFAULT);

	do
		*page = mmsim_alloc_pages_node(m, 1, MMSIM_GFP_KERNEL, 0);
	while (*page && mmsim_page_to_pfn(m, *page) < SIM_NORMAL + 4 * SIM_SECTION);
	if (!*page)
		return NULL;
	mmsim_reset(m);
	return mmsim_boot_early(m) ? NULL : m;
}

static void validate_after_reset(void *arg)
{
	struct mmsim_page *page;
	struct mmsim *m = reset_under_allocated_page(&page);

	(void)arg;
	mmsim_validate(m);
}

/* What is deferred belongs to nobody, whatever its struct pages say. */
static void stale_deferred_pages_are_not_counted(void **state)
{
	(void)state;
	assert_true(child_lives(validate_after_reset, NULL));
}

static void stale_deferred_page_cannot_be_freed(void **state)
{
	struct mmsim_page *page = NULL;
	struct mmsim *m = reset_under_allocated_page(&page);
	struct sim_books before, after;

	(void)state;
	assert_non_null(m);
	sim_books_read(m, &before);
	assert_int_equal(mmsim_free_pages(m, page, 0), -EINVAL);
	sim_books_read(m, &after);
	assert_true(sim_books_equal(&before, &after));
	mmsim_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boots_once),
		cmocka_unit_test(unknown_stores_are_refused),
		cmocka_unit_test(reset_and_boot_gives_the_same_books),
		cmocka_unit_test(deferral_can_be_switched_off),
		cmocka_unit_test(report_adds_up),
		cmocka_unit_test(auto_stores_do_not_count_holes),
		cmocka_unit_test(last_message_is_cut),
		cmocka_unit_test(locks_are_counted),
		cmocka_unit_test(events_are_seen_while_set),
		cmocka_unit_test(stale_deferred_pages_are_not_counted),
		cmocka_unit_test(stale_deferred_page_cannot_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
