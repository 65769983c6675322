/* SPDX-License-Identifier: MIT */
/*
 * vmap_area: a stretch of kernel addresses.
 *
 * It is in exactly one place at a time: the free tree, in use, waiting for a flush, in a pool, or on a list
 * of whoever is at it.
 *
 * Counterpart: struct vmap_area. Differences: what is used together lies on one line; it has a line of the
 * cost model.
 *
 *  A1: va_start < va_end, both whole pages; no two areas of a space overlap, wherever they are.
 *  A2: the node id in flags is that of the CPU that asked, or none; it is set while in use and stays until
 *      the area is in the free tree.
 *
 * Locking: that of the place where it is.
 */
#ifndef MM_VMAP_AREA_H
#define MM_VMAP_AREA_H

#include "exec.h"
#include "rbtree.h"
#include <mmsim/vmap.h>

struct mm_vm_struct;

/* Flags. From bit 8 on: node id + 1, or 0. */
enum {
	MM_VMAP_RAM = 1 << 0, /* of vm_map_ram() */
	MM_VMAP_BLOCK = 1 << 1, /* its addresses are given out by a vmap_block */
	MM_VMAP_MAPPED = 1 << 2, /* counted by page tables: see T2 in tables.h */
	MM_VMAP_ID_SHIFT = 8,
};

struct mm_vmap_area {
	uint64_t va_start, va_end; /* bytes */
	mm_list list; /* by address in the free tree; of a pool; of what waits; of whoever is at it */
	union {
		struct mm_vm_struct *vm; /* in use: what is behind it, or NULL */
		uint64_t subtree_max_size; /* in the free tree */
	};
	uint32_t flags;
	struct mm_line line; /* of all this */
	struct mm_rb_node rb; /* of the free tree or of a busy tree */
};

static inline uint64_t mm_va_size(const struct mm_vmap_area *va)
{
	return va->va_end - va->va_start;
}

static inline uint64_t mm_va_pages(const struct mm_vmap_area *va)
{
	return mm_va_size(va) / MMSIM_PAGE_SIZE;
}

/*
 * For others than the owner, under the busy lock: he may just map it for the first time, which sets a flag.
 */
static inline uint32_t mm_va_flags(const struct mm_vmap_area *va)
{
	return __atomic_load_n(&va->flags, __ATOMIC_RELAXED);
}

/* -1: none. */
static inline int mm_va_node_id(const struct mm_vmap_area *va)
{
	return (int)(va->flags >> MM_VMAP_ID_SHIFT) - 1;
}

static inline uint32_t mm_va_node_flags(unsigned id)
{
	return (id + 1) << MM_VMAP_ID_SHIFT;
}

#define mm_va_of_list(node) mm_container_of(node, struct mm_vmap_area, list)
#define mm_va_of_rb(node) mm_container_of(node, struct mm_vmap_area, rb)

/*
 * Sort a list by address, as the trees that the kernel keeps such areas in have them. Cost: O(n) if it is
 * sorted either way, else O(n log n).
 */
void mm_vmap_sort(mm_list *areas);

#endif
