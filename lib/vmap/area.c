/* SPDX-License-Identifier: MIT */
/* Lists of vmap areas. */
#include "area.h"

enum { MAX_RUNS = 64 }; /* 2^64 areas */

static bool is_before(const mm_list *a, const mm_list *b)
{
	return mm_va_of_list(a)->va_start < mm_va_of_list(b)->va_start;
}

/* Is each area after (or, `reverse`, before) the one in front of it? */
static bool is_sorted(const mm_list *areas, bool reverse)
{
	for (const mm_list *e = areas->next; e->next != areas; e = e->next)
		if (is_before(e->next, e) != reverse)
			return false;
	return true;
}

static void reverse_list(mm_list *areas)
{
	mm_list *e = areas;

	do {
		mm_list *next = e->next;

		e->next = e->prev;
		e->prev = next;
		e = next;
	} while (e != areas);
}

/* Two chains by `next`, NULL at the end. */
static mm_list *merge(mm_list *a, mm_list *b)
{
	mm_list *head, **tail = &head;

	while (a && b) {
		mm_list **least = is_before(b, a) ? &b : &a;

		*tail = *least;
		tail = &(*least)->next;
		*least = *tail;
	}
	*tail = a ? a : b;
	return head;
}

/* run[i]: a sorted chain of 2^i areas, or NULL: a binary counter. */
static mm_list *sort_chain(mm_list *chain)
{
	mm_list *run[MAX_RUNS] = { NULL }, *all = NULL;

	while (chain) {
		mm_list *one = chain;
		unsigned i = 0;

		chain = chain->next;
		one->next = NULL;
		for (; run[i]; run[i++] = NULL)
			one = merge(run[i], one);
		run[i] = one;
	}
	for (unsigned i = 0; i < MAX_RUNS; i++)
		all = run[i] ? merge(run[i], all) : all;
	return all;
}

void mm_vmap_sort(mm_list *areas)
{
	mm_list *chain;

	if (mm_list_empty(areas) || is_sorted(areas, false))
		return;
	if (is_sorted(areas, true)) {
		reverse_list(areas);
		return;
	}
	areas->prev->next = NULL;
	chain = sort_chain(areas->next);
	mm_list_init(areas);
	while (chain) {
		mm_list *next = chain->next;

		mm_list_add_tail(chain, areas);
		chain = next;
	}
}
