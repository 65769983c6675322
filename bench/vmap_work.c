/* SPDX-License-Identifier: MIT */
/* Pairs of allocation and free. */
#include "vmap_work.h"

#include <errno.h>
#include <mmsim/mmsim.h>
#include <stdlib.h>

/* xorshift64* */
static inline uint64_t next_random(struct vmap_pairs *p)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return p->random * UINT64_C(0x2545f4914f6cdd1d);
}

/* Below n, n < 2^32. */
static inline uint64_t random_below(struct vmap_pairs *p, uint64_t n)
{
	return ((next_random(p) >> 32) * n) >> 32;
}

static inline int take_area(struct vmap_pairs *p, uint64_t pages, uint64_t *addr)
{
	return mmsim_alloc_vmap_area(p->v, pages << MMSIM_PAGE_SHIFT, MMSIM_PAGE_SIZE, 0, 0,
				     MMSIM_GFP_KERNEL, addr);
}

static int area_pairs(struct vmap_pairs *p, uint64_t loops)
{
	uint64_t addr;
	int rc = 0;

	for (uint64_t i = 0; i < loops && !rc; i++) {
		rc = take_area(p, 1, &addr);
		if (!rc)
			rc = mmsim_free_vmap_area(p->v, addr);
	}
	return rc;
}

static int vmalloc_pairs(struct vmap_pairs *p, uint64_t loops)
{
	int rc = 0;

	for (uint64_t i = 0; i < loops && !rc; i++) {
		uint64_t addr = mmsim_vmalloc(p->v, MMSIM_PAGE_SIZE);

		rc = addr ? mmsim_vfree(p->v, addr) : -ENOMEM;
	}
	return rc;
}

static int random_pairs(struct vmap_pairs *p, uint64_t loops)
{
	int rc = 0;

	for (uint64_t i = 0; i < loops && !rc; i++) {
		uint64_t *addr = &p->addr[random_below(p, p->live)];

		rc = mmsim_free_vmap_area(p->v, *addr);
		*addr = 0;
		if (!rc)
			rc = take_area(p, 1 + random_below(p, VMAP_MOST_PAGES), addr);
	}
	return rc;
}

static int run(struct vmap_pairs *p, uint64_t loops)
{
	if (p->work == VMAP_WORK_RANDOM)
		return random_pairs(p, loops);
	return p->work == VMAP_WORK_AREA ? area_pairs(p, loops) : vmalloc_pairs(p, loops);
}

static uint64_t warm_loops(const struct vmap_pairs *p)
{
	return p->work == VMAP_WORK_RANDOM ? 2 * p->warm / VMAP_MOST_PAGES : p->warm;
}

int vmap_pairs_fill(struct vmap_pairs *p)
{
	int rc = 0;

	if (p->work == VMAP_WORK_RANDOM) {
		p->addr = calloc(p->live, sizeof(*p->addr));
		if (!p->addr)
			return -ENOMEM;
		for (uint64_t i = 0; i < p->live && !rc; i++)
			rc = take_area(p, 1 + random_below(p, VMAP_MOST_PAGES), &p->addr[i]);
	}
	return rc ? rc : run(p, warm_loops(p));
}

int vmap_pairs_run(struct vmap_pairs *p)
{
	return run(p, p->loops);
}

int vmap_pairs_end(struct vmap_pairs *p)
{
	int rc = 0;

	for (uint64_t i = 0; p->addr && i < p->live; i++)
		if (p->addr[i] && mmsim_free_vmap_area(p->v, p->addr[i]))
			rc = -EINVAL;
	free(p->addr);
	p->addr = NULL;
	return rc;
}
