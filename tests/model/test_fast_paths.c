/* SPDX-License-Identifier: MIT */
/*
 * The page allocator's short ways against its long ones: two machines get one random stream of requests,
 * and one of them, as somebody listens to its events, goes the long way each time. Both must hand out the
 * same pages and end up with the same books.
 *
 * Parts of a stream come from a task, whose thread soon has the bias of its lists' locks, and parts from a
 * thread outside, which never has and takes it away: so all ways are gone, also in mid-stream.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "time_box.h"
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fewer under a sanitizer. */
enum { SEEDS = 24 / (TIME_BOX_PART * TIME_BOX_PART) };
enum { PARTS = 12, STEPS = 20, LIVE = 40000, MOST = 4000, BULK = 500 };

struct block {
	struct mmsim_page *page;
	unsigned order;
};

struct side {
	struct mmsim *m;
	uint64_t state; /* of the random stream */
	uint64_t hash; /* of all that could be seen so far */
	uint64_t seen[PARTS * STEPS]; /* hash after each step */
	unsigned nr_seen;
	unsigned refused; /* frees */
	unsigned nr;
	struct block block[LIVE];
};

/* What a step does to up to MOST blocks. */
enum deed { TAKE_BULK, TAKE_ALIKE, TAKE_ANY, GIVE_NEWEST, GIVE_OLDEST, GIVE_ANY, NR_DEEDS };

struct wish {
	mmsim_gfp_t gfp;
	unsigned order;
};

