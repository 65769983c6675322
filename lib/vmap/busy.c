/* SPDX-License-Identifier: MIT */
/* Areas in use: which of the two ways. */
#include "busy.h"

#include "busy_tree.h"
#include "index.h"
#include "node.h"
#include <errno.h>
#include <string.h>

int mm_vmap_busy_init(struct mm_busy *b, struct mm_exec *x, struct mm_lockset *locks,
		      unsigned nr_nodes, bool index, uint64_t start, uint64_t end)
{
	*b = (struct mm_busy){ .exec = x,
			       .nr_nodes = nr_nodes,
			       .zone_size =
				       nr_nodes > 1 ? MM_VMAP_ZONE_PAGES * MMSIM_PAGE_SIZE : 1 };
	if (!index)
		return mm_vmap_trees_init(b, locks);
	b->index = mm_vmap_index_create(x, start, end);
	return b->index ? 0 : -ENOMEM;
}

void mm_vmap_busy_fini(struct mm_busy *b)
{
	if (b->index)
		mm_vmap_index_destroy(b->index);
	else
		mm_vmap_trees_fini(b);
}

int mm_vmap_busy_insert(struct mm_busy *b, struct mm_vmap_area *va)
{
	if (b->index)
		return mm_vmap_index_insert(b->index, va);
	mm_vmap_trees_insert(b, va);
	return 0;
}

struct mm_vmap_area *mm_vmap_busy_unlink(struct mm_busy *b, uint64_t addr,
					 bool (*may)(const struct mm_vmap_area *va, void *ctx),
					 void *ctx)
{
	if (b->index)
		return mm_vmap_index_unlink(b->index, addr, may, ctx);
	return mm_vmap_trees_unlink(b, addr, may, ctx);
}

/* The area of the nearest slot, if addr is in it. */
static bool index_find(struct mm_busy *b, uint64_t addr,
		       void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	uint64_t first = mm_vmap_index_prev(b->index, addr);

	return first != MM_NEVER && mm_vmap_index_look(b->index, first, addr, fn, ctx);
}

bool mm_vmap_busy_find(struct mm_busy *b, uint64_t addr,
		       void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	if (b->index)
		return index_find(b, addr, fn, ctx);
	return mm_vmap_trees_find(b, addr, fn, ctx);
}

/* The next slot in use above `from` whose area is still there. */
static uint64_t next_above(const struct mm_busy *b, uint64_t from)
{
	uint64_t page = mm_round_down(from, MMSIM_PAGE_SIZE) + MMSIM_PAGE_SIZE;

	return page ? mm_vmap_index_next(b->index, page) : MM_NEVER;
}

static bool index_find_exceed(struct mm_busy *b, uint64_t addr,
			      void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	uint64_t first;

	if (index_find(b, addr, fn, ctx))
		return true;
	for (first = next_above(b, addr); first != MM_NEVER; first = next_above(b, first))
		if (mm_vmap_index_look(b->index, first, addr, fn, ctx))
			return true;
	return false;
}

bool mm_vmap_busy_find_exceed(struct mm_busy *b, uint64_t addr,
			      void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	if (b->index)
		return index_find_exceed(b, addr, fn, ctx);
	return mm_vmap_trees_find_exceed(b, addr, fn, ctx);
}

/* All areas of an index */

struct starts {
	uint64_t *at; /* [nr], room for more */
	size_t nr, room;
};

static void starts_free(const struct mm_busy *b, struct starts *s)
{
	mm_base_meta_free(b->exec->meta, s->at, s->room * sizeof(*s->at));
}

static int starts_room(const struct mm_busy *b, struct starts *s, size_t room)
{
	uint64_t *more = mm_base_meta_calloc(b->exec->meta, room, sizeof(*more));

	if (!more)
		return -ENOMEM;
	if (s->nr)
		memcpy(more, s->at, s->nr * sizeof(*more));
	starts_free(b, s);
	s->at = more;
	s->room = room;
	return 0;
}

/* Where areas begin, by address. */
static int starts_read(const struct mm_busy *b, struct starts *s)
{
	uint64_t first = mm_vmap_index_next(b->index, 0);

	for (; first != MM_NEVER; first = next_above(b, first)) {
		if (s->nr == s->room && starts_room(b, s, 2 * s->room))
			return -ENOMEM;
		s->at[s->nr++] = first;
		mm_exec_resched(b->exec);
	}
	return 0;
}

/* nr[i]: how many belong to nodes below i, [nr_nodes + 1]; then each has its place. */
static void starts_by_node(const struct mm_busy *b, const struct starts *s, size_t *nr,
			   uint64_t *sorted)
{
	memset(nr, 0, (b->nr_nodes + 1) * sizeof(*nr));
	for (size_t i = 0; i < s->nr; i++)
		nr[mm_busy_node(b, s->at[i]) + 1]++;
	for (unsigned i = 0; i < b->nr_nodes; i++)
		nr[i + 1] += nr[i];
	for (size_t i = 0; i < s->nr; i++)
		sorted[nr[mm_busy_node(b, s->at[i])]++] = s->at[i];
}

static int starts_sort(const struct mm_busy *b, struct starts *s)
{
	struct starts sorted = { 0 };
	size_t nr[MMSIM_VMAP_MAX_NODES + 1];

	if (starts_room(b, &sorted, s->room))
		return -ENOMEM;
	starts_by_node(b, s, nr, sorted.at);
	sorted.nr = s->nr;
	starts_free(b, s);
	*s = sorted;
	return 0;
}

static int index_each(struct mm_busy *b, void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	struct starts s = { 0 };

	if (starts_room(b, &s, 64))
		return -ENOMEM;
	if (starts_read(b, &s) || starts_sort(b, &s)) {
		starts_free(b, &s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < s.nr; i++)
		mm_vmap_index_look(b->index, s.at[i], 0, fn, ctx);
	starts_free(b, &s);
	return 0;
}

int mm_vmap_busy_each(struct mm_busy *b, void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	if (b->index)
		return index_each(b, fn, ctx);
	mm_vmap_trees_each(b, fn, ctx);
	return 0;
}

uint64_t mm_vmap_busy_count(struct mm_busy *b)
{
	uint64_t nr = 0, first;

	if (!b->index)
		return mm_vmap_trees_count(b);
	for (first = mm_vmap_index_next(b->index, 0); first != MM_NEVER;
	     first = next_above(b, first))
		nr++;
	return nr;
}

uint64_t mm_vmap_busy_validate(struct mm_busy *b)
{
	return b->index ? mm_vmap_index_validate(b->index) : mm_vmap_trees_validate(b);
}
