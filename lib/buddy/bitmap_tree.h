/* SPDX-License-Identifier: MIT */
/*
 * 16 MiB: the counters of eight children, and one over all of them.
 *
 * All on one cache line, so that a free from elsewhere fetches one line besides the bits'. Counterpart
 * and invariants: bitmap.h.
 *
 *  T1: untold <= free <= MM_TREE_PAGES in each tree's word.
 *  T2: a tree's kind is the strongest that has reserved it since all of it was free.
 */
#ifndef MM_BUDDY_BITMAP_TREE_H
#define MM_BUDDY_BITMAP_TREE_H

#include "bitmap.h"

enum {
	MM_TREE_CHILDREN = 8,
	MM_TREE_PAIRS = MM_TREE_CHILDREN / 2,
	MM_TREE_PAGES = MM_TREE_CHILDREN * MM_FIELD_PAGES,
	MM_TREE_UNTOLD = 8, /* that many frees are told to the zone at once */
};

/* What a tree is used for: from the weakest to the strongest, which wins where they meet. */
enum mm_bitmap_kind { MM_BITMAP_UNUSED, MM_BITMAP_HUGE, MM_BITMAP_MOVABLE, MM_BITMAP_OTHER };
#define MM_BITMAP_NR_KINDS (MM_BITMAP_OTHER + 1)

struct mm_bitmap_tree {
	uint32_t word; /* atomic: see mm_tree_…() */
	uint32_t pair[MM_TREE_PAIRS]; /* atomic: counters of two children, 16 bits each */
} mm_cacheline_aligned;

enum {
	MM_TREE_COUNT = (1 << 13) - 1,
	MM_TREE_UNTOLD_SHIFT = 13,
	MM_TREE_KIND_SHIFT = 26,
	MM_TREE_RESERVED = 1 << 28,
};

/* Frames in no budget. */
static inline unsigned mm_tree_free(uint32_t word)
{
	return word & MM_TREE_COUNT;
}

/* Of these, how many zone->free_pages does not know of. */
static inline unsigned mm_tree_untold(uint32_t word)
{
	return word >> MM_TREE_UNTOLD_SHIFT & MM_TREE_COUNT;
}

static inline enum mm_bitmap_kind mm_tree_kind(uint32_t word)
{
	return (enum mm_bitmap_kind)(word >> MM_TREE_KIND_SHIFT & 3);
}

static inline uint32_t mm_tree_load(const struct mm_bitmap *bm, uint64_t tree)
{
	return __atomic_load_n(&bm->tree[tree].word, __ATOMIC_RELAXED);
}

static inline unsigned mm_tree_child(const struct mm_bitmap_tree *tree, unsigned child)
{
	uint32_t pair = __atomic_load_n(&tree->pair[child / 2], __ATOMIC_RELAXED);

	return pair >> (child % 2 * 16) & 0xffff;
}

/*
 * Take `need` frames off the tree's counter and up to `extra` more. How many; 0: it has not as many as
 * are needed.
 */
unsigned mm_buddy_tree_take(struct mm_bitmap *bm, uint64_t tree, unsigned need, unsigned extra);
/* Back to it. */
void mm_buddy_tree_give(struct mm_bitmap *bm, uint64_t tree, unsigned nr);
/* Tell the zone, if it is this much or more. */
void mm_buddy_tree_tell(struct mm_bitmap *bm, uint64_t tree, unsigned least);

/* Mark it as one CPU's, for frames of this kind. False: it is another's. */
bool mm_buddy_tree_reserve(struct mm_bitmap *bm, uint64_t tree, enum mm_bitmap_kind kind);
void mm_buddy_tree_unreserve(struct mm_bitmap *bm, uint64_t tree);

/* Do the counters of the children speak against a block of this order? */
bool mm_buddy_tree_may_have(const struct mm_bitmap *bm, uint64_t tree, unsigned order);

/*
 * A block out of the tree, its frames taken off the counter before; row: the word of bits to begin with,
 * counted over the tree. Which frame; MM_BITMAP_NONE: fragmented.
 */
uint64_t mm_buddy_tree_get(struct mm_bitmap *bm, uint64_t tree, unsigned row, unsigned order);
/* A block back into its children; the frames are to be given to the tree or to a budget of it afterwards. */
void mm_buddy_tree_put(struct mm_bitmap *bm, uint64_t frame, unsigned order);

#endif
