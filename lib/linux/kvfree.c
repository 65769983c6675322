/* SPDX-License-Identifier: MIT */
/* kvfree_rcu(): batches by task, freed after a grace period. */
#include "world.h"

#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <stdlib.h>

#define FULL 128 /* objects: as soon as the caller may wait they go */

void mm_linux_batch_drain(struct mm_linux_batch *b)
{
	const void **ptr;
	size_t nr;

	down_write(&b->sem);
	ptr = b->ptr;
	nr = b->nr;
	b->ptr = NULL;
	b->nr = b->room = 0;
	up_write(&b->sem);
	if (nr)
		synchronize_rcu();
	while (nr)
		kvfree(ptr[--nr]);
	free(ptr);
}

static bool make_room(struct mm_linux_batch *b)
{
	size_t room = b->room ? 2 * b->room : FULL;
	const void **ptr;

	if (b->nr < b->room)
		return true;
	ptr = realloc(b->ptr, room * sizeof(*ptr));
	if (!ptr)
		return false;
	b->ptr = ptr;
	b->room = room;
	return true;
}

static bool add(struct mm_linux_batch *b, const void *ptr, bool *full)
{
	bool added;

	down_write(&b->sem);
	added = make_room(b);
	if (added)
		b->ptr[b->nr++] = ptr;
	*full = b->nr >= FULL;
	up_write(&b->sem);
	return added;
}

/* No memory to remember it: freed by the caller, who waits. A reader cannot: it is lost, with a message. */
static void free_at_once(const struct mm_linux_task *t, const void *ptr)
{
	if (t->rcu_depth) {
		pr_err("kvfree_rcu(%p): no memory: it is never freed\n", ptr);
		return;
	}
	synchronize_rcu();
	kvfree(ptr);
}

void mm_linux_kvfree_rcu(const void *ptr)
{
	struct mm_linux_task *t = mm_linux_self();
	bool full;

	if (!ptr)
		return;
	if (!add(&t->batch, ptr, &full))
		free_at_once(t, ptr);
	else if (full && !t->rcu_depth)
		mm_linux_batch_drain(&t->batch);
}

void kvfree_rcu_barrier(void)
{
	down_read(&mm_linux_tasks_sem);
	for (struct mm_linux_task *t = mm_linux_tasks; t; t = t->next)
		mm_linux_batch_drain(&t->batch);
	up_read(&mm_linux_tasks_sem);
}

void rcu_barrier(void)
{
	kvfree_rcu_barrier();
}
