/* SPDX-License-Identifier: MIT */
/*
 * Memory behind the kernel's virtual addresses: vmalloc() and its kin.
 *
 * An area is addresses (mmsim/vmap.h), pages of the machine behind them, and entries in the space's page
 * tables. All is given back in the kernel's way: entries are cleared and pages freed at once, addresses
 * when TLBs were flushed; page tables stay, unless MMSIM_VMAP_FREE_TABLES.
 *
 * Models the lower half of mm/vmalloc.c, vm_map_ram() and ioremap(). Differences: no NUMA policy beyond a
 * node, no KASAN, no memory cgroups, no protection bits.
 *
 * A call with a NULL for the space returns -EINVAL, or 0 where an address or a number is expected, or does
 * nothing, also where that is not said below.
 */
#ifndef MMSIM_VMALLOC_H
#define MMSIM_VMALLOC_H

#include <mmsim/api.h>
#include <mmsim/gfp.h>
#include <mmsim/page.h>
#include <mmsim/vmap.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/** What is asked for, for mmsim_vmalloc_request(); zero what is not wanted, but for gfp and node. */
struct mmsim_vmalloc_request {
	uint64_t size; /* bytes; rounded up to whole pages */
	uint64_t align; /* bytes, a power of two; 0: 1 */
	uint64_t start, end; /* inside [start, end); 0, 0: the space's own */
	mmsim_gfp_t gfp; /* as given to vmalloc_node_range(): MMSIM_GFP_KERNEL …; 0: may not wait */
	int32_t node; /* 0 is node 0; MMSIM_NUMA_NO_NODE: none in particular */
	uint32_t vm_flags; /* of MMSIM_VM_*: NO_GUARD, ALLOW_HUGE_VMAP, FLUSH_RESET_PERMS */
	const char *caller; /* as vmallocinfo prints it; lives as long as the area; NULL: nothing */
};

/** What is known of an area, for mmsim_find_vm_area(). */
struct mmsim_vm_area_info {
	uint64_t addr; /* its first */
	uint64_t size; /* bytes, the guard page included */
	uint64_t requested; /* bytes, as asked for */
	uint64_t phys; /* of MMSIM_VM_IOREMAP: bytes */
	uint32_t flags; /* MMSIM_VM_* */
	uint32_t nr_pages; /* behind it */
	uint32_t page_order; /* of its entries: 0, or 9 */
};

/**
 * mmsim_vmalloc_request - memory of contiguous addresses, by everything that can be asked for.
 *
 * Returns the address, or 0: with a message for a size of 0 or of more than all memory has, an align that is
 * no power of two, a range that is empty, unknown flags or a node that does not exist; without one when there
 * is no memory or no room. One guard page follows unless MMSIM_VM_NO_GUARD. Ends with mmsim_vfree().
 * Context: may wait if gfp allows it; with MMSIM_GFP_ATOMIC or MMSIM_GFP_NOWAIT never, but in the LOCAL
 * design for a flush when it fails after addresses were taken. Cost: O(pages). Since 0.1. Models
 * __vmalloc_node_range().
 */
MMSIM_API uint64_t mmsim_vmalloc_request(struct mmsim_vmap *v,
					 const struct mmsim_vmalloc_request *request);

/** mmsim_vmalloc - size bytes, MMSIM_GFP_KERNEL. As mmsim_vmalloc_request(). Since 0.1. Models vmalloc(). */
MMSIM_API uint64_t mmsim_vmalloc(struct mmsim_vmap *v, uint64_t size);

/** mmsim_vzalloc - the same, cleared if pages are backed. Since 0.1. Models vzalloc(). */
MMSIM_API uint64_t mmsim_vzalloc(struct mmsim_vmap *v, uint64_t size);

/** mmsim_vmalloc_huge - the same with huge entries where 2 MiB fit. Since 0.1. Models vmalloc_huge(). */
MMSIM_API uint64_t mmsim_vmalloc_huge(struct mmsim_vmap *v, uint64_t size, mmsim_gfp_t gfp);

/** mmsim_vmalloc_gfp - the same with other flags. Since 0.1. Models __vmalloc(). */
MMSIM_API uint64_t mmsim_vmalloc_gfp(struct mmsim_vmap *v, uint64_t size, mmsim_gfp_t gfp);

