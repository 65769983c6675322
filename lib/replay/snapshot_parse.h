/* SPDX-License-Identifier: MIT */
/*
 * The files of a recorded snapshot but zoneinfo, each read on its own.
 *
 * Kernel counterparts: the lists of free_area and per_cpu_pages, pageblock_flags, /proc/kpageflags,
 * /proc/pagetypeinfo.
 *
 * S1: a block is naturally aligned, of an order that exists, and lies within its zone.
 * S2: no page is in two blocks, be they on free lists or on per-CPU lists.
 * S3: runs come by pfn and do not overlap.
 *
 * Each parser returns 0, or -EINVAL, -EIO or -ENOMEM with the reader's message, and appends to the
 * snapshot in the order of the file.
 *
 * Locking: none.
 */
#ifndef MM_REPLAY_SNAPSHOT_PARSE_H
#define MM_REPLAY_SNAPSHOT_PARSE_H

#include "pageset.h"
#include "zoneinfo.h"

/* Pages that interrupts may have moved while a snapshot was read. */
#define MM_REPLAY_SLACK 1024

/* A snapshot while it is read. */
struct mm_replay_loading {
	struct mmsim_snapshot *snap;
	struct mm_replay_zoneinfo zoneinfo;
	struct mm_pageset taken; /* S2 */
	bool types_known; /* pagetypeinfo said whether there is CMA */
};

/* "pfn order zone migratetype", in list order */
int mm_replay_parse_freelists(struct mm_reader *r, struct mm_replay_loading *loading);
/* "pfn order reported"; the types are those of pageblocks, which must have been read */
int mm_replay_parse_freemap(struct mm_reader *r, struct mm_replay_loading *loading);
/* "zone cpu order migratetype pfn" and "# pcp ZONE cpu=C count=N …" */
int mm_replay_parse_pcp(struct mm_reader *r, struct mm_replay_loading *loading);
/* "pfn pageblocks migratetype …" */
int mm_replay_parse_pageblocks(struct mm_reader *r, struct mm_replay_loading *loading);
/* "pfn pages flags" */
int mm_replay_parse_pageflags(struct mm_reader *r, struct mm_replay_loading *loading);
/* Only for whether the kernel has CMA. */
int mm_replay_parse_pagetypeinfo(struct mm_reader *r, struct mm_replay_loading *loading);

/*
 * S1, S2: finds the zone of a block, of that type or for type < 0 of any, and marks its pages as taken.
 */
int mm_replay_take_block(struct mm_reader *r, struct mm_replay_loading *loading, int type,
			 uint64_t pfn, unsigned int order, uint16_t *zone);
/* What its zone and the type of its pageblock make of a free block that was found by address. */
int mm_replay_add_found_block(struct mm_reader *r, struct mm_replay_loading *loading, uint64_t pfn,
			      unsigned int order);
/* The type of a pageblock; Movable where not known. */
uint8_t mm_replay_pageblock_type(const struct mmsim_snapshot *snap, uint64_t pfn);

#endif
