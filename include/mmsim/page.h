/* SPDX-License-Identifier: MIT */
/*
 * struct page: what the machine knows about one 4 KiB page frame.
 *
 * Models struct page of include/linux/mm_types.h on a 64-bit kernel with SPARSEMEM_VMEMMAP: 64
 * bytes, the same fields at the same offsets for what is modelled. Differences: `private` is
 * spelt `priv` (C++), the last eight bytes hold what debug builds of the kernel keep in page_ext
 * (the order an allocated block was handed out with, so that a wrong free is refused), and the
 * section number is in the flags word although vmemmap does not need it.
 *
 * The array is one range of virtual addresses indexed by pfn, mapped only where memory is, so
 * pfn <-> page is one addition.
 *
 * Read these fields freely from a debugger or a stopped program. While a machine runs they belong
 * to whoever owns the page: the allocator while it is free, the caller of mmsim_alloc_pages()
 * afterwards; the caller may use priv, index and mapping.
 */
#ifndef MMSIM_PAGE_H
#define MMSIM_PAGE_H

#include <mmsim/api.h>
#include <mmsim/gfp.h>
#include <stdbool.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

struct mmsim_list_head {
	struct mmsim_list_head *next, *prev;
};

struct mmsim_page {
	uint64_t flags; /* PG_ bits | zone | node | section, see below */
	struct mmsim_list_head lru; /* free list or per-CPU list while free */
	void *mapping;
	uint64_t index; /* on a per-CPU list: the number of the list */
	uint64_t priv; /* in the buddy: the order of the free block, on its first page */
	union {
		int32_t mapcount; /* -1: not mapped */
		uint32_t page_type; /* top byte says the type; ~0: none */
	};
	int32_t refcount; /* 0: free, or the tail of a block */
	uint8_t order; /* on the first page of an allocated block: its order; elsewhere anything */
	uint8_t movable; /* there too: 1 if it was asked for as Movable */
	uint8_t reserved[6]; /* zero */
};

/* PG_ flags that are used. */
#define MMSIM_PG_REFERENCED 2 /* used once since it came, of a page on the LRU lists */
#define MMSIM_PG_DIRTY 4 /* of a file: differs from what was written back */
#define MMSIM_PG_LRU 5 /* on an LRU list, so it could be moved; also as replay and ageing guess */
#define MMSIM_PG_HEAD 6 /* first page of a huge page whose other pages name it */
#define MMSIM_PG_ACTIVE 8 /* on an active LRU list */
#define MMSIM_PG_RESERVED 14 /* firmware, kernel image, hole: never in the allocator */

/* page_type of the first page of a block on a free list */
#define MMSIM_PGTY_BUDDY 0xf0000000u
/* of a page table, or of what an unmapping gathers */
#define MMSIM_PGTY_TABLE 0xf2000000u
#define MMSIM_PGTY_NONE 0xffffffffu

#define MMSIM_SECTION_SHIFT 42 /* 22 bits */
#define MMSIM_NODE_SHIFT 32 /* 10 bits */
#define MMSIM_ZONE_SHIFT 29 /* 3 bits */

static inline unsigned mmsim_page_node(const struct mmsim_page *page)
{
	return (unsigned)(page->flags >> MMSIM_NODE_SHIFT) & 0x3ffu;
}

static inline enum mmsim_zone_type mmsim_page_zone_type(const struct mmsim_page *page)
{
	return (enum mmsim_zone_type)((page->flags >> MMSIM_ZONE_SHIFT) & 0x7u);
}

static inline unsigned mmsim_page_section(const struct mmsim_page *page)
{
	return (unsigned)(page->flags >> MMSIM_SECTION_SHIFT);
}

/**
 * mmsim_pfn_valid - does this page frame number have a struct page?
 *
 * True for RAM, and for holes and reserved ranges that share a 2 MiB subsection with RAM (their
 * pages are PG_reserved). False everywhere else: such a pfn has no memory behind its struct page.
 *
 * Context: any; never waits. Cost: O(1), two loads. Since 0.1.
 * Models pfn_valid() (include/linux/mmzone.h).
 */
MMSIM_API bool mmsim_pfn_valid(const struct mmsim *m, uint64_t pfn);

/**
 * mmsim_pfn_to_page - the struct page of a page frame number.
 *
 * Returns NULL where mmsim_pfn_valid() is false. The page belongs to the machine.
 * Context: any; never waits. Cost: O(1). Since 0.1. Models pfn_to_page().
 */
MMSIM_API struct mmsim_page *mmsim_pfn_to_page(const struct mmsim *m, uint64_t pfn);

/**
 * mmsim_page_to_pfn - the page frame number of a struct page of this machine.
 *
 * @page must come from this machine; anything else gives a meaningless number.
 * Context: any; never waits. Cost: O(1). Since 0.1. Models page_to_pfn().
 */
MMSIM_API uint64_t mmsim_page_to_pfn(const struct mmsim *m, const struct mmsim_page *page);

/**
 * mmsim_page_address - where the bytes of the page frame are in this process.
 *
 * Returns NULL unless the machine was created with MMSIM_BACK_PAGES. 4096 << order bytes are
 * usable behind the first page of a block of that order. Reading and writing them is the caller's
 * right while it holds the page.
 * Context: any; never waits. Cost: O(1). Since 0.1. Models page_address().
 */
MMSIM_API void *mmsim_page_address(const struct mmsim *m, const struct mmsim_page *page);

MMSIM_END_DECLS

#endif
