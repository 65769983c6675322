/* SPDX-License-Identifier: MIT */
/*
 * Recordings of a machine of our own, which plays the kernel: what it did is known exactly.
 *
 * Use: rig_kernel(&policy, pages), some work, rig_record(), work with rig_take() and its like, rig_stop(); then
 * what is to be wrong with the recording; rig_replay(&options), and rig_close() at the end of the test.
 */
#ifndef REPLAY_RIG_H
#define REPLAY_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare.h"
#include "engine.h"
#include "rng.h"
#include "small_machine.h"
#include "snapshot.h"

#define BASE SMALL_MACHINE_BASE
#define GFP_U MMSIM_GFP_KERNEL
#define GFP_M (MMSIM_GFP_KERNEL | MMSIM___GFP_MOVABLE)
#define GFP_R (MMSIM_GFP_KERNEL | MMSIM___GFP_RECLAIMABLE)

enum { RIG_CPUS = 2, RIG_EVENTS = 1 << 18, RIG_HELD = 1 << 16 };

struct rig_block {
	uint64_t pfn;
	unsigned order;
};

struct rig {
	struct small_machine m; /* the kernel's first, then the one that replays */
	bool is_open;
	struct mmsim_alloc_policy policy;
	uint64_t pages;
	struct mm_rng rng;

	struct mmsim_trace_event events[RIG_EVENTS];
	size_t nr;
	uint64_t ns;
	mmsim_gfp_t without; /* flags that no request has */
	uint32_t muted; /* bits: kinds of events that are not recorded */
	struct rig_block held[RIG_HELD];
	size_t nr_held;

	struct mmsim_snapshot *before, *after;
	struct mmsim_replay_report report;
	struct mmsim_replay_error err;
	uint64_t told[MMSIM_NR_MISMATCHES]; /* by the callback */
};

static struct rig rig;

static inline struct mm_zone *rig_zone(void)
{
	return small_machine_normal(&rig.m);
}

static inline struct mm_pcp *rig_pcp(unsigned cpu)
{
	return mm_per_cpu(&rig_zone()->pcps, cpu);
}

static inline struct mmsim_page *rig_page(uint64_t pfn)
{
	return small_machine_page(&rig.m, pfn);
}

static inline void rig_on_cpu(unsigned cpu)
{
	mm_task_current()->cpu = cpu;
}

static inline uint8_t rig_kind(uint32_t id)
{
	static const uint8_t kinds[] = {
		[MMSIM_EV_MM_PAGE_ALLOC] = MMSIM_TRACE_ALLOC,
		[MMSIM_EV_MM_PAGE_FREE] = MMSIM_TRACE_FREE,
		[MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED] = MMSIM_TRACE_ZONE_LOCKED,
		[MMSIM_EV_MM_PAGE_PCPU_DRAIN] = MMSIM_TRACE_DRAIN,
		[MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG] = MMSIM_TRACE_EXTFRAG,
		[MMSIM_EV_MM_PAGE_FREE_BATCHED] = MMSIM_TRACE_FREE_BATCHED,
		[MMSIM_EV_MM_VMSCAN_WAKEUP_KSWAPD] = MMSIM_NR_TRACE_KINDS,
	};

	return kinds[id];
}

static inline void rig_write(void *ctx, const struct mmsim_event *e)
{
	uint8_t kind = rig_kind(e->id);

	(void)ctx;
	if (kind == MMSIM_NR_TRACE_KINDS || rig.muted >> kind & 1 || rig.nr == RIG_EVENTS)
		return;
	rig.events[rig.nr++] = (struct mmsim_trace_event){
		.ns = rig.ns += 100,
		.pfn = (uint32_t)e->pfn,
		.line = (uint32_t)rig.nr,
		.gfp = e->gfp,
		.cpu = (uint16_t)e->cpu,
		.kind = kind,
		.order = (uint8_t)e->order,
		.migratetype = (uint8_t)e->migratetype,
		.fallback_order = (uint8_t)e->arg,
		.fallback_migratetype = (uint8_t)e->fallback_migratetype,
		.flag = (uint8_t)e->change_ownership,
	};
}

static inline void rig_machine(void)
{
	memset(&rig.m, 0, sizeof(rig.m));
	page_env_config(&rig.m.env, RIG_CPUS, 1);
	page_env_ram(&rig.m.env, 0, BASE, BASE + rig.pages);
	rig.m.env.cfg.policy = rig.policy;
	small_machine_open(&rig.m);
	rig.is_open = true;
}

