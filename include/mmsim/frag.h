/* SPDX-License-Identifier: MIT */
/*
 * How fragmented memory is: of a simulated machine and of a real kernel's snapshot, side by side.
 *
 * The indices are those of the kernel's debugfs files extfrag/unusable_index and
 * extfrag/extfrag_index, computed with its integer divisions. Beside them stand what huge pages could
 * be had (the score of the allocator LLFree) and what keeps others from being made: pageblocks with
 * something in them that cannot be moved.
 */
#ifndef MMSIM_FRAG_H
#define MMSIM_FRAG_H

#include <mmsim/api.h>
#include <mmsim/gfp.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

struct mmsim_snapshot;

/** What the free blocks are to requests of one order. */
struct mmsim_frag_order {
	/* Free pages in blocks that are too small, thousandths of all free pages; 1000 if none is free. */
	uint32_t unusable;
	/* The same in percent, 0 if none is free: what proactive compaction looks at. */
	uint32_t extfrag_percent;
	/*
	 * -1000: a suitable block is free. Else thousandths: near 0 too little is free, near 1000 it is
	 * in too small blocks. 0 if none is free; with few blocks rounding gives -999 to -1.
	 */
	int32_t fragmentation;
};

struct mmsim_frag_info {
	unsigned node;
	enum mmsim_zone_type type;
	uint64_t free; /* pages on the free lists, isolated ones too, as in the indices */
	struct mmsim_frag_order order[MMSIM_NR_PAGE_ORDERS];
	/* Free aligned blocks of 2 MiB, in blocks of this size and larger; isolated ones left out. */
	uint64_t free_huge;
	/* What free_huge would be if the free pages lay together. LLFree's score: free_huge / this. */
	uint64_t optimal_huge;
	uint64_t free_pageblocks; /* that are wholly free, isolated ones too */
	/* By enum mmsim_migratetype; all 0 where a snapshot does not know. */
	uint64_t pageblocks[MMSIM_MAX_MIGRATETYPES];
	/*
	 * Pageblocks with an unmovable page in them: one that is allocated and not marked MMSIM_PG_LRU,
	 * or that is on a per-CPU list of another type than Movable. Reserved pages do not count.
	 * UINT64_MAX where a snapshot does not know.
	 */
	uint64_t unmovable_pageblocks;
};

/**
 * mmsim_frag_info - how fragmented a zone is.
 * @node: below mmsim_nr_nodes().
 * @type: the zone.
 * @info: receives it; unchanged on failure.
 *
 * Returns 0; -ENOENT when that node has no such zone; -EINVAL for a node or type out of range. The
 * indices alone are in the texts of mmsim_print_unusable_index() and mmsim_print_extfrag_index(),
 * which may be had of a busy machine. Context: while nobody else uses the machine. Cost: O(pages).
 * Since 0.1. Models unusable_free_index(), __fragmentation_index() and extfrag_for_order() of
 * mm/vmstat.c.
 */
MMSIM_API int mmsim_frag_info(struct mmsim *m, unsigned node, enum mmsim_zone_type type,
			      struct mmsim_frag_info *info);

/**
 * mmsim_snapshot_frag - the same of a snapshot.
 * @snap: of a kernel or of a machine.
 * @zone: index into snap->zones.
 * @info: receives it; unchanged on failure.
 *
 * unmovable_pageblocks is known with MMSIM_SNAP_PAGEFLAGS only, where what is neither free, reserved,
 * offline nor on an LRU list counts as unmovable, a folio's tails as its head; without
 * MMSIM_SNAP_PCP_PAGES all pages of per-CPU lists are among those. A section of 128 MiB whose pages
 * have no flag at all is taken for a hole. pageblocks is known with MMSIM_SNAP_PAGEBLOCKS.
 * Returns 0; -EINVAL when there is no such zone, or a block of it has an order or migratetype that
 * does not exist; -ENOMEM. Context: any; nobody changes the snapshot. Cost: O(blocks + runs + n log n
 * in pages of per-CPU lists). Since 0.1. Models as mmsim_frag_info().
 */
MMSIM_API int mmsim_snapshot_frag(const struct mmsim_snapshot *snap, size_t zone,
				  struct mmsim_frag_info *info);

MMSIM_END_DECLS

#endif
