/* SPDX-License-Identifier: MIT */
/*
 * A machine with a few address spaces and files beside a naive model of them (naive_mm.h), and how the two
 * are compared: areas, pages and who shares them, rights, counters, files.
 *
 * Tasks must not assert: the first difference is noted, for the main stack. Include cmocka.h first.
 */
#ifndef TEST_MM_WORLD_H
#define TEST_MM_WORLD_H

#include "mm_rig.h"
#include "naive_mm.h"

enum { WORLD_PAGES = 24576 }; /* of the machine: more than all windows together have */

struct mm_world {
	struct mmsim *m;
	struct mmsim_mm *mm[NAIVE_MMS];
	struct mmsim_file *file[NAIVE_FILES];
	struct naive nv;
	bool huge_pages; /* there may be some */
	uint64_t random; /* state */
	unsigned cpu, calls; /* where calls are made, and how many so far */
	const char *call; /* the one under way */
	char failed[256]; /* the first difference */
	uint32_t id_at[WORLD_PAGES]; /* by page frame: which id of the model has been seen there */
	struct mmsim_page *page_of[NAIVE_ANON]; /* by id of a file's page */
};

/* xorshift64*: 0 to n - 1. */
static inline unsigned world_below(struct mm_world *w, unsigned n)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * UINT64_C(2685821657736338717)) >> 33) % n;
}

static inline bool world_same(struct mm_world *w, const char *what, int64_t got, int64_t naive)
{
	if (got == naive)
		return true;
	if (!w->failed[0])
		snprintf(w->failed, sizeof(w->failed), "%s: %s: %lld, naive: %lld", w->call, what,
			 (long long)got, (long long)naive);
	return false;
}

/* Of one page, or not at all. */
static inline bool world_holds(struct mm_world *w, const char *what, unsigned mm, unsigned page,
			       bool cond)
{
	if (!cond && !w->failed[0])
		snprintf(w->failed, sizeof(w->failed), "%s: not so: %s (mm %u page %u)", w->call,
			 what, mm, page);
	return cond;
}

static inline bool world_area_is_naive(struct mm_world *w, unsigned mm, unsigned page,
				       const struct mmsim_area_info *area)
{
	const struct naive_page *p = &w->nv.mm[mm].page[page];
	unsigned end = page + 1;

	while (end < NAIVE_PAGES && naive_goes_on(&w->nv.mm[mm], end))
		end++;
	return world_same(w, "start of an area", (int64_t)area->start,
			  (int64_t)naive_addr(&w->nv, page)) &&
	       world_same(w, "end of an area", (int64_t)area->end,
			  (int64_t)naive_addr(&w->nv, end)) &&
	       world_same(w, "flags", area->flags, p->flags) &&
	       world_same(w, "hugepage", area->hugepage, p->advice == MMSIM_MADV_HUGEPAGE) &&
	       world_same(w, "nohugepage", area->nohugepage, p->advice == MMSIM_MADV_NOHUGEPAGE) &&
	       world_holds(w, "its file", mm, page,
			   area->file == (p->file < 0 ? NULL : w->file[p->file])) &&
	       world_same(w, "offset", (int64_t)area->offset, (int64_t)(p->index * RIG_PAGE));
}

static inline void world_compare_areas(struct mm_world *w, unsigned mm)
{
	struct mmsim_mm_info info;
	struct mmsim_area_info area;
	uint64_t next = 0, nr = 0, pages = 0;

	for (unsigned i = 0; i < NAIVE_PAGES; i++) {
		pages += w->nv.mm[mm].page[i].mapped;
		if (!w->nv.mm[mm].page[i].mapped || naive_goes_on(&w->nv.mm[mm], i))
			continue;
		nr++;
		if (!world_same(w, "mmsim_area_info", mmsim_area_info(w->mm[mm], next, &area), 0) ||
		    !world_area_is_naive(w, mm, i, &area))
			return;
		next = area.end;
	}
	world_same(w, "past the last area", mmsim_area_info(w->mm[mm], next, &area), -ENOENT);
	world_same(w, "mmsim_mm_info", mmsim_mm_info(w->mm[mm], &info), 0);
	world_same(w, "map_count", (int64_t)info.map_count, (int64_t)nr);
	world_same(w, "total_vm", (int64_t)info.total_vm, (int64_t)pages);
}

/* A page frame has one id, and a file's page one frame. */
static inline void world_compare_identity(struct mm_world *w, unsigned mm, unsigned page,
					  struct mmsim_page *at)
{
	uint32_t id = w->nv.mm[mm].page[page].id;
	uint32_t *seen = &w->id_at[mmsim_page_to_pfn(w->m, at) - SIM_NORMAL];

	if (*seen)
		world_same(w, "who has this page frame", *seen, id);
	*seen = id;
	if (id >= NAIVE_ANON)
		return;
	world_holds(w, "a page of a file is one page", mm, page,
		    !w->page_of[id] || w->page_of[id] == at);
	w->page_of[id] = at;
}

/* Could a store here reach anybody else's memory, or be lost to the file? */
static inline void world_compare_rights(struct mm_world *w, unsigned mm, unsigned page,
					const struct mmsim_mapping *at)
{
	const struct naive_page *p = &w->nv.mm[mm].page[page];
	bool shared = naive_is_shared(p);

	if (at->writable)
		world_holds(w, "a store is allowed", mm, page,
			    (p->flags & MMSIM_PROT_WRITE) &&
				    (shared || (!naive_is_file_page(p) &&
						(!p->id || !naive_others_have(&w->nv, mm, page)))));
	if (shared && at->dirty)
		world_holds(w, "a dirty entry of a dirty page", mm, page,
			    w->nv.file[p->file].dirty[p->index]);
}

