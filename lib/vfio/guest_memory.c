/* SPDX-License-Identifier: MIT */
/* A guest's memory. */
#include "guest_memory.h"

#include "bits.h"
#include <errno.h>
#include <string.h>

/* Of a slot: instead of a pfn + 1. */
enum { NONE = 0 };
#define HOLE UINT64_MAX

static uint64_t nr_slots(const struct mm_guest_memory *g)
{
	return mm_div_round_up(g->nr_pages, MM_THP_PAGES);
}

static bool has_block(uint64_t slot)
{
	return slot != NONE && slot != HOLE;
}

static struct mmsim_page *block_of(const struct mm_guest_memory *g, uint64_t slot)
{
	return mm_pfn_to_page(g->buddy->map, slot - 1);
}

static uint64_t read_slot(const struct mm_guest_memory *g, uint64_t page)
{
	return __atomic_load_n(&g->slot[page / MM_THP_PAGES], __ATOMIC_ACQUIRE);
}

int mm_vfio_guest_init(struct mm_guest_memory *g, struct mm_buddy *b, uint64_t nr_pages)
{
	*g = (struct mm_guest_memory){ .buddy = b, .nr_pages = nr_pages };
	g->slot = mm_base_meta_calloc(b->exec->meta, nr_slots(g), sizeof(*g->slot));
	return g->slot ? 0 : -ENOMEM;
}

/* G2: of nobody but the area, or the block stays with whoever has it still. */
static void free_block(struct mm_guest_memory *g, uint64_t slot)
{
	mm_buddy_free_pages(g->buddy, block_of(g, slot), MM_THP_ORDER);
}

void mm_vfio_guest_fini(struct mm_guest_memory *g)
{
	for (uint64_t i = 0; i < nr_slots(g); i++)
		if (has_block(g->slot[i]))
			free_block(g, g->slot[i]);
	mm_base_meta_free(g->buddy->exec->meta, g->slot, nr_slots(g) * sizeof(*g->slot));
}

/* Counterpart: clear_huge_page(). */
static void clear_block(const struct mm_guest_memory *g, const struct mmsim_page *page)
{
	const struct mm_buddy *b = g->buddy;

	if (b->pages->base)
		memset(b->pages->base + mm_page_to_pfn(b->map, page) * MMSIM_PAGE_SIZE, 0,
		       MM_THP_PAGES * MMSIM_PAGE_SIZE);
	mm_exec_charge(b->exec, MM_CHARGE_CLEAR, page, MM_THP_PAGES * MMSIM_PAGE_SIZE);
}

/* G1. *slot becomes what is there afterwards. */
static int fault(struct mm_guest_memory *g, uint64_t page, uint64_t *slot)
{
	struct mm_exec *x = g->buddy->exec;
	uint64_t *at = &g->slot[page / MM_THP_PAGES], mine;
	struct mmsim_page *block = mm_buddy_alloc_pages(g->buddy, MMSIM_NUMA_NO_NODE,
							MMSIM_GFP_TRANSHUGE, MM_THP_ORDER);

	if (!block)
		return -ENOMEM;
	clear_block(g, block);
	mine = mm_page_to_pfn(g->buddy->map, block) + 1;
	mm_exec_point(x, MM_POINT_ATOMIC, at);
	if (__atomic_compare_exchange_n(at, slot, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		*slot = mine;
	else
		free_block(g, mine);
	return 0;
}

int mm_vfio_get_pages(struct mm_guest_memory *g, uint64_t page, uint64_t nr, uint64_t *pfn)
{
	uint64_t slot = read_slot(g, page);
	int err = slot == NONE ? fault(g, page, &slot) : 0;

	mm_assert(page + nr <= mm_thp_end(page));
	if (err)
		return err;
	if (slot == HOLE)
		return -EFAULT;
	__atomic_fetch_add(&block_of(g, slot)->refcount, (int32_t)nr, __ATOMIC_RELAXED);
	mm_exec_charge(g->buddy->exec, MM_CHARGE_PAGE_PIN, NULL, nr);
	*pfn = slot - 1 + page % MM_THP_PAGES;
	return 0;
}

void mm_vfio_put_pages(struct mm_guest_memory *g, uint64_t first, uint64_t end)
{
	struct mm_exec *x = g->buddy->exec;

	for (uint64_t next; first < end; first = next) {
		struct mmsim_page *block = block_of(g, read_slot(g, first));
		int32_t nr, left;

		next = mm_min(mm_thp_end(first), end);
		nr = (int32_t)(next - first);
		mm_exec_point(x, MM_POINT_ATOMIC, &block->refcount);
		left = __atomic_sub_fetch(&block->refcount, nr, __ATOMIC_RELEASE);
		mm_exec_charge(x, MM_CHARGE_RMW, &block->refcount, 1);
		mm_invariant("G2: only references that were taken are given back", left > 0);
	}
}

uint64_t mm_vfio_pfn(const struct mm_guest_memory *g, uint64_t page)
{
	return read_slot(g, page) - 1 + page % MM_THP_PAGES;
}

int mm_vfio_guest_set_hole(struct mm_guest_memory *g, uint64_t page, bool hole)
{
	uint64_t *at = &g->slot[page / MM_THP_PAGES];

	if (!hole) {
		if (*at == HOLE)
			*at = NONE;
		return 0;
	}
	if (has_block(*at)) {
		if (__atomic_load_n(&block_of(g, *at)->refcount, __ATOMIC_ACQUIRE) != 1)
			return -EBUSY;
		free_block(g, *at);
	}
	__atomic_store_n(at, HOLE, __ATOMIC_RELEASE);
	return 0;
}

uint64_t mm_vfio_guest_present(const struct mm_guest_memory *g)
{
	uint64_t nr = 0;

	for (uint64_t i = 0; i < nr_slots(g); i++)
		nr += has_block(__atomic_load_n(&g->slot[i], __ATOMIC_RELAXED));
	return nr * MM_THP_PAGES;
}
