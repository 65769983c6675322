/* SPDX-License-Identifier: MIT */
/*
 * Pageblocks and lists as a whole: isolation, ranges of page frames, types that mix, memory that runs
 * short, and another allocator in place of the lists.
 *
 * Whoever has a block writes its number into the first page and finds it there until the free.
 */
#include "scenario.h"

#include "machine.h"

enum { CPUS = 3, MINE = 6 };

/* Zone DMA32: two pageblocks, or eight. */
#define FIRST_PFN (UINT64_C(16) << (20 - MMSIM_PAGE_SHIFT))

struct blocks {
	struct mmsim *m;
	struct mmsim_page *spare[2]; /* atomic: to be freed by who is told of a shortage */
};

static struct mmsim_page *take(struct mmsim *m, unsigned order, mmsim_gfp_t gfp)
{
	struct mmsim_page *page = mmsim_alloc_pages(m, gfp, order);

	if (page)
		page->priv = mmsim_cpu(m) + 1;
	return page;
}

static void give(struct mmsim *m, struct mmsim_page *page, unsigned order)
{
	if (!page)
		return;
	expect(page->priv == mmsim_cpu(m) + 1, "a page has one owner");
	expect(!mmsim_free_pages(m, page, order), "the owner's free is accepted");
}

static void run_blocks(struct mmsim *m, void (*fn)(unsigned i, void *arg))
{
	struct blocks b = { .m = m };

	expect(!mmsim_run(m, mmsim_nr_cpus(m), fn, &b), "tasks start");
	scenario_all_is_back(m);
}

/* Orders with per-CPU lists and without. */
static unsigned mixed_order(unsigned i)
{
	static const unsigned order[] = { 0, 4, 1, 0, 3, 2 };

	return order[i % 6];
}

static mmsim_gfp_t mixed_gfp(unsigned i)
{
	static const mmsim_gfp_t gfp[] = { MMSIM_GFP_KERNEL, MMSIM_GFP_HIGHUSER_MOVABLE,
					   MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE };

	return gfp[i % 3];
}

static void mix(struct blocks *b, unsigned i, unsigned rounds)
{
	struct mmsim_page *mine[MINE];

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned k = 0; k < MINE; k++)
			mine[k] = take(b->m, mixed_order(i + k), mixed_gfp(i + k + round));
		for (unsigned k = 0; k < MINE; k++)
			give(b->m, mine[k], mixed_order(i + k));
	}
}

/* A pageblock goes out of circulation and comes back while its pages come and go. */
static void isolate_task(unsigned i, void *arg)
{
	struct blocks *b = arg;

	if (i < CPUS - 1) {
		mix(b, i, 2);
		return;
	}
	for (unsigned k = 0; k < 2; k++) {
		uint64_t pfn = FIRST_PFN + k * MMSIM_PAGEBLOCK_NR_PAGES;

		expect(!mmsim_isolate_pageblock(b->m, pfn), "nobody else isolates");
		mmsim_drain_all_pages(b->m);
		mm_exec_resched(b->m->exec);
		expect(!mmsim_unisolate_pageblock(b->m, pfn), "and it is isolated");
	}
}

static void isolate(struct mmsim *m)
{
	run_blocks(m, isolate_task);
}

static void movable(struct blocks *b)
{
	struct mmsim_page *mine[MINE];

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned k = 0; k < MINE; k++)
			mine[k] = take(b->m, mixed_order(k), MMSIM_GFP_HIGHUSER_MOVABLE);
		for (unsigned k = 0; k < MINE; k++)
			give(b->m, mine[k], mixed_order(k));
	}
}

/* Exactly these page frames, or none of them: who gets them has them alone. */
static void take_range(struct blocks *b, uint64_t pfn, unsigned nr)
{
	if (mmsim_alloc_contig_range(b->m, pfn, pfn + nr))
		return;
	for (unsigned k = 0; k < nr; k++)
		mmsim_pfn_to_page(b->m, pfn + k)->priv = mmsim_cpu(b->m) + 1;
	mm_exec_resched(b->m->exec);
	for (unsigned k = 0; k < nr; k++)
		give(b->m, mmsim_pfn_to_page(b->m, pfn + k), 0);
}

static void contig_task(unsigned i, void *arg)
{
	struct blocks *b = arg;

	if (!i) {
		movable(b);
		return;
	}
	/* Of the same pageblock, or of two. */
	take_range(b, FIRST_PFN + 512 - 8 * i, 12);
	take_range(b, FIRST_PFN + 16 + 4 * i, 8);
}

static void contig(struct mmsim *m)
{
	run_blocks(m, contig_task);
}

