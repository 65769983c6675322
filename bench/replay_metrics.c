/* SPDX-License-Identifier: MIT */
/* The figures of a replay. */
#include "replay_metrics.h"

#include "harness/util.h"

#include <math.h>
#include <stdio.h>

#define NS_PER_S 1e9

enum {
	M_EXACT = REPLAY_HEADLINE,
	M_REFILL,
	M_DRAIN,
	M_LIST,
	M_TV,
	M_TV_FREE,
	M_EVENTS_PER_S,
	M_PARSE_EVENTS_PER_S,
	M_FALLBACK,
	M_IN_LIST,
	M_PCP_LIST,
	M_PAGEBLOCKS,
	M_EVENTS,
	M_ALLOCS,
	M_FREES,
	M_LATE,
	M_LONGEST_RUN,
	M_UNSEEN_ALLOCS,
	M_DIRECT_FREES,
	M_DRAINED_PROMPTED,
	M_UNPROMPTED_DRAINS,
	M_REFILLED,
	M_DRAINED,
	M_EXTFRAGS,
	M_LOST_EVENTS,
	M_PCP_HIT,
	M_REFILLS,
	M_DRAINS,
	M_CLAIMS,
	M_STEALS,
	M_ZONE_LOCK,
	M_LOAD,
	M_PARSE,
	M_CREATE,
	M_RESTORE,
	M_REPLAY,
	M_UNUSABLE_KERNEL,
	M_UNUSABLE,
	M_FREE_HUGE_KERNEL,
	M_FREE_HUGE,
	M_MISMATCH,
};

_Static_assert(M_MISMATCH + MMSIM_NR_MISMATCHES == REPLAY_NR_METRICS, "one per figure");

#define SHARE(NAME, ABOUT)                          \
	{                                           \
		NAME, "", METRIC_PLAIN, true, ABOUT \
	}
#define COUNT(NAME, ABOUT)                           \
	{                                            \
		NAME, "", METRIC_PLAIN, false, ABOUT \
	}
#define SECONDS(NAME, ABOUT)                          \
	{                                             \
		NAME, "s", METRIC_PLAIN, false, ABOUT \
	}

/* Those behind M_MISMATCH are filled in. */
static struct bench_metric metrics[REPLAY_NR_METRICS] = {
	[M_EXACT] = SHARE("exact_share", "allocations that got the kernel's own page"),
	[M_REFILL] = SHARE("refill_share", "refilled pages as recorded, at the same place"),
	[M_DRAIN] = SHARE("drain_share", "drained pages as recorded, at the same place"),
	[M_LIST] = SHARE("list_share", "free blocks at the end in the same list and order"),
	[M_TV] = SHARE("tv_distance", "half the sum of differences of shares of free pages"),
	[M_TV_FREE] = SHARE("tv_distance_free", "the same after a free-running replay"),
	[M_EVENTS_PER_S] = { "events_per_s", "1/s", METRIC_RATE, true,
			     "events replayed per second, files and machine aside" },
	[M_PARSE_EVENTS_PER_S] = { "parse_events_per_s", "1/s", METRIC_RATE, false,
				   "lines of the trace read per second" },
	[M_FALLBACK] = COUNT("fallback_share", "fallbacks to the same page from the same place"),
	[M_IN_LIST] = COUNT("in_list_share", "free blocks at the end in the same list"),
	[M_PCP_LIST] = COUNT("pcp_list_share",
			     "pages on per-CPU lists at the end in the same list and order"),
	[M_PAGEBLOCKS] = COUNT("pageblocks_different", "pageblocks of another type at the end"),
	[M_EVENTS] = COUNT("events", "replayed, of all kinds"),
	[M_ALLOCS] = COUNT("allocs", "allocations replayed"),
	[M_FREES] = COUNT("frees", "frees replayed"),
	[M_LATE] = COUNT("late", "exact allocations told after a later one"),
	[M_LONGEST_RUN] = COUNT("longest_run", "of exact allocations"),
	[M_UNSEEN_ALLOCS] = COUNT("unseen_allocs", "pages that went out without an event"),
	[M_DIRECT_FREES] = COUNT("direct_frees", "frees past the per-CPU list"),
	[M_DRAINED_PROMPTED] =
		COUNT("drained_prompted", "drained pages whose number was the kernel's"),
	[M_UNPROMPTED_DRAINS] = COUNT("unprompted_drains", "runs of drains that no free began"),
	[M_REFILLED] = COUNT("refilled", "pages, recorded"),
	[M_DRAINED] = COUNT("drained", "pages, recorded"),
	[M_EXTFRAGS] = COUNT("extfrags", "fallbacks recorded"),
	[M_LOST_EVENTS] = COUNT("lost_events", "that the tracer says it lost"),
	[M_PCP_HIT] = COUNT("pcp_hit_share", "allocations of per-CPU lists' orders, no refill"),
	[M_REFILLS] = COUNT("refills", "of per-CPU lists, by the machine"),
	[M_DRAINS] = COUNT("drains", "of per-CPU lists, by the machine"),
	[M_CLAIMS] = COUNT("claims", "pageblocks that changed their type for a request"),
	[M_STEALS] = COUNT("steals", "pages out of blocks of another type"),
	[M_ZONE_LOCK] = COUNT("zone_lock_acquired", "while replaying"),
	[M_LOAD] = SECONDS("load_s", "reading the snapshots"),
	[M_PARSE] = SECONDS("parse_s", "reading the trace"),
	[M_CREATE] = SECONDS("create_s", "making the machine"),
	[M_RESTORE] = SECONDS("restore_s", "giving it the lists of the snapshot"),
	[M_REPLAY] = SECONDS("replay_s", "replaying"),
	[M_UNUSABLE_KERNEL] =
		COUNT("unusable_o9_kernel", "share of free pages in blocks too small for order 9"),
	[M_UNUSABLE] = COUNT("unusable_o9", "the same of the machine"),
	[M_FREE_HUGE_KERNEL] = COUNT("free_huge_kernel", "free blocks of 2 MiB"),
	[M_FREE_HUGE] = COUNT("free_huge", "the same of the machine"),
};

