/* SPDX-License-Identifier: MIT */
/*
 * How long per-CPU lists are, and how many pages go to and fro.
 *
 * Counterpart: nr_pcp_alloc(), nr_pcp_high(), nr_pcp_free(), zone_batchsize(), zone_highsize().
 * Locking: pcp->lock is held by the caller.
 */
#ifndef MM_BUDDY_PCP_TUNE_H
#define MM_BUDDY_PCP_TUNE_H

#include "pcp.h"

/* Blocks to take from the zone for an empty list of this order. */
int mm_buddy_nr_pcp_alloc(struct mm_zone *zone, struct mm_pcp *pcp, unsigned order);

/*
 * After blocks of 2^order pages came to the lists: pages to give back, 0 if they may stay.
 */
int mm_buddy_nr_pcp_free(struct mm_zone *zone, struct mm_pcp *pcp, unsigned order);

/* Of a list that has come to be `high` pages long, how many go. */
int mm_buddy_nr_pcp_surplus(const struct mm_pcp *pcp, int high);

/* One step of high towards the count. Returns the pages above it. */
int mm_buddy_pcp_high_decay(struct mm_pcp *pcp);

#endif
