/* SPDX-License-Identifier: MIT */
/*
 * Snapshots and traces of real kernels, and replaying them on a simulated machine.
 *
 * A snapshot is what a page allocator holds at one moment: its free blocks in list order, the pages
 * on its per-CPU lists, the types of its pageblocks. A trace is what was asked of it: the kmem
 * tracepoints. A replay starts a machine from a snapshot, asks it for what the trace says was asked
 * for, on the same CPU, in the same order, and counts how often it gives the very page frame that the
 * kernel gave. Every decision is the machine's own: recorded refills, drains and fallbacks are
 * compared with its own. Where they show that something happened which no event tells, such as the
 * vmstat worker or page reporting, that is made to happen, and counted.
 *
 * Kernel counterparts: the lists of struct zone and struct per_cpu_pages, /proc/kpageflags,
 * /proc/pagetypeinfo, /proc/zoneinfo, include/trace/events/kmem.h.
 */
#ifndef MMSIM_REPLAY_H
#define MMSIM_REPLAY_H

#include <mmsim/api.h>
#include <mmsim/config.h>
#include <mmsim/gfp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/** A line that says what is wrong with a file: "FILE:LINE: reason". */
struct mmsim_replay_error {
	char text[256];
};

/** One zone, as /proc/zoneinfo shows it. */
struct mmsim_snap_zone {
	uint32_t node;
	uint32_t type; /* enum mmsim_zone_type */
	uint64_t start_pfn, spanned, present, managed;
	uint64_t free; /* "pages free" */
	uint64_t boost, min, low, high, promo;
	uint64_t protection[MMSIM_NR_ZONES]; /* lowmem_reserve */
};

/** A free block. Blocks of one list stand together in list order, its head first. */
struct mmsim_snap_block {
	uint64_t pfn;
	uint16_t zone; /* index into zones */
	uint8_t order;
	uint8_t migratetype; /* enum mmsim_migratetype: the list that it is on */
};

/** A page, or a block of a higher order, on a per-CPU list; heads first as above. */
struct mmsim_snap_pcp_page {
	uint64_t pfn;
	uint32_t cpu;
	uint16_t zone;
	uint8_t order;
	uint8_t migratetype;
};

/** struct per_cpu_pages of one zone and CPU. */
struct mmsim_snap_pcp {
	uint32_t cpu;
	uint16_t zone;
	uint16_t
		flags; /* 1: the last free was of a high order, 2: free high-order ones in batches */
	uint32_t count, high, batch, high_min, high_max;
	uint32_t free_count, alloc_factor;
	uint32_t pad;
};

/** nr things from pfn on that have the same value. */
struct mmsim_snap_run {
	uint64_t pfn;
	uint64_t nr; /* pageblocks or pages */
	uint64_t value; /* migratetype, or the flags word of /proc/kpageflags */
};

/** Settings of the kernel that matter to its page allocator; UINT64_MAX where not known. */
struct mmsim_snap_sysctl {
	uint64_t min_free_kbytes, watermark_boost_factor, watermark_scale_factor;
	uint64_t percpu_pagelist_high_fraction;
	uint64_t lowmem_reserve_ratio[MMSIM_NR_ZONES];
};

enum {
	MMSIM_SNAP_LIST_ORDER = 1 << 0, /* blocks are in true list order, not just by address */
	MMSIM_SNAP_PCP_PAGES = 1 << 1, /* pcp_pages is known */
	MMSIM_SNAP_PAGEBLOCKS = 1 << 2, /* pageblocks is known; else all are Movable */
	MMSIM_SNAP_PAGEFLAGS = 1 << 3, /* pageflags is known */
	MMSIM_SNAP_CMA = 1 << 4, /* migratetype 4 is CMA and 5 Isolate; else 4 is Isolate */
};

struct mmsim_snapshot {
	uint32_t flags; /* MMSIM_SNAP_* */
	uint32_t nr_cpus, nr_nodes;
	uint64_t max_pfn; /* one past the last page of any zone */
	struct mmsim_snap_sysctl sysctl;
	/* When the lists were read, ns on the trace's clock: [begin, end]; 0, 0: not known. */
	uint64_t read_begin_ns, read_end_ns;
	size_t nr_zones, nr_blocks, nr_pcps, nr_pcp_pages, nr_pageblocks, nr_pageflags;
	struct mmsim_snap_zone *zones;
	struct mmsim_snap_block *blocks; /* by zone, order, migratetype, place */
	struct mmsim_snap_pcp *pcps;
	struct mmsim_snap_pcp_page *pcp_pages; /* by zone, cpu, order, migratetype, place */
	struct mmsim_snap_run *pageblocks; /* by pfn */
	struct mmsim_snap_run *pageflags; /* by pfn */
};

