/* SPDX-License-Identifier: MIT */
/*
 * Binary heap of nodes that sit in their users' structs, smallest (key, tie) first.
 *
 * Two nodes of a heap never have the same key and tie, so the order is total and does not depend on
 * the order of insertion. Counterpart: lib/min_heap.h (which copies elements).
 *
 *  H1: node->at is its place in slot[], counted from 1; 0: in no heap.
 *  H2: no node comes before its parent.
 *
 * Locking: the user's. Cost: O(log n); the first, O(1).
 */
#ifndef MM_BASE_HEAP_H
#define MM_BASE_HEAP_H

#include "compiler.h"
#include <stdbool.h>
#include <stdint.h>

struct mm_heap_node {
	uint64_t key;
	uint32_t tie;
	uint32_t at; /* H1 */
};

struct mm_heap {
	struct mm_heap_node **slot; /* the user's array */
	uint32_t nr;
};

static inline bool mm_heap_before(const struct mm_heap_node *a, const struct mm_heap_node *b)
{
	return a->key < b->key || (a->key == b->key && a->tie < b->tie);
}

static inline struct mm_heap_node *mm_heap_first(const struct mm_heap *h)
{
	return h->nr ? h->slot[0] : (struct mm_heap_node *)0;
}

static inline void mm_heap_place(struct mm_heap *h, struct mm_heap_node *node, uint32_t i)
{
	h->slot[i] = node;
	node->at = i + 1;
}

static inline void mm_heap_up(struct mm_heap *h, struct mm_heap_node *node, uint32_t i)
{
	while (i && mm_heap_before(node, h->slot[(i - 1) / 2])) {
		mm_heap_place(h, h->slot[(i - 1) / 2], i);
		i = (i - 1) / 2;
	}
	mm_heap_place(h, node, i);
}

static inline void mm_heap_down(struct mm_heap *h, struct mm_heap_node *node, uint32_t i)
{
	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= h->nr)
			break;
		if (child + 1 < h->nr && mm_heap_before(h->slot[child + 1], h->slot[child]))
			child++;
		if (!mm_heap_before(h->slot[child], node))
			break;
		mm_heap_place(h, h->slot[child], i);
		i = child;
	}
	mm_heap_place(h, node, i);
}

/* There is room in slot[]. */
static inline void mm_heap_push(struct mm_heap *h, struct mm_heap_node *node)
{
	mm_heap_up(h, node, h->nr++);
}

static inline void mm_heap_remove(struct mm_heap *h, struct mm_heap_node *node)
{
	struct mm_heap_node *last = h->slot[--h->nr];
	uint32_t i = node->at - 1;

	node->at = 0;
	if (last == node)
		return;
	if (i && mm_heap_before(last, h->slot[(i - 1) / 2]))
		mm_heap_up(h, last, i);
	else
		mm_heap_down(h, last, i);
}

static inline struct mm_heap_node *mm_heap_pop(struct mm_heap *h)
{
	struct mm_heap_node *first = mm_heap_first(h);

	if (first)
		mm_heap_remove(h, first);
	return first;
}

#endif
