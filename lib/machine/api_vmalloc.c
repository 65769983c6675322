/* SPDX-License-Identifier: MIT */
/* Exported calls: memory behind the kernel's virtual addresses. */
#include "vmalloc.h"

#include "bits.h"
#include "block.h"
#include "info.h"
#include "machine.h"
#include "on_vmap.h"
#include <errno.h>
#include <inttypes.h>

enum {
	REQUEST_FLAGS = MMSIM_VM_NO_GUARD | MMSIM_VM_ALLOW_HUGE_VMAP | MMSIM_VM_FLUSH_RESET_PERMS,
	AREA_FLAGS = MMSIM_VM_IOREMAP | MMSIM_VM_SPARSE | MMSIM_VM_NO_GUARD,
};
#define MOBILITY (MMSIM___GFP_MOVABLE | MMSIM___GFP_RECLAIMABLE)
#define PHYS_END (UINT64_C(1) << 52)

/* Is it more than all memory? A page never is. */
static bool is_too_much(const struct mmsim_vmap *v, uint64_t pages)
{
	return pages > 1 && pages > mm_vmap_total_pages(v);
}

static const char *refuse_request(const struct mmsim_vmap *v, const struct mmsim_vmalloc_request *r)
{
	if (!r->size)
		return "size is 0";
	if (is_too_much(v, mm_div_round_up(r->size, MMSIM_PAGE_SIZE)))
		return "size exceeds total pages";
	if (r->align & (r->align - 1))
		return "align is not a power of two";
	if (r->start >= r->end && (r->start || r->end))
		return "start, end: an empty range";
	if (r->vm_flags & ~(uint32_t)REQUEST_FLAGS)
		return "vm_flags: unknown";
	if (r->node < MMSIM_NUMA_NO_NODE || r->node >= (int64_t)v->site.buddy->nr_nodes)
		return "node: there is none";
	return (r->gfp & MOBILITY) == MOBILITY ? "gfp both movable and reclaimable" : NULL;
}

static __attribute__((noinline, cold)) uint64_t
refuse_vmalloc(const struct mmsim_vmap *v, const char *call, const struct mmsim_vmalloc_request *r,
	       const char *wrong)
{
	mm_base_log(v->log, "%s(size %#" PRIx64 ", align %#" PRIx64 ", node %d): %s", call, r->size,
		    r->align, r->node, wrong);
	return 0;
}

static __attribute__((noinline)) uint64_t from_outside(struct mmsim_vmap *v,
						       const struct mmsim_vmalloc_request *r)
{
	MM_ON_CPU(v);

	return mm_vmap_vmalloc(v, r);
}

static inline uint64_t request(struct mmsim_vmap *v, const char *call,
			       const struct mmsim_vmalloc_request *r)
{
	const char *wrong;

	if (mm_unlikely(!v))
		return 0;
	wrong = refuse_request(v, r);
	if (mm_unlikely(wrong != NULL))
		return refuse_vmalloc(v, call, r, wrong);
	return mm_likely(mm_on_vmap(v)) ? mm_vmap_vmalloc(v, r) : from_outside(v, r);
}

uint64_t mmsim_vmalloc_request(struct mmsim_vmap *v, const struct mmsim_vmalloc_request *r)
{
	if (v && !r) {
		mm_base_log(v->log, "mmsim_vmalloc_request: no request");
		return 0;
	}
	return request(v, "mmsim_vmalloc_request", r);
}

static inline struct mmsim_vmalloc_request plain(uint64_t size, mmsim_gfp_t gfp)
{
	return (struct mmsim_vmalloc_request){ .size = size,
					       .gfp = gfp,
					       .node = MMSIM_NUMA_NO_NODE };
}

uint64_t mmsim_vmalloc(struct mmsim_vmap *v, uint64_t size)
{
	struct mmsim_vmalloc_request r = plain(size, MMSIM_GFP_KERNEL);

	return request(v, "mmsim_vmalloc", &r);
}

uint64_t mmsim_vzalloc(struct mmsim_vmap *v, uint64_t size)
{
	struct mmsim_vmalloc_request r = plain(size, MMSIM_GFP_KERNEL | MMSIM___GFP_ZERO);

	return request(v, "mmsim_vzalloc", &r);
}

