/* SPDX-License-Identifier: MIT */
/*
 * Mutex: for stretches that may wait. A waiter is parked.
 *
 * Counterpart: struct mutex (no hand-off, no optimistic spinning).
 * Futex protocol after U. Drepper, "Futexes are tricky", 2011, mutex 2.
 */
#ifndef MM_SYNC_MUTEX_H
#define MM_SYNC_MUTEX_H

#include "lock.h"

struct mm_mutex {
	struct mm_lock lock;
};

void mm_sync_mutex_init(struct mm_mutex *m, struct mm_lockset *set, enum mm_lock_rank rank);
void mm_sync_mutex_fini(struct mm_mutex *m);
void mm_sync_mutex_lock(struct mm_mutex *m);
void mm_sync_mutex_unlock(struct mm_mutex *m);

#endif
