/* SPDX-License-Identifier: MIT */
/*
 * Files in the page cache, for address spaces to map (mmsim/mm.h).
 *
 * A file has a size in pages, and pages in the cache that come when somebody touches them. Pages are the
 * cache's: unmapping does not free them. What is in a page is one number, how many stores it has seen,
 * and the file remembers of each page which number was written back: so a store that was lost is found.
 *
 * Models mm/filemap.c and the parts of mm/page-writeback.c and mm/rmap.c that clean pages. Differences: an
 * array instead of an xarray; there is no disk, writing back takes no time; nothing is read ahead; a store
 * does not ask the file system: whether a page is dirty is known from the entries that map it, as for
 * shmem, until the first writing back.
 *
 * Threads: any number may be at one file. A file is there before areas map it and gone before its machine
 * is reset or destroyed.
 */
#ifndef MMSIM_FILEMAP_H
#define MMSIM_FILEMAP_H

#include <mmsim/api.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

struct mmsim_file;

/** Pages of a file at most: 16 TiB. */
#define MMSIM_FILE_MAX_PAGES (UINT64_C(1) << 32)

/** What a file has in the cache. */
struct mmsim_file_info {
	uint64_t nr_pages; /* size */
	uint64_t cached; /* pages in the cache */
	/* Of these, known to have been stored to: while only an entry is dirty, its page does not count. */
	uint64_t dirty;
	uint64_t mapped; /* of these, in at least one page table */
	uint64_t areas; /* that map the file */
	uint64_t written; /* pages written back so far */
};

/**
 * mmsim_file_create - a file with nothing in the cache.
 * @nr_pages: size, 1 to MMSIM_FILE_MAX_PAGES.
 * @out: receives it, the caller's until mmsim_file_destroy(); NULL on failure.
 *
 * Returns 0; -EINVAL for a NULL or a size out of range, with a message; -ENOMEM. Context: any.
 * Cost: O(nr_pages), 24 bytes each. Since 0.1.
 */
MMSIM_API int mmsim_file_create(struct mmsim *m, uint64_t nr_pages, struct mmsim_file **out);

/**
 * mmsim_file_destroy - drop its pages, written back or not, and free it. NULL is allowed.
 *
 * Nobody else uses it. Returns 0; -EBUSY with a message if an area still maps it: then nothing is changed.
 * Context: any; waits. Cost: O(nr_pages). Since 0.1. Models truncate_inode_pages_final().
 */
MMSIM_API int mmsim_file_destroy(struct mmsim_file *file);

/**
 * mmsim_file_read - bring pages into the cache, as read(2) or readahead does.
 * @first, @nr: pages, inside the file.
 *
 * Returns 0; -EINVAL for a NULL, nr 0, or a range not inside the file; -EBUSY if the machine is not booted;
 * -ENOMEM: those before the one that failed are there. Context: any; waits. Cost: O(nr). Since 0.1. Models
 * page_cache_ra_unbounded().
 */
MMSIM_API int mmsim_file_read(struct mmsim_file *file, uint64_t first, uint64_t nr);

/**
 * mmsim_file_sync - write back every dirty page.
 *
 * Entries that map one lose their dirty bit and the right to store, TLBs are told, and then the page is
 * written. What was stored before the call is written when it returns; what is stored meanwhile may be.
 * Returns how many pages it wrote, 0 for a NULL. Context: any; waits. Cost: O(nr_pages + mapped pages *
 * areas). Since 0.1. Models filemap_write_and_wait(), folio_mkclean().
 */
MMSIM_API uint64_t mmsim_file_sync(struct mmsim_file *file);

/**
 * mmsim_file_drop - give back the pages that are clean and not mapped.
 *
 * Returns how many went, 0 for a NULL. Stops the program with the invariant's name if one of them has seen
 * a store that was not written back. Context: any; waits. Cost: O(nr_pages). Since 0.1. Models
 * invalidate_mapping_pages().
 */
MMSIM_API uint64_t mmsim_file_drop(struct mmsim_file *file);

/**
 * mmsim_file_info - what it has. Exact while nobody is at it.
 *
 * Returns 0, or -EINVAL for a NULL. Context: any; waits. Cost: O(nr_pages). Since 0.1.
 */
MMSIM_API int mmsim_file_info(struct mmsim_file *file, struct mmsim_file_info *out);

MMSIM_END_DECLS

#endif
