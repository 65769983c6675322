/* SPDX-License-Identifier: MIT */
/* vmalloc() and pages: the library's, by the kernel's names. */
#include "world.h"

#include <linux/vmalloc.h>

_Static_assert(__GFP_ZERO == MMSIM___GFP_ZERO && __GFP_NORETRY == MMSIM___GFP_NORETRY &&
		       __GFP_ACCOUNT == MMSIM___GFP_ACCOUNT && GFP_KERNEL == MMSIM_GFP_KERNEL &&
		       GFP_ATOMIC == MMSIM_GFP_ATOMIC && GFP_NOWAIT == MMSIM_GFP_NOWAIT &&
		       GFP_HIGHUSER_MOVABLE == MMSIM_GFP_HIGHUSER_MOVABLE,
	       "flags of both headers are the same");
_Static_assert(NUMA_NO_NODE == MMSIM_NUMA_NO_NODE && PAGE_SIZE == MMSIM_PAGE_SIZE,
	       "and so are these");
_Static_assert(VM_ALLOW_HUGE_VMAP == MMSIM_VM_ALLOW_HUGE_VMAP &&
		       VM_MAP_PUT_PAGES == MMSIM_VM_MAP_PUT_PAGES &&
		       VM_NO_GUARD == MMSIM_VM_NO_GUARD,
	       "and these");

static u64 to_addr(const void *ptr)
{
	return (uintptr_t)ptr;
}

static void *to_ptr(u64 addr)
{
	return (void *)(uintptr_t)addr;
}

unsigned long mm_linux_vmalloc_start(void)
{
	return mm_linux_world.start;
}

unsigned long mm_linux_vmalloc_end(void)
{
	return mm_linux_world.end;
}

bool is_vmalloc_addr(const void *addr)
{
	return to_addr(addr) >= mm_linux_world.start && to_addr(addr) < mm_linux_world.end;
}

void *__vmalloc_node_range(unsigned long size, unsigned long align, unsigned long start,
			   unsigned long end, gfp_t gfp, pgprot_t prot, unsigned long vm_flags,
			   int node, const void *caller)
{
	struct mmsim_vmalloc_request request = {
		.size = size,
		.align = align,
		.start = start,
		.end = end,
		.gfp = gfp,
		.node = node,
		.vm_flags = (u32)vm_flags,
	};

	(void)prot;
	(void)caller;
	return to_ptr(mmsim_vmalloc_request(mm_linux_world.v, &request));
}

void *__vmalloc_node(unsigned long size, unsigned long align, gfp_t gfp, int node,
		     const void *caller)
{
	(void)caller;
	return to_ptr(mmsim_vmalloc_node(mm_linux_world.v, size, align, gfp, node));
}

void *__vmalloc(unsigned long size, gfp_t gfp)
{
	return to_ptr(mmsim_vmalloc_gfp(mm_linux_world.v, size, gfp));
}

void *vmalloc(unsigned long size)
{
	return to_ptr(mmsim_vmalloc(mm_linux_world.v, size));
}

void *vzalloc(unsigned long size)
{
	return to_ptr(mmsim_vzalloc(mm_linux_world.v, size));
}

void *vmalloc_node(unsigned long size, int node)
{
	return __vmalloc_node(size, 1, GFP_KERNEL, node, NULL);
}

void *vzalloc_node(unsigned long size, int node)
{
	return __vmalloc_node(size, 1, GFP_KERNEL | __GFP_ZERO, node, NULL);
}

void *vmalloc_huge(unsigned long size, gfp_t gfp)
{
	return to_ptr(mmsim_vmalloc_huge(mm_linux_world.v, size, gfp));
}

void *vcalloc(size_t n, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(n, size, &bytes) ? NULL : vzalloc(bytes);
}

/* What these refuse is in the log. */
void vfree(const void *addr)
{
	mmsim_vfree(mm_linux_world.v, to_addr(addr));
}

void vfree_atomic(const void *addr)
{
	if (mmsim_vfree_atomic(mm_linux_world.v, to_addr(addr)))
		vfree(addr);
}

void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot)
{
	(void)prot;
	return to_ptr(mmsim_vmap_pages(mm_linux_world.v, (struct mmsim_page *const *)pages, count,
				       (u32)flags & MMSIM_VM_MAP_PUT_PAGES));
}

void vunmap(const void *addr)
{
	if (addr)
		mmsim_vunmap(mm_linux_world.v, to_addr(addr));
}

void *vm_map_ram(struct page **pages, unsigned int count, int node)
{
	(void)node;
	return to_ptr(mmsim_vm_map_ram(mm_linux_world.v, (struct mmsim_page *const *)pages, count));
}

void vm_unmap_ram(const void *mem, unsigned int count)
{
	mmsim_vm_unmap_ram(mm_linux_world.v, to_addr(mem), count);
}

void vm_unmap_aliases(void)
{
	mmsim_vm_unmap_aliases(mm_linux_world.v);
}

struct page *vmalloc_to_page(const void *addr)
{
	return (struct page *)mmsim_vmalloc_to_page(mm_linux_world.v, to_addr(addr));
}

unsigned long vmalloc_to_pfn(const void *addr)
{
	return page_to_pfn(vmalloc_to_page(addr));
}

unsigned long vmalloc_nr_pages(void)
{
	struct mmsim_vmap_info info;

	mmsim_vmap_info(mm_linux_world.v, &info);
	return info.pages;
}
