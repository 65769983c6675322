/* SPDX-License-Identifier: MIT */
/*
 * Both snapshots become one array each of (list, pfn) and are walked list by list.
 */
#include "compare.h"
#include "bits.h"
#include "compiler.h"
#include <mmsim/gfp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A block: its list as a number, in the order in which lists stand. */
struct entry {
	uint64_t list;
	uint64_t pfn;
};

struct entries {
	struct entry *at;
	size_t nr;
};

/* Where a block stands in its list of a. */
struct place {
	uint64_t pfn;
	size_t at;
};

/* Room for the longest list of a and b. */
struct scratch {
	struct place *places;
	size_t *tails;
};

/* What is counted of free lists, and of per-CPU lists. */
struct counts {
	uint64_t blocks, in_list, in_order, lists, lists_equal;
};

static uint64_t list_number(uint64_t zone, uint64_t cpu, uint64_t order, uint64_t migratetype)
{
	return zone << 48 | cpu << 16 | order << 8 | migratetype;
}

static unsigned int order_of(uint64_t list)
{
	return (unsigned int)mm_min(list >> 8 & 0xff, (uint64_t)MMSIM_MAX_PAGE_ORDER);
}

static int make_entries(struct entries *entries, size_t nr)
{
	entries->nr = nr;
	entries->at = calloc(nr + 1, sizeof(*entries->at));
	return entries->at ? 0 : -ENOMEM;
}

static int entries_of_blocks(const struct mmsim_snapshot *snap, struct entries *entries)
{
	int err = make_entries(entries, snap->nr_blocks);

	for (size_t i = 0; !err && i < entries->nr; i++) {
		const struct mmsim_snap_block *b = &snap->blocks[i];

		entries->at[i].list = list_number(b->zone, 0, b->order, b->migratetype);
		entries->at[i].pfn = b->pfn;
	}
	return err;
}

static int entries_of_pcp_pages(const struct mmsim_snapshot *snap, struct entries *entries)
{
	int err = make_entries(entries, snap->nr_pcp_pages);

	for (size_t i = 0; !err && i < entries->nr; i++) {
		const struct mmsim_snap_pcp_page *p = &snap->pcp_pages[i];

		entries->at[i].list = list_number(p->zone, p->cpu, p->order, p->migratetype);
		entries->at[i].pfn = p->pfn;
	}
	return err;
}

static int by_pfn(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->pfn < y->pfn ? -1 : x->pfn > y->pfn;
}

/* The first of nr ascending numbers that is not below value. */
static size_t lower_bound(const size_t *number, size_t nr, size_t value)
{
	size_t low = 0;

	while (low < nr) {
		size_t middle = low + (nr - low) / 2;

		if (number[middle] < value)
			low = middle + 1;
		else
			nr = middle;
	}
	return low;
}

/*
 * One list. tails[k] is the smallest place that ends an increasing subsequence of k + 1 places, as in
 * patience sorting.
 */
static void compare_list(const struct entry *a, size_t nr_a, const struct entry *b, size_t nr_b,
			 struct scratch *scratch, struct counts *counts)
{
	size_t longest = 0, same = 0;

	for (size_t i = 0; i < nr_a; i++)
		scratch->places[i] = (struct place){ a[i].pfn, i };
	qsort(scratch->places, nr_a, sizeof(*scratch->places), by_pfn);
	for (size_t i = 0; i < nr_b; i++) {
		const struct place wanted = { b[i].pfn, 0 };
		const struct place *found =
			bsearch(&wanted, scratch->places, nr_a, sizeof(wanted), by_pfn);
		size_t k;

		if (!found)
			continue;
		counts->in_list++;
		k = lower_bound(scratch->tails, longest, found->at);
		scratch->tails[k] = found->at;
		longest += k == longest;
		same += found->at == i;
	}
	counts->in_order += longest;
	counts->blocks += nr_b;
	counts->lists++;
	counts->lists_equal += nr_a == nr_b && same == nr_b;
}

static size_t list_length(const struct entries *entries, size_t from)
{
	size_t to = from;

	while (to < entries->nr && entries->at[to].list == entries->at[from].list)
		to++;
	return to - from;
}

/* Blocks of the list at the head of both, which may be missing in one. */
static uint64_t next_list(const struct entries *a, size_t i, const struct entries *b, size_t j)
{
	uint64_t x = i < a->nr ? a->at[i].list : UINT64_MAX;
	uint64_t y = j < b->nr ? b->at[j].list : UINT64_MAX;

	return mm_min(x, y);
}

static uint64_t pages_of(const struct entries *entries)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < entries->nr; i++)
		pages += UINT64_C(1) << order_of(entries->at[i].list);
	return pages;
}

static double share(size_t nr, uint64_t list, uint64_t pages)
{
	return nr ? (double)(nr << order_of(list)) / (double)pages : 0;
}

static void compare_lists(const struct entries *a, const struct entries *b, struct scratch *scratch,
			  struct counts *counts, double *tv_distance)
{
	uint64_t pages_a = pages_of(a), pages_b = pages_of(b);
	double sum = 0;
	size_t i = 0, j = 0;

