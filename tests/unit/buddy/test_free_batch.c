/* SPDX-License-Identifier: MIT */
/*
 * Many blocks freed at once: as if one by one, but with fewer locks; and in runs: as few blocks as
 * there can be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "alt.h"
#include "child_dies.h"
#include "isolate.h"
#include "poison.h"
#include "small_machine.h"
#include "zone_lists.h"

#define BASE SMALL_MACHINE_BASE
#define GFP (MMSIM_GFP_KERNEL | MMSIM___GFP_MOVABLE)

enum { PAGES = 65536, PILE = 4096 };

static struct small_machine m;
static struct mmsim_page *pile[PILE];
static unsigned nr_pile;
static struct mmsim_event seen[PILE];
static unsigned nr_seen;
static struct mm_exec_ops ops;
static uint64_t charged[MM_NR_CHARGES];

typedef void (*free_fn)(struct mm_buddy *b, struct mmsim_page *const *pages, unsigned nr);

static void free_one_by_one(struct mm_buddy *b, struct mmsim_page *const *pages, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		pages[i]->refcount = 1;
		assert_int_equal(mm_buddy_free_pages(b, pages[i], pages[i]->order), 0);
	}
}

static void listen(void *ctx, const struct mmsim_event *event)
{
	(void)ctx;
	if (nr_seen < PILE)
		seen[nr_seen++] = *event;
}

static void note_charge(struct mm_exec *x, enum mm_charge what, const void *obj, uint64_t n)
{
	(void)x;
	(void)obj;
	charged[what] += n;
}

static void watch_charges(void)
{
	ops = *m.env.exec->ops;
	ops.charge = note_charge;
	m.env.exec->ops = &ops;
	memset(charged, 0, sizeof(charged));
}

/* Two nodes; the first has three zones, with a hole and reserved pages in one. */
static void open_zones(enum mmsim_mode mode, const struct mmsim_alloc_policy *policy)
{
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 2, 2);
	m.env.cfg.mode = mode;
	if (policy)
		m.env.cfg.policy = *policy;
	page_env_ram(&m.env, 0, 0, 8192);
	page_env_ram(&m.env, 0, BASE, BASE + 16384);
	page_env_ram(&m.env, 0, BASE + 17408, BASE + 18000);
	page_env_ram(&m.env, 1, BASE + 65536, BASE + 65536 + 8192);
	page_env_reserve(&m.env, 0, BASE + 100, BASE + 110);
	m.env.cfg.node[0].movable_bytes = UINT64_C(4096) * 4096;
	small_machine_open(&m);
	nr_pile = nr_seen = 0;
}

/* One zone, whose per-CPU lists are 90 pages long at most, by batches of 15. */
static void open_zone(const struct mmsim_alloc_policy *policy)
{
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 3, 1);
	page_env_ram(&m.env, 0, BASE, BASE + PAGES);
	if (policy)
		m.env.cfg.policy = *policy;
	else
		m.env.cfg.policy.percpu_pagelist_high_fraction = 242;
	small_machine_open(&m);
	nr_pile = nr_seen = 0;
}

