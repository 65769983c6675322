/* SPDX-License-Identifier: MIT */
/*
 * A file's pages in the cache, and the areas that map it.
 *
 * Counterpart: struct address_space, mm/filemap.c, folio_mkclean() of mm/rmap.c. mmsim/filemap.h says what
 * differs. Besides: a lookup takes the lock, as the count of references of a page that somebody else has got
 * meanwhile must not be touched; there is no lock per page, so what is written back loses PG_dirty before its
 * entries are cleaned.
 *
 *  L1: a page in the cache has mapping = the file, index = its page of the file, a reference of the cache's,
 *      order 0. mapping stays until the page is freed.
 *  L2: content of a page is raised by every store that reaches it; stored is what content was when it was
 *      last written back. A page that is not dirty, mapped by no entry that is dirty, and not being written
 *      back, has content = stored.
 *  L3: the areas on the file's list are those that map it (A4).
 *  L4: a rmap goes after the TLBs were flushed of its entry, an area off the list after its rmaps: so who
 *      finds a page not mapped knows that no store is on its way, and cleaning reaches every entry through
 *      which one can come.
 *
 * Locking: i_mmap, a mutex (MM_RANK_I_MMAP), guards the list of areas and their bounds, and a page while it
 * is written back; `lock` (MM_RANK_FILEMAP) the slots. content is atomic. Cost: a lookup is O(1), cleaning
 * a page O(areas).
 */
#ifndef MM_MMAP_FILEMAP_H
#define MM_MMAP_FILEMAP_H

#include "mmap.h"
#include "mutex.h"
#include <mmsim/filemap.h>

struct mm_file_slot {
	struct mmsim_page *page; /* atomic; NULL: not in the cache */
	uint64_t content; /* atomic: L2; stays when the page goes */
	uint64_t stored;
};

struct mmsim_file {
	struct mm_mmap *mmap;
	uint64_t nr_pages;
	struct mm_file_slot *slot; /* [nr_pages] */
	struct mm_spinlock lock;
	uint64_t nr_cached, nr_written; /* under lock */
	struct mm_mutex i_mmap;
	mm_list areas; /* vma->file_link: L3 */
	uint64_t nr_areas;
};

int mm_mmap_file_create(struct mm_mmap *mmap, uint64_t nr_pages, struct mmsim_file **out);
int mm_mmap_file_destroy(struct mmsim_file *file);

/* The page at index, brought if need be, with a reference. NULL: no memory. Counterpart: filemap_fault(). */
struct mmsim_page *mm_mmap_file_get(struct mmsim_file *file, uint64_t index);

/* The same if it is there. NULL: it is not. Counterpart: filemap_get_folio(). */
struct mmsim_page *mm_mmap_file_find(struct mmsim_file *file, uint64_t index);

/* The first index from `index` on that may have a page in the cache; nr_pages: there is none. */
uint64_t mm_mmap_file_next(const struct mmsim_file *file, uint64_t index);

/* The calls of mmsim/filemap.h, arguments checked. */
int mm_mmap_file_read(struct mmsim_file *file, uint64_t first, uint64_t nr);
uint64_t mm_mmap_file_sync(struct mmsim_file *file);
uint64_t mm_mmap_file_drop(struct mmsim_file *file);
void mm_mmap_file_info(struct mmsim_file *file, struct mmsim_file_info *out);

/* An area begins or ceases to map the file. */
void mm_mmap_file_link(struct mm_vma *vma);
void mm_mmap_file_unlink(struct mm_vma *vma);

/* An entry that maps the page was dirty. Counterpart: folio_mark_dirty(). */
void mm_mmap_file_mark_dirty(struct mmsim_page *page);

/* A store reached the page. */
static inline void mm_file_store(struct mmsim_page *page)
{
	struct mmsim_file *file = page->mapping;

	__atomic_add_fetch(&file->slot[page->index].content, 1, __ATOMIC_RELAXED);
}

static inline bool mm_page_is_file(const struct mmsim_page *folio)
{
	return __atomic_load_n(&folio->mapping, __ATOMIC_RELAXED) != NULL;
}

#endif
