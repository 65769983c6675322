/* SPDX-License-Identifier: MIT */
/* lib/mmap/vma.c against an array of pages: finding, neighbours, gaps, merging, bounds, A1-A3. */
#include "vma.h"

#include "rng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "child_dies.h"

#define PAGES 400 /* of the model's address space */
#define SEED 20261122
#define BYTES(page) ((uint64_t)(page) << MMSIM_PAGE_SHIFT)
#define RW (MMSIM_PROT_READ | MMSIM_PROT_WRITE)

static struct mm_vma_tree tree;
static struct mm_vma area[PAGES];
static struct mm_vma *model[PAGES + 1]; /* by page: who holds it; the last stays NULL */

static int setup(void **state)
{
	(void)state;
	memset(area, 0, sizeof(area));
	memset(model, 0, sizeof(model));
	mm_mmap_vma_tree_init(&tree);
	return 0;
}

static void model_set(uint64_t start, uint64_t end, struct mm_vma *vma)
{
	for (uint64_t page = start; page < end; page++)
		model[page] = vma;
}

static struct mm_vma *map(uint64_t start, uint64_t end)
{
	struct mm_vma *vma = area;

	while (vma->end)
		vma++;
	*vma = (struct mm_vma){ .start = BYTES(start), .end = BYTES(end), .flags = RW };
	mm_mmap_vma_insert(&tree, vma);
	model_set(start, end, vma);
	return vma;
}

static void unmap(struct mm_vma *vma)
{
	mm_mmap_vma_erase(&tree, vma);
	model_set(vma->start / MMSIM_PAGE_SIZE, vma->end / MMSIM_PAGE_SIZE, NULL);
	memset(vma, 0, sizeof(*vma));
}

static void resize(struct mm_vma *vma, uint64_t start, uint64_t end)
{
	model_set(vma->start / MMSIM_PAGE_SIZE, vma->end / MMSIM_PAGE_SIZE, NULL);
	mm_mmap_vma_resize(&tree, vma, BYTES(start), BYTES(end));
	model_set(start, end, vma);
}

static struct mm_vma *model_find(uint64_t page)
{
	while (page < PAGES && !model[page])
		page++;
	return page < PAGES ? model[page] : NULL;
}

static bool model_is_free(uint64_t start, uint64_t nr)
{
	for (uint64_t page = start; page < start + nr; page++)
		if (page < PAGES && model[page])
			return false;
	return true;
}

/* Pages; high may be above PAGES, nothing is there. */
static bool model_gap(uint64_t nr, uint64_t align, uint64_t low, uint64_t high, uint64_t *page)
{
	for (uint64_t at = high; at-- > low;)
		if (at % align == 0 && at + nr <= high && model_is_free(at, nr)) {
			*page = at;
			return true;
		}
	return false;
}

static void assert_gap(uint64_t nr, uint64_t align, uint64_t low, uint64_t high)
{
	uint64_t want = 0, got = BYTES(12345);
	bool any = model_gap(nr, align, low, high, &want);

	assert_int_equal(
		mm_mmap_vma_gap(&tree, BYTES(nr), BYTES(align), BYTES(low), BYTES(high), &got),
		any);
	assert_int_equal(got, any ? BYTES(want) : BYTES(12345));
}

static void assert_found(uint64_t page)
{
	struct mm_vma *want = model_find(page);

	assert_ptr_equal(mm_mmap_vma_find(&tree, BYTES(page)), want);
	assert_ptr_equal(mm_mmap_vma_find(&tree, BYTES(page) + MMSIM_PAGE_SIZE - 1), want);
	for (uint64_t end = page + 1; end <= PAGES; end += 1 + end / 7)
		assert_ptr_equal(mm_mmap_vma_intersects(&tree, BYTES(page), BYTES(end)),
				 model_is_free(page, end - page) ? NULL : want);
}

