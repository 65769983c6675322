/* SPDX-License-Identifier: MIT */
/* lib/exec/cache.h: what stays, what goes, and what is fetched ahead. */
#include "cache.h"

#include "exec_fixture.h"

#define LINE 64
#define CORE_LINES 1600 /* 100 a tick */
#define SHARED_LINES 6400 /* 200 a tick */

/* Two cores under one last-level cache and one under another; CPUs 0 and 3 are siblings. */
#define CPUS 4

static struct env e;
static struct mm_caches caches;

static void open_caches(uint64_t core_lines, uint64_t shared_lines)
{
	assert_int_equal(env_create(&e, MMSIM_SERIAL, CPUS, NULL), 0);
	for (unsigned i = 0; i < CPUS; i++) {
		e.x->cpu[i].first = i % 3;
		e.x->cpu[i].where.core = (uint16_t)(i % 3);
		e.x->cpu[i].where.llc = i % 3 == 2;
	}
	memset(&caches, 0, sizeof(caches));
	assert_int_equal(mm_exec_cache_init(&caches, e.x, core_lines * LINE, shared_lines * LINE),
			 0);
}

static void close_caches(void)
{
	mm_exec_cache_fini(&caches);
	env_destroy(&e);
}

static void a_line_stays_until_as_many_came(void **state)
{
	mm_cached line;

	(void)state;
	open_caches(CORE_LINES, SHARED_LINES);
	assert_int_equal(mm_exec_cache_find(&caches, 0), MM_IN_MEMORY);
	line = mm_exec_cache_use(&caches, 1);
	assert_int_equal(mm_cached_by(line), 1);
	mm_exec_cache_insert(&caches, 1, CORE_LINES - 1);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_CORE);
	mm_exec_cache_insert(&caches, 1, 1);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_SHARED);
	mm_exec_cache_insert(&caches, 1, SHARED_LINES - CORE_LINES - 1);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_SHARED);
	mm_exec_cache_insert(&caches, 1, 1);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_MEMORY);
	close_caches();
}

/* Siblings share the core's cache; the other core only the last-level one; the third neither. */
static void others_push_out(void **state)
{
	mm_cached line;

	(void)state;
	open_caches(CORE_LINES, SHARED_LINES);
	line = mm_exec_cache_use(&caches, 0);
	mm_exec_cache_insert(&caches, 2, 10 * SHARED_LINES);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_CORE);
	mm_exec_cache_insert(&caches, 1, CORE_LINES);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_CORE);
	mm_exec_cache_insert(&caches, 3, CORE_LINES);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_SHARED);
	mm_exec_cache_insert(&caches, 1, SHARED_LINES);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_MEMORY);
	close_caches();
}

/* Between there and there again after 64 times the size it is gone all the time. */
static void counts_wrap(void **state)
{
	unsigned found = 0;
	mm_cached line;

	(void)state;
	open_caches(CORE_LINES, CORE_LINES);
	line = mm_exec_cache_use(&caches, 0);
	mm_exec_cache_insert(&caches, 0, CORE_LINES);
	for (unsigned i = 1; i < 63; i++, mm_exec_cache_insert(&caches, 0, CORE_LINES))
		found += mm_exec_cache_find(&caches, line) != MM_IN_MEMORY;
	assert_int_equal(found, 0);
	mm_exec_cache_insert(&caches, 0, CORE_LINES);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_CORE);
	close_caches();
}

static void a_size_of_0_holds_everything(void **state)
{
	mm_cached line;

	(void)state;
	open_caches(0, 0);
	line = mm_exec_cache_use(&caches, CPUS - 1);
	assert_int_equal(mm_cached_by(line), CPUS - 1);
	mm_exec_cache_insert(&caches, CPUS - 1, UINT64_C(1) << 40);
	assert_int_equal(mm_exec_cache_find(&caches, line), MM_IN_CORE);
	assert_false(mm_exec_cache_ahead(&caches, 0, 5));
	assert_false(mm_exec_cache_ahead(&caches, 0, 6));
	close_caches();
}

static void walks_are_followed(void **state)
{
	(void)state;
	open_caches(CORE_LINES, SHARED_LINES);
	/* Four walks up and down, one or two lines at a time; each CPU has its own. */
	for (uint64_t i = 0; i < 100; i++) {
		for (uint64_t w = 1; w <= MM_CACHE_WALKS; w++) {
			uint64_t line = w % 2 ? 100000 * w + i * w / 2 : 100000 * w - i;
			bool ahead = mm_exec_cache_ahead(&caches, 0, line);

			assert_int_equal(ahead, i > 0);
		}
	}
	assert_false(mm_exec_cache_ahead(&caches, 1, 100000));
	/* Three lines on is another walk, and a fifth one drives out the first. */
	assert_false(mm_exec_cache_ahead(&caches, 1, 100003));
	for (uint64_t w = 2; w <= MM_CACHE_WALKS; w++)
		assert_false(mm_exec_cache_ahead(&caches, 1, 100000 * w));
	assert_false(mm_exec_cache_ahead(&caches, 1, 100000));
	assert_true(mm_exec_cache_ahead(&caches, 1, 400001));
	close_caches();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_stays_until_as_many_came),
		cmocka_unit_test(others_push_out),
		cmocka_unit_test(counts_wrap),
		cmocka_unit_test(a_size_of_0_holds_everything),
		cmocka_unit_test(walks_are_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
