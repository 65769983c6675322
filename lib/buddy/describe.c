/* SPDX-License-Identifier: MIT */
/*
 * The state of a page in words, for the message of a refused free.
 *
 * Read without locks: the page may change meanwhile, and nothing is decided by what is read here.
 */
#include "buddy.h"

#include <inttypes.h>
#include <stdio.h>

struct look {
	bool is_free, owned, listed, reserved;
	unsigned order;
};

/*
 * What a page looks like at this moment. Whoever owns it, or the lock of its list, may be writing these
 * fields: the answer is for a reader, so any mixture of old and new will do, and ThreadSanitizer is told
 * not to look.
 */
static __attribute__((noinline, no_sanitize("thread"))) struct look
look_at(const volatile struct mmsim_page *page)
{
	bool is_free = page->page_type == MMSIM_PGTY_BUDDY;

	return (struct look){
		.is_free = is_free,
		.owned = page->refcount != 0 && page->order <= MMSIM_MAX_PAGE_ORDER,
		.listed = page->lru.next != NULL,
		.reserved = page->flags >> MMSIM_PG_RESERVED & 1,
		.order = is_free ? (unsigned)page->priv : page->order,
	};
}

/* The free or allocated block that holds pfn, as far as the first pages of the blocks tell. */
static bool find_block(const struct mm_buddy *b, uint64_t pfn, uint64_t *first, struct look *look)
{
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		*first = pfn & ~((UINT64_C(1) << o) - 1);
		if (!mm_pfn_valid(b->map, *first))
			return false;
		*look = look_at(mm_pfn_to_page(b->map, *first));
		if (look->order >= o && (look->is_free || look->owned))
			return true;
	}
	return false;
}

void mm_buddy_describe(const struct mm_buddy *b, uint64_t pfn, char *buf, size_t len)
{
	struct look page, head;
	uint64_t first;

	if (!mm_pfn_valid(b->map, pfn)) {
		snprintf(buf, len, "pfn %#" PRIx64 " is in a hole", pfn);
		return;
	}
	page = look_at(mm_pfn_to_page(b->map, pfn));
	if (page.reserved)
		snprintf(buf, len, "pfn %#" PRIx64 " is reserved or in a hole", pfn);
	else if (!find_block(b, pfn, &first, &head))
		snprintf(buf, len, "pfn %#" PRIx64 " is %s", pfn,
			 page.listed ? "free, on a per-CPU list" : "not initialised yet");
	else if (head.is_free)
		snprintf(buf, len, "pfn %#" PRIx64 " is free, in the order-%u block at %#" PRIx64,
			 pfn, head.order, first);
	else if (first != pfn)
		snprintf(buf, len,
			 "pfn %#" PRIx64 " is a tail of the order-%u block allocated at %#" PRIx64,
			 pfn, head.order, first);
	else
		snprintf(buf, len, "pfn %#" PRIx64 " is allocated with order %u", pfn, head.order);
}