static void assert_tree(void)
{
	const struct mm_vma *vma = mm_mmap_vma_first(&tree), *prev = NULL;
	uint64_t nr = 0, pages = 0;

	mm_mmap_vma_validate(&tree);
	for (uint64_t page = 0; page < PAGES; page++) {
		pages += !!model[page];
		if (!model[page] || model[page] == prev)
			continue;
		nr++;
		assert_ptr_equal(vma, model[page]);
		assert_ptr_equal(mm_mmap_vma_prev(vma), prev);
		prev = vma;
		vma = mm_mmap_vma_next(vma);
	}
	assert_null(vma);
	assert_int_equal(tree.nr, nr);
	assert_int_equal(tree.pages, pages);
}

static void empty(void **state)
{
	uint64_t addr;

	(void)state;
	assert_tree();
	assert_null(mm_mmap_vma_first(&tree));
	assert_null(mm_mmap_vma_find(&tree, 0));
	assert_null(mm_mmap_vma_intersects(&tree, 0, UINT64_MAX));
	assert_gap(10, 1, 16, 26); /* all there is */
	assert_gap(11, 1, 16, 26); /* more than that */
	assert_gap(1, 1, 16, 16);
	assert_gap(1, 16, 17, 32); /* no multiple */
	assert_false(mm_mmap_vma_gap(&tree, BYTES(1), BYTES(1), 0, 0, &addr));
	assert_false(mm_mmap_vma_gap(&tree, BYTES(1), BYTES(1), BYTES(9), BYTES(8), &addr));
	assert_false(mm_mmap_vma_gap(&tree, BYTES(10), BYTES(1), BYTES(9), BYTES(8), &addr));
	assert_true(mm_mmap_vma_gap(&tree, MMSIM_TASK_SIZE_5 - MMSIM_MMAP_MIN_ADDR, BYTES(1),
				    MMSIM_MMAP_MIN_ADDR, MMSIM_TASK_SIZE_5, &addr));
	assert_int_equal(addr, MMSIM_MMAP_MIN_ADDR);
	/* Numbers that would wrap. */
	assert_false(mm_mmap_vma_gap(&tree, BYTES(UINT64_MAX / MMSIM_PAGE_SIZE), BYTES(512),
				     MMSIM_MMAP_MIN_ADDR, MMSIM_TASK_SIZE_5, &addr));
}

/* Gaps of 5, 8, 3, 8 and 4 pages: exactly filled, from the top. */
static void gaps_by_hand(void **state)
{
	uint64_t addr;

	(void)state;
	map(5, 10);
	map(18, 20);
	map(23, 24);
	map(32, 36);
	assert_true(mm_mmap_vma_gap(&tree, BYTES(4), BYTES(1), 0, BYTES(40), &addr));
	assert_int_equal(addr, BYTES(36)); /* above the last */
	assert_true(mm_mmap_vma_gap(&tree, BYTES(8), BYTES(1), 0, BYTES(40), &addr));
	assert_int_equal(addr, BYTES(24));
	assert_true(mm_mmap_vma_gap(&tree, BYTES(8), BYTES(1), 0, BYTES(31), &addr));
	assert_int_equal(addr, BYTES(10)); /* the upper one of 8 has only 7 below the limit */
	assert_false(mm_mmap_vma_gap(&tree, BYTES(9), BYTES(1), 0, BYTES(40), &addr));
	assert_true(mm_mmap_vma_gap(&tree, BYTES(5), BYTES(1), 0, BYTES(17), &addr));
	assert_int_equal(addr, BYTES(12));
	assert_false(mm_mmap_vma_gap(&tree, BYTES(5), BYTES(1), BYTES(1), BYTES(14), &addr));
	assert_true(mm_mmap_vma_gap(&tree, BYTES(3), BYTES(4), BYTES(1), BYTES(31), &addr));
	assert_int_equal(addr, BYTES(28));
	assert_true(mm_mmap_vma_gap(&tree, BYTES(3), BYTES(4), BYTES(1), BYTES(27), &addr));
	assert_int_equal(addr, BYTES(24));
	assert_true(mm_mmap_vma_gap(&tree, BYTES(3), BYTES(4), BYTES(1), BYTES(26), &addr));
	assert_int_equal(addr, BYTES(20)); /* exactly */
}

