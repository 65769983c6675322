/* SPDX-License-Identifier: MIT */
/*
 * Events: one vocabulary, the kernel's kmem tracepoints, for whoever listens.
 *
 * Counterpart: include/trace/events/kmem.h. Off costs one predicted branch.
 *
 * Locking: the sink is set while the machine is idle; events come from any task, some under locks.
 */
#ifndef MM_OBS_EVENT_H
#define MM_OBS_EVENT_H

#include "exec.h"
#include <mmsim/trace.h>

struct mm_obs {
	mmsim_event_fn sink;
	void *ctx;
};

void mm_obs_emit(const struct mm_obs *obs, struct mmsim_event event);

/* mm_event(obs, .id = …, .pfn = …): the fields are not even computed while nobody listens. */
#define mm_event(obs, ...)                                                     \
	do {                                                                   \
		if (mm_unlikely((obs)->sink != NULL))                          \
			mm_obs_emit(obs, (struct mmsim_event){ __VA_ARGS__ }); \
	} while (0)

/* NULL for an unknown id. */
const char *mm_obs_event_name(uint32_t id);

#endif
