/* SPDX-License-Identifier: MIT */
/*
 * The free lists of one zone, as simple as their rules: every list is an array of pfns, every page has a
 * word that says what it is. Written from the rules (the kernel's), not from the library, which it is
 * compared with. What stands in front of the lists is in naive_pcp.h.
 */
#ifndef TEST_NAIVE_BUDDY_H
#define TEST_NAIVE_BUDDY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAIVE_ORDERS = 11,
	NAIVE_TYPES = 3, /* Unmovable, Movable, Reclaimable */
	NAIVE_MOVABLE = 1,
	NAIVE_BLOCK = 512, /* pages of a pageblock */
	NAIVE_BLOCK_ORDER = 9,
	NAIVE_CPUS = 2,
	NAIVE_PCP_LISTS = 14,
};

#define NAIVE_NONE UINT32_MAX

/* The head is the last element: putting things there, the common case, is cheap. */
struct naive_list {
	uint32_t *pfn;
	size_t nr, room;
};

/* What a kernel's version and sysctls decide. */
struct naive_rules {
	bool largest; /* to 6.14 */
	bool forgets; /* 6.15: each page of a refill is searched for anew */
	bool slices; /* from 6.19: a batch at a time goes back */
	bool fixed; /* high is high_min */
	bool defrag; /* vm.defrag_mode */
	bool cache; /* PCPF_FREE_HIGH_BATCH */
	unsigned boost; /* of 10000 */
	unsigned min_kbytes; /* 0: as the kernel would choose */
	unsigned fraction; /* percpu_pagelist_high_fraction */
	unsigned scale; /* at most batch << scale at a time */
};

struct naive_pcp {
	struct naive_list list[NAIVE_PCP_LISTS];
	int count, high, free_count, factor;
	bool freed_blocks; /* the last free was of 2 to 8 pages */
};

struct naive_buddy {
	struct naive_rules rules;
	uint32_t nr_pages, managed, nr_free;
	int8_t *order; /* [nr_pages]: of the free block that begins here; -1: none does */
	bool *movable; /* [nr_pages]: allocated, and could be moved */
	uint8_t *type; /* [pageblocks] */
	struct naive_list list[NAIVE_ORDERS][NAIVE_TYPES];
	uint64_t mark[3], boost; /* min, low, high */
	bool below_high;
	uint64_t claims, steals;
	int batch, high_min, high_max;
	struct naive_pcp pcp[NAIVE_CPUS];
};

/* How far the search has come, over one refill. */
enum naive_mode { NAIVE_OWN, NAIVE_CLAIM, NAIVE_STEAL };

static inline void naive_put(struct naive_list *l, uint32_t pfn, bool tail)
{
	if (l->nr == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->pfn = realloc(l->pfn, l->room * sizeof(*l->pfn));
		if (!l->pfn)
			abort();
	}
	if (tail) {
		memmove(l->pfn + 1, l->pfn, l->nr * sizeof(*l->pfn));
		l->pfn[0] = pfn;
	} else {
		l->pfn[l->nr] = pfn;
	}
	l->nr++;
}

static inline void naive_remove(struct naive_list *l, uint32_t pfn)
{
	size_t i = l->nr;

	while (l->pfn[--i] != pfn)
		;
	memmove(l->pfn + i, l->pfn + i + 1, (l->nr - i - 1) * sizeof(*l->pfn));
	l->nr--;
}

static inline uint32_t naive_take_head(struct naive_list *l)
{
	return l->pfn[--l->nr];
}

static inline uint32_t naive_take_tail(struct naive_list *l)
{
	uint32_t pfn = l->pfn[0];

	naive_remove(l, pfn);
	return pfn;
}

static inline unsigned naive_type(const struct naive_buddy *b, uint32_t pfn)
{
	return b->type[pfn / NAIVE_BLOCK];
}

static inline void naive_add_block(struct naive_buddy *b, uint32_t pfn, unsigned order,
				   unsigned type, bool tail)
{
	b->order[pfn] = (int8_t)order;
	b->nr_free += 1u << order;
	naive_put(&b->list[order][type], pfn, tail);
}

static inline void naive_del_block(struct naive_buddy *b, uint32_t pfn, unsigned order)
{
	b->order[pfn] = -1;
	b->nr_free -= 1u << order;
	naive_remove(&b->list[order][naive_type(b, pfn)], pfn);
}

