/* SPDX-License-Identifier: MIT */
/*
 * 32 CPUs take and give back kernel addresses, in virtual time: one lock, nodes, nodes that recycle by
 * themselves.
 */
#include <mmsim/mmsim.h>
#include <stdio.h>

enum { CPUS = 32, PAIRS = 2000 };

static void pairs(unsigned i, void *arg)
{
	struct mmsim_vmap *v = arg;
	uint64_t addr;

	(void)i;
	for (unsigned n = 0; n < PAIRS; n++)
		if (mmsim_alloc_vmap_area(v, MMSIM_PAGE_SIZE, 1, 0, 0, MMSIM_GFP_KERNEL, &addr) ==
		    0)
			mmsim_free_vmap_area(v, addr);
}

static int run(struct mmsim *m, const char *name, uint32_t design)
{
	const struct mmsim_vmap_params params = { .design = design };
	struct mmsim_vmap_info info;
	struct mmsim_vmap *v;
	uint64_t began;

	if (mmsim_vmap_create(m, &params, &v))
		return 1;
	began = mmsim_now(m);
	if (mmsim_run(m, CPUS, pairs, v) || mmsim_vmap_info(v, &info))
		return 1;
	printf("%-9s %6.0f ns a pair and CPU, %llu drains\n", name,
	       (double)(mmsim_now(m) - began) / PAIRS, (unsigned long long)info.drains);
	mmsim_vmap_destroy(v);
	return 0;
}

int main(void)
{
	static struct mmsim_config cfg;
	struct mmsim *m;
	int failed;

	mmsim_config_defaults(&cfg);
	cfg.mode = MMSIM_VIRTUAL;
	if (mmsim_config_from_synthetic(&cfg, "node:1(memory=1G) l3:8 core:4 pu:1", 0, NULL, 0) ||
	    mmsim_create(&cfg, &m))
		return 1;
	failed = run(m, "one lock", MMSIM_VMAP_ONE_LOCK) || run(m, "nodes", MMSIM_VMAP_NODES) ||
		 run(m, "local", MMSIM_VMAP_LOCAL);
	mmsim_destroy(m);
	return failed;
}
