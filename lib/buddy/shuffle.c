/* SPDX-License-Identifier: MIT */
/* Blocks of the highest order in random order. */
#include "shuffle.h"

#include "bits.h"

enum {
	RETRIES = 10, /* random places looked at for one block */
	SLICE = 100, /* blocks per acquisition of the lock */
};

static const uint64_t block_pages = UINT64_C(1) << MM_SHUFFLE_ORDER;

/* One bit at a time: a draw of 64 is enough for as many frees. */
bool mm_buddy_shuffle_pick_tail(struct mm_zone *zone)
{
	bool tail;

	mm_assert(mm_spin_held(&zone->lock));
	if (!zone->rng_nr_bits) {
		zone->rng_bits = mm_rng_next(&zone->rng);
		zone->rng_nr_bits = 64;
	}
	tail = zone->rng_bits & 1;
	zone->rng_bits >>= 1;
	zone->rng_nr_bits--;
	return tail;
}

/* The free block of the highest order at pfn, or NULL. */
static struct mmsim_page *block_at(const struct mm_zone *zone, uint64_t pfn)
{
	struct mmsim_page *page = mm_pfn_to_page(zone->map, pfn);

	if (!mm_zone_spans(zone, pfn) || !mm_pfn_valid(zone->map, pfn))
		return NULL;
	if (!mm_page_is_buddy(page) || page->priv != MM_SHUFFLE_ORDER)
		return NULL;
	/* Nodes may alternate within the span. */
	if (mmsim_page_node(page) != zone->node || mmsim_page_zone_type(page) != zone->type)
		return NULL;
	return page;
}

static uint64_t first_block(const struct mm_zone *zone)
{
	return mm_round_up(zone->span.start, block_pages);
}

/* Another block, at a random place of the zone. NULL: only holes and used ones were found. */
static struct mmsim_page *random_other(struct mm_zone *zone, const struct mmsim_page *page)
{
	uint64_t first = first_block(zone);
	uint64_t nr = mm_div_round_up(zone->span.end - first, block_pages);

	for (int i = 0; i < RETRIES; i++) {
		uint64_t pfn = first + mm_rng_below(&zone->rng, nr) * block_pages;
		struct mmsim_page *other = block_at(zone, pfn);

		if (other && other != page)
			return other;
	}
	return NULL;
}

static enum mmsim_migratetype type_of(const struct mm_zone *zone, const struct mmsim_page *page)
{
	return mm_zone_migratetype(zone, mm_page_to_pfn(zone->map, page));
}

/* Neighbours too. */
static void swap_places(mm_list *a, mm_list *b)
{
	mm_list *before = b->prev;

	mm_list_del(b);
	mm_list_add(b, a);
	if (before == a)
		before = b;
	mm_list_del(a);
	mm_list_add(a, before);
}

static void shuffle_block(struct mm_zone *zone, uint64_t pfn)
{
	struct mmsim_page *page = block_at(zone, pfn), *other;

	if (!page)
		return;
	other = random_other(zone, page);
	/* Types have lists of their own. */
	if (other && type_of(zone, other) == type_of(zone, page))
		swap_places(&page->lru, &other->lru);
}

void mm_buddy_shuffle_zone(struct mm_zone *zone)
{
	uint64_t pfn = first_block(zone);

	if (zone->alt || !(zone->policy->flags & MMSIM_POLICY_SHUFFLE))
		return;
	while (pfn < zone->span.end) {
		mm_spin_lock(&zone->lock);
		for (int i = 0; i < SLICE && pfn < zone->span.end; i++, pfn += block_pages)
			shuffle_block(zone, pfn);
		mm_spin_unlock(&zone->lock);
	}
}
