/* SPDX-License-Identifier: MIT */
/*
 * Backing: the ladder of page sizes, its books (A1), its failures, its reasons. What this process has
 * mapped is read from /proc/self/maps. Pages of the host's pools: test_backing_pool.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "backing.h"
#include "child_dies.h"

#define MIB(n) ((uint64_t)(n) << 20)
#define ALL_HUGE (MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M | MMSIM_NO_HUGE_THP)

static uint64_t counted(const struct mm_area *area)
{
	return area->got.bytes_1g + area->got.bytes_2m + area->got.bytes_thp + area->got.bytes_base;
}

/* Bytes of [base, base + bytes) that this process has mapped with these rights ("rw", "--"). */
static uint64_t mapped(const char *base, uint64_t bytes, const char *rights)
{
	uint64_t from, to, sum = 0, low = (uintptr_t)base, high = low + bytes;
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512], prot[8];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, prot) != 3)
			continue;
		from = from > low ? from : low;
		to = to < high ? to : high;
		if (from < to && !strncmp(prot, rights, strlen(rights)))
			sum += to - from;
	}
	if (f)
		fclose(f);
	return sum;
}

static void open_area(struct mm_area *area, uint64_t bytes, uint32_t no_huge)
{
	static struct mm_fault none;

	assert_int_equal(mm_page_area_init(area, bytes, no_huge, &none), 0);
	assert_int_equal((uintptr_t)area->base % MM_HUGE_1G, 0);
	assert_true(area->bytes >= bytes);
	assert_int_equal(mapped(area->base, area->bytes, "--"), area->bytes);
}

static void close_area(struct mm_area *area)
{
	const char *base = area->base;
	uint64_t bytes = area->bytes;

	mm_page_area_fini(area);
	assert_null(area->base);
	assert_int_equal(mapped(base, bytes, ""), 0);
}

static void each_rung_can_be_refused(void **state)
{
	(void)state;
	for (uint32_t no_huge = 0; no_huge <= ALL_HUGE; no_huge++) {
		struct mm_area area;

		open_area(&area, MIB(2048), no_huge);
		assert_int_equal(mm_page_area_map(&area, MIB(2), MIB(1024 + 1024)), 0);
		assert_int_equal(counted(&area), MIB(2046));
		assert_int_equal(mapped(area.base, area.bytes, "rw"), MIB(2046));
		assert_int_equal(mapped(area.base, MIB(2), "--"), MIB(2));
		if (no_huge & MMSIM_NO_HUGE_1G) {
			assert_int_equal(area.got.bytes_1g, 0);
			assert_non_null(strstr(area.got.why, "1 GiB hugetlb: not wanted"));
		}
		if (no_huge & MMSIM_NO_HUGE_2M) {
			assert_int_equal(area.got.bytes_2m, 0);
			assert_non_null(strstr(area.got.why, "2 MiB hugetlb: not wanted"));
		}
		if (no_huge & MMSIM_NO_HUGE_THP) {
			assert_int_equal(area.got.bytes_thp, 0);
			assert_non_null(strstr(area.got.why, "THP: not wanted"));
		}
		if (no_huge == ALL_HUGE)
			assert_int_equal(area.got.bytes_base, MIB(2046));
		close_area(&area);
	}
}

