/* SPDX-License-Identifier: MIT */
/*
 * Random padata jobs against the serial loop that mmsim_padata_do_multithreaded() is documented to be
 * equivalent to: alone, two at once, and one inside a chunk of another. Both modes.
 *
 * The model is an array with one counter per unit, and the rules of a chunk taken one by one.
 */
#include "padata_rig.h"

#include <limits.h>

#define SEED UINT64_C(20240611)
#define CASES (MM_TSAN ? 1000 : 3000)
#define PAIRS (MM_TSAN ? 150 : 400) /* per task, of jobs at once */
#define UNITS 700

enum { CPUS = 5 };

/* One job and what it touched. */
struct trial {
	struct rig *rig;
	struct mmsim_padata_mt_job job; /* as it was given */
	uint8_t units[UNITS]; /* atomic: how often each was worked on */
	uint64_t sum; /* atomic: of units, modulo 2^64 */
	struct record *record;
	struct trial *inner; /* a job to start in one chunk, or NULL */
	uint32_t inner_started; /* atomic */
	struct first_failure *failure;
};

static void touch(struct record *r, unsigned long start)
{
	struct trial *t = r->ctx;

	(void)start;
	if (t->inner && !__atomic_fetch_add(&t->inner_started, 1, __ATOMIC_RELAXED)) {
		struct mmsim_padata_mt_job job = t->inner->job;

		mm_job_padata_do_multithreaded(&t->rig->pool, &job);
		expect_in_task(t->failure, job.size == 0, job.size);
	}
}

static void count_units(unsigned long start, unsigned long end, void *arg)
{
	struct trial *t = arg;
	uint64_t sum = 0;

	expect_in_task(t->failure, start < end, start);
	expect_in_task(t->failure, start >= t->job.start, start);
	expect_in_task(t->failure, end <= t->job.start + t->job.size, end);
	for (unsigned long i = start; i < end && i - t->job.start < UNITS; i++) {
		__atomic_add_fetch(&t->units[i - t->job.start], 1, __ATOMIC_RELAXED);
		sum += mm_rng_mix(i);
	}
	__atomic_add_fetch(&t->sum, sum, __ATOMIC_RELAXED);
	record_chunk(start, end, t->record);
}

static unsigned long one_of(struct mm_rng *rng, const unsigned long *from, size_t nr)
{
	return from[mm_rng_below(rng, nr)];
}

/* Small numbers mostly, and the ends of what is allowed. */
static void random_job(struct mm_rng *rng, struct mmsim_padata_mt_job *job)
{
	static const unsigned long aligns[] = { 0, 1, 1, 2, 3, 4, 7, 8, 16, 30, 64, 100, 512 };
	static const unsigned long mins[] = { 0, 1, 1, 2, 5, 8, 13, 32, 60, 128, 500, 5000 };

	job->size = mm_rng_below(rng, mm_rng_below(rng, 2) ? UNITS + 1 : 40);
	job->start = mm_rng_below(rng, 1000);
	if (mm_rng_below(rng, 8) == 0)
		job->start = ULONG_MAX - job->size - mm_rng_below(rng, 20);
	job->align = one_of(rng, aligns, mm_array_size(aligns));
	job->min_chunk = one_of(rng, mins, mm_array_size(mins));
	job->max_threads = (int)mm_rng_below(rng, CPUS + 4);
	job->numa_aware = mm_rng_below(rng, 2);
}

static void trial_init(struct trial *t, struct rig *rig, struct mm_rng *rng,
		       struct first_failure *failure)
{
	struct record *record = t->record;

	*t = (struct trial){ .rig = rig, .record = record, .failure = failure };
	*record = (struct record){ .x = rig->e->x, .also = touch, .ctx = t };
	record->yields = (unsigned)mm_rng_below(rng, 3);
	random_job(rng, &t->job);
	t->job.thread_fn = count_units;
	t->job.fn_arg = t;
}

static void trial_run(struct trial *t)
{
	struct mmsim_padata_mt_job job = t->job;

	mm_job_padata_do_multithreaded(&t->rig->pool, &job);
	expect_in_task(t->failure, job.size == 0, job.size);
	expect_in_task(t->failure, job.start == t->job.start + t->job.size, job.start);
	qsort(t->record->chunk, t->record->nr, sizeof(struct chunk), chunk_order);
}

/* The serial loop: every unit once, and nothing else. */
static void check_units(const struct trial *t)
{
	uint64_t sum = 0;

	for (unsigned long i = 0; i < t->job.size; i++) {
		expect_in_task(t->failure, t->units[i] == 1, i);
		sum += mm_rng_mix(t->job.start + i);
	}
	for (unsigned long i = t->job.size; i < UNITS; i++)
		expect_in_task(t->failure, t->units[i] == 0, i);
	expect_in_task(t->failure, t->sum == sum, sum);
}

/* Chunks end on align and are worth a thread, but for the ends of the range. */
static void check_chunks(const struct trial *t)
{
	unsigned long align = t->job.align ? t->job.align : 1;
	const struct record *r = t->record;

	expect_in_task(t->failure, (r->nr > 0) == (t->job.size > 0), r->nr);
	for (uint32_t i = 0; i < r->nr; i++) {
		const struct chunk *c = &r->chunk[i];
		bool last = i + 1 == r->nr;

		expect_in_task(t->failure, last || c->end == r->chunk[i + 1].start, c->end);
		expect_in_task(t->failure, last || c->end % align == 0, c->end);
		expect_in_task(t->failure, !i || last || c->end - c->start >= t->job.min_chunk,
			       c->start);
		/* All but the ends are alike. */
		expect_in_task(t->failure,
			       i < 2 || last ||
				       c->end - c->start == r->chunk[1].end - r->chunk[1].start,
			       c->start);
	}
}

