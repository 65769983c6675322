/* SPDX-License-Identifier: MIT */
/* vmalloc() and vfree(), and what else maps something: an area, its page array, its pages, its entries. */
#include "bits.h"
#include "block.h"
#include "vmalloc.h"

#include <errno.h>
#include <string.h>

/* What a request says about reclaim, which its page array inherits. Counterpart: GFP_RECLAIM_MASK. */
#define RECLAIM_MASK                                                                \
	(MMSIM___GFP_RECLAIM | MMSIM___GFP_HIGH | MMSIM___GFP_IO | MMSIM___GFP_FS | \
	 MMSIM___GFP_NOWARN | MMSIM___GFP_RETRY_MAYFAIL | MMSIM___GFP_NOFAIL |      \
	 MMSIM___GFP_NORETRY | MMSIM___GFP_MEMALLOC | MMSIM___GFP_NOMEMALLOC)

enum { PMD_SHIFT = MMSIM_PAGE_SHIFT + 9 };

struct asked {
	const struct mmsim_vmalloc_request *r;
	unsigned shift; /* of entries */
	enum mm_vm_kind kind;
	uint64_t owner; /* of an array */
};

static uint64_t allocate(struct mmsim_vmap *v, struct asked *a);

/*
 * W3. Once for an area; in the kernel, on one line for all CPUs, which is what limits nodes from 64 CPUs
 * on.
 */
static void count_pages(struct mmsim_vmap *v, uint64_t nr)
{
	struct mm_vmap_count *count = v->local ? &mm_this_vmap_node(v)->pages : &v->pages;

	mm_exec_point(v->exec, MM_POINT_ATOMIC, &count->nr);
	__atomic_add_fetch(&count->nr, nr, __ATOMIC_RELAXED);
	mm_exec_charge(v->exec, MM_CHARGE_ATOMIC, &count->line, 0);
}

/*
 * Page tables are not asked for by the request's flags in the kernel, but within its scope: who may not
 * wait may have the last page. Counterpart: memalloc_apply_gfp_scope().
 */
static mmsim_gfp_t table_gfp(mmsim_gfp_t gfp)
{
	if (!(gfp & MMSIM___GFP_DIRECT_RECLAIM))
		return MMSIM___GFP_KSWAPD_RECLAIM | MMSIM___GFP_MEMALLOC | MMSIM___GFP_NOWARN;
	return MMSIM___GFP_RECLAIM | (gfp & (MMSIM___GFP_IO | MMSIM___GFP_FS));
}

static int map(struct mmsim_vmap *v, struct mm_vmap_area *va, struct mmsim_page *const *pages,
	       uint64_t nr, unsigned order, mmsim_gfp_t gfp)
{
	gfp = table_gfp(gfp);
	if (mm_vmap_tables_get(&v->tables, va, gfp))
		return -ENOMEM;
	return mm_vmap_map(&v->tables, va->va_start, pages, nr, order, gfp);
}

/* The page array. */

/* A nested area, which costs what the kernel's array does. False: no memory. */
static bool array_area_get(struct mmsim_vmap *v, struct mm_vm_struct *vm, uint64_t bytes,
			   mmsim_gfp_t gfp, int node)
{
	const struct mmsim_vmalloc_request r = {
		.size = bytes,
		.gfp = (gfp & RECLAIM_MASK) | MMSIM___GFP_ZERO,
		.node = node,
		.caller = vm->caller,
	};
	struct asked a = { &r, MMSIM_PAGE_SHIFT, MM_VM_ARRAY, vm->addr };

	vm->array_area = allocate(v, &a);
	return vm->array_area;
}

static bool array_get(struct mmsim_vmap *v, struct mm_vm_struct *vm, uint64_t nr, mmsim_gfp_t gfp,
		      int node)
{
	if (nr == 1) {
		vm->pages = &vm->one;
		return true;
	}
	if (nr * sizeof(*vm->pages) > MMSIM_PAGE_SIZE &&
	    !array_area_get(v, vm, nr * sizeof(*vm->pages), gfp, node))
		return false;
	vm->pages = mm_base_meta_calloc(v->exec->meta, nr, sizeof(*vm->pages));
	return vm->pages;
}

static void undo(struct mmsim_vmap *v, struct mm_vm_struct *vm, bool put_pages);

static void array_put(struct mmsim_vmap *v, struct mm_vm_struct *vm)
{
	if (vm->pages && vm->pages != &vm->one)
		mm_base_meta_free(v->exec->meta, vm->pages,
				  mm_vm_area_size(vm) / MMSIM_PAGE_SIZE * sizeof(*vm->pages));
	if (vm->array_area)
		undo(v, mm_vmap_remove_vm_area(v, vm->array_area, MM_VM_ARRAY), true);
}