/** mmsim_vmalloc_node - the same, aligned, from a node. Since 0.1. Models __vmalloc_node(). */
MMSIM_API uint64_t mmsim_vmalloc_node(struct mmsim_vmap *v, uint64_t size, uint64_t align,
				      mmsim_gfp_t gfp, int node);

/**
 * mmsim_vfree - give an area of vmalloc, or of mmsim_vmap_pages() with MMSIM_VM_MAP_PUT_PAGES, back.
 * @addr: what the call returned; 0 is allowed and does nothing.
 *
 * Returns 0; -EINVAL with a message when no such area begins at addr; nothing is changed then. Context: may
 * wait. Cost: O(pages). Since 0.1. Models vfree().
 */
MMSIM_API int mmsim_vfree(struct mmsim_vmap *v, uint64_t addr);

/**
 * mmsim_vfree_atomic - the same later, by a work on the caller's CPU.
 *
 * What addr is is found out then; a refusal is a message only. Returns 0, or -ENOMEM: nothing will be done.
 * Context: any; never waits. Cost: O(1). Since 0.1. Models vfree_atomic(), and vfree() in an interrupt.
 */
MMSIM_API int mmsim_vfree_atomic(struct mmsim_vmap *v, uint64_t addr);

/** mmsim_vfree_flush - returns when what mmsim_vfree_atomic() was told before is done. Waits. Since 0.1. */
MMSIM_API void mmsim_vfree_flush(struct mmsim_vmap *v);

/**
 * mmsim_vmap_pages - give pages contiguous addresses.
 * @pages: nr of them, the caller's, in any order; without MMSIM_VM_MAP_PUT_PAGES also the same one twice.
 * @nr: 1 to the machine's pages.
 * @vm_flags: MMSIM_VM_MAP_PUT_PAGES: mmsim_vfree() frees the pages, each of order 0, and forgets the array,
 *         which the library has copied; or 0.
 *
 * Returns the address, or 0: with a message for what is not as above; without when there is no memory or
 * room. Ends with mmsim_vunmap(). Context: may wait. Cost: O(nr). Since 0.1. Models vmap().
 */
MMSIM_API uint64_t mmsim_vmap_pages(struct mmsim_vmap *v, struct mmsim_page *const *pages,
				    uint64_t nr, uint32_t vm_flags);

/**
 * mmsim_vunmap - undo mmsim_vmap_pages(). The pages are the caller's again.
 *
 * Returns 0; -EINVAL with a message when no area that was mapped so begins at addr. Context: may wait.
 * Cost: O(nr). Since 0.1. Models vunmap().
 */
MMSIM_API int mmsim_vunmap(struct mmsim_vmap *v, uint64_t addr);

/**
 * mmsim_vm_map_ram - the same for a short while, faster.
 * @nr: up to 64 come from a block of this CPU's; more are an area of their own. No guard page.
 *
 * Returns the address, or 0 as mmsim_vmap_pages(). Ends with mmsim_vm_unmap_ram(), with the same nr.
 * Context: may wait. Cost: O(nr). Since 0.1. Models vm_map_ram().
 */
MMSIM_API uint64_t mmsim_vm_map_ram(struct mmsim_vmap *v, struct mmsim_page *const *pages,
				    unsigned nr);

/**
 * mmsim_vm_unmap_ram - undo mmsim_vm_map_ram().
 *
 * Returns 0; -EINVAL with a message when addr and nr are not of one. Context: may wait. Cost: O(nr). Since
 * 0.1. Models vm_unmap_ram().
 */
MMSIM_API int mmsim_vm_unmap_ram(struct mmsim_vmap *v, uint64_t addr, unsigned nr);

/**
 * mmsim_vm_unmap_aliases - no TLB has anything of what was unmapped any more.
 *
 * Flushes what is dirty in blocks of mmsim_vm_map_ram(), and drains once. Context: waits. Cost: O(blocks +
 * areas that wait). Since 0.1. Models vm_unmap_aliases().
 */
MMSIM_API void mmsim_vm_unmap_aliases(struct mmsim_vmap *v);

