/* SPDX-License-Identifier: MIT */
/* lib/base/rbtree.h against a sorted array: shapes, erasing from anywhere, sums, height, D1, D2. */
#include "rbtree.h"

#include "check.h"
#include "rng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "child_dies.h"

#define MOST 300
#define SEED 20261121

struct item {
	struct mm_rb_node rb;
	uint64_t key, value;
	uint64_t greatest, nr; /* of the subtree: its values, its items */
	bool in;
};

/* The model: all that are in, by key; of equal keys the older one first. */
static struct {
	struct item *in[MOST];
	size_t nr;
} model;

static struct item item[MOST];
static struct mm_rb_root root;

static struct item *item_of(struct mm_rb_node *node)
{
	return mm_container_of(node, struct item, rb);
}

/* Two sums: an item may leave the greatest value as it was, but never the number. */
static bool update_sums(struct mm_rb_node *node)
{
	struct item *it = item_of(node);
	uint64_t greatest = it->value, nr = 1;
	bool changed;

	for (unsigned side = 0; side < 2; side++) {
		const struct item *child = node->child[side] ? item_of(node->child[side]) : NULL;

		if (child && child->greatest > greatest)
			greatest = child->greatest;
		nr += child ? child->nr : 0;
	}
	changed = greatest != it->greatest || nr != it->nr;
	it->greatest = greatest;
	it->nr = nr;
	return changed;
}

/* The first alone: what changes does not always reach the root. */
static bool update_greatest(struct mm_rb_node *node)
{
	struct item *it = item_of(node);
	uint64_t before = it->greatest;

	update_sums(node);
	it->nr = 0;
	return before != it->greatest;
}

static int setup(void **state)
{
	(void)state;
	memset(item, 0, sizeof(item));
	memset(&model, 0, sizeof(model));
	root = (struct mm_rb_root){ .update = update_greatest };
	return 0;
}

static int setup_sums(void **state)
{
	setup(state);
	root.update = update_sums;
	return 0;
}

static int setup_plain(void **state)
{
	setup(state);
	root.update = NULL;
	return 0;
}

static void insert(struct item *it, uint64_t key)
{
	struct mm_rb_node **link = &root.node, *parent = NULL;
	size_t i = model.nr++;

	it->key = key;
	it->in = true;
	while (*link) {
		parent = *link;
		link = &parent->child[key >= item_of(parent)->key];
	}
	mm_base_rb_insert(&root, &it->rb, parent, link);
	for (; i && model.in[i - 1]->key > key; i--)
		model.in[i] = model.in[i - 1];
	model.in[i] = it;
}

static void erase(struct item *it)
{
	size_t i = 0;

	mm_base_rb_erase(&root, &it->rb);
	it->in = false;
	while (model.in[i] != it)
		i++;
	model.nr--;
	memmove(&model.in[i], &model.in[i + 1], (model.nr - i) * sizeof(model.in[0]));
}

/*
 * Who keeps account is told of every node whose colour changes, the new one's parent and what it is above
 * excepted.
 */
static bool told[MOST];

static void tell(struct mm_rb_root *of, struct mm_rb_node *node)
{
	assert_ptr_equal(of, &root);
	told[item_of(node) - item] = true;
}

static void assert_told(const struct item *before, const struct item *but)
{
	for (size_t i = 0; i < MOST; i++)
		if (before[i].in && item[i].in && &item[i] != but)
			assert_true(told[i] || before[i].rb.red == item[i].rb.red);
}

static void rebalancing_is_told(void **state)
{
	static struct item before[MOST];
	struct mm_rng rng = mm_rng_split(SEED, 1);
	unsigned colours = 0;

	(void)state;
	root.wrote = tell;
	for (unsigned n = 0; n < 4000; n++) {
		struct item *it = &item[mm_rng_below(&rng, MOST)];

		memcpy(before, item, sizeof(item));
		memset(told, 0, sizeof(told));
		if (it->in)
			erase(it);
		else
			insert(it, mm_rng_below(&rng, 1000));
		assert_told(before, it);
		for (size_t i = 0; i < MOST; i++)
			colours += told[i];
	}
	assert_true(colours > 1000);
}

