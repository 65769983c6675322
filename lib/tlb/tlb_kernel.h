/* SPDX-License-Identifier: MIT */
/*
 * Translations of the kernel's addresses, which every CPU has always: no context is loaded for them.
 *
 * Counterpart: flush_tlb_kernel_range() of arch/x86/mm/tlb.c: every CPU is interrupted, flushes page by page
 * up to the ceiling, and all of it above. Differences: a space of addresses has entries of its own, so that
 * several kernels may be in one machine; entries are kept only if the TLBs are checked, and a flush drops no
 * more of them than it must, be it above the ceiling: what relies on more is found.
 *
 *  K1: after mm_tlb_flush_kernel() no CPU has an entry for the range that was there when it began, nor, with
 *      freed_tables, a paging-structure entry of it.
 *  K2: (checked) what is about to be mapped is in no TLB: V2 of vmap.h.
 *
 * A page may be freed before the flush, as vfree() does; a table may not: T3 of tlb.h.
 *
 * Locking: as tlb.h. If the TLBs are not checked a flush takes the lock of the caller's CPU only, for its
 * books. Charges: MM_CHARGE_IPI for all other CPUs of the machine, MM_CHARGE_TLB_FLUSH for pages up to the
 * ceiling.
 */
#ifndef MM_TLB_KERNEL_H
#define MM_TLB_KERNEL_H

#include "tlb_cache.h"

struct mm_tlb_kernel {
	struct mm_tlb *tlb; /* constant after init */
	struct mm_tlb_context ctx; /* never entered: what entries are of */
	uint64_t nr_flushes, nr_full; /* atomic; also in what mm_tlb_info() sums up */
};

void mm_tlb_kernel_init(struct mm_tlb *t, struct mm_tlb_kernel *k);
/* Drops what TLBs have of it. */
void mm_tlb_kernel_fini(struct mm_tlb_kernel *k);

/* K1, [start, end) bytes, whole pages. Waits for all CPUs; no lock of rank TLB is held. Cost: O(CPUs). */
void mm_tlb_flush_kernel(struct mm_tlb_kernel *k, uint64_t start, uint64_t end, bool freed_tables);

/*
 * An access of the caller's CPU, only if t->checked: lock its TLB, look up, or fill with what a walk found,
 * unlock by mm_tlb_access_end().
 */
struct mm_tlb_cpu *mm_tlb_kernel_begin(struct mm_tlb_kernel *k);
struct mm_tlb_entry *mm_tlb_kernel_lookup(struct mm_tlb_kernel *k, struct mm_tlb_cpu *c,
					  uint64_t addr);
void mm_tlb_kernel_fill(struct mm_tlb_kernel *k, struct mm_tlb_cpu *c,
			const struct mm_tlb_entry *what);

/* K2, for [start, end). Nothing if not checked. Stops: "V2: addresses are given out anew after a flush". */
void mm_tlb_check_kernel_slow(struct mm_tlb_kernel *k, uint64_t start, uint64_t end);

static inline void mm_tlb_check_kernel(struct mm_tlb_kernel *k, uint64_t start, uint64_t end)
{
	if (mm_unlikely(k->tlb->checked))
		mm_tlb_check_kernel_slow(k, start, end);
}

#endif
