/* SPDX-License-Identifier: MIT */
/*
 * Many blocks at once between a zone and a CPU's lists.
 *
 * Counterpart: rmqueue_bulk(), free_pcppages_bulk(), which handle each block for itself. So it is done
 * here too where somebody listens to events or charges. Elsewhere a refill takes whole runs and cuts them
 * up once the zone is unlocked, and a drain unites what merges within itself before it goes to the zone.
 *
 *  M1: either way the same blocks end in the same order on the same lists.
 *
 * Locking: pcp->lock is held by the caller; zone->lock is taken here, once.
 */
#ifndef MM_BUDDY_PCP_BULK_H
#define MM_BUDDY_PCP_BULK_H

#include "pcp.h"

/* At most nr blocks to the end of a list, in the order the zone gives them. */
void mm_buddy_pcp_fill(struct mm_zone *zone, struct mm_pcp *pcp, unsigned order,
		       enum mmsim_migratetype mt, unsigned alloc_flags, int nr);

/* Give nr pages back, oldest first: from the list `first` until it is empty, then the next, round. */
void mm_buddy_pcp_empty(struct mm_zone *zone, struct mm_pcp *pcp, int nr, unsigned first);

#endif