uint64_t mmsim_vmalloc_huge(struct mmsim_vmap *v, uint64_t size, mmsim_gfp_t gfp)
{
	struct mmsim_vmalloc_request r = plain(size, gfp);

	r.vm_flags = MMSIM_VM_ALLOW_HUGE_VMAP;
	return request(v, "mmsim_vmalloc_huge", &r);
}

uint64_t mmsim_vmalloc_gfp(struct mmsim_vmap *v, uint64_t size, mmsim_gfp_t gfp)
{
	struct mmsim_vmalloc_request r = plain(size, gfp);

	return request(v, "mmsim_vmalloc_gfp", &r);
}

uint64_t mmsim_vmalloc_node(struct mmsim_vmap *v, uint64_t size, uint64_t align, mmsim_gfp_t gfp,
			    int node)
{
	struct mmsim_vmalloc_request r = plain(size, gfp);

	r.align = align;
	r.node = node;
	return request(v, "mmsim_vmalloc_node", &r);
}

static __attribute__((noinline)) int vfree_from_outside(struct mmsim_vmap *v, uint64_t addr)
{
	MM_ON_CPU(v);

	return mm_vmap_vfree(v, addr);
}

int mmsim_vfree(struct mmsim_vmap *v, uint64_t addr)
{
	if (mm_unlikely(!v))
		return -EINVAL;
	if (!addr)
		return 0;
	return mm_likely(mm_on_vmap(v)) ? mm_vmap_vfree(v, addr) : vfree_from_outside(v, addr);
}

int mmsim_vfree_atomic(struct mmsim_vmap *v, uint64_t addr)
{
	if (!v)
		return -EINVAL;
	if (!addr)
		return 0;
	MM_ON_CPU(v);
	return mm_vmap_vfree_atomic(v, addr);
}

void mmsim_vfree_flush(struct mmsim_vmap *v)
{
	if (v) {
		MM_ON_CPU(v);

		mm_vmap_vfree_flush(v);
	}
}

/* Pages that are the caller's. */

static bool is_page_of(const struct mm_memmap *map, const struct mmsim_page *page)
{
	uintptr_t at = (uintptr_t)page - (uintptr_t)map->base;

	return page && at % sizeof(*page) == 0 && mm_pfn_valid(map, at / sizeof(*page));
}

static const char *refuse_pages(const struct mmsim_vmap *v, struct mmsim_page *const *pages,
				uint64_t nr)
{
	if (!nr)
		return "no pages";
	if (!pages)
		return "pages: none";
	if (is_too_much(v, nr))
		return "nr exceeds total pages";
	for (uint64_t i = 0; i < nr; i++)
		if (!is_page_of(v->site.buddy->map, pages[i]))
			return "pages: one is no struct page of this machine";
	return NULL;
}

static __attribute__((noinline, cold)) uint64_t
refuse_map(const struct mmsim_vmap *v, const char *call, uint64_t nr, const char *wrong)
{
	mm_base_log(v->log, "%s(nr %" PRIu64 "): %s", call, nr, wrong);
	return 0;
}

/* W1: what vfree() is to free must be there to be freed. */
static const char *refuse_put(struct mmsim_page *const *pages, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++)
		if (!__atomic_load_n(&pages[i]->refcount, __ATOMIC_RELAXED) || pages[i]->order)
			return "pages: one is not allocated with order 0";
	return NULL;
}

uint64_t mmsim_vmap_pages(struct mmsim_vmap *v, struct mmsim_page *const *pages, uint64_t nr,
			  uint32_t vm_flags)
{
	const char *wrong;

	if (!v)
		return 0;
	wrong = vm_flags & ~(uint32_t)MMSIM_VM_MAP_PUT_PAGES ? "vm_flags: unknown"
							     : refuse_pages(v, pages, nr);
	if (!wrong && vm_flags & MMSIM_VM_MAP_PUT_PAGES)
		wrong = refuse_put(pages, nr);
	if (wrong)
		return refuse_map(v, "mmsim_vmap_pages", nr, wrong);
	MM_ON_CPU(v);
	return mm_vmap_vmap(v, pages, nr, vm_flags);
}

int mmsim_vunmap(struct mmsim_vmap *v, uint64_t addr)
{
	if (!v)
		return -EINVAL;
	MM_ON_CPU(v);
	return mm_vmap_vunmap(v, addr);
}

