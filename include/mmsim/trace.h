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
	MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG, /* pfn, order, migratetype, fallback order in arg */
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

MMSIM_END_DECLS

#endif
