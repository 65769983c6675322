/* SPDX-License-Identifier: MIT */
/*
 * Address spaces against a naive model (naive_mm.h), on one random stream of calls: what they return, which
 * areas there are, which pages are there, who shares one with whom, what files have to write back.
 *
 * Calls come from one CPU after the other, and from outside: what a TLB has kept is found out by the next
 * store. The library is always called first, so that the stream is the same with every compiler.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm_world.h"
#include "time_box.h"

enum { CPUS = 3, CALLS = 16, NO_MM = NAIVE_MMS };
enum { GROUPS = 80 / TIME_BOX_PART, COMPARE_EVERY = 4 };

struct how {
	enum mmsim_mode mode;
	enum mmsim_teardown_way way;
	enum mmsim_thp thp;
	unsigned levels;
};

struct range {
	unsigned page, nr;
};

/* Mostly one that has not ended. */
static unsigned any_mm(struct mm_world *w)
{
	unsigned mm = world_below(w, NAIVE_MMS);

	for (unsigned i = 0; i < 2 * NAIVE_MMS; i++, mm = (mm + 1) % NAIVE_MMS)
		if (w->nv.mm[mm].used && (!w->nv.mm[mm].gone || !world_below(w, 16)))
			break;
	while (!w->nv.mm[mm].used)
		mm = (mm + 1) % NAIVE_MMS;
	return mm;
}

static unsigned unused_mm(const struct mm_world *w)
{
	unsigned mm = 0;

	while (mm < NAIVE_MMS && w->nv.mm[mm].used)
		mm++;
	return mm;
}

/* Mostly where something is. */
static unsigned any_page(struct mm_world *w, unsigned mm)
{
	unsigned page = world_below(w, NAIVE_PAGES);

	if (!world_below(w, 5))
		return page;
	for (unsigned i = 0; i < NAIVE_PAGES && !w->nv.mm[mm].page[page].mapped; i++)
		page = (page + 1) % NAIVE_PAGES;
	return world_below(w, 4) ? page : (page + world_below(w, 10)) % NAIVE_PAGES;
}

/* Mostly a few pages, sometimes more than a huge one. */
static struct range any_range(struct mm_world *w, unsigned mm)
{
	unsigned nr = 1 + world_below(w, world_below(w, 6) ? 40 : 1800), page = any_page(w, mm);

	if (page + nr > NAIVE_PAGES)
		page = NAIVE_PAGES - nr;
	return (struct range){ page, nr };
}

/* Anything that rounds up to it. */
static uint64_t length_of(struct mm_world *w, unsigned nr)
{
	return (uint64_t)nr * RIG_PAGE - world_below(w, (unsigned)RIG_PAGE);
}

/* What is to be mapped. */
struct wish {
	struct range at;
	uint64_t length;
	uint32_t flags;
	int file;
	unsigned index;
};

static uint32_t any_rights(struct mm_world *w)
{
	unsigned which = world_below(w, 10);

	return which > 2 ? RIG_RW : which ? MMSIM_PROT_READ : 0;
}

/* Populating is left to memory where it does not matter whether pages are read or stored to. */
static struct wish any_wish(struct mm_world *w, unsigned mm)
{
	struct wish wish = { .at = any_range(w, mm), .file = -1 };

	wish.flags = any_rights(w);
	if (world_below(w, 5) < 2) {
		wish.file = (int)world_below(w, NAIVE_FILES);
		wish.index = world_below(w, NAIVE_FILE_PAGES + 4);
		wish.at.nr = 1 + (wish.at.nr - 1) % (NAIVE_FILE_PAGES / 2);
		wish.flags |= world_below(w, 2) ? MMSIM_MAP_SHARED : 0;
	} else if (!world_below(w, 5)) {
		wish.flags |= MMSIM_MAP_POPULATE;
	}
	wish.length = length_of(w, wish.at.nr);
	return wish;
}

static int map_real(struct mm_world *w, unsigned mm, const struct wish *wish, uint32_t flags,
		    uint64_t addr, uint64_t *at)
{
	struct mmsim_file *file = wish->file >= 0 ? w->file[wish->file] : NULL;

	return mmsim_mmap(w->mm[mm], addr, wish->length, wish->flags | flags, file,
			  wish->index * RIG_PAGE, at);
}

