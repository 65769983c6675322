/* SPDX-License-Identifier: MIT */
/*
 * The twelve tests of the kernel's vmalloc module, over the public calls of mmsim/vmap.h and mmsim/vmalloc.h.
 *
 * Counterpart: lib/test_vmalloc.c as of Linux 7.0: its tests, parameters, mask, order, and the lines that
 * it logs. Differences:
 *
 *  T1: there is no RCU to ask for: kvfree_rcu_… free by mmsim_vfree_atomic(), and wait for it every so
 *      often, as the kernel's batches do.
 *  T2: per-CPU objects come from chunks of each worker's own (vmap_pcpu.h).
 *  T3: random numbers are the worker's own, from a seed: the same run twice asks for the same.
 *  T4: J of full_fit and the areas held by long_busy may be fewer: what they took is told apart from the
 *      loops, so that both can be scaled.
 *  T5: cycles are ns of the machine's clock.
 *  T6: where pages are to be zeroed, what that takes may be said for pages that the core had just now.
 *
 * A worker is a task; workers share nothing but the space. Locking: none.
 */
#ifndef BENCH_VMAP_TESTS_H
#define BENCH_VMAP_TESTS_H

#include <mmsim/mmsim.h>
#include <stdbool.h>
#include <stdio.h>

#define VMAP_NR_TESTS 12

/* The kernel's defaults. */
#define VMAP_TEST_LOOPS 1000000
#define VMAP_TEST_HELD 15000
#define VMAP_TEST_PCPU_OBJECTS 35000

/* The parameters of the module, and what it finds out; all set before, none changed. */
struct vmap_suite {
	struct mmsim *m;
	struct mmsim_vmap *v;
	uint64_t seed;
	uint64_t loops; /* test_loop_count */
	uint64_t junk; /* areas of full_fit, twice; vmap_tests_junk() is the kernel's */
	uint64_t held; /* areas of long_busy */
	uint64_t pcpu_objects; /* nr_pcpu_objects */
	uint32_t mask; /* run_test_mask */
	unsigned nr_pages;
	unsigned repeat; /* test_repeat_count */
	unsigned nr_cpus;
	bool sequential; /* sequential_test_order */
	bool huge; /* use_huge */
	bool zeroed; /* all pages are: init_on_alloc=1 */
	/* Per page: so long it takes in a core's cache; 0: by __GFP_ZERO, which charges memory. */
	uint64_t zero_ns;
};

/* What one worker saw of one test. */
struct vmap_test_data {
	unsigned passed, failed, xfailed;
	uint64_t ns; /* of all repetitions */
	uint64_t loop_ns; /* of that, in the loop */
	uint64_t pairs; /* of allocation and free, in the loop */
};

struct vmap_worker {
	_Alignas(128) const struct vmap_suite *suite;
	unsigned index;
	uint64_t random; /* not 0 */
	uint64_t began, ended, loop_began;
	struct vmap_test_data *now; /* of the test that runs */
	struct vmap_test_data test[VMAP_NR_TESTS];
};

/* J: as many as lazy_max has pages. */
uint64_t vmap_tests_junk(unsigned nr_cpus);

const char *vmap_test_name(unsigned test);

void vmap_worker_init(struct vmap_worker *w, const struct vmap_suite *suite, unsigned index);

/* In which order it runs the tests; the next one, if they are shuffled. */
void vmap_worker_order(struct vmap_worker *w, uint8_t order[VMAP_NR_TESTS]);

/* By a task: every test of the mask, in the worker's order. */
void vmap_worker_run(struct vmap_worker *w);

/* Repetitions that failed of tests that must not. */
unsigned vmap_worker_failed(const struct vmap_worker *w);

/* What the tests would have taken with the kernel's loops, J and so on, ns. */
double vmap_worker_whole_ns(const struct vmap_worker *w);

/* As the module logs it: a line for each test, then the sum. Cut at len; returns the length. */
size_t vmap_worker_print(const struct vmap_worker *w, char *buf, size_t len);

#endif
