/* SPDX-License-Identifier: MIT */
/*
 * Backing by the host's pools of huge pages, where this process may fill them and they are empty;
 * otherwise the tests are skipped. The pools are left as they were found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "backing.h"

#define MIB(n) ((uint64_t)(n) << 20)
#define POOL(size) "/sys/kernel/mm/hugepages/hugepages-" size "kB/nr_hugepages"

struct pool {
	const char *path;
	long before;
};

static long read_pool(const struct pool *pool)
{
	FILE *f = fopen(pool->path, "r");
	long n = -1;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

static bool write_pool(const struct pool *pool, long n)
{
	FILE *f = fopen(pool->path, "w");

	if (!f)
		return false;
	fprintf(f, "%ld\n", n);
	return fclose(f) == 0;
}

/* A pool that somebody uses is left alone. */
static bool fill_pool(const struct pool *pool, long n)
{
	return pool->before == 0 && write_pool(pool, n) && read_pool(pool) == n;
}

static int remember(void **state)
{
	struct pool *pool = *state;

	pool->before = read_pool(pool);
	return 0;
}

static int restore(void **state)
{
	const struct pool *pool = *state;

	if (pool->before == 0)
		write_pool(pool, 0);
	return 0;
}

static uint64_t counted(const struct mm_area *area)
{
	return area->got.bytes_1g + area->got.bytes_2m + area->got.bytes_thp + area->got.bytes_base;
}

/* Bytes from base on that this process has mapped in pages of this size. */
static uint64_t mapped_in_pages_of(const char *base, uint64_t bytes, uint64_t page_kib)
{
	uint64_t from, to = 0, sum = 0, low = (uintptr_t)base, size = 0, kib;
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2)
			size = from >= low && to <= low + bytes ? to - from : 0;
		else if (sscanf(line, "KernelPageSize: %" SCNu64, &kib) == 1 && kib == page_kib)
			sum += size;
	}
	if (f)
		fclose(f);
	return sum;
}

/*
 * Map [from, to) with `want` bytes of it from the pool. A program that runs at the same time may take
 * pages: then again, and finally not at all.
 */
static bool take(struct mm_area *area, uint64_t from, uint64_t to, uint32_t no_huge,
		 uint64_t page_kib, uint64_t want)
{
	static struct mm_fault none;

	for (int i = 0; i < 50; i++) {
		assert_int_equal(mm_page_area_init(area, MIB(3072), no_huge, &none), 0);
		assert_int_equal(mm_page_area_map(area, from, to), 0);
		if (mapped_in_pages_of(area->base, area->bytes, page_kib) == want)
			return true;
		mm_page_area_fini(area);
		usleep(1000);
	}
	return false;
}

/* As many as the pool has are taken, the next piece goes a rung down. */
static void pages_of_2m(void **state)
{
	const struct pool *pool = *state;
	struct mm_area area;

	if (!fill_pool(pool, 4) || !take(&area, 0, MIB(8), MMSIM_NO_HUGE_1G, 2048, MIB(8)))
		skip();
	assert_int_equal(area.got.bytes_2m, MIB(8));
	assert_null(strstr(area.got.why, "2 MiB"));
	mm_page_area_touch(&area, 0, MIB(8));
	assert_int_equal(mm_page_area_map(&area, MIB(10), MIB(12)), 0);
	assert_int_equal(area.got.bytes_2m, MIB(8));
	assert_int_equal(counted(&area), MIB(10));
	assert_non_null(strstr(area.got.why, "2 MiB hugetlb: too few free"));
	mm_page_area_touch(&area, MIB(10), MIB(12));
	mm_page_area_fini(&area);
}

/* The whole gigabyte in the middle, and both edges a rung down. */
static void pages_of_1g(void **state)
{
	const struct pool *pool = *state;
	struct mm_area area;

	if (!fill_pool(pool, 1) ||
	    !take(&area, MIB(1020), MIB(2054), MMSIM_NO_HUGE_2M, 1048576, MIB(1024)))
		skip();
	assert_int_equal(area.got.bytes_1g, MIB(1024));
	assert_int_equal(counted(&area), MIB(1034));
	assert_null(strstr(area.got.why, "1 GiB"));
	mm_page_area_touch(&area, MIB(1020), MIB(1024));
	mm_page_area_touch(&area, MIB(2048), MIB(2054));
	mm_page_area_fini(&area);
}

int main(void)
{
	static struct pool small = { .path = POOL("2048") }, large = { .path = POOL("1048576") };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate_setup_teardown(pages_of_2m, remember, restore, &small),
		cmocka_unit_test_prestate_setup_teardown(pages_of_1g, remember, restore, &large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