static void map_naive(struct mm_world *w, unsigned mm, const struct wish *wish, unsigned page)
{
	naive_map(&w->nv, mm, page, wish->at.nr, wish->flags, wish->file, wish->index);
	if (wish->flags & MMSIM_MAP_POPULATE)
		naive_populate(&w->nv, mm, page, wish->at.nr, wish->flags & MMSIM_PROT_WRITE);
}

/* What a call whose address is given has to return. */
static int naive_refuses(const struct naive_mm *mm, const struct range *at, bool noreplace)
{
	if (mm->gone)
		return -ESRCH;
	return noreplace && !naive_is_free(mm, at->page, at->nr) ? -EEXIST : 0;
}

static void call_map_fixed(struct mm_world *w)
{
	unsigned mm = any_mm(w);
	struct wish wish = any_wish(w, mm);
	bool noreplace = !world_below(w, 3);
	int want = naive_refuses(&w->nv.mm[mm], &wish.at, noreplace);
	uint64_t addr = naive_addr(&w->nv, wish.at.page), at = addr;

	world_same(w, "returned",
		   map_real(w, mm, &wish, noreplace ? MMSIM_MAP_FIXED_NOREPLACE : MMSIM_MAP_FIXED,
			    addr, &at),
		   want);
	world_same(w, "address", (int64_t)at, (int64_t)addr);
	if (!want)
		map_naive(w, mm, &wish, wish.at.page);
}

/* The page that a call without MMSIM_MAP_FIXED has to choose; -1: one below the window. */
static int naive_choice(const struct naive *nv, unsigned mm, const struct wish *wish, bool hint)
{
	bool large = wish->file < 0 && wish->at.nr >= 512;

	if (hint && naive_is_free(&nv->mm[mm], wish->at.page, wish->at.nr))
		return (int)wish->at.page;
	return naive_gap(nv, mm, wish->at.nr, large ? MMSIM_PMD_SIZE : RIG_PAGE);
}

static void call_map_anywhere(struct mm_world *w)
{
	unsigned mm = any_mm(w);
	struct wish wish = any_wish(w, mm);
	bool hint = world_below(w, 2), gone = w->nv.mm[mm].gone;
	int page = naive_choice(&w->nv, mm, &wish, hint);
	uint64_t addr = hint ? naive_addr(&w->nv, wish.at.page) + 5 : 0, at = 0;

	if (page < 0)
		return;
	world_same(w, "returned", map_real(w, mm, &wish, 0, addr, &at), gone ? -ESRCH : 0);
	if (!gone &&
	    world_same(w, "address", (int64_t)at, (int64_t)naive_addr(&w->nv, (unsigned)page)))
		map_naive(w, mm, &wish, (unsigned)page);
}

static void call_unmap(struct mm_world *w)
{
	unsigned mm = any_mm(w);
	struct range r = any_range(w, mm);

	world_same(w, "returned",
		   mmsim_munmap(w->mm[mm], naive_addr(&w->nv, r.page), length_of(w, r.nr)), 0);
	naive_unmap(&w->nv, mm, r.page, r.nr);
}

static void call_touch(struct mm_world *w)
{
	unsigned mm = any_mm(w), page = any_page(w, mm);
	bool write = world_below(w, 2);
	int got = mmsim_touch(w->mm[mm],
			      naive_addr(&w->nv, page) + world_below(w, (unsigned)RIG_PAGE), write);

	world_same(w, "returned", got, naive_touch(&w->nv, mm, page, write));
}

static void call_populate(struct mm_world *w)
{
	unsigned mm = any_mm(w);
	struct range r = any_range(w, mm);
	bool write = world_below(w, 3);
	int got = mmsim_populate(w->mm[mm], naive_addr(&w->nv, r.page), length_of(w, r.nr), write);

	world_same(w, "returned", got, naive_populate(&w->nv, mm, r.page, r.nr, write));
}

