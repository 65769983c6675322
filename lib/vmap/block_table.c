/* SPDX-License-Identifier: MIT */
/* Where blocks are: lists, hash, structs. */
#include "block_table.h"

enum {
	MAX_STEPS = 64, /* of a search without a lock, which may be led astray */
	XA_SHIFT = 6, /* XA_CHUNK_SHIFT: what a level of an xarray tells apart */
};

/* The CPU's list. L3. */

static void queue_changed(struct mm_vmap_block_queue *q)
{
	struct mm_vmap_block *vb = mm_list_empty(&q->list)
					   ? NULL
					   : mm_list_first(&q->list, struct mm_vmap_block, link);

	__atomic_store_n(&q->head, vb, __ATOMIC_RELEASE);
}

void mm_vmap_block_enqueue(struct mm_vmap_blocks *b, struct mm_vmap_block *vb)
{
	struct mm_vmap_block_queue *q = mm_block_queue(b, vb->cpu);

	mm_spin_lock(&q->lock);
	mm_list_add_tail(&vb->link, &q->list);
	queue_changed(q);
	mm_spin_unlock(&q->lock);
}

void mm_vmap_block_dequeue(struct mm_vmap_blocks *b, struct mm_vmap_block *vb)
{
	struct mm_vmap_block_queue *q = mm_block_queue(b, vb->cpu);

	mm_spin_lock(&q->lock);
	mm_list_del(&vb->link);
	queue_changed(q);
	mm_spin_unlock(&q->lock);
}

struct mm_vmap_block *mm_vmap_block_with_room(struct mm_vmap_block_queue *q, uint32_t pages)
{
	struct mm_vmap_block *found = NULL;

	mm_spin_lock(&q->lock);
	mm_list_for_each(e, &q->list) {
		struct mm_vmap_block *vb = mm_list_entry(e, struct mm_vmap_block, link);

		if (mm_block_free(vb) >= pages) {
			found = vb;
			break;
		}
	}
	mm_spin_unlock(&q->lock);
	return found;
}

/* The hash. Counterpart: addr_to_vb_xa(). */

static struct mm_vmap_block_queue *bucket_of(struct mm_vmap_blocks *b, uint64_t start)
{
	return mm_block_queue(b, (uint32_t)(start >> b->shift) % b->cpus.nr);
}

void mm_vmap_block_hash_add(struct mm_vmap_blocks *b, struct mm_vmap_block *vb)
{
	struct mm_vmap_block_queue *q = bucket_of(b, vb->start);

	mm_spin_lock(&q->bucket_lock);
	__atomic_store_n(&vb->next, q->bucket, __ATOMIC_RELEASE);
	__atomic_store_n(&q->bucket, vb, __ATOMIC_RELEASE);
	mm_spin_unlock(&q->bucket_lock);
}

void mm_vmap_block_hash_del(struct mm_vmap_blocks *b, struct mm_vmap_block *vb, uint64_t start)
{
	struct mm_vmap_block_queue *q = bucket_of(b, start);
	struct mm_vmap_block **at = &q->bucket;

	mm_spin_lock(&q->bucket_lock);
	while (*at && *at != vb)
		at = &(*at)->next;
	mm_invariant("L3: a block in use is in the hash", *at == vb);
	__atomic_store_n(at, vb->next, __ATOMIC_RELEASE);
	mm_spin_unlock(&q->bucket_lock);
}

static struct mm_vmap_block *hash_walk(const struct mm_vmap_block_queue *q, uint64_t start,
				       unsigned steps)
{
	struct mm_vmap_block *vb = mm_block_next(&q->bucket);

	for (; vb && mm_block_start(vb) != start; vb = mm_block_next(&vb->next))
		if (!--steps)
			return NULL;
	return vb;
}

struct mm_vmap_block *mm_vmap_block_hash_find(struct mm_vmap_blocks *b, uint64_t start)
{
	struct mm_vmap_block_queue *q = bucket_of(b, start);
	struct mm_vmap_block *vb = hash_walk(q, start, MAX_STEPS);

	if (mm_likely(vb != NULL))
		return vb;
	mm_spin_lock(&q->bucket_lock);
	vb = hash_walk(q, start, UINT32_MAX);
	mm_spin_unlock(&q->bucket_lock);
	return vb;
}

static void charge_find(struct mmsim_vmap *v, uint64_t start)
{
	if (mm_exec_charges(v->exec))
		mm_exec_charge(
			v->exec, MM_CHARGE_TREE, NULL,
			mm_div_round_up(mm_fls64((start - v->params.start) >> v->blocks->shift),
					XA_SHIFT));
}

struct mm_vmap_block *mm_vmap_block_lock(struct mmsim_vmap *v, uint64_t addr)
{
	uint64_t start = addr & ~(mm_block_bytes(v->blocks) - 1);
	struct mm_vmap_block *vb;

	if (!start || addr < v->params.start || addr >= v->params.end)
		return NULL;
	charge_find(v, start);
	mm_exec_point(v->exec, MM_POINT_ATOMIC, NULL);
	vb = mm_vmap_block_hash_find(v->blocks, start);
	if (!vb)
		return NULL;
	mm_spin_lock(&vb->lock);
	mm_exec_charge(v->exec, MM_CHARGE_LINE, &vb->line, 0);
	if (vb->start == start)
		return vb;
	mm_spin_unlock(&vb->lock);
	return NULL;
}

/* Structs */

static struct mm_vmap_block *take_unused(struct mm_vmap_blocks *b)
{
	struct mm_vmap_block *vb;

	mm_spin_lock(&b->lock);
	vb = b->unused;
	if (vb)
		b->unused = vb->next;
	mm_spin_unlock(&b->lock);
	return vb;
}

void mm_vmap_block_put(struct mm_vmap_blocks *b, struct mm_vmap_block *vb)
{
	mm_spin_lock(&b->lock);
	__atomic_store_n(&vb->next, b->unused, __ATOMIC_RELEASE);
	b->unused = vb;
	mm_spin_unlock(&b->lock);
}

struct mm_vmap_block *mm_vmap_block_make(struct mmsim_vmap *v)
{
	struct mm_vmap_blocks *b = v->blocks;
	struct mm_vmap_block *vb = take_unused(b);

	if (vb)
		return vb;
	vb = mm_base_meta_alloc(v->exec->meta, sizeof(*vb));
	if (!vb)
		return NULL;
	mm_sync_spin_init(&vb->lock, v->site.locks, MM_RANK_VMAP_BLOCK);
	vb->older = __atomic_load_n(&b->newest, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&b->newest, &vb->older, vb, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	return vb;
}
