/* SPDX-License-Identifier: MIT */
/* All blocks: giving up, flushing what is dirty, looking at them. */
#include "block_table.h"

/* What was dirty. */
struct span {
	uint64_t start, end;
};

/* Giving up, and flushing what is dirty */

/* The lock is held. Counterpart: purge_fragmented_block(). */
static bool give_up(struct mm_vmap_blocks *b, struct mm_vmap_block *vb, bool force)
{
	if (vb->free + vb->dirty != b->bits || vb->dirty == b->bits)
		return false;
	if (!force && vb->free >= b->bits / 4)
		return false;
	if (vb->free)
		mm_vmap_block_dequeue(b, vb);
	vb->dirty = b->bits;
	mm_block_set_free(vb, 0);
	return true;
}

/* L4. The lock of the block that it is of is held. */
static void take_dirty(struct mm_vmap_blocks *b, struct mm_vmap_block *vb)
{
	uint64_t start = vb->start + vb->dirty_min * (uint64_t)MMSIM_PAGE_SIZE;
	uint64_t end = vb->start + vb->dirty_max * (uint64_t)MMSIM_PAGE_SIZE;

	mm_spin_lock(&b->lock);
	b->flight_start = b->flight_end ? mm_min(b->flight_start, start) : start;
	b->flight_end = mm_max(b->flight_end, end);
	mm_spin_unlock(&b->lock);
	vb->dirty_min = vb->dirty_max = 0;
}

/* Give it up if nothing is mapped; for `aliases` only if little is free, and else take what is dirty. */
static void look_at(struct mmsim_vmap *v, struct mm_vmap_block *vb, bool aliases)
{
	uint64_t start = 0;

	if (!mm_block_start(vb))
		return;
	mm_spin_lock(&vb->lock);
	mm_exec_charge(v->exec, MM_CHARGE_LINE, &vb->line, 0);
	if (vb->start && give_up(v->blocks, vb, !aliases))
		start = mm_block_retire(vb);
	else if (vb->start && aliases && vb->dirty_max)
		take_dirty(v->blocks, vb);
	mm_spin_unlock(&vb->lock);
	if (start)
		mm_vmap_block_free(v, vb, start);
	mm_exec_resched(v->exec);
}

static void look_at_all(struct mmsim_vmap *v, bool aliases)
{
	for (struct mm_vmap_block *vb = mm_block_next(&v->blocks->newest); vb; vb = vb->older)
		look_at(v, vb, aliases);
}

/* A space that is going has none any more. */
void mm_vmap_blocks_give_up(struct mmsim_vmap *v)
{
	if (v->blocks)
		look_at_all(v, false);
}

static struct span take_off(struct mm_vmap_blocks *b)
{
	struct span s;

	mm_spin_lock(&b->lock);
	s = (struct span){ b->flight_start, b->flight_end };
	mm_spin_unlock(&b->lock);
	return s;
}

static void begin_flight(struct mm_vmap_blocks *b)
{
	mm_spin_lock(&b->lock);
	b->nr_in_flight++;
	mm_spin_unlock(&b->lock);
}

static void end_flight(struct mm_vmap_blocks *b)
{
	mm_spin_lock(&b->lock);
	if (!--b->nr_in_flight)
		b->flight_start = b->flight_end = 0;
	mm_spin_unlock(&b->lock);
}

void mm_vmap_unmap_aliases(struct mmsim_vmap *v)
{
	struct span s;

	if (!v->blocks)
		return; /* the space is going: it is flushed when the last area has been freed */
	begin_flight(v->blocks);
	look_at_all(v, true);
	s = take_off(v->blocks);
	mm_vmap_purge(v, s.start, s.end, false);
	end_flight(v->blocks);
}

/* Looking at them */

void mm_vmap_block_each(struct mmsim_vmap *v, uint64_t addr, uint64_t end,
			void (*fn)(void *ctx, uint64_t start, uint64_t end), void *ctx)
{
	struct mm_vmap_block *vb = mm_vmap_block_lock(v, addr);
	unsigned from, to, last;

	if (!vb)
		return;
	end = mm_min(end, vb->start + mm_block_bytes(v->blocks));
	last = (unsigned)mm_div_round_up(end - vb->start, MMSIM_PAGE_SIZE);
	from = (unsigned)((addr - vb->start) / MMSIM_PAGE_SIZE);
	for (;; from = to) {
		from = mm_page_map_find(&vb->map, from, last, true);
		if (from >= last)
			break;
		to = mm_page_map_find(&vb->map, from, last, false);
		fn(ctx, mm_max(addr, vb->start + from * (uint64_t)MMSIM_PAGE_SIZE),
		   mm_min(end, vb->start + to * (uint64_t)MMSIM_PAGE_SIZE));
	}
	mm_spin_unlock(&vb->lock);
}

uint64_t mm_vmap_blocks_count(struct mmsim_vmap *v)
{
	return __atomic_load_n(&v->blocks->nr, __ATOMIC_RELAXED);
}

/* Pages that are given out and not dirty; M1. */
static uint32_t mapped_pages(const struct mm_vmap_blocks *b, const struct mm_vmap_block *vb)
{
	uint32_t pages = 0;

	for (unsigned i = 0, nr; i < MM_PAGE_MAP_BITS; i += nr ? nr : 1) {
		nr = mm_page_map_len(&vb->map, i);
		mm_invariant("M1: a used page belongs to a mapping",
			     nr || !mm_page_bit(vb->map.used, i));
		mm_invariant("L1: what is mapped was given out",
			     !nr || i + nr <= b->bits - vb->free);
		pages += nr ? mm_block_rounded(nr) : 0;
	}
	return pages;
}

static bool is_queued(struct mm_vmap_blocks *b, const struct mm_vmap_block *vb)
{
	mm_list_for_each(e, &mm_block_queue(b, vb->cpu)->list)
		if (e == &vb->link)
			return true;
	return false;
}

static void note_flags(struct mm_vmap_area *va, void *ctx)
{
	*(uint32_t *)ctx = va->flags;
}

static void validate_block(struct mmsim_vmap *v, struct mm_vmap_block *vb)
{
	struct mm_vmap_blocks *b = v->blocks;
	uint32_t flags = 0;

	mm_invariant("L1: pages of a block", vb->free + vb->dirty + mapped_pages(b, vb) == b->bits);
	mm_invariant("L2: dirty pages were given out",
		     vb->dirty_min <= vb->dirty_max && vb->dirty_max <= b->bits - vb->free);
	mm_invariant("L3: a block with free pages is on its list",
		     is_queued(b, vb) == (vb->free != 0));
	mm_invariant("L3: a block in use is in the hash",
		     mm_vmap_block_hash_find(b, vb->start) == vb);
	mm_vmap_busy_find(&v->busy, vb->start, note_flags, &flags);
	mm_invariant("L3: a block has an area", flags & MM_VMAP_BLOCK);
}

void mm_vmap_blocks_validate(struct mmsim_vmap *v)
{
	uint64_t nr = 0;

	for (struct mm_vmap_block *vb = mm_block_next(&v->blocks->newest); vb; vb = vb->older)
		if (vb->start) {
			validate_block(v, vb);
			nr++;
		}
	mm_invariant("L3: blocks in use are counted", nr == v->blocks->nr);
	mm_invariant("L4: nothing is in flight",
		     !v->blocks->nr_in_flight && !v->blocks->flight_end);
}