static int setup(void **state)
{
	(void)state;
	open_zone(NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mm_buddy_validate(&m.buddy);
	small_machine_close(&m);
	return 0;
}

static struct mm_pcp *pcp(void)
{
	return mm_per_cpu(&small_machine_normal(&m)->pcps, 0);
}

/* Nobody's, but not the allocator's: as whoever takes the last reference has it. */
static void freeze_some(unsigned from, unsigned nr)
{
	for (unsigned i = from; i < from + nr; i++)
		pile[i]->refcount = 0;
}

static void freeze(void)
{
	freeze_some(0, nr_pile);
}

/* Exactly the pages [from, to) of the zone, upwards. */
static void take_range(uint64_t from, uint64_t to)
{
	assert_int_equal(mm_buddy_alloc_contig_range(&m.buddy, BASE + from, BASE + to), 0);
	for (uint64_t at = from; at < to; at++)
		pile[nr_pile++] = small_machine_page(&m, BASE + at);
}

static void reverse(void)
{
	for (unsigned i = 0; i < nr_pile / 2; i++) {
		struct mmsim_page *page = pile[i];

		pile[i] = pile[nr_pile - 1 - i];
		pile[nr_pile - 1 - i] = page;
	}
}

static void shuffle(struct mm_rng *rng)
{
	for (unsigned i = nr_pile; i > 1; i--) {
		unsigned j = (unsigned)mm_rng_below(rng, i);
		struct mmsim_page *page = pile[i - 1];

		pile[i - 1] = pile[j];
		pile[j] = page;
	}
}

/* Of every zone and order, until the pile is high or there is nothing of a kind. */
static void take_at_random(struct mm_rng *rng)
{
	for (unsigned tries = 0; tries < 2000 && nr_pile < PILE; tries++) {
		unsigned kind = (unsigned)mm_rng_below(rng, 8);
		unsigned order = kind < 6 ? 0 : (unsigned)mm_rng_below(rng, MMSIM_NR_PAGE_ORDERS);
		mmsim_gfp_t gfp = kind == 1 ? MMSIM___GFP_DMA : GFP | MMSIM___GFP_HIGHMEM;
		struct mmsim_page *page = mm_buddy_alloc_pages(
			&m.buddy, (int)mm_rng_below(rng, m.buddy.nr_nodes), gfp, order);

		if (page)
			pile[nr_pile++] = page;
	}
	assert_true(nr_pile > 500);
}

static uint64_t lists_of_all_zones(uint64_t nr[MMSIM_NR_PAGE_ORDERS])
{
	uint64_t sum = 0;

	memset(nr, 0, sizeof(nr[0]) * MMSIM_NR_PAGE_ORDERS);
	mm_for_each_zone(zone, &m.buddy) {
		uint64_t of[MMSIM_NR_PAGE_ORDERS] = { 0 };

		if (zone->alt)
			zone->alt->ops->count(zone, of);
		for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++) {
			for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
				of[o] += zone->area[o].nr[t];
			nr[o] += of[o];
			sum += of[o] << o;
		}
	}
	return sum;
}

/* Everything that was taken is free again, in the blocks from before. */
static void random_piles_come_back(free_fn give, enum mmsim_mode mode,
				   const struct mmsim_alloc_policy *policy, unsigned seed)
{
	uint64_t before[MMSIM_NR_PAGE_ORDERS], after[MMSIM_NR_PAGE_ORDERS], all;
	struct mm_rng rng = mm_rng_split(seed, 1);

	open_zones(mode, policy);
	all = lists_of_all_zones(before);
	for (unsigned round = 0; round < 2; round++) {
		take_at_random(&rng);
		if (round)
			shuffle(&rng);
		for (unsigned at = 0, nr; at < nr_pile; at += nr) {
			nr = (unsigned)mm_rng_below(&rng, 700);
			nr = mm_min(nr, nr_pile - at);
			freeze_some(at, nr);
			give(&m.buddy, pile + at, nr);
			if (!policy || policy->allocator == MMSIM_ALLOCATOR_LINUX)
				mm_buddy_validate(&m.buddy);
		}
		nr_pile = 0;
	}
	mm_buddy_drain_all(&m.buddy);
	assert_int_equal(lists_of_all_zones(after), all);
	assert_memory_equal(before, after, sizeof(before));
	teardown(NULL);
}

static void all_policies(free_fn give)
{
	for (unsigned i = 0; i < 6; i++) {
		const struct mmsim_alloc_policy policy = {
			.pcp_free = i & 1 ? MMSIM_PCP_FREE_SLICED : MMSIM_PCP_FREE_WHOLE,
			.percpu_pagelist_high_fraction = i & 2 ? 100 : 0,
			.allocator = i & 4 ? MMSIM_ALLOCATOR_BITMAP : MMSIM_ALLOCATOR_LINUX,
		};

		random_piles_come_back(give, MMSIM_SERIAL, &policy, i);
	}
	random_piles_come_back(give, MMSIM_VIRTUAL, NULL, 6);
	random_piles_come_back(give, MMSIM_EXPLORE, NULL, 7);
	random_piles_come_back(give, MMSIM_NATIVE, NULL, 8);
}

static void unref_gives_everything_back(void **state)
{
	(void)state;
	all_policies(mm_buddy_free_unref);
}

static void runs_give_everything_back(void **state)
{
	(void)state;
	all_policies(mm_buddy_free_runs);
}

