/* SPDX-License-Identifier: MIT */
/* Pools of huge pages: their lists, and their size. */
#include "pool.h"

#include "gigantic.h"
#include <errno.h>

/* What the page allocator is asked for: counterpart htlb_alloc_mask(). */
#define HTLB_ALLOC_MASK \
	(MMSIM_GFP_HIGHUSER_MOVABLE | MMSIM___GFP_COMP | MMSIM___GFP_NOWARN | MMSIM___GFP_THISNODE)

/* struct pages of a huge page that its books are in: flags and list, subpool, cgroup. */
#define BOOK_PAGES 3

/* Free lists; hugetlb_lock is held */

/* Its struct pages are looked at and written: counterpart of account_new_hugetlb_folio() and its kin. */
static void charge_books(const struct mm_hugetlb *hg, const struct mm_hstate *h, uint32_t frame)
{
	mm_exec_charge(hg->exec, MM_CHARGE_TOUCH, mm_hstate_page(hg, h, frame),
		       BOOK_PAGES * sizeof(struct mmsim_page));
	mm_exec_charge(hg->exec, MM_CHARGE_LIST_MOVE, NULL, 1);
}

static void enqueue(struct mm_hugetlb *hg, struct mm_hstate *h, uint32_t frame)
{
	struct mm_hstate_node *node = &h->node[mm_hstate_node_of(hg, h, frame)];

	mm_assert(mm_spin_held(&hg->lock));
	mm_frame_set_link(h, frame, node->first);
	node->first = frame + 1;
	node->free_huge_pages++;
	h->free_huge_pages++;
	charge_books(hg, h, frame);
}

static bool dequeue(struct mm_hugetlb *hg, struct mm_hstate *h, unsigned nid, uint32_t as,
		    uint32_t *frame)
{
	struct mm_hstate_node *node = &h->node[nid];

	mm_assert(mm_spin_held(&hg->lock));
	if (node->first == MM_FRAME_LAST)
		return false;
	*frame = node->first - 1;
	node->first = mm_frame_link(h, *frame);
	mm_frame_set_link(h, *frame, as);
	node->free_huge_pages--;
	h->free_huge_pages--;
	charge_books(hg, h, *frame);
	return true;
}

static bool dequeue_nearest(struct mm_hugetlb *hg, struct mm_hstate *h, unsigned nid, uint32_t as,
			    uint32_t *frame)
{
	const struct mm_zonelist *list = &hg->buddy->zonelists[nid];
	unsigned last = MMSIM_MAX_NODES;

	for (unsigned i = 0; i < list->nr; i++) {
		unsigned node = list->zone[i]->node;

		if (node != last && dequeue(hg, h, node, as, frame))
			return true;
		last = node;
	}
	return false;
}

void mm_hugetlb_add(struct mm_hugetlb *hg, struct mm_hstate *h, uint32_t frame)
{
	h->nr_huge_pages++;
	h->node[mm_hstate_node_of(hg, h, frame)].nr_huge_pages++;
	enqueue(hg, h, frame);
}

/* A free page of this node leaves the pool. */
static bool remove_free(struct mm_hugetlb *hg, struct mm_hstate *h, unsigned nid, uint32_t *frame)
{
	if (!dequeue(hg, h, nid, MM_FRAME_NONE, frame))
		return false;
	h->nr_huge_pages--;
	h->node[nid].nr_huge_pages--;
	return true;
}

/* Taking and giving */

bool mm_hugetlb_take(struct mm_hugetlb *hg, struct mm_hstate *h, unsigned nid, uint32_t as,
		     uint32_t *frame)
{
	bool got;

	mm_spin_lock(&hg->lock);
	got = dequeue_nearest(hg, h, nid, as, frame);
	mm_spin_unlock(&hg->lock);
	return got;
}

bool mm_hugetlb_give(struct mm_hugetlb *hg, struct mm_hstate *h, uint32_t frame, uint32_t was)
{
	bool is;

	mm_spin_lock(&hg->lock);
	is = mm_frame_link(h, frame) == was;
	if (is)
		enqueue(hg, h, frame);
	mm_spin_unlock(&hg->lock);
	return is;
}

