/* SPDX-License-Identifier: MIT */
/* Pools, and the memory of nodes. */
#include "vmap.h"

#include <errno.h>

static void list_init_all(mm_list *list, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		mm_list_init(&list[i]);
}

static int batches_init(struct mmsim_vmap *v, struct mm_vmap_node *n)
{
	n->batch = mm_base_meta_calloc(v->exec->meta, MM_VMAP_NR_BATCHES, sizeof(*n->batch));
	if (!n->batch)
		return -ENOMEM;
	for (unsigned i = 0; i < MM_VMAP_NR_BATCHES; i++) {
		list_init_all(n->batch[i].size, MM_VMAP_NR_POOLS);
		mm_list_init(&n->batch[i].other);
	}
	return 0;
}

static int node_init(struct mmsim_vmap *v, struct mm_vmap_node *n)
{
	if (v->local && batches_init(v, n))
		return -ENOMEM;
	n->v = v;
	mm_sync_spin_init(&n->pool_lock, v->site.locks, MM_RANK_VMAP_POOL);
	mm_sync_spin_init(&n->lazy_lock, v->site.locks, MM_RANK_VMAP_LAZY);
	for (unsigned i = 0; i < MM_VMAP_NR_POOLS; i++)
		mm_list_init(&n->pool[i].list);
	mm_list_init(&n->lazy);
	mm_list_init(&n->purge_list);
	mm_list_init(&n->give_list);
	return 0;
}

static void node_fini(struct mmsim_vmap *v, struct mm_vmap_node *n)
{
	mm_sync_spin_fini(&n->pool_lock);
	mm_sync_spin_fini(&n->lazy_lock);
	if (n->batch)
		mm_base_meta_free(v->exec->meta, n->batch, MM_VMAP_NR_BATCHES * sizeof(*n->batch));
}

int mm_vmap_nodes_init(struct mmsim_vmap *v)
{
	v->node = mm_base_meta_calloc(v->exec->meta, v->nr_nodes, sizeof(*v->node));
	if (!v->node)
		return -ENOMEM;
	for (unsigned i = 0; i < v->nr_nodes; i++)
		if (node_init(v, &v->node[i])) {
			while (i--)
				node_fini(v, &v->node[i]);
			mm_base_meta_free(v->exec->meta, v->node, v->nr_nodes * sizeof(*v->node));
			return -ENOMEM;
		}
	return 0;
}

void mm_vmap_nodes_fini(struct mmsim_vmap *v)
{
	for (unsigned i = 0; i < v->nr_nodes; i++)
		node_fini(v, &v->node[i]);
	mm_base_meta_free(v->exec->meta, v->node, v->nr_nodes * sizeof(*v->node));
}

static void set_nr(struct mm_vmap_pool *p, uint64_t nr)
{
	__atomic_store_n(&p->nr, nr, __ATOMIC_RELAXED);
}

static struct mm_vmap_pool *pool_of(struct mm_vmap_node *n, uint64_t size)
{
	return &n->pool[size / MMSIM_PAGE_SIZE - 1];
}

/* One look at the head only: what does not fit goes to the end, and the request elsewhere. */
static struct mm_vmap_area *take_head(struct mm_vmap_pool *p, uint64_t align)
{
	struct mm_vmap_area *va;

	if (mm_list_empty(&p->list))
		return NULL;
	va = mm_list_first(&p->list, struct mm_vmap_area, list);
	if (va->va_start & (align - 1)) {
		mm_list_move_tail(&va->list, &p->list);
		return NULL;
	}
	mm_list_del(&va->list);
	set_nr(p, p->nr - 1);
	p->low = mm_min(p->low, p->nr);
	__builtin_prefetch(p->list.next, 1); /* the next one to be taken */
	return va;
}

