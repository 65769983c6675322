/* SPDX-License-Identifier: MIT */
#include "free_space.h"

#include "bits.h"
#include <errno.h>

enum { MERGES_AT_ONCE = 32 }; /* before others get the lock */

/* What is asked for. */
struct wish {
	uint64_t size, align, start; /* bytes */
	uint64_t length; /* a stretch of so many has room for it wherever it begins */
};

/* Where something not in the tree belongs, and the stretches beside that. */
struct place {
	struct mm_rb_node *parent, **link;
	struct mm_vmap_area *below, *above; /* or NULL */
};

/* NULL for NULL. */
static struct mm_vmap_area *va_of(struct mm_rb_node *rb)
{
	return rb ? mm_va_of_rb(rb) : NULL;
}

static struct mm_vmap_area *child_of(const struct mm_vmap_area *va, unsigned side)
{
	return va_of(va->rb.child[side]);
}

static uint64_t max_of(const struct mm_rb_node *rb)
{
	return rb ? mm_va_of_rb(rb)->subtree_max_size : 0;
}

/* What F2 says of one. */
static uint64_t true_max(const struct mm_vmap_area *va)
{
	uint64_t below = max_of(va->rb.child[0]), above = max_of(va->rb.child[1]);

	return mm_max(mm_va_size(va), mm_max(below, above));
}

static bool update_max(struct mm_rb_node *rb)
{
	struct mm_vmap_area *va = mm_va_of_rb(rb);
	uint64_t max = true_max(va);
	bool changed = max != va->subtree_max_size;

	va->subtree_max_size = max;
	return changed;
}

static void rebalanced(struct mm_rb_root *root, struct mm_rb_node *node)
{
	const struct mm_free_space *fs = mm_container_of(root, struct mm_free_space, root);

	mm_exec_charge(fs->exec, MM_CHARGE_LINE, &mm_va_of_rb(node)->line, 0);
}

/* NULL: nobody wants to know what is looked at. */
static struct mm_exec *payer_of(const struct mm_free_space *fs)
{
	return mm_exec_charges(fs->exec) ? fs->exec : NULL;
}

static void look_at(struct mm_exec *payer, const struct mm_vmap_area *va)
{
	if (mm_likely(!payer))
		return;
	mm_exec_charge(payer, MM_CHARGE_TREE, NULL, 1);
	mm_exec_charge(payer, MM_CHARGE_READ, &va->line, 0);
}

/* The size of a stretch that stays where it is has changed. */
static void resized(struct mm_free_space *fs, struct mm_vmap_area *va)
{
	mm_base_rb_changed(&fs->root, &va->rb);
}

static void put_in(struct mm_free_space *fs, struct mm_vmap_area *va, struct mm_rb_node *parent,
		   struct mm_rb_node **link)
{
	va->flags = 0;
	mm_base_rb_insert(&fs->root, &va->rb, parent, link);
	__atomic_store_n(&fs->nr, fs->nr + 1, __ATOMIC_RELAXED);
	mm_exec_charge(fs->exec, MM_CHARGE_LINE, &va->line, 0);
}

static void take_out(struct mm_free_space *fs, struct mm_vmap_area *va)
{
	mm_base_rb_erase(&fs->root, &va->rb);
	__atomic_store_n(&fs->nr, fs->nr - 1, __ATOMIC_RELAXED);
	mm_vmap_slab_free(fs->areas, va);
}

/* Looking for room */

/* *at: the lowest address from w->start on, if there is one. */
static bool fits(const struct mm_vmap_area *va, const struct wish *w, uint64_t *at)
{
	uint64_t from = mm_max(va->va_start, w->start);

	*at = (from + w->align - 1) & ~(w->align - 1);
	return *at >= from && *at < va->va_end && va->va_end - *at >= w->size;
}

/* The lowest of a subtree to begin with: those left of it are too small, or below w->start. */
static struct mm_vmap_area *lowest_of(struct mm_exec *payer, struct mm_vmap_area *va,
				      const struct wish *w)
{
	look_at(payer, va);
	while (w->start < va->va_start && max_of(va->rb.child[0]) >= w->length) {
		va = child_of(va, 0);
		look_at(payer, va);
	}
	return va;
}

/* The nearest ancestor above the addresses of va, by whose left subtree the way down went. */
static struct mm_vmap_area *climb(struct mm_exec *payer, const struct mm_vmap_area *va)
{
	const struct mm_rb_node *child = &va->rb;
	struct mm_rb_node *parent = child->parent;

	while (parent && parent->child[1] == child) {
		child = parent;
		parent = child->parent;
	}
	if (parent)
		look_at(payer, mm_va_of_rb(parent));
	return va_of(parent);
}

static struct mm_vmap_area *lowest_match(const struct mm_free_space *fs, const struct wish *w,
					 uint64_t *at)
{
	struct mm_exec *payer = payer_of(fs);
	struct mm_vmap_area *va = va_of(fs->root.node);

	va = va ? lowest_of(payer, va, w) : NULL;
	while (va && !fits(va, w, at)) {
		if (max_of(va->rb.child[1]) >= w->length)
			va = lowest_of(payer, child_of(va, 1), w);
		else
			va = climb(payer, va);
	}
	return va;
}

