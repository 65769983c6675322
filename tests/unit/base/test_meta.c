/* SPDX-License-Identifier: MIT */
/* lib/base/meta.h: zeroed and aligned memory, exact books, M1, failures on demand, threads. */
#include "meta.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "child_dies.h"

#define THREADS 4

static void open_meta(struct mm_meta *meta, struct mm_fault *fault, uint32_t nth)
{
	struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { 0 };

	mm_base_fault_init(fault, want);
	assert_int_equal(mm_base_meta_init(meta, fault), 0);
	want[MMSIM_FAULT_METADATA].nth = nth;
	mm_base_fault_init(fault, want);
}

static void assert_zero(const unsigned char *p, size_t size)
{
	assert_int_equal(p[0], 0);
	assert_memory_equal(p, p + 1, size - 1);
}

/* Also where dirty memory is used again. */
static void zeroed_and_aligned(void **state)
{
	static const size_t sizes[] = { 1, 63, 64, 65, 4096, 100000, 5 << 20 };
	struct mm_fault fault;
	struct mm_meta meta;

	(void)state;
	open_meta(&meta, &fault, 0);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < mm_array_size(sizes); i++) {
			unsigned char *p = mm_base_meta_alloc(&meta, sizes[i]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % MM_CACHE_LINE, 0);
			assert_zero(p, sizes[i]);
			memset(p, 0xa5, sizes[i]);
			mm_base_meta_free(&meta, p, sizes[i]);
		}
	mm_base_meta_fini(&meta);
}

/* No two objects on one cache line. */
static void lines_of_their_own(void **state)
{
	struct mm_fault fault;
	struct mm_meta meta;
	char *p[16];

	(void)state;
	open_meta(&meta, &fault, 0);
	for (int i = 0; i < 16; i++)
		p[i] = mm_base_meta_alloc(&meta, 1);
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < i; k++)
			assert_int_not_equal((uintptr_t)p[i] / MM_CACHE_LINE,
					     (uintptr_t)p[k] / MM_CACHE_LINE);
	for (int i = 0; i < 16; i++)
		mm_base_meta_free(&meta, p[i], 1);
	mm_base_meta_fini(&meta);
}

static void books(void **state)
{
	struct mm_fault fault;
	struct mm_meta meta;
	void *a, *b;

	(void)state;
	open_meta(&meta, &fault, 0);
	a = mm_base_meta_alloc(&meta, 100);
	b = mm_base_meta_calloc(&meta, 3, 7);
	assert_int_equal(meta.live, 2);
	assert_int_equal(meta.live_bytes, 121);
	mm_base_meta_free(&meta, a, 100);
	assert_int_equal(meta.live, 1);
	assert_int_equal(meta.live_bytes, 21);
	mm_base_meta_free(&meta, NULL, 50);
	assert_int_equal(meta.live, 1);
	assert_int_equal(meta.live_bytes, 21);
	mm_base_meta_free(&meta, b, 21);
	assert_int_equal(meta.live, 0);
	assert_int_equal(meta.live_bytes, 0);
	mm_base_meta_fini(&meta);
}

static void product_overflows(void **state)
{
	struct mm_fault fault;
	struct mm_meta meta;

	(void)state;
	open_meta(&meta, &fault, 0);
	assert_null(mm_base_meta_calloc(&meta, SIZE_MAX / 4 + 2, 4));
	assert_int_equal(meta.live, 0);
	mm_base_meta_fini(&meta);
}

/* The k-th of three fails: NULL, not counted, and the others are whole. */
static void fails_on_demand(void **state)
{
	struct mm_fault fault;
	struct mm_meta meta;

	(void)state;
	for (uint32_t nth = 1; nth <= 3; nth++) {
		void *p[3];

		open_meta(&meta, &fault, nth);
		for (uint32_t i = 0; i < 3; i++) {
			p[i] = mm_base_meta_alloc(&meta, 32);
			assert_int_equal(!p[i], i + 1 == nth);
		}
		assert_int_equal(meta.live, 2);
		assert_int_equal(meta.live_bytes, 64);
		for (uint32_t i = 0; i < 3; i++)
			mm_base_meta_free(&meta, p[i], 32);
		mm_base_meta_fini(&meta);
	}
}

static void init_fails_on_demand(void **state)
{
	struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { [MMSIM_FAULT_METADATA] = { .nth = 1 } };
	struct mm_fault fault;
	struct mm_meta meta;

	(void)state;
	mm_base_fault_init(&fault, want);
	assert_int_equal(mm_base_meta_init(&meta, &fault), -ENOMEM);
	assert_int_equal(mm_base_fault_fired(&fault, MMSIM_FAULT_METADATA), 1);
}

/* arg: free it, but say one byte too few. */
static void leave_something(void *arg)
{
	struct mmsim_fault none[MMSIM_NR_FAULT_KINDS] = { 0 };
	struct mm_fault fault;
	struct mm_meta meta;
	void *p;

	mm_base_fault_init(&fault, none);
	if (mm_base_meta_init(&meta, &fault))
		return;
	p = mm_base_meta_alloc(&meta, 48);
	if (arg)
		mm_base_meta_free(&meta, p, 47);
	mm_base_meta_fini(&meta);
}

static void M1_stops(void **state)
{
	(void)state;
	assert_true(child_dies(leave_something, NULL, "M1: metadata freed"));
	assert_true(child_dies(leave_something, state, "M1: metadata freed"));
}

static void *churn(void *arg)
{
	struct mm_meta *meta = arg;

	for (size_t i = 1; i < 3000; i++) {
		char *p = mm_base_meta_alloc(meta, i);

		p[0] = p[i - 1] = 1;
		mm_base_meta_free(meta, p, i);
	}
	return mm_base_meta_alloc(meta, 5);
}

static void threads(void **state)
{
	pthread_t thread[THREADS];
	struct mm_fault fault;
	struct mm_meta meta;
	void *p[THREADS];

	(void)state;
	open_meta(&meta, &fault, 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, churn, &meta), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], &p[i]);
	assert_int_equal(meta.live, THREADS);
	assert_int_equal(meta.live_bytes, THREADS * 5);
	for (int i = 0; i < THREADS; i++)
		mm_base_meta_free(&meta, p[i], 5);
	mm_base_meta_fini(&meta);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeroed_and_aligned),
		cmocka_unit_test(lines_of_their_own),
		cmocka_unit_test(books),
		cmocka_unit_test(product_overflows),
		cmocka_unit_test(fails_on_demand),
		cmocka_unit_test(init_fails_on_demand),
		cmocka_unit_test(M1_stops),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
