/* SPDX-License-Identifier: MIT */
/*
 * A vmap node: areas that were freed by those whom it belongs to. Some wait for a flush of TLBs, some lie
 * in pools, one for each size, for the next who asks.
 *
 * Counterpart: struct vmap_node, but for its busy tree: busy.h. Difference: areas that wait are a list,
 * which is sorted when it is taken (not with an index), not a tree; charges are those of a tree.
 *
 *  N1: an area in pool i has i + 1 pages, the space's own range, and a node id; TLBs were flushed since it
 *      was freed.
 *  N2: an area that waits has no entries in page tables.
 *  N3: (LOCAL) what waits is in batches: a batch holds areas that were freed when at most `begun` flushes
 *      had begun, and is usable when the flush with the next number, or a later one, is done.
 *
 * Locking: pool_lock (MM_RANK_VMAP_POOL), lazy_lock (MM_RANK_VMAP_LAZY); LOCAL has all under pool_lock. nr
 * of a pool is looked at without, too.
 */
#ifndef MM_VMAP_NODE_H
#define MM_VMAP_NODE_H

#include "area.h"
#include "bits.h"
#include "spinlock.h"
#include "tables.h"
#include "workqueue.h"

enum {
	MM_VMAP_NR_POOLS = 256, /* MAX_VA_SIZE_PAGES */
	MM_VMAP_ZONE_PAGES = 16, /* vmap_zone_size */
	MM_VMAP_NR_BATCHES = 2, /* LOCAL: one that is filled, one that waits for a flush */
};

struct mm_vmap_pool {
	mm_list list;
	uint64_t nr; /* atomic to read */
	uint64_t low; /* LOCAL: least there were since a batch came */
};

/* A count that CPUs change atomically. */
struct mm_vmap_count {
	uint64_t nr;
	struct mm_atomic_line line;
};

/* N3. */
struct mm_vmap_batch {
	mm_list size[MM_VMAP_NR_POOLS];
	uint32_t nr[MM_VMAP_NR_POOLS];
	uint64_t used[MM_VMAP_NR_POOLS / 64]; /* which of them are not empty */
	mm_list other; /* no pool takes them; their tables were put */
	struct mm_vmap_gone gone; /* tables of theirs */
	uint64_t areas, pages;
	uint64_t begun; /* flushes, when the last was added */
};

struct mm_vmap_node {
	struct mm_spinlock pool_lock mm_cacheline_aligned;
	struct mm_vmap_pool pool[MM_VMAP_NR_POOLS];
	uint64_t hits; /* under pool_lock */
	uint64_t misses; /* atomic: requests */
	struct mm_spinlock lazy_lock mm_cacheline_aligned;
	mm_list lazy; /* under lazy_lock, down to lazy_pages */
	uint64_t nr_lazy;
	uint64_t lazy_start, lazy_end; /* what they span; only if nr_lazy */
	uint64_t lazy_pages; /* not yet in the space's count */
	struct mm_vmap_batch *batch; /* LOCAL: [MM_VMAP_NR_BATCHES], under pool_lock */
	unsigned filled; /* which of them is filled now */
	/* LOCAL: a part of nr_vmalloc_pages; it may be below 0. */
	struct mm_vmap_count pages mm_cacheline_aligned;
	/* Of whoever holds vmap_purge_lock, then of the work. */
	mm_list purge_list mm_cacheline_aligned; /* was waiting */
	mm_list give_list; /* of these, what goes to the free tree: only if tables are counted */
	bool skip_populate; /* everything goes to the free tree */
	uint64_t nr_given; /* pages on give_list, sorted out before */
	struct mmsim_vmap *v;
	struct mm_work purge_work;
};

#endif
