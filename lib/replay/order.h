/* SPDX-License-Identifier: MIT */
/*
 * What comes next in a trace: on the same CPU, and to the same page.
 *
 * Counterpart: none. A tracepoint says what happened, not when it was asked for: the request whose refill
 * is recorded now is the next allocation event of this CPU, and of two requests of which one interrupted
 * the other, the events come in the wrong order.
 *
 *  Q1: next_on_cpu[i] is the first event after i on the CPU of i, next_of_page[i] the first after i that
 *      names its pfn; MM_NO_EVENT where there is none.
 *  Q2: upcoming[pfn] is the first event that has not been passed and names pfn.
 *
 * Cost: two words per event and one per page frame.
 */
#ifndef MM_REPLAY_ORDER_H
#define MM_REPLAY_ORDER_H

#include <mmsim/replay.h>

#define MM_NO_EVENT UINT32_MAX

struct mm_order {
	const struct mmsim_trace_event *events;
	uint32_t nr;
	uint64_t nr_pages;
	uint32_t *next_on_cpu, *next_of_page; /* [nr] */
	uint32_t *upcoming; /* [nr_pages] */
};

/* 0 or -ENOMEM. The events' pfns are below nr_pages, their CPUs below nr_cpus. */
int mm_replay_order_init(struct mm_order *o, const struct mmsim_trace_event *events, size_t nr,
			 uint64_t nr_pages, unsigned nr_cpus);
void mm_replay_order_fini(struct mm_order *o);

/* Event i has been dealt with. Q2. */
static inline void mm_order_pass(struct mm_order *o, uint32_t i)
{
	o->upcoming[o->events[i].pfn] = o->next_of_page[i];
}

static inline const struct mmsim_trace_event *mm_order_upcoming(const struct mm_order *o,
								uint64_t pfn)
{
	uint32_t i = o->upcoming[pfn];

	return i == MM_NO_EVENT ? NULL : &o->events[i];
}

static inline const struct mmsim_trace_event *mm_order_next_on_cpu(const struct mm_order *o,
								   uint32_t i)
{
	return o->next_on_cpu[i] == MM_NO_EVENT ? NULL : &o->events[o->next_on_cpu[i]];
}

#endif
