/* SPDX-License-Identifier: MIT */
/*
 * What stands in front of the lists of naive_buddy.h: per-CPU lists that tune themselves, watermarks, and
 * the attempts that an allocation makes. As simple, and written from the rules as well.
 */
#ifndef TEST_NAIVE_PCP_H
#define TEST_NAIVE_PCP_H

#include "naive_buddy.h"

/* What a request may do in need. */
enum naive_kind {
	NAIVE_PLAIN, /* keep the min mark */
	NAIVE_WAITS, /* the same, and other CPUs' lists are drained before it fails */
	NAIVE_URGENT, /* as that, and half of min, without the boost for single pages */
	NAIVE_MEMALLOC, /* no mark at all */
	NAIVE_KINDS
};

static inline int naive_min(int a, int b)
{
	return a < b ? a : b;
}

static inline int naive_max(int a, int b)
{
	return a > b ? a : b;
}

/* Where the bounds are crossed, what is below both becomes `low`, the greater. */
static inline int naive_clamp(int val, int low, int high)
{
	return val >= high ? high : naive_max(val, low);
}

static inline bool naive_has_lists(unsigned order)
{
	return order <= 3 || order == NAIVE_BLOCK_ORDER;
}

static inline unsigned naive_index(unsigned order, unsigned type)
{
	return order <= 3 ? 3 * order + type : 12 + (type == NAIVE_MOVABLE);
}

static inline unsigned naive_index_order(unsigned index)
{
	return index < 12 ? index / 3 : NAIVE_BLOCK_ORDER;
}

/* Blocks for an empty list. */
static inline int naive_refill_size(struct naive_buddy *b, struct naive_pcp *p, unsigned order)
{
	int pages = order ? b->batch : b->batch << p->factor, room;

	p->high = naive_clamp(p->high, b->high_min, b->high_max);
	if (p->high < b->batch)
		return 1;
	room = p->high;
	if (b->high_min != b->high_max && !b->below_high)
		room = p->high = naive_min(p->high + pages, b->high_max);
	if (!order) {
		room = naive_max(room - p->count - b->batch, b->batch);
		if (pages <= room && p->factor < (int)b->rules.scale)
			p->factor++;
		pages = naive_min(pages, room);
	}
	return pages > 1 ? naive_max(pages >> order, 2) : pages;
}

static inline void naive_refill(struct naive_buddy *b, struct naive_pcp *p, unsigned order,
				unsigned type, bool pure)
{
	enum naive_mode mode = NAIVE_OWN;
	uint32_t pfn;

	/* The first page got is the first to be handed out: each goes behind the last. */
	for (int nr = naive_refill_size(b, p, order); nr > 0; nr--) {
		pfn = naive_take_block(b, order, type, pure, &mode);
		if (pfn == NAIVE_NONE)
			return;
		naive_put(&p->list[naive_index(order, type)], pfn, true);
		p->count += 1 << order;
	}
}

static inline uint32_t naive_pcp_take(struct naive_buddy *b, unsigned cpu, unsigned order,
				      unsigned type, bool pure)
{
	struct naive_pcp *p = &b->pcp[cpu];
	struct naive_list *l = &p->list[naive_index(order, type)];

	if (!l->nr)
		naive_refill(b, p, order, type, pure);
	if (!l->nr)
		return NAIVE_NONE;
	p->count -= 1 << order;
	return naive_take_head(l);
}

/* Back to the zone: the oldest of this list until it is empty, then of the next ones. */
static inline void naive_pcp_drain(struct naive_buddy *b, struct naive_pcp *p, unsigned index,
				   int nr)
{
	while (nr > 0 && p->count) {
		struct naive_list *l = &p->list[index];
		unsigned order = naive_index_order(index);

		if (!l->nr) {
			index = (index + 1) % NAIVE_PCP_LISTS;
			continue;
		}
		p->count -= 1 << order;
		nr -= 1 << order;
		naive_free_block(b, naive_take_tail(l), order, false);
	}
}

static inline void naive_drain_cpu(struct naive_buddy *b, unsigned cpu)
{
	struct naive_pcp *p = &b->pcp[cpu];

	while (p->count)
		naive_pcp_drain(b, p, 0, naive_min(p->count, b->batch << b->rules.scale));
}

static inline void naive_drain_all(struct naive_buddy *b)
{
	for (unsigned cpu = 0; cpu < NAIVE_CPUS; cpu++)
		naive_drain_cpu(b, cpu);
}

/* What the worker does once a second. */
static inline void naive_decay(struct naive_buddy *b, unsigned cpu)
{
	struct naive_pcp *p = &b->pcp[cpu];
	int least = naive_max(p->count - (b->batch << b->rules.scale), b->high_min);

	if (p->high > b->high_min)
		p->high = naive_max(p->high - p->high / 8, least);
	for (int nr = p->count - p->high; nr > 0; nr -= b->batch)
		naive_pcp_drain(b, p, 0, naive_min(nr, b->batch));
}

