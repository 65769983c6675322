/* SPDX-License-Identifier: MIT */
/*
 * A huge page from the page allocator's pages and back: gigantic ones as ranges, and the struct pages of both
 * sizes.
 *
 * Counterpart: alloc_gigantic_folio(), prep_compound_page(), hugetlb_folio_init_tail_vmemmap(),
 * update_and_free_hugetlb_folio() of mm/hugetlb.c. Difference: for the page allocator a huge page stays what
 * it was handed out as, a block of order 9 or single pages in a row.
 *
 *  G5: priv of each tail of a pool's page names the first page, see mm_hugetlb_compound_head(); that of the
 *      first page is 0.
 *  G6: each block of the page allocator's that a pool's page is made of has the pool's reference beside the
 *      owner's, refcount 2, from prep to dissolve: the page allocator refuses to free it.
 */
#ifndef MM_HUGETLB_GIGANTIC_H
#define MM_HUGETLB_GIGANTIC_H

#include "hugetlb.h"

/*
 * The lowest aligned 2^order pages of a node that are all free, allocated one by one. False: there are none.
 * Cost: O(ranges of the node) looked at, O(2^order) for the one that is taken.
 */
bool mm_hugetlb_alloc_gigantic(struct mm_buddy *b, unsigned nid, unsigned order, uint64_t *pfn);

/* G5, G6. Of pages that are the caller's alone. Cost: all their struct pages stored. */
void mm_hugetlb_prep(struct mm_hugetlb *hg, const struct mm_hstate *h, uint32_t frame);

/* The opposite, then back to the page allocator. It is in no pool's books. */
void mm_hugetlb_dissolve(struct mm_hugetlb *hg, const struct mm_hstate *h, uint32_t frame);

/* The first page of the pool's page that this is a tail of; page itself if it is none. G5. */
struct mmsim_page *mm_hugetlb_compound_head(const struct mm_hugetlb *hg, struct mmsim_page *page);

#endif
