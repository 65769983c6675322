/* SPDX-License-Identifier: MIT */
/* lib/base/fault.h: which operation fails, how many, per kind, and exactly so when threads race. */
#include "fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define THREADS 4
#define HITS 100000

static struct mm_fault with(enum mmsim_fault_kind kind, uint32_t nth, uint32_t count)
{
	struct mmsim_fault want[MMSIM_NR_FAULT_KINDS] = { 0 };
	struct mm_fault fault;

	want[kind] = (struct mmsim_fault){ .nth = nth, .count = count };
	mm_base_fault_init(&fault, want);
	return fault;
}

/* Operations 1 to 40 of a kind: those from nth on fail, `fails` of them. */
static void assert_window(uint32_t nth, uint32_t count, uint32_t fails)
{
	struct mm_fault fault = with(MMSIM_FAULT_MMAP, nth, count);
	uint32_t fired = 0;

	for (uint32_t i = 1; i <= 40; i++) {
		bool want = nth && i >= nth && i - nth < fails;

		assert_int_equal(mm_base_fault_hit(&fault, MMSIM_FAULT_MMAP), want);
		fired += want;
		assert_int_equal(mm_base_fault_fired(&fault, MMSIM_FAULT_MMAP), fired);
	}
}

static void window(void **state)
{
	(void)state;
	assert_window(0, 0, 0);
	assert_window(0, 5, 0);
	assert_window(1, 0, 1);
	assert_window(3, 0, 1);
	assert_window(3, 1, 1);
	assert_window(7, 4, 4);
	assert_window(2, UINT32_MAX, UINT32_MAX);
	assert_window(UINT32_MAX, UINT32_MAX, UINT32_MAX);
}

static void kinds_are_apart(void **state)
{
	(void)state;
	for (int failing = 0; failing < MMSIM_NR_FAULT_KINDS; failing++) {
		struct mm_fault fault = with((enum mmsim_fault_kind)failing, 1, UINT32_MAX);

		for (int kind = 0; kind < MMSIM_NR_FAULT_KINDS; kind++) {
			bool want = kind == failing;

			assert_int_equal(mm_base_fault_hit(&fault, (enum mmsim_fault_kind)kind),
					 want);
			assert_int_equal(mm_base_fault_fired(&fault, (enum mmsim_fault_kind)kind),
					 want);
		}
	}
}

struct racer {
	struct mm_fault *fault;
	pthread_barrier_t *start;
	uint32_t failed;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	pthread_barrier_wait(r->start);
	for (int i = 0; i < HITS; i++)
		r->failed += mm_base_fault_hit(r->fault, MMSIM_FAULT_SPAWN);
	return NULL;
}

static void exact_among_threads(void **state)
{
	struct mm_fault fault = with(MMSIM_FAULT_SPAWN, 1000, THREADS * HITS - 1999);
	struct racer racer[THREADS];
	pthread_t thread[THREADS];
	pthread_barrier_t start;
	uint32_t failed = 0;

	(void)state;
	assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (int i = 0; i < THREADS; i++) {
		racer[i] = (struct racer){ .fault = &fault, .start = &start };
		assert_int_equal(pthread_create(&thread[i], NULL, race, &racer[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		failed += racer[i].failed;
	}
	pthread_barrier_destroy(&start);
	/* All but 999 before and 1000 after: a hit that is lost shows. */
	assert_int_equal(failed, THREADS * HITS - 1999);
	assert_int_equal(mm_base_fault_fired(&fault, MMSIM_FAULT_SPAWN), failed);
	assert_int_equal(fault.point[MMSIM_FAULT_SPAWN].seen, THREADS * HITS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(window),
		cmocka_unit_test(kinds_are_apart),
		cmocka_unit_test(exact_among_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
