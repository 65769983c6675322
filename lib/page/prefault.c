/* SPDX-License-Identifier: MIT */
/* Touching memory before it is used. */
#include "prefault.h"

static void touch_huge_pages(unsigned long start, unsigned long end, void *area)
{
	mm_page_area_touch(area, start * MM_HUGE_2M, end * MM_HUGE_2M);
}

void mm_page_prefault(struct mm_area *area, struct mm_padata *padata, uint64_t from, uint64_t to)
{
	struct mmsim_padata_mt_job job = {
		.thread_fn = touch_huge_pages,
		.fn_arg = area,
		.start = from / MM_HUGE_2M,
		.size = (to - from) / MM_HUGE_2M,
		.min_chunk = 1,
	};
	uint64_t began = mm_exec_now(padata->crew->exec);

	mm_job_padata_do_multithreaded(padata, &job);
	area->got.touch_ns += mm_exec_now(padata->crew->exec) - began;
}
