/* SPDX-License-Identifier: MIT */
/*
 * What a simulated TLB holds, for those who want the law checked: translations, and where tables were found.
 *
 * An access goes
 *	mm_tlb_access_begin(), which enters the context and locks the CPU's TLB;
 *	mm_tlb_lookup(): an entry, or NULL; then a walk, and mm_tlb_fill() with each table and the page
 *	that it found;
 *	the access itself;
 *	mm_tlb_access_end().
 * A shootdown needs the same lock, so an access is before it or after it as a whole: between two
 * instructions, as an interrupt would be. Entries are dropped when their place is needed; that hides
 * violations and makes none. Small on purpose: a table of places by address.
 *
 * Counterpart: the processor's TLB and paging-structure caches (Intel SDM vol. 3, 4.10).
 *
 *  E1: an entry of context c on a CPU says what some walk of c by that CPU found, and since then no flush
 *      of its range has reached the CPU.
 *  E2: held[h] is the number of entries of all CPUs for pages and tables of hash h.
 *  E3: a context that has entries on a CPU has an id there, unless it is one of the kernel's addresses: those
 *      need none, so all their entries can be used at any time.
 *
 * Locking: the CPU's lock, but for held, which is atomic.
 */
#ifndef MM_TLB_CACHE_H
#define MM_TLB_CACHE_H

#include "tlb.h"

enum { MM_TLB_ENTRIES = 256, MM_TLB_HELD = 4096 };

struct mm_tlb_entry {
	uint64_t context; /* id; 0: empty */
	uint64_t start, end; /* bytes: what it translates, or what the table is for */
	uint64_t pfn; /* of the first page, or of the table */
	bool table; /* a paging-structure entry */
	bool write; /* stores are allowed */
	bool dirty; /* the dirty bit in memory is known to be set: stores do not look there */
};

struct mm_tlb_cache {
	struct mm_tlb_entry entry[MM_TLB_ENTRIES];
};

struct mm_tlb_held {
	uint32_t count[MM_TLB_HELD]; /* atomic: E2 */
};

/* The caller's CPU; its TLB is locked. Only if t->checked. */
struct mm_tlb_cpu *mm_tlb_access_begin(struct mm_tlb *t, struct mm_tlb_context *ctx);
void mm_tlb_access_end(struct mm_tlb_cpu *c);

/* The entry that translates addr, or NULL. The caller may set its dirty. */
struct mm_tlb_entry *mm_tlb_lookup(struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx,
				   uint64_t addr);

/* Remember what a walk found. *what is copied; its context is filled in. */
void mm_tlb_fill(struct mm_tlb *t, struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx,
		 const struct mm_tlb_entry *what);

/* Forget what translates addr, and the tables on the way: the CPU took a fault there. */
void mm_tlb_forget(struct mm_tlb *t, struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx,
		   uint64_t addr);

/*
 * Drop what a flush is for: of pages what translates one of its strides, as INVLPG does; all tables of the
 * range. The CPU's lock is held. Counterpart: INVLPG, INVPCID.
 */
void mm_tlb_drop(struct mm_tlb *t, struct mm_tlb_cpu *c, const struct mm_tlb_context *ctx,
		 const struct mm_tlb_flush *what);

/*
 * T3, for nr pages from pfn on that are about to be freed. Nothing if not checked. No CPU's lock is held.
 * Cost: O(nr), and all entries of all CPUs where a count of E2 is not 0.
 */
void mm_tlb_check_page_slow(struct mm_tlb *t, uint64_t pfn, uint64_t nr);
/* The same of a table. */
void mm_tlb_check_table_slow(struct mm_tlb *t, uint64_t pfn);

static inline void mm_tlb_check_page(struct mm_tlb *t, uint64_t pfn, uint64_t nr)
{
	if (mm_unlikely(t->checked))
		mm_tlb_check_page_slow(t, pfn, nr);
}

static inline void mm_tlb_check_table(struct mm_tlb *t, uint64_t pfn)
{
	if (mm_unlikely(t->checked))
		mm_tlb_check_table_slow(t, pfn);
}

#endif
