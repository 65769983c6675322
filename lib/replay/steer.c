/* SPDX-License-Identifier: MIT */
/* Ageing: steering towards what was asked for. The levers are in the table of ageing.h. */
#include "ageing.h"

#include "bits.h"
#include "frag.h"

enum {
	BATCH = 64, /* pages that are reclaimed at a time for unmovable ones to take their place */
	SAMPLES = 16, /* blocks looked at to find one that fits */
	PAGEBLOCK_SAMPLES = 64, /* the same of pageblocks */
	PATIENCE = 128, /* rounds without getting nearer */
	/* A round takes this part of what is missing, so that the index is read again meanwhile. */
	ROUND_PART = 32,
};

/* --- pageblocks with unmovable pages --- */

static uint64_t mixed_wanted(const struct mm_ageing *a)
{
	return mm_div_round_up(a->pageblocks * a->want.mixed, 1000);
}

/* A single movable page, anywhere. False: there is hardly any. */
static bool drop_single(struct mm_ageing *a)
{
	for (unsigned i = 0; i < SAMPLES; i++) {
		uint64_t cache = a->held->pool[MMSIM_AGE_PAGE_CACHE].pages;
		uint64_t anon = a->held->pool[MMSIM_AGE_ANON].pages;
		enum mmsim_age_kind kind;
		size_t slot;

		if (!(cache + anon))
			return false;
		kind = mm_rng_below(&a->rng, cache + anon) < cache ? MMSIM_AGE_PAGE_CACHE
								   : MMSIM_AGE_ANON;
		slot = mm_replay_aged_any(a->held, kind);
		if (mm_aged_order(a->held, kind, slot))
			continue;
		mm_replay_age_drop(a, kind, slot);
		return true;
	}
	return false;
}

static enum mmsim_age_kind any_slab(struct mm_ageing *a)
{
	uint64_t sum = a->want.share[MMSIM_AGE_RECLAIMABLE] + a->want.share[MMSIM_AGE_UNMOVABLE];

	if (sum && mm_rng_below(&a->rng, sum) < a->want.share[MMSIM_AGE_RECLAIMABLE])
		return MMSIM_AGE_RECLAIMABLE;
	return MMSIM_AGE_UNMOVABLE;
}

/* Full memory, reclaimed page by page, and kernel allocations that must do with what there is. */
static void spread(struct mm_ageing *a)
{
	unsigned failed = 0;

	while (a->held->mixed < mixed_wanted(a) && !mm_ageing_over(a) && failed < PATIENCE) {
		enum mmsim_age_kind kind = any_slab(a);
		unsigned nr = 0;

		while (nr < BATCH && drop_single(a))
			nr++;
		if (!nr)
			return;
		/* Off the per-CPU list, so that other types can have them. */
		mm_replay_age_drain(a->buddy);
		while (nr && mm_replay_age_take(a, kind, 0))
			nr--;
		failed = nr ? failed + 1 : 0;
	}
}

/* Of some blocks of a kind the one whose pageblock has most, or least, that does not move. */
static size_t slab_block(struct mm_ageing *a, enum mmsim_age_kind kind, bool most)
{
	size_t best = mm_replay_aged_any(a->held, kind);

	for (unsigned i = 1; i < SAMPLES; i++) {
		size_t slot = mm_replay_aged_any(a->held, kind);
		unsigned has = mm_aged_unmovable(a->held, mm_aged_pfn(a->held, kind, slot));
		unsigned had = mm_aged_unmovable(a->held, mm_aged_pfn(a->held, kind, best));

		if (most ? has > had : has < had)
			best = slot;
	}
	return best;
}

/* What is above a kind's share, out of pageblocks that have more of it. */
static void trim(struct mm_ageing *a, enum mmsim_age_kind kind)
{
	const struct mm_aged_pool *pool = &a->held->pool[kind];

	while (pool->pages > mm_replay_age_share(a, kind) && pool->nr && !mm_ageing_over(a)) {
		bool fewer = a->held->mixed > mixed_wanted(a);
		size_t slot = slab_block(a, kind, !fewer);
		uint64_t pfn = mm_aged_pfn(a->held, kind, slot);

		if (!fewer &&
		    mm_aged_unmovable(a->held, pfn) >> mm_aged_order(a->held, kind, slot) == 1)
			return;
		mm_replay_age_drop(a, kind, slot);
	}
}

