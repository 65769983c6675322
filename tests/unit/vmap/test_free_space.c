/* SPDX-License-Identifier: MIT */
/* lib/vmap/free_space.h: fits, ranges, alignment, exhaustion, spares, merging, what validation finds. */
#include "free_space.h"

#include "child_dies.h"
#include "exec_env.h"
#include <errno.h>
#include <string.h>

#define BASE UINT64_C(0xffffc90000000000) /* of the space, aligned to all that is asked for */
#define PAGES 64
#define PAGE(n) (BASE + (uint64_t)(n)*MMSIM_PAGE_SIZE)
#define MANY 1000

struct rig {
	struct env *e;
	struct mm_slab slab;
	struct mm_free_space fs;
	uint64_t start, end;
	void *drained; /* objects, linked by their first words */
};

static struct rig *open_range(enum mmsim_mode mode, uint64_t start, uint64_t end)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->e = env_open(&(struct env_shape){ .mode = mode, .nr_cpus = 2 });
	r->start = start;
	r->end = end;
	assert_int_equal(mm_vmap_slab_init(&r->slab, r->e->x, &r->e->locks,
					   mm_round_up(sizeof(struct mm_vmap_area), 64)),
			 0);
	assert_int_equal(
		mm_vmap_free_space_init(&r->fs, r->e->x, &r->e->locks, &r->slab, start, end), 0);
	return r;
}

static struct rig *open_rig(void)
{
	return open_range(MMSIM_SERIAL, BASE, PAGE(PAGES));
}

static void close_rig(struct rig *r)
{
	mm_vmap_free_space_validate(&r->fs);
	mm_vmap_free_space_fini(&r->fs);
	mm_vmap_slab_fini(&r->slab); /* B1: all structs are back */
	env_close(r->e);
	free(r);
}

/* In pages, of which end may be any number; the page, or an error. */
static int64_t take(struct rig *r, uint64_t nr, uint64_t align, uint64_t start, uint64_t end)
{
	const uint64_t untouched = 1;
	uint64_t addr = untouched;
	int err = mm_vmap_free_space_take(&r->fs, nr * MMSIM_PAGE_SIZE, align * MMSIM_PAGE_SIZE,
					  PAGE(start), PAGE(end), true, &addr);

	mm_vmap_free_space_validate(&r->fs);
	if (err) {
		assert_int_equal(addr, untouched);
		return err;
	}
	return (int64_t)((addr - BASE) / MMSIM_PAGE_SIZE);
}

static int64_t take_any(struct rig *r, uint64_t nr)
{
	return take(r, nr, 1, 0, PAGES);
}

/* Exactly these. */
static void carve(struct rig *r, uint64_t page, uint64_t nr)
{
	assert_int_equal(take(r, nr, 1, page, page + nr), page);
}

static void add(struct rig *r, mm_list *areas, uint64_t page, uint64_t nr)
{
	struct mm_vmap_area *va = mm_vmap_slab_alloc(&r->slab);

	assert_non_null(va);
	va->va_start = PAGE(page);
	va->va_end = PAGE(page + nr);
	va->flags = mm_va_node_flags(1);
	mm_list_add_tail(&va->list, areas);
}

static void give(struct rig *r, uint64_t page, uint64_t nr)
{
	mm_list areas;

	mm_list_init(&areas);
	add(r, &areas, page, nr);
	assert_int_equal(mm_vmap_free_space_give(&r->fs, &areas), 1);
	assert_true(mm_list_empty(&areas));
	mm_vmap_free_space_validate(&r->fs);
}

/* Each page of the first `len`: '.' is free. */
static void assert_map(struct rig *r, const char *want)
{
	char map[PAGES + 1] = "";

	mm_spin_lock(&r->fs.lock);
	for (size_t page = 0; page < strlen(want); page++) {
		const struct mm_vmap_area *va = mm_vmap_free_space_find(&r->fs, PAGE(page));

		map[page] = va && va->va_start <= PAGE(page) ? '.' : '#';
	}
	mm_spin_unlock(&r->fs.lock);
	assert_string_equal(map, want);
}

