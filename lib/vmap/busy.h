/* SPDX-License-Identifier: MIT */
/*
 * Areas in use, found by their addresses.
 *
 * In one of two ways, which give the same answers:
 *  tree   a red-black tree for each node, under the node's lock; an area is in the node of its first address
 *         (addresses go round the nodes by zones of 16 pages). An inner address may belong to an area that
 *         began in any node, so they are looked into downwards from its own. This is the kernel's.
 *  index  an array of areas by the page of their first address, see index.h. What is found by its first
 *         address costs no search, and areas share neither lock nor cache line but with their next
 *         neighbours.
 *
 * Counterpart: vn->busy, find_vmap_area(), find_unlink_vmap_area(), find_vmap_area_exceed_addr_lock().
 *
 *  U1: an area in use is in exactly one place: the tree of its address's node, or the slot of its first page.
 *  U2: whoever unlinks an area has it: of two at once one gets NULL.
 *
 * Locking: a node's lock (MM_RANK_VMAP_BUSY) or a slot's, one at a time. An area found stays only as long
 * as that lock is held or the caller knows that nobody frees it; so lookups hand it to a function under the
 * lock, which comes back to nothing of this. Charges: tree: a level and the line of each area looked at,
 * the lines of areas changed. Index: its levels, and the line of the slot.
 */
#ifndef MM_VMAP_BUSY_H
#define MM_VMAP_BUSY_H

#include "area.h"
#include "spinlock.h"

struct mm_index;

struct mm_busy_tree {
	struct mm_spinlock lock mm_cacheline_aligned;
	struct mm_rb_root root; /* under lock */
	mm_list list; /* by address */
	uint64_t nr;
};

struct mm_busy {
	struct mm_exec *exec; /* these: constant after init */
	unsigned nr_nodes;
	uint64_t zone_size; /* bytes; 1 if there is one node */
	struct mm_busy_tree *tree; /* [nr_nodes], or NULL: index */
	struct mm_index *index;
};

/* index: or trees. [start, end): where areas may be. 0 or -ENOMEM. */
int mm_vmap_busy_init(struct mm_busy *b, struct mm_exec *x, struct mm_lockset *locks,
		      unsigned nr_nodes, bool index, uint64_t start, uint64_t end);
/* No area is left. */
void mm_vmap_busy_fini(struct mm_busy *b);

/* The node that an address belongs to while it is in use. */
static inline unsigned mm_busy_node(const struct mm_busy *b, uint64_t addr)
{
	return (unsigned)(addr / b->zone_size % b->nr_nodes);
}

/* 0; -ENOMEM: no memory for a leaf of the index, nothing is changed. */
int mm_vmap_busy_insert(struct mm_busy *b, struct mm_vmap_area *va);

/*
 * Take the area that begins at addr out, if `may(va, ctx)`, called under the lock, says so; may NULL: any.
 * NULL: none begins there, or it may not. U2.
 */
struct mm_vmap_area *mm_vmap_busy_unlink(struct mm_busy *b, uint64_t addr,
					 bool (*may)(const struct mm_vmap_area *va, void *ctx),
					 void *ctx);

/* Call fn(va, ctx) under the lock for the area that addr is in. False: there is none. */
bool mm_vmap_busy_find(struct mm_busy *b, uint64_t addr,
		       void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx);

/*
 * The same for the lowest area whose end is above addr, wherever it is. As areas come and go it may be found
 * late or not at all, but if there is one all the time that one or a lower one is found.
 */
bool mm_vmap_busy_find_exceed(struct mm_busy *b, uint64_t addr,
			      void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx);

/*
 * Call fn for each area: node by node, by address inside one, the node's lock or that of the area's slot
 * held. With an index: the same order, from a copy of what was there; an area freed meanwhile is left out.
 * 0, or -ENOMEM (index): nothing was called.
 */
int mm_vmap_busy_each(struct mm_busy *b, void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx);

/* Areas. Exact while all is idle. Cost: O(nodes); index: a look at all leaves. */
uint64_t mm_vmap_busy_count(struct mm_busy *b);

/* U1 and the structures' own; returns areas. Stops the program. Nobody else is at it. */
uint64_t mm_vmap_busy_validate(struct mm_busy *b);

#endif
