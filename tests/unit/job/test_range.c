/* SPDX-License-Identifier: MIT */
/* lib/job/range.h: R1, and the sizes of the pieces: equal, aligned, shrinking. */
#include "exec_env.h"
#include "first_failure.h"
#include "range.h"

#include <limits.h>

#define UNITS 5000

/* All pieces by hand: a list of ends. */
struct row {
	unsigned long start, size;
	struct mm_chunking how;
	unsigned long end[12]; /* 0 ends the list */
};

static const struct row rows[] = {
	{ 0, 10, { .chunk = 4 }, { 4, 8, 10 } },
	{ 3, 10, { .chunk = 4 }, { 7, 11, 13 } },
	{ 3, 10, { .chunk = 4, .aligned = true }, { 4, 8, 12, 13 } },
	{ 4, 8, { .chunk = 4, .aligned = true }, { 8, 12 } },
	{ 5, 2, { .chunk = 4, .aligned = true }, { 7 } },
	{ 5, 1, { .chunk = 100 }, { 6 } },
	{ 0, 100, { .chunk = 100 }, { 100 } },
	/* A quarter of what is left, at least 10: 25 18 14 10 10 10 10 3. */
	{ 0, 100, { .chunk = 10, .share = 4 }, { 25, 43, 57, 67, 77, 87, 97, 100 } },
	{ 7, 9, { .chunk = 1, .share = 2 }, { 11, 13, 14, 15, 16 } },
	{ 0, 3, { .chunk = 1, .share = 8 }, { 1, 2, 3 } },
	{ ULONG_MAX - 10, 10, { .chunk = 4 }, { ULONG_MAX - 6, ULONG_MAX - 2, ULONG_MAX } },
	{ ULONG_MAX - 10, 10, { .chunk = 8, .aligned = true }, { ULONG_MAX - 7, ULONG_MAX } },
	{ 0, ULONG_MAX, { .chunk = ULONG_MAX / 2 }, { ULONG_MAX / 2, ULONG_MAX - 1, ULONG_MAX } },
};

static void assert_row(struct mm_exec *x, const struct row *row)
{
	unsigned long at = row->start, start, end;
	struct mm_range r;

	mm_range_init(&r, row->start, row->size);
	for (unsigned i = 0; row->end[i]; i++) {
		assert_int_equal(mm_range_left(&r), row->start + row->size - at);
		assert_true(mm_range_take(x, &r, &row->how, &start, &end));
		assert_int_equal(start, at);
		assert_int_equal(end, row->end[i]);
		at = end;
	}
	assert_int_equal(mm_range_left(&r), 0);
	assert_false(mm_range_take(x, &r, &row->how, &start, &end));
	assert_false(mm_range_take(x, &r, &row->how, &start, &end));
}

static void pieces(void **state)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode_of(state), .nr_cpus = 1 });

	for (size_t i = 0; i < mm_array_size(rows); i++)
		assert_row(e->x, &rows[i]);
	env_close(e);
}

static void nothing(void **state)
{
	const struct mm_chunking how = { .chunk = 1 };
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 1 });
	unsigned long start, end;
	struct mm_range r;

	(void)state;
	mm_range_init(&r, 42, 0);
	assert_int_equal(mm_range_left(&r), 0);
	assert_false(mm_range_take(e->x, &r, &how, &start, &end));
	env_close(e);
}

/* R1 */
struct takers {
	struct mm_exec *x;
	struct mm_range range;
	struct mm_chunking how;
	uint8_t taken[UNITS]; /* atomic */
	struct first_failure failure;
};

static void take_all(void *arg)
{
	struct takers *t = *(struct takers **)arg;
	unsigned long start, end, last = 0;

	while (mm_range_take(t->x, &t->range, &t->how, &start, &end)) {
		expect_in_task(&t->failure, start >= last, start);
		expect_in_task(&t->failure, start < end && end <= UNITS, end);
		for (unsigned long i = start; i < end; i++)
			__atomic_add_fetch(&t->taken[i], 1, __ATOMIC_RELAXED);
		last = end;
	}
}

static void takers_at_once(enum mmsim_mode mode, struct mm_chunking how)
{
	struct env *e = env_open(&(struct env_shape){ .mode = mode, .nr_cpus = 4 });
	struct takers *t = calloc(1, sizeof(*t)), *args[4];

	assert_non_null(t);
	t->x = e->x;
	t->how = how;
	mm_range_init(&t->range, 0, UNITS);
	for (unsigned i = 0; i < 4; i++)
		args[i] = t;
	env_run(e, 4, take_all, args, sizeof(args[0]));
	assert_no_failure(&t->failure, 0);
	for (unsigned i = 0; i < UNITS; i++)
		assert_int_equal(t->taken[i], 1);
	free(t);
	env_close(e);
}

static void every_unit_once(void **state)
{
	takers_at_once(mode_of(state), (struct mm_chunking){ .chunk = 1 });
	takers_at_once(mode_of(state), (struct mm_chunking){ .chunk = 7, .aligned = true });
	takers_at_once(mode_of(state), (struct mm_chunking){ .chunk = 3, .share = 8 });
}

/* C3 of the cost model: who takes at the same time queues for the line. */
static void line_is_charged(void **state)
{
	const struct mm_chunking how = { .chunk = 1 };
	struct env *e = env_open(&(struct env_shape){ .mode = MMSIM_VIRTUAL, .nr_cpus = 1 });
	unsigned long start, end;
	uint64_t began, once;
	struct mm_range r;

	(void)state;
	mm_range_init(&r, 0, 1000);
	began = mm_exec_now(e->x);
	for (int i = 0; i < 1000; i++)
		mm_range_take(e->x, &r, &how, &start, &end);
	once = (test_figures[MMSIM_FIG_ATOMIC] + test_figures[MMSIM_FIG_LINE_OWN]) / TEST_NS;
	assert_int_equal(mm_exec_now(e->x) - began, 1000 * once);
	env_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(pieces),
		cmocka_unit_test(nothing),
		in_all_modes(every_unit_once),
		cmocka_unit_test(line_is_charged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
