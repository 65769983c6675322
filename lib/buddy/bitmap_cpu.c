/* SPDX-License-Identifier: MIT */
/* Reservations of CPUs. */
#include "bitmap_cpu.h"

static struct mm_bitmap_cpu *this_cpu(const struct mm_bitmap *bm)
{
	return mm_this_cpu(&bm->cpus, bm->exec);
}

static bool change_slot(struct mm_bitmap *bm, uint64_t *slot, uint64_t *value, uint64_t after)
{
	mm_bitmap_rmw(bm->exec, slot);
	return __atomic_compare_exchange_n(slot, value, after, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* What is above the limit goes back to the tree. False: the slot is of another tree. */
static bool add_to_budget(struct mm_bitmap *bm, uint64_t *slot, uint64_t tree, unsigned nr)
{
	uint64_t value = __atomic_load_n(slot, __ATOMIC_RELAXED);

	while (mm_slot_tree(value) == tree) {
		unsigned sum = mm_slot_budget(value) + nr;
		unsigned keep = sum < MM_BUDGET_MOST ? sum : (unsigned)MM_BUDGET_BATCH;

		if (!change_slot(bm, slot, &value, mm_slot(tree, keep)))
			continue;
		if (mm_unlikely(sum > keep))
			mm_buddy_tree_give(bm, tree, sum - keep);
		return true;
	}
	return false;
}

static bool add_to_own(struct mm_bitmap *bm, struct mm_bitmap_cpu *c, uint64_t tree, unsigned nr)
{
	if (nr >= MM_BUDGET_BATCH)
		return false;
	return add_to_budget(bm, &c->slot[MM_BITMAP_MOVABLE], tree, nr) ||
	       add_to_budget(bm, &c->slot[MM_BITMAP_OTHER], tree, nr);
}

void mm_buddy_bitmap_credit(struct mm_bitmap *bm, uint64_t tree, unsigned nr)
{
	if (!add_to_own(bm, this_cpu(bm), tree, nr))
		mm_buddy_tree_give(bm, tree, nr);
}

static void give_back_slot(struct mm_bitmap *bm, uint64_t slot)
{
	uint64_t tree = mm_slot_tree(slot);

	if (tree == UINT64_MAX)
		return;
	if (mm_slot_budget(slot))
		mm_buddy_tree_give(bm, tree, mm_slot_budget(slot));
	mm_buddy_tree_unreserve(bm, tree);
}

void mm_buddy_bitmap_install(struct mm_bitmap *bm, enum mm_bitmap_kind kind, uint64_t tree,
			     unsigned budget)
{
	uint64_t *slot = &this_cpu(bm)->slot[kind];

	mm_bitmap_rmw(bm->exec, slot);
	give_back_slot(bm, __atomic_exchange_n(slot, mm_slot(tree, budget), __ATOMIC_ACQ_REL));
}

void mm_buddy_bitmap_drain_cpu(struct mm_bitmap *bm, unsigned cpu)
{
	struct mm_bitmap_cpu *c = mm_per_cpu(&bm->cpus, cpu);

	for (unsigned kind = 0; kind < MM_BITMAP_NR_KINDS; kind++) {
		if (!__atomic_load_n(&c->slot[kind], __ATOMIC_RELAXED))
			continue;
		mm_bitmap_rmw(bm->exec, &c->slot[kind]);
		give_back_slot(bm, __atomic_exchange_n(&c->slot[kind], 0, __ATOMIC_ACQ_REL));
	}
}

/* Out of the budget, or together with a new one out of the tree. Which tree; UINT64_MAX: none. */
static uint64_t take_own(struct mm_bitmap *bm, uint64_t *slot, unsigned need)
{
	uint64_t value = __atomic_load_n(slot, __ATOMIC_RELAXED), tree;
	unsigned extra = need < MM_BUDGET_BATCH ? MM_BUDGET_BATCH : 0, nr;

	while (mm_slot_budget(value) >= need)
		if (mm_likely(change_slot(bm, slot, &value, value - need)))
			return mm_slot_tree(value);
	tree = mm_slot_tree(value);
	if (tree == UINT64_MAX)
		return tree;
	nr = mm_buddy_tree_take(bm, tree, need, extra);
	if (!nr)
		return UINT64_MAX;
	if (nr > need && !add_to_budget(bm, slot, tree, nr - need))
		mm_buddy_tree_give(bm, tree, nr - need);
	return tree;
}

uint64_t mm_buddy_bitmap_get_own(struct mm_bitmap *bm, enum mm_bitmap_kind kind, unsigned order)
{
	struct mm_bitmap_cpu *c = this_cpu(bm);
	unsigned row = __atomic_load_n(&c->row[kind], __ATOMIC_RELAXED), now;
	uint64_t tree, frame;

	tree = take_own(bm, &c->slot[kind], 1u << order);
	if (mm_unlikely(tree == UINT64_MAX))
		return MM_BITMAP_NONE;
	frame = mm_buddy_tree_get(bm, tree, row, order);
	if (mm_unlikely(frame == MM_BITMAP_NONE)) {
		mm_buddy_bitmap_credit(bm, tree, 1u << order);
		return frame;
	}
	now = (unsigned)(frame % MM_TREE_PAGES / 64);
	if (now != row)
		__atomic_store_n(&c->row[kind], now, __ATOMIC_RELAXED);
	return frame;
}

/* A tree that this CPU frees into and nobody has reserved. */
static void adopt(struct mm_bitmap *bm, uint64_t tree)
{
	enum mm_bitmap_kind kind = mm_tree_kind(mm_tree_load(bm, tree));

	if (kind >= MM_BITMAP_MOVABLE && mm_buddy_tree_reserve(bm, tree, kind))
		mm_buddy_bitmap_install(bm, kind, tree, 0);
}

/* Not atomic as a whole: what another task of this CPU spoils is a hint. */
static bool frees_on_end(struct mm_bitmap_cpu *c, uint64_t tree)
{
	uint64_t last = __atomic_load_n(&c->last_free, __ATOMIC_RELAXED);
	uint64_t nr = last >> 8 == tree ? (last & 0xff) + 1 : 1;

	if (nr >= MM_BITMAP_SAME_FREES)
		nr = 0;
	__atomic_store_n(&c->last_free, tree << 8 | nr, __ATOMIC_RELAXED);
	return !nr;
}

void mm_buddy_bitmap_freed(struct mm_bitmap *bm, uint64_t tree, unsigned nr)
{
	struct mm_bitmap_cpu *c = this_cpu(bm);

	if (add_to_own(bm, c, tree, nr))
		return;
	mm_buddy_tree_give(bm, tree, nr);
	if (nr < MM_BUDGET_BATCH && frees_on_end(c, tree))
		adopt(bm, tree);
}
