/* SPDX-License-Identifier: MIT */
/*
 * What free page reporting did to the lists of a recorded kernel, found out from what the kernel took
 * next: it takes blocks off the lists, shows them to the host, and puts them back at the tails, without
 * an event.
 */
#include "bits.h"
#include "engine.h"
#include "pageblock.h"

enum {
	/* Smaller blocks are not reported: the least order that a kernel was seen to be set to. */
	LEAST_REPORTED = 5,
	/* At most so many are with the host at a time. Counterpart: PAGE_REPORTING_CAPACITY. */
	CAPACITY = MM_REPLAY_PARKED,
};

/* A report takes no longer than this. */
#define REPORT_NS 20000000u

/* The free block that holds a page; NULL: it is not free. */
struct mmsim_page *mm_replay_block_of(const struct mm_zone *zone, uint64_t pfn)
{
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
		uint64_t first = pfn & ~((UINT64_C(1) << o) - 1);
		struct mmsim_page *block = mm_pfn_to_page(zone->map, first);

		if (!mm_zone_spans(zone, first))
			break;
		if (mm_page_is_buddy(block) && block->priv >= o)
			return block;
	}
	return NULL;
}

/*
 * Free page reporting takes blocks off the head of their list and puts them back at its tail, without an
 * event. That is what happened if the kernel's page is in a block further down the very list that the
 * simulation took from.
 */
bool mm_replay_rotate(struct mm_replay *r, const struct mm_list_key *key, uint64_t wanted,
		      uint64_t taken)
{
	const struct mmsim_page *to = mm_replay_block_of(key->zone, wanted);
	const struct mmsim_page *from = mm_replay_block_of(key->zone, taken);
	mm_list *head;

	if (!to || !from || to->priv != from->priv || to->priv < LEAST_REPORTED)
		return false;
	head = &key->zone->area[to->priv].list[key->mt];
	if (head->next != &from->lru || mm_zone_migratetype(key->zone, wanted) != key->mt)
		return false;
	while (head->next != &to->lru) {
		mm_list_move_tail(head->next, head);
		r->report->rotated++;
	}
	return true;
}

/*
 * The block is with the host, for it is not on its list when the kernel looks there. Its pageblock becomes
 * Movable if it is half of one or more, as with every page that is isolated on its own. False: it cannot be.
 */
bool mm_replay_park(struct mm_replay *r, const struct mm_list_key *key, struct mmsim_page *block,
		    size_t since)
{
	enum mmsim_migratetype mt;
	unsigned order;

	if (!block || block->priv < LEAST_REPORTED || r->nr_parked == CAPACITY ||
	    r->nr_parked - since == CAPACITY / 2)
		return false;
	order = (unsigned)block->priv;
	mt = mm_zone_migratetype(key->zone, mm_page_to_pfn(key->zone->map, block));
	mm_spin_lock(&key->zone->lock);
	mm_buddy_del_from_list(key->zone, block, order, mt);
	mm_spin_unlock(&key->zone->lock);
	r->parked[r->nr_parked++] =
		(struct mm_parked){ .zone = key->zone, .page = block, .order = order };
	return true;
}

void mm_replay_unpark(struct mm_replay *r, size_t down_to, enum mm_fpi fpi)
{
	while (r->nr_parked > down_to) {
		struct mm_parked *p = &r->parked[--r->nr_parked];

		mm_replay_to_zone(p->zone, p->page, p->order, fpi);
		r->report->rotated += fpi == MM_FPI_TO_TAIL;
	}
}

void mm_replay_unpark_block(struct mm_replay *r, uint64_t pfn, unsigned order)
{
	for (size_t i = 0; i < r->nr_parked; i++) {
		uint64_t first = mm_page_to_pfn(r->b->map, r->parked[i].page);

		if (pfn < first + (UINT64_C(1) << r->parked[i].order) &&
		    first < pfn + (UINT64_C(1) << order))
			mm_replay_unpark(r, 0, MM_FPI_TO_TAIL);
	}
}

void mm_replay_return_parked(struct mm_replay *r, const struct mmsim_trace_event *e)
{
	if (mm_likely(!r->nr_parked)) {
		r->parked_ns = e->ns;
		return;
	}
	mm_replay_unpark_block(r, e->pfn, e->order);
	if (e->ns - r->parked_ns > REPORT_NS)
		mm_replay_unpark(r, 0, MM_FPI_TO_TAIL);
}
