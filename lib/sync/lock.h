/* SPDX-License-Identifier: MIT */
/*
 * What all locks share: a class with a rank, an owner, statistics, and the register of all locks of
 * a machine.
 *
 * Lock order is data: a task may take a lock only if every lock it holds has a lower rank. Checked in
 * debug builds on every acquisition, so an inversion is found without a deadlock having to happen.
 *
 *  K1: a task takes locks in ascending rank.
 *  K2: a lock is released by the task that took it.
 *
 * Locking: statistics are written by the holder and may be read by anyone, approximately.
 * Counterpart: kernel/locking/lockdep.c, /proc/lock_stat (sums per class as there).
 */
#ifndef MM_SYNC_LOCK_H
#define MM_SYNC_LOCK_H

#include "exec.h"

/* From the outermost to the innermost. */
enum mm_lock_rank {
	MM_RANK_BOOT, /* a machine's mutex around boot and reset */
	MM_RANK_HUGETLB_RESIZE, /* a mutex: the size of a pool of huge pages */
	MM_RANK_VFIO, /* a mutex: what a container has mapped */
	MM_RANK_MMAP, /* a read-write semaphore: a guest's memory, locked_vm */
	MM_RANK_I_MMAP, /* a mutex: areas that map a file */
	MM_RANK_FILEMAP, /* a file's pages in the cache */
	MM_RANK_TEARDOWN, /* a mutex: how address spaces are taken down */
	MM_RANK_PADATA_INSTANCE, /* a mutex: shells and masks of a padata instance */
	MM_RANK_PADATA_SHELL, /* a shell's newest number */
	MM_RANK_PADATA_REORDER, /* jobs that wait for their turn */
	MM_RANK_PADATA_SERIAL, /* jobs whose turn it is, on one CPU */
	MM_RANK_PADATA_WORKS, /* a padata instance's work items */
	MM_RANK_VMAP_PURGE, /* a mutex: a drain of kernel addresses */
	MM_RANK_VMAP_BLOCK, /* a block of vm_map_ram() */
	MM_RANK_VMAP_QUEUE, /* a CPU's blocks, or those of a hash */
	MM_RANK_VMAP_TABLES, /* the kernel's page tables */
	MM_RANK_VMAP_BUSY, /* areas in use, of a node */
	MM_RANK_VMAP_LAZY, /* areas that wait for a flush, of a node */
	MM_RANK_VMAP_POOL, /* areas to be used again, of a node */
	MM_RANK_VMAP_FREE, /* addresses that nobody has */
	MM_RANK_SLAB, /* objects that no CPU keeps */
	MM_RANK_PAGE_TABLE, /* the upper page tables of an address space */
	MM_RANK_PMD, /* a table of huge entries and tables */
	MM_RANK_PTE, /* a table of entries of pages */
	MM_RANK_TLB_MERGE, /* flushes of several threads that may be made one */
	MM_RANK_RCU_WAIT, /* a mutex: whoever waits for a grace period */
	MM_RANK_RCU, /* callbacks that wait for one */
	MM_RANK_WORK_POOL, /* a workqueue's pending works */
	MM_RANK_HUGETLB_FAULT, /* a mutex: an index of a hugetlbfs file, with others of its hash */
	MM_RANK_HUGETLB_FILE, /* which pages are in a hugetlbfs file */
	MM_RANK_HUGETLB, /* the pools of huge pages */
	MM_RANK_LRU_ADD, /* pages on their way to the LRU lists, of one CPU */
	MM_RANK_LRU, /* a node's LRU lists */
	MM_RANK_TLB, /* a CPU's TLB */
	MM_RANK_NODE_RESIZE, /* a node's deferred range: grown by allocations, whatever is held */
	MM_RANK_PCP, /* a zone's list on one CPU */
	MM_RANK_ZONE, /* a zone's free areas */
	MM_RANK_RWSEM_WAIT, /* who waits for a read-write semaphore */
	MM_NR_RANKS
};

/* Name of the locks of a rank, as statistics print it. */
const char *mm_sync_rank_name(enum mm_lock_rank rank);

