/* SPDX-License-Identifier: MIT */
/* Memory behind kernel addresses: old translations, page tables that go, deferred frees, aliases. */
#include "vmap_space.h"

enum { LAZY_MAX = 2, SLOT_PAGES = 512 };

static void stale_task(unsigned i, void *arg)
{
	struct vspace *s = arg;

	for (unsigned k = 0; k < 2; k++) {
		uint64_t addr = map_one(s, i);

		stray(s, (i + 1) % CPUS);
		unmap_one(s, addr);
		stray(s, i);
		if (s->v->local && !i) /* that few pages make nobody flush */
			mmsim_vmap_purge(s->v, 0);
	}
}

static void run_stale(struct mmsim *m, const struct mmsim_vmap_params *design)
{
	MM_ON_CPU(m);
	static struct vspace s;

	open_vspace(&s, m, design, 64, LAZY_MAX);
	run_tasks(&s, stale_task);
	close_vspace(&s);
}

static void stale_nodes(struct mmsim *m)
{
	run_stale(m, &vspace_tree);
}

static void stale_one(struct mmsim *m)
{
	run_stale(m, &vspace_one);
}

static void stale_local(struct mmsim *m)
{
	run_stale(m, &vspace_local);
}

/* Tables: the second 2 MiB are mapped, given up and mapped anew; others walk there. */

static uint64_t map_far(struct vspace *s)
{
	const struct mmsim_vmalloc_request request = {
		.size = PAGE,
		.start = START + SLOT_PAGES * PAGE,
		.end = START + 2 * SLOT_PAGES * PAGE,
		.gfp = MMSIM_GFP_KERNEL,
		.node = MMSIM_NUMA_NO_NODE,
	};
	uint64_t addr = mmsim_vmalloc_request(s->v, &request);

	expect(addr, "there is memory");
	own(s, addr, 2);
	touch(s, addr);
	return addr;
}

static void tables_task(unsigned i, void *arg)
{
	struct vspace *s = arg;

	if (i == 0) {
		unmap_one(s, s->slot[0]);
		mmsim_vmap_purge(s->v, 1);
	} else if (i == 1) {
		unmap_one(s, map_far(s));
	} else {
		for (unsigned k = 0; k < 3; k++) {
			stray(s, 0);
			mmsim_vmalloc_to_page(s->v, s->slot[0]);
		}
	}
}

/* Two who give up what lies under one table: one of them takes it. */
static void tables_both_task(unsigned i, void *arg)
{
	struct vspace *s = arg;

	if (i == 2) {
		stray(s, 0);
		stray(s, 1);
		return;
	}
	unmap_one(s, s->slot[i]);
	mmsim_vmap_purge(s->v, 1);
}

static void run_tables(struct mmsim *m, const struct mmsim_vmap_params *base,
		       void (*fn)(unsigned i, void *arg))
{
	MM_ON_CPU(m);
	struct mmsim_vmap_params design = *base;
	static struct vspace s;

	design.flags = MMSIM_VMAP_FREE_TABLES;
	open_vspace(&s, m, &design, 2 * SLOT_PAGES, 0);
	publish(&s, 0, map_far(&s));
	if (fn == tables_both_task)
		publish(&s, 1, map_far(&s));
	run_tasks(&s, fn);
	mmsim_vmap_purge(s.v, 1);
	mm_sync_rcu_barrier(s.v->tables.rcu);
	expect(info_of(&s).tables_freed, "T3: a table that nobody counts is freed");
	close_vspace(&s);
}

static void tables_nodes(struct mmsim *m)
{
	run_tables(m, &vspace_index, tables_task);
}

static void tables_local(struct mmsim *m)
{
	run_tables(m, &vspace_local, tables_task);
}

static void tables_both(struct mmsim *m)
{
	run_tables(m, &vspace_tree, tables_both_task);
}

/* Deferred frees. Addresses do not come back in these: nobody purges. */

static void deferred_task(unsigned i, void *arg)
{
	struct vspace *s = arg;
	struct mmsim_vm_area_info at;
	uint64_t addr;

	for (unsigned k = 0; k < 2; k++) {
		addr = map_one(s, i);
		disown(s, addr, 2);
		expect(!mmsim_vfree_atomic(s->v, addr), "a deferred free is taken on");
	}
	stray(s, (i + 1) % CPUS);
	if (i == 0)
		return;
	mmsim_vfree_flush(s->v);
	expect(mmsim_find_vm_area(s->v, addr, &at) == -ENOENT,
	       "what was deferred before a flush is done after it");
}

