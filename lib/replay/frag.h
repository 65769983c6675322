/* SPDX-License-Identifier: MIT */
/*
 * How fragmented a zone is, by its free lists, its pageblocks and its pages; of a simulated zone and of
 * a snapshot by the same arithmetic.
 *
 * Counterpart: fill_contig_page_info(), unusable_free_index(), __fragmentation_index(),
 * extfrag_for_order() of mm/vmstat.c, integer division by integer division. The kernel counts neither
 * huge pages to be had nor pageblocks that hold something unmovable.
 *
 *  F1: free and the indices count isolated free blocks as well, as the kernel's do; free_huge and
 *      optimal_huge do not.
 *  F2: a page is unmovable if it is allocated and not marked PG_lru, or on a per-CPU list of another
 *      type than Movable. Reserved pages are of nobody's concern.
 *
 * Locking: mm_replay_frag_info() takes those of books.h and reads struct pages without any: idle zone.
 */
#ifndef MM_REPLAY_FRAG_H
#define MM_REPLAY_FRAG_H

#include "buddy.h"
#include <mmsim/frag.h>
#include <mmsim/replay.h>

/* What free lists say: everything but names and pageblocks, which become 0. Pure. */
void mm_replay_frag_lists(const uint64_t nr_free[][MMSIM_MAX_MIGRATETYPES],
			  struct mmsim_frag_info *info);

/* Aligned free blocks of a pageblock's size that could be had. Pure. */
uint64_t mm_replay_frag_free_huge(const uint64_t nr_free[][MMSIM_MAX_MIGRATETYPES]);

/* Of a populated zone. Cost: O(pages). */
void mm_replay_frag_info(struct mm_zone *zone, struct mmsim_frag_info *info);

/* As mmsim_snapshot_frag(). */
int mm_replay_snapshot_frag(const struct mmsim_snapshot *snap, size_t zone,
			    struct mmsim_frag_info *info);

#endif