static void call_advise(struct mm_world *w)
{
	unsigned mm = any_mm(w);
	struct range r = any_range(w, mm);
	enum mmsim_advice advice = (enum mmsim_advice)world_below(w, MMSIM_NR_ADVICE);
	int got = mmsim_madvise(w->mm[mm], naive_addr(&w->nv, r.page), length_of(w, r.nr), advice);

	world_same(w, "returned", got, naive_advise(&w->nv, mm, r.page, r.nr, advice));
}

/* What a fork may have copied or not. */
static void settle(struct mm_world *w, unsigned mm)
{
	struct mmsim_mapping at;

	for (unsigned i = 0; i < NAIVE_PAGES; i++)
		if (w->nv.mm[mm].page[i].maybe)
			naive_settle(&w->nv.mm[mm].page[i],
				     !mmsim_mm_lookup(w->mm[mm], naive_addr(&w->nv, i), &at));
}

static void call_fork(struct mm_world *w)
{
	unsigned mm = any_mm(w), child = unused_mm(w);
	bool gone = w->nv.mm[mm].gone;

	if (child == NO_MM)
		return;
	world_same(w, "returned", mmsim_mm_fork(w->mm[mm], &w->mm[child]), gone ? -ESRCH : 0);
	world_same(w, "there is a child", w->mm[child] != NULL, !gone);
	if (gone || !w->mm[child])
		return;
	naive_fork(&w->nv, mm, child);
	settle(w, child);
}

static void begin_mm(struct mm_world *w, unsigned mm, unsigned levels)
{
	const enum mmsim_thp thp = w->huge_pages ? MMSIM_THP_ALWAYS : MMSIM_THP_NEVER;
	const struct mmsim_mm_params params = { .levels = levels, .thp = thp };

	world_same(w, "mmsim_mm_create", mmsim_mm_create(w->m, &params, &w->mm[mm]), 0);
	memset(&w->nv.mm[mm], 0, sizeof(w->nv.mm[mm]));
	w->nv.mm[mm].used = true;
}

static void end_mm(struct mm_world *w, unsigned mm)
{
	mmsim_mm_destroy(w->mm[mm]);
	w->mm[mm] = NULL;
	naive_exit(&w->nv, mm);
	w->nv.mm[mm].used = false;
}

/* Calls still come after an exit. */
static void call_exit(struct mm_world *w)
{
	unsigned mm = any_mm(w);

	mmsim_mm_exit(w->mm[mm]);
	naive_exit(&w->nv, mm);
}

/* One that has ended or not gives way to a new one. */
static void call_destroy(struct mm_world *w)
{
	unsigned mm = any_mm(w), levels = w->nv.base > MMSIM_TASK_SIZE_4 ? 5 : 4;

	for (unsigned i = 0; i < NAIVE_MMS; i++)
		if (w->nv.mm[i].gone && w->nv.mm[i].used)
			mm = i;
	end_mm(w, mm);
	if (world_below(w, 2) || unused_mm(w) == 0)
		begin_mm(w, unused_mm(w), levels);
}

static void call_sync(struct mm_world *w)
{
	int file = (int)world_below(w, NAIVE_FILES);
	uint64_t written = mmsim_file_sync(w->file[file]);

	world_compare_cleaned(w, file);
	world_same(w, "written", (int64_t)written, (int64_t)naive_sync(&w->nv, file));
}

static void call_drop(struct mm_world *w)
{
	int file = (int)world_below(w, NAIVE_FILES);
	uint64_t dropped = mmsim_file_drop(w->file[file]);

	world_same(w, "dropped", (int64_t)dropped, (int64_t)naive_drop(&w->nv, file));
}

static void call_read(struct mm_world *w)
{
	int file = (int)world_below(w, NAIVE_FILES);
	unsigned first = world_below(w, NAIVE_FILE_PAGES), nr = 1 + world_below(w, 20);
	bool inside = first + nr <= NAIVE_FILE_PAGES;

	world_same(w, "returned", mmsim_file_read(w->file[file], first, nr), inside ? 0 : -EINVAL);
	if (inside)
		naive_read(&w->nv, file, first, nr);
}

static void call_lazy(struct mm_world *w)
{
	mmsim_mm_enter_lazy(w->m);
}