static void assert_order(unsigned side)
{
	const struct mm_rb_node *node = mm_base_rb_end(&root, !side);

	for (size_t i = 0; i < model.nr; i++) {
		assert_ptr_equal(node, &model.in[side ? i : model.nr - 1 - i]->rb);
		node = mm_base_rb_walk(node, side);
	}
	assert_null(node);
}

static void assert_sums(void)
{
	uint64_t greatest = 0;

	for (size_t i = 0; i < model.nr; i++)
		if (model.in[i]->value > greatest)
			greatest = model.in[i]->value;
	if (root.update && root.node)
		assert_int_equal(item_of(root.node)->greatest, greatest);
	if (root.update == update_sums && root.node)
		assert_int_equal(item_of(root.node)->nr, model.nr);
}

/* Red and black alternate at best: height <= 2 log2(n + 1). */
static void assert_height(void)
{
	unsigned log = 0;

	while ((UINT64_C(1) << log) < model.nr + 1)
		log++;
	for (size_t i = 0; i < model.nr; i++) {
		unsigned height = 0;

		for (const struct mm_rb_node *n = &model.in[i]->rb; n; n = n->parent)
			height++;
		assert_true(height <= 2 * log);
	}
}

static void assert_tree(void)
{
	assert_int_equal(mm_base_rb_validate(&root), model.nr);
	assert_order(1);
	assert_order(0);
	assert_sums();
}

static void empty(void **state)
{
	(void)state;
	assert_null(mm_rb_first(&root));
	assert_null(mm_rb_last(&root));
	assert_tree();
	insert(&item[0], 5);
	assert_false(item[0].rb.red);
	assert_tree();
	erase(&item[0]);
	assert_null(root.node);
	assert_tree();
}

/* Ascending, descending, and from both ends to the middle: every rotation on one side and on the other. */
static void in_order(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		setup(NULL);
		for (unsigned i = 0; i < MOST; i++) {
			unsigned key[] = { i, MOST - i, i % 2 ? i : 2 * MOST - i };

			item[i].value = i * 7919 % MOST;
			insert(&item[i], key[how]);
			assert_int_equal(mm_base_rb_validate(&root), i + 1);
		}
		assert_tree();
		assert_height();
	}
}

/* All have the same key: where they go is the caller's affair. */
static void duplicates(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		insert(&item[i], 3);
	assert_tree();
	for (unsigned i = 0; i < 100; i++) {
		erase(&item[i * 37 % 100]);
		assert_tree();
	}
}

/* `nr` nodes in an order of their own for each shape. */
static void grow(unsigned nr, unsigned shape)
{
	struct mm_rng rng = mm_rng_split(SEED, shape);
	unsigned key[32];

	setup(NULL);
	for (unsigned i = 0; i < nr; i++)
		key[i] = i;
	for (unsigned i = nr; i > 1; i--) {
		unsigned j = (unsigned)mm_rng_below(&rng, i), k = key[j];

		key[j] = key[i - 1];
		key[i - 1] = k;
	}
	for (unsigned i = 0; i < nr; i++) {
		item[i].value = mm_rng_below(&rng, 8);
		insert(&item[i], key[i]);
	}
}

/* Small trees of many shapes; each node in turn goes first: leaves, the root, with one child and with two. */
static void erase_from_anywhere(void **state)
{
	(void)state;
	for (unsigned nr = 1; nr <= 20; nr++)
		for (unsigned shape = 0; shape < 12; shape++)
			for (unsigned first = 0; first < nr; first++) {
				grow(nr, shape);
				erase(&item[first]);
				assert_tree();
			}
}

/* The root, as long as there is one. */
static void erase_the_root(void **state)
{
	(void)state;
	grow(32, 99);
	while (root.node) {
		erase(item_of(root.node));
		assert_tree();
	}
	assert_int_equal(model.nr, 0);
}

/*
 * From each end: black nodes all go on one side; siblings are red or black, their red children near or far.
 */
