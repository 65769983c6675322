/* SPDX-License-Identifier: MIT */
/*
 * Where tasks note the first thing that went wrong, for the main stack to assert after joining: an
 * assert of cmocka on any other stack ends the program without a word.
 */
#ifndef TESTS_FIRST_FAILURE_H
#define TESTS_FIRST_FAILURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct first_failure {
	unsigned char taken; /* atomic flag */
	int line;
	const char *file;
	const char *what;
	uint64_t got; /* whatever helps */
};

static inline void first_failure_note(struct first_failure *f, const char *file, int line,
				      const char *what, uint64_t got)
{
	if (__atomic_test_and_set(&f->taken, __ATOMIC_ACQ_REL))
		return;
	f->file = file;
	f->line = line;
	f->what = what;
	f->got = got;
}

#define expect_in_task(f, cond, got)                                                       \
	do {                                                                               \
		if (!(cond))                                                               \
			first_failure_note(f, __FILE__, __LINE__, #cond, (uint64_t)(got)); \
	} while (0)

/* On the main stack, after all tasks were joined. */
static inline void assert_no_failure(const struct first_failure *f, uint64_t seed)
{
	if (f->what)
		fail_msg("seed %llu: %s:%d: not so: %s (got %llu)", (unsigned long long)seed,
			 f->file, f->line, f->what, (unsigned long long)f->got);
}

#endif
