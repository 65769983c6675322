/* SPDX-License-Identifier: MIT */
/* What all locks share. */
#include "lock.h"

const char *mm_sync_rank_name(enum mm_lock_rank rank)
{
	static const char *const names[MM_NR_RANKS] = {
		[MM_RANK_BOOT] = "boot_mutex",
		[MM_RANK_HUGETLB_RESIZE] = "hstate->resize_lock",
		[MM_RANK_VFIO] = "vfio_iommu->lock",
		[MM_RANK_MMAP] = "mm->mmap_sem",
		[MM_RANK_I_MMAP] = "mapping->i_mmap_rwsem",
		[MM_RANK_FILEMAP] = "mapping->i_pages(filemap)",
		[MM_RANK_TEARDOWN] = "teardown->lock",
		[MM_RANK_PADATA_INSTANCE] = "padata_instance->lock",
		[MM_RANK_PADATA_SHELL] = "padata_shell->lock",
		[MM_RANK_PADATA_REORDER] = "padata_list->lock",
		[MM_RANK_PADATA_SERIAL] = "padata_serial_queue->lock",
		[MM_RANK_PADATA_WORKS] = "padata_instance->works_lock",
		[MM_RANK_VMAP_PURGE] = "vmap_purge_lock",
		[MM_RANK_VMAP_BLOCK] = "vmap_block->lock",
		[MM_RANK_VMAP_QUEUE] = "vmap_block_queue->lock",
		[MM_RANK_VMAP_TABLES] = "init_mm.page_table_lock",
		[MM_RANK_VMAP_BUSY] = "vmap_node->busy.lock",
		[MM_RANK_VMAP_LAZY] = "vmap_node->lazy.lock",
		[MM_RANK_VMAP_POOL] = "vmap_node->pool_lock",
		[MM_RANK_VMAP_FREE] = "free_vmap_area_lock",
		[MM_RANK_SLAB] = "kmem_cache_node->list_lock",
		[MM_RANK_PAGE_TABLE] = "mm->page_table_lock",
		[MM_RANK_PMD] = "ptlock(pmd)",
		[MM_RANK_PTE] = "ptlock(pte)",
		[MM_RANK_TLB_MERGE] = "flush_group->lock",
		[MM_RANK_RCU_WAIT] = "rcu->waiting",
		[MM_RANK_RCU] = "rcu->lock",
		[MM_RANK_WORK_POOL] = "worker_pool->lock",
		[MM_RANK_HUGETLB_FAULT] = "hugetlb_fault_mutex",
		[MM_RANK_HUGETLB_FILE] = "mapping->i_pages",
		[MM_RANK_HUGETLB] = "hugetlb_lock",
		[MM_RANK_LRU_ADD] = "lru_add->lock",
		[MM_RANK_LRU] = "lruvec->lru_lock",
		[MM_RANK_TLB] = "cpu_tlbstate->lock",
		[MM_RANK_NODE_RESIZE] = "node_size_lock",
		[MM_RANK_PCP] = "pcp->lock",
		[MM_RANK_ZONE] = "zone->lock",
		[MM_RANK_RWSEM_WAIT] = "rw_semaphore->wait_lock",
	};

	return names[rank];
}

static void set_lock(struct mm_lockset *set)
{
	while (__atomic_test_and_set(&set->busy, __ATOMIC_ACQUIRE))
		;
}

static void set_unlock(struct mm_lockset *set)
{
	__atomic_clear(&set->busy, __ATOMIC_RELEASE);
}

void mm_sync_lockset_init(struct mm_lockset *set, struct mm_exec *exec, bool timed)
{
	*set = (struct mm_lockset){ .exec = exec, .timed = timed };
	mm_list_init(&set->locks);
}

void mm_sync_lockset_fini(struct mm_lockset *set)
{
	mm_invariant("every lock unregistered", mm_list_empty(&set->locks));
}

static void add_figures(struct mm_lock_sum *sum, const struct mm_lock *lock)
{
	sum->acquired += __atomic_load_n(&lock->acquired, __ATOMIC_RELAXED);
	sum->contended += __atomic_load_n(&lock->contended, __ATOMIC_RELAXED);
	sum->wait_ns += __atomic_load_n(&lock->wait_ns, __ATOMIC_RELAXED);
	sum->hold_ns += __atomic_load_n(&lock->hold_ns, __ATOMIC_RELAXED);
}

struct mm_lock_sum mm_sync_lockset_sum(struct mm_lockset *set, enum mm_lock_rank rank)
{
	struct mm_lock_sum sum;

	set_lock(set);
	sum = set->gone[rank];
	mm_list_for_each(pos, &set->locks) {
		const struct mm_lock *lock = mm_list_entry(pos, struct mm_lock, link);

		if (lock->rank != rank)
			continue;
		sum.locks++;
		add_figures(&sum, lock);
	}
	set_unlock(set);
	return sum;
}

