/* SPDX-License-Identifier: MIT */
/*
 * Touching an area's memory before it is used, on all CPUs at once, so that the host's page faults
 * and clearing fall into no measurement.
 */
#ifndef MM_PAGE_PREFAULT_H
#define MM_PAGE_PREFAULT_H

#include "backing.h"
#include "padata.h"

/*
 * Touch [from, to) of the area, byte offsets that are multiples of 2 MiB, and add the time it took
 * to area->got.touch_ns. Waits. Cost: a page fault per host page.
 */
void mm_page_prefault(struct mm_area *area, struct mm_padata *padata, uint64_t from, uint64_t to);

#endif
