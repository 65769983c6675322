/* SPDX-License-Identifier: MIT */
/*
 * A lock for many readers or one writer, who sleep. Not fair: readers go on coming while a writer waits.
 */
#ifndef MMSIM_LINUX_RWSEM_H
#define MMSIM_LINUX_RWSEM_H

#include <linux/compiler.h>
#include <linux/types.h>

struct rw_semaphore {
	u32 readers; /* how many hold it; its top bit: a writer does */
	u32 waiters;
};

#define __RWSEM_INITIALIZER(name) \
	{                         \
		0, 0              \
	}
#define DECLARE_RWSEM(name) struct rw_semaphore name = __RWSEM_INITIALIZER(name)

static inline void init_rwsem(struct rw_semaphore *sem)
{
	sem->readers = 0;
	sem->waiters = 0;
}

void down_read(struct rw_semaphore *sem);
void up_read(struct rw_semaphore *sem);
void down_write(struct rw_semaphore *sem);
void up_write(struct rw_semaphore *sem);
int down_read_trylock(struct rw_semaphore *sem); /* 1: it is taken */
int down_write_trylock(struct rw_semaphore *sem);

#endif
