/* SPDX-License-Identifier: MIT */
/* Mutex. */
#include "mutex.h"

void mm_sync_mutex_init(struct mm_mutex *m, struct mm_lockset *set, enum mm_lock_rank rank)
{
	mm_sync_lock_register(&m->lock, set, rank);
	m->lock.sleeps = true;
}

void mm_sync_mutex_fini(struct mm_mutex *m)
{
	mm_sync_lock_unregister(&m->lock);
}

static bool try_lock(struct mm_mutex *m, uint32_t value)
{
	uint32_t open = 0;

	return __atomic_compare_exchange_n(&m->lock.word, &open, value, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/*
 * Leave word that somebody is parked, and park. Whoever comes out of here with the lock cannot know
 * whether others are still parked, so he keeps the flag.
 */
static void lock_slow(struct mm_mutex *m, uint32_t id)
{
	struct mm_exec *x = m->lock.exec;
	uint64_t began = mm_sync_lock_wait_begin(&m->lock);

	while (!try_lock(m, id | MM_LOCK_WAITED)) {
		uint32_t held = __atomic_load_n(&m->lock.word, __ATOMIC_RELAXED);
		uint32_t waited = held | MM_LOCK_WAITED;

		if (held && (held == waited ||
			     __atomic_compare_exchange_n(&m->lock.word, &held, waited, false,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED)))
			mm_exec_park(x, &m->lock.word, waited, MM_NEVER);
	}
	mm_sync_lock_wait_end(&m->lock, began);
}

void mm_sync_mutex_lock(struct mm_mutex *m)
{
	uint32_t id = mm_task_current()->id;

	mm_lock_before(&m->lock);
	if (!try_lock(m, id))
		lock_slow(m, id);
	mm_lock_after(&m->lock);
}

void mm_sync_mutex_unlock(struct mm_mutex *m)
{
	struct mm_exec *x = m->lock.exec;

	mm_unlock_before(&m->lock);
	if (__atomic_exchange_n(&m->lock.word, 0, __ATOMIC_RELEASE) & MM_LOCK_WAITED)
		mm_exec_unpark(x, &m->lock.word, 1);
	mm_exec_point(x, MM_POINT_UNLOCK, &m->lock.word);
}
