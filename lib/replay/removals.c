/* SPDX-License-Identifier: MIT */
/* Blocks that leave the zone's lists: refills of per-CPU lists, and requests too large for them. */
#include "bits.h"
#include "engine.h"

#include "gfp.h"

static bool is_removal(const struct mmsim_trace_event *e)
{
	return e->kind == MMSIM_TRACE_ZONE_LOCKED || e->kind == MMSIM_TRACE_EXTFRAG;
}

static bool same_list(const struct mm_list_key *a, const struct mm_list_key *b)
{
	return a->zone == b->zone && a->pcp == b->pcp && a->index == b->index &&
	       a->order == b->order;
}

/* The run of removals that i is in, on its CPU. */
static const struct mm_run *run_of(struct mm_replay *r, uint32_t i)
{
	struct mm_run *run = &r->cpu[r->events[i].cpu].run;
	uint64_t pfn = r->events[i].pfn;
	uint32_t k;

	if (run->from <= i && i < run->end)
		return run;
	*run = (struct mm_run){ .from = i, .same_from = i };
	for (k = i; k != MM_NO_EVENT && is_removal(&r->events[k]); k = r->order.next_on_cpu[k])
		if (r->events[k].pfn != pfn) {
			pfn = r->events[k].pfn;
			run->same_from = k;
		}
	run->end = k;
	return run;
}

/* The request that the run of removals is for, if it has an event. */
static uint32_t request_of(struct mm_replay *r, uint32_t i, const struct mm_list_key *key,
			   bool *alone)
{
	const struct mm_run *run = run_of(r, i);
	uint32_t k = run->end;
	const struct mmsim_trace_event *e;
	struct mm_list_key of;

	*alone = run->same_from <= i;
	if (k == MM_NO_EVENT)
		return k;
	e = &r->events[k];
	if (e->kind != MMSIM_TRACE_ALLOC || !e->pfn)
		return MM_NO_EVENT;
	of = mm_replay_key(r, e->cpu, e->pfn, e->order, (enum mmsim_migratetype)e->migratetype);
	return same_list(&of, key) ? k : MM_NO_EVENT;
}

/* The pages that the simulation has removed since: what it chose, in its order. */
static size_t nr_own(const struct mm_replay_cpu *c)
{
	return c->own_removed.nr;
}

/* Of a request that is not at hand: the zone is settled, so it may fall back there. */
static unsigned refill_flags(const struct mm_list_key *key)
{
	return MM_ALLOC_WMARK_LOW | MM_ALLOC_KSWAPD |
	       (key->mt == MMSIM_MIGRATE_MOVABLE ? MM_ALLOC_CMA : 0);
}

/* Nobody saw the request: only its refill shows. */
static void refill_unseen(struct mm_list_key *key)
{
	mm_spin_lock(&key->pcp->lock);
	mm_buddy_pcp_refill(key->zone, key->pcp, key->order, key->mt, refill_flags(key));
	mm_spin_unlock(&key->pcp->lock);
}

/*
 * A removal begins that the simulation has not made: somebody asks now. If the event of the request
 * follows, it is made now; otherwise nobody saw it.
 */
static void begin(struct mm_replay *r, struct mm_replay_cpu *c, uint32_t i)
{
	struct mm_list_key *key = &c->key;
	bool alone, busy = false;
	uint32_t request = request_of(r, i, key, &alone);
	const struct mmsim_trace_event *e = request == MM_NO_EVENT ? NULL : &r->events[request];

	if (key->pcp && !mm_list_empty(&key->pcp->lists[key->index])) {
		/* One page for one request, past a list that is not empty: the list was in use. */
		busy = alone && e && e->pfn == r->events[i].pfn;
		if (!busy)
			mm_replay_clear_above(r, key, NULL, i);
	}
	if (key->pcp) {
		c->high = key->pcp->high;
		c->alloc_factor = key->pcp->alloc_factor;
	}
	if (!e) {
		if (key->pcp)
			refill_unseen(key);
		return;
	}
	if (busy)
		mm_replay_set_busy(key->pcp, true);
	mm_replay_hold(r, e->cpu, mm_replay_ask(r, e, !busy));
	if (busy)
		mm_replay_set_busy(key->pcp, false);
	c->got_here = true;
	c->begun = request;
	c->got_listed = false;
	c->refills = key->pcp && !busy;
}

/* The block was claimed from another type first, and the event of that comes second. */
static bool is_second(const struct mm_replay_cpu *c, const struct mmsim_trace_event *e)
{
	const struct mm_moves *m = &c->removed;

	return e->kind == MMSIM_TRACE_EXTFRAG && m->nr && m->v[m->nr - 1].pfn == e->pfn &&
	       m->v[m->nr - 1].order == e->order && !m->v[m->nr - 1].fallback;
}

static struct mm_moved moved(const struct mmsim_trace_event *e)
{
	return (struct mm_moved){
		.pfn = e->pfn,
		.order = e->order,
		.fallback = e->kind == MMSIM_TRACE_EXTFRAG,
		.fallback_order = e->fallback_order,
		.fallback_migratetype = e->fallback_migratetype,
	};
}

