/* SPDX-License-Identifier: MIT */
/*
 * Counting pageblocks by the pages in them, each once, without a bitmap: pages come in ascending order.
 * Counterpart: none. Locking: none.
 */
#ifndef MM_REPLAY_MARKER_H
#define MM_REPLAY_MARKER_H

#include "bits.h"
#include <mmsim/gfp.h>

struct mm_marker {
	uint64_t nr;
	uint64_t next; /* the first pageblock that is not counted */
};

/* Those of [pfn, end); nothing if that is empty. */
static inline void mm_replay_mark(struct mm_marker *marker, uint64_t pfn, uint64_t end)
{
	uint64_t first = mm_max(pfn / MMSIM_PAGEBLOCK_NR_PAGES, marker->next);
	uint64_t next = mm_div_round_up(end, MMSIM_PAGEBLOCK_NR_PAGES);

	if (pfn >= end || first >= next)
		return;
	marker->nr += next - first;
	marker->next = next;
}

#endif
