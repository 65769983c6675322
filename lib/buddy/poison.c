/* SPDX-License-Identifier: MIT */
/* The pattern in free pages: writing it, looking for what changed it. */
#include "poison.h"

#include <inttypes.h>
#include <string.h>

static unsigned char *bytes_of(const struct mm_buddy *b, const struct mmsim_page *page)
{
	return (unsigned char *)b->pages->base + mm_page_to_pfn(b->map, page) * MMSIM_PAGE_SIZE;
}

void mm_buddy_poison_pages(const struct mm_buddy *b, struct mmsim_page *page, unsigned order)
{
	unsigned char *bytes;

	if (!mm_buddy_poisons(b))
		return;
	bytes = bytes_of(b, page);
	memset(bytes, MM_PAGE_POISON, MMSIM_PAGE_SIZE << order);
	mm_exec_charge(b->exec, MM_CHARGE_STREAM, bytes, MMSIM_PAGE_SIZE << order);
}

/* The first byte is right, and each is as the one before it. */
static bool intact(const unsigned char *bytes, size_t nr)
{
	return bytes[0] == MM_PAGE_POISON && !memcmp(bytes, bytes + 1, nr - 1);
}

static bool single_bit(unsigned char byte)
{
	return __builtin_popcount(byte ^ MM_PAGE_POISON) == 1;
}

/* One bit is the memory's fault rather than a program's. */
static __attribute__((noinline, cold)) void broken(const struct mm_buddy *b, uint64_t pfn,
						   const unsigned char *bytes)
{
	unsigned first = 0, last = MMSIM_PAGE_SIZE - 1;
	bool flipped;

	while (bytes[first] == MM_PAGE_POISON)
		first++;
	while (bytes[last] == MM_PAGE_POISON)
		last--;
	flipped = first == last && single_bit(bytes[first]);
	mm_base_log(b->log,
		    "page poison: pfn %#" PRIx64
		    ": bytes %u to %u were written while the page was free: %#x there, not %#x",
		    pfn, first, last, bytes[first], MM_PAGE_POISON);
	mm_invariant("P1: single bit error", !flipped);
	mm_invariant("P1: poison overwritten", flipped);
}

void mm_buddy_check_poison(const struct mm_buddy *b, const struct mmsim_page *page, unsigned order)
{
	const unsigned char *bytes;

	if (!mm_buddy_poisons(b))
		return;
	bytes = bytes_of(b, page);
	for (uint64_t i = 0; i < UINT64_C(1) << order; i++, bytes += MMSIM_PAGE_SIZE)
		if (mm_unlikely(!intact(bytes, MMSIM_PAGE_SIZE)))
			broken(b, mm_page_to_pfn(b->map, page) + i, bytes);
}

void mm_buddy_unpoison_pages(const struct mm_buddy *b, const struct mmsim_page *page,
			     unsigned order)
{
	if (!mm_buddy_poisons(b))
		return;
	mm_exec_charge(b->exec, MM_CHARGE_STREAM, bytes_of(b, page), MMSIM_PAGE_SIZE << order);
	mm_buddy_check_poison(b, page, order);
}