static const struct {
	void (*call)(struct mm_world *w);
	const char *name;
	unsigned weight;
} calls[] = {
	{ call_map_fixed, "map fixed", 12 },
	{ call_map_anywhere, "map anywhere", 12 },
	{ call_unmap, "unmap", 8 },
	{ call_touch, "touch", 60 },
	{ call_populate, "populate", 16 },
	{ call_advise, "advise", 8 },
	{ call_fork, "fork", 7 },
	{ call_exit, "exit", 2 },
	{ call_destroy, "destroy", 5 },
	{ call_sync, "sync", 4 },
	{ call_drop, "drop", 4 },
	{ call_read, "read", 2 },
	{ call_lazy, "lazy", 4 },
};

static void call_any(struct mm_world *w)
{
	unsigned which = world_below(w, 144), i = 0;

	while (which >= calls[i].weight)
		which -= calls[i++].weight;
	w->call = calls[i].name;
	w->calls++;
	calls[i].call(w);
}

static void group(unsigned cpu, void *arg)
{
	struct mm_world *w = arg;

	for (unsigned i = 0; cpu == w->cpu && i < CALLS && !w->failed[0]; i++)
		call_any(w);
}

static void assert_same(const struct mm_world *w, const struct how *how, unsigned seed)
{
	if (w->failed[0])
		fail_msg("mode %d, way %d, thp %d, %u levels, seed %u, call %u: %s", how->mode,
			 how->way, how->thp, how->levels, seed, w->calls, w->failed);
}

static void open_world(struct mm_world *w, const struct how *how, unsigned seed)
{
	memset(w, 0, sizeof(*w));
	w->random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	w->huge_pages = how->thp == MMSIM_THP_ALWAYS;
	w->m = rig_open(how->mode, CPUS, WORLD_PAGES, NULL);
	rig_teardown(w->m, how->way);
	naive_init(&w->nv, how->levels == 5 ? MMSIM_TASK_SIZE_5 : MMSIM_TASK_SIZE_4);
	for (unsigned i = 0; i < NAIVE_FILES; i++)
		assert_int_equal(mmsim_file_create(w->m, NAIVE_FILE_PAGES, &w->file[i]), 0);
	begin_mm(w, 0, how->levels);
}

/* Everything goes, and every page is back: rig_close(). */
static void close_world(struct mm_world *w)
{
	for (unsigned mm = 0; mm < NAIVE_MMS; mm++)
		if (w->nv.mm[mm].used)
			end_mm(w, mm);
	for (unsigned i = 0; i < NAIVE_FILES; i++)
		assert_int_equal(mmsim_file_destroy(w->file[i]), 0);
	rig_close(w->m);
}

static void run(const struct how *how, unsigned seed)
{
	struct mm_world *w = malloc(sizeof(*w));

	assert_non_null(w);
	open_world(w, how, seed);
	for (unsigned g = 1; g <= GROUPS; g++) {
		w->cpu = world_below(w, CPUS + 1);
		if (w->cpu < CPUS)
			assert_int_equal(mmsim_run(w->m, w->cpu + 1, group, w), 0);
		else
			group(CPUS, w);
		if (g % COMPARE_EVERY == 0)
			world_compare(w);
		assert_same(w, how, seed);
	}
	close_world(w);
	free(w);
}

static void run_mode(enum mmsim_mode mode)
{
	static const enum mmsim_thp thp[] = { MMSIM_THP_NEVER, MMSIM_THP_ALWAYS };

	for (unsigned i = 0; i < 4 * MMSIM_NR_TEARDOWNS; i++) {
		const struct how how = { mode, (enum mmsim_teardown_way)(i / 4), thp[i % 2],
					 4 + i / 2 % 2 };

		run(&how, i + 1);
	}
}

static void serially(void **state)
{
	(void)state;
	run_mode(MMSIM_SERIAL);
}

static void explored(void **state)
{
	(void)state;
	run_mode(MMSIM_EXPLORE);
}

static void natively(void **state)
{
	(void)state;
	run_mode(MMSIM_NATIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serially),
		cmocka_unit_test(explored),
		cmocka_unit_test(natively),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