static void four_fits(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	carve(r, 4, 3); /* no edge */
	assert_map(r, "....###.");
	assert_int_equal(r->fs.nr, 2);
	carve(r, 0, 1); /* left edge */
	carve(r, 3, 1); /* right edge */
	assert_map(r, "#..####.");
	assert_int_equal(r->fs.nr, 2);
	carve(r, 1, 2); /* full */
	assert_map(r, "#######.");
	assert_int_equal(r->fs.nr, 1);
	assert_int_equal(r->fs.bytes, (PAGES - 7) * MMSIM_PAGE_SIZE);
	close_rig(r);
}

static void lowest_comes_first(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	carve(r, 0, 40);
	give(r, 30, 4);
	give(r, 2, 1);
	give(r, 20, 2);
	give(r, 10, 3);
	assert_int_equal(take_any(r, 2), 10);
	assert_int_equal(take_any(r, 2), 20);
	assert_int_equal(take_any(r, 2), 30);
	assert_int_equal(take_any(r, 1), 2);
	assert_int_equal(take_any(r, 5), 40);
	assert_int_equal(take_any(r, 1), 12);
	close_rig(r);
}

static void alignment(void **state)
{
	struct rig *r = open_rig();
	uint64_t addr;

	(void)state;
	carve(r, 0, 1);
	assert_int_equal(take(r, 2, 8, 0, PAGES), 8);
	assert_map(r, "#.......##......");
	assert_int_equal(take(r, 1, 16, 0, PAGES), 16);
	assert_int_equal(take(r, 1, 32, 0, PAGES), 32);
	assert_int_equal(take(r, 1, 64, 0, PAGES), -ENOENT); /* not for sure in fewer than 64 */
	assert_int_equal(take(r, 1, 8, 33, 40), -ERANGE);
	/* Less than a page is a page, also inside one. */
	assert_int_equal(
		mm_vmap_free_space_take(&r->fs, MMSIM_PAGE_SIZE, 1, BASE + 1, r->end, true, &addr),
		0);
	assert_int_equal(addr, PAGE(1));
	assert_int_equal(mm_vmap_free_space_take(&r->fs, MMSIM_PAGE_SIZE, 8, PAGE(4) + 1, r->end,
						 true, &addr),
			 0);
	assert_int_equal(addr, PAGE(5));
	close_rig(r);
}

/* On the way of a search for 15 pages is the root alone. */
static void small_stretch_by_luck(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	carve(r, 0, 8);
	carve(r, 16, 48);
	assert_int_equal(take(r, 8, 8, 0, PAGES), 8);
	close_rig(r);
}

/* [8, 16) and, at the root, [20, 64). */
static void exact_range_is_searched_for_its_size(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	carve(r, 0, 8);
	carve(r, 16, 4);
	assert_int_equal(take(r, 8, 8, 8, 17), -ERANGE); /* 15 pages are not below 20 */
	assert_int_equal(take(r, 8, 8, 8, 16), 8);
	assert_int_equal(take(r, 8, 8, 8, 16), -ERANGE);
	close_rig(r);
}

static void ranges(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	carve(r, 10, 20);
	assert_int_equal(take(r, 3, 1, 5, PAGES), 5);
	assert_int_equal(take(r, 3, 1, 7, PAGES), 30); /* of [0, 10) two pages are left there */
	assert_int_equal(take(r, 3, 1, 7, 33), -ERANGE);
	assert_int_equal(take(r, 2, 1, 8, 10), 8);
	assert_int_equal(take(r, 4, 1, 33, 37), 33);
	assert_int_equal(take(r, 1, 1, PAGES, PAGES + 9), -ENOENT);
	assert_int_equal(take(r, 3, 1, 62, PAGES + 9), -ENOENT);
	assert_int_equal(take(r, 2, 1, 3, 3), -ERANGE);
	assert_int_equal(take(r, 2, 1, 3, 2), -ERANGE);
	assert_int_equal(take(r, PAGES, 1, 0, PAGES), -ENOENT);
	assert_map(r, ".....#####");
	close_rig(r);
}

