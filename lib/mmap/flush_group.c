/* SPDX-License-Identifier: MIT */
/* TLB flushes of several threads, merged. */
#include "flush_group.h"

#include "bits.h"

void mm_mmap_flush_group_init(struct mm_flush_group *group, struct mm_lockset *locks,
			      struct mm_tlb *tlb, struct mm_tlb_context *ctx)
{
	*group = (struct mm_flush_group){ .tlb = tlb, .ctx = ctx };
	mm_sync_spin_init(&group->lock, locks, MM_RANK_TLB_MERGE);
}

void mm_mmap_flush_group_fini(struct mm_flush_group *group)
{
	mm_invariant("M2: nobody flushes when a group goes",
		     group->started == group->ended && !group->is_pending);
	mm_sync_spin_fini(&group->lock);
}

/* To what the next flush is for; returns its number. */
static uint32_t add(struct mm_flush_group *group, const struct mm_tlb_flush *what)
{
	struct mm_tlb_flush *p = &group->pending;

	if (!group->is_pending) {
		*p = *what;
	} else {
		p->start = mm_min(p->start, what->start);
		p->end = mm_max(p->end, what->end);
		p->stride_shift = mm_min(p->stride_shift, what->stride_shift);
		p->freed_tables |= what->freed_tables;
	}
	group->is_pending = true;
	return group->started + 1;
}

/* The lock is held before and after. */
static void lead(struct mm_flush_group *group)
{
	struct mm_exec *x = group->tlb->exec;
	struct mm_tlb_flush what = group->pending;
	uint32_t number = ++group->started;
	bool more;

	group->is_pending = false;
	mm_spin_unlock(&group->lock);
	mm_tlb_flush(group->tlb, group->ctx, &what);
	mm_spin_lock(&group->lock);
	group->ended = number;
	__atomic_add_fetch(&group->wake[number & 1], 1, __ATOMIC_RELEASE);
	more = group->is_pending;
	if (more)
		__atomic_add_fetch(&group->wake[~number & 1], 1, __ATOMIC_RELEASE);
	mm_spin_unlock(&group->lock);
	mm_exec_unpark(x, &group->wake[number & 1], UINT32_MAX);
	/* M3: of those who wait for the next one, one leads. */
	if (more)
		mm_exec_unpark(x, &group->wake[~number & 1], 1);
	mm_spin_lock(&group->lock);
}

/* The lock is held before and after. */
static void wait_for(struct mm_flush_group *group, uint32_t number)
{
	uint32_t *word = &group->wake[number & 1], seen = *word;

	mm_spin_unlock(&group->lock);
	mm_task_current()->waits_for = "a TLB flush of another thread";
	mm_exec_park(group->tlb->exec, word, seen, MM_NEVER);
	mm_task_current()->waits_for = NULL;
	mm_spin_lock(&group->lock);
}

bool mm_mmap_flush_group_flush(struct mm_flush_group *group, const struct mm_tlb_flush *what)
{
	uint32_t number;
	bool led = false;

	mm_spin_lock(&group->lock);
	number = add(group, what);
	while ((int32_t)(number - group->ended) > 0) {
		if (group->started == group->ended) {
			lead(group);
			led = true;
		} else {
			wait_for(group, number);
		}
	}
	mm_spin_unlock(&group->lock);
	return led;
}