/*
 * A large alignment asks for a stretch in which any place will do, so that no search is in vain; unless the
 * range leaves no choice. Not to be had by anything: UINT64_MAX.
 */
static uint64_t search_length(uint64_t size, uint64_t align, uint64_t start, uint64_t end)
{
	uint64_t length;

	if (align <= MMSIM_PAGE_SIZE || (start < end && end - start == size))
		return size;
	return __builtin_add_overflow(size, align - 1, &length) ? UINT64_MAX : length;
}

/* Spares */

/* Take the lock; if may_wait, with a spare of this CPU's ready, if there is memory. */
static void lock_with_spare(struct mm_free_space *fs, bool may_wait)
{
	struct mm_vmap_area **spare = mm_this_cpu(&fs->spare, fs->exec), *va = NULL;

	if (mm_unlikely(may_wait && !__atomic_load_n(spare, __ATOMIC_RELAXED)))
		va = mm_vmap_slab_alloc(fs->areas);
	mm_spin_lock(&fs->lock);
	if (mm_likely(!va))
		return;
	if (*spare) /* of another task on this CPU meanwhile */
		mm_vmap_slab_free(fs->areas, va);
	else
		__atomic_store_n(spare, va, __ATOMIC_RELAXED);
}

/* NULL: no memory. */
static struct mm_vmap_area *take_spare(struct mm_free_space *fs)
{
	struct mm_vmap_area **spare = mm_this_cpu(&fs->spare, fs->exec), *va = *spare;

	if (!va)
		return mm_vmap_slab_alloc(fs->areas);
	__atomic_store_n(spare, NULL, __ATOMIC_RELAXED);
	return va;
}

/* Taking */

/* What is left below becomes a stretch of its own, right before what is left above. */
static int cut_middle(struct mm_free_space *fs, struct mm_vmap_area *va, uint64_t at, uint64_t size)
{
	struct mm_vmap_area *low = take_spare(fs);
	struct mm_rb_node *parent = &va->rb, **link = &va->rb.child[0];

	if (!low)
		return -ENOMEM;
	low->va_start = va->va_start;
	low->va_end = at;
	va->va_start = at + size;
	resized(fs, va);
	while (*link) {
		parent = *link;
		link = &parent->child[1];
	}
	put_in(fs, low, parent, link);
	return 0;
}

/* The four fits: full, left edge, right edge, no edge. */
static int cut(struct mm_free_space *fs, struct mm_vmap_area *va, uint64_t at, uint64_t size)
{
	bool left = at == va->va_start, right = at + size == va->va_end;

	if (mm_unlikely(!left && !right))
		return cut_middle(fs, va, at, size);
	if (left && right) {
		take_out(fs, va);
		return 0;
	}
	if (left)
		va->va_start = at + size;
	else
		va->va_end = at;
	resized(fs, va);
	return 0;
}

static int take(struct mm_free_space *fs, const struct wish *w, uint64_t end, uint64_t *addr)
{
	struct mm_vmap_area *va;
	uint64_t at;
	int err;

	va = lowest_match(fs, w, &at);
	if (!va)
		return -ENOENT;
	if (at + w->size > end)
		return -ERANGE;
	err = cut(fs, va, at, w->size);
	if (err)
		return err;
	fs->bytes -= w->size;
	*addr = at;
	return 0;
}

int mm_vmap_free_space_take(struct mm_free_space *fs, uint64_t size, uint64_t align, uint64_t start,
			    uint64_t end, bool may_wait, uint64_t *addr)
{
	struct wish w = { size, mm_max(align, MMSIM_PAGE_SIZE), start,
			  search_length(size, align, start, end) };
	int err;

	mm_assert(size && size % MMSIM_PAGE_SIZE == 0 && !(w.align & (w.align - 1)));
	lock_with_spare(fs, may_wait);
	err = take(fs, &w, end, addr);
	mm_spin_unlock(&fs->lock);
	return err;
}

/* Giving back */

static struct place place_of(struct mm_free_space *fs, uint64_t addr)
{
	struct place p = { .link = &fs->root.node };
	struct mm_exec *payer = payer_of(fs);

	while (*p.link) {
		struct mm_vmap_area *va = mm_va_of_rb(*p.link);
		bool after = addr >= va->va_end;

		look_at(payer, va);
		p.below = after ? va : p.below;
		p.above = after ? p.above : va;
		p.parent = &va->rb;
		p.link = &va->rb.child[after];
	}
	return p;
}

/* The stretch below grows up to `end`, or, if `above` begins there, over that as well. */
static void grow_up(struct mm_free_space *fs, struct mm_vmap_area *below, uint64_t end,
		    struct mm_vmap_area *above)
{
	if (above) {
		end = above->va_end;
		/* Before a size is changed: rotations keep what is above them. */
		take_out(fs, above);
	}
	below->va_end = end;
	resized(fs, below);
}

