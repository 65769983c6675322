/* SPDX-License-Identifier: MIT */
/*
 * A naive model of address spaces and files: an array of pages for each address space, worked through page by
 * page. It knows nothing of the library but what mmsim/mm.h and mmsim/filemap.h promise.
 *
 * An address space is a window of pages that ends at the highest address. Each page that is there has an id;
 * pages of several address spaces with one id are one page. A file's page has an id of its own for ever.
 *
 * With huge pages more may be there than was touched, and shared where the model knows of nothing. Then it
 * knows of the pages that were touched, and of those that are `own`, which are nobody else's and stay.
 */
#ifndef TEST_NAIVE_MM_H
#define TEST_NAIVE_MM_H

#include <mmsim/mmsim.h>
#include <errno.h>
#include <string.h>

enum {
	NAIVE_PAGES = 3072, /* of the window: huge pages fit */
	NAIVE_MMS = 4,
	NAIVE_FILES = 2,
	NAIVE_FILE_PAGES = 96,
	NAIVE_ANON = 1 + NAIVE_FILES * NAIVE_FILE_PAGES, /* the first id that is no file's */
	NAIVE_RIGHTS = MMSIM_PROT_READ | MMSIM_PROT_WRITE,
};

struct naive_page {
	bool mapped;
	uint32_t flags; /* rights, MMSIM_MAP_SHARED */
	int advice; /* MMSIM_MADV_HUGEPAGE, MMSIM_MADV_NOHUGEPAGE or -1, as always of files */
	int file; /* -1: anonymous */
	unsigned index; /* of the file */
	uint32_t id; /* of what is there; 0: nothing */
	bool maybe; /* a fork may have copied it, or left it to faults: settle with naive_settle() */
	uint32_t own; /* stored to since the last fork: a number of its own for each time; else 0 */
};

struct naive_mm {
	bool used, gone;
	struct naive_page page[NAIVE_PAGES];
};

struct naive_file {
	bool cached[NAIVE_FILE_PAGES], dirty[NAIVE_FILE_PAGES];
	uint64_t written;
};

struct naive {
	uint64_t base; /* address of the window's first page */
	uint32_t last_id, last_own;
	struct naive_mm mm[NAIVE_MMS];
	struct naive_file file[NAIVE_FILES];
};

static inline void naive_init(struct naive *nv, uint64_t task_size)
{
	memset(nv, 0, sizeof(*nv));
	nv->base = task_size - (uint64_t)NAIVE_PAGES * MMSIM_PAGE_SIZE;
	nv->last_id = NAIVE_ANON;
}

static inline uint64_t naive_addr(const struct naive *nv, unsigned page)
{
	return nv->base + (uint64_t)page * MMSIM_PAGE_SIZE;
}

static inline uint32_t naive_file_id(const struct naive_page *p)
{
	return 1 + (uint32_t)p->file * NAIVE_FILE_PAGES + p->index;
}

static inline bool naive_is_file_page(const struct naive_page *p)
{
	return p->id && p->id < NAIVE_ANON;
}

static inline bool naive_is_shared(const struct naive_page *p)
{
	return p->flags & MMSIM_MAP_SHARED;
}

/* Has another address space what is at this page? Private pages are shared by fork only: at one address. */
static inline bool naive_others_have(const struct naive *nv, unsigned mm, unsigned page)
{
	for (unsigned i = 0; i < NAIVE_MMS; i++)
		if (i != mm && nv->mm[i].page[page].id == nv->mm[mm].page[page].id)
			return true;
	return false;
}

static inline void naive_store_private(struct naive *nv, unsigned mm, unsigned page)
{
	struct naive_page *p = &nv->mm[mm].page[page];

	if (!p->id || naive_is_file_page(p) || naive_others_have(nv, mm, page))
		p->id = nv->last_id++;
	if (!p->own)
		p->own = ++nv->last_own;
}

/* The file's page comes into the cache, also if a private store then copies it. */
static inline void naive_access_file(struct naive *nv, unsigned mm, unsigned page, bool write)
{
	struct naive_page *p = &nv->mm[mm].page[page];
	struct naive_file *file = &nv->file[p->file];

	if (!p->id) {
		p->id = naive_file_id(p);
		file->cached[p->index] = true;
	}
	if (write && naive_is_shared(p))
		file->dirty[p->index] = true;
	else if (write)
		naive_store_private(nv, mm, page);
}

static inline int naive_touch(struct naive *nv, unsigned mm, unsigned page, bool write)
{
	struct naive_page *p = &nv->mm[mm].page[page];

	if (!p->mapped || !(p->flags & (write ? MMSIM_PROT_WRITE : MMSIM_PROT_READ)))
		return -EFAULT;
	if (p->file >= 0 && p->index >= NAIVE_FILE_PAGES)
		return -EFAULT;
	if (p->file >= 0)
		naive_access_file(nv, mm, page, write);
	else if (write)
		naive_store_private(nv, mm, page);
	else if (!p->id)
		p->id = nv->last_id++;
	return 0;
}

static inline int naive_populate(struct naive *nv, unsigned mm, unsigned page, unsigned nr,
				 bool write)
{
	int err = 0;

	for (unsigned i = page; i < page + nr && !err; i++)
		err = naive_touch(nv, mm, i, write);
	return err;
}

