/* SPDX-License-Identifier: MIT */
/* Ageing: its parameters, its course, its report. */
#include "ageing.h"

#include "bits.h"
#include "books.h"
#include "frag.h"
#include "watermark.h"
#include <errno.h>

enum {
	TOLERANCE = 20, /* default, thousandths */
	TURNOVER = 500, /* default, thousandths */
	STEPS_PER_PAGE = 64, /* default of max_steps */
	MOST_SHARE = 1000000,
	MOST_TURNOVER = 100000,
	MOST_TOLERANCE = 500,
};

static const uint32_t default_share[MMSIM_NR_AGE_KINDS] = {
	[MMSIM_AGE_PAGE_CACHE] = 450, [MMSIM_AGE_ANON] = 350,  [MMSIM_AGE_RECLAIMABLE] = 80,
	[MMSIM_AGE_UNMOVABLE] = 100,  [MMSIM_AGE_PINNED] = 20,
};

/* How fast each kind is turned over, by the pages that there are of it. */
static const uint32_t pace[MMSIM_NR_AGE_KINDS] = {
	[MMSIM_AGE_PAGE_CACHE] = 4,
	[MMSIM_AGE_ANON] = 2,
	[MMSIM_AGE_RECLAIMABLE] = 3,
	[MMSIM_AGE_UNMOVABLE] = 3,
};

const char *mm_replay_ageing_check(const struct mmsim_ageing *params)
{
	if (!params->fill || params->fill > 1000)
		return "fill";
	if (params->unusable > 1000)
		return "unusable";
	if (params->mixed > 1000)
		return "mixed";
	if (params->tolerance > MOST_TOLERANCE)
		return "tolerance";
	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		if (params->share[k] > MOST_SHARE)
			return "share";
	return params->turnover > MOST_TURNOVER ? "turnover" : NULL;
}

uint64_t mm_replay_age_room(const struct mm_zone *zone)
{
	uint64_t kept = mm_zone_count(&zone->watermark[MM_WMARK_HIGH]) +
			zone->lowmem_reserve[MMSIM_ZONE_MOVABLE];

	return zone->managed > kept ? zone->managed - kept : 0;
}

void mm_replay_age_drain(const struct mm_buddy *b)
{
	mm_for_each_zone(zone, b)
		mm_buddy_pcp_drain(zone, mm_task_current()->cpu);
}

void mm_replay_age_lists(const struct mm_buddy *b,
			 uint64_t nr_free[MMSIM_NR_PAGE_ORDERS][MMSIM_MAX_MIGRATETYPES])
{
	struct mmsim_zone_info info;

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
			nr_free[o][t] = 0;
	mm_replay_age_drain(b);
	mm_for_each_zone(zone, b) {
		if (!mm_replay_age_room(zone))
			continue;
		mm_replay_zone_books(zone, &info);
		for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
			for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
				nr_free[o][t] += info.nr_free[o][t];
	}
}

static void set_defaults(struct mmsim_ageing *want, uint64_t pages)
{
	bool none = true;

	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		none &= !want->share[k];
	for (unsigned k = 0; none && k < MMSIM_NR_AGE_KINDS; k++)
		want->share[k] = default_share[k];
	want->tolerance = want->tolerance ? want->tolerance : TOLERANCE;
	want->turnover = want->turnover ? want->turnover : TURNOVER;
	want->max_steps = want->max_steps ? want->max_steps : pages * STEPS_PER_PAGE;
}

static uint64_t free_pages(const struct mm_buddy *b)
{
	uint64_t nr_free[MMSIM_NR_PAGE_ORDERS][MMSIM_MAX_MIGRATETYPES];
	struct mmsim_frag_info frag;

	mm_replay_age_lists(b, nr_free);
	mm_replay_frag_lists(nr_free, &frag);
	return frag.free;
}

