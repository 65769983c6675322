/* SPDX-License-Identifier: MIT */
/*
 * Huge pages: pools of them, hugetlbfs files, and clearing them with several CPUs.
 *
 * Models mm/hugetlb.c and fs/hugetlbfs as far as jobs are concerned: nr_huge_pages, the allocation at boot, a
 * fault's way to a page, fallocate and punching holes; with clear_gigantic_page() and hugetlbfs_fallocate() as
 * the ktask series made them. There are no surplus pages, reservations or mappings.
 *
 * A machine has a pool of pages of 2 MiB and one of 1 GiB, empty at first. What is in a pool has been taken
 * from the page allocator, and until it goes back there the pool has a reference to it of its own: refcount 2 of
 * the block of 2 MiB, or of each page of 1 GiB. mmsim_free_pages() therefore refuses it, whoever has it: "has 2
 * references". The priv and refcount fields of its struct pages are the pool's.
 */
#ifndef MMSIM_HUGETLB_H
#define MMSIM_HUGETLB_H

#include <mmsim/api.h>
#include <mmsim/config.h>
#include <mmsim/page.h>

MMSIM_BEGIN_DECLS

/** The orders that pools have. */
#define MMSIM_HUGE_2M_ORDER 9
#define MMSIM_HUGE_1G_ORDER 18

/** Flags of mmsim_clear_huge_page(). */
enum {
	/** Natively: stores past the cache. Virtual mode takes as long either way. */
	MMSIM_CLEAR_STREAMING = 1 << 0,
};

/**
 * mmsim_clear_huge_page - clear a block of pages with several CPUs.
 * @page:        its first page; all of it is allocated, as one block or several.
 * @order:       0 to MMSIM_HUGE_1G_ORDER; page's pfn is a multiple of 2^order.
 * @max_threads: as in struct mmsim_ktask_ctl; 0: MMSIM_KTASK_DEFAULT_MAX_THREADS.
 * @flags:       MMSIM_CLEAR_STREAMING.
 *
 * One ktask on the node of the memory, with chunks of 256 KiB or more. Without MMSIM_BACK_PAGES there are no
 * bytes, and it only takes its time in virtual mode.
 *
 * Returns 0; -EINVAL, with a message, for unknown flags, an order out of range, a page that is no struct page
 * of the machine or not aligned to the order, or a block that is not allocated as a whole. Context: any;
 * waits; the caller holds the pages. Cost: a store of all bytes / threads. Since 0.1. Models
 * clear_gigantic_page().
 */
MMSIM_API int mmsim_clear_huge_page(struct mmsim *m, struct mmsim_page *page, unsigned order,
				    uint32_t max_threads, uint32_t flags);

/* Pools. Each of these returns -EINVAL, with a message, for an order that is neither of the two, and
 * -ENOMEM where there is no memory for a pool's books, which are made at its first use. */

/**
 * mmsim_hugetlb_set_nr - write nr_hugepages: make a pool this big.
 * @order: MMSIM_HUGE_2M_ORDER or MMSIM_HUGE_1G_ORDER.
 * @nr:    pages that the pool is to have, those in use included.
 *
 * Pages come from the nodes in turn and are given up in turn; 1 GiB are the lowest range of a node that is
 * free. They are not cleared. One at a time, on one CPU.
 *
 * Returns 0; -ENOMEM when the page allocator gave fewer: what it gave stays, see mmsim_hugetlb_info();
 * -EBUSY when more than nr are in use: those that were free are gone; -EINVAL, with a message, when the machine
 * is not booted. Context: any; waits. Cost: O(pages of 4 KiB moved). Since 0.1. Models set_max_huge_pages().
 */
MMSIM_API int mmsim_hugetlb_set_nr(struct mmsim *m, unsigned order, uint64_t nr);

/**
 * mmsim_hugetlb_boot - fill a pool with several CPUs, as the kernel does when it boots.
 * @order:       MMSIM_HUGE_2M_ORDER or MMSIM_HUGE_1G_ORDER.
 * @nr:          pages to add.
 * @max_threads: most threads, the caller's among them; 0: for 2 MiB twice as many as nodes with memory, for
 *               1 GiB as many as these.
 *
 * 2 MiB: a numa-aware multithreaded job (mmsim/padata.h) over the pages, min_chunk = nr / threads; each chunk
 * takes pages from the nodes in turn, beginning with its thread's own, prepares their struct pages and adds
 * them to the pool all at once. 1 GiB: the ranges are found by the caller, then a job over the nodes prepares
 * their struct pages.
 *
 * Returns 0; -ENOMEM when there were fewer, which stay; -EINVAL as above. Context: any; waits. Cost: 64 bytes
 * stored per page of 4 KiB, / threads. Since 0.1. Models hugetlb_hstate_alloc_pages() and
 * gather_bootmem_prealloc() since Linux 6.9.
 */
MMSIM_API int mmsim_hugetlb_boot(struct mmsim *m, unsigned order, uint64_t nr,
				 uint32_t max_threads);

/** A pool. */
struct mmsim_hugetlb_info {
	uint64_t nr_huge_pages; /* free, taken, and in files */
	uint64_t free_huge_pages;
	uint64_t node_nr[MMSIM_MAX_NODES]; /* the same two by node */
	uint64_t node_free[MMSIM_MAX_NODES];
};

/**
 * mmsim_hugetlb_info - read a pool's books.
 * @info: receives them; unchanged on failure.
 *
 * Returns 0, -EINVAL, -ENOMEM as all of these; -EINVAL, with a message, also for a NULL @info. Context: any; takes
 * hugetlb_lock. Cost: O(nodes). Since 0.1.
 * Models /sys/kernel/mm/hugepages.
 */
