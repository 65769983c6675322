/* SPDX-License-Identifier: MIT */
/* The spaces that are compared. */
#include "vmap_impl.h"

#include "vmap_tests.h"

static const char *const names[VMAP_NR_IMPLS] = {
#define NAME(tag, name, about) name,
	VMAP_IMPLS(NAME)
};

const char *vmap_impl_name(enum vmap_impl impl)
{
	return names[impl];
}

static void make_different(struct mmsim_vmap_params *p, enum vmap_impl impl, unsigned nr_cpus)
{
	switch (impl) {
	case VMAP_IMPL_ONE_LOCK:
		p->design = MMSIM_VMAP_ONE_LOCK;
		break;
	case VMAP_IMPL_ONE_NODE:
		p->design = MMSIM_VMAP_NODES;
		p->nodes = 1;
		break;
	case VMAP_IMPL_LOCAL:
		p->design = MMSIM_VMAP_LOCAL;
		break;
	case VMAP_IMPL_TREE:
		p->design = MMSIM_VMAP_NODES;
		p->busy = MMSIM_VMAP_BUSY_TREE;
		break;
	case VMAP_IMPL_FREE_TABLES:
		p->flags = MMSIM_VMAP_FREE_TABLES;
		break;
	case VMAP_IMPL_CAPPED:
		p->design = MMSIM_VMAP_NODES;
		p->flags = MMSIM_VMAP_HIGHPRI_DRAIN;
		p->pool_cap =
			(uint32_t)vmap_tests_junk(nr_cpus); /* lazy_max, as the draft had it */
		break;
	case VMAP_IMPL_NODES:
		p->design = MMSIM_VMAP_NODES;
		break;
	case VMAP_IMPL_DEFAULT:
	case VMAP_NR_IMPLS:
		break;
	}
}

struct mmsim_vmap_params vmap_impl_params(enum vmap_impl impl, unsigned nr_cpus, bool old_kernel)
{
	struct mmsim_vmap_params p = { 0 };

	if (old_kernel) {
		p.backing = MMSIM_VMAP_BACKING_BULK;
		p.decay = MMSIM_VMAP_DECAY_UNDERFLOW;
	}
	make_different(&p, impl, nr_cpus);
	return p;
}