/* What the machine has, before anything is done to it. */
static void survey(struct mm_ageing *a)
{
	struct mmsim_zone_info info;

	mm_for_each_zone(zone, a->buddy) {
		uint64_t room = mm_replay_age_room(zone);

		if (!room)
			continue;
		mm_buddy_pcp_drain_all(zone);
		mm_replay_zone_books(zone, &info);
		a->nr_nodes += !a->node_room[zone->node];
		a->node_room[zone->node] += room;
		a->room += room;
		a->pages += info.managed;
		for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			a->pageblocks += info.pageblocks[t];
	}
	a->others = a->pages - free_pages(a->buddy);
	a->goal = (uint64_t)((unsigned __int128)a->pages * a->want.fill / 1000);
}

/* Whose pages are missing, each as likely as many are; page cache takes all that is left. */
static enum mmsim_age_kind in_need(struct mm_ageing *a)
{
	uint64_t lack[MMSIM_NR_AGE_KINDS], sum = 0, at;
	unsigned k;

	for (k = 0; k < MMSIM_NR_AGE_KINDS; k++) {
		uint64_t share = mm_replay_age_share(a, (enum mmsim_age_kind)k);
		uint64_t has = a->held->pool[k].pages;

		lack[k] = share > has ? share - has : 0;
		sum += lack[k];
	}
	if (!sum)
		return MMSIM_AGE_PAGE_CACHE;
	at = mm_rng_below(&a->rng, sum);
	for (k = 0; at >= lack[k]; k++)
		at -= lack[k];
	return (enum mmsim_age_kind)k;
}

/* How often a kind gives back, when a process gives back much more at once than others do. */
static uint64_t weight(const struct mm_ageing *a, enum mmsim_age_kind kind)
{
	enum { AT_ONCE = 16 };
	uint64_t pages = a->held->pool[kind].pages;

	if (kind == MMSIM_AGE_ANON)
		return pages ? pace[kind] * MM_AGED_PROCESSES : 0;
	return mm_div_round_up(pages * pace[kind], AT_ONCE);
}

/* False: nobody can. */
static bool who_goes(struct mm_ageing *a, enum mmsim_age_kind *kind)
{
	uint64_t sum = 0, at;

	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		sum += weight(a, (enum mmsim_age_kind)k);
	if (!sum)
		return false;
	at = mm_rng_below(&a->rng, sum);
	for (*kind = 0; at >= weight(a, *kind); ++*kind)
		at -= weight(a, *kind);
	return true;
}

/* Pages that went. */
static uint64_t let_go(struct mm_ageing *a)
{
	uint64_t before = mm_ageing_used(a);
	enum mmsim_age_kind kind;

	if (who_goes(a, &kind))
		mm_replay_age_death(a, kind);
	return before - mm_ageing_used(a);
}

/* As many pages in use; an eighth of those that come go again meanwhile. False: memory is full. */
static bool fill(struct mm_ageing *a, uint64_t pages)
{
	uint64_t came = 0, went = 0, before;

	while ((before = mm_ageing_used(a)) < pages && !mm_ageing_over(a)) {
		if (!mm_replay_age_birth(a, in_need(a), pages - before))
			return false;
		came += mm_ageing_used(a) - before;
		if (went * 8 < came)
			went += let_go(a) + 1;
	}
	return true;
}

/* Something goes, something comes. */
static void turn_over(struct mm_ageing *a, uint64_t full)
{
	uint64_t pages = (uint64_t)((unsigned __int128)a->pages * a->want.turnover / 1000);
	uint64_t went = 0, used;

	while (went < pages && !mm_ageing_over(a)) {
		went += let_go(a) + 1;
		while ((used = mm_ageing_used(a)) < full && !mm_ageing_over(a))
			if (!mm_replay_age_birth(a, in_need(a), full - used))
				break;
	}
}

/* Who has most above its share; nobody has pinned pages to give. */
static enum mmsim_age_kind who_has_most(const struct mm_ageing *a)
{
	enum mmsim_age_kind best = MMSIM_AGE_PAGE_CACHE;
	int64_t most = INT64_MIN;

	for (enum mmsim_age_kind k = 0; k < MMSIM_AGE_PINNED; k++) {
		int64_t above =
			(int64_t)a->held->pool[k].pages - (int64_t)mm_replay_age_share(a, k);

		if (above > most && a->held->pool[k].nr) {
			best = k;
			most = above;
		}
	}
	return best;
}