void mm_sync_lock_register(struct mm_lock *lock, struct mm_lockset *set, enum mm_lock_rank rank)
{
	const struct mm_exec *x = set->exec;

	*lock = (struct mm_lock){
		.exec = set->exec,
		.set = set,
		.rank = rank,
		.timed = set->timed,
		.watched = MM_DEBUG || set->timed || x->wakes_relaxed ||
			   x->fault->point[MMSIM_FAULT_TRYLOCK].nth,
	};
	set_lock(set);
	mm_list_add_tail(&lock->link, &set->locks);
	set_unlock(set);
}

void mm_sync_lock_unregister(struct mm_lock *lock)
{
	mm_invariant("lock free when it goes", !mm_lock_owner(lock));
	set_lock(lock->set);
	add_figures(&lock->set->gone[lock->rank], lock);
	mm_list_del(&lock->link);
	set_unlock(lock->set);
}

static void check_order(const struct mm_lock *lock)
{
	const struct mm_task *task = mm_task_current();

	for (unsigned i = 0; i < task->nr_held; i++) {
		const struct mm_lock *held = task->held[i];

		mm_invariant("K1: lock order", held->rank < lock->rank);
	}
}

/* In debug builds, and always where a deadlock is reported. */
static bool tracks_held(const struct mm_lock *lock)
{
	return MM_DEBUG || lock->exec->wakes_relaxed;
}

static void push(const struct mm_lock *lock)
{
	struct mm_task *task = mm_task_current();

	mm_invariant("K1: locks held at once", task->nr_held < MM_TASK_MAX_HELD);
	task->held_name[task->nr_held] = mm_sync_rank_name(lock->rank);
	task->held[task->nr_held++] = lock;
}

static void pop(const struct mm_lock *lock)
{
	struct mm_task *task = mm_task_current();
	unsigned i = task->nr_held;

	while (i > 0 && task->held[i - 1] != lock)
		i--;
	mm_invariant("K2: lock is held", i > 0);
	for (; i < task->nr_held; i++) {
		task->held[i - 1] = task->held[i];
		task->held_name[i - 1] = task->held_name[i];
	}
	task->nr_held--;
}

void mm_sync_lock_before(const struct mm_lock *lock)
{
	if (tracks_held(lock))
		check_order(lock);
	mm_exec_point(lock->exec, MM_POINT_LOCK, &lock->word);
}

void mm_sync_lock_entered(struct mm_lock *lock, bool shared)
{
	if (lock->timed && !shared)
		lock->taken_at = mm_exec_now(lock->exec);
	if (tracks_held(lock))
		push(lock);
}

void mm_sync_lock_leaving(struct mm_lock *lock, bool shared)
{
	if (lock->timed && !shared)
		mm_stat_add(&lock->hold_ns, mm_exec_now(lock->exec) - lock->taken_at);
	if (!tracks_held(lock))
		return;
	mm_invariant("K2: released by its owner",
		     shared || mm_lock_owner(lock) == mm_task_current()->id);
	pop(lock);
}

void mm_sync_lock_after(struct mm_lock *lock)
{
	mm_sync_lock_entered(lock, false);
	mm_exec_charge(lock->exec, MM_CHARGE_LOCK, &lock->line, !lock->sleeps);
}

void mm_sync_unlock_before(struct mm_lock *lock)
{
	mm_sync_lock_leaving(lock, false);
	mm_exec_charge(lock->exec, MM_CHARGE_UNLOCK, &lock->line, !lock->sleeps);
}

/* The lock itself may be gone once it is free. */
void mm_sync_unlock_watched(struct mm_lock *lock)
{
	struct mm_exec *x = lock->exec;
	uint32_t *word = &lock->word;

	mm_sync_unlock_before(lock);
	if (!x->ops->hand_over || !x->ops->hand_over(x, word, &lock->line)) {
		__atomic_store_n(word, 0, __ATOMIC_RELEASE);
		if (x->wakes_relaxed)
			mm_exec_unpark(x, word, 1);
	}
	mm_exec_point(x, MM_POINT_UNLOCK, word);
}

uint64_t mm_sync_lock_wait_begin(struct mm_lock *lock)
{
	const char *name = mm_sync_rank_name(lock->rank);

	mm_task_current()->waits_for = name;
	mm_exec_mark(lock->exec, MMSIM_MARK_BEGIN, name, 0);
	return lock->timed ? mm_exec_now(lock->exec) : 0;
}

/* By the holder, or by one of them. */
void mm_sync_lock_wait_end(struct mm_lock *lock, uint64_t began)
{
	__atomic_add_fetch(&lock->contended, 1, __ATOMIC_RELAXED);
	if (lock->timed)
		__atomic_add_fetch(&lock->wait_ns, mm_exec_now(lock->exec) - began,
				   __ATOMIC_RELAXED);
	mm_exec_mark(lock->exec, MMSIM_MARK_END, NULL, 0);
	mm_task_current()->waits_for = NULL;
}