	while (i < a->nr || j < b->nr) {
		uint64_t list = next_list(a, i, b, j);
		size_t nr_a = i < a->nr && a->at[i].list == list ? list_length(a, i) : 0;
		size_t nr_b = j < b->nr && b->at[j].list == list ? list_length(b, j) : 0;
		double off = share(nr_a, list, pages_a) - share(nr_b, list, pages_b);

		compare_list(a->at + i, nr_a, b->at + j, nr_b, scratch, counts);
		sum += off < 0 ? -off : off;
		i += nr_a;
		j += nr_b;
	}
	*tv_distance = sum / 2;
}

static int compare_entries(const struct entries *a, const struct entries *b, struct counts *counts,
			   double *tv_distance)
{
	struct scratch scratch = {
		.places = calloc(a->nr + 1, sizeof(*scratch.places)),
		.tails = calloc(b->nr + 1, sizeof(*scratch.tails)),
	};
	int err = scratch.places && scratch.tails ? 0 : -ENOMEM;

	if (!err)
		compare_lists(a, b, &scratch, counts, tv_distance);
	free(scratch.places);
	free(scratch.tails);
	return err;
}

static int compare_kind(const struct mmsim_snapshot *a, const struct mmsim_snapshot *b,
			int (*entries_of)(const struct mmsim_snapshot *, struct entries *),
			struct counts *counts, double *tv_distance)
{
	struct entries in_a = { 0 }, in_b = { 0 };
	int err = entries_of(a, &in_a);

	if (!err)
		err = entries_of(b, &in_b);
	if (!err)
		err = compare_entries(&in_a, &in_b, counts, tv_distance);
	free(in_a.at);
	free(in_b.at);
	return err;
}

static bool same_zones(const struct mmsim_snapshot *a, const struct mmsim_snapshot *b)
{
	if (a->nr_zones != b->nr_zones)
		return false;
	for (size_t i = 0; i < a->nr_zones; i++) {
		const struct mmsim_snap_zone *x = &a->zones[i], *y = &b->zones[i];

		if (x->node != y->node || x->type != y->type || x->start_pfn != y->start_pfn ||
		    x->spanned != y->spanned)
			return false;
	}
	return true;
}

/* A walk over the types of pageblocks: what is not in a run is Movable. */
struct types {
	const struct mmsim_snap_run *run;
	size_t left;
};

/* The type at pfn, and where it may change next. Runs before pfn are dropped. */
static uint64_t type_at(struct types *types, uint64_t pfn, uint64_t *change)
{
	const struct mmsim_snap_run *run;
	uint64_t end;

	for (; types->left; types->run++, types->left--) {
		run = types->run;
		end = run->pfn + run->nr * MMSIM_PAGEBLOCK_NR_PAGES;
		if (pfn < run->pfn) {
			*change = mm_min(*change, run->pfn);
			return MMSIM_MIGRATE_MOVABLE;
		}
		if (pfn < end) {
			*change = mm_min(*change, end);
			return run->value;
		}
	}
	return MMSIM_MIGRATE_MOVABLE;
}

static uint64_t count_different_pageblocks(const struct mmsim_snapshot *a,
					   const struct mmsim_snapshot *b)
{
	struct types in_a = { a->pageblocks, a->nr_pageblocks };
	struct types in_b = { b->pageblocks, b->nr_pageblocks };
	uint64_t pfn = 0, different = 0;

	while (in_a.left || in_b.left) {
		uint64_t change = UINT64_MAX;
		bool differ = type_at(&in_a, pfn, &change) != type_at(&in_b, pfn, &change);

		if (change == UINT64_MAX)
			break;
		if (differ)
			different += (change - pfn) / MMSIM_PAGEBLOCK_NR_PAGES;
		pfn = change;
	}
	return different;
}

int mm_replay_snapshot_compare(const struct mmsim_snapshot *a, const struct mmsim_snapshot *b,
			       struct mmsim_snapshot_diff *diff)
{
	struct counts lists = { 0 }, pcp = { 0 };
	double tv_distance = 0, unused;
	int err;

	if (!a || !b || !diff || !same_zones(a, b))
		return -EINVAL;
	err = compare_kind(a, b, entries_of_blocks, &lists, &tv_distance);
	if (!err)
		err = compare_kind(a, b, entries_of_pcp_pages, &pcp, &unused);
	if (err)
		return err;
	*diff = (struct mmsim_snapshot_diff){
		.blocks = lists.blocks,
		.in_list = lists.in_list,
		.in_order = lists.in_order,
		.lists = lists.lists,
		.lists_equal = lists.lists_equal,
		.pcp_blocks = pcp.blocks,
		.pcp_in_list = pcp.in_list,
		.pcp_in_order = pcp.in_order,
		.pcp_lists = pcp.lists,
		.pcp_lists_equal = pcp.lists_equal,
		.pageblocks_different = count_different_pageblocks(a, b),
		.tv_distance = tv_distance,
	};
	return 0;
}