struct mm_lock_sum {
	uint64_t locks, acquired, contended, wait_ns, hold_ns;
};

/* The locks of a machine. */
struct mm_lockset {
	struct mm_exec *exec; /* constant after init */
	bool timed; /* constant after init: measure waits and holds */
	unsigned char busy; /* atomic flag around what follows */
	mm_list locks;
	struct mm_lock_sum gone[MM_NR_RANKS]; /* of locks that are no more; `locks` stays 0 */
};

/* Flag of a mutex's word: somebody may be parked on it. */
#define MM_LOCK_WAITED 0x80000000u

struct mm_lock {
	uint32_t word; /* atomic: id of the task that holds it, or 0; MM_LOCK_WAITED */
	struct mm_line line; /* of the exec */
	bool watched; /* constant after init: something besides taking it is to be done */
	bool timed; /* constant after init */
	bool sleeps; /* constant after init: a mutex, whose holder may be put off its CPU */
	uint64_t acquired;
	struct mm_exec *exec; /* constant after init */
	struct mm_lockset *set; /* constant after init */
	enum mm_lock_rank rank; /* constant after init */
	uint64_t contended;
	uint64_t wait_ns;
	uint64_t hold_ns;
	uint64_t taken_at;
	mm_list link;
};

void mm_sync_lockset_init(struct mm_lockset *set, struct mm_exec *exec, bool timed);

/* All locks have been unregistered. */
void mm_sync_lockset_fini(struct mm_lockset *set);

/* Sum of all locks of one rank, those that are gone included. Cost: O(locks). */
struct mm_lock_sum mm_sync_lockset_sum(struct mm_lockset *set, enum mm_lock_rank rank);

void mm_sync_lock_register(struct mm_lock *lock, struct mm_lockset *set, enum mm_lock_rank rank);
void mm_sync_lock_unregister(struct mm_lock *lock);

/* Add to a figure that only the lock's holder writes and anyone may read meanwhile. */
static inline void mm_stat_add(uint64_t *figure, uint64_t n)
{
	__atomic_store_n(figure, *figure + n, __ATOMIC_RELAXED);
}

/*
 * Around every acquisition of a watched lock: order, schedule points, times, simulated cost. A lock
 * is watched if the build, the back end or a fault point wants any of it.
 */
void mm_sync_lock_before(const struct mm_lock *lock);
void mm_sync_lock_after(struct mm_lock *lock);
void mm_sync_unlock_before(struct mm_lock *lock);

/*
 * Parts of the above, for a lock with costs of its own: the caller has it, or is about to leave. `shared`:
 * others may have it, too; then it has no owner, and its holds are not timed.
 */
void mm_sync_lock_entered(struct mm_lock *lock, bool shared);
void mm_sync_lock_leaving(struct mm_lock *lock, bool shared);

/* Release a watched spin lock, or hand it over. */
void mm_sync_unlock_watched(struct mm_lock *lock);

/* Around a wait for a lock: what it waits for, for reports and the timeline; how long it took. */
uint64_t mm_sync_lock_wait_begin(struct mm_lock *lock);
void mm_sync_lock_wait_end(struct mm_lock *lock, uint64_t began);

static inline void mm_lock_before(const struct mm_lock *lock)
{
	if (mm_unlikely(lock->watched))
		mm_sync_lock_before(lock);
}

static inline void mm_lock_after(struct mm_lock *lock)
{
	mm_stat_add(&lock->acquired, 1);
	if (mm_unlikely(lock->watched))
		mm_sync_lock_after(lock);
}

static inline void mm_unlock_before(struct mm_lock *lock)
{
	if (mm_unlikely(lock->watched))
		mm_sync_unlock_before(lock);
}

/* id of the task that holds it, 0: none. */
static inline uint32_t mm_lock_owner(const struct mm_lock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) & ~MM_LOCK_WAITED;
}

/* Does the caller hold it? For the first line of functions that need a lock held. */
static inline bool mm_lock_held(const struct mm_lock *lock)
{
	return mm_lock_owner(lock) == mm_task_current()->id;
}

#endif
