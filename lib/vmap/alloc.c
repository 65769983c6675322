/* SPDX-License-Identifier: MIT */
/* From a request to an area in use, and back to one that waits. */
#include "vmap.h"

#include <errno.h>

static bool may_wait(const struct mm_vmap_request *r)
{
	return r->gfp & MMSIM___GFP_DIRECT_RECLAIM;
}

/*
 * Everything that waits or lies in pools; then, as often as a notifier frees something, that too. Is there
 * hope?
 */
static bool make_room(struct mmsim_vmap *v, const struct mm_vmap_request *r, bool *purged)
{
	if (!may_wait(r))
		return false;
	if (*purged && !(v->notify && v->notify(v->notify_ctx)))
		return false;
	*purged = true;
	mm_vmap_purge(v, 0, 0, true);
	return true;
}

/* From the free tree. */
static int take_new(struct mmsim_vmap *v, const struct mm_vmap_request *r,
		    struct mm_vmap_area **out)
{
	struct mm_vmap_area *va = mm_vmap_slab_alloc(&v->areas);
	bool purged = false;
	uint64_t start;
	int err;

	if (!va)
		return -ENOMEM;
	do {
		err = mm_vmap_free_space_take(&v->free, r->size, r->align, r->start, r->end,
					      may_wait(r), &start);
	} while (err && make_room(v, r, &purged));
	if (err) {
		mm_vmap_slab_free(&v->areas, va);
		return err == -ENOMEM ? err : -EBUSY;
	}
	va->va_start = start;
	va->va_end = start + r->size;
	va->flags = 0;
	*out = va;
	return 0;
}

/*
 * It was never used, so that nothing has to be flushed; nor is it from a pool: a leaf of the index, once
 * made, stays.
 */
static void take_back(struct mmsim_vmap *v, struct mm_vmap_area *va)
{
	mm_list areas;

	mm_assert(!(va->flags & MM_VMAP_MAPPED));
	mm_list_init(&areas);
	mm_list_add(&va->list, &areas);
	mm_vmap_free_space_give(&v->free, &areas);
}

static struct mm_vmap_area *take_pooled(struct mmsim_vmap *v, struct mm_vmap_node *n,
					const struct mm_vmap_request *r)
{
	struct mm_vmap_area *va;

	if (r->size > MM_VMAP_NR_POOLS * MMSIM_PAGE_SIZE)
		return NULL;
	va = mm_vmap_pool_take(v, n, r->size, r->align);
	if (mm_unlikely(!va) && v->local) {
		mm_vmap_local_recycle(v, n);
		va = mm_vmap_pool_take(v, n, r->size, r->align);
	}
	if (mm_unlikely(!va))
		__atomic_add_fetch(&n->misses, 1, __ATOMIC_RELAXED);
	return va;
}

/* As many structs as there is memory for, up to nr. Returns how many. */
static uint64_t get_structs(struct mmsim_vmap *v, uint64_t nr, mm_list *out)
{
	struct mm_vmap_area *va;
	uint64_t got = 0;

	for (; got < nr && (va = mm_vmap_slab_alloc(&v->areas)); got++)
		mm_list_add_tail(&va->list, out);
	return got;
}

/* The areas of a list become [start, …), `size` bytes each. */
static void lay_out(mm_list *areas, uint64_t start, uint64_t size, uint32_t flags)
{
	mm_list_for_each(e, areas) {
		struct mm_vmap_area *va = mm_va_of_list(e);

		va->va_start = start;
		va->va_end = start + size;
		va->flags = flags;
		start += size;
	}
}

static void put_structs(struct mmsim_vmap *v, mm_list *areas)
{
	mm_list_for_each_safe(e, next, areas) {
		mm_list_del(e);
		mm_vmap_slab_free(&v->areas, mm_va_of_list(e));
	}
}

/*
 * LOCAL: several areas of a size side by side, one to be used and the others for the node's pool, so that
 * CPUs which fill their pools meet less often at the free tree. NULL: that is not for this request, or
 * there is no such stretch.
 */
static struct mm_vmap_area *take_run(struct mmsim_vmap *v, struct mm_vmap_node *n,
				     const struct mm_vmap_request *r)
{
	uint64_t nr = v->run_pages * MMSIM_PAGE_SIZE / r->size, start;
	struct mm_vmap_area *va = NULL;
	mm_list areas;

	if (nr < 2 || r->align > MMSIM_PAGE_SIZE)
		return NULL;
	mm_list_init(&areas);
	nr = get_structs(v, nr, &areas);
	if (nr && !mm_vmap_free_space_take(&v->free, nr * r->size, r->align, r->start, r->end,
					   may_wait(r), &start)) {
		lay_out(&areas, start, r->size, mm_va_node_flags((unsigned)(n - v->node)));
		va = mm_list_first(&areas, struct mm_vmap_area, list);
		mm_list_del(&va->list);
		mm_vmap_pool_put_run(n, &areas, nr - 1, r->size);
	}
	put_structs(v, &areas);
	return va;
}

static struct mm_vmap_area *take_quickly(struct mmsim_vmap *v, struct mm_vmap_node *n,
					 const struct mm_vmap_request *r)
{
	struct mm_vmap_area *va = take_pooled(v, n, r);

	return mm_likely(va != NULL) ? va : take_run(v, n, r);
}

int mm_vmap_alloc_area(struct mmsim_vmap *v, const struct mm_vmap_request *r,
		       struct mm_vmap_area **out)
{
	struct mm_vmap_node *n = mm_this_vmap_node(v);
	bool pools = v->nr_nodes > 1 && mm_vmap_own_range(v, r->start, r->end);
	struct mm_vmap_area *va = pools ? take_quickly(v, n, r) : NULL;
	int err = va ? 0 : take_new(v, r, &va);

	if (mm_unlikely(err))
		return err;
	va->vm = r->vm;
	va->flags = r->flags | (va->flags & MM_VMAP_MAPPED) |
		    (pools ? mm_va_node_flags((unsigned)(n - v->node)) : 0);
	if (mm_unlikely(mm_vmap_busy_insert(&v->busy, va))) {
		take_back(v, va);
		return -ENOMEM;
	}
	*out = va;
	return 0;
}

void mm_vmap_free_area(struct mmsim_vmap *v, struct mm_vmap_area *va)
{
	int id = mm_va_node_id(va);

	va->vm = NULL;
	va->flags &= ~(uint32_t)(MM_VMAP_RAM | MM_VMAP_BLOCK);
	if (v->local)
		mm_vmap_local_free(v, id >= 0 ? &v->node[id] : mm_this_vmap_node(v), va);
	else
		mm_vmap_add_lazy(v, va);
}
