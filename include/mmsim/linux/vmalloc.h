/* SPDX-License-Identifier: MIT */
/*
 * The calls under test: each is the library's of the same name, in the space of the program.
 */
#ifndef MMSIM_LINUX_VMALLOC_H
#define MMSIM_LINUX_VMALLOC_H

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/types.h>

#define VM_IOREMAP 0x1UL
#define VM_ALLOC 0x2UL
#define VM_MAP 0x4UL
#define VM_USERMAP 0x8UL
#define VM_NO_GUARD 0x40UL
#define VM_FLUSH_RESET_PERMS 0x100UL
#define VM_MAP_PUT_PAGES 0x200UL
#define VM_ALLOW_HUGE_VMAP 0x400UL

typedef struct {
	unsigned long pgprot;
} pgprot_t;

#define PAGE_KERNEL ((pgprot_t){ 0x163 })

/* Of the program's space; not constant. */
unsigned long mm_linux_vmalloc_start(void);
unsigned long mm_linux_vmalloc_end(void);
#define VMALLOC_START mm_linux_vmalloc_start()
#define VMALLOC_END mm_linux_vmalloc_end()
#define VMALLOC_TOTAL (VMALLOC_END - VMALLOC_START)

void *vmalloc(unsigned long size);
void *vzalloc(unsigned long size);
void *vmalloc_node(unsigned long size, int node);
void *vzalloc_node(unsigned long size, int node);
void *vmalloc_huge(unsigned long size, gfp_t gfp);
void *__vmalloc(unsigned long size, gfp_t gfp);
void *__vmalloc_node(unsigned long size, unsigned long align, gfp_t gfp, int node,
		     const void *caller);
void *__vmalloc_node_range(unsigned long size, unsigned long align, unsigned long start,
			   unsigned long end, gfp_t gfp, pgprot_t prot, unsigned long vm_flags,
			   int node, const void *caller);
void *vcalloc(size_t n, size_t size);
void vfree(const void *addr);
void vfree_atomic(const void *addr);

void *vmap(struct page **pages, unsigned int count, unsigned long flags, pgprot_t prot);
void vunmap(const void *addr);
void *vm_map_ram(struct page **pages, unsigned int count, int node);
void vm_unmap_ram(const void *mem, unsigned int count);
void vm_unmap_aliases(void);
struct page *vmalloc_to_page(const void *addr);
unsigned long vmalloc_to_pfn(const void *addr);
unsigned long vmalloc_nr_pages(void);

#endif