static void all_of_it_page_by_page(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	for (int64_t page = 0; page < PAGES; page++)
		assert_int_equal(take_any(r, 1), page);
	assert_int_equal(take_any(r, 1), -ENOENT);
	assert_int_equal(r->fs.nr, 0);
	assert_int_equal(r->fs.bytes, 0);
	assert_null(mm_vmap_free_space_find(&r->fs, BASE));
	for (uint64_t i = 0; i < PAGES; i++)
		give(r, i * 37 % PAGES, 1);
	assert_int_equal(r->fs.nr, 1);
	assert_int_equal(take_any(r, PAGES), 0);
	close_rig(r);
}

static int take_raw(struct rig *r, uint64_t size, uint64_t align, uint64_t start, uint64_t end)
{
	uint64_t addr;
	int err = mm_vmap_free_space_take(&r->fs, size, align, start, end, true, &addr);

	assert_int_equal(mm_vmap_free_space_validate(&r->fs), r->fs.nr);
	return err;
}

static void numbers_near_the_end(void **state)
{
	const uint64_t last = UINT64_MAX - MMSIM_PAGE_SIZE + 1, top = UINT64_C(1) << 63;
	struct rig *r = open_range(MMSIM_SERIAL, last - 16 * MMSIM_PAGE_SIZE, UINT64_MAX);
	uint64_t addr;

	(void)state;
	assert_int_equal(r->fs.bytes, 16 * MMSIM_PAGE_SIZE);
	assert_int_equal(take_raw(r, last, 1, 0, UINT64_MAX), -ENOENT);
	assert_int_equal(take_raw(r, last, top, 0, UINT64_MAX), -ENOENT);
	assert_int_equal(take_raw(r, last, 2 * MMSIM_PAGE_SIZE, 0, UINT64_MAX), -ENOENT);
	assert_int_equal(take_raw(r, MMSIM_PAGE_SIZE, top, 0, UINT64_MAX), -ENOENT);
	assert_int_equal(take_raw(r, MMSIM_PAGE_SIZE, 1, UINT64_MAX, UINT64_MAX), -ENOENT);
	assert_int_equal(take_raw(r, MMSIM_PAGE_SIZE, 1, last, UINT64_MAX), -ENOENT);
	assert_int_equal(take_raw(r, MMSIM_PAGE_SIZE, 1, 0, 0), -ERANGE);
	assert_int_equal(mm_vmap_free_space_take(&r->fs, MMSIM_PAGE_SIZE, 16 * MMSIM_PAGE_SIZE, 0,
						 UINT64_MAX, true, &addr),
			 0);
	assert_int_equal(addr, last - 15 * MMSIM_PAGE_SIZE);
	assert_int_equal(take_raw(r, 14 * MMSIM_PAGE_SIZE, 1, 0, UINT64_MAX), 0);
	assert_int_equal(take_raw(r, MMSIM_PAGE_SIZE, 1, 0, UINT64_MAX), 0);
	assert_int_equal(r->fs.bytes, 0);
	close_rig(r);
}

/* From now on there is no struct to be had. */
static void drain_slab(struct rig *r)
{
	void **object;

	env_fail(r->e, MMSIM_FAULT_METADATA, 1, UINT32_MAX);
	while ((object = mm_vmap_slab_alloc(&r->slab))) {
		*object = r->drained;
		r->drained = object;
	}
}

static void refill_slab(struct rig *r)
{
	env_fail(r->e, MMSIM_FAULT_METADATA, 0, 0);
	while (r->drained) {
		void **object = r->drained;

		r->drained = *object;
		mm_vmap_slab_free(&r->slab, object);
	}
}

/* The two edges need no struct, a full fit gives one; the first from the middle has the spare. */
static void no_spare(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	carve(r, 0, 1); /* leaves a spare */
	drain_slab(r);
	carve(r, 10, 10);
	assert_int_equal(take(r, 1, 1, 40, 41), -ENOMEM);
	assert_int_equal(take(r, 1, 1, 3, 4), -ENOMEM);
	assert_int_equal(r->fs.bytes, (PAGES - 11) * MMSIM_PAGE_SIZE);
	carve(r, 20, 1);
	carve(r, 63, 1);
	assert_int_equal(r->fs.nr, 2);
	carve(r, 1, 9); /* full: its struct becomes the spare */
	carve(r, 40, 1);
	assert_int_equal(take(r, 1, 1, 50, 51), -ENOMEM);
	refill_slab(r);
	carve(r, 50, 1);
	close_rig(r);
}

