/* SPDX-License-Identifier: MIT */
/* Spin lock, the contended way. */
#include "spinlock.h"

void mm_sync_spin_init(struct mm_spinlock *s, struct mm_lockset *set, enum mm_lock_rank rank)
{
	mm_sync_lock_register(&s->lock, set, rank);
	s->bias = s->latest = NULL;
	s->in_a_row = 0;
}

void mm_sync_spin_fini(struct mm_spinlock *s)
{
	mm_sync_lock_unregister(&s->lock);
}

/* So seldom that what it costs to take a bias away does not matter. */
#define BIAS_AFTER 256

void mm_sync_spin_revoke(struct mm_spinlock *s)
{
	struct mm_exec *x = s->lock.exec;
	uint32_t *quick = s->bias;

	/* The thread of the bias itself: it is not inside twice. */
	if (quick == mm_task_current()->quick)
		return;
	__atomic_store_n(&s->bias, NULL, __ATOMIC_RELAXED);
	s->in_a_row = 0;
	x->ops->membarrier(x);
	for (unsigned spin = 0; __atomic_load_n(quick, __ATOMIC_ACQUIRE); spin++)
		x->ops->relax(x, quick, 1, spin);
}

bool mm_sync_spin_trylock_bare(struct mm_spinlock *s, const struct mm_task *me)
{
	if (!mm_spin_try(s, me->id))
		return false;
	mm_spin_unbias(s);
	mm_stat_add(&s->lock.acquired, 1);
	if (s->latest != me->quick) {
		s->latest = me->quick;
		s->in_a_row = 0;
	} else if (me->quick && ++s->in_a_row >= BIAS_AFTER) {
		__atomic_store_n(&s->bias, me->quick, __ATOMIC_RELAXED);
	}
	return true;
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
