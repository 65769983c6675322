/* SPDX-License-Identifier: MIT */
/*
 * Addresses that are taken and freed through the public calls, in all designs, against a bitmap of pages
 * (naive_pages.h): nothing overlaps, nothing comes back before a flush that came after it was freed, no
 * request fails that a purge would have made room for, wrong frees are refused, and in the end all is one
 * stretch again. Areas found by trees and by an index are at the same addresses, where what pools have does
 * not depend on it.
 *
 * Calls come from one CPU after the other, and from outside. Natively drains run beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mm_rig.h"
#include "naive_pages.h"
#include "time_box.h"

enum {
	CPUS = 3,
	PAGES = 16384, /* of the space */
	MOST_LIVE = 2048,
	CALLS = 64,
	GROUPS = 320 / TIME_BOX_PART,
	CHECK_EVERY = 20, /* groups */
	DRAIN_PAGES = 1500,
	DESIGNS = MMSIM_NR_VMAP_DESIGNS - 1, /* from the first after AUTO on */
};

struct how {
	enum mmsim_mode mode;
	struct mmsim_vmap_params params;
	bool drains; /* of themselves */
};

struct block {
	uint32_t page, nr;
};

struct world {
	struct mmsim *m;
	struct mmsim_vmap *v;
	struct sim_log log;
	uint64_t random; /* state */
	unsigned cpu, calls;
	struct naive_pages naive;
	uint64_t flushes; /* so many there have been, at least */
	uint64_t freed_at[PAGES]; /* one more than there had been then; 0: never freed */
	unsigned nr;
	struct block block[MOST_LIVE];
	uint64_t places; /* a sum of all addresses, in order */
	const char *failed; /* what was not so, the first time */
	int line;
};

#define BASE MMSIM_VMALLOC_START_4
#define ADDR(page) (BASE + (uint64_t)(page)*RIG_PAGE)

/* On no main stack: noted, for the main stack to assert. */
#define expect(w, cond)                        \
	do {                                   \
		if (!(cond) && !(w)->failed) { \
			(w)->failed = #cond;   \
			(w)->line = __LINE__;  \
		}                              \
	} while (0)

/* xorshift64*: 0 to n - 1. */
static unsigned below(struct world *w, unsigned n)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (unsigned)((w->random * UINT64_C(2685821657736338717)) >> 33) % n;
}

/*
 * A look costs as much as many calls: the count is one that there was a while ago, unless that will not do.
 */
static void count_flushes(struct world *w)
{
	struct mmsim_vmap_info info;

	expect(w, mmsim_vmap_info(w->v, &info) == 0);
	w->flushes = info.flushes;
}

/* Taking */

/* 1 to 300 pages, mostly few; the space's own range mostly. */
static struct naive_wish any_wish(struct world *w)
{
	static const uint16_t most[] = { 1, 4, 16, 64, 300 };
	struct naive_wish wish = { 1 + below(w, most[below(w, 5)]), 1, 0, PAGES };

	if (!below(w, 4))
		wish.align = UINT64_C(1) << below(w, 8);
	if (below(w, 6))
		return wish;
	wish.start = below(w, PAGES);
	if (below(w, 2))
		wish.end = wish.start + wish.nr + below(w, 1000);
	if (wish.end > PAGES)
		wish.end = PAGES;
	return wish;
}

static int call_alloc(struct world *w, const struct naive_wish *wish, mmsim_gfp_t gfp,
		      uint64_t *addr)
{
	bool own = wish->start == 0 && wish->end == PAGES && below(w, 2);

	return mmsim_alloc_vmap_area(w->v, wish->nr * RIG_PAGE, wish->align * RIG_PAGE,
				     own ? 0 : ADDR(wish->start), own ? 0 : ADDR(wish->end), gfp,
				     addr);
}

/* Every TLB was flushed since these pages were freed. */
static void expect_flushed(struct world *w, uint64_t page, uint64_t nr)
{
	uint64_t newest = 0;

	for (uint64_t i = page; i < page + nr; i++)
		newest = w->freed_at[i] > newest ? w->freed_at[i] : newest;
	if (newest > w->flushes)
		count_flushes(w);
	expect(w, newest <= w->flushes);
}

