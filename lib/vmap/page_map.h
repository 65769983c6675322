/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a block are mapped, and where each mapping begins: so that only what was mapped together is
 * unmapped together.
 *
 * Counterpart: vmap_block.used_map. Difference: the kernel believes its callers, so it knows no beginnings.
 *
 *  M1: a page that begins a mapping is used; every used page belongs to the mapping that began at or last
 *      before it.
 *
 * Locking: the block's. Cost: O(words).
 */
#ifndef MM_VMAP_PAGE_MAP_H
#define MM_VMAP_PAGE_MAP_H

#include "bits.h"
#include <stdbool.h>
#include <stdint.h>

enum { MM_PAGE_MAP_BITS = 1024, MM_PAGE_MAP_WORDS = MM_PAGE_MAP_BITS / 64 };

struct mm_page_map {
	uint64_t used[MM_PAGE_MAP_WORDS];
	uint64_t first[MM_PAGE_MAP_WORDS];
};

static inline bool mm_page_bit(const uint64_t *map, unsigned i)
{
	return i < MM_PAGE_MAP_BITS && map[i / 64] >> i % 64 & 1;
}

/* Those of the bits from..to-1 that are in word w. */
static inline uint64_t mm_page_map_mask(unsigned from, unsigned to, unsigned w)
{
	unsigned lo = mm_max(from, w * 64) - w * 64, hi = mm_min(to, (w + 1) * 64) - w * 64;

	return (hi == 64 ? ~UINT64_C(0) : (UINT64_C(1) << hi) - 1) & ~UINT64_C(0) << lo % 64;
}

static inline void mm_page_map_set(struct mm_page_map *map, unsigned from, unsigned to)
{
	for (unsigned w = from / 64; w <= (to - 1) / 64; w++)
		map->used[w] |= mm_page_map_mask(from, to, w);
	map->first[from / 64] |= UINT64_C(1) << from % 64;
}

static inline void mm_page_map_clear(struct mm_page_map *map, unsigned from, unsigned to)
{
	for (unsigned w = from / 64; w <= (to - 1) / 64; w++)
		map->used[w] &= ~mm_page_map_mask(from, to, w);
	map->first[from / 64] &= ~(UINT64_C(1) << from % 64);
}

/* Pages of the mapping that begins there; 0: none does. */
static inline unsigned mm_page_map_len(const struct mm_page_map *map, unsigned from)
{
	unsigned to = from;

	if (!mm_page_bit(map->first, from))
		return 0;
	do {
		to++;
	} while (mm_page_bit(map->used, to) && !mm_page_bit(map->first, to));
	return to - from;
}

/* The first bit at or above `from` that is `set` or not; `bits` if there is none below that. */
static inline unsigned mm_page_map_find(const struct mm_page_map *map, unsigned from, unsigned bits,
					bool set)
{
	for (unsigned w = from / 64; from < bits; from = ++w * 64) {
		uint64_t word = (set ? map->used[w] : ~map->used[w]) >> from % 64;

		if (word)
			return mm_min(from + (unsigned)__builtin_ctzll(word), bits);
	}
	return bits;
}

#endif