/* All held blocks of a pageblock, movable ones or the objects; pinned pages stay. Returns the pages. */
static uint64_t empty_pageblock(struct mm_ageing *a, uint64_t pfn, bool movable)
{
	uint64_t at = mm_round_down(pfn, MMSIM_PAGEBLOCK_NR_PAGES);
	uint64_t end = at + MMSIM_PAGEBLOCK_NR_PAGES, before = mm_ageing_used(a);
	enum mmsim_age_kind kind;

	for (; at < end; at++) {
		const struct mmsim_page *page = mm_pfn_to_page(a->buddy->map, at);

		if (!mm_pfn_valid(a->buddy->map, at) || !mm_replay_aged_find(a->held, page, &kind))
			continue;
		if (kind != MMSIM_AGE_PINNED && mm_age_movable(kind) == movable)
			mm_replay_age_drop(a, kind, page->index);
	}
	return before - mm_ageing_used(a);
}

/*
 * Objects of the pageblocks that have fewest move to others, as long as that makes such pageblocks fewer;
 * then there are too many objects, and they go.
 */
static void gather(struct mm_ageing *a)
{
	uint64_t least = UINT64_MAX;
	unsigned idle = 0;

	while (a->held->mixed > mixed_wanted(a) && !mm_ageing_over(a) && idle < 2 * PATIENCE) {
		enum mmsim_age_kind kind = any_slab(a);
		uint64_t nr;

		idle = a->held->mixed < least ? 0 : idle + 1;
		least = mm_min(least, a->held->mixed);
		if (!a->held->pool[kind].nr)
			continue;
		nr = empty_pageblock(a, mm_aged_pfn(a->held, kind, slab_block(a, kind, false)),
				     false);
		while (idle < PATIENCE && nr && mm_replay_age_take(a, kind, 0))
			nr--;
	}
}

void mm_replay_age_mix(struct mm_ageing *a)
{
	if (!a->want.mixed)
		return;
	spread(a);
	trim(a, MMSIM_AGE_RECLAIMABLE);
	trim(a, MMSIM_AGE_UNMOVABLE);
	gather(a);
}

/* --- the unusable index --- */

/* Where things stand. */
struct state {
	uint64_t used, free;
	uint64_t fragments[MMSIM_MIGRATE_PCPTYPES]; /* free pages in small blocks */
	int64_t lacks; /* pages that would have to become fragments; below 0: the other way */
};

static struct state look(const struct mm_ageing *a)
{
	uint64_t nr_free[MMSIM_NR_PAGE_ORDERS][MMSIM_MAX_MIGRATETYPES];
	struct state s = { .used = mm_ageing_used(a) };
	struct mmsim_frag_info frag;
	uint64_t whole;

	mm_replay_age_lists(a->buddy, nr_free);
	mm_replay_frag_lists(nr_free, &frag);
	s.free = frag.free;
	whole = frag.free_pageblocks * MMSIM_PAGEBLOCK_NR_PAGES;
	for (unsigned o = 0; o < MMSIM_PAGEBLOCK_ORDER; o++)
		for (unsigned t = 0; t < MMSIM_MIGRATE_PCPTYPES; t++)
			s.fragments[t] += nr_free[o][t] << o;
	s.lacks = (int64_t)(s.free * a->want.unusable / 1000) - (int64_t)(s.free - whole);
	/* A quarter of the tolerance is near enough. */
	if ((uint64_t)(s.lacks < 0 ? -s.lacks : s.lacks) <= s.free * a->want.tolerance / 4000)
		s.lacks = 0;
	return s;
}

static void drop_singles(struct mm_ageing *a, uint64_t nr)
{
	while (nr-- && drop_single(a))
		;
}

/* Any page frame of the zones that count, memory or hole. */
static uint64_t any_pfn(struct mm_ageing *a)
{
	uint64_t at = mm_rng_below(&a->rng, a->pages), pfn = 0;

	mm_for_each_zone(zone, a->buddy) {
		if (!mm_replay_age_room(zone))
			continue;
		pfn = zone->span.start + mm_rng_below(&a->rng, zone->span.end - zone->span.start);
		if (at < zone->managed)
			break;
		at -= zone->managed;
	}
	return pfn;
}

