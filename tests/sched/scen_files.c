/* SPDX-License-Identifier: MIT */
/*
 * Files that are mapped: no store is lost, whoever unmaps, writes back, drops or forks beside it. The
 * library sees to it when a page is dropped (L2), and that no TLB has a page that is freed (T3).
 */
#include "scenario.h"

#include "filemap.h"
#include <errno.h>

enum { CPUS = 3, PAGES = 4 };

#define PAGE ((uint64_t)MMSIM_PAGE_SIZE)
#define SHARED_RW (MMSIM_PROT_READ | MMSIM_PROT_WRITE | MMSIM_MAP_SHARED)

struct shared {
	struct mmsim *m;
	struct mmsim_file *file;
	struct mmsim_mm *mm[2];
	uint64_t at[2];
	const struct plan *plan;
};

/* What tasks do */

/* A store; false: it is not mapped any more. */
static bool store(struct shared *s, unsigned i, unsigned page)
{
	int err = mmsim_touch(s->mm[i], s->at[i] + page * PAGE, true);

	expect(!err || err == -EFAULT, "a store works, or finds no area");
	return !err;
}

static void store_often(struct shared *s)
{
	for (unsigned k = 0; k < 4 && store(s, 0, 0); k++)
		;
}

static void store_once(struct shared *s)
{
	store(s, 0, 0);
}

static void store_in_other(struct shared *s)
{
	for (unsigned k = 0; k < 3; k++)
		expect(store(s, 1, 0), "what is not unmapped is there");
}

static bool is_written(struct mmsim_file *file, unsigned page)
{
	const struct mm_file_slot *slot = &file->slot[page];
	bool written;

	mm_spin_lock(&file->lock);
	written = slot->stored == __atomic_load_n(&slot->content, __ATOMIC_RELAXED);
	mm_spin_unlock(&file->lock);
	return written;
}

/*
 * What was stored before the call is written when it returns, whoever else writes the page back, or splits
 * the area.
 */
static void store_and_sync(struct shared *s)
{
	for (unsigned k = 0; k < 2; k++) {
		expect(store(s, 0, 2), "what is not unmapped is there");
		mmsim_file_sync(s->file);
		expect(is_written(s->file, 2), "what was stored is written back");
	}
}

static void forget(struct shared *s)
{
	expect(!mmsim_madvise(s->mm[0], s->at[0], PAGE, MMSIM_MADV_DONTNEED), "it is forgotten");
}

/* The second has the page activated, which takes a lock. */
static void forget_both(struct shared *s)
{
	forget(s);
	expect(!mmsim_madvise(s->mm[1], s->at[1], PAGE, MMSIM_MADV_DONTNEED), "it is forgotten");
}

static void load_and_forget(struct shared *s)
{
	expect(!mmsim_touch(s->mm[0], s->at[0], false), "a load works");
	forget(s);
}

static void forget_and_drop(struct shared *s)
{
	for (unsigned k = 0; k < 2; k++) {
		forget(s);
		mmsim_file_drop(s->file);
	}
}

/* Page 1 is in nobody's cache yet. */
static void load_new(struct shared *s)
{
	expect(!mmsim_touch(s->mm[0], s->at[0] + PAGE, false), "a load works");
}

static void load_new_in_other(struct shared *s)
{
	expect(!mmsim_touch(s->mm[1], s->at[1] + PAGE, false), "a load works");
}

static void sync(struct shared *s)
{
	mmsim_file_sync(s->file);
}

static void sync_and_drop(struct shared *s)
{
	mmsim_file_sync(s->file);
	mmsim_file_drop(s->file);
}

static void sync_twice(struct shared *s)
{
	mmsim_file_sync(s->file);
	mmsim_file_sync(s->file);
}

static void drop_and_read(struct shared *s)
{
	mmsim_file_drop(s->file);
	expect(!mmsim_file_read(s->file, 0, 1), "a page is brought");
}

static void unmap(struct shared *s, unsigned i, unsigned first, unsigned nr)
{
	expect(!mmsim_munmap(s->mm[i], s->at[i] + first * PAGE, nr * PAGE), "it is unmapped");
}

static void unmap_all(struct shared *s)
{
	unmap(s, 0, 0, PAGES);
}

static void unmap_middle(struct shared *s)
{
	unmap(s, 0, 1, 1);
}

static void exit_mm(struct shared *s)
{
	mmsim_mm_exit(s->mm[0]);
}

static void fork_and_store(struct shared *s)
{
	struct mmsim_mm *child = NULL;

	expect(!mmsim_mm_fork(s->mm[0], &child), "there is a child");
	expect(!mmsim_touch(child, s->at[0], true), "the child stores");
	mmsim_mm_destroy(child);
}