static inline void rig_close_machine(void)
{
	rig_on_cpu(0);
	mm_buddy_validate(&rig.m.buddy);
	small_machine_close(&rig.m);
	rig.is_open = false;
}

/* A new one in its place. */
static inline void rig_machine_again(void)
{
	rig_close_machine();
	rig_machine();
}

static inline void rig_kernel(const struct mmsim_alloc_policy *policy, uint64_t pages)
{
	memset(&rig, 0, sizeof(rig));
	rig.policy = *policy;
	rig.pages = pages;
	rig.ns = 1000000;
	rig.rng = mm_rng_split(1, 0);
	rig_machine();
}

/* What PageLRU would say of the pages: how the machine tells what can be moved. */
static inline void rig_add_pageflags(struct mmsim_snapshot *snap)
{
	const uint64_t lru = UINT64_C(1) << MMSIM_PG_LRU;

	snap->pageflags = calloc(rig.pages, sizeof(*snap->pageflags));
	assert_non_null(snap->pageflags);
	for (uint64_t pfn = BASE; pfn < BASE + rig.pages; pfn++)
		if (rig_page(pfn)->flags & lru)
			snap->pageflags[snap->nr_pageflags++] =
				(struct mmsim_snap_run){ .pfn = pfn, .nr = 1, .value = lru };
	snap->flags |= MMSIM_SNAP_PAGEFLAGS;
}

static inline void rig_record(void)
{
	assert_int_equal(mm_replay_snapshot_take(&rig.m.buddy, &rig.before), 0);
	rig_add_pageflags(rig.before);
	rig.m.obs.sink = rig_write;
	mm_buddy_set_open(&rig.m.buddy, true);
}

static inline void rig_stop(void)
{
	assert_true(rig.nr < RIG_EVENTS);
	rig.m.obs.sink = NULL;
	assert_int_equal(mm_replay_snapshot_take(&rig.m.buddy, &rig.after), 0);
	rig_close_machine();
}

static inline void rig_close(void)
{
	if (rig.is_open)
		rig_close_machine();
	mm_replay_snapshot_free(rig.before);
	mm_replay_snapshot_free(rig.after);
}

/* A block for the caller, of whom nobody else gives it back. 0: there was none. */
static inline uint64_t rig_take(unsigned cpu, mmsim_gfp_t gfp, unsigned order)
{
	struct mmsim_page *page;

	rig_on_cpu(cpu);
	rig.ns += 10000;
	page = mm_buddy_alloc_pages(&rig.m.buddy, MMSIM_NUMA_NO_NODE, gfp & ~rig.without, order);
	if (!page)
		return 0;
	for (unsigned i = 0; i < 1u << order; i++)
		page[i].flags |= (uint64_t) !!(gfp & MMSIM___GFP_MOVABLE) << MMSIM_PG_LRU;
	return small_machine_pfn(&rig.m, page);
}

static inline void rig_give(unsigned cpu, uint64_t pfn, unsigned order)
{
	rig_on_cpu(cpu);
	rig.ns += 10000;
	for (unsigned i = 0; i < 1u << order; i++)
		rig_page(pfn)[i].flags &= ~(UINT64_C(1) << MMSIM_PG_LRU);
	assert_int_equal(mm_buddy_free_pfn(&rig.m.buddy, pfn, order), 0);
}

static inline void rig_hold(unsigned cpu, mmsim_gfp_t gfp, unsigned order)
{
	uint64_t pfn = rig_take(cpu, gfp, order);

	if (pfn && rig.nr_held < RIG_HELD)
		rig.held[rig.nr_held++] = (struct rig_block){ pfn, order };
}

static inline void rig_drop(unsigned cpu, size_t i)
{
	struct rig_block block = rig.held[i];

	rig.held[i] = rig.held[--rig.nr_held];
	rig_give(cpu, block.pfn, block.order);
}

static inline unsigned rig_order(void)
{
	uint64_t die = mm_rng_below(&rig.rng, 100);

	if (die < 80)
		return 0;
	if (die < 95)
		return 1 + (unsigned)die % 3;
	return die < 98 ? 4 + (unsigned)die % 3 : MMSIM_PAGEBLOCK_ORDER;
}

