/* SPDX-License-Identifier: MIT */
/* Workqueues: pools, workers, works. */
#include "workqueue.h"

#include "bits.h"
#include <errno.h>

enum { DEFAULT_MAX_ACTIVE = 4, DRAIN_POLL_NS = 20000 };

/* One of the slots of a pool, max_active or more; its task is joined before the slot is used again. */
struct mm_worker {
	struct mm_task task;
	struct mm_work_pool *pool;
	bool started; /* the task must be joined */
	bool coming; /* under the pool's lock, see nr_coming */
	mm_list link; /* pool->spare while not active */
};

/* Slots made together. */
struct mm_worker_block {
	struct mm_worker_block *next;
	unsigned nr;
	struct mm_worker worker[];
};

struct mm_work_pool {
	struct mm_spinlock lock;
	struct mm_exec *exec; /* constant after init, as are the next three */
	const struct mm_cpumask *allowed; /* NULL: any CPU */
	struct mm_cpumask own_cpu;
	unsigned default_active;
	struct mm_worker_block *blocks; /* this and the next: of who makes, changes or unmakes it */
	unsigned nr_slots;
	unsigned max_active;
	unsigned nr_active; /* workers, and flushers that run a work themselves */
	unsigned nr_coming; /* of these, workers that have yet to take their first work */
	unsigned nr_listed;
	unsigned nr_waiting; /* flushers that are or will be parked on `changes` */
	uint32_t changes; /* parkable: moves when a flusher should look again */
	mm_list works;
	mm_list spare;
};

struct mm_workqueue {
	struct mm_exec *exec;
	const struct mm_topology *topology;
	bool bound;
	unsigned nr_pools;
	struct mm_work_pool *pools;
};

/* Works, under the lock of their pool. */

/* W2: what runs or, if nothing does, what is pending is the first that is not over. */
static void update_finished(struct mm_work *work)
{
	work->finished = work->queued;
	if (work->running)
		work->finished = work->running_as - 1;
	else if (work->listed)
		work->finished = work->queued - 1;
}

/* A work is over, or less than max_active are at work: flushers look again. */
static void wake_flushers(struct mm_work_pool *pool)
{
	if (!pool->nr_waiting)
		return;
	__atomic_add_fetch(&pool->changes, 1, __ATOMIC_RELEASE);
	mm_exec_unpark(pool->exec, &pool->changes, UINT32_MAX);
}

static void list_work(struct mm_work_pool *pool, struct mm_work *work)
{
	work->listed = true;
	pool->nr_listed++;
	mm_list_add_tail(&work->entry, &pool->works);
}

static void unlist_work(struct mm_work_pool *pool, struct mm_work *work)
{
	mm_list_del(&work->entry);
	pool->nr_listed--;
	work->listed = false;
}

static void start_work(struct mm_work_pool *pool, struct mm_work *work)
{
	unlist_work(pool, work);
	work->running = true;
	work->running_as = work->queued;
	__atomic_store_n(&work->pending, 0, __ATOMIC_RELEASE);
}

static void end_work(struct mm_work_pool *pool, struct mm_work *work)
{
	work->running = false;
	if (work->again) {
		work->again = false;
		list_work(pool, work);
	}
	update_finished(work);
}

/* Running them. */

/* The next work, or NULL: then the worker is no longer active. */
static struct mm_work *next_work(struct mm_work_pool *pool, struct mm_worker *worker)
{
	struct mm_work *work = NULL;

	mm_spin_lock(&pool->lock);
	pool->nr_coming -= worker->coming;
	worker->coming = false;
	if (!mm_list_empty(&pool->works) && pool->nr_active <= pool->max_active) {
		work = mm_list_first(&pool->works, struct mm_work, entry);
		start_work(pool, work);
	} else {
		pool->nr_active--;
		mm_list_add_tail(&worker->link, &pool->spare);
	}
	mm_spin_unlock(&pool->lock);
	return work;
}

static void run_work(struct mm_work_pool *pool, struct mm_work *work)
{
	mm_exec_mark(pool->exec, MMSIM_MARK_BEGIN, "work", 0);
	work->fn(work);
	mm_exec_mark(pool->exec, MMSIM_MARK_END, NULL, 0);
	mm_spin_lock(&pool->lock);
	end_work(pool, work);
	wake_flushers(pool);
	mm_spin_unlock(&pool->lock);
}

static void worker_main(void *arg)
{
	struct mm_worker *worker = arg;
	struct mm_work *work;

	while ((work = next_work(worker->pool, worker)))
		run_work(worker->pool, work);
}

