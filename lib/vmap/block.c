/* SPDX-License-Identifier: MIT */
/* Blocks: making and freeing them, taking and giving stretches of them. */
#include "block_table.h"

#include <errno.h>
#include <string.h>

static uint64_t area_alloc(struct mmsim_vmap *v)
{
	const struct mm_vmap_request r = {
		.size = mm_block_bytes(v->blocks),
		.align = mm_block_bytes(v->blocks),
		.start = v->params.start,
		.end = v->params.end,
		.gfp = MMSIM_GFP_KERNEL,
		.flags = MM_VMAP_RAM | MM_VMAP_BLOCK,
	};
	struct mm_vmap_area *va;

	if (mm_vmap_alloc_area(v, &r, &va))
		return 0;
	if (!mm_vmap_tables_get(&v->tables, va, r.gfp))
		return va->va_start;
	mm_vmap_busy_unlink(&v->busy, va->va_start, NULL, NULL);
	mm_vmap_free_area(v, va);
	return 0;
}

static void give_out(struct mm_vmap_block *vb, unsigned bits, unsigned nr)
{
	unsigned from = bits - vb->free;

	mm_page_map_set(&vb->map, from, from + nr);
	mm_block_set_free(vb, vb->free - mm_block_rounded(nr));
}

/* Counterpart: new_vmap_block(). Its first pages are the caller's. */
static uint64_t take_from_new(struct mmsim_vmap *v, unsigned nr)
{
	struct mm_vmap_blocks *b = v->blocks;
	struct mm_vmap_block *vb = mm_vmap_block_make(v);
	uint64_t start;

	if (!vb)
		return 0;
	start = area_alloc(v);
	if (!start) {
		mm_vmap_block_put(b, vb);
		return 0;
	}
	mm_spin_lock(&vb->lock);
	vb->cpu = mm_exec_cpu(v->exec);
	vb->dirty = vb->dirty_min = vb->dirty_max = 0;
	memset(&vb->map, 0, sizeof(vb->map));
	mm_block_set_free(vb, b->bits);
	give_out(vb, b->bits, nr);
	__atomic_store_n(&vb->start, start, __ATOMIC_RELEASE);
	mm_exec_charge(v->exec, MM_CHARGE_LINE, &vb->line, 0);
	mm_vmap_block_hash_add(b, vb);
	mm_vmap_block_enqueue(b, vb);
	mm_spin_unlock(&vb->lock);
	__atomic_add_fetch(&b->nr, 1, __ATOMIC_RELAXED);
	return start;
}

/* A retired one, whose entries are cleared. Counterpart: free_vmap_block(). */
void mm_vmap_block_free(struct mmsim_vmap *v, struct mm_vmap_block *vb, uint64_t start)
{
	struct mm_vmap_area *va;

	mm_vmap_block_hash_del(v->blocks, vb, start);
	va = mm_vmap_busy_unlink(&v->busy, start, NULL, NULL);
	mm_invariant("L3: a block has an area", va && va->flags & MM_VMAP_BLOCK);
	__atomic_sub_fetch(&v->blocks->nr, 1, __ATOMIC_RELAXED);
	mm_vmap_block_put(v->blocks, vb);
	mm_vmap_free_area(v, va);
}

/* Taking and giving */

/* 0: not this one. What vb was when it was found, it need not be any more. */
static uint64_t take_from(struct mmsim_vmap *v, struct mm_vmap_block *vb, unsigned cpu, unsigned nr)
{
	uint64_t addr = 0;

	mm_spin_lock(&vb->lock);
	mm_exec_charge(v->exec, MM_CHARGE_LINE, &vb->line, 0);
	if (vb->start && vb->cpu == cpu && vb->free >= mm_block_rounded(nr)) {
		addr = vb->start + (v->blocks->bits - vb->free) * (uint64_t)MMSIM_PAGE_SIZE;
		give_out(vb, v->blocks->bits, nr);
		if (!vb->free)
			mm_vmap_block_dequeue(v->blocks, vb);
	}
	mm_spin_unlock(&vb->lock);
	return addr;
}

uint64_t mm_vmap_block_take(struct mmsim_vmap *v, unsigned nr)
{
	unsigned cpu = mm_exec_cpu(v->exec);
	struct mm_vmap_block_queue *q = mm_block_queue(v->blocks, cpu);
	struct mm_vmap_block *vb = __atomic_load_n(&q->head, __ATOMIC_ACQUIRE);
	uint64_t addr;

	if (vb && mm_block_free(vb) < mm_block_rounded(nr))
		vb = mm_vmap_block_with_room(q, mm_block_rounded(nr));
	for (; vb; vb = mm_vmap_block_with_room(q, mm_block_rounded(nr))) {
		addr = take_from(v, vb, cpu, nr);
		if (addr)
			return addr;
	}
	return take_from_new(v, nr);
}