/**
 * mmsim_snapshot_load - read DIR/PREFIX.* of a recording.
 * @dir:    a directory with zoneinfo, and with freelists or freemap; pcp, pageblocks, pageflags,
 *          pagetypeinfo and DIR/meta.json where there are any. X.zst or X.
 * @prefix: "before" or "after".
 *
 * Returns 0; -ENOENT when a file that is needed is missing; -EINVAL for anything in a file that
 * cannot be, -ENOTSUP for a compressed file when built without zstd, -ENOMEM; -EIO. *err then says what and where. The snapshot is
 * the caller's until mmsim_snapshot_free(). Blocks lie within their zones, do not overlap, and agree
 * with the zone's count of free pages within what per-CPU counters may hide; memory is bounded by what zoneinfo declares. Context: any. Since 0.1.
 */
MMSIM_API int mmsim_snapshot_load(const char *dir, const char *prefix, struct mmsim_snapshot **out,
				  struct mmsim_replay_error *err);

/**
 * mmsim_snapshot_host - the same of the kernel that runs here, from /proc.
 *
 * Reads /proc/kpageflags, zoneinfo, pagetypeinfo and sysctls; needs root. No list order and no
 * per-CPU pages are to be had: free blocks come by address, those of per-CPU lists look allocated.
 * Returns also -EACCES without the right to read. Since 0.1.
 */
MMSIM_API int mmsim_snapshot_host(struct mmsim_snapshot **out, struct mmsim_replay_error *err);

/** mmsim_snapshot_free - NULL is allowed. Since 0.1. */
MMSIM_API void mmsim_snapshot_free(struct mmsim_snapshot *snap);

/**
 * mmsim_snapshot_config - the machine that a snapshot is of.
 *
 * Overwrites *cfg: serial mode, cold, CPUs, nodes, RAM up to each zone's end, and the kernel's settings where known.
 * Returns 0, or -EINVAL with *err when no config can have that shape. Since 0.1.
 */
MMSIM_API int mmsim_snapshot_config(const struct mmsim_snapshot *snap, struct mmsim_config *cfg,
				    struct mmsim_replay_error *err);

/**
 * mmsim_snapshot_restore - give a cold machine the lists of a snapshot.
 *
 * Pages that are neither free, on a per-CPU list nor reserved are allocated afterwards, by whom and with which order
 * nobody knows: replay finds out when they are freed.
 * Returns 0; -EBUSY unless the machine is cold; -EINVAL with *err when it has another shape, or the
 * snapshot holds what cannot be: then the machine is cold again.
 * Context: nobody else uses the machine. Cost: O(pages). Since 0.1.
 */
MMSIM_API int mmsim_snapshot_restore(struct mmsim *m, const struct mmsim_snapshot *snap,
				     struct mmsim_replay_error *err);

/**
 * mmsim_snapshot_take - the lists of a simulated machine, now.
 *
 * Returns 0 or -ENOMEM. pageflags is left out. Context: nobody else uses the machine. Since 0.1.
 */
MMSIM_API int mmsim_snapshot_take(struct mmsim *m, struct mmsim_snapshot **out);

/** How two snapshots of the same machine differ. */
struct mmsim_snapshot_diff {
	uint64_t blocks; /* in b */
	uint64_t in_list; /* of them in the same list of a: zone, order, migratetype */
	uint64_t
		in_order; /* of these in the same order: longest common subsequence, list by list */
	uint64_t lists, lists_equal; /* non-empty in a or b; of them alike, block for block */
	uint64_t pcp_blocks, pcp_in_list, pcp_in_order, pcp_lists, pcp_lists_equal;
	uint64_t pageblocks_different;
	/* Half the sum over zone, order and migratetype of |share of free pages in a - in b|. */
	double tv_distance;
};

/** mmsim_snapshot_compare - 0, -EINVAL for different zones, or -ENOMEM. Cost: O(n log n). Since 0.1. */
MMSIM_API int mmsim_snapshot_compare(const struct mmsim_snapshot *a, const struct mmsim_snapshot *b,
				     struct mmsim_snapshot_diff *diff);

