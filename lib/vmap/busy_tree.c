/* SPDX-License-Identifier: MIT */
/* Areas in use, in a tree for each node. */
#include "busy_tree.h"

#include <errno.h>

/* Charges */

static void looked_at(const struct mm_busy *b, const struct mm_vmap_area *va)
{
	mm_exec_charge(b->exec, MM_CHARGE_TREE, NULL, 1);
	mm_exec_charge(b->exec, MM_CHARGE_READ, &va->line, 0);
}

static void written(const struct mm_busy *b, const struct mm_vmap_area *va)
{
	mm_exec_charge(b->exec, MM_CHARGE_LINE, &va->line, 0);
}

static void rebalanced(struct mm_rb_root *root, struct mm_rb_node *node)
{
	const struct mm_busy_tree *t = mm_container_of(root, struct mm_busy_tree, root);

	mm_exec_charge(t->lock.lock.exec, MM_CHARGE_LINE, &mm_va_of_rb(node)->line, 0);
}

static void list_written(const struct mm_busy *b, const struct mm_busy_tree *t, const mm_list *e)
{
	if (e != &t->list)
		written(b, mm_va_of_list(e));
}

/* What is on either side of an area, and it. */
static void place_written(const struct mm_busy *b, const struct mm_busy_tree *t,
			  const struct mm_vmap_area *va)
{
	if (mm_likely(!mm_exec_charges(b->exec)))
		return;
	written(b, va);
	list_written(b, t, va->list.prev);
	list_written(b, t, va->list.next);
}

/* A tree; its lock is held */

static void link_area(const struct mm_busy *b, struct mm_busy_tree *t, struct mm_vmap_area *va)
{
	struct mm_rb_node *parent = NULL, **link = &t->root.node;
	mm_list *before = &t->list;

	while (*link) {
		struct mm_vmap_area *other = mm_va_of_rb(*link);
		bool above = va->va_start >= other->va_start;

		looked_at(b, other);
		mm_invariant("A1: areas do not overlap",
			     above ? va->va_start >= other->va_end : va->va_end <= other->va_start);
		before = above ? &other->list : before;
		parent = *link;
		link = &parent->child[above];
	}
	mm_base_rb_insert(&t->root, &va->rb, parent, link);
	mm_list_add(&va->list, before);
	place_written(b, t, va);
	mm_stat_add(&t->nr, 1);
}

static void unlink_area(const struct mm_busy *b, struct mm_busy_tree *t, struct mm_vmap_area *va)
{
	place_written(b, t, va);
	if (va->rb.parent)
		written(b, mm_va_of_rb(va->rb.parent));
	mm_base_rb_erase(&t->root, &va->rb);
	mm_list_del(&va->list);
	mm_stat_add(&t->nr, (uint64_t)-1);
}

/* The area that addr is in. Counterpart: __find_vmap_area(). */
static struct mm_vmap_area *area_at(const struct mm_busy *b, const struct mm_busy_tree *t,
				    uint64_t addr)
{
	struct mm_rb_node *node = t->root.node;

	while (node) {
		struct mm_vmap_area *va = mm_va_of_rb(node);

		looked_at(b, va);
		if (addr >= va->va_start && addr < va->va_end)
			return va;
		node = node->child[addr >= va->va_end];
	}
	return NULL;
}

/* The lowest whose end is above addr. Counterpart: __find_vmap_area_exceed_addr(). */
static struct mm_vmap_area *area_above(const struct mm_busy *b, const struct mm_busy_tree *t,
				       uint64_t addr)
{
	struct mm_rb_node *node = t->root.node;
	struct mm_vmap_area *lowest = NULL;

	while (node) {
		struct mm_vmap_area *va = mm_va_of_rb(node);

		looked_at(b, va);
		if (va->va_end > addr)
			lowest = va;
		node = node->child[va->va_end <= addr];
	}
	return lowest;
}

/* All of them */

static struct mm_busy_tree *tree_of(const struct mm_busy *b, uint64_t addr)
{
	return &b->tree[mm_busy_node(b, addr)];
}

void mm_vmap_trees_insert(struct mm_busy *b, struct mm_vmap_area *va)
{
	struct mm_busy_tree *t = tree_of(b, va->va_start);

	mm_spin_lock(&t->lock);
	link_area(b, t, va);
	mm_spin_unlock(&t->lock);
}

struct mm_vmap_area *mm_vmap_trees_unlink(struct mm_busy *b, uint64_t addr,
					  bool (*may)(const struct mm_vmap_area *va, void *ctx),
					  void *ctx)
{
	struct mm_busy_tree *t = tree_of(b, addr);
	struct mm_vmap_area *va;

	mm_spin_lock(&t->lock);
	va = area_at(b, t, addr);
	if (va && (va->va_start != addr || (may && !may(va, ctx))))
		va = NULL;
	if (va)
		unlink_area(b, t, va);
	mm_spin_unlock(&t->lock);
	return va;
}

