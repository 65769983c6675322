/* SPDX-License-Identifier: MIT */
/*
 * SRCU, and RCU as one such domain.
 *
 * Readers count themselves in one of two numbers. A grace period sends new ones to the other number and waits
 * until the first is 0, twice: a reader may have chosen its number before the period and counted itself
 * after.
 */
#include "world.h"

#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/srcu.h>

int init_srcu_struct(struct srcu_struct *ssp)
{
	*ssp = (struct srcu_struct)MM_LINUX_SRCU_INIT;
	return 0;
}

void cleanup_srcu_struct(struct srcu_struct *ssp)
{
	if (ssp->readers[0] || ssp->readers[1])
		pr_err("cleanup_srcu_struct(%p): readers are there\n", (void *)ssp);
}

int srcu_read_lock(struct srcu_struct *ssp)
{
	u32 idx = __atomic_load_n(&ssp->idx, __ATOMIC_RELAXED) & 1;

	mmsim_cond_resched(mm_linux_world.m);
	__atomic_fetch_add(&ssp->readers[idx], 1, __ATOMIC_SEQ_CST);
	return (int)idx;
}

void srcu_read_unlock(struct srcu_struct *ssp, int idx)
{
	u32 *readers = &ssp->readers[idx & 1];

	mmsim_cond_resched(mm_linux_world.m);
	if (__atomic_sub_fetch(readers, 1, __ATOMIC_SEQ_CST) == 0 &&
	    __atomic_load_n(&ssp->waiting, __ATOMIC_SEQ_CST))
		mmsim_unpark(mm_linux_world.m, readers, UINT32_MAX);
}

static void wait_for_readers(struct srcu_struct *ssp, u32 *readers)
{
	u32 nr;

	__atomic_store_n(&ssp->waiting, 1, __ATOMIC_SEQ_CST);
	while ((nr = __atomic_load_n(readers, __ATOMIC_SEQ_CST)))
		mmsim_park(mm_linux_world.m, readers, nr, UINT64_MAX);
	__atomic_store_n(&ssp->waiting, 0, __ATOMIC_SEQ_CST);
}

static void grace_period(struct srcu_struct *ssp)
{
	for (int i = 0; i < 2; i++) {
		u32 old = __atomic_fetch_xor(&ssp->idx, 1, __ATOMIC_SEQ_CST) & 1;

		wait_for_readers(ssp, &ssp->readers[old]);
	}
}

/* One that somebody else began after this call is as good as an own one. */
void synchronize_srcu(struct srcu_struct *ssp)
{
	u32 need = (__atomic_load_n(&ssp->seq, __ATOMIC_SEQ_CST) + 3) & ~1u;

	down_write(&ssp->sem);
	if ((s32)(ssp->seq - need) < 0) {
		__atomic_add_fetch(&ssp->seq, 1, __ATOMIC_SEQ_CST);
		grace_period(ssp);
		__atomic_add_fetch(&ssp->seq, 1, __ATOMIC_SEQ_CST);
	}
	up_write(&ssp->sem);
}

void synchronize_srcu_expedited(struct srcu_struct *ssp)
{
	synchronize_srcu(ssp);
}

/* Nothing is queued here. */
void srcu_barrier(struct srcu_struct *ssp)
{
	(void)ssp;
}

/* RCU */

static struct srcu_struct rcu = MM_LINUX_SRCU_INIT;

void rcu_read_lock(void)
{
	struct mm_linux_task *t = mm_linux_self();

	if (!t->rcu_depth++)
		t->rcu_idx = srcu_read_lock(&rcu);
}

void rcu_read_unlock(void)
{
	struct mm_linux_task *t = mm_linux_self();

	if (!t->rcu_depth)
		pr_err("rcu_read_unlock(): not locked\n");
	else if (!--t->rcu_depth)
		srcu_read_unlock(&rcu, t->rcu_idx);
}

void synchronize_rcu(void)
{
	if (mm_linux_self()->rcu_depth)
		pr_err("synchronize_rcu(): the caller is a reader\n");
	else
		synchronize_srcu(&rcu);
}

void synchronize_rcu_expedited(void)
{
	synchronize_rcu();
}