/* Is this one too many in a row of blocks of several pages? */
static inline bool naive_row_of_blocks(struct naive_buddy *b, struct naive_pcp *p, unsigned order)
{
	bool row = p->freed_blocks && order && order <= 3 &&
		   p->free_count >= b->batch + b->high_min / 2 &&
		   (!b->rules.cache || p->count >= b->batch);

	p->freed_blocks = order && order <= 3;
	return row;
}

/* The length at which pages go back; high follows. */
static inline int naive_limit(struct naive_buddy *b, struct naive_pcp *p)
{
	int limit = p->high, want = p->free_count + b->batch;

	if (!limit || b->high_min == b->high_max)
		return limit;
	if (b->below_high) {
		p->high = naive_max(p->high - naive_max(p->free_count, b->batch), b->high_min);
		return naive_max(p->count, b->high_min);
	}
	if (p->count >= limit && limit < want)
		p->high = naive_clamp(want, b->high_min, b->high_max);
	return limit;
}

/* After a free to the list: pages to give back. */
static inline int naive_surplus(struct naive_buddy *b, struct naive_pcp *p, unsigned order)
{
	const int most = b->batch << b->rules.scale;
	bool row;
	int limit;

	p->factor /= 2;
	row = naive_row_of_blocks(b, p, order);
	if (p->free_count < most)
		p->free_count += 1 << order;
	p->high = naive_clamp(p->high, b->high_min, b->high_max);
	if (row && p->high) {
		p->high = naive_max(p->high - most, b->high_min);
		return naive_min(p->count, most);
	}
	limit = naive_limit(b, p);
	if (p->count < limit)
		return 0;
	if (limit < b->batch)
		return 1;
	return naive_clamp(p->free_count, b->batch, limit - b->batch);
}

static inline void naive_pcp_free(struct naive_buddy *b, unsigned cpu, uint32_t pfn, unsigned order)
{
	struct naive_pcp *p = &b->pcp[cpu];
	unsigned index = naive_index(order, naive_type(b, pfn));
	int nr;

	naive_put(&p->list[index], pfn, false);
	p->count += 1 << order;
	nr = naive_surplus(b, p, order);
	if (!nr)
		return;
	for (; nr > 0 && p->count; nr -= b->batch) {
		naive_pcp_drain(b, p, index, b->rules.slices ? naive_min(nr, b->batch) : nr);
		if (!b->rules.slices)
			break;
	}
	if (b->below_high && naive_has_room(b, 0, b->mark[2] + b->boost))
		b->below_high = false;
}

/* `busy`: the per-CPU lists cannot be used this time. */
static inline void naive_free(struct naive_buddy *b, unsigned cpu, uint32_t pfn, unsigned order,
			      bool busy)
{
	if (naive_has_lists(order) && !busy) {
		naive_pcp_free(b, cpu, pfn, order);
		return;
	}
	/* Not more than a pageblock at once. */
	for (uint32_t p = pfn; p < pfn + (1u << order); p += NAIVE_BLOCK)
		naive_free_block(b, p, order < 9 ? order : 9, false);
}

/* What one attempt may do. */
struct naive_try {
	unsigned cpu, order, type;
	bool pure, urgent, no_mark;
	unsigned mark; /* which */
	bool *busy; /* the first who looks at the lists finds them so */
};

/* Who is urgent needs to find half, and for single pages the half of min without the boost. */
static inline bool naive_is_above(struct naive_buddy *b, const struct naive_try *t, unsigned mark)
{
	uint64_t least = b->mark[mark] + b->boost, min = b->mark[0];

	if (t->urgent)
		least -= least / 2;
	if (t->urgent && !t->order && b->boost && min - min / 2 < least)
		least = min - min / 2;
	return naive_has_room(b, t->order, least);
}

static inline uint32_t naive_attempt(struct naive_buddy *b, const struct naive_try *t)
{
	enum naive_mode mode = NAIVE_OWN;
	uint32_t pfn = NAIVE_NONE;

	if (!b->below_high)
		b->below_high = !naive_is_above(b, t, 2);
	if (b->below_high && !t->no_mark && !naive_is_above(b, t, t->mark))
		return NAIVE_NONE;
	if (naive_has_lists(t->order)) {
		if (!*t->busy) {
			b->pcp[t->cpu].free_count /= 2;
			pfn = naive_pcp_take(b, t->cpu, t->order, t->type, t->pure);
		}
		*t->busy = false;
	}
	return pfn == NAIVE_NONE ? naive_take_block(b, t->order, t->type, t->pure, &mode) : pfn;
}

