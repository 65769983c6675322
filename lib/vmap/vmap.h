/* SPDX-License-Identifier: MIT */
/*
 * A space of kernel addresses: what its parts are and who calls whom.
 *
 *  free_space      addresses that nobody has  slab              objects
 *  busy, index     areas in use               tables            page tables
 *  node, local     areas that come back       purge             drains, decay, shrinker
 *  alloc           from a request to an area  vmalloc, backing  memory behind an area
 *  block, map_ram  vm_map_ram()               vm_struct         who may undo an area
 *  vread, info     looking at it              deferred          vfree() where nobody may wait
 *
 * Counterpart: mm/vmalloc.c.
 *
 *  V1: free + busy + waiting + pooled addresses are the whole range, each once.
 *  V2: addresses are given out anew only when every TLB was flushed after they were freed.
 *  V3: lazy_nr, with what nodes have not yet added, is the number of pages that wait or are being purged.
 *
 * Locking: purge_lock (a mutex, MM_RANK_VMAP_PURGE) around a drain; all others are inside it and of the
 * parts.
 */
#ifndef MM_VMAP_H
#define MM_VMAP_H

#include "buddy.h"
#include "busy.h"
#include "free_space.h"
#include "mutex.h"
#include "node.h"
#include "slab.h"
#include "backing.h"
#include "tables.h"
#include "tlb_kernel.h"
#include "topology.h"
#include <mmsim/vmalloc.h>

struct mm_vmap_blocks;
struct mm_vmap_deferred;

/* What a space is made in. */
struct mm_vmap_site {
	struct mm_exec *exec;
	struct mm_log *log;
	struct mm_lockset *locks;
	const struct mm_topology *topology;
	struct mm_buddy *buddy;
	struct mm_tlb *tlb;
	bool native; /* for defaults */
	uint64_t *users; /* atomic: spaces, too, N4 of mmap.h */
};

struct mmsim_vmap {
	struct mm_exec *exec; /* these: constant after init */
	struct mm_log *log;
	struct mm_vmap_site site;
	struct mmsim_vmap_params params; /* no defaults left */
	bool index; /* busy areas are in an index */
	bool local;
	/* LOCAL: pages of a node before it flushes; else what a node keeps to itself of lazy_nr. */
	uint64_t lazy_share;
	uint64_t run_pages; /* LOCAL: of addresses that small areas take at a time; 0: one area's */
	unsigned nr_nodes;
	struct mm_vmap_node *node; /* [nr_nodes] */
	struct mm_slab areas; /* struct mm_vmap_area */
	struct mm_slab structs; /* struct mm_vm_struct */
	struct mm_free_space free;
	struct mm_busy busy;
	struct mm_vmap_tables tables;
	struct mm_tlb_kernel tlb_kernel;
	struct mm_workqueue *drain_wq; /* bound: the drain, and helpers */
	struct mm_vmap_blocks *blocks;
	struct mm_vmap_deferred *deferred;
	struct mm_area host; /* TOUCHABLE: what is behind the addresses; base NULL: nothing */
	mmsim_vmap_notify_fn notify;
	void *notify_ctx;
	uint64_t lazy_nr mm_cacheline_aligned; /* atomic: pages, V3 */
	struct mm_atomic_line lazy_line;
	uint64_t lazy_peak; /* atomic */
	/* nr_vmalloc_pages; not in the LOCAL design. */
	struct mm_vmap_count pages mm_cacheline_aligned;
	uint64_t begun mm_cacheline_aligned; /* atomic: flushes begun, under purge_lock to change */
	struct mm_line begun_line;
	uint64_t done; /* atomic: of these, done: they are one after the other */
	struct mm_mutex purge_lock mm_cacheline_aligned;
	struct mm_work drain;
	uint64_t nr_drains, nr_helpers, nr_purged, nr_decayed, nr_flushes; /* under purge_lock */
};

/* vmap.c */

/* NULL: they can be made; else what is wrong, naming the field. */
const char *mm_vmap_refuses(const struct mmsim_vmap_params *params);
/* 0 or -ENOMEM. */
int mm_vmap_create(const struct mm_vmap_site *site, const struct mmsim_vmap_params *params,
		   struct mmsim_vmap **out);
void mm_vmap_destroy(struct mmsim_vmap *v);
void mm_vmap_info(struct mmsim_vmap *v, struct mmsim_vmap_info *out);
void mm_vmap_validate(struct mmsim_vmap *v);

/* alloc.c */