MMSIM_API int mmsim_hugetlb_info(struct mmsim *m, unsigned order, struct mmsim_hugetlb_info *info);

/**
 * mmsim_hugetlb_alloc - take a page out of a pool.
 * @nid: the node it should be of, or MMSIM_NUMA_NO_NODE for that of the caller's CPU.
 *
 * One of that node if it has a free one, else of the nearest that has. It is not cleared.
 * Returns its first struct page, to be given back by mmsim_hugetlb_free(); NULL when the pool has none
 * left, and, with a message, for a bad order or node. Context: any; takes hugetlb_lock. Cost: O(nodes).
 * Since 0.1. Models dequeue_hugetlb_folio_nodemask().
 */
MMSIM_API struct mmsim_page *mmsim_hugetlb_alloc(struct mmsim *m, int nid,
						 unsigned order) MMSIM_MUST_CHECK;

/**
 * mmsim_hugetlb_free - give a page back to its pool.
 * @page: what mmsim_hugetlb_alloc() returned.
 *
 * Returns 0; -EBUSY when a file has it; -EINVAL when it is no page of that pool, not its first struct page, or
 * free already, also when two threads free it at the same moment; each with a message, and nothing is changed.
 * Context: any; takes hugetlb_lock. Cost: O(1). Since 0.1. Models free_huge_folio().
 */
MMSIM_API int mmsim_hugetlb_free(struct mmsim *m, struct mmsim_page *page, unsigned order);

/**
 * mmsim_compound_head - the first struct page of the huge page that this one belongs to.
 *
 * Returns page itself if it is no tail of a pool's page, NULL for what is no struct page of the machine.
 * Context: any. Cost: O(1). Since 0.1. Models compound_head().
 */
MMSIM_API struct mmsim_page *mmsim_compound_head(const struct mmsim *m, struct mmsim_page *page);

/**
 * mmsim_hugetlb_validate - check pools and files of an idle machine against their invariants.
 *
 * Stops the program with the invariant's name if one is broken. Context: while nobody else uses the machine.
 * Cost: O(frames). Since 0.1.
 */
MMSIM_API void mmsim_hugetlb_validate(struct mmsim *m);

/* Files */

struct mmsim_hugetlb_file;

/**
 * mmsim_hugetlb_file_create - a hugetlbfs file of nr empty slots, each for a huge page.
 * @order: of its pages.
 * @nr:    1 to 2^32.
 * @out:   receives it; NULL on failure. To be destroyed before the machine, or with it.
 *
 * Returns 0; -EINVAL, with a message, for a bad order or nr, or a NULL @out; -ENOMEM, with a message when the host
 * has less memory available than the slots may need, 8 bytes each. Context: any. Cost: O(nr). Since 0.1.
 */
MMSIM_API int mmsim_hugetlb_file_create(struct mmsim *m, unsigned order, uint64_t nr,
					struct mmsim_hugetlb_file **out) MMSIM_MUST_CHECK;

/** mmsim_hugetlb_file_destroy - its pages go back to the pool. file may be NULL. Since 0.1. */
MMSIM_API void mmsim_hugetlb_file_destroy(struct mmsim_hugetlb_file *file);

/**
 * mmsim_hugetlb_fallocate - fill the empty slots of a range.
 * @first, @nr:  slots.
 * @max_threads: as in struct mmsim_ktask_ctl; 0: MMSIM_KTASK_DEFAULT_MAX_THREADS.
 * @min_chunk:   the fewest slots worth giving to a thread; 0: as many as are 128 MiB, at least 1.
 *
 * A ktask over the slots. Each, under the mutex that its hash picks from a table of 8 per CPU, rounded up to a
 * power of two: is left alone if it has a page; otherwise gets one, of the thread's own node if there is one,
 * which is cleared first. Several calls, and holes being punched, may overlap.
 *
 * Returns 0; -ENOSPC when the pool ran dry: then each slot that this call filled and that nobody has emptied
 * since is empty again, and pool and file are as if it had not been made; -EINVAL for nr 0, -EFBIG for a
 * range that ends beyond the file, both with a message. Context: any; waits. Cost: clearing nr pages /
 * threads. Since 0.1. Models hugetlbfs_fallocate().
 */
MMSIM_API int mmsim_hugetlb_fallocate(struct mmsim_hugetlb_file *file, uint64_t first, uint64_t nr,
				      uint32_t max_threads, uint64_t min_chunk);

/**
 * mmsim_hugetlb_punch_hole - empty the slots of a range; their pages go back to the pool.
 *
 * Returns 0, also if they were empty; -EINVAL and -EFBIG as mmsim_hugetlb_fallocate(). Context: any; waits.
 * Cost: O(nr). Since 0.1. Models hugetlbfs_punch_hole().
 */
MMSIM_API int mmsim_hugetlb_punch_hole(struct mmsim_hugetlb_file *file, uint64_t first,
				       uint64_t nr);

/**
 * mmsim_hugetlb_file_page - the page in a slot.
 *
 * Returns its first struct page, which stays the file's; NULL if the slot is empty or beyond the end.
 * Context: any. Cost: O(1). Since 0.1.
 */
MMSIM_API struct mmsim_page *mmsim_hugetlb_file_page(struct mmsim_hugetlb_file *file,
						     uint64_t index);

/** mmsim_hugetlb_file_nr_pages - how many slots have a page. Context: any. Cost: O(1). Since 0.1. */
MMSIM_API uint64_t mmsim_hugetlb_file_nr_pages(struct mmsim_hugetlb_file *file);

MMSIM_END_DECLS

#endif
