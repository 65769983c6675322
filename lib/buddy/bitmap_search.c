/* SPDX-License-Identifier: MIT */
/* Looking for a tree. */
#include "bitmap_search.h"

#include "bits.h"

/* In this order they are tried, but near ones with room first of all. */
enum rank {
	RANK_UNUSED,
	RANK_ROOM, /* of the same kind, with some room; for huge blocks an unused one is as good */
	RANK_SCARCE, /* of the same kind, nearly full */
	RANK_FOREIGN, /* of another kind */
	RANK_RESERVED, /* another CPU's: a block is taken, no more */
	NR_RANKS,
	RANK_NONE = NR_RANKS,
};

enum {
	SOME_ROOM = MM_TREE_PAGES / 16,
	NEAR = 64, /* trees: to find a partly used one further away takes longer than it is worth */
};

struct search {
	struct mm_bitmap *bm;
	enum mm_bitmap_kind kind;
	unsigned order;
	unsigned seen; /* bit r: there was a tree of rank r */
};

static enum rank rank_of(uint32_t tree, enum mm_bitmap_kind kind, unsigned need)
{
	unsigned nr = mm_tree_free(tree);

	if (nr < need)
		return RANK_NONE;
	if (tree & MM_TREE_RESERVED)
		return RANK_RESERVED;
	if (nr == MM_TREE_PAGES || mm_tree_kind(tree) == MM_BITMAP_UNUSED)
		return kind == MM_BITMAP_HUGE ? RANK_ROOM : RANK_UNUSED;
	if (mm_tree_kind(tree) != kind)
		return RANK_FOREIGN;
	return nr >= SOME_ROOM ? RANK_ROOM : RANK_SCARCE;
}

/* Out of this tree, with a budget if it is to be the caller's. */
static uint64_t get_from(const struct search *s, uint64_t tree, bool own)
{
	unsigned need = 1u << s->order, nr;
	uint64_t frame;

	nr = mm_buddy_tree_take(s->bm, tree, need,
				own && need < MM_BUDGET_BATCH ? MM_BUDGET_BATCH : 0);
	if (!nr)
		return MM_BITMAP_NONE;
	frame = mm_buddy_tree_get(s->bm, tree, 0, s->order);
	if (frame == MM_BITMAP_NONE)
		mm_buddy_tree_give(s->bm, tree, nr);
	else if (own)
		mm_buddy_bitmap_install(s->bm, s->kind, tree, nr - need);
	return frame;
}

static uint64_t try_tree(const struct search *s, uint64_t tree, enum rank rank)
{
	uint64_t frame;

	if (rank == RANK_RESERVED)
		return get_from(s, tree, false);
	if (!mm_buddy_tree_reserve(s->bm, tree, s->kind))
		return MM_BITMAP_NONE;
	frame = get_from(s, tree, true);
	if (frame == MM_BITMAP_NONE)
		mm_buddy_tree_unreserve(s->bm, tree);
	return frame;
}

/* After the CPU's tree; without one, CPUs begin far from each other. */
static uint64_t first_tree(const struct search *s)
{
	const struct mm_bitmap *bm = s->bm;
	unsigned cpu = mm_exec_cpu(bm->exec);
	const struct mm_bitmap_cpu *c = mm_per_cpu(&bm->cpus, cpu);
	uint64_t own = mm_slot_tree(__atomic_load_n(&c->slot[s->kind], __ATOMIC_RELAXED));

	if (own == UINT64_MAX)
		return cpu * bm->nr_trees / bm->exec->nr_cpus;
	return (own + 1) % bm->nr_trees;
}

/* As many trees at most. */
static uint64_t try_rank(struct search *s, enum rank rank, uint64_t most)
{
	uint64_t tree = first_tree(s), nr = s->bm->nr_trees;

	for (uint64_t i = 0; i < mm_min(most, nr); i++, tree = tree + 1 < nr ? tree + 1 : 0) {
		enum rank found = rank_of(mm_tree_load(s->bm, tree), s->kind, 1u << s->order);
		uint64_t frame;

		s->seen |= 1u << found;
		if (found != rank || !mm_buddy_tree_may_have(s->bm, tree, s->order))
			continue;
		frame = try_tree(s, tree, rank);
		if (frame != MM_BITMAP_NONE)
			return frame;
	}
	return MM_BITMAP_NONE;
}

static uint64_t try_all(struct search *s)
{
	uint64_t frame = try_rank(s, RANK_ROOM, NEAR);

	s->seen = 1u << RANK_UNUSED; /* looking for that one sees all others */
	for (unsigned r = RANK_UNUSED; frame == MM_BITMAP_NONE && r < NR_RANKS; r++)
		if (s->seen >> r & 1)
			frame = try_rank(s, (enum rank)r, UINT64_MAX);
	return frame;
}

uint64_t mm_buddy_bitmap_get_any(struct mm_bitmap *bm, enum mm_bitmap_kind kind, unsigned order)
{
	struct search s = { .bm = bm, .kind = kind, .order = order };
	uint64_t frame = try_all(&s);

	if (mm_likely(frame != MM_BITMAP_NONE))
		return frame;
	for (unsigned cpu = 0; cpu < bm->exec->nr_cpus; cpu++)
		mm_buddy_bitmap_drain_cpu(bm, cpu);
	return try_all(&s);
}