/* A pageblock where nothing stays. False: none was found. */
static bool drop_pageblock(struct mm_ageing *a)
{
	for (unsigned i = 0; i < PAGEBLOCK_SAMPLES; i++) {
		uint64_t pfn = mm_round_down(any_pfn(a), MMSIM_PAGEBLOCK_NR_PAGES);

		if (mm_aged_unmovable(a->held, pfn) || !mm_pfn_valid(a->buddy->map, pfn) ||
		    mm_page_is_buddy(mm_pfn_to_page(a->buddy->map, pfn)))
			continue;
		if (empty_pageblock(a, pfn, true))
			return true;
	}
	return false;
}

static void drop_pageblocks(struct mm_ageing *a, uint64_t nr)
{
	uint64_t goal = mm_ageing_used(a) - mm_min(nr, mm_ageing_used(a));

	while (mm_ageing_used(a) > goal && drop_pageblock(a))
		;
}

/* Single pages of the type that has most fragments: other requests would cut whole pageblocks. */
static void fill_fragments(struct mm_ageing *a, const struct state *s, uint64_t nr)
{
	static const enum mmsim_age_kind kind_of[MMSIM_MIGRATE_PCPTYPES] = {
		[MMSIM_MIGRATE_UNMOVABLE] = MMSIM_AGE_UNMOVABLE,
		[MMSIM_MIGRATE_MOVABLE] = MMSIM_AGE_PAGE_CACHE,
		[MMSIM_MIGRATE_RECLAIMABLE] = MMSIM_AGE_RECLAIMABLE,
	};
	unsigned best = MMSIM_MIGRATE_MOVABLE;

	for (unsigned t = 0; t < MMSIM_MIGRATE_PCPTYPES; t++)
		if (s->fragments[t] > s->fragments[best])
			best = t;
	nr = mm_min(nr, mm_max(s->fragments[best], UINT64_C(1)));
	while (nr-- && mm_replay_age_take(a, kind_of[best], 0))
		;
}

static void take_pageblocks(struct mm_ageing *a, uint64_t nr)
{
	for (uint64_t got = 0; got < nr; got += MMSIM_PAGEBLOCK_NR_PAGES)
		if (!mm_replay_age_take(a, MMSIM_AGE_ANON, MMSIM_PAGEBLOCK_ORDER))
			return;
}

static uint64_t size_of_lack(const struct state *s)
{
	return (uint64_t)(s->lacks < 0 ? -s->lacks : s->lacks);
}

static uint64_t off_goal(const struct state *s, uint64_t goal)
{
	return s->used > goal ? s->used - goal : goal - s->used;
}

/* How many pages a round moves: part of what is missing, in the end what is missing. */
static uint64_t round_size(const struct state *s, uint64_t goal)
{
	uint64_t off = off_goal(s, goal);

	if (off > (uint64_t)ROUND_PART * MMSIM_PAGEBLOCK_NR_PAGES)
		return off / ROUND_PART;
	return mm_min(off, mm_max(size_of_lack(s), (uint64_t)BATCH));
}

/* One use of one lever: which is in the table of ageing.h. `slack`: of the memory in use. */
static void pull(struct mm_ageing *a, const struct state *s, uint64_t slack)
{
	bool under = s->used + slack < a->goal;
	bool over = s->used > a->goal + slack;
	uint64_t nr = over || under ? round_size(s, a->goal) : size_of_lack(s);

	if (s->lacks > 0 && under)
		take_pageblocks(a, nr);
	else if (s->lacks > 0 || (!s->lacks && over))
		drop_singles(a, nr);
	else if (over)
		drop_pageblocks(a, nr);
	else
		fill_fragments(a, s, nr);
}

/* Until nothing is missing, or nothing gets any nearer. */
static void approach(struct mm_ageing *a, uint64_t slack)
{
	uint64_t least = UINT64_MAX;
	unsigned idle = 0;

	while (!mm_ageing_over(a) && idle++ < PATIENCE) {
		struct state s = look(a);
		uint64_t missing = off_goal(&s, a->goal) + size_of_lack(&s);

		if (off_goal(&s, a->goal) <= slack && !s.lacks)
			return;
		if (missing < least)
			idle = 0;
		least = mm_min(least, missing);
		pull(a, &s, slack);
	}
}

/* First closely, then with what the tolerance allows: a few free pages are moved by single ones only. */
void mm_replay_age_settle(struct mm_ageing *a)
{
	approach(a, BATCH);
	approach(a, mm_max(a->pages * a->want.tolerance / 2000, (uint64_t)BATCH));
}