static int take_nowait(struct rig *r, uint64_t page)
{
	uint64_t addr;

	return mm_vmap_free_space_take(&r->fs, MMSIM_PAGE_SIZE, 1, PAGE(page), PAGE(page + 1),
				       false, &addr);
}

static void no_waiting(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	assert_int_equal(take_nowait(r, 0), 0); /* by the left edge: no spare is made */
	assert_int_equal(mm_vmap_slab_live(&r->slab), r->fs.nr);
	assert_int_equal(take_nowait(r, 5), 0); /* by the last resort */
	assert_int_equal(mm_vmap_slab_live(&r->slab), r->fs.nr);
	drain_slab(r);
	assert_int_equal(take_nowait(r, 9), -ENOMEM);
	refill_slab(r);
	assert_int_equal(take(r, 1, 1, 1, 2), 1); /* leaves a spare */
	assert_int_equal(mm_vmap_slab_live(&r->slab), r->fs.nr + 1);
	drain_slab(r);
	assert_int_equal(take_nowait(r, 9), 0);
	refill_slab(r);
	close_rig(r);
}

/* Neither spares nor, then, a struct for what is free at first. */
static void no_memory_to_begin_with(void **state)
{
	struct rig *r = open_rig();
	struct mm_free_space fs;

	(void)state;
	drain_slab(r);
	for (uint32_t nth = 1; nth <= 2; nth++) {
		env_fail(r->e, MMSIM_FAULT_METADATA, nth, UINT32_MAX);
		assert_int_equal(mm_vmap_free_space_init(&fs, r->e->x, &r->e->locks, &r->slab, BASE,
							 PAGE(1)),
				 -ENOMEM);
	}
	refill_slab(r);
	close_rig(r); /* M1: nothing is left of them */
}

static void merging(void **state)
{
	struct rig *r = open_rig();

	(void)state;
	carve(r, 0, PAGES);
	give(r, 10, 2); /* with none */
	give(r, 20, 2);
	assert_int_equal(r->fs.nr, 2);
	give(r, 12, 1); /* with the one below */
	give(r, 19, 1); /* with the one above */
	assert_int_equal(r->fs.nr, 2);
	assert_map(r, "##########...######...##");
	give(r, 13, 6); /* with both */
	assert_int_equal(r->fs.nr, 1);
	assert_map(r, "##########............##");
	assert_int_equal(take_any(r, 12), 10);
	close_rig(r);
}

/* 0 to MANY - 1 but every tenth, in an order that is none; more than a hold of the lock takes. */
static void add_scattered(struct rig *r, mm_list *areas, uint64_t *nr)
{
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t page = i * 387 % MANY;

		if (page % 10)
			add(r, areas, page, 1);
		*nr += page % 10 != 0;
	}
}

static void many_at_once(void **state)
{
	struct rig *r = open_range(mode_of(state), BASE, PAGE(MANY));
	uint64_t nr = 0;
	mm_list areas;

	mm_list_init(&areas);
	carve(r, 0, MANY);
	add_scattered(r, &areas, &nr);
	assert_int_equal(mm_vmap_free_space_give(&r->fs, &areas), nr);
	assert_true(mm_list_empty(&areas));
	assert_int_equal(mm_vmap_free_space_validate(&r->fs), MANY / 10);
	assert_int_equal(mm_vmap_free_space_give(&r->fs, &areas), 0);
	for (uint64_t page = 0; page < MANY; page += 10)
		add(r, &areas, page, 1);
	assert_int_equal(mm_vmap_free_space_give(&r->fs, &areas), MANY / 10);
	assert_int_equal(mm_vmap_free_space_validate(&r->fs), 1);
	assert_int_equal(r->fs.bytes, MANY * MMSIM_PAGE_SIZE);
	close_rig(r);
}

/* ns of virtual time. */
static uint64_t cost_of_taking(struct rig *r, uint64_t start)
{
	uint64_t began = mm_exec_now(r->e->x);

	assert_true(take(r, 1, 1, start, MANY) >= 0);
	return mm_exec_now(r->e->x) - began;
}

