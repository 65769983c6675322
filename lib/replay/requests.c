/* SPDX-License-Identifier: MIT */
/* Allocations and frees of a recording, and what is done when ours differ. */
#include "bits.h"
#include "engine.h"
#include "gfp.h"

/* What is in a movable page could be moved: what the kernel tells by its being on an LRU list. */
static void mark_movable(struct mmsim_page *page, unsigned order, bool on)
{
	const uint64_t lru = UINT64_C(1) << MMSIM_PG_LRU;

	for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
		page[i].flags = on ? page[i].flags | lru : page[i].flags & ~lru;
}

struct mmsim_page *mm_replay_ask(struct mm_replay *r, const struct mmsim_trace_event *e,
				 bool may_wait)
{
	mmsim_gfp_t gfp = may_wait ? e->gfp : e->gfp & ~MMSIM___GFP_DIRECT_RECLAIM;

	/* An event without flags, or of a kernel that names them otherwise, still says the type. */
	if ((unsigned)mm_gfp_migratetype(gfp) != e->migratetype &&
	    e->migratetype < MMSIM_MIGRATE_PCPTYPES)
		gfp = (gfp & ~MM_GFP_MOBILITY) | (mmsim_gfp_t)e->migratetype
							 << MM_GFP_MOBILITY_SHIFT;
	return mm_buddy_alloc_pages(r->b, MMSIM_NUMA_NO_NODE, gfp, e->order);
}

static void exact(struct mm_replay *r)
{
	r->report->exact++;
	r->run++;
	r->report->longest_run = mm_max(r->report->longest_run, r->run);
}

static void inexact(struct mm_replay *r, enum mmsim_mismatch kind,
		    const struct mmsim_trace_event *e, const struct mmsim_page *own)
{
	r->run = 0;
	mm_replay_mismatch(r, kind, e, own ? mm_page_to_pfn(r->b->map, own) : 0);
}

/* Pages that hints say have gone from the top of the list by now. */
static void apply_hints(struct mm_replay *r, const struct mm_list_key *key, uint32_t i)
{
	mm_list *head;

	if (!r->nr_hints || !key->pcp)
		return;
	head = &key->pcp->lists[key->index];
	while (!mm_list_empty(head)) {
		struct mmsim_page *page = mm_list_first(head, struct mmsim_page, lru);
		uint64_t pfn = mm_page_to_pfn(r->b->map, page);

		if (!mm_replay_hinted(r, pfn, MMSIM_HINT_UNTRACED_ALLOC, r->events[i].line))
			return;
		mm_replay_list_del(key, page);
		mm_replay_own(page, key->order);
		r->report->unseen_allocs += UINT64_C(1) << key->order;
	}
}

/* A block that the kernel did not hand out goes back to where it came from. */
static void give_back(struct mm_replay *r, const struct mmsim_trace_event *e,
		      struct mmsim_page *own)
{
	uint64_t pfn = mm_page_to_pfn(r->b->map, own);
	struct mm_list_key key =
		mm_replay_key(r, e->cpu, pfn, e->order, (enum mmsim_migratetype)e->migratetype);

	mark_movable(own, e->order, false);
	if (key.pcp)
		mm_replay_list_top(&key, own);
	else
		mm_replay_to_zone(key.zone, own, e->order, MM_FPI_TO_HEAD);
}

/* The page is on the list it should be on: below pages that went out unseen, or are asked for later. */
static enum mmsim_mismatch take_deeper(struct mm_replay *r, struct mmsim_page *page, uint32_t i,
				       const struct mm_list_key *key, bool *fine)
{
	unsigned found = mm_replay_clear_above(r, key, page, i);

	mm_replay_list_del(key, page);
	*fine = !(found & ~(unsigned)(MM_GONE_EARLY | MM_GONE_HINTED | MM_GONE_RECENT));
	r->report->late += *fine && found & (MM_GONE_RECENT | MM_GONE_EARLY);
	return found & MM_GONE_STAYS ? MMSIM_MISMATCH_LIST_ORDER : MMSIM_MISMATCH_SKIPPED;
}

static bool is_on(struct mm_replay *r, struct mmsim_page *page, const struct mm_list_key *key)
{
	struct mm_list_key of;

	if (!mm_replay_listed(page))
		return false;
	of = mm_replay_list_of(r, page);
	return of.pcp == key->pcp && of.index == key->index;
}

/* F1: the kernel's page instead of ours, wherever it is. */
static void take_instead(struct mm_replay *r, uint32_t i, struct mmsim_page *own)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mmsim_page *page = mm_pfn_to_page(r->b->map, e->pfn);
	struct mm_list_key key =
		mm_replay_key(r, e->cpu, e->pfn, e->order, (enum mmsim_migratetype)e->migratetype);
	enum mmsim_mismatch kind = MMSIM_MISMATCH_IN_USE;
	bool fine = false;

	if (own)
		give_back(r, e, own);
	if (is_on(r, page, &key)) {
		kind = take_deeper(r, page, i, &key, &fine);
	} else {
		bool listed = mm_replay_listed(page);

		if (mm_replay_fetch(r, page, e->order))
			kind = listed ? MMSIM_MISMATCH_OTHER_LIST : MMSIM_MISMATCH_IN_ZONE;
	}
	if (kind != MMSIM_MISMATCH_IN_USE)
		mm_replay_own(page, e->order);
	else
		mm_replay_seize(r, page, e->order);
	if (fine)
		exact(r);
	else
		inexact(r, kind, e, own);
}

