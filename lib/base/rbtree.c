/* SPDX-License-Identifier: MIT */
#include "rbtree.h"

#include "check.h"

static bool is_red(const struct mm_rb_node *node)
{
	return node && node->red;
}

static unsigned side_of(const struct mm_rb_node *node, const struct mm_rb_node *parent)
{
	return parent->child[1] == node;
}

static void set_child(struct mm_rb_node *parent, unsigned side, struct mm_rb_node *child)
{
	parent->child[side] = child;
	if (child)
		child->parent = parent;
}

/* `with`, which may be NULL, is below `parent` in the place of `node`. */
static void put_in_place(struct mm_rb_root *root, const struct mm_rb_node *node,
			 struct mm_rb_node *parent, struct mm_rb_node *with)
{
	if (with)
		with->parent = parent;
	if (parent)
		parent->child[side_of(node, parent)] = with;
	else
		root->node = with;
}

static void update(const struct mm_rb_root *root, struct mm_rb_node *node)
{
	if (root->update)
		root->update(node);
}

static void wrote(struct mm_rb_root *root, struct mm_rb_node *node)
{
	if (root->wrote && node)
		root->wrote(root, node);
}

static void set_red(struct mm_rb_root *root, struct mm_rb_node *node, bool red)
{
	node->red = red;
	wrote(root, node);
}

/*
 * The node goes down on `side`, its child of the other side takes its place. The subtree holds the same nodes
 * as before, so nothing above it changes.
 */
static void rotate(struct mm_rb_root *root, struct mm_rb_node *node, unsigned side)
{
	struct mm_rb_node *up = node->child[!side];

	put_in_place(root, node, node->parent, up);
	set_child(node, !side, up->child[side]);
	set_child(up, side, node);
	wrote(root, node);
	wrote(root, up);
	wrote(root, up->parent);
	wrote(root, node->child[!side]);
	update(root, node);
	update(root, up);
}

void mm_base_rb_changed(struct mm_rb_root *root, struct mm_rb_node *node)
{
	if (!root->update)
		return;
	while (node && root->update(node))
		node = node->parent;
}

/* D1 but for `node`, which is red and whose parent may be. */
static void mend_red(struct mm_rb_root *root, struct mm_rb_node *node)
{
	struct mm_rb_node *parent, *grand, *uncle;
	unsigned side;

	while ((parent = node->parent) && parent->red) {
		grand = parent->parent; /* there is one: the root is black */
		side = side_of(parent, grand);
		uncle = grand->child[!side];
		set_red(root, grand, true);
		if (is_red(uncle)) {
			set_red(root, uncle, false);
			set_red(root, parent, false);
			node = grand;
			continue;
		}
		if (node == parent->child[!side]) {
			rotate(root, parent, side);
			parent = node;
		}
		rotate(root, grand, !side);
		parent->red = false;
		break;
	}
	root->node->red = false;
}

void mm_base_rb_insert(struct mm_rb_root *root, struct mm_rb_node *node, struct mm_rb_node *parent,
		       struct mm_rb_node **link)
{
	*node = (struct mm_rb_node){ .parent = parent, .red = true };
	*link = node;
	/* What it kept before means nothing: go on even if that has not changed. */
	update(root, node);
	mm_base_rb_changed(root, parent);
	mend_red(root, node);
}

/*
 * One black node more on `side` of the parent. On the far side the sibling has a red child, or is red itself
 * and has a black one, as after a rotation.
 */
static void borrow_black(struct mm_rb_root *root, struct mm_rb_node *parent, unsigned side)
{
	struct mm_rb_node *sibling = parent->child[!side];

	rotate(root, parent, side);
	sibling->red = parent->red;
	parent->red = false;
	set_red(root, sibling->child[!side], false);
}