/**
 * mmsim_ioremap - addresses for device registers.
 * @phys: bytes, any; need not be memory of the machine.
 * @size: bytes, not 0.
 *
 * Returns the address that stands for phys, with its offset inside a page, or 0: with a message when size
 * is 0 or phys + size passes 2^52. Aligned to the next power of two of the size, 4 KiB to 512 KiB. Huge
 * entries where both ends fit 2 MiB. Ends with mmsim_iounmap(). Context: may wait. Cost: O(pages). Since
 * 0.1. Models ioremap().
 */
MMSIM_API uint64_t mmsim_ioremap(struct mmsim_vmap *v, uint64_t phys, uint64_t size);

/** mmsim_iounmap - undo it. 0; -EINVAL with a message when addr is in no page of one. Since 0.1. */
MMSIM_API int mmsim_iounmap(struct mmsim_vmap *v, uint64_t addr);

/**
 * mmsim_get_vm_area - addresses and a name, without anything behind them.
 * @size: bytes, rounded up; a guard page is added unless vm_flags has MMSIM_VM_NO_GUARD.
 * @vm_flags: MMSIM_VM_IOREMAP, MMSIM_VM_SPARSE, MMSIM_VM_NO_GUARD, or 0.
 *
 * Returns the address, or 0 as mmsim_vmalloc_request(). Ends with mmsim_free_vm_area(). Since 0.1.
 * Models get_vm_area().
 */
MMSIM_API uint64_t mmsim_get_vm_area(struct mmsim_vmap *v, uint64_t size, uint32_t vm_flags);

/** mmsim_free_vm_area - undo it. 0; -EINVAL with a message when no such area begins at addr. Since 0.1. */
MMSIM_API int mmsim_free_vm_area(struct mmsim_vmap *v, uint64_t addr);

/**
 * mmsim_find_vm_area - which area is this address in?
 *
 * Returns 0; -ENOENT when in none that has a struct vm_struct; -EINVAL for a NULL. Context: any. Cost:
 * O(log n), times the nodes that are looked into. Since 0.1. Models find_vm_area(), for inner addresses
 * too.
 */
MMSIM_API int mmsim_find_vm_area(struct mmsim_vmap *v, uint64_t addr,
				 struct mmsim_vm_area_info *out);

/**
 * mmsim_vmalloc_to_page - the page behind an address, by a walk of the page tables.
 *
 * Returns NULL where nothing is mapped, or what is no memory of the machine. Context: any. Cost: O(levels).
 * Since 0.1. Models vmalloc_to_page().
 */
MMSIM_API struct mmsim_page *mmsim_vmalloc_to_page(struct mmsim_vmap *v, uint64_t addr);

/**
 * mmsim_vmalloc_touch - an access by the caller's CPU, through its TLB.
 *
 * Returns the page frame number that it reached, be it by a translation that is out of date; UINT64_MAX: a
 * fault, nothing is mapped there. Without MMSIM_CHECK_TLB always by a walk. Context: any. Cost: O(levels).
 * Since 0.1.
 */
MMSIM_API uint64_t mmsim_vmalloc_touch(struct mmsim_vmap *v, uint64_t addr);

/**
 * mmsim_vread - read what is mapped at [addr, addr + count), holes as zeros.
 * @buf: count bytes.
 *
 * Guard pages are skipped over as holes; areas of MMSIM_VM_IOREMAP and MMSIM_VM_SPARSE, and pages without
 * backing, read as zeros. Returns how many bytes up to the last of any area were written: 0 if no area is
 * there. Context: any; waits for no one. Cost: O(bytes + areas * nodes). Since 0.1. Models vread_iter().
 */
MMSIM_API size_t mmsim_vread(struct mmsim_vmap *v, uint64_t addr, void *buf, size_t count);

/**
 * mmsim_vmallocinfo - /proc/vmallocinfo.
 * @buf, @len: as of snprintf(); may be NULL, 0.
 *
 * A line for each area, node by node, in order of addresses inside one; areas that wait for a drain come
 * last, as "unpurged vm_area", with an index as they were freed, in the LOCAL design by size. Returns the
 * length of the whole text, without the final zero; -EINVAL for a NULL space, or a NULL buf with a len;
 * -ENOMEM, with an index. Context: any; areas of others may come and go meanwhile. Cost: O(areas). Since
 * 0.1.
 */
MMSIM_API int64_t mmsim_vmallocinfo(struct mmsim_vmap *v, char *buf, size_t len);

MMSIM_END_DECLS

#endif
