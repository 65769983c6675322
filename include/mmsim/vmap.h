/* SPDX-License-Identifier: MIT */
/*
 * The kernel's virtual addresses (KVA): who has which, and how freed ones come back.
 *
 * A struct mmsim_vmap is one kernel's vmalloc space: a tree of free addresses, areas in use, and nodes. An
 * area belongs to the node of its address while it is in use, and to the node of the CPU that asked for it
 * when it was freed: there it waits, lazily, until TLBs have been flushed once for many, and then lies in a
 * pool of its size for the next one who asks. mmsim/vmalloc.h puts memory behind such addresses; the calls
 * here are the addresses alone.
 *
 * Models the upper half of mm/vmalloc.c as of Linux 7.0. Designs that came before and after are policies, see
 * struct mmsim_vmap_params. Differences: several such spaces may exist in one machine, each with page tables
 * of its own; addresses are numbers, not pointers, unless MMSIM_VMAP_TOUCHABLE; where the kernel warns and
 * goes on a call fails with an error and a line in the log.
 *
 * A call with a NULL for the space returns -EINVAL, or 0 where an address or a number is expected, or does
 * nothing, also where that is not said below.
 *
 * Threads: any number may be at one space. It is used only while its machine exists and is booted.
 */
#ifndef MMSIM_VMAP_H
#define MMSIM_VMAP_H

#include <mmsim/api.h>
#include <mmsim/gfp.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

struct mmsim_vmap;

/** The addresses that vmalloc() gives out on x86-64, without KASLR. */
#define MMSIM_VMALLOC_START_4 UINT64_C(0xffffc90000000000)
#define MMSIM_VMALLOC_END_4 (MMSIM_VMALLOC_START_4 + (UINT64_C(32) << 40) - 1)
#define MMSIM_VMALLOC_START_5 UINT64_C(0xffa0000000000000)
#define MMSIM_VMALLOC_END_5 (MMSIM_VMALLOC_START_5 + (UINT64_C(12800) << 40) - 1)

/** Nodes at most: by default, as in the kernel; if asked for, as many as an area's flags can name. */
#define MMSIM_VMAP_MAX_NODES_AUTO 128
#define MMSIM_VMAP_MAX_NODES 254

/** Who keeps freed addresses, and how they come back. */
enum mmsim_vmap_design {
	MMSIM_VMAP_AUTO, /* LOCAL natively, where it is the fastest; NODES, the kernel's, elsewhere */
	/* Nodes, one drain for all of them (6.9 and later). */
	MMSIM_VMAP_NODES,
	/* One busy tree, one lazy tree and one free tree, a lock each; no pools (to 6.8). */
	MMSIM_VMAP_ONE_LOCK,
	/*
	 * Of libmmsim: a node for each CPU. What was freed is sorted by size at once, and its node takes it
	 * back as a whole after any flush that began later: no drain, nothing is walked. Whoever frees more
	 * than a node's share of lazy_max flushes himself, so addresses that wait are bounded. Small ones are
	 * taken from the free tree several at a time. A pool gives the latest first; of what it did not
	 * need since it was last filled, beyond a share's worth, a quarter returns to the free tree: decay,
	 * pool_cap and MMSIM_VMAP_HIGHPRI_DRAIN have no effect.
	 */
	MMSIM_VMAP_LOCAL,
	MMSIM_NR_VMAP_DESIGNS
};

/** What areas in use are found by. */
enum mmsim_vmap_busy {
	/*
	 * TREE in virtual time, whose costs are to be the kernel's, unless the design is LOCAL; else INDEX.
	 */
	MMSIM_VMAP_BUSY_AUTO,
	/*
	 * Per node a red-black tree under a lock; lazy pages are one atomic counter; what waits is taken by
	 * address, so pools give the highest first (the kernel).
	 */
	MMSIM_VMAP_BUSY_TREE,
	/*
	 * Of libmmsim: an array by address, a lock for each area; lazy pages are counted by node first;
	 * what waits is taken as it was freed, so pools give the latest first.
	 */
	MMSIM_VMAP_BUSY_INDEX,
	MMSIM_NR_VMAP_BUSY
};

/** How memory for an area is asked for. */
enum mmsim_vmap_backing {
	/* Large blocks without reclaim first, split at once, then 100 single pages at a time (6.19). */
	MMSIM_VMAP_BACKING_LARGE,
	/* 100 single pages at a time (to 6.18). */
	MMSIM_VMAP_BACKING_BULK,
	MMSIM_NR_VMAP_BACKINGS
};

/** How much of a pool a drain gives back to the free tree. */
enum mmsim_vmap_decay {
	MMSIM_VMAP_DECAY_QUARTER, /* len / 4 (2025) */
	MMSIM_VMAP_DECAY_UNDERFLOW, /* len / 4, and all if there are fewer than 4 (6.9) */
	MMSIM_VMAP_DECAY_NONE,
	MMSIM_NR_VMAP_DECAYS
};

