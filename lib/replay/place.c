/* SPDX-License-Identifier: MIT */
/* Where a page is, and putting it elsewhere. */
#include "bits.h"
#include "engine.h"

/* A request and its late event are no further apart than an interrupt lasts. */
#define LATE_NS 500000u

struct mm_list_key mm_replay_key(struct mm_replay *r, unsigned cpu, uint64_t pfn, unsigned order,
				 enum mmsim_migratetype mt)
{
	struct mm_zone *zone = mm_buddy_page_zone(r->b, mm_pfn_to_page(r->b->map, pfn));
	bool listed = mm_pcp_order(order);

	return (struct mm_list_key){
		.zone = zone,
		.pcp = listed ? mm_per_cpu(&zone->pcps, cpu) : NULL,
		.index = listed ? mm_pcp_index(mt, order) : 0,
		.order = order,
		.mt = mt,
	};
}

struct mmsim_page *mm_replay_page(const struct mm_replay *r, uint64_t pfn)
{
	return mm_replay_in_a_zone(r->b, pfn, 0) ? mm_pfn_to_page(r->b->map, pfn) : NULL;
}

bool mm_replay_in_a_zone(const struct mm_buddy *b, uint64_t pfn, unsigned order)
{
	uint64_t end = pfn + (UINT64_C(1) << order);
	const struct mm_zone *zone;

	if (!mm_pfn_valid(b->map, pfn) || !mm_pfn_valid(b->map, end - 1))
		return false;
	zone = mm_buddy_page_zone(b, mm_pfn_to_page(b->map, pfn));
	return zone && mm_zone_spans(zone, pfn) && end <= zone->span.end &&
	       zone == mm_buddy_page_zone(b, mm_pfn_to_page(b->map, end - 1));
}

void mm_replay_hold(struct mm_replay *r, unsigned cpu, struct mmsim_page *page)
{
	r->cpu[cpu].got = page;
	if (page)
		page->index = cpu + UINT64_C(1);
}

bool mm_replay_holds(const struct mm_replay *r, unsigned cpu)
{
	const struct mm_replay_cpu *c = &r->cpu[cpu];

	return c->got && c->got->refcount && c->got->index == cpu + UINT64_C(1) &&
	       c->got->order == r->events[c->begun].order;
}

bool mm_replay_listed(const struct mmsim_page *page)
{
	return !page->refcount && !mm_page_is_buddy(page) && page->lru.next;
}

/* The CPU in whose pcp this list head lies; nr_cpus: it is a page's. */
static unsigned head_cpu(const struct mm_zone *zone, const mm_list *pos)
{
	uintptr_t at = (uintptr_t)pos - (uintptr_t)zone->pcps.base;

	return at < zone->pcps.stride * zone->exec->nr_cpus ? (unsigned)(at / zone->pcps.stride)
							    : zone->exec->nr_cpus;
}

/* Both ways to the head, which is no struct page: what is looked for is mostly near an end. */
struct mm_list_key mm_replay_list_of(struct mm_replay *r, struct mmsim_page *page)
{
	unsigned index = (unsigned)page->index, nr_cpus = r->b->exec->nr_cpus, cpu;
	struct mm_zone *zone = mm_buddy_page_zone(r->b, page);
	const mm_list *back = page->lru.prev, *ahead = page->lru.next;

	while ((cpu = head_cpu(zone, back)) == nr_cpus &&
	       (cpu = head_cpu(zone, ahead)) == nr_cpus) {
		back = back->prev;
		ahead = ahead->next;
	}
	return (struct mm_list_key){
		.zone = zone,
		.pcp = mm_per_cpu(&zone->pcps, cpu),
		.index = index,
		.order = mm_pcp_index_order(index),
	};
}

unsigned mm_replay_list_cpu(const struct mm_list_key *key)
{
	return head_cpu(key->zone, &key->pcp->lists[key->index]);
}

