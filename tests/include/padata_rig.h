/* SPDX-License-Identifier: MIT */
/*
 * A crew and a padata pool on their own, a record of the chunks that a job was given, and what the chunks should
 * have been, worked out from the kernel's rules without looking at the library. Functions may be
 * unused.
 */
#ifndef TESTS_PADATA_RIG_H
#define TESTS_PADATA_RIG_H

#include "bits.h"
#include "padata.h"

#include "exec_env.h"
#include "first_failure.h"

#define RIG_CHUNKS 1024

/* Start, size, align, min_chunk, max_threads. */
#define JOB(s, n, a, m, t)                                                          \
	{                                                                           \
		.start = s, .size = n, .align = a, .min_chunk = m, .max_threads = t \
	}

struct rig {
	struct env *e;
	struct mm_crew crew;
	struct mm_padata pool;
};

struct chunk {
	unsigned long start, end;
	unsigned task, cpu;
};

/* What one job did. */
struct record {
	struct mm_exec *x;
	unsigned yields; /* in each chunk */
	uint32_t nr; /* atomic: chunks */
	uint32_t inside; /* atomic: chunks being worked on */
	uint32_t peak; /* atomic: most of them */
	void (*also)(struct record *r, unsigned long start); /* in each chunk, or NULL */
	void *ctx; /* of `also` */
	struct chunk chunk[RIG_CHUNKS];
};

static __attribute__((unused)) void crew_nothing(void *arg, unsigned tag)
{
	(void)arg;
	(void)tag;
}

static __attribute__((unused)) void rig_open(struct rig *r, const struct env_shape *shape)
{
	r->e = env_open(shape);
	assert_int_equal(mm_job_crew_init(&r->crew, r->e->x, &r->e->topology), 0);
	mm_job_padata_init(&r->pool, &r->crew);
}

/* How many can be had: by claiming them all, for nothing. A helper that has been lost is missing here. */
static __attribute__((unused)) unsigned crew_spare(struct mm_crew *crew)
{
	struct mm_call *call = malloc(sizeof(*call));
	unsigned nr;

	mm_job_call_init(call, crew_nothing, NULL, 0);
	nr = mm_job_crew_claim(crew, call, crew->nr, MM_ANY_NODE, 0);
	mm_job_crew_offer(crew, call, 0, nr);
	mm_job_crew_end(crew, call);
	free(call);
	return nr;
}

static __attribute__((unused)) void rig_close(struct rig *r)
{
	assert_int_equal(crew_spare(&r->crew), r->crew.nr);
	mm_job_crew_fini(&r->crew);
	env_close(r->e);
}

/* On the heap: too big for a task's stack. */
static __attribute__((unused)) struct record *record_new(struct mm_exec *x)
{
	struct record *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->x = x;
	return r;
}

