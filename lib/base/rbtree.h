/* SPDX-License-Identifier: MIT */
/*
 * Red-black tree with the links inside the elements, and a sum kept in each subtree if wanted.
 *
 * Counterpart: lib/rbtree.c, include/linux/rbtree_augmented.h. The tree knows no order: the caller finds the
 * place. An augmented tree gives a function that works out what a node keeps about its subtree from the node
 * and its children; it is called bottom-up wherever a subtree changes.
 *
 *  D1: no red node has a red parent, and every path from the root down has as many black ones; so the
 *      height is at most 2 log2(n + 1).
 *  D2: what a node keeps about its subtree is true, in an augmented tree.
 *
 * Locking: the caller's. Cost: O(log n).
 */
#ifndef MM_BASE_RBTREE_H
#define MM_BASE_RBTREE_H

#include "compiler.h"
#include <stdbool.h>
#include <stddef.h>

struct mm_rb_node {
	struct mm_rb_node *parent;
	struct mm_rb_node *child[2]; /* smaller, greater */
	bool red;
};

struct mm_rb_root {
	struct mm_rb_node *node;
	/*
	 * Work out what the node keeps from itself and its children. True: that changed. NULL: not
	 * augmented.
	 */
	bool (*update)(struct mm_rb_node *node);
	/* Told of each node that rebalancing writes, for who keeps account of lines. NULL: nobody. */
	void (*wrote)(struct mm_rb_root *root, struct mm_rb_node *node);
};

/* Put a node at the place that a search from the root found: *link, below parent, both NULL at first. */
void mm_base_rb_insert(struct mm_rb_root *root, struct mm_rb_node *node, struct mm_rb_node *parent,
		       struct mm_rb_node **link);
void mm_base_rb_erase(struct mm_rb_root *root, struct mm_rb_node *node);

/* The node itself has changed, not its place: D2 from there up, as far as anything changes. */
void mm_base_rb_changed(struct mm_rb_root *root, struct mm_rb_node *node);

/* The smallest (side 0) or greatest (1), and what follows a node on that way; NULL: nothing. */
struct mm_rb_node *mm_base_rb_end(const struct mm_rb_root *root, unsigned side);
struct mm_rb_node *mm_base_rb_walk(const struct mm_rb_node *node, unsigned side);

/*
 * D1; and D2 by update() of each node, which must find nothing to change. Returns nodes. Stops the program.
 */
size_t mm_base_rb_validate(const struct mm_rb_root *root);

static inline struct mm_rb_node *mm_rb_first(const struct mm_rb_root *root)
{
	return mm_base_rb_end(root, 0);
}

static inline struct mm_rb_node *mm_rb_last(const struct mm_rb_root *root)
{
	return mm_base_rb_end(root, 1);
}

/* side 1 is towards greater ones. */
static inline struct mm_rb_node *mm_rb_next(const struct mm_rb_node *node)
{
	return mm_base_rb_walk(node, 1);
}

static inline struct mm_rb_node *mm_rb_prev(const struct mm_rb_node *node)
{
	return mm_base_rb_walk(node, 0);
}

#endif