/* Starting workers. */

/*
 * A slot for one more worker, or NULL when max_active are at work. The longest unused one: its task
 * has most likely ended, so that the join does not wait.
 */
static struct mm_worker *claim_worker(struct mm_work_pool *pool)
{
	struct mm_worker *worker;

	mm_assert(mm_spin_held(&pool->lock));
	if (pool->nr_active >= pool->max_active)
		return NULL;
	worker = mm_list_first(&pool->spare, struct mm_worker, link);
	mm_list_del(&worker->link);
	worker->coming = true;
	pool->nr_active++;
	pool->nr_coming++;
	return worker;
}

static void start_worker(struct mm_work_pool *pool, struct mm_worker *worker)
{
	bool failed, warm = worker->started;

	if (warm)
		mm_exec_join(pool->exec, &worker->task);
	/* Before it can be on the spare list again. */
	worker->started = true;
	/* Workers are kept, in the kernel: only the first one of a slot is made. */
	failed = (warm ? mm_exec_spawn_warm : mm_exec_spawn)(pool->exec, &worker->task,
							     pool->allowed, worker_main, worker);
	if (!failed)
		return;
	mm_spin_lock(&pool->lock);
	worker->started = false;
	worker->coming = false;
	pool->nr_coming--;
	pool->nr_active--;
	mm_list_add_tail(&worker->link, &pool->spare);
	wake_flushers(pool);
	mm_spin_unlock(&pool->lock);
}

/* Queueing. */

/*
 * Where a work that its caller has made pending belongs: where it runs, if it does, otherwise where
 * it is wanted.
 */
static struct mm_work_pool *choose_pool(struct mm_work *work, struct mm_work_pool *wanted)
{
	struct mm_work_pool *last = __atomic_load_n(&work->pool, __ATOMIC_ACQUIRE);

	if (last == wanted)
		return wanted;
	if (!last) {
		__atomic_store_n(&work->pool, wanted, __ATOMIC_RELEASE);
		return wanted;
	}
	mm_spin_lock(&last->lock);
	if (!work->running)
		__atomic_store_n(&work->pool, wanted, __ATOMIC_RELEASE);
	mm_spin_unlock(&last->lock);
	return work->pool;
}

static void pool_queue(struct mm_work_pool *pool, struct mm_work *work)
{
	struct mm_worker *worker = NULL;

	mm_spin_lock(&pool->lock);
	work->queued++;
	if (work->running) {
		work->again = true;
	} else {
		list_work(pool, work);
		worker = claim_worker(pool);
	}
	mm_spin_unlock(&pool->lock);
	if (worker)
		start_worker(pool, worker);
}

bool mm_sync_queue_work_on(struct mm_workqueue *wq, unsigned where, struct mm_work *work)
{
	mm_assert(where < wq->nr_pools);
	mm_exec_point(wq->exec, MM_POINT_ATOMIC, &work->pending);
	if (__atomic_exchange_n(&work->pending, 1, __ATOMIC_ACQ_REL))
		return false;
	pool_queue(choose_pool(work, &wq->pools[where]), work);
	return true;
}

bool mm_sync_queue_work(struct mm_workqueue *wq, struct mm_work *work)
{
	unsigned cpu = mm_exec_cpu(wq->exec);

	return mm_sync_queue_work_on(wq, wq->bound ? cpu : wq->topology->node_of[cpu], work);
}

/* Flushing and cancelling. */

/* The work's pool, locked; NULL: it was never queued. */
static struct mm_work_pool *lock_pool(struct mm_work *work)
{
	for (;;) {
		struct mm_work_pool *pool = __atomic_load_n(&work->pool, __ATOMIC_ACQUIRE);

		if (!pool)
			return NULL;
		mm_spin_lock(&pool->lock);
		if (pool == __atomic_load_n(&work->pool, __ATOMIC_ACQUIRE))
			return pool;
		mm_spin_unlock(&pool->lock);
	}
}

/* W4: no thread was to be had for some of what is listed. */
static bool is_stranded(const struct mm_work_pool *pool)
{
	return pool->nr_active < pool->max_active && pool->nr_listed > pool->nr_coming;
}

