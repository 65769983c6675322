/* SPDX-License-Identifier: MIT */
/* Exported calls: pinning a guest's memory for a device. */
#include "vfio.h"

#include "machine.h"
#include <errno.h>
#include <inttypes.h>

enum {
	ALL_FLAGS = MMSIM_VFIO_ATOMIC | MMSIM_VFIO_BATCHED | MMSIM_VFIO_CACHED | MMSIM_VFIO_PER_PAGE
};

int mmsim_vfio_create(struct mmsim *m, const struct mmsim_vfio_params *params,
		      struct mmsim_vfio **out)
{
	MM_ON_CPU(m);

	if (out)
		*out = NULL;
	if (!out || !params) {
		mm_base_log(&m->log, "mmsim_vfio_create: %s",
			    out ? "no parameters" : "no place for the result");
		return -EINVAL;
	}
	if (!mm_vfio_refuses(params))
		return mm_vfio_create(&m->buddy, &m->ktask, &m->locks, params, out);
	mm_base_log(&m->log,
		    "mmsim_vfio_create(nr_pages %" PRIu64 ", min_chunk %" PRIu64 "): out of range",
		    params->nr_pages, params->min_chunk);
	return -EINVAL;
}

void mmsim_vfio_destroy(struct mmsim_vfio *v)
{
	if (v) {
		MM_ON_CPU(v);

		mm_vfio_destroy(v);
	}
}

/* NULL: the stretch is inside the guest's memory, and not empty. */
static const char *refuse_stretch(const struct mmsim_vfio *v, uint64_t first, uint64_t nr)
{
	uint64_t pages = v->iommu.nr_pages;

	if (!nr)
		return "no pages";
	return first >= pages || nr > pages - first ? "not inside the guest's memory" : NULL;
}

static int refuse(const struct mmsim_vfio *v, const char *call, uint64_t first, uint64_t nr,
		  const char *wrong, int err)
{
	mm_base_log(v->log, "%s(first %" PRIu64 ", nr %" PRIu64 "): %s", call, first, nr, wrong);
	return err;
}

int mmsim_vfio_pin(struct mmsim_vfio *v, uint64_t first, uint64_t nr, uint32_t flags,
		   uint32_t max_threads)
{
	const char *wrong = refuse_stretch(v, first, nr);
	MM_ON_CPU(v);

	if (flags & ~(uint32_t)ALL_FLAGS) {
		mm_base_log(v->log, "mmsim_vfio_pin: flags %#x: unknown", flags);
		return -EINVAL;
	}
	if (wrong)
		return refuse(v, "mmsim_vfio_pin", first, nr, wrong, -EINVAL);
	if (!mm_buddy_is_open(v->guest.buddy))
		return refuse(v, "mmsim_vfio_pin", first, nr, "the machine is not booted", -EBUSY);
	return mm_vfio_pin(v, first, nr, flags, max_threads);
}

int mmsim_vfio_unpin(struct mmsim_vfio *v, uint64_t first, uint64_t nr)
{
	const char *wrong = refuse_stretch(v, first, nr);
	MM_ON_CPU(v);

	if (wrong)
		return refuse(v, "mmsim_vfio_unpin", first, nr, wrong, -EINVAL);
	return mm_vfio_unpin(v, first, nr);
}

int mmsim_vfio_set_hole(struct mmsim_vfio *v, uint64_t page, bool hole)
{
	const char *wrong = refuse_stretch(v, page, 1);
	MM_ON_CPU(v);
	int err;

	if (wrong)
		return refuse(v, "mmsim_vfio_set_hole", page, 1, wrong, -EINVAL);
	mm_sync_down_write(&v->mmap_sem);
	err = mm_vfio_guest_set_hole(&v->guest, page, hole);
	mm_sync_up_write(&v->mmap_sem);
	return err;
}

int mmsim_vfio_stats(struct mmsim_vfio *v, struct mmsim_vfio_stats *out)
{
	MM_ON_CPU(v);

	if (!out) {
		mm_base_log(v->log, "mmsim_vfio_stats: no place for the result");
		return -EINVAL;
	}
	out->locked_vm = __atomic_load_n(&v->locked_vm, __ATOMIC_RELAXED);
	mm_vfio_iommu_count(&v->iommu, &out->pinned, &out->runs);
	out->present = mm_vfio_guest_present(&v->guest);
	return 0;
}

int mmsim_vfio_run(struct mmsim_vfio *v, uint64_t page, struct mmsim_vfio_run *out)
{
	uint64_t end;
	MM_ON_CPU(v);

	if (page >= v->iommu.nr_pages ||
	    mm_vfio_iommu_next(&v->iommu, page, page + 1, true) != page)
		return -ENOENT;
	mm_vfio_iommu_run(&v->iommu, page, &out->first, &end);
	out->nr = end - out->first;
	out->pfn = mm_vfio_pfn(&v->guest, out->first);
	return 0;
}
