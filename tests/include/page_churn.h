/* SPDX-License-Identifier: MIT */
/*
 * One task's stream of allocations and frees, by a seed: mixed orders, types and zones, single and in
 * bulk. Every block is marked by its owner, in its struct page and, if there are any, in its bytes, and
 * looked at again before it is freed: a page given out twice shows.
 *
 * Runs on any thread: the first thing that went wrong is kept in `wrong`, for the main stack to assert.
 */
#ifndef TEST_PAGE_CHURN_H
#define TEST_PAGE_CHURN_H

#include <errno.h>
#include <mmsim/mmsim.h>
#include <stdio.h>
#include <string.h>

#define CHURN_BLOCKS 256
#define CHURN_BULK 40

struct churn_block {
	struct mmsim_page *page;
	unsigned order;
	uint64_t tag;
};

struct churn {
	struct mmsim *m;
	uint64_t seed, state;
	unsigned nr;
	uint64_t tags;
	uint64_t pages; /* taken, in all */
	const char *wrong; /* NULL: nothing */
	struct churn_block block[CHURN_BLOCKS];
};

static inline void churn_init(struct churn *c, struct mmsim *m, uint64_t seed, unsigned task)
{
	memset(c, 0, sizeof(*c));
	c->m = m;
	c->seed = seed;
	c->state = seed * 1000003 + task * UINT64_C(0x9e3779b97f4a7c15) + 1;
	c->tags = (uint64_t)task << 40;
}

/* xorshift64*: 0 to n - 1. */
static inline unsigned churn_below(struct churn *c, unsigned n)
{
	c->state ^= c->state >> 12;
	c->state ^= c->state << 25;
	c->state ^= c->state >> 27;
	return (unsigned)((c->state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static inline void churn_blame(struct churn *c, const char *what)
{
	if (!c->wrong)
		c->wrong = what;
}

/* First and last word of each page of the block. */
static inline uint64_t *churn_word(struct churn *c, const struct churn_block *b, unsigned i)
{
	char *at = mmsim_page_address(c->m, b->page);

	return (uint64_t *)(void *)(at + i / 2 * MMSIM_PAGE_SIZE +
				    (i % 2 ? MMSIM_PAGE_SIZE - 8 : 0));
}

static inline void churn_mark(struct churn *c, struct churn_block *b)
{
	b->tag = ++c->tags;
	b->page->priv = b->tag;
	for (unsigned i = 0; mmsim_page_address(c->m, b->page) && i < 2u << b->order; i++)
		*churn_word(c, b, i) = b->tag + i;
}

static inline void churn_check(struct churn *c, struct churn_block *b)
{
	if (b->page->priv != b->tag || b->page->refcount != 1)
		churn_blame(c, "the struct page of a block that is ours has changed");
	for (unsigned i = 0; mmsim_page_address(c->m, b->page) && i < 2u << b->order; i++)
		if (*churn_word(c, b, i) != b->tag + i)
			churn_blame(c, "the bytes of a block that is ours have changed");
	b->page->priv = 0;
}

static inline void churn_take(struct churn *c, struct mmsim_page *page, unsigned order)
{
	struct churn_block *b = &c->block[c->nr++];

	*b = (struct churn_block){ .page = page, .order = order };
	c->pages += UINT64_C(1) << order;
	churn_mark(c, b);
}

static inline void churn_alloc(struct churn *c)
{
	static const mmsim_gfp_t gfps[] = {
		MMSIM_GFP_KERNEL,
		MMSIM_GFP_HIGHUSER_MOVABLE,
		MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE,
		MMSIM_GFP_KERNEL | MMSIM___GFP_DMA,
	};
	unsigned order = churn_below(c, 3) ? 0 : churn_below(c, MMSIM_NR_PAGE_ORDERS);
	mmsim_gfp_t gfp = gfps[churn_below(c, 4)];
	struct mmsim_page *page = mmsim_alloc_pages(c->m, gfp, order);

	if (page)
		churn_take(c, page, order);
}

static inline void churn_alloc_bulk(struct churn *c)
{
	struct mmsim_page *pages[CHURN_BULK];
	size_t got = mmsim_alloc_pages_bulk(c->m, MMSIM_GFP_KERNEL, churn_below(c, CHURN_BULK) + 1u,
					    pages);

	for (size_t i = 0; i < got; i++)
		churn_take(c, pages[i], 0);
}

static inline void churn_free(struct churn *c)
{
	unsigned i = churn_below(c, c->nr);
	struct churn_block b = c->block[i];

	churn_check(c, &b);
	c->block[i] = c->block[--c->nr];
	if (mmsim_free_pages(c->m, b.page, b.order))
		churn_blame(c, "a block that is ours cannot be freed");
}

static inline void churn_steps(struct churn *c, unsigned steps)
{
	while (steps--) {
		unsigned what = churn_below(c, 100);

		if (c->nr && (what < 45 || c->nr + CHURN_BULK >= CHURN_BLOCKS))
			churn_free(c);
		else if (what < 95)
			churn_alloc(c);
		else
			churn_alloc_bulk(c);
		if (what == 99)
			mmsim_drain_all_pages(c->m);
	}
}

static inline void churn_free_all(struct churn *c)
{
	while (c->nr)
		churn_free(c);
}

#endif
