/* SPDX-License-Identifier: MIT */
/*
 * Pages into a pool, out of it, and how many there are.
 *
 * Counterpart: enqueue_hugetlb_folio(), dequeue_hugetlb_folio_nodemask(), set_max_huge_pages(),
 * hugetlb_hstate_alloc_pages() of mm/hugetlb.c. Differences: a pool in use does not shrink below what is in
 * use, as there are no surplus pages; each thread of the allocation at boot begins with its own node, where
 * the kernel lets all begin with the first.
 *
 * Locking: see hugetlb.h. Free lists are last in, first out, as the kernel's.
 */
#ifndef MM_HUGETLB_POOL_H
#define MM_HUGETLB_POOL_H

#include "hugetlb.h"

/*
 * A free page, of node nid if there is one, else of the next in that node's zonelist. `as` is what its link
 * says from now on: MM_FRAME_TAKEN or _IN_FILE. False: the pool has none.
 */
bool mm_hugetlb_take(struct mm_hugetlb *hg, struct mm_hstate *h, unsigned nid, uint32_t as,
		     uint32_t *frame);

/* Back to the pool. False: its link does not say `was`, and nothing was done. */
bool mm_hugetlb_give(struct mm_hugetlb *hg, struct mm_hstate *h, uint32_t frame, uint32_t was);

/* What a frame's link says, in words: for messages. */
const char *mm_hugetlb_frame_state(const struct mm_hstate *h, uint32_t frame);

/*
 * Make the pool nr pages. 0; -ENOMEM: the page allocator gave fewer, those stay; -EBUSY: all free ones
 * are gone and it still has more, in use.
 */
int mm_hugetlb_set_nr(struct mm_hugetlb *hg, struct mm_hstate *h, uint64_t nr);

/*
 * Add nr pages by a job of at most `threads` threads; 0: as many as the kernel takes. 0, or -ENOMEM: fewer,
 * which stay.
 */
int mm_hugetlb_boot(struct mm_hugetlb *hg, struct mm_hstate *h, uint64_t nr, unsigned threads);

/* For the allocation at boot. A page that is in nobody's books yet, of any node, the first one *nid. */
bool mm_hugetlb_alloc_fresh(struct mm_hugetlb *hg, const struct mm_hstate *h, unsigned *nid,
			    uint32_t *frame);
/* It joins the pool as a free one. hugetlb_lock is held. Counterpart: prep_and_add_allocated_folios(). */
void mm_hugetlb_add(struct mm_hugetlb *hg, struct mm_hstate *h, uint32_t frame);

bool mm_hugetlb_has_memory(const struct mm_hugetlb *hg, unsigned nid);

static inline void mm_frame_set_link(struct mm_hstate *h, uint32_t frame, uint32_t link)
{
	__atomic_store_n(&h->link[frame], link, __ATOMIC_RELAXED);
}

static inline uint32_t mm_frame_link(const struct mm_hstate *h, uint32_t frame)
{
	return __atomic_load_n(&h->link[frame], __ATOMIC_RELAXED);
}

#endif
