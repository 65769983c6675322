/* SPDX-License-Identifier: MIT */
/* Spin lock, the contended way. */
#include "spinlock.h"

void mm_sync_spin_init(struct mm_spinlock *s, struct mm_lockset *set, enum mm_lock_rank rank)
{
	mm_sync_lock_register(&s->lock, set, rank);
}

void mm_sync_spin_fini(struct mm_spinlock *s)
{
	mm_sync_lock_unregister(&s->lock);
}

void mm_sync_spin_lock_slow(struct mm_spinlock *s, uint32_t id)
{
	struct mm_exec *x = s->lock.exec;
	uint64_t began = mm_sync_lock_wait_begin(&s->lock);

	for (unsigned spin = 0;; spin++) {
		uint32_t holder = __atomic_load_n(&s->lock.word, __ATOMIC_ACQUIRE);

		if (holder == id) /* handed over */
			break;
		if (holder)
			x->ops->relax(x, &s->lock.word, holder, spin);
		else if (mm_spin_try(s, id))
			break;
	}
	mm_sync_lock_wait_end(&s->lock, began);
}
