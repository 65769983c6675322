/* SPDX-License-Identifier: MIT */
/*
 * Free lists in random order, so that addresses cannot be guessed.
 *
 * Counterpart: mm/shuffle.c. Only blocks of the highest order are shuffled: once at the end of
 * boot, by changing places with a random one, and at each free by a coin that chooses head or tail.
 * Difference: the coins come from the machine's seed, and each zone has its own.
 *
 * Locking: zone->lock is held for the coin; mm_buddy_shuffle_zone() takes it.
 */
#ifndef MM_BUDDY_SHUFFLE_H
#define MM_BUDDY_SHUFFLE_H

#include "zone.h"

#define MM_SHUFFLE_ORDER MMSIM_MAX_PAGE_ORDER

/* Counterpart: shuffle_pick_tail(). */
bool mm_buddy_shuffle_pick_tail(struct mm_zone *zone);

/*
 * Each block of the highest order changes places with a random one of its type. Nothing without the
 * policy. Counterpart: shuffle_zone().
 */
void mm_buddy_shuffle_zone(struct mm_zone *zone);

#endif
