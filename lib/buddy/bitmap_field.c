/* SPDX-License-Identifier: MIT */
/* Finding, taking and returning blocks of bits. */
#include "bitmap_field.h"

enum { WORD_ORDER = 6 };

__attribute__((cold)) void mm_buddy_bitmap_rmw_slow(struct mm_exec *x, const void *word)
{
	mm_exec_charge(x, MM_CHARGE_RMW, word, 1);
	mm_exec_point(x, MM_POINT_ATOMIC, word);
}

static uint64_t mask_of(unsigned at, unsigned order)
{
	return (order == WORD_ORDER ? UINT64_MAX : (UINT64_C(1) << (1u << order)) - 1) << at;
}

/* One bit is taken without a comparison: two that want the same one see who had it. */
static unsigned get_page(struct mm_exec *x, uint64_t *word)
{
	uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);

	while (value) {
		unsigned at = (unsigned)__builtin_ctzll(value);
		uint64_t bit = UINT64_C(1) << at;

		mm_bitmap_rmw(x, word);
		if (mm_likely(__atomic_fetch_and(word, ~bit, __ATOMIC_ACQUIRE) & bit))
			return at;
		value = __atomic_load_n(word, __ATOMIC_RELAXED);
	}
	return MM_FIELD_NONE;
}

static unsigned get_in_word(struct mm_exec *x, uint64_t *word, unsigned order)
{
	uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED), starts;

	while ((starts = mm_field_blocks(value, order))) {
		unsigned at = (unsigned)__builtin_ctzll(starts);

		mm_bitmap_rmw(x, word);
		if (__atomic_compare_exchange_n(word, &value, value & ~mask_of(at, order), false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return at;
	}
	return MM_FIELD_NONE;
}

static bool get_words(struct mm_exec *x, uint64_t *word, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		uint64_t all = UINT64_MAX;

		mm_bitmap_rmw(x, &word[i]);
		if (__atomic_compare_exchange_n(&word[i], &all, 0, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			continue;
		while (i--) /* these are ours: nobody puts or gets there */
			__atomic_store_n(&word[i], UINT64_MAX, __ATOMIC_RELEASE);
		return false;
	}
	return true;
}

static __attribute__((noinline)) unsigned get_block(struct mm_exec *x, struct mm_bitmap_field *f,
						    unsigned from, unsigned order)
{
	unsigned words = order > WORD_ORDER ? 1u << (order - WORD_ORDER) : 1, at;

	for (unsigned i = 0; i < MM_FIELD_WORDS; i += words) {
		unsigned w = (from + i) % MM_FIELD_WORDS & ~(words - 1);

		if (order > WORD_ORDER)
			at = get_words(x, &f->word[w], words) ? 0 : (unsigned)MM_FIELD_NONE;
		else
			at = get_in_word(x, &f->word[w], order);
		if (at != MM_FIELD_NONE)
			return w * 64 + at;
	}
	return MM_FIELD_NONE;
}

unsigned mm_buddy_field_get(struct mm_exec *x, struct mm_bitmap_field *f, unsigned from,
			    unsigned order)
{
	mm_assert(order < MM_FIELD_ORDER);
	if (mm_unlikely(order))
		return get_block(x, f, from, order);
	for (unsigned i = 0; i < MM_FIELD_WORDS; i++) {
		unsigned w = (from + i) % MM_FIELD_WORDS, at = get_page(x, &f->word[w]);

		if (mm_likely(at != MM_FIELD_NONE))
			return w * 64 + at;
	}
	return MM_FIELD_NONE;
}

void mm_buddy_field_get_all(struct mm_exec *x, struct mm_bitmap_field *f)
{
	mm_bitmap_rmw(x, f);
	for (unsigned i = 0; i < MM_FIELD_WORDS; i++) {
		mm_invariant("F1: all free as promised",
			     __atomic_load_n(&f->word[i], __ATOMIC_RELAXED) == UINT64_MAX);
		__atomic_store_n(&f->word[i], 0, __ATOMIC_RELAXED);
	}
}

/* Nobody else changes a word that is allocated as a whole. */
static void put_words(uint64_t *word, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		mm_invariant("F1: freed once", !__atomic_load_n(&word[i], __ATOMIC_RELAXED));
		__atomic_store_n(&word[i], UINT64_MAX, __ATOMIC_RELEASE);
	}
}

void mm_buddy_field_put(struct mm_exec *x, struct mm_bitmap_field *f, unsigned at, unsigned order)
{
	uint64_t *word = &f->word[at / 64], mask;

	mm_bitmap_rmw(x, word);
	if (order >= WORD_ORDER) {
		put_words(word, 1u << (order - WORD_ORDER));
		return;
	}
	mask = mask_of(at % 64, order);
	/* Without carries where no bit is set, and cheaper than anything that could refuse. */
	mm_invariant("F1: freed once", !(__atomic_fetch_add(word, mask, __ATOMIC_RELEASE) & mask));
}