/* Alone, the pool gives what it has: all is known. */
static void check_exactly(const struct trial *t)
{
	struct plan plan = rig_plan(&t->job, CPUS, CPUS);
	const char *wrong = record_differs(t->record, &plan, t->job.start, t->job.size);

	if (wrong)
		first_failure_note(t->failure, __FILE__, __LINE__, wrong, t->job.size);
	expect_in_task(t->failure, t->record->peak <= plan.threads, t->record->peak);
}

static void rig_for(struct rig *rig, enum mmsim_mode mode)
{
	rig_open(rig, &(struct env_shape){
			      .mode = mode, .nr_cpus = CPUS, .nr_nodes = 3, .memory_only = 2 });
}

static struct trial *trial_new(struct mm_exec *x)
{
	struct trial *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->record = record_new(x);
	return t;
}

static void trial_free(struct trial *t)
{
	free(t->record);
	free(t);
}

static void alone(void **state)
{
	struct mm_rng rng = mm_rng_split(SEED, 1);
	struct first_failure failure = { 0 };
	struct trial *t;
	struct rig rig;

	rig_for(&rig, mode_of(state));
	t = trial_new(rig.e->x);
	for (int i = 0; i < CASES; i++) {
		trial_init(t, &rig, &rng, &failure);
		trial_run(t);
		check_units(t);
		check_chunks(t);
		check_exactly(t);
		if (failure.what)
			print_error("case %d: start %lu size %lu align %lu min %lu threads %d\n", i,
				    t->job.start, t->job.size, t->job.align, t->job.min_chunk,
				    t->job.max_threads);
		assert_no_failure(&failure, SEED);
	}
	trial_free(t);
	rig_close(&rig);
}

/* Several tasks with jobs of their own on one pool; odd ones start another job in a chunk. */
struct start {
	uint32_t missing; /* atomic: workers not there yet */
	uint32_t go; /* atomic */
	uint32_t failing_spawn; /* from when all are there; 0: none */
};

struct worker {
	struct rig *rig;
	struct start *start;
	struct trial *outer, *inner;
	struct mm_rng rng;
	struct first_failure failure;
};

/* The last to come makes threads scarce: before, they are needed for the workers. */
static void wait_for_all(struct worker *w)
{
	struct start *start = w->start;

	if (!__atomic_sub_fetch(&start->missing, 1, __ATOMIC_ACQ_REL)) {
		env_fail(w->rig->e, MMSIM_FAULT_SPAWN, start->failing_spawn, UINT32_MAX);
		__atomic_store_n(&start->go, 1, __ATOMIC_RELEASE);
	}
	env_wait_for(w->rig->e->x, &start->go, 1);
}

static void run_many(void *arg)
{
	struct worker *w = arg;

	wait_for_all(w);
	for (int i = 0; i < PAIRS && !w->failure.what; i++) {
		bool nested = mm_rng_below(&w->rng, 2);

		trial_init(w->outer, w->rig, &w->rng, &w->failure);
		trial_init(w->inner, w->rig, &w->rng, &w->failure);
		if (nested)
			w->outer->inner = w->inner;
		trial_run(w->outer);
		check_units(w->outer);
		check_chunks(w->outer);
		if (!nested || !w->outer->inner_started)
			continue;
		qsort(w->inner->record->chunk, w->inner->record->nr, sizeof(struct chunk),
		      chunk_order);
		check_units(w->inner);
		check_chunks(w->inner);
	}
}

static void run_workers(enum mmsim_mode mode, unsigned nr, uint32_t failing_spawn)
{
	struct start start = { .missing = nr, .failing_spawn = failing_spawn };
	struct worker w[4] = { 0 };
	struct rig rig;

	rig_for(&rig, mode);
	for (unsigned i = 0; i < nr; i++) {
		w[i].rig = &rig;
		w[i].start = &start;
		w[i].rng = mm_rng_split(SEED, 100 * nr + i);
		w[i].outer = trial_new(rig.e->x);
		w[i].inner = trial_new(rig.e->x);
	}
	env_run(rig.e, nr, run_many, w, sizeof(w[0]));
	env_fail(rig.e, MMSIM_FAULT_SPAWN, 0, 0);
	for (unsigned i = 0; i < nr; i++) {
		assert_no_failure(&w[i].failure, SEED);
		trial_free(w[i].outer);
		trial_free(w[i].inner);
	}
	rig_close(&rig);
}

static void nested(void **state)
{
	run_workers(mode_of(state), 1, 0);
}

static void two_at_once(void **state)
{
	run_workers(mode_of(state), 2, 0);
}

static void four_at_once(void **state)
{
	run_workers(mode_of(state), 4, 0);
}

/* Threads run out in the middle, and for good. */
static void two_without_threads(void **state)
{
	run_workers(mode_of(state), 2, 1);
	run_workers(mode_of(state), 2, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_all_modes(alone),
		in_all_modes(nested),
		in_all_modes(two_at_once),
		in_all_modes(four_at_once),
		in_all_modes(two_without_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
