/* SPDX-License-Identifier: MIT */
/* Tasks of the machine as kthreads. */
#include "world.h"

#include <errno.h>
#include <linux/kthread.h>
#include <linux/printk.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define END_PATIENCE_NS UINT64_C(10000000000)

DECLARE_RWSEM(mm_linux_tasks_sem);
struct mm_linux_task *mm_linux_tasks;
static int newest_pid; /* atomic */

static void task_main(void *arg)
{
	struct mm_linux_task *t = arg;

	t->ret = t->fn(t->data);
	mm_linux_batch_drain(&t->batch);
	mmsim_cond_resched(mm_linux_world.m);
	__atomic_store_n(&t->done, 1, __ATOMIC_RELEASE);
	mmsim_unpark(mm_linux_world.m, &t->done, UINT32_MAX);
}

static void link_task(struct mm_linux_task *t)
{
	down_write(&mm_linux_tasks_sem);
	t->next = mm_linux_tasks;
	mm_linux_tasks = t;
	up_write(&mm_linux_tasks_sem);
}

static void unlink_task(const struct mm_linux_task *t)
{
	struct mm_linux_task **at = &mm_linux_tasks;

	down_write(&mm_linux_tasks_sem);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	up_write(&mm_linux_tasks_sem);
}

static void free_task(struct mm_linux_task *t)
{
	free(t->batch.ptr);
	free(t);
}

struct mm_linux_task *mm_linux_task_start(int (*fn)(void *data), void *data, const char *name)
{
	struct mm_linux_task *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return ERR_PTR(-ENOMEM);
	t->fn = fn;
	t->data = data;
	t->task.pid = __atomic_add_fetch(&newest_pid, 1, __ATOMIC_RELAXED);
	t->random = mm_linux_world.seed ^ (u64)t->task.pid << 32;
	snprintf(t->task.comm, sizeof(t->task.comm), "%s", name);
	link_task(t);
	err = mmsim_task_start(mm_linux_world.m, MMSIM_ANY_CPU, task_main, t, &t->handle);
	if (!err)
		return t;
	unlink_task(t);
	free_task(t);
	return ERR_PTR(err);
}

int mm_linux_task_join(struct mm_linux_task *t)
{
	int ret;

	mmsim_task_join(t->handle);
	unlink_task(t); /* not before: rcu_barrier() looks for its batch until it has ended */
	ret = t->ret;
	free_task(t);
	return ret;
}

static void tell_to_stop(struct mm_linux_task *t)
{
	mmsim_cond_resched(mm_linux_world.m);
	__atomic_store_n(&t->stop, 1, __ATOMIC_RELEASE);
}

static bool ends_in_time(struct mm_linux_task *t)
{
	u64 end = mmsim_now(mm_linux_world.m) + END_PATIENCE_NS;
	u64 now;

	while (!__atomic_load_n(&t->done, __ATOMIC_ACQUIRE)) {
		now = mmsim_now(mm_linux_world.m);
		if (now >= end)
			return false;
		mmsim_park(mm_linux_world.m, &t->done, 0, end - now);
	}
	return true;
}

static struct mm_linux_task *any_task(void)
{
	struct mm_linux_task *t;

	down_read(&mm_linux_tasks_sem);
	t = mm_linux_tasks;
	up_read(&mm_linux_tasks_sem);
	return t;
}

/* Those that the module left behind. -EBUSY: one does not end, and the machine must not go. */
int mm_linux_tasks_end(void)
{
	struct mm_linux_task *t;

	while ((t = any_task())) {
		tell_to_stop(t);
		if (!ends_in_time(t)) {
			pr_err("kthread %s does not end\n", t->task.comm);
			return -EBUSY;
		}
		mm_linux_task_join(t);
	}
	return 0;
}

struct task_struct *kthread_run(int (*threadfn)(void *data), void *data, const char *namefmt, ...)
{
	struct mm_linux_task *t;
	char name[64];
	va_list args;

	va_start(args, namefmt);
	vsnprintf(name, sizeof(name), namefmt, args);
	va_end(args);
	t = mm_linux_task_start(threadfn, data, name);
	return IS_ERR(t) ? ERR_PTR(PTR_ERR(t)) : &t->task;
}

static bool is_task(const struct mm_linux_task *k)
{
	const struct mm_linux_task *t;

	down_read(&mm_linux_tasks_sem);
	for (t = mm_linux_tasks; t && t != k; t = t->next)
		;
	up_read(&mm_linux_tasks_sem);
	return t;
}

int kthread_stop(struct task_struct *k)
{
	struct mm_linux_task *t = (struct mm_linux_task *)k;

	if (!is_task(t)) {
		pr_err("kthread_stop(%p): no kthread\n", (void *)k);
		return -ESRCH;
	}
	tell_to_stop(t);
	return mm_linux_task_join(t);
}

bool kthread_should_stop(void)
{
	return __atomic_load_n(&mm_linux_self()->stop, __ATOMIC_ACQUIRE);
}

struct task_struct *mm_linux_current(void)
{
	struct mm_linux_task *t = mm_linux_self();

	return t ? &t->task : NULL;
}