enum mmsim_trace_kind {
	MMSIM_TRACE_ALLOC, /* mm_page_alloc */
	MMSIM_TRACE_FREE, /* mm_page_free */
	MMSIM_TRACE_FREE_BATCHED, /* mm_page_free_batched */
	MMSIM_TRACE_ZONE_LOCKED, /* mm_page_alloc_zone_locked */
	MMSIM_TRACE_DRAIN, /* mm_page_pcpu_drain */
	MMSIM_TRACE_EXTFRAG, /* mm_page_alloc_extfrag */
	MMSIM_NR_TRACE_KINDS
};

struct mmsim_trace_event {
	uint64_t ns; /* of the trace's clock */
	uint32_t pfn; /* 0 in ALLOC: it failed */
	uint32_t line; /* of the file, from 1; the low 32 bits */
	uint32_t gfp; /* ALLOC: MMSIM___GFP_* */
	uint16_t cpu;
	uint8_t kind; /* enum mmsim_trace_kind */
	uint8_t order; /* EXTFRAG: alloc_order */
	uint8_t migratetype; /* EXTFRAG: alloc_migratetype */
	uint8_t fallback_order, fallback_migratetype; /* EXTFRAG */
	uint8_t flag; /* ZONE_LOCKED: percpu_refill; EXTFRAG: change_ownership; FREE: a FREE_BATCHED of it follows */
};

/** Formats of trace files; told apart by their beginning. */
enum mmsim_trace_format {
	MMSIM_TRACE_TEXT, /* recordings; trace-cmd report, perf script, tracefs `trace`, any mixture */
	MMSIM_TRACE_LLFREE, /* 16-byte records in pages tagged with their CPU */
};

struct mmsim_trace {
	uint32_t format; /* enum mmsim_trace_format */
	uint32_t nr_cpus; /* highest CPU seen + 1 */
	size_t nr;
	struct mmsim_trace_event *events;
	uint64_t lines; /* read */
	uint64_t other_lines; /* no kmem event: headers, other tracepoints, blank */
	uint64_t lost; /* events that the tracer says were lost ("LOST n EVENTS") */
	uint64_t backwards; /* events earlier than the one before them */
	uint64_t unpaired_batched; /* FREE_BATCHED without a FREE before it: events were lost */
	uint64_t unknown_gfp; /* names of gfp flags that are not known, ignored */
};

/**
 * mmsim_trace_load - read a trace.
 * @path: a file as above, .zst or not.
 * @snap: the machine that it must fit: pfns beyond it, or CPUs, are errors; NULL: anything fits.
 *
 * Returns as mmsim_snapshot_load(). A kmem line that cannot be read is an error; a line that is none
 * is counted. At most 2^27 events. Since 0.1.
 */
MMSIM_API int mmsim_trace_load(const char *path, const struct mmsim_snapshot *snap,
			       struct mmsim_trace **out, struct mmsim_replay_error *err);

/** mmsim_trace_free - NULL is allowed. Since 0.1. */
MMSIM_API void mmsim_trace_free(struct mmsim_trace *trace);

enum mmsim_hint_kind {
	MMSIM_HINT_DIRECT_FREE, /* the free in line1 went past the per-CPU list, which was in use */
	MMSIM_HINT_UNTRACED_ALLOC, /* pfn left the CPU's list between the lines without an event */
	MMSIM_HINT_UNSEEN_DRAIN, /* pfn went from the CPU's list to the free lists likewise */
};

struct mmsim_hint {
	uint32_t kind; /* enum mmsim_hint_kind */
	uint32_t cpu;
	uint64_t line1, line2; /* lines of the trace */
	uint64_t pfn;
	uint32_t order;
	int32_t migratetype; /* -1: not said */
};

struct mmsim_hints {
	size_t nr;
	struct mmsim_hint *hints; /* in file order */
};

/** mmsim_hints_load - read resolved.zst, at most 2^24 hints. Returns as mmsim_trace_load(). Since 0.1. */
MMSIM_API int mmsim_hints_load(const char *path, const struct mmsim_snapshot *snap,
			       struct mmsim_hints **out, struct mmsim_replay_error *err);

/** mmsim_hints_free - NULL is allowed. Since 0.1. */
MMSIM_API void mmsim_hints_free(struct mmsim_hints *hints);

