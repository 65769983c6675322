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
	uint64_t began = s->lock.timed ? mm_exec_now(x) : 0;

	for (unsigned spin = 0;; spin++) {
		uint32_t holder = __atomic_load_n(&s->lock.word, __ATOMIC_RELAXED);

		if (holder)
			x->ops->relax(x, &s->lock.word, holder, spin);
		else if (mm_spin_try(s, id))
			break;
	}
	mm_stat_add(&s->lock.contended, 1);
	if (s->lock.timed)
		mm_stat_add(&s->lock.wait_ns, mm_exec_now(x) - began);
}
