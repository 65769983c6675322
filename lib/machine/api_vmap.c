/* SPDX-License-Identifier: MIT */
/* Exported calls: the kernel's virtual addresses. */
#include "vmalloc.h"

#include "machine.h"
#include "on_vmap.h"
#include <errno.h>
#include <inttypes.h>

static const char *refuse_create(const struct mmsim_vmap_params *params, bool out)
{
	return out ? mm_vmap_refuses(params) : "no place for the result";
}

int mmsim_vmap_create(struct mmsim *m, const struct mmsim_vmap_params *params,
		      struct mmsim_vmap **out)
{
	static const struct mmsim_vmap_params defaults;
	const char *wrong;

	if (out)
		*out = NULL;
	if (!m)
		return -EINVAL;
	params = params ? params : &defaults;
	wrong = refuse_create(params, out);
	MM_ON_CPU(m);
	if (wrong) {
		mm_base_log(&m->log, "mmsim_vmap_create: %s", wrong);
		return -EINVAL;
	}
	if (!mm_buddy_is_open(&m->buddy)) {
		mm_base_log(&m->log, "mmsim_vmap_create: the machine is not booted");
		return -EBUSY;
	}
	return mm_vmap_create(&(struct mm_vmap_site){ .exec = m->exec,
						      .log = &m->log,
						      .locks = &m->locks,
						      .topology = &m->topology,
						      .buddy = &m->buddy,
						      .tlb = &m->mmap.tlb,
						      .native = !m->exec->wakes_relaxed,
						      .users = &m->mmap.nr_users },
			      params, out);
}

void mmsim_vmap_destroy(struct mmsim_vmap *v)
{
	if (v) {
		MM_ON_CPU(v);

		mm_vmap_destroy(v);
	}
}

int mmsim_vmap_params_of(const struct mmsim_vmap *v, struct mmsim_vmap_params *out)
{
	if (!v)
		return -EINVAL;
	if (!out)
		return mm_vmap_no_place(v, "mmsim_vmap_params_of");
	*out = v->params;
	return 0;
}

/* NULL: as the header says. */
static const char *refuse_area(uint64_t size, uint64_t align, uint64_t start, uint64_t end,
			       const void *addr)
{
	if (!addr)
		return "no place for the result";
	if (!size)
		return "size is 0";
	if (size % MMSIM_PAGE_SIZE)
		return "size is not a multiple of 4096";
	if (align & (align - 1) || !align)
		return "align is not a power of two";
	return start >= end && (start || end) ? "an empty range" : NULL;
}

static __attribute__((noinline, cold)) int refuse(const struct mmsim_vmap *v, uint64_t size,
						  uint64_t align, uint64_t start, uint64_t end,
						  const char *wrong)
{
	mm_base_log(v->log,
		    "mmsim_alloc_vmap_area(size %#" PRIx64 ", align %#" PRIx64 ", [%#" PRIx64
		    ", %#" PRIx64 ")): %s",
		    size, align, start, end, wrong);
	return -EINVAL;
}

static inline int alloc_area(struct mmsim_vmap *v, const struct mm_vmap_request *r, uint64_t *addr)
{
	struct mm_vmap_area *va;
	int err = mm_vmap_alloc_area(v, r, &va);

	if (mm_likely(!err))
		*addr = va->va_start;
	return err;
}

static __attribute__((noinline)) int
alloc_from_outside(struct mmsim_vmap *v, const struct mm_vmap_request *r, uint64_t *addr)
{
	MM_ON_CPU(v);

	return alloc_area(v, r, addr);
}

int mmsim_alloc_vmap_area(struct mmsim_vmap *v, uint64_t size, uint64_t align, uint64_t start,
			  uint64_t end, mmsim_gfp_t gfp, uint64_t *addr)
{
	struct mm_vmap_request r = { .size = size, .start = start, .end = end, .gfp = gfp };
	const char *wrong;

	if (mm_unlikely(!v))
		return -EINVAL;
	wrong = refuse_area(size, align, start, end, addr);
	if (mm_unlikely(wrong != NULL))
		return refuse(v, size, align, start, end, wrong);
	r.align = align < MMSIM_PAGE_SIZE ? MMSIM_PAGE_SIZE : align;
	if (!end) {
		r.start = v->params.start;
		r.end = v->params.end;
	}
	if (mm_likely(mm_on_vmap(v)))
		return alloc_area(v, &r, addr);
	return alloc_from_outside(v, &r, addr);
}

/* Addresses alone, given out whole. */
static bool is_bare(const struct mm_vmap_area *va, void *ctx)
{
	(void)ctx;
	return !va->vm && !(mm_va_flags(va) & (MM_VMAP_RAM | MM_VMAP_BLOCK));
}

static inline int free_area(struct mmsim_vmap *v, uint64_t addr)
{
	struct mm_vmap_area *va = mm_vmap_busy_unlink(&v->busy, addr, is_bare, NULL);

	if (mm_unlikely(!va))
		return mm_vmap_refuse_addr(v, "mmsim_free_vmap_area", addr);
	mm_vmap_free_area(v, va);
	return 0;
}

static __attribute__((noinline)) int free_from_outside(struct mmsim_vmap *v, uint64_t addr)
{
	MM_ON_CPU(v);

	return free_area(v, addr);
}

int mmsim_free_vmap_area(struct mmsim_vmap *v, uint64_t addr)
{
	if (mm_unlikely(!v))
		return -EINVAL;
	return mm_likely(mm_on_vmap(v)) ? free_area(v, addr) : free_from_outside(v, addr);
}

uint64_t mmsim_vmap_purge(struct mmsim_vmap *v, int full)
{
	if (!v)
		return 0;
	MM_ON_CPU(v);
	return mm_vmap_purge(v, 0, 0, full);
}

uint64_t mmsim_vmap_shrink_count(struct mmsim_vmap *v)
{
	if (!v)
		return 0;
	MM_ON_CPU(v);
	return mm_vmap_shrink_count(v);
}

uint64_t mmsim_vmap_shrink_scan(struct mmsim_vmap *v)
{
	if (!v)
		return 0;
	MM_ON_CPU(v);
	return mm_vmap_shrink_scan(v);
}

void mmsim_vmap_notify_set(struct mmsim_vmap *v, mmsim_vmap_notify_fn fn, void *ctx)
{
	if (!v)
		return;
	v->notify = fn;
	v->notify_ctx = ctx;
}

int mmsim_vmap_info(struct mmsim_vmap *v, struct mmsim_vmap_info *out)
{
	if (!v)
		return -EINVAL;
	if (!out)
		return mm_vmap_no_place(v, "mmsim_vmap_info");
	MM_ON_CPU(v);
	mm_vmap_info(v, out);
	return 0;
}

void mmsim_vmap_validate(struct mmsim_vmap *v)
{
	if (v) {
		MM_ON_CPU(v);

		mm_vmap_validate(v);
		mm_vmap_vmalloc_validate(v);
	}
}