static inline bool naive_is_free(const struct naive_buddy *b, uint32_t pfn, unsigned order)
{
	return pfn < b->nr_pages && b->order[pfn] == (int8_t)order;
}

static inline void naive_set_type(struct naive_buddy *b, uint32_t pfn, unsigned order,
				  unsigned type)
{
	for (uint32_t p = pfn; p < pfn + (1u << order); p += NAIVE_BLOCK)
		b->type[p / NAIVE_BLOCK] = (uint8_t)type;
}

static inline void naive_free_block(struct naive_buddy *b, uint32_t pfn, unsigned order,
				    bool to_tail)
{
	unsigned type = naive_type(b, pfn);

	while (order < NAIVE_ORDERS - 1 && naive_is_free(b, pfn ^ (1u << order), order)) {
		uint32_t buddy = pfn ^ (1u << order);

		naive_del_block(b, buddy, order);
		naive_set_type(b, buddy, order, type);
		pfn = buddy < pfn ? buddy : pfn;
		order++;
	}
	if (order < NAIVE_ORDERS - 2) {
		uint32_t pair = pfn & ~((2u << order) - 1);

		to_tail |= naive_is_free(b, pair ^ (2u << order), order + 1);
	}
	naive_add_block(b, pfn, order, type, to_tail);
}

/* Take the block at the head of a list and give back all but the first 2^want pages as `type`. */
static inline uint32_t naive_split(struct naive_buddy *b, unsigned order, unsigned from,
				   unsigned want, unsigned type)
{
	uint32_t pfn = naive_take_head(&b->list[order][from]);

	b->order[pfn] = -1;
	b->nr_free -= 1u << order;
	while (order > want) {
		order--;
		naive_add_block(b, pfn + (1u << order), order, type, false);
	}
	return pfn;
}

static inline uint32_t naive_take_own(struct naive_buddy *b, unsigned order, unsigned type)
{
	for (unsigned o = order; o < NAIVE_ORDERS; o++)
		if (b->list[o][type].nr)
			return naive_split(b, o, type, order, type);
	return NAIVE_NONE;
}

/* Which other type to take from at this order; NAIVE_TYPES: none. */
static inline unsigned naive_other(const struct naive_buddy *b, unsigned order, unsigned type)
{
	static const char *const after[NAIVE_TYPES] = { "\2\1", "\2\0", "\0\1" };

	for (unsigned i = 0; i < 2; i++)
		if (b->list[order][(unsigned char)after[type][i]].nr)
			return (unsigned char)after[type][i];
	return NAIVE_TYPES;
}

static inline void naive_boost(struct naive_buddy *b)
{
	uint64_t most = b->mark[2] * b->rules.boost / 10000;

	if (!b->rules.boost || b->managed < 4 * NAIVE_BLOCK || !most)
		return;
	b->boost += NAIVE_BLOCK;
	if (b->boost > most)
		b->boost = most < NAIVE_BLOCK ? NAIVE_BLOCK : most;
}

/* Is the pageblock for the greater part free or of the kind of `type`? */
static inline bool naive_suits(const struct naive_buddy *b, uint32_t first, unsigned from,
			       unsigned type)
{
	unsigned nr_free = 0, movable = 0, like = 0;

	for (uint32_t p = first; p < first + NAIVE_BLOCK;)
		if (b->order[p] >= 0) {
			nr_free += 1u << b->order[p];
			p += 1u << b->order[p];
		} else {
			movable += b->movable[p++];
		}
	if (type == NAIVE_MOVABLE)
		like = movable;
	else if (from == NAIVE_MOVABLE)
		like = NAIVE_BLOCK - nr_free - movable;
	return nr_free + like >= NAIVE_BLOCK / 2;
}

/* All that is free in the pageblock goes to the tails of another type's lists. */
static inline void naive_hand_over(struct naive_buddy *b, uint32_t first, unsigned from,
				   unsigned type)
{
	for (uint32_t p = first; p < first + NAIVE_BLOCK; p++)
		if (b->order[p] >= 0) {
			naive_remove(&b->list[b->order[p]][from], p);
			naive_put(&b->list[b->order[p]][type], p, true);
		}
	naive_set_type(b, first, NAIVE_BLOCK_ORDER, type);
}