/* xorshift64*: 0 to n - 1. */
static unsigned below(struct side *s, unsigned n)
{
	s->state ^= s->state >> 12;
	s->state ^= s->state << 25;
	s->state ^= s->state >> 27;
	return (unsigned)((s->state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static void see(struct side *s, uint64_t what)
{
	s->hash = (s->hash ^ what) * UINT64_C(1099511628211);
	s->hash ^= s->hash >> 29;
}

static struct wish any_wish(struct side *s)
{
	/* 9 has lists too, 4 and 10 have none. */
	static const unsigned orders[] = { 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 9, 10 };
	static const mmsim_gfp_t gfps[] = {
		MMSIM_GFP_HIGHUSER_MOVABLE, MMSIM_GFP_HIGHUSER_MOVABLE,
		MMSIM_GFP_KERNEL,           MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE,
		MMSIM_GFP_ATOMIC,
	};

	return (struct wish){ .order = orders[below(s, 13)], .gfp = gfps[below(s, 5)] };
}

/* Leaves traces that a page handed out again must not have. */
static void own(struct side *s, struct mmsim_page *page, unsigned order)
{
	see(s, mmsim_page_to_pfn(s->m, page));
	see(s, page->priv ^ page->index ^ (page->mapping != NULL) ^ page->refcount);
	page->priv = s->state;
	page->index = 1;
	page->mapping = page;
	s->block[s->nr++] = (struct block){ page, order };
}

/* False: none was to be had. */
static bool take(struct side *s, const struct wish *wish)
{
	struct mmsim_page *page = mmsim_alloc_pages(s->m, wish->gfp, wish->order);

	if (page)
		own(s, page, wish->order);
	else
		see(s, UINT64_MAX);
	return page;
}

/* Always the long way, but for its last resort; leaves behind what the next request finds. */
static void take_bulk(struct side *s, mmsim_gfp_t gfp, size_t most)
{
	struct mmsim_page *pages[BULK];
	size_t room = LIVE - s->nr < BULK ? LIVE - s->nr : BULK;
	size_t got = mmsim_alloc_pages_bulk(s->m, gfp, most < room ? most : room, pages);

	for (size_t i = 0; i < got; i++)
		own(s, pages[i], 0);
	see(s, got);
}

static void give(struct side *s, unsigned i)
{
	struct block b = s->block[i];

	s->block[i] = s->block[--s->nr];
	s->refused += mmsim_free_pages(s->m, b.page, b.order) != 0;
}

static unsigned which(struct side *s, enum deed deed, unsigned k)
{
	if (deed == GIVE_NEWEST)
		return s->nr - 1;
	return deed == GIVE_OLDEST ? k % s->nr : below(s, s->nr);
}

static void do_deed(struct side *s, enum deed deed, unsigned times)
{
	struct wish wish = any_wish(s);

	if (deed == TAKE_BULK)
		take_bulk(s, wish.gfp, times);
	for (unsigned k = 0; deed != TAKE_BULK && k < times; k++) {
		if (deed == TAKE_ANY)
			wish = any_wish(s);
		if (deed <= TAKE_ANY) {
			if (s->nr == LIVE || !take(s, &wish))
				return;
		} else {
			if (!s->nr)
				return;
			give(s, which(s, deed, k));
		}
	}
}

static void see_zone(struct side *s, enum mmsim_zone_type type)
{
	struct mmsim_zone_info info;

	if (mmsim_zone_info(s->m, 0, type, &info))
		return;
	see(s, info.free);
	see(s, info.pcp);
	see(s, info.stat.refilled ^ info.stat.drained << 20 ^ info.stat.kswapd_wakes << 40);
	see(s, info.stat.claims ^ info.stat.steals << 20 ^ info.stat.boosts << 40);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			see(s, info.nr_free[o][t]);
}

static void step(struct side *s)
{
	unsigned what = below(s, 40);

	if (what == 0)
		mmsim_drain_all_pages(s->m);
	if (what == 1)
		see(s, mmsim_vmstat_update(s->m));
	do_deed(s, (enum deed)below(s, NR_DEEDS), 1 + below(s, below(s, 6) ? 200 : MOST));
	if (what < 10)
		for (unsigned type = 0; type < MMSIM_NR_ZONES; type++)
			see_zone(s, (enum mmsim_zone_type)type);
	s->seen[s->nr_seen++] = s->hash;
}

static void part(unsigned i, void *arg)
{
	(void)i;
	for (unsigned k = 0; k < STEPS; k++)
		step(arg);
}

static void unheard(void *ctx, const struct mmsim_event *event)
{
	(void)ctx;
	(void)event;
}

/* When, in the stream. */
static void kswapd(void *ctx, unsigned node, unsigned order)
{
	see(ctx, UINT64_MAX - 1 - order - node);
}

/* Small ones run short of pages; the others have two zones that serve most requests. */
static struct mmsim *create(unsigned seed, bool listened_to)
{
	static const uint64_t mib[4] = { 0, 256, 20, 128 };
	struct mmsim_config *cfg = malloc(sizeof(*cfg));
	struct mmsim *m;

	assert_non_null(cfg);
	mmsim_config_defaults(cfg);
	cfg->nr_cpus = 1;
	cfg->flags = MMSIM_NO_PIN;
	if (seed % 4) {
		cfg->nr_ranges = 0;
		mmsim_config_add_range(cfg, MMSIM_RANGE_RAM, 0, 0, mib[seed % 4] << 20);
	}
	if (seed % 3 == 1)
		cfg->policy.pcp_free = MMSIM_PCP_FREE_WHOLE;
	if (seed % 5 == 3) /* a list's bounds the wrong way round */
		cfg->policy.watermark_scale_factor = 3000;
	if (seed % 5 == 2)
		cfg->policy.percpu_pagelist_high_fraction = 64;
	assert_int_equal(mmsim_create(cfg, &m), 0);
	if (listened_to)
		mmsim_trace_set(m, unheard, NULL);
	free(cfg);
	return m;
}

static void run_side(struct side *s, unsigned seed, bool listened_to)
{
	memset(s, 0, sizeof(*s));
	s->m = create(seed, listened_to);
	mmsim_kswapd_set(s->m, kswapd, s);
	s->state = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	for (unsigned p = 0; p < PARTS; p++)
		if (p % 3 == 2)
			part(0, s);
		else
			assert_int_equal(mmsim_run(s->m, 1, part, s), 0);
	while (s->nr)
		give(s, s->nr - 1);
	mmsim_drain_all_pages(s->m);
	see(s, mmsim_validate(s->m));
	mmsim_destroy(s->m);
}

static void compare(const struct side *slow, const struct side *fast, unsigned seed)
{
	for (unsigned i = 0; i < PARTS * STEPS; i++)
		if (slow->seen[i] != fast->seen[i])
			fail_msg("seed %u: the machines differ after step %u, in part %u", seed, i,
				 i / STEPS);
	assert_int_equal(slow->hash, fast->hash);
	assert_int_equal(slow->refused, 0);
	assert_int_equal(fast->refused, 0);
}

static void short_ways_lead_where_long_ones_do(void **state)
{
	struct side *side = calloc(2, sizeof(*side));

	(void)state;
	assert_non_null(side);
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		run_side(&side[0], seed, true);
		run_side(&side[1], seed, false);
		compare(&side[0], &side[1], seed);
	}
	free(side);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_ways_lead_where_long_ones_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
