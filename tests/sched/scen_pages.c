/* SPDX-License-Identifier: MIT */
/*
 * Pages: per-CPU lists, their draining, bulk allocation, blocks, frees from elsewhere.
 *
 * Whoever has a page writes its number into it and finds it there until the free: nobody else was
 * given the page.
 */
#include "scenario.h"

#include "machine.h"

enum { CPUS = 3, MINE = 4 };

struct pages {
	struct mmsim *m;
	struct mmsim_page *slot[MINE]; /* atomic: handed from one task to another */
	uint32_t freed; /* atomic: frees that were accepted */
};

static struct mmsim_page *take(struct pages *p, unsigned order, mmsim_gfp_t gfp)
{
	struct mmsim_page *page = mmsim_alloc_pages(p->m, gfp, order);

	if (page)
		page->priv = mmsim_cpu(p->m) + 1;
	return page;
}

static void give(struct pages *p, struct mmsim_page *page, unsigned order)
{
	if (!page)
		return;
	expect(page->priv == mmsim_cpu(p->m) + 1, "a page has one owner");
	expect(!mmsim_free_pages(p->m, page, order), "the owner's free is accepted");
}

/* Books at every step: a zone's counts agree whenever its lock is free. */
void scenario_books(struct mmsim *m)
{
	mm_for_each_zone(zone, &m->buddy) {
		uint64_t sum[MMSIM_NR_MIGRATETYPES] = { 0 }, all = 0;

		if (zone->alt || mm_lock_owner(&zone->lock.lock))
			continue;
		for (int t = 0; t < MMSIM_NR_MIGRATETYPES; t++) {
			for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
				sum[t] += zone->area[o].nr[t] << o;
			all += sum[t];
		}
		expect(all - sum[MMSIM_MIGRATE_ISOLATE] == zone->free_pages && all <= zone->managed,
		       "B3: free pages, at every step");
		expect(sum[MMSIM_MIGRATE_CMA] == zone->free_cma &&
			       sum[MMSIM_MIGRATE_HIGHATOMIC] == zone->free_highatomic,
		       "B3: free pages of CMA and of the reserve, at every step");
	}
}

/* All that was allocated has been freed: everything is free or on a per-CPU list. */
void scenario_all_is_back(struct mmsim *m)
{
	struct mmsim_zone_info info;

	mmsim_drain_all_pages(m);
	for (int type = 0; type < MMSIM_NR_ZONES; type++) {
		if (mmsim_zone_info(m, 0, (enum mmsim_zone_type)type, &info))
			continue;
		expect(info.free + info.pcp == info.managed, "every page is back");
		expect(info.pcp == 0, "drained lists are empty");
	}
}

static void run_pages(struct mmsim *m, void (*fn)(unsigned i, void *arg))
{
	struct pages p = { .m = m };

	expect(!mmsim_run(m, mmsim_nr_cpus(m), fn, &p), "tasks start");
	scenario_all_is_back(m);
}

static void alloc_and_free(struct pages *p, unsigned rounds, mmsim_gfp_t gfp)
{
	struct mmsim_page *mine[MINE];

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned k = 0; k < MINE; k++)
			mine[k] = take(p, 0, gfp);
		for (unsigned k = 0; k < MINE; k++)
			give(p, mine[k], 0);
	}
}

static void drain_task(unsigned i, void *arg)
{
	struct pages *p = arg;

	if (i < CPUS - 1)
		alloc_and_free(p, 2, i ? MMSIM_GFP_HIGHUSER_MOVABLE : MMSIM_GFP_KERNEL);
	else
		for (unsigned k = 0; k < 3; k++)
			mmsim_drain_all_pages(p->m);
}

static void pcp_drain(struct mmsim *m)
{
	run_pages(m, drain_task);
}

static void bulk_task(unsigned i, void *arg)
{
	struct mmsim_page *mine[MINE] = { 0 };
	struct pages *p = arg;

	for (unsigned round = 0; round < 2; round++) {
		mmsim_gfp_t gfp = (i + round) % 2 ? MMSIM_GFP_HIGHUSER_MOVABLE : MMSIM_GFP_KERNEL;
		size_t got = mmsim_alloc_pages_bulk(p->m, gfp, MINE, mine);

		for (size_t k = 0; k < got; k++)
			mine[k]->priv = i + 1;
		if (i == CPUS - 1)
			mmsim_drain_all_pages(p->m);
		for (size_t k = 0; k < got; k++)
			give(p, mine[k], 0);
	}
}

