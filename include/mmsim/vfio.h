/* SPDX-License-Identifier: MIT */
/*
 * Pinning a guest's memory for a device, as VFIO does before the guest starts.
 *
 * A container has a guest's memory: pages numbered from 0 in steps of 4 KiB, of which no frame exists
 * until somebody asks for it. Pinning a stretch brings what is missing in blocks of 2 MiB (transparent
 * huge pages), clears them, takes a reference to every page so that it stays where it is, enters what is
 * contiguous into the IOMMU's table, and accounts it as locked memory, for which there is a limit. It is
 * work for several threads: a ktask (mmsim/ktask.h), which undoes everything if any part of it fails.
 *
 * Models vfio_iommu_type1 and what the patches of the ktask RFC v4 (2018) made of it. Differences: where
 * no block of 2 MiB is to be had pinning fails, single pages are not tried; the limit is checked where
 * memory is accounted only; stretches are given by the guest's page, there is no choice of I/O addresses;
 * unpinning may take any part of what is pinned.
 *
 * Frames are the container's: do not free them. mmsim_free_pages() refuses a block of which a page is pinned ("has N
 * references"); one that is not pinned has one reference, as any memory that may be moved, and is not told from the
 * caller's own.
 */
#ifndef MMSIM_VFIO_H
#define MMSIM_VFIO_H

#include <mmsim/api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

/** Pages of a guest at most: 256 TiB. */
#define MMSIM_VFIO_MAX_PAGES (UINT64_C(1) << 36)

/** Least work of a thread: 128 MiB, as VFIO has it. */
#define MMSIM_VFIO_MIN_CHUNK 32768

/** Most threads, if nothing else is said: as VFIO has it. */
#define MMSIM_VFIO_MAX_THREADS 16

/** Of mmsim_vfio_params.limit: RLIM_INFINITY. */
#define MMSIM_VFIO_NO_LIMIT UINT64_MAX

/** What to make; zero what is not wanted. */
struct mmsim_vfio_params {
	uint64_t nr_pages; /* 1 to MMSIM_VFIO_MAX_PAGES; the last block may be used in part */
	uint64_t
		limit; /* pages that may be locked, RLIMIT_MEMLOCK; MMSIM_VFIO_NO_LIMIT: any number */
	uint64_t min_chunk; /* pages; 0: MMSIM_VFIO_MIN_CHUNK */
};

/**
 * How to pin; any of them together. Without one it is done as the kernel did it: each page under its own
 * read lock of mmap_sem, each contiguous run accounted under the write lock.
 */
enum {
	/* locked_vm is changed atomically instead of under mmap_sem (patch 8 of the RFC). */
	MMSIM_VFIO_ATOMIC = 1 << 0,
	/* mmap_sem is held for all pages of a block of 2 MiB at once (patch 9). */
	MMSIM_VFIO_BATCHED = 1 << 1,
	/* A thread accounts 128 MiB ahead, or what is left of its chunk, if the limit allows. */
	MMSIM_VFIO_CACHED = 1 << 2,
	/* Every page is accounted by itself, before it is known how long its run is. */
	MMSIM_VFIO_PER_PAGE = 1 << 3,
};

/** A container and the memory of its guest. */
struct mmsim_vfio;

/**
 * mmsim_vfio_create - a container for a guest without any frame yet.
 * @params: read during the call only.
 * @out:    receives the container, or NULL on failure. The caller's until mmsim_vfio_destroy(), which
 *          comes before mmsim_reset() and mmsim_destroy().
 *
 * Returns 0; -EINVAL with a message for a field out of range or a NULL; -ENOMEM, with a message when the host has
 * less memory available than the metadata may need. Context: any. Cost: metadata, 2 bits for each page and 8 bytes
 * for each block of 2 MiB. Since 0.1. Models VFIO_SET_IOMMU and the guest's mmap().
 */
MMSIM_API int mmsim_vfio_create(struct mmsim *m, const struct mmsim_vfio_params *params,
				struct mmsim_vfio **out) MMSIM_MUST_CHECK;

