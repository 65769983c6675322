/* SPDX-License-Identifier: MIT */
/* A tree's counter, its children's, and blocks out of these. */
#include "bitmap_tree.h"

#include "bits.h"

#define BOTH_FREE ((uint32_t)MM_FIELD_PAGES << 16 | MM_FIELD_PAGES)

/* Wraps around for less. */
static void tell_zone(struct mm_bitmap *bm, uint64_t more)
{
	uint64_t *pages = &bm->zone->free_pages;

	mm_exec_charge(bm->exec, MM_CHARGE_LINE, &bm->line, 1);
	mm_bitmap_rmw(bm->exec, pages);
	__atomic_add_fetch(pages, more, __ATOMIC_RELAXED);
}

unsigned mm_buddy_tree_take(struct mm_bitmap *bm, uint64_t tree, unsigned need, unsigned extra)
{
	uint32_t *word = &bm->tree[tree].word, value, after;
	unsigned nr, told;

	value = __atomic_load_n(word, __ATOMIC_RELAXED);
	do {
		unsigned left = mm_tree_free(value), untold = mm_tree_untold(value);

		if (left < need)
			return 0;
		nr = mm_min(left, need + extra);
		left -= nr;
		untold -= mm_min(untold, left); /* of those taken: T1 */
		told = nr - untold;
		after = value - nr - (untold << MM_TREE_UNTOLD_SHIFT);
		mm_bitmap_rmw(bm->exec, word);
	} while (!__atomic_compare_exchange_n(word, &value, after, false, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	if (told)
		tell_zone(bm, -(uint64_t)told);
	return nr;
}

void mm_buddy_tree_tell(struct mm_bitmap *bm, uint64_t tree, unsigned least)
{
	uint32_t *word = &bm->tree[tree].word, value = mm_tree_load(bm, tree);
	unsigned untold;

	while ((untold = mm_tree_untold(value)) >= least) {
		tell_zone(bm, untold); /* before: L4 */
		mm_bitmap_rmw(bm->exec, word);
		if (__atomic_compare_exchange_n(word, &value,
						value - (untold << MM_TREE_UNTOLD_SHIFT), false,
						__ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return;
		tell_zone(bm, -(uint64_t)untold);
	}
}

void mm_buddy_tree_give(struct mm_bitmap *bm, uint64_t tree, unsigned nr)
{
	uint32_t *word = &bm->tree[tree].word, before;
	unsigned untold = nr < MM_TREE_UNTOLD ? nr : 0;

	if (!untold)
		tell_zone(bm, nr); /* before: L4 */
	mm_bitmap_rmw(bm->exec, word);
	before = __atomic_fetch_add(word, nr | untold << MM_TREE_UNTOLD_SHIFT, __ATOMIC_RELEASE);
	mm_invariant("T1: no more than a tree", mm_tree_free(before) + nr <= MM_TREE_PAGES);
	if (mm_unlikely(mm_tree_untold(before) + untold >= MM_TREE_UNTOLD))
		mm_buddy_tree_tell(bm, tree, MM_TREE_UNTOLD);
}

bool mm_buddy_tree_reserve(struct mm_bitmap *bm, uint64_t tree, enum mm_bitmap_kind kind)
{
	uint32_t *word = &bm->tree[tree].word, value, after;

	value = mm_tree_load(bm, tree);
	do {
		bool unused = mm_tree_free(value) == MM_TREE_PAGES;
		enum mm_bitmap_kind wins = unused ? kind : mm_max(kind, mm_tree_kind(value));

		if (value & MM_TREE_RESERVED)
			return false;
		after = (value & ~(3u << MM_TREE_KIND_SHIFT)) | MM_TREE_RESERVED |
			(uint32_t)wins << MM_TREE_KIND_SHIFT;
		mm_bitmap_rmw(bm->exec, word);
	} while (!__atomic_compare_exchange_n(word, &value, after, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

void mm_buddy_tree_unreserve(struct mm_bitmap *bm, uint64_t tree)
{
	uint32_t *word = &bm->tree[tree].word;

	mm_bitmap_rmw(bm->exec, word);
	__atomic_and_fetch(word, ~(uint32_t)MM_TREE_RESERVED, __ATOMIC_RELAXED);
}

bool mm_buddy_tree_may_have(const struct mm_bitmap *bm, uint64_t tree, unsigned order)
{
	const struct mm_bitmap_tree *t = &bm->tree[tree];
	bool may = false;

	if (order > MM_FIELD_ORDER) {
		for (unsigned i = 0; i < MM_TREE_PAIRS; i++)
			may |= __atomic_load_n(&t->pair[i], __ATOMIC_RELAXED) == BOTH_FREE;
		return may;
	}
	for (unsigned c = 0; c < MM_TREE_CHILDREN; c++)
		may |= mm_tree_child(t, c) >= 1u << order;
	return may;
}

/* The promise of nr frames of a child. */
static bool claim(struct mm_bitmap *bm, struct mm_bitmap_tree *t, unsigned child, unsigned nr)
{
	uint32_t *pair = &t->pair[child / 2], value;
	unsigned shift = child % 2 * 16;

	if (mm_tree_child(t, child) < nr)
		return false;
	value = __atomic_load_n(pair, __ATOMIC_RELAXED);
	do {
		if ((value >> shift & 0xffff) < nr)
			return false;
		mm_bitmap_rmw(bm->exec, pair);
	} while (!__atomic_compare_exchange_n(pair, &value, value - (nr << shift), false,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

static void disclaim(struct mm_bitmap *bm, struct mm_bitmap_tree *t, unsigned child, unsigned nr)
{
	uint32_t *pair = &t->pair[child / 2], before;
	unsigned shift = child % 2 * 16;

	mm_bitmap_rmw(bm->exec, pair);
	before = __atomic_fetch_add(pair, nr << shift, __ATOMIC_RELEASE);
	mm_invariant("L1: no more than a child", (before >> shift & 0xffff) + nr <= MM_FIELD_PAGES);
}

static uint64_t get_pair(struct mm_bitmap *bm, uint64_t tree)
{
	for (unsigned i = 0; i < MM_TREE_PAIRS; i++) {
		uint32_t *pair = &bm->tree[tree].pair[i], both = BOTH_FREE;
		uint64_t child = tree * MM_TREE_CHILDREN + 2 * i;

		if (__atomic_load_n(pair, __ATOMIC_RELAXED) != BOTH_FREE)
			continue;
		mm_bitmap_rmw(bm->exec, pair);
		if (!__atomic_compare_exchange_n(pair, &both, 0, false, __ATOMIC_ACQUIRE,
						 __ATOMIC_RELAXED))
			continue;
		mm_buddy_field_get_all(bm->exec, &bm->field[child]);
		mm_buddy_field_get_all(bm->exec, &bm->field[child + 1]);
		return child * MM_FIELD_PAGES;
	}
	return MM_BITMAP_NONE;
}

/* Out of a child that has promised it. */
static unsigned get_claimed(struct mm_bitmap *bm, struct mm_bitmap_field *f, unsigned row,
			    unsigned order)
{
	if (order < MM_FIELD_ORDER)
		return mm_buddy_field_get(bm->exec, f, row, order);
	mm_buddy_field_get_all(bm->exec, f);
	return 0;
}

uint64_t mm_buddy_tree_get(struct mm_bitmap *bm, uint64_t tree, unsigned row, unsigned order)
{
	struct mm_bitmap_tree *t = &bm->tree[tree];

	if (order > MM_FIELD_ORDER)
		return get_pair(bm, tree);
	for (unsigned i = 0; i < MM_TREE_CHILDREN; i++) {
		unsigned c = (row / MM_FIELD_WORDS + i) % MM_TREE_CHILDREN, at;
		uint64_t child = tree * MM_TREE_CHILDREN + c;

		if (!claim(bm, t, c, 1u << order))
			continue;
		at = get_claimed(bm, &bm->field[child], i ? 0 : row % MM_FIELD_WORDS, order);
		if (mm_likely(at != MM_FIELD_NONE))
			return child * MM_FIELD_PAGES + at;
		disclaim(bm, t, c, 1u << order);
	}
	return MM_BITMAP_NONE;
}

void mm_buddy_tree_put(struct mm_bitmap *bm, uint64_t frame, unsigned order)
{
	struct mm_bitmap_tree *t = &bm->tree[frame / MM_TREE_PAGES];
	uint64_t child = frame / MM_FIELD_PAGES;
	unsigned piece = mm_min(order, (unsigned)MM_FIELD_ORDER);

	for (unsigned i = 0; i < 1u << (order - piece); i++) {
		mm_buddy_field_put(bm->exec, &bm->field[child + i], frame % MM_FIELD_PAGES, piece);
		disclaim(bm, t, (child + i) % MM_TREE_CHILDREN, 1u << piece);
	}
}
