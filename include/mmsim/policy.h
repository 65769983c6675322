/* SPDX-License-Identifier: MIT */
/*
 * How the page allocator behaves: what a kernel's sysctls, boot parameters and version decide.
 *
 * In every field zero means what the kernel does by default (Linux 6.18).
 */
#ifndef MMSIM_POLICY_H
#define MMSIM_POLICY_H

#include <mmsim/api.h>
#include <mmsim/gfp.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/** What holds the free page frames of a zone. */
enum mmsim_allocator {
	MMSIM_ALLOCATOR_LINUX, /* buddy lists behind per-CPU lists */
	MMSIM_ALLOCATOR_BITMAP, /* bitmaps under a tree of counters, lock-free, in the spirit of LLFree */
	MMSIM_NR_ALLOCATORS
};

/** Where a page comes from when the lists of its migratetype are empty. */
enum mmsim_fallback {
	/* Claim pageblocks, then steal from the smallest block; what worked last is tried first (6.16). */
	MMSIM_FALLBACK_CACHED,
	/* The same, searching anew for each page (6.15). */
	MMSIM_FALLBACK_UNCACHED,
	/* If the pageblock of the largest block cannot be claimed, one page from that block (to 6.14). */
	MMSIM_FALLBACK_LARGEST,
	MMSIM_NR_FALLBACKS
};

/** How a per-CPU list that is too long is given back. */
enum mmsim_pcp_free {
	MMSIM_PCP_FREE_WHOLE, /* all at once, at most batch << 5 (to 6.18) */
	MMSIM_PCP_FREE_SLICED, /* a batch per acquisition of the zone lock (6.19) */
	MMSIM_NR_PCP_FREES
};

/** How long per-CPU lists may be. */
enum mmsim_pcp_high {
	MMSIM_PCP_HIGH_AUTO, /* between high_min and high_max, as the load wants it (6.7) */
	MMSIM_PCP_HIGH_FIXED, /* high_min always (to 6.6) */
	MMSIM_NR_PCP_HIGHS
};

/** Flags of mmsim_policy.flags. */
enum {
	/** page_alloc.shuffle: free lists of the highest order in random order. */
	MMSIM_POLICY_SHUFFLE = 1 << 0,
	/** page_poison: free pages are filled and checked; needs MMSIM_BACK_PAGES. */
	MMSIM_POLICY_POISON = 1 << 1,
	/** vm.defrag_mode: avoid fallbacks even where that means failing sooner. */
	MMSIM_POLICY_DEFRAG_MODE = 1 << 2,
	/** Data cache large enough that high-order pages are freed in batches (PCPF_FREE_HIGH_BATCH). */
	MMSIM_POLICY_FREE_HIGH_BATCH = 1 << 3,
	/** watermark_boost_factor is 0, not the default. */
	MMSIM_POLICY_NO_BOOST = 1 << 4,
};

struct mmsim_alloc_policy {
	uint32_t allocator; /* enum mmsim_allocator */
	uint32_t fallback; /* enum mmsim_fallback */
	uint32_t pcp_free; /* enum mmsim_pcp_free */
	uint32_t pcp_high; /* enum mmsim_pcp_high */
	uint32_t flags; /* MMSIM_POLICY_* */
	uint32_t min_free_kbytes; /* 0: isqrt(16 * KiB of low memory), 128 to 262144 */
	uint32_t watermark_scale_factor; /* 1 to 3000, of 10000; 0: 10 */
	uint32_t watermark_boost_factor; /* of 10000; 0: 15000 */
	uint32_t percpu_pagelist_high_fraction; /* 0, or 8 and up: high is managed/fraction/CPUs */
	uint32_t
		pcp_batch_scale_max; /* 1 to 7: at most batch << (this - 1) pages at a time; 0: 6 */
	uint32_t lowmem_reserve_ratio[MMSIM_NR_ZONES]; /* 0: 256, 256, 32, 0; UINT32_MAX: none */
};

/** What happened in a zone. Counts since boot. */
struct mmsim_zone_stat {
	uint64_t refills, refilled; /* of per-CPU lists; pages */
	uint64_t drains, drained; /* the same back */
	uint64_t claims; /* pageblocks that changed their type for a request */
	uint64_t steals; /* pages taken out of blocks of another type */
	uint64_t boosts; /* of the watermark */
	uint64_t kswapd_wakes;
};

MMSIM_END_DECLS

#endif
