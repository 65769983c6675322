/* SPDX-License-Identifier: MIT */
/* padata multithreaded jobs. */
#include "padata.h"

#include "bits.h"
#include <errno.h>
#include <limits.h>

/* Chunks per thread, so that a slow thread does not hold up the end. */
enum { LOAD_BALANCE_FACTOR = 4 };

struct mt_state {
	struct mm_spinlock lock; /* around job->start and job->size */
	struct mmsim_padata_mt_job *job;
	unsigned long chunk_size;
	struct mm_exec *exec;
};

struct mm_padata_work {
	struct mm_work work;
	mm_list link; /* pool->free, or the job's own list */
	struct mt_state *state;
};

static bool next_chunk(struct mt_state *ps, unsigned long *start, unsigned long *end)
{
	struct mmsim_padata_mt_job *job = ps->job;
	unsigned long size;

	mm_spin_lock(&ps->lock);
	/* Up to the next absolute multiple of the chunk: only the first can be short of it. */
	size = mm_min(ps->chunk_size - job->start % ps->chunk_size, job->size);
	*start = job->start;
	*end = *start + size;
	job->start = *end;
	job->size -= size;
	mm_spin_unlock(&ps->lock);
	return size;
}

static void run_chunks(struct mt_state *ps)
{
	unsigned long start, end;

	while (next_chunk(ps, &start, &end)) {
		mm_exec_mark(ps->exec, MMSIM_MARK_BEGIN, "chunk", end - start);
		ps->job->thread_fn(start, end, ps->job->fn_arg);
		mm_exec_mark(ps->exec, MMSIM_MARK_END, NULL, 0);
		mm_exec_resched(ps->exec);
	}
}

static void helper_main(struct mm_work *work)
{
	run_chunks(mm_container_of(work, struct mm_padata_work, work)->state);
}

/* At most nr helpers, onto the list. Returns how many there were. */
static unsigned get_helpers(struct mm_padata *pool, unsigned long nr, mm_list *list)
{
	unsigned got = 0;

	mm_spin_lock(&pool->lock);
	while (got < nr && !mm_list_empty(&pool->free)) {
		mm_list *link = pool->free.next;

		mm_list_del(link);
		mm_list_add_tail(link, list);
		got++;
	}
	mm_spin_unlock(&pool->lock);
	return got;
}

static void put_helpers(struct mm_padata *pool, mm_list *list)
{
	mm_spin_lock(&pool->lock);
	mm_list_splice_tail(list, &pool->free);
	mm_spin_unlock(&pool->lock);
}

/* Round robin over the nodes that have CPUs, going on where the last such job stopped. */
static unsigned next_cpu_node(struct mm_padata *pool)
{
	const struct mm_topology *t = pool->topology;
	unsigned old = __atomic_load_n(&pool->last_used_nid, __ATOMIC_RELAXED), nid;

	mm_exec_point(pool->exec, MM_POINT_ATOMIC, &pool->last_used_nid);
	do {
		nid = old;
		do
			nid = (nid + 1) % t->nr_nodes;
		while (!t->nr_node_cpus[nid]);
	} while (!__atomic_compare_exchange_n(&pool->last_used_nid, &old, nid, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return nid;
}

static void start_helpers(struct mm_padata *pool, struct mt_state *ps, mm_list *helpers)
{
	mm_list_for_each(pos, helpers) {
		struct mm_padata_work *pw = mm_list_entry(pos, struct mm_padata_work, link);

		pw->state = ps;
		if (ps->job->numa_aware)
			mm_sync_queue_work_on(pool->wq, next_cpu_node(pool), &pw->work);
		else
			mm_sync_queue_work(pool->wq, &pw->work);
	}
}

/* Nothing is left to hand out: take back who has not started, wait for who has. */
static void stop_helpers(mm_list *helpers)
{
	mm_list_for_each(pos, helpers)
		mm_sync_cancel_work(&mm_list_entry(pos, struct mm_padata_work, link)->work);
	mm_list_for_each(pos, helpers)
		mm_sync_flush_work(&mm_list_entry(pos, struct mm_padata_work, link)->work);
}

static unsigned long threads_wanted(const struct mm_padata *pool,
				    const struct mmsim_padata_mt_job *job)
{
	unsigned long per_thread = mm_max(mm_max(job->min_chunk, job->align), 1ul);
	unsigned long most = job->max_threads ? (unsigned long)job->max_threads : pool->nr_works;

	return mm_min(mm_max(job->size / per_thread, 1ul), most);
}

static unsigned long chunk_size(const struct mmsim_padata_mt_job *job, unsigned long threads)
{
	unsigned long chunk = job->size / (threads * LOAD_BALANCE_FACTOR);

	chunk = mm_max(mm_max(chunk, job->min_chunk), 1ul);
	return mm_round_up(chunk, mm_max(job->align, 1ul));
}

static void run_alone(struct mmsim_padata_mt_job *job)
{
	unsigned long start = job->start, end = start + job->size;

	job->start = end;
	job->size = 0;
	job->thread_fn(start, end, job->fn_arg);
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

void mm_job_padata_do_multithreaded(struct mm_padata *pool, struct mmsim_padata_mt_job *job)
{
	struct mt_state ps = { .job = job, .exec = pool->exec };
	unsigned long wanted;
	mm_list helpers;

	if (!job->size)
		return;
	wanted = threads_wanted(pool, job);
	if (wanted == 1) {
		run_alone(job);
		return;
	}
	mm_list_init(&helpers);
	/* A short pool makes bigger chunks, as fewer threads share the range. */
	ps.chunk_size = chunk_size(job, get_helpers(pool, wanted - 1, &helpers) + 1ul);
	mm_sync_spin_init(&ps.lock, pool->locks, MM_RANK_PADATA_JOB);
	start_helpers(pool, &ps, &helpers);
	run_chunks(&ps);
	stop_helpers(&helpers);
	mm_sync_spin_fini(&ps.lock);
	put_helpers(pool, &helpers);
}

int mm_job_padata_init(struct mm_padata *pool, struct mm_exec *x, struct mm_lockset *locks,
		       const struct mm_topology *topology)
{
	/* Any number of helpers may crowd on one node. */
	struct mm_workqueue_config cfg = {
		.max_active = x->nr_cpus,
		.locks = locks,
		.topology = topology,
	};

	*pool = (struct mm_padata){
		.exec = x,
		.locks = locks,
		.topology = topology,
		.nr_works = x->nr_cpus,
	};
	pool->works = mm_base_meta_calloc(x->meta, pool->nr_works, sizeof(*pool->works));
	if (!pool->works)
		return -ENOMEM;
	if (mm_sync_workqueue_create(x, &cfg, &pool->wq)) {
		mm_base_meta_free(x->meta, pool->works, pool->nr_works * sizeof(*pool->works));
		return -ENOMEM;
	}
	mm_sync_spin_init(&pool->lock, locks, MM_RANK_PADATA_POOL);
	mm_list_init(&pool->free);
	for (unsigned i = 0; i < pool->nr_works; i++) {
		mm_work_init(&pool->works[i].work, helper_main);
		mm_list_add_tail(&pool->works[i].link, &pool->free);
	}
	return 0;
}

void mm_job_padata_fini(struct mm_padata *pool)
{
	unsigned nr = 0;

	mm_sync_workqueue_destroy(pool->wq);
	mm_list_for_each(pos, &pool->free)
		nr++;
	mm_invariant("P3: helpers back in the pool", nr == pool->nr_works);
	mm_sync_spin_fini(&pool->lock);
	mm_base_meta_free(pool->exec->meta, pool->works, pool->nr_works * sizeof(*pool->works));
}
