/* SPDX-License-Identifier: MIT */
/* lib/base/list.h: order, emptiness, what removal leaves behind, L1, and a model with an array. */
#include "list.h"

#include "rng.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "child_dies.h"

#define NR 6
#define SEED 7

struct item {
	int value;
	mm_list link;
};

static void fill(struct item *item, mm_list *head, int first, int nr)
{
	for (int i = 0; i < nr; i++) {
		item[i].value = first + i;
		mm_list_add_tail(&item[i].link, head);
	}
}

/* Both ways round. */
static void assert_order(mm_list *head, const int *want, int nr)
{
	mm_list *back = head->prev;
	int i = 0;

	mm_list_for_each(pos, head) {
		assert_true(i < nr);
		assert_int_equal(mm_list_entry(pos, struct item, link)->value, want[i++]);
	}
	assert_int_equal(i, nr);
	for (; i > 0; back = back->prev)
		assert_int_equal(mm_list_entry(back, struct item, link)->value, want[--i]);
	assert_ptr_equal(back, head);
}

static void adds_at_both_ends(void **state)
{
	struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 3 };
	mm_list head;

	(void)state;
	mm_list_init(&head);
	assert_true(mm_list_empty(&head));
	mm_list_add_tail(&a.link, &head);
	assert_false(mm_list_empty(&head));
	mm_list_add_tail(&b.link, &head);
	mm_list_add(&c.link, &head);
	assert_order(&head, (const int[]){ 3, 1, 2 }, 3);
	assert_ptr_equal(mm_list_first(&head, struct item, link), &c);
	assert_ptr_equal(mm_list_last(&head, struct item, link), &b);
}

static void removal_leaves_null(void **state)
{
	struct item item[3];
	mm_list head;

	(void)state;
	mm_list_init(&head);
	fill(item, &head, 0, 3);
	mm_list_del(&item[1].link);
	assert_null(item[1].link.next);
	assert_null(item[1].link.prev);
	assert_order(&head, (const int[]){ 0, 2 }, 2);
	mm_list_del(&item[0].link);
	mm_list_del(&item[2].link);
	assert_true(mm_list_empty(&head));
	assert_ptr_equal(head.prev, &head);
}

static void moves_to_the_end(void **state)
{
	struct item item[3];
	mm_list head, other;

	(void)state;
	mm_list_init(&head);
	mm_list_init(&other);
	fill(item, &head, 0, 3);
	mm_list_move_tail(&item[0].link, &head);
	assert_order(&head, (const int[]){ 1, 2, 0 }, 3);
	mm_list_move_tail(&item[2].link, &other);
	assert_order(&head, (const int[]){ 1, 0 }, 2);
	assert_order(&other, (const int[]){ 2 }, 1);
}

static void splices(void **state)
{
	struct item a[2], b[2];
	mm_list to, from;

	(void)state;
	mm_list_init(&to);
	mm_list_init(&from);
	fill(b, &from, 2, 2);
	mm_list_splice_tail(&from, &to); /* onto an empty one */
	assert_order(&to, (const int[]){ 2, 3 }, 2);
	assert_true(mm_list_empty(&from));
	assert_ptr_equal(from.prev, &from);
	fill(a, &from, 0, 2);
	mm_list_splice_tail(&to, &from); /* behind others */
	assert_order(&from, (const int[]){ 0, 1, 2, 3 }, 4);
	mm_list_splice_tail(&to, &from); /* nothing */
	assert_order(&from, (const int[]){ 0, 1, 2, 3 }, 4);
}

static void safe_loop_may_remove(void **state)
{
	struct item item[4];
	mm_list head;

	(void)state;
	mm_list_init(&head);
	fill(item, &head, 0, 4);
	mm_list_for_each_safe(pos, next, &head)
		if (mm_list_entry(pos, struct item, link)->value % 2 == 0)
			mm_list_del(pos);
	assert_order(&head, (const int[]){ 1, 3 }, 2);
}

static void remove_twice(void *arg)
{
	struct item item[2];
	mm_list head;

	(void)arg;
	mm_list_init(&head);
	fill(item, &head, 0, 2);
	mm_list_del(&item[0].link);
	mm_list_del(&item[0].link);
}

/* One neighbour does not point back: 0 the next, 1 the previous. */
static void remove_torn(void *arg)
{
	struct item item[3];
	mm_list head;

	mm_list_init(&head);
	fill(item, &head, 0, 3);
	if (arg)
		item[0].link.next = &head;
	else
		item[2].link.prev = &head;
	mm_list_del(&item[1].link);
}

static void L1_stops(void **state)
{
	(void)state;
	assert_true(child_dies(remove_twice, NULL, "L1: list links"));
	assert_true(child_dies(remove_torn, NULL, "L1: list links"));
	assert_true(child_dies(remove_torn, state, "L1: list links"));
}

/* The array model: values in order. */
struct model {
	int value[NR];
	int nr;
};

static void model_insert(struct model *m, int at, int value)
{
	memmove(m->value + at + 1, m->value + at, (size_t)(m->nr++ - at) * sizeof(int));
	m->value[at] = value;
}

static void model_remove(struct model *m, int value)
{
	int at = 0;

	while (m->value[at] != value)
		at++;
	memmove(m->value + at, m->value + at + 1, (size_t)(--m->nr - at) * sizeof(int));
}

static void step(struct item *item, mm_list *head, struct model *m, uint64_t op)
{
	if (!item->link.next && op) {
		mm_list_add(&item->link, head);
		model_insert(m, 0, item->value);
	} else if (!item->link.next) {
		mm_list_add_tail(&item->link, head);
		model_insert(m, m->nr, item->value);
	} else if (op) {
		mm_list_del(&item->link);
		model_remove(m, item->value);
	} else {
		mm_list_move_tail(&item->link, head);
		model_remove(m, item->value);
		model_insert(m, m->nr, item->value);
	}
}

static void follows_the_model(void **state)
{
	struct mm_rng rng = { SEED };
	struct item item[NR] = { 0 };
	struct model m = { .nr = 0 };
	mm_list head;

	(void)state;
	mm_list_init(&head);
	for (int i = 0; i < NR; i++)
		item[i].value = i;
	for (int i = 0; i < 20000; i++) {
		step(&item[mm_rng_below(&rng, NR)], &head, &m, mm_rng_below(&rng, 2));
		assert_order(&head, m.value, m.nr);
		assert_int_equal(mm_list_empty(&head), !m.nr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_at_both_ends),    cmocka_unit_test(removal_leaves_null),
		cmocka_unit_test(moves_to_the_end),     cmocka_unit_test(splices),
		cmocka_unit_test(safe_loop_may_remove), cmocka_unit_test(L1_stops),
		cmocka_unit_test(follows_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
