/* SPDX-License-Identifier: MIT */
/* Page frames in bitmaps: what is free in an idle zone, and whether the counters say so. */
#include "bitmap_cpu.h"
#include "bits.h"

static uint64_t word_of(const struct mm_bitmap_field *f, unsigned i)
{
	return __atomic_load_n(&f->word[i], __ATOMIC_RELAXED);
}

static unsigned field_free(const struct mm_bitmap_field *f)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < MM_FIELD_WORDS; i++)
		nr += (unsigned)__builtin_popcountll(word_of(f, i));
	return nr;
}

/* From the largest down: each block is taken out before the smaller ones are counted. */
static void count_word(uint64_t word, uint64_t nr_free[MMSIM_NR_PAGE_ORDERS])
{
	for (unsigned order = 6; word; order--) {
		uint64_t starts = mm_field_blocks(word, order);

		nr_free[order] += (uint64_t)__builtin_popcountll(starts);
		for (unsigned o = 0; o < order; o++)
			starts |= starts << (1u << o);
		word &= ~starts;
	}
}

/* Is the naturally aligned block of whole words free? */
static bool words_free(const struct mm_bitmap_field *f, unsigned from, unsigned nr)
{
	uint64_t all = UINT64_MAX;

	for (unsigned i = from; i < from + nr; i++)
		all &= word_of(f, i);
	return all == UINT64_MAX;
}

static void count_field(const struct mm_bitmap_field *f, uint64_t nr_free[MMSIM_NR_PAGE_ORDERS])
{
	for (unsigned i = 0, nr; i < MM_FIELD_WORDS; i += nr) {
		nr = i % 4 ? 2 : MM_FIELD_WORDS;
		nr = i % 2 ? 1 : nr;
		nr = i == 4 ? 4 : nr;
		while (nr > 1 && !words_free(f, i, nr))
			nr /= 2;
		if (nr > 1)
			nr_free[6 + mm_fls64(nr) - 1]++;
		else
			count_word(word_of(f, i), nr_free);
	}
}

void mm_buddy_bitmap_count(const struct mm_zone *zone, uint64_t nr_free[MMSIM_NR_PAGE_ORDERS])
{
	const struct mm_bitmap *bm = mm_bitmap_of(zone);

	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		nr_free[o] = 0;
	for (uint64_t c = 0; c < bm->nr_trees * MM_TREE_CHILDREN; c += 2) {
		const struct mm_bitmap_field *f = &bm->field[c];

		if (words_free(f, 0, MM_FIELD_WORDS) && words_free(f + 1, 0, MM_FIELD_WORDS)) {
			nr_free[MM_FIELD_ORDER + 1]++;
			continue;
		}
		count_field(f, nr_free);
		count_field(f + 1, nr_free);
	}
}

/* Of all CPUs, and how many slots name the tree. */
static unsigned budgets_of(const struct mm_bitmap *bm, uint64_t tree, unsigned *nr_slots)
{
	unsigned sum = 0;

	*nr_slots = 0;
	for (unsigned cpu = 0; cpu < bm->cpus.nr; cpu++) {
		const struct mm_bitmap_cpu *c = mm_per_cpu(&bm->cpus, cpu);

		for (unsigned kind = 0; kind < MM_BITMAP_NR_KINDS; kind++) {
			uint64_t slot = __atomic_load_n(&c->slot[kind], __ATOMIC_RELAXED);

			if (mm_slot_tree(slot) != tree)
				continue;
			mm_invariant("P1: a small budget", mm_slot_budget(slot) < MM_BUDGET_MOST);
			sum += mm_slot_budget(slot);
			++*nr_slots;
		}
	}
	return sum;
}

static void check_pages(const struct mm_bitmap *bm, uint64_t word, uint64_t frame)
{
	for (; word; word &= word - 1) {
		uint64_t pfn = bm->base + frame + (uint64_t)__builtin_ctzll(word);

		mm_invariant("A1: free pages are the zone's", mm_zone_spans(bm->zone, pfn));
		mm_invariant("Z1: a free page has no owner",
			     mm_pfn_to_page(bm->zone->map, pfn)->refcount == 0);
	}
}

static unsigned check_tree(const struct mm_bitmap *bm, uint64_t tree)
{
	const struct mm_bitmap_tree *t = &bm->tree[tree];
	uint32_t word = mm_tree_load(bm, tree);
	unsigned sum = 0, nr_slots, budgets = budgets_of(bm, tree, &nr_slots);

	for (unsigned c = 0; c < MM_TREE_CHILDREN; c++) {
		uint64_t child = tree * MM_TREE_CHILDREN + c;
		unsigned nr = field_free(&bm->field[child]);

		mm_invariant("L1: a child's counter", mm_tree_child(t, c) == nr);
		for (unsigned i = 0; i < MM_FIELD_WORDS; i++)
			check_pages(bm, word_of(&bm->field[child], i),
				    child * MM_FIELD_PAGES + UINT64_C(64) * i);
		sum += nr;
	}
	mm_invariant("L2: a tree's counter", mm_tree_free(word) + budgets == sum);
	mm_invariant("L3: reserved by one", nr_slots == !!(word & MM_TREE_RESERVED));
	mm_invariant("T1: told or not", mm_tree_untold(word) <= mm_tree_free(word));
	mm_invariant("L4: told soon", mm_tree_untold(word) < MM_TREE_UNTOLD);
	return sum;
}

uint64_t mm_buddy_bitmap_validate(const struct mm_zone *zone)
{
	const struct mm_bitmap *bm = mm_bitmap_of(zone);
	uint64_t told = 0, sum = 0;

	for (uint64_t t = 0; t < bm->nr_trees; t++) {
		sum += check_tree(bm, t);
		told += mm_tree_free(mm_tree_load(bm, t)) - mm_tree_untold(mm_tree_load(bm, t));
	}
	mm_invariant("L4: free pages of the zone", told == zone->free_pages);
	return sum;
}
