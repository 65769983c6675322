/* SPDX-License-Identifier: MIT */
/*
 * Simulated memory on the host's memory: one reserved range of addresses, mapped piece by piece with
 * the biggest pages the host gives.
 *
 * The ladder is MAP_HUGETLB with 1 GiB, then 2 MiB, then anonymous memory with MADV_HUGEPAGE, then
 * base pages. 1 GiB pages are used for the whole gigabytes inside a piece, the edges go one step
 * down. What was got is counted, and why not better is kept in words.
 *
 *  A1: bytes mapped = sum of the four counts, and never exceeds what was reserved.
 *
 * Locking: none; used while a machine is made. Fault point: MMSIM_FAULT_MMAP at every mapping and
 * every advice. Cost: system calls.
 */
#ifndef MM_PAGE_BACKING_H
#define MM_PAGE_BACKING_H

#include "fault.h"
#include <mmsim/config.h>
#include <mmsim/machine.h>
#include <stdint.h>

#define MM_HUGE_2M (UINT64_C(2) << 20)
#define MM_HUGE_1G (UINT64_C(1) << 30)

struct mm_area {
	char *base; /* 1 GiB-aligned */
	uint64_t bytes; /* reserved */
	void *reservation; /* what to unmap */
	uint64_t reservation_bytes;
	uint32_t no_huge; /* MMSIM_NO_HUGE_… */
	struct mm_fault *fault;
	struct mmsim_backing got;
};

/* Reserve addresses, without memory. 0 or -ENOMEM. */
int mm_page_area_init(struct mm_area *area, uint64_t bytes, uint32_t no_huge,
		      struct mm_fault *fault);

/*
 * Put memory behind [from, to) of the area, byte offsets that are multiples of 2 MiB. It reads as
 * zeros. 0 or -ENOMEM; then part of it may be mapped, mm_page_area_fini() takes it.
 */
int mm_page_area_map(struct mm_area *area, uint64_t from, uint64_t to);

/*
 * Ask for [from, to) to come from a host node; only before it is touched. A host without that node
 * ignores it.
 */
void mm_page_area_bind(struct mm_area *area, uint64_t from, uint64_t to, unsigned node);

/* Touch the base pages of [from, to), for a job's thread function. */
void mm_page_area_touch(struct mm_area *area, uint64_t from, uint64_t to);

void mm_page_area_fini(struct mm_area *area);

#endif