static inline uint32_t naive_alloc(struct naive_buddy *b, unsigned cpu, unsigned order,
				   unsigned type, enum naive_kind kind, bool busy)
{
	struct naive_try t = { .cpu = cpu, .order = order, .type = type, .busy = &busy };
	uint32_t pfn;

	/* Rather not mix pageblocks, then do; at the low mark. */
	t.mark = 1;
	t.pure = true;
	pfn = naive_attempt(b, &t);
	t.pure = b->rules.defrag;
	if (pfn == NAIVE_NONE && !t.pure)
		pfn = naive_attempt(b, &t);
	if (pfn != NAIVE_NONE)
		return pfn;
	t.mark = 0;
	t.urgent = kind == NAIVE_URGENT;
	pfn = naive_attempt(b, &t);
	t.no_mark = kind == NAIVE_MEMALLOC;
	if (pfn == NAIVE_NONE && t.no_mark)
		pfn = naive_attempt(b, &t);
	if (pfn != NAIVE_NONE || (kind != NAIVE_WAITS && kind != NAIVE_URGENT))
		return pfn;
	naive_drain_all(b);
	t.pure = false;
	return naive_attempt(b, &t);
}

/* At most nr single pages; the lists are not busy. Returns how many. */
static inline size_t naive_alloc_bulk(struct naive_buddy *b, unsigned cpu, unsigned type, size_t nr,
				      uint32_t *pfn)
{
	size_t got = 0;

	if (nr > 1 && naive_has_room(b, 0, b->mark[1] + b->boost + nr))
		while (got < nr &&
		       (pfn[got] = naive_pcp_take(b, cpu, 0, type, false)) != NAIVE_NONE)
			got++;
	if (!got && (pfn[0] = naive_alloc(b, cpu, 0, type, NAIVE_PLAIN, false)) != NAIVE_NONE)
		got = 1;
	return got;
}

static inline uint64_t naive_root(uint64_t x)
{
	uint64_t root = 0;

	while ((root + 1) * (root + 1) <= x)
		root++;
	return root;
}

/* Marks and bounds, once all memory was handed over. */
static inline void naive_setup(struct naive_buddy *b)
{
	uint64_t min = (uint64_t)naive_max((int)naive_root(b->managed * 64), 128) / 4, gap;
	int share, most = (int)b->managed / 8;

	if (b->rules.min_kbytes)
		min = b->rules.min_kbytes / 4;
	gap = min / 4 > b->managed / 1000 ? min / 4 : b->managed / 1000;
	for (unsigned i = 0; i < 3; i++)
		b->mark[i] = min + i * gap;
	b->batch = (int)b->managed / 4096 * 3 / 2;
	for (int power = 64; b->batch > 1; power /= 2)
		if (power <= b->batch) {
			b->batch = power - 1;
			break;
		}
	b->batch = naive_max(b->batch, 1);
	share = (int)b->mark[1];
	if (b->rules.fraction)
		share = most = (int)(b->managed / b->rules.fraction);
	if (b->rules.fixed)
		most = share;
	b->high_min = naive_max(share / NAIVE_CPUS, 4 * b->batch);
	b->high_max = naive_max(most / NAIVE_CPUS, 4 * b->batch);
	for (unsigned cpu = 0; cpu < NAIVE_CPUS; cpu++)
		b->pcp[cpu].high = naive_clamp(0, b->high_min, b->high_max);
}

/* All pageblocks Movable, nothing free. */
static inline void naive_open(struct naive_buddy *b, uint32_t nr_pages,
			      const struct naive_rules *rules)
{
	uint32_t blocks = (nr_pages + NAIVE_BLOCK - 1) / NAIVE_BLOCK;

	memset(b, 0, sizeof(*b));
	b->rules = *rules;
	b->nr_pages = nr_pages;
	b->order = malloc(blocks * NAIVE_BLOCK);
	b->movable = calloc(blocks * NAIVE_BLOCK, sizeof(*b->movable));
	b->type = malloc(blocks);
	if (!b->order || !b->type || !b->movable)
		abort();
	memset(b->order, -1, blocks * NAIVE_BLOCK);
	memset(b->type, NAIVE_MOVABLE, blocks);
}

static inline void naive_close(struct naive_buddy *b)
{
	for (unsigned o = 0; o < NAIVE_ORDERS; o++)
		for (unsigned t = 0; t < NAIVE_TYPES; t++)
			free(b->list[o][t].pfn);
	for (unsigned cpu = 0; cpu < NAIVE_CPUS; cpu++)
		for (unsigned i = 0; i < NAIVE_PCP_LISTS; i++)
			free(b->pcp[cpu].list[i].pfn);
	free(b->order);
	free(b->movable);
	free(b->type);
}

#endif
