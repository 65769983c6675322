/* SPDX-License-Identifier: MIT */
#include "vma.h"

#include "bits.h"
#include "check.h"

/* NULL for NULL. */
static struct mm_vma *vma_of(const struct mm_rb_node *rb)
{
	return rb ? mm_container_of(rb, struct mm_vma, rb) : NULL;
}

static struct mm_vma *child_of(const struct mm_vma *vma, unsigned side)
{
	return vma_of(vma->rb.child[side]);
}

static uint64_t subtree_gap_of(const struct mm_vma *vma)
{
	return vma ? vma->subtree_gap : 0;
}

/* A2, of one node. */
static bool update_gap(struct mm_rb_node *node)
{
	struct mm_vma *vma = vma_of(node);
	uint64_t below = subtree_gap_of(child_of(vma, 0)), above = subtree_gap_of(child_of(vma, 1));
	uint64_t gap = mm_max(vma->gap, mm_max(below, above));
	bool changed = gap != vma->subtree_gap;

	vma->subtree_gap = gap;
	return changed;
}

void mm_mmap_vma_tree_init(struct mm_vma_tree *tree)
{
	*tree = (struct mm_vma_tree){ .root.update = update_gap };
}

struct mm_vma *mm_mmap_vma_find(const struct mm_vma_tree *tree, uint64_t addr)
{
	struct mm_vma *vma = vma_of(tree->root.node), *best = NULL;

	while (vma) {
		if (addr >= vma->end) {
			vma = child_of(vma, 1);
			continue;
		}
		best = vma;
		if (addr >= vma->start)
			break;
		vma = child_of(vma, 0);
	}
	return best;
}

struct mm_vma *mm_mmap_vma_intersects(const struct mm_vma_tree *tree, uint64_t start, uint64_t end)
{
	struct mm_vma *vma = mm_mmap_vma_find(tree, start);

	return vma && vma->start < end ? vma : NULL;
}

struct mm_vma *mm_mmap_vma_next(const struct mm_vma *vma)
{
	return vma_of(mm_rb_next(&vma->rb));
}

struct mm_vma *mm_mmap_vma_prev(const struct mm_vma *vma)
{
	return vma_of(mm_rb_prev(&vma->rb));
}

struct mm_vma *mm_mmap_vma_first(const struct mm_vma_tree *tree)
{
	return vma_of(mm_rb_first(&tree->root));
}

struct mm_vma *mm_mmap_vma_last(const struct mm_vma_tree *tree)
{
	return vma_of(mm_rb_last(&tree->root));
}

/* The highest area of a subtree with so large a gap below it; NULL: none. */
static struct mm_vma *highest_gap(struct mm_vma *vma, uint64_t length)
{
	if (subtree_gap_of(vma) < length)
		return NULL;
	for (;;) {
		struct mm_vma *above = child_of(vma, 1);

		if (subtree_gap_of(above) >= length)
			vma = above;
		else if (vma->gap >= length)
			return vma;
		else
			vma = child_of(vma, 0); /* A2: it is there */
	}
}

/* The next such area below one. */
static struct mm_vma *lower_gap(struct mm_vma *vma, uint64_t length)
{
	struct mm_vma *found = highest_gap(child_of(vma, 0), length), *parent;

	while (!found && (parent = vma_of(vma->rb.parent))) {
		if (vma == child_of(parent, 1))
			found = parent->gap >= length ? parent
						      : highest_gap(child_of(parent, 0), length);
		vma = parent;
	}
	return found;
}

/* The highest place in the free range [start, end). */
static bool place_in(uint64_t start, uint64_t end, uint64_t length, uint64_t align, uint64_t *addr)
{
	uint64_t at;

	if (end - start < length)
		return false;
	at = (end - length) & ~(align - 1);
	if (at < start)
		return false;
	*addr = at;
	return true;
}