/** Flags of mmsim_vmap_params.flags. */
enum {
	/**
	 * Free page tables that map nothing when their addresses return to the free tree; one flush serves
	 * both.
	 */
	MMSIM_VMAP_FREE_TABLES = 1 << 0,
	/** The drain and its helpers have the highest priority: WQ_HIGHPRI. */
	MMSIM_VMAP_HIGHPRI_DRAIN = 1 << 1,
	/**
	 * start and end are chosen by the host: 64 GiB of its addresses, or `end` bytes if that is not 0,
	 * which can be read and written where an area is. What is there is the host's memory, not that of
	 * the machine's pages. params.start must be 0.
	 */
	MMSIM_VMAP_TOUCHABLE = 1 << 2,
};

/** What to make; zero means the default in each field. */
struct mmsim_vmap_params {
	uint32_t design; /* enum mmsim_vmap_design */
	uint32_t busy; /* enum mmsim_vmap_busy */
	uint32_t backing; /* enum mmsim_vmap_backing */
	uint32_t decay; /* enum mmsim_vmap_decay */
	/*
	 * How many vmap nodes: 1 to MMSIM_VMAP_MAX_NODES; 1 has no pools. 0: as many as CPUs, at most 128
	 * (LOCAL: 254); ONE_LOCK: 1, and nothing else.
	 */
	uint32_t nodes;
	uint32_t levels; /* of page tables: 4 or 5; 0: 4 */
	uint32_t flags; /* MMSIM_VMAP_* */
	/* Areas in a pool at most after a drain, the rest returns to the free tree; 0: no limit. */
	uint32_t pool_cap;
	/*
	 * [start, end), bytes, whole pages, in one half of what is canonical with levels; both 0: as x86-64
	 * has it.
	 */
	uint64_t start, end;
	uint64_t lazy_max; /* pages that wait before a drain; 0: fls(CPUs) * 8192 */
};

/** Flags of an area, with the kernel's values. */
enum {
	MMSIM_VM_IOREMAP = 0x1,
	MMSIM_VM_ALLOC = 0x2,
	MMSIM_VM_MAP = 0x4,
	MMSIM_VM_USERMAP = 0x8,
	MMSIM_VM_DMA_COHERENT = 0x10,
	MMSIM_VM_UNINITIALIZED = 0x20,
	MMSIM_VM_NO_GUARD = 0x40,
	MMSIM_VM_FLUSH_RESET_PERMS = 0x100,
	MMSIM_VM_MAP_PUT_PAGES = 0x200,
	MMSIM_VM_ALLOW_HUGE_VMAP = 0x400,
	MMSIM_VM_SPARSE = 0x1000,
};

/** What a space did and has. Sums over nodes; exact while all is idle. */
struct mmsim_vmap_info {
	uint64_t nodes;
	uint64_t busy; /* areas in use */
	uint64_t lazy, lazy_pages; /* areas that wait for a flush, and their pages */
	uint64_t pooled, pooled_pages; /* areas in pools, ready to be used again */
	uint64_t free_blocks; /* of the free tree: stretches of addresses */
	uint64_t pool_hits, pool_misses; /* of requests that might have been served from a pool */
	uint64_t drains; /* passes of a drain; LOCAL: flushes */
	uint64_t helpers; /* works that helped */
	/* Areas taken from waiting; LOCAL: by mmsim_vmap_purge() and for want of room only. */
	uint64_t purged;
	/* Areas given from pools to the free tree; LOCAL: for the same reasons, and by the shrinker. */
	uint64_t decayed;
	uint64_t flushes; /* of TLBs */
	uint64_t lazy_peak; /* most pages that waited at once, as far as anybody looked; LOCAL: 0 */
	uint64_t tables; /* pages of page tables now, the top one included */
	uint64_t tables_peak; /* most at once */
	uint64_t tables_freed;
	uint64_t blocks; /* of vm_map_ram() */
	uint64_t pages; /* nr_vmalloc_pages */
};

/**
 * mmsim_vmap_create - an empty space.
 * @params: NULL: all defaults.
 * @out: receives it; NULL if there is none.
 *
 * Returns 0; -EINVAL with a message that names the field; -EBUSY when the machine is not booted; -ENOMEM.
 * Owned by the caller until mmsim_vmap_destroy(), before its machine's. Context: any; may wait. Cost:
 * O(nodes). Since 0.1. Models vmalloc_init().
 */
MMSIM_API int mmsim_vmap_create(struct mmsim *m, const struct mmsim_vmap_params *params,
				struct mmsim_vmap **out);

