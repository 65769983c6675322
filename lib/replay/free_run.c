/* SPDX-License-Identifier: MIT */
/*
 * Free-running: the requests of a recording, and nothing else of it.
 *
 * Each page of the recording has a partner here, the page that the simulation gave for it, or the page
 * itself if it was allocated before the recording began.
 */
#include "bits.h"
#include "engine.h"

#define NS_PER_S UINT64_C(1000000000)

/* pfn + 1 of the partner; 0: nobody saw it handed out. */
static void remember(struct mm_replay *r, const struct mmsim_trace_event *e, struct mmsim_page *own)
{
	uint64_t pfn = mm_page_to_pfn(r->b->map, own);

	for (uint64_t i = 0; i < UINT64_C(1) << e->order; i++) {
		r->partner[e->pfn + i] = pfn + i + 1;
		own[i].index = e->pfn + i + 1;
	}
}

static void alloc(struct mm_replay *r, const struct mmsim_trace_event *e)
{
	struct mmsim_page *own = mm_replay_ask(r, e, true);

	r->report->allocs++;
	if (!own != !e->pfn) {
		r->run = 0;
		mm_replay_mismatch(r, MMSIM_MISMATCH_FAILED, e, 0);
		return;
	}
	if (!own) {
		r->report->exact++;
		return;
	}
	remember(r, e, own);
	if (mm_page_to_pfn(r->b->map, own) == e->pfn) {
		r->report->exact++;
		r->run++;
		r->report->longest_run = mm_max(r->report->longest_run, r->run);
	} else {
		r->run = 0;
	}
	for (uint64_t i = 0; i < UINT64_C(1) << e->order; i++)
		if (e->migratetype == MMSIM_MIGRATE_MOVABLE)
			own[i].flags |= UINT64_C(1) << MMSIM_PG_LRU;
}

/* Our block for the recording's, as one block of that order; NULL: there is none. */
static struct mmsim_page *partner_of(struct mm_replay *r, const struct mmsim_trace_event *e)
{
	uint64_t pfn = r->partner[e->pfn] ? r->partner[e->pfn] - 1 : e->pfn;
	struct mmsim_page *page = mm_pfn_to_page(r->b->map, pfn);

	for (uint64_t i = 0; i < UINT64_C(1) << e->order; i++) {
		if (r->partner[e->pfn] && r->partner[e->pfn + i] != pfn + i + 1)
			return NULL;
		/* Allocated before, and since then handed out for another. */
		if (!r->partner[e->pfn] && page[i].index)
			return NULL;
	}
	if (pfn & ((UINT64_C(1) << e->order) - 1))
		return NULL;
	return mm_replay_adopt(r->b, page, e->order) ? page : NULL;
}

static void give(struct mm_replay *r, const struct mmsim_trace_event *e)
{
	struct mmsim_page *page = partner_of(r, e);

	r->report->frees++;
	if (!page) {
		mm_replay_mismatch(r, MMSIM_MISMATCH_FREE_UNKNOWN, e, 0);
		return;
	}
	for (uint64_t i = 0; i < UINT64_C(1) << e->order; i++) {
		r->partner[e->pfn + i] = 0;
		page[i].flags &= ~(UINT64_C(1) << MMSIM_PG_LRU);
		page[i].index = 0;
	}
	mm_buddy_free_pfn(r->b, mm_page_to_pfn(r->b->map, page), e->order);
}

/* The vmstat worker, once a second on each CPU; when in the second, nobody knows. */
static void vmstat_update(struct mm_replay *r, const struct mmsim_trace_event *e)
{
	struct mm_replay_cpu *c = &r->cpu[e->cpu];

	if (e->ns - c->decayed_ns < NS_PER_S)
		return;
	c->decayed_ns = e->ns;
	mm_for_each_zone(zone, r->b)
		if (!zone->alt)
			mm_buddy_pcp_decay(zone, e->cpu);
}

void mm_replay_free_running(struct mm_replay *r, uint32_t i)
{
	const struct mmsim_trace_event *e = &r->events[i];
	struct mm_replay_cpu *c = &r->cpu[e->cpu];

	vmstat_update(r, e);
	if (e->kind == MMSIM_TRACE_ALLOC)
		alloc(r, e);
	else if (e->kind == MMSIM_TRACE_FREE)
		give(r, e);
	c->own_removed.nr = c->own_drained.nr = 0;
}