struct mm_vmap_area *mm_vmap_pool_take(struct mmsim_vmap *v, struct mm_vmap_node *n, uint64_t size,
				       uint64_t align)
{
	struct mm_vmap_pool *p = pool_of(n, size);
	const struct mm_task *me = mm_task_current();
	struct mm_vmap_area *va = NULL;

	if (__atomic_load_n(&p->nr, __ATOMIC_RELAXED)) {
		bool quick = mm_spin_enter(&n->pool_lock, me);

		va = take_head(p, align);
		if (mm_likely(va != NULL))
			mm_stat_add(&n->hits, 1);
		mm_spin_leave(&n->pool_lock, me, quick);
	}
	if (mm_unlikely(!va))
		return NULL;
	mm_exec_charge(v->exec, MM_CHARGE_LINE, &va->line, 0);
	mm_invariant("N1: an area in a pool has the pool's size", mm_va_size(va) == size);
	return va;
}

void mm_vmap_pool_put(struct mm_vmap_node *n, struct mm_vmap_area *va)
{
	struct mm_vmap_pool *p = pool_of(n, mm_va_size(va));

	mm_spin_lock(&n->pool_lock);
	mm_list_add(&va->list, &p->list);
	set_nr(p, p->nr + 1);
	mm_spin_unlock(&n->pool_lock);
}

void mm_vmap_pool_put_run(struct mm_vmap_node *n, mm_list *areas, uint64_t nr, uint64_t size)
{
	struct mm_vmap_pool *p = pool_of(n, size);

	mm_spin_lock(&n->pool_lock);
	mm_list_splice_tail(areas, &p->list);
	set_nr(p, p->nr + nr);
	mm_spin_unlock(&n->pool_lock);
}

/* How many of a pool's areas a drain gives back. */
static uint64_t nr_to_decay(const struct mmsim_vmap_params *params, uint64_t nr, bool full)
{
	uint64_t part = params->decay == MMSIM_VMAP_DECAY_NONE ? 0 : nr / 4;

	if (full)
		return nr;
	if (params->decay == MMSIM_VMAP_DECAY_UNDERFLOW && !part)
		return nr;
	return params->pool_cap && nr > params->pool_cap ? mm_max(part, nr - params->pool_cap)
							 : part;
}

/* The first nr of a list that has as many go to the end of another. */
static void move_first(struct mm_exec *x, mm_list *from, uint64_t nr, mm_list *to)
{
	mm_list *first = from->next, *last = from;

	if (!nr)
		return;
	for (uint64_t i = 0; i < nr; i++) {
		last = last->next;
		mm_exec_charge(x, MM_CHARGE_LINE, &mm_va_of_list(last)->line, 0);
	}
	from->next = last->next;
	from->next->prev = from;
	first->prev = to->prev;
	to->prev->next = first;
	last->next = to;
	to->prev = last;
}

/* The pool is empty while its list is looked through, which may be long. */
static uint64_t decay_pool(struct mmsim_vmap *v, struct mm_vmap_node *n, struct mm_vmap_pool *p,
			   bool full, mm_list *out)
{
	uint64_t nr, take;
	mm_list rest;

	mm_list_init(&rest);
	mm_spin_lock(&n->pool_lock);
	nr = p->nr;
	mm_list_splice_tail(&p->list, &rest);
	set_nr(p, 0);
	p->low = 0;
	mm_spin_unlock(&n->pool_lock);
	take = nr_to_decay(&v->params, nr, full);
	move_first(v->exec, &rest, take, out);
	mm_spin_lock(&n->pool_lock);
	mm_list_splice_tail(&rest, &p->list);
	set_nr(p, p->nr + nr - take);
	mm_spin_unlock(&n->pool_lock);
	return take;
}

uint64_t mm_vmap_pool_decay(struct mmsim_vmap *v, struct mm_vmap_node *n, bool full, mm_list *out)
{
	uint64_t decayed = 0;

	for (unsigned i = 0; i < MM_VMAP_NR_POOLS; i++)
		if (__atomic_load_n(&n->pool[i].nr, __ATOMIC_RELAXED))
			decayed += decay_pool(v, n, &n->pool[i], full, out);
	return decayed;
}