static void bulk_free(struct mmsim *m)
{
	run_pages(m, bulk_task);
}

/* Slots 0 and 1 have blocks of two pages, which are buddies, 2 and 3 single pages. */
static unsigned slot_order(unsigned k)
{
	return k < 2;
}

static void fill_slots(struct pages *p)
{
	for (unsigned k = 0; k < MINE; k++) {
		struct mmsim_page *page = mmsim_alloc_pages(p->m, MMSIM_GFP_KERNEL, slot_order(k));

		expect(page != NULL, "there is memory");
		__atomic_store_n(&p->slot[k], page, __ATOMIC_RELEASE);
	}
}

/* Task 0 allocates; the others free every second slot each, as they find them filled. */
static void cross_task(unsigned i, void *arg)
{
	struct pages *p = arg;

	if (!i)
		fill_slots(p);
	for (unsigned k = i - 1; i && k < MINE; k += CPUS - 1) {
		struct mmsim_page *page;

		while (!(page = __atomic_load_n(&p->slot[k], __ATOMIC_ACQUIRE)))
			mmsim_yield(p->m);
		expect(!mmsim_free_pages(p->m, page, slot_order(k)), "a free from elsewhere");
	}
}

static void cross_free(struct mmsim *m)
{
	run_pages(m, cross_task);
}

static void orders_task(unsigned i, void *arg)
{
	struct mmsim_page *mine[MINE];
	struct pages *p = arg;

	for (unsigned k = 0; k < MINE; k++)
		mine[k] = take(p, (i + k) % 3, MMSIM_GFP_KERNEL);
	for (unsigned k = 0; k < MINE; k++)
		give(p, mine[k], (i + k) % 3);
}

static void orders(struct mmsim *m)
{
	run_pages(m, orders_task);
}

/* The last blocks of a zone: who comes too late gets nothing, and nothing is lost. */
static void last_task(unsigned i, void *arg)
{
	struct mmsim_page *mine[MINE];
	struct pages *p = arg;

	(void)i;
	for (unsigned k = 0; k < MINE; k++)
		mine[k] = take(p, MMSIM_PAGEBLOCK_ORDER, MMSIM_GFP_KERNEL);
	for (unsigned k = 0; k < MINE; k++)
		give(p, mine[k], MMSIM_PAGEBLOCK_ORDER);
}

static void last_blocks(struct mmsim *m)
{
	run_pages(m, last_task);
}

/* Several free the same block: one succeeds. */
static void double_task(unsigned i, void *arg)
{
	struct pages *p = arg;

	(void)i;
	for (unsigned k = 0; k < MINE; k++)
		if (!mmsim_free_pages(p->m, p->slot[k], k % 2))
			__atomic_add_fetch(&p->freed, 1, __ATOMIC_RELAXED);
}

static void double_free(struct mmsim *m)
{
	struct pages p = { .m = m };

	for (unsigned k = 0; k < MINE; k++) {
		p.slot[k] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, k % 2);
		expect(p.slot[k] != NULL, "there is memory");
	}
	expect(!mmsim_run(m, mmsim_nr_cpus(m), double_task, &p), "tasks start");
	expect(p.freed == MINE, "Z2: a block is freed once");
	scenario_all_is_back(m);
}

#define SCENARIO(n, text, function)                                     \
	{                                                               \
		.name = n, .what = text, .cpus = CPUS, .run = function, \
		.invariant = scenario_books                             \
	}

const struct scenario scenarios_pages[] = {
	SCENARIO("pcp-drain", "allocation and free on two CPUs, a third drains all lists",
		 pcp_drain),
	SCENARIO("bulk-free", "bulk allocation on all CPUs, frees and a drain between", bulk_free),
	SCENARIO("cross-free", "pages allocated on one CPU, freed on others", cross_free),
	SCENARIO("orders", "blocks of order 0 to 2, split and merged", orders),
	SCENARIO("last-blocks", "more pageblocks wanted than there are", last_blocks),
	SCENARIO("double-free", "the same blocks freed on all CPUs", double_free),
	{ 0 },
};