/* Runs of requests and of frees on either CPU, until so many pages are free. */
static inline void rig_churn(unsigned runs, uint64_t keep_free)
{
	static const mmsim_gfp_t gfp[] = { GFP_U, GFP_M, GFP_M, GFP_R };

	for (unsigned i = 0; i < runs; i++) {
		unsigned cpu = (unsigned)mm_rng_below(&rig.rng, RIG_CPUS), order = rig_order();
		uint64_t len = 1 + mm_rng_below(&rig.rng, order > 3 ? 3 : 100);
		mmsim_gfp_t what = gfp[mm_rng_below(&rig.rng, 4)];
		bool take = mm_rng_below(&rig.rng, 100) < 55;

		for (; len && take && rig_zone()->free_pages > keep_free; len--)
			rig_hold(cpu, what, order);
		for (; len && rig.nr_held && !take; len--)
			rig_drop(cpu, (size_t)mm_rng_below(&rig.rng, rig.nr_held));
	}
}

/* Memory full of movable pages, with holes: whatever else is asked for has to mix with them. */
static inline void rig_fill(uint64_t keep_free)
{
	while (rig_zone()->free_pages > keep_free)
		rig_hold((unsigned)mm_rng_below(&rig.rng, RIG_CPUS), GFP_M, 0);
	for (size_t n = rig.nr_held / 8; n; n--)
		rig_drop((unsigned)mm_rng_below(&rig.rng, RIG_CPUS),
			 (size_t)mm_rng_below(&rig.rng, rig.nr_held));
}

static inline void rig_told(void *ctx, unsigned kind, const struct mmsim_trace_event *e,
			    uint64_t own)
{
	(void)ctx;
	(void)e;
	(void)own;
	rig.told[kind]++;
}

/* On a second machine that begins where the recording does. */
static inline int rig_replay(const struct mmsim_replay_options *options)
{
	const struct mmsim_trace trace = { .nr = rig.nr,
					   .events = rig.events,
					   .nr_cpus = RIG_CPUS };
	struct mmsim_replay_options o = options ? *options : (struct mmsim_replay_options){ 0 };
	int ret;

	o.mismatch = rig_told;
	rig_machine();
	assert_int_equal(mm_replay_restore(&rig.m.buddy, rig.before, &rig.err), 0);
	ret = mm_replay_run(&rig.m.buddy, &rig.m.obs, &trace, &o, &rig.report, &rig.err);
	assert_int_equal(mm_task_current()->cpu, 0);
	assert_null(rig.m.obs.sink);
	/* F2 */
	assert_memory_equal(rig.told, rig.report.mismatch, sizeof(rig.told));
	mm_buddy_validate(&rig.m.buddy);
	return ret;
}

static inline uint64_t rig_mismatches(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < MMSIM_NR_MISMATCHES; i++) {
		sum += rig.report.mismatch[i];
		if (rig.report.mismatch[i])
			printf("# %s: %lu\n", mm_replay_mismatch_name(i), rig.report.mismatch[i]);
	}
	return sum;
}

/* Is the second machine where the first one ended: lists, order, types? */
static inline void rig_same_lists_at(int line)
{
	struct mmsim_snapshot_diff d;
	struct mmsim_snapshot *own;

	assert_int_equal(mm_replay_snapshot_take(&rig.m.buddy, &own), 0);
	assert_int_equal(mm_replay_snapshot_compare(own, rig.after, &d), 0);
	if (d.in_order != d.blocks || d.lists_equal != d.lists || d.pcp_in_order != d.pcp_blocks ||
	    d.pcp_lists_equal != d.pcp_lists || d.pageblocks_different)
		fail_msg("line %d: %lu of %lu blocks, %lu of %lu lists; %lu of %lu, %lu of %lu on "
			 "CPUs; "
			 "%lu pageblocks differ",
			 line, d.in_order, d.blocks, d.lists_equal, d.lists, d.pcp_in_order,
			 d.pcp_blocks, d.pcp_lists_equal, d.pcp_lists, d.pageblocks_different);
	mm_replay_snapshot_free(own);
}

#define rig_same_lists() rig_same_lists_at(__LINE__)

/* And the books of the per-CPU lists. */
static inline void rig_same_books(void)
{
	struct mmsim_snapshot *own;

	assert_int_equal(mm_replay_snapshot_take(&rig.m.buddy, &own), 0);
	assert_int_equal(own->nr_pcps, rig.after->nr_pcps);
	assert_memory_equal(own->pcps, rig.after->pcps, own->nr_pcps * sizeof(*own->pcps));
	mm_replay_snapshot_free(own);
}

#endif