/* Nothing is to be steered: less, in the order of lifetimes. */
static void shrink(struct mm_ageing *a)
{
	for (unsigned idle = 0; mm_ageing_used(a) > a->goal && !mm_ageing_over(a) && idle < 64;) {
		uint64_t before = mm_ageing_used(a);

		mm_replay_age_death(a, who_has_most(a));
		idle = mm_ageing_used(a) < before ? 0 : idle + 1;
	}
	fill(a, a->goal);
}

static void run(struct mm_ageing *a)
{
	uint64_t full = mm_max(a->room, a->goal);

	fill(a, full);
	turn_over(a, full);
	mm_replay_age_mix(a);
	if (a->want.unusable)
		mm_replay_age_settle(a);
	else
		shrink(a);
}

static bool near(uint64_t is, uint64_t wanted, uint64_t tolerance)
{
	return is + tolerance >= wanted && is <= wanted + tolerance;
}

static bool reached(const struct mmsim_ageing_report *r, const struct mmsim_ageing *want)
{
	return near(r->fill, want->fill, want->tolerance) &&
	       (!want->unusable || near(r->unusable, want->unusable, want->tolerance)) &&
	       (!want->mixed || near(r->mixed, want->mixed, want->tolerance));
}

static uint32_t thousandths(uint64_t part, uint64_t of)
{
	return of ? (uint32_t)((unsigned __int128)part * 1000 / of) : 0;
}

/* Free blocks, pageblocks and pages of a zone into the sums. */
static void add_zone(struct mm_zone *zone, struct mmsim_ageing_report *r)
{
	struct mmsim_frag_info frag;

	mm_replay_frag_info(zone, &frag);
	r->pages += zone->managed;
	r->free += frag.free;
	r->free_2m += frag.free_huge;
	r->mixed_pageblocks += frag.unmovable_pageblocks;
	for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
		r->pageblocks += frag.pageblocks[t];
}

void mm_replay_ageing_report(struct mmsim_aged *aged, struct mmsim_ageing_report *r)
{
	uint64_t nr_free[MMSIM_NR_PAGE_ORDERS][MMSIM_MAX_MIGRATETYPES];
	struct mmsim_frag_info frag;

	*r = (struct mmsim_ageing_report){
		.allocations = aged->allocations,
		.frees = aged->frees,
		.failures = aged->failures,
		.steps = aged->allocations + aged->frees + aged->failures,
	};
	mm_for_each_zone(zone, aged->buddy) {
		mm_buddy_pcp_drain_all(zone);
		if (mm_replay_age_room(zone))
			add_zone(zone, r);
	}
	mm_replay_age_lists(aged->buddy, nr_free);
	mm_replay_frag_lists(nr_free, &frag);
	for (unsigned k = 0; k < MMSIM_NR_AGE_KINDS; k++)
		r->held[k] = aged->pool[k].pages;
	r->unusable = frag.order[MMSIM_PAGEBLOCK_ORDER].unusable;
	r->fill = thousandths(r->pages - r->free, r->pages);
	r->mixed = thousandths(r->mixed_pageblocks, r->pageblocks);
}

int mm_replay_age(struct mm_buddy *b, const struct mmsim_ageing *params, struct mmsim_aged **out,
		  struct mmsim_ageing_report *report)
{
	struct mm_ageing a = {
		.buddy = b,
		.want = *params,
		.held = mm_replay_aged_new(b, params->seed),
		.rng = mm_rng_split(params->seed, 1),
	};

	if (!a.held)
		return -ENOMEM;
	survey(&a);
	set_defaults(&a.want, a.pages);
	run(&a);
	if (a.held->no_memory) {
		mm_replay_aged_release(a.held, 1000);
		mm_replay_aged_delete(a.held);
		return -ENOMEM;
	}
	mm_replay_ageing_report(a.held, report);
	report->met = reached(report, &a.want);
	*out = a.held;
	return 0;
}