/* What the request gives: now, or when its refill was seen. */
static struct mmsim_page *answer(struct mm_replay *r, uint32_t i, const struct mm_list_key *key)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mm_replay_cpu *c = &r->cpu[e->cpu];
	struct mmsim_page *page;

	if (c->begun != i) {
		apply_hints(r, key, i);
		return mm_replay_ask(r, e, true);
	}
	page = mm_replay_holds(r, e->cpu) ? c->got : NULL;
	c->begun = MM_NO_EVENT;
	c->got = NULL;
	if (!c->got_listed)
		return page;
	c->got_listed = false;
	if (mm_list_empty(&key->pcp->lists[key->index]))
		return NULL;
	page = mm_list_first(&key->pcp->lists[key->index], struct mmsim_page, lru);
	mm_replay_list_del(key, page);
	mm_replay_own(page, key->order);
	return page;
}

/* The kernel had none. */
static void alloc_failed(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mmsim_page *own = mm_replay_ask(r, e, true);

	if (!own) {
		exact(r);
		return;
	}
	give_back(r, e, own);
	inexact(r, MMSIM_MISMATCH_FAILED, e, own);
}

static void settle(struct mm_replay *r, const struct mmsim_trace_event *e)
{
	mm_replay_settle_removals(r, e->cpu, e);
	mm_replay_drain_due(r, e->cpu, e);
}

void mm_replay_alloc(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mmsim_page *page = mm_pfn_to_page(r->b->map, e->pfn), *own;
	struct mm_list_key key;
	bool corrected;

	settle(r, e);
	r->report->allocs++;
	if (!e->pfn) {
		alloc_failed(r, i);
		return;
	}
	if (page->refcount && page->mapping == MM_REPLAY_EARLY && page->order == e->order) {
		page->mapping = NULL;
		r->report->late++;
		exact(r);
		mark_movable(page, e->order, e->migratetype == MMSIM_MIGRATE_MOVABLE);
		return;
	}
	key = mm_replay_key(r, e->cpu, e->pfn, e->order, (enum mmsim_migratetype)e->migratetype);
	corrected = page->mapping == MM_REPLAY_CORRECTED;
	own = answer(r, i, &key);
	if (own == page && !corrected)
		exact(r);
	else if (own == page)
		inexact(r, MMSIM_MISMATCH_CORRECTED, e, own);
	/* A refill here that was none there. */
	mm_replay_settle_removals(r, e->cpu, e);
	if (own != page)
		take_instead(r, i, own);
	page->mapping = NULL;
	mark_movable(page, e->order, e->migratetype == MMSIM_MIGRATE_MOVABLE);
}

/* Freed, so somebody had it: it went out unseen, with those above it. */
static void free_of_listed(struct mm_replay *r, struct mmsim_page *page, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mm_list_key key = mm_replay_list_of(r, page);
	bool hinted = mm_replay_hinted(r, e->pfn, MMSIM_HINT_UNTRACED_ALLOC, e->line);

	mm_replay_clear_above(r, &key, page, i);
	mm_replay_list_del(&key, page);
	mm_replay_own(page, key.order);
	r->report->unseen_allocs += UINT64_C(1) << key.order;
	if (!hinted)
		mm_replay_mismatch(r, MMSIM_MISMATCH_FREE_LISTED, e, 0);
}

/* F1: the block is allocated, and as one block. */
static void make_owned(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mmsim_page *page = mm_pfn_to_page(r->b->map, e->pfn);
	bool part;

	if (mm_replay_listed(page)) {
		free_of_listed(r, page, i);
	} else if (!page->refcount && mm_replay_fetch(r, page, e->order)) {
		mm_replay_own(page, e->order);
		mm_replay_mismatch(r, MMSIM_MISMATCH_FREE_FREE, e, 0);
	}
	/* Not what a request of another CPU will get. */
	if (page->refcount)
		page->index = 0;
	part = !page->refcount || page->order > e->order;
	if (mm_replay_adopt(r->b, page, e->order) && !part)
		return;
	mm_replay_mismatch(r, MMSIM_MISMATCH_FREE_SPLIT, e, 0);
	mm_replay_seize(r, page, e->order);
}

/* Past the list: because somebody has its lock. */
static void free_direct(struct mm_replay *r, const struct mmsim_trace_event *e)
{
	struct mm_list_key key = mm_replay_key(r, e->cpu, e->pfn, 0, MMSIM_MIGRATE_MOVABLE);

	mm_replay_set_busy(key.pcp, true);
	mm_buddy_free_pfn(r->b, e->pfn, mm_pfn_to_page(r->b->map, e->pfn)->order);
	mm_replay_set_busy(key.pcp, false);
	r->report->direct_frees++;
}

void mm_replay_free(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mmsim_page *page = mm_pfn_to_page(r->b->map, e->pfn);

	settle(r, e);
	if (e->kind == MMSIM_TRACE_FREE) {
		r->report->frees++;
		make_owned(r, i);
		mark_movable(page, e->order, false);
		/* It goes to its list with those that are freed with it. */
		if (e->flag)
			return;
	}
	if (!page->refcount)
		return;
	if (r->direct[i])
		free_direct(r, e);
	else
		mm_buddy_free_pfn(r->b, e->pfn, page->order);
	r->freed[e->pfn] = i + 1;
	if (mm_replay_listed(page)) {
		r->cpu[e->cpu].freed_zone = mm_buddy_page_zone(r->b, page);
		r->cpu[e->cpu].freed_index = (unsigned)page->index;
		r->cpu[e->cpu].freed_ns = e->ns;
	}
}