static inline bool naive_is_free(const struct naive_mm *mm, unsigned page, unsigned nr)
{
	for (unsigned i = page; i < page + nr; i++)
		if (mm->page[i].mapped)
			return false;
	return true;
}

/* Is it on such a multiple? */
static inline bool naive_is_aligned(const struct naive *nv, unsigned page, uint64_t align)
{
	return naive_addr(nv, page) % align == 0;
}

/* The highest gap; -1: it is below the window. */
static inline int naive_gap(const struct naive *nv, unsigned mm, unsigned nr, uint64_t align)
{
	for (int page = NAIVE_PAGES - (int)nr; page >= 0; page--)
		if (naive_is_aligned(nv, (unsigned)page, align) &&
		    naive_is_free(&nv->mm[mm], (unsigned)page, nr))
			return page;
	return -1;
}

static inline void naive_unmap(struct naive *nv, unsigned mm, unsigned page, unsigned nr)
{
	memset(&nv->mm[mm].page[page], 0, nr * sizeof(struct naive_page));
}

/* Over whatever is there. */
static inline void naive_map(struct naive *nv, unsigned mm, unsigned page, unsigned nr,
			     uint32_t flags, int file, unsigned index)
{
	for (unsigned i = 0; i < nr; i++)
		nv->mm[mm].page[page + i] = (struct naive_page){
			.mapped = true,
			.flags = flags & (NAIVE_RIGHTS | MMSIM_MAP_SHARED),
			.advice = -1,
			.file = file,
			.index = file >= 0 ? index + i : 0,
		};
}

static inline void naive_empty(struct naive_page *p)
{
	p->id = p->own = 0;
	p->maybe = false;
}

static inline int naive_advise(struct naive *nv, unsigned mm, unsigned page, unsigned nr,
			       enum mmsim_advice advice)
{
	bool holes = false;

	for (unsigned i = page; i < page + nr; i++) {
		struct naive_page *p = &nv->mm[mm].page[i];

		if (!p->mapped)
			holes = true;
		else if (advice == MMSIM_MADV_DONTNEED)
			naive_empty(p);
		else if (p->file < 0)
			p->advice = (int)advice;
	}
	return holes ? -ENOMEM : 0;
}

/* Nothing stays that faults could bring: pages of files, but of an area with stores to it some may. */
static inline void naive_fork(struct naive *nv, unsigned mm, unsigned child)
{
	nv->mm[child] = nv->mm[mm];
	for (unsigned i = 0; i < NAIVE_PAGES; i++) {
		struct naive_page *p = &nv->mm[child].page[i];

		nv->mm[mm].page[i].own = p->own = 0;
		if (!naive_is_file_page(p))
			continue;
		p->maybe = !naive_is_shared(p);
		p->id = 0;
	}
}

static inline void naive_settle(struct naive_page *p, bool present)
{
	if (p->maybe && present)
		p->id = naive_file_id(p);
	p->maybe = false;
}

static inline void naive_exit(struct naive *nv, unsigned mm)
{
	naive_unmap(nv, mm, 0, NAIVE_PAGES);
	nv->mm[mm].gone = true;
}

/* Is a page of one area with the one before it? */
static inline bool naive_goes_on(const struct naive_mm *mm, unsigned page)
{
	const struct naive_page *p = &mm->page[page], *q = p - 1;

	return page && p->mapped && q->mapped && p->flags == q->flags && p->advice == q->advice &&
	       p->file == q->file && (p->file < 0 || p->index == q->index + 1);
}

/* Which pages of a file some address space has. */
static inline void naive_mapped(const struct naive *nv, int file, bool mapped[NAIVE_FILE_PAGES])
{
	uint32_t first = 1 + (uint32_t)file * NAIVE_FILE_PAGES;

	memset(mapped, 0, NAIVE_FILE_PAGES * sizeof(*mapped));
	for (unsigned mm = 0; mm < NAIVE_MMS; mm++)
		for (unsigned i = 0; i < NAIVE_PAGES; i++) {
			uint32_t id = nv->mm[mm].page[i].id;

			if (id >= first && id < first + NAIVE_FILE_PAGES)
				mapped[id - first] = true;
		}
}

static inline void naive_read(struct naive *nv, int file, unsigned first, unsigned nr)
{
	for (unsigned i = first; i < first + nr; i++)
		nv->file[file].cached[i] = true;
}

static inline uint64_t naive_sync(struct naive *nv, int file)
{
	struct naive_file *f = &nv->file[file];
	uint64_t written = 0;

	for (unsigned i = 0; i < NAIVE_FILE_PAGES; i++) {
		written += f->dirty[i];
		f->dirty[i] = false;
	}
	f->written += written;
	return written;
}

static inline uint64_t naive_drop(struct naive *nv, int file)
{
	struct naive_file *f = &nv->file[file];
	bool mapped[NAIVE_FILE_PAGES];
	uint64_t dropped = 0;

	naive_mapped(nv, file, mapped);
	for (unsigned i = 0; i < NAIVE_FILE_PAGES; i++)
		if (f->cached[i] && !f->dirty[i] && !mapped[i]) {
			f->cached[i] = false;
			dropped++;
		}
	return dropped;
}

#endif
