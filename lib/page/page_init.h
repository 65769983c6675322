/* SPDX-License-Identifier: MIT */
/*
 * Writing struct pages for the first time.
 *
 * Counterpart: __init_single_page(). Every field of every page is written, in one of two ways:
 * ordinary stores go through the cache, as the kernel's; streaming stores go past it and spare the
 * read that an ordinary store to a missing line costs, which pays once the struct pages are more
 * than the cache holds. Where the host has no streaming stores they are ordinary.
 *
 * I1: afterwards a page is not on a list, not mapped, of no type, in its section, node and zone. One of a
 *     device has its pgmap where others have the next of their list.
 */
#ifndef MM_PAGE_INIT_H
#define MM_PAGE_INIT_H

#include "exec.h"
#include "memmap.h"

/* What mmsim_page.order says until the page has been allocated once. */
#define MM_NO_ORDER UINT8_MAX

struct mm_page_init {
	struct mm_exec *exec;
	const struct mm_memmap *map;
	unsigned node;
	enum mmsim_zone_type zone;
	uint64_t flags; /* PG_ bits */
	int32_t refcount;
	void *pgmap; /* of zone Device; else NULL */
	bool streaming;
};

/* Initialise nr struct pages from pfn on. They are mapped. Cost: 64 bytes stored per page. */
void mm_page_init(const struct mm_page_init *init, uint64_t pfn, uint64_t nr);

#endif
