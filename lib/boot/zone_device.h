/* SPDX-License-Identifier: MIT */
/*
 * Struct pages for the memory of a device.
 *
 * Counterpart: memremap_pages() of mm/memremap.c, memmap_init_zone_device() of mm/mm_init.c; the
 * differences are in mmsim/zone_device.h. The array is one of its own, not a part of the machine's:
 * zones and the allocator need not know of it. It is no region of virtual mode either, as regions are
 * for ever: stores to it count as stores to the memory of the node of the CPU that makes them.
 *
 *  Z1: a pagemap is whole sections, above all RAM.
 *  Z2: once initialised, each of its struct pages is reserved, of zone Device, with one reference and
 *      its pgmap.
 *
 * Locking: none; a pagemap is its user's. Cost: 64 bytes stored per page.
 */
#ifndef MM_BOOT_ZONE_DEVICE_H
#define MM_BOOT_ZONE_DEVICE_H

#include "boot.h"
#include "ktask.h"
#include <mmsim/zone_device.h>

struct mmsim_dev_pagemap {
	uint64_t start, end; /* pfns */
	unsigned nid;
	struct mm_memmap map; /* its base and area only */
	unsigned max_threads; /* of the last initialisation, as below */
	uint64_t init_ns;
};

/* NULL: sound; else what is wrong, for a message, and an errno. */
const char *mm_boot_refuse_device(const struct mm_boot *boot, unsigned nid, uint64_t nr_pages,
				  uint32_t flags, int *err);

/* Sound arguments. Maps the struct pages, and touches them if asked to. 0 or -ENOMEM. */
int mm_boot_add_device(struct mm_boot *boot, unsigned nid, uint64_t nr_pages, uint32_t flags,
		       struct mmsim_dev_pagemap **out);
void mm_boot_remove_device(struct mm_boot *boot, struct mmsim_dev_pagemap *pgmap);

/* max_threads 0: all CPUs of the device's node. Waits. */
void mm_boot_init_device(struct mm_boot *boot, struct mm_ktask *kt, struct mmsim_dev_pagemap *pgmap,
			 unsigned max_threads, uint32_t flags);

#endif