/* A gap that is long enough, but has no multiple in it, is passed by. */
static void gap_without_a_multiple(void **state)
{
	uint64_t addr;

	(void)state;
	map(10, 20);
	map(23, 40);
	assert_true(mm_mmap_vma_gap(&tree, BYTES(3), BYTES(4), 0, BYTES(40), &addr));
	assert_int_equal(addr, BYTES(20));
	assert_true(mm_mmap_vma_gap(&tree, BYTES(3), BYTES(8), 0, BYTES(40), &addr));
	assert_int_equal(addr, 0);
	assert_false(mm_mmap_vma_gap(&tree, BYTES(3), BYTES(8), BYTES(1), BYTES(40), &addr));
}

/* Nothing is free below high. */
static void whole_space(void **state)
{
	(void)state;
	map(0, 200);
	map(200, 390);
	assert_tree();
	assert_gap(1, 1, 0, 390);
	assert_gap(1, 1, 0, 391);
	assert_gap(10, 1, 0, 400);
	assert_gap(11, 1, 0, 400);
	map(390, PAGES);
	assert_gap(1, 1, 0, PAGES);
}

/* Bounds inside, across and between areas. */
static void random_gaps(struct mm_rng *rng)
{
	for (unsigned i = 0; i < 12; i++) {
		uint64_t low = mm_rng_below(rng, PAGES),
			 high = low + mm_rng_below(rng, PAGES + 40 - low);
		uint64_t nr = 1 + mm_rng_below(rng, mm_rng_below(rng, 4) ? 6 : 60);

		assert_gap(nr, UINT64_C(1) << mm_rng_below(rng, 6), low, high);
		assert_gap(nr, UINT64_C(1) << mm_rng_below(rng, 6), 0, PAGES);
	}
}

/* As large as fits, or nothing. */
static void random_map(struct mm_rng *rng)
{
	uint64_t start = mm_rng_below(rng, PAGES), end = start;
	uint64_t most = start + 1 + mm_rng_below(rng, mm_rng_below(rng, 8) ? 9 : 70);

	while (end < PAGES && end < most && !model[end])
		end++;
	if (end > start)
		map(start, end);
}

/* Each end into what is free there, or into the area. */
static void random_resize(struct mm_rng *rng, struct mm_vma *vma)
{
	uint64_t start = vma->start / MMSIM_PAGE_SIZE, end = vma->end / MMSIM_PAGE_SIZE;

	for (uint64_t n = mm_rng_below(rng, 6); n && start && !model[start - 1]; n--)
		start--;
	for (uint64_t n = mm_rng_below(rng, 6); n && end < PAGES && !model[end]; n--)
		end++;
	start += mm_rng_below(rng, end - start);
	end -= mm_rng_below(rng, end - start);
	resize(vma, start, end);
}

static void random_operations(void **state)
{
	struct mm_rng rng = mm_rng_split(SEED, 0);

	(void)state;
	for (unsigned step = 0; step < 8000; step++) {
		struct mm_vma *vma = model_find(mm_rng_below(&rng, PAGES));
		bool fill = step / 500 % 2 == 0;

		if (!vma || mm_rng_below(&rng, 4) < (fill ? 2 : 1))
			random_map(&rng);
		else if (mm_rng_below(&rng, 4) < (fill ? 1 : 2))
			unmap(vma);
		else
			random_resize(&rng, vma);
		assert_found(mm_rng_below(&rng, PAGES));
		if (step % 8 == 0) {
			assert_tree();
			random_gaps(&rng);
		}
	}
}

/* The file's page goes along with the start, and only with it. */
static void resize_moves_pgoff(void **state)
{
	struct mmsim_file *file = (void *)&area[1];
	struct mm_vma *vma = map(20, 30);

	(void)state;
	vma->file = file;
	vma->pgoff = 100;
	assert_int_equal(mm_vma_pgoff(vma, BYTES(23) + 5), 103);
	resize(vma, 24, 28);
	assert_int_equal(vma->pgoff, 104);
	resize(vma, 18, 40);
	assert_int_equal(vma->pgoff, 98);
	assert_int_equal(mm_vma_pages(vma), 22);
	assert_tree();
}

struct pair {
	struct mm_vma before, after;
};

static bool mergeable(struct pair p)
{
	return mm_mmap_vma_mergeable(&p.before, &p.after);
}