uint64_t mmsim_vm_map_ram(struct mmsim_vmap *v, struct mmsim_page *const *pages, unsigned nr)
{
	const char *wrong;

	if (!v)
		return 0;
	wrong = refuse_pages(v, pages, nr);
	if (wrong)
		return refuse_map(v, "mmsim_vm_map_ram", nr, wrong);
	MM_ON_CPU(v);
	return mm_vmap_map_ram(v, pages, nr);
}

int mmsim_vm_unmap_ram(struct mmsim_vmap *v, uint64_t addr, unsigned nr)
{
	if (!v)
		return -EINVAL;
	MM_ON_CPU(v);
	return mm_vmap_unmap_ram(v, addr, nr);
}

void mmsim_vm_unmap_aliases(struct mmsim_vmap *v)
{
	if (v) {
		MM_ON_CPU(v);

		mm_vmap_unmap_aliases(v);
	}
}

uint64_t mmsim_ioremap(struct mmsim_vmap *v, uint64_t phys, uint64_t size)
{
	const char *wrong = NULL;

	if (!v)
		return 0;
	if (!size)
		wrong = "size is 0";
	else if (phys > PHYS_END || size > PHYS_END - phys)
		wrong = "phys + size passes 2^52";
	MM_ON_CPU(v);
	if (!wrong)
		return mm_vmap_ioremap(v, phys, size);
	mm_base_log(v->log, "mmsim_ioremap(phys %#" PRIx64 ", size %#" PRIx64 "): %s", phys, size,
		    wrong);
	return 0;
}

int mmsim_iounmap(struct mmsim_vmap *v, uint64_t addr)
{
	if (!v)
		return -EINVAL;
	MM_ON_CPU(v);
	return mm_vmap_iounmap(v, addr);
}

uint64_t mmsim_get_vm_area(struct mmsim_vmap *v, uint64_t size, uint32_t vm_flags)
{
	const char *wrong = NULL;

	if (!v)
		return 0;
	if (!size)
		wrong = "size is 0";
	else if (size > UINT64_MAX - 2 * MMSIM_PAGE_SIZE)
		wrong = "size passes 2^64";
	else if (vm_flags & ~(uint32_t)AREA_FLAGS)
		wrong = "vm_flags: unknown";
	MM_ON_CPU(v);
	if (!wrong)
		return mm_vmap_new_vm_area(v, size, vm_flags);
	mm_base_log(v->log, "mmsim_get_vm_area(size %#" PRIx64 ", vm_flags %#x): %s", size,
		    vm_flags, wrong);
	return 0;
}

int mmsim_free_vm_area(struct mmsim_vmap *v, uint64_t addr)
{
	if (!v)
		return -EINVAL;
	MM_ON_CPU(v);
	return mm_vmap_free_vm_area(v, addr);
}

/* Looking. */

int mmsim_find_vm_area(struct mmsim_vmap *v, uint64_t addr, struct mmsim_vm_area_info *out)
{
	if (!v)
		return -EINVAL;
	if (!out)
		return mm_vmap_no_place(v, "mmsim_find_vm_area");
	MM_ON_CPU(v);
	return mm_vmap_find_vm_area(v, addr, out);
}

struct mmsim_page *mmsim_vmalloc_to_page(struct mmsim_vmap *v, uint64_t addr)
{
	const struct mm_memmap *map;
	uint64_t pfn;

	if (!v)
		return NULL;
	map = v->site.buddy->map;
	MM_ON_CPU(v);
	pfn = mm_vmap_walk(&v->tables, addr);
	return pfn != UINT64_MAX && mm_pfn_valid(map, pfn) ? mm_pfn_to_page(map, pfn) : NULL;
}

uint64_t mmsim_vmalloc_touch(struct mmsim_vmap *v, uint64_t addr)
{
	if (!v)
		return UINT64_MAX;
	MM_ON_CPU(v);
	return mm_vmap_access(&v->tables, addr);
}

size_t mmsim_vread(struct mmsim_vmap *v, uint64_t addr, void *buf, size_t count)
{
	if (!v)
		return 0;
	if (!buf && count) {
		mm_vmap_no_place(v, "mmsim_vread");
		return 0;
	}
	MM_ON_CPU(v);
	return mm_vmap_vread(v, addr, buf, count);
}

int64_t mmsim_vmallocinfo(struct mmsim_vmap *v, char *buf, size_t len)
{
	if (!v)
		return -EINVAL;
	if (!buf && len)
		return mm_vmap_no_place(v, "mmsim_vmallocinfo");
	MM_ON_CPU(v);
	return mm_vmap_text(v, buf, len);
}