static void take_place(struct world *w, const struct naive_wish *wish, uint64_t addr)
{
	uint64_t page = (addr - BASE) / RIG_PAGE;

	expect(w, addr % RIG_PAGE == 0 && page % wish->align == 0);
	expect(w, page >= wish->start && page + wish->nr <= wish->end);
	expect(w, naive_set(&w->naive, page, wish->nr, true)); /* nobody has any of them */
	if (w->failed)
		return;
	expect_flushed(w, page, wish->nr);
	w->places = w->places * 31 + page;
	w->block[w->nr++] = (struct block){ (uint32_t)page, (uint32_t)wish->nr };
}

static void call_take(struct world *w)
{
	struct naive_wish wish = any_wish(w);
	mmsim_gfp_t gfp = below(w, 3) ? MMSIM_GFP_KERNEL : MMSIM_GFP_NOWAIT;
	uint64_t addr = 1, lowest, sure;
	int err;

	if (w->nr == MOST_LIVE)
		return;
	err = call_alloc(w, &wish, gfp, &addr);
	if (!err) {
		take_place(w, &wish, addr);
		return;
	}
	expect(w, (err == -EBUSY || err == -EINVAL) && addr == 1);
	expect(w, err == -EBUSY || wish.end - wish.start < wish.nr);
	if (gfp != MMSIM_GFP_KERNEL)
		return;
	naive_find(&w->naive, &wish, &lowest, &sure);
	expect(w, sure == NAIVE_NO_PLACE || sure + wish.nr > wish.end);
}

/* Freeing */

static void call_free(struct world *w)
{
	struct block *b, gone;

	if (!w->nr)
		return;
	b = &w->block[below(w, w->nr)];
	gone = *b;
	*b = w->block[--w->nr];
	expect(w, mmsim_free_vmap_area(w->v, ADDR(gone.page)) == 0);
	expect(w, naive_set(&w->naive, gone.page, gone.nr, false));
	for (uint32_t i = gone.page; i < gone.page + gone.nr; i++)
		w->freed_at[i] = w->flushes + 1;
}

/* Nothing begins there: inside an area, where one was, or where none ever was. */
static void call_free_wrong(struct world *w)
{
	const struct block *b = w->nr ? &w->block[below(w, w->nr)] : NULL;
	uint64_t addr = b && b->nr > 1 ? ADDR(b->page + 1) : ADDR(naive_next(&w->naive, 0, false));
	unsigned lines = w->log.lines;

	expect(w, mmsim_free_vmap_area(w->v, addr) == -EINVAL);
	expect(w, mmsim_free_vmap_area(w->v, below(w, 2) ? BASE - RIG_PAGE : addr + 8) == -EINVAL);
	expect(w, w->log.lines == lines + 2);
}

static void call_purge(struct world *w)
{
	mmsim_vmap_purge(w->v, below(w, 3) == 0);
	count_flushes(w);
}

static void call_shrink(struct world *w)
{
	mmsim_vmap_shrink_scan(w->v);
}

/* Taking and freeing are in balance at half of the space. */
static void call_any(struct world *w)
{
	unsigned which = below(w, 1000);
	unsigned full = (unsigned)(w->naive.nr_used * 900 / PAGES);

	w->calls++;
	if (which < 2)
		call_purge(w);
	else if (which < 3)
		call_shrink(w);
	else if (which < 10)
		call_free_wrong(w);
	else if (below(w, 1000) < full)
		call_free(w);
	else
		call_take(w);
}

static void group(unsigned cpu, void *arg)
{
	struct world *w = arg;

	if (cpu == w->cpu)
		count_flushes(w);
	for (unsigned i = 0; cpu == w->cpu && i < CALLS && !w->failed; i++)
		call_any(w);
}

/* Worlds */

static void assert_good(const struct world *w, const struct how *how)
{
	if (w->failed)
		fail_msg("mode %d, design %u, busy %u, call %u: not so in line %d: %s; log: %s",
			 how->mode, how->params.design, how->params.busy, w->calls, w->line,
			 w->failed, w->log.line);
}

