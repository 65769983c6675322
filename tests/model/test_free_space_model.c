/* SPDX-License-Identifier: MIT */
/*
 * Free addresses against a bitmap of pages, on one random stream of takes and gives: the same addresses, the
 * same errors, and every so often the same stretches. With large alignments as naive_pages.h says.
 */
#include "free_space.h"

#include "exec_env.h"
#include "naive_pages.h"
#include "time_box.h"
#include <errno.h>

#define BASE UINT64_C(0xffffc90000000000) /* aligned to all that is asked for */
#define ADDR(page) (BASE + (uint64_t)(page)*MMSIM_PAGE_SIZE)
#define NONE NAIVE_NO_PLACE

enum {
	MOST_LIVE = 8192,
	MOST_GIVEN = 80,
	COMPARE_EVERY = 8192,
};

struct block {
	uint32_t page, nr;
};

struct model {
	struct env *e;
	struct mm_slab slab;
	struct mm_free_space fs;
	struct mm_rng rng;
	struct naive_pages naive;
	unsigned full; /* of 100 operations this many take */
	unsigned nr;
	struct block block[MOST_LIVE];
};

/* The streams */

static uint64_t draw(struct model *m, uint64_t n)
{
	return mm_rng_below(&m->rng, n);
}

/* 1 to 300 pages, mostly few. */
static uint64_t draw_size(struct model *m)
{
	static const uint16_t most[] = { 1, 4, 16, 64, 300 };

	return 1 + draw(m, most[draw(m, mm_array_size(most))]);
}

/* Often the whole space; else from somewhere on, to somewhere, or just the size. */
static struct naive_wish draw_wish(struct model *m)
{
	struct naive_wish w = { draw_size(m), 1, 0, m->naive.pages };

	if (!draw(m, 4))
		w.align = UINT64_C(1) << draw(m, 10);
	if (draw(m, 4))
		return w;
	w.start = draw(m, m->naive.pages);
	if (draw(m, 2))
		w.start = mm_round_down(w.start, w.align);
	if (draw(m, 2))
		w.end = w.start + (draw(m, 2) ? w.nr : draw(m, 2000));
	return w;
}

static void expect_error(const struct naive_wish *w, int err, uint64_t lowest, uint64_t sure)
{
	if (sure == NONE) /* what is on the way by luck may be past the end */
		assert_true(err == -ENOENT || (err == -ERANGE && lowest != NONE));
	else
		assert_true(err == -ERANGE && sure + w->nr > w->end);
}

static void expect_place(struct model *m, const struct naive_wish *w, uint64_t addr,
			 uint64_t lowest, uint64_t sure)
{
	uint64_t page = (addr - BASE) / MMSIM_PAGE_SIZE;

	assert_true(page >= lowest && page <= sure && page + w->nr <= w->end);
	assert_int_equal(page % w->align, 0);
	assert_true(naive_set(&m->naive, page, w->nr, true));
	m->block[m->nr++] = (struct block){ (uint32_t)page, (uint32_t)w->nr };
}

static void take(struct model *m)
{
	struct naive_wish w = draw_wish(m);
	uint64_t lowest, sure, addr = 0;
	int err = mm_vmap_free_space_take(&m->fs, w.nr * MMSIM_PAGE_SIZE, w.align * MMSIM_PAGE_SIZE,
					  ADDR(w.start), ADDR(w.end), draw(m, 2), &addr);

	naive_find(&m->naive, &w, &lowest, &sure);
	if (err)
		expect_error(&w, err, lowest, sure);
	else
		expect_place(m, &w, addr, lowest, sure);
}

static void add(struct model *m, mm_list *areas, const struct block *b)
{
	struct mm_vmap_area *va = mm_vmap_slab_alloc(&m->slab);

	assert_non_null(va);
	va->va_start = ADDR(b->page);
	va->va_end = ADDR(b->page + b->nr);
	mm_list_add_tail(&va->list, areas);
	assert_true(naive_set(&m->naive, b->page, b->nr, false));
}

/* One, or a list of many. */
static void give(struct model *m)
{
	uint64_t nr = draw(m, 64) ? 1 : 1 + draw(m, MOST_GIVEN);
	mm_list areas;

	nr = mm_min(nr, m->nr);
	mm_list_init(&areas);
	for (uint64_t i = 0; i < nr; i++) {
		struct block *b = &m->block[draw(m, m->nr)];

		add(m, &areas, b);
		*b = m->block[--m->nr];
	}
	assert_int_equal(mm_vmap_free_space_give(&m->fs, &areas), nr);
}

static void compare(struct model *m)
{
	uint64_t page = naive_next(&m->naive, 0, false), end, nr = 0;

	assert_int_equal(m->fs.bytes, (m->naive.pages - m->naive.nr_used) * MMSIM_PAGE_SIZE);
	for (; page < m->naive.pages; page = naive_next(&m->naive, end, false), nr++) {
		const struct mm_vmap_area *va = mm_vmap_free_space_find(&m->fs, ADDR(page));

		end = naive_next(&m->naive, page, true);
		assert_non_null(va);
		assert_int_equal(va->va_start, ADDR(page));
		assert_int_equal(va->va_end, ADDR(end));
	}
	assert_int_equal(mm_vmap_free_space_validate(&m->fs), nr);
}

/* It fills up and empties again and again. */
static void operate(struct model *m, unsigned ops)
{
	for (unsigned op = 0; op < ops; op++) {
		if (op % 20000 == 0)
			m->full = (unsigned)draw(m, 2) ? 80 : 35;
		if (m->nr && (m->nr == MOST_LIVE || draw(m, 100) >= m->full))
			give(m);
		else
			take(m);
		if (op % COMPARE_EVERY == 0)
			compare(m);
	}
}

static struct model *open_model(uint64_t pages)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->naive.pages = pages;
	m->rng = mm_rng_split(20261122, pages);
	m->e = env_open(&(struct env_shape){ .mode = MMSIM_SERIAL, .nr_cpus = 1 });
	assert_int_equal(mm_vmap_slab_init(&m->slab, m->e->x, &m->e->locks,
					   mm_round_up(sizeof(struct mm_vmap_area), 64)),
			 0);
	assert_int_equal(
		mm_vmap_free_space_init(&m->fs, m->e->x, &m->e->locks, &m->slab, BASE, ADDR(pages)),
		0);
	return m;
}

static void close_model(struct model *m)
{
	while (m->nr)
		give(m);
	compare(m);
	assert_int_equal(m->fs.nr, 1);
	mm_vmap_free_space_fini(&m->fs);
	mm_vmap_slab_fini(&m->slab);
	env_close(m->e);
	free(m);
}

static void run(uint64_t pages, unsigned ops)
{
	struct model *m = open_model(pages);

	operate(m, ops / TIME_BOX_PART);
	close_model(m);
}

static void small_space(void **state)
{
	(void)state;
	run(NAIVE_MOST_PAGES / 8, 600000);
}

static void large_space(void **state)
{
	(void)state;
	run(NAIVE_MOST_PAGES, 80000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_space),
		cmocka_unit_test(large_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
