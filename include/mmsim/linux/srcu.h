/* SPDX-License-Identifier: MIT */
/*
 * Read-copy update whose readers may sleep: synchronize_srcu() waits for those that were there before.
 */
#ifndef MMSIM_LINUX_SRCU_H
#define MMSIM_LINUX_SRCU_H

#include <linux/compiler.h>
#include <linux/rwsem.h>
#include <linux/types.h>

struct srcu_struct {
	u32 idx; /* its lowest bit: which of the two new readers count in */
	u32 readers[2];
	u32 waiting; /* somebody waits for readers to leave */
	struct rw_semaphore sem; /* of who makes a grace period */
	u32 seq; /* twice the grace periods that are over, and 1 while one is made */
};

#define MM_LINUX_SRCU_INIT                                  \
	{                                                   \
		0, { 0, 0 }, 0, __RWSEM_INITIALIZER(sem), 0 \
	}
#define DEFINE_SRCU(name) struct srcu_struct name = MM_LINUX_SRCU_INIT
#define DEFINE_STATIC_SRCU(name) static struct srcu_struct name = MM_LINUX_SRCU_INIT

int init_srcu_struct(struct srcu_struct *ssp); /* 0 */
void cleanup_srcu_struct(struct srcu_struct *ssp);
int srcu_read_lock(struct srcu_struct *ssp) __must_check; /* for srcu_read_unlock() */
void srcu_read_unlock(struct srcu_struct *ssp, int idx);
void synchronize_srcu(struct srcu_struct *ssp);
void synchronize_srcu_expedited(struct srcu_struct *ssp);
void srcu_barrier(struct srcu_struct *ssp);

#endif
