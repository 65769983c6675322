/* SPDX-License-Identifier: MIT */
/*
 * Spin lock: for short stretches that never wait.
 *
 * Test-and-set with a pausing, then yielding, then sleeping wait: in user space a holder may lose
 * its CPU, and queued spinners behind it would all burn theirs. Counterpart: spinlock_t (which
 * queues; the virtual back end does so too).
 *
 * Cost, uncontended: one compare-and-swap, one release store.
 */
#ifndef MM_SYNC_SPINLOCK_H
#define MM_SYNC_SPINLOCK_H

#include "lock.h"

struct mm_spinlock {
	struct mm_lock lock;
};

void mm_sync_spin_init(struct mm_spinlock *s, struct mm_lockset *set, enum mm_lock_rank rank);
void mm_sync_spin_fini(struct mm_spinlock *s);
void mm_sync_spin_lock_slow(struct mm_spinlock *s, uint32_t id);

static inline bool mm_spin_try(struct mm_spinlock *s, uint32_t id)
{
	uint32_t open = 0;

	return __atomic_compare_exchange_n(&s->lock.word, &open, id, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void mm_spin_lock(struct mm_spinlock *s)
{
	uint32_t id = mm_task_current()->id;

	mm_lock_before(&s->lock);
	if (mm_unlikely(!mm_spin_try(s, id)))
		mm_sync_spin_lock_slow(s, id);
	mm_lock_after(&s->lock);
}

/* Take it unless it is held. May fail without blame (MMSIM_FAULT_TRYLOCK). */
static inline bool mm_spin_trylock(struct mm_spinlock *s)
{
	mm_lock_before(&s->lock);
	if (mm_unlikely(s->lock.watched) &&
	    mm_base_fault_hit(s->lock.exec->fault, MMSIM_FAULT_TRYLOCK))
		return false;
	if (mm_unlikely(!mm_spin_try(s, mm_task_current()->id)))
		return false;
	mm_lock_after(&s->lock);
	return true;
}

static inline void mm_spin_unlock(struct mm_spinlock *s)
{
	if (mm_unlikely(s->lock.watched))
		mm_sync_unlock_watched(&s->lock);
	else
		__atomic_store_n(&s->lock.word, 0, __ATOMIC_RELEASE);
}

/* The same two for callers who know that the lock is not watched and who they are. */
static inline bool mm_spin_trylock_bare(struct mm_spinlock *s, const struct mm_task *me)
{
	if (mm_unlikely(!mm_spin_try(s, me->id)))
		return false;
	mm_stat_add(&s->lock.acquired, 1);
	return true;
}

static inline void mm_spin_unlock_bare(struct mm_spinlock *s)
{
	__atomic_store_n(&s->lock.word, 0, __ATOMIC_RELEASE);
}

static inline bool mm_spin_held(const struct mm_spinlock *s)
{
	return mm_lock_held(&s->lock);
}

#endif
