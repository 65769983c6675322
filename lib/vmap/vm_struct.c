/* SPDX-License-Identifier: MIT */
/* Areas with a struct vm_struct: addresses, a name, and who may undo them. */
#include "bits.h"
#include "vmalloc.h"

#include <errno.h>
#include <inttypes.h>

enum { IOREMAP_MAX_PAGES = 128 };

/* The next power of two, within limits. */
static uint64_t ioremap_align(uint64_t size)
{
	uint64_t most = IOREMAP_MAX_PAGES * MMSIM_PAGE_SIZE;

	if (size > most)
		return most;
	return mm_max(UINT64_C(1) << mm_fls64(size - 1), MMSIM_PAGE_SIZE);
}

static int take_addresses(struct mmsim_vmap *v, const struct mm_vm_request *r,
			  struct mm_vm_struct *vm, struct mm_vmap_area **va)
{
	uint64_t align = r->flags & MMSIM_VM_IOREMAP ? ioremap_align(r->size) : r->align;
	struct mm_vmap_request request = {
		.size = vm->size,
		.align = mm_max(align, MMSIM_PAGE_SIZE),
		.start = r->end ? r->start : v->params.start,
		.end = r->end ? r->end : v->params.end,
		.gfp = r->gfp,
		.vm = vm,
	};

	return mm_vmap_alloc_area(v, &request, va);
}

/* W2. */
static uint64_t size_of_area(const struct mm_vm_request *r)
{
	uint64_t unit = UINT64_C(1) << mm_max(r->shift, (unsigned)MMSIM_PAGE_SHIFT);

	return mm_round_up(r->size, unit) + (r->flags & MMSIM_VM_NO_GUARD ? 0 : MMSIM_PAGE_SIZE);
}

struct mm_vm_struct *mm_vmap_get_vm_area(struct mmsim_vmap *v, const struct mm_vm_request *r,
					 struct mm_vmap_area **va)
{
	struct mm_vm_struct *vm = mm_vmap_slab_alloc(&v->structs);

	if (!vm)
		return NULL;
	*vm = (struct mm_vm_struct){
		.size = size_of_area(r),
		.requested_size = r->size,
		.flags = r->flags | MMSIM_VM_UNINITIALIZED,
		.kind = MM_VM_UNFINISHED,
		.caller = r->caller,
		.owner = r->owner,
	};
	if (take_addresses(v, r, vm, va)) {
		mm_vmap_vm_struct_free(v, vm);
		return NULL;
	}
	vm->addr = (*va)->va_start;
	return vm;
}

void mm_vmap_vm_finish(struct mm_vm_struct *vm, enum mm_vm_kind kind)
{
	__atomic_store_n(&vm->flags, vm->flags & ~(uint32_t)MMSIM_VM_UNINITIALIZED,
			 __ATOMIC_RELEASE);
	__atomic_store_n(&vm->kind, kind, __ATOMIC_RELEASE);
}

void mm_vmap_vm_struct_free(struct mmsim_vmap *v, struct mm_vm_struct *vm)
{
	mm_vmap_slab_free(&v->structs, vm);
}

static bool is_of_kind(const struct mm_vmap_area *va, void *kinds)
{
	return va->vm && mm_vm_kind(va->vm) & *(const unsigned *)kinds;
}

/* The addresses wait with no entries left. Counterpart: free_unmap_vmap_area(). */
static void let_go(struct mmsim_vmap *v, struct mm_vmap_area *va)
{
	mm_vmap_unmap(&v->tables, va->va_start, va->va_end);
	mm_vmap_free_area(v, va);
}

struct mm_vm_struct *mm_vmap_remove_vm_area(struct mmsim_vmap *v, uint64_t addr, unsigned kinds)
{
	struct mm_vmap_area *va = mm_vmap_busy_unlink(&v->busy, addr, is_of_kind, &kinds);
	struct mm_vm_struct *vm;

	if (!va)
		return NULL;
	vm = va->vm;
	let_go(v, va);
	return vm;
}

/* What an area that addr is in is, for messages and for undoing what is left. */
struct seen {
	uint64_t start, end;
	uint32_t flags; /* MM_VMAP_* */
	uint32_t kind; /* 0: no struct */
	uint64_t owner; /* of an array */
};

static void look(struct mm_vmap_area *va, void *ctx)
{
	*(struct seen *)ctx = (struct seen){
		.start = va->va_start,
		.end = va->va_end,
		.flags = mm_va_flags(va),
		.kind = va->vm ? mm_vm_kind(va->vm) : 0,
		.owner = va->vm ? va->vm->owner : 0,
	};
}

static const char *whose(const struct seen *s)
{
	switch (s->kind) {
	case 0:
		return s->flags & (MM_VMAP_RAM | MM_VMAP_BLOCK) ? "of mmsim_vm_map_ram()"
								: "of mmsim_alloc_vmap_area()";
	case MM_VM_UNFINISHED:
		return "still being made";
	case MM_VM_ARRAY:
		return "the page array of another area";
	case MM_VM_VMAP:
	case MM_VM_VMAP_PUT:
		return "of mmsim_vmap_pages()";
	case MM_VM_IOREMAP:
		return "of mmsim_ioremap()";
	case MM_VM_AREA:
		return "of mmsim_get_vm_area()";
	default:
		return "of mmsim_vmalloc()";
	}
}

int mm_vmap_refuse_addr(struct mmsim_vmap *v, const char *call, uint64_t addr)
{
	struct seen s;

	if (!mm_vmap_busy_find(&v->busy, addr, look, &s))
		mm_base_log(v->log, "%s(addr %#" PRIx64 "): no area is there", call, addr);
	else
		mm_base_log(v->log,
			    "%s(addr %#" PRIx64 "): that is %s the area at %#" PRIx64 ", %s", call,
			    addr, s.start == addr ? "the first address of" : "inside", s.start,
			    whose(&s));
	return -EINVAL;
}

/* The area itself, or that at the end of the chain of owners of arrays: W5. */
static struct seen outermost(struct mmsim_vmap *v, uint64_t addr)
{
	struct seen s;

	do {
		bool found = mm_vmap_busy_find(&v->busy, addr, look, &s);

		mm_invariant("W5: the owner of an array is there", found && s.start == addr);
		addr = s.owner;
	} while (s.kind == MM_VM_ARRAY);
	return s;
}

void mm_vmap_free_any(struct mmsim_vmap *v, uint64_t addr)
{
	struct seen s = outermost(v, addr);

	mm_invariant("W4: nothing is being made any more", s.kind != MM_VM_UNFINISHED);
	if (!s.kind)
		let_go(v, mm_vmap_busy_unlink(&v->busy, s.start, NULL, NULL));
	else if (s.kind == MM_VM_VMAP)
		mm_vmap_vunmap(v, s.start);
	else if (s.kind == MM_VM_IOREMAP)
		mm_vmap_iounmap(v, s.start);
	else if (s.kind == MM_VM_AREA)
		mm_vmap_free_vm_area(v, s.start);
	else
		mm_vmap_vfree(v, s.start);
}