static __attribute__((unused)) void record_chunk(unsigned long start, unsigned long end, void *arg)
{
	struct record *r = arg;
	uint32_t i = __atomic_fetch_add(&r->nr, 1, __ATOMIC_RELAXED);
	uint32_t now = __atomic_add_fetch(&r->inside, 1, __ATOMIC_RELAXED);
	uint32_t peak = __atomic_load_n(&r->peak, __ATOMIC_RELAXED);

	while (now > peak && !__atomic_compare_exchange_n(&r->peak, &peak, now, false,
							  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	if (i < RIG_CHUNKS)
		r->chunk[i] =
			(struct chunk){ start, end, mm_task_current()->id, mm_exec_cpu(r->x) };
	for (unsigned k = 0; k < r->yields; k++)
		env_yield(r->x);
	if (r->also)
		r->also(r, start);
	__atomic_sub_fetch(&r->inside, 1, __ATOMIC_RELAXED);
}

static __attribute__((unused)) int chunk_order(const void *a, const void *b)
{
	const struct chunk *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Run the job with everything recorded; the chunks by start. */
static __attribute__((unused)) void rig_run(struct rig *rig, struct mmsim_padata_mt_job *job,
					    struct record *r)
{
	job->thread_fn = record_chunk;
	job->fn_arg = r;
	r->nr = 0;
	r->peak = 0;
	mm_job_padata_do_multithreaded(&rig->pool, job);
	qsort(r->chunk, mm_min(r->nr, (uint32_t)RIG_CHUNKS), sizeof(r->chunk[0]), chunk_order);
}

/* Threads that took part: tasks that were given a chunk. */
static __attribute__((unused)) unsigned tasks_seen(const struct record *r)
{
	unsigned nr = 0;

	for (uint32_t i = 0; i < r->nr; i++) {
		uint32_t k = 0;

		while (k < i && r->chunk[k].task != r->chunk[i].task)
			k++;
		nr += k == i;
	}
	return nr;
}

/* What the rules give. */
struct plan {
	unsigned long threads; /* obtained, the caller among them */
	unsigned long chunk; /* 0: one call for the whole range */
};

/* For sizes whose sums do not overflow. `spare`: helpers to be had; `cpus`: of the machine. */
static __attribute__((unused)) struct plan rig_plan(const struct mmsim_padata_mt_job *job,
						    unsigned spare, unsigned cpus)
{
	unsigned long least = job->min_chunk > job->align ? job->min_chunk : job->align;
	unsigned long limit = job->max_threads ? (unsigned long)job->max_threads : cpus;
	unsigned long wanted = least ? job->size / least : job->size;
	struct plan plan = { 1, 0 };

	if (wanted > limit)
		wanted = limit;
	if (wanted <= 1)
		return plan;
	plan.threads = wanted - 1 < spare ? wanted : spare + 1;
	plan.chunk = job->size / plan.threads / 4;
	if (plan.chunk < job->min_chunk)
		plan.chunk = job->min_chunk;
	if (!plan.chunk)
		plan.chunk = 1;
	while (job->align && plan.chunk % job->align)
		plan.chunk++;
	return plan;
}

/* Every chunk of [start, start + size) as planned, without a gap. NULL, or what is wrong. */
static __attribute__((unused)) const char *record_differs(const struct record *r,
							  const struct plan *plan,
							  unsigned long start, unsigned long size)
{
	unsigned long at = start;
	uint32_t i = 0;

	while (at - start < size) {
		unsigned long left = size - (at - start);
		unsigned long want = plan->chunk ? plan->chunk - at % plan->chunk : left;

		if (want > left)
			want = left;
		if (i >= r->nr || i >= RIG_CHUNKS)
			return "chunks are missing";
		if (r->chunk[i].start != at)
			return "a chunk does not start where the last one ended";
		if (r->chunk[i].end - at != want)
			return "a chunk has the wrong length";
		at += want;
		i++;
	}
	return i == r->nr ? NULL : "too many chunks";
}

/* Run a job on an idle crew and compare all of it with the rules. Returns the plan. */
static __attribute__((unused)) struct plan assert_job(struct rig *rig, struct record *r,
						      const struct mmsim_padata_mt_job *given,
						      unsigned spare)
{
	struct mmsim_padata_mt_job job = *given;
	struct plan plan = rig_plan(given, spare, rig->crew.nr);
	const char *wrong;

	rig_run(rig, &job, r);
	wrong = record_differs(r, &plan, given->start, given->size);
	if (wrong)
		fail_msg("%s: start %lu size %lu align %lu min_chunk %lu max_threads %d spare %u",
			 wrong, given->start, given->size, given->align, given->min_chunk,
			 given->max_threads, spare);
	assert_int_equal(job.start, given->start + given->size);
	assert_int_equal(job.size, 0);
	assert_int_equal(job.align, given->align);
	assert_int_equal(job.min_chunk, given->min_chunk);
	assert_int_equal(job.max_threads, given->max_threads);
	assert_in_range(r->peak, r->nr ? 1 : 0, plan.threads);
	return plan;
}

#endif
