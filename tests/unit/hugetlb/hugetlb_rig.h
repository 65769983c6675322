/* SPDX-License-Identifier: MIT */
/*
 * A small machine with the job engine and huge pages: two nodes of two CPUs, each with a zone Normal that
 * begins with whole gigabytes. Include cmocka.h first.
 */
#ifndef TEST_HUGETLB_RIG_H
#define TEST_HUGETLB_RIG_H

#include <stdio.h>

#include "file.h"
#include "first_failure.h"
#include "gigantic.h"
#include "isolate.h"
#include "pool.h"
#include "small_machine.h"
#include <errno.h>

#define GIB (UINT64_C(1) << 18) /* pages */
#define MIB (UINT64_C(1) << 8)
#define HUGE_2M (UINT64_C(1) << MMSIM_HUGE_2M_ORDER)
#define RIG_BASE(nid) ((4 + 4 * (uint64_t)(nid)) * GIB) /* first pfn of a node */

struct rig {
	struct small_machine m;
	struct mm_crew crew;
	struct mm_ktask ktask;
	struct mm_padata padata;
	struct mm_hugetlb hg;
};

/* `pages` on each node. */
static inline struct rig *rig_open(enum mmsim_mode mode, uint64_t pages)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	page_env_config(&r->m.env, 4, 2);
	r->m.env.cfg.mode = mode;
	for (unsigned nid = 0; nid < 2; nid++)
		page_env_ram(&r->m.env, nid, RIG_BASE(nid), RIG_BASE(nid) + pages);
	for (unsigned i = 0; i < 4; i++)
		r->m.env.cfg.cpu[i] = (struct mmsim_cpu){ .node = (uint16_t)(i / 2),
							  .package = (uint16_t)(i / 2),
							  .llc = (uint16_t)(i / 2),
							  .core = (uint16_t)i };
	small_machine_open(&r->m);
	assert_int_equal(mm_job_crew_init(&r->crew, r->m.env.exec, &r->m.env.topology), 0);
	assert_int_equal(mm_job_ktask_init(&r->ktask, &r->crew, &r->m.env.cfg.job, 0), 0);
	mm_job_padata_init(&r->padata, &r->crew);
	r->hg = (struct mm_hugetlb){
		.exec = r->m.env.exec,
		.log = &r->m.env.log,
		.locks = &r->m.env.locks,
		.buddy = &r->m.buddy,
		.ktask = &r->ktask,
		.padata = &r->padata,
	};
	mm_hugetlb_init(&r->hg);
	return r;
}

/* Ends with M1: all metadata was freed. */
static inline void rig_close(struct rig *r)
{
	mm_hugetlb_validate(&r->hg);
	mm_hugetlb_fini(&r->hg);
	mm_buddy_validate(&r->m.buddy);
	mm_job_ktask_fini(&r->ktask);
	mm_job_crew_fini(&r->crew);
	small_machine_close(&r->m);
	free(r);
}

static inline struct mm_hstate *rig_pool(struct rig *r, unsigned order)
{
	struct mm_hstate *h = mm_hugetlb_hstate(&r->hg, order);

	assert_non_null(h);
	return h;
}

/* Of both nodes, per-CPU lists included. */
static inline uint64_t rig_free_pages(struct rig *r)
{
	uint64_t nr = 0;

	mm_buddy_drain_all(&r->m.buddy);
	mm_for_each_zone(zone, &r->m.buddy)
		nr += zone->free_pages;
	return nr;
}

#define in_all_modes(run)                                                    \
	do {                                                                 \
		for (int mode = MMSIM_NATIVE; mode <= MMSIM_EXPLORE; mode++) \
			run((enum mmsim_mode)mode);                          \
	} while (0)

#endif
