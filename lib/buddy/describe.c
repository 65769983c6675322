/* SPDX-License-Identifier: MIT */
/*
 * The state of a page in words, for the message of a refused free.
 *
 * Read without locks: the page may change meanwhile, and nothing is decided by what is read here.
 */
#include "buddy.h"

#include <inttypes.h>
#include <stdio.h>

/* The free or allocated block that holds pfn, as far as the first pages of the blocks tell. */
static bool find_block(const struct mm_buddy *b, uint64_t pfn, uint64_t *first, unsigned *order,
		       bool *is_free)
{
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		uint64_t head = pfn & ~((UINT64_C(1) << o) - 1);
		const struct mmsim_page *page = mm_pfn_to_page(b->map, head);

		if (!mm_pfn_valid(b->map, head))
			return false;
		*is_free = mm_page_is_buddy(page);
		*order = *is_free ? (unsigned)page->priv : page->order;
		*first = head;
		if (*order >= o && (*is_free || __atomic_load_n(&page->refcount, __ATOMIC_RELAXED)))
			return true;
	}
	return false;
}

void mm_buddy_describe(const struct mm_buddy *b, uint64_t pfn, char *buf, size_t len)
{
	const struct mmsim_page *page;
	uint64_t first;
	unsigned order;
	bool is_free;

	if (!mm_pfn_valid(b->map, pfn)) {
		snprintf(buf, len, "pfn %#" PRIx64 " is in a hole", pfn);
		return;
	}
	page = mm_pfn_to_page(b->map, pfn);
	if (page->flags >> MMSIM_PG_RESERVED & 1)
		snprintf(buf, len, "pfn %#" PRIx64 " is reserved or in a hole", pfn);
	else if (!find_block(b, pfn, &first, &order, &is_free))
		snprintf(buf, len, "pfn %#" PRIx64 " is %s", pfn,
			 page->lru.next ? "free, on a per-CPU list" : "not initialised yet");
	else if (is_free)
		snprintf(buf, len, "pfn %#" PRIx64 " is free, in the order-%u block at %#" PRIx64,
			 pfn, order, first);
	else if (first != pfn)
		snprintf(buf, len,
			 "pfn %#" PRIx64 " is a tail of the order-%u block allocated at %#" PRIx64,
			 pfn, order, first);
	else
		snprintf(buf, len, "pfn %#" PRIx64 " is allocated with order %u", pfn, order);
}