void mm_replay_removal(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i], *next;
	struct mm_replay_cpu *c = &r->cpu[e->cpu];
	struct mm_list_key key =
		mm_replay_key(r, e->cpu, e->pfn, e->order, (enum mmsim_migratetype)e->migratetype);

	mm_replay_drain_due(r, e->cpu, e);
	mm_replay_return_parked(r, e);
	if (is_second(c, e)) {
		c->removed.v[c->removed.nr - 1] = moved(e);
	} else {
		if (c->removed.nr && !same_list(&key, &c->key))
			mm_replay_settle_removals(r, e->cpu, e);
		if (!c->removed.nr) {
			c->key = key;
			c->refills = key.pcp != NULL;
		}
		if (c->removed.nr >= nr_own(c) && c->begun == MM_NO_EVENT)
			begin(r, c, i);
		mm_replay_note(r, &c->removed, moved(e), i);
	}
	next = mm_order_next_on_cpu(&r->order, i);
	if (!next || !is_removal(next))
		mm_replay_settle_removals(r, e->cpu, e);
}

static bool same_fallback(const struct mm_moved *a, const struct mm_moved *b)
{
	return b->fallback && a->pfn == b->pfn && a->fallback_order == b->fallback_order &&
	       a->fallback_migratetype == b->fallback_migratetype;
}

/* Position by position: is all as recorded? */
static bool as_recorded(const struct mm_replay_cpu *c)
{
	const struct mm_moves *real = &c->removed, *own = &c->own_removed;

	if (real->nr != own->nr)
		return false;
	for (size_t i = 0; i < real->nr; i++)
		if (own->v[i].pfn != real->v[i].pfn)
			return false;
	return true;
}

/* A block was removed, as recorded or not. */
static void count(struct mm_replay *r, const struct mm_replay_cpu *c, const struct mm_moved *real,
		  const struct mm_moved *own, const struct mmsim_trace_event *e)
{
	bool same = own && own->pfn == real->pfn;

	if (real->fallback) {
		r->report->extfrags++;
		r->report->extfrags_exact += same && same_fallback(real, own);
	}
	if (!c->refills)
		return;
	r->report->refilled++;
	r->report->refilled_exact += same;
	if (!same)
		mm_replay_mismatch(r, MMSIM_MISMATCH_REFILL, e, own ? own->pfn : 0);
}

/* What a request took is on top of its list again, so that the list can be put right. */
static void put_back(struct mm_replay *r, struct mm_replay_cpu *c)
{
	uint64_t pfn;
	struct mm_list_key of;

	if (!c->got_here || c->got_listed || !mm_replay_holds(r, (unsigned)(c - r->cpu)))
		return;
	pfn = mm_page_to_pfn(r->b->map, c->got);
	of = mm_replay_key(r, (unsigned)(c - r->cpu), pfn, c->key.order, c->key.mt);
	mm_replay_list_top(&of, c->got);
	c->got_listed = true;
}

/* The simulation's pages back to the zone, newest first, unless they have gone on. */
static void undo(struct mm_replay *r, const struct mm_moves *own)
{
	for (size_t i = own->nr; i-- > 0;) {
		struct mmsim_page *page = mm_pfn_to_page(r->b->map, own->v[i].pfn);
		struct mm_list_key key;

		if (!mm_replay_listed(page))
			continue;
		key = mm_replay_list_of(r, page);
		mm_replay_list_del(&key, page);
		mm_replay_to_zone(key.zone, page, key.order, MM_FPI_TO_HEAD);
	}
}

/* The simulation's choice; an entry of own_removed says what it was. */
static struct mmsim_page *choose(struct mm_replay_cpu *c, enum mm_rmqueue_mode *mode)
{
	struct mmsim_page *page;

	c->own_removed.nr = 0;
	mm_spin_lock(&c->key.zone->lock);
	page = mm_buddy_rmqueue(c->key.zone, c->key.order, c->key.mt, refill_flags(&c->key), mode);
	mm_spin_unlock(&c->key.zone->lock);
	return page;
}

/*
 * The block is seen next coming off a list that nobody was seen to put it on: there was a refill without
 * an event, and now that it is known, it is made.
 */
static bool refill_elsewhere(struct mm_replay *r, struct mm_replay_cpu *c, uint64_t pfn)
{
	const struct mmsim_trace_event *next = mm_order_upcoming(&r->order, pfn);
	struct mm_list_key key;

	if (mm_replay_noted(r, (unsigned)(c - r->cpu), pfn))
		return false;
	if (!next || (next->kind != MMSIM_TRACE_ALLOC && next->kind != MMSIM_TRACE_DRAIN))
		return false;
	key = mm_replay_key(r, next->cpu, pfn, next->order, c->key.mt);
	if (!key.pcp)
		return false;
	refill_unseen(&key);
	r->report->unseen_refills++;
	return true;
}

/* Until the simulation chooses the kernel's block, with what reporting may have done meanwhile. */
static struct mmsim_page *choose_again(struct mm_replay *r, struct mm_replay_cpu *c,
				       struct mmsim_page *own, uint64_t wanted,
				       enum mm_rmqueue_mode *mode)
{
	struct mm_zone *zone = c->key.zone;
	size_t parked = r->nr_parked;
	bool rotated = false, refilled = false;