const char *mm_hugetlb_frame_state(const struct mm_hstate *h, uint32_t frame)
{
	switch (mm_frame_link(h, frame)) {
	case MM_FRAME_NONE:
		return "not of the pool";
	case MM_FRAME_TAKEN:
		return "taken";
	case MM_FRAME_IN_FILE:
		return "in a file";
	default:
		return "free in the pool";
	}
}

/* The size of a pool */

bool mm_hugetlb_has_memory(const struct mm_hugetlb *hg, unsigned nid)
{
	for (unsigned type = 0; type < MMSIM_NR_ZONES; type++)
		if (mm_zone_populated(mm_buddy_zone(hg->buddy, nid, type)))
			return true;
	return false;
}

static bool alloc_on(struct mm_hugetlb *hg, const struct mm_hstate *h, unsigned nid, uint64_t *pfn)
{
	struct mmsim_page *page;

	if (!mm_hugetlb_has_memory(hg, nid))
		return false;
	if (h->order > MMSIM_MAX_PAGE_ORDER)
		return mm_hugetlb_alloc_gigantic(hg->buddy, nid, h->order, pfn);
	page = mm_buddy_alloc_pages(hg->buddy, (int)nid, HTLB_ALLOC_MASK, h->order);
	if (page)
		*pfn = mm_page_to_pfn(hg->buddy->map, page);
	return page != NULL;
}

/* Each node in turn, from *nid on, which then is the one after. */
bool mm_hugetlb_alloc_fresh(struct mm_hugetlb *hg, const struct mm_hstate *h, unsigned *nid,
			    uint32_t *frame)
{
	unsigned nr = hg->buddy->nr_nodes;
	uint64_t pfn;

	for (unsigned i = 0; i < nr; i++) {
		unsigned at = *nid;

		*nid = (at + 1) % nr;
		if (alloc_on(hg, h, at, &pfn)) {
			*frame = (uint32_t)(pfn >> h->order);
			return true;
		}
	}
	return false;
}

static bool grow_by_one(struct mm_hugetlb *hg, struct mm_hstate *h)
{
	uint32_t frame;

	if (!mm_hugetlb_alloc_fresh(hg, h, &h->next_nid_to_alloc, &frame))
		return false;
	mm_hugetlb_prep(hg, h, frame);
	mm_spin_lock(&hg->lock);
	mm_hugetlb_add(hg, h, frame);
	mm_spin_unlock(&hg->lock);
	return true;
}

static bool shrink_by_one(struct mm_hugetlb *hg, struct mm_hstate *h)
{
	unsigned nr = hg->buddy->nr_nodes;
	bool removed = false;
	uint32_t frame;

	mm_spin_lock(&hg->lock);
	for (unsigned i = 0; i < nr && !removed; i++) {
		removed = remove_free(hg, h, h->next_nid_to_free, &frame);
		h->next_nid_to_free = (h->next_nid_to_free + 1) % nr;
	}
	mm_spin_unlock(&hg->lock);
	if (removed)
		mm_hugetlb_dissolve(hg, h, frame);
	return removed;
}

static uint64_t pool_size(struct mm_hugetlb *hg, const struct mm_hstate *h)
{
	uint64_t nr;

	mm_spin_lock(&hg->lock);
	nr = h->nr_huge_pages;
	mm_spin_unlock(&hg->lock);
	return nr;
}

int mm_hugetlb_set_nr(struct mm_hugetlb *hg, struct mm_hstate *h, uint64_t nr)
{
	int err = 0;

	mm_sync_mutex_lock(&h->resize_lock);
	while (!err && pool_size(hg, h) < nr) {
		err = grow_by_one(hg, h) ? 0 : -ENOMEM;
		mm_exec_resched(hg->exec);
	}
	while (!err && pool_size(hg, h) > nr) {
		err = shrink_by_one(hg, h) ? 0 : -EBUSY;
		mm_exec_resched(hg->exec);
	}
	mm_sync_mutex_unlock(&h->resize_lock);
	return err;
}