static void nothing(struct shared *s)
{
	(void)s;
}

/* Page 0 was stored to before all tasks. */
static void sync_all(struct shared *s)
{
	mmsim_file_sync(s->file);
	expect(is_written(s->file, 0), "what was stored before the call is written");
}

/* Before and after */

static struct mmsim_mm *open_mm(struct shared *s, uint32_t flags, uint64_t *at)
{
	struct mmsim_mm *mm = NULL;

	expect(!mmsim_mm_create(s->m, NULL, &mm), "there is an address space");
	expect(!mmsim_mmap(mm, 0, PAGES * PAGE, flags, s->file, 0, at), "the file is mapped");
	return mm;
}

/*
 * Nothing maps the file: after writing it back every page is clean, and dropping them finds each store
 * written.
 */
static void close_file(struct shared *s)
{
	struct mmsim_file_info info;

	mmsim_file_sync(s->file);
	expect(!mmsim_file_sync(s->file), "what was written back is clean");
	mmsim_file_info(s->file, &info);
	expect(!info.areas && !info.mapped && !info.dirty, "nothing maps the file");
	expect(mmsim_file_drop(s->file) == info.cached, "what is clean and not mapped goes");
	expect(!mmsim_file_destroy(s->file), "nobody has the file");
}

/* Page 0 is mapped at first in as many address spaces as there are, by a store or by a load only. */
struct plan {
	unsigned mms;
	bool loaded;
	void (*task[CPUS])(struct shared *s);
};

static void task(unsigned i, void *arg)
{
	struct shared *s = arg;

	s->plan->task[i](s);
}

static void run(struct mmsim *m, const struct plan *plan)
{
	struct shared s = { .m = m, .plan = plan };

	expect(!mmsim_file_create(m, PAGES, &s.file), "there is a file");
	for (unsigned i = 0; i < plan->mms; i++) {
		s.mm[i] = open_mm(&s, SHARED_RW, &s.at[i]);
		expect(!mmsim_touch(s.mm[i], s.at[i], !plan->loaded), "the page is there");
	}
	expect(!mmsim_run(m, CPUS, task, &s), "tasks start");
	for (unsigned i = 0; i < plan->mms; i++) {
		mmsim_mm_validate(s.mm[i]);
		mmsim_mm_destroy(s.mm[i]);
	}
	close_file(&s);
	scenario_all_is_back(m);
}

static void file_unmap(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 1, .task = { store_often, unmap_all, sync } });
}

static void file_late(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 2, .task = { forget_both, sync_all, nothing } });
}

static void file_load(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 1, .loaded = true, .task = { store_once, unmap_all, sync } });
}

static void file_sync(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 1, .task = { store_often, sync_and_drop, sync } });
}

static void file_fork(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 1, .task = { store_often, fork_and_store, sync } });
}

static void file_exit(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 1, .task = { store_often, exit_mm, sync_and_drop } });
}

static void file_two(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 2, .task = { store_in_other, unmap_all, sync_and_drop } });
}

static void file_part(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 1, .task = { store_and_sync, unmap_middle, sync_and_drop } });
}

static void file_cache(struct mmsim *m)
{
	run(m,
	    &(struct plan){ .mms = 1, .task = { load_and_forget, drop_and_read, sync_and_drop } });
}

static void file_forget(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 1, .task = { store_often, forget_and_drop, sync_twice } });
}

static void file_new(struct mmsim *m)
{
	run(m, &(struct plan){ .mms = 2, .task = { load_new, load_new_in_other, sync_and_drop } });
}

#define FILES(n, text, function)                                                                 \
	{                                                                                        \
		.name = n, .what = text, .cpus = CPUS, .memory = SCENARIO_SMALL, .run = function \
	}

const struct scenario scenarios_files[] = {
	FILES("file-unmap", "stores to a page of a file, its munmap, writing back", file_unmap),
	FILES("file-late", "what was stored is forgotten while it is written back", file_late),
	FILES("file-load", "the first store to a page that was only loaded, munmap, writing back",
	      file_load),
	FILES("file-sync", "stores, two who write back, one who drops", file_sync),
	FILES("file-fork", "stores, a fork whose child stores, writing back", file_fork),
	FILES("file-exit", "stores, the end of the process, writing back and dropping", file_exit),
	FILES("file-two", "two address spaces: one stores, one unmaps, one writes back", file_two),
	FILES("file-part", "an area is split by munmap while its pages are written back",
	      file_part),
	FILES("file-cache", "a page comes, goes and is dropped from all sides", file_cache),
	FILES("file-forget", "stores beside MADV_DONTNEED, writing back and dropping", file_forget),
	FILES("file-new", "two address spaces bring the same page", file_new),
	{ 0 },
};