static void assert_counts(struct world *w)
{
	struct mmsim_vmap_info info;

	mmsim_vmap_validate(w->v);
	assert_int_equal(mmsim_vmap_info(w->v, &info), 0);
	assert_int_equal(info.busy, w->nr);
}

static struct world *open_world(const struct how *how, unsigned seed)
{
	struct world *w = calloc(1, sizeof(*w));
	struct mmsim_vmap_params params = how->params;

	assert_non_null(w);
	w->random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	w->naive.pages = PAGES;
	w->m = rig_open(how->mode, CPUS, 4096, &w->log);
	params.start = ADDR(0);
	params.end = ADDR(PAGES);
	params.lazy_max = how->drains ? DRAIN_PAGES : PAGES * 4;
	assert_int_equal(mmsim_vmap_create(w->m, &params, &w->v), 0);
	return w;
}

/* Everything is one stretch, which is to be had as a whole. */
static void close_world(struct world *w)
{
	struct mmsim_vmap_info info;
	uint64_t addr;

	while (w->nr)
		assert_int_equal(mmsim_free_vmap_area(w->v, ADDR(w->block[--w->nr].page)), 0);
	mmsim_vmap_purge(w->v, 1);
	mmsim_vmap_purge(w->v, 1); /* natively what a drain had been at before the first */
	assert_counts(w);
	assert_int_equal(mmsim_vmap_info(w->v, &info), 0);
	assert_int_equal(info.lazy, 0);
	assert_int_equal(info.lazy_pages, 0);
	assert_int_equal(info.pooled, 0);
	assert_int_equal(info.free_blocks, 1);
	assert_int_equal(mmsim_alloc_vmap_area(w->v, PAGES * RIG_PAGE, RIG_PAGE, 0, 0,
					       MMSIM_GFP_KERNEL, &addr),
			 0);
	assert_int_equal(addr, BASE);
	mmsim_vmap_destroy(w->v);
	rig_close(w->m);
	free(w);
}

/* Natively a drain may be under way: what it does is not for validation to see. */
static void settle(struct world *w, const struct how *how)
{
	if (how->mode == MMSIM_NATIVE)
		mmsim_vmap_purge(w->v, 0);
}

/* Returns where everything was. */
static uint64_t run(const struct how *how, unsigned seed)
{
	struct world *w = open_world(how, seed);
	uint64_t places;

	for (unsigned g = 1; g <= GROUPS; g++) {
		w->cpu = below(w, CPUS + 1);
		if (w->cpu < CPUS)
			assert_int_equal(mmsim_run(w->m, w->cpu + 1, group, w), 0);
		else
			group(CPUS, w);
		assert_good(w, how);
		if (g % CHECK_EVERY)
			continue;
		settle(w, how);
		assert_counts(w);
	}
	places = w->places;
	close_world(w);
	return places;
}

/*
 * Each design once with areas found either way; every variant of decay and of a cap on pools is in it.
 * Without drains of their own, and without pools that drains fill in another order, places are the same.
 */
static void run_all(enum mmsim_mode mode, bool drains)
{
	for (unsigned i = 0; i < DESIGNS * MMSIM_NR_VMAP_DECAYS; i++) {
		struct how how = { mode,
				   { .design = 1 + i % DESIGNS,
				     .decay = i / DESIGNS,
				     .busy = MMSIM_VMAP_BUSY_TREE,
				     .pool_cap = i % 2 ? 8 : 0 },
				   drains };
		uint64_t tree, index;

		if (!drains && how.params.design == MMSIM_VMAP_NODES)
			how.params.nodes = 1;
		tree = run(&how, i + 1);
		how.params.busy = MMSIM_VMAP_BUSY_INDEX;
		index = run(&how, i + 1);
		if (!drains && tree != index)
			fail_msg("design %u, decay %u: other places with an index",
				 how.params.design, how.params.decay);
	}
}

static void serially(void **state)
{
	(void)state;
	run_all(MMSIM_SERIAL, true);
}

static void same_places(void **state)
{
	(void)state;
	run_all(MMSIM_SERIAL, false);
}

static void natively(void **state)
{
	(void)state;
	run_all(MMSIM_NATIVE, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serially),
		cmocka_unit_test(same_places),
		cmocka_unit_test(natively),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
