/* SPDX-License-Identifier: MIT */
/*
 * Ageing: from a freshly booted machine to one whose memory is fragmented as stated.
 *
 * Memory is filled by a mix of lifetimes until it is short, turned over, and then given back down to
 * the share that shall stay in use. What is given back is chosen so that the figures asked for are
 * met: scattered single pages where free memory is to be fragmented, whole pageblocks where it is not.
 * The same parameters on the same machine give the same pages on every host and in every mode but
 * native, where booting is not repeatable.
 *
 * The figures are of the zones that ordinary requests reach: of those whose managed pages are more
 * than what lowmem_reserve and the high watermark keep from such requests. That leaves out zone DMA on
 * all but the smallest machines.
 *
 * Models nothing in the kernel; the indices are those of mmsim/frag.h.
 */
#ifndef MMSIM_AGEING_H
#define MMSIM_AGEING_H

#include <mmsim/api.h>
#include <mmsim/gfp.h>
#include <stdbool.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/** Who holds memory, and for how long. */
enum mmsim_age_kind {
	/* Movable, order 0, in bursts of 1 to 32 pages; the oldest go first, but a quarter is used
	 * again and then mostly kept. */
	MMSIM_AGE_PAGE_CACHE,
	/* Movable, in bursts of 16 to 2048 pages that belong to one of 256 processes; half of the larger
	 * ones in order 9, as far as there are such blocks. A process gives back all at once. */
	MMSIM_AGE_ANON,
	/* Orders 0 to 3, each as likely to go as any other, but one in 16 lives 16 times longer. */
	MMSIM_AGE_RECLAIMABLE,
	MMSIM_AGE_UNMOVABLE,
	/* Unmovable, order 0, for ever. */
	MMSIM_AGE_PINNED,
	MMSIM_NR_AGE_KINDS
};

/** What to reach, and how. Zero it, and set at least fill. */
struct mmsim_ageing {
	uint32_t fill; /* 1 to 1000: thousandths of the managed pages that are in use at the end */
	/* 1 to 1000: the unusable index for order 9, thousandths; 0: whatever it becomes. */
	uint32_t unusable;
	/* 1 to 1000: thousandths of the pageblocks with an unmovable page in them; 0: whatever. */
	uint32_t mixed;
	uint32_t tolerance; /* of all three, thousandths, 1 to 500; 0: 20 */
	/* Pages of each kind, in proportion, up to 1000000; all 0: 450, 350, 80, 100, 20. */
	uint32_t share[MMSIM_NR_AGE_KINDS];
	/* 1 to 100000: how often memory is turned over while it is full, thousandths; 0: 500. */
	uint32_t turnover;
	uint64_t seed;
	uint64_t max_steps; /* allocations and frees after which it ends; 0: 64 for every page */
};

/** What was reached. Pages and pageblocks are those of the zones that ordinary requests reach. */
struct mmsim_ageing_report {
	bool met; /* everything asked for, within the tolerance */
	uint32_t fill, unusable, mixed; /* thousandths, as in struct mmsim_ageing */
	uint64_t pages; /* managed */
	uint64_t free; /* on the buddy lists; per-CPU lists have been drained */
	uint64_t free_2m; /* 2 MiB blocks: of order 9, and halves of order 10 */
	uint64_t pageblocks;
	uint64_t mixed_pageblocks; /* with an unmovable page in them */
	uint64_t held[MMSIM_NR_AGE_KINDS]; /* pages that the ageing has still */
	uint64_t steps; /* allocations and frees, failed ones too */
	uint64_t allocations, frees, failures; /* blocks */
};

/** The pages that an ageing holds. */
struct mmsim_aged;

/**
 * mmsim_age - age a booted machine.
 * @params: read during the call only.
 * @out:    receives what holds the pages, or NULL on failure. The caller's until mmsim_aged_free(),
 *          and not bound to the machine's life.
 * @report: what was reached; may be NULL.
 *
 * Runs on the caller's CPU; with several nodes each gets its part. Movable pages are marked MMSIM_PG_LRU.
 * Where not all can be had, mixed comes before unusable, that before fill, and shares come last.
 * The pages must not be freed by anybody else.
 *
 * Returns 0, also when the targets could not be reached (report->met is false then); -EINVAL with a
 * message that names the field; -EBUSY unless the machine is booted whole; -ENOMEM: everything has
 * been freed again. Context: any, while nobody else uses the machine. Cost: O(pages * turnover), a few
 * bytes of memory per page. Since 0.1.
 */
MMSIM_API int mmsim_age(struct mmsim *m, const struct mmsim_ageing *params, struct mmsim_aged **out,
			struct mmsim_ageing_report *report) MMSIM_MUST_CHECK;

/**
 * mmsim_aged_release - give part of the pages back, in random order.
 * @thousandths: 0 to 1000, of the blocks that are still held.
 * @report: as mmsim_age(), of now; met: all of them were still there. May be NULL.
 *
 * Pages that were freed by somebody else, or forgotten by mmsim_reset(), are left alone. Returns 0;
 * -EINVAL with a message for a wrong share or the wrong machine; -EBUSY unless booted whole.
 * Context: as mmsim_age(). Cost: O(blocks held). Since 0.1.
 */
MMSIM_API int mmsim_aged_release(struct mmsim *m, struct mmsim_aged *aged, uint32_t thousandths,
				 struct mmsim_ageing_report *report);

/**
 * mmsim_aged_free - forget them: pages that were not released stay allocated for good.
 * @aged: NULL is allowed.
 *
 * Context: any, also after mmsim_destroy(). Since 0.1.
 */
MMSIM_API void mmsim_aged_free(struct mmsim_aged *aged);

MMSIM_END_DECLS

#endif
