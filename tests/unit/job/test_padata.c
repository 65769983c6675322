/* SPDX-License-Identifier: MIT */
/*
 * lib/job/padata.h: the arithmetic of padata_do_multithreaded(): threads, chunks, what is left in the
 * job, and what is refused.
 */
#include "padata_rig.h"

#include <limits.h>

typedef struct mmsim_padata_mt_job mt_job;

/* The worked example: 384 GiB a node in sections of 32768 pages, 52 threads. */
static void skylake(void **state)
{
	const mt_job job = {
		.size = 3071ul * 32768, .align = 32768, .min_chunk = 32768, .max_threads = 52
	};
	struct record *r;
	struct plan plan;
	struct rig rig;

	(void)state;
	rig_open(&rig, &(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 52 });
	r = record_new(rig.e->x);
	r->yields = 3;
	plan = assert_job(&rig, r, &job, 52);
	assert_int_equal(plan.threads, 52);
	assert_int_equal(plan.chunk, 15 * 32768);
	assert_int_equal(r->nr, 205);
	assert_int_equal(r->chunk[0].end, 491520);
	assert_int_equal(r->chunk[204].end - r->chunk[204].start, 11 * 32768);
	assert_int_equal(tasks_seen(r), 52);
	assert_int_equal(r->peak, 52);
	free(r);
	rig_close(&rig);
}

/* start, size, align, min_chunk, max_threads, and by hand: threads, chunk, first end, chunks. */
struct row {
	mt_job job;
	unsigned threads;
	unsigned long chunk, first_end;
	unsigned chunks;
};

/* On a pool of 8. */
static const struct row rows[] = {
	{ JOB(0, 1, 1, 1, 8), 1, 0, 1, 1 },
	{ JOB(0, 100, 1, 100, 8), 1, 0, 100, 1 }, /* not worth two */
	{ JOB(0, 199, 1, 100, 8), 1, 0, 199, 1 },
	{ JOB(0, 200, 1, 100, 8), 2, 100, 100, 2 }, /* min_chunk above a quarter share */
	{ JOB(0, 64, 1, 1, 8), 8, 2, 2, 32 },
	{ JOB(0, 64, 1, 1, 1), 1, 0, 64, 1 },
	{ JOB(0, 64, 1, 1, 2), 2, 8, 8, 8 },
	{ JOB(3, 64, 1, 1, 2), 2, 8, 8, 9 }, /* first chunk short: absolute multiples */
	{ JOB(7, 64, 1, 1, 2), 2, 8, 8, 9 },
	{ JOB(8, 64, 1, 1, 2), 2, 8, 16, 8 },
	{ JOB(0, 100, 16, 1, 3), 3, 16, 16, 7 }, /* 100 / 12 = 8, up to 16 */
	{ JOB(5, 100, 16, 1, 3), 3, 16, 16, 7 },
	{ JOB(0, 100, 16, 17, 3), 3, 32, 32, 4 }, /* 17 up to 32 */
	{ JOB(0, 100, 60, 1, 8), 1, 0, 100, 1 }, /* align counts as a share: 100 / 60 = 1 */
	{ JOB(0, 120, 60, 1, 8), 2, 60, 60, 2 },
	{ JOB(0, 100, 7, 10, 4), 4, 14, 14, 8 }, /* align no power of two */
	{ JOB(10, 5, 1, 1, 8), 5, 1, 11, 5 }, /* 5 / 20 = 0: at least 1 */
	{ JOB(0, 3, 2, 0, 8), 1, 0, 3, 1 },
	{ JOB(1, 6, 2, 0, 8), 3, 2, 2, 4 }, /* 6 / 12 = 0, 1, up to 2 */
	{ JOB(0, 64, 0, 0, 8), 8, 2, 2, 32 }, /* 0 means 1 */
	{ JOB(0, 64, 0, 5, 8), 8, 5, 5, 13 },
	{ JOB(0, 64, 1, 1, 0), 8, 2, 2, 32 }, /* as many as CPUs */
	{ JOB(0, 90, 1, 1, 9), 9, 2, 2, 45 }, /* the caller is no helper: 8 + 1 */
	{ JOB(0, 90, 1, 1, 50), 9, 2, 2, 45 }, /* more wanted than there are */
	{ JOB(ULONG_MAX - 64, 64, 1, 1, 2), 2, 8, ULONG_MAX - 63, 9 },
	{ JOB(ULONG_MAX - 8, 8, 4, 4, 8), 2, 4, ULONG_MAX - 7, 3 },
};