/* The pageblock around the block at the head of this list, or those in it, becomes ours. */
static inline uint32_t naive_claim_from(struct naive_buddy *b, unsigned o, unsigned other,
					unsigned order, unsigned type)
{
	struct naive_list *l = &b->list[o][other];
	uint32_t first = l->pfn[l->nr - 1] / NAIVE_BLOCK * NAIVE_BLOCK;

	if (o >= NAIVE_BLOCK_ORDER) {
		naive_set_type(b, first, o, type);
		return naive_split(b, o, other, order, type);
	}
	naive_boost(b);
	/* The zone begins and ends within a pageblock. */
	if (!first || first + NAIVE_BLOCK > b->nr_pages || !naive_suits(b, first, other, type))
		return NAIVE_NONE;
	naive_hand_over(b, first, other, type);
	return naive_take_own(b, order, type);
}

static inline bool naive_may_claim(unsigned o, unsigned type)
{
	return o >= NAIVE_BLOCK_ORDER / 2 || type != NAIVE_MOVABLE;
}

static inline uint32_t naive_claim(struct naive_buddy *b, unsigned order, unsigned type,
				   unsigned least)
{
	for (unsigned o = NAIVE_ORDERS; o-- > least && naive_may_claim(o, type);) {
		unsigned other = naive_other(b, o, type);
		uint32_t pfn = other < NAIVE_TYPES ? naive_claim_from(b, o, other, order, type)
						   : NAIVE_NONE;

		if (pfn != NAIVE_NONE) {
			b->claims++;
			return pfn;
		}
	}
	return NAIVE_NONE;
}

static inline uint32_t naive_steal_at(struct naive_buddy *b, unsigned o, unsigned order,
				      unsigned type)
{
	unsigned other = naive_other(b, o, type);

	b->steals++;
	return naive_split(b, o, other, order, other);
}

static inline uint32_t naive_steal(struct naive_buddy *b, unsigned order, unsigned type)
{
	for (unsigned o = order; o < NAIVE_ORDERS; o++)
		if (naive_other(b, o, type) < NAIVE_TYPES)
			return naive_steal_at(b, o, order, type);
	return NAIVE_NONE;
}

/* To 6.14: all depends on the largest block. */
static inline uint32_t naive_from_largest(struct naive_buddy *b, unsigned order, unsigned type,
					  unsigned least)
{
	unsigned o = NAIVE_ORDERS - 1, other;
	uint32_t pfn;

	while (o > least && naive_other(b, o, type) == NAIVE_TYPES)
		o--;
	other = naive_other(b, o, type);
	if (o < least || other == NAIVE_TYPES)
		return NAIVE_NONE;
	if (!naive_may_claim(o, type))
		return naive_steal(b, order, type);
	pfn = naive_claim_from(b, o, other, order, type);
	b->claims += pfn != NAIVE_NONE;
	return pfn == NAIVE_NONE ? naive_steal_at(b, o, order, type) : pfn;
}

/* `pure`: no block of less than a pageblock from another type. */
static inline uint32_t naive_take_block(struct naive_buddy *b, unsigned order, unsigned type,
					bool pure, enum naive_mode *mode)
{
	unsigned least = pure && order < NAIVE_BLOCK_ORDER ? NAIVE_BLOCK_ORDER : order;
	uint32_t pfn = NAIVE_NONE;

	if (*mode == NAIVE_OWN)
		pfn = naive_take_own(b, order, type);
	if (pfn != NAIVE_NONE)
		return pfn;
	if (b->rules.largest)
		return naive_from_largest(b, order, type, least);
	if (*mode <= NAIVE_CLAIM)
		pfn = naive_claim(b, order, type, least);
	if (pfn != NAIVE_NONE) {
		*mode = NAIVE_OWN;
		return pfn;
	}
	if (!pure)
		pfn = naive_steal(b, order, type);
	if (pfn != NAIVE_NONE && !b->rules.forgets)
		*mode = NAIVE_STEAL;
	return pfn;
}

/* Above the mark, and with a block that will do? */
static inline bool naive_has_room(const struct naive_buddy *b, unsigned order, uint64_t mark)
{
	if (b->nr_free <= mark + (1u << order) - 1)
		return false;
	for (unsigned o = order; order && o < NAIVE_ORDERS; o++)
		for (unsigned t = 0; t < NAIVE_TYPES; t++)
			if (b->list[o][t].nr)
				return true;
	return !order;
}

#endif
