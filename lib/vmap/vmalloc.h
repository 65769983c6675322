/* SPDX-License-Identifier: MIT */
/*
 * Areas with something behind them.
 *
 * Counterpart: struct vm_struct, __vmalloc_node_range(), vfree(), vmap(), get_vm_area(), remove_vm_area(),
 * ioremap(). Difference: who may undo an area is written in it, so that a wrong or second call is refused.
 *
 *  W1: an area with MMSIM_VM_ALLOC or MMSIM_VM_MAP_PUT_PAGES owns pages[0 … nr_pages), each allocated with
 *      order 0, each mapped in order from its first address on; one with MMSIM_VM_MAP alone maps what is
 *      not its own, and has no array.
 *  W2: size is that of the addresses: the requested one in whole pages and, unless MMSIM_VM_NO_GUARD, one
 *      more.
 *  W3: nr_vmalloc_pages is the sum of nr_pages of MMSIM_VM_ALLOC, and of nested arrays.
 *  W4: while MMSIM_VM_UNINITIALIZED is set the area is its maker's: all other fields may still change, and
 *      no lookup that goes inside uses it.
 *  W5: the array of more than a page is an area of the space itself, of kind MM_VM_ARRAY, which goes with
 *      its owner.
 *
 * The array of pages is in the struct for one page, in the library's memory up to a page of it, and else an
 * area of the space itself, with pages of the machine behind it, as the kernel has it; its contents are in
 * the library's memory.
 *
 * Locking: an area's owner has it; flags and kind are read under the busy lock by others. Nobody has it
 * twice: U2 of busy.h.
 */
#ifndef MM_VMAP_VMALLOC_H
#define MM_VMAP_VMALLOC_H

#include "vmap.h"

/* Who may undo it: bits, so that several can be asked for. */
enum mm_vm_kind {
	MM_VM_UNFINISHED = 1 << 0, /* its maker alone */
	MM_VM_VMALLOC = 1 << 1, /* mm_vmap_vfree() */
	MM_VM_ARRAY = 1 << 2, /* whoever undoes the area whose array it is: W5 */
	MM_VM_VMAP = 1 << 3, /* mm_vmap_vunmap() */
	MM_VM_VMAP_PUT = 1 << 4, /* either of the two */
	MM_VM_IOREMAP = 1 << 5, /* mm_vmap_iounmap() */
	MM_VM_AREA = 1 << 6, /* mm_vmap_free_vm_area() */
};

struct mm_vm_struct {
	uint64_t addr; /* as the area's va_start */
	uint64_t size; /* W2 */
	uint64_t requested_size; /* bytes, as asked for */
	uint32_t flags; /* atomic: MMSIM_VM_* */
	uint32_t kind; /* atomic: enum mm_vm_kind */
	struct mmsim_page **pages; /* W1, or NULL */
	uint64_t nr_pages;
	struct mmsim_page *one; /* where pages points for one page */
	uint64_t array_area; /* address of the nested area that the array costs, or 0 */
	uint64_t owner; /* of kind MM_VM_ARRAY: address of the area whose array it is */
	uint64_t phys_addr;
	const char *caller;
	uint32_t page_order; /* 0 or 9 */
};

/* vm_struct.c: addresses and a struct. Counterpart: __get_vm_area_node(), remove_vm_area(). */

struct mm_vm_request {
	uint64_t size, align; /* bytes, not 0; a power of two, less than a page is as a page */
	uint64_t start, end; /* 0, 0: the space's own */
	unsigned shift; /* the size is rounded up to multiples of 1 << shift; 0: pages */
	uint32_t flags; /* MMSIM_VM_* */
	mmsim_gfp_t gfp;
	const char *caller;
	uint64_t owner; /* of an array */
};

/* NULL: no room, or no memory. It is MMSIM_VM_UNINITIALIZED and MM_VM_UNFINISHED: W4. */
struct mm_vm_struct *mm_vmap_get_vm_area(struct mmsim_vmap *v, const struct mm_vm_request *r,
					 struct mm_vmap_area **va);
/* All is written: from now on it is everybody's, and calls of this kind may undo it. */
void mm_vmap_vm_finish(struct mm_vm_struct *vm, enum mm_vm_kind kind);
/*
 * Take the area of one of `kinds` that begins at addr out of use, clear its entries, and let its addresses
 * wait; NULL: there is none. The struct is the caller's.
 */
