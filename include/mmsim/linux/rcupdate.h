/* SPDX-License-Identifier: MIT */
/*
 * Read-copy update, and freeing after it.
 *
 * What kvfree_rcu() and its kin take waits in a batch of the caller's task, and is freed after a grace
 * period when the batch is full, its task ends or rcu_barrier() is called. The caller waits for that grace
 * period where it may: a module must not hold, across a call, what its own readers wait for.
 */
#ifndef MMSIM_LINUX_RCUPDATE_H
#define MMSIM_LINUX_RCUPDATE_H

#include <linux/compiler.h>
#include <linux/types.h>

void rcu_read_lock(void);
void rcu_read_unlock(void);
void synchronize_rcu(void);
void synchronize_rcu_expedited(void);
void rcu_barrier(void);
void kvfree_rcu_barrier(void);
void mm_linux_kvfree_rcu(const void *ptr);

#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), v, __ATOMIC_RELEASE)
#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define RCU_INIT_POINTER(p, v) ((p) = (v))

/* With the name of a struct rcu_head in *ptr, or, to 6.2, without one. */
#define MM_LINUX_KVFREE_1(ptr) mm_linux_kvfree_rcu(ptr)
#define MM_LINUX_KVFREE_2(ptr, field) ((void)sizeof((ptr)->field.func), mm_linux_kvfree_rcu(ptr))
#define MM_LINUX_KVFREE(ptr, field, form, ...) form
#define kvfree_rcu(...) \
	MM_LINUX_KVFREE(__VA_ARGS__, MM_LINUX_KVFREE_2, MM_LINUX_KVFREE_1, )(__VA_ARGS__)
#define kfree_rcu(...) kvfree_rcu(__VA_ARGS__)
#define kvfree_rcu_mightsleep(ptr) mm_linux_kvfree_rcu(ptr)
#define kfree_rcu_mightsleep(ptr) mm_linux_kvfree_rcu(ptr)

#endif