/* Every other page is free: some levels of a tree more than at first, but not all of its stretches. */
static void looking_costs(void **state)
{
	struct rig *r = open_range(MMSIM_VIRTUAL, BASE, PAGE(MANY));
	uint64_t level =
		(test_figures[MMSIM_FIG_TREE_LEVEL] + test_figures[MMSIM_FIG_LINE_OWN]) / TEST_NS;
	uint64_t flat = cost_of_taking(r, 0), low, high;

	(void)state;
	give(r, 0, 1);
	for (uint64_t page = 1; page < MANY; page += 2)
		carve(r, page, 1);
	low = cost_of_taking(r, 0);
	high = cost_of_taking(r, MANY - 5);
	assert_in_range(low, flat + 5 * level, flat + 40 * level);
	assert_in_range(high, flat + 5 * level, flat + 40 * level);
	close_rig(r);
}

/* Two CPUs, each with a spare of its own, and one taken on the other. */
static void other_cpu(void *arg)
{
	struct rig *r = arg;
	uint64_t addr;

	r->start = (uint64_t)mm_vmap_free_space_take(&r->fs, MMSIM_PAGE_SIZE, 1, PAGE(30), PAGE(31),
						     true, &addr);
}

static void spares_of_each_cpu(void **state)
{
	struct rig *r = open_range(mode_of(state), BASE, PAGE(PAGES));
	struct mm_cpumask on = mm_cpumask_of(1);
	struct mm_task task;

	carve(r, 10, 1);
	assert_int_equal(mm_exec_spawn(r->e->x, &task, &on, other_cpu, r), 0);
	mm_exec_join(r->e->x, &task);
	assert_int_equal(r->start, 0);
	carve(r, 50, 1);
	assert_int_equal(mm_vmap_free_space_validate(&r->fs), 4);
	close_rig(r);
}

static void validate(void *arg)
{
	mm_vmap_free_space_validate(arg);
}

static void give_first(void *arg)
{
	struct rig *r = arg;

	give(r, 0, 1);
}

static void what_is_wrong_is_found(void **state)
{
	struct rig *r = open_rig();
	struct mm_vmap_area *root, *low;

	(void)state;
	carve(r, 10, 1);
	assert_true(child_lives(validate, &r->fs));
	root = mm_va_of_rb(r->fs.root.node);
	low = mm_vmap_free_space_find(&r->fs, BASE);
	assert_ptr_not_equal(root, low);
	root->subtree_max_size += MMSIM_PAGE_SIZE;
	assert_true(child_dies(validate, &r->fs, "F2"));
	root->subtree_max_size -= MMSIM_PAGE_SIZE;
	low->subtree_max_size -= MMSIM_PAGE_SIZE;
	assert_true(child_dies(validate, &r->fs, "F2"));
	low->subtree_max_size += MMSIM_PAGE_SIZE;
	r->fs.bytes++;
	assert_true(child_dies(validate, &r->fs, "F3"));
	r->fs.bytes--;
	low->va_end++;
	assert_true(child_dies(validate, &r->fs, "A1"));
	low->va_end += MMSIM_PAGE_SIZE - 1; /* as far as the next one */
	low->va_start += MMSIM_PAGE_SIZE;
	assert_true(child_dies(validate, &r->fs, "F1"));
	low->va_end -= MMSIM_PAGE_SIZE;
	low->va_start -= MMSIM_PAGE_SIZE;
	r->fs.nr++;
	assert_true(child_dies(validate, &r->fs, "F1"));
	r->fs.nr--;
	assert_true(child_dies(give_first, r, "A1")); /* which is free */
	close_rig(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_fits),
		cmocka_unit_test(lowest_comes_first),
		cmocka_unit_test(alignment),
		cmocka_unit_test(small_stretch_by_luck),
		cmocka_unit_test(exact_range_is_searched_for_its_size),
		cmocka_unit_test(ranges),
		cmocka_unit_test(all_of_it_page_by_page),
		cmocka_unit_test(numbers_near_the_end),
		cmocka_unit_test(no_spare),
		cmocka_unit_test(no_waiting),
		cmocka_unit_test(no_memory_to_begin_with),
		cmocka_unit_test(merging),
		in_all_modes(many_at_once),
		cmocka_unit_test(looking_costs),
		in_all_modes(spares_of_each_cpu),
		cmocka_unit_test(what_is_wrong_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