struct mm_vm_struct *mm_vmap_remove_vm_area(struct mmsim_vmap *v, uint64_t addr, unsigned kinds);
void mm_vmap_vm_struct_free(struct mmsim_vmap *v, struct mm_vm_struct *vm);
/* addr cannot be undone by `call`: a message that says what is there instead. -EINVAL. */
int mm_vmap_refuse_addr(struct mmsim_vmap *v, const char *call, uint64_t addr);

static inline uint32_t mm_vm_flags(const struct mm_vm_struct *vm)
{
	return __atomic_load_n(&vm->flags, __ATOMIC_ACQUIRE);
}

static inline uint32_t mm_vm_kind(const struct mm_vm_struct *vm)
{
	return __atomic_load_n(&vm->kind, __ATOMIC_ACQUIRE);
}

/* Without the guard page. Counterpart: get_vm_area_size(). */
static inline uint64_t mm_vm_area_size(const struct mm_vm_struct *vm)
{
	return vm->size - (mm_vm_flags(vm) & MMSIM_VM_NO_GUARD ? 0 : MMSIM_PAGE_SIZE);
}

/* backing.c: pages of an area. Counterpart: vm_area_alloc_pages(). */

/* Fill pages[0 … nr) with pages of order 0. Returns how many there were memory for. */
uint64_t mm_vmap_backing_get(struct mmsim_vmap *v, struct mmsim_page **pages, uint64_t nr,
			     unsigned page_order, mmsim_gfp_t gfp, int node);
void mm_vmap_backing_put(struct mmsim_vmap *v, struct mmsim_page *const *pages, uint64_t nr);
/* Of the machine. Counterpart: totalram_pages(). Cost: O(zones). */
uint64_t mm_vmap_total_pages(const struct mmsim_vmap *v);

/* vmalloc.c: arguments are checked, but for addresses that are to be undone. */

/*
 * The straight-line work of a vmalloc() or a vfree() besides lines, locks, trees, tables and pages, as so
 * many passes through the page allocator. Calibrated on one thread: a pair of one page takes 576 ns on the
 * Threadripper of vmap nodes v1 without the series, of which 329 are charged elsewhere.
 */
enum { MM_VMAP_CALL_PASSES = 25 };

static inline void mm_vmap_charge_call(const struct mmsim_vmap *v)
{
	mm_exec_charge(v->exec, MM_CHARGE_PAGE_OP, NULL, MM_VMAP_CALL_PASSES);
}

uint64_t mm_vmap_vmalloc(struct mmsim_vmap *v, const struct mmsim_vmalloc_request *request);
/* 0, or -EINVAL with a message. */
int mm_vmap_vfree(struct mmsim_vmap *v, uint64_t addr);
/* The same for another call, which the message names. */
int mm_vmap_vfree_as(struct mmsim_vmap *v, const char *call, uint64_t addr);
uint64_t mm_vmap_vmap(struct mmsim_vmap *v, struct mmsim_page *const *pages, uint64_t nr,
		      uint32_t flags);
int mm_vmap_vunmap(struct mmsim_vmap *v, uint64_t addr);
uint64_t mm_vmap_ioremap(struct mmsim_vmap *v, uint64_t phys, uint64_t size);
int mm_vmap_iounmap(struct mmsim_vmap *v, uint64_t addr);
uint64_t mm_vmap_new_vm_area(struct mmsim_vmap *v, uint64_t size, uint32_t flags);
int mm_vmap_free_vm_area(struct mmsim_vmap *v, uint64_t addr);

/*
 * Undo the area in use that begins at addr, whoever made it, for whoever takes a space down; of an array,
 * with the area that it belongs to. Nobody else is at it.
 */
void mm_vmap_free_any(struct mmsim_vmap *v, uint64_t addr);
/* W1 to W5; stops the program. Nobody else is at it. */
void mm_vmap_vmalloc_validate(struct mmsim_vmap *v);

/* deferred.c: vfree_atomic(). */

int mm_vmap_deferred_init(struct mmsim_vmap *v);
/* Does what is still put off. */
void mm_vmap_deferred_fini(struct mmsim_vmap *v);
int mm_vmap_vfree_atomic(struct mmsim_vmap *v, uint64_t addr);
void mm_vmap_vfree_flush(struct mmsim_vmap *v);

#endif
