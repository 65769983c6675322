/* SPDX-License-Identifier: MIT */
/* A small machine, a space of kernel addresses and some pages. Include cmocka.h first. */
#ifndef TEST_VMAP_RIG_H
#define TEST_VMAP_RIG_H

#include "mm_rig.h"
#include <mmsim/vmalloc.h>

enum { VRIG_PAGES = 64 };

struct vrig {
	struct sim_log log;
	struct mmsim *m;
	struct mmsim_vmap *v;
	struct mmsim_page *page[VRIG_PAGES]; /* the test's */
};

static inline void vrig_open(struct vrig *r, enum mmsim_mode mode, unsigned cpus,
			     const struct mmsim_vmap_params *params)
{
	r->m = rig_open(mode, cpus, 16384, &r->log);
	assert_int_equal(mmsim_vmap_create(r->m, params, &r->v), 0);
	for (unsigned i = 0; i < VRIG_PAGES; i++)
		assert_non_null(r->page[i] = mmsim_alloc_pages(r->m, MMSIM_GFP_KERNEL, 0));
}

/* Nothing is missing. */
static inline void vrig_close(struct vrig *r)
{
	mmsim_vmap_validate(r->v);
	mmsim_vmap_destroy(r->v);
	for (unsigned i = 0; i < VRIG_PAGES; i++)
		assert_int_equal(mmsim_free_pages(r->m, r->page[i], 0), 0);
	rig_close(r->m);
}

static inline struct mmsim_vmap_info vrig_info(struct vrig *r)
{
	struct mmsim_vmap_info info;

	assert_int_equal(mmsim_vmap_info(r->v, &info), 0);
	return info;
}

#endif