/* In place of a worker: the lock is held before and free after. */
static void run_here(struct mm_work_pool *pool, struct mm_work *work)
{
	struct mm_worker *worker = NULL;

	pool->nr_active++;
	start_work(pool, work);
	mm_spin_unlock(&pool->lock);
	run_work(pool, work);
	mm_spin_lock(&pool->lock);
	pool->nr_active--;
	/* W4, for what was queued while this filled the pool. */
	if (pool->nr_listed > pool->nr_coming)
		worker = claim_worker(pool);
	wake_flushers(pool);
	mm_spin_unlock(&pool->lock);
	if (worker)
		start_worker(pool, worker);
}

/* Until something changed: the lock is held before and free after. */
static void wait_for_change(struct mm_work_pool *pool)
{
	uint32_t seen = pool->changes;

	pool->nr_waiting++;
	mm_spin_unlock(&pool->lock);
	mm_task_current()->waits_for = "a work to end";
	mm_exec_park(pool->exec, &pool->changes, seen, MM_NEVER);
	mm_task_current()->waits_for = NULL;
	mm_spin_lock(&pool->lock);
	pool->nr_waiting--;
	mm_spin_unlock(&pool->lock);
}

void mm_sync_flush_work(struct mm_work *work)
{
	struct mm_work_pool *pool = lock_pool(work);
	uint32_t want;

	if (!pool)
		return;
	want = work->queued;
	while ((int32_t)(want - work->finished) > 0) {
		if (work->listed && is_stranded(pool))
			run_here(pool, work);
		else
			wait_for_change(pool);
		pool = lock_pool(work);
	}
	mm_spin_unlock(&pool->lock);
}

bool mm_sync_cancel_work(struct mm_work *work)
{
	struct mm_work_pool *pool;
	bool taken;

	while ((pool = lock_pool(work))) {
		taken = work->listed || work->again;
		if (taken) {
			if (work->listed)
				unlist_work(pool, work);
			work->again = false;
			__atomic_store_n(&work->pending, 0, __ATOMIC_RELEASE);
			update_finished(work);
			wake_flushers(pool);
		}
		mm_spin_unlock(&pool->lock);
		/* Pending but not listed: somebody is about to list it. */
		if (taken || !__atomic_load_n(&work->pending, __ATOMIC_ACQUIRE))
			return taken;
		pool->exec->ops->yield(pool->exec);
	}
	return false;
}

/* Slots. */

static size_t block_bytes(unsigned nr)
{
	return sizeof(struct mm_worker_block) + nr * sizeof(struct mm_worker);
}

/* Under the lock, once others may use the pool. */
static void add_slots(struct mm_work_pool *pool, struct mm_worker_block *block)
{
	block->next = pool->blocks;
	pool->blocks = block;
	pool->nr_slots += block->nr;
	for (unsigned i = 0; i < block->nr; i++) {
		block->worker[i].pool = pool;
		mm_list_add_tail(&block->worker[i].link, &pool->spare);
	}
}

static struct mm_worker_block *alloc_slots(struct mm_work_pool *pool, unsigned nr)
{
	struct mm_worker_block *block;

	block = mm_base_meta_alloc(pool->exec->meta, block_bytes(nr));
	if (block)
		block->nr = nr;
	return block;
}

static void free_slots(struct mm_work_pool *pool)
{
	while (pool->blocks) {
		struct mm_worker_block *block = pool->blocks;

		pool->blocks = block->next;
		for (unsigned i = 0; i < block->nr; i++)
			if (block->worker[i].started)
				mm_exec_join(pool->exec, &block->worker[i].task);
		mm_base_meta_free(pool->exec->meta, block, block_bytes(block->nr));
	}
}

/* Changing max_active. */

static unsigned limit_of(const struct mm_work_pool *pool, unsigned max_active)
{
	return max_active ? max_active : pool->default_active;
}

/* W4: workers for what is listed, if it now may have some. */
static void set_limit(struct mm_work_pool *pool, unsigned limit)
{
	struct mm_worker *worker;
	mm_list claimed;

	mm_list_init(&claimed);
	mm_spin_lock(&pool->lock);
	pool->max_active = limit;
	while (pool->nr_listed > pool->nr_coming && (worker = claim_worker(pool)))
		mm_list_add_tail(&worker->link, &claimed);
	mm_spin_unlock(&pool->lock);
	while (!mm_list_empty(&claimed)) {
		worker = mm_list_first(&claimed, struct mm_worker, link);
		mm_list_del(&worker->link);
		start_worker(pool, worker);
	}
}

