/* SPDX-License-Identifier: MIT */
/*
 * LRU lists and giving up references: a page is on one list or none, and whoever gives up the last
 * reference frees it, once; and freeing many blocks beside those who want some.
 */
#include "scenario.h"

#include "lru.h"
#include "machine.h"
#include "release.h"

enum { CPUS = 3, PAGES = 4, FEW = 8 };

struct scene {
	struct mmsim *m;
	struct mmsim_page *page[PAGES]; /* each task has a reference */
	uint64_t freed; /* before */
};

static struct mmsim_page *take(struct mmsim *m)
{
	struct mmsim_page *page = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, 0);

	expect(page, "there is memory");
	return page;
}

/* Lists and counts agree whenever the lock is free. */
static void lru_books(struct mmsim *m)
{
	const struct mm_lruvec *lruvec = m->mmap.lru.lruvec;

	scenario_books(m);
	if (!lruvec || mm_lock_owner(&lruvec->lock.lock))
		return;
	for (unsigned i = 0; i < MM_NR_LRU_LISTS; i++) {
		uint64_t nr = 0;

		mm_list_for_each(at, &lruvec->list[i]) {
			const struct mmsim_page *page = mm_list_entry(at, struct mmsim_page, lru);

			expect(mm_page_flag(page, MMSIM_PG_LRU), "Y1: what is on a list says so");
			nr += UINT64_C(1) << page->order;
			expect(nr <= lruvec->nr[i], "Y1: a list has an end");
		}
		expect(nr == lruvec->nr[i], "Y1: pages on a list, at every step");
	}
}

static void open_scene(struct scene *s, struct mmsim *m, bool listed)
{
	*s = (struct scene){ .m = m, .freed = m->mmap.info.freed };
	for (unsigned k = 0; k < PAGES; k++) {
		s->page[k] = take(m);
		mm_folio_get(s->page[k], CPUS - 1);
		if (listed)
			mm_mmap_lru_add(&m->mmap.lru, s->page[k]);
	}
	mm_mmap_lru_add_drain_all(&m->mmap.lru);
}

static void close_scene(struct scene *s)
{
	mm_mmap_lru_add_drain_all(&s->m->mmap.lru);
	mm_mmap_lru_validate(&s->m->mmap.lru);
	expect(s->m->mmap.info.freed - s->freed == PAGES, "J1: each page is freed once");
	scenario_all_is_back(s->m);
}

static void run_scene(struct mmsim *m, void (*fn)(unsigned i, void *arg), bool listed)
{
	MM_ON_CPU(m);
	struct scene s;

	open_scene(&s, m, listed);
	expect(!mmsim_run(m, CPUS, fn, &s), "tasks start");
	close_scene(&s);
}

/* One reference to each page, beginning with another page than the others. */
static void release(struct scene *s, unsigned i, bool runs)
{
	mm_encoded entry[PAGES];

	for (unsigned k = 0; k < PAGES; k++)
		entry[k] = (mm_encoded)s->page[(i + k) % PAGES];
	mm_mmap_release_pages(&s->m->mmap.release, entry, PAGES, runs);
}

/* Task 0 hands the pages to the lists, another drains all batches; all give up theirs meanwhile. */
static void drain_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	for (unsigned k = 0; !i && k < PAGES; k++)
		mm_mmap_lru_add(&s->m->mmap.lru, s->page[k]);
	if (i == 1)
		mm_mmap_lru_add_drain_all(&s->m->mmap.lru);
	release(s, i, i == 2);
	if (!i)
		mm_mmap_lru_add_drain(&s->m->mmap.lru);
}

static void lru_drain(struct mmsim *m)
{
	run_scene(m, drain_task, false);
}

static void accessed_task(unsigned i, void *arg)
{
	struct scene *s = arg;

	for (unsigned k = 0; k < 2 * PAGES; k++)
		mm_mmap_lru_mark_accessed(&s->m->mmap.lru, s->page[(i + k) % PAGES]);
	release(s, i, false);
}

static void lru_accessed(struct mmsim *m)
{
	run_scene(m, accessed_task, true);
}

static void release_task(unsigned i, void *arg)
{
	release(arg, i, i == 1);
}

static void lru_release(struct mmsim *m)
{
	run_scene(m, release_task, true);
}

/* Pages that follow each other go back in one; others take single ones, and blocks, and give them back. */
static void runs_task(unsigned i, void *arg)
{
	struct mmsim_page *mine[FEW];
	struct scene *s = arg;

	for (unsigned k = 0; k < FEW; k++)
		mine[k] = mmsim_alloc_pages(s->m, MMSIM_GFP_KERNEL, i == 1 ? k % 2 : 0);
	for (unsigned k = 0; k < FEW; k++) {
		expect(mine[k] && mine[k]->refcount == 1, "a page has one owner");
		mine[k]->refcount = 0;
	}
	if (i == 2)
		mm_buddy_free_unref(&s->m->buddy, mine, FEW);
	else
		mm_buddy_free_runs(&s->m->buddy, mine, FEW);
	if (i == 1)
		mmsim_drain_all_pages(s->m);
}

static void free_runs(struct mmsim *m)
{
	struct scene s = { .m = m };

	expect(!mmsim_run(m, CPUS, runs_task, &s), "tasks start");
	scenario_all_is_back(m);
}

#define SCENARIO(n, text, function)                                                            \
	{                                                                                      \
		.name = n, .what = text, .cpus = CPUS, .run = function, .invariant = lru_books \
	}

const struct scenario scenarios_lru[] = {
	SCENARIO("lru-drain", "pages on their way to the lists, drained and released by others",
		 lru_drain),
	SCENARIO("lru-accessed", "pages become active, and go", lru_accessed),
	SCENARIO("lru-release", "three give up their references to the same pages", lru_release),
	SCENARIO("free-runs", "batches of pages freed beside allocation and a drain", free_runs),
	{ 0 },
};