void mm_replay_list_del(const struct mm_list_key *key, struct mmsim_page *page)
{
	mm_list_del(&page->lru);
	key->pcp->count -= 1 << key->order;
}

void mm_replay_list_top(const struct mm_list_key *key, struct mmsim_page *page)
{
	page->refcount = 0;
	mm_pcp_push(key->pcp, page, key->index, key->order);
}

void mm_replay_list_end(const struct mm_list_key *key, struct mmsim_page *page)
{
	page->refcount = 0;
	page->index = key->index;
	mm_list_add_tail(&page->lru, &key->pcp->lists[key->index]);
	key->pcp->count += 1 << key->order;
}

void mm_replay_set_busy(struct mm_pcp *pcp, bool busy)
{
	/* Nobody has this number; a lock taken by this task would be one that it must not try again. */
	__atomic_store_n(&pcp->lock.lock.word, busy ? UINT32_MAX : 0, __ATOMIC_RELAXED);
}

void mm_replay_own(struct mmsim_page *page, unsigned order)
{
	page->refcount = 1;
	page->order = (uint8_t)order;
	page->index = 0;
	page->mapping = NULL;
}

void mm_replay_to_zone(struct mm_zone *zone, struct mmsim_page *page, unsigned order,
		       enum mm_fpi fpi)
{
	page->refcount = 0;
	page->mapping = NULL;
	mm_spin_lock(&zone->lock);
	mm_buddy_free_range(zone, page, order, fpi);
	mm_spin_unlock(&zone->lock);
}

bool mm_replay_from_zone(struct mm_zone *zone, struct mmsim_page *page, unsigned order)
{
	bool taken;

	mm_spin_lock(&zone->lock);
	taken = mm_buddy_take_page(zone, page, order);
	mm_spin_unlock(&zone->lock);
	return taken;
}

void mm_replay_set_high(struct mm_pcp *pcp, int high)
{
	high = mm_min(high, mm_max(pcp->high_min, pcp->high_max));
	pcp->high = mm_max(high, mm_min(pcp->high_min, pcp->high_max));
}

/* The block on a per-CPU list that holds the page; NULL: none does. */
static struct mmsim_page *listed_holder(struct mm_replay *r, struct mmsim_page *page)
{
	uint64_t pfn = mm_page_to_pfn(r->b->map, page);

	for (unsigned o = 0; o <= MMSIM_PAGEBLOCK_ORDER; o++) {
		struct mmsim_page *head =
			mm_pfn_to_page(r->b->map, pfn & ~((UINT64_C(1) << o) - 1));

		if (mm_replay_listed(head) && mm_pcp_index_order((unsigned)head->index) >= o)
			return head;
	}
	return NULL;
}

bool mm_replay_fetch(struct mm_replay *r, struct mmsim_page *page, unsigned order)
{
	struct mm_zone *zone = mm_buddy_page_zone(r->b, page);

	mm_replay_unpark_block(r, mm_page_to_pfn(r->b->map, page), order);
	for (uint64_t i = 0; i < UINT64_C(1) << order; i++) {
		struct mmsim_page *head = listed_holder(r, page + i);
		struct mm_list_key key;

		if (!head)
			continue;
		key = mm_replay_list_of(r, head);
		mm_replay_list_del(&key, head);
		if (head == page && key.order == order)
			return true;
		mm_replay_to_zone(key.zone, head, key.order, MM_FPI_NONE);
	}
	return mm_replay_from_zone(zone, page, order);
}

void mm_replay_seize(struct mm_replay *r, struct mmsim_page *page, unsigned order)
{
	for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
		if (!mm_replay_adopt(r->b, page + i, 0) && mm_replay_fetch(r, page + i, 0))
			mm_replay_own(page + i, 0);
	mm_invariant("F1: nobody else has it", mm_replay_adopt(r->b, page, order));
	/* Nor is it what a request of another CPU will get. */
	page->index = 0;
}

