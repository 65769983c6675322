/* SPDX-License-Identifier: MIT */
/*
 * Events, named and filled as the kernel's kmem tracepoints (include/trace/events/kmem.h).
 */
#ifndef MMSIM_TRACE_H
#define MMSIM_TRACE_H

#include <mmsim/api.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

enum mmsim_event_id {
	MMSIM_EV_MM_PAGE_ALLOC, /* pfn (0 if it failed), order, migratetype, gfp */
	MMSIM_EV_MM_PAGE_FREE, /* pfn, order */
	MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED, /* pfn, order, migratetype; arg: percpu_refill, the order is one of per-CPU lists */
	MMSIM_EV_MM_PAGE_PCPU_DRAIN, /* pfn, order, migratetype */
	MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG, /* pfn, order, migratetype; arg: fallback order; fallback_migratetype, change_ownership */
	MMSIM_EV_MM_PAGE_FREE_BATCHED, /* pfn; after the free of a page that came in a batch */
	MMSIM_EV_MM_VMSCAN_WAKEUP_KSWAPD, /* order, gfp; arg: the zone's node; at each request that finds its zones below low, as there is no kswapd that could be awake */
	MMSIM_NR_EVENTS
};

struct mmsim_event {
	uint32_t id; /* enum mmsim_event_id */
	uint32_t cpu;
	uint64_t pfn;
	uint32_t order;
	int32_t migratetype;
	uint32_t gfp;
	uint32_t arg;
	int32_t fallback_migratetype;
	uint32_t change_ownership; /* 1: the pageblock is now of the type asked for */
};

typedef void (*mmsim_event_fn)(void *ctx, const struct mmsim_event *event);

/**
 * mmsim_trace_set - call fn for every event from now on; NULL stops.
 *
 * fn runs where the event happens, partly under allocator locks and on several threads at once: it
 * must be quick, must not wait and must not call back into the machine. Change it while nobody else
 * uses the machine. Context: any. Since 0.1.
 */
MMSIM_API void mmsim_trace_set(struct mmsim *m, mmsim_event_fn fn, void *ctx);

/** mmsim_event_name - "mm_page_alloc", … or NULL for an unknown id. Since 0.1. */
MMSIM_API const char *mmsim_event_name(uint32_t id);

/** What a mark says. */
enum mmsim_mark_kind {
	MMSIM_MARK_BEGIN, /* on this task, `name` begins; marks of a task nest */
	MMSIM_MARK_END, /* what began last on this task ends */
	MMSIM_MARK_RUN, /* the task begins to run on the CPU; value: 0 */
	MMSIM_MARK_STOP, /* the task no longer runs on the CPU */
	MMSIM_MARK_COUNTER, /* `name` is `value` from now on */
};

/** A point of a run's timeline. */
struct mmsim_mark {
	uint64_t ns; /* the machine's clock on that CPU */
	uint32_t cpu;
	uint32_t task; /* 1, 2, …: order of creation */
	uint32_t kind; /* enum mmsim_mark_kind */
	const char *
		name; /* "chunk", "work", "zone->lock" (a wait for it), "node 0 MB/s", …; NULL for RUN, STOP */
	uint64_t value; /* BEGIN: size of a chunk, else 0; COUNTER: the value */
};

typedef void (*mmsim_mark_fn)(void *ctx, const struct mmsim_mark *mark);

/**
 * mmsim_timeline_set - call fn for every mark from now on; NULL stops.
 *
 * For drawing what ran where: chunks of jobs, works, waits for locks, and in virtual mode tasks on CPUs
 * and bandwidth. Asking for marks does not change what a virtual or explored machine does. fn as with
 * mmsim_trace_set(). Context: any. Since 0.1.
 */
MMSIM_API void mmsim_timeline_set(struct mmsim *m, mmsim_mark_fn fn, void *ctx);

MMSIM_END_DECLS

#endif
