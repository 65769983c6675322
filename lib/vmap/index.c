/* SPDX-License-Identifier: MIT */
/* Areas by the page they begin in. */
#include "index.h"

#include "bits.h"
#include <errno.h>
#include <limits.h>

enum {
	LEAF_BITS = 9,
	SLOTS = 1 << LEAF_BITS,
	RADIX_BITS = 11,
	FANOUT = 1 << RADIX_BITS,
	ROOT_SHIFT = 2 * RADIX_BITS, /* of a leaf's number */
	PER_LINE = MM_CACHE_LINE / 8, /* slots */
};

#define LOCKED UINT64_C(1)
#define PAGE MMSIM_PAGE_SIZE

/* `word` is what a waiter waits for. */
union slot {
	uint64_t all; /* atomic: an area, LOCKED or not; 0: empty */
	uint32_t word; /* the half with LOCKED */
};

struct leaf {
	union slot slot[SLOTS];
	struct mm_line line[]; /* [SLOTS / PER_LINE], where charges are taken */
};

struct radix {
	void *child[FANOUT]; /* atomic */
};

struct mm_index {
	struct mm_exec *exec; /* all: constant after init */
	uint64_t start;
	uint64_t nr_pages, nr_leaves;
	size_t leaf_bytes;
	void **root; /* [nr_root]: atomic */
	size_t nr_root;
};

/* Leaves */

static void *child_at(void *const *child, uint64_t leaf, unsigned shift)
{
	return __atomic_load_n(
		&child[shift == ROOT_SHIFT ? leaf >> shift : leaf >> shift & (FANOUT - 1)],
		__ATOMIC_ACQUIRE);
}

/*
 * NULL: there is none; *missing: so many leaves, of the same multiple of that number, are missing together.
 */
static inline struct leaf *find_leaf(const struct mm_index *ix, uint64_t nr, uint64_t *missing)
{
	void *const *child = ix->root;

	for (unsigned shift = ROOT_SHIFT;; shift -= RADIX_BITS) {
		void *found = child_at(child, nr, shift);

		if (mm_unlikely(!found)) {
			*missing = UINT64_C(1) << shift;
			return NULL;
		}
		if (!shift)
			return found;
		child = ((struct radix *)found)->child;
	}
}

