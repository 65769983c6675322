/* SPDX-License-Identifier: MIT */
/* A worker of the kernel's vmalloc tests: its order, its books, what it logs. */
#include "vmap_tests.h"

#include "vmap_test_list.h"

#include <inttypes.h>
#include <stdarg.h>

/* splitmix64 makes of neighbouring seeds something else each. */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* One worker */

uint64_t vmap_tests_junk(unsigned nr_cpus)
{
	uint64_t fls = 0;

	for (; nr_cpus; nr_cpus >>= 1)
		fls++;
	return fls * 8192;
}

const char *vmap_test_name(unsigned test)
{
	return vmap_tests[test].name;
}

void vmap_worker_init(struct vmap_worker *w, const struct vmap_suite *suite, unsigned index)
{
	*w = (struct vmap_worker){ .suite = suite, .index = index };
	w->random = mix(suite->seed * UINT64_C(1000003) + index) | 1;
}

/* Shuffled it is one cycle: nothing stays where it was. */
void vmap_worker_order(struct vmap_worker *w, uint8_t order[VMAP_NR_TESTS])
{
	for (unsigned i = 0; i < VMAP_NR_TESTS; i++)
		order[i] = (uint8_t)i;
	for (unsigned i = VMAP_NR_TESTS - 1; i > 0 && !w->suite->sequential; i--) {
		unsigned k = vmap_random_below(w, i);
		uint8_t test = order[i];

		order[i] = order[k];
		order[k] = test;
	}
}

static void run_test(struct vmap_worker *w, unsigned test)
{
	uint64_t began = mmsim_now(w->suite->m);

	w->now = &w->test[test];
	for (unsigned i = 0; i < w->suite->repeat; i++) {
		int rc = vmap_tests[test].run(w);

		if (!rc && !vmap_tests[test].xfail)
			w->now->passed++;
		else if (rc && vmap_tests[test].xfail)
			w->now->xfailed++;
		else
			w->now->failed++;
	}
	w->now->ns = mmsim_now(w->suite->m) - began;
}

void vmap_worker_run(struct vmap_worker *w)
{
	uint8_t order[VMAP_NR_TESTS];

	vmap_worker_order(w, order);
	w->began = mmsim_now(w->suite->m);
	for (unsigned i = 0; i < VMAP_NR_TESTS; i++)
		if (w->suite->mask & 1u << order[i])
			run_test(w, order[i]);
	w->ended = mmsim_now(w->suite->m);
}

unsigned vmap_worker_failed(const struct vmap_worker *w)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < VMAP_NR_TESTS; i++)
		if (!vmap_tests[i].xfail)
			failed += w->test[i].failed;
	return failed;
}

/* The kernel's number / ours. */
static double part(double kernel, uint64_t ours)
{
	return ours ? kernel / (double)ours : 1;
}

double vmap_worker_whole_ns(const struct vmap_worker *w)
{
	const struct vmap_suite *s = w->suite;
	double sum = 0;

	for (unsigned i = 0; i < VMAP_NR_TESTS; i++) {
		double loops = part(VMAP_TEST_LOOPS, s->loops), rest = 1;

		if (i == VMAP_TEST_FULL_FIT)
			rest = part((double)vmap_tests_junk(s->nr_cpus), s->junk);
		if (i == VMAP_TEST_LONG_BUSY)
			rest = part(VMAP_TEST_HELD, s->held);
		if (i == VMAP_TEST_PCPU)
			loops = part(VMAP_TEST_PCPU_OBJECTS, s->pcpu_objects);
		if (i == VMAP_TEST_ALIGN_SHIFT)
			loops = 1;
		sum += (double)w->test[i].loop_ns * loops +
		       (double)(w->test[i].ns - w->test[i].loop_ns) * rest;
	}
	return sum;
}

/* What it says */

__attribute__((format(printf, 4, 5))) static size_t add(char *buf, size_t len, size_t at,
							const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(at < len ? buf + at : NULL, at < len ? len - at : 0, fmt, ap);
	va_end(ap);
	return at + (size_t)n;
}

size_t vmap_worker_print(const struct vmap_worker *w, char *buf, size_t len)
{
	const struct vmap_suite *s = w->suite;
	size_t at = 0;

	for (unsigned i = 0; i < VMAP_NR_TESTS; i++) {
		const struct vmap_test_data *d = &w->test[i];

		if (s->mask & 1u << i)
			at = add(buf, len, at,
				 "Summary: %s passed: %u failed: %u xfailed: %u repeat: %u loops: "
				 "%" PRIu64 " avg: %" PRIu64 " usec\n",
				 vmap_tests[i].name, d->passed, d->failed, d->xfailed, s->repeat,
				 s->loops, d->ns / s->repeat / 1000);
	}
	return add(buf, len, at, "All test took worker%u=%" PRIu64 " cycles\n", w->index,
		   w->ended - w->began);
}
