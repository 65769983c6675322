/* SPDX-License-Identifier: MIT */
/* A small machine, a space of kernel addresses in it, and what it says. Include cmocka.h first. */
#ifndef TEST_VMALLOC_RIG_H
#define TEST_VMALLOC_RIG_H

#include "mm_rig.h"

enum { PAGES = 8192, PMD_PAGES = 512 };

#define KERNEL MMSIM_GFP_KERNEL
#define PMD_BYTES (PMD_PAGES * RIG_PAGE)

struct world {
	struct sim_log log;
	struct mmsim *m;
	struct mmsim_vmap *v;
};

static inline void open_with(struct world *w, struct mmsim *m,
			     const struct mmsim_vmap_params *params)
{
	w->m = m;
	assert_int_equal(mmsim_vmap_create(m, params, &w->v), 0);
}

static inline void open_space(struct world *w, const struct mmsim_vmap_params *params)
{
	open_with(w, rig_open(MMSIM_SERIAL, 2, PAGES, &w->log), params);
}

/* Every page is back, tables too. */
static inline void close_space(struct world *w)
{
	mmsim_vmap_validate(w->v);
	mmsim_vmap_destroy(w->v);
	rig_close(w->m);
}

static inline struct mmsim_vmap_info info_of(struct world *w)
{
	struct mmsim_vmap_info info;

	assert_int_equal(mmsim_vmap_info(w->v, &info), 0);
	return info;
}

static inline struct mmsim_vm_area_info area_of(struct world *w, uint64_t addr)
{
	struct mmsim_vm_area_info area;

	assert_int_equal(mmsim_find_vm_area(w->v, addr, &area), 0);
	return area;
}

static inline void assert_said(struct world *w, const char *call, const char *what)
{
	assert_true(w->log.lines > 0);
	assert_non_null(strstr(w->log.line, call));
	assert_non_null(strstr(w->log.line, what));
	w->log.lines = 0;
}

/* Pages that are taken, page tables left out. */
static inline uint64_t pages_taken(struct world *w)
{
	return PAGES - rig_free_pages(w->m) - info_of(w).tables;
}

#endif