/* What is at *at, made if there is nothing. Of two who make it one frees his. */
static void *install(const struct mm_index *ix, void **at, size_t size)
{
	void *there = __atomic_load_n(at, __ATOMIC_ACQUIRE), *made;

	if (there)
		return there;
	made = mm_base_meta_alloc(ix->exec->meta, size);
	if (!made)
		return NULL;
	mm_exec_point(ix->exec, MM_POINT_ATOMIC, at);
	if (__atomic_compare_exchange_n(at, &there, made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return made;
	mm_base_meta_free(ix->exec->meta, made, size);
	return there;
}

static struct leaf *make_leaf(const struct mm_index *ix, uint64_t nr)
{
	struct radix *upper, *lower;

	upper = install(ix, &ix->root[nr >> ROOT_SHIFT], sizeof(*upper));
	if (!upper)
		return NULL;
	lower = install(ix, &upper->child[nr >> RADIX_BITS & (FANOUT - 1)], sizeof(*lower));
	if (!lower)
		return NULL;
	return install(ix, &lower->child[nr & (FANOUT - 1)], ix->leaf_bytes);
}

/* The first that exists from *nr on, which is made its number. step: 1 upwards, -1 downwards. */
static struct leaf *near_leaf(const struct mm_index *ix, uint64_t *nr, int step)
{
	uint64_t missing;

	while (*nr < ix->nr_leaves) { /* what is below 0 is not */
		struct leaf *leaf = find_leaf(ix, *nr, &missing);

		mm_exec_charge(ix->exec, MM_CHARGE_TREE, NULL, 1);
		if (leaf)
			return leaf;
		*nr = mm_round_down(*nr, missing) + (step > 0 ? missing : UINT64_MAX);
	}
	return NULL;
}

/* Slots */

static uint64_t page_of(const struct mm_index *ix, uint64_t addr)
{
	return (addr - ix->start) / PAGE;
}

static struct mm_vmap_area *area_of(uint64_t slot)
{
	return (struct mm_vmap_area *)(uintptr_t)(slot & ~LOCKED);
}

static const struct mm_line *line_of(const struct leaf *leaf, const union slot *slot)
{
	return &leaf->line[(slot - leaf->slot) / PER_LINE];
}

static void charge(const struct mm_index *ix, enum mm_charge what, const struct leaf *leaf,
		   const union slot *slot)
{
	if (mm_unlikely(mm_exec_charges(ix->exec)))
		mm_exec_charge(ix->exec, what, line_of(leaf, slot), 1);
}

/* Returns the area; NULL: it is empty, and not locked. */
static inline struct mm_vmap_area *lock_slot(const struct mm_index *ix, const struct leaf *leaf,
					     union slot *slot)
{
	mm_exec_point(ix->exec, MM_POINT_LOCK, slot);
	for (unsigned spin = 0;;) {
		uint64_t was = __atomic_load_n(&slot->all, __ATOMIC_RELAXED);

		if (!was)
			return NULL;
		if (mm_unlikely(was & LOCKED)) {
			ix->exec->ops->relax(ix->exec, &slot->word, (uint32_t)was, spin++);
			continue;
		}
		/* Who locks it looks at the area, and what follows waits for the exchange. */
		__builtin_prefetch(area_of(was), 1);
		if (mm_likely(__atomic_compare_exchange_n(&slot->all, &was, was | LOCKED, false,
							  __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
			break;
	}
	charge(ix, MM_CHARGE_LOCK, leaf, slot);
	return area_of(__atomic_load_n(&slot->all, __ATOMIC_RELAXED));
}

/* va: as it was, or NULL: it is taken out. Whoever waits looks for himself, so all are woken. */
static inline void unlock_slot(const struct mm_index *ix, const struct leaf *leaf, union slot *slot,
			       const struct mm_vmap_area *va)
{
	charge(ix, MM_CHARGE_UNLOCK, leaf, slot);
	__atomic_store_n(&slot->all, (uintptr_t)va, __ATOMIC_RELEASE);
	if (mm_unlikely(ix->exec->wakes_relaxed)) {
		mm_exec_unpark(ix->exec, &slot->word, UINT_MAX);
		mm_exec_point(ix->exec, MM_POINT_UNLOCK, slot);
	}
}

static struct leaf *leaf_of(const struct mm_index *ix, uint64_t page)
{
	uint64_t missing;

	mm_exec_charge(ix->exec, MM_CHARGE_TREE, NULL, 3);
	return find_leaf(ix, page >> LEAF_BITS, &missing);
}

int mm_vmap_index_insert(struct mm_index *ix, struct mm_vmap_area *va)
{
	uint64_t page = page_of(ix, va->va_start);
	struct leaf *leaf = leaf_of(ix, page);
	union slot *slot;

	if (mm_unlikely(!leaf))
		leaf = make_leaf(ix, page >> LEAF_BITS);
	if (mm_unlikely(!leaf))
		return -ENOMEM;
	slot = &leaf->slot[page % SLOTS];
	mm_exec_point(ix->exec, MM_POINT_ATOMIC, slot);
	mm_invariant("X2: the slot of an area's first page is its own",
		     !__atomic_load_n(&slot->all, __ATOMIC_RELAXED));
	charge(ix, MM_CHARGE_LINE, leaf, slot);
	__atomic_store_n(&slot->all, (uintptr_t)va, __ATOMIC_RELEASE);
	return 0;
}

static bool is_in_range(const struct mm_index *ix, uint64_t addr)
{
	return addr >= ix->start && page_of(ix, addr) < ix->nr_pages;
}

struct mm_vmap_area *mm_vmap_index_unlink(struct mm_index *ix, uint64_t addr,
					  bool (*may)(const struct mm_vmap_area *va, void *ctx),
					  void *ctx)
{
	struct mm_vmap_area *va;
	struct leaf *leaf;
	union slot *slot;
	bool stays;

	if (mm_unlikely(!is_in_range(ix, addr) || addr % PAGE))
		return NULL;
	leaf = leaf_of(ix, page_of(ix, addr));
	if (mm_unlikely(!leaf))
		return NULL;
	slot = &leaf->slot[page_of(ix, addr) % SLOTS];
	va = lock_slot(ix, leaf, slot);
	if (mm_unlikely(!va))
		return NULL;
	stays = may && !may(va, ctx);
	unlock_slot(ix, leaf, slot, stays ? va : NULL);
	return stays ? NULL : va;
}

bool mm_vmap_index_look(struct mm_index *ix, uint64_t first, uint64_t above,
			void (*fn)(struct mm_vmap_area *va, void *ctx), void *ctx)
{
	uint64_t page = page_of(ix, first);
	struct leaf *leaf = leaf_of(ix, page);
	union slot *slot = leaf ? &leaf->slot[page % SLOTS] : NULL;
	struct mm_vmap_area *va = slot ? lock_slot(ix, leaf, slot) : NULL;
	bool found;

	if (!va)
		return false;
	found = va->va_end > above;
	if (found)
		fn(va, ctx);
	unlock_slot(ix, leaf, slot, va);
	return found;
}

/* Walks */

/* The first slot in use from i on; SLOTS or, downwards, anything above: there is none. */
static unsigned used_slot(const struct leaf *leaf, unsigned i, int step)
{
	while (i < SLOTS && !__atomic_load_n(&leaf->slot[i].all, __ATOMIC_RELAXED))
		i += (unsigned)step;
	return i;
}

static uint64_t walk(const struct mm_index *ix, uint64_t page, int step)
{
	uint64_t nr = page >> LEAF_BITS;
	unsigned i = page % SLOTS;
	const struct leaf *leaf;

	for (uint64_t at = nr; (leaf = near_leaf(ix, &at, step)); at += (uint64_t)(int64_t)step) {
		if (at != nr)
			i = step > 0 ? 0 : SLOTS - 1;
		i = used_slot(leaf, i, step);
		if (i < SLOTS)
			return ix->start + (at * SLOTS + i) * PAGE;
		nr = MM_NEVER;
	}
	return MM_NEVER;
}

uint64_t mm_vmap_index_next(const struct mm_index *ix, uint64_t addr)
{
	return walk(ix, addr < ix->start ? 0 : page_of(ix, addr), 1);
}

/* The page of an address below the range is far above it. */
uint64_t mm_vmap_index_prev(const struct mm_index *ix, uint64_t addr)
{
	return walk(ix, page_of(ix, addr), -1);
}

/* Making, unmaking, checking */

static size_t leaf_bytes(const struct mm_exec *x)
{
	size_t lines = mm_exec_charges(x) ? SLOTS / PER_LINE : 0;

	return sizeof(struct leaf) + lines * sizeof(struct mm_line);
}

struct mm_index *mm_vmap_index_create(struct mm_exec *x, uint64_t start, uint64_t end)
{
	struct mm_index *ix = mm_base_meta_alloc(x->meta, sizeof(*ix));

	if (!ix)
		return NULL;
	*ix = (struct mm_index){ .exec = x,
				 .start = start,
				 .nr_pages = mm_div_round_up(end - start, PAGE),
				 .leaf_bytes = leaf_bytes(x) };
	ix->nr_leaves = mm_div_round_up(ix->nr_pages, SLOTS);
	ix->nr_root = mm_div_round_up(ix->nr_leaves, UINT64_C(1) << ROOT_SHIFT);
	ix->root = mm_base_meta_calloc(x->meta, ix->nr_root, sizeof(*ix->root));
	if (ix->root)
		return ix;
	mm_base_meta_free(x->meta, ix, sizeof(*ix));
	return NULL;
}

static void destroy_children(struct mm_index *ix, void **child, size_t nr, unsigned shift)
{
	size_t size = shift ? sizeof(struct radix) : ix->leaf_bytes;

	for (size_t i = 0; i < nr; i++) {
		if (child[i] && shift)
			destroy_children(ix, ((struct radix *)child[i])->child, FANOUT,
					 shift - RADIX_BITS);
		mm_base_meta_free(ix->exec->meta, child[i], size);
	}
}

void mm_vmap_index_destroy(struct mm_index *ix)
{
	mm_invariant("U1: no area is left in use", mm_vmap_index_next(ix, ix->start) == MM_NEVER);
	destroy_children(ix, ix->root, ix->nr_root, ROOT_SHIFT);
	mm_base_meta_free(ix->exec->meta, ix->root, ix->nr_root * sizeof(*ix->root));
	mm_base_meta_free(ix->exec->meta, ix, sizeof(*ix));
}

static const struct mm_vmap_area *validate_slot(const struct mm_index *ix, uint64_t first)
{
	uint64_t page = page_of(ix, first), missing, slot;

	slot = find_leaf(ix, page >> LEAF_BITS, &missing)->slot[page % SLOTS].all;
	mm_invariant("X1: no slot is locked", !(slot & LOCKED));
	mm_invariant("X1: an area begins in its slot's page", area_of(slot)->va_start == first);
	return area_of(slot);
}

uint64_t mm_vmap_index_validate(struct mm_index *ix)
{
	uint64_t nr = 0, end = ix->start, first;

	for (first = mm_vmap_index_next(ix, end); first != MM_NEVER;
	     first = mm_vmap_index_next(ix, first + PAGE)) {
		const struct mm_vmap_area *va = validate_slot(ix, first);

		mm_invariant("A1: an area has pages", va->va_start < va->va_end);
		mm_invariant("X2: slots of other pages are empty", first >= end);
		end = va->va_end;
		nr++;
	}
	return nr;
}
