/* SPDX-License-Identifier: MIT */
/*
 * TLB flushes of several threads that take one address space down together, merged.
 *
 * A shootdown interrupts every CPU that has the address space loaded, whatever its range. So who wants one
 * while another is under way adds his range to what the next one is for; that one is made by one of those
 * who wait for it, the leader, as soon as the first has ended.
 *
 * Counterpart: none. The kernel's threads flush one by one; its batched flush for reclaim
 * (arch_tlbbatch_flush()) merges the flushes of one thread.
 *
 *  M1: a call returns after a flush that began after the call did, and whose range holds the call's.
 *  M2: flushes have numbers. started - ended is 0 or 1: one is under way at a time. What is pending is for
 *      number started + 1, and everybody who waits for that one has added to it.
 *  M3: while something is pending somebody leads, is about to, or a flush is under way, at whose end one of
 *      those who wait is woken to lead.
 *
 * Locking: `lock` (MM_RANK_TLB_MERGE) guards all; not held during a flush. A waiter is parked. Cost: alone,
 * one lock more than mm_tlb_flush().
 */
#ifndef MM_MMAP_FLUSH_GROUP_H
#define MM_MMAP_FLUSH_GROUP_H

#include "tlb.h"

struct mm_flush_group {
	struct mm_tlb *tlb; /* these: constant after init */
	struct mm_tlb_context *ctx;
	struct mm_spinlock lock;
	uint32_t started, ended; /* M2 */
	bool is_pending;
	struct mm_tlb_flush pending; /* the union, if is_pending */
	uint32_t wake[2]; /* parkable: who waits for an even or an odd number looks again */
};

void mm_mmap_flush_group_init(struct mm_flush_group *group, struct mm_lockset *locks,
			      struct mm_tlb *tlb, struct mm_tlb_context *ctx);
/* Nobody flushes. */
void mm_mmap_flush_group_fini(struct mm_flush_group *group);

/*
 * M1. False: another thread's flush was this one's, too. Waits: no spin lock is held.
 * Cost: at most the rest of one flush and a whole one.
 */
bool mm_mmap_flush_group_flush(struct mm_flush_group *group, const struct mm_tlb_flush *what);

#endif
