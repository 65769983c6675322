/* SPDX-License-Identifier: MIT */
/*
 * Circular doubly linked list with the links inside the elements.
 *
 * Counterpart: include/linux/list.h. An element is on a list exactly while its `next` is not NULL or
 * itself; mm_list_del() leaves NULLs, so that a second removal is caught.
 *
 * L1: for every element e, e->next->prev == e and e->prev->next == e. Checked on every removal.
 */
#ifndef MM_BASE_LIST_H
#define MM_BASE_LIST_H

#include "check.h"
#include <mmsim/page.h>
#include <stdbool.h>

typedef struct mmsim_list_head mm_list;

static inline void mm_list_init(mm_list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool mm_list_empty(const mm_list *head)
{
	return head->next == head;
}

static inline void mm_list_insert(mm_list *e, mm_list *prev, mm_list *next)
{
	next->prev = e;
	e->next = next;
	e->prev = prev;
	prev->next = e;
}

static inline void mm_list_add(mm_list *e, mm_list *head)
{
	mm_list_insert(e, head, head->next);
}

static inline void mm_list_add_tail(mm_list *e, mm_list *head)
{
	mm_list_insert(e, head->prev, head);
}

static inline void mm_list_del(mm_list *e)
{
	mm_list *next = e->next, *prev = e->prev;

	mm_invariant("L1: list links", next && prev && next->prev == e && prev->next == e);
	next->prev = prev;
	prev->next = next;
	e->next = NULL;
	e->prev = NULL;
}

static inline void mm_list_move_tail(mm_list *e, mm_list *head)
{
	mm_list_del(e);
	mm_list_add_tail(e, head);
}

/* The elements of `from` go to the end of `head`, in order; `from` is empty afterwards. */
static inline void mm_list_splice_tail(mm_list *from, mm_list *head)
{
	if (mm_list_empty(from))
		return;
	from->next->prev = head->prev;
	head->prev->next = from->next;
	from->prev->next = head;
	head->prev = from->prev;
	mm_list_init(from);
}

#define mm_list_entry(ptr, type, member) mm_container_of(ptr, type, member)
#define mm_list_first(head, type, member) mm_list_entry((head)->next, type, member)
#define mm_list_last(head, type, member) mm_list_entry((head)->prev, type, member)

#define mm_list_for_each(pos, head) \
	for (mm_list *pos = (head)->next; pos != (head); pos = pos->next)
#define mm_list_for_each_safe(pos, n, head) \
	for (mm_list *pos = (head)->next, *n = pos->next; pos != (head); pos = n, n = pos->next)

#endif