/* Where the host knows transparent huge pages, the advice is given and counted as taken. */
static void transparent_huge_pages_are_counted(void **state)
{
	void *probe = mmap(NULL, MIB(2), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool known = !madvise(probe, MIB(2), MADV_HUGEPAGE);
	struct mm_area area;

	(void)state;
	munmap(probe, MIB(2));
	open_area(&area, MIB(8), MMSIM_NO_HUGE_2M);
	assert_int_equal(mm_page_area_map(&area, MIB(2), MIB(8)), 0);
	assert_int_equal(area.got.bytes_thp, known ? MIB(6) : 0);
	assert_int_equal(area.got.bytes_base, known ? 0 : MIB(6));
	assert_int_equal(!strstr(area.got.why, "THP"), known);
	close_area(&area);
}

/* Reasons come once each, in the order of the ladder, however often something was mapped. */
static void reasons_are_given_once(void **state)
{
	struct mm_area area;

	(void)state;
	open_area(&area, MIB(16), ALL_HUGE);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(mm_page_area_map(&area, MIB(4 * i), MIB(4 * i + 2)), 0);
	assert_string_equal(area.got.why, "1 GiB hugetlb: smaller than that; "
					  "2 MiB hugetlb: not wanted; THP: not wanted");
	assert_int_equal(area.got.bytes_base, MIB(8));
	close_area(&area);
}

/* Other pieces, and what is already there, are left alone. */
static void pieces_are_independent(void **state)
{
	struct mm_area area;

	(void)state;
	open_area(&area, MIB(8), MMSIM_NO_HUGE_2M);
	assert_int_equal(mm_page_area_map(&area, MIB(4), MIB(6)), 0);
	area.base[MIB(4)] = 7;
	assert_int_equal(mm_page_area_map(&area, MIB(0), MIB(2)), 0);
	assert_int_equal(area.base[MIB(4)], 7);
	assert_int_equal(area.base[0], 0);
	assert_int_equal(mapped(area.base, area.bytes, "rw"), MIB(4));
	assert_int_equal(mm_page_area_map(&area, MIB(2), MIB(2)), 0);
	assert_int_equal(counted(&area), MIB(4));
	mm_page_area_touch(&area, MIB(4), MIB(6));
	assert_int_equal(area.base[MIB(4)], 7); /* touching keeps what is there */
	mm_page_area_bind(&area, MIB(0), MIB(2), 63); /* no such node: ignored */
	mm_page_area_bind(&area, MIB(4), MIB(6), 0);
	assert_int_equal(area.base[MIB(4)], 7);
	close_area(&area);
}

static void nothing_asked_nothing_got(void **state)
{
	struct mm_fault none = { 0 };
	struct mm_area area;

	(void)state;
	assert_int_equal(mm_page_area_init(&area, 0, 0, &none), 0);
	assert_null(area.base);
	assert_int_equal(area.bytes, 0);
	mm_page_area_fini(&area);
	assert_int_equal(mm_page_area_init(&area, 4096, 0, &none), 0);
	assert_int_equal(area.bytes, MIB(2)); /* whole huge pages */
	mm_page_area_fini(&area);
}

/* Touching is what makes memory resident. */
static void touching(void **state)
{
	struct mm_area area;
	unsigned char in[512];
	int resident = 0;

	(void)state;
	open_area(&area, MIB(4), ALL_HUGE);
	assert_int_equal(mm_page_area_map(&area, 0, MIB(4)), 0);
	mm_page_area_touch(&area, MIB(2), MIB(4));
	assert_int_equal(mincore(area.base + MIB(2), MIB(2), in), 0);
	for (int i = 0; i < 512; i++)
		resident += in[i] & 1;
	assert_int_equal(resident, 512);
	assert_int_equal(mincore(area.base, MIB(2), in), 0);
	for (int i = 0; i < 512; i++)
		assert_int_equal(in[i] & 1, 0);
	close_area(&area);
}

/* One run with the k-th operation failing. Returns whether anything failed. */
static bool run_with_fault(uint32_t k, uint32_t no_huge, bool *refused)
{
	struct mm_fault fault;
	struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { 0 };
	struct mm_area area;
	int err;

	want[MMSIM_FAULT_MMAP].nth = k;
	mm_base_fault_init(&fault, want);
	err = mm_page_area_init(&area, MIB(3072), no_huge, &fault);
	if (!err) {
		const char *base = area.base;
		uint64_t bytes = area.bytes;

		err = mm_page_area_map(&area, MIB(512), MIB(2560));
		assert_true(counted(&area) <= MIB(2048));
		if (!err)
			assert_int_equal(counted(&area), MIB(2048));
		if (!err)
			assert_int_equal(mapped(base, bytes, "rw"), MIB(2048));
		mm_page_area_fini(&area);
		assert_int_equal(mapped(base, bytes, ""), 0);
	}
	assert_true(err == 0 || err == -ENOMEM);
	assert_null(area.base);
	*refused |= err != 0;
	return mm_base_fault_fired(&fault, MMSIM_FAULT_MMAP) != 0;
}

static void every_failure_leaves_nothing(void **state)
{
	bool refused = false;

	(void)state;
	for (uint32_t no_huge = 0; no_huge <= ALL_HUGE; no_huge++) {
		uint32_t k = 1;

		while (run_with_fault(k, no_huge, &refused))
			k++;
		assert_true(k > 2);
	}
	assert_true(refused);
}

/* A failed advice costs THP only, and says so. */
static void failed_advice_is_a_reason(void **state)
{
	struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { 0 };
	struct mm_fault fault;
	struct mm_area area;

	(void)state;
	want[MMSIM_FAULT_MMAP].nth = 3; /* reserve, map, advise */
	mm_base_fault_init(&fault, want);
	assert_int_equal(mm_page_area_init(&area, MIB(2), MMSIM_NO_HUGE_2M, &fault), 0);
	assert_int_equal(mm_page_area_map(&area, 0, MIB(2)), 0);
	assert_int_equal(area.got.bytes_base, MIB(2));
	assert_non_null(strstr(area.got.why, "THP: "));
	assert_null(strstr(area.got.why, "THP: not wanted"));
	mm_page_area_fini(&area);
}

static void map_beyond_the_end(void *arg)
{
	struct mm_area *area = arg;

	mm_page_area_map(area, MIB(2), MIB(6));
}

static void mapping_outside_the_area_is_caught(void **state)
{
	struct mm_area area;

	(void)state;
	open_area(&area, MIB(4), ALL_HUGE);
	assert_true(child_dies(map_beyond_the_end, &area, "A1: mapping inside its area"));
	close_area(&area);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rung_can_be_refused),
		cmocka_unit_test(transparent_huge_pages_are_counted),
		cmocka_unit_test(reasons_are_given_once),
		cmocka_unit_test(pieces_are_independent),
		cmocka_unit_test(nothing_asked_nothing_got),
		cmocka_unit_test(touching),
		cmocka_unit_test(every_failure_leaves_nothing),
		cmocka_unit_test(failed_advice_is_a_reason),
		cmocka_unit_test(mapping_outside_the_area_is_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
