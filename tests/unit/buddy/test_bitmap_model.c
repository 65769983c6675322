/* SPDX-License-Identifier: MIT */
/* Page frames in bitmaps, against a byte per frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "bitmap_rig.h"
#include "rng.h"

static struct bitmap_rig rig;
static struct bitmap_rig *r = &rig;

/*
 * The model: three trees and a bit on either side, a hole, ends that are aligned to nothing.
 */
enum { FROM = 300, TO = 3 * MM_TREE_PAGES + 777, HOLE = 5000, HOLE_END = 6333, NO_BLOCK = 255 };

struct model {
	bool free[TO];
	uint8_t order[TO]; /* of the block handed out that begins here */
	uint64_t nr_free;
	struct mm_rng rng;
};

static struct model model;

static void model_set(uint64_t at, unsigned order, bool is_free)
{
	for (uint64_t i = at; i < at + (UINT64_C(1) << order); i++) {
		assert_int_equal(model.free[i], !is_free);
		model.free[i] = is_free;
	}
	if (is_free)
		model.nr_free += UINT64_C(1) << order;
	else
		model.nr_free -= UINT64_C(1) << order;
}

static bool model_has(uint64_t at, unsigned order)
{
	if (at + (UINT64_C(1) << order) > TO)
		return false;
	for (uint64_t i = at; i < at + (UINT64_C(1) << order); i++)
		if (!model.free[i])
			return false;
	return true;
}

static bool model_has_any(unsigned order)
{
	for (uint64_t at = 0; at < TO; at += UINT64_C(1) << order)
		if (model_has(at, order))
			return true;
	return false;
}

static void model_count(uint64_t nr_free[MMSIM_NR_PAGE_ORDERS])
{
	memset(nr_free, 0, MMSIM_NR_PAGE_ORDERS * sizeof(*nr_free));
	for (uint64_t at = 0, order; at < TO; at += UINT64_C(1) << order) {
		order = MMSIM_MAX_PAGE_ORDER;
		while (order &&
		       (at & ((UINT64_C(1) << order) - 1) || !model_has(at, (unsigned)order)))
			order--;
		nr_free[order] += model.free[at];
	}
}

static void model_get(unsigned order, enum mmsim_migratetype mt)
{
	uint64_t at = rig_get(r, order, mt);

	if (at == NOTHING) {
		assert_false(model_has_any(order));
		return;
	}
	assert_int_equal(at & ((UINT64_C(1) << order) - 1), 0);
	assert_in_range(at, FROM, TO - (UINT64_C(1) << order));
	model_set(at, order, false);
	model.order[at] = (uint8_t)order;
}

/* The next block from somewhere on; sometimes in two halves, sometimes only one of them. */
static void model_put(void)
{
	uint64_t at = mm_rng_below(&model.rng, TO);
	unsigned order, i;

	for (i = 0; i < TO && model.order[at] == NO_BLOCK; i++)
		at = (at + 1) % TO;
	order = model.order[at];
	if (order == NO_BLOCK)
		return;
	model.order[at] = NO_BLOCK;
	if (order && mm_rng_below(&model.rng, 4) == 0) {
		order--;
		model.order[at + (UINT64_C(1) << order)] = (uint8_t)order;
	}
	rig_free(r, at, order);
	model_set(at, order, true);
}

static void model_compare(void)
{
	uint64_t is[MMSIM_NR_PAGE_ORDERS], should[MMSIM_NR_PAGE_ORDERS];
	uint64_t kept = 2 * r->env.cfg.nr_cpus * MM_BUDGET_MOST + 5 * MM_TREE_UNTOLD;

	assert_int_equal(rig_validate(r), model.nr_free);
	assert_in_range(r->zone.free_pages + kept, model.nr_free, model.nr_free + kept);
	r->ops->count(&r->zone, is);
	model_count(should);
	assert_memory_equal(is, should, sizeof(is));
}

static void model_open(uint64_t seed)
{
	model = (struct model){ .rng = mm_rng_split(seed, 0) };
	memset(model.order, NO_BLOCK, sizeof(model.order));
	rig_open(r, MMSIM_SERIAL, 2, FROM, TO);
	rig_free_range(r, FROM, HOLE);
	rig_free_range(r, HOLE_END, TO);
	for (uint64_t at = FROM; at < TO; at++)
		if (at < HOLE || at >= HOLE_END)
			model_set(at, 0, true);
	model_compare();
}

/* Phases in which the zone fills up and gets empty; mostly small orders, or mostly large ones. */
static void model_step(unsigned i)
{
	static const enum mmsim_migratetype types[] = { U, M, R };
	bool fill = i / 9000 % 2 == 0, large = i / 18000 % 2;
	unsigned order = (unsigned)mm_rng_below(&model.rng, MMSIM_NR_PAGE_ORDERS);

	if (!large)
		order = (unsigned)mm_rng_below(&model.rng, order + 1);
	if (mm_rng_below(&model.rng, 100) < (fill ? 60 : 40))
		model_get(order, types[mm_rng_below(&model.rng, 3)]);
	else
		model_put();
	if (mm_rng_below(&model.rng, 5000) == 0)
		r->ops->drain(&r->zone, (unsigned)mm_rng_below(&model.rng, 2));
	if (i % 2000 == 0)
		model_compare();
}

static void agrees_with_model(void **state)
{
	(void)state;
	model_open(7);
	for (unsigned i = 0; i < 200000; i++)
		model_step(i);
	model_compare();
	while (model.nr_free < TO - FROM - (HOLE_END - HOLE))
		model_put();
	model_compare();
	rig_drain_all(r);
	assert_int_equal(r->zone.free_pages, model.nr_free);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
