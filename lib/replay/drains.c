/* SPDX-License-Identifier: MIT */
/* Blocks that go from per-CPU lists back to the zone. */
#include "bits.h"
#include "engine.h"
#include "pageblock.h"
#include "pcp_tune.h"
#include <limits.h>

/* A free waits no longer than this for the zone's lock before it drains. */
#define DRAIN_NS 1000000u

static void set_due(struct mm_replay_cpu *c, struct mm_zone *zone, int nr, int most, unsigned index)
{
	c->due_zone = zone;
	c->due = nr;
	c->due_index = index;
	c->due_most = most;
}

/* Pages that are drained because the kernel did, beyond what was decided here. */
static void prompted(struct mm_replay *r, int pages, int decided)
{
	r->report->drained_prompted += (uint64_t)mm_max(pages - mm_max(decided, 0), 0);
}

static void slice(struct mm_replay *r, struct mm_replay_cpu *c)
{
	struct mm_pcp *pcp = mm_per_cpu(&c->due_zone->pcps, (unsigned)(c - r->cpu));

	mm_spin_lock(&pcp->lock);
	c->due = mm_buddy_pcp_drain_slice(c->due_zone, pcp, c->due, c->due_most, c->due_index);
	mm_spin_unlock(&pcp->lock);
	if (!c->due)
		mm_buddy_pcp_drained(c->due_zone);
}

/*
 * Something else happens on the CPU, so the kernel did not drain what is due here: its list may be longer,
 * because its vmstat worker has not run when ours would have, or has run when ours has not.
 */
void mm_replay_drain_due(struct mm_replay *r, unsigned cpu, const struct mmsim_trace_event *e)
{
	struct mm_replay_cpu *c = &r->cpu[cpu];
	struct mm_pcp *pcp;

	if (c->own_drained.nr || c->drained.nr)
		mm_replay_settle_drains(r, cpu, e);
	if (!c->due)
		return;
	/* How long, its next drain will tell. */
	pcp = mm_per_cpu(&c->due_zone->pcps, cpu);
	mm_replay_set_high(pcp, pcp->high_max);
	c->due = 0;
	r->report->books_corrected++;
	mm_replay_mismatch(r, MMSIM_MISMATCH_DRAIN_EXTRA, e, 0);
}

static struct mm_zone *zone_of(const struct mm_replay *r, const struct mmsim_trace_event *e)
{
	return mm_buddy_page_zone(r->b, mm_pfn_to_page(r->b->map, e->pfn));
}

/* Is event k one more drain of the zone? */
static bool is_drain(const struct mm_replay *r, uint32_t k, const struct mm_zone *zone)
{
	return k != MM_NO_EVENT && r->events[k].kind == MMSIM_TRACE_DRAIN &&
	       zone_of(r, &r->events[k]) == zone;
}

/* Pages that the run of drains from i on gives back to one zone. */
static int length(const struct mm_replay *r, uint32_t i)
{
	const struct mm_zone *zone = zone_of(r, &r->events[i]);
	int pages = 0;

	for (uint32_t k = i; is_drain(r, k, zone) && pages < INT_MAX / 4;
	     k = r->order.next_on_cpu[k])
		pages += 1 << r->events[k].order;
	return pages;
}

/*
 * Is the run what comes of draining so many pages, at most `most` at a time? The last block each time may
 * be too large, and so there may be nothing left in the end.
 */
static bool makes_up(const struct mm_replay *r, uint32_t i, const struct mm_pcp *pcp, int pages,
		     int most)
{
	const struct mm_zone *zone = zone_of(r, &r->events[i]);
	int drained = 0;
	uint32_t k = i;

	for (; pages > 0; pages -= most)
		for (int left = mm_min(pages, most); left > 0; k = r->order.next_on_cpu[k]) {
			if (!is_drain(r, k, zone))
				return drained >= pcp->count;
			drained += 1 << r->events[k].order;
			left -= 1 << r->events[k].order;
		}
	return !is_drain(r, k, zone);
}

/*
 * A free found the list too long that is not too long here: the vmstat worker has lowered high since. It
 * leaves no event; the length at which the kernel drains says what it is.
 */
static bool lower_high(struct mm_replay *r, const struct mmsim_trace_event *e)
{
	struct mm_replay_cpu *c = &r->cpu[e->cpu];
	struct mm_zone *zone = zone_of(r, e);
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, e->cpu);

	if (c->freed_zone != zone || e->ns - c->freed_ns > DRAIN_NS || pcp->count <= pcp->high_min)
		return false;
	set_due(c, zone, mm_buddy_nr_pcp_surplus(pcp, pcp->count), mm_buddy_pcp_slice(zone, pcp),
		c->freed_index);
	prompted(r, c->due, 0);
	mm_replay_set_high(pcp, mm_max(pcp->count, pcp->free_count + pcp->batch));
	r->report->books_corrected++;
	return true;
}

