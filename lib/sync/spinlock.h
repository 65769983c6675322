/* SPDX-License-Identifier: MIT */
/*
 * Spin lock: for short stretches that never wait.
 *
 * Test-and-set with a pausing, then yielding, then sleeping wait: in user space a holder may lose
 * its CPU, and queued spinners behind it would all burn theirs. Counterpart: spinlock_t (which
 * queues; the virtual back end does so too).
 *
 * Cost, uncontended: one compare-and-swap, one release store.
 *
 * A lock that one thread takes nearly always is biased towards it: that thread then raises a flag of its
 * own, with plain stores, and leaves the word alone. Whoever else takes the word takes the bias away and
 * makes sure that the thread knows: a barrier in all threads, a microsecond or so. Only for the callers of
 * mm_sync_spin_trylock_bare(), and where the back end has such a barrier.
 *
 *  S1: a task is inside with the word being its id, or with its thread's flag up and the bias being its
 *      thread's.
 *  S2: the bias changes only under the word; to nothing by anybody, from nothing to the changer's thread.
 *  S3: whoever holds the word and is not of the thread of the bias has taken it away, has had all threads
 *      pass a barrier, and has then seen the flag down. So the thread sees that the bias is gone before
 *      it enters, or its flag has been waited for.
 */
#ifndef MM_SYNC_SPINLOCK_H
#define MM_SYNC_SPINLOCK_H

#include "lock.h"

struct mm_spinlock {
	struct mm_lock lock;
	uint32_t *bias; /* atomic: `quick` of the thread that need not take the word, or NULL */
	uint32_t *latest; /* the same of who last took it by mm_sync_spin_trylock_bare() */
	uint32_t in_a_row; /* how often, nobody else between */
};

void mm_sync_spin_init(struct mm_spinlock *s, struct mm_lockset *set, enum mm_lock_rank rank);
void mm_sync_spin_fini(struct mm_spinlock *s);
/* The word is held: see to it that nobody is inside without it. S3. */
void mm_sync_spin_revoke(struct mm_spinlock *s);
/*
 * By the word, where the lock is not watched. Whoever gets it again and again gets the bias. False: it
 * is held.
 */
bool mm_sync_spin_trylock_bare(struct mm_spinlock *s, const struct mm_task *me);
void mm_sync_spin_lock_slow(struct mm_spinlock *s, uint32_t id);

static inline bool mm_spin_try(struct mm_spinlock *s, uint32_t id)
{
	uint32_t open = 0;

	return __atomic_compare_exchange_n(&s->lock.word, &open, id, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static inline void mm_spin_unbias(struct mm_spinlock *s)
{
	if (mm_unlikely(__atomic_load_n(&s->bias, __ATOMIC_RELAXED) != NULL))
		mm_sync_spin_revoke(s);
}

static inline void mm_spin_lock(struct mm_spinlock *s)
{
	uint32_t id = mm_task_current()->id;

	mm_lock_before(&s->lock);
	if (mm_unlikely(!mm_spin_try(s, id)))
		mm_sync_spin_lock_slow(s, id);
	mm_spin_unbias(s);
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
	mm_spin_unbias(s);
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

/*
 * For callers who know that the lock is not watched and who they are, and who take no other lock inside.
 * The quick way in, of the thread of the bias. False: it is not the caller's, and nothing was done.
 */
static inline bool mm_spin_enter_quick(struct mm_spinlock *s, const struct mm_task *me)
{
	uint32_t *quick = me->quick;

	if (mm_unlikely(__atomic_load_n(&s->bias, __ATOMIC_RELAXED) != quick || !quick))
		return false;
	__atomic_store_n(quick, 1, __ATOMIC_RELAXED);
	/* The other half of this barrier is the one that S3 speaks of. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (mm_unlikely(__atomic_load_n(&s->bias, __ATOMIC_RELAXED) != quick)) {
		__atomic_store_n(quick, 0, __ATOMIC_RELEASE);
		return false;
	}
	mm_stat_add(&s->lock.acquired, 1);
	return true;
}

static inline void mm_spin_leave_quick(const struct mm_task *me)
{
	__atomic_store_n(me->quick, 0, __ATOMIC_RELEASE);
}

static inline void mm_spin_unlock_bare(struct mm_spinlock *s)
{
	__atomic_store_n(&s->lock.word, 0, __ATOMIC_RELEASE);
}

/*
 * The quickest way in, for callers who take no other lock inside. Returns whether it was by the bias, for
 * mm_spin_leave().
 */
static inline bool mm_spin_enter(struct mm_spinlock *s, const struct mm_task *me)
{
	if (mm_likely(mm_spin_enter_quick(s, me)))
		return true;
	if (s->lock.watched || !mm_sync_spin_trylock_bare(s, me))
		mm_spin_lock(s);
	return false;
}

static inline void mm_spin_leave(struct mm_spinlock *s, const struct mm_task *me, bool quick)
{
	if (mm_likely(quick))
		mm_spin_leave_quick(me);
	else
		mm_spin_unlock(s);
}

static inline bool mm_spin_held(const struct mm_spinlock *s)
{
	return mm_lock_held(&s->lock);
}

#endif