	while (own && mm_page_to_pfn(r->b->map, own) != wanted) {
		uint64_t taken = mm_page_to_pfn(r->b->map, own);

		mm_replay_to_zone(zone, own, c->key.order, MM_FPI_TO_HEAD);
		own = NULL;
		if ((!rotated && (rotated = mm_replay_rotate(r, &c->key, wanted, taken))) ||
		    (!refilled && (refilled = refill_elsewhere(r, c, taken))) ||
		    mm_replay_park(r, &c->key, mm_replay_block_of(zone, taken), parked))
			own = choose(c, mode);
	}
	if (!own)
		mm_replay_unpark(r, parked, MM_FPI_TO_HEAD);
	return own;
}

/* The kernel's block on its way to the list, whatever the simulation would have. */
static void redo_one(struct mm_replay *r, struct mm_replay_cpu *c, const struct mm_moved *real,
		     enum mm_rmqueue_mode *mode, bool decided, const struct mmsim_trace_event *e)
{
	struct mmsim_page *page = mm_pfn_to_page(r->b->map, real->pfn);
	struct mmsim_page *own = choose(c, mode);
	bool same = own == page;

	count(r, c, real, decided && c->own_removed.nr ? &c->own_removed.v[0] : NULL, e);
	if (!same)
		own = choose_again(r, c, own, real->pfn, mode);
	if (!own && !mm_replay_fetch(r, page, c->key.order))
		mm_replay_seize(r, page, c->key.order);
	mm_replay_list_end(&c->key, page);
	page->mapping = same && decided ? NULL : MM_REPLAY_CORRECTED;
}

/*
 * The kernel refilled another number of single pages, because of allocations and frees that nobody saw:
 * what it goes by now.
 */
static void correct_books(struct mm_replay *r, struct mm_replay_cpu *c)
{
	struct mm_pcp *pcp = c->key.pcp;
	int nr = (int)c->removed.nr, factor = 0;

	if (c->key.order || !c->removed.nr || c->removed.nr == c->own_removed.nr)
		return;
	r->report->books_corrected++;
	while (pcp->batch << factor < nr && factor < pcp->scale_max)
		factor++;
	mm_replay_set_high(pcp, c->high + (pcp->batch << factor));
	if (pcp->batch << factor == nr)
		factor++;
	pcp->alloc_factor = (uint8_t)mm_min(factor, (int)pcp->scale_max);
}

/* The recording's refill, with the simulation's choices where they are the same. */
static void redo(struct mm_replay *r, struct mm_replay_cpu *c, const struct mmsim_trace_event *e)
{
	enum mm_rmqueue_mode mode = MM_RMQUEUE_NORMAL;
	size_t extra = c->own_removed.nr > c->removed.nr ? c->own_removed.nr - c->removed.nr : 0;
	size_t own = c->own_removed.nr;

	put_back(r, c);
	undo(r, &c->own_removed);
	for (size_t i = 0; i < c->removed.nr; i++)
		redo_one(r, c, &c->removed.v[i], &mode, i < own, e);
	for (size_t i = 0; i < extra; i++)
		mm_replay_mismatch(r, MMSIM_MISMATCH_REFILL_EXTRA, e, 0);
	c->own_removed.nr = own;
	correct_books(r, c);
}

/* A block that was taken past the lists; its allocation event counts what differs. */
static void redo_direct(struct mm_replay *r, struct mm_replay_cpu *c)
{
	enum mm_rmqueue_mode mode = MM_RMQUEUE_NORMAL;
	unsigned cpu = (unsigned)(c - r->cpu);
	struct mmsim_page *own = c->got;

	if (!mm_replay_holds(r, cpu))
		return;
	c->got = NULL;
	if (mm_buddy_page_zone(r->b, own) != c->key.zone) {
		mm_replay_to_zone(mm_buddy_page_zone(r->b, own), own, c->key.order, MM_FPI_TO_HEAD);
		return;
	}
	own = choose_again(r, c, own, c->removed.v[0].pfn, &mode);
	if (!own)
		return;
	mm_replay_own(own, c->key.order);
	own->mapping = MM_REPLAY_CORRECTED;
	mm_replay_hold(r, cpu, own);
}

void mm_replay_settle_removals(struct mm_replay *r, unsigned cpu, const struct mmsim_trace_event *e)
{
	struct mm_replay_cpu *c = &r->cpu[cpu];

	if (!c->removed.nr && !c->own_removed.nr)
		return;
	if (c->refills && !as_recorded(c))
		redo(r, c, e);
	else if (c->got && c->got_here && c->removed.nr == 1 && !as_recorded(c))
		redo_direct(r, c);
	else
		for (size_t i = 0; i < c->removed.nr; i++)
			count(r, c, &c->removed.v[i],
			      i < c->own_removed.nr ? &c->own_removed.v[i] : NULL, e);
	c->removed.nr = c->own_removed.nr = 0;
	c->got_here = false;
}
