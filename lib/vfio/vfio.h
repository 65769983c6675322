/* SPDX-License-Identifier: MIT */
/*
 * A VFIO container: a guest's memory, pinned for a device by several threads.
 *
 * Counterpart: drivers/vfio/vfio_iommu_type1.c; mmsim/vfio.h says what differs. Inside: pages and
 * references are guest_memory.h's, what is mapped is iommu.h's; a chunk of the ktask is pin.c's.
 *
 *  F1: a page has one reference for the device if it is mapped, and none otherwise; except those of a
 *      chunk at work or a call that has not returned.
 *  F2: locked_vm is the number of mapped pages, with the same exception; it is never above the limit.
 *
 * Locking: `lock`, a mutex, around every call that maps or unmaps; inside it mmap_sem, by the threads of
 * the task. locked_vm is changed under mmap_sem held for writing, or atomically: all at work at one time
 * do the same, as they work for one call.
 */
#ifndef MM_VFIO_H
#define MM_VFIO_H

#include "guest_memory.h"
#include "iommu.h"
#include "ktask.h"
#include "mutex.h"
#include "rwsem.h"
#include <mmsim/vfio.h>

struct mmsim_vfio {
	struct mm_exec *exec; /* these: constant after init */
	struct mm_log *log;
	struct mm_ktask *ktask;
	uint64_t limit, min_chunk;
	struct mm_mutex lock;
	struct mm_guest_memory guest;
	struct mm_vfio_iommu
		iommu; /* under lock; while a task is at work each chunk is its thread's */
	struct mm_rwsem mmap_sem;
	uint64_t locked_vm mm_cacheline_aligned; /* atomic: F2 */
	struct mm_atomic_line locked_vm_line;
};

/* Is any of them out of range? */
bool mm_vfio_refuses(const struct mmsim_vfio_params *params);

/* 0 and the container of a buddy's machine, or -ENOMEM; with a message if the host has no room for the tables. */
int mm_vfio_create(struct mm_buddy *b, struct mm_ktask *ktask, struct mm_lockset *locks,
		   const struct mmsim_vfio_params *params, struct mmsim_vfio **out);
void mm_vfio_destroy(struct mmsim_vfio *v);

/* mmsim_vfio_pin() and mmsim_vfio_unpin() of a stretch inside. */
int mm_vfio_pin(struct mmsim_vfio *v, uint64_t first, uint64_t nr, uint32_t flags,
		uint32_t max_threads);
int mm_vfio_unpin(struct mmsim_vfio *v, uint64_t first, uint64_t nr);

/* Of the files of this floor. */

/* A ktask over [first, first + nr), none of which is mapped: all of it pinned, or none. */
int mm_vfio_pin_map(struct mmsim_vfio *v, uint64_t first, uint64_t nr, uint32_t flags,
		    uint32_t max_threads);

/* [first, end), which is mapped, no longer: mapped, accounted, referenced. */
void mm_vfio_unmap_unpin(struct mmsim_vfio *v, uint64_t first, uint64_t end, uint32_t flags);

/* nr pages more, in the way of flags; may wait. 0, or -ENOMEM: they would exceed the limit, nothing changed. */
int mm_vfio_lock_acct(struct mmsim_vfio *v, uint64_t nr, uint32_t flags);

/* nr fewer. */
void mm_vfio_unlock_acct(struct mmsim_vfio *v, uint64_t nr, uint32_t flags);

#endif
