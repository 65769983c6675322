/* SPDX-License-Identifier: MIT */
/* Many readers or one writer. */
#include "world.h"

#include <linux/rwsem.h>

#define WRITER 0x80000000u

/*
 * Whoever waits counts itself before it looks at `readers` again, in mmsim_park(); whoever lets go changes
 * `readers` before it looks at the count. So one of them sees the other.
 */
static void wait_while(struct rw_semaphore *sem, u32 readers)
{
	__atomic_fetch_add(&sem->waiters, 1, __ATOMIC_SEQ_CST);
	mmsim_park(mm_linux_world.m, &sem->readers, readers, UINT64_MAX);
	__atomic_fetch_sub(&sem->waiters, 1, __ATOMIC_SEQ_CST);
}

static void let_in(struct rw_semaphore *sem)
{
	if (__atomic_load_n(&sem->waiters, __ATOMIC_SEQ_CST))
		mmsim_unpark(mm_linux_world.m, &sem->readers, UINT32_MAX);
}

static bool take(struct rw_semaphore *sem, u32 *seen, u32 refused, u32 next)
{
	return !(*seen & refused) &&
	       __atomic_compare_exchange_n(&sem->readers, seen, next, 0, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

int down_read_trylock(struct rw_semaphore *sem)
{
	u32 seen = __atomic_load_n(&sem->readers, __ATOMIC_RELAXED);

	while (!(seen & WRITER))
		if (take(sem, &seen, WRITER, seen + 1))
			return 1;
	return 0;
}

int down_write_trylock(struct rw_semaphore *sem)
{
	u32 seen = 0;

	return take(sem, &seen, UINT32_MAX, WRITER);
}

void down_read(struct rw_semaphore *sem)
{
	u32 seen;

	mmsim_cond_resched(mm_linux_world.m);
	while (!down_read_trylock(sem)) {
		seen = __atomic_load_n(&sem->readers, __ATOMIC_RELAXED);
		if (seen & WRITER)
			wait_while(sem, seen);
	}
}

void down_write(struct rw_semaphore *sem)
{
	u32 seen;

	mmsim_cond_resched(mm_linux_world.m);
	while (!down_write_trylock(sem)) {
		seen = __atomic_load_n(&sem->readers, __ATOMIC_RELAXED);
		if (seen)
			wait_while(sem, seen);
	}
}

void up_read(struct rw_semaphore *sem)
{
	mmsim_cond_resched(mm_linux_world.m);
	if (__atomic_sub_fetch(&sem->readers, 1, __ATOMIC_SEQ_CST) == 0)
		let_in(sem);
}

void up_write(struct rw_semaphore *sem)
{
	mmsim_cond_resched(mm_linux_world.m);
	__atomic_store_n(&sem->readers, 0, __ATOMIC_SEQ_CST);
	let_in(sem);
}
