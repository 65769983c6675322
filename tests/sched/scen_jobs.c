/* SPDX-License-Identifier: MIT */
/*
 * Multithreaded jobs: every unit once, and nobody at work when the call has returned.
 */
#include "scenario.h"

#include "machine.h"

enum { CPUS = 3, UNITS = 10 };

struct job {
	struct mmsim *m;
	unsigned nested; /* jobs to be started from within each chunk */
	uint32_t done[UNITS]; /* atomic */
	uint32_t inside; /* atomic: chunks being worked on */
	uint32_t over; /* atomic: the call has returned */
};

static void run_job(struct job *job);

static void chunk(unsigned long start, unsigned long end, void *arg)
{
	struct job *job = arg;

	__atomic_add_fetch(&job->inside, 1, __ATOMIC_RELAXED);
	if (job->nested) {
		struct job inner = { .m = job->m };

		run_job(&inner);
	} else {
		mm_exec_resched(job->m->exec);
	}
	for (unsigned long i = start; i < end; i++)
		__atomic_add_fetch(&job->done[i], 1, __ATOMIC_RELAXED);
	expect(!__atomic_load_n(&job->over, __ATOMIC_RELAXED), "P1: no chunk after the job");
	__atomic_sub_fetch(&job->inside, 1, __ATOMIC_RELAXED);
}

static void run_job(struct job *job)
{
	struct mmsim_padata_mt_job mt = {
		.thread_fn = chunk,
		.fn_arg = job,
		.size = UNITS,
		.min_chunk = 2,
	};

	expect(!mmsim_padata_do_multithreaded(job->m, &mt), "the job is sound");
	expect(!__atomic_load_n(&job->inside, __ATOMIC_RELAXED), "P1: all chunks are over");
	__atomic_store_n(&job->over, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < UNITS; i++)
		expect(__atomic_load_n(&job->done[i], __ATOMIC_RELAXED) == 1,
		       "P1: every unit exactly once");
}

static void one_job(struct mmsim *m)
{
	struct job job = { .m = m };

	run_job(&job);
}

static void job_task(unsigned i, void *arg)
{
	struct job job = { .m = arg };

	(void)i;
	run_job(&job);
}

static void two_jobs(struct mmsim *m)
{
	expect(!mmsim_run(m, 2, job_task, m), "tasks start");
}

/* One after the other: the helpers of the first are the second's. */
static void again_task(unsigned i, void *arg)
{
	job_task(i, arg);
	job_task(i, arg);
}

static void jobs_again(struct mmsim *m)
{
	expect(!mmsim_run(m, 2, again_task, m), "tasks start");
}

static void nested_job(struct mmsim *m)
{
	struct job job = { .m = m, .nested = 1 };

	run_job(&job);
}

#define SCENARIO(n, text, function)                                    \
	{                                                              \
		.name = n, .what = text, .cpus = CPUS, .run = function \
	}

const struct scenario scenarios_jobs[] = {
	SCENARIO("job", "one job on three CPUs", one_job),
	SCENARIO("two-jobs", "two jobs at once share the pool", two_jobs),
	SCENARIO("jobs-again", "two tasks with two jobs each", jobs_again),
	SCENARIO("nested-job", "a job in every chunk of a job: the pool is short", nested_job),
	{ 0 },
};
