/* SPDX-License-Identifier: MIT */
/* vm_map_ram(): from a block, or an area of its own. Counterpart: vm_map_ram(), vm_unmap_ram(). */
#include "block.h"

#include <errno.h>
#include <inttypes.h>

static bool in_block(unsigned nr)
{
	return nr <= MM_VMAP_MAX_ALLOC;
}

/* ctx: uint64_t, bytes. */
static bool is_ram_of_size(const struct mm_vmap_area *va, void *ctx)
{
	return (mm_va_flags(va) & (MM_VMAP_RAM | MM_VMAP_BLOCK)) == MM_VMAP_RAM &&
	       mm_va_size(va) == *(const uint64_t *)ctx;
}

/* NULL, or what is wrong. */
static const char *area_give(struct mmsim_vmap *v, uint64_t addr, unsigned nr)
{
	uint64_t size = nr * (uint64_t)MMSIM_PAGE_SIZE;
	struct mm_vmap_area *va = mm_vmap_busy_unlink(&v->busy, addr, is_ram_of_size, &size);

	if (!va)
		return "no such mapping begins there";
	mm_vmap_unmap(&v->tables, va->va_start, va->va_end);
	mm_vmap_free_area(v, va);
	return NULL;
}

static uint64_t area_take(struct mmsim_vmap *v, unsigned nr)
{
	const struct mm_vmap_request r = {
		.size = nr * (uint64_t)MMSIM_PAGE_SIZE,
		.align = MMSIM_PAGE_SIZE,
		.start = v->params.start,
		.end = v->params.end,
		.gfp = MMSIM_GFP_KERNEL,
		.flags = MM_VMAP_RAM,
	};
	struct mm_vmap_area *va;
	uint64_t addr;

	if (mm_vmap_alloc_area(v, &r, &va))
		return 0;
	addr = va->va_start;
	if (!mm_vmap_tables_get(&v->tables, va, r.gfp))
		return addr;
	area_give(v, addr, nr);
	return 0;
}

static const char *give(struct mmsim_vmap *v, uint64_t addr, unsigned nr)
{
	if (!nr)
		return "nr is 0";
	return in_block(nr) ? mm_vmap_block_give(v, addr, nr) : area_give(v, addr, nr);
}

uint64_t mm_vmap_map_ram(struct mmsim_vmap *v, struct mmsim_page *const *pages, unsigned nr)
{
	uint64_t addr = in_block(nr) ? mm_vmap_block_take(v, nr) : area_take(v, nr);

	if (!addr)
		return 0;
	if (!mm_vmap_map(&v->tables, addr, pages, nr, 0, MMSIM_GFP_KERNEL))
		return addr;
	give(v, addr, nr);
	return 0;
}

int mm_vmap_unmap_ram(struct mmsim_vmap *v, uint64_t addr, unsigned nr)
{
	const char *wrong = give(v, addr, nr);

	if (!wrong)
		return 0;
	mm_base_log(v->log, "mmsim_vm_unmap_ram(addr %#" PRIx64 ", nr %u): %s", addr, nr, wrong);
	return -EINVAL;
}
