/* SPDX-License-Identifier: MIT */
/*
 * From ranges of memory to a filled page allocator: early and deferred struct page init.
 *
 * Counterpart: mm/mm_init.c (memmap_init, defer_init, deferred_init_memmap, deferred_grow_zone),
 * memblock_free_all(). Differences: memory is initialised either with ordinary stores in the kernel's
 * two passes (refcount 1, then 0 on freeing), or with streaming stores straight in the freed state;
 * a node whose thread cannot be started is initialised by the caller.
 *
 *  D1: of each node only the last zone can be deferred, from the first section boundary in its RAM on
 *      that has at least one section of RAM of that zone below it.
 *  D2: no page is freed to the buddy before every page of its max-order block that will ever be in
 *      the same zone is initialised or was left zero.
 *  D3: [first_deferred, zone end) is what is not initialised yet; MM_NOT_DEFERRED: nothing, or it
 *      is being done by the node's own thread. Each page is initialised by exactly one of early init,
 *      growth and the node's thread.
 *
 * Locking: node->resize_lock (MM_RANK_NODE_RESIZE) around first_deferred; zone->lock nests inside.
 */
#ifndef MM_BOOT_H
#define MM_BOOT_H

#include "buddy.h"
#include "padata.h"
#include "page_init.h"

#define MM_NOT_DEFERRED UINT64_MAX

struct mm_boot;

struct mm_boot_node {
	struct mm_boot *boot;
	unsigned nid;
	struct mm_zone
		*last; /* constant after init: the zone that may be deferred; NULL: no memory */
	struct mm_spinlock resize_lock;
	uint64_t first_deferred; /* under resize_lock; also read without, as a hint */
	struct mm_task task; /* pgdatinit */
	bool streaming; /* constant during a boot */
	uint64_t pages; /* atomic: initialised by deferred init */
	uint64_t began, ended; /* deferred init */
	uint64_t first_pfn; /* of deferred init */
	unsigned threads, ranges;
};

struct mm_boot {
	struct mm_exec *exec;
	struct mm_log *log;
	const struct mm_shape *shape;
	const struct mm_memmap *map;
	struct mm_buddy *buddy;
	struct mm_padata *padata;
	const struct mm_topology *topology;
	unsigned nr_nodes;
	struct mm_boot_node *nodes;

	/* How the next boot is done. */
	enum mmsim_stores stores;
	unsigned threads; /* per node; 0: its CPUs */
	bool use_padata;
	bool defer;

	uint64_t early_pages, early_ns;
};

struct mm_boot_config {
	struct mm_exec *exec;
	struct mm_log *log;
	struct mm_lockset *locks;
	const struct mm_shape *shape;
	const struct mm_memmap *map;
	struct mm_buddy *buddy;
	struct mm_padata *padata;
	const struct mm_topology *topology;
};

/* Also installs growth in the buddy. 0 or -ENOMEM. */
int mm_boot_init(struct mm_boot *boot, const struct mm_boot_config *cfg);
void mm_boot_fini(struct mm_boot *boot);

/* Nothing initialised: the next boot starts anew. */
void mm_boot_clear(struct mm_boot *boot);

/* Everything that is not deferred; the allocator is open afterwards. */
void mm_boot_early(struct mm_boot *boot);

/* What is still deferred, one thread per node, one multithreaded job per free memory range. Waits. */
void mm_boot_deferred(struct mm_boot *boot);

void mm_boot_fill_report(const struct mm_boot *boot, struct mmsim_boot_report *report);

/*
 * deferred_grow_zone(): initialise at least 1 << order pages, whole sections, of a zone's deferred
 * part. True: there may be more memory than when the caller last looked, by us or somebody else.
 */
bool mm_boot_grow_zone(void *boot, struct mm_zone *zone, unsigned order);

/* The three below are the pieces that deferred init and growth share; see init_range.c. */

/* Struct pages of [start, end) of a node, each in its zone. */
void mm_boot_init_pages(const struct mm_boot *boot, unsigned node, uint64_t start, uint64_t end,
			uint64_t flags, int32_t refcount, bool streaming);

/*
 * Initialise and free the free memory of node in [start, end), one max-order block after the other.
 * Returns how many pages. Counterpart: deferred_init_memmap_chunk().
 */
uint64_t mm_boot_init_chunk(struct mm_boot *boot, const struct mm_boot_node *node, uint64_t start,
			    uint64_t end);

/* The first deferred page of a node's last zone by D1, MM_NOT_DEFERRED if it is too small. */
uint64_t mm_boot_find_deferred(const struct mm_shape *shape, unsigned node,
			       const struct mm_zone_span *last);

#endif
