/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: areas, page tables, faults, fork, and taking it all down again.
 *
 * A struct mmsim_mm is a simulated process's memory: areas (VMAs) in a range of 47 or 56 bits, page tables of
 * four or five levels whose pages come from the machine's page allocator, and pages that come when they are
 * touched: single ones, transparent huge ones, or those of a file (mmsim/filemap.h). An access is made by the
 * simulated CPU that the caller runs on: through its TLB where there is an entry, else by a walk, else by a
 * fault.
 *
 * Models mm/mmap.c, mm/vma.c, mm/memory.c, mm/huge_memory.c, and for taking down mm/mmu_gather.c, which
 * mmsim/teardown.h tells more of. Differences: nothing is reclaimed or swapped; a load of anonymous memory
 * brings a page of its own, there is no zero page; no reverse map of anonymous pages; faults take
 * mmap_lock, there are no locks per VMA; no growing stacks, mlock, mremap or mprotect; entries have the
 * layout of x86-64.
 *
 * A call with a NULL for the address space returns -EINVAL, also where that is not said below, or does
 * nothing.
 *
 * Threads: any number may be at one address space. Areas change under mmap_lock for writing, faults and
 * advice take it for reading. An address space is used only while its machine exists and is booted.
 */
#ifndef MMSIM_MM_H
#define MMSIM_MM_H

#include <mmsim/api.h>
#include <mmsim/filemap.h>
#include <mmsim/gfp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MMSIM_BEGIN_DECLS

struct mmsim_mm;

/** Bytes that a page middle directory entry maps: a transparent huge page. */
#define MMSIM_PMD_SIZE (UINT64_C(1) << 21)

/** The lowest address that is given out, or may be asked for. As vm.mmap_min_addr is set mostly. */
#define MMSIM_MMAP_MIN_ADDR UINT64_C(0x10000)

/** One past the highest address, with four and with five levels. */
#define MMSIM_TASK_SIZE_4 ((UINT64_C(1) << 47) - MMSIM_PAGE_SIZE)
#define MMSIM_TASK_SIZE_5 ((UINT64_C(1) << 56) - MMSIM_PAGE_SIZE)

/** vm.max_map_count. */
#define MMSIM_MAX_MAP_COUNT 65530

/** Where huge pages are tried. Counterpart: /sys/kernel/mm/transparent_hugepage/enabled. */
enum mmsim_thp {
	MMSIM_THP_MADVISE, /* where MMSIM_MADV_HUGEPAGE was given */
	MMSIM_THP_ALWAYS, /* but not where MMSIM_MADV_NOHUGEPAGE was given */
	MMSIM_THP_NEVER,
	MMSIM_NR_THP
};

/** What to make; zero what is not wanted. */
struct mmsim_mm_params {
	uint32_t levels; /* of page tables: 4 or 5; 0: 4 */
	uint32_t thp; /* enum mmsim_thp */
};

/** Rights and flags of an area, for mmsim_mmap(). */
enum {
	MMSIM_PROT_READ = 1 << 0,
	MMSIM_PROT_WRITE = 1 << 1, /* and loads, as x86 has it */
	/* Stores reach the file and other address spaces; anonymous memory cannot be shared. */
	MMSIM_MAP_SHARED = 1 << 2,
	/* Exactly at addr, in place of what is there. */
	MMSIM_MAP_FIXED = 1 << 3,
	/* Exactly at addr, or -EEXIST if anything is there. */
	MMSIM_MAP_FIXED_NOREPLACE = 1 << 4,
	/* Touch all of it before returning, private memory by stores if allowed. A failure is not reported. */
	MMSIM_MAP_POPULATE = 1 << 5,
};

enum mmsim_advice {
	/* The first two say nothing to areas of files. */
	MMSIM_MADV_HUGEPAGE, /* huge pages where they fit */
	MMSIM_MADV_NOHUGEPAGE, /* none */
	MMSIM_MADV_DONTNEED, /* give the pages back, keep the area */
	MMSIM_NR_ADVICE
};

/** Counters of an address space. */
struct mmsim_mm_info {
	uint64_t anon_pages; /* MM_ANONPAGES, pages of 4 KiB */
	uint64_t file_pages; /* MM_FILEPAGES */
	uint64_t table_pages; /* of page tables, the top one included */
	uint64_t map_count; /* areas */
	uint64_t total_vm; /* their pages */
	uint64_t faults; /* handled */
	uint64_t thp_faults; /* of these, with a huge page */
	uint64_t thp_fallbacks; /* a huge page was wanted, and none was to be had */
	uint64_t thp_splits; /* huge entries that became tables */
	uint64_t cow_copies; /* pages copied on a store */
	uint64_t cow_reuses; /* a store found that nobody else has the page */
};

/** An area. */
struct mmsim_area_info {
	uint64_t start, end; /* bytes; end is one past it */
	uint32_t flags; /* MMSIM_PROT_READ, MMSIM_PROT_WRITE, MMSIM_MAP_SHARED */
	bool hugepage, nohugepage; /* advised */
	struct mmsim_file *file; /* NULL: anonymous */
	uint64_t offset; /* in the file: bytes */
};

/** What is at an address. */
struct mmsim_mapping {
	struct mmsim_page *page; /* of exactly this address, not the first one of a huge page */
	uint32_t order; /* of the entry: 0, or 9 for a huge page */
	bool writable, dirty, accessed; /* as the entry says */
};

MMSIM_END_DECLS

#endif