/* An area that is out of use: what is behind it, and its struct. */
static void undo(struct mmsim_vmap *v, struct mm_vm_struct *vm, bool put_pages)
{
	mm_invariant("W5: an array goes with its owner", vm);
	if (put_pages && vm->nr_pages)
		mm_vmap_backing_put(v, vm->pages, vm->nr_pages);
	if (vm->flags & MMSIM_VM_ALLOC && vm->nr_pages)
		count_pages(v, -vm->nr_pages);
	array_put(v, vm);
	mm_vmap_vm_struct_free(v, vm);
}

static void give_up(struct mmsim_vmap *v, struct mm_vm_struct *vm)
{
	undo(v, mm_vmap_remove_vm_area(v, vm->addr, MM_VM_UNFINISHED), vm->flags & MMSIM_VM_ALLOC);
}

/* Pages and entries. Counterpart: __vmalloc_area_node(). */
static bool fill(struct mmsim_vmap *v, struct mm_vm_struct *vm, struct mm_vmap_area *va,
		 const struct asked *a)
{
	uint64_t nr = mm_vm_area_size(vm) / MMSIM_PAGE_SIZE;
	mmsim_gfp_t gfp = a->r->gfp;

	if (!array_get(v, vm, nr, gfp, a->r->node))
		return false;
	if (!(gfp & (MMSIM___GFP_DMA | MMSIM___GFP_DMA32)))
		gfp |= MMSIM___GFP_HIGHMEM;
	vm->page_order = a->shift - MMSIM_PAGE_SHIFT;
	vm->nr_pages = mm_vmap_backing_get(v, vm->pages, nr, vm->page_order, gfp, a->r->node);
	if (vm->nr_pages)
		count_pages(v, vm->nr_pages);
	return vm->nr_pages == nr && !map(v, va, vm->pages, nr, vm->page_order, gfp);
}

/* With entries of one size. */
static uint64_t attempt(struct mmsim_vmap *v, const struct asked *a)
{
	const struct mmsim_vmalloc_request *r = a->r;
	const struct mm_vm_request wanted = {
		.size = r->size,
		.align =
			mm_max(r->align, a->shift > MMSIM_PAGE_SHIFT ? UINT64_C(1) << a->shift : 0),
		.start = r->start,
		.end = r->end,
		.shift = a->shift,
		.flags = MMSIM_VM_ALLOC | r->vm_flags,
		.gfp = r->gfp,
		.caller = r->caller,
		.owner = a->owner,
	};
	struct mm_vmap_area *va;
	struct mm_vm_struct *vm = mm_vmap_get_vm_area(v, &wanted, &va);
	uint64_t addr;

	if (mm_unlikely(!vm))
		return 0;
	if (mm_unlikely(!fill(v, vm, va, a))) {
		give_up(v, vm);
		return 0;
	}
	addr = vm->addr;
	if (r->gfp & MMSIM___GFP_ZERO && v->host.base && a->kind == MM_VM_VMALLOC)
		memset((void *)(uintptr_t)addr, 0, mm_vm_area_size(vm));
	mm_vmap_vm_finish(vm, a->kind);
	return addr;
}

/* Huge entries first, if they may be. Counterpart: __vmalloc_node_range(). */
static uint64_t allocate(struct mmsim_vmap *v, struct asked *a)
{
	uint64_t addr = attempt(v, a);

	if (mm_likely(addr != 0) || a->shift == MMSIM_PAGE_SHIFT)
		return addr;
	a->shift = MMSIM_PAGE_SHIFT;
	return attempt(v, a);
}

uint64_t mm_vmap_vmalloc(struct mmsim_vmap *v, const struct mmsim_vmalloc_request *r)
{
	struct asked a = { r, MMSIM_PAGE_SHIFT, MM_VM_VMALLOC, 0 };

	if (r->vm_flags & MMSIM_VM_ALLOW_HUGE_VMAP && r->size >= UINT64_C(1) << PMD_SHIFT)
		a.shift = PMD_SHIFT;
	mm_vmap_charge_call(v);
	return allocate(v, &a);
}

int mm_vmap_vfree_as(struct mmsim_vmap *v, const char *call, uint64_t addr)
{
	struct mm_vm_struct *vm = mm_vmap_remove_vm_area(v, addr, MM_VM_VMALLOC | MM_VM_VMAP_PUT);

	if (mm_unlikely(!vm))
		return mm_vmap_refuse_addr(v, call, addr);
	mm_vmap_charge_call(v);
	/*
	 * Nobody may run what was there by a translation that is out of date. Counterpart:
	 * vm_reset_perms().
	 */
	if (mm_unlikely(vm->flags & MMSIM_VM_FLUSH_RESET_PERMS))
		mm_vmap_unmap_aliases(v);
	undo(v, vm, true);
	return 0;
}

