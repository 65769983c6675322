/* SPDX-License-Identifier: MIT */
/*
 * Huge pages of a machine: the pools of them, hugetlbfs files that take from these, and clearing them with
 * several CPUs.
 *
 * Counterpart: mm/hugetlb.c, fs/hugetlbfs, clear_gigantic_page() and hugetlbfs_fallocate() of the ktask
 * series. Differences: no surplus pages, reservations, cgroups or migration; nobody maps a file, so its pages
 * are all that is there of it; a pool's pages are linked by frame numbers beside struct page, so that a page
 * whose owner writes to it cannot break a list.
 *
 *  G1: nr_huge_pages is the number of a pool's pages, free_huge_pages of those on its free lists; both are the
 *      sums over the nodes.
 *  G2: a frame's link says whose the page is: nobody's here, free (then it is on the list of its node,
 *      once), taken, or in a file.
 *  G3: a page that is in a file is in exactly one slot of one file.
 *  G4: fallocate that fails has taken out what it put in, and nothing else.
 *
 * Locking: hugetlb_lock (MM_RANK_HUGETLB) guards all of this but what is in files; a pool's size changes under
 * its resize_lock; files: file.h. Pools and mutexes are made when they are first needed.
 * Cost: a page in or out of a pool O(nodes); 4 bytes per frame of a pool's order.
 */
#ifndef MM_HUGETLB_H
#define MM_HUGETLB_H

#include "buddy.h"
#include "ktask.h"
#include "mutex.h"
#include "padata.h"
#include <mmsim/hugetlb.h>

enum { MM_HSTATE_2M, MM_HSTATE_1G, MM_NR_HSTATES };

/* Links of frames; all others are the next free frame of the node, + 1. */
#define MM_FRAME_NONE 0u /* not of the pool */
#define MM_FRAME_TAKEN UINT32_MAX
#define MM_FRAME_IN_FILE (UINT32_MAX - 1)
#define MM_FRAME_LAST (UINT32_MAX - 2) /* free, and the last of its list */

struct mm_hstate_node {
	uint64_t nr_huge_pages, free_huge_pages;
	uint32_t first; /* as a link: of the free list */
};

/* The pool of one size. */
struct mm_hstate {
	unsigned order; /* constant after init */
	uint64_t nr_frames; /* constant after init */
	uint32_t *
		link; /* [nr_frames], atomic: messages and compound_head() read it without the lock */
	uint64_t nr_huge_pages, free_huge_pages;
	struct mm_hstate_node *node; /* [nr_nodes] */
	unsigned next_nid_to_alloc, next_nid_to_free; /* under resize_lock */
	struct mm_mutex resize_lock;
};

struct mm_fault_mutexes {
	unsigned nr; /* a power of two */
	struct mm_mutex *mutex; /* [nr] */
};

struct mm_hugetlb {
	struct mm_exec *exec; /* these: constant after init */
	struct mm_log *log;
	struct mm_lockset *locks;
	struct mm_buddy *buddy;
	struct mm_ktask *ktask;
	struct mm_padata *padata;
	struct mm_hstate *hstate[MM_NR_HSTATES]; /* atomic: NULL until it is needed */
	struct mm_fault_mutexes *fault_mutexes; /* atomic: the same */
	mm_list files;
	uint32_t nr_files_made; /* numbers of files, for their hash */
	struct mm_spinlock lock; /* hugetlb_lock */
};

/* hg->exec to hg->padata are filled in. Cannot fail: what has to be allocated is when it is needed. */
void mm_hugetlb_init(struct mm_hugetlb *hg);

/* Files go with it, and pools; their pages stay the page allocator's. */
void mm_hugetlb_fini(struct mm_hugetlb *hg);

/*
 * The machine was reset: no page is anybody's any more, all pools and files are empty. Nobody else uses the
 * machine.
 */
void mm_hugetlb_reset(struct mm_hugetlb *hg);

/* The pool of an order that mm_hugetlb_is_order() accepts. NULL: no memory for its books. */
struct mm_hstate *mm_hugetlb_hstate(struct mm_hugetlb *hg, unsigned order);

/* hugetlb_fault_mutex_table. NULL: no memory. */
struct mm_fault_mutexes *mm_hugetlb_fault_mutexes(struct mm_hugetlb *hg);

/* G1, G2, G3 of an idle machine. */
void mm_hugetlb_validate(struct mm_hugetlb *hg);

static inline bool mm_hugetlb_is_order(unsigned order)
{
	return order == MMSIM_HUGE_2M_ORDER || order == MMSIM_HUGE_1G_ORDER;
}

static inline uint64_t mm_hstate_nr_pages(const struct mm_hstate *h)
{
	return UINT64_C(1) << h->order;
}

static inline struct mmsim_page *mm_hstate_page(const struct mm_hugetlb *hg,
						const struct mm_hstate *h, uint32_t frame)
{
	return mm_pfn_to_page(hg->buddy->map, (uint64_t)frame << h->order);
}

static inline unsigned mm_hstate_node_of(const struct mm_hugetlb *hg, const struct mm_hstate *h,
					 uint32_t frame)
{
	return mmsim_page_node(mm_hstate_page(hg, h, frame));
}

#endif
