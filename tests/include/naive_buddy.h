/* SPDX-License-Identifier: MIT */
/*
 * A page allocator of one zone that is as simple as its rules: every free list is an array of pfns,
 * every page has a word that says what it is. Written from the rules (the kernel's, as far as
 * version 0.1 has them), not from the library, which it is compared with.
 */
#ifndef TEST_NAIVE_BUDDY_H
#define TEST_NAIVE_BUDDY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAIVE_ORDERS = 11,
	NAIVE_TYPES = 3,
	NAIVE_BLOCK = 512, /* pages of a pageblock */
	NAIVE_CPUS = 2,
	NAIVE_BATCH_HIGHS = 6,
};

#define NAIVE_NONE UINT32_MAX

/* The head is the last element: putting things there, the common case, is cheap. */
struct naive_list {
	uint32_t *pfn;
	size_t nr, room;
};

struct naive_buddy {
	uint32_t nr_pages;
	unsigned batch;
	int8_t *order; /* [nr_pages]: of the free block that begins here; -1: none does */
	uint8_t *type; /* [pageblocks] */
	struct naive_list list[NAIVE_ORDERS][NAIVE_TYPES];
	struct naive_list pcp[NAIVE_CPUS][NAIVE_TYPES];
};

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
	naive_put(&b->list[order][type], pfn, tail);
}

static inline void naive_del_block(struct naive_buddy *b, uint32_t pfn, unsigned order)
{
	b->order[pfn] = -1;
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
	while (order > want) {
		order--;
		naive_add_block(b, pfn + (1u << order), order, type, false);
	}
	return pfn;
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

static inline uint32_t naive_take_block(struct naive_buddy *b, unsigned order, unsigned type)
{
	unsigned other;

	for (unsigned o = order; o < NAIVE_ORDERS; o++)
		if (b->list[o][type].nr)
			return naive_split(b, o, type, order, type);
	for (unsigned o = NAIVE_ORDERS; o-- > 9;) { /* claim: whole pageblocks, the largest */
		if (o < order || (other = naive_other(b, o, type)) == NAIVE_TYPES)
			continue;
		naive_set_type(b, b->list[o][other].pfn[b->list[o][other].nr - 1], o, type);
		return naive_split(b, o, other, order, type);
	}
	for (unsigned o = order; o < NAIVE_ORDERS; o++) /* steal: the smallest */
		if ((other = naive_other(b, o, type)) < NAIVE_TYPES)
			return naive_split(b, o, other, order, other);
	return NAIVE_NONE;
}

static inline size_t naive_pcp_count(const struct naive_buddy *b, unsigned cpu)
{
	return b->pcp[cpu][0].nr + b->pcp[cpu][1].nr + b->pcp[cpu][2].nr;
}

static inline uint32_t naive_pcp_take(struct naive_buddy *b, unsigned cpu, unsigned type)
{
	struct naive_list *l = &b->pcp[cpu][type];
	uint32_t pfn;

	if (!l->nr) /* the first page got is the first to be handed out: each goes behind the last */
		for (unsigned i = 0; i < b->batch; i++)
			if ((pfn = naive_take_block(b, 0, type)) != NAIVE_NONE)
				naive_put(l, pfn, true);
	return l->nr ? naive_take_head(l) : NAIVE_NONE;
}

/* Back to the zone: the oldest of this list until it is empty, then of the next ones. */
static inline void naive_pcp_drain(struct naive_buddy *b, unsigned cpu, unsigned type, size_t nr)
{
	while (nr && naive_pcp_count(b, cpu)) {
		struct naive_list *l = &b->pcp[cpu][type];

		if (!l->nr) {
			type = (type + 1) % NAIVE_TYPES;
			continue;
		}
		naive_free_block(b, naive_take_tail(l), 0, false);
		nr--;
	}
}

/* `busy`: the per-CPU list cannot be used this time. */
static inline uint32_t naive_alloc(struct naive_buddy *b, unsigned cpu, unsigned order,
				   unsigned type, bool busy)
{
	uint32_t pfn = NAIVE_NONE;

	if (!order && !busy)
		pfn = naive_pcp_take(b, cpu, type);
	return pfn == NAIVE_NONE ? naive_take_block(b, order, type) : pfn;
}

static inline void naive_free(struct naive_buddy *b, unsigned cpu, uint32_t pfn, unsigned order,
			      bool busy)
{
	unsigned type = naive_type(b, pfn);

	if (order || busy) {
		/* Not more than a pageblock at once. */
		for (uint32_t p = pfn; p < pfn + (1u << order); p += NAIVE_BLOCK)
			naive_free_block(b, p, order < 9 ? order : 9, false);
		return;
	}
	naive_put(&b->pcp[cpu][type], pfn, false);
	if (naive_pcp_count(b, cpu) >= NAIVE_BATCH_HIGHS * b->batch)
		naive_pcp_drain(b, cpu, type, b->batch);
}

static inline void naive_drain_all(struct naive_buddy *b)
{
	for (unsigned cpu = 0; cpu < NAIVE_CPUS; cpu++)
		naive_pcp_drain(b, cpu, 0, naive_pcp_count(b, cpu));
}

/* All pageblocks Movable, nothing free. */
static inline void naive_open(struct naive_buddy *b, uint32_t nr_pages, unsigned batch)
{
	uint32_t blocks = (nr_pages + NAIVE_BLOCK - 1) / NAIVE_BLOCK;

	memset(b, 0, sizeof(*b));
	b->nr_pages = nr_pages;
	b->batch = batch;
	b->order = malloc(nr_pages);
	b->type = malloc(blocks);
	if (!b->order || !b->type)
		abort();
	memset(b->order, -1, nr_pages);
	memset(b->type, 1, blocks);
}

static inline void naive_close(struct naive_buddy *b)
{
	for (unsigned t = 0; t < NAIVE_TYPES; t++) {
		for (unsigned o = 0; o < NAIVE_ORDERS; o++)
			free(b->list[o][t].pfn);
		for (unsigned cpu = 0; cpu < NAIVE_CPUS; cpu++)
			free(b->pcp[cpu][t].pfn);
	}
	free(b->order);
	free(b->type);
}

#endif