int mm_vmap_vfree(struct mmsim_vmap *v, uint64_t addr)
{
	return mm_vmap_vfree_as(v, "mmsim_vfree", addr);
}

/* Pages that others have. */

/* For MMSIM_VM_MAP_PUT_PAGES: the caller's array, which the area would have taken over there. */
static bool array_copy(struct mmsim_vmap *v, struct mm_vm_struct *vm,
		       struct mmsim_page *const *pages, uint64_t nr)
{
	vm->pages = nr == 1 ? &vm->one : mm_base_meta_calloc(v->exec->meta, nr, sizeof(*pages));
	if (!vm->pages)
		return false;
	memcpy(vm->pages, pages, nr * sizeof(*pages));
	vm->nr_pages = nr;
	return true;
}

uint64_t mm_vmap_vmap(struct mmsim_vmap *v, struct mmsim_page *const *pages, uint64_t nr,
		      uint32_t flags)
{
	const struct mm_vm_request wanted = {
		.size = nr * MMSIM_PAGE_SIZE,
		.flags = MMSIM_VM_MAP | flags,
		.gfp = MMSIM_GFP_KERNEL,
	};
	bool put = flags & MMSIM_VM_MAP_PUT_PAGES;
	struct mm_vmap_area *va;
	struct mm_vm_struct *vm = mm_vmap_get_vm_area(v, &wanted, &va);
	uint64_t addr;

	if (!vm)
		return 0;
	if (map(v, va, pages, nr, 0, wanted.gfp) || (put && !array_copy(v, vm, pages, nr))) {
		give_up(v, vm);
		return 0;
	}
	addr = vm->addr;
	mm_vmap_vm_finish(vm, put ? MM_VM_VMAP_PUT : MM_VM_VMAP);
	return addr;
}

static int undo_of_kind(struct mmsim_vmap *v, const char *call, uint64_t addr, unsigned kinds)
{
	struct mm_vm_struct *vm = mm_vmap_remove_vm_area(v, addr, kinds);

	if (!vm)
		return mm_vmap_refuse_addr(v, call, addr);
	undo(v, vm, false);
	return 0;
}

int mm_vmap_vunmap(struct mmsim_vmap *v, uint64_t addr)
{
	return undo_of_kind(v, "mmsim_vunmap", addr, MM_VM_VMAP | MM_VM_VMAP_PUT);
}

/* Device registers. */

uint64_t mm_vmap_ioremap(struct mmsim_vmap *v, uint64_t phys, uint64_t size)
{
	uint64_t offset = phys % MMSIM_PAGE_SIZE, addr;
	const struct mm_vm_request wanted = {
		.size = mm_round_up(offset + size, MMSIM_PAGE_SIZE),
		.flags = MMSIM_VM_IOREMAP,
		.gfp = MMSIM_GFP_KERNEL,
	};
	struct mm_vmap_area *va;
	struct mm_vm_struct *vm = mm_vmap_get_vm_area(v, &wanted, &va);

	if (!vm)
		return 0;
	vm->phys_addr = phys - offset;
	if (mm_vmap_tables_get(&v->tables, va, wanted.gfp) ||
	    mm_vmap_map_phys(&v->tables, vm->addr, wanted.size, vm->phys_addr, true, wanted.gfp)) {
		give_up(v, vm);
		return 0;
	}
	addr = vm->addr;
	mm_vmap_vm_finish(vm, MM_VM_IOREMAP);
	return addr + offset;
}

static void see_start(struct mm_vmap_area *va, void *ctx)
{
	*(uint64_t *)ctx = va->va_start;
}

int mm_vmap_iounmap(struct mmsim_vmap *v, uint64_t addr)
{
	uint64_t start = addr;
	struct mm_vm_struct *vm;

	mm_vmap_busy_find(&v->busy, addr, see_start, &start);
	vm = mm_vmap_remove_vm_area(v, start, MM_VM_IOREMAP);
	if (!vm)
		return mm_vmap_refuse_addr(v, "mmsim_iounmap", addr);
	undo(v, vm, false);
	return 0;
}

/* Addresses alone. */

uint64_t mm_vmap_new_vm_area(struct mmsim_vmap *v, uint64_t size, uint32_t flags)
{
	const struct mm_vm_request wanted = { .size = size,
					      .flags = flags,
					      .gfp = MMSIM_GFP_KERNEL };
	struct mm_vmap_area *va;
	struct mm_vm_struct *vm = mm_vmap_get_vm_area(v, &wanted, &va);
	uint64_t addr;

	if (!vm)
		return 0;
	addr = vm->addr;
	mm_vmap_vm_finish(vm, MM_VM_AREA);
	return addr;
}

int mm_vmap_free_vm_area(struct mmsim_vmap *v, uint64_t addr)
{
	return undo_of_kind(v, "mmsim_free_vm_area", addr, MM_VM_AREA);
}