static void deferred(struct mmsim *m)
{
	MM_ON_CPU(m);
	static const unsigned cpu[] = { 0, 0, 1 };
	static struct vspace s;

	open_vspace(&s, m, &vspace_index, 64, 0);
	run_on(&s, cpu, CPUS, deferred_task);
	mmsim_vfree_flush(s.v);
	expect(!info_of(&s).pages, "W3: no page is left");
	close_vspace(&s);
}

/* The same, and the space goes at once, with what is in use. */
static void deferred_gone_task(unsigned i, void *arg)
{
	struct vspace *s = arg;
	uint64_t addr = map_one(s, i);

	map_one(s, i);
	disown(s, addr, 2);
	expect(!mmsim_vfree_atomic(s->v, addr), "a deferred free is taken on");
}

static void gone(struct mmsim *m)
{
	MM_ON_CPU(m);
	static struct vspace s;

	open_vspace(&s, m, &vspace_index, 64, LAZY_MAX);
	run_tasks(&s, deferred_gone_task);
	mmsim_vmap_destroy(s.v);
	scenario_all_is_back(m);
}

/* Aliases. All addresses are taken before and none is given out again, so nobody may see one that went. */

static void aliases_task(unsigned i, void *arg)
{
	struct vspace *s = arg;
	uint64_t addr = s->slot[i];

	for (unsigned k = 0; k < CPUS; k++)
		stray(s, k);
	if (i == 2)
		expect(!mmsim_vm_unmap_ram(s->v, addr, 1), "what was mapped is unmapped");
	else
		expect(!mmsim_vfree(s->v, addr), "the owner's free is accepted");
	if (i)
		mmsim_vm_unmap_aliases(s->v);
	if (i)
		mm_tlb_check_kernel(&s->v->tlb_kernel, addr, addr + PAGE);
	stray(s, (i + 1) % CPUS);
}

static void aliases(struct mmsim *m)
{
	MM_ON_CPU(m);
	static struct vspace s;

	open_vspace(&s, m, &vspace_tree, 0, 0);
	s.page = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 0);
	expect(s.page, "there is memory");
	publish(&s, 0, mmsim_vmalloc(s.v, PAGE));
	publish(&s, 1, mmsim_vmalloc(s.v, PAGE));
	publish(&s, 2, mmsim_vm_map_ram(s.v, &s.page, 1));
	for (unsigned k = 0; k < CPUS; k++) {
		expect(s.slot[k], "there is memory");
		touch(&s, s.slot[k]);
	}
	run_tasks(&s, aliases_task);
	mmsim_vm_unmap_aliases(s.v);
	for (unsigned k = 0; k < CPUS; k++)
		mm_tlb_check_kernel(&s.v->tlb_kernel, s.slot[k], s.slot[k] + PAGE);
	mmsim_vmap_validate(s.v);
	mmsim_vmap_destroy(s.v);
	expect(!mmsim_free_pages(m, s.page, 0), "the page is still its owner's");
	scenario_all_is_back(m);
}

#define VMALLOC(n, text, function)                                                            \
	{                                                                                     \
		.name = "vmalloc-" n, .what = text, .cpus = CPUS, .memory = SCENARIO_GROUPED, \
		.run = function, .invariant = scenario_books                                  \
	}

const struct scenario scenarios_vmalloc[] = {
	VMALLOC("stale", "memory is mapped and unmapped while others touch it", stale_nodes),
	VMALLOC("stale-one", "the same with one lock", stale_one),
	VMALLOC("stale-local", "the same without a drain", stale_local),
	VMALLOC("tables", "a page table goes while it is mapped anew and walked", tables_nodes),
	VMALLOC("tables-local", "the same without a drain", tables_local),
	VMALLOC("tables-both", "two give up what lies under one table", tables_both),
	VMALLOC("deferred", "deferred frees and flushes of them", deferred),
	VMALLOC("gone", "a space goes with frees that were deferred and areas in use", gone),
	VMALLOC("aliases", "frees by three, of which two have no alias left then", aliases),
	{ 0 },
};
