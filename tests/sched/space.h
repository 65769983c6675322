/* SPDX-License-Identifier: MIT */
/*
 * What scenarios of address spaces share: a small one, three CPUs, areas from AT on; what must hold in the
 * end.
 *
 * The library checks T3 itself, at each page that it frees. A scenario checks that what a call has done
 * before it returned holds for every access that begins later.
 */
#ifndef TESTS_SCHED_SPACE_H
#define TESTS_SCHED_SPACE_H

#include "scenario.h"

#include <errno.h>

enum { CPUS = 3 };

#define PAGE ((uint64_t)MMSIM_PAGE_SIZE)
#define AT (UINT64_C(1) << 30)
#define FIXED (MMSIM_PROT_READ | MMSIM_PROT_WRITE | MMSIM_MAP_FIXED)
#define OTHER (MMSIM_PROT_WRITE | MMSIM_MAP_FIXED) /* is not merged with FIXED */

struct space {
	struct mmsim *m;
	struct mmsim_mm *mm, *child;
	uint32_t done; /* atomic: what somebody waits for has happened */
	uint32_t after; /* atomic: accesses that began after that */
};

static inline bool is_done(struct space *s)
{
	return __atomic_load_n(&s->done, __ATOMIC_ACQUIRE);
}

static inline void set_done(struct space *s)
{
	__atomic_store_n(&s->done, 1, __ATOMIC_RELEASE);
}

static inline void open_space(struct space *s, struct mmsim *m, enum mmsim_thp thp)
{
	const struct mmsim_mm_params params = { .thp = thp };

	*s = (struct space){ .m = m };
	expect(!mmsim_mm_create(m, &params, &s->mm), "an address space is made");
}

static inline void map(struct space *s, uint64_t addr, uint64_t pages, uint32_t flags)
{
	expect(!mmsim_mmap(s->mm, addr, pages * PAGE, flags, NULL, 0, NULL), "it is mapped");
}

static inline void touch(struct mmsim_mm *mm, uint64_t addr, bool write)
{
	expect(!mmsim_touch(mm, addr, write), "what is mapped can be touched");
}

/* Where somebody unmaps meanwhile. */
static inline int try_touch(struct mmsim_mm *mm, uint64_t addr, bool write)
{
	int err = mmsim_touch(mm, addr, write);

	expect(!err || err == -EFAULT, "a touch is a touch, or there is no area");
	return err;
}

static inline struct mmsim_page *page_at(struct mmsim_mm *mm, uint64_t addr)
{
	struct mmsim_mapping at;

	return mmsim_mm_lookup(mm, addr, &at) ? NULL : at.page;
}

/* What was touched before is on the LRU lists then: no CPU's batch keeps a page from being freed. */
static inline void run(struct space *s, unsigned nr, void (*fn)(unsigned i, void *arg))
{
	mmsim_drain_all_pages(s->m);
	expect(!mmsim_run(s->m, nr, fn, s), "tasks start");
}

static inline uint64_t nr_anon(struct mmsim_mm *mm)
{
	struct mmsim_mm_info info = { 0 };

	mmsim_mm_info(mm, &info);
	return info.anon_pages;
}

static inline uint64_t nr_tables(struct mmsim_mm *mm)
{
	struct mmsim_mm_info info = { 0 };

	mmsim_mm_info(mm, &info);
	return info.table_pages;
}

static inline void expect_mapped(struct mmsim_mm *mm, uint64_t pages)
{
	expect(mmsim_mm_validate(mm) == pages, "as many pages are mapped as should");
	expect(nr_anon(mm) == pages, "N1: rss is what is mapped");
}

static inline void close_space(struct space *s)
{
	if (s->child)
		mmsim_mm_validate(s->child);
	mmsim_mm_validate(s->mm);
	mmsim_mm_destroy(s->child);
	mmsim_mm_destroy(s->mm);
	scenario_all_is_back(s->m);
}

static inline void teardown(struct mmsim *m, enum mmsim_teardown_way way)
{
	const struct mmsim_teardown how = { .way = way,
					    .threshold = 4,
					    .max_batches =
						    way == MMSIM_TEARDOWN_BATCH_WORKERS ? 2 : 0,
					    .max_threads = 2,
					    .chunk_pages = 512 };

	expect(!mmsim_set_teardown(m, &how), "the way is taken");
}

/* An exit beside two who touch. */
static inline void exit_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0) {
		mmsim_mm_exit(s->mm);
		set_done(s);
		return;
	}
	for (unsigned k = 0; k < 3; k++) {
		bool late = is_done(s);
		int err = try_touch(s->mm, AT + k * i * PAGE, true);

		expect(!late || err, "after an exit nothing is touched");
	}
}

/* An exit, a reaper, one who touches. */
static inline void reaper_task(unsigned i, void *arg)
{
	struct space *s = arg;

	if (i == 0) {
		mmsim_mm_exit(s->mm);
		set_done(s);
	} else if (i == 1) {
		for (unsigned k = 0; k < 2; k++) {
			bool late = is_done(s);
			int err = mmsim_oom_reap(s->mm, NULL);

			expect(late ? err == -ESRCH : !err || err == -EAGAIN || err == -ESRCH,
			       "the reaper's answer");
		}
	} else {
		try_touch(s->mm, AT, true);
		try_touch(s->mm, AT + PAGE, true);
	}
}

/* A row of a table of scenarios. */
#define MM(n, text, function)                                                      \
	{                                                                          \
		.name = n, .what = text, .cpus = CPUS, .memory = SCENARIO_GROUPED, \
		.run = function, .invariant = scenario_books                       \
	}

#endif
