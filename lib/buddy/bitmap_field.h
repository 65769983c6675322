/* SPDX-License-Identifier: MIT */
/*
 * 512 bits, one per page frame of 2 MiB, on one cache line: where the free frames are.
 *
 * Counterpart: none in the kernel; the bit fields of LLFree. Blocks up to order 6 lie within a word, those of
 * order 7 to 9 are whole words. How many bits are set is counted elsewhere (bitmap_tree.h): who gets has
 * been promised frames there first, so that an order-0 get fails only against others that get and put.
 *
 *  F1: a bit is set exactly while its frame is free; a put finds all bits of its block clear.
 *
 * Locking: none; all calls at once from any task, by atomic operations.
 */
#ifndef MM_BUDDY_BITMAP_FIELD_H
#define MM_BUDDY_BITMAP_FIELD_H

#include "exec.h"

enum {
	MM_FIELD_WORDS = 8,
	MM_FIELD_PAGES = 64 * MM_FIELD_WORDS,
	MM_FIELD_ORDER = 9,
	MM_FIELD_NONE = MM_FIELD_PAGES, /* no place in the field */
};

struct mm_bitmap_field {
	uint64_t word[MM_FIELD_WORDS];
} mm_cacheline_aligned;

/* What virtual time and explored schedules are told about an atomic change of a word, just before it. */
void mm_buddy_bitmap_rmw_slow(struct mm_exec *x, const void *word);

static inline void mm_bitmap_rmw(struct mm_exec *x, const void *word)
{
	if (mm_unlikely(x->ops->point != NULL))
		mm_buddy_bitmap_rmw_slow(x, word);
}

/*
 * A free block of an order below 9, from word `from` on and round. Where it is in the field; MM_FIELD_NONE:
 * there is none, or others were quicker.
 */
unsigned mm_buddy_field_get(struct mm_exec *x, struct mm_bitmap_field *f, unsigned from,
			    unsigned order);

/* The whole field, promised to the caller while all of it is free. */
void mm_buddy_field_get_all(struct mm_exec *x, struct mm_bitmap_field *f);

/* A block of an order up to 9 that the caller has. F1. */
void mm_buddy_field_put(struct mm_exec *x, struct mm_bitmap_field *f, unsigned at, unsigned order);

/* The first bits of the free blocks of 2^order in a word. Order at most 6. */
static inline uint64_t mm_field_blocks(uint64_t word, unsigned order)
{
	static const uint64_t first[] = {
		UINT64_MAX,
		UINT64_C(0x5555555555555555),
		UINT64_C(0x1111111111111111),
		UINT64_C(0x0101010101010101),
		UINT64_C(0x0001000100010001),
		UINT64_C(0x0000000100000001),
		1,
	};

	for (unsigned o = 0; o < order; o++)
		word &= word >> (1u << o);
	return word & first[order];
}

#endif