/* D1 but for paths through `node`, which may be NULL, below `parent`: they lack a black node. */
static void mend_black(struct mm_rb_root *root, struct mm_rb_node *node, struct mm_rb_node *parent)
{
	while (parent && !is_red(node)) {
		unsigned side = side_of(node, parent);
		struct mm_rb_node *sibling = parent->child[!side]; /* it has black nodes */

		if (sibling->red) {
			rotate(root, parent, side);
			sibling->red = false;
			parent->red = true;
			sibling = parent->child[!side];
		}
		if (is_red(sibling->child[0]) || is_red(sibling->child[1])) {
			if (!is_red(sibling->child[!side]))
				rotate(root, sibling, !side); /* the next call sees to colours */
			borrow_black(root, parent, side);
			return;
		}
		set_red(root, sibling, true);
		node = parent;
		parent = node->parent;
	}
	if (node)
		set_red(root, node, false);
}

static struct mm_rb_node *outermost(struct mm_rb_node *node, unsigned side)
{
	while (node->child[side])
		node = node->child[side];
	return node;
}

/* The next greater node, which has no smaller child, takes the place of one with two children. */
static void erase_inner(struct mm_rb_root *root, struct mm_rb_node *node)
{
	struct mm_rb_node *next = outermost(node->child[1], 0), *orphan = next->child[1];
	struct mm_rb_node *parent = next; /* of orphan, from now on */
	bool red = next->red;

	if (next != node->child[1]) {
		parent = next->parent;
		set_child(parent, 0, orphan);
		set_child(next, 1, node->child[1]);
	}
	set_child(next, 0, node->child[0]);
	put_in_place(root, node, node->parent, next);
	next->red = node->red;
	wrote(root, next);
	wrote(root, next->parent);
	wrote(root, parent);
	if (parent != next)
		mm_base_rb_changed(root, parent); /* may end below next … */
	update(root, next); /* … whose value was about another subtree */
	mm_base_rb_changed(root, next->parent);
	if (!red)
		mend_black(root, orphan, parent);
}

void mm_base_rb_erase(struct mm_rb_root *root, struct mm_rb_node *node)
{
	struct mm_rb_node *child = node->child[0] ? node->child[0] : node->child[1];

	if (node->child[0] && node->child[1]) {
		erase_inner(root, node);
		return;
	}
	put_in_place(root, node, node->parent, child);
	mm_base_rb_changed(root, node->parent);
	if (!node->red)
		mend_black(root, child, node->parent);
}

struct mm_rb_node *mm_base_rb_end(const struct mm_rb_root *root, unsigned side)
{
	return root->node ? outermost(root->node, side) : NULL;
}

struct mm_rb_node *mm_base_rb_walk(const struct mm_rb_node *node, unsigned side)
{
	struct mm_rb_node *parent = node->parent;

	if (node->child[side])
		return outermost(node->child[side], !side);
	while (parent && side_of(node, parent) == side) {
		node = parent;
		parent = node->parent;
	}
	return parent;
}

/* Black nodes from here up to the root. */
static unsigned blacks_above(const struct mm_rb_node *node)
{
	unsigned blacks = 0;

	for (; node; node = node->parent)
		blacks += !node->red;
	return blacks;
}

static void validate_child(const struct mm_rb_node *node, const struct mm_rb_node *child,
			   unsigned blacks)
{
	if (!child) {
		mm_invariant("D1: every path has as many black nodes",
			     blacks_above(node) == blacks);
		return;
	}
	mm_invariant("D1: a child knows its parent", child->parent == node);
	mm_invariant("D1: no red node has a red parent", !node->red || !child->red);
}

size_t mm_base_rb_validate(const struct mm_rb_root *root)
{
	struct mm_rb_node *node = mm_rb_first(root);
	unsigned blacks = blacks_above(node);
	size_t nr = 0;

	mm_invariant("D1: the root is black", !is_red(root->node));
	mm_invariant("D1: the root has no parent", !root->node || !root->node->parent);
	for (; node; node = mm_rb_next(node), nr++) {
		validate_child(node, node->child[0], blacks);
		validate_child(node, node->child[1], blacks);
		mm_invariant("D2: what a node keeps is true", !root->update || !root->update(node));
	}
	return nr;
}
