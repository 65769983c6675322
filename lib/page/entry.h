/* SPDX-License-Identifier: MIT */
/*
 * Entries of page tables: what is in one, how much it covers, how it is read and written.
 *
 * Counterpart: arch/x86/include/asm/pgtable.h, pgtable_types.h. Entries are those of x86-64; protection keys,
 * memory types and no-execute are left out.
 *
 * Locking: an entry is read and written whole; who may write it is its table's affair.
 */
#ifndef MM_PAGE_ENTRY_H
#define MM_PAGE_ENTRY_H

#include "bits.h"
#include <mmsim/page.h>
#include <stdbool.h>
#include <stdint.h>

typedef uint64_t mm_entry;

enum {
	MM_PTE_PRESENT = 1 << 0,
	MM_PTE_WRITE = 1 << 1,
	MM_PTE_USER = 1 << 2,
	MM_PTE_ACCESSED = 1 << 5,
	MM_PTE_DIRTY = 1 << 6,
	MM_PTE_HUGE = 1 << 7, /* PSE, of a PMD */
	MM_PTE_FILE =
		1 << 9, /* a bit that the processor leaves alone: the page is in a file's cache */
};
#define MM_PTE_PFN ((UINT64_C(1) << 52) - MMSIM_PAGE_SIZE)

/* Of an entry that maps a page for an access that was just made. */
enum { MM_PTE_MAPPED = MM_PTE_PRESENT | MM_PTE_USER | MM_PTE_ACCESSED };

enum mm_level {
	MM_LEVEL_PTE,
	MM_LEVEL_PMD,
	MM_LEVEL_PUD,
	MM_LEVEL_P4D,
	MM_LEVEL_PGD,
	MM_NR_LEVELS
};

enum { MM_PTRS_PER_TABLE = 512 };

static inline unsigned mm_level_shift(unsigned level)
{
	return MMSIM_PAGE_SHIFT + 9 * level;
}

/* Bytes that an entry of this level covers. */
static inline uint64_t mm_level_size(unsigned level)
{
	return UINT64_C(1) << mm_level_shift(level);
}

static inline unsigned mm_entry_index(uint64_t addr, unsigned level)
{
	return addr >> mm_level_shift(level) & (MM_PTRS_PER_TABLE - 1);
}

static inline bool mm_entry_present(mm_entry e)
{
	return e & MM_PTE_PRESENT;
}

static inline uint64_t mm_entry_pfn(mm_entry e)
{
	return (e & MM_PTE_PFN) >> MMSIM_PAGE_SHIFT;
}

static inline mm_entry mm_entry_make(uint64_t pfn, mm_entry bits)
{
	return pfn << MMSIM_PAGE_SHIFT | bits;
}

static inline mm_entry mm_entry_read(const mm_entry *e)
{
	return __atomic_load_n(e, __ATOMIC_ACQUIRE);
}

static inline void mm_entry_set(mm_entry *e, mm_entry val)
{
	__atomic_store_n(e, val, __ATOMIC_RELEASE);
}

/*
 * The end of what the entry of this level that covers addr covers, or `end` if that is before. Counterpart:
 * pmd_addr_end().
 */
static inline uint64_t mm_level_end(uint64_t addr, uint64_t end, unsigned level)
{
	return mm_min((addr | (mm_level_size(level) - 1)) + 1, end);
}

#endif
