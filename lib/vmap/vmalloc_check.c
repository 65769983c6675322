/* SPDX-License-Identifier: MIT */
/* W1 to W5: what is behind areas is as it says. */
#include "vmalloc.h"

struct sums {
	struct mmsim_vmap *v;
	uint64_t pages; /* W3 */
	uint64_t arrays, with_array;
};

static void check_pages(struct mmsim_vmap *v, const struct mm_vm_struct *vm)
{
	const struct mm_memmap *map = v->site.buddy->map;

	mm_invariant("W1: an area owns as many pages as it has addresses",
		     vm->nr_pages == mm_vm_area_size(vm) / MMSIM_PAGE_SIZE);
	for (uint64_t i = 0; i < vm->nr_pages; i++) {
		mm_invariant("W1: the pages of an area are allocated, with order 0",
			     __atomic_load_n(&vm->pages[i]->refcount, __ATOMIC_RELAXED) > 0 &&
				     !vm->pages[i]->order);
		mm_invariant("W1: the pages of an area are mapped in order",
			     mm_vmap_walk(&v->tables, vm->addr + i * MMSIM_PAGE_SIZE) ==
				     mm_page_to_pfn(map, vm->pages[i]));
	}
}

static void check_guard(struct mmsim_vmap *v, const struct mm_vm_struct *vm)
{
	if (!(vm->flags & MMSIM_VM_NO_GUARD))
		mm_invariant("W2: nothing is mapped in a guard page",
			     mm_vmap_walk(&v->tables, vm->addr + mm_vm_area_size(vm)) ==
				     UINT64_MAX);
}

static void check_area(struct mm_vmap_area *va, void *ctx)
{
	const struct mm_vm_struct *vm = va->vm;
	struct sums *s = ctx;

	if (!vm)
		return;
	mm_invariant("W4: nothing is being made", !(vm->flags & MMSIM_VM_UNINITIALIZED));
	mm_invariant("W2: an area has the addresses that it says",
		     vm->addr == va->va_start && vm->size == mm_va_size(va) &&
			     vm->requested_size <= mm_vm_area_size(vm));
	if (vm->flags & (MMSIM_VM_ALLOC | MMSIM_VM_MAP_PUT_PAGES))
		check_pages(s->v, vm);
	check_guard(s->v, vm);
	s->pages += vm->flags & MMSIM_VM_ALLOC ? vm->nr_pages : 0;
	s->arrays += vm->kind == MM_VM_ARRAY;
	s->with_array += vm->array_area != 0;
}

void mm_vmap_vmalloc_validate(struct mmsim_vmap *v)
{
	struct sums s = { .v = v };

	if (mm_vmap_busy_each(&v->busy, check_area, &s))
		return;
	mm_invariant("W3: nr_vmalloc_pages is the sum over areas", s.pages == mm_vmap_nr_pages(v));
	mm_invariant("W5: an array has an owner", s.arrays == s.with_array);
}
