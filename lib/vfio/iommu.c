/* SPDX-License-Identifier: MIT */
/* The IOMMU's table. */
#include "iommu.h"

#include "bits.h"
#include "check.h"
#include <errno.h>

#define WORD 64

static uint64_t words(uint64_t nr_pages)
{
	return mm_div_round_up(nr_pages, WORD);
}

int mm_vfio_iommu_init(struct mm_vfio_iommu *t, struct mm_meta *meta, uint64_t nr_pages)
{
	t->nr_pages = nr_pages;
	t->mapped = mm_base_meta_calloc(meta, words(nr_pages), sizeof(*t->mapped));
	t->begins = mm_base_meta_calloc(meta, words(nr_pages), sizeof(*t->begins));
	if (t->mapped && t->begins)
		return 0;
	mm_vfio_iommu_fini(t, meta);
	return -ENOMEM;
}

void mm_vfio_iommu_fini(struct mm_vfio_iommu *t, struct mm_meta *meta)
{
	mm_base_meta_free(meta, t->mapped, words(t->nr_pages) * sizeof(*t->mapped));
	mm_base_meta_free(meta, t->begins, words(t->nr_pages) * sizeof(*t->begins));
	t->mapped = t->begins = NULL;
}

/* The bits of [first, end) that are in the word of `first`. */
static uint64_t mask_at(uint64_t first, uint64_t end)
{
	uint64_t from = first % WORD, nr = mm_min(end - first, WORD - from);

	return (nr == WORD ? UINT64_MAX : (UINT64_C(1) << nr) - 1) << from;
}

/* Where the next word begins. */
static uint64_t next_word(uint64_t page)
{
	return page - page % WORD + WORD;
}

static void set(uint64_t *bits, uint64_t first, uint64_t end)
{
	for (; first < end; first = next_word(first))
		__atomic_fetch_or(&bits[first / WORD], mask_at(first, end), __ATOMIC_RELAXED);
}

static void clear(uint64_t *bits, uint64_t first, uint64_t end)
{
	for (; first < end; first = next_word(first))
		__atomic_fetch_and(&bits[first / WORD], ~mask_at(first, end), __ATOMIC_RELAXED);
}

static bool test(const uint64_t *bits, uint64_t page)
{
	return __atomic_load_n(&bits[page / WORD], __ATOMIC_RELAXED) >> page % WORD & 1;
}

/* The first in [first, end) that is set, or that is not. */
static uint64_t find(const uint64_t *bits, uint64_t first, uint64_t end, bool value)
{
	for (; first < end; first = next_word(first)) {
		uint64_t word = __atomic_load_n(&bits[first / WORD], __ATOMIC_RELAXED);

		word = (value ? word : ~word) & mask_at(first, end);
		if (word)
			return first - first % WORD + (uint64_t)__builtin_ctzll(word);
	}
	return end;
}

void mm_vfio_iommu_map(struct mm_vfio_iommu *t, uint64_t first, uint64_t end)
{
	mm_assert_expensive(find(t->mapped, first, end, true) == end);
	set(t->begins, first, first + 1);
	set(t->mapped, first, end);
}

/* The page after may be another's, who begins a run there just now: to say so twice does no harm. */
void mm_vfio_iommu_unmap(struct mm_vfio_iommu *t, uint64_t first, uint64_t end)
{
	mm_assert_expensive(find(t->mapped, first, end, false) == end);
	if (end < t->nr_pages && test(t->mapped, end))
		set(t->begins, end, end + 1);
	clear(t->mapped, first, end);
	clear(t->begins, first, end);
}

uint64_t mm_vfio_iommu_next(const struct mm_vfio_iommu *t, uint64_t first, uint64_t end,
			    bool mapped)
{
	return find(t->mapped, first, end, mapped);
}

void mm_vfio_iommu_run(const struct mm_vfio_iommu *t, uint64_t page, uint64_t *first, uint64_t *end)
{
	uint64_t at = page;
	uint64_t word = t->begins[at / WORD] & mask_at(at - at % WORD, at + 1);

	while (!word) {
		mm_invariant("I1: a run has a beginning", at >= WORD);
		at = at - at % WORD - 1;
		word = t->begins[at / WORD];
	}
	*first = at - at % WORD + WORD - 1 - (uint64_t)__builtin_clzll(word);
	*end = find(t->begins, page + 1, t->nr_pages, true);
	*end = find(t->mapped, page, *end, false);
}

void mm_vfio_iommu_count(const struct mm_vfio_iommu *t, uint64_t *pages, uint64_t *runs)
{
	*pages = *runs = 0;
	for (uint64_t i = 0; i < words(t->nr_pages); i++) {
		*pages += (uint64_t)__builtin_popcountll(
			__atomic_load_n(&t->mapped[i], __ATOMIC_RELAXED));
		*runs += (uint64_t)__builtin_popcountll(
			__atomic_load_n(&t->begins[i], __ATOMIC_RELAXED));
	}
}