bool mm_replay_hinted(struct mm_replay *r, uint64_t pfn, enum mmsim_hint_kind kind, uint64_t line)
{
	size_t low = 0, high = r->nr_hints;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (r->hint_of[mid]->pfn < pfn)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < r->nr_hints && r->hint_of[low]->pfn == pfn; low++) {
		const struct mmsim_hint *hint = r->hint_of[low];

		if (hint->kind == kind && hint->line1 <= line && line <= hint->line2)
			return true;
	}
	return false;
}

/* What became of a listed page that is not on its list in the kernel any more. */
static unsigned fate(struct mm_replay *r, const struct mmsim_page *page, uint32_t now)
{
	uint64_t pfn = mm_page_to_pfn(r->b->map, page);
	const struct mmsim_trace_event *at = &r->events[now];
	const struct mmsim_trace_event *next = mm_order_upcoming(&r->order, pfn);

	if (mm_replay_hinted(r, pfn, MMSIM_HINT_UNTRACED_ALLOC, at->line))
		return MM_GONE_HINTED;
	/* Freed a moment ago, when whoever asked for what lies below had it already. */
	if (next && next->kind == MMSIM_TRACE_ALLOC && r->freed[pfn] && r->freed[pfn] <= now &&
	    at->ns - r->events[r->freed[pfn] - 1].ns < LATE_NS)
		return MM_GONE_RECENT;
	if (!next || next->kind == MMSIM_TRACE_FREE || next->kind == MMSIM_TRACE_FREE_BATCHED)
		return MM_GONE_UNSEEN;
	if (next->kind == MMSIM_TRACE_ZONE_LOCKED || next->kind == MMSIM_TRACE_EXTFRAG)
		return MM_GONE_DIRECT;
	if (next->kind == MMSIM_TRACE_ALLOC && next->cpu == at->cpu && next->ns - at->ns < LATE_NS)
		return MM_GONE_EARLY;
	return MM_GONE_STAYS;
}

static void let_go(struct mm_replay *r, const struct mm_list_key *key, struct mmsim_page *page,
		   unsigned how)
{
	if (how == MM_GONE_RECENT)
		return;
	mm_replay_list_del(key, page);
	if (how == MM_GONE_STAYS) {
		/* On the list, but not above what the kernel takes. */
		mm_replay_list_end(key, page);
		page->mapping = MM_REPLAY_CORRECTED;
		return;
	}
	if (how == MM_GONE_DIRECT) {
		mm_replay_to_zone(key->zone, page, key->order, MM_FPI_NONE);
		r->report->direct_frees++;
		return;
	}
	mm_replay_own(page, key->order);
	if (how == MM_GONE_EARLY)
		page->mapping = MM_REPLAY_EARLY;
	else
		r->report->unseen_allocs += UINT64_C(1) << key->order;
}

bool mm_replay_gone(struct mm_replay *r, struct mm_pcp *pcp, struct mmsim_page *page, uint32_t now)
{
	const unsigned gone = MM_GONE_UNSEEN | MM_GONE_HINTED | MM_GONE_DIRECT;
	struct mm_list_key key = {
		.zone = mm_buddy_page_zone(r->b, page),
		.pcp = pcp,
		.index = (unsigned)page->index,
		.order = mm_pcp_index_order((unsigned)page->index),
	};
	unsigned how = fate(r, page, now);

	if (how & gone)
		let_go(r, &key, page, how);
	return how & gone;
}

unsigned mm_replay_clear_above(struct mm_replay *r, const struct mm_list_key *key,
			       const struct mmsim_page *stop, uint32_t now)
{
	mm_list *head = &key->pcp->lists[key->index], *pos = head->next;
	const mm_list *end = stop ? &stop->lru : head, *last = head->prev;
	unsigned found = 0;
	bool more = !mm_list_empty(head);

	while (more && pos != end) {
		struct mmsim_page *page = mm_list_entry(pos, struct mmsim_page, lru);
		unsigned how = fate(r, page, now);

		more = pos != last;
		pos = pos->next;
		let_go(r, key, page, how);
		found |= how;
	}
	return found;
}