static const char *const mismatch_about[MMSIM_NR_MISMATCHES] = {
	[MMSIM_MISMATCH_SKIPPED] = "deeper in its list: those above went out unseen",
	[MMSIM_MISMATCH_LIST_ORDER] = "deeper in its list: those above stay",
	[MMSIM_MISMATCH_OTHER_LIST] = "on another per-CPU list",
	[MMSIM_MISMATCH_IN_ZONE] = "on the zone's free lists",
	[MMSIM_MISMATCH_IN_USE] = "handed out already",
	[MMSIM_MISMATCH_CORRECTED] = "right, but only as a refill had been corrected",
	[MMSIM_MISMATCH_FAILED] = "one of the two had no page",
	[MMSIM_MISMATCH_FREE_LISTED] = "free of a page that is on a per-CPU list",
	[MMSIM_MISMATCH_FREE_FREE] = "free of a page that is on the zone's lists",
	[MMSIM_MISMATCH_FREE_UNKNOWN] = "free-running: of a page never seen handed out",
	[MMSIM_MISMATCH_FREE_SPLIT] = "free of a part of a block, or of several",
	[MMSIM_MISMATCH_REFILL] = "page of a refill: another one, or none",
	[MMSIM_MISMATCH_REFILL_EXTRA] = "page refilled that was not",
	[MMSIM_MISMATCH_DRAIN] = "page of a drain: another one, or none",
	[MMSIM_MISMATCH_DRAIN_EXTRA] = "page drained that was not",
};

const char *replay_mismatch_about(unsigned kind)
{
	return mismatch_about[kind] ? mismatch_about[kind] : "";
}

const struct bench_metric *replay_metrics(void)
{
	static char names[MMSIM_NR_MISMATCHES][40];

	for (unsigned i = 0; i < MMSIM_NR_MISMATCHES; i++) {
		snprintf(names[i], sizeof(names[i]), "mismatch_%s", mmsim_mismatch_name(i));
		metrics[M_MISMATCH + i] =
			(struct bench_metric)COUNT(names[i], replay_mismatch_about(i));
	}
	return metrics;
}

double replay_share(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : NAN;
}

static void fill_exactness(const struct mmsim_replay_report *r, double *value)
{
	value[M_EXACT] = replay_share(r->exact, r->allocs);
	value[M_REFILL] = replay_share(r->refilled_exact, r->refilled);
	value[M_DRAIN] = replay_share(r->drained_exact, r->drained);
	value[M_FALLBACK] = replay_share(r->extfrags_exact, r->extfrags);
	for (unsigned i = 0; i < MMSIM_NR_MISMATCHES; i++)
		value[M_MISMATCH + i] = (double)r->mismatch[i];
}

