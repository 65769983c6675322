/* SPDX-License-Identifier: MIT */
/* Kernel addresses: who has them, and how they come back while others ask for them. */
#include "vmap_space.h"

enum {
	LAZY_MAX = 2, /* pages: nearly every free has one start a drain */
	LOCAL_PAGES = 33, /* of an area: two are more than what a node may keep without a drain */
};

/* Take, use, give; areas of two sizes. */
static void churn(struct vspace *s, unsigned i, unsigned rounds)
{
	for (unsigned k = 0; k < rounds; k++) {
		uint64_t pages = s->unit * (1 + (i + k) % 2 * 2), addr = take(s, pages);

		use(s, addr);
		use(s, addr + (pages - 1) * PAGE);
		give(s, addr, pages);
	}
}

static void purge_task(unsigned i, void *arg)
{
	struct vspace *s = arg;

	if (i < CPUS - 1) {
		churn(s, i, 3);
		return;
	}
	mmsim_vmap_purge(s->v, 0);
	mmsim_vmap_purge(s->v, 1);
}

/* Drains and their helpers are works of other CPUs. */
static void drain_task(unsigned i, void *arg)
{
	churn(arg, i, 3);
}

static void shrink_task(unsigned i, void *arg)
{
	struct vspace *s = arg;

	if (i < CPUS - 1) {
		churn(s, i, 2);
		return;
	}
	for (unsigned k = 0; k < 2; k++) {
		mmsim_vmap_shrink_scan(s->v);
		mmsim_vmap_shrink_count(s->v);
	}
}

static void run_churn(struct mmsim *m, const struct mmsim_vmap_params *design, uint64_t lazy_max,
		      void (*fn)(unsigned i, void *arg))
{
	MM_ON_CPU(m);
	static struct vspace s;

	open_vspace(&s, m, design, MOST_PAGES, lazy_max);
	s.unit = s.v->local ? LOCAL_PAGES : 1;
	run_tasks(&s, fn);
	close_vspace(&s);
}

static void purge_nodes(struct mmsim *m)
{
	run_churn(m, &vspace_tree, 0, purge_task);
}

static void purge_local(struct mmsim *m)
{
	run_churn(m, &vspace_local, 0, purge_task);
}

static void drain_nodes(struct mmsim *m)
{
	run_churn(m, &vspace_tree, LAZY_MAX, drain_task);
}

static void drain_one(struct mmsim *m)
{
	run_churn(m, &vspace_one, LAZY_MAX, drain_task);
}

/* A pool takes one, the rest goes on. */
static void drain_cap(struct mmsim *m)
{
	struct mmsim_vmap_params design = vspace_index;

	design.pool_cap = 1;
	design.decay = MMSIM_VMAP_DECAY_UNDERFLOW;
	run_churn(m, &design, LAZY_MAX, drain_task);
}

/* Each closes a batch and flushes for it, and finds that another has. */
static void flush_local(struct mmsim *m)
{
	run_churn(m, &vspace_local, LAZY_MAX, drain_task);
}

static void shrink(struct mmsim *m)
{
	run_churn(m, &vspace_tree, LAZY_MAX, shrink_task);
}

/* Two who free the same area; a third looks. */
static void double_free_task(unsigned i, void *arg)
{
	struct vspace *s = arg;
	struct mmsim_vm_area_info at;
	int err;

	if (i == CPUS - 1) {
		expect(mmsim_find_vm_area(s->v, s->slot[0] + PAGE, &at) == -ENOENT,
		       "nothing is behind it");
		return;
	}
	err = mmsim_free_vmap_area(s->v, s->slot[0]);
	expect(!err || err == -EINVAL, "a free is accepted or refused");
	__atomic_add_fetch(&s->count, !err, __ATOMIC_RELAXED);
}

static void double_free(struct mmsim *m, const struct mmsim_vmap_params *design)
{
	static struct vspace s;

	open_vspace(&s, m, design, 64, 0);
	s.slot[0] = take(&s, 2);
	disown(&s, s.slot[0], 2);
	run_tasks(&s, double_free_task);
	expect(s.count == 1, "U2: of two frees one is accepted");
	close_vspace(&s);
}

static void double_free_tree(struct mmsim *m)
{
	MM_ON_CPU(m);
	double_free(m, &vspace_tree);
}

static void double_free_index(struct mmsim *m)
{
	MM_ON_CPU(m);
	double_free(m, &vspace_index);
}

/* Two of one node take what is in its pool, while that decays. */
static void fill_pool(unsigned i, void *arg)
{
	struct vspace *s = arg;
	uint64_t addr[4];

	(void)i;
	for (unsigned k = 0; k < 4; k++) {
		addr[k] = take(s, 1);
		use(s, addr[k]);
	}
	for (unsigned k = 0; k < 4; k++)
		give(s, addr[k], 1);
	mmsim_vmap_purge(s->v, 0);
	expect(info_of(s).pooled == 4, "what was purged is in a pool");
}

static void pool_task(unsigned i, void *arg)
{
	struct vspace *s = arg;
	uint64_t addr[2];

	if (i == CPUS - 1) {
		mmsim_vmap_purge(s->v, 0);
		mmsim_vmap_shrink_scan(s->v);
		return;
	}
	for (unsigned k = 0; k < 2; k++)
		addr[k] = take(s, 1);
	for (unsigned k = 0; k < 2; k++)
		give(s, addr[k], 1);
}

static void run_pool(struct mmsim *m, const struct mmsim_vmap_params *design)
{
	static const unsigned cpu[] = { 0, 2, 1 };
	static struct vspace s;

	open_vspace(&s, m, design, 64, 0);
	run_on(&s, cpu, 1, fill_pool);
	run_on(&s, cpu, CPUS, pool_task);
	close_vspace(&s);
}

static void pool_nodes(struct mmsim *m)
{
	MM_ON_CPU(m);
	run_pool(m, &vspace_index);
}

static void pool_local(struct mmsim *m)
{
	MM_ON_CPU(m);
	run_pool(m, &vspace_local);
}

#define VMAP(n, text, function)                                                            \
	{                                                                                  \
		.name = "vmap-" n, .what = text, .cpus = CPUS, .memory = SCENARIO_GROUPED, \
		.run = function, .invariant = scenario_books                               \
	}

const struct scenario scenarios_vmap[] = {
	VMAP("purge", "addresses are taken and freed while somebody purges", purge_nodes),
	VMAP("purge-local", "the same without a drain", purge_local),
	VMAP("drain", "frees that start drains with helpers", drain_nodes),
	VMAP("drain-one", "the same with one lock", drain_one),
	VMAP("drain-cap", "the same with pools of one area", drain_cap),
	VMAP("flush-local", "frees that flush themselves, each for others, too", flush_local),
	VMAP("shrink", "a shrinker beside frees and drains", shrink),
	VMAP("double-free-tree", "an area freed by two at once", double_free_tree),
	VMAP("double-free-index", "the same with an index", double_free_index),
	VMAP("pool", "two take from a pool that decays", pool_nodes),
	VMAP("pool-local", "the same without a drain", pool_local),
	{ 0 },
};