struct mm_vmap_request {
	uint64_t size, align; /* bytes, whole pages; a power of two */
	uint64_t start, end;
	mmsim_gfp_t gfp;
	uint32_t flags; /* of the area */
	struct mm_vm_struct *vm; /* of the area from the first moment */
};

/* 0; -EINVAL, -EBUSY, -ENOMEM as mmsim_alloc_vmap_area(). *out is in use. */
int mm_vmap_alloc_area(struct mmsim_vmap *v, const struct mm_vmap_request *request,
		       struct mm_vmap_area **out);

/*
 * Free an area that mm_vmap_busy_unlink() gave, whose entries are cleared: it waits for a flush. Counterpart:
 * free_vmap_area_noflush().
 */
void mm_vmap_free_area(struct mmsim_vmap *v, struct mm_vmap_area *va);

static inline bool mm_vmap_own_range(const struct mmsim_vmap *v, uint64_t start, uint64_t end)
{
	return start == v->params.start && end == v->params.end;
}

/* nr_vmalloc_pages, of all nodes. */
uint64_t mm_vmap_nr_pages(const struct mmsim_vmap *v);

/* node.c */

int mm_vmap_nodes_init(struct mmsim_vmap *v);
/* Nothing waits or is in a pool. */
void mm_vmap_nodes_fini(struct mmsim_vmap *v);

static inline struct mm_vmap_node *mm_this_vmap_node(struct mmsim_vmap *v)
{
	unsigned cpu = mm_exec_cpu(v->exec);

	return &v->node[mm_likely(cpu < v->nr_nodes) ? cpu : cpu % v->nr_nodes];
}

/* Does a pool take areas like this? N1. */
static inline bool mm_vmap_poolable(const struct mmsim_vmap *v, const struct mm_vmap_area *va)
{
	return v->nr_nodes > 1 && mm_va_pages(va) <= MM_VMAP_NR_POOLS && mm_va_node_id(va) >= 0;
}

/* NULL: no pool has one that fits. Counterpart: node_pool_del_va(). */
struct mm_vmap_area *mm_vmap_pool_take(struct mmsim_vmap *v, struct mm_vmap_node *n, uint64_t size,
				       uint64_t align);
/* At the head. Counterpart: node_pool_add_va(). */
void mm_vmap_pool_put(struct mm_vmap_node *n, struct mm_vmap_area *va);
/* nr areas of `size` bytes, at the end; the list becomes empty. */
void mm_vmap_pool_put_run(struct mm_vmap_node *n, mm_list *areas, uint64_t nr, uint64_t size);
/*
 * Move a part of each pool, and what is above pool_cap, or all of it, to *out. Returns areas. Counterpart:
 * decay_va_pool_node().
 */
uint64_t mm_vmap_pool_decay(struct mmsim_vmap *v, struct mm_vmap_node *n, bool full, mm_list *out);

/* purge.c */

void mm_vmap_purge_init(struct mmsim_vmap *v);
/*
 * What waits now becomes usable; with `full` also blocks of vm_map_ram() that have nothing mapped, and
 * pools go to the free tree. Flushes [start, end), too, if that is not empty. Waits. Returns areas purged.
 * Counterpart: reclaim_and_purge_vmap_areas().
 */
uint64_t mm_vmap_purge(struct mmsim_vmap *v, uint64_t start, uint64_t end, bool full);
uint64_t mm_vmap_shrink_count(struct mmsim_vmap *v);
uint64_t mm_vmap_shrink_scan(struct mmsim_vmap *v);
/* An area waits: tell the drain if that is too many. */
void mm_vmap_add_lazy(struct mmsim_vmap *v, struct mm_vmap_area *va);
/* Flush [start, end) and what *gone covered. purge_lock is held. */
void mm_vmap_flush(struct mmsim_vmap *v, uint64_t start, uint64_t end,
		   const struct mm_vmap_gone *gone);
/*
 * The areas' addresses are about to return to the free tree, after a flush: their tables do not count them
 * any more.
 */
void mm_vmap_put_tables(struct mmsim_vmap *v, mm_list *areas, struct mm_vmap_gone *gone);

/* local.c: the same of MMSIM_VMAP_LOCAL. */

void mm_vmap_local_free(struct mmsim_vmap *v, struct mm_vmap_node *n, struct mm_vmap_area *va);
/* What the node's batches have becomes usable as far as a flush allows it. pool_lock is not held. */
void mm_vmap_local_recycle(struct mmsim_vmap *v, struct mm_vmap_node *n);
/* Flushes everything, whatever is to be flushed besides. */
uint64_t mm_vmap_local_purge(struct mmsim_vmap *v, bool full);

#endif