static const char *not_mapped_so(const struct mm_vmap_block *vb, unsigned from, unsigned nr)
{
	unsigned len = mm_page_map_len(&vb->map, from);

	if (len == nr)
		return NULL;
	return len ? "another number of pages was mapped there" : "no mapping begins there";
}

/* Its pages are dirty. Is all of the block? */
static bool make_dirty(struct mm_vmap_blocks *b, struct mm_vmap_block *vb, unsigned from,
		       unsigned nr)
{
	vb->dirty_min = vb->dirty_max ? mm_min(vb->dirty_min, from) : from;
	vb->dirty_max = mm_max(vb->dirty_max, from + mm_block_rounded(nr));
	vb->dirty += mm_block_rounded(nr);
	mm_invariant("L1: pages of a block", vb->free + vb->dirty <= b->bits);
	return vb->dirty == b->bits;
}

const char *mm_vmap_block_give(struct mmsim_vmap *v, uint64_t addr, unsigned nr)
{
	struct mm_vmap_blocks *b = v->blocks;
	struct mm_vmap_block *vb = mm_vmap_block_lock(v, addr);
	uint64_t start, bytes = nr * (uint64_t)MMSIM_PAGE_SIZE;
	const char *wrong;
	unsigned from;
	bool gone;

	if (!vb)
		return "in no block";
	from = (unsigned)((addr & (mm_block_bytes(b) - 1)) / MMSIM_PAGE_SIZE);
	wrong = addr % MMSIM_PAGE_SIZE ? "not the first address of a page"
				       : not_mapped_so(vb, from, nr);
	if (!wrong)
		mm_page_map_clear(&vb->map, from, from + nr);
	mm_spin_unlock(&vb->lock);
	if (wrong)
		return wrong;
	mm_vmap_unmap(&v->tables, addr, addr + bytes);
	/* L1: it is still this block, as these pages are not yet dirty. */
	mm_spin_lock(&vb->lock);
	mm_exec_charge(v->exec, MM_CHARGE_LINE, &vb->line, 0);
	gone = make_dirty(b, vb, from, nr);
	start = gone ? mm_block_retire(vb) : 0;
	mm_spin_unlock(&vb->lock);
	if (gone)
		mm_vmap_block_free(v, vb, start);
	return NULL;
}

/* Beginning and end of a space */

int mm_vmap_blocks_init(struct mmsim_vmap *v)
{
	struct mm_vmap_blocks *b = mm_base_meta_alloc(v->exec->meta, sizeof(*b));

	if (!b)
		return -ENOMEM;
	if (mm_sync_percpu_alloc(&b->cpus, v->exec, sizeof(struct mm_vmap_block_queue))) {
		mm_base_meta_free(v->exec->meta, b, sizeof(*b));
		return -ENOMEM;
	}
	b->bits = mm_vmap_block_pages(v->exec->nr_cpus);
	b->shift = mm_fls64(b->bits * (uint64_t)MMSIM_PAGE_SIZE) - 1;
	mm_sync_spin_init(&b->lock, v->site.locks, MM_RANK_VMAP_QUEUE);
	for (unsigned cpu = 0; cpu < b->cpus.nr; cpu++) {
		struct mm_vmap_block_queue *q = mm_block_queue(b, cpu);

		mm_sync_spin_init(&q->lock, v->site.locks, MM_RANK_VMAP_QUEUE);
		mm_sync_spin_init(&q->bucket_lock, v->site.locks, MM_RANK_VMAP_QUEUE);
		mm_list_init(&q->list);
	}
	v->blocks = b;
	return 0;
}

static void free_left(struct mmsim_vmap *v, struct mm_vmap_block *vb)
{
	uint64_t start = vb->start;

	if (vb->free)
		mm_vmap_block_dequeue(v->blocks, vb);
	mm_block_retire(vb);
	mm_vmap_unmap(&v->tables, start, start + mm_block_bytes(v->blocks));
	mm_vmap_block_free(v, vb, start);
}

static void free_structs(struct mmsim_vmap *v)
{
	for (struct mm_vmap_block *vb = v->blocks->newest, *older; vb; vb = older) {
		older = vb->older;
		mm_sync_spin_fini(&vb->lock);
		mm_base_meta_free(v->exec->meta, vb, sizeof(*vb));
	}
}

void mm_vmap_blocks_fini(struct mmsim_vmap *v)
{
	struct mm_vmap_blocks *b = v->blocks;

	for (struct mm_vmap_block *vb = mm_block_next(&b->newest); vb; vb = vb->older)
		if (vb->start)
			free_left(v, vb);
	free_structs(v);
	for (unsigned cpu = 0; cpu < b->cpus.nr; cpu++) {
		mm_sync_spin_fini(&mm_block_queue(b, cpu)->lock);
		mm_sync_spin_fini(&mm_block_queue(b, cpu)->bucket_lock);
	}
	mm_sync_spin_fini(&b->lock);
	mm_sync_percpu_free(&b->cpus, v->exec);
	mm_base_meta_free(v->exec->meta, b, sizeof(*b));
	v->blocks = NULL;
}