/** Why an allocation did not give the page of the recording, or something else was not as recorded. */
enum mmsim_mismatch {
	/* Allocations: the kernel's page was … */
	MMSIM_MISMATCH_SKIPPED, /* deeper in the list: those above went out unseen */
	MMSIM_MISMATCH_LIST_ORDER, /* deeper in the list: those above are still there later */
	MMSIM_MISMATCH_OTHER_LIST, /* on another per-CPU list */
	MMSIM_MISMATCH_IN_ZONE, /* on the zone's free lists */
	MMSIM_MISMATCH_IN_USE, /* handed out already */
	MMSIM_MISMATCH_CORRECTED, /* this one, but only because a refill had been corrected */
	MMSIM_MISMATCH_FAILED, /* there, but the simulation had none, or the other way round */
	/* Frees. */
	MMSIM_MISMATCH_FREE_LISTED, /* of a page on a per-CPU list: it went out unseen */
	MMSIM_MISMATCH_FREE_FREE, /* of a page on the zone's free lists */
	MMSIM_MISMATCH_FREE_UNKNOWN, /* free-running: of a page that was never seen handed out */
	MMSIM_MISMATCH_FREE_SPLIT, /* of a part of a larger block, or of several at once */
	/* Refills and drains. */
	MMSIM_MISMATCH_REFILL, /* pages: another one, or none */
	MMSIM_MISMATCH_REFILL_EXTRA, /* pages refilled that were not */
	MMSIM_MISMATCH_DRAIN, /* pages: another one, or none */
	MMSIM_MISMATCH_DRAIN_EXTRA, /* pages drained that were not */
	MMSIM_NR_MISMATCHES
};

/** mmsim_mismatch_name - "skipped", … or NULL. Since 0.1. */
MMSIM_API const char *mmsim_mismatch_name(unsigned kind);

/** Options of mmsim_replay(); zeroes mean the defaults. */
struct mmsim_replay_options {
	/* Never correct or skip anything: pages get partners, and differences stay. */
	bool free_running;
	const struct mmsim_hints *hints; /* NULL: without */
	/*
	 * Only events in [from_ns, to_ns]; 0, 0: all. With snapshots that were read while events went on:
	 * read_end_ns of the first to read_begin_ns of the last.
	 */
	uint64_t from_ns, to_ns;
	/* Called for each mismatch in the order of the trace. NULL: nobody. */
	void (*mismatch)(void *ctx, unsigned kind, const struct mmsim_trace_event *event,
			 uint64_t simulated_pfn);
	void *ctx;
};

/** What a replay found. */
struct mmsim_replay_report {
	uint64_t events; /* replayed, of all kinds */
	/* mm_page_alloc events; of them with the kernel's own page, or failing as it did. */
	uint64_t allocs, exact;
	uint64_t
		late; /* of the exact: their event, or that of a page above, came after a later request's */
	uint64_t refilled,
		refilled_exact; /* pages: recorded; of them the same page at the same place */
	uint64_t drained, drained_exact;
	/* Of the drained: how many more than ours would have been, had the kernel not drained them. */
	uint64_t drained_prompted;
	uint64_t extfrags, extfrags_exact; /* fallbacks: the same page from the same place */
	uint64_t frees;
	uint64_t unseen_allocs; /* pages found to have gone out without an event */
	uint64_t direct_frees; /* past the per-CPU list, from hints or found out later */
	uint64_t longest_run; /* of exact allocations */
	/*
	 * Times that the books of per-CPU lists (high, free_count, alloc_factor) were set by what the
	 * kernel did, as the vmstat worker and some requests that change them are not traced.
	 */
	uint64_t books_corrected;
	uint64_t
		unseen_refills; /* of lists found to hold pages that nobody was seen to put there */
	uint64_t rotated; /* free blocks found to have gone to the tail of their list: reporting */
	uint64_t retyped; /* pageblocks found to be of another type, without an event: reporting */
	uint64_t
		unprompted_drains; /* runs of drains that no free began: vmstat worker, drain_all */
	uint64_t mismatch[MMSIM_NR_MISMATCHES];
};

/**
 * mmsim_replay - ask a machine for what a trace says was asked for.
 * @m: in serial mode, restored from the snapshot that the trace begins with.
 *
 * Returns 0; -EINVAL with *err when the machine is not in serial mode or the trace does not fit it; -ENOMEM. Without
 * free_running the machine follows: after a mismatch the kernel's page changes hands, counted, and
 * the rest goes on from there. What was asked for and when is taken from the trace; which page is
 * not. Context: nobody else uses the machine. Cost: O(events). Since 0.1.
 */
MMSIM_API int mmsim_replay(struct mmsim *m, const struct mmsim_trace *trace,
			   const struct mmsim_replay_options *options,
			   struct mmsim_replay_report *report, struct mmsim_replay_error *err);

MMSIM_END_DECLS

#endif