/* Lists that go back whole, of whichever CPU: drain_all_pages() does all of it itself. */
static void drain_whole(struct mm_replay *r, uint32_t i)
{
	struct mm_replay_cpu *c = &r->cpu[r->events[i].cpu];
	struct mm_zone *zone = zone_of(r, &r->events[i]);

	for (uint32_t k = i; is_drain(r, k, zone);) {
		struct mmsim_page *page = mm_pfn_to_page(r->b->map, r->events[k].pfn);
		size_t before = c->own_drained.nr;
		struct mm_list_key key;

		if (!mm_replay_listed(page))
			return;
		key = mm_replay_list_of(r, page);
		if (length(r, k) < key.pcp->count)
			return;
		mm_buddy_pcp_drain(zone, mm_replay_list_cpu(&key));
		for (; before < c->own_drained.nr && is_drain(r, k, zone); before++)
			k = r->order.next_on_cpu[k];
	}
}

/*
 * Nobody freed: all of the CPU's pages, or what the vmstat worker finds too many. It lowers high each time
 * it runs, mostly without an event: so its end may have to be corrected.
 */
static void unprompted(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mm_replay_cpu *c = &r->cpu[e->cpu];
	struct mm_zone *zone = zone_of(r, e);
	struct mm_pcp *pcp = mm_per_cpu(&zone->pcps, e->cpu);
	int pages = length(r, i), own;

	r->report->unprompted_drains++;
	drain_whole(r, i);
	if (!c->own_drained.nr && pages >= pcp->count)
		mm_buddy_pcp_drain(zone, e->cpu);
	if (c->own_drained.nr) {
		prompted(r, pages, 0);
		return;
	}
	own = mm_buddy_pcp_high_decay(pcp);
	if (!makes_up(r, i, pcp, own, pcp->batch)) {
		r->report->books_corrected++;
		mm_replay_set_high(pcp, pcp->count - pages);
		prompted(r, pages, own);
		own = pages;
	}
	set_due(c, zone, own, pcp->batch, 0);
}

/*
 * Allocations that nobody saw halve free_count, and with it what is drained at once: what the kernel drains
 * says what it is.
 */
static void limit_due(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mm_replay_cpu *c = &r->cpu[e->cpu];
	struct mm_pcp *pcp = mm_per_cpu(&c->due_zone->pcps, e->cpu);
	int pages = length(r, i);

	if (makes_up(r, i, pcp, c->due, c->due_most))
		return;
	r->report->books_corrected++;
	for (int k = pages; k < c->due; k++)
		mm_replay_mismatch(r, MMSIM_MISMATCH_DRAIN_EXTRA, e, 0);
	prompted(r, pages, c->due);
	c->due = pages;
	pcp->free_count = pages;
}

/*
 * A page is drained to lists of another type than its pageblock has here: that has become Movable as
 * reporting took a block of half of it or more, without an event.
 */
static void retype(struct mm_replay *r, struct mm_zone *zone, const struct mmsim_trace_event *e)
{
	const struct mmsim_page *page = mm_pfn_to_page(r->b->map, e->pfn);
	enum mmsim_migratetype now = mm_zone_migratetype(zone, e->pfn);
	enum mmsim_migratetype then = (enum mmsim_migratetype)e->migratetype;
	const struct mmsim_page *block = mm_replay_block_of(zone, e->pfn);

	if (now == then || !mm_migratetype_mergeable(now) || !mm_migratetype_mergeable(then))
		return;
	/* Free already, and with the pageblock beside it. */
	if (block && block->priv > MMSIM_PAGEBLOCK_ORDER)
		return;
	mm_spin_lock(&zone->lock);
	mm_buddy_pageblock_move(zone, page, now, then);
	mm_spin_unlock(&zone->lock);
	r->report->retyped++;
}

static void retype_all(struct mm_replay *r, uint32_t i)
{
	struct mm_zone *zone = zone_of(r, &r->events[i]);

	for (uint32_t k = i; is_drain(r, k, zone); k = r->order.next_on_cpu[k])
		retype(r, zone, &r->events[k]);
}

/* The block that is drained after `pos` was, going round the lists; NULL: there is none. */
static mm_list *next_oldest(struct mm_pcp *pcp, mm_list *pos, unsigned *index, unsigned *empty)
{
	while (pos == &pcp->lists[*index]) {
		if (++*empty > MM_NR_PCP_LISTS)
			return NULL;
		*index = (*index + 1) % MM_NR_PCP_LISTS;
		pos = pcp->lists[*index].prev;
	}
	*empty = 0;
	return pos;
}

/*
 * Blocks that the kernel passes over in draining have left its lists unseen, if no later event says that
 * they are there.
 */