static void erase_from_one_end(void **state)
{
	(void)state;
	for (unsigned side = 0; side < 2; side++) {
		setup(NULL);
		for (unsigned i = 0; i < MOST; i++) {
			item[i].value = i % 97;
			insert(&item[i], i * 7 % MOST);
		}
		while (model.nr) {
			erase(model.in[side ? model.nr - 1 : 0]);
			assert_tree();
		}
	}
}

/* A node that comes back keeps what it said about another subtree. */
static void value_of_old(void **state)
{
	(void)state;
	item[0].value = 1;
	item[1].value = 50;
	insert(&item[0], 10);
	item[1].greatest = 50;
	insert(&item[1], 20);
	assert_tree();
}

static void change(struct item *it, uint64_t value)
{
	it->value = value;
	mm_base_rb_changed(&root, &it->rb);
}

static void change_values(void **state)
{
	struct mm_rng rng = mm_rng_split(SEED, 1000);

	(void)state;
	grow(32, 5);
	for (unsigned step = 0; step < 2000; step++) {
		change(&item[mm_rng_below(&rng, 32)], mm_rng_below(&rng, 40));
		assert_tree();
	}
}

static void random_operations(void **state)
{
	struct mm_rng rng = mm_rng_split(SEED, 2000);

	(void)state;
	for (unsigned step = 0; step < 30000; step++) {
		struct item *it = &item[mm_rng_below(&rng, MOST)];
		bool fill = step / 3000 % 2 == 0; /* nearly full and nearly empty by turns */

		if (!it->in && (fill || !mm_rng_below(&rng, 8))) {
			it->value = mm_rng_below(&rng, 1000);
			insert(it, mm_rng_below(&rng, 200));
		} else if (it->in && (!fill || !mm_rng_below(&rng, 8))) {
			erase(it);
		} else if (it->in) {
			change(it, mm_rng_below(&rng, 1000));
		}
		assert_int_equal(mm_base_rb_validate(&root), model.nr);
		assert_sums();
		if (step % 64 == 0) {
			assert_tree();
			assert_height();
		}
	}
}

enum harm { RED_ROOT, RED_PAIR, ONE_BLACK_MORE, STRAY_PARENT, STALE_VALUE };

static void do_harm(void *arg)
{
	struct mm_rb_node *leaf = mm_rb_first(&root);

	switch (*(enum harm *)arg) {
	case RED_ROOT:
		root.node->red = true;
		break;
	case RED_PAIR:
		leaf->red = true;
		leaf->parent->red = true;
		break;
	case ONE_BLACK_MORE:
		leaf->red = !leaf->red;
		break;
	case STRAY_PARENT:
		root.node->child[1]->parent = mm_rb_first(&root);
		break;
	case STALE_VALUE:
		item_of(leaf)->value = 1000;
		break;
	}
	mm_base_rb_validate(&root);
}

static void harm_is_found(void **state)
{
	static const char *const says[] = { "D1: the root is black",
					    "D1: no red node has a red parent",
					    "D1: every path has as many black nodes",
					    "D1: a child knows its parent",
					    "D2: what a node keeps is true" };

	(void)state;
	grow(32, 3);
	for (enum harm h = RED_ROOT; h <= STALE_VALUE; h++)
		assert_true(child_dies(do_harm, &h, says[h]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(empty, setup),
		cmocka_unit_test_setup(in_order, setup),
		cmocka_unit_test_setup(rebalancing_is_told, setup_plain),
		cmocka_unit_test_setup(duplicates, setup),
		cmocka_unit_test_setup(duplicates, setup_plain),
		cmocka_unit_test_setup(erase_from_anywhere, setup),
		cmocka_unit_test_setup(erase_the_root, setup),
		cmocka_unit_test_setup(erase_from_one_end, setup),
		cmocka_unit_test_setup(value_of_old, setup),
		cmocka_unit_test_setup(change_values, setup),
		cmocka_unit_test_setup(random_operations, setup),
		cmocka_unit_test_setup(random_operations, setup_sums),
		cmocka_unit_test_setup(random_operations, setup_plain),
		cmocka_unit_test_setup(harm_is_found, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