/* Sharing, one way: with huge pages others may share what the model does not know of. */
static inline void world_compare_others(struct mm_world *w, unsigned mm, unsigned page,
					const struct mmsim_mapping *at)
{
	const struct naive_page *p = &w->nv.mm[mm].page[page];
	struct mmsim_mapping other;

	for (unsigned i = 0; i < NAIVE_MMS; i++) {
		if (i == mm || !w->nv.mm[i].page[page].mapped ||
		    mmsim_mm_lookup(w->mm[i], naive_addr(&w->nv, page), &other))
			continue;
		if (!w->huge_pages && p->id == w->nv.mm[i].page[page].id)
			world_holds(w, "both have one page", mm, page, other.page == at->page);
		if (p->own || (at->writable && !naive_is_shared(p)))
			world_holds(w, "nobody else has it", mm, page, other.page != at->page);
	}
}

/* Returns whether it is there. */
static inline bool world_compare_page(struct mm_world *w, unsigned mm, unsigned page)
{
	const struct naive_page *p = &w->nv.mm[mm].page[page];
	bool more = w->huge_pages && p->mapped && p->file < 0; /* than was touched */
	struct mmsim_mapping at;
	bool there = !mmsim_mm_lookup(w->mm[mm], naive_addr(&w->nv, page), &at);

	if (!world_holds(w, "it is there", mm, page, there || !p->id) ||
	    !world_holds(w, "nothing is there", mm, page, !there || p->id || more) || !there)
		return there;
	world_holds(w, "its order", mm, page, at.order == 0 || more);
	world_compare_rights(w, mm, page, &at);
	if (!w->huge_pages || naive_is_file_page(p))
		world_compare_identity(w, mm, page, at.page);
	world_compare_others(w, mm, page, &at);
	return true;
}

static inline void world_compare_mm(struct mm_world *w, unsigned mm)
{
	struct mmsim_mm_info info;
	uint64_t pages = 0, file_pages = 0;

	world_compare_areas(w, mm);
	for (unsigned i = 0; i < NAIVE_PAGES && !w->failed[0]; i++) {
		file_pages += naive_is_file_page(&w->nv.mm[mm].page[i]);
		pages += world_compare_page(w, mm, i);
	}
	mmsim_mm_info(w->mm[mm], &info);
	world_same(w, "file_pages", (int64_t)info.file_pages, (int64_t)file_pages);
	world_same(w, "anon_pages", (int64_t)info.anon_pages, (int64_t)(pages - file_pages));
	world_same(w, "mmsim_mm_validate", (int64_t)mmsim_mm_validate(w->mm[mm]), (int64_t)pages);
}

/*
 * After a file was written back, and before the model does so: nobody stores to what was dirty without a
 * fault.
 */
static inline void world_compare_cleaned(struct mm_world *w, int file)
{
	for (unsigned mm = 0; mm < NAIVE_MMS; mm++)
		for (unsigned i = 0; i < NAIVE_PAGES; i++) {
			const struct naive_page *p = &w->nv.mm[mm].page[i];
			struct mmsim_mapping at;

			if (!p->mapped || p->file != file || !naive_is_shared(p) ||
			    p->index >= NAIVE_FILE_PAGES || !w->nv.file[file].dirty[p->index] ||
			    mmsim_mm_lookup(w->mm[mm], naive_addr(&w->nv, i), &at))
				continue;
			world_holds(w, "cleaned, so a store asks first", mm, i,
				    !at.writable && !at.dirty);
		}
}

static inline int64_t world_areas_of(const struct mm_world *w, int file)
{
	int64_t nr = 0;

	for (unsigned mm = 0; mm < NAIVE_MMS; mm++)
		for (unsigned i = 0; i < NAIVE_PAGES; i++)
			nr += w->nv.mm[mm].page[i].mapped && w->nv.mm[mm].page[i].file == file &&
			      !naive_goes_on(&w->nv.mm[mm], i);
	return nr;
}

static inline void world_compare_file(struct mm_world *w, int file)
{
	const struct naive_file *f = &w->nv.file[file];
	int64_t cached = 0, dirty = 0, nr_mapped = 0;
	bool mapped[NAIVE_FILE_PAGES];
	struct mmsim_file_info info;

	naive_mapped(&w->nv, file, mapped);
	for (unsigned i = 0; i < NAIVE_FILE_PAGES; i++) {
		cached += f->cached[i];
		dirty += f->dirty[i];
		nr_mapped += mapped[i];
	}
	mmsim_file_info(w->file[file], &info);
	world_same(w, "nr_pages", (int64_t)info.nr_pages, NAIVE_FILE_PAGES);
	world_same(w, "cached", (int64_t)info.cached, cached);
	world_same(w, "mapped", (int64_t)info.mapped, nr_mapped);
	world_same(w, "areas of a file", (int64_t)info.areas, world_areas_of(w, file));
	world_same(w, "written so far", (int64_t)info.written, (int64_t)f->written);
	world_holds(w, "known dirty pages are dirty", 0, 0, (int64_t)info.dirty <= dirty);
}

static inline void world_compare(struct mm_world *w)
{
	memset(w->id_at, 0, sizeof(w->id_at));
	memset(w->page_of, 0, sizeof(w->page_of));
	w->call = "comparing";
	for (unsigned mm = 0; mm < NAIVE_MMS && !w->failed[0]; mm++)
		if (w->nv.mm[mm].used)
			world_compare_mm(w, mm);
	for (int file = 0; file < NAIVE_FILES && !w->failed[0]; file++)
		world_compare_file(w, file);
	mmsim_validate(w->m);
}

#endif
