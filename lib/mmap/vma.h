/* SPDX-License-Identifier: MIT */
/*
 * The areas of an address space, in order of their addresses.
 *
 * Counterpart: struct vm_area_struct, mm/vma.c, as far as they are about ranges. Differences: a red-black
 * tree that keeps the largest gap of each subtree, as before the maple tree (6.1); an area's flags are
 * those of mmsim_mmap(); a gap need not be longer than what is to be aligned in it. Nothing here knows of
 * page tables.
 *
 *  A1: areas are not empty, begin and end at pages, do not overlap, and are sorted by address.
 *  A2: gap is the bytes from the end of the area before (or the bottom, 0) to start; subtree_gap is the
 *      largest of the subtree.
 *  A3: nr is the number of areas, pages the sum of their pages.
 *  A4: an area of a file is on the file's list of areas exactly while it is in a tree or being taken down;
 *      its bounds change under the file's i_mmap lock only.
 *
 * Locking: mmap_lock for writing to change the tree, for reading to look. Cost: O(log areas).
 */
#ifndef MM_MMAP_VMA_H
#define MM_MMAP_VMA_H

#include "list.h"
#include "meta.h"
#include "rbtree.h"
#include <mmsim/mm.h>

/* Of vma->flags, beside those of mmsim_mmap(). */
enum {
	MM_VMA_HUGEPAGE = 1 << 16, /* VM_HUGEPAGE */
	MM_VMA_NOHUGEPAGE = 1 << 17,
	MM_VMA_KEPT = MMSIM_PROT_READ | MMSIM_PROT_WRITE | MMSIM_MAP_SHARED, /* of mmsim_mmap() */
};

struct mm_vma {
	struct mm_rb_node rb;
	uint64_t start, end;
	uint32_t flags;
	uint32_t anon; /* atomic: 1 once it has had anonymous pages, as anon_vma != NULL */
	struct mmsim_file *file; /* NULL: anonymous */
	uint64_t pgoff; /* page of the file that is at start; 0 if anonymous */
	uint64_t gap, subtree_gap; /* A2 */
	struct mmsim_mm *mm;
	mm_list file_link; /* A4 */
	mm_list detached; /* out of the tree, on its way to be unmapped */
};

struct mm_vma_tree {
	struct mm_rb_root root;
	uint64_t nr, pages; /* A3 */
};

void mm_mmap_vma_tree_init(struct mm_vma_tree *tree);

/* The area that holds addr or the next one above; NULL: none. Counterpart: find_vma(). */
struct mm_vma *mm_mmap_vma_find(const struct mm_vma_tree *tree, uint64_t addr);

/* The first area that overlaps [start, end); NULL: none. */
struct mm_vma *mm_mmap_vma_intersects(const struct mm_vma_tree *tree, uint64_t start, uint64_t end);

struct mm_vma *mm_mmap_vma_next(const struct mm_vma *vma);
struct mm_vma *mm_mmap_vma_prev(const struct mm_vma *vma);
struct mm_vma *mm_mmap_vma_first(const struct mm_vma_tree *tree);
struct mm_vma *mm_mmap_vma_last(const struct mm_vma_tree *tree);

/*
 * The highest multiple of align, a power of two, from which on `length` bytes in [low, high) are free. All
 * are pages, length is not 0. False: there is none. Cost: O(log areas), and as often again as a gap is long
 * enough but has no such multiple. Counterpart: vm_unmapped_area(), top-down.
 */
bool mm_mmap_vma_gap(const struct mm_vma_tree *tree, uint64_t length, uint64_t align, uint64_t low,
		     uint64_t high, uint64_t *addr);

/* Into the tree, where nothing is; out of it. The file's list is not touched. */
void mm_mmap_vma_insert(struct mm_vma_tree *tree, struct mm_vma *vma);
void mm_mmap_vma_erase(struct mm_vma_tree *tree, struct mm_vma *vma);

/* Other bounds, which overlap nobody's; pgoff moves with start. The caller sees to A4. */
void mm_mmap_vma_resize(struct mm_vma_tree *tree, struct mm_vma *vma, uint64_t start, uint64_t end);

/* Could `after`, which begins where `before` ends, be one with it? Counterpart: can_vma_merge_after(). */
bool mm_mmap_vma_mergeable(const struct mm_vma *before, const struct mm_vma *after);

/* A1-A3. Stops the program. */
void mm_mmap_vma_validate(const struct mm_vma_tree *tree);

static inline uint64_t mm_vma_pages(const struct mm_vma *vma)
{
	return (vma->end - vma->start) >> MMSIM_PAGE_SHIFT;
}

/* The page of the file at an address; 0 of anonymous memory. */
static inline uint64_t mm_vma_pgoff(const struct mm_vma *vma, uint64_t addr)
{
	return vma->file ? vma->pgoff + ((addr - vma->start) >> MMSIM_PAGE_SHIFT) : 0;
}

#endif
