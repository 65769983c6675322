/* SPDX-License-Identifier: MIT */
/*
 * Looking at areas: /proc/vmallocinfo, reading what is mapped, finding who has an address.
 *
 * Counterpart: vmalloc_info_show(), vread_iter(), find_vm_area(). Differences: areas that wait come as they
 * are kept, with an index in the order in which they were freed, in a LOCAL space by size; what is read
 * stops behind the last area, see mmsim_vread().
 *
 *  I1: the text's length is returned, and of the text is written what fits, as by snprintf().
 *  I2: an area with MMSIM_VM_UNINITIALIZED is not looked into, printed or found: W4.
 *
 * Locking: the busy locks, for the look at each area: what is read of an area is copied under its lock, so
 * that its pages are not freed meanwhile; for a block's pages under the block's lock, and the busy lock is
 * not held. For areas that wait, lazy_lock or pool_lock. Cost: O(areas), O(bytes).
 */
#ifndef MM_VMAP_INFO_H
#define MM_VMAP_INFO_H

#include "vmap.h"

/* info.c. -ENOMEM: no memory to sort by (index). */
int64_t mm_vmap_text(struct mmsim_vmap *v, char *buf, size_t len);
int mm_vmap_find_vm_area(struct mmsim_vmap *v, uint64_t addr, struct mmsim_vm_area_info *out);

/* vread.c */
size_t mm_vmap_vread(struct mmsim_vmap *v, uint64_t addr, void *buf, size_t count);

#endif
