/* SPDX-License-Identifier: MIT */
/* padata multithreaded jobs. */
#include "padata.h"

#include "range.h"
#include <limits.h>

/* Chunks per thread, so that a slow thread does not hold up the end. */
enum { LOAD_BALANCE_FACTOR = 4 };

struct mt_state {
	struct mm_range range;
	struct mm_chunking chunking;
	const struct mmsim_padata_mt_job *job;
	struct mm_exec *exec;
};

static void run_chunks(void *arg, unsigned tag)
{
	struct mt_state *ps = arg;
	unsigned long start, end;

	(void)tag;
	while (mm_range_take(ps->exec, &ps->range, &ps->chunking, &start, &end)) {
		mm_exec_mark(ps->exec, MMSIM_MARK_BEGIN, "chunk", end - start);
		ps->job->thread_fn(start, end, ps->job->fn_arg);
		mm_exec_mark(ps->exec, MMSIM_MARK_END, NULL, 0);
		mm_exec_resched(ps->exec);
	}
}

/* Round robin over the nodes that have CPUs, going on where the last such job stopped. */
static unsigned next_cpu_node(struct mm_padata *pool)
{
	const struct mm_topology *t = pool->crew->topology;
	unsigned old = __atomic_load_n(&pool->last_used_nid, __ATOMIC_RELAXED), nid;

	mm_exec_point(pool->crew->exec, MM_POINT_ATOMIC, &pool->last_used_nid);
	do {
		nid = old;
		do
			nid = (nid + 1) % t->nr_nodes;
		while (!t->nr_node_cpus[nid]);
	} while (!__atomic_compare_exchange_n(&pool->last_used_nid, &old, nid, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return nid;
}

/* Wherever they come from, there is one per CPU to be had. Returns how many. */
static unsigned claim_helpers(struct mm_padata *pool, struct mm_call *call, unsigned nr,
			      bool numa_aware)
{
	unsigned got = 0;

	for (unsigned i = 0; numa_aware && i < nr; i++)
		got += mm_job_crew_claim(pool->crew, call, 1, next_cpu_node(pool), 0);
	return got + mm_job_crew_claim(pool->crew, call, nr - got, MM_ANY_NODE, 0);
}

static unsigned long threads_wanted(const struct mm_padata *pool,
				    const struct mmsim_padata_mt_job *job)
{
	unsigned long per_thread = mm_max(mm_max(job->min_chunk, job->align), 1ul);
	unsigned long most = job->max_threads ? (unsigned long)job->max_threads : pool->crew->nr;

	return mm_min(mm_max(job->size / per_thread, 1ul), most);
}

static unsigned long chunk_size(const struct mmsim_padata_mt_job *job, unsigned long threads)
{
	unsigned long chunk = job->size / (threads * LOAD_BALANCE_FACTOR);

	chunk = mm_max(mm_max(chunk, job->min_chunk), 1ul);
	return mm_round_up(chunk, mm_max(job->align, 1ul));
}

const char *mm_job_padata_refuse(const struct mmsim_padata_mt_job *job)
{
	if (!job)
		return "job: NULL";
	if (!job->thread_fn)
		return "thread_fn: NULL";
	if (job->start > ULONG_MAX - job->size)
		return "start + size: overflows";
	if (job->max_threads < 0)
		return "max_threads: negative";
	/* The chunk is at most max(size, min_chunk), rounded up by less than align. */
	if (mm_max(job->size, job->min_chunk) > ULONG_MAX - (mm_max(job->align, 1ul) - 1))
		return "size, min_chunk, align: rounding a chunk up overflows";
	return NULL;
}

static void run_together(struct mm_padata *pool, const struct mmsim_padata_mt_job *job,
			 unsigned long wanted)
{
	struct mt_state ps = { .job = job, .exec = pool->crew->exec, .chunking.aligned = true };
	unsigned helpers = (unsigned)mm_min(wanted - 1, (unsigned long)pool->crew->nr);
	struct mm_call call;

	mm_range_init(&ps.range, job->start, job->size);
	mm_job_call_init(&call, run_chunks, &ps, 0);
	helpers = claim_helpers(pool, &call, helpers, job->numa_aware);
	/* A short pool makes bigger chunks, as fewer threads share the range. */
	ps.chunking.chunk = chunk_size(job, helpers + 1ul);
	mm_job_crew_offer(pool->crew, &call, 0, helpers);
	run_chunks(&ps, 0);
	mm_job_crew_end(pool->crew, &call);
}

void mm_job_padata_do_multithreaded(struct mm_padata *pool, struct mmsim_padata_mt_job *job)
{
	unsigned long wanted, end = job->start + job->size;

	if (!job->size)
		return;
	wanted = threads_wanted(pool, job);
	if (wanted == 1)
		job->thread_fn(job->start, end, job->fn_arg);
	else
		run_together(pool, job, wanted);
	job->start = end;
	job->size = 0;
}