static void merging(void **state)
{
	struct mmsim_file *one = (void *)&area[1], *other = (void *)&area[2];
	struct pair anon = { { .start = BYTES(4), .end = BYTES(7), .flags = RW },
			     { .start = BYTES(7), .end = BYTES(8), .flags = RW } };
	struct pair p = anon;

	(void)state;
	assert_true(mergeable(p));
	p.before.anon = 1; /* whichever has had anonymous pages */
	assert_true(mergeable(p));
	p.after.anon = 1;
	assert_true(mergeable(p));
	p.before.anon = 0;
	assert_true(mergeable(p));
	p.after.pgoff = 9; /* means nothing without a file */
	assert_true(mergeable(p));
	p.after.flags = MMSIM_PROT_READ;
	assert_false(mergeable(p));
	p.after.flags = RW | MM_VMA_HUGEPAGE;
	assert_false(mergeable(p));
	p = anon;
	p.after.start = BYTES(7) + MMSIM_PAGE_SIZE; /* a hole between them */
	assert_false(mergeable(p));
	p = anon;
	p.before.file = one;
	assert_false(mergeable(p));
	p.after.file = one;
	assert_false(mergeable(p)); /* page 0 again */
	p.after.pgoff = 3;
	assert_true(mergeable(p));
	p.before.pgoff = 1;
	assert_false(mergeable(p));
	p.after.pgoff = 4;
	assert_true(mergeable(p));
	p.after.file = other;
	assert_false(mergeable(p));
	p.before.file = NULL;
	assert_false(mergeable(p));
}

enum harm {
	EMPTY,
	ON_ANOTHER,
	BELOW_ANOTHER,
	INTO_NEXT,
	INTO_PREV,
	CROOKED,
	GAP,
	SUBTREE_GAP,
	NR,
	ALL_PAGES
};

/* Nobody looks for these later: the calls themselves stop. */
static void call_that_stops(enum harm harm, struct mm_vma *vma)
{
	if (harm == EMPTY)
		map(50, 50);
	else if (harm == ON_ANOTHER)
		map(105, 115);
	else if (harm == BELOW_ANOTHER)
		map(95, 101);
	else if (harm == INTO_NEXT)
		resize(vma, 100, 121);
	else if (harm == INTO_PREV)
		resize(vma, 89, 110);
}

static void do_harm(void *arg)
{
	struct mm_vma *vma = mm_mmap_vma_find(&tree, BYTES(100));
	enum harm harm = *(enum harm *)arg;

	call_that_stops(harm, vma);
	if (harm < CROOKED)
		return;
	if (harm == CROOKED)
		vma->end -= 8;
	if (harm == GAP) {
		vma->gap += MMSIM_PAGE_SIZE;
		vma->subtree_gap = mm_mmap_vma_find(&tree, 0)->gap; /* still the largest */
	}
	if (harm == SUBTREE_GAP)
		vma->subtree_gap += MMSIM_PAGE_SIZE;
	tree.nr += harm == NR;
	tree.pages -= harm == ALL_PAGES;
	mm_mmap_vma_validate(&tree);
}

static void harm_is_found(void **state)
{
	static const char *const says[] = { "A1: an area is not empty",
					    "A1: areas are sorted and do not overlap",
					    "A1: areas are sorted and do not overlap",
					    "A1: areas are sorted and do not overlap",
					    "A1: areas are sorted and do not overlap",
					    "A1: an area begins and ends at pages",
					    "A2: the gap below an area",
					    "D2: what a node keeps is true",
					    "A3: number of areas",
					    "A3: pages of all areas" };

	(void)state;
	map(80, 90);
	map(100, 110);
	map(120, 130);
	for (enum harm h = EMPTY; h <= ALL_PAGES; h++)
		assert_true(child_dies(do_harm, &h, says[h]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(empty, setup),
		cmocka_unit_test_setup(gaps_by_hand, setup),
		cmocka_unit_test_setup(gap_without_a_multiple, setup),
		cmocka_unit_test_setup(whole_space, setup),
		cmocka_unit_test_setup(random_operations, setup),
		cmocka_unit_test_setup(resize_moves_pgoff, setup),
		cmocka_unit_test_setup(merging, setup),
		cmocka_unit_test_setup(harm_is_found, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