static void pass_over(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mm_replay_cpu *c = &r->cpu[e->cpu];
	struct mm_pcp *pcp = mm_per_cpu(&c->due_zone->pcps, e->cpu);
	unsigned index = c->due_index, empty = 0;
	mm_list *pos = pcp->lists[index].prev;

	for (uint32_t k = i; is_drain(r, k, c->due_zone); k = r->order.next_on_cpu[k]) {
		uint64_t wanted = r->events[k].pfn;
		bool passed = false;

		while ((pos = next_oldest(pcp, pos, &index, &empty))) {
			struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);

			pos = pos->prev;
			if (mm_page_to_pfn(r->b->map, page) == wanted)
				break;
			if (!mm_replay_gone(r, pcp, page, i))
				return;
			passed = true;
			mm_replay_mismatch(r, MMSIM_MISMATCH_DRAIN_EXTRA, e,
					   mm_page_to_pfn(r->b->map, page));
		}
		c->passed_over += passed;
		if (!pos)
			return;
	}
}

static bool goes_on(const struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *next = mm_order_next_on_cpu(&r->order, i);

	return next && next->kind == MMSIM_TRACE_DRAIN &&
	       zone_of(r, next) == zone_of(r, &r->events[i]);
}

void mm_replay_drain(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mm_replay_cpu *c = &r->cpu[e->cpu];

	mm_replay_settle_removals(r, e->cpu, e);
	if (!c->drained.nr)
		retype_all(r, i);
	if (!c->drained.nr && !c->own_drained.nr && !c->due && !lower_high(r, e))
		unprompted(r, i);
	if (!c->drained.nr && c->due > 0) {
		limit_due(r, i);
		pass_over(r, i);
	}
	if (c->drained.nr >= c->own_drained.nr && c->due > 0)
		slice(r, c);
	mm_replay_note(r, &c->drained, (struct mm_moved){ .pfn = e->pfn, .order = e->order }, i);
	if (!goes_on(r, i))
		mm_replay_settle_drains(r, e->cpu, e);
}

static bool compare(struct mm_replay *r, const struct mm_replay_cpu *c,
		    const struct mmsim_trace_event *e)
{
	const struct mm_moves *real = &c->drained, *own = &c->own_drained;
	bool equal = real->nr == own->nr;

	for (size_t i = 0; i < real->nr; i++) {
		bool same = i < own->nr && own->v[i].pfn == real->v[i].pfn;

		r->report->drained++;
		r->report->drained_exact += same;
		equal &= same;
		if (!same)
			mm_replay_mismatch(r, MMSIM_MISMATCH_DRAIN, e,
					   i < own->nr ? own->v[i].pfn : 0);
	}
	for (size_t i = real->nr; i < own->nr; i++)
		mm_replay_mismatch(r, MMSIM_MISMATCH_DRAIN_EXTRA, e, own->v[i].pfn);
	return equal;
}

/* What should have gone goes; what should have stayed is the oldest of its list again. */
static void correct(struct mm_replay *r, unsigned cpu)
{
	struct mm_replay_cpu *c = &r->cpu[cpu];

	for (size_t i = 0; i < c->drained.nr; i++) {
		struct mmsim_page *page = mm_pfn_to_page(r->b->map, c->drained.v[i].pfn);
		struct mm_list_key key;

		if (!mm_replay_listed(page))
			continue;
		key = mm_replay_list_of(r, page);
		mm_replay_list_del(&key, page);
		mm_replay_to_zone(key.zone, page, key.order, MM_FPI_NONE);
	}
	for (size_t i = c->own_drained.nr; i-- > 0;) {
		const struct mm_moved *m = &c->own_drained.v[i];
		struct mmsim_page *page = mm_pfn_to_page(r->b->map, m->pfn);
		struct mm_zone *zone = mm_buddy_page_zone(r->b, page);
		struct mm_list_key key;

		if (mm_replay_noted(r, cpu, m->pfn) || mm_replay_listed(page) ||
		    !mm_replay_from_zone(zone, page, m->order))
			continue;
		key = mm_replay_key(r, cpu, m->pfn, m->order, mm_zone_migratetype(zone, m->pfn));
		mm_replay_list_end(&key, page);
		page->mapping = MM_REPLAY_CORRECTED;
	}
}

void mm_replay_settle_drains(struct mm_replay *r, unsigned cpu, const struct mmsim_trace_event *e)
{
	struct mm_replay_cpu *c = &r->cpu[cpu];

	if (c->drained.nr)
		while (c->due > 0)
			slice(r, c);
	if ((c->drained.nr || c->own_drained.nr) && !compare(r, c, e))
		correct(r, cpu);
	r->report->drained_exact -= mm_min(c->passed_over, r->report->drained_exact);
	c->passed_over = 0;
	c->drained.nr = c->own_drained.nr = 0;
	c->freed_zone = NULL;
}
