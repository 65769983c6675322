/* SPDX-License-Identifier: MIT */
/* The words for a page at every place where a page can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "small_machine.h"

#define BASE SMALL_MACHINE_BASE

static struct small_machine m;

static int setup(void **state)
{
	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, BASE, BASE + 2048);
	page_env_ram(&m.env, 0, BASE + 2560, BASE + 2560 + 100);
	page_env_ram(&m.env, 0, BASE + 40960, BASE + 40960 + 512);
	page_env_reserve(&m.env, 0, BASE + 1536, BASE + 1540);
	small_machine_open(&m);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	small_machine_close(&m);
	return 0;
}

/* "pfn 0x… " and what fmt says after it. */
static void assert_words(uint64_t at, const char *fmt, ...)
{
	char got[160], want[160];
	size_t len;
	va_list args;

	mm_buddy_describe(&m.buddy, BASE + at, got, sizeof(got));
	len = (size_t)snprintf(want, sizeof(want), "pfn %#" PRIx64 " is ", BASE + at);
	va_start(args, fmt);
	vsnprintf(want + len, sizeof(want) - len, fmt, args);
	va_end(args);
	assert_string_equal(got, want);
}

static void holes_and_reserved_ranges(void **state)
{
	(void)state;
	assert_words(2048, "in a hole"); /* inside the zone */
	assert_words(2559, "in a hole");
	assert_words(32768 + 5, "in a hole"); /* its section has memory */
	assert_words(UINT64_C(1) << 40, "in a hole");
	assert_words(1536, "reserved or in a hole");
	assert_words(1539, "reserved or in a hole");
	assert_words(2560 + 100, "reserved or in a hole"); /* shares a subsection with RAM */
}

static void free_blocks(void **state)
{
	(void)state;
	assert_words(0, "free, in the order-10 block at %#" PRIx64, BASE);
	assert_words(1, "free, in the order-10 block at %#" PRIx64, BASE);
	assert_words(1023, "free, in the order-10 block at %#" PRIx64, BASE);
	assert_words(1535, "free, in the order-9 block at %#" PRIx64, BASE + 1024);
	assert_words(1540, "free, in the order-2 block at %#" PRIx64, BASE + 1540);
	assert_words(1543, "free, in the order-2 block at %#" PRIx64, BASE + 1540);
	assert_words(2560 + 99, "free, in the order-2 block at %#" PRIx64, BASE + 2560 + 96);
}

static void allocated_blocks(void **state)
{
	struct mmsim_page *page = mm_buddy_alloc_pages(&m.buddy, 0, 0, 10);
	uint64_t at = small_machine_pfn(&m, page) - BASE;

	(void)state;
	assert_words(at, "allocated with order 10");
	assert_words(at + 1, "a tail of the order-10 block allocated at %#" PRIx64, BASE + at);
	assert_words(at + 1023, "a tail of the order-10 block allocated at %#" PRIx64, BASE + at);
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, 10), 0);
	assert_words(at + 512, "free, in the order-10 block at %#" PRIx64, BASE + at);
	page = mm_buddy_alloc_pages(&m.buddy, 0, MMSIM___GFP_MOVABLE, 1);
	at = small_machine_pfn(&m, page) - BASE;
	assert_words(at + 1, "a tail of the order-1 block allocated at %#" PRIx64, BASE + at);
	assert_words(at + 2, "free, in the order-%u block at %#" PRIx64, at % 4 ? 0 : 1,
		     BASE + at + 2);
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, 1), 0);
}

/* What the page was before it came to the list does not show. */
static void per_cpu_lists(void **state)
{
	struct mmsim_page *page = mm_buddy_alloc_pages(&m.buddy, 0, 0, 4);
	uint64_t first = small_machine_pfn(&m, page) - BASE, at;

	(void)state;
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, 4), 0);
	page = mm_buddy_alloc_pages(&m.buddy, 0, 0, 0);
	at = small_machine_pfn(&m, page) - BASE;
	assert_words(at, "allocated with order 0");
	assert_int_equal(mm_buddy_free_pages(&m.buddy, page, 0), 0);
	assert_words(at, "free, on a per-CPU list");
	assert_int_equal(at, first);
	assert_words(at + 1, "free, in the order-0 block at %#" PRIx64, BASE + at + 1);
	page->index = 7;
	page->priv = 10;
	assert_words(at, "free, on a per-CPU list");
	page->priv = 0;
}

static void pages_of_deferred_memory(void **state)
{
	(void)state;
	memset(small_machine_page(&m, BASE + 40960), 0, sizeof(struct mmsim_page));
	small_machine_page(&m, BASE + 40960)->page_type = 0;
	assert_words(40960, "not initialised yet");
}

/* A buffer that is too small is filled and ended. */
static void short_buffers(void **state)
{
	char got[8] = "xxxxxxx";

	(void)state;
	mm_buddy_describe(&m.buddy, BASE, got, 5);
	assert_string_equal(got, "pfn ");
	assert_int_equal(got[5], 'x');
}

#define with_machine(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_machine(holes_and_reserved_ranges), with_machine(free_blocks),
		with_machine(allocated_blocks),          with_machine(per_cpu_lists),
		with_machine(pages_of_deferred_memory),  with_machine(short_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