/* What two machines that did the same must have in common. All of one type: no padding to differ in. */
struct picture {
	uint64_t hash, free_pages, drains, drained, count, high, free_count, alloc_factor, flags;
};

static void hash_list(uint64_t *hash, const mm_list *list)
{
	mm_list_for_each(pos, list)
		*hash = *hash * 1000003 +
			small_machine_pfn(&m, mm_list_entry(pos, struct mmsim_page, lru));
	*hash = *hash * 1000003 + 7;
}

static struct picture take_picture(void)
{
	struct mm_zone *zone = small_machine_normal(&m);
	struct picture p = { 0 };

	for (unsigned i = 0; i < MM_NR_PCP_LISTS; i++)
		hash_list(&p.hash, &pcp()->lists[i]);
	for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
		for (unsigned t = 0; t < MMSIM_NR_MIGRATETYPES; t++)
			hash_list(&p.hash, &zone->area[o].list[t]);
	p.free_pages = zone->free_pages;
	p.drains = zone->stat.drains;
	p.drained = zone->stat.drained;
	p.count = (uint64_t)pcp()->count;
	p.high = (uint64_t)pcp()->high;
	p.free_count = (uint64_t)pcp()->free_count;
	p.alloc_factor = pcp()->alloc_factor;
	p.flags = pcp()->flags;
	return p;
}

static struct picture run_and_look(free_fn give, const struct mmsim_alloc_policy *policy)
{
	struct mm_rng rng = mm_rng_split(5, 1);
	struct picture p;

	open_zone(policy);
	take_at_random(&rng);
	shuffle(&rng);
	freeze();
	for (unsigned at = 0; at < nr_pile; at += 31)
		give(&m.buddy, pile + at, mm_min(nr_pile - at, 31u));
	p = take_picture();
	teardown(NULL);
	return p;
}

/* Whatever the policy, the lists end as if the same pages had been freed one by one. */
static void unref_is_many_frees(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		const struct mmsim_alloc_policy policy = {
			.pcp_free = i & 1 ? MMSIM_PCP_FREE_SLICED : MMSIM_PCP_FREE_WHOLE,
			.percpu_pagelist_high_fraction = i & 2 ? 242 : 0,
			.flags = i & 4 ? MMSIM_POLICY_FREE_HIGH_BATCH : 0,
		};
		struct picture a = run_and_look(free_one_by_one, &policy);
		struct picture b = run_and_look(mm_buddy_free_unref, &policy);

		assert_true(a.drained > 0);
		assert_memory_equal(&a, &b, sizeof(a));
	}
}

/* The lock of the list: once for a batch of one zone, and again for each change of zone. */
static void unref_locks_once(void **state)
{
	struct mm_pcp *normal, *dma;
	uint64_t before;

	(void)state;
	open_zones(MMSIM_SERIAL, NULL);
	normal = mm_per_cpu(&mm_buddy_zone(&m.buddy, 0, MMSIM_ZONE_NORMAL)->pcps, 0);
	dma = mm_per_cpu(&mm_buddy_zone(&m.buddy, 0, MMSIM_ZONE_DMA)->pcps, 0);
	for (unsigned i = 0; i < 30; i++)
		pile[nr_pile++] = mm_buddy_alloc_pages(
			&m.buddy, 0, i / 10 == 1 ? MMSIM___GFP_DMA : MMSIM_GFP_KERNEL, 0);
	freeze();
	before = normal->lock.lock.acquired + dma->lock.lock.acquired;
	mm_buddy_free_unref(&m.buddy, pile, 30);
	assert_int_equal(normal->lock.lock.acquired + dma->lock.lock.acquired, before + 3);
	assert_true(normal->count >= 20 && dma->count >= 10);
	teardown(NULL);
}

/* Who cannot have the lock of the list goes to the zone. */
static void unref_without_the_lists(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	take_range(0, 40);
	freeze();
	m.env.fault.point[MMSIM_FAULT_TRYLOCK] = (struct mm_fault_point){ .nth = 1, .count = 1000 };
	pcp()->lock.lock.watched = true;
	mm_buddy_free_unref(&m.buddy, pile, 40);
	memset(&m.env.fault.point[MMSIM_FAULT_TRYLOCK], 0, sizeof(struct mm_fault_point));
	assert_int_equal(zone->free_pages, PAGES);
	assert_int_equal(pcp()->count, 0);
}

