/* SPDX-License-Identifier: MIT */
/* A small machine with a job engine, and a container on it. For the main stack. Functions may be unused. */
#ifndef VFIO_RIG_H
#define VFIO_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vfio.h"
#include <errno.h>
#include <stdio.h>

#include "small_machine.h"

struct vfio_rig {
	struct small_machine machine;
	struct mm_crew crew;
	struct mm_ktask ktask;
	struct mmsim_vfio *v;
	uint64_t memory;
};

struct vfio_rig_shape {
	enum mmsim_mode mode;
	unsigned cpus;
	uint64_t memory; /* pages of the machine */
	uint64_t pages; /* of the guest */
	uint64_t limit;
	uint64_t min_chunk;
};

static __attribute__((unused)) struct vfio_rig *vfio_rig_open(const struct vfio_rig_shape *shape)
{
	const struct mmsim_vfio_params params = { shape->pages, shape->limit, shape->min_chunk };
	const struct mmsim_job_policy policy = { .max_helpers = shape->cpus,
						 .max_node_helpers = shape->cpus };
	struct vfio_rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->memory = shape->memory;
	page_env_config(&r->machine.env, shape->cpus, 1);
	r->machine.env.cfg.mode = shape->mode;
	page_env_ram(&r->machine.env, 0, SMALL_MACHINE_BASE, SMALL_MACHINE_BASE + shape->memory);
	small_machine_open(&r->machine);
	assert_int_equal(mm_job_crew_init(&r->crew, r->machine.env.exec, &r->machine.env.topology),
			 0);
	assert_int_equal(mm_job_ktask_init(&r->ktask, &r->crew, &policy, 0), 0);
	assert_int_equal(
		mm_vfio_create(&r->machine.buddy, &r->ktask, &r->machine.env.locks, &params, &r->v),
		0);
	return r;
}

static __attribute__((unused)) void vfio_rig_close(struct vfio_rig *r)
{
	mm_vfio_destroy(r->v);
	mm_job_ktask_fini(&r->ktask);
	mm_job_crew_fini(&r->crew);
	/* Everything is back. */
	mm_buddy_drain_all(&r->machine.buddy);
	assert_int_equal(mm_buddy_validate(&r->machine.buddy), r->memory);
	small_machine_close(&r->machine);
	free(r);
}

/* F1, F2, G2, I1, I2 of an idle container; `pinned` says which pages should be, NULL: what is mapped. */
static __attribute__((unused)) void vfio_rig_check(struct vfio_rig *r, const bool *pinned)
{
	struct mmsim_vfio *v = r->v;
	uint64_t nr = v->iommu.nr_pages, count = 0, runs = 0, pages, told;
	bool before = false;

	for (uint64_t page = 0; page < nr; page++) {
		bool mapped = v->iommu.mapped[page / 64] >> page % 64 & 1;
		bool begins = v->iommu.begins[page / 64] >> page % 64 & 1;

		if (pinned)
			assert_int_equal(mapped, pinned[page]);
		assert_true(!begins || mapped);
		assert_true(!mapped || begins || before);
		if (mapped && !begins)
			assert_int_equal(mm_vfio_pfn(&v->guest, page),
					 mm_vfio_pfn(&v->guest, page - 1) + 1);
		count += mapped;
		runs += begins;
		before = mapped;
	}
	assert_int_equal(v->locked_vm, count);
	mm_vfio_iommu_count(&v->iommu, &pages, &told);
	assert_int_equal(pages, count);
	assert_int_equal(told, runs);
	for (uint64_t page = 0; page < nr; page = mm_thp_end(page)) {
		uint64_t slot = v->guest.slot[page / MM_THP_PAGES];
		int32_t references = 0;

		if (!slot || slot == UINT64_MAX)
			continue;
		for (uint64_t i = page; i < nr && i < mm_thp_end(page); i++)
			references += (int)(v->iommu.mapped[i / 64] >> i % 64 & 1);
		assert_int_equal(small_machine_page(&r->machine, slot - 1)->refcount,
				 1 + references);
	}
	assert_false(mm_rwsem_is_locked(&v->mmap_sem));
}

#endif
