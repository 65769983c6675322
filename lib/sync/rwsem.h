/* SPDX-License-Identifier: MIT */
/*
 * Read-write semaphore: many readers or one writer, who may wait while they are inside. A waiter is parked.
 *
 * One word, the count, says who is inside: a reader adds one and looks at what came out. Who finds a
 * writer inside or somebody waiting takes it back and queues. The queue is first come, first served: as
 * long as anybody waits nobody overtakes, so a stream of readers does not starve a writer. Who leaves
 * last, or who finds when he queues that nobody is inside any more, hands the semaphore to the head of
 * the queue: to one writer, or to all readers up to the next writer.
 *
 * Counterpart: struct rw_semaphore of Linux 4.20, kernel/locking/rwsem-xadd.c, without optimistic
 * spinning: a writer that cannot have it sleeps, as there if readers are inside. There a writer that is
 * woken takes the semaphore, here it is handed it; nobody can come between either way. A writer first
 * tries a compare-and-swap instead of an addition, so that it never has anything to take back.
 *
 *  W1: count = readers inside (and, for a moment, readers about to take their one back)
 *      + MM_RWSEM_WRITER if a writer is inside + MM_RWSEM_WAITED if the queue is not empty.
 *  W2: a writer is inside alone.
 *  W3: the queue changes under wait_lock only. Its head is handed the semaphore by whoever makes that
 *      possible: by the last who leaves, or by whoever takes back his one or queues after that; to readers
 *      also by a writer who becomes one of them.
 *  W4: lock.word, the owner: the id of the writer inside; MM_RWSEM_READER_OWNED from a reader on until
 *      a writer.
 *
 * Locking: wait_lock has a rank of its own, innermost. Statistics: hold_ns is of writers; natively and
 * without lock times, of two readers that enter at the same moment one may not be counted in `acquired`.
 * Cost: read lock and unlock, uncontended: two atomic additions and a look at the owner. When many CPUs
 * do this, each of the three fetches the line.
 */
#ifndef MM_SYNC_RWSEM_H
#define MM_SYNC_RWSEM_H

#include "spinlock.h"

#define MM_RWSEM_READER INT64_C(1)
#define MM_RWSEM_WAITED (-(INT64_C(1) << 32))
#define MM_RWSEM_WRITER (-(INT64_C(1) << 48))

/* No task's id: mm_lock_owner() is 0. */
#define MM_RWSEM_READER_OWNED MM_LOCK_WAITED

struct mm_rwsem {
	int64_t count; /* atomic: W1 */
	struct mm_lock lock; /* W4; beside the count, so that both are on one line */
	struct mm_atomic_line line;
	struct mm_spinlock wait_lock;
	mm_list waiters; /* W3 */
} mm_cacheline_aligned;

void mm_sync_rwsem_init(struct mm_rwsem *s, struct mm_lockset *set, enum mm_lock_rank rank);
/* Nobody is inside. */
void mm_sync_rwsem_fini(struct mm_rwsem *s);

/* With order, schedule points, simulated cost; or the contended way. For the inline functions below. */
void mm_sync_down_read_watched(struct mm_rwsem *s);
void mm_sync_down_read_slow(struct mm_rwsem *s);
void mm_sync_up_read_watched(struct mm_rwsem *s);
void mm_sync_rwsem_wake(struct mm_rwsem *s);

/* One reader more, unless somebody is in the way: then it has to be taken back. */
static inline bool mm_rwsem_add_reader(struct mm_rwsem *s)
{
	return __atomic_add_fetch(&s->count, MM_RWSEM_READER, __ATOMIC_ACQUIRE) >= 0;
}

/* One less. True: he was the last, and somebody waits. */
static inline bool mm_rwsem_sub_reader(struct mm_rwsem *s)
{
	return __atomic_sub_fetch(&s->count, MM_RWSEM_READER, __ATOMIC_RELEASE) == MM_RWSEM_WAITED;
}

/* W4. A store only where it changes something. */
static inline void mm_rwsem_set_reader_owned(struct mm_rwsem *s)
{
	if (__atomic_load_n(&s->lock.word, __ATOMIC_RELAXED) != MM_RWSEM_READER_OWNED)
		__atomic_store_n(&s->lock.word, MM_RWSEM_READER_OWNED, __ATOMIC_RELAXED);
}

/* Waits while a writer is inside or anybody waits already. */
static inline void mm_down_read(struct mm_rwsem *s)
{
	if (mm_unlikely(s->lock.watched)) {
		mm_sync_down_read_watched(s);
		return;
	}
	if (mm_unlikely(!mm_rwsem_add_reader(s)))
		mm_sync_down_read_slow(s);
	mm_rwsem_set_reader_owned(s);
	mm_stat_add(&s->lock.acquired, 1);
}

static inline void mm_up_read(struct mm_rwsem *s)
{
	if (mm_unlikely(s->lock.watched))
		mm_sync_up_read_watched(s);
	else if (mm_unlikely(mm_rwsem_sub_reader(s)))
		mm_sync_rwsem_wake(s);
}

/* Waits while anybody is inside. */
void mm_sync_down_write(struct mm_rwsem *s);
void mm_sync_up_write(struct mm_rwsem *s);

/*
 * A writer inside becomes a reader inside: no writer comes between, and readers at the head of the queue come
 * in beside him. He leaves by mm_up_read(). Never waits. Not counted as an acquisition. Counterpart:
 * downgrade_write().
 */
void mm_sync_downgrade_write(struct mm_rwsem *s);

/* Without waiting. May fail without blame (MMSIM_FAULT_TRYLOCK). */
bool mm_sync_down_read_trylock(struct mm_rwsem *s);
bool mm_sync_down_write_trylock(struct mm_rwsem *s);

/* Is anybody inside? A look that may be past at once. Counterpart: rwsem_is_locked(). */
static inline bool mm_rwsem_is_locked(const struct mm_rwsem *s)
{
	return __atomic_load_n(&s->count, __ATOMIC_RELAXED) != 0;
}

#endif
