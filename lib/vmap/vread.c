/* SPDX-License-Identifier: MIT */
/* Reading what is mapped. Counterpart: vread_iter(), aligned_vread_iter(), vmap_ram_vread_iter(). */
#include "info.h"

#include "block.h"
#include "vmalloc.h"
#include <string.h>

/* The buffer is zeros where nothing was copied. */
struct read {
	struct mmsim_vmap *v;
	char *buf;
	uint64_t start, end; /* of the buffer */
	uint64_t at; /* areas before it are done */
	uint64_t last; /* the end of the last area so far */
	bool in_block; /* the one just looked at is a block, up to `last` */
};

static const char *bytes_at(struct mmsim_vmap *v, uint64_t addr, uint64_t pfn)
{
	const struct mm_buddy *b = v->site.buddy;

	if (v->host.base)
		return (const char *)(uintptr_t)addr;
	if (!b->pages->base || !mm_pfn_valid(b->map, pfn))
		return NULL;
	return b->pages->base + pfn * MMSIM_PAGE_SIZE + addr % MMSIM_PAGE_SIZE;
}

/* Inside one page. */
static void copy_page(struct read *r, uint64_t from, uint64_t to)
{
	uint64_t pfn = mm_vmap_walk(&r->v->tables, from);
	const char *bytes = pfn == UINT64_MAX ? NULL : bytes_at(r->v, from, pfn);

	if (!bytes)
		return;
	/* The page is read some time after its entry. */
	mm_exec_point(r->v->exec, MM_POINT_ATOMIC, bytes);
	memcpy(r->buf + (from - r->start), bytes, to - from);
	if (mm_exec_charges(r->v->exec))
		mm_exec_charge(r->v->exec, MM_CHARGE_CLEAR,
			       mm_pfn_to_page(r->v->site.buddy->map, pfn), to - from);
}

/* Counterpart: aligned_vread_iter(). */
static void copy(void *ctx, uint64_t from, uint64_t to)
{
	struct read *r = ctx;

	for (uint64_t next; from < to; from = next) {
		next = mm_min(mm_round_down(from, MMSIM_PAGE_SIZE) + MMSIM_PAGE_SIZE, to);
		copy_page(r, from, next);
	}
}

/* The end of what may be read of an area; its start if it is a hole. */
static uint64_t readable_end(const struct mm_vmap_area *va, uint32_t vm_flags)
{
	uint64_t guard = vm_flags & MMSIM_VM_NO_GUARD ? 0 : MMSIM_PAGE_SIZE;

	if (!va->vm)
		return mm_va_flags(va) & MM_VMAP_RAM ? va->va_end : va->va_start;
	return vm_flags & MMSIM_VM_UNINITIALIZED ? va->va_start : va->va_end - guard;
}

/* Under the busy lock. */
static void read_area(struct mm_vmap_area *va, void *ctx)
{
	struct read *r = ctx;
	uint32_t vm_flags = va->vm ? mm_vm_flags(va->vm) : 0;
	uint64_t from = mm_max(va->va_start, r->at),
		 to = mm_min(readable_end(va, vm_flags), r->end);

	r->at = va->va_end;
	r->in_block = false;
	if (from >= to)
		return;
	r->last = to;
	if (mm_va_flags(va) & MM_VMAP_BLOCK)
		r->in_block = true;
	else if (!(vm_flags & (MMSIM_VM_IOREMAP | MMSIM_VM_SPARSE)))
		copy(r, from, to);
}

size_t mm_vmap_vread(struct mmsim_vmap *v, uint64_t addr, void *buf, size_t count)
{
	struct read r = { .v = v, .buf = buf, .start = addr, .at = addr, .last = addr };

	r.end = addr + mm_min(count, UINT64_MAX - addr);
	memset(buf, 0, count);
	while (r.at < r.end) {
		uint64_t from = r.at;

		if (!mm_vmap_busy_find_exceed(&v->busy, r.at, read_area, &r))
			break;
		if (r.in_block)
			mm_vmap_block_each(v, mm_max(from, r.at - mm_vmap_block_bytes(v)), r.last,
					   copy, &r);
		mm_exec_resched(v->exec);
	}
	return r.last - r.start;
}