static void merge(struct mm_free_space *fs, struct mm_vmap_area *va)
{
	struct place p = place_of(fs, va->va_start);
	bool low = p.below && p.below->va_end == va->va_start;
	bool high = p.above && p.above->va_start == va->va_end;

	mm_invariant("A1: what is given back was not free",
		     !p.above || va->va_end <= p.above->va_start);
	fs->bytes += mm_va_size(va);
	if (!low && !high) {
		put_in(fs, va, p.parent, p.link);
		return;
	}
	if (low) {
		grow_up(fs, p.below, va->va_end, high ? p.above : NULL);
	} else {
		p.above->va_start = va->va_start;
		resized(fs, p.above);
	}
	mm_vmap_slab_free(fs->areas, va);
}

/* Make one of what follows each other. Returns how many areas there were. */
static uint64_t coalesce(struct mm_free_space *fs, mm_list *areas)
{
	struct mm_vmap_area *last = NULL;
	uint64_t nr = 0;

	mm_list_for_each_safe(e, next, areas) {
		struct mm_vmap_area *va = mm_va_of_list(e);

		nr++;
		if (!last || last->va_end != va->va_start) {
			last = va;
			continue;
		}
		last->va_end = va->va_end;
		mm_list_del(e);
		mm_vmap_slab_free(fs->areas, va);
	}
	return nr;
}

static void merge_some(struct mm_free_space *fs, mm_list *areas)
{
	mm_spin_lock(&fs->lock);
	for (unsigned i = 0; i < MERGES_AT_ONCE && !mm_list_empty(areas); i++) {
		struct mm_vmap_area *va = mm_va_of_list(areas->next);

		mm_list_del(&va->list);
		merge(fs, va);
	}
	mm_spin_unlock(&fs->lock);
}

uint64_t mm_vmap_free_space_give(struct mm_free_space *fs, mm_list *areas)
{
	uint64_t nr;

	mm_vmap_sort(areas);
	nr = coalesce(fs, areas);
	while (!mm_list_empty(areas)) {
		merge_some(fs, areas);
		mm_exec_resched(fs->exec);
	}
	return nr;
}

/* Life */

int mm_vmap_free_space_init(struct mm_free_space *fs, struct mm_exec *x, struct mm_lockset *locks,
			    struct mm_slab *areas, uint64_t start, uint64_t end)
{
	struct mm_vmap_area *va;

	*fs = (struct mm_free_space){ .exec = x, .areas = areas, .root.update = update_max };
	start = (start + MMSIM_PAGE_SIZE - 1) & ~(uint64_t)(MMSIM_PAGE_SIZE - 1);
	end &= ~(uint64_t)(MMSIM_PAGE_SIZE - 1);
	mm_assert(start < end);
	fs->root.wrote = payer_of(fs) ? rebalanced : NULL;
	if (mm_sync_percpu_alloc(&fs->spare, x, sizeof(struct mm_vmap_area *)))
		return -ENOMEM;
	va = mm_vmap_slab_alloc(areas);
	if (!va) {
		mm_sync_percpu_free(&fs->spare, x);
		return -ENOMEM;
	}
	mm_sync_spin_init(&fs->lock, locks, MM_RANK_VMAP_FREE);
	va->va_start = start;
	va->va_end = end;
	put_in(fs, va, NULL, &fs->root.node);
	fs->bytes = end - start;
	return 0;
}

void mm_vmap_free_space_fini(struct mm_free_space *fs)
{
	for (unsigned cpu = 0; cpu < fs->spare.nr; cpu++) {
		struct mm_vmap_area **spare = mm_per_cpu(&fs->spare, cpu);

		if (*spare)
			mm_vmap_slab_free(fs->areas, *spare);
	}
	while (fs->root.node)
		take_out(fs, mm_va_of_rb(fs->root.node));
	mm_sync_percpu_free(&fs->spare, fs->exec);
	mm_sync_spin_fini(&fs->lock);
}

/* Looking at it */

struct mm_vmap_area *mm_vmap_free_space_find(struct mm_free_space *fs, uint64_t addr)
{
	return place_of(fs, addr).above;
}

uint64_t mm_vmap_free_space_validate(struct mm_free_space *fs)
{
	uint64_t nr = 0, bytes = 0, last = 0;

	for (struct mm_rb_node *rb = mm_rb_first(&fs->root); rb; rb = mm_rb_next(rb), nr++) {
		const struct mm_vmap_area *va = mm_va_of_rb(rb);

		mm_invariant("A1: whole pages, at least one",
			     va->va_start < va->va_end &&
				     (va->va_start | va->va_end) % MMSIM_PAGE_SIZE == 0);
		mm_invariant("F1: sorted and apart", !nr || last < va->va_start);
		mm_invariant("F2: the largest of the subtree",
			     va->subtree_max_size == true_max(va));
		bytes += mm_va_size(va);
		last = va->va_end;
	}
	mm_invariant("F1: nr of them", nr == fs->nr && nr == mm_base_rb_validate(&fs->root));
	mm_invariant("F3: bytes is their sum", bytes == fs->bytes);
	return nr;
}