bool mm_mmap_vma_gap(const struct mm_vma_tree *tree, uint64_t length, uint64_t align, uint64_t low,
		     uint64_t high, uint64_t *addr)
{
	struct mm_vma *vma = mm_mmap_vma_find(tree, high);
	struct mm_vma *last = mm_mmap_vma_last(tree);

	if (high <= low || high - low < length)
		return false;
	if (!vma) { /* the gap above the last area */
		if (place_in(mm_max(low, last ? last->end : 0), high, length, align, addr))
			return true;
		vma = highest_gap(vma_of(tree->root.node), length);
	}
	for (; vma && vma->start >= low + length; vma = lower_gap(vma, length))
		if (place_in(mm_max(low, vma->start - vma->gap), mm_min(high, vma->start), length,
			     align, addr))
			return true;
	return false;
}

/* A2 of an area, or of none, after its lower neighbour has changed. */
static void set_gap(struct mm_vma_tree *tree, struct mm_vma *vma, uint64_t below)
{
	if (!vma)
		return;
	vma->gap = vma->start - below;
	mm_base_rb_changed(&tree->root, &vma->rb);
}

/* A1 of an area between its neighbours. */
static void check_bounds(const struct mm_vma *vma, const struct mm_vma *prev,
			 const struct mm_vma *next)
{
	mm_invariant("A1: an area is not empty", vma->start < vma->end);
	mm_invariant("A1: an area begins and ends at pages",
		     !((vma->start | vma->end) & (MMSIM_PAGE_SIZE - 1)));
	mm_invariant("A1: areas are sorted and do not overlap",
		     (!prev || prev->end <= vma->start) && (!next || vma->end <= next->start));
}

void mm_mmap_vma_insert(struct mm_vma_tree *tree, struct mm_vma *vma)
{
	struct mm_rb_node **link = &tree->root.node, *parent = NULL;
	struct mm_vma *near[2] = { NULL, NULL }; /* the last one left behind on each side */

	while (*link) {
		unsigned side = vma->start >= vma_of(*link)->start;

		parent = *link;
		near[!side] = vma_of(parent);
		link = &parent->child[side];
	}
	check_bounds(vma, near[0], near[1]);
	vma->gap = vma->start - (near[0] ? near[0]->end : 0);
	mm_base_rb_insert(&tree->root, &vma->rb, parent, link);
	set_gap(tree, near[1], vma->end);
	tree->nr++;
	tree->pages += mm_vma_pages(vma);
}

void mm_mmap_vma_erase(struct mm_vma_tree *tree, struct mm_vma *vma)
{
	struct mm_vma *next = mm_mmap_vma_next(vma);

	mm_base_rb_erase(&tree->root, &vma->rb);
	set_gap(tree, next, vma->start - vma->gap);
	tree->nr--;
	tree->pages -= mm_vma_pages(vma);
}

void mm_mmap_vma_resize(struct mm_vma_tree *tree, struct mm_vma *vma, uint64_t start, uint64_t end)
{
	uint64_t below = vma->start - vma->gap;

	tree->pages -= mm_vma_pages(vma);
	if (vma->file)
		vma->pgoff += (start >> MMSIM_PAGE_SHIFT) - (vma->start >> MMSIM_PAGE_SHIFT);
	vma->start = start;
	vma->end = end;
	check_bounds(vma, mm_mmap_vma_prev(vma), mm_mmap_vma_next(vma));
	set_gap(tree, vma, below);
	set_gap(tree, mm_mmap_vma_next(vma), end);
	tree->pages += mm_vma_pages(vma);
}

/* Who has had anonymous pages does not matter: nobody looks them up by their areas. */
bool mm_mmap_vma_mergeable(const struct mm_vma *before, const struct mm_vma *after)
{
	return before->end == after->start && before->flags == after->flags &&
	       before->file == after->file &&
	       (!before->file || mm_vma_pgoff(before, before->end) == after->pgoff);
}

void mm_mmap_vma_validate(const struct mm_vma_tree *tree)
{
	uint64_t nr = mm_base_rb_validate(&tree->root), pages = 0;
	const struct mm_vma *prev = NULL, *next;

	for (const struct mm_vma *vma = mm_mmap_vma_first(tree); vma; prev = vma, vma = next) {
		next = mm_mmap_vma_next(vma);
		check_bounds(vma, prev, next);
		mm_invariant("A2: the gap below an area",
			     vma->gap == vma->start - (prev ? prev->end : 0));
		pages += mm_vma_pages(vma);
	}
	mm_invariant("A3: number of areas", nr == tree->nr);
	mm_invariant("A3: pages of all areas", pages == tree->pages);
}