/* For so many workers in all: 0 or -ENOMEM. */
static int make_room(struct mm_work_pool *pool, unsigned nr)
{
	struct mm_worker_block *block;

	if (nr <= pool->nr_slots)
		return 0;
	block = alloc_slots(pool, nr - pool->nr_slots);
	if (!block)
		return -ENOMEM;
	mm_spin_lock(&pool->lock);
	add_slots(pool, block);
	mm_spin_unlock(&pool->lock);
	return 0;
}

int mm_sync_workqueue_set_max_active(struct mm_workqueue *wq, unsigned max_active)
{
	for (unsigned i = 0; i < wq->nr_pools; i++)
		if (make_room(&wq->pools[i], limit_of(&wq->pools[i], max_active)))
			return -ENOMEM;
	for (unsigned i = 0; i < wq->nr_pools; i++)
		set_limit(&wq->pools[i], limit_of(&wq->pools[i], max_active));
	return 0;
}

/* Making and unmaking. */

static int pool_init(struct mm_work_pool *pool, struct mm_workqueue *wq, unsigned index,
		     const struct mm_workqueue_config *cfg)
{
	struct mm_worker_block *block;
	unsigned cpus = 1;

	pool->exec = wq->exec;
	if (cfg->bound) {
		mm_cpumask_set(&pool->own_cpu, index);
		pool->allowed = &pool->own_cpu;
	} else {
		cpus = cfg->topology->nr_node_cpus[index];
		pool->allowed = cpus ? &cfg->topology->cpus[index] : NULL;
	}
	pool->default_active = mm_max(cpus, DEFAULT_MAX_ACTIVE);
	pool->max_active = limit_of(pool, cfg->max_active);
	mm_list_init(&pool->works);
	mm_list_init(&pool->spare);
	block = alloc_slots(pool, pool->max_active);
	if (!block)
		return -ENOMEM;
	add_slots(pool, block);
	mm_sync_spin_init(&pool->lock, cfg->locks, MM_RANK_WORK_POOL);
	return 0;
}

/* Do something about what is left, or wait for those who do. False: nothing was left. */
static bool drain(struct mm_work_pool *pool)
{
	mm_spin_lock(&pool->lock);
	if (pool->nr_listed && is_stranded(pool)) {
		run_here(pool, mm_list_first(&pool->works, struct mm_work, entry));
		return true;
	}
	if (pool->nr_active || pool->nr_listed) {
		mm_spin_unlock(&pool->lock);
		mm_exec_sleep_until(pool->exec, mm_exec_now(pool->exec) + DRAIN_POLL_NS);
		return true;
	}
	mm_spin_unlock(&pool->lock);
	return false;
}

/* Only when all is done are the threads joined, as works may still start others. */
static void pool_fini(struct mm_work_pool *pool)
{
	while (drain(pool))
		;
	free_slots(pool);
	mm_invariant("W3: pool idle when it goes", !pool->nr_active && mm_list_empty(&pool->works));
	mm_sync_spin_fini(&pool->lock);
}

int mm_sync_workqueue_create(struct mm_exec *x, const struct mm_workqueue_config *cfg,
			     struct mm_workqueue **out)
{
	const struct mm_topology *t = cfg->topology;
	unsigned nr = cfg->bound ? t->nr_cpus : t->nr_nodes;
	struct mm_workqueue *wq = mm_base_meta_alloc(x->meta, sizeof(*wq));

	*out = NULL;
	if (!wq)
		return -ENOMEM;
	*wq = (struct mm_workqueue){ .exec = x, .topology = t, .bound = cfg->bound };
	wq->pools = mm_base_meta_calloc(x->meta, nr, sizeof(*wq->pools));
	for (unsigned i = 0; wq->pools && i < nr; i++, wq->nr_pools++)
		if (pool_init(&wq->pools[i], wq, i, cfg))
			break;
	if (wq->nr_pools == nr) {
		*out = wq;
		return 0;
	}
	for (unsigned i = 0; i < wq->nr_pools; i++)
		pool_fini(&wq->pools[i]);
	mm_base_meta_free(x->meta, wq->pools, nr * sizeof(*wq->pools));
	mm_base_meta_free(x->meta, wq, sizeof(*wq));
	return -ENOMEM;
}

void mm_sync_workqueue_destroy(struct mm_workqueue *wq)
{
	struct mm_meta *meta;

	if (!wq)
		return;
	meta = wq->exec->meta;
	for (unsigned i = 0; i < wq->nr_pools; i++)
		pool_fini(&wq->pools[i]);
	mm_base_meta_free(meta, wq->pools, wq->nr_pools * sizeof(*wq->pools));
	mm_base_meta_free(meta, wq, sizeof(*wq));
}
