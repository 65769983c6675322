/* SPDX-License-Identifier: MIT */
/* Handing events on, and their names. */
#include "event.h"

const char *mm_obs_event_name(uint32_t id)
{
	static const char *const names[MMSIM_NR_EVENTS] = {
		[MMSIM_EV_MM_PAGE_ALLOC] = "mm_page_alloc",
		[MMSIM_EV_MM_PAGE_FREE] = "mm_page_free",
		[MMSIM_EV_MM_PAGE_ALLOC_ZONE_LOCKED] = "mm_page_alloc_zone_locked",
		[MMSIM_EV_MM_PAGE_PCPU_DRAIN] = "mm_page_pcpu_drain",
		[MMSIM_EV_MM_PAGE_ALLOC_EXTFRAG] = "mm_page_alloc_extfrag",
		[MMSIM_EV_MM_PAGE_FREE_BATCHED] = "mm_page_free_batched",
		[MMSIM_EV_MM_VMSCAN_WAKEUP_KSWAPD] = "mm_vmscan_wakeup_kswapd",
	};

	return id < MMSIM_NR_EVENTS ? names[id] : NULL;
}

void mm_obs_emit(const struct mm_obs *obs, struct mmsim_event event)
{
	event.cpu = mm_task_current()->cpu;
	obs->sink(obs->ctx, &event);
}