/**
 * mmsim_vmap_destroy - free what is left, and the space.
 *
 * Areas still in use are freed with their pages, except pages that were vmap()ed without
 * MMSIM_VM_MAP_PUT_PAGES. Nobody else uses it any more. NULL is allowed. Context: any; waits.
 * Cost: O(areas). Since 0.1.
 */
MMSIM_API void mmsim_vmap_destroy(struct mmsim_vmap *v);

/**
 * mmsim_vmap_params_of - what it was made with, defaults filled in.
 *
 * Returns 0; -EINVAL for a NULL. Context: any. Cost: O(1). Since 0.1.
 */
MMSIM_API int mmsim_vmap_params_of(const struct mmsim_vmap *v, struct mmsim_vmap_params *out);

/**
 * mmsim_alloc_vmap_area - take addresses, and nothing else.
 * @size:  bytes, a multiple of 4096, not 0; no guard page is added.
 * @align: bytes, a power of two; less than 4096 is as 4096.
 * @start, @end: inside [start, end), bytes; 0, 0: what vmalloc() uses, for which pools are asked first.
 * @gfp:   without MMSIM_GFP_DIRECT_RECLAIM nothing is purged to make room.
 * @addr:  receives the lowest address that fits, or one from a pool; not written on failure.
 *
 * Returns 0; -EINVAL for a size, align or range that is not as above, with a message; -EBUSY when there is
 * no room, after everything that waits was purged and notifiers freed nothing; -ENOMEM. Context: any, holding
 * no lock; may wait if gfp allows it. Cost: O(1) from a pool, else O(log n). Since 0.1.
 * Models alloc_vmap_area().
 */
MMSIM_API int mmsim_alloc_vmap_area(struct mmsim_vmap *v, uint64_t size, uint64_t align,
				    uint64_t start, uint64_t end, mmsim_gfp_t gfp, uint64_t *addr);

/**
 * mmsim_free_vmap_area - give back what mmsim_alloc_vmap_area() returned.
 *
 * They are not given out again before TLBs were flushed. Returns 0; -EINVAL with a message when no area that
 * this call may free begins at addr, or it was freed already. Context: any; waits only in the LOCAL design.
 * Cost: O(log n), amortised over drains. Since 0.1. Models free_vmap_area_noflush().
 */
MMSIM_API int mmsim_free_vmap_area(struct mmsim_vmap *v, uint64_t addr);

/**
 * mmsim_vmap_purge - make everything that waits usable again.
 * @full: and give all pools back to the free tree; else they decay as in any drain (LOCAL: they stay).
 *
 * Returns how many areas were waiting. Context: any, holding no lock; waits. Cost: O(areas waiting, pooled).
 * Since 0.1. Models __purge_vmap_area_lazy().
 */
MMSIM_API uint64_t mmsim_vmap_purge(struct mmsim_vmap *v, int full);

/**
 * mmsim_vmap_shrink_count - areas in pools. Context: any. Cost: O(nodes). Since 0.1.
 * Models vmap_node_shrink_count().
 */
MMSIM_API uint64_t mmsim_vmap_shrink_count(struct mmsim_vmap *v);

/**
 * mmsim_vmap_shrink_scan - give all pools back to the free tree, as under memory pressure.
 *
 * What waits goes on waiting. Returns how many areas that were. Context: any, holding no lock; waits. Cost:
 * O(areas). Since 0.1. Models vmap_node_shrink_scan().
 */
MMSIM_API uint64_t mmsim_vmap_shrink_scan(struct mmsim_vmap *v);

/** Asked when there is no room: returns how many areas it freed. */
typedef uint64_t (*mmsim_vmap_notify_fn)(void *ctx);

/**
 * mmsim_vmap_notify_set - whom to ask for room before a request fails with -EBUSY; NULL: nobody.
 *
 * It runs in the task that asks, with no lock held, and may call anything here but allocate. It is asked
 * again as long as it says that it freed something and there is no room. Change it while nobody else uses
 * the space. Context: any. Since 0.1. Models register_vmap_purge_notifier().
 */
MMSIM_API void mmsim_vmap_notify_set(struct mmsim_vmap *v, mmsim_vmap_notify_fn fn, void *ctx);

/**
 * mmsim_vmap_info - what it did and has.
 *
 * Returns 0; -EINVAL for a NULL. Context: any. Cost: O(nodes); with an index all of it is looked through
 * for `busy`. Since 0.1.
 */
MMSIM_API int mmsim_vmap_info(struct mmsim_vmap *v, struct mmsim_vmap_info *out);

/**
 * mmsim_vmap_validate - every invariant of the space; stops the program with the name of the one that is
 * broken.
 *
 * Nobody else uses the space meanwhile. Context: any. Cost: O(areas + tables). Since 0.1.
 */
MMSIM_API void mmsim_vmap_validate(struct mmsim_vmap *v);

MMSIM_END_DECLS

#endif
