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

MMSIM_END_DECLS

#endif