static void by_hand(void **state)
{
	struct record *r;
	struct rig rig;

	rig_open(&rig, &(struct env_shape){ .mode = mode_of(state), .nr_cpus = 8 });
	r = record_new(rig.e->x);
	r->yields = 2;
	for (size_t i = 0; i < mm_array_size(rows); i++) {
		struct plan plan = assert_job(&rig, r, &rows[i].job, 8);

		assert_int_equal(plan.threads, rows[i].threads);
		assert_int_equal(plan.chunk, rows[i].chunk);
		assert_int_equal(r->nr, rows[i].chunks);
		assert_int_equal(r->chunk[0].end, rows[i].first_end);
		if (mode_of(state) == MMSIM_SERIAL)
			assert_int_equal(r->peak, mm_min(rows[i].threads, rows[i].chunks));
	}
	free(r);
	rig_close(&rig);
}

static void nothing_to_do(void **state)
{
	mt_job job = JOB(42, 0, 4, 4, 3);
	struct record *r;
	struct rig rig;

	rig_open(&rig, &(struct env_shape){ .mode = mode_of(state), .nr_cpus = 2 });
	r = record_new(rig.e->x);
	rig_run(&rig, &job, r);
	assert_int_equal(r->nr, 0);
	assert_int_equal(job.start, 42);
	assert_int_equal(job.size, 0);
	free(r);
	rig_close(&rig);
}

static void never_called(unsigned long start, unsigned long end, void *arg)
{
	(void)start;
	(void)end;
	(void)arg;
}

static const char *refusal(mt_job job)
{
	job.thread_fn = never_called;
	return mm_job_padata_refuse(&job);
}

static void refusals(void **state)
{
	mt_job none = JOB(0, 10, 1, 1, 1);

	(void)state;
	assert_string_equal(mm_job_padata_refuse(&none), "thread_fn: NULL");
	assert_null(refusal(none));
	assert_null(refusal((mt_job)JOB(0, 0, 0, 0, 0)));
	assert_string_equal(refusal((mt_job)JOB(ULONG_MAX, 1, 1, 1, 1)), "start + size: overflows");
	assert_string_equal(refusal((mt_job)JOB(2, ULONG_MAX - 1, 1, 1, 1)),
			    "start + size: overflows");
	assert_null(refusal((mt_job)JOB(ULONG_MAX - 1, 1, 1, 1, 1)));
	assert_null(refusal((mt_job)JOB(ULONG_MAX, 0, 1, 1, 1)));
	assert_string_equal(refusal((mt_job)JOB(0, 10, 1, 1, -1)), "max_threads: negative");
	assert_string_equal(refusal((mt_job)JOB(0, 10, 1, 1, INT_MIN)), "max_threads: negative");
	assert_string_equal(refusal((mt_job)JOB(0, 10, 2, ULONG_MAX, 1)),
			    "size, min_chunk, align: rounding a chunk up overflows");
	assert_string_equal(refusal((mt_job)JOB(0, 10, ULONG_MAX, 1, 1)),
			    "size, min_chunk, align: rounding a chunk up overflows");
	assert_string_equal(refusal((mt_job)JOB(0, 10, ULONG_MAX - 8, 1, 1)),
			    "size, min_chunk, align: rounding a chunk up overflows");
	assert_null(refusal((mt_job)JOB(0, 10, 1, ULONG_MAX - 1, 1)));
	assert_null(refusal((mt_job)JOB(0, 10, ULONG_MAX - 9, 1, 1)));
	/* Without rounding nothing can overflow. */
	assert_null(refusal((mt_job)JOB(0, ULONG_MAX, 0, 0, 1)));
	assert_null(refusal((mt_job)JOB(0, 10, 1, ULONG_MAX, 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skylake),
		in_all_modes(by_hand),
		in_all_modes(nothing_to_do),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
