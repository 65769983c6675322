/* SPDX-License-Identifier: MIT */
/* A VFIO container. */
#include "vfio.h"

#include "host_memory.h"
#include <errno.h>
#include <inttypes.h>

bool mm_vfio_refuses(const struct mmsim_vfio_params *params)
{
	return !params->nr_pages || params->nr_pages > MMSIM_VFIO_MAX_PAGES ||
	       params->min_chunk > MMSIM_VFIO_MAX_PAGES;
}

int mm_vfio_create(struct mm_buddy *b, struct mm_ktask *ktask, struct mm_lockset *locks,
		   const struct mmsim_vfio_params *params, struct mmsim_vfio **out)
{
	struct mm_meta *meta = b->exec->meta;
	struct mmsim_vfio *v;

	/* Two bits for a page, a slot for a block. */
	if (mm_page_host_check(b->log, "mmsim_vfio_create: nr_pages",
			       params->nr_pages / 4 +
				       params->nr_pages / MM_THP_PAGES * sizeof(uint64_t)))
		return -ENOMEM;
	v = mm_base_meta_alloc(meta, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->exec = b->exec;
	v->log = b->log;
	v->ktask = ktask;
	v->limit = params->limit;
	v->min_chunk = params->min_chunk ? params->min_chunk : MMSIM_VFIO_MIN_CHUNK;
	if (mm_vfio_iommu_init(&v->iommu, meta, params->nr_pages))
		goto free;
	if (mm_vfio_guest_init(&v->guest, b, params->nr_pages))
		goto iommu;
	mm_sync_mutex_init(&v->lock, locks, MM_RANK_VFIO);
	mm_sync_rwsem_init(&v->mmap_sem, locks, MM_RANK_MMAP);
	*out = v;
	return 0;
iommu:
	mm_vfio_iommu_fini(&v->iommu, meta);
free:
	mm_base_meta_free(meta, v, sizeof(*v));
	return -ENOMEM;
}

static void unpin_all(struct mmsim_vfio *v)
{
	uint64_t nr = v->iommu.nr_pages, first, end;

	for (end = 0; (first = mm_vfio_iommu_next(&v->iommu, end, nr, true)) < nr;) {
		end = mm_vfio_iommu_next(&v->iommu, first, nr, false);
		mm_vfio_unmap_unpin(v, first, end, 0);
	}
	mm_invariant("F2: nothing pinned, nothing locked", !v->locked_vm);
}

void mm_vfio_destroy(struct mmsim_vfio *v)
{
	struct mm_meta *meta = v->exec->meta;

	unpin_all(v);
	mm_sync_rwsem_fini(&v->mmap_sem);
	mm_sync_mutex_fini(&v->lock);
	mm_vfio_guest_fini(&v->guest);
	mm_vfio_iommu_fini(&v->iommu, meta);
	mm_base_meta_free(meta, v, sizeof(*v));
}

static int refuse(struct mmsim_vfio *v, const char *call, uint64_t page, const char *what, int err)
{
	mm_base_log(v->log, "%s: page %" PRIu64 ": %s", call, page, what);
	return err;
}

int mm_vfio_pin(struct mmsim_vfio *v, uint64_t first, uint64_t nr, uint32_t flags,
		uint32_t max_threads)
{
	uint64_t pinned;
	int err;

	mm_sync_mutex_lock(&v->lock);
	pinned = mm_vfio_iommu_next(&v->iommu, first, first + nr, true);
	if (pinned < first + nr)
		err = refuse(v, "mmsim_vfio_pin", pinned, "pinned already", -EEXIST);
	else
		err = mm_vfio_pin_map(v, first, nr, flags, max_threads);
	mm_sync_mutex_unlock(&v->lock);
	return err;
}

int mm_vfio_unpin(struct mmsim_vfio *v, uint64_t first, uint64_t nr)
{
	uint64_t loose;
	int err = 0;

	mm_sync_mutex_lock(&v->lock);
	loose = mm_vfio_iommu_next(&v->iommu, first, first + nr, false);
	if (loose < first + nr)
		err = refuse(v, "mmsim_vfio_unpin", loose, "not pinned", -ENOENT);
	else
		mm_vfio_unmap_unpin(v, first, first + nr, 0);
	mm_sync_mutex_unlock(&v->lock);
	return err;
}