static bool find_in(struct mm_busy *b, struct mm_busy_tree *t, uint64_t addr, uint64_t above,
		    void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	struct mm_vmap_area *va;
	bool found;

	mm_spin_lock(&t->lock);
	va = area_at(b, t, addr);
	found = va && va->va_end > above;
	if (found)
		fn(va, ctx);
	mm_spin_unlock(&t->lock);
	return found;
}

bool mm_vmap_trees_find(struct mm_busy *b, uint64_t addr,
			void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	unsigned node = mm_busy_node(b, addr);

	for (unsigned i = 0; i < b->nr_nodes; i++) {
		if (find_in(b, &b->tree[node], addr, addr, fn, ctx))
			return true;
		node = (node ? node : b->nr_nodes) - 1;
	}
	return false;
}

/* The tree with the lowest area whose end is above addr, and where that begins. NULL: none has one. */
static struct mm_busy_tree *lowest_above(struct mm_busy *b, uint64_t addr, uint64_t *start)
{
	struct mm_busy_tree *lowest = NULL;

	for (unsigned i = 0; i < b->nr_nodes; i++) {
		struct mm_busy_tree *t = &b->tree[i];
		const struct mm_vmap_area *va;

		mm_spin_lock(&t->lock);
		va = area_above(b, t, addr);
		if (va && (!lowest || va->va_start < *start)) {
			lowest = t;
			*start = va->va_start;
		}
		mm_spin_unlock(&t->lock);
	}
	return lowest;
}

/* What was the lowest may have gone before its tree is locked again. */
bool mm_vmap_trees_find_exceed(struct mm_busy *b, uint64_t addr,
			       void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	struct mm_busy_tree *t;
	uint64_t start = 0;

	while ((t = lowest_above(b, addr, &start)))
		if (find_in(b, t, start, addr, fn, ctx))
			return true;
	return false;
}

void mm_vmap_trees_each(struct mm_busy *b, void (*fn)(struct mm_vmap_area *va, void *ctx),
			void *ctx)
{
	for (unsigned i = 0; i < b->nr_nodes; i++) {
		struct mm_busy_tree *t = &b->tree[i];

		mm_spin_lock(&t->lock);
		mm_list_for_each(e, &t->list)
			fn(mm_va_of_list(e), ctx);
		mm_spin_unlock(&t->lock);
	}
}

uint64_t mm_vmap_trees_count(const struct mm_busy *b)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < b->nr_nodes; i++)
		nr += __atomic_load_n(&b->tree[i].nr, __ATOMIC_RELAXED);
	return nr;
}

static void tree_validate(struct mm_busy *b, unsigned node)
{
	struct mm_busy_tree *t = &b->tree[node];
	const struct mm_rb_node *rb = mm_rb_first(&t->root);
	uint64_t nr = 0, end = 0;

	mm_list_for_each(e, &t->list) {
		const struct mm_vmap_area *va = mm_va_of_list(e);

		mm_invariant("U1: tree and list have the same areas", rb == &va->rb);
		mm_invariant("U1: an area is in the tree of its node",
			     mm_busy_node(b, va->va_start) == node);
		mm_invariant("A1: an area has pages", va->va_start < va->va_end);
		mm_invariant("A1: areas do not overlap", va->va_start >= end);
		end = va->va_end;
		rb = mm_rb_next(rb);
		nr++;
	}
	mm_invariant("U1: tree and list have the same areas", !rb && nr == t->nr);
	mm_base_rb_validate(&t->root);
}

uint64_t mm_vmap_trees_validate(struct mm_busy *b)
{
	for (unsigned i = 0; i < b->nr_nodes; i++)
		tree_validate(b, i);
	return mm_vmap_trees_count(b);
}

int mm_vmap_trees_init(struct mm_busy *b, struct mm_lockset *locks)
{
	b->tree = mm_base_meta_calloc(b->exec->meta, b->nr_nodes, sizeof(*b->tree));
	if (!b->tree)
		return -ENOMEM;
	for (unsigned i = 0; i < b->nr_nodes; i++) {
		mm_sync_spin_init(&b->tree[i].lock, locks, MM_RANK_VMAP_BUSY);
		b->tree[i].root.wrote = mm_exec_charges(b->exec) ? rebalanced : NULL;
		mm_list_init(&b->tree[i].list);
	}
	return 0;
}

void mm_vmap_trees_fini(struct mm_busy *b)
{
	mm_invariant("U1: no area is left in use", !mm_vmap_trees_count(b));
	for (unsigned i = 0; i < b->nr_nodes; i++)
		mm_sync_spin_fini(&b->tree[i].lock);
	mm_base_meta_free(b->exec->meta, b->tree, b->nr_nodes * sizeof(*b->tree));
}
