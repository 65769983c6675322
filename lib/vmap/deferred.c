/* SPDX-License-Identifier: MIT */
/*
 * vfree() where nobody may wait: put off, to a work of the same CPU.
 *
 * A CPU's list is pushed to and taken whole without a lock, newest first. The kernel links the area's own
 * memory; here an address need not have any, and may be wrong, so that a node of its own has it: what it is
 * is found out by the work, which may wait, and not by who may not.
 *
 * Counterpart: struct vfree_deferred, vfree_atomic(), delayed_vfree_work().
 */
#include "vmalloc.h"

#include <errno.h>

struct put_off {
	struct put_off *next;
	uint64_t addr;
};

struct cpu {
	struct put_off *head; /* atomic */
	struct mm_atomic_line line;
	struct mmsim_vmap *v; /* constant after init */
	struct mm_work work;
};

struct mm_vmap_deferred {
	struct mm_slab nodes; /* struct put_off */
	struct mm_percpu cpus; /* struct cpu */
};

static void free_put_off(struct mm_work *work)
{
	struct cpu *c = mm_container_of(work, struct cpu, work);
	struct put_off *p, *next;

	mm_exec_point(c->v->exec, MM_POINT_ATOMIC, &c->head);
	p = __atomic_exchange_n(&c->head, NULL, __ATOMIC_ACQUIRE);
	mm_exec_charge(c->v->exec, MM_CHARGE_ATOMIC, &c->line, 0);
	for (; p; p = next) {
		next = p->next;
		mm_vmap_vfree_as(c->v, "mmsim_vfree_atomic", p->addr);
		mm_vmap_slab_free(&c->v->deferred->nodes, p);
	}
}

/* True: the list was empty. */
static bool push(struct mm_exec *x, struct cpu *c, struct put_off *p)
{
	struct put_off *head = __atomic_load_n(&c->head, __ATOMIC_RELAXED);

	mm_exec_point(x, MM_POINT_ATOMIC, &c->head);
	do {
		p->next = head;
	} while (!__atomic_compare_exchange_n(&c->head, &head, p, true, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
	mm_exec_charge(x, MM_CHARGE_ATOMIC, &c->line, 0);
	return !head;
}

int mm_vmap_vfree_atomic(struct mmsim_vmap *v, uint64_t addr)
{
	struct cpu *c = mm_this_cpu(&v->deferred->cpus, v->exec);
	struct put_off *p = mm_vmap_slab_alloc(&v->deferred->nodes);

	if (!p)
		return -ENOMEM;
	p->addr = addr;
	if (push(v->exec, c, p))
		mm_sync_queue_work(v->drain_wq, &c->work);
	return 0;
}

void mm_vmap_vfree_flush(struct mmsim_vmap *v)
{
	struct mm_vmap_deferred *d = v->deferred;

	for (unsigned cpu = 0; cpu < d->cpus.nr; cpu++) {
		struct cpu *c = mm_per_cpu(&d->cpus, cpu);

		/* Who put the first one there may not have come to queue the work yet, or be at it. */
		while (__atomic_load_n(&c->head, __ATOMIC_RELAXED)) {
			mm_sync_queue_work_on(v->drain_wq, cpu, &c->work);
			mm_sync_flush_work(&c->work);
			v->exec->ops->yield(v->exec);
		}
		mm_sync_flush_work(&c->work);
	}
}

static int init_parts(struct mmsim_vmap *v, struct mm_vmap_deferred *d)
{
	int err = mm_vmap_slab_init(&d->nodes, v->exec, v->site.locks, sizeof(struct put_off));

	if (err)
		return err;
	err = mm_sync_percpu_alloc(&d->cpus, v->exec, sizeof(struct cpu));
	if (err)
		mm_vmap_slab_fini(&d->nodes);
	return err;
}

int mm_vmap_deferred_init(struct mmsim_vmap *v)
{
	struct mm_vmap_deferred *d = mm_base_meta_alloc(v->exec->meta, sizeof(*d));

	if (!d)
		return -ENOMEM;
	if (init_parts(v, d)) {
		mm_base_meta_free(v->exec->meta, d, sizeof(*d));
		return -ENOMEM;
	}
	for (unsigned cpu = 0; cpu < d->cpus.nr; cpu++) {
		struct cpu *c = mm_per_cpu(&d->cpus, cpu);

		c->v = v;
		mm_work_init(&c->work, free_put_off);
	}
	v->deferred = d;
	return 0;
}

void mm_vmap_deferred_fini(struct mmsim_vmap *v)
{
	struct mm_vmap_deferred *d = v->deferred;

	mm_vmap_vfree_flush(v);
	mm_sync_percpu_free(&d->cpus, v->exec);
	mm_vmap_slab_fini(&d->nodes);
	mm_base_meta_free(v->exec->meta, d, sizeof(*d));
	v->deferred = NULL;
}