/**
 * mmsim_vfio_destroy - unpin everything, free all frames, forget the container.
 * @v: NULL is allowed; nobody else uses it.
 *
 * Context: any. Cost: O(pages). Since 0.1.
 */
MMSIM_API void mmsim_vfio_destroy(struct mmsim_vfio *v);

/**
 * mmsim_vfio_pin - pin [first, first + nr) of the guest's pages.
 * @flags: MMSIM_VFIO_ATOMIC …
 * @max_threads: most threads, the caller's among them; 0: MMSIM_VFIO_MAX_THREADS.
 *
 * Frames come from the node that a thread is on. Runs of the IOMMU's table end where frames are not
 * contiguous and where chunks end. Calls for one container take turns.
 *
 * On failure no page of the stretch is pinned, mapped or accounted, as before; frames that were brought
 * stay, as after any access.
 *
 * Returns 0; -EINVAL with a message for nr 0, a stretch that is not inside the guest's memory, or unknown
 * flags; -EEXIST with a message that names the first page of it that is pinned already; -EBUSY with a
 * message unless the machine is booted; -ENOMEM when the limit would be exceeded, or no block of 2 MiB is
 * free; -EFAULT for a hole (mmsim_vfio_set_hole()). Context: any; waits. Cost: per page two changes of
 * one word that all threads share, unless MMSIM_VFIO_BATCHED; per block an allocation and clearing 2 MiB.
 * Since 0.1. Models vfio_pin_map_dma().
 */
MMSIM_API int mmsim_vfio_pin(struct mmsim_vfio *v, uint64_t first, uint64_t nr, uint32_t flags,
			     uint32_t max_threads);

/**
 * mmsim_vfio_unpin - the opposite, by the caller alone.
 *
 * A run that reaches beyond the stretch is cut. Frames stay.
 *
 * Returns 0; -EINVAL with a message for nr 0 or a stretch that is not inside the guest's memory; -ENOENT
 * with a message that names the first page of it that is not pinned: then nothing was unpinned. Context:
 * any; may wait. Cost: O(nr / 64). Since 0.1. Models vfio_unmap_unpin().
 */
MMSIM_API int mmsim_vfio_unpin(struct mmsim_vfio *v, uint64_t first, uint64_t nr);

/**
 * mmsim_vfio_set_hole - let the guest's memory end, or begin again, for a while.
 * @page: one of the block of 2 MiB that becomes a hole, or no longer is one.
 *
 * A frame that is there is freed: it is not kept for later. Pinning a hole fails.
 *
 * Returns 0; -EINVAL with a message for a page that is not the guest's; -EBUSY while any page of the block
 * is pinned. Context: any; may wait. Cost: O(1). Since 0.1. Models munmap() and mmap() of 2 MiB.
 */
MMSIM_API int mmsim_vfio_set_hole(struct mmsim_vfio *v, uint64_t page, bool hole);

/** What a container has; figures of one moment if nobody pins at the time. In pages. */
struct mmsim_vfio_stats {
	uint64_t locked_vm;
	uint64_t pinned;
	uint64_t runs; /* of the IOMMU's table */
	uint64_t present; /* with a frame, in whole blocks */
};

/**
 * mmsim_vfio_stats - count.
 *
 * Returns 0; -EINVAL with a message for a NULL @out. Context: any. Cost: O(pages / 64). Since 0.1.
 */
MMSIM_API int mmsim_vfio_stats(struct mmsim_vfio *v, struct mmsim_vfio_stats *out);

/** An entry of the IOMMU's table. */
struct mmsim_vfio_run {
	uint64_t first; /* page of the guest */
	uint64_t nr;
	uint64_t pfn; /* of the first */
};

/**
 * mmsim_vfio_run - the entry that maps a page.
 *
 * Returns 0; -ENOENT for a page that is not mapped or not the guest's, *out unchanged. Context: any, while
 * nobody pins or unpins the page. Cost: O(length of the run / 64). Since 0.1.
 * Models iommu_iova_to_phys().
 */
MMSIM_API int mmsim_vfio_run(struct mmsim_vfio *v, uint64_t page, struct mmsim_vfio_run *out);

MMSIM_END_DECLS

#endif
