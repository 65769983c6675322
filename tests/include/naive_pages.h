/* SPDX-License-Identifier: MIT */
/*
 * Addresses as a bitmap of pages, and the lowest place in it that fits, found by looking at one stretch after
 * the other: what the tree of free addresses is held against.
 *
 * With an alignment of more than a page the tree's answer depends on its shape. It lies between the lowest
 * place there is and the lowest in a stretch that has room for it wherever the stretch begins, by bytes.
 */
#ifndef TEST_NAIVE_PAGES_H
#define TEST_NAIVE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#define NAIVE_NO_PLACE UINT64_MAX

enum { NAIVE_MOST_PAGES = 65536 };

struct naive_pages {
	uint64_t pages; /* a multiple of 64 */
	uint64_t nr_used;
	uint64_t used[NAIVE_MOST_PAGES / 64];
};

struct naive_wish {
	uint64_t nr, align, start, end; /* pages */
};

static inline bool naive_is_used(const struct naive_pages *n, uint64_t page)
{
	return n->used[page / 64] >> page % 64 & 1;
}

/* The first page from there on that is used, or is not; or n->pages. */
static inline uint64_t naive_next(const struct naive_pages *n, uint64_t page, bool used)
{
	for (; page < n->pages; page = (page / 64 + 1) * 64) {
		uint64_t word = (used ? n->used[page / 64] : ~n->used[page / 64]) >> page % 64;

		if (word)
			return page + (unsigned)__builtin_ctzll(word);
	}
	return n->pages;
}

/* False: not all of them were otherwise. */
static inline bool naive_set(struct naive_pages *n, uint64_t page, uint64_t nr, bool used)
{
	if (page + nr > n->pages || naive_next(n, page, used) < page + nr)
		return false;
	for (uint64_t i = page; i < page + nr; i++)
		n->used[i / 64] ^= UINT64_C(1) << i % 64;
	n->nr_used += used ? nr : -nr;
	return true;
}

static inline uint64_t naive_stretch_start(const struct naive_pages *n, uint64_t page)
{
	while (page && page < n->pages && !naive_is_used(n, page) && !naive_is_used(n, page - 1))
		page--;
	return page;
}

/* What a stretch must have for any place in it to do. */
static inline uint64_t naive_length(const struct naive_wish *w)
{
	return w->align == 1 || w->end - w->start == w->nr ? w->nr : w->nr + w->align;
}

/* The lowest place from w->start on, and the lowest in a stretch that is long enough. */
static inline void naive_find(const struct naive_pages *n, const struct naive_wish *w,
			      uint64_t *lowest, uint64_t *sure)
{
	uint64_t page = naive_next(n, naive_stretch_start(n, w->start), false), end;

	*lowest = *sure = NAIVE_NO_PLACE;
	for (; page < n->pages && *sure == NAIVE_NO_PLACE; page = naive_next(n, end, false)) {
		uint64_t from = page > w->start ? page : w->start;
		uint64_t at = (from + w->align - 1) / w->align * w->align;

		end = naive_next(n, page, true);
		if (at + w->nr > end)
			continue;
		if (*lowest == NAIVE_NO_PLACE)
			*lowest = at;
		if (end - page >= naive_length(w))
			*sure = at;
	}
}

#endif
