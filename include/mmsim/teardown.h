/* SPDX-License-Identifier: MIT */
/*
 * How mapped memory is taken down: by one thread, with workers that free, or by several on parts of the
 * range.
 *
 * In every way the order is that of an mmu_gather: entries are unhooked from the page tables, TLBs are
 * flushed, and only then pages are freed. What differs is who does what:
 *
 *  serial           the caller does all (the kernel).
 *  batch workers    the caller unhooks and flushes; whole chains of batches are freed by workers of an
 *                   unbound workqueue (Aaron Lu, "mm: support parallel free of memory", 2017, not merged).
 *  range-parallel   parts of the range are unhooked, flushed and freed, page tables included, by a ktask,
 *                   each part on the node where its memory is; TLB flushes that several of them want are
 *                   merged.
 *
 * Models mm/mmu_gather.c, mm/swap.c, and what its reviewers asked of the series above.
 */
#ifndef MMSIM_TEARDOWN_H
#define MMSIM_TEARDOWN_H

#include <mmsim/api.h>
#include <mmsim/mm.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

enum mmsim_teardown_way {
	MMSIM_TEARDOWN_SERIAL,
	MMSIM_TEARDOWN_BATCH_WORKERS,
	MMSIM_TEARDOWN_RANGE_PARALLEL,
	MMSIM_NR_TEARDOWNS
};

/** How freed pages reach the page allocator. */
enum mmsim_teardown_free {
	/* The way's own: RUNS if it is range-parallel, else PCP. */
	MMSIM_TEARDOWN_FREE_DEFAULT,
	/* Through the per-CPU lists, page by page, 31 at a time off the LRU (the kernel). */
	MMSIM_TEARDOWN_FREE_PCP,
	/* Pages that follow each other as blocks, past the per-CPU lists, a batch at a time off the LRU. */
	MMSIM_TEARDOWN_FREE_RUNS,
	MMSIM_NR_TEARDOWN_FREES
};

/** Zero means the default in each field. */
struct mmsim_teardown {
	uint32_t way; /* enum mmsim_teardown_way */
	uint32_t free; /* enum mmsim_teardown_free */
	/*
	 * Batch workers. What was gathered goes to a worker when the caller flushes, which is when
	 * max_batches are full, or at the end; if it has fewer pages than threshold the caller frees it.
	 * So a smaller threshold wants a smaller max_batches: threshold / 510, rounded up.
	 */
	uint64_t threshold; /* pages, a huge one is one; 0: 262144 */
	uint32_t max_batches; /* of 510 pages, gathered at most; 1 to 65536; 0: 515 */
	/* Workers at once, per node; 1 to MMSIM_MAX_CPUS; 0: the workqueue's default. */
	uint32_t max_active;
	/*
	 * Range-parallel. Threads, the caller included: 1 to MMSIM_MAX_CPUS; 0: as many as the job engine
	 * allows.
	 */
	uint32_t max_threads;
	/* A thread's share at a time, a multiple of 512; 0: 8192, or what one PMD table maps of huge pages. */
	uint32_t chunk_pages;
};

/** What taking down did, of all address spaces of the machine, since its start. */
struct mmsim_teardown_info {
	uint64_t gathers; /* that ended: of a range-parallel call one for each part, too */
	uint64_t pages; /* unhooked from page tables, pages of 4 KiB */
	uint64_t freed; /* of these, given back to the allocator: nobody else had them */
	uint64_t tables; /* pages of page tables freed */
	uint64_t flushes; /* of TLBs, asked for by gathers */
	uint64_t merged; /* of these, that rode with another's */
	/* Of these, early: batches were full, none was to be had, or a page of a file was dirty. */
	uint64_t forced;
	uint64_t handed; /* chains given to workers */
	uint64_t handed_pages; /* in them, a huge one is one */
	uint64_t not_handed; /* freed by the caller because there was no memory to hand them over */
	uint64_t single_tables; /* freed one by one because there was no memory for a batch */
	uint64_t max_batches; /* most batches that one gather had at a time */
};

/** What TLBs did. */
struct mmsim_tlb_info {
	uint64_t flushes; /* of ranges or of everything, asked for */
	uint64_t full; /* of these, of everything */
	uint64_t ipis; /* interrupts sent: one for each CPU */
	uint64_t lazy_skipped; /* CPUs not interrupted because they were lazy */
	uint64_t switches; /* of address spaces, on all CPUs */
	uint64_t late; /* flushes made up for when an address space was entered again */
};

/**
 * mmsim_set_teardown - from now on. NULL: all defaults.
 *
 * Whoever is at it already goes on in the old way. Returns 0; -EINVAL with a message that names the field;
 * -ENOMEM: nothing is changed. Context: any; waits. Cost: O(CPUs). Since 0.1. Models debugfs parallel_free/
 * and max_active of the series.
 */
MMSIM_API int mmsim_set_teardown(struct mmsim *m, const struct mmsim_teardown *teardown);

/**
 * mmsim_teardown_info - what taking down did.
 *
 * Returns 0; -EINVAL for a NULL. Context: any; exact while all is idle. Cost: O(1). Since 0.1.
 */
MMSIM_API int mmsim_teardown_info(struct mmsim *m, struct mmsim_teardown_info *out);

/**
 * mmsim_tlb_info - what TLBs did.
 *
 * Returns 0; -EINVAL for a NULL. Context: any; exact while all is idle. Cost: O(CPUs). Since 0.1.
 */
MMSIM_API int mmsim_tlb_info(struct mmsim *m, struct mmsim_tlb_info *out);

MMSIM_END_DECLS

#endif