/* What is isolated, or of an order without lists, must not be kept on any. */
static void unref_passes_the_lists_by(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	uint64_t locks;

	(void)state;
	take_range(1024, 1025);
	take_range(0, 20);
	pile[nr_pile++] = mm_buddy_alloc_pages(&m.buddy, 0, GFP, 4);
	pile[nr_pile++] = mm_buddy_alloc_pages(&m.buddy, 0, GFP, 10);
	pile[nr_pile++] = mm_buddy_alloc_pages(&m.buddy, 0, GFP, 9);
	freeze();
	mm_buddy_drain_all(&m.buddy);
	assert_int_equal(mm_buddy_isolate_pageblock(zone, BASE), 0);
	locks = pcp()->lock.lock.acquired;
	mm_buddy_free_unref(&m.buddy, pile, nr_pile);
	/* It is not held while what is not kept goes to the zone. */
	assert_int_equal(pcp()->lock.lock.acquired, locks + 2);
	mm_buddy_validate(&m.buddy);
	assert_true(pcp()->count >= 1); /* the first one */
	assert_int_equal(zone->free_pages + (uint64_t)pcp()->count, PAGES - 512);
	assert_int_equal(mm_buddy_unisolate_pageblock(zone, BASE), 0);
	assert_int_equal(zone->free_pages + (uint64_t)pcp()->count, PAGES);
}

static void events_tell_of_each(void **state)
{
	const free_fn both[] = { mm_buddy_free_unref, mm_buddy_free_runs };

	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		nr_pile = 0;
		take_range(7, 30);
		pile[nr_pile++] = mm_buddy_alloc_pages(&m.buddy, 0, GFP, 3);
		freeze();
		m.obs.sink = listen;
		nr_seen = 0;
		both[way](&m.buddy, pile, nr_pile);
		m.obs.sink = NULL;
		assert_int_equal(nr_seen, 24);
		for (unsigned i = 0; i < 24; i++) {
			assert_int_equal(seen[i].id, MMSIM_EV_MM_PAGE_FREE);
			assert_int_equal(seen[i].pfn, small_machine_pfn(&m, pile[i]));
			assert_int_equal(seen[i].order, i == 23 ? 3 : 0);
		}
	}
}

/* Few blocks, each as large as its place allows, for one turn of the lock; in whatever direction. */
static void runs_become_blocks(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	for (unsigned down = 0; down < 2; down++) {
		uint64_t locks;

		nr_pile = 0;
		take_range(3, 2000);
		freeze();
		if (down)
			reverse();
		mm_buddy_drain_all(&m.buddy);
		watch_charges();
		locks = zone->lock.lock.acquired;
		mm_buddy_free_runs(&m.buddy, pile, nr_pile);
		assert_int_equal(zone->lock.lock.acquired, locks + 1);
		/* 3, 4, 8, 16, … 256; 512; 1024; 1536, 256, 128, 64, 16 pages */
		assert_int_equal(charged[MM_CHARGE_PAGE_FREE], 8 + 2 + 4);
		assert_int_equal(charged[MM_CHARGE_PAGE_OP], 1);
		assert_int_equal(charged[MM_CHARGE_TOUCH] / sizeof(struct mmsim_page) > 1997, 1);
		ops.charge = NULL;
		assert_int_equal(zone->free_pages, PAGES);
		assert_int_equal(zone->area[10].nr[M], PAGES / 1024);
		assert_int_equal(pcp()->count, 0);
	}
}

/* A hole in the middle, and one page twice as far: what does not follow begins anew. */
static void runs_end_where_neighbours_end(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	take_range(512, 1024);
	/* 512-515, 520-523 */
	pile[4] = pile[8], pile[5] = pile[9], pile[6] = pile[10], pile[7] = pile[11];
	nr_pile = 8;
	freeze();
	watch_charges();
	mm_buddy_free_runs(&m.buddy, pile, nr_pile);
	ops.charge = NULL;
	assert_int_equal(charged[MM_CHARGE_PAGE_FREE], 2);
	assert_int_equal(charged[MM_CHARGE_PAGE_OP], 2);
	assert_list(&m, 2, M, 520, 512);
	assert_int_equal(zone->free_pages, PAGES - 504);
}

