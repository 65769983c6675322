/* SPDX-License-Identifier: MIT */
/* lib/base/heap.h against a sorted array: order, ties, removal from anywhere, exchange. */
#include "heap.h"

#include "rng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MOST 200
#define SEED 20260701

/* The model: all that are in, first first. */
struct model {
	struct mm_heap_node *in[MOST];
	uint32_t nr;
};

static struct mm_heap_node node[MOST], *slot[MOST];
static struct mm_heap heap;
static struct model model;

static int setup(void **state)
{
	(void)state;
	memset(node, 0, sizeof(node));
	memset(slot, 0, sizeof(slot));
	memset(&model, 0, sizeof(model));
	heap = (struct mm_heap){ .slot = slot };
	return 0;
}

static void model_add(struct mm_heap_node *n)
{
	uint32_t i = model.nr++;

	for (; i && (model.in[i - 1]->key > n->key ||
		     (model.in[i - 1]->key == n->key && model.in[i - 1]->tie > n->tie));
	     i--)
		model.in[i] = model.in[i - 1];
	model.in[i] = n;
}

static void model_remove(const struct mm_heap_node *n)
{
	uint32_t i = 0;

	while (model.in[i] != n)
		i++;
	model.nr--;
	memmove(&model.in[i], &model.in[i + 1], (model.nr - i) * sizeof(model.in[0]));
}

static void push(struct mm_heap_node *n, uint64_t key, uint32_t tie)
{
	n->key = key;
	n->tie = tie;
	mm_heap_push(&heap, n);
	model_add(n);
}

/* H1, H2, and the first is the model's. */
static void assert_heap(void)
{
	assert_int_equal(heap.nr, model.nr);
	assert_ptr_equal(mm_heap_first(&heap), model.nr ? model.in[0] : NULL);
	for (uint32_t i = 0; i < heap.nr; i++) {
		assert_int_equal(heap.slot[i]->at, i + 1);
		if (i)
			assert_false(mm_heap_before(heap.slot[i], heap.slot[(i - 1) / 2]));
	}
}

static void assert_pops_in_order(void)
{
	while (model.nr) {
		struct mm_heap_node *first = model.in[0];

		assert_ptr_equal(mm_heap_pop(&heap), first);
		assert_int_equal(first->at, 0);
		model_remove(first);
		assert_heap();
	}
	assert_null(mm_heap_pop(&heap));
}

static void empty(void **state)
{
	(void)state;
	assert_null(mm_heap_first(&heap));
	assert_null(mm_heap_pop(&heap));
	push(&node[0], UINT64_MAX, 0);
	assert_heap();
	assert_pops_in_order();
}

/* One key: the tie decides, whatever the order of insertion. */
static void ties(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < MOST; i++)
		push(&node[i], 5, i * 7 % MOST);
	assert_heap();
	for (uint32_t i = 0; i < MOST; i++) {
		const struct mm_heap_node *first = mm_heap_pop(&heap);

		assert_int_equal(first->tie, i);
		model_remove(first);
	}
}

/* Each place in turn, so that the last one moves up as well as down. */
static void remove_from_anywhere(void **state)
{
	(void)state;
	for (uint32_t place = 0; place < 60; place++) {
		struct mm_heap_node *gone;

		setup(NULL);
		for (uint32_t i = 0; i < 60; i++)
			push(&node[i], i * 37 % 60 / 2, i);
		gone = heap.slot[place];
		mm_heap_remove(&heap, gone);
		assert_int_equal(gone->at, 0);
		model_remove(gone);
		assert_heap();
		assert_pops_in_order();
	}
}

/* The last comes from another branch and is before the parent of the place that becomes free. */
static void removal_moves_up(void **state)
{
	static const uint64_t key[] = { 1, 10, 2, 11, 12, 3, 4, 13, 14, 15, 16, 5 };

	(void)state;
	for (uint32_t i = 0; i < 12; i++)
		push(&node[i], key[i], i);
	for (uint32_t i = 0; i < 12; i++)
		assert_ptr_equal(heap.slot[i], &node[i]);
	mm_heap_remove(&heap, &node[7]);
	model_remove(&node[7]);
	assert_heap();
	assert_pops_in_order();
}

static void random_operations(void **state)
{
	struct mm_rng rng = mm_rng_split(SEED, 0);

	(void)state;
	for (int step = 0; step < 40000; step++) {
		struct mm_heap_node *n = &node[mm_rng_below(&rng, MOST)];
		uint64_t key = mm_rng_below(&rng, 30);

		if (!n->at) {
			push(n, key, (uint32_t)(n - node));
		} else {
			mm_heap_remove(&heap, n);
			model_remove(n);
		}
		if (step % 16 == 0)
			assert_heap();
	}
	assert_pops_in_order();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(empty, setup),
		cmocka_unit_test_setup(ties, setup),
		cmocka_unit_test_setup(remove_from_anywhere, setup),
		cmocka_unit_test_setup(removal_moves_up, setup),
		cmocka_unit_test_setup(random_operations, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
