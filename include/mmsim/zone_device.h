/* SPDX-License-Identifier: MIT */
/*
 * Memory of a device as pages: struct pages of zone Device, which the page allocator never sees.
 *
 * Models memremap_pages() and memmap_init_zone_device(), as DAX devices (persistent memory, CXL) use
 * them: a struct page for each page frame, reserved, with one reference that its user holds.
 * Differences: the kernel writes these struct pages on one thread, here as many as wanted may, which
 * has been asked for since 2018; the pages are those of a generic pagemap (device-dax) and never
 * compound; there is no memory behind them.
 *
 * A pagemap's page frame numbers begin at the first section boundary above the machine's RAM. Pagemaps
 * know nothing of each other: those of one machine begin at the same number.
 */
#ifndef MMSIM_ZONE_DEVICE_H
#define MMSIM_ZONE_DEVICE_H

#include <mmsim/api.h>
#include <mmsim/machine.h>
#include <mmsim/page.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/** What mmsim_page_zone_type() says of a device's page. */
#define MMSIM_ZONE_DEVICE ((enum mmsim_zone_type)MMSIM_NR_ZONES)

/** A device's page frames and their struct pages. */
struct mmsim_dev_pagemap;

/** How to write the struct pages; the default is ordinary stores, from one template per section. */
enum {
	/** Past the cache. */
	MMSIM_MEMMAP_STREAMING = 1 << 0,
	/**
	 * Each struct page made up anew, as the kernel does, instead of copied from a template (Li Zhe,
	 * 2026). Not together with MMSIM_MEMMAP_STREAMING.
	 */
	MMSIM_MEMMAP_ONE_BY_ONE = 1 << 1,
	/** Leave the first touch of the struct pages to their initialisation: a device's first bind. */
	MMSIM_MEMMAP_NO_PREFAULT = 1 << 2,
};

/**
 * mmsim_memremap_pages - struct pages for the memory of a device.
 * @nid: the node that the memory belongs to.
 * @nr_pages: page frames; a multiple of MMSIM_PAGES_PER_SECTION (128 MiB), not 0.
 * @max_threads: most threads to initialise them with, the caller's among them; 1: as the kernel; 0: the
 *               node's CPUs, or those of the machine if the node has none.
 * @flags: MMSIM_MEMMAP_STREAMING …
 * @pgmap: receives the pagemap, the caller's until mmsim_memunmap_pages(), which must come before
 *         mmsim_destroy(); NULL on failure.
 *
 * Maps an array of struct pages in the largest pages that the host gives, touches it, and initialises
 * it as mmsim_memmap_init_zone_device() does.
 *
 * Returns 0; with a message -EINVAL for a nid that is no node, an nr_pages that is 0 or does not end
 * with a section, unknown or contradictory flags, or a NULL pgmap; -ERANGE when the pages would lie
 * above MMSIM_MAX_PHYS; -ENOMEM when the struct pages could not be mapped or are more than the host has
 * available. Failure leaves nothing behind. Context: any; waits. Cost: 64 bytes touched and stored per
 * page. Since 0.1. Models memremap_pages().
 */
MMSIM_API int mmsim_memremap_pages(struct mmsim *m, unsigned nid, uint64_t nr_pages,
				   unsigned max_threads, uint32_t flags,
				   struct mmsim_dev_pagemap **pgmap) MMSIM_MUST_CHECK;

/**
 * mmsim_memmap_init_zone_device - initialise the struct pages of a pagemap once more.
 * @pgmap: nobody else uses it meanwhile.
 * @max_threads, @flags: as for mmsim_memremap_pages(); MMSIM_MEMMAP_NO_PREFAULT has no effect.
 *
 * As when a device is bound again: all fields of all struct pages are written. Several threads share
 * the work by sections as a ktask on the device's node does, see mmsim_ktask_run_numa() for how many
 * come.
 *
 * Returns 0; -EINVAL with a message for bad flags. Context: any; waits. Cost: 64 bytes stored per page.
 * Since 0.1. Models memmap_init_zone_device().
 */
MMSIM_API int mmsim_memmap_init_zone_device(struct mmsim *m, struct mmsim_dev_pagemap *pgmap,
					    unsigned max_threads, uint32_t flags);

/**
 * mmsim_memunmap_pages - the end of a pagemap and its struct pages.
 * @pgmap: NULL is allowed. Nobody uses it, or a struct page of it, any more.
 *
 * Context: any. Cost: unmapping. Since 0.1. Models memunmap_pages().
 */
MMSIM_API void mmsim_memunmap_pages(struct mmsim *m, struct mmsim_dev_pagemap *pgmap);

/** A pagemap, and how its struct pages were last initialised. */
struct mmsim_dev_pagemap_info {
	uint64_t start_pfn;
	uint64_t nr_pages;
	uint64_t init_ns; /* of the machine's clock */
	uint32_t max_threads; /* it was allowed; never 0 */
	uint32_t nid;
	struct mmsim_backing backing; /* of the struct pages; with what touching them took */
};

/**
 * mmsim_dev_pagemap_info - what a pagemap is.
 *
 * Context: any. Cost: O(1). Since 0.1.
 */
MMSIM_API void mmsim_dev_pagemap_info(const struct mmsim_dev_pagemap *pgmap,
				      struct mmsim_dev_pagemap_info *out);

/**
 * mmsim_dev_pagemap_page - the struct page of a device's page frame.
 *
 * Returns NULL for a pfn that is not the pagemap's. mmsim_pfn_to_page() knows only RAM. Context: any.
 * Cost: O(1). Since 0.1. Models pfn_to_page() of a device's page.
 */
MMSIM_API struct mmsim_page *mmsim_dev_pagemap_page(const struct mmsim_dev_pagemap *pgmap,
						    uint64_t pfn);

/**
 * mmsim_dev_pagemap_pfn - and back.
 * @page: of this pagemap; anything else gives a meaningless number.
 *
 * Context: any. Cost: O(1). Since 0.1. Models page_to_pfn().
 */
MMSIM_API uint64_t mmsim_dev_pagemap_pfn(const struct mmsim_dev_pagemap *pgmap,
					 const struct mmsim_page *page);

/** The pagemap of a device's page; NULL of any other. Models page_pgmap(). */
static inline struct mmsim_dev_pagemap *mmsim_page_pgmap(const struct mmsim_page *page)
{
	if (mmsim_page_zone_type(page) != MMSIM_ZONE_DEVICE)
		return NULL;
	/* Where pages of RAM have the next of their list. */
	return (struct mmsim_dev_pagemap *)(void *)page->lru.next;
}

MMSIM_END_DECLS

#endif