/* Blocks join as pages do, from above and from below. */
static void runs_of_blocks(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	for (unsigned down = 0; down < 2; down++) {
		nr_pile = 0;
		assert_int_equal(mm_buddy_alloc_contig_range(&m.buddy, BASE + 512, BASE + 512 + 28),
				 0);
		for (unsigned i = 0, at = 512; i < 4; at += 1u << (i < 3 ? 3 : 2), i++) {
			pile[nr_pile++] = small_machine_page(&m, BASE + at);
			for (unsigned k = 0; k < 8 && at + k < 512 + 28; k++)
				small_machine_page(&m, BASE + at + k)->refcount = 0;
			pile[i]->order = i < 3 ? 3 : 2;
		}
		if (down)
			reverse();
		watch_charges();
		mm_buddy_free_runs(&m.buddy, pile, nr_pile);
		ops.charge = NULL;
		assert_int_equal(charged[MM_CHARGE_PAGE_OP], 1);
		assert_int_equal(charged[MM_CHARGE_PAGE_FREE], 3); /* 16, 8 and 4 pages */
		assert_int_equal(zone->free_pages, PAGES);
	}
}

/* The lock of each zone once, however the pages are mixed; a block of one never becomes the other's. */
static void runs_of_several_zones(void **state)
{
	uint64_t before = 0, after = 0;

	(void)state;
	open_zones(MMSIM_SERIAL, NULL);
	/* The last pages of DMA and the first of DMA32 are neighbours, in a machine that has them. */
	for (unsigned i = 0; i < 400; i++)
		pile[nr_pile++] =
			mm_buddy_alloc_pages(&m.buddy, i & 1, i & 2 ? MMSIM___GFP_DMA : GFP, 0);
	freeze();
	mm_for_each_zone(zone, &m.buddy)
		before += zone->lock.lock.acquired;
	mm_buddy_free_runs(&m.buddy, pile, nr_pile);
	mm_for_each_zone(zone, &m.buddy)
		after += zone->lock.lock.acquired;
	assert_int_equal(after - before, 3);
	teardown(NULL);
}

/* Zones that meet: neighbours in memory, and yet two runs. */
static void runs_end_at_zones(void **state)
{
	struct mm_zone *dma, *dma32;
	const uint64_t border = UINT64_C(1) << (24 - MMSIM_PAGE_SHIFT);

	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, 0, 2 * border);
	small_machine_open(&m);
	dma = mm_buddy_zone(&m.buddy, 0, MMSIM_ZONE_DMA);
	dma32 = mm_buddy_zone(&m.buddy, 0, MMSIM_ZONE_DMA32);
	nr_pile = 0;
	assert_int_equal(mm_buddy_alloc_contig_range(&m.buddy, border - 64, border), 0);
	assert_int_equal(mm_buddy_alloc_contig_range(&m.buddy, border, border + 64), 0);
	for (uint64_t pfn = border - 64; pfn < border + 64; pfn++)
		pile[nr_pile++] = small_machine_page(&m, pfn);
	freeze();
	mm_buddy_free_runs(&m.buddy, pile, nr_pile);
	assert_int_equal(dma->free_pages, dma->managed);
	assert_int_equal(dma32->free_pages, dma32->managed);
	teardown(NULL);
}

/* Each pageblock's part goes to its own lists. */
static void runs_over_pageblocks(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);

	(void)state;
	take_range(0, 1536);
	pile[nr_pile++] = mm_buddy_alloc_pages(&m.buddy, 0, GFP, 10);
	freeze();
	mm_zone_set_migratetype(zone, BASE, R);
	assert_int_equal(mm_buddy_isolate_pageblock(zone, BASE + 1024), 0);
	mm_buddy_free_runs(&m.buddy, pile, nr_pile);
	mm_buddy_validate(&m.buddy);
	assert_int_equal(zone->free_pages, PAGES - 512);
	assert_int_equal(zone->area[9].nr[MMSIM_MIGRATE_ISOLATE], 1);
	/* Reclaimable and Movable may unite, and the type of the last prevails. */
	assert_int_equal(small_machine_page(&m, BASE)->priv, 10);
	assert_int_equal(type_at(&m, 0), M);
	assert_int_equal(pile[1536]->priv, 10);
	assert_int_equal(mm_buddy_unisolate_pageblock(zone, BASE + 1024), 0);
}