/* Types fall back to each other's pageblocks, which change hands. */
static void claim_task(unsigned i, void *arg)
{
	mix(arg, i, 3);
}

static void claim(struct mmsim *m)
{
	struct blocks b = { .m = m };
	struct mmsim_page *held[64];
	unsigned nr = 0;

	/* Leave half a pageblock in every second one. */
	while (nr < 64 && (held[nr] = mmsim_alloc_pages(m, MMSIM_GFP_HIGHUSER_MOVABLE, 8)))
		nr++;
	for (unsigned k = 0; k < nr; k++)
		if (k % 4 == 0)
			expect(!mmsim_free_pages(m, held[k], 8), "its own block");
	expect(!mmsim_run(m, mmsim_nr_cpus(m), claim_task, &b), "tasks start");
	for (unsigned k = 0; k < nr; k++)
		if (k % 4)
			expect(!mmsim_free_pages(m, held[k], 8), "its own block");
	scenario_all_is_back(m);
}

/* Frees by one CPU of what another took, by the list, until they spill. */
static void spill_task(unsigned i, void *arg)
{
	struct blocks *b = arg;
	struct mmsim_page *mine[3 * MINE];

	for (unsigned k = 0; k < 3 * MINE; k++)
		mine[k] = take(b->m, 1 + k % 3, mixed_gfp(i));
	for (unsigned k = 0; k < 3 * MINE; k++)
		give(b->m, mine[k], 1 + k % 3);
	mmsim_vmstat_update(b->m);
}

static void spill(struct mmsim *m)
{
	run_blocks(m, spill_task);
}

/* Told of a shortage: free what is to spare. */
static void reclaim(void *ctx, unsigned node, unsigned order)
{
	struct blocks *b = ctx;

	(void)node;
	(void)order;
	for (unsigned k = 0; k < 2; k++) {
		struct mmsim_page *page = __atomic_exchange_n(&b->spare[k], NULL, __ATOMIC_ACQ_REL);

		if (page)
			expect(!mmsim_free_pages(b->m, page, 8), "the spare block");
	}
}

static void shortage_task(unsigned i, void *arg)
{
	struct blocks *b = arg;
	struct mmsim_page *mine[2 * MINE];
	const mmsim_gfp_t gfp = i ? MMSIM_GFP_KERNEL : MMSIM_GFP_ATOMIC;

	for (unsigned k = 0; k < 2 * MINE; k++)
		mine[k] = take(b->m, 6 - k % 2, gfp);
	for (unsigned k = 0; k < 2 * MINE; k++)
		give(b->m, mine[k], 6 - k % 2);
}

static void shortage(struct mmsim *m)
{
	struct blocks b = { .m = m };

	for (unsigned k = 0; k < 2; k++)
		b.spare[k] = mmsim_alloc_pages(m, MMSIM_GFP_KERNEL, 8);
	mmsim_kswapd_set(m, reclaim, &b);
	expect(!mmsim_run(m, mmsim_nr_cpus(m), shortage_task, &b), "tasks start");
	expect(!b.spare[0] && !b.spare[1], "somebody was told");
	mmsim_kswapd_set(m, NULL, NULL);
	scenario_all_is_back(m);
}

static void bitmap_task(unsigned i, void *arg)
{
	struct blocks *b = arg;

	mix(b, i, 2);
	if (i == CPUS - 1)
		mmsim_drain_all_pages(b->m);
	mix(b, i + 1, 1);
}

static void bitmap(struct mmsim *m)
{
	run_blocks(m, bitmap_task);
}

#define SCENARIO(n, text, function) \
	.name = n, .what = text, .cpus = CPUS, .run = function, .invariant = scenario_books

const struct scenario scenarios_blocks[] = {
	{ SCENARIO("isolate", "a pageblock isolated while its pages come and go", isolate) },
	{ SCENARIO("contig", "ranges of page frames that overlap, and allocations", contig),
	  .memory = SCENARIO_GROUPED },
	{ SCENARIO("claim", "types that fall back to each other's pageblocks", claim),
	  .memory = SCENARIO_GROUPED },
	{ SCENARIO("spill", "lists of blocks that are too long go back in slices", spill),
	  .policy = { .pcp_free = MMSIM_PCP_FREE_SLICED, .min_free_kbytes = 128 } },
	{ SCENARIO("shortage", "down to the marks, and what is freed when that is told",
		   shortage) },
	{ SCENARIO("bitmap", "bitmaps in place of the lists", bitmap),
	  .policy = { .allocator = MMSIM_ALLOCATOR_BITMAP } },
	{ 0 },
};