static void fill_counts(const struct mmsim_replay_report *r, double *value)
{
	value[M_EVENTS] = (double)r->events;
	value[M_ALLOCS] = (double)r->allocs;
	value[M_FREES] = (double)r->frees;
	value[M_LATE] = (double)r->late;
	value[M_LONGEST_RUN] = (double)r->longest_run;
	value[M_UNSEEN_ALLOCS] = (double)r->unseen_allocs;
	value[M_DIRECT_FREES] = (double)r->direct_frees;
	value[M_DRAINED_PROMPTED] = (double)r->drained_prompted;
	value[M_UNPROMPTED_DRAINS] = (double)r->unprompted_drains;
	value[M_REFILLED] = (double)r->refilled;
	value[M_DRAINED] = (double)r->drained;
	value[M_EXTFRAGS] = (double)r->extfrags;
}

/* Pages that went out unseen came off the same lists. */
static void fill_books(const struct replay_input *in, const struct replay_outcome *out,
		       double *value)
{
	uint64_t asked = in->listable + out->report.unseen_allocs;

	value[M_PCP_HIT] = 1 - replay_share(out->stat.refills, asked);
	value[M_REFILLS] = (double)out->stat.refills;
	value[M_DRAINS] = (double)out->stat.drains;
	value[M_CLAIMS] = (double)out->stat.claims;
	value[M_STEALS] = (double)out->stat.steals;
	value[M_ZONE_LOCK] = (double)out->zone_lock_acquired;
}

static void fill_times(const struct replay_input *in, const struct replay_outcome *out,
		       double *value)
{
	value[M_CREATE] = (double)out->create_ns / NS_PER_S;
	if (in->before)
		value[M_RESTORE] = (double)out->restore_ns / NS_PER_S;
	if (in->load_ns)
		value[M_LOAD] = (double)in->load_ns / NS_PER_S;
	if (in->parse_ns) {
		value[M_PARSE] = (double)in->parse_ns / NS_PER_S;
		value[M_PARSE_EVENTS_PER_S] = (double)in->trace->lines / value[M_PARSE];
	}
	if (out->replayed) {
		value[M_REPLAY] = (double)out->replay_ns / NS_PER_S;
		value[M_EVENTS_PER_S] = (double)out->report.events / value[M_REPLAY];
	}
}

/* Of the whole machine: free pages that are in blocks too small for order 9. */
static double unusable(const struct replay_outcome *out, enum replay_side side)
{
	uint64_t pages[2] = { 0, 0 }; /* [in a block of order 9 or more] */

	for (unsigned i = 0; i < out->nr_zones; i++)
		for (unsigned o = 0; o < MMSIM_NR_PAGE_ORDERS; o++)
			for (unsigned t = 0; t < MMSIM_MAX_MIGRATETYPES; t++)
				pages[o >= MMSIM_PAGEBLOCK_ORDER] +=
					out->zone[i].nr_free[side][o][t] << o;
	return replay_share(pages[0], pages[0] + pages[1]);
}

static double free_huge(const struct replay_outcome *out, enum replay_side side)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < out->nr_zones; i++)
		nr += out->zone[i].frag[side].free_huge;
	return (double)nr;
}

static void fill_end(const struct replay_outcome *out, double *value)
{
	const struct mmsim_snapshot_diff *d = &out->diff;

	value[M_UNUSABLE] = unusable(out, SIDE_SIMULATED);
	value[M_FREE_HUGE] = free_huge(out, SIDE_SIMULATED);
	if (!out->has_kernel)
		return;
	value[M_TV] = d->tv_distance;
	value[M_IN_LIST] = replay_share(d->in_list, d->blocks);
	if (out->has_order)
		value[M_LIST] = replay_share(d->in_order, d->blocks);
	value[M_PCP_LIST] = replay_share(d->pcp_in_order, d->pcp_blocks);
	value[M_PAGEBLOCKS] = (double)d->pageblocks_different;
	value[M_UNUSABLE_KERNEL] = unusable(out, SIDE_KERNEL);
	value[M_FREE_HUGE_KERNEL] = free_huge(out, SIDE_KERNEL);
}

void replay_metrics_fill(const struct replay_input *in, const struct replay_outcome *out,
			 double free_tv, double *value)
{
	for (unsigned i = 0; i < REPLAY_NR_METRICS; i++)
		value[i] = NAN;
	if (out->replayed) {
		fill_exactness(&out->report, value);
		fill_counts(&out->report, value);
		fill_books(in, out, value);
		value[M_LOST_EVENTS] = (double)in->trace->lost;
	}
	fill_times(in, out, value);
	fill_end(out, value);
	value[M_TV_FREE] = free_tv;
}