/* PAGE_FREE is for batches alone: each block that the zone gets, also by a drain. */
static void only_batches_are_cold(void **state)
{
	struct mm_zone *zone = small_machine_normal(&m);
	uint64_t drained;

	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		nr_pile = 0;
		take_range(0, 300);
		freeze();
		drained = zone->stat.drained;
		watch_charges();
		(way ? mm_buddy_free_unref : free_one_by_one)(&m.buddy, pile, nr_pile);
		drained = zone->stat.drained - drained;
		ops.charge = NULL;
		assert_true(drained > 0);
		assert_int_equal(charged[MM_CHARGE_PAGE_FREE], way ? drained : 0);
		assert_int_equal(charged[MM_CHARGE_PAGE_OP], 300);
		assert_int_equal(pcp()->flags & MM_PCPF_COLD, 0);
		mm_buddy_drain_all(&m.buddy);
	}
	nr_pile = 0;
	pile[nr_pile++] = mm_buddy_alloc_pages(&m.buddy, 0, GFP, 10);
	freeze();
	watch_charges();
	mm_buddy_free_unref(&m.buddy, pile, 1);
	ops.charge = NULL;
	assert_int_equal(charged[MM_CHARGE_PAGE_FREE], 2); /* pageblocks */
}

static void poison_is_written(void **state)
{
	const uint64_t from = BASE * MMSIM_PAGE_SIZE, bytes = 8192 * MMSIM_PAGE_SIZE;
	const free_fn both[] = { mm_buddy_free_unref, mm_buddy_free_runs };

	(void)state;
	memset(&m, 0, sizeof(m));
	page_env_config(&m.env, 1, 1);
	page_env_ram(&m.env, 0, BASE, BASE + 8192);
	m.env.cfg.policy.flags = MMSIM_POLICY_POISON;
	assert_int_equal(mm_page_area_init(&m.pages, from + bytes,
					   MMSIM_NO_HUGE_1G | MMSIM_NO_HUGE_2M, &m.env.fault),
			 0);
	assert_int_equal(mm_page_area_map(&m.pages, from, from + bytes), 0);
	small_machine_open(&m);
	for (unsigned way = 0; way < 2; way++) {
		nr_pile = 0;
		for (unsigned i = 0; i < 20; i++) {
			pile[nr_pile] = mm_buddy_alloc_pages(&m.buddy, 0, GFP, i % 3);
			memset((char *)m.pages.base +
				       small_machine_pfn(&m, pile[nr_pile++]) * MMSIM_PAGE_SIZE,
			       0x11, MMSIM_PAGE_SIZE << i % 3);
		}
		freeze();
		both[way](&m.buddy, pile, nr_pile);
		mm_buddy_validate(&m.buddy); /* P1 */
	}
	teardown(NULL);
}

static void free_referenced(void *arg)
{
	free_fn give = *(free_fn *)arg;

	pile[1]->refcount = 1;
	give(&m.buddy, pile, nr_pile);
}

static void references_stop_it(void **state)
{
	free_fn both[] = { mm_buddy_free_unref, mm_buddy_free_runs };

	(void)state;
	take_range(0, 3);
	freeze();
	for (unsigned way = 0; way < 2; way++)
		assert_true(child_dies(free_referenced, &both[way], "Z2"));
	mm_buddy_free_runs(&m.buddy, pile, nr_pile);
	mm_buddy_free_runs(&m.buddy, pile, 0);
	mm_buddy_free_unref(&m.buddy, pile, 0);
}

#define with_zone(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unref_gives_everything_back),
		cmocka_unit_test(runs_give_everything_back),
		cmocka_unit_test(unref_is_many_frees),
		cmocka_unit_test(unref_locks_once),
		with_zone(unref_without_the_lists),
		with_zone(unref_passes_the_lists_by),
		with_zone(events_tell_of_each),
		with_zone(runs_become_blocks),
		with_zone(runs_end_where_neighbours_end),
		with_zone(runs_of_blocks),
		cmocka_unit_test(runs_of_several_zones),
		cmocka_unit_test(runs_end_at_zones),
		with_zone(runs_over_pageblocks),
		with_zone(only_batches_are_cold),
		cmocka_unit_test(poison_is_written),
		with_zone(references_stop_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
